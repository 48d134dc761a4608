"""Running an experiment: each run is written as soon as it is done, and made once."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from .. import __version__
from ..data.sequence_set import SequenceSet
from ..outputs import require_writable
from . import records
from .records import Record
from .spec import Spec
from .training import Attempt

_CPU_INFO = Path("/proc/cpuinfo")


def run(
    spec: Spec,
    data: SequenceSet,
    path: str | Path,
    *,
    about: Mapping | None = None,
    device: str = "cpu",
    progress: bool = False,
    tell: Callable[[str], object] = lambda line: None,
) -> Record:
    """Make the runs of an experiment that its record does not hold yet.

    A run that was killed is made again from its beginning, so the record is the same as of an
    experiment that was never stopped, but for the seconds.

    Args:
        spec: the experiment.
        data: its clips, cut as `spec.data` says (`spec.data.open`).
        path: the record's file; where it exists, what is missing is added.
        about: what a reader of the figures must know, see `comparison.report`.
        device: where the models are taught.
        progress: show a progress bar for each run.
        tell: is called with a line about each run.

    Returns:
        The finished record.

    Raises:
        ValueError: if the file is no record, or that of another experiment or of other clips.
    """
    path = require_writable(path)
    record = records.fresh(spec, data, about)
    if found := earlier(spec, path):
        record = _continued(path, found, record)
    models = {model.name: model for model in spec.models}
    for part, name, seed in list(record.missing()):
        attempt = Attempt(models[name], seed, spec.budget, device, progress)
        made = spec.protocol.run(attempt, data, part)
        record.add(part.name, name, seed, made, _here(device))
        record.write(path)
        top1 = made.answers["forwards"].top1
        tell(f"{part.name}, {name}, seed {seed}: top-1 {top1:.1%} in {made.seconds:.1f} s")
    return record


def earlier(spec: Spec, path: Path) -> Record | None:
    """What there is of an experiment in a file; None where there is no file.

    An experiment may have been given more models or seeds since: what is there is kept.

    Raises:
        ValueError: if the file is no record, or that of another experiment.
    """
    if not path.exists():
        return None
    found = records.load(path)
    if found.spec.hash != spec.hash and _has_grown(found.spec, spec):
        found = Record({**found.content, "spec": spec.to_json(), "hash": spec.hash})
    if found.spec.hash != spec.hash:
        raise ValueError(
            f"{path}: is the record of another experiment ({_first_difference(found.spec, spec)}); "
            "move it away, or choose another file"
        )
    return found


def _has_grown(there: Spec, here: Spec) -> bool:
    """Whether an experiment is an earlier one with more models or seeds, those it had unchanged."""
    kept = all(model in here.models for model in there.models) and {*there.seeds} <= {*here.seeds}
    return kept and replace(there, models=here.models, seeds=here.seeds).hash == here.hash


def _first_difference(there: Spec, here: Spec) -> str:
    """The first setting in which two experiments differ, in words."""
    old, new = there.to_json(), here.to_json()
    name = next(name for name in new if old.get(name) != new[name])
    return f"{name} is {old.get(name)} there and {new[name]} here"


def _continued(path: Path, found: Record, wanted: Record) -> Record:
    """The earlier record, to go on with; refused if its clips are others."""
    for name in ("clips", "parts"):
        if found.content[name] != wanted.content[name]:
            raise ValueError(
                f"{path}: is the record of other {name}; move it away, or choose another file"
            )
    found.content["about"] = wanted.content["about"]
    return found


def _here(device: str) -> dict:
    """Versions and machine, without a name that would tell whose it is."""
    return {
        "quest82": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": _processor() if device == "cpu" else torch.cuda.get_device_name(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    """What the maker calls the processor, where the system says."""
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
