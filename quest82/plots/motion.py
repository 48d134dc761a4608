"""Figures of motion: where pixels go."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from .style import COLOURS, panels_of


def arrows(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]], *, every: int = 5, times: float = 1
) -> Axes:
    """Frames with an arrow from where pixels are to where they go.

    Args:
        panels: title -> (frame, uint8 (3, S, S); flow (2, S, S), right and down, in pixels). No
            arrow is drawn where the flow is zero.
        every: an arrow for so many pixels in each direction.
        times: how much longer the arrows are than the way.
    """
    figure, axes = panels_of(len(panels), 7 / len(panels) + 0.15)
    for axis, (title, (frame, flow)) in zip(axes, panels.items(), strict=True):
        axis.imshow(frame.transpose(1, 2, 0))
        down, right = np.nonzero(np.abs(flow).sum(axis=0) > 0)
        kept = (down % every == 0) & (right % every == 0)
        right, down = right[kept], down[kept]
        axis.quiver(
            right,
            down,
            *flow[:, down, right],
            color=COLOURS["ink"],
            edgecolor="white",
            linewidth=0.4,
            angles="xy",
            scale_units="xy",
            scale=1 / times,
            width=0.009,
        )
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_axis_off()
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.9, wspace=0.04)
    return axes[0]
