"""What an experiment left behind: every answer, with all that is needed to judge it again.

A record is a JSON file. `spec` and `hash` say what was asked for, `made_with` which versions on
which machines, `clips` the labels, groups and ids of the N clips, `parts` which of them (by row)
learned, were watched and were tested. `runs` has one entry for each part, model and seed, with its
seconds and, for each direction, the logits of the test clips: a base64 of little-endian numbers of
half precision, in which the first five classes of every clip are those of the full numbers. (Where
half precision cannot hold that, as beyond its range, single is taken.)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import learning
from ..data.clip_set import ClipSet
from ..data.sequence_set import SequenceSet
from ..learning.evaluation import judge
from ..outputs import write_whole
from .protocols import Part
from .spec import Spec
from .training import Run

_FORMAT = "quest82-record/1"
_NUMBERS = {"float16": "<f2", "float32": "<f4"}


@dataclass
class Record:
    """A record in memory; `content` is what its file holds.

    Raises:
        ValueError: if it is of another format, or its hash is not that of its spec.
    """

    content: dict

    def __post_init__(self) -> None:
        if self.content.get("format") != _FORMAT:
            raise ValueError(f"its format is {self.content.get('format')!r}, not {_FORMAT!r}")
        self.spec = Spec.from_json(self.content["spec"])
        if self.spec.hash != self.content["hash"]:
            raise ValueError("its hash is not that of its spec: one of them was changed by hand")

    @property
    def clips(self) -> ClipSet:
        """Labels, groups, ids and classes of all clips, and their split if it was given."""
        about = self.content["clips"]
        names = [field.name for field in fields(ClipSet)]
        return ClipSet(**{name: about[name] for name in names if name in about})

    @property
    def parts(self) -> list[Part]:
        """Who learned and who was tested."""
        return [
            Part(part["name"], *(_long(part[side]) for side in ("train", "watched", "test")))
            for part in self.content["parts"]
        ]

    def tested(self, part: str | None = None) -> ClipSet:
        """The test clips of a part, in the order of the answers; None: of the only part."""
        (rows,) = (found.test for found in self.parts if part in (None, found.name))
        return self.clips.subset(rows)

    def runs(self, part: str | None = None) -> dict[str, dict[int, Run]]:
        """Name of the model -> seed -> what it answered about `tested(part)`, judged anew.

        Models come in the order of the experiment, seeds in theirs, in whatever order the runs
        were made: an experiment may have grown.

        Args:
            part: name of the part; None: the only one.
        """
        test = self.tested(part)
        found: dict[str, dict[int, Run]] = {}
        place = {model.name: number for number, model in enumerate(self.spec.models)}
        made = sorted(self.content["runs"], key=lambda run: (place[run["model"]], run["seed"]))
        for run in made:
            if part in (None, run["part"]):
                answers = {
                    direction: judge(_decode(logits), test.labels)
                    for direction, logits in run["logits"].items()
                }
                entry = Run(answers, run["parameters"], run["seconds"])
                found.setdefault(run["model"], {})[run["seed"]] = entry
        return found

    def evaluations(self, part: str | None = None) -> dict[str, dict[int, learning.Evaluation]]:
        """Name of the model -> seed -> its evaluation on the clips as they were filmed."""
        return {
            name: {seed: run.answers["forwards"] for seed, run in runs.items()}
            for name, runs in self.runs(part).items()
        }

    def missing(self) -> Iterator[tuple[Part, str, int]]:
        """The runs that are still to be made: part, name of the model, seed."""
        done = {(run["part"], run["model"], run["seed"]) for run in self.content["runs"]}
        for part in self.parts:
            for seed in self.spec.seeds:  # a seed of all models is worth more than all of one
                for model in self.spec.models:
                    if (part.name, model.name, seed) not in done:
                        yield part, model.name, seed

    def add(self, part: str, model: str, seed: int, run: Run, made_with: Mapping) -> None:
        """Note what was answered, and by which versions on which machine."""
        makers = self.content["made_with"]
        if made_with not in makers:
            makers.append(dict(made_with))
        self.content["runs"].append(
            {
                "part": part,
                "model": model,
                "seed": seed,
                "made_with": makers.index(made_with),
                "seconds": round(run.seconds, 2),
                "parameters": run.parameters,
                "logits": {d: _encode(answer) for d, answer in run.answers.items()},
            }
        )

    def write(self, path: Path) -> None:
        """Write the file as a whole, or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _text(self.content).encode())


