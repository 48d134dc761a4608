"""What does watching a fifth of few clips cost: the clips that are missing, or the early stop?

An LSTM on pairs of partial swings, all eight actions both ways (16 classes). Half of the objects
judge; of the other half, 40 to 240 clips are there to learn from. Three ways: on all of them to the
end; without the watched fifth, to the end; without it, and stopped by it. Six seeds, each of which
also draws the clips.

    OMP_NUM_THREADS=1 python benchmarks/watching.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from table import publish

from quest82.essences import EssenceSet
from quest82.learning import TrainConfig, evaluate, fit, set_aside
from quest82.systems import classifier

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
CONFIG = TrainConfig(epochs=60, batch_size=16, learning_rate=2e-3)
SHARES, SEEDS = (1 / 6, 1 / 3, 2 / 3, 1), range(6)


def drawn(clips: EssenceSet, share: float, seed: int) -> EssenceSet:
    if share == 1:
        return clips
    larger, smaller = clips.split(min(share, 1 - share), seed=seed)
    return smaller if share <= 1 / 2 else larger


def accuracy(
    clips: EssenceSet, judge: EssenceSet, seed: int, watched: EssenceSet | None = None
) -> float:
    options = {"projection_size": 64, "hidden_size": 64, "dtype": torch.float64}
    K = len(clips.classes)
    model = classifier.build("lstm", clips.essences.shape[-1], K, seed=seed, **options)
    fit(model, clips, replace(CONFIG, seed=seed), watched)
    return 100 * evaluate(model, judge).top1


def points(differences: np.ndarray) -> str:
    return f"{differences.mean():.1f} ({differences.min():.0f} to {differences.max():.0f})"


pool, judge = EssenceSet.load(DATA / "partial").directions().split(1 / 2)
rows, runs = [], {}
for share in SHARES:
    found = []
    for seed in SEEDS:
        clips = drawn(pool, share, seed)
        learn, watched = set_aside(clips, 1 / 5, seed=seed)
        found.append(
            (
                accuracy(clips, judge, seed),
                accuracy(learn, judge, seed),
                accuracy(learn, judge, seed, watched),
            )
        )
        print(len(clips), len(learn), seed, *(f"{top1:.1f}" for top1 in found[-1]), flush=True)
    every, fewer, stopped = np.array(found).T
    runs[len(clips)] = found
    rows.append(
        {
            "clips": len(clips),
            "watched": len(clips) - len(learn),
            "all, to the end": f"{every.mean():.1f} %",
            "fewer, to the end": f"{fewer.mean():.1f} %",
            "fewer, stopped": f"{stopped.mean():.1f} %",
            "lost by fewer clips": points(every - fewer),
            "lost by the stop": points(fewer - stopped),
        }
    )
publish("watching", rows, runs=runs)
