"""Writes `streams.json`: what the chapters `two-streams` and `segments` measure with five seeds.

    python book/results/streams.py            # all that is missing
    python book/results/streams.py fusion 0   # one part, one seed

Each part and seed is written as soon as it is done. Seeds are those of the weights, of the course
of the training and of what is drawn in it; the clips are the same. "first_layer" needs the ImageNet
weights of MobileNetV2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from quest82 import learning
from quest82.data import motions
from quest82.data.tensor_set import TensorSet
from quest82.frames.augmentation import Augmentation
from quest82.frames.augmented_set import AugmentedSet
from quest82.learning.evaluation import judge
from quest82.learning.score_fusion import average_scores
from quest82.systems import classifier
from quest82.systems.costs import costs
from quest82.systems.initial import drawn
from quest82.systems.parts.batch_norm import partial_batch_norm
from quest82.systems.parts.cross_modality import for_channels
from quest82.systems.parts.stream_fusions import FUSIONS
from quest82.systems.state_dicts import load_into
from quest82.systems.tsn import SegmentScores
from quest82.systems.weights import ensure_checkpoint

RECORD = Path(__file__).with_suffix(".json")
SEEDS = range(5)
WIDTHS = [16, 32, 64]
KINDS = ("across", "upright", "size", "turn")
INITIAL = ("random", "ImageNet", "ImageNet, statistics held")
OFF = {
    "places at corners": {"corners": False},
    "scale": {"scales": (1.0,)},
    "aspect": {"aspect": False},
    "colour": {"jitter": 0.0},
    "rotation": {"degrees": 0.0},
    "mirror": {"flip": False},
}


def config(seed: int, epochs: int, rate: float = 3e-3, **options) -> learning.TrainConfig:
    schedule = learning.Schedule(cosine=True)
    return learning.TrainConfig(
        epochs=epochs, learning_rate=rate, schedule=schedule, seed=seed, patience=epochs, **options
    )


def painted(num_objects: int = 60) -> tuple[TensorSet, TensorSet]:
    """Training and test clips of three colours in four directions, with their flow."""
    both = motions.painted(num_objects, size=16).reversed_pairs(motions.paint_names())
    return both.split(1 / 3)


def fusion(seed: int, *, num_objects: int = 60, epochs: int = 15) -> dict:
    """Accuracy and size of two streams apart, side by side, and fused in every way."""
    train, test = painted(num_objects)
    found = _apart(train, test, config(seed, epochs))
    options = {"num_frames": 8, "widths": WIDTHS}
    systems = {"side by side": ("two_stream", {})}
    for name in FUSIONS:
        for after in (1, len(WIDTHS)):
            systems[f"{name} {after}"] = "fused_streams", {"fusion": name, "after": after}
    for name in ("sum", "convolution"):
        late = {"fusion": name, "after": len(WIDTHS), "over_time": True}
        systems[f"{name} over time"] = "fused_streams", late
    for name, (system, choice) in systems.items():
        model = classifier.build(system, 5, len(train.classes), seed=seed, **options, **choice)
        learning.fit(model, train, config(seed, epochs))
        found[name] = {
            "top1": learning.evaluate(model, test).top1,
            "parameters": costs(model, tuple(train.tensors.shape[1:])).parameters,
        }
    return found


def _apart(train: TensorSet, test: TensorSet, settings: learning.TrainConfig) -> dict:
    """Each stream alone, and the average of their scores."""
    halves = zip(motions.apart(train), motions.apart(test), strict=True)
    found, logits, systems = {}, [], (("single_frame", {}), ("early_fusion", {"num_frames": 7}))
    for (system, options), (ours, theirs) in zip(systems, halves, strict=True):
        channels, K = ours.num_features, len(ours.classes)
        model = classifier.build(system, channels, K, seed=settings.seed, widths=WIDTHS, **options)
        learning.fit(model, ours, settings)
        logits.append(learning.evaluate(model, theirs).logits)
        parameters = costs(model, tuple(ours.tensors.shape[1:])).parameters
        name = "spatial alone" if channels == 3 else "temporal alone"
        found[name] = {"top1": judge(logits[-1], test.labels).top1, "parameters": parameters}
    both = sum(of_one["parameters"] for of_one in found.values())
    fused = judge(average_scores(logits), test.labels).top1
    return {**found, "average of scores": {"top1": fused, "parameters": both}}


class Temporal(nn.Module):
    """An image network on the stack of flow, the mean over positions, a linear layer."""

    def __init__(self, images: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.images, self.head = images, nn.Linear(1280, num_classes)

    def forward(self, flow: Tensor) -> Tensor:
        return self.head(self.images(flow.flatten(1, 2)).mean(dim=(2, 3)))


def temporal(initial: str, seed: int) -> Temporal:
    """MobileNetV2 on flow of 7 steps, with weights for images or without."""
    network = drawn(mobilenet_v2, seed=seed)
    if initial != "random":
        load_into(network, ensure_checkpoint(), name="mobilenet_v2")
    images = for_channels(network.features, 14)
    if initial.endswith("held"):
        partial_batch_norm(images)
    return drawn(lambda: Temporal(images, 2 * len(KINDS)), seed=seed)


def first_layer(seed: int, *, num_objects: int = 36, epochs: int = 12) -> dict:
    """Losses and accuracies over the epochs, for each way to begin."""
    flows = motions.flows(num_objects, kinds=KINDS, size=32).reversed_pairs(motions.REVERSED)
    train, test = flows.split(1 / 3)
    found = {}
    for initial in INITIAL:
        settings = config(seed, epochs, 3e-4)
        history = learning.fit(temporal(initial, seed), train, settings, test)
        found[initial] = {"loss": history.train_loss, "top1": history.validation_top1}
    return found


def visitors(num_train: int = 24, num_test: int = 60) -> tuple[TensorSet, TensorSet]:
    """Frames, in few of which something coloured is visible."""
    shown = motions.painted(num_train + num_test, kinds=("visit",), size=16)
    frames, _ = motions.apart(shown)
    return frames.subset(range(num_train)), frames.subset(range(num_train, len(frames)))


def augmentation(seed: int, *, num_train: int = 24, epochs: int = 60) -> dict:
    """Accuracies without any, with all, and with all but one."""
    train, test = visitors(num_train)
    found = {"none": _segments(train, test, seed, epochs)}
    for name, switch in {"all": {}, **{f"all but {k}": off for k, off in OFF.items()}}.items():
        views = AugmentedSet.of(train, Augmentation(16, **switch), seed=seed)
        found[name] = _segments(views, test, seed, epochs)
    return found


def _segments(train: TensorSet, test: TensorSet, seed: int, epochs: int) -> float:
    model = drawn(lambda: SegmentScores(3, 3, num_frames=8, widths=[16, 32]), seed=seed)
    learning.fit(model, train, config(seed, epochs, batch_size=16))
    return learning.evaluate(model, test).top1


PARTS: dict[str, Callable[[int], dict]] = {
    "fusion": fusion,
    "first_layer": first_layer,
    "augmentation": augmentation,
}


def main(parts: list[str], seeds: list[int]) -> None:
    for part in parts:
        for seed in seeds:
            record = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}
            if str(seed) not in record.setdefault(part, {}):
                record[part][str(seed)] = _rounded(PARTS[part](seed))
                RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def _rounded(found: object) -> object:
    if isinstance(found, dict):
        return {name: _rounded(value) for name, value in found.items()}
    if isinstance(found, list):
        return [_rounded(value) for value in found]
    return round(found, 4)


if __name__ == "__main__":
    torch.set_num_threads(1)
    chosen = sys.argv[1:]
    main(chosen[:1] or list(PARTS), [int(s) for s in chosen[1:]] or list(SEEDS))
