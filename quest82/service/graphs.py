"""What an exported file computes: networks with named tensors, and inputs to try them on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn

from ..data.synthetic import render
from ..frames.transforms import ClipTransform
from ..frames.view import ViewSpec
from ..systems.aggregators import GRU, LSTM
from ..systems.classifier import Classifier
from ..systems.parts.batch_norm import fused

BATCH, FRAMES = "batch", "frames"  # what the sizes that may vary are called in the file


@dataclass(frozen=True, eq=False)
class Graph:
    """A network, ready to be exported.

    Attributes:
        network: tensors in, one tensor or several out; what is exported.
        reference: the same as it was trained; what ONNX Runtime is held to.
        inputs: name of each input, and which of its dimensions may vary: ``{0: "batch"}``.
        outputs: names of what comes out.
        num_frames: T of the examples; 1 for a streaming step.
        examples: (B, T) -> inputs for B clips of T frames, float32.
    """

    network: nn.Module
    reference: nn.Module
    inputs: dict[str, dict[int, str]]
    outputs: tuple[str, ...]
    num_frames: int
    examples: Callable[[int, int], tuple[Tensor, ...]]


class Whole(nn.Module):
    """Frames to probabilities: what `Predictor` does after decoding, but for the half precision.

    Essences are not rounded to half precision, as a store rounds them, so probabilities may differ
    from those of `quest82 predict` in the third digit after the point. The distance by which
    `predict` says "none of these" is left out.

    Args:
        backbone: frames -> essences, with the normalisation inside.
        network: essences -> logits.
        temperature: logits are divided by it (see `Calibration`).
    """

    def __init__(self, backbone: nn.Module, network: Classifier, temperature: float) -> None:
        super().__init__()
        self.backbone, self.network, self.temperature = backbone, network, temperature

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (B, T, 3, S, S) in [0, 1] -> probabilities (B, K)."""
        logits = self.network(self.backbone(frames))
        return (logits / self.temperature).softmax(dim=-1)


class Step(nn.Module):
    """One frame more for a recurrent network, with its state as tensors of their own."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, essence: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Essence (B, D), state (num_layers, B, H) each -> logits (B, K), and the next state."""
        given = state[0] if len(state) == 1 else (state[0], state[1])  # of a GRU, of an LSTM
        logits, new = self.network.step(essence, given)
        return (logits, *new) if isinstance(new, tuple) else (logits, new)


def whole(
    network: Classifier, backbone: nn.Module, spec: ViewSpec, temperature: float = 1.0
) -> Graph:
    """Input `frames` (B, T, 3, S, S) in [0, 1], output `probabilities` (B, K); T is the model's."""

    def examples(B: int, T: int) -> tuple[Tensor, ...]:
        noise = torch.rand(B - 1, T, 3, spec.size, spec.size, generator=_seeded())
        return (torch.cat([_drawn(T, spec.size), noise]),)

    given, told = {"frames": {0: BATCH}}, ("probabilities",)
    light, plain = (
        Whole(part, network, temperature).eval() for part in (_easily_traced(backbone), backbone)
    )
    return Graph(light, plain, given, told, spec.num_frames, examples)


def head(network: Classifier, num_frames: int) -> Graph:
    """Input `essences` (B, T, D), output `logits` (B, K); T may vary where the network lets it."""
    D = cast(int, network.aggregator.in_features)

    def examples(B: int, T: int) -> tuple[Tensor, ...]:
        return (torch.rand(B, T, D, generator=_seeded()),)

    # One frame alone would be taken for a constant.
    inputs = {"essences": {0: BATCH, 1: FRAMES} if num_frames > 1 else {0: BATCH}}
    return Graph(network, network, inputs, ("logits",), num_frames, examples)


def step(network: Classifier) -> Graph:
    """Inputs `essence` (B, D) and the state, outputs `logits` (B, K) and the next state.

    The state of an LSTM is `hidden` and `cell`, that of a GRU `hidden`, each (num_layers, B, H);
    zeros before the first frame. What comes out is called `next_hidden` and `next_cell`.

    Raises:
        ValueError: if the aggregator is not recurrent.
    """
    aggregator = network.aggregator
    if not isinstance(aggregator, LSTM | GRU):
        raise ValueError(
            f"aggregator ({type(aggregator).__name__}) reads a clip as a whole and has no step; "
            "export the whole of it, or a model of --aggregator lstm or gru"
        )
    state = ("hidden", "cell") if isinstance(aggregator, LSTM) else ("hidden",)
    layers, H = aggregator.options["num_layers"], aggregator.out_features

    def examples(B: int, T: int) -> tuple[Tensor, ...]:
        drawn = _seeded()
        kept = (2 * torch.rand(layers, B, H, generator=drawn) - 1 for _ in state)
        return (torch.rand(B, aggregator.in_features, generator=drawn), *kept)

    inputs = {"essence": {0: BATCH}} | {name: {1: BATCH} for name in state}
    outputs = ("logits", *(f"next_{name}" for name in state))
    module = Step(network).eval()
    return Graph(module, module, inputs, outputs, 1, examples)


def _easily_traced(backbone: nn.Module) -> nn.Module:
    """A copy without batch norms and without layers that overwrite: traced in a third of the time.

    (The exporter fuses batch norms, too, but only after it has followed each through the network.)
    """
    backbone = fused(backbone)
    for module in backbone.modules():
        if "inplace" in vars(module):
            vars(module)["inplace"] = False
    return backbone


@lru_cache(maxsize=1)  # drawing takes longer than any network
def _drawn(T: int, size: int) -> Tensor:
    """A clip that looks like one, of a door that opens: float32 (1, T, 3, S, S) in [0, 1]."""
    frames = render("open_door")
    chosen = torch.linspace(0, len(frames) - 1, T).long()
    return ClipTransform(size)(frames[chosen])[None]


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
