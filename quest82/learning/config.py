"""Settings of the training, and what happened in it."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields

from .objectives import CrossEntropy, Objective
from .optimisers import Adam, Optimiser, Schedule

# Solver -> settings that have no meaning for it.
_IDLE = {
    "steps": {"strength"},
    "lbfgs": {
        *("epochs", "batch_size", "learning_rate", "clip_norm", "patience"),
        *("optimiser", "schedule", "mixed_precision"),
    },
}


@dataclass(frozen=True)
class TrainConfig:
    """Settings of `fit`, each with the reason for its default.

    Attributes:
        epochs: at most this many passes over the training clips; early stopping ends sooner.
        batch_size: small enough for many steps on a few hundred clips.
        learning_rate: Adam's own default.
        clip_norm: largest length of the gradient; backpropagation through time can explode
            (Pascanu et al. 2013).
        patience: epochs without a lower validation loss before stopping.
        seed: of the order of the clips, the views drawn, and dropout.
        objective: what is made small.
        optimiser: how weights are changed.
        schedule: the learning rate over the epochs.
        solver: "steps", those of the optimiser over the epochs; or "lbfgs", the exact minimum, for
            a mean with a linear layer alone (see `convex.solve`).
        strength: of "lbfgs", C of scikit-learn: how little the weights are held back; None: chosen
            by groups of the training clips that are left out in turn.
        mixed_precision: compute in bfloat16 where that is safe, keep weights and sums in single
            precision; on a GPU faster for networks on pixels, and off since it rounds.
        progress: show a progress bar.

    Raises:
        ValueError: if a number is not above 0, there is no such solver, or a setting was changed
            that it has no use for.
    """

    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 1e-3
    clip_norm: float = 1.0
    patience: int = 10
    seed: int = 0
    objective: Objective = field(default_factory=CrossEntropy)
    optimiser: Optimiser = field(default_factory=Adam)
    schedule: Schedule = field(default_factory=Schedule)
    solver: str = "steps"
    strength: float | None = None
    mixed_precision: bool = False
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "clip_norm", "patience"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} ({getattr(self, name)}) must be above 0")
        if self.solver not in _IDLE:
            raise ValueError(f"solver ({self.solver!r}) must be one of {', '.join(_IDLE)}")
        if self.strength is not None and not self.strength > 0:
            raise ValueError(f"strength ({self.strength}) must be above 0")
        self._require_used()

    def _require_used(self) -> None:
        """Refuse a setting that was changed and that the solver has no use for."""
        for each in fields(self):
            make, value = each.default_factory, getattr(self, each.name)
            default = each.default if make is MISSING else make()
            if each.name in _IDLE[self.solver] and value != default:
                raise ValueError(
                    f"{each.name} ({value}) has no meaning where solver={self.solver!r}: leave it "
                    "out, or take the other solver"
                )


@dataclass
class History:
    """What happened in each epoch: mean losses per clip in nats, and accuracies in [0, 1].

    Attributes:
        train_loss: with dropout on, as it was optimised.
        validation_loss: empty without validation clips.
        validation_top1: empty without validation clips.
        best_epoch: the epoch whose weights the model has now, counted from 0.
        strength: that ``solver="lbfgs"`` took, given or chosen; it has no epochs, and one entry.
        temperature: by which it divided the weights of that strength: the one that fits the answers
            to the groups left out; 1 where the strength was given.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_top1: list[float] = field(default_factory=list)
    best_epoch: int = -1
    strength: float | None = None
    temperature: float = 1.0

    def is_over(self, config: TrainConfig) -> bool:
        """Whether all epochs were run, or the watched loss has not fallen for too long."""
        done = len(self.train_loss)
        return done >= config.epochs or done - 1 - self.best_epoch >= config.patience
