"""What does filling in teach a small transformer? Pre-trains and fine-tunes the record's models.

    nice python book/results/video_mae.py [seed ...]

The ground is `motions`: three kinds of motion in two directions, frames of 16 pixels, drawn by
formula. 200 objects (1200 clips) are given without labels, the first 100 of them with labels as
well; 40 others are for the test. The number of epochs, the learning rate and the share that the
first mask hides were chosen by how much a model explained of 40 further objects: at fewer epochs it
never left the guess of grey. No result on test clips decided anything. Without arguments five seeds
are run, about ten minutes each on a quiet core; what the file holds already is not run again, and
it is written after each step. `video_mae.json` beside this
script gets, for each seed,

- "probes": what a logistic regression on the frozen encoder, untrained or pre-trained in one way,
  makes of test clips: "kinds", the share whose kind of motion it names; "directions", the share
  whose direction it prefers to its reverse (chance is 1/2); "still", the same for a probe that
  learned from clips in which nothing moves, and is asked about such; "shuffled", for test clips of
  shuffled frames; "explained", the share of the variance of what is hidden that the decoder
  explains on test clips; and "loss" of the pre-training, epoch by epoch;
- "tuned": for each number of labelled objects and each beginning, "classes", the share of test
  clips whose class is named, and "directions".
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import torch
from torch import nn

import quest82
from quest82 import learning
from quest82.data import motions
from quest82.data.tensor_set import TensorSet
from quest82.experiments.directions import direction_hits
from quest82.learning.pretraining import MaskedPixels, ReversalContrast
from quest82.learning.probing import evaluate_probe, features_of, fit_probe
from quest82.systems.classifier import Classifier
from quest82.systems.initial import drawn
from quest82.systems.video_mae import MaskedAutoencoder, VideoMAE

RECORD = Path(__file__).with_suffix(".json")
SEEDS = (0, 1, 2, 3, 4)
KINDS, SIZE, UNLABELLED, LABELLED, TESTED = ("across", "upright", "turn"), 16, 200, 100, 40
ENCODER = {"width": 32, "depth": 2, "num_heads": 4, "patch_size": 4}
DECODER = {"width": 32, "depth": 1, "num_heads": 4}
EPOCHS, RATE = 60, 1e-2
WAYS: dict[str, MaskedPixels | ReversalContrast | None] = {
    "untrained": None,
    "tubes, 75 %": MaskedPixels("tube", 0.75),
    "clip = reverse": ReversalContrast(),
    "tubes, 90 %": MaskedPixels("tube", 0.9),
    "tubes, 95 %": MaskedPixels("tube", 0.95),
    "random, 75 %": MaskedPixels("random", 0.75),
    "frames, 75 %": MaskedPixels("frame", 0.75),
}
BEGINNINGS = ("untrained", "tubes, 75 %", "clip = reverse")
TUNING = {"1": 60, "5": 60, "100": 15}  # labelled objects, a hundredth to all -> epochs


def clips(num_objects: int, *, seed: int = 0, still_clips: bool = False) -> TensorSet:
    """Clips of each object, played forwards and backwards."""
    forwards = motions.clips(
        num_objects, kinds=KINDS, size=SIZE, seed=seed, still_clips=still_clips
    )
    return forwards.reversed_pairs(motions.REVERSED)


def first(data: TensorSet, num_objects: int) -> TensorSet:
    """The clips of the first objects."""
    names = set(sorted(set(data.groups))[:num_objects])
    return data.subset(torch.tensor([group in names for group in data.groups]))


def recipe(epochs: int, seed: int, **options) -> learning.TrainConfig:
    """How everything is trained; a transformer begins with a few small steps."""
    schedule = learning.Schedule(warm_up_epochs=1, cosine=True)
    return learning.TrainConfig(
        epochs=epochs, seed=seed, schedule=schedule, patience=epochs, **options
    )


def pretrained(
    way: MaskedPixels | ReversalContrast | None, data: TensorSet, test: TensorSet, seed: int
) -> tuple[VideoMAE, dict]:
    """An encoder that was trained in one way, without labels, and how that went."""
    model: nn.Module = drawn(
        lambda: MaskedAutoencoder(VideoMAE(3, **ENCODER), **DECODER), seed=seed
    )
    encoder = model.encoder
    if way is None:
        return encoder, {}
    model = model if isinstance(way, MaskedPixels) else encoder
    history = learning.fit(model, data, recipe(EPOCHS, seed, learning_rate=RATE, objective=way))
    told: dict = {"loss": [round(x, 4) for x in history.train_loss]}
    if isinstance(way, MaskedPixels):
        told["explained"] = way.watch(model, test)[1]
    return encoder, told


def probed(encoder: VideoMAE, seed: int, train: TensorSet, test: TensorSet, still: tuple) -> dict:
    """What a linear probe reads off a frozen encoder."""
    probe = fit_probe(features_of(encoder, train), train.labels, strength=0.1)
    shuffled = test.shuffled(torch.Generator().manual_seed(seed))
    told = {}
    for name, data in {"directions": test, "shuffled": shuffled}.items():
        logits = evaluate_probe(probe, features_of(encoder, data), data.labels).logits
        told[name] = direction_hits(logits, data.labels).mean().item()
        if name == "directions":
            told["kinds"] = (logits.argmax(1) // 2 == data.labels // 2).double().mean().item()
    here, there = still
    probe = fit_probe(features_of(encoder, here), here.labels, strength=0.1)
    logits = evaluate_probe(probe, features_of(encoder, there), there.labels).logits
    return told | {"still": direction_hits(logits, there.labels).mean().item()}


def tuned(encoder: VideoMAE, seed: int, train: TensorSet, test: TensorSet, epochs: int) -> dict:
    """The encoder and a linear layer, trained on labels."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Classifier(copy.deepcopy(encoder), len(train.classes), dropout=0.0)
    learning.fit(model, train, recipe(epochs, seed, learning_rate=1e-3))
    result = learning.evaluate(model, test)
    directions = direction_hits(result.logits, test.labels).mean().item()
    return {"classes": result.top1, "directions": directions}


