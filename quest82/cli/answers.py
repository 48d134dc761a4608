"""What models answered on labelled clips: as a table, as a report for programs, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .file_options import ReportOptions

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ..data.clip_set import ClipSet
    from ..learning import Evaluation

_FIGURES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Answers:
    """The answers of one model to the clips of a set.

    Attributes:
        model: its name.
        seed: of its training, where it was trained for this.
        result: what it answered, and how good that is.
        data: the clips.
        probabilities: (N, K), calibrated where the model is.
    """

    model: str
    seed: int | None
    result: Evaluation
    data: ClipSet
    probabilities: Tensor


def write_answers(answers: Sequence[Answers], wanted: ReportOptions) -> None:
    """Write the files that are wanted, and name them."""
    if wanted.csv:
        _write_table(answers, wanted)
    if wanted.json:
        from .writing import write_json

        write_json(wanted.json, {"results": [_report(part) for part in answers]})
    if wanted.plot:
        _draw(answers, wanted.plot)
    for path in wanted.paths:
        typer.echo(f"{path} written")


def _draw(answers: Sequence[Answers], path: Path) -> None:
    """The confusions of each model, over all of its seeds."""
    from .. import plots

    counts: dict[str, np.ndarray] = {}
    for part in answers:
        counts[part.model] = counts.get(part.model, 0) + part.result.confusion.numpy()
    plots.save(plots.confusions(counts, answers[0].data.classes), path)


def tell_classes(part: Answers) -> None:
    """Precision, recall and F1 of each class, as a table; a dash where one is not defined."""
    figures = _class_figures(part)
    wide = max(map(len, figures))
    typer.echo(f"{'':{wide}}  precision  recall      F1  clips")
    for name, told in figures.items():
        shown = ["-" if told[key] is None else f"{told[key]:.1%}" for key in _FIGURES]
        precision, recall, f1 = shown
        typer.echo(f"{name:{wide}}  {precision:>9}  {recall:>6}  {f1:>6}  {told['clips']:>5}")


def _write_table(answers: Sequence[Answers], wanted: ReportOptions) -> None:
    from .writing import Table, probability_columns, probability_row

    classes = answers[0].data.classes
    columns = ["model", "seed", "clip", "group", "label", "answer", "right"]
    with Table(wanted.csv, [*columns, *probability_columns(classes)]) as table:
        for part in answers:
            about = {"model": part.model, "seed": "" if part.seed is None else part.seed}
            for row, probabilities in zip(_rows(part), part.probabilities.tolist(), strict=True):
                table.add(about | row | probability_row(classes, probabilities))


def _rows(part: Answers) -> list[dict]:
    """Each clip with its label and the answer."""
    data, result = part.data, part.result
    return [
        {
            "clip": clip,
            "group": group,
            "label": data.classes[label],
            "answer": data.classes[answer],
            "right": label == answer,
        }
        for clip, group, label, answer in zip(
            data.clip_ids,
            data.groups,
            data.labels.tolist(),
            result.predictions.tolist(),
            strict=True,
        )
    ]


def _report(part: Answers) -> dict:
    """All figures of a model, with each of its answers."""
    from ..learning.uncertainty import accuracy_interval

    data, result = part.data, part.result
    answers = [
        row | {"probabilities": probabilities}
        for row, probabilities in zip(_rows(part), part.probabilities.tolist(), strict=True)
    ]
    return {
        "model": part.model,
        "seed": part.seed,
        "clips": len(data),
        "groups": len(set(data.groups)),
        "top1": result.top1,
        "interval": list(accuracy_interval(result.correct, data.groups)),
        "top5": result.top5,
        "mean_class_accuracy": result.mean_class_accuracy,
        "majority": result.majority,
        "loss": result.loss,
        "classes": _class_figures(part),
        "confusion": result.confusion.tolist(),
        "answers": answers,
    }


def _class_figures(part: Answers) -> dict[str, dict]:
    from ..learning.evaluation import class_figures

    found = class_figures(part.data.labels, part.result.predictions, len(part.data.classes))
    return dict(zip(part.data.classes, found, strict=True))
