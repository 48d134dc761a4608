"""What does training cost when other programs keep the processor busy?

The threads of OpenMP wait for each other by spinning. Where a neighbour holds the core that one of
them needs, the others spin until the system takes the core away, at every step. An LSTM is fitted
to 44 made-up clips with several policies, alone and beside busy processes on the same two cores.

    taskset -c 0,1 python benchmarks/busy_neighbour.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from table import publish

POLICIES = {
    "two threads": {"OMP_NUM_THREADS": "2"},
    "two threads, OMP_WAIT_POLICY=PASSIVE": {
        "OMP_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "PASSIVE",
    },
    "two threads, GOMP_SPINCOUNT=0": {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "0"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
NEIGHBOURS = (0, 2, 4)
FIT = """
import time, torch
from quest82.essences import EssenceSet
from quest82.learning import TrainConfig, fit
from quest82.systems import classifier
N = 44
essences = torch.randn(N, 16, 1280, generator=torch.Generator().manual_seed(0)).half()
names = tuple(map(str, range(N)))
data = EssenceSet(
    essences=essences,
    labels=torch.arange(N) % 2,
    groups=names,
    clip_ids=names,
    classes=("left", "right"),
)
model = classifier.build("lstm", 1280, 2)
fit(model, data, TrainConfig(epochs=1))
for _ in range(3):
    start = time.perf_counter()
    fit(model, data, TrainConfig(epochs=20))
    print(time.perf_counter() - start)
"""


@contextmanager
def neighbours(number: int) -> Iterator[None]:
    """Some processes that never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def seconds(policy: Mapping[str, str]) -> list[float]:
    """Of twenty epochs, three times, in a process of its own: OpenMP reads its settings once."""
    ours = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {k: v for k, v in os.environ.items() if k not in ours} | dict(policy)
    command = [sys.executable, "-c", FIT]
    result = subprocess.run(command, env=environment, capture_output=True, check=True)
    return [float(line) for line in result.stdout.split()]


def main() -> None:
    measured = {}
    for number in NEIGHBOURS:
        with neighbours(number):
            measured[number] = {name: seconds(policy) for name, policy in POLICIES.items()}
    rows = [
        {"how": name} | {f"{n} busy processes": _range(measured[n][name]) for n in NEIGHBOURS}
        for name in POLICIES
    ]
    publish("busy_neighbour", rows, seconds=measured)


def _range(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} s ({min(times):.1f}-{max(times):.1f})"


if __name__ == "__main__":
    main()
