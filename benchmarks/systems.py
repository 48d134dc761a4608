"""How long does each system of the second part take for a clip, and for a step of training?

The small variants, clips of 8 frames of 32 pixels. Systems take turns, so that a busy neighbour
slows all of them; the medians are given as times of early fusion's, too.

    OMP_NUM_THREADS=1 python benchmarks/systems.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from table import publish
from torch.nn import functional as F

from quest82.systems import classifier
from quest82.systems.classifier import Classifier
from quest82.systems.registry import ON_FRAMES

CLIPS, CLASSES, ROUNDS = 32, 12, 7
YARDSTICK = "early_fusion"


@torch.no_grad()
def answer(model: Classifier, clips: torch.Tensor) -> None:
    model.eval()(clips)


def learn(model: Classifier, clips: torch.Tensor) -> None:
    labels = torch.arange(len(clips)) % CLASSES
    F.cross_entropy(model.train()(clips), labels).backward()


def milliseconds(run: Callable, models: dict[str, Classifier]) -> dict[str, float]:
    """The median of some rounds for each system, per clip."""
    clips = torch.rand(CLIPS, 8, 3, 32, 32)
    taken: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS + 1):
        for name, model in models.items():
            start = time.perf_counter()
            run(model, clips)
            taken[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(times[1:]) / CLIPS for name, times in taken.items()}


def main() -> None:
    models = {
        name: classifier.build(name, 3, CLASSES, **kind.small) for name, kind in ON_FRAMES.items()
    }
    answers, steps = (milliseconds(run, models) for run in (answer, learn))
    publish(
        "systems",
        [
            {
                "system": name,
                "answer, ms a clip": f"{answers[name]:.2f}",
                "times early fusion's": f"{answers[name] / answers[YARDSTICK]:.1f}",
                "step of training, ms a clip": f"{steps[name]:.2f}",
                "times early fusion's step": f"{steps[name] / steps[YARDSTICK]:.1f}",
            }
            for name in models
        ],
    )


if __name__ == "__main__":
    main()
