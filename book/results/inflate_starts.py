"""Writes the figure of the chapter `inflate`: how soon does a 3D network tell the direction?

    OMP_NUM_THREADS=1 python book/results/inflate_starts.py

The clips, networks and settings of the chapter: shapes that move across and up and down, and back;
30 objects to learn from and 30 others for the test; three seeds. A network starts as an inflated
image network that was taught sizes ("images"), as an inflated one with random weights ("noise"),
with every frame of every kernel drawn alone ("fresh"), or as "images" with kernels that lean to one
side ("side"). Each number of epochs is a training of its own, whose learning rate falls to zero.
A run has "right", the share of directions on the test. One that the file has already is not
repeated; two minutes on one core.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import run_lines
import torch

from quest82 import learning
from quest82.data import motions
from quest82.data.tensor_set import TensorSet
from quest82.experiments import directions
from quest82.systems import classifier
from quest82.systems.classifier import Classifier
from quest82.systems.parts.inflation import InflatedConv, inflate

FILE = Path(__file__).with_suffix(".json")
KEYS = ("start", "seed", "epochs")
STARTS, EPOCHS = ("images", "noise", "fresh", "side"), (0, 2, 4, 6, 8, 10, 12)
RUNS = [(how, seed, epochs) for seed, how, epochs in product((0, 1, 2), STARTS, EPOCHS)]
KINDS, OBJECTS, WIDTHS, STRENGTH = ("across", "upright"), 30, [16, 32], 2.0


def by_size(num_objects: int, seed: int) -> TensorSet:
    """Single frames (N, 1, 3, 16, 16), by how large the shape is."""
    clips = motions.clips(num_objects, kinds=["across"], size=16, seed=seed)
    scenes = motions.scenes(num_objects, kinds=["across"], seed=seed)
    size = torch.tensor([scene.path.size[0] for scene in scenes])
    return TensorSet(
        tensors=clips.tensors[:, :1],
        groups=clips.groups,
        clip_ids=clips.clip_ids,
        labels=torch.bucketize(size, torch.tensor([0.179, 0.247])),
        classes=["small", "middle", "large"],
    )


def pairs(seed: int) -> TensorSet:
    """Clips and their reverses."""
    clips = motions.clips(OBJECTS, kinds=list(KINDS), size=16, seed=seed)
    return clips.reversed_pairs(motions.REVERSED)


def recipe(epochs: int, seed: int) -> learning.TrainConfig:
    """The settings of all trainings."""
    cosine = learning.Schedule(cosine=True)
    return learning.TrainConfig(epochs=epochs, learning_rate=3e-3, schedule=cosine, seed=seed)


@cache
def photographer(seed: int) -> Classifier:
    """An image network that knows sizes."""
    model = classifier.build("single_frame", 3, 3, widths=WIDTHS, seed=seed, head_dropout=0.1)
    learning.fit(model, by_size(400, seed=5), recipe(8, seed))
    return model


def begun(how: str, seed: int) -> Classifier:
    """A network as it is before training."""
    model = classifier.build("i3d", 3, 4, widths=WIDTHS, seed=seed)
    if how in ("images", "side"):
        model.aggregator.images = inflate(photographer(seed).aggregator.images)
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(0)
    for layer in model.modules():
        if how == "fresh" and isinstance(layer, InflatedConv):
            layer.reset_parameters()
        if how == "side" and isinstance(layer, InflatedConv) and layer.kernel_size[0] == 3:
            w = layer.weight.data
            d = STRENGTH * w.std() * torch.randn(w[:, :, 0].shape, generator=generator)
            w[:, :, 0] += d
            w[:, :, 2] -= d
    return model


def main() -> None:
    runs, train, test = run_lines.earlier(FILE), pairs(0), pairs(1)
    done = {tuple(found[key] for key in KEYS) for found in runs}
    for how, seed, epochs in RUNS:
        if (how, seed, epochs) in done:
            continue
        model = begun(how, seed)
        if epochs:
            learning.fit(model, train, recipe(epochs, seed))
        logits = learning.evaluate(model, test).logits
        right = directions.direction_hits(logits, test.labels).mean().item()
        runs.append({"start": how, "seed": seed, "epochs": epochs, "right": round(right, 4)})
        run_lines.write(FILE, {"objects": OBJECTS, "train": len(train), "test": len(test)}, runs)
        print(how, seed, epochs, runs[-1]["right"], flush=True)


if __name__ == "__main__":
    main()
