"""Figures of optical flow: as colour, as arrows, and how far it is from the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .sheets import sheet
from .style import PALETTE, WIDTH_INCHES

# Steps between red, yellow, green, cyan, blue, magenta and red again (Baker et al. 2011).
_WHEEL_STEPS = (15, 6, 4, 11, 13, 6)
_STILL = 0.05  # pixels; what moves less has no arrow
_WHEEL = 1.0  # inches that the key needs on the right
_WHEEL_CORNERS = ((1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0))


def flow_colours(flow: Tensor, *, bound: float | None = None) -> Tensor:
    """Flow as colour: the hue is the direction, and white is no motion (Baker et al. 2011).

    To the right is red, down yellow, to the left cyan, up violet. Saturation grows with speed up
    to the bound; beyond it colours are darker.

    Args:
        flow: (2, H, W) in pixels, x to the right and y downwards.
        bound: speed of full colour, in pixels; None: the fastest pixel of this flow. Give one
            where colours are to be compared.

    Returns:
        uint8 (3, H, W).
    """
    x, y = flow.double().cpu().numpy()
    speed = np.hypot(x, y)
    speed = speed / max(bound or speed.max(), 1e-12)  # in units of the bound
    turn = (np.arctan2(-y, -x) / np.pi + 1) / 2  # 0 to the right, in whole turns
    wheel = _wheel()
    place = turn * (len(wheel) - 1)
    before = np.floor(place).astype(int)
    share = (place - before)[..., None]
    hue = (1 - share) * wheel[before] + share * wheel[(before + 1) % len(wheel)]  # (H, W, 3)
    slow = speed[..., None] <= 1
    colour = np.where(slow, 1 - np.minimum(speed, 1)[..., None] * (1 - hue), 0.75 * hue)
    return torch.from_numpy(np.floor(255 * colour).astype(np.uint8)).permute(2, 0, 1)


def colour_wheel(size: int = 101) -> Tensor:
    """The key to `flow_colours`: each direction in its colour, uint8 (3, size, size).

    The centre is no motion, the rim the bound; white outside.
    """
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    colours = flow_colours(torch.from_numpy(np.stack([x, y])), bound=1)
    outside = torch.from_numpy(np.hypot(x, y) > 1)
    return colours.masked_fill(outside, 255)


def flow_sheet(
    rows: Mapping[str, Tensor | Sequence[Tensor]],
    *,
    bound: float,
    unit: str = "pixels",
    titles: Sequence[str] = (),
) -> Axes:
    """Frames and flow in rows, flow as colour, with the wheel that explains it.

    Args:
        rows: name of the row -> for each column a frame, uint8 (3, H, W), or flow, (2, H, W);
            as many in each row.
        bound: speed of full colour; darker beyond.
        unit: of flow and bound.
        titles: a text below each column.
    """
    columns = len(next(iter(rows.values())))
    figure, axes = sheet(list(rows), columns, titles=titles, right=_WHEEL)
    for line, images in zip(axes, rows.values(), strict=True):
        for axis, image in zip(line, images, strict=True):
            _show(axis, image if len(image) == 3 else flow_colours(image, bound=bound))
    end, height = axes[0][-1].get_position().x1, figure.get_figheight()
    size = 0.75 * _WHEEL
    place = (end + 0.03, 1 - (size + 0.75) / height, size / WIDTH_INCHES, size / height)
    _add_wheel(figure, place, f"rim: {bound:g}\n{unit}")
    return axes[0][0]


def flow_arrows(
    panels: Mapping[str, tuple[Tensor, Tensor]], *, every: int = 6, times: float = 1
) -> Axes:
    """Flow as arrows on the frame.

    Args:
        panels: title -> (grey image (H, W) in [0, 1], flow (2, H, W) in pixels).
        every: pixels from one arrow to the next.
        times: how much longer an arrow is than the way that it shows.
    """
    _, rows = sheet([""], len(panels), titles=list(panels))
    for axis, (image, flow) in zip(rows[0], panels.values(), strict=True):
        axis.imshow(image.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        y, x = np.mgrid[every // 2 : image.shape[0] : every, every // 2 : image.shape[1] : every]
        u, v = flow[:, y, x].double().numpy()
        moves = np.hypot(u, v) > _STILL
        x, y, u, v = (values[moves] for values in (x, y, u, v))
        arrows = axis.quiver(
            x, y, u, v, angles="xy", scale_units="xy", scale=1 / times, width=0.012
        )
        arrows.set_color(PALETTE[-2])
    return rows[0][0]


def _show(axis: Axes, image: Tensor) -> None:
    axis.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    axis.spines[:].set(visible=True, color="#D9D9D9")


def _add_wheel(figure: plt.Figure, place: tuple[float, float, float, float], title: str) -> None:
    axis = figure.add_axes(place)
    axis.imshow(colour_wheel().permute(1, 2, 0).numpy())
    axis.set_axis_off()
    axis.set_title(title, pad=3)


def _wheel() -> np.ndarray:
    """The 55 hues, (55, 3) in [0, 1]: more of them where the eye tells them apart better."""
    corners = np.array(_WHEEL_CORNERS, dtype=float)
    pieces = [
        start + np.linspace(0, 1, steps, endpoint=False)[:, None] * (end - start)
        for start, end, steps in zip(corners, corners[1:], _WHEEL_STEPS, strict=False)
    ]
    return np.concatenate(pieces)
