"""Every figure of the book: functions that take data and return the Axes they drew on.

One visual language: the mean is blue and the LSTM vermilion on every page, controls are grey
(colours from Okabe & Ito 2008, safe for colour-blind readers). Figures are white, so that they
read the same on a light page and on a dark one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

COLOURS = {"mean": "#0072B2", "lstm": "#D55E00", "control": "#8A8A8A", "ink": "#222222"}
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
    figure, axes = plt.subplots(
        len(rows), T, figsize=(_WIDTH_INCHES, height), dpi=_DPI, squeeze=False, facecolor="white"
    )
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
    figure, axes = plt.subplots(
        1,
        len(matrices),
        figsize=(_WIDTH_INCHES, 2.9),
        squeeze=False,
        dpi=_DPI,
        layout="constrained",
        facecolor="white",
    )
    low = min(float(np.min(matrix)) for matrix in matrices.values())
    for axis, (name, matrix) in zip(axes[0], matrices.items(), strict=True):
        image = axis.imshow(matrix, vmin=low, vmax=1, cmap="viridis")
        axis.set_title(name, fontsize=10)
        axis.set(xlabel="frame", xticks=[0, len(matrix) - 1], yticks=[0, len(matrix) - 1])
    axes[0, 0].set_ylabel("frame")
    bar = figure.colorbar(image, ax=list(axes[0]), shrink=0.8, pad=0.02)
    bar.set_label("cosine similarity")
    return axes[0, 0]


def paths(points: Mapping[str, np.ndarray], *, labels: Sequence[str] = ("start", "end")) -> Axes:
    """Clips as walks through a plane: one arrow from each frame's point (T, 2) to the next."""
    _, axes = _figure(3.6)
    palette = [COLOURS["mean"], COLOURS["lstm"], "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
    for (name, walk), colour in zip(points.items(), palette, strict=False):
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


def accuracy_panels(
    panels: Mapping[str, Mapping[str, tuple[float, float, float]]], *, ceiling: float
) -> Axes:
    """Accuracies as dots with their intervals, one panel per experiment.

    Args:
        panels: title -> name of the model -> (accuracy, lower end, upper end), in [0, 1].
        ceiling: a dotted line, such as the best that an order-blind model can reach.
    """
    rows = max(len(results) for results in panels.values())
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(_WIDTH_INCHES, 0.4 * rows + 0.9),
        dpi=_DPI,
        squeeze=False,
        sharey=True,
        facecolor="white",
    )
    for axis, (title, results) in zip(axes[0], panels.items(), strict=True):
        axis.axvline(100 * ceiling, color=COLOURS["ink"], lw=1, ls=":")
        for row, (name, ends) in enumerate(results.items()):
            _dot(axis, row, [100 * end for end in ends], COLOURS.get(name.lower()))
        axis.set(xlim=(0, 104), ylim=(rows - 0.5, -0.8), xlabel="accuracy (%)")
        axis.set_yticks(range(len(results)), list(results))
        axis.set_title(title, fontsize=10, loc="left")
        axis.tick_params(axis="y", length=0)
        axis.spines[["top", "right"]].set_visible(False)
    figure.subplots_adjust(left=0.15, right=0.99, bottom=0.5 / figure.get_figheight(), wspace=0.08)
    return axes[0, 0]


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
    figure, axes = plt.subplots(
        1,
        len(matrices),
        figsize=(_WIDTH_INCHES, 4.3),
        squeeze=False,
        sharey=True,
        facecolor="white",
    )
    names = [name.replace("_", " ") for name in classes]
    for axis, (name, counts) in zip(axes[0], matrices.items(), strict=True):
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
    axes[0, 0].set_ylabel("true class", fontsize=9)
    figure.subplots_adjust(left=0.15, right=0.9, bottom=0.26, top=0.93, wspace=0.06)
    colours = figure.add_axes((0.915, 0.33, 0.015, 0.52))
    figure.colorbar(image, cax=colours).set_label("% of the true class", fontsize=9)
    return axes[0, 0]


def _figure(height_inches: float) -> tuple[plt.Figure, Axes]:
    figure, axes = plt.subplots(figsize=(_WIDTH_INCHES, height_inches), dpi=_DPI, facecolor="white")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
