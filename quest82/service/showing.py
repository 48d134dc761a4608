"""What there is to be shown of an answer: the frames themselves, and the answer to both orders.

The frames are taken once. Played backwards they are the same frames in the opposite order, so that
no other difference, of sampling or of coding, comes in.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from ..data.clips import Clip
from ..essences.files import StoreError
from ..video import VideoError
from .asking import Answer
from .explaining import contributions
from .predictor import Predictor

_SIDE, _QUALITY = 160, 80  # of a thumbnail: pixels, and JPEG's scale to 100


@dataclass(frozen=True)
class Shown:
    """What a model says of frames in one order.

    Attributes:
        label: the most probable class.
        confidence: its probability.
        probabilities: of every class.
        none_of_these: whether the video is unlike all that was learned from, so that most likely
            no class is right; null where the model cannot tell.
        contributions: what each frame adds to the answer, in this order
            (`explaining.contributions`).
    """

    label: str
    confidence: float
    probabilities: dict[str, float]
    none_of_these: bool | None
    contributions: list[float]

    @classmethod
    def of(cls, answer: Answer, shares: Tensor) -> Shown:
        """An answer and its contributions (T,) as plain values."""
        probabilities = dict(zip(answer.classes, answer.probabilities.tolist(), strict=True))
        unlike = None if answer.distance is None else answer.unlike
        label = answer.label
        return cls(label, probabilities[label], probabilities, unlike, shares.tolist())


@dataclass(frozen=True)
class Looked:
    """The frames of a video as a model saw them, and what it says of both orders.

    Attributes:
        frames: numbers of the T frames.
        thumbnails: each frame as the model saw it, a JPEG image in a ``data:`` address.
        forwards: what it says of the frames in their order.
        backwards: what it says of them in the opposite order, last frame first.
    """

    frames: list[int]
    thumbnails: list[str]
    forwards: Shown
    backwards: Shown


def look(predictor: Predictor, path: Path) -> Looked:
    """Ask a model about a video and its reverse.

    Raises:
        VideoError: if the file cannot be read, takes too long or crashes its decoder.
    """
    (taken,) = predictor.workers.take([Clip(path.name, "", "", path)], predictor.spec)
    if isinstance(taken, VideoError):
        raise taken
    indices, frames = taken
    try:
        essences = predictor.describe(frames)
    except StoreError as error:
        raise VideoError(f"{path}: {error}") from error
    numbers = indices.tolist()
    return Looked(
        frames=numbers,
        thumbnails=[thumbnail(frame) for frame in frames],
        forwards=_shown(predictor, essences, numbers),
        backwards=_shown(predictor, essences.flip(0), numbers[::-1]),
    )


def _shown(predictor: Predictor, essences: Tensor, numbers: list[int]) -> Shown:
    answer = predictor.answer(essences, tuple(numbers))
    return Shown.of(answer, contributions(predictor.network, essences))


def thumbnail(frame: Tensor) -> str:
    """A frame, uint8 (3, S, S), RGB, as a small JPEG image in a ``data:`` address."""
    image = Image.fromarray(frame.permute(1, 2, 0).numpy())  # (S, S, 3)
    image.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
