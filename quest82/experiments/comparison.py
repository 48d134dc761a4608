"""Models on equal terms: each against a baseline on the same clips, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .. import __version__, learning
from ..data.clip_set import ClipSet
from ..essences.essence_set import EssenceSet
from ..learning import uncertainty
from .differences import average, differences, hits
from .models import MODELS, Model, require_comparable, title_of
from .records import Record
from .training import DIRECTIONS, Attempt, Budget, Run

# Published linear models on frozen ImageNet features reach 73 to 79 % of UCF101 (Simonyan &
# Zisserman 2014, Table 1; github.com/bknyaz/videos). Well above that, look for a leak.
SUSPICIOUS_TOP1 = 0.82


def compare(
    train: EssenceSet,
    test: EssenceSet,
    models: Sequence[Model] = MODELS,
    *,
    baseline: str = "",
    num_seeds: int = 3,
    budget: Budget | None = None,
    device: str = "cpu",
    progress: bool = False,
) -> dict:
    """Train models with several seeds on one split, and test them on the other part.

    Each model is tested twice: on the test clips as they are, and with their essences in reverse
    order, as if played backwards. A fifth of the training groups is watched for early stopping;
    where that would be too few clips, every epoch is run on all of them, and `watched` is 0 (see
    `learning.set_aside`).

    Args:
        train: clips to learn from.
        test: clips of other groups.
        models: at least two, of different names.
        baseline: name of the model that the others are compared with; else the first.
        num_seeds: how often, with other initial weights and another order of the clips.
        budget: how each model is taught; the defaults where None.
        device: where the models are trained.
        progress: show a progress bar.

    Returns:
        A report of plain numbers and strings, ready for JSON. An "average" is over clips and
        seeds, from 0 to 1 (a difference: from -1 to 1); beside it stands the 95 % "interval" for
        other groups (`uncertainty.accuracy_interval`, `.difference_interval`).

        - `extraction`: how the essences were made; `skipped`: id and reason of unreadable clips;
        - `classes`; `train`, `watched`, `test`: counts of clips; `test_groups`, and `few_groups`,
          a remark where they are few; `majority`: the share of the test's most frequent class;
          `never_learned`: classes with test clips and no training clip; `never_tested`: the
          reverse; `one_sided`: classes of too few groups to be on both sides, with their number;
        - `models`, by name: `title`, `parameters`; `forwards` and `backwards`, each with
          `top1`, `top5` and `mean_class_accuracy` per seed, and the average top-1;
          `drop`: the average of forwards minus backwards. A protocol that asks nothing backwards
          has neither;
        - `baseline`: its name; `comparisons`: how many tests were made, of each other model with
          each seed; `differences`, by the name of the other model: `difference`, the average of
          the baseline minus that model; `p_values` of McNemar's test by group, per seed, both
          forwards; `corrected_p_values`, for so many comparisons (Holm);
        - `per_class`: for each class with test clips its number of clips and groups, the average
          `recalls` of the models, and the `differences`, baseline minus each other model;
        - `confusions`: the most frequent wrong answers, with the `counts` of each model (first
          seed).

    Raises:
        ValueError: if a group is on both sides, a side is empty, num_seeds is below 1, or the
            models cannot be compared.
    """
    if num_seeds < 1:
        raise ValueError(f"num_seeds ({num_seeds}) must be at least 1")
    learning.require_apart(train, test, name="test")
    learned, watched = learning.set_aside(train)
    runs: dict[str, list[Run]] = {}
    for model in require_comparable(models):
        for seed in range(num_seeds):
            attempt = Attempt(model, seed, budget or Budget(), device, progress)
            seen = attempt.seen
            run = attempt.teach(seen(learned), seen(watched) if watched else None, seen(test))
            runs.setdefault(model.name, []).append(run)
    extraction = {"extraction": dict(train.settings), "skipped": list(map(list, train.skipped))}
    watched = watched or train.subset([])
    return extraction | part_report(runs, train, watched, test, baseline=baseline)


def report(record: Record, *, baseline: str = "") -> dict:
    """The report of a record: every figure computed from the answers that it holds.

    Args:
        record: of a finished experiment. Its `about` may have a `title`, which is what the clips
            are called, `notes`, `missing` and `alarm` (see `collect`).
        baseline: as in `compare`.

    Returns:
        A report of `collect`; each split is one of `compare`.
    """
    clips, found = record.clips, record.content["clips"]
    splits = {}
    for part in record.parts:
        runs = {name: list(by_seed.values()) for name, by_seed in record.runs(part.name).items()}
        sides = map(clips.subset, (part.train, part.watched, part.test))
        splits[part.name] = {name: found[name] for name in ("extraction", "skipped")}
        splits[part.name] |= part_report(runs, *sides, baseline=baseline)
    about = {"title": record.spec.name, **record.content["about"]}
    return collect(about.pop("title"), splits, **about)


def part_report(
    runs: Mapping[str, Sequence[Run]],
    train: ClipSet,
    watched: ClipSet,
    test: ClipSet,
    *,
    baseline: str = "",
) -> dict:
    """The figures of one split: see `compare`.

    Args:
        runs: name of the model -> what it answered about the test clips, one run for each seed.
        train: all that were not tested.
        watched: those of them that said when to stop.
        test: clips that were asked about.
        baseline: name of the model that the others are compared with; else the first.

    Raises:
        ValueError: if there is no model of that name.
    """
    baseline = baseline or next(iter(runs))
    if baseline not in runs:
        raise ValueError(f"baseline ({baseline!r}) must be one of {', '.join(runs)}")
    learned = train.subset(~np.isin(train.clip_ids, watched.clip_ids))
    taught, asked = _classes_in(learned), _classes_in(test)
    first = runs[baseline][0].answers["forwards"]
    return {
        "classes": len(test.classes),
        "train": len(learned),
        "watched": len(watched),
        "test": len(test),
        "test_groups": len(set(test.groups)),
        "few_groups": uncertainty.few_groups(test.groups),
        "majority": first.majority,
        "never_learned": sorted(asked - taught),
        "never_tested": sorted(taught - asked),
        "one_sided": learning.one_sided(train, test),
        "models": {name: _model_report(name, own, test) for name, own in runs.items()},
        **differences(runs, baseline, test),
    }


def collect(
    data: str,
    splits: Mapping[str, Mapping],
    *,
    notes: Sequence[str] = (),
    missing: Sequence[str] = (),
    alarm: float | None = None,
) -> dict:
    """One report from those of several splits.

    Args:
        data: what the clips are called, such as "UCF101".
        splits: name of the split -> report of `compare`, all of the same models.
        notes: sentences that a reader of the figures must know.
        missing: names of the clips that should have been there.
        alarm: top-1 above which to suspect that clips of one group are on both sides.

    Returns:
        A report of plain numbers and strings: what was given; `splits`, a list of the reports,
        each with its name as `split`; and `average`, over the splits: for each model the average
        top-1 `forwards` and `backwards`.
    """
    models = [part["models"] for part in splits.values()]
    averages = {
        name: {
            direction: float(np.mean([entry[name][direction]["average"] for entry in models]))
            for direction in DIRECTIONS
            if direction in models[0][name]
        }
        for name in models[0]
    }
    return {
        "quest82": __version__,
        "data": data,
        "notes": list(notes),
        "missing": list(missing),
        "alarm": alarm,
        "splits": [{"split": name, **part} for name, part in splits.items()],
        "average": averages,
    }


def _classes_in(clips: ClipSet) -> set[str]:
    return {clips.classes[label] for label in clips.labels}


def _model_report(name: str, runs: Sequence[Run], test: ClipSet) -> dict:
    """One model: its figures in each direction, and what playing backwards costs."""
    answers = {d: [run.answers[d] for run in runs] for d in runs[0].answers}
    entry = {"title": title_of(name), "parameters": runs[0].parameters}
    for direction, found in answers.items():
        entry[direction] = {
            "top1": [one.top1 for one in found],
            "top5": [one.top5 for one in found],
            "mean_class_accuracy": [one.mean_class_accuracy for one in found],
            **average(hits(found), test.groups, uncertainty.accuracy_interval),
        }
    if "backwards" in answers:
        lost = hits(answers["forwards"]) - hits(answers["backwards"])
        entry["drop"] = average(lost, test.groups, uncertainty.difference_interval)
    return entry
