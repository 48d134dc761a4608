"""Two pathways over one clip: few frames and many channels, many frames and few channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .parts.laterals import LATERALS
from .parts.pathway import Pathway, made_by
from .parts.system import System
from .parts.volume import as_volume, drawn_for_relus

PATHWAYS = {"both": ("slow", "fast"), "slow": ("slow",), "fast": ("fast",)}


class SlowFast(System):
    """A Slow pathway sees every alpha-th frame, a Fast one all of them with beta of the channels.

    Both are residual networks of bottlenecks. The blocks of the Fast pathway see three frames each;
    those of the Slow one see a single frame, but in its last two stages. Before each stage the Slow
    pathway is handed what the Fast one has so far: a lateral connection.

    With the options as they are it is the network SlowFast 4 x 16 of the paper for 32 frames. With
    alpha = 4 and lateral_kernel = 7 it is the authors' SlowFast 8 x 8.

    Args:
        in_features: C.
        widths: of the stages of the Slow pathway, inside their bottlenecks.
        blocks: bottlenecks of each stage.
        alpha: frames of the Fast pathway for each one of the Slow pathway.
        beta: channels of the Fast pathway for each one of the Slow pathway.
        lateral: one of `parts.laterals.LATERALS`, or "none".
        lateral_kernel: odd frames that a strided convolution sees.
        pathways: "both", or "slow" or "fast" alone.
        stem_size: d of the first convolutions, 1 x d x d and 5 x d x d.
        stem_stride: their step in rows and columns.
        stem_pool: whether a maximum pool halves rows and columns after them.

    Raises:
        ValueError: if lateral or pathways is another word, or beta leaves no channel.
    """

    source = "Feichtenhofer et al. 2019, SlowFast Networks for Video Recognition"
    view = {"num_frames": 32, "size": 224, "sampler": "strided", "stride": 2}
    small = {
        "widths": [16, 32, 64], "blocks": [1, 1, 1], "alpha": 4, "beta": 0.25,
        "stem_size": 3, "stem_pool": False,
    }  # fmt: skip
    on_maps = {**small, "widths": [32, 64], "blocks": [1, 1], "stem_stride": 1}

    def __init__(
        self,
        in_features: int,
        *,
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (3, 4, 6, 3),
        alpha: int = 8,
        beta: float = 1 / 8,
        lateral: str = "strided_convolution",
        lateral_kernel: int = 5,
        pathways: str = "both",
        stem_size: int = 7,
        stem_stride: int = 2,
        stem_pool: bool = True,
    ) -> None:
        widths, fast_widths = [*widths], _thinned(widths, beta)
        ends = {"slow": made_by(widths)[-1], "fast": made_by(fast_widths)[-1]}
        used = _known("pathways", pathways, PATHWAYS)
        connect = _known("lateral", lateral, {**LATERALS, "none": None})
        super().__init__(
            in_features, sum(ends[name] for name in used),
            widths=widths, blocks=list(blocks), alpha=alpha, beta=beta, lateral=lateral,
            lateral_kernel=lateral_kernel, pathways=pathways,
            stem_size=stem_size, stem_stride=stem_stride, stem_pool=stem_pool,
        )  # fmt: skip
        laterals: list[Any] = []
        if connect is not None and pathways == "both":
            made = made_by(fast_widths)[:-1]
            laterals = [connect(width, alpha, lateral_kernel) for width in made]
        self.laterals, self.pathways = nn.ModuleList(laterals), nn.ModuleDict()
        kernels = _time_kernels(len(widths))
        if "slow" in used:
            joined = [layer.out_channels for layer in laterals]
            self.pathways["slow"] = self._pathway(widths, kernels["slow"], joined)
        if "fast" in used:
            self.pathways["fast"] = self._pathway(fast_widths, kernels["fast"], [])
        self.apply(drawn_for_relus)

    def _pathway(self, widths: list[int], kernels: list[int], joined: list[int]) -> Pathway:
        stem = {name: self.options[name] for name in ("stem_size", "stem_stride", "stem_pool")}
        blocks = self.options["blocks"]
        return Pathway(
            self.in_features, widths, blocks, time_kernels=kernels, joined=joined, **stem
        )

    def volumes(self, clips: Tensor) -> dict[str, list[Tensor]]:
        """What stem and stages of each pathway make: name -> volumes (B, C', T', H', W')."""
        made, joins = {}, []
        if "fast" in self.pathways:
            made["fast"] = self.pathways["fast"](as_volume(clips))
            joins = [layer(own) for layer, own in zip(self.laterals, made["fast"], strict=False)]
        if "slow" in self.pathways:
            few = clips[:, :: self.options["alpha"]]  # (B, T / alpha, C, H, W)
            made["slow"] = self.pathways["slow"](as_volume(few), joins)
        return made

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the means of the last volumes, Slow before Fast (B, F)."""
        made = self.volumes(clips)
        return torch.cat([made[name][-1].mean(dim=(2, 3, 4)) for name in self.pathways], dim=1)


def _time_kernels(stages: int) -> dict[str, list[int]]:
    """Frames that the stem, then the blocks of each stage see."""
    slow = [1] * stages + [3, 3]
    return {"slow": [1, *slow[-stages:]], "fast": [5] + [3] * stages}


def _thinned(widths: Sequence[int], beta: float) -> list[int]:
    if min(thin := [int(beta * width) for width in widths]) < 1:
        raise ValueError(
            f"beta ({beta}) leaves no channel of {min(widths)} (widths): take at least "
            f"1 / {min(widths)}"
        )
    return thin


def _known(name: str, value: str, allowed: dict):
    if value not in allowed:
        raise ValueError(f"{name} ({value!r}) must be one of {', '.join(allowed)}")
    return allowed[value]
