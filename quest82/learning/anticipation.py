"""Early answers: what a model says after a part of a clip, and training it to say it early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.clip_set import ClipSet
from ..data.sequence_set import SequenceSet
from .evaluation import evaluate
from .objectives import Loss

QUARTERS = (0.25, 0.5, 0.75, 1.0)


def frames_after(share: float, num_frames: int) -> int:
    """How many frames have been seen after a share of a clip: rounded, at least one.

    Raises:
        ValueError: if the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share ({share}) must be above 0 and at most 1, a part of the clip")
    return max(1, round(share * num_frames))


def answers_after(
    model: nn.Module, clips: SequenceSet, shares: Sequence[float] = QUARTERS
) -> Tensor:
    """Logits of a model that has seen the beginnings of clips, and nothing of what comes after.

    Args:
        model: as for `evaluate`; it must read clips of any number of frames.
        clips: N of them.
        shares: of each clip, above 0 and at most 1.

    Returns:
        (N, shares, K).

    Raises:
        ValueError: if a share is out of range.
    """
    counts = [frames_after(share, clips.num_frames) for share in shares]
    early = [evaluate(model, clips.frames(*range(count))).logits for count in counts]
    return torch.stack(early, dim=1)


@dataclass(frozen=True)
class EarlyCrossEntropy:
    """The mean of the cross-entropies after several shares of a clip, in nats.

    A model that is trained on whole clips alone has never been asked any earlier.

    Attributes:
        shares: of the clip, after which it is asked.
    """

    shares: tuple[float, ...] = QUARTERS

    def loss_for(self, train: ClipSet) -> Loss:
        """See `objectives.Objective`."""

        def loss(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
            counts = [frames_after(share, inputs.shape[1]) for share in self.shares]
            return torch.stack(
                [F.cross_entropy(model(inputs[:, :count]), labels) for count in counts]
            ).mean()

        return loss

    def watch(self, model: nn.Module, validation: ClipSet) -> tuple[float, float]:
        """See `objectives.Objective`: that of whole clips."""
        result = evaluate(model, validation)
        return result.loss, result.top1
