"""Figures of results: accuracies with intervals, curves, bars, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .style import (
    COLOURS,
    OTHERS,
    PER_ROW,
    TEXT_POINTS,
    colour_of,
    colours_of,
    in_lines,
    interval_dot,
    label_rows,
    legend_above,
    name_rows,
    panels_of,
)

_MOST_DOTS = 20  # on a line; more would hide it


def accuracy_panels(
    panels: Mapping[str, Mapping[str, tuple[float, float, float]]],
    *,
    ceiling: float | Sequence[float] | Mapping[str, float],
    colours: Mapping[str, str] = COLOURS,
    columns: int = PER_ROW,
) -> Axes:
    """Accuracies as dots with their intervals, one panel per experiment.

    Args:
        panels: title -> name of the model -> (accuracy, lower end, upper end), in [0, 1].
        ceiling: a dotted line or several, such as the best that an order-blind model can reach;
            or title -> its line, in the panels that have one.
        colours: of the models, by name or by its lower case; grey where there is none.
        columns: panels in a row; more than two only if all have the same models, named once.
    """
    rows = max(len(results) for results in panels.values())
    figure, axes = panels_of(len(panels), 0.4 * rows + 0.9, columns=columns)
    for axis, (title, results) in zip(axes, panels.items(), strict=True):
        here = ceiling.get(title, ()) if isinstance(ceiling, Mapping) else ceiling
        for level in np.atleast_1d(here):
            axis.axvline(100 * level, color=COLOURS["ink"], lw=1, ls=":")
        for row, (name, ends) in enumerate(results.items()):
            interval_dot(axis, row, [100 * end for end in ends], colour_of(name, colours))
        axis.set(
            xlim=(0, 104),
            ylim=(rows - 0.5, -0.9),
            xlabel="accuracy (%)" if columns <= PER_ROW else "",
            title=in_lines(title, len(axes)),
        )
        name_rows(axis, results)
        if columns > PER_ROW:
            axis.set_xticks([0, 50, 100])
            figure.supxlabel("accuracy (%)", fontsize=TEXT_POINTS)
    return axes[0]


def curves(
    panels: Mapping[str, Mapping[str, Sequence]],
    *,
    x: str,
    y: str,
    log: str = "",
    level: float | Mapping[str, float] | None = None,
    sharey: bool = True,
) -> Axes:
    """Lines, with dots where these are few, one panel per experiment, all with the same axes.

    Args:
        panels: title (empty for none) -> name of the line -> its (xs, ys) or (xs, ys, lows, highs),
            of which the last two become a band.
        x: what the axis shows, with its unit.
        y: likewise.
        log: "x", "y" or "xy" for logarithmic axes; ticks on a logarithmic x stand at the data.
        level: a dotted line across, such as chance; or title -> its line.
        sharey: False for panels of different units, which their titles then say.
    """
    figure, axes = panels_of(len(panels), 2.6, sharey=sharey)
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        others = iter(OTHERS * 3)
        for name, (xs, ys, *band) in lines.items():
            colour = COLOURS.get(name.lower()) or next(others)
            dots = "o" if len(xs) <= _MOST_DOTS else ""
            axis.plot(xs, ys, "-", marker=dots, ms=4, lw=1.8, color=colour, label=name)
            if band:
                axis.fill_between(xs, *band, color=colour, alpha=0.18, lw=0)
        across = level.get(title) if isinstance(level, Mapping) else level
        if across is not None:
            axis.axhline(across, color=COLOURS["ink"], lw=1, ls=":")
        if "x" in log:
            axis.set_xscale("log")
            axis.set_xticks(list(xs), [f"{tick:g}" for tick in xs])
            axis.minorticks_off()
        elif np.asarray(xs).dtype.kind == "i":  # no half frame, no half epoch
            axis.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
        if "y" in log:
            axis.set_yscale("log")
        axis.set(title=in_lines(title, len(axes)), xlabel=in_lines(x, len(axes)))
    label_rows(axes, y)
    shown: dict[str, Artist] = {}
    for axis in axes:
        handles, names = axis.get_legend_handles_labels()
        shown |= dict(zip(names, handles, strict=True))
    if len(shown) > 1:
        figure.legend(
            list(shown.values()),
            list(shown),
            loc="outside upper center",
            ncols=2 if len(shown) == 4 else 3,
        )
    return axes[0]


def costs(panels: Mapping[str, Mapping[float, float]], *, y: str) -> Axes:
    """What a quantity costs as something grows: dots, one panel for each thing that grows.

    The line is the straight one that fits best, so that the eye can judge whether cost is linear.

    Args:
        panels: what grows, with its unit -> amount -> cost.
        y: what the cost is, with its unit.
    """
    _, axes = panels_of(len(panels), 2.4)
    for axis, (x, values) in zip(axes, panels.items(), strict=True):
        xs, ys = list(values), list(values.values())
        axis.plot(xs, np.polyval(np.polyfit(xs, ys, 1), xs), lw=1, color=COLOURS["control"])
        axis.plot(xs, ys, "o", ms=5, color=COLOURS["ink"])
        axis.set_xlabel(x)
    axes[0].set_ylim(0, None)  # which all share, once the highest dot is drawn
    label_rows(axes, y)
    return axes[0]


def bars(
    panels: Mapping[str, Mapping[str, float]],
    *,
    x: str,
    form: str = "{:.0f}",
    one_scale: bool = False,
    levels: Mapping[str, Sequence[float]] | None = None,
) -> Axes:
    """Horizontal bars with their values beside them, one panel per quantity.

    Args:
        panels: title (empty for none) -> name of the bar -> its length.
        x: what the lengths are, with their unit.
        form: how a value is printed.
        one_scale: bars of all panels can be compared.
        levels: title -> where dotted lines stand, such as ceilings.
    """
    rows = max(len(values) for values in panels.values())
    _, axes = panels_of(len(panels), 0.3 * rows + 0.9)
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        colours = [COLOURS.get(name.lower(), COLOURS["control"]) for name in values]
        drawn = axis.barh(range(len(values)), list(values.values()), 0.65, color=colours)
        axis.bar_label(drawn, [form.format(v) for v in values.values()], padding=3)
        name_rows(axis, values)
        axis.set(title=in_lines(title, len(axes)), xlabel=x, ylim=(rows - 0.4, -0.6))
        axis.margins(x=0.25)
        if "%" in x and 60 < max(values.values()) <= 100:
            axis.set_xticks([0, 50, 100])  # not beyond what there can be
        for level in (levels or {}).get(title, ()):
            axis.axvline(level, color=COLOURS["ink"], lw=1, ls=":")
    if one_scale:
        longest = max(axis.get_xlim()[1] for axis in axes)
        for axis in axes:
            axis.set(xlim=(0, longest), xticks=axes[0].get_xticks())
    return axes[0]


def differences(
    panels: Mapping[tuple[str, str], Mapping[str, tuple[float, float, float]]], *, x: str
) -> Axes:
    """One model minus another as bars with their intervals, in the colour of the one ahead.

    Args:
        panels: names of two models -> name of the row -> (difference, lower end, upper end) of
            the first minus the second, in [-1, 1]; all panels have the same rows.
        x: what the differences are, with their unit.
    """
    rows = next(iter(panels.values()))
    figure, axes = panels_of(len(panels), 0.24 * len(rows) + 1.1)
    colours = colours_of(name for pair in panels for name in pair)
    for axis, (pair, values) in zip(axes, panels.items(), strict=True):
        for row, ends in enumerate(values.values()):
            value, low, high = (100 * end for end in ends)
            ahead = pair[0] if value >= 0 else pair[1]
            axis.barh(row, value, 0.65, color=colours[ahead])
            axis.plot([low, high], [row, row], lw=1, color=COLOURS["ink"])
        for name in pair:
            axis.barh(0, 0, color=colours[name], label=f"{name} ahead")
        axis.axvline(0, color=COLOURS["ink"], lw=0.8)
        name_rows(axis, values)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        legend_above(axis, columns=2 if len(panels) == 1 else 1)
    figure.supxlabel(in_lines(x, 1), fontsize=TEXT_POINTS)
    return axes[0]
