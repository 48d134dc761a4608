"""Figures of matrices: which classes a model confuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import panels_of


def confusions(matrices: Mapping[str, np.ndarray], classes: Sequence[str]) -> Axes:
    """Confusion matrices below one another; rows are true classes and add up to 100 %."""
    names = [name.replace("_", " ") for name in classes]
    figure, axes = panels_of(len(matrices), max(0.17 * len(names) + 0.5, 1.8), columns=1)
    for axis, (name, counts) in zip(axes, matrices.items(), strict=True):
        counts = np.asarray(counts, dtype=float)
        share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        image = axis.imshow(share, vmin=0, vmax=100, cmap="Blues", aspect="auto")
        axis.set(title=name, ylabel="true class", xticks=[])
        axis.set_yticks(range(len(names)), names)
        axis.spines[:].set_visible(True)
        for k in range(2, len(names), 2):  # a thin line around each pair of opposites
            axis.axhline(k - 0.5, color="#DDDDDD", lw=0.6)
            axis.axvline(k - 0.5, color="#DDDDDD", lw=0.6)
    axes[-1].set_xticks(range(len(names)), names, rotation=90)
    axes[-1].set_xlabel("predicted class")
    figure.colorbar(image, ax=axes, shrink=0.5, pad=0.02).set_label("% of the true class")
    return axes[0]
