"""A model at work: one place that turns a video file into an answer.

Example: what a model says of a video; `Predictor.load("model.safetensors")("clip.mp4")` gives one.
    >>> import torch
    >>> from quest82.service import Answer
    >>> answer = Answer(("close_door", "open_door"), torch.tensor([0.25, 0.75]), frames=(5, 16, 28))
    >>> answer.label, answer.top(2)
    ('open_door', [('open_door', 0.75), ('close_door', 0.25)])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .asking import Answer
    from .over_time import Moment, OverTime, Stretch, stretches
    from .predictor import Predictor
    from .pretrained import PretrainedPredictor

__all__ = [
    "Answer",
    "Moment",
    "OverTime",
    "Predictor",
    "PretrainedPredictor",
    "Stretch",
    "stretches",
]
_ROOMS = {
    "asking": ("Answer",),
    "over_time": ("Moment", "OverTime", "Stretch", "stretches"),
    "predictor": ("Predictor",),
    "pretrained": ("PretrainedPredictor",),
}


def __getattr__(name: str) -> Any:
    """A part, once it is asked for: who only looks up addresses needs no torch."""
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f".{room}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
