"""What the programs under comparison share: the task, and how they are asked to do it.

Each is a process of its own, in the interpreter that has its libraries: started once, warmed up
on one clip, then timed over all clips in `<folder>/clips` as often as it is asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

NUM_FRAMES = 16
SHORT_SIDE, SIZE = 256, 224  # every frame is resized to the one and cropped to the other
NUM_CORES = 2
QUEST82_REPEATS = 40

Method = Callable[[Sequence[Path]], np.ndarray]


def clips_in(folder: Path) -> list[Path]:
    return sorted((folder / "clips").iterdir())


def jpeg_folder(clip: Path) -> Path:
    return clip.parents[1] / "jpegs" / clip.stem


def centre_indices(num_frames: int) -> list[int]:
    """The frames that quest82 takes: the centre of each of T equal segments."""
    return [int((segment + 0.5) * num_frames / NUM_FRAMES) for segment in range(NUM_FRAMES)]


def serve(methods: Mapping[str, Method], versions: Mapping[str, str]) -> None:
    """Warm every method up on one clip, then time each that a line of stdin names."""
    folder = Path(sys.argv[1])
    clips = clips_in(folder)
    for method in methods.values():
        method(clips[:1])
    print(json.dumps(versions), flush=True)
    for line in sys.stdin:
        name = line.strip()
        begin = time.perf_counter()
        result = methods[name](clips)
        seconds = time.perf_counter() - begin
        np.save(folder / f"{name}.npy", result)
        print(json.dumps(seconds), flush=True)


class Program:
    """The other end of `serve`: a program, started and warm.

    Attributes:
        versions: of the libraries it uses.
        startup_seconds: imports, building the network, and one clip through each method.
    """

    def __init__(self, script: Path, python: str, folder: Path) -> None:
        threads = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        settings = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [python, str(script), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **settings, **dict.fromkeys(threads, str(NUM_CORES))},
        )
        self.versions = self._answer()
        self.startup_seconds = time.perf_counter() - begin

    def seconds(self, method: str) -> float:
        """How long the method takes for all clips; its result lies in `<method>.npy` then."""
        print(method, file=self._process.stdin, flush=True)
        return self._answer()

    def stop(self) -> None:
        self._process.communicate()

    def _answer(self) -> dict | float:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args[1]} ended early; its own error says why")
        return json.loads(line)
