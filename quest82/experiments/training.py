"""One model, taught and tested: what it answers about each clip."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import nn

from .. import learning
from ..data.sequence_set import SequenceSet
from ..systems.classifier import Classifier
from .models import Model

DIRECTIONS = ("forwards", "backwards")
PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Budget:
    """How long and how each model is taught: the same for all of them.

    Attributes:
        epochs: at most; early stopping, where clips are watched, ends sooner.
        batch_size: clips of a step.
        learning_rate: of Adam.
        precision: float32, or float64 for digits that hold on every processor, in twice the time.
        schedule: of the learning rate: "cosine" lets it fall to 0; empty: it stays.

    Raises:
        ValueError: if there is no such precision or schedule.
    """

    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 1e-3
    precision: str = "float32"
    schedule: str = ""

    def __post_init__(self) -> None:
        if self.schedule not in ("", "cosine"):
            raise ValueError(f"schedule ({self.schedule!r}) must be 'cosine', or empty")
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"precision ({self.precision!r}) must be one of {', '.join(PRECISIONS)}"
            )


@dataclass(frozen=True)
class Run:
    """What one model of one seed answered.

    Attributes:
        answers: "forwards" -> its evaluation on the test clips, in their order; where that was
            asked, "backwards", on their frames in reverse order, and "shuffled", on their frames
            in a random one.
        parameters: how many numbers it learned.
        seconds: how long it took.
    """

    answers: dict[str, learning.Evaluation]
    parameters: int
    seconds: float


@dataclass(frozen=True)
class Attempt:
    """One model with one seed, about to be taught.

    Attributes:
        model: which.
        seed: of the weights, the order of the clips, and what is shuffled.
        budget: how it is taught.
        device: where.
        progress: show a progress bar.
    """

    model: Model
    seed: int
    budget: Budget
    device: str = "cpu"
    progress: bool = False

    def teach(self, learned: SequenceSet, watched: SequenceSet | None, test: SequenceSet) -> Run:
        """Learn from some clips and answer others, as they are and played backwards."""
        start, network = time.perf_counter(), self._fresh(learned)
        learning.fit(network, learned, self._config, watched)
        order = torch.Generator().manual_seed(self.seed)
        answers = {
            "forwards": learning.evaluate(network, test),
            "backwards": learning.evaluate(network, test.backwards()),
            "shuffled": learning.evaluate(network, test.shuffled(order)),
        }
        return Run(answers, _count(network), time.perf_counter() - start)

    def leave_out(self, data: SequenceSet, folds: int | None) -> Run:
        """Answer each clip by a fresh network that has not seen its group."""
        start = time.perf_counter()
        judged = learning.cross_validate(
            lambda: self._fresh(data), data, self._config, num_folds=folds
        )
        parameters = _count(self._fresh(data))
        return Run({"forwards": judged}, parameters, time.perf_counter() - start)

    def seen(self, data: SequenceSet) -> SequenceSet:
        """The clips as the model sees them."""
        return self.model.seen(data, self.seed)

    def _fresh(self, data: SequenceSet) -> Classifier:
        dtype = PRECISIONS[self.budget.precision]
        return self.model.build(data, self.seed, dtype).to(self.device)

    @property
    def _config(self) -> learning.TrainConfig:
        return learning.TrainConfig(
            epochs=self.budget.epochs,
            batch_size=self.budget.batch_size,
            learning_rate=self.model.learning_rate or self.budget.learning_rate,
            schedule=learning.Schedule(cosine=self.budget.schedule == "cosine"),
            seed=self.seed,
            progress=self.progress,
        )


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
