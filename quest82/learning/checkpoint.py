"""A training that was stopped goes on where it was: all that an epoch leaves behind, in one file.

The file is written anew after each epoch, under another name first, so that a kill costs at most
the epoch in which it falls. It holds numbers and text alone: loading it runs no code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ..data.clip_set import ClipSet
from ..outputs import write_whole
from ..systems.state_dicts import read_safetensors
from .config import History, TrainConfig

_FORMAT = "quest82-training/1"


class Checkpoint:
    """The file of one training.

    Args:
        path: where it is; its folder must exist.
        run: names the training (see `name_of_run`); a file of another one is refused.
    """

    def __init__(self, path: str | Path, run: str) -> None:
        self.path, self.run = Path(path), run

    def save(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        history: History,
        best: dict[str, Tensor] | None,
    ) -> None:
        """Write the state after an epoch, random state included.

        Args:
            best: the weights of the best epoch, where clips are watched.
        """
        tensors = _named("model", model.state_dict()) | _named("best", best or {})
        tensors |= {"random": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors |= {"random of the GPU": torch.cuda.get_rng_state()}
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= _named(f"optimiser.{number}", state)
        text = {"format": _FORMAT, "run": self.run, "history": json.dumps(asdict(history))}
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        write_whole(self.path, safetensors.torch.save(tensors, text))

    def load(
        self, model: nn.Module, optimiser: torch.optim.Optimizer
    ) -> tuple[History, dict[str, Tensor] | None]:
        """Put model, optimiser and random state where they were; history and best weights.

        Where there is no file yet, everything stays as it is.

        Raises:
            ValueError: if the file is of another training, or damaged.
        """
        if not self.path.exists():
            return History(), None
        text, tensors = self._read()
        model.load_state_dict(_part("model", tensors))
        state = optimiser.state_dict()
        numbers = {int(name.split(".")[1]) for name in tensors if name.startswith("optimiser.")}
        state["state"] = {number: _part(f"optimiser.{number}", tensors) for number in numbers}
        optimiser.load_state_dict(state)
        torch.set_rng_state(tensors["random"])
        if "random of the GPU" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random of the GPU"])
        return History(**json.loads(text["history"])), _part("best", tensors) or None

    def remove(self) -> None:
        """The training is over: the model itself is what is left of it."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> tuple[dict[str, str], dict[str, Tensor]]:
        try:
            text, tensors = read_safetensors(self.path)
        except SafetensorError as error:
            raise ValueError(
                f"{self.path}: not a checkpoint ({error}); delete it, and training starts anew"
            ) from error
        if text.get("format") != _FORMAT or text.get("run") != self.run:
            raise ValueError(
                f"{self.path}: belongs to another training (other clips, model or settings); "
                "choose another file, or delete this one"
            )
        return text, tensors


def name_of_run(
    model: nn.Module, config: TrainConfig, train: ClipSet, validation: ClipSet | None
) -> str:
    """16 digits that differ where clips, model or settings do."""
    shapes = [(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()]
    sets = [(s.clip_ids, s.labels.tolist(), s.classes) for s in (train, validation) if s]
    told = repr((type(model).__name__, shapes, replace(config, progress=False), sets))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _named(first: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{first}.{name}": tensor for name, tensor in tensors.items()}


def _part(first: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{first}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{first}.")
    }
