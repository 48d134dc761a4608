"""Figures of shapes: frames as points of a plane, how alike they are, how networks join them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import COLOURS, OTHERS, grid_of, panels_of, single


def similarity(matrices: Mapping[str, np.ndarray]) -> Axes:
    """Square maps of how alike any two frames of a clip are (cosine), side by side."""
    figure, axes = panels_of(len(matrices), 2.9, layout="constrained")
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
    _, axes = single(3.6)
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
    figure, axes = grid_of(len(rows), len(first), 1.2 * len(rows) + 0.25)
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


def networks(
    panels: Mapping[str, Sequence[Sequence[Sequence[int]]]],
    *,
    num_frames: int = 8,
    columns: int = 4,
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
    _, grid = grid_of(rows, columns, 7 / columns * rows, layout="constrained")
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
    reach: list[set] = []
    for x, unit in zip(at, layer, strict=True):
        reach.append(set().union(*(reach[-1] if i < 0 else seen[i] for i in unit)))
        for i in unit:
            start = (at[len(reach) - 2], height) if i < 0 else (below[i], height - 1)
            colour = COLOURS["ink"] if i < 0 else "#B5B5B5"
            axis.plot((start[0], x), (start[1], height), lw=0.8, color=colour, zorder=1)
        grey = str(1 - 0.85 * (len(reach[-1]) - 1) / (num_frames - 1))
        axis.plot(x, height, "o", ms=8, color=grey, mec="#555555", mew=0.8, zorder=2)
    return at, reach
