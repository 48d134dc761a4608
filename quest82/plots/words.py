"""The figure of where a captioner looked for each word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import panels_of


def looked_at(panels: Mapping[str, tuple[Sequence[str], np.ndarray]]) -> Axes:
    """Words down, frames across; the darker, the more the word was looked for there.

    Args:
        panels: title -> L words, and weights (L, T) that sum to 1 in each row.

    Returns:
        The first panel.
    """
    most = max(len(words) for words, _ in panels.values())
    figure, axes = panels_of(len(panels), 0.28 * most + 0.9, sharey=False)
    for axis, (title, (words, weights)) in zip(axes, panels.items(), strict=True):
        image = axis.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axis.spines[:].set_visible(True)
        axis.set(title=title, xlabel="frame", xticks=range(weights.shape[1]))
        axis.set_yticks(range(len(words)), list(words))
        axis.tick_params(length=0)
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02).set_label("weight")
    return axes[0]
