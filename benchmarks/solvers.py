"""Which way to fit the mean's linear layer is the most accurate, and what does each cost?

Made-up clips whose best possible answer is known (20 classes, 1280 numbers, unseen groups), and the
book's real and rendered essences, each group left out in turn or in ten folds. Every method gets
the same training clips; what it chooses, it chooses by groups of these.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/solvers.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table import publish

from quest82.essences import EssenceSet
from quest82.learning import SGD, TrainConfig, evaluate, fit, folds
from quest82.learning.training import fresh
from quest82.learning.uncertainty import accuracy_interval

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
K, D, GROUPS, UNSEEN = 20, 1280, 18, 12
SIGNAL, SCENE, CLIP = 0.12, 0.5, 1.0  # chosen for a best possible accuracy near 90 %
REFERENCE = "scikit-learn, C by groups"

Answer = Callable[[EssenceSet, EssenceSet], np.ndarray]  # learned, asked -> classes (N,)


def made_up(groups: range, centres: torch.Tensor) -> EssenceSet:
    """Three clips of each class in each group; clips of a class and a group share a scene."""
    generator = torch.Generator().manual_seed(groups[0])
    scenes = torch.randn(len(groups), K, 1, D, generator=generator)
    clips = torch.randn(len(groups), K, 3, D, generator=generator)
    shown = SIGNAL * centres[:, None] + SCENE * scenes + CLIP * clips
    number = len(groups) * K * 3
    return EssenceSet(
        essences=shown.reshape(number, 1, D),
        labels=torch.arange(K).repeat_interleave(3).repeat(len(groups)),
        groups=tuple(f"g{group}" for group in groups for _ in range(3 * K)),
        clip_ids=tuple(f"{groups[0]}-{i}" for i in range(number)),
        classes=tuple(f"class {k}" for k in range(K)),
    )


def ours(config: TrainConfig, *, watch: bool = False) -> Answer:
    def answer(learned: EssenceSet, asked: EssenceSet) -> np.ndarray:
        model = fresh("mean", learned, config, dtype=torch.float32)
        seen, watched = learned.split(0.2) if watch else (learned, None)
        fit(model, seen, config, watched)
        return evaluate(model, asked).predictions.numpy()

    return answer


def plain_regression(learned: EssenceSet, asked: EssenceSet) -> np.ndarray:
    model = LogisticRegression(max_iter=5000).fit(means(learned), learned.labels)
    return model.predict(means(asked))


def tuned_regression(learned: EssenceSet, asked: EssenceSet) -> np.ndarray:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    grid = {"logisticregression__C": 10.0 ** np.arange(-5, 2)}
    search = GridSearchCV(pipeline, grid, cv=GroupKFold(min(5, len(set(learned.groups)))))
    search.fit(means(learned), learned.labels, groups=learned.groups)
    return search.predict(means(asked))


METHODS: dict[str, Answer] = {
    "Adam, 60 epochs": ours(TrainConfig()),
    "Adam, early stopping": ours(TrainConfig(), watch=True),
    "SGD, 60 epochs": ours(TrainConfig(optimiser=SGD(), learning_rate=0.01)),
    'solver="lbfgs"': ours(TrainConfig(solver="lbfgs")),
    "scikit-learn, C = 1": plain_regression,
    REFERENCE: tuned_regression,
}


def means(data: EssenceSet) -> np.ndarray:
    return data.essences.double().mean(dim=1).numpy()


def parts_of(name: str) -> list[tuple[EssenceSet, EssenceSet]]:
    """What is learned and what is asked, once or fold by fold."""
    if name == "made up":
        centres = torch.randn(K, D, generator=torch.Generator().manual_seed(99))
        return [(made_up(range(GROUPS), centres), made_up(range(50, 50 + UNSEEN), centres))]
    data = EssenceSet.load(DATA / name)
    num_groups = len(set(data.groups))
    return [(data.subset(a), data.subset(b)) for a, b in folds(data, min(10, num_groups))]


def best_possible(asked: EssenceSet) -> float:
    """By the nearest true centre: in unseen groups the noise is alike in all directions."""
    centres = SIGNAL * torch.randn(K, D, generator=torch.Generator().manual_seed(99))
    nearest = torch.cdist(asked.essences[:, 0], centres).argmin(dim=1)
    return (nearest == asked.labels).double().mean().item()


def measured(answer: Answer, parts: list[tuple[EssenceSet, EssenceSet]]) -> dict:
    """Seconds of the processor, accuracy on the groups left out, and its 95 % interval."""
    start = time.process_time()
    answers = [answer(learned, asked) == asked.labels.numpy() for learned, asked in parts]
    took = time.process_time() - start
    correct = torch.from_numpy(np.concatenate(answers))
    groups = [group for _, asked in parts for group in asked.groups]
    low, high = accuracy_interval(correct, groups)
    top1 = correct.double().mean().item()
    return {"top1": top1, "low": float(low), "high": float(high), "seconds": took}


def main() -> None:
    figures, rows = {}, []
    for name in ("made up", "weizmann", "utd_mhad", "partial"):
        parts = parts_of(name)
        found = {method: measured(answer, parts) for method, answer in METHODS.items()}
        figures[name] = found
        if name == "made up":
            figures["best possible"] = best_possible(parts[0][1])
            print(f"best possible on the made-up clips: {figures['best possible']:.1%}")
        rows += [row(name, method, found) for method in METHODS]
    publish("solvers", rows, figures=figures)


def row(name: str, method: str, found: dict[str, dict]) -> dict[str, str]:
    one, reference = found[method], found[REFERENCE]
    return {
        "clips": name,
        "method": method,
        "accuracy (95 % interval)": f"{100 * one['top1']:.1f} % ({100 * one['low']:.0f} to "
        f"{100 * one['high']:.0f})",
        "against scikit-learn": f"{100 * (one['top1'] - reference['top1']):+.1f}",
        "time of scikit-learn's": f"{one['seconds'] / reference['seconds']:.2f}",
    }


if __name__ == "__main__":
    main()
