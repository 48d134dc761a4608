"""The two pipes of a worker process: a line of JSON goes in, a line and perhaps frames come out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from io import BufferedReader
from typing import BinaryIO, cast

import numpy as np
import torch


def converse(process: subprocess.Popen, request: Mapping) -> dict:
    """One request and its answer; EOFError if the process ends before it is complete."""
    requests, answers = pipes_of(process)
    requests.write(json.dumps(request).encode() + b"\n")
    requests.flush()
    line = line_of(process)
    if not line:
        raise EOFError
    answer = json.loads(line)
    if answer["kind"] == "frames":
        frames = np.empty(answer["shape"], np.uint8)  # (..., 3, S, S)
        if answers.readinto(frames.data.cast("B")) < frames.nbytes:
            raise EOFError
        answer["frames"] = torch.from_numpy(frames)
    return answer


def pipes_of(process: subprocess.Popen) -> tuple[BinaryIO, BufferedReader]:
    """Where requests go, and where answers come from."""
    return cast(BinaryIO, process.stdin), cast(BufferedReader, process.stdout)


def line_of(process: subprocess.Popen) -> bytes:
    """What the process says next; nothing if it has ended."""
    _, answers = pipes_of(process)
    return b"" if answers.closed else answers.readline()
