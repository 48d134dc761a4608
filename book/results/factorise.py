"""Writes the curves of the chapter `factorise`: which of two sisters learns faster?

    OMP_NUM_THREADS=1 python book/results/factorise.py

R3D and R(2+1)D of the same widths and nearly the same number of weights learn the same clips in
the same order, at four learning rates, with three seeds each. A run that the file has already is
not repeated; eleven minutes on one core.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import run_lines

from quest82 import learning
from quest82.data import motions
from quest82.data.tensor_set import TensorSet
from quest82.systems import classifier

FILE = Path(__file__).with_suffix(".json")
KEYS = ("rate", "seed", "system")
RUNS = list(product((1e-3, 3e-3, 1e-2, 3e-2), (0, 1, 2), ("r3d", "r2plus1d")))
OBJECTS, SIZE, EPOCHS = 64, 16, 10


def clips() -> tuple[TensorSet, TensorSet]:
    """All kinds in both directions; a quarter of the objects is for the test."""
    both = motions.clips(OBJECTS, size=SIZE).reversed_pairs(motions.REVERSED)
    return both.split(0.25)


def run(data: tuple[TensorSet, TensorSet], rate: float, seed: int, system: str) -> dict:
    """One training: the mean loss of each epoch, and how the end does on unseen objects."""
    train, test = data
    options = {"widths": [16, 32, 64], "blocks": [1, 1, 1], "stem_size": 3}
    options |= {"stem_middle": 12} if system == "r2plus1d" else {}
    model = classifier.build(system, 3, 12, seed=seed, head_dropout=0.0, **options)
    schedule = learning.Schedule(cosine=True)
    config = learning.TrainConfig(epochs=EPOCHS, learning_rate=rate, seed=seed, schedule=schedule)
    history = learning.fit(model, train, config)
    result = learning.evaluate(model, test)
    return {
        "train_loss": [round(loss, 4) for loss in history.train_loss],
        "test_loss": round(result.loss, 4),
        "test_top1": round(result.top1, 4),
    }


def main() -> None:
    runs = run_lines.earlier(FILE)
    done = {tuple(found[key] for key in KEYS) for found in runs}
    data = clips()
    for keys in RUNS:
        if keys in done:
            continue
        runs.append(dict(zip(KEYS, keys, strict=True)) | run(data, *keys))
        about = {"objects": OBJECTS, "size": SIZE, "epochs": EPOCHS, "train": len(data[0])}
        run_lines.write(FILE, about | {"test": len(data[1])}, runs)
        print(*keys, runs[-1]["train_loss"][-1], runs[-1]["test_top1"], flush=True)


if __name__ == "__main__":
    main()
