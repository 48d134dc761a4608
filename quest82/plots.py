"""Every figure of the book: functions that take data and return the Axes they drew on.

One visual language: the mean is blue and the LSTM vermilion on every page, controls are grey
(colours from Okabe & Ito 2008, safe for colour-blind readers). Figures are white, so that they
read the same on a light page and on a dark one.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from PIL import Image, ImageDraw
from torch import Tensor

if TYPE_CHECKING:
    from IPython.display import Image as Film

COLOURS = {"mean": "#0072B2", "lstm": "#D55E00", "control": "#8A8A8A", "ink": "#222222"}
# For all that is neither: green, purple, orange, sky blue.
_OTHERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_WIDTH_INCHES = 7.0
_DPI = 110


def contact_sheet(
    rows: Mapping[str, Tensor], *, titles: Sequence[str] = (), arrow: str = "time"
) -> Axes:
    """Frames in rows, one clip per row, time running along the arrow below.

    Args:
        rows: name of the row -> uint8 tensor (T, 3, H, W); all of one T.
        titles: a text above each column.
        arrow: what the arrow is called; empty for none.
    """
    T = len(next(iter(rows.values())))
    left = 1.15 if any(rows) else 0.02  # inches, as all below
    top, bottom = (0.2 if titles else 0.02), (0.36 if arrow else 0.02)
    height = (_WIDTH_INCHES - left) / T * len(rows) + top + bottom
    figure, axes = _grid(len(rows), T, height)
    for axis, (name, frames) in zip(axes, rows.items(), strict=True):
        for cell, frame in zip(axis, frames, strict=True):
            cell.imshow(frame.permute(1, 2, 0))
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_visible(False)
        axis[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    for cell, title in zip(axes[0], titles, strict=False):
        cell.set_title(title, fontsize=8, pad=3)
    left /= _WIDTH_INCHES
    figure.subplots_adjust(left, bottom / height, 1, 1 - top / height, 0.04, 0.04)
    if arrow:
        strip = figure.add_axes((left, 0, 1 - left, bottom / height))
        strip.annotate(
            "", (1, 0.75), (0, 0.75), arrowprops={"arrowstyle": "->", "color": "#555555"}
        )
        strip.text(0.5, 0.6, arrow, ha="center", va="top", fontsize=9, color="#555555")
        strip.set_axis_off()
    return axes[0, 0]


def timeline(num_frames: int, choices: Mapping[str, Sequence], *, num_segments: int = 0) -> Axes:
    """Which frames several ways of sampling take: one row of ticks each, segments shaded.

    Args:
        num_frames: length n of the clip.
        choices: name of the way -> frame indices.
        num_segments: how many segments to shade; 0 for none.
    """
    _, axes = _figure(0.38 * len(choices) + 0.75)
    for i in range(0, num_segments, 2):
        left, right = i * num_frames / num_segments, (i + 1) * num_frames / num_segments
        axes.axvspan(left - 0.5, right - 0.5, color="#EDEDED", lw=0)
    for row, indices in enumerate(choices.values()):
        axes.plot(
            np.asarray(indices), np.full(len(indices), row), "|", ms=14, mew=2.2, color="#222222"
        )
    axes.set(
        yticks=range(len(choices)),
        yticklabels=list(choices),
        xlabel="frame",
        xlim=(-0.5, num_frames - 0.5),
        ylim=(len(choices) - 0.4, -0.6),
    )
    axes.tick_params(axis="y", length=0)
    return axes


def similarity(matrices: Mapping[str, np.ndarray]) -> Axes:
    """Square maps of how alike any two frames of a clip are (cosine), side by side."""
    figure, axes = _panels(len(matrices), 2.9, layout="constrained")
    low = min(float(np.min(matrix)) for matrix in matrices.values())
    for axis, (name, matrix) in zip(axes, matrices.items(), strict=True):
        image = axis.imshow(matrix, vmin=low, vmax=1, cmap="viridis")
        axis.set_title(name, fontsize=10)
        axis.set(xlabel="frame", xticks=[0, len(matrix) - 1], yticks=[0, len(matrix) - 1])
    axes[0].set_ylabel("frame")
    bar = figure.colorbar(image, ax=list(axes), shrink=0.8, pad=0.02)
    bar.set_label("cosine similarity")
    return axes[0]


def paths(points: Mapping[str, np.ndarray], *, labels: Sequence[str] = ("start", "end")) -> Axes:
    """Clips as walks through a plane: one arrow from each frame's point (T, 2) to the next."""
    _, axes = _figure(3.6)
    for (name, walk), colour in zip(points.items(), _OTHERS, strict=False):
        steps = np.diff(walk, axis=0)
        axes.quiver(
            *walk[:-1].T,
            *steps.T,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.005,
            color=colour,
        )
        axes.plot(*walk[0], "o", ms=7, color=colour, mfc="white", mew=1.8)
        axes.plot(*walk[-1], "o", ms=7, color=colour, label=name)
    axes.plot([], [], "o", color="#555555", mfc="white", label=labels[0])
    axes.plot([], [], "o", color="#555555", label=labels[1])
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set(xlabel="first principal component", ylabel="second principal component")
    axes.figure.subplots_adjust(right=0.74)
    return axes


