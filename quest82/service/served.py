"""A model that is served: what is said of it, and what it says of a file from a stranger."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..video import VideoError
from .asking import Answer
from .explaining import adds_up
from .limits import Limits, Refused
from .predictor import Predictor
from .showing import Looked, look

T = TypeVar("T")


@dataclass(frozen=True)
class ModelInfo:
    """A model that is served.

    Attributes:
        name: of its file.
        version: the first digits of the file's SHA-256: the same file, the same answers.
        classes: what it tells apart.
        num_frames: that it looks at.
    """

    name: str
    version: str
    classes: list[str]
    num_frames: int


@dataclass(frozen=True)
class Prediction:
    """What a model says of a video.

    Attributes:
        label: the most probable class.
        confidence: its probability.
        probabilities: of every class.
        frames: numbers of the frames that the model was shown.
        model: name and version of the model.
        milliseconds: from the arrived file to the answer.
    """

    label: str
    confidence: float
    probabilities: dict[str, float]
    frames: list[int]
    model: dict[str, str]
    milliseconds: float


@dataclass(frozen=True)
class Explanation(Looked):
    """What a model says of a video, forwards and backwards, and why.

    Attributes:
        adds_up: whether contributions are shares of a sum; else each is what the answer loses
            without its frame.
        model: name and version of the model.
        milliseconds: from the arrived file to the answer.
    """

    adds_up: bool
    model: dict[str, str]
    milliseconds: float


@dataclass(frozen=True)
class Served:
    """A model at work, and what is said about it."""

    predictor: Predictor
    info: ModelInfo

    @classmethod
    def of(cls, path: Path, predictor: Predictor) -> Served:
        """A predictor that was loaded from a file."""
        version = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        classes, num_frames = list(predictor.classes), predictor.spec.num_frames
        return cls(predictor, ModelInfo(path.stem, version, classes, num_frames))

    def ask(self, path: Path, limits: Limits) -> Prediction:
        """What the model says of a file.

        Raises:
            Refused: 422 if the file is no video within the limits, or breaks its decoder.
        """
        answer, milliseconds = self._timed(self.predictor, path, limits)
        return self._prediction(answer, milliseconds)

    def explain(self, path: Path, limits: Limits) -> Explanation:
        """What the model says of a file and of its reverse, frame by frame.

        Raises:
            Refused: 422 if the file is no video within the limits, or breaks its decoder.
        """
        looked, milliseconds = self._timed(partial(look, self.predictor), path, limits)
        return Explanation(
            looked.frames,
            looked.thumbnails,
            looked.forwards,
            looked.backwards,
            adds_up=adds_up(self.predictor.network),
            model=self._name,
            milliseconds=milliseconds,
        )

    def _timed(self, ask: Callable[[Path], T], path: Path, limits: Limits) -> tuple[T, float]:
        """What is answered about a file within the limits, and after how many milliseconds."""
        start = time.perf_counter()
        try:
            self.predictor.workers.require_within(
                path, max_pixels=limits.max_pixels, max_seconds=limits.max_seconds
            )
            answer = ask(path)
        except VideoError as error:
            raise Refused(422, _in_one_sentence(error, path)) from error
        return answer, round(1e3 * (time.perf_counter() - start), 1)

    @property
    def _name(self) -> dict[str, str]:
        return {"name": self.info.name, "version": self.info.version}

    def _prediction(self, answer: Answer, milliseconds: float) -> Prediction:
        probabilities = dict(zip(answer.classes, answer.probabilities.tolist(), strict=True))
        return Prediction(
            label=answer.label,
            confidence=probabilities[answer.label],
            probabilities=probabilities,
            frames=list(answer.frames),
            model=self._name,
            milliseconds=milliseconds,
        )


def _in_one_sentence(error: VideoError, path: Path) -> str:
    """What is wrong with the video, without our name for it and our users' remedies."""
    return "the video " + str(error).removeprefix(f"{path}: ").split("; ")[0]
