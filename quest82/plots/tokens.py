"""The figure of tokens: which patches one patch attends to, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from torch import Tensor

from .sheets import sheet
from .style import COLOURS, OTHERS

_QUERY = COLOURS["mean"]
_STEPS = (OTHERS[2], OTHERS[0], OTHERS[1])
_REST = "#E4E4E4"


def attended_patches(
    schemes: Mapping[str, Sequence[Tensor]],
    query: tuple[int, int, int],
    *,
    frames: Sequence[int] | None = None,
    kinds: Sequence[str] = ("first step", "second step", "third step"),
    column: str = "frame",
) -> Axes:
    """One row per scheme, one column per frame: what a patch attends to, step by step.

    The query is blue; patches of the first, second and third step have a colour each, and those of
    several steps that of the first. All others are grey.

    Args:
        schemes: name -> for each step a mask, bool (T, H, W).
        query: frame, row and column of the patch.
        frames: numbers of the frames that are drawn; None: all.
        kinds: what the key calls the steps.
        column: what the columns are called, with a number after it.
    """
    T = len(next(iter(schemes.values()))[0])
    shown = range(T) if frames is None else frames
    titles = [f"{column} {t}" for t in shown]
    figure, axes = sheet(list(schemes), len(shown), titles=titles, bottom=0.35)
    for row, steps in zip(axes, schemes.values(), strict=True):
        painted = _painted(steps, query)
        for cell, t in zip(row, shown, strict=True):
            cell.imshow(painted[t])
            cell.set(xticks=np.arange(-0.5, painted.shape[2]), yticks=[])
            cell.set_yticks(np.arange(-0.5, painted.shape[1]))
            cell.grid(color="white", lw=0.8)
            cell.tick_params(length=0, labelbottom=False, labelleft=False)
    most = max(map(len, schemes.values()))
    colours = {"query": _QUERY, **dict(zip(kinds[:most], _STEPS, strict=False))}
    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 0), ncols=len(handles))
    return axes[0][0]


def _painted(steps: Sequence[Tensor], query: tuple[int, int, int]) -> np.ndarray:
    """Colours (T, H, W, 3)."""
    painted = np.full((*steps[0].shape, 3), to_rgb(_REST))
    for colour, mask in reversed(list(zip(_STEPS, steps, strict=False))):
        painted[mask.numpy()] = to_rgb(colour)
    painted[query] = to_rgb(_QUERY)
    return painted
