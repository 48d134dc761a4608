"""Networks that turn frames into essences: MobileNetV2, another of torchvision, or a VideoMAE.

What makes essences of an image network is the same for all: the linear layer that names the classes
of ImageNet is cut off, and what it would have read is the essence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torchvision import models

from .initial import Undrawn
from .mobilenet import MobileNetV2Extractor, require_clips
from .state_dicts import fill, fingerprint_of, load_into
from .video_backbone import VideoMAEBackbone
from .weights import WeightsError

DEFAULT = MobileNetV2Extractor.name
# As torchvision makes them for its ImageNet weights, and only then: drawing their initial weights
# takes a minute.
_OPTIONS = {
    name: {"transform_input": True, "init_weights": False} for name in ("googlenet", "inception_v3")
}


class Backbone(Protocol):
    """What extraction asks of a network.

    Attributes:
        name: what stores call it.
        num_features: D, the width of an essence.
        device: where it runs.
    """

    name: str
    num_features: int

    @property
    def device(self) -> torch.device:
        """Where frames must be."""

    def fingerprint(self) -> str:
        """Names the weights, so that essences of different ones are never mixed."""

    def __call__(self, clips: Tensor, /) -> Tensor:
        """Frames (B, T, 3, S, S) in [0, 1] -> essences (B, T, D), each frame for itself.

        A video network gives fewer than T (see `VideoMAEBackbone`).
        """


class TorchvisionBackbone(nn.Module):
    """An image network of torchvision without its last linear layer, frozen, in eval mode.

    Args:
        name: as in torchvision, such as "resnet18".
        weights: path of a state dict of the whole network (.safetensors, or .pth read without
            running any code in it); or a name of torchvision's weights, such as "DEFAULT", which
            are fetched from its address on first use; None: random ones.

    Attributes:
        num_features: D, the width of what the last linear layer would read.

    Raises:
        ValueError: if torchvision has no such image network, it does not end in a linear layer,
            or the file does not hold its weights.
        WeightsError: if the weights cannot be fetched.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, weights: str | Path | None = "DEFAULT") -> None:
        super().__init__()
        self.name, self.network = _require_known(name), _made(name, weights)
        self.num_features = _cut_off(self.network, name)
        preset = models.get_model_weights(name).DEFAULT.transforms()
        for what in ("mean", "std"):
            value = torch.tensor(getattr(preset, what)).view(3, 1, 1)
            self.register_buffer(what, value, persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> TorchvisionBackbone:
        """Stay in eval mode."""
        return super().train(False)

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.mean.device

    def forward(self, clips: Tensor) -> Tensor:
        """Describe every frame of a batch of clips.

        Args:
            clips: float tensor (B, T, 3, H, W) in [0, 1].

        Returns:
            Essences (B, T, D).

        Raises:
            ValueError: if clips have another shape or are not floating point, or the network does
                not take frames of this size.
        """
        B, T, C, H, W = require_clips(clips).shape
        frames = (clips.reshape(B * T, C, H, W) - self.mean) / self.std
        try:
            essences = self.network(frames)
        except (AssertionError, RuntimeError) as error:
            raise ValueError(
                f"backbone ({self.name}) does not take frames of {H} x {W} pixels here ({error}); "
                "try its own size, 224 for most"
            ) from error
        return essences.view(B, T, self.num_features)

    def fingerprint(self) -> str:
        """Digest of the weights: names the network an essence came from."""
        return fingerprint_of(self.network)


def open_backbone(
    name: str = DEFAULT, weights: str | Path | None = None
) -> MobileNetV2Extractor | TorchvisionBackbone | VideoMAEBackbone:
    """The network of that name, with the ImageNet weights or those in a file.

    Args:
        name: "mobilenet_v2", any other image network of torchvision, or "video_mae".
        weights: path of a state dict, or a name of torchvision's weights; None: MobileNetV2's,
            verified, or torchvision's default ones. A VideoMAE needs its file.

    Raises:
        ValueError: see `TorchvisionBackbone` and `VideoMAEBackbone`.
        WeightsError: if weights cannot be fetched.
    """
    if name == MobileNetV2Extractor.name:
        return MobileNetV2Extractor("imagenet" if weights is None else weights)
    if name == VideoMAEBackbone.name:
        if weights is None:
            raise ValueError(
                f"backbone ({name!r}) needs the file of its weights (--backbone-weights): a "
                "model.safetensors with its config.json beside it"
            )
        return VideoMAEBackbone(weights)
    return TorchvisionBackbone(name, "DEFAULT" if weights is None else weights)


def _require_known(name: str) -> str:
    known = models.list_models(module=models)
    if name not in known:
        raise ValueError(f"backbone ({name!r}) must be one of {', '.join(known)}, video_mae")
    return name


def _made(name: str, weights: str | Path | None) -> nn.Module:
    """The whole network, with its weights."""
    options = _OPTIONS.get(name, {})
    if weights is None:
        return models.get_model(name, weights=None, **options)
    with Undrawn():
        network = models.get_model(name, weights=None, **options)
    named = models.get_model_weights(name)
    if str(weights) in named.__members__:
        fill(network, _fetched(named[str(weights)]))
    else:
        load_into(network, Path(weights), name=name)
    return network


def _fetched(weights: models.WeightsEnum) -> dict[str, Tensor]:
    """Torchvision's weights, from torch's cache or from the web; no code in them is run."""
    try:
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except OSError as error:
        raise WeightsError(
            f"{weights}: could not be fetched ({error}); fetch {weights.url} elsewhere, and give "
            "the file (--backbone-weights)"
        ) from error


def _cut_off(network: nn.Module, name: str) -> int:
    """Let the essence pass where the last linear layer was; the width D that it read."""
    *_, (last, _) = network.named_children()
    layers = {
        path: layer for path, layer in network.named_modules() if isinstance(layer, nn.Linear)
    }
    path = next(reversed(layers), "")
    if path.split(".")[0] != last:
        raise ValueError(f"backbone ({name!r}) does not end in a linear layer; choose another")
    network.set_submodule(path, nn.Identity())
    return layers[path].in_features
