"""A model that watches: frames of a stream in, one answer after the other out."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..video import Lost, Moment, Source, VideoError
from .asking import Answer
from .newest import Newest
from .predictor import Predictor
from .rolling import Instants, Rolling

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_MOST_LATEST = 30  # frames that the frame rate is measured over


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame that the model was shown.

    Attributes:
        time: seconds since the first frame of the stream.
        pixels: uint8 (3, H, W), RGB.
        answer: what the model says of the frames up to it; None before there are T.
        num_frames: frames of the stream so far, seen by the model or not.
        fps: frames per second that come in just now, those that had waited for the reader counted
            as the source has timed them; 0 before the second one.
        delay_seconds: from the arrival of the frame to the answer.
    """

    time: float
    pixels: Tensor
    answer: Answer | None
    num_frames: int
    fps: float
    delay_seconds: float


@dataclass(frozen=True)
class Patience:
    """What is done when a live stream is lost.

    Attributes:
        tries: to reach it again, one after the other without a frame between them.
        tell: is told, in a sentence, what happens; called in another thread.
    """

    tries: int = 5
    tell: Callable[[str], object] = print


@dataclass(frozen=True, eq=False)
class _Due:
    """A frame to look at."""

    moment: Moment
    window: int
    instant: int
    num_frames: int
    fps: float


def watch(
    predictor: Predictor,
    source: Source,
    *,
    span_seconds: float = 2.0,
    continue_state: bool = False,
    pace: bool = True,
    patience: Patience | None = None,
) -> Generator[Seen | None, None, None]:
    """Watch a stream, and say of its last seconds what the model says of a clip.

    A thread reads all frames, and the model is shown the newest that it has not seen of those that
    are due: T in `span_seconds`. A network that is too slow sees fewer, and is never late.

    Args:
        predictor: the model at work.
        source: what plays.
        span_seconds: the length of the clip that the last T frames stand for, above 0; best that
            of the clips that the model has learned from.
        continue_state: see `Rolling`.
        pace: False reads a file as fast as the network can follow, and leaves out no instant.
        patience: with a live source that is lost.

    Yields:
        Each frame that the model was shown, with the answer; None where nothing has come for a
        tenth of a second, so that a window can breathe.

    Raises:
        VideoError: if the source cannot be opened, or is lost for good.
        ValueError: if something live is to be read without its pace, or see `Rolling`.
    """
    if not pace and not source.is_file:
        raise ValueError(f"{source.shown}: is no file, and comes at a pace of its own; keep to it")
    rolling = Rolling(predictor, continue_state=continue_state)
    instants = Instants(span_seconds, predictor.spec.num_frames)
    tries = patience or Patience()

    def due(enough: threading.Event) -> Iterator[_Due]:
        wait = enough.wait if pace else _go_on
        return _due(_across_losses(source, tries, wait, enough), instants)

    items: Iterable[_Due | None] = Newest(due) if pace else due(threading.Event())
    return _shown(rolling, items)


def _shown(rolling: Rolling, items: Iterable[_Due | None]) -> Generator[Seen | None, None, None]:
    for item in items:
        if item is None:
            yield None
            continue
        pixels = item.moment.pixels()
        answer = rolling.see(pixels, item.window, item.instant)
        delay = time.monotonic() - item.moment.arrived
        yield Seen(item.moment.time, pixels, answer, item.num_frames, item.fps, delay)


def _go_on(seconds: float) -> None:
    """In place of a wait."""


def _due(moments: Iterable[Moment], instants: Instants) -> Iterator[_Due]:
    """Those frames that are shown at an instant at which the model looks."""
    latest: deque[tuple[float, float]] = deque(maxlen=_MOST_LATEST)
    for number, moment in enumerate(moments, 1):
        if moment.is_first:
            latest.clear()
        latest.append((moment.time, moment.arrived))
        if reached := instants.reached(moment):
            yield _Due(moment, *reached, number, _rate(latest))


def _rate(latest: Sequence[tuple[float, float]]) -> float:
    """Frames per second, from when they are shown and when they came; never more than are shown."""
    seconds = max(last - first for first, last in zip(latest[0], latest[-1], strict=True))
    return (len(latest) - 1) / seconds if seconds else 0.0


def _across_losses(
    source: Source,
    patience: Patience,
    wait: Callable[[float], object],
    enough: threading.Event,
) -> Iterator[Moment]:
    """All frames of a source, which is opened again where it is live and is lost."""
    failures, lost = 0, False
    while not enough.is_set():
        try:
            for moment in source.moments(wait):
                failures = 0
                yield moment
            return
        except VideoError as error:
            lost = lost or isinstance(error, Lost)
            if not lost:
                raise
            if failures == patience.tries:
                raise VideoError(f"{error}; gave up after {failures} more tries") from error
            seconds = min(_FIRST_WAIT_SECONDS * 2**failures, _LONGEST_WAIT_SECONDS)
            failures += 1
            again = f"trying again in {seconds:g} s ({failures} of {patience.tries})"
            patience.tell(f"{error}; {again}")
        enough.wait(seconds)
