"""What an experiment is: which clips, which models, how they are taught and tested."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .grounds import Ground, ground_from_json, ground_to_json, with_tuples
from .models import MODELS, Model, require_comparable
from .protocols import KINDS, LeaveOut, Protocol
from .training import Budget


@dataclass(frozen=True)
class Spec:
    """An experiment as it is declared; equal ones have equal hashes, on every machine.

    Attributes:
        name: of the experiment, and of its record.
        data: which clips.
        models: two or more; the first is the one that the others are compared with.
        seeds: of the initial weights, the order of the clips and what is shuffled.
        budget: how each model is taught.
        protocol: which clips are tested by models that learned from which others.

    Raises:
        ValueError: if models cannot be compared, or there is no seed or one occurs twice.
    """

    name: str
    data: Ground
    models: tuple[Model, ...] = MODELS
    seeds: tuple[int, ...] = (0, 1, 2)
    budget: Budget = field(default_factory=Budget)
    protocol: Protocol = field(default_factory=LeaveOut)

    def __post_init__(self) -> None:
        require_comparable(self.models)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {self.seeds} must be at least one, and differ")

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON: sorted keys, no blanks."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict:
        """Plain numbers, strings, lists and dictionaries; `from_json` makes an equal one.

        What is None or empty is left out, but for the options of systems: a setting that comes
        later, and is None where it is not used, changes no earlier hash.
        """
        kind = {kind: name for name, kind in KINDS.items()}[type(self.protocol)]
        content = {**asdict(self), "protocol": {"kind": kind, **asdict(self.protocol)}}
        content["data"] = ground_to_json(self.data, content["data"])
        return _without_empty(json.loads(json.dumps(content)))

    @classmethod
    def from_json(cls, content: dict) -> Spec:
        """An equal experiment, from what `to_json` gave.

        Raises:
            TypeError, KeyError: if something is missing or unknown.
        """
        protocol = dict(content["protocol"])
        return cls(
            name=content["name"],
            data=ground_from_json(content["data"]),
            models=tuple(Model(**model) for model in content["models"]),
            seeds=tuple(content["seeds"]),
            budget=Budget(**content["budget"]),
            protocol=KINDS[protocol.pop("kind")](**with_tuples(protocol)),
        )

    def tiny(self) -> Spec:
        """The same experiment in seconds: a few clips of a class, one epoch, one seed."""
        return replace(
            self,
            data=self.data.tiny(),
            seeds=self.seeds[:1],
            budget=replace(self.budget, epochs=1),
        )


def _without_empty(content: Any) -> Any:
    if isinstance(content, list):
        return [_without_empty(value) for value in content]
    if not isinstance(content, dict):
        return content
    kept = {name: v for name, v in content.items() if v not in (None, "", [], {})}
    # Options of a system stay as they are: there an empty list says something.
    return {name: v if name == "options" else _without_empty(v) for name, v in kept.items()}
