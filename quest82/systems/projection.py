"""Feature maps made shorter: a principal component analysis as a convolution of 1 x 1, frozen.

Of the 1280 channels of a map most say what others say, too. The C directions in which the positions
of many maps vary most keep the greater part of what tells them apart (Pearson 1901; for features of
networks: Jégou and Chum 2012).
"""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from .state_dicts import fingerprint_of, read_safetensors

_FORMAT = "quest82-projection/1"


class Projection(nn.Module):
    """Takes each position of a map from D channels to C: less the mean, and all by one scale.

    The scale makes the variance of the C channels 1 on average, as networks like their inputs (an
    LSTM on whole maps needs it to learn in a few epochs); how they compare stays as it is.

    Args:
        mean: (D,), of all positions.
        components: (C, D), orthonormal rows, the one of the greatest variance first.
        explained: (C,), the share of the variance that each carries, from 0 to 1.
        scale: (), above 0, by which everything is divided.

    Raises:
        ValueError: if the shapes do not fit together.
    """

    mean: Tensor
    components: Tensor
    explained: Tensor
    scale: Tensor

    def __init__(
        self, *, mean: Tensor, components: Tensor, explained: Tensor, scale: Tensor
    ) -> None:
        super().__init__()
        tensors = {
            "mean": mean,
            "components": components,
            "explained": explained,
            "scale": scale,
        }
        shapes = [tuple(tensor.shape) for tensor in tensors.values()]
        if components.ndim != 2 or shapes != [shapes[1][1:], shapes[1], shapes[1][:1], ()]:
            raise ValueError(f"shapes {shapes} must be (D,), (C, D), (C,) and ()")
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor.float())

    @property
    def num_channels(self) -> int:
        """C, the channels that are left."""
        return len(self.components)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, D, h, w) -> (N, C, h, w)."""
        return F.conv2d(maps, *self.as_convolution())

    def as_convolution(self) -> tuple[Tensor, Tensor]:
        """Weight (C, D, 1, 1) and bias (C,) of the convolution that it is."""
        weight = self.components / self.scale
        return weight[:, :, None, None], -weight @ self.mean

    def fingerprint(self) -> str:
        """Digest of its numbers."""
        return fingerprint_of(self)

    def to_bytes(self) -> bytes:
        """The same as a .safetensors file, which holds its own fingerprint."""
        tensors = {name: tensor.cpu().contiguous() for name, tensor in self.state_dict().items()}
        return safetensors.torch.save(tensors, {_FORMAT: self.fingerprint()})

    @classmethod
    def load(cls, path: Path) -> Projection:
        """Read it from a file.

        Raises:
            ValueError: if the file is missing, is damaged or is something else.
        """
        if not path.is_file():
            raise ValueError(f"{path}: there is no such projection")
        try:
            metadata, tensors = read_safetensors(path)
            projection = cls(**tensors)
        except (OSError, SafetensorError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: is damaged, or no projection of quest82") from error
        if metadata.get(_FORMAT) != projection.fingerprint():
            raise ValueError(f"{path}: is damaged, or no projection of quest82 (fingerprint)")
        return projection


class Moments:
    """Sums over the positions of maps from which a projection is found, in double precision.

    They take as much memory for a million positions as for one.

    Args:
        num_channels: D.

    Attributes:
        count: positions so far.
    """

    def __init__(self, num_channels: int) -> None:
        self.count = 0
        self._sum = torch.zeros(num_channels, dtype=torch.float64)
        self._products = torch.zeros(num_channels, num_channels, dtype=torch.float64)

    def add(self, maps: Tensor) -> None:
        """Take in every position of maps (N, D, h, w)."""
        positions = maps.double().movedim(1, -1).flatten(0, -2)  # (N * h * w, D)
        self.count += len(positions)
        self._sum += positions.sum(dim=0)
        self._products += positions.T @ positions

    def projection(self, num_channels: int) -> Projection:
        """The principal component analysis: the C directions of the greatest variance.

        A direction and its opposite are as good; the one is taken whose largest number is positive.

        Raises:
            ValueError: if there are not more positions than channels, or C is not below D.
        """
        D, C = len(self._sum), num_channels
        if not 1 <= C < D:
            raise ValueError(f"channels ({C}) must be from 1 to {D - 1}; without, all are kept")
        if self.count <= C:
            raise ValueError(
                f"channels ({C}) must be fewer than the positions that they are found on "
                f"({self.count}); take fewer, or more clips"
            )
        mean = self._sum / self.count
        scatter = self._products - self.count * torch.outer(mean, mean)
        values, directions = torch.linalg.eigh(scatter)  # the smallest first
        values, components = values.flip(0)[:C], directions.T.flip(0)[:C]
        scale = (values.mean() / (self.count - 1)).sqrt()
        if not scale > 0:
            raise ValueError(f"all {self.count} positions are equal; take clips that differ")
        largest = components.take_along_dim(components.abs().argmax(dim=1, keepdim=True), dim=1)
        return Projection(
            mean=mean,
            components=components * largest.sign(),
            explained=values / scatter.trace(),
            scale=scale,
        )
