"""A comparison to read: as text, as a JSON file, and in pictures beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes

from .. import plots
from .comparison import DIRECTIONS, MODELS

_NAMES = {"mean": "mean", "lstm": "LSTM"}
_MOST_CLASSES = 15


def describe(report: Mapping) -> str:
    """A report of `comparison.collect` as some lines of text; figures are in per cent."""
    lines = []
    for part in report["splits"]:
        lines += [f"{report['data']}, {part['split']}", *_split_lines(part)]
    if len(report["splits"]) > 1:
        lines.append(f"average over {len(report['splits'])} splits")
        for name in MODELS:
            there, back = (f"{100 * report['average'][name][d]:.1f}" for d in DIRECTIONS)
            lines.append(f"  {_NAMES[name]}: top-1 {there} %, played backwards {back} %")
    if report["missing"]:
        lines.append(f"note: clips of the data set that were not there: {len(report['missing']):,}")
    lines += [f"note: {note}" for note in report["notes"]]
    best = max(max(p["models"][m]["forwards"]["top1"]) for p in report["splits"] for m in MODELS)
    if report["alarm"] is not None and best > report["alarm"]:
        lines.append(
            f"note: above {100 * report['alarm']:.0f} %. On {report['data']} no published model on "
            "frozen ImageNet features is that good: look for clips of one group on both sides"
        )
    return "\n".join(lines)


def write(report: Mapping, path: Path) -> list[Path]:
    """Write a report as JSON, and three pictures of each split beside it.

    Args:
        report: from `comparison.collect`.
        path: the JSON file, such as "ucf101.json". The pictures are "ucf101-accuracy.png",
            "ucf101-classes.png" and "ucf101-confusions.png"; where there are several splits,
            their names stand in between: "ucf101-split-2-accuracy.png".

    Returns:
        The files written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
    written = [path]
    for part in report["splits"]:
        split = f"-{part['split'].replace(' ', '-')}" if len(report["splits"]) > 1 else ""
        for name, draw in _PICTURES.items():
            written.append(path.with_name(f"{path.stem}{split}-{name}.png"))
            plots.save(draw(part), written[-1])
    return written


def _split_lines(part: Mapping) -> list[str]:
    lines = [
        f"  {part['classes']} classes; {part['train']:,} clips to learn from, "
        f"{part['watched']:,} watched, {part['test']:,} to test in {part['test_groups']:,} groups, "
        f"{len(part['skipped'])} skipped",
        f"  always naming the most frequent class: {100 * part['majority']:.1f} %",
    ]
    for name in MODELS:
        lines += _model_lines(_NAMES[name], part["models"][name], part["classes"])
    lines.append(f"  mean minus LSTM: {_points(part['difference'])}; {_tests(part)}")
    lines += _class_lines(part["per_class"])
    if part["confusions"]:
        pairs = (
            f"{c['true']} taken for {c['predicted']} ({c['mean']} / {c['lstm']})"
            for c in part["confusions"][:5]
        )
        lines.append(f"  most confused (mean / LSTM, first seed): {', '.join(pairs)}")
    return lines + _note_lines(part)


def _note_lines(part: Mapping) -> list[str]:
    """What is to be known before one believes the figures of a split."""
    lines = []
    if not part["watched"]:
        lines.append("  note: too few clips to stop early by; every epoch was run on all of them")
    if part["few_groups"]:
        lines.append(f"  note: {part['few_groups']} to test; take the intervals as a rough guide")
    if part["never_learned"]:
        names = ", ".join(part["never_learned"])
        lines.append(f"  note: no clip to learn from, so never right: {names}")
    if part["never_tested"]:
        lines.append(f"  note: learned, but without a test clip: {', '.join(part['never_tested'])}")
    if part["one_sided"]:
        names = ", ".join(f"{name} ({count})" for name, count in part["one_sided"].items())
        lines.append(
            "  note: classes of too few groups to be learned and tested (number of groups): "
            f"{names}; add clips of other groups, or leave these classes out"
        )
    return lines


