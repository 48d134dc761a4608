"""Figures of clips: their frames in rows, on a time line, over bars, or moving."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from PIL import Image, ImageDraw
from torch import Tensor

from .sheets import sheet
from .style import COLOURS, OTHERS, WIDTH_INCHES, empty, single

if TYPE_CHECKING:
    from IPython.display import Image as Animation


def contact_sheet(
    rows: Mapping[str, Tensor],
    *,
    titles: Sequence[str] = (),
    arrow: str = "time",
    rings: Mapping[str, np.ndarray] | None = None,
) -> Axes:
    """Frames in rows, one clip per row (in lines of eight), time running as the arrow below.

    Args:
        rows: name of the row, written above it -> uint8 tensor (T, 3, H, W); all of one shape.
        titles: a text below each column.
        arrow: what the arrow is called; empty for none.
        rings: name of a row -> (T, 2) where a ring is drawn in each of its frames, right and down
            as shares of the side.
    """
    T, _, H, W = next(iter(rows.values())).shape
    bottom = 0.35 if arrow else 0.0  # inches
    figure, axes = sheet(list(rows), T, ratio=H / W, titles=titles, bottom=bottom)
    for line, frames in zip(axes, rows.values(), strict=True):
        for cell, frame in zip(line, frames, strict=True):
            cell.imshow(frame.permute(1, 2, 0))
    for name, places in (rings or {}).items():
        for cell, (x, y) in zip(axes[list(rows).index(name)], places, strict=True):
            high, wide = rows[name].shape[-2:]
            cell.autoscale(False)
            cell.plot(x * wide - 0.5, y * high - 0.5, "o", ms=7, mfc="none", mec=COLOURS["ink"])
    if arrow:
        right = max(cell.get_position().x1 for cell in axes[0])
        strip = figure.add_axes((0, 0, right, bottom / figure.get_figheight()))
        strip.annotate(
            "", (1, 0.8), (0, 0.8), arrowprops={"arrowstyle": "->", "color": COLOURS["ink"]}
        )
        strip.text(0.5, 0.65, arrow, ha="center", va="top")
        strip.set_axis_off()
    return axes[0][0]


def timeline(num_frames: int, choices: Mapping[str, Sequence], *, num_segments: int = 0) -> Axes:
    """Which frames several ways of sampling take: one row of ticks each, segments shaded.

    Args:
        num_frames: length n of the clip.
        choices: name of the way -> frame indices.
        num_segments: how many segments to shade; 0 for none.
    """
    _, axes = single(0.38 * len(choices) + 0.75)
    for i in range(0, num_segments, 2):
        left, right = i * num_frames / num_segments, (i + 1) * num_frames / num_segments
        axes.axvspan(left - 0.5, right - 0.5, color="#EDEDED", lw=0)
    for row, indices in enumerate(choices.values()):
        axes.plot(
            np.asarray(indices), np.full(len(indices), row), "|", ms=14, mew=2, color=COLOURS["ink"]
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


def frame_bars(frames: Tensor, values: Sequence[float], *, y: str) -> Axes:
    """The frames of a clip with a bar under each: what does every frame contribute?

    Args:
        frames: uint8 tensor (T, 3, H, W).
        values: T numbers; bars above zero are green, below zero purple.
        y: what the numbers are, with their unit.
    """
    T, left = len(frames), 0.7 / WIDTH_INCHES
    side = (WIDTH_INCHES - 0.7) / T
    height = side + 1.9
    figure = empty(height)
    for t, frame in enumerate(frames):
        width = (1 - left) / T
        place = (left + t * width, 1 - side / height, 0.96 * width, 0.96 * side / height)
        cell = figure.add_axes(place)
        cell.imshow(frame.permute(1, 2, 0), aspect="auto")
        cell.set_axis_off()
    bottom = 0.45 / height
    axes = figure.add_axes((left, bottom, 1 - left, 1 - side / height - bottom - 0.1 / height))
    colours = [OTHERS[0] if value >= 0 else OTHERS[1] for value in values]
    axes.bar(range(T), values, 0.7, color=colours)
    axes.axhline(0, color=COLOURS["ink"], lw=0.8)
    axes.set(xlim=(-0.5, T - 0.5), xticks=range(T), xlabel="frame", ylabel=y)
    return axes


def animation(
    clips: Mapping[str, Tensor], *, side: int = 160, frames_per_second: int = 8
) -> Animation:
    """Clips side by side, playing in a loop (an animated PNG of 64 colours).

    Args:
        clips: name -> uint8 frames (T, 3, H, W), all of one T; the name is written above.
        side: of each clip, in pixels.
        frames_per_second: how fast it plays.

    Returns:
        What a cell displays.
    """
    from IPython.display import Image as Animation

    T, title = len(next(iter(clips.values()))), 18
    width = len(clips) * (side + 4) - 4
    pages = []
    for t in range(T):
        page = Image.new("RGB", (width, side + title), "white")
        for column, (name, frames) in enumerate(clips.items()):
            image = Image.fromarray(frames[t].permute(1, 2, 0).numpy())
            left = column * (side + 4)
            page.paste(image.resize((side, side), Image.Resampling.LANCZOS), (left, title))
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
    return Animation(file.getvalue(), format="png", width=width)