def planes(rows: Mapping[str, Mapping[str, np.ndarray]]) -> Axes:
    """Points of a plane in small panels, all of one scale; colour runs from first to last point.

    Args:
        rows: name of the row -> title of the panel -> points (2, P). The titles are those of the
            first row; what lies outside of its first panel's square is not shown.
    """
    first = next(iter(rows.values()))
    reach = 1.3 * np.abs(next(iter(first.values()))).max()
    figure, axes = _grid(len(rows), len(first), 1.2 * len(rows) + 0.25)
    for axis, (name, panels) in zip(axes, rows.items(), strict=True):
        for panel, (x, y) in zip(axis, panels.values(), strict=True):
            panel.scatter(x, y, s=3, c=np.linspace(0, 1, len(x)), cmap="viridis", lw=0)
            panel.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
            panel.set_aspect("equal")
        axis[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    for panel, title in zip(axes[0], first, strict=True):
        panel.set_title(title, fontsize=9)
    figure.subplots_adjust(0.13, 0.02, 0.995, 1 - 0.27 / figure.get_figheight(), 0.08, 0.08)
    return axes[0, 0]


def accuracy_panels(
    panels: Mapping[str, Mapping[str, tuple[float, float, float]]], *, ceiling: float
) -> Axes:
    """Accuracies as dots with their intervals, one panel per experiment.

    Args:
        panels: title -> name of the model -> (accuracy, lower end, upper end), in [0, 1].
        ceiling: a dotted line, such as the best that an order-blind model can reach.
    """
    rows = max(len(results) for results in panels.values())
    figure, axes = _panels(len(panels), 0.4 * rows + 0.9)
    for axis, (title, results) in zip(axes, panels.items(), strict=True):
        axis.axvline(100 * ceiling, color=COLOURS["ink"], lw=1, ls=":")
        for row, (name, ends) in enumerate(results.items()):
            _dot(axis, row, [100 * end for end in ends], COLOURS.get(name.lower()))
        axis.set(xlim=(0, 104), ylim=(rows - 0.5, -0.8), xlabel="accuracy (%)")
        _rows(axis, results)
        _open_panel(axis, title)
    figure.subplots_adjust(left=0.15, right=0.99, bottom=0.5 / figure.get_figheight(), wspace=0.08)
    return axes[0]


def _dot(axis: Axes, row: int, ends: Sequence[float], colour: str | None) -> None:
    value, low, high = ends
    colour = colour or COLOURS["control"]
    axis.plot([low, high], [row, row], lw=2.5, color=colour, solid_capstyle="butt")
    axis.plot(value, row, "o", ms=7, color=colour)
    axis.annotate(
        f"{value:.0f}",
        (value, row),
        (0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        color=colour,
        bbox={"color": "white", "pad": 0.5},
    )


def confusions(matrices: Mapping[str, np.ndarray], classes: Sequence[str]) -> Axes:
    """Confusion matrices side by side; rows are true classes and add up to 100 %."""
    figure, axes = _panels(len(matrices), 4.3)
    names = [name.replace("_", " ") for name in classes]
    for axis, (name, counts) in zip(axes, matrices.items(), strict=True):
        counts = np.asarray(counts, dtype=float)
        share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        image = axis.imshow(share, vmin=0, vmax=100, cmap="Blues")
        axis.set_title(name, fontsize=10)
        axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axis.set_yticks(range(len(names)), names, fontsize=7)
        axis.set_xlabel("predicted", fontsize=9)
        for k in range(2, len(names), 2):  # a thin line around each pair of opposites
            axis.axhline(k - 0.5, color="#DDDDDD", lw=0.6)
            axis.axvline(k - 0.5, color="#DDDDDD", lw=0.6)
    axes[0].set_ylabel("true class", fontsize=9)
    figure.subplots_adjust(left=0.15, right=0.9, bottom=0.26, top=0.93, wspace=0.06)
    colours = figure.add_axes((0.915, 0.33, 0.015, 0.52))
    figure.colorbar(image, cax=colours).set_label("% of the true class", fontsize=9)
    return axes[0]


def curves(
    panels: Mapping[str, Mapping[str, Sequence]],
    *,
    x: str,
    y: str,
    log: str = "",
    level: float | None = None,
) -> Axes:
    """Lines with dots, one panel per experiment, all with the same axes.

    Args:
        panels: title (empty for none) -> name of the line -> its (xs, ys) or (xs, ys, lows, highs),
            of which the last two become a band.
        x: what the axis shows, with its unit.
        y: likewise.
        log: "x", "y" or "xy" for logarithmic axes; ticks on a logarithmic x stand at the data.
        level: a dotted line across, such as chance.
    """
    figure, axes = _panels(len(panels), 2.9, layout="constrained")
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        others = iter(_OTHERS * 3)
        for name, (xs, ys, *band) in lines.items():
            colour = COLOURS.get(name.lower()) or next(others)
            axis.plot(xs, ys, "o-", ms=4, lw=1.8, color=colour, label=name)
            if band:
                axis.fill_between(xs, *band, color=colour, alpha=0.18, lw=0)
        if level is not None:
            axis.axhline(level, color=COLOURS["ink"], lw=1, ls=":")
        if "x" in log:
            axis.set_xscale("log")
            axis.set_xticks(list(xs), [f"{tick:g}" for tick in xs])
            axis.minorticks_off()
        elif np.asarray(xs).dtype.kind == "i":  # no half frame, no half epoch
            axis.xaxis.get_major_locator().set_params(integer=True)
        if "y" in log:
            axis.set_yscale("log")
        _open_panel(axis, title)
        axis.set_xlabel(x)
    axes[0].set_ylabel(y)
    shown = {}
    for axis in axes:
        handles, names = axis.get_legend_handles_labels()
        shown |= dict(zip(names, handles, strict=True))
    if len(shown) > 1:
        figure.legend(
            shown.values(), shown, loc="outside upper center", ncols=4, frameon=False, fontsize=9
        )
    return axes[0]


def costs(panels: Mapping[str, Mapping[float, float]], *, y: str) -> Axes:
    """What a quantity costs as something grows: dots, one panel for each thing that grows.

    The line is the straight one that fits best, so that the eye can judge whether cost is linear.

    Args:
        panels: what grows, with its unit -> amount -> cost.
        y: what the cost is, with its unit.
    """
    _, axes = _panels(len(panels), 2.4, layout="constrained")
    for axis, (x, values) in zip(axes, panels.items(), strict=True):
        xs, ys = list(values), list(values.values())
        axis.plot(xs, np.polyval(np.polyfit(xs, ys, 1), xs), lw=1, color=COLOURS["control"])
        axis.plot(xs, ys, "o", ms=5, color=COLOURS["ink"])
        axis.set(xlabel=x, ylim=(0, None))
        _open_panel(axis, "")
    axes[0].set_ylabel(y)
    return axes[0]


def bars(
    panels: Mapping[str, Mapping[str, float]], *, x: str, form: str = "{:.0f}", log: bool = False
) -> Axes:
    """Horizontal bars with their values beside them, one panel per quantity.

    Args:
        panels: title (empty for none) -> name of the bar -> its length.
        x: what the lengths are, with their unit.
        form: how a value is printed.
        log: a logarithmic axis.
    """
    rows = max(len(values) for values in panels.values())
    _, axes = _panels(len(panels), 0.3 * rows + 0.9, layout="constrained")
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        colours = [COLOURS.get(name.lower(), COLOURS["control"]) for name in values]
        drawn = axis.barh(range(len(values)), list(values.values()), 0.65, color=colours)
        axis.bar_label(drawn, [form.format(v) for v in values.values()], padding=3, fontsize=8)
        _rows(axis, values)
        _open_panel(axis, title)
        axis.set_ylim(rows - 0.4, -0.6)
        axis.margins(x=0.18)
        axis.set_xlabel(x)
        if log:
            axis.set_xscale("log")
    return axes[0]


def grouped_bars(values: Mapping[str, Mapping[str, float]], *, x: str) -> Axes:
    """Horizontal bars of several models below one another, one group of bars for each row.

    Args:
        values: name of the model -> name of the row -> length; all models have the same rows.
        x: what the lengths are, with their unit.
    """
    rows = list(next(iter(values.values())))
    _, axes = _figure(0.32 * len(rows) + 1.1)
    thick = 0.8 / len(values)
    for i, (name, lengths) in enumerate(values.items()):
        at = np.arange(len(rows)) + (i - (len(values) - 1) / 2) * thick
        colour = COLOURS.get(name.lower(), COLOURS["control"])
        drawn = axes.barh(at, list(lengths.values()), thick, color=colour, label=name)
        axes.bar_label(drawn, padding=3, fontsize=7)
    _rows(axes, rows)
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel=x)
    axes.margins(x=0.08)
    axes.xaxis.get_major_locator().set_params(integer=True)
    _legend_above(axes)
    return axes


def differences(rows: Mapping[str, tuple[float, float, float]], *, x: str) -> Axes:
    """Mean minus LSTM as bars with their intervals: blue where the mean is ahead.

    Args:
        rows: name of the row -> (difference, lower end, upper end), in [-1, 1].
        x: what the differences are, with their unit.
    """
    _, axes = _figure(0.24 * len(rows) + 1.1)
    names = {"mean": "mean ahead", "lstm": "LSTM ahead"}
    for row, ends in enumerate(rows.values()):
        value, low, high = (100 * end for end in ends)
        ahead = "mean" if value >= 0 else "lstm"
        axes.barh(row, value, 0.65, color=COLOURS[ahead])
        axes.plot([low, high], [row, row], lw=1, color=COLOURS["ink"])
    for ahead, name in names.items():
        axes.barh(0, 0, color=COLOURS[ahead], label=name)
    axes.axvline(0, color=COLOURS["ink"], lw=0.8)
    _rows(axes, rows)
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel=x)
    _legend_above(axes)
    return axes


