"""Answers over time: a long video, window by window, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..essences.files import StoreError
from ..frames.windows import Window, windows_of
from ..video import VideoError
from .asking import Answer
from .predictor import Predictor

_FRAMES_AT_ONCE = 32  # 5 MB at 224 pixels; read ahead, three times that


@dataclass(frozen=True, eq=False)
class Moment:
    """What a model says of a window of a video.

    Attributes:
        start: of the window, in seconds from the video's first frame.
        end: of the window, in the same seconds.
        answer: as of a clip that is this part of the video.
    """

    start: float
    end: float
    answer: Answer


@dataclass(frozen=True)
class Stretch:
    """Neighbouring windows with one answer.

    Attributes:
        start: in seconds; each instant belongs to the window whose middle is nearest.
        end: in the same seconds.
        label: the answer.
        unlike: whether it is most likely none of the classes (see `Answer`).
        probability: of the label, averaged over the windows.
    """

    start: float
    end: float
    label: str
    unlike: bool
    probability: float


class OverTime:
    """Asks a model about the windows of a video (`windows.windows_of`), from its first to its last.

    A window's answer is that of `Predictor` to the same part of the file. All the same each frame
    is decoded once and described once, whatever number of windows it is in: its essence is kept
    until the last of them has been answered for. Engines other than OpenVINO, which takes frames
    one by one, may round a frame differently among other frames, by the last digit of a store.

    Args:
        predictor: whom to ask; its time limit is for 32 frames, and for looking a file over.
        path: the video file.
        window_seconds: length of a window.
        stride_seconds: from the start of one to that of the next.
        num_thumbnails: frames to keep for a figure, at even distances.

    Attributes:
        windows: all of them.
        seconds: length of the video.
        thumbnails: seconds -> uint8 frame (3, S, S), as the network sees it; complete when all
            windows have been answered for.

    Raises:
        VideoError: if the file cannot be read.
        ValueError: if a length is not above 0.
    """

    def __init__(
        self,
        predictor: Predictor,
        path: str | Path,
        *,
        window_seconds: float,
        stride_seconds: float,
        num_thumbnails: int = 0,
    ) -> None:
        self.predictor, self.path = predictor, Path(path)
        times = predictor.workers.times(self.path)
        self.windows = windows_of(
            times,
            predictor.spec,
            window_seconds=window_seconds,
            stride_seconds=stride_seconds,
        )
        self.seconds = float(times[-1])
        self.thumbnails: dict[float, Tensor] = {}
        self._wanted = sorted({frame for window in self.windows for frame in window.frames})
        self._shown = _evenly(self._wanted, times, num_thumbnails)

    def __iter__(self) -> Iterator[Moment]:
        """The answers, window by window.

        Raises:
            VideoError: if reading fails on the way; the answers until then stand.
        """
        known: dict[int, Tensor] = {}
        left = iter(self._with_what_is_needed_after())
        window, needed = next(left)
        for numbers, frames in self._pieces():
            known |= zip(numbers, self._described(numbers, frames), strict=True)
            while max(window.frames) <= numbers[-1]:
                yield self._answered(window, known)
                known = {number: known[number] for number in known if number >= needed}
                if (following := next(left, None)) is None:
                    return
                window, needed = following

    def _pieces(self) -> Iterator[tuple[Sequence[int], Tensor]]:
        """Numbers of all frames that are wanted, rising, and their pixels (n, 3, S, S)."""
        starts = range(0, len(self._wanted), _FRAMES_AT_ONCE)
        pieces = [self._wanted[start : start + _FRAMES_AT_ONCE] for start in starts]
        workers, spec = self.predictor.workers, self.predictor.spec
        with closing(workers.read_on(self.path, pieces, spec)) as read:
            yield from zip(pieces, read, strict=True)

    def _described(self, numbers: Sequence[int], frames: Tensor) -> Tensor:
        """The essences (n, D) of a piece; on the way, what a figure shows is kept of it."""
        for number, frame in zip(numbers, frames, strict=True):
            if number in self._shown:
                self.thumbnails[self._shown[number]] = frame.clone()
        try:
            return self.predictor.describe(frames)
        except StoreError as error:  # no numbers, as in `Predictor.each`
            raise VideoError(f"{self.path}: {error}") from error

    def _answered(self, window: Window, known: dict[int, Tensor]) -> Moment:
        essences = torch.stack([known[number] for number in window.frames])
        answer = self.predictor.answer(essences, window.frames)
        return Moment(window.start, window.end, answer)

    def _with_what_is_needed_after(self) -> list[tuple[Window, int]]:
        """Each window, and the lowest number of a frame that any later one needs."""
        pairs, lowest = [], self._wanted[-1]
        for window in reversed(self.windows):
            pairs.append((window, lowest))
            lowest = min(lowest, *window.frames)
        return pairs[::-1]


def _evenly(numbers: Sequence[int], times: Tensor, count: int) -> dict[int, float]:
    """So many of some frames at even distances of time: number -> seconds."""
    if not count:
        return {}
    at = times[list(numbers)]
    middles = (torch.arange(count, dtype=at.dtype) + 0.5) * float(times[-1]) / count
    nearest = (at[:, None] - middles).abs().argmin(dim=0)
    return {numbers[k]: float(at[k]) for k in nearest.tolist()}


def stretches(moments: Iterable[Moment]) -> list[Stretch]:
    """Neighbouring windows with one answer as one stretch.

    A stretch ends half-way between the middles of the two windows where the answer changes.
    """
    runs: list[list[Moment]] = []
    for moment in moments:
        if not runs or _said(runs[-1][-1]) != _said(moment):
            runs.append([])
        runs[-1].append(moment)
    if not runs:
        return []
    borders = [(_middle(a[-1]) + _middle(b[0])) / 2 for a, b in zip(runs, runs[1:], strict=False)]
    ends = [runs[0][0].start, *borders, runs[-1][-1].end]
    return [
        Stretch(start, end, *_said(run[0]), _mean_probability(run))
        for run, start, end in zip(runs, ends, ends[1:], strict=False)
    ]


def _said(moment: Moment) -> tuple[str, bool]:
    return moment.answer.label, moment.answer.unlike


def _middle(moment: Moment) -> float:
    return (moment.start + moment.end) / 2


def _mean_probability(run: Sequence[Moment]) -> float:
    return sum(moment.answer.top(1)[0][1] for moment in run) / len(run)
