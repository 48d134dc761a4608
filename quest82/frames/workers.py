"""Decoding in worker processes: a file that hangs or crashes its decoder costs that one clip.

A worker is this module run as a program. It gets one request per line (JSON), and answers with a
line that says what follows and then the bytes of the frames. Nothing is shared but two pipes, so
the process can be killed at any moment; a new one takes its place.

`multiprocessing` is not used because it would run the caller's main program again in every worker,
and PyTorch's DataLoader because it ends with the first worker that dies.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from ..data.clips import Clip
from ..video import Inspection, VideoError, inspect
from .view import ViewSpec, pixels_of_view

# A worker whose parent was killed ends itself; the parent's own limit comes first.
_GRACE_SECONDS = 10
_REMEDY = "look at the file with `quest82 check`, and re-encode it or leave it out"


def _command() -> list[str]:
    """The worker's program; it finds its modules where this process does."""
    run = "from quest82.frames import workers; workers.main()"
    code = f"import sys; sys.path[:] = {sys.path!r}; {run}"
    return [sys.executable, "-c", code]


class Worker:
    """One process that decodes, started again whenever it had to be killed.

    Args:
        time_limit_seconds: for one clip; the process is killed when it is over.
        command: another program that speaks the same language (for tests).
    """

    def __init__(self, *, time_limit_seconds: float, command: Sequence[str] | None = None) -> None:
        self.time_limit_seconds, self.command = time_limit_seconds, command or _command()
        self.process: subprocess.Popen | None = None
        self.ready = self.closed = False

    def read(self, clip: Clip, spec: ViewSpec) -> Tensor:
        """The frames of views 0 to V - 1 of a clip.

        Args:
            clip: the clip.
            spec: how frames are taken.

        Returns:
            uint8 tensor (V, T, 3, S, S).

        Raises:
            VideoError: if the clip cannot be read, takes too long, or kills the process twice.
            RuntimeError: if the process does not start.
        """
        return self._ask(clip.path, op="read", id=clip.id, spec=spec.settings)

    def inspect(self, path: Path) -> Inspection:
        """What `video.inspect` finds in a file, or that it took too long or killed the process."""
        try:
            return Inspection(**self._ask(path, op="inspect"))
        except VideoError as error:
            return Inspection(0, 0, 0, str(error).removeprefix(f"{path}: "))

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self.closed:
            raise EOFError
        if self.process is None or self.process.poll() is not None:
            self.ready = False
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def stop(self) -> int:
        """End the process, whatever it is doing; its exit code."""
        self.process.kill()
        return self.process.wait()

    def close(self) -> None:
        """End the process for good."""
        self.closed = True
        self.stop()

    def _ask(self, path: Path, **request: object) -> Tensor | dict:
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
            except (EOFError, BrokenPipeError):
                cause = _cause(self.stop())
                continue
            if isinstance(answer, dict) and "error" in answer:
                raise VideoError(answer["error"].replace(absolute, str(path)))
            return answer
        raise VideoError(f"{path}: the process that read it died ({cause}); {_REMEDY}")

    def _ask_once(self, request: dict) -> Tensor | dict:
        """TimeoutError if it takes too long, EOFError or BrokenPipeError if the process ends."""
        self.start()
        if not self.ready and not self.process.stdout.readline():
            raise RuntimeError(f"a worker process does not start (exit code {self.stop()})")
        self.ready = True
        too_long = threading.Event()

        def give_up() -> None:
            too_long.set()
            self.process.kill()

        timer = threading.Timer(self.time_limit_seconds, give_up)
        timer.start()
        try:
            seconds = self.time_limit_seconds + _GRACE_SECONDS
            return _converse(self.process, {**request, "seconds": seconds})
        except (EOFError, BrokenPipeError):
            if too_long.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()
            timer.join()
            if too_long.is_set():  # even if the answer came at the last moment
                self.stop()


