"""Asking about video files, whatever the network: the answer, and what predictors share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from ..frames.workers import Workers
from ..video import VideoError

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says of a video.

    Attributes:
        classes: the K names it knows.
        probabilities: float32 (K,), in the order of the classes; their sum is 1.
        frames: numbers of the T frames that it was shown.
        distance: of the mean essence to that of the nearest class; None where the model does not
            say how far its own clips lie.
        unlike: whether that is farther than clips of these classes are, so that the answer is
            most likely none of them, however probable the best may be.
        contributions: float64 (T,), what each frame adds (`explaining.contributions`), if that was
            asked for.
    """

    classes: tuple[str, ...]
    probabilities: Tensor
    frames: tuple[int, ...]
    distance: float | None = None
    unlike: bool = False
    contributions: Tensor | None = None

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.top(1)[0][0]

    def top(self, k: int) -> list[tuple[str, float]]:
        """The k most probable classes, or all K if there are fewer, each with its probability."""
        best = self.probabilities.argsort(descending=True, stable=True)[:k].tolist()
        return [(self.classes[c], self.probabilities[c].item()) for c in best]


class FilePredictor(ABC):
    """What asks a network about files that worker processes decode.

    Attributes:
        workers: who decodes; they live until `close`, the end of a ``with``, or its own end.
    """

    workers: Workers

    @abstractmethod
    def each(self, paths: Iterable[str | Path]) -> Iterator[Answer | VideoError]:
        """For each of many files, in their order and decoded ahead, the answer or its error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that decode; asked again, they start anew."""
        self.workers.close()

    def __call__(self, path: str | Path) -> Answer:
        """What the model says of a video file.

        Raises:
            VideoError: if the file cannot be read, takes too long or crashes its decoder.
        """
        (answer,) = self.each([path])
        if isinstance(answer, VideoError):
            raise answer
        return answer
