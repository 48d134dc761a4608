"""Many systems at once: what each tells, against what it costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from .style import COLOURS, PALETTE, empty, in_lines, label_rows, name_rows, panels_of, single

_MARKERS = "osD^"


class Dot(NamedTuple):
    """One system in one panel.

    Attributes:
        cost: multiply-adds for one clip.
        share: what it gets right, in [0, 1].
        low: lower end of the interval.
        high: upper end.
    """

    cost: float
    share: float
    low: float
    high: float


def cost_panels(
    panels: Mapping[str, Mapping[str, Dot]],
    families: Mapping[str, str],
    *,
    chance: float = 0.5,
) -> Axes:
    """Accuracy against multiply-adds: a dot with its interval for each system, a panel per kind.

    Args:
        panels: title -> name of the system -> its dot.
        families: name of the system -> what its sign stands for, in the legend's order.
        chance: a dotted line.
    """
    signs = _signs(families, [name for dots in panels.values() for name in dots])
    figure, axes = panels_of(len(panels), 2.1)
    for axis, (title, dots) in zip(axes, panels.items(), strict=True):
        axis.axhline(100 * chance, color=COLOURS["ink"], lw=1, ls=":")
        for name, dot in dots.items():
            _draw(axis, dot, signs[families[name]])
        axis.set(
            xscale="log",
            ylim=(30, 104),
            title=in_lines(title, len(axes)),
            xlabel="multiply-adds (million)",
        )
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
    label_rows(axes, "directions (%)")
    marks = [
        Line2D([], [], marker=marker, ls="", color=colour, label=family)
        for family, (colour, marker) in signs.items()
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=3)
    return axes[0]


def named_costs(
    dots: Mapping[str, Dot], families: Mapping[str, str], *, chance: float = 0.5
) -> Axes:
    """The same in one panel, in rows: a name, its interval, and its cost written beside it.

    Args:
        dots: name of the system -> its dot; the rows are in order of accuracy.
        families: as in `cost_panels`.
        chance: a dotted line.
    """
    names = sorted(dots, key=lambda name: dots[name].share)
    _, axis = single(0.26 * len(names) + 0.8)
    signs = _signs(families, dots)
    axis.axvline(100 * chance, color=COLOURS["ink"], lw=1, ls=":")
    for row, name in enumerate(names):
        dot, (colour, marker) = dots[name], signs[families[name]]
        axis.plot([100 * dot.low, 100 * dot.high], [row, row], lw=2.5, color=colour)
        axis.plot(100 * dot.share, row, marker, ms=6, color=colour)
        axis.text(104, row, f"{dot.cost:.0f} M", va="center")
    name_rows(axis, [name.replace("_", " ") for name in names])
    axis.set(xlim=(40, 102), ylim=(-0.7, len(names) - 0.3), xlabel="directions (%)")
    return axis


def two_grounds(
    points: Mapping[str, tuple[float, float]],
    families: Mapping[str, str],
    *,
    x: str,
    y: str,
    chance: float = 0.5,
) -> Axes:
    """A named dot for each system: what it gets right on one ground, against another.

    Args:
        points: name of the system -> its shares on both, in [0, 1].
        families: as in `cost_panels`.
        x: the first ground.
        y: the second.
        chance: dotted lines.
    """
    figure = empty(5.6)
    axis = figure.add_subplot()
    signs = _signs(families, points)
    axis.axvline(100 * chance, color=COLOURS["ink"], lw=1, ls=":")
    axis.axhline(100 * chance, color=COLOURS["ink"], lw=1, ls=":")
    ranked = sorted(points, key=lambda name: points[name][1])
    heights = _apart([100 * points[name][1] for name in ranked], least=2.6)
    for name, height in zip(ranked, heights, strict=True):
        across, up = (100 * share for share in points[name])
        colour, marker = signs[families[name]]
        axis.plot(across, up, marker, ms=7, color=colour)
        axis.plot([across, 101], [up, height], lw=0.6, color=colour, alpha=0.7, clip_on=False)
        axis.text(102, height, name.replace("_", " "), va="center")
    bottom, top = min(44, heights[0] - 1), max(101, heights[-1] + 1)
    axis.set(xlim=(44, 100), ylim=(bottom, top), yticks=range(50, 101, 10), xlabel=x, ylabel=y)
    figure.subplots_adjust(right=0.66)
    return axis


def dots(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x: str,
    y: str,
    level: float | None = None,
) -> Axes:
    """One number against another: a dot for each pair, a sign for each group of them.

    Args:
        groups: name -> the numbers across, and those upwards.
        x: what the first are, with their unit.
        y: likewise.
        level: a dotted line across, such as chance.
    """
    figure, axis = single(3.2)
    if level is not None:
        axis.axhline(level, color=COLOURS["ink"], lw=1, ls=":")
    for name, (colour, marker) in _signs({name: name for name in groups}, groups).items():
        axis.plot(*groups[name], marker, ms=6, color=colour, label=name)
    axis.set(xlabel=x, ylabel=y)
    figure.legend(loc="outside upper center", ncols=3)
    return axis


def named_dots(
    points: Mapping[str, tuple[float, float, str, str]],
    *,
    x: str,
    y: str,
    left: Collection[str] = (),
) -> Axes:
    """One number against another, a name beside each dot; its colour and its shape say more.

    Args:
        points: name -> number across, number upwards, what its shape stands for, what its colour
            stands for.
        x: what the first are, with their unit.
        y: likewise.
        left: the names that stand to the left of their dots; the others stand to the right.
    """
    figure, axis = single(4.6)
    shapes = dict(zip(dict.fromkeys(own[2] for own in points.values()), _MARKERS, strict=False))
    colours = dict(zip(dict.fromkeys(own[3] for own in points.values()), PALETTE, strict=False))
    for name, (across, up, shape, group) in points.items():
        axis.plot(across, up, shapes[shape], ms=7, color=colours[group])
        side, edge = (-7, "right") if name in left else (7, "left")
        axis.annotate(
            name, (across, up), (side, 0), textcoords="offset points", ha=edge, va="center"
        )
    signs = [("o", colour, colour, group) for group, colour in colours.items()]
    signs += [(marker, COLOURS["ink"], "white", shape) for shape, marker in shapes.items()]
    handles = [
        Line2D([], [], ls="", marker=marker, color=colour, mfc=inside, label=label)
        for marker, colour, inside, label in signs
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    axis.margins(x=0.15)
    axis.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10], integer=True))
    axis.set(xlabel=x, ylabel=y)
    return axis


def _apart(values: Sequence[float], *, least: float) -> list[float]:
    """Rising values moved upwards, or together downwards, so that they are so far apart."""
    moved: list[float] = []
    for value in values:
        moved.append(max(value, moved[-1] + least) if moved else value)
    shift = np.mean(moved) - np.mean(values)
    return [value - float(shift) for value in moved]


def _signs(families: Mapping[str, str], shown: Collection[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each family that is shown; no two have both alike."""
    names = list(dict.fromkeys(family for name, family in families.items() if name in shown))
    signs = product(_MARKERS, PALETTE)
    return {name: (colour, marker) for name, (marker, colour) in zip(names, signs, strict=False)}


def _draw(axis: Axes, dot: Dot, sign: tuple[str, str]) -> None:
    colour, marker = sign
    axis.plot([dot.cost] * 2, [100 * dot.low, 100 * dot.high], lw=1.5, color=colour, alpha=0.6)
    axis.plot(dot.cost, 100 * dot.share, marker, ms=5, color=colour)