def run(seed: int, record: dict) -> None:
    """Everything of one seed that the record does not hold."""
    everything, test = clips(UNLABELLED), clips(TESTED, seed=1)
    labelled = first(everything, LABELLED)
    still = clips(LABELLED, still_clips=True), clips(TESTED, seed=1, still_clips=True)
    kept = record["seeds"].setdefault(str(seed), {"probes": {}, "tuned": {}})
    for name, way in WAYS.items():
        missing = [n for n in TUNING if name in BEGINNINGS and name not in kept["tuned"].get(n, {})]
        if name in kept["probes"] and not missing:
            continue
        encoder, told = pretrained(way, everything, test, seed)
        kept["probes"][name] = told | probed(encoder, seed, labelled, test, still)
        write(record, seed, name, kept["probes"][name]["directions"])
        for number in missing:
            part = first(labelled, int(number))
            found = tuned(encoder, seed, part, test, TUNING[number])
            kept["tuned"].setdefault(number, {})[name] = found
            write(record, seed, f"{name}, labels of {number}", found["classes"])


def write(record: dict, *told: object) -> None:
    """Keep what there is, and say what is new."""
    RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(*told, file=sys.stderr, flush=True)


def main() -> None:
    record = json.loads(RECORD.read_text("utf-8")) if RECORD.is_file() else {"seeds": {}}
    record |= {"torch": torch.__version__, "quest82": quest82.__version__}
    record["settings"] = {
        "kinds": KINDS, "size": SIZE, "unlabelled": UNLABELLED, "labelled": LABELLED,
        "tested": TESTED, "encoder": ENCODER, "decoder": DECODER, "epochs": EPOCHS,
        "learning_rate": RATE, "tuning_epochs": TUNING,
    }  # fmt: skip
    for seed in map(int, sys.argv[1:] or SEEDS):
        run(seed, record)


if __name__ == "__main__":
    main()
