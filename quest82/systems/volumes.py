"""A convolution over time, too: small volumes of frames, rows and columns as patterns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .parts.system import System
from .parts.volume import Stage3d, as_volume, pooled_size, require_volume


class Conv3dLecture(System):
    """The 3D network that fits on a slide: two convolutions, two poolings, all positions joined.

    A clip 3 x 20 x 64 x 64 (C, T, H, W) becomes 12 x 20 x 64 x 64, pooled 12 x 5 x 16 x 16, then
    24 x 5 x 16 x 16, pooled 24 x 2 x 4 x 4: 768 numbers, and the linear layer of the `Classifier`.

    Args:
        in_features: C.
        num_frames: T.
        size: H = W in pixels.
        widths: channels of the two convolutions.
        pools: blocks that the two poolings take the maximum of, in frames, rows, columns; what is
            left over at the ends is dropped.
        batch_norm: normalise after each convolution.

    Raises:
        ValueError: if (in `forward`) clips have another number of frames or another size.
    """

    source = "Ji et al. 2013, 3D Convolutional Neural Networks for Human Action Recognition"
    view = {"num_frames": 20, "size": 64, "sampler": "strided", "stride": 1}
    small = {
        "num_frames": 8,
        "size": 32,
        "widths": [24, 48],
        "pools": [[2, 4, 4], [2, 2, 2]],
        "batch_norm": True,
    }
    on_maps = {
        "num_frames": 8,
        "size": 4,
        "widths": [64, 64],
        "pools": [[2, 1, 1], [2, 2, 2]],
        "batch_norm": True,
    }

    def __init__(
        self,
        in_features: int,
        *,
        num_frames: int = 20,
        size: int = 64,
        widths: Sequence[int] = (12, 24),
        pools: Sequence[Sequence[int]] = ((4, 4, 4), (2, 4, 4)),
        batch_norm: bool = False,
    ) -> None:
        left = pooled_size((num_frames, size, size), pools, keep_rest=False)
        super().__init__(
            in_features,
            widths[-1] * math.prod(left),
            num_frames=num_frames,
            size=size,
            widths=list(widths),
            pools=[list(pool) for pool in pools],
            batch_norm=batch_norm,
        )
        self.stages = nn.Sequential(
            *(
                Stage3d(ins, [outs], pool, batch_norm=batch_norm, keep_rest=False)
                for ins, outs, pool in zip((in_features, *widths), widths, pools, strict=False)
            )
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> every channel at every position that is left (B, F)."""
        options = self.options
        require_volume(clips, options["num_frames"], options["size"], "Conv3dLecture")
        return self.stages(as_volume(clips)).flatten(1)  # (B, C', T', H', W') -> (B, F)


class C3D(System):
    """Eight convolutions of 3 x 3 x 3 and two fully connected layers, fc6 and fc7.

    The first pooling leaves time alone ("not to merge the temporal signal too early"); the others
    halve frames, rows and columns, and round up: 16 x 112 x 112 positions end as 1 x 4 x 4. The
    paper has no batch norm; it trained on a million videos. fc8 is the layer of the `Classifier`.

    Args:
        in_features: C.
        num_frames: T.
        size: H = W in pixels.
        stages: channels of the convolutions between two poolings.
        hidden_size: units of fc6 and of fc7.
        batch_norm: normalise after each convolution.
        dropout: share of fc6 set to zero in training.

    Raises:
        ValueError: if (in `forward`) clips have another number of frames or another size.
    """

    source = "Tran et al. 2015, Learning Spatiotemporal Features with 3D Convolutional Networks"
    view = {"num_frames": 16, "size": 112, "sampler": "strided", "stride": 1}
    small = {
        "num_frames": 8,
        "size": 32,
        "stages": [[16], [32], [64, 64]],
        "hidden_size": 128,
        "batch_norm": True,
        "dropout": 0.0,
    }
    on_maps = {
        "num_frames": 8,
        "size": 4,
        "stages": [[64], [64]],
        "hidden_size": 128,
        "batch_norm": True,
        "dropout": 0.0,
    }

    def __init__(
        self,
        in_features: int,
        *,
        num_frames: int = 16,
        size: int = 112,
        stages: Sequence[Sequence[int]] = ((64,), (128,), (256, 256), (512, 512), (512, 512)),
        hidden_size: int = 4096,
        batch_norm: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(
            in_features,
            hidden_size,
            num_frames=num_frames,
            size=size,
            stages=[list(widths) for widths in stages],
            hidden_size=hidden_size,
            batch_norm=batch_norm,
            dropout=dropout,
        )
        pools = [(1, 2, 2), *[(2, 2, 2)] * (len(stages) - 1)]
        ins = (in_features, *(widths[-1] for widths in stages))
        self.stages = nn.Sequential(
            *(
                Stage3d(*stage, batch_norm=batch_norm)
                for stage in zip(ins, stages, pools, strict=False)
            )
        )
        positions = math.prod(pooled_size((num_frames, size, size), pools))
        self.fc6 = nn.Linear(ins[-1] * positions, hidden_size)
        self.fc7 = nn.Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> fc7 (B, hidden_size)."""
        return self.fc7(self.dropout(self.fc6_of(clips))).relu()

    def fc6_of(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) -> fc6 after its ReLU (B, hidden_size)."""
        require_volume(clips, self.options["num_frames"], self.options["size"], "C3D")
        return self.fc6(self.stages(as_volume(clips)).flatten(1)).relu()


@torch.no_grad()
def c3d_features(c3d: C3D, videos: Tensor, *, batch_size: int = 32) -> Tensor:
    """C3D features (Tran et al. 2015): fc6 of windows, averaged, of length 1.

    Windows have the T frames of the network, and each begins T / 2 frames after the last; frames
    behind the last whole window are not looked at. A linear classifier on them is
    `learning.svm`.

    Args:
        c3d: a trained network; it is used in eval mode, and left as it was.
        videos: (N, T', C, H, W), floating point, T' at least T.
        batch_size: videos at once.

    Returns:
        (N, hidden_size), each row of Euclidean length 1 (or 0, where no unit of fc6 is active).

    Raises:
        ValueError: if videos have fewer than T frames, or another size than the network.
    """
    T = c3d.options["num_frames"]
    if videos.shape[1] < T:
        raise ValueError(
            f"videos have {videos.shape[1]} frames, but a window of this C3D has {T} "
            "(num_frames): sample more frames"
        )
    was_training = c3d.training
    c3d.eval()
    found = []
    for some in videos.split(batch_size):
        windows = some.unfold(1, T, max(T // 2, 1)).movedim(-1, 2)  # (B, V, T, C, H, W)
        fc6 = c3d.fc6_of(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])  # (B, V, F)
        found.append(F.normalize(fc6.mean(dim=1), dim=1))
    c3d.train(was_training)
    return torch.cat(found)
