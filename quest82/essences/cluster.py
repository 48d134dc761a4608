"""What an extraction in shards takes on a cluster, by simulation of its events.

Every shard is a job of an array. A job waits for a free node, starts, and works through its clips;
it ends, or it dies, waits in the queue again, and goes on after its last whole clip. Between two
events nothing changes, so the clock jumps from each event to the next. All jobs read from one
storage: where they ask for more than it gives, all are slowed by the same factor.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_FREE = -1


@dataclass(frozen=True)
class Cluster:
    """Where shards are extracted.

    Attributes:
        jobs_at_once: that the queue lets run; each has a node of its own.
        cores: of each job.
        startup_seconds: from the start of a job to its first clip.
        slow_share: of the nodes, those that are slow, in [0, 1].
        slow_factor: how many times as long a slow node takes.
        hours_between_deaths: of one job, on average; the time to a death has no memory.
        storage_megabytes_per_second: that all jobs share.

    Raises:
        ValueError: if a number is out of its range.
    """

    jobs_at_once: int
    cores: int = 1
    startup_seconds: float = 0.0
    slow_share: float = 0.0
    slow_factor: float = 1.0
    hours_between_deaths: float = math.inf
    storage_megabytes_per_second: float = math.inf

    def __post_init__(self) -> None:
        for name, least in (("jobs_at_once", 1), ("cores", 1), ("slow_factor", 1)):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} ({getattr(self, name)}) must be at least {least}")
        if not (self.startup_seconds >= 0 and 0 <= self.slow_share <= 1):
            raise ValueError(
                f"startup_seconds ({self.startup_seconds}) must be at least 0, slow_share "
                f"({self.slow_share}) from 0 to 1"
            )
        for name in ("hours_between_deaths", "storage_megabytes_per_second"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} ({getattr(self, name)}) must be above 0")


@dataclass(frozen=True)
class Outcome:
    """What an extraction took.

    Attributes:
        hours: from the first job's start to the last one's end.
        core_hours: that jobs held, for whatever they used them.
        wasted: core-hours without progress, by cause: "start-up", "slow nodes", "storage" (waiting
            for it) and "lost" (clips that a death cut off). The rest made essences.
        num_clips: that were made.
        num_deaths: of jobs.
        gigabytes: that were read, those for lost clips included.
    """

    hours: float
    core_hours: float
    wasted: dict[str, float]
    num_clips: int
    num_deaths: int
    gigabytes: float

    @property
    def waste(self) -> float:
        """Share of the core-hours that made no progress, in [0, 1]."""
        return sum(self.wasted.values()) / self.core_hours if self.core_hours else 0.0


def draw_shards(
    seconds: Sequence[float], num_clips: int, num_shards: int, *, seed: int = 0
) -> list[np.ndarray]:
    """Clips with times drawn from measured ones, each in a shard drawn at random, as by a hash.

    Args:
        seconds: that clips took, measured.
        num_clips: how many to draw.
        num_shards: among which they fall.
        seed: of both draws.

    Returns:
        For each shard the seconds of its clips.

    Raises:
        ValueError: if nothing was measured, or a number is too small.
    """
    if not len(seconds) or num_clips < 1 or num_shards < 1:
        raise ValueError(
            f"seconds ({len(seconds)} of them), num_clips ({num_clips}) and num_shards "
            f"({num_shards}) must be at least 1"
        )
    rng = np.random.default_rng(seed)
    sizes = rng.multinomial(num_clips, np.full(num_shards, 1 / num_shards))
    return np.split(rng.choice(np.asarray(seconds, float), num_clips), np.cumsum(sizes)[:-1])


def simulate(
    shards: Sequence[Sequence[float] | np.ndarray],
    cluster: Cluster,
    *,
    clip_megabytes: float = 0.0,
    seed: int = 0,
) -> Outcome:
    """Extract shards on a cluster that exists in numbers alone.

    Args:
        shards: for each the seconds that a job of this cluster takes for each of its clips, on a
            node that is not slow, beside storage that is not.
        cluster: where.
        clip_megabytes: that are read for a clip, on average.
        seed: of slow nodes and of deaths.

    Raises:
        ValueError: if clip_megabytes is below 0.
    """
    if not clip_megabytes >= 0:
        raise ValueError(f"clip_megabytes ({clip_megabytes}) must be at least 0")
    run = _Run(shards, cluster, clip_megabytes, seed)
    while run.queue or (run.job != _FREE).any():
        run.start_jobs()
        run.jump()
    return run.outcome()


class _Run:
    """A simulation on its way: arrays of one number for each node, and the queue."""

    def __init__(
        self,
        shards: Sequence[Sequence[float] | np.ndarray],
        cluster: Cluster,
        clip_megabytes: float,
        seed: int,
    ) -> None:
        self.cluster, self.rng = cluster, np.random.default_rng(seed)
        # For each shard when its clips end, in seconds of work, and the MB it reads in a second.
        self.ends = [np.concatenate([[0.0], np.cumsum(shard)]) for shard in shards]
        self.rates = [clip_megabytes * (len(ends) - 1) / (ends[-1] or 1.0) for ends in self.ends]
        self.queue = deque((number, 0.0) for number in range(len(shards)))
        J = min(cluster.jobs_at_once, max(1, len(shards)))
        slow = self.rng.random(J) < cluster.slow_share
        self.speed = np.where(slow, 1 / cluster.slow_factor, 1.0)
        self.job = np.full(J, _FREE)
        # Seconds of start-up that are left; of work, done and to be done; MB for a second of work.
        self.startup, self.done, self.total, self.demand = np.zeros((4, J))
        self.dies = np.full(J, np.inf)  # when, in seconds of the clock
        self.now = self.held = self.megabytes = 0.0
        self.lost = {"start-up": 0.0, "slow nodes": 0.0, "storage": 0.0, "lost": 0.0}
        self.num_clips = self.num_deaths = 0

    def start_jobs(self) -> None:
        """Give free nodes the next jobs of the queue."""
        for node in np.flatnonzero(self.job == _FREE)[: len(self.queue)]:
            number, done = self.queue.popleft()
            self.job[node], self.done[node] = number, done
            self.total[node], self.demand[node] = self.ends[number][-1], self.rates[number]
            self.startup[node] = self.cluster.startup_seconds
            life = self.rng.exponential(3600) * self.cluster.hours_between_deaths
            self.dies[node] = self.now + life

    def jump(self) -> None:
        """Let time pass until the next event, and do what that is."""
        busy = self.job != _FREE
        working = busy & (self.startup <= 0)
        wanted = self.demand[working] @ self.speed[working]
        storage = self.cluster.storage_megabytes_per_second
        share = min(1.0, storage / wanted) if wanted else 1.0
        pace = np.where(working, self.speed * share, 0.0)
        left = np.where(busy, self.startup, np.inf)
        left[working] = (self.total - self.done)[working] / pace[working]
        life = np.where(busy, self.dies - self.now, np.inf)
        node = int(np.argmin(np.minimum(left, life)))
        self._pass(float(max(0.0, min(left[node], life[node]))), busy, working, pace, share)
        if life[node] < left[node]:
            self._die(node)
        elif working[node]:
            self._end(node)
        else:
            self.startup[node] = 0.0

    def _pass(
        self, seconds: float, busy: np.ndarray, working: np.ndarray, pace: np.ndarray, share: float
    ) -> None:
        self.now += seconds
        self.held += seconds * int(busy.sum())
        self.lost["start-up"] += seconds * int((busy & ~working).sum())
        self.lost["storage"] += seconds * (1 - share) * float(self.speed[working].sum())
        self.lost["slow nodes"] += seconds * float((1 - self.speed[working]).sum())
        self.megabytes += seconds * float(self.demand @ pace)
        self.startup -= seconds * (busy & ~working)
        self.done += seconds * pace

    def _end(self, node: int) -> None:
        self.num_clips += len(self.ends[self.job[node]]) - 1
        self.job[node] = _FREE

    def _die(self, node: int) -> None:
        """Back into the queue, behind the others; the clip at hand is lost."""
        number = int(self.job[node])
        whole = np.searchsorted(self.ends[number], self.done[node], side="right") - 1
        kept = float(self.ends[number][whole])
        self.lost["lost"] += float(self.done[node]) - kept
        self.queue.append((number, kept))
        self.num_deaths += 1
        self.job[node] = _FREE

    def outcome(self) -> Outcome:
        per_second = self.cluster.cores / 3600
        return Outcome(
            self.now / 3600,
            self.held * per_second,
            {cause: seconds * per_second for cause, seconds in self.lost.items()},
            self.num_clips,
            self.num_deaths,
            self.megabytes / 1000,
        )
