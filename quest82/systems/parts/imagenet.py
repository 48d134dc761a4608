"""What ImageNet networks expect of each colour channel, and small transformers with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Standardised(nn.Module):
    """Frames in [0, 1] with ImageNet's mean and spread taken off; feature maps as they are.

    A network without batch norm needs it. Pixels of low contrast are otherwise nearly the same
    numbers everywhere, and a small transformer learns next to nothing from them.

    Args:
        in_features: C; 3 means frames.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, in_features: int) -> None:
        super().__init__()
        for name, values in {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}.items():
            usual = values if in_features == 3 else (float(name == "std"),)
            self.register_buffer(name, torch.tensor(usual).view(-1, 1, 1), persistent=False)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (..., C, H, W) -> the same shape."""
        return (clips - self.mean) / self.std
