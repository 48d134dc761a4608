"""One split of a report in three figures, of any number of models."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from .. import plots
from .training import DIRECTIONS

_MOST_CLASSES = 15
_DIRECTION_TITLES = ("as filmed", "played backwards")


def titles_of(part: Mapping) -> dict[str, str]:
    """Name of each model of a split -> how it is written."""
    return {name: entry["title"] for name, entry in part["models"].items()}


def _ends(entry: Mapping) -> tuple[float, float, float]:
    """A value and both ends of its interval."""
    return entry["average"], *entry["interval"]


def _draw_accuracy(part: Mapping) -> Axes:
    titles, models = titles_of(part), part["models"]
    panels = {
        title: {titles[name]: _ends(entry[direction]) for name, entry in models.items()}
        for direction, title in zip(DIRECTIONS, _DIRECTION_TITLES, strict=True)
        if all(direction in entry for entry in models.values())
    }
    last = list(panels)[-1]
    panels[f"{last} (dotted: guessing)"] = panels.pop(last)
    colours = plots.colours_of(titles.values())
    return plots.accuracy_panels(panels, ceiling=1 / part["classes"], colours=colours)


def _draw_classes(part: Mapping) -> Axes:
    titles, (first, *_) = titles_of(part), part["differences"]
    rows = sorted(part["per_class"], key=lambda row: -row["differences"][first]["average"])
    if len(rows) > 2 * _MOST_CLASSES:
        rows = rows[:_MOST_CLASSES] + rows[-_MOST_CLASSES:]
    baseline = titles[part["baseline"]]
    panels = {
        (baseline, titles[name]): {
            f"{row['class']} ({row['clips']})": _ends(row["differences"][name]) for row in rows
        }
        for name in part["differences"]
    }
    other = f"that of the {titles[first]}" if len(panels) == 1 else "the other's"
    what = f"recall of the {baseline} minus {other} (points), 95 % intervals"
    return plots.differences(panels, x=f"{what}; in brackets: clips")


def _draw_confusions(part: Mapping) -> Axes:
    titles = titles_of(part)
    counts = {
        title: {f"{c['true']} → {c['predicted']}": c["counts"][name] for c in part["confusions"]}
        for name, title in titles.items()
    }
    return plots.grouped_bars(
        counts,
        x="test clips (first seed); true class → answer",
        colours=plots.colours_of(titles.values()),
    )


FIGURES = {
    "accuracy": _draw_accuracy,
    "classes": _draw_classes,
    "confusions": _draw_confusions,
}
