"""Figures of shapes: frames as points of a plane, how alike they are, how networks join them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .sheets import sheet
from .style import COLOURS, OTHERS, grid_of, label_rows, panels_of, single


def similarity(matrices: Mapping[str, np.ndarray]) -> Axes:
    """Square maps of how alike any two frames of a clip are (cosine), up to three side by side."""
    columns = 3
    figure, axes = panels_of(len(matrices), 1.9 if len(matrices) > 1 else 2.4, columns=columns)
    low = min(float(np.min(matrix)) for matrix in matrices.values())
    for axis, (name, matrix) in zip(axes, matrices.items(), strict=True):
        image = axis.imshow(matrix, vmin=low, vmax=1, cmap="viridis")
        axis.spines[:].set_visible(True)
        axis.set(
            title=name, xlabel="frame", xticks=[0, len(matrix) - 1], yticks=[0, len(matrix) - 1]
        )
    label_rows(axes, "frame", columns=columns)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label("cosine similarity")
    return axes[0]


def strip(values: np.ndarray, *, x: str, y: str) -> Axes:
    """Vectors (T, D) as lines of grey values, the first above: dark is 0, white is large."""
    figure, axes = single(1.7)
    image = axes.imshow(
        values, cmap="gray", vmin=0, vmax=float(np.quantile(values, 0.99)), aspect="auto"
    )
    axes.set(xlabel=x, ylabel=y, yticks=[0, len(values) - 1])
    figure.colorbar(image, ax=axes, pad=0.02, extend="max")
    return axes


def paths(
    points: Mapping[str, np.ndarray],
    *,
    labels: Sequence[str] = ("start", "end"),
    frames: Mapping[int, np.ndarray] | None = None,
) -> Axes:
    """Clips as walks through a plane: one arrow from each frame's point (T, 2) to the next.

    Args:
        points: name of the walk -> its points (T, 2).
        labels: what the first and the last point of a walk are called.
        frames: number of a point of the first walk -> an image (H, W, 3) to show below, by letter.
    """
    figure, axes = single(5.0 if frames else 3.8)
    if frames:
        _add_frames(figure, axes, next(iter(points.values())), frames)
    for (name, walk), colour in zip(points.items(), OTHERS, strict=False):
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
    axes.plot([], [], "o", color=COLOURS["ink"], mfc="white", label=labels[0])
    axes.plot([], [], "o", color=COLOURS["ink"], label=labels[1])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    axes.set(xlabel="first principal component", ylabel="second principal component")
    return axes


def _add_frames(
    figure: Figure, axes: Axes, walk: np.ndarray, frames: Mapping[int, np.ndarray]
) -> None:
    """Images in a row below the only panel, and their letters at the points of a walk."""
    grid = figure.add_gridspec(2, len(frames), height_ratios=(3, 1))
    axes.set_subplotspec(grid[0, :])
    for k, (number, image) in enumerate(frames.items()):
        below = figure.add_subplot(grid[1, k])
        below.imshow(image)
        below.set_axis_off()
        letter = chr(ord("a") + k)
        below.set_title(letter)
        axes.annotate(
            letter, walk[number], (0, -16), textcoords="offset points", weight="bold", ha="center"
        )


def planes(rows: Mapping[str, Mapping[str, np.ndarray]]) -> Axes:
    """Points of a plane in small panels, all of one scale; colour runs from first to last point.

    Args:
        rows: name of the row -> title of the panel -> points (2, P). The titles are those of the
            first row; what lies outside of its first panel's square is not shown.
    """
    first = next(iter(rows.values()))
    reach = 1.3 * np.abs(next(iter(first.values()))).max()
    _, axes = sheet(list(rows), len(first), titles=list(first))
    for axis, panels in zip(axes, rows.values(), strict=True):
        for panel, (x, y) in zip(axis, panels.values(), strict=True):
            panel.scatter(
                x, y, s=5, c=np.linspace(0, 1, len(x)), cmap="viridis", lw=0, rasterized=True
            )
            panel.set(xlim=(-reach, reach), ylim=(-reach, reach))
            panel.spines[:].set_visible(True)
    return axes[0][0]


def networks(
    panels: Mapping[str, Sequence[Sequence[Sequence[int]]]],
    *,
    num_frames: int = 8,
    columns: int = 2,
) -> Axes:
    """How networks join the frames of a clip, drawn small: time to the right, depth upwards.

    Squares are frames, circles are units; the darker a unit, the more frames it has seen.

    Args:
        panels: name -> layers from the bottom up. A layer is a list of units; a unit is the list
            of the units below (at the bottom: of the frames) that it reads, and -1 stands for
            its left neighbour in the same layer.
        num_frames: frames at the bottom.
        columns: panels in a row.
    """
    rows = -(-len(panels) // columns)
    _, grid = grid_of(rows, columns, 4.2 / columns * rows, layout="constrained")
    for axis in grid.flat:
        axis.set_axis_off()
    for axis, (name, layers) in zip(grid.flat, panels.items(), strict=False):
        axis.set_title(name)
        axis.plot(range(num_frames), [0] * num_frames, "s", ms=6, color="white", mec=COLOURS["ink"])
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
    reach: list[set] = []
    for x, unit in zip(at, layer, strict=True):
        reach.append(set().union(*(reach[-1] if i < 0 else seen[i] for i in unit)))
        for i in unit:
            start = (at[len(reach) - 2], height) if i < 0 else (below[i], height - 1)
            colour = COLOURS["ink"] if i < 0 else "#B5B5B5"
            axis.plot((start[0], x), (start[1], height), lw=0.8, color=colour, zorder=1)
        grey = str(1 - 0.85 * (len(reach[-1]) - 1) / (num_frames - 1))
        axis.plot(x, height, "o", ms=8, color=grey, mec=COLOURS["ink"], mew=0.8, zorder=2)
    return at, reach