def frame_bars(frames: Tensor, values: Sequence[float], *, y: str) -> Axes:
    """The frames of a clip with a bar under each: what does every frame contribute?

    Args:
        frames: uint8 tensor (T, 3, H, W).
        values: T numbers; bars above zero are green, below zero purple.
        y: what the numbers are, with their unit.
    """
    T, left = len(frames), 0.8 / _WIDTH_INCHES
    side = (_WIDTH_INCHES - 0.8) / T
    height = side + 1.9
    figure = plt.figure(figsize=(_WIDTH_INCHES, height), dpi=_DPI, facecolor="white")
    for t, frame in enumerate(frames):
        width = (1 - left) / T
        place = (left + t * width, 1 - side / height, 0.96 * width, 0.96 * side / height)
        cell = figure.add_axes(place)
        cell.imshow(frame.permute(1, 2, 0), aspect="auto")
        cell.set_axis_off()
    bottom = 0.45 / height
    axes = figure.add_axes((left, bottom, 1 - left, 1 - side / height - bottom - 0.1 / height))
    colours = [_OTHERS[0] if value >= 0 else _OTHERS[1] for value in values]
    axes.bar(range(T), values, 0.7, color=colours)
    axes.axhline(0, color=COLOURS["ink"], lw=0.8)
    axes.set(xlim=(-0.5, T - 0.5), xticks=range(T), xlabel="frame", ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def networks(
    panels: Mapping[str, Sequence[Sequence[Sequence[int]]]], *, num_frames: int = 8
) -> Axes:
    """How networks join the frames of a clip, drawn small: time to the right, depth upwards.

    Squares are frames, circles are units; the darker a unit, the more frames it has seen.

    Args:
        panels: name -> layers from the bottom up. A layer is a list of units; a unit is the list
            of the units below (at the bottom: of the frames) that it reads, and -1 stands for
            its left neighbour in the same layer.
        num_frames: frames at the bottom.
    """
    columns = 4
    rows = -(-len(panels) // columns)
    _, grid = _grid(rows, columns, 1.75 * rows, layout="constrained")
    for axis in grid.flat:
        axis.set_axis_off()
    for axis, (name, layers) in zip(grid.flat, panels.items(), strict=False):
        axis.set_title(name, fontsize=10)
        axis.plot(range(num_frames), [0] * num_frames, "s", ms=6, color="white", mec="#555555")
        below, seen = list(range(num_frames)), [{t} for t in range(num_frames)]
        for height, layer in enumerate(layers, start=1):
            below, seen = _layer(axis, layer, height, below, seen, num_frames)
        axis.set(xlim=(-0.7, num_frames - 0.3), ylim=(-0.4, 3.4))
    return grid[0, 0]


def _layer(
    axis: Axes,
    layer: Sequence[Sequence[int]],
    height: int,
    below: list,
    seen: list[set],
    num_frames: int,
) -> tuple[list, list[set]]:
    """One layer of `networks`: where its units stand, and which frames each of them has seen."""
    at = [float(np.mean([below[i] for i in unit if i >= 0])) for unit in layer]
    if len(set(at)) < len(at):  # units that read the same would hide each other
        at = np.linspace(0, num_frames - 1, len(layer)).tolist()
    reach = []
    for x, unit in zip(at, layer, strict=True):
        reach.append(set().union(*(reach[-1] if i < 0 else seen[i] for i in unit)))
        for i in unit:
            start = (at[len(reach) - 2], height) if i < 0 else (below[i], height - 1)
            colour = COLOURS["ink"] if i < 0 else "#B5B5B5"
            axis.plot((start[0], x), (start[1], height), lw=0.8, color=colour, zorder=1)
        grey = str(1 - 0.85 * (len(reach[-1]) - 1) / (num_frames - 1))
        axis.plot(x, height, "o", ms=8, color=grey, mec="#555555", mew=0.8, zorder=2)
    return at, reach


def film(clips: Mapping[str, Tensor], *, side: int = 160, frames_per_second: int = 8) -> Film:
    """Clips side by side that move, as one looping picture (an animated PNG of 64 colours).

    Args:
        clips: name -> uint8 frames (T, 3, H, W), all of one T; the name is written above.
        side: of each clip in the picture, in pixels.
        frames_per_second: how fast it plays.

    Returns:
        A picture for the output of a cell.
    """
    from IPython.display import Image as Film

    T, title = len(next(iter(clips.values()))), 18
    width = len(clips) * (side + 4) - 4
    pages = []
    for t in range(T):
        page = Image.new("RGB", (width, side + title), "white")
        for column, (name, frames) in enumerate(clips.items()):
            picture = Image.fromarray(frames[t].permute(1, 2, 0).numpy())
            left = column * (side + 4)
            page.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (left, title))
            ImageDraw.Draw(page).text((left + 2, 1), name, COLOURS["ink"], font_size=13)
        pages.append(page)
    sample = Image.new("RGB", (width, 3 * (side + title)))
    for row, t in enumerate((0, T // 2, T - 1)):
        sample.paste(pages[t], (0, row * (side + title)))
    palette = sample.quantize(64)
    pages = [page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages]
    file = io.BytesIO()
    pages[0].save(
        file,
        "PNG",
        save_all=True,
        append_images=pages[1:],
        duration=1000 // frames_per_second,
        loop=0,
        optimize=True,
    )
    return Film(file.getvalue(), format="png", width=width)


def save(axes: Axes, path: str | Path) -> None:
    """Write the whole figure of some axes as a picture, and let it go."""
    axes.figure.savefig(path, bbox_inches="tight")
    plt.close(axes.figure)


def _figure(height_inches: float) -> tuple[plt.Figure, Axes]:
    figure, axes = plt.subplots(figsize=(_WIDTH_INCHES, height_inches), dpi=_DPI, facecolor="white")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _panels(
    columns: int, height_inches: float, *, layout: str | None = None
) -> tuple[plt.Figure, np.ndarray]:
    """A row of panels with a common vertical axis."""
    figure, axes = _grid(1, columns, height_inches, sharey=True, layout=layout)
    return figure, axes[0]


def _grid(
    rows: int, columns: int, height_inches: float, **options
) -> tuple[plt.Figure, np.ndarray]:
    return plt.subplots(
        rows,
        columns,
        figsize=(_WIDTH_INCHES, height_inches),
        dpi=_DPI,
        squeeze=False,
        facecolor="white",
        **options,
    )


def _rows(axis: Axes, names: Collection[str]) -> None:
    """A name to the left of each row, without a tick."""
    axis.set_yticks(range(len(names)), list(names))
    axis.tick_params(axis="y", length=0)


def _legend_above(axis: Axes) -> None:
    axis.legend(frameon=False, fontsize=9, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))


def _open_panel(axis: Axes, title: str) -> None:
    """A title above on the left, and no frame above and on the right."""
    axis.set_title(title, fontsize=10, loc="left")
    axis.spines[["top", "right"]].set_visible(False)
