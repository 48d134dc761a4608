"""A detector of action tubes in small: where is the thing that moves, and what does it do?

After "Objects as Points" (Zhou et al. 2019) and "Actions as Moving Points" (Li et al. 2020): a
heat map says at which position the middle of the box is, and at each position there is a guess of
the box and of the class. Kernels over time see a frame together with its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .boxes import box_iou, link

_STRIDE = 4  # pixels from one position to the next


class Guesses(NamedTuple):
    """What the detector says of B clips of T frames, at h x w positions.

    Attributes:
        heat: (B, T, h, w), logits of the position; the softmax is over all positions of a frame.
        boxes: (B, T, h, w, 4), left, top, right and bottom in pixels.
        classes: (B, T, h, w, K), logits.
    """

    heat: Tensor
    boxes: Tensor
    classes: Tensor


class MovingPoints(nn.Module):
    """A small detector of one moving thing in each clip.

    Args:
        num_classes: K.
        in_channels: C of the frames.
        widths: channels of the three layers.
        over_time: frames that a kernel spans, odd; 1: each frame is seen alone.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 3,
        widths: Sequence[int] = (12, 24, 24),
        over_time: int = 3,
    ) -> None:
        super().__init__()
        layers, before = [], in_channels
        for width, stride in zip(widths, (2, 2, 1), strict=True):
            around, step = (over_time // 2, 1, 1), (1, stride, stride)
            kernel = (over_time, 3, 3)
            layers += [
                nn.Conv3d(before, width, kernel, step, around, bias=False),
                nn.BatchNorm3d(width),
                nn.ReLU(),
            ]
            before = width
        self.maps = nn.Sequential(*layers)
        self.head = nn.Conv3d(before, 1 + 4 + num_classes, 1)

    def forward(self, clips: Tensor) -> Guesses:
        """Clips (B, T, C, H, W) in [0, 1] -> guesses at H / 4 x W / 4 positions."""
        volume = clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        maps = self.maps(volume)  # (B, C, T, H, W) -> (B, F, T, h, w)
        found = self.head(maps).permute(0, 2, 3, 4, 1)  # (B, T, h, w, 5 + K)
        heat, sides, classes = found[..., 0], found[..., 1:5], found[..., 5:]
        return Guesses(heat, _boxes(sides), classes)


def detection_loss(guesses: Guesses, boxes: Tensor, labels: Tensor) -> Tensor:
    """How wrong the place, the box and the class are, in frames that have a box.

    The cross-entropy over positions, 1 - IoU of the box guessed at the right position, and the
    cross-entropy of the class guessed there; added up, and averaged over frames.

    Args:
        guesses: of B clips.
        boxes: (B, T, 4) in pixels; NaN where there is none.
        labels: (B,) classes.
    """
    h, w = guesses.heat.shape[2:]
    seen = ~boxes.isnan().any(dim=-1)  # (B, T)
    true = boxes[seen]  # (M, 4)
    middle = ((true[:, :2] + true[:, 2:]) / (2 * _STRIDE)).long()
    cell = middle[:, 1].clamp(max=h - 1) * w + middle[:, 0].clamp(max=w - 1)
    heat, found, classes = (part[seen].flatten(1, 2) for part in guesses)  # (M, h w, ...)
    rows = torch.arange(len(cell))
    where = F.cross_entropy(heat, cell)
    shape = 1 - box_iou(found[rows, cell], true).mean()
    what = F.cross_entropy(classes[rows, cell], labels[:, None].expand_as(seen)[seen])
    return where + shape + what


class Tubes(NamedTuple):
    """The best tubes that were found in one clip, the best one first.

    Attributes:
        boxes: (M, T, 4) in pixels.
        scores: (M,), the mean over frames of the share of the heat at the box's position.
        classes: (M, K), probabilities.
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor


def tubes_of(guesses: Guesses, *, most: int = 2, candidates: int = 3) -> list[Tubes]:
    """String the warmest positions of neighbouring frames together.

    Positions are those that are warmer than their neighbours. When a tube has been found, its
    boxes are taken away, and the next one is sought among those that are left.

    Args:
        guesses: of B clips.
        most: tubes for each clip, at most `candidates`.
        candidates: positions kept in each frame.

    Returns:
        B times `most` tubes.

    Raises:
        ValueError: if most is above candidates.
    """
    if most > candidates:
        raise ValueError(f"most ({most}) must be at most candidates ({candidates})")
    return [_tubes(Guesses(*parts), most, candidates) for parts in zip(*guesses, strict=True)]


def _tubes(clip: Guesses, most: int, candidates: int) -> Tubes:
    scores, cells = _peaks(clip.heat).topk(candidates, dim=1)  # (T, h w) -> (T, M)
    frames = torch.arange(len(cells))
    boxes = clip.boxes.flatten(1, 2)[frames[:, None], cells]  # (T, M, 4)
    classes = clip.classes.flatten(1, 2)[frames[:, None], cells]  # (T, M, K)
    left, found = scores.clone(), []
    for _ in range(most):
        way = link(boxes, left)
        left[frames, way] = -torch.inf
        said = classes[frames, way].log_softmax(dim=-1).mean(dim=0).softmax(dim=-1)
        found.append((boxes[frames, way], scores[frames, way].mean(), said))
    return Tubes(*map(torch.stack, zip(*found, strict=True)))


def _peaks(heat: Tensor) -> Tensor:
    """The share of each position in its frame's heat (T, h w); less than 0 beside a warmer one."""
    share = heat.flatten(1).softmax(dim=1)
    warmest = F.max_pool2d(heat[:, None], 3, 1, 1).flatten(1)
    return torch.where(heat.flatten(1) >= warmest, share, share - 1)


def _boxes(sides: Tensor) -> Tensor:
    """How far the four sides are from the middle of each position -> boxes in pixels."""
    h, w = sides.shape[2:4]
    y, x = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
    middle = _STRIDE * torch.stack([x, y], dim=-1).to(sides)  # (h, w, 2)
    away = _STRIDE * F.softplus(sides)
    return torch.cat([middle - away[..., :2], middle + away[..., 2:]], dim=-1)
