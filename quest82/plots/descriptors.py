"""Figures of descriptors: histograms of directions as roses, and the ways of points."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, Rectangle, Wedge
from torch import Tensor

from .sheets import sheet
from .style import PALETTE, PER_ROW, WIDTH_INCHES, panels_of


def roses(
    image: Tensor,
    cell: tuple[int, int, int],
    histograms: Mapping[str, Tensor],
    *,
    unsigned: Collection[str] = (),
) -> Axes:
    """Histograms of directions of one cell as roses, beside the frame in which it is marked.

    Args:
        image: grey (H, W) in [0, 1].
        cell: its left and upper border and its side, in pixels.
        histograms: title -> votes (bins,), in the order of bins of `histograms.votes`. The longest
            petal of each rose has the same length.
        unsigned: titles in which opposite directions are one. There a petal goes to both sides.
    """
    _, axes = panels_of(1 + len(histograms), WIDTH_INCHES / PER_ROW + 0.1, sharey=False)
    H, W = image.shape
    axes[0].imshow(image.numpy(), extent=(0, W, H, 0), cmap="gray", vmin=0, vmax=1)
    left, top, side = cell
    axes[0].add_patch(Rectangle((left, top), side, side, fill=False, ec=PALETTE[5], lw=2))
    axes[0].set_title("frame, and the cell")
    for axis, (title, votes) in zip(axes[1:], histograms.items(), strict=True):
        axis.add_patch(Circle((0, 0), 1, fill=False, ec=PALETTE[0], lw=1))
        for petal in _petals(votes.double().numpy(), title not in unsigned):
            axis.add_patch(petal)
        axis.set(title=title, xlim=(-1.05, 1.05), ylim=(1.05, -1.05), aspect="equal")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    return axes[0]


def ways(panels: Mapping[str, tuple[Tensor, Tensor]]) -> Axes:
    """The ways of points over a frame, with a dot where each ends.

    Args:
        panels: title -> (frame, uint8 (3, H, W), and tracks (P, L + 1, 2), right and down in
            pixels from the middle of the first one).
    """
    _, H, W = next(iter(panels.values()))[0].shape
    for axis, (frame, tracks) in zip(_row(panels, H / W), panels.values(), strict=True):
        axis.imshow(frame.permute(1, 2, 0).numpy())
        places = tracks.double().numpy()
        axis.add_collection(LineCollection(list(places), colors=PALETTE[3], linewidths=1))
        axis.plot(*places[:, -1].T, "o", ms=2.2, color=PALETTE[5])
        axis.set(xlim=(-0.5, W - 0.5), ylim=(H - 0.5, -0.5))
    return axis


def _petals(votes: np.ndarray, signed: bool) -> list[Wedge]:
    """One for each direction that has votes, of the width of its bin; unsigned ones twice."""
    width = (360 if signed else 180) / len(votes)
    middles = width * (np.arange(len(votes)) + (0 if signed else 0.5))
    petals = []
    for middle, length in zip(middles, votes / max(votes.max(), 1e-12), strict=True):
        for angle in [middle] if signed else [middle, middle + 180]:
            ends = angle - 0.45 * width, angle + 0.45 * width
            if length > 0:
                petals.append(Wedge((0, 0), length, *ends, fc=PALETTE[5], ec="none"))
    return petals


def _row(titles: Collection[str], ratio: float) -> list[Axes]:
    _, rows = sheet([""], len(titles), ratio=ratio, titles=list(titles))
    return rows[0]
