"""What a worker process does: it answers requests about files until there are no more.

A request is one line of JSON with an ``op``; "read" and "inspect" say below what else it holds.
The answer is a line of JSON with a ``kind``, and after "frames" the bytes of the frames. The other
end of the two pipes is `worker.Worker`.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from ..data.clips import Clip
from ..video import VideoError, frame_times, inspect, probe, require_within
from .preset import Preset, take_preset
from .streams import OneStream
from .view import ViewSpec, pixels_of_view, take_view

REMEDY = "look at the file with `quest82 check`, and re-encode it or leave it out"


def read_views(clip: Clip, views: Sequence[int], spec: ViewSpec) -> Tensor:
    """Some views of a clip, uint8 (V, T, 3, S, S).

    Raises:
        VideoError: if the clip's file cannot be read.
    """
    frames = [pixels_of_view(clip, view, spec) for view in views]
    return torch.stack([view.contiguous() for view in frames])


def read_view(clip: Clip, view: int, spec: ViewSpec | Preset) -> tuple[Tensor, Tensor]:
    """Which frames (T,) a view is made of, and their pixels, uint8 (T, 3, S, S).

    A `Preset` knows one view alone, of a whole file.

    Raises:
        VideoError: if the clip's file cannot be read.
    """
    if isinstance(spec, Preset):
        indices, frames = take_preset(clip.path, spec)
    else:
        indices, frames = take_view(clip, view, spec)
    return indices, frames.contiguous()  # in one order of memory, whoever reads: digits hang on it


def main() -> None:
    """Answer the requests that come in through the standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(10)  # the network comes first; what it leaves idle is enough for decoding
    answers = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # decoders print what they think of a file
        os.dup2(silence, stream)
    gc.freeze()  # what was imported stays: it need not be searched for garbage each time
    _send(answers, {"kind": "ready"})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _end_after(request["seconds"])
        answer, frames = _answer(request)
        _end_after(0)
        _send(answers, answer, frames)
        gc.collect()  # decoders hold each other, and memory that Python does not see growing


def _answer(request: Mapping) -> tuple[dict, np.ndarray | None]:
    try:
        return _OPERATIONS[request["op"]](request)
    except VideoError as error:
        return {"kind": "error", "text": str(error)}, None
    except Exception as error:  # frames too large for the memory, or a size nobody thought of
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        text = f"{request['path']}: reading it failed ({what}); {REMEDY}"
        return {"kind": "error", "text": text}, None


def _read(request: Mapping) -> tuple[dict, np.ndarray]:
    """Path and id of a clip (start, end of a part), views, settings of a `ViewSpec` -> frames."""
    frames = read_views(_clip(request), request["views"], ViewSpec.of(request["spec"])).numpy()
    return {"kind": "frames", "shape": frames.shape}, frames


def _take(request: Mapping) -> tuple[dict, np.ndarray]:
    """As for "read", but a single view, and which frames it is made of; or a `Preset`'s."""
    how = request["spec"]
    spec = Preset(**how) if "crop" in how else ViewSpec.of(how)
    indices, frames = read_view(_clip(request), request["view"], spec)
    answer = {"kind": "frames", "shape": frames.shape, "indices": indices.tolist()}
    return answer, frames.numpy()


def _clip(request: Mapping) -> Clip:
    path, start, end = Path(request["path"]), request.get("start"), request.get("end")
    return Clip(request["id"], "", "", path, start=start, end=end)


def _inspect(request: Mapping) -> tuple[dict, None]:
    """The path of a file -> what is wrong with it."""
    return {"kind": "inspection", "found": asdict(inspect(Path(request["path"])))}, None


def _probe(request: Mapping) -> tuple[dict, None]:
    """The path of a file -> how many frames it holds, their size and rate."""
    return {"kind": "probe", "info": asdict(probe(Path(request["path"])))}, None


def _require_within(request: Mapping) -> tuple[dict, None]:
    """The path of a file, most pixels and seconds -> nothing, where it is within them."""
    limits = {name: request[name] for name in ("max_pixels", "max_seconds")}
    require_within(Path(request["path"]), **limits)
    return {"kind": "within"}, None


def _times(request: Mapping) -> tuple[dict, None]:
    """The path of a file -> when each frame is shown."""
    return {"kind": "times", "times": frame_times(Path(request["path"])).tolist()}, None


def _read_on(request: Mapping) -> tuple[dict, np.ndarray]:
    """The path of a file, numbers of frames, settings of a `ViewSpec` -> frames."""
    path, spec = Path(request["path"]), ViewSpec.of(request["spec"])
    frames = _stream.read(path, request["frames"], spec).numpy()
    return {"kind": "frames", "shape": frames.shape}, frames


_stream = OneStream()
_OPERATIONS = {
    "read": _read,
    "take": _take,
    "inspect": _inspect,
    "probe": _probe,
    "times": _times,
    "read on": _read_on,
    "within": _require_within,
}


def _end_after(seconds: float) -> None:
    """Let the system end this process later, or (0) not at all; Windows knows no such thing."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _send(answers: BinaryIO, answer: Mapping, frames: np.ndarray | None = None) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    if frames is not None:
        answers.write(frames.data.cast("B"))
    answers.flush()
