"""A residual network in which far-off positions hear of each other: non-local blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import Tensor, nn

from .factorised import R3D, Convolution, flat, whole
from .parts.non_local_block import NonLocalBlock
from .parts.volume import as_volume


class NonLocal(R3D):
    """`R3D`, or its 2D sister, with non-local blocks after some of its stages.

    With no block it is `R3D`; with any at birth, too: `network` takes the weights of the same
    names, and a block passes on what it gets until it is trained. The 2D network has no other part
    in which frames meet; unless its blocks have positions it is blind to order.

    Args:
        in_features: C.
        at: numbers of stages, from 1, after which a block stands; a number that is there n times
            means n blocks. (The paper puts them before the last residual block of a stage.)
        kind: how two positions are compared (see `NonLocalBlock`).
        over: "space", "time" or "space_time".
        positions: tell the blocks where and when (see `NonLocalBlock`).
        volumes: 3 x 3 x 3 convolutions, else 1 x 3 x 3, by which no frame is dropped, either.
        options: the other arguments of `R3D`.

    Raises:
        ValueError: if there is no such stage, or as in `NonLocalBlock`.
    """

    source = "Wang et al. 2018, Non-local Neural Networks"
    view = {"num_frames": 32, "size": 224, "sampler": "strided", "stride": 2}
    small = {**R3D.small, "at": [2, 3]}
    on_maps = {**R3D.on_maps, "widths": [64, 64], "blocks": [1, 1], "at": [1, 2]}

    def __init__(
        self,
        in_features: int,
        *,
        at: Sequence[int] = (2, 3),
        kind: str = "embedded_gaussian",
        over: str = "space_time",
        positions: bool = False,
        volumes: bool = True,
        **options,
    ) -> None:
        super().__init__(
            in_features, at=sorted(at), kind=kind, over=over, positions=positions,
            volumes=volumes, **options,
        )  # fmt: skip
        widths = _require_stages(at, self.options["widths"])
        self.blocks = nn.ModuleDict()
        for stage, number in sorted(Counter(at).items()):
            stack = (
                NonLocalBlock(widths[stage - 1], kind=kind, over=over, positions=positions)
                for _ in range(number)
            )
            self.blocks[f"layer{stage}"] = nn.Sequential(*stack)

    def convolution(self, stage: int) -> Convolution:
        """3 x 3 x 3 or 1 x 3 x 3, in all stages."""
        return whole if self.options["volumes"] else flat

    def make_stem(self, ins: int, outs: int) -> nn.Sequential:
        """As that of `R3D`, or without time."""
        if self.options["volumes"]:
            return super().make_stem(ins, outs)
        stem = super().make_stem(ins, outs)
        d, s = self.options["stem_size"], self.options["stem_stride"]
        stem[0] = nn.Conv3d(ins, outs, (1, d, d), (1, s, s), (0, d // 2, d // 2), bias=False)
        return stem

    def volumes_after(self, clips: Tensor, stage: int) -> Tensor:
        """Clips (B, T, C, H, W) -> what the blocks after a stage are given (B, C', T', H', W').

        Figures need it: ``blocks["layer2"][0].weights(system.volumes_after(clips, 2))``.
        """
        volumes = as_volume(clips)
        for name, layer in self.network.named_children():
            volumes = layer(volumes)
            if name == f"layer{stage}":
                break
            if name in self.blocks:
                volumes = self.blocks[name](volumes)
        return volumes

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> the mean over frames and positions (B, F)."""
        last = len(self.options["widths"])
        volumes = self.volumes_after(clips, last)
        if f"layer{last}" in self.blocks:
            volumes = self.blocks[f"layer{last}"](volumes)
        return volumes.mean(dim=(2, 3, 4))


def _require_stages(at: Sequence[int], widths: Sequence[int]) -> Sequence[int]:
    if wrong := [stage for stage in at if not 1 <= stage <= len(widths)]:
        raise ValueError(
            f"at ({wrong[0]}) must be the number of a stage, 1 to {len(widths)}, as many as widths"
        )
    return widths
