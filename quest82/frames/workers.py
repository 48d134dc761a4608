"""Decoding side by side, in worker processes that live for as long as they are wanted."""

from __future__ import annotations

import queue
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..data.clips import Clip
from ..data.fetched import held
from ..video import Inspection, VideoError, VideoInfo
from .preset import Preset
from .view import ViewSpec
from .worker import Here, Worker

if TYPE_CHECKING:
    from typing_extensions import Self

# Beside a network on the CPU: 16 frames keep a core busy for 150 ms, and are decoded in 20.
ENOUGH_WORKERS = 4


def enough_workers(num_clips: int, *, most: int = ENOUGH_WORKERS) -> int:
    """How many processes are of use for so many clips: at most one for each core."""
    return min(most, torch.get_num_threads(), num_clips)


def _command() -> list[str]:
    """The worker's program; it finds its modules where this process does."""
    run = "from quest82.frames import worker_program; worker_program.main()"
    code = f"import sys; sys.path[:] = {sys.path!r}; {run}"
    return [sys.executable, "-c", code]


class Workers:
    """Some worker processes, each with a thread that waits for it.

    They start when they are first asked something, and end with `close`, at the end of a
    ``with``, or when nobody holds them any more. Asked again after `close`, they start anew.

    Args:
        num_workers: processes; 0 reads in this one, without a time limit.
        time_limit_seconds: for one clip.

    Raises:
        ValueError: if num_workers is below 0 or time_limit_seconds is not above 0.
    """

    def __init__(self, *, num_workers: int, time_limit_seconds: float) -> None:
        if num_workers < 0 or not time_limit_seconds > 0:
            raise ValueError(
                f"num_workers ({num_workers}) must be at least 0, "
                f"time_limit_seconds ({time_limit_seconds}) above 0"
            )
        self.num_workers, self.time_limit_seconds = num_workers, time_limit_seconds
        self._tasks: queue.SimpleQueue = queue.SimpleQueue()
        self._end: weakref.finalize | None = None
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are doing; what was asked and not answered is lost."""
        if self._end:
            self._end()

    def read(
        self,
        wanted: Iterable[tuple[Clip, Sequence[int]]],
        spec: ViewSpec,
        *,
        ahead: int | None = None,
        before: Callable[[Clip], object] = lambda clip: None,
    ) -> Generator[Tensor | VideoError, None, None]:
        """The frames of many clips, in their order.

        Args:
            wanted: clips, and which views of each.
            spec: how frames are taken.
            ahead: clips that may be decoded and wait to be taken, so that memory stays bounded;
                None: two per worker.
            before: called with each clip before it is read, in the thread that holds its file.

        Yields:
            For each clip uint8 frames (V, T, 3, S, S), or the error that it cost.
        """

        def read(worker: Worker | Here, item: tuple[Clip, Sequence[int]]) -> Tensor:
            clip, views = item
            with held(clip):
                before(clip)
                return worker.read(clip, views, spec)

        return self._side_by_side(_or_its_error(read), wanted, ahead)

    def take(
        self, clips: Iterable[Clip], spec: ViewSpec | Preset
    ) -> Generator[tuple[Tensor, Tensor] | VideoError, None, None]:
        """The centre view of many clips, in their order.

        Yields:
            For each clip which frames (T,) it is made of and their pixels, uint8 (T, 3, S, S); or
            the error that it cost.
        """
        take = _or_its_error(lambda worker, clip: held(clip)(worker.take)(clip, 0, spec))
        return self._side_by_side(take, clips)

    def inspect(self, paths: Iterable[Path]) -> Generator[Inspection, None, None]:
        """What `video.inspect` finds in many files, in their order."""
        return self._side_by_side(lambda worker, path: worker.inspect(path), paths)

    def probe(self, paths: Iterable[Path]) -> Generator[VideoInfo | VideoError, None, None]:
        """What `video.probe` finds in many files, in their order, or the error that each cost."""
        return self._side_by_side(_or_its_error(lambda worker, path: worker.probe(path)), paths)

    def times(self, path: Path) -> Tensor:
        """When each frame of a file is shown; see `video.frame_times`.

        Raises:
            VideoError: if it cannot be read, takes too long or crashes its decoder.
        """
        (times,) = self._side_by_side(lambda worker, path: worker.times(path), [path])
        return times

    def read_on(
        self, path: Path, pieces: Iterable[Sequence[int]], spec: ViewSpec
    ) -> Generator[Tensor, None, None]:
        """Frames of one file through the centre crop, piece by piece; see `video.read_on`.

        The time limit is for each piece. A single worker decodes every frame once; several take
        turns, and each decodes what lies between its pieces, too.

        Raises:
            VideoError: as `times`.
        """

        def read(worker: Worker | Here, frames: Sequence[int]) -> Tensor:
            return worker.read_on(path, frames, spec)

        return self._side_by_side(read, pieces)

    def require_within(self, path: Path, *, max_pixels: int, max_seconds: float) -> None:
        """Refuse a video that is too large or too long; see `video.require_within`.

        Raises:
            VideoError: if it is, cannot be read, takes too long or crashes its decoder.
        """

        def require(worker: Worker | Here, path: Path) -> None:
            worker.require_within(path, max_pixels=max_pixels, max_seconds=max_seconds)

        list(self._side_by_side(require, [path]))

    def _side_by_side(
        self, ask: Callable, items: Iterable, ahead: int | None = None
    ) -> Generator[Any, None, None]:
        """ask(worker, item) for every item, in order."""
        if self.num_workers == 0:
            here = Here()
            yield from (ask(here, item) for item in items)
            return
        tasks, end = self._start()
        most = 2 * self.num_workers if ahead is None else ahead
        waiting: deque[Future] = deque()
        try:
            for item in items:
                if not end.alive:  # nobody would take the task
                    raise RuntimeError("the workers were closed while their frames were wanted")
                waiting.append(Future())
                tasks.put((waiting[-1], ask, item))
                if len(waiting) > most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _start(self) -> tuple[queue.SimpleQueue, weakref.finalize]:
        """Where tasks go, and what ends it; starts the processes unless they run."""
        with self._starting:
            if not (self._end and self._end.alive):
                limit, command = self.time_limit_seconds, _command()
                workers = [
                    Worker(command, time_limit_seconds=limit) for _ in range(self.num_workers)
                ]
                self._tasks = queue.SimpleQueue()
                # Neither this nor the threads hold the `Workers`: where it ends, they end.
                self._end = weakref.finalize(self, _end_all, workers, self._tasks)
                for worker in workers:
                    worker.start()
                    threading.Thread(target=_work, args=(worker, self._tasks), daemon=True).start()
            return self._tasks, self._end


def _or_its_error(ask: Callable) -> Callable:
    """The same question; a file that cannot be read costs itself, and its error is the answer."""

    def answer(worker: Worker | Here, item: object) -> Any:
        try:
            return ask(worker, item)
        except VideoError as error:
            return error

    return answer


def _work(worker: Worker, tasks: queue.SimpleQueue) -> None:
    """Take tasks until there is one that is None."""
    while (task := tasks.get()) is not None:
        _do(worker, *task)
        del task  # while this thread waits, it holds nobody's frames


def _do(worker: Worker, future: Future, ask: Callable, item: object) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(ask(worker, item))
    except BaseException as error:  # belongs to whoever waits for the answer
        future.set_exception(error)


def _end_all(workers: Sequence[Worker], tasks: queue.SimpleQueue) -> None:
    for worker in workers:
        worker.close()
        tasks.put(None)


def inspect_all(
    paths: Sequence[Path], *, num_workers: int, time_limit_seconds: float
) -> Generator[Inspection, None, None]:
    """What `video.inspect` finds in many files, in their order, looked at side by side."""
    workers = Workers(num_workers=num_workers, time_limit_seconds=time_limit_seconds)
    with workers, closing(workers.inspect(paths)) as found:
        yield from found
