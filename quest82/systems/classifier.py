"""Aggregator, dropout, linear layer: essences or frames in, logits out; and its file on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import cast

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ..outputs import write_whole
from .aggregators import GRU, LSTM
from .aggregators.recurrent import State
from .calibration import Calibration
from .initial import Undrawn, drawn
from .registry import name_of, registered
from .state_dicts import read_safetensors

_FORMAT = "quest82-model/1"
_MEANS = "calibration.means"  # beside the weights


class Classifier(nn.Module):
    """Essences (B, T, D) or frames (B, T, C, H, W) -> logits (B, K), through any system.

    Args:
        aggregator: a module with `out_features` that maps essences (B, T, D), or as a system on
            frames clips (B, T, C, H, W), to (B, out_features).
        num_classes: K, at least 2.
        dropout: share of the aggregated features set to zero in training.

    Raises:
        ValueError: if num_classes is below 2.
    """

    def __init__(self, aggregator: nn.Module, num_classes: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(
                f"num_classes ({num_classes}) must be at least 2: with one class there is nothing "
                "to tell apart; add clips of another"
            )
        self.aggregator = aggregator
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(cast(int, aggregator.out_features), num_classes)

    def forward(self, essences: Tensor) -> Tensor:
        """Essences (B, T, D), of any floating type -> logits (B, K) of the type of the weights."""
        features = self.aggregator(essences.to(self.head.weight.dtype))
        return self.head(self.dropout(features))

    def step(self, essence: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits of all frames so far from one frame more, where the aggregator is recurrent.

        Args:
            essence: (B, D), of any floating type: the next frame of each of B clips.
            state: what the step before gave back (see `LSTM.step`); None: the first frames.

        Returns:
            Logits (B, K), in eval mode those of the whole clip up to rounding, and the next state.

        Raises:
            ValueError: if the aggregator needs a whole clip at once, or essence is not (B, D).
        """
        if not isinstance(self.aggregator, GRU | LSTM):
            raise ValueError(
                f"aggregator ({type(self.aggregator).__name__}) reads a clip as a whole and cannot "
                "go on from a state; take LSTM or GRU"
            )
        features, state = self.aggregator.step(essence.to(self.head.weight.dtype), state)
        return self.head(self.dropout(features)), state


def build(
    aggregator: str | Callable[..., nn.Module],
    in_features: int,
    num_classes: int,
    *,
    seed: int = 0,
    head_dropout: float = 0.5,
    dtype: torch.dtype = torch.float32,
    **options,
) -> Classifier:
    """A fresh classifier whose initial weights depend on the seed alone.

    They are drawn in double precision: single precision rounds them differently on different
    processors, and training makes large differences of small ones. A model of double precision
    trains to the same printed digits everywhere, in about twice the time.

    Args:
        aggregator: a name in `registry.SYSTEMS`, or a class of your own that keeps their contract.
        in_features: width D of an essence; channels C of a frame or feature map.
        num_classes: K.
        seed: of the initial weights; the global random state is left as it was.
        head_dropout: before the linear layer.
        dtype: floating type of the weights, and so of the training.
        options: hyper-parameters of the aggregator, such as hidden_size=128 or dropout=0.3.

    Raises:
        ValueError: if there is no such aggregator.
    """
    make = aggregator if callable(aggregator) else registered(aggregator)
    return drawn(
        lambda: Classifier(make(in_features, **options), num_classes, dropout=head_dropout),
        seed=seed,
        dtype=dtype,
    )


def save(
    path: str | Path,
    model: Classifier,
    *,
    classes: Sequence[str],
    extraction: Mapping | None = None,
    seen: Collection[str] = (),
    task: str = "classes",
    calibration: Calibration | None = None,
) -> None:
    """Write a model as one safetensors file that says all that is needed to use it again.

    Args:
        path: where to.
        model: a classifier over one of `registry.SYSTEMS`.
        classes: the K class names, in the order of the logits.
        extraction: how its essences were made (`EssenceSet.settings`).
        seen: names of the groups and ids of the clips it has learned from, so that a test can
            leave them out.
        task: "classes", or "pairs" or "direction" where clips were also played backwards.
        calibration: how sure it may be.

    Raises:
        ValueError: if the class of the aggregator is not registered.
    """
    settings = {
        "aggregator": name_of(model.aggregator),
        "in_features": model.aggregator.in_features,
        "options": model.aggregator.options,
        "head_dropout": model.dropout.p,
        "classes": list(classes),
        "extraction": dict(extraction or {}),
        "seen": sorted(seen),
        "task": task,
        "calibration": calibration and calibration.numbers,
    }
    tensors = model.state_dict()
    if calibration:
        tensors = {**tensors, _MEANS: calibration.means.contiguous()}
    metadata = {"format": _FORMAT, "settings": json.dumps(settings, sort_keys=True)}
    # `save_file` would give it to its owner alone, whatever the umask says.
    write_whole(path, safetensors.torch.save(tensors, metadata))


def load(path: str | Path) -> tuple[Classifier, dict]:
    """The model in a file, in single precision and eval mode, and its settings (see `save`).

    The setting "calibration" is a `Calibration`, or None in files that have none.

    Several threads may load at once: nothing that they share is touched.

    Raises:
        ValueError: if the file is missing or is not such a model.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: there is no such model; make one with `quest82 train`")
    try:
        metadata, weights = read_safetensors(path)
        if metadata.get("format") != _FORMAT:
            raise ValueError(f"its format is {metadata.get('format')!r}, not {_FORMAT!r}")
        settings = json.loads(metadata["settings"])
        means, numbers = weights.pop(_MEANS, None), settings.get("calibration")
        settings["calibration"] = numbers and Calibration.of(numbers, cast(Tensor, means))
        with Undrawn():
            make = registered(settings["aggregator"])
            pooled = make(settings["in_features"], **settings["options"])
            model = Classifier(pooled, len(settings["classes"]), dropout=settings["head_dropout"])
        model.load_state_dict(weights)
        if missing := {"extraction", "seen", "task"} - settings.keys():
            raise ValueError(f"{min(missing)} is missing")
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{path}: not a model of quest82 ({error}); make one with `quest82 train`"
        ) from error
    return model.eval(), settings
