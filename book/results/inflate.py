"""Does an inflated MobileNetV2 learn to see time? Trains the models of the record (three seeds).

    nice python book/results/inflate.py

The ground is the partial swing: 8 pairs of opposite actions, 20 objects each, drawn by formula and
never written to a file; 8 frames of 64 pixels; a quarter of the objects is for the test. Blocks 0
to 13 of MobileNetV2 stay as they are, for images; their maps (96 channels, 4 x 4 positions) are
made once. What is trained are blocks 14 to 18 and a linear layer, in 12 epochs at a rate of 0.0003
that falls by a cosine, batch norm fixed; that was decided before any result was seen. About half
an hour on two busy cores; the file is written after each model. `inflate.json` beside this script
gets

- "settings"; "groups": the object of each test clip;
- for each model and seed "right": 1 where it prefers the class of a test clip to its reverse, 0
  where not, 0.5 where both are equally likely; "classes": the share of the 16 classes; "loss": of
  training, epoch by epoch;
- "kernels": for the depthwise kernels of each of blocks 14 to 17, how much their first and last
  frame differ, as a share of their size, before and after training (mean over channels).
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

import quest82
from quest82 import learning
from quest82.data import synthetic
from quest82.data.tensor_set import TensorSet
from quest82.frames import sampling
from quest82.frames.transforms import ClipTransform
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor
from quest82.systems.parts.inflation import InflatedConv, inflate

RECORD = Path(__file__).with_suffix(".json")
BLOCK, T, SIZE, OBJECTS, EPOCHS, RATE = 14, 8, 64, 20, 12, 3e-4
SEEDS = (0, 1, 2)
LAYOUT = torch.channels_last_3d  # trains in half the time


class Tail(nn.Module):
    """The last blocks over clips of maps (B, T, 96, H, W) -> mean of their 1280 features."""

    out_features = 1280

    def __init__(self, in_features: int, *, time_kernel: int, weights: str | None) -> None:
        super().__init__()
        self.in_features = in_features
        with torch.random.fork_rng(devices=[]):
            blocks = copy.deepcopy(MobileNetV2Extractor(weights).features[BLOCK:])
        inflated = inflate(blocks, time_kernel=time_kernel).requires_grad_(True)
        self.blocks = inflated.to(memory_format=LAYOUT)
        self.fixed = weights is not None

    def train(self, mode: bool = True) -> Tail:
        """Batch norm stays that of ImageNet; one that begins at random must find its own."""
        return super().train(mode and not self.fixed)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, T, 96, H, W) -> (B, 1280)."""
        clips = maps.transpose(1, 2).contiguous(memory_format=LAYOUT)  # (B, 96, T, H, W)
        return self.blocks(clips).mean(dim=(2, 3, 4))


def frames_of(action: str, number: int) -> Tensor:
    """Eight frames of a clip, float32 (T, 3, S, S) in [0, 1]."""
    whole = synthetic.render(action, number, swing="partial")
    return ClipTransform(SIZE)(whole[sampling.segment_indices(len(whole), T)])


@torch.no_grad()
def maps() -> TensorSet:
    """Maps of all clips, forwards and backwards."""
    front = MobileNetV2Extractor()
    del front.features[BLOCK:]
    found, actions = [], sorted(synthetic.REVERSED)
    for action in actions:
        clips = torch.stack([frames_of(action, number) for number in range(OBJECTS)])
        shown = ((clips - front.mean) / front.std).flatten(0, 1)
        found.append(front.features(shown).unflatten(0, (OBJECTS, T)))
    names = [f"{action} {number:02d}" for action in actions for number in range(OBJECTS)]
    labels = [k for k in range(len(actions)) for _ in range(OBJECTS)]
    data = TensorSet(
        tensors=torch.cat(found).contiguous(), labels=labels, groups=names, clip_ids=names,
        classes=actions,
    )  # fmt: skip
    return data.reversed_pairs(synthetic.REVERSED)


def opposite(data: TensorSet) -> Tensor:
    """Number of the reverse of each clip's class (N,)."""
    back = synthetic.REVERSED | {b: a for a, b in synthetic.REVERSED.items()}
    return torch.tensor([data.classes.index(back[data.classes[k]]) for k in data.labels])


def asymmetry(model: nn.Module) -> list[float]:
    """How much a depthwise kernel's first and last frame differ, as a share of its size."""
    kernels = [m.weight for m in model.modules() if type(m) is InflatedConv and m.groups > 1]
    return [
        ((w[:, :, 0] - w[:, :, -1]).flatten(1).norm(dim=1) / w.flatten(1).norm(dim=1)).mean().item()
        for w in kernels
    ]


def run(train: TensorSet, test: TensorSet, seed: int, **how) -> dict:
    """Train one model, and say what it says of the test clips."""

    def tail(in_features):
        return Tail(in_features, time_kernel=how["time_kernel"], weights=how["weights"])

    model = classifier.build(tail, train.num_features, len(train.classes), seed=seed)
    before = asymmetry(model)
    model.aggregator.requires_grad_(how["trained"])
    config = learning.TrainConfig(
        epochs=EPOCHS, learning_rate=RATE, schedule=learning.Schedule(cosine=True), seed=seed
    )
    history = learning.fit(model, train, config)
    logits = learning.evaluate(model, test).logits.double()
    rows = torch.arange(len(test))
    margin = logits[rows, test.labels] - logits[rows, opposite(test)]
    right = (margin > 1e-4).double() + 0.5 * (margin.abs() <= 1e-4)
    return {
        "right": right.tolist(),
        "classes": (logits.argmax(1) == test.labels).double().mean().item(),
        "loss": [round(loss, 4) for loss in history.train_loss],
        "kernels": {"before": before, "after": asymmetry(model)},
    }


IMAGENET = {"weights": "imagenet", "trained": True, "blind": False}
MODELS = {
    "inflated": IMAGENET | {"time_kernel": 3},
    "for images": IMAGENET | {"time_kernel": 1, "blind": True},
    "inflated, not trained": IMAGENET | {"time_kernel": 3, "trained": False, "blind": True},
    "inflated, from random weights": IMAGENET | {"time_kernel": 3, "weights": None},
}


def main() -> None:
    train, test = maps().split(0.25)
    record = json.loads(RECORD.read_text()) if RECORD.is_file() else {"models": {}}
    settings = {"block": BLOCK, "frames": T, "size": SIZE, "objects": OBJECTS, "epochs": EPOCHS}
    record |= {"groups": list(test.groups), "settings": settings | {"learning_rate": RATE}}
    record |= {"train": len(train), "torch": torch.__version__, "quest82": quest82.__version__}
    for name, how in MODELS.items():
        for seed in SEEDS:
            runs = record["models"].setdefault(name, {})
            if str(seed) in runs or (seed and how["blind"]):
                continue  # what is blind by proof needs one seed
            runs[str(seed)] = run(train, test, seed, **how)
            RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
            right = runs[str(seed)]["right"]
            print(name, seed, f"{sum(right) / len(right):.3f}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