def _converse(process: subprocess.Popen, request: Mapping) -> Tensor | dict:
    """One request and its answer; EOFError if the process ends before it is complete."""
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise EOFError
    answer = json.loads(line)
    if "shape" not in answer:
        return answer
    frames = np.empty(answer["shape"], np.uint8)  # (V, T, 3, S, S)
    if process.stdout.readinto(memoryview(frames).cast("B")) < frames.nbytes:
        raise EOFError
    return torch.from_numpy(frames)


def read_all(
    clips: Sequence[Clip],
    spec: ViewSpec,
    *,
    num_workers: int,
    time_limit_seconds: float,
    before: Callable[[Clip], object] = lambda clip: None,
) -> Iterator[Tensor | VideoError]:
    """The frames of many clips, in their order, decoded side by side.

    At most two clips per worker wait to be taken, so memory stays bounded.

    Args:
        clips: what to read.
        spec: how frames are taken.
        num_workers: processes; 0 reads in this one, without a time limit.
        time_limit_seconds: for one clip.
        before: called with each clip before it is read, in the thread that waits for its frames.

    Yields:
        For each clip uint8 frames (V, T, 3, S, S), or the error that it cost.
    """

    def read(clip: Clip, worker: Worker | None = None) -> Tensor | VideoError:
        before(clip)
        try:
            return worker.read(clip, spec) if worker else _read_views(clip, spec)
        except VideoError as error:
            return error

    return _side_by_side(read, clips, num_workers, time_limit_seconds)


def inspect_all(
    paths: Sequence[Path], *, num_workers: int, time_limit_seconds: float
) -> Iterator[Inspection]:
    """What `video.inspect` finds in many files, in their order, looked at side by side."""

    def look(path: Path, worker: Worker | None = None) -> Inspection:
        return worker.inspect(path) if worker else inspect(path)

    return _side_by_side(look, paths, num_workers, time_limit_seconds)


def _side_by_side(
    ask: Callable, items: Sequence, num_workers: int, time_limit_seconds: float
) -> Iterator:
    """ask(item, worker) for every item, in order, with a thread for each worker."""
    if num_workers == 0:
        yield from map(ask, items)
        return
    workers = [Worker(time_limit_seconds=time_limit_seconds) for _ in range(num_workers)]
    idle = queue.SimpleQueue()
    for worker in workers:
        worker.start()
        idle.put(worker)

    def ask_somebody(item: object) -> object:
        worker = idle.get()
        try:
            return ask(item, worker)
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(num_workers)
    waiting: deque[Future] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(ask_somebody, item))
            if len(waiting) > 2 * num_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for wait in (False, True):  # a thread may just be starting its process again
            pool.shutdown(wait=wait, cancel_futures=True)
            for worker in workers:
                worker.close()


def _read_views(clip: Clip, spec: ViewSpec) -> Tensor:
    frames = [pixels_of_view(clip, view, spec) for view in range(spec.num_views)]
    return torch.stack([view.contiguous() for view in frames])


def _cause(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def main() -> None:
    """Answer requests until there are no more: what a worker process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(19)  # the network comes first; what it leaves idle is enough for decoding
    answers = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # decoders print what they think of a file
        os.dup2(silence, stream)
    _send(answers, {"ready": True})
    for line in sys.stdin.buffer:
        _serve(json.loads(line), answers)


def _serve(request: Mapping, answers: BinaryIO) -> None:
    path, frames = Path(request["path"]), None
    _end_after(request["seconds"])
    try:
        if request["op"] == "read":
            clip = Clip(request["id"], "", "", path)
            frames = _read_views(clip, ViewSpec.of(request["spec"])).numpy()
            answer = {"shape": frames.shape}
        else:
            answer = asdict(inspect(path))
    except VideoError as error:
        answer = {"error": str(error)}
    except Exception as error:  # frames too large for the memory, or a size nobody thought of
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        answer = {"error": f"{path}: reading it failed ({what}); {_REMEDY}"}
    _end_after(0)
    _send(answers, answer, frames)


def _end_after(seconds: float) -> None:
    """Let the system end this process later, or (0) not at all; Windows knows no such thing."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _send(answers: BinaryIO, answer: Mapping, frames: np.ndarray | None = None) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    if frames is not None:
        answers.write(memoryview(frames).cast("B"))
    answers.flush()
