"""A comparison to read: as text, as a JSON file, and in figures beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from .. import plots
from ..outputs import write_whole
from .figures import FIGURES, titles_of
from .training import DIRECTIONS


def describe(report: Mapping) -> str:
    """A report of `comparison.collect` as some lines of text; figures are in per cent."""
    lines = []
    for part in report["splits"]:
        lines += [f"{report['data']}, {part['split']}", *_split_lines(part)]
    if len(report["splits"]) > 1:
        lines.append(f"average over {len(report['splits'])} splits")
        titles = titles_of(report["splits"][0])
        lines += [_average_line(titles[n], entry) for n, entry in report["average"].items()]
    if report["missing"]:
        lines.append(f"note: clips of the data set that were not there: {len(report['missing']):,}")
    lines += [f"note: {note}" for note in report["notes"]]
    models = [entry for part in report["splits"] for entry in part["models"].values()]
    best = max(max(entry["forwards"]["top1"]) for entry in models)
    if report["alarm"] is not None and best > report["alarm"]:
        lines.append(
            f"note: above {100 * report['alarm']:.0f} %. On {report['data']} no published model on "
            "frozen ImageNet features is that good: look for clips of one group on both sides"
        )
    return "\n".join(lines)


def write(report: Mapping, path: Path) -> list[Path]:
    """Write a report as JSON, and three figures of each split, beside its record.

    Args:
        report: from `comparison.report`.
        path: the record, such as "ucf101.json". The report is "ucf101-report.json"; the figures
            are "ucf101-accuracy.png", "ucf101-classes.png" and "ucf101-confusions.png"; where
            there are several splits, their names stand in between: "ucf101-split-2-accuracy.png".

    Returns:
        The files written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [path.with_name(f"{path.stem}-report.json")]
    write_whole(written[0], (json.dumps(report, indent=1) + "\n").encode())
    for part in report["splits"]:
        split = f"-{part['split'].replace(' ', '-')}" if len(report["splits"]) > 1 else ""
        for name, draw in FIGURES.items():
            written.append(path.with_name(f"{path.stem}{split}-{name}.png"))
            plots.save(draw(part), written[-1])
    return written


def _average_line(title: str, entry: Mapping) -> str:
    there, back = (100 * entry[d] if d in entry else None for d in DIRECTIONS)
    played = "" if back is None else f", played backwards {back:.1f} %"
    return f"  {title}: top-1 {there:.1f} %{played}"


def _split_lines(part: Mapping) -> list[str]:
    lines = [
        f"  {part['classes']} classes; {part['train']:,} clips to learn from, "
        f"{part['watched']:,} watched, {part['test']:,} to test in {part['test_groups']:,} groups, "
        f"{len(part['skipped'])} skipped",
        f"  always naming the most frequent class: {100 * part['majority']:.1f} %",
    ]
    for entry in part["models"].values():
        lines += _model_lines(entry, part["classes"])
    titles, baseline = titles_of(part), part["baseline"]
    for name, entry in part["differences"].items():
        gap = f"{titles[baseline]} minus {titles[name]}: {_points(entry['difference'])}"
        lines.append(f"  {gap}; {_tests(entry, part['comparisons'])}")
    for name in part["differences"]:
        pair = {one: titles[one] for one in (baseline, name)}
        lines += _class_lines(part["per_class"], pair)
    if part["confusions"]:
        pairs = (
            f"{c['true']} taken for {c['predicted']} ({' / '.join(map(str, c['counts'].values()))})"
            for c in part["confusions"][:5]
        )
        asked = " / ".join(titles.values())
        lines.append(f"  most confused ({asked}, first seed): {', '.join(pairs)}")
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


def _tests(entry: Mapping, comparisons: int) -> str:
    """The p-values of the seeds, and where more were found than one, corrected for that."""
    text = f"McNemar by group: p = {_p_values(entry['p_values'])}"
    if comparisons == 1:
        return f"{text} (1 comparison)"
    corrected = _p_values(entry["corrected_p_values"])
    return f"{text} ({comparisons} comparisons; by Holm: {corrected})"


def _p_values(values: list[float]) -> str:
    return " / ".join(f"{p:.2g}" for p in values)


def _model_lines(entry: Mapping, num_classes: int) -> list[str]:
    name, forwards = entry["title"], entry["forwards"]
    top5 = f"top-5 {_runs(forwards['top5'])} %; " if num_classes > 5 else ""
    lines = [
        f"  {name}: top-1 {_runs(forwards['top1'])} %, on average "
        f"{100 * forwards['average']:.1f} % ({_interval(forwards)}); mean class accuracy "
        f"{_runs(forwards['mean_class_accuracy'])} %; {top5}{entry['parameters']:,} parameters"
    ]
    if backwards := entry.get("backwards"):
        lines.append(
            f"  {name} on clips played backwards: top-1 {_runs(backwards['top1'])} %, on average "
            f"{100 * backwards['average']:.1f} %; lost: {_points(entry['drop'])}"
        )
    return lines


def _class_lines(rows: list[Mapping], pair: Mapping[str, str]) -> list[str]:
    """How often each of two models (name -> title) is ahead, and where most."""
    (baseline, other), (first, second) = pair, pair.values()
    gaps = [row["differences"][other] for row in rows]
    ahead = sum(gap["average"] > 0 for gap in gaps)
    behind = sum(gap["average"] < 0 for gap in gaps)
    clear = sum(_excludes_zero(gap["interval"]) for gap in gaps)
    lines = [
        f"  by class: {first} ahead in {ahead}, {second} in {behind}, equal in "
        f"{len(rows) - ahead - behind}; the interval excludes 0 in {clear} of {len(rows)} "
        "comparisons, where chance alone gives up to one in twenty"
    ]
    ranked = sorted(rows, key=lambda row: row["differences"][other]["average"])
    for row in (*ranked[:3], *ranked[:-4:-1]) if len(rows) > 5 else ranked:
        there, here = (100 * row["recalls"][name] for name in (baseline, other))
        lines.append(
            f"    {row['class']}: {first} {there:.1f} %, {second} {here:.1f} % "
            f"of {row['clips']} clips in {row['groups']} groups; difference "
            f"{_points(row['differences'][other])}"
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