def fresh(spec: Spec, data: SequenceSet, about: Mapping | None = None) -> Record:
    """A record without any run yet.

    Args:
        spec: the experiment.
        data: its clips, cut as `spec.data` says.
        about: what a reader of the figures must know, see `comparison.report`.
    """
    clips: dict[str, object] = {name: list(held) for name, held in data.names.items()}
    clips["labels"] = data.labels.tolist()
    clips |= {"extraction": dict(data.settings), "skipped": data.skipped}
    parts = [
        {"name": part.name, **{side: getattr(part, side).tolist() for side in part._fields[1:]}}
        for part in spec.protocol.parts(data)
    ]
    content = {"format": _FORMAT, "hash": spec.hash, "spec": spec.to_json(), "about": about or {}}
    content |= {"made_with": [], "clips": clips, "parts": parts, "runs": []}
    return Record(json.loads(json.dumps(content)))


def load(path: str | Path) -> Record:
    """The record in a file.

    Raises:
        ValueError: if the file is missing or is no record.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such record; make it with `quest82 experiment run`")
    try:
        return Record(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: not a record of quest82 ({error}); delete it, or choose another file"
        ) from error


def _encode(answer: learning.Evaluation) -> dict:
    """Logits as text; half the length where the first five places can be kept."""
    half = _untied(answer.logits)
    same = torch.equal(_first_five(half.float()), _first_five(answer.logits))
    number, logits = ("float16", half) if same else ("float32", answer.logits.float())
    array = logits.numpy().astype(_NUMBERS[number])
    text = base64.b64encode(array.tobytes()).decode()
    return {"number": number, "shape": list(array.shape), "base64": text}


def _untied(logits: Tensor) -> Tensor:
    """Logits (N, K) in half precision, those that became equal set apart by its smallest step.

    Rounding keeps the order, but makes ties, which are broken by the number of the class. Where
    that changes the first five places, each is raised above the next.
    """
    half, first = logits.half(), _first_five(logits)
    rows = (_first_five(half.float()) != first).any(dim=1)
    order = logits[rows].argsort(dim=1, descending=True, stable=True)
    ranked = half[rows].gather(1, order).numpy()
    for place in reversed(range(min(5, ranked.shape[1] - 1))):
        above = np.nextafter(ranked[:, place + 1], np.float16(np.inf))
        ranked[:, place] = np.maximum(ranked[:, place], above)
    half[rows] = half[rows].scatter(1, order, torch.from_numpy(ranked))
    return half


def _decode(entry: Mapping) -> Tensor:
    """Logits (N, K) in single precision."""
    flat = np.frombuffer(base64.b64decode(entry["base64"]), _NUMBERS[entry["number"]])
    return torch.from_numpy(flat.reshape(entry["shape"]).astype("float32"))


def _first_five(logits: Tensor) -> Tensor:
    return logits.argsort(dim=1, descending=True, stable=True)[:, :5]


def _long(rows: list[int]) -> Tensor:
    return torch.tensor(rows, dtype=torch.long)


def _text(content: Mapping) -> str:
    """JSON of one line for each entry of the lists that are long, so that changes can be read."""
    lines = []
    for name, value in content.items():
        if name in ("made_with", "parts", "runs"):
            entries = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in value)
            lines.append(f' "{name}": [\n{entries}\n ]')
        else:
            lines.append(f' "{name}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"