def _tests(part: Mapping) -> str:
    """The p-values of the seeds, and where they are several, corrected for that."""
    text = f"McNemar by group: p = {_p_values(part['p_values'])}"
    if len(part["p_values"]) == 1:
        return f"{text} (1 comparison)"
    corrected = _p_values(part["corrected_p_values"])
    return f"{text} ({len(part['p_values'])} comparisons; by Holm: {corrected})"


def _p_values(values: list[float]) -> str:
    return " / ".join(f"{p:.2g}" for p in values)


def _model_lines(name: str, entry: Mapping, num_classes: int) -> list[str]:
    forwards, backwards = entry["forwards"], entry["backwards"]
    top5 = f"top-5 {_runs(forwards['top5'])} %; " if num_classes > 5 else ""
    return [
        f"  {name}: top-1 {_runs(forwards['top1'])} %, on average "
        f"{100 * forwards['average']:.1f} % ({_interval(forwards)}); mean class accuracy "
        f"{_runs(forwards['mean_class_accuracy'])} %; {top5}{entry['parameters']:,} parameters",
        f"  {name} on clips played backwards: top-1 {_runs(backwards['top1'])} %, on average "
        f"{100 * backwards['average']:.1f} %; lost: {_points(entry['drop'])}",
    ]


def _class_lines(rows: list[Mapping]) -> list[str]:
    """How often each model is ahead, and where most."""
    ahead = sum(row["difference"]["average"] > 0 for row in rows)
    behind = sum(row["difference"]["average"] < 0 for row in rows)
    clear = sum(_excludes_zero(row["difference"]["interval"]) for row in rows)
    lines = [
        f"  by class: mean ahead in {ahead}, LSTM in {behind}, equal in "
        f"{len(rows) - ahead - behind}; the interval excludes 0 in {clear} of {len(rows)} "
        "comparisons, where chance alone gives up to one in twenty"
    ]
    ranked = sorted(rows, key=lambda row: row["difference"]["average"])
    for row in (*ranked[:3], *ranked[:-4:-1]) if len(rows) > 5 else ranked:
        lines.append(
            f"    {row['class']}: mean {100 * row['mean']:.1f} %, LSTM {100 * row['lstm']:.1f} % "
            f"of {row['clips']} clips in {row['groups']} groups; difference "
            f"{_points(row['difference'])}"
        )
    return lines


def _excludes_zero(interval: list[float]) -> bool:
    return interval[0] > 0 or interval[1] < 0


def _runs(shares: list[float]) -> str:
    return " / ".join(f"{100 * share:.1f}" for share in shares)


def _points(entry: Mapping) -> str:
    return f"{100 * entry['average']:.1f} points ({_interval(entry)})"


def _interval(entry: Mapping) -> str:
    low, high = entry["interval"]
    return f"95 % interval {100 * low:.1f} to {100 * high:.1f}"


def _ends(entry: Mapping) -> tuple[float, float, float]:
    """A value and both ends of its interval."""
    return entry["average"], *entry["interval"]


def _draw_accuracy(part: Mapping) -> Axes:
    titles = {"forwards": "as filmed", "backwards": "played backwards (dotted: guessing)"}
    panels = {
        titles[direction]: {_NAMES[name]: _ends(part["models"][name][direction]) for name in MODELS}
        for direction in DIRECTIONS
    }
    return plots.accuracy_panels(panels, ceiling=1 / part["classes"])


def _draw_classes(part: Mapping) -> Axes:
    rows = sorted(part["per_class"], key=lambda row: -row["difference"]["average"])
    if len(rows) > 2 * _MOST_CLASSES:
        rows = rows[:_MOST_CLASSES] + rows[-_MOST_CLASSES:]
    return plots.differences(
        {f"{row['class']} ({row['clips']})": _ends(row["difference"]) for row in rows},
        x="recall of the mean minus that of the LSTM (points), 95 % intervals; in brackets: clips",
    )


def _draw_confusions(part: Mapping) -> Axes:
    counts = {
        _NAMES[name]: {f"{c['true']} → {c['predicted']}": c[name] for c in part["confusions"]}
        for name in MODELS
    }
    return plots.grouped_bars(counts, x="test clips (first seed); true class → answer")


_PICTURES = {
    "accuracy": _draw_accuracy,
    "classes": _draw_classes,
    "confusions": _draw_confusions,
}
