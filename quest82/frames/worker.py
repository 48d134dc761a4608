"""One supervised process that decodes: a file that hangs or crashes it costs that one clip.

The process runs `worker_program`. Nothing is shared but two pipes, so it can be killed at any
moment; a new one takes its place.

`multiprocessing` is not used because it would run the caller's main program again in every worker,
and PyTorch's DataLoader because it ends with the first worker that dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from ..data.clips import Clip
from ..video import (
    Inspection,
    VideoError,
    VideoInfo,
    frame_times,
    inspect,
    probe,
    require_within,
)
from .conversation import converse, line_of, pipes_of
from .preset import Preset
from .streams import OneStream
from .view import ViewSpec
from .worker_program import REMEDY, read_view, read_views

# A worker whose parent was killed ends itself; the parent's own limit comes first.
_GRACE_SECONDS = 10


class Worker:
    """One process that decodes, started again whenever it had to be killed.

    Args:
        command: the program, which speaks the language of `worker_program`.
        time_limit_seconds: for one clip; the process is killed when it is over.
    """

    def __init__(self, command: Sequence[str], *, time_limit_seconds: float) -> None:
        self.command, self.time_limit_seconds = command, time_limit_seconds
        self.process: subprocess.Popen | None = None
        self.ready = self.closed = False
        # One thread may close what another starts; a finaliser may do so within the same thread.
        self._lock = threading.RLock()

    def read(self, clip: Clip, views: Sequence[int], spec: ViewSpec) -> Tensor:
        """The frames of some views of a clip.

        Args:
            clip: the clip.
            views: V numbers of views, each at least 0.
            spec: how frames are taken.

        Returns:
            uint8 tensor (V, T, 3, S, S).

        Raises:
            VideoError: if the clip cannot be read, takes too long, or kills the process twice.
            RuntimeError: if the process does not start, or the worker is closed.
        """
        how = {**_named(clip), "views": list(views), "spec": spec.settings}
        return self._ask(clip.path, {"op": "read", **how})["frames"]

    def take(self, clip: Clip, view: int, spec: ViewSpec | Preset) -> tuple[Tensor, Tensor]:
        """Which frames (T,) a view of a clip is made of, and their pixels, uint8 (T, 3, S, S).

        Raises:
            VideoError: as `read`.
            RuntimeError: as `read`.
        """
        request = {"op": "take", **_named(clip), "view": view, "spec": spec.settings}
        answer = self._ask(clip.path, request)
        return torch.tensor(answer["indices"]), answer["frames"]

    def times(self, path: Path) -> Tensor:
        """What `video.frame_times` says of a file, float64 (n + 1,).

        Raises:
            VideoError: as `read`.
            RuntimeError: as `read`.
        """
        return torch.tensor(self._ask(path, {"op": "times"})["times"], dtype=torch.float64)

    def read_on(self, path: Path, frames: Sequence[int], spec: ViewSpec) -> Tensor:
        """Some frames of a file, uint8 (n, 3, S, S), as `streams.OneStream` reads them.

        Raises:
            VideoError: as `read`.
            RuntimeError: as `read`.
        """
        how = {"frames": list(frames), "spec": spec.settings}
        return self._ask(path, {"op": "read on", **how})["frames"]

    def inspect(self, path: Path) -> Inspection:
        """What `video.inspect` finds in a file, or that it took too long or killed the process."""
        try:
            return Inspection(**self._ask(path, {"op": "inspect"})["found"])
        except VideoError as error:
            return Inspection(0, 0, 0, str(error).removeprefix(f"{path}: "))

    def probe(self, path: Path) -> VideoInfo:
        """What `video.probe` finds in a file.

        Raises:
            VideoError: as `read`.
            RuntimeError: as `read`.
        """
        return VideoInfo(**self._ask(path, {"op": "probe"})["info"])

    def require_within(self, path: Path, *, max_pixels: int, max_seconds: float) -> None:
        """Refuse a video that is too large or too long, as `video.require_within` does.

        Raises:
            VideoError: if it is, and as `read`.
        """
        limits = {"max_pixels": max_pixels, "max_seconds": max_seconds}
        self._ask(path, {"op": "within", **limits})

    def start(self) -> subprocess.Popen:
        """The process, started unless it runs.

        Raises:
            RuntimeError: if the worker is closed.
        """
        with self._lock:
            if not self.closed and (self.process is None or self.process.poll() is not None):
                self.ready = False
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                )
            if self.closed or self.process is None:
                self.stop()
                raise RuntimeError("the worker was closed while it was to read a file")
            return self.process

    def stop(self) -> int:
        """End the process, whatever it is doing; its exit code."""
        if self.process is None:
            return 0
        self.process.kill()
        for pipe in pipes_of(self.process):
            with suppress(OSError):  # what was still to be written is for nobody
                pipe.close()
        return self.process.wait()

    def close(self) -> None:
        """End the process for good."""
        with self._lock:
            self.closed = True
            self.stop()

    def _ask(self, path: Path, request: Mapping) -> dict:
        """The answer to a request about a file.

        A file at which the process dies gets a second chance in a new one: it may have been the
        system that wanted its memory back.
        """
        absolute = str(path.absolute())
        for _ in range(2):
            try:
                answer = self._ask_once({"path": absolute, **request})
            except TimeoutError:
                raise VideoError(
                    f"{path}: took longer than the time limit of {self.time_limit_seconds:g} s; "
                    "raise it (--time-limit), or re-encode the file or leave it out"
                ) from None
            except EOFError:
                cause = _cause(self.stop())
                continue
            if answer["kind"] == "error":
                raise VideoError(answer["text"].replace(absolute, str(path)))
            return answer
        raise VideoError(f"{path}: the process that read it died ({cause}); {REMEDY}")

    def _ask_once(self, request: dict) -> dict:
        """TimeoutError if it takes too long, EOFError if the process ends."""
        process = self.start()
        if not self.ready and not line_of(process):
            raise RuntimeError(f"a worker process does not start (exit code {self.stop()})")
        self.ready = True
        too_long = threading.Event()

        def give_up() -> None:
            too_long.set()
            process.kill()

        timer = threading.Timer(self.time_limit_seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            seconds = self.time_limit_seconds + _GRACE_SECONDS
            return converse(process, {**request, "seconds": seconds})
        except (EOFError, BrokenPipeError, ValueError):  # the last: closed by another thread
            raise (TimeoutError if too_long.is_set() else EOFError) from None
        finally:
            timer.cancel()
            timer.join()
            if too_long.is_set():  # even if the answer came at the last moment
                self.stop()


def _named(clip: Clip) -> dict:
    """What a process needs to know of a clip, but its path."""
    part = {"start": clip.start, "end": clip.end} if clip.is_part else {}
    return {"id": clip.id, **part}


class Here:
    """Speaks like a `Worker`, and reads in this process."""

    def __init__(self) -> None:
        self.read_on = OneStream().read

    read = staticmethod(read_views)
    take = staticmethod(read_view)
    inspect = staticmethod(inspect)
    probe = staticmethod(probe)
    times = staticmethod(frame_times)
    require_within = staticmethod(require_within)


def _cause(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"
