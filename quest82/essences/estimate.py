"""What an extraction will cost, from a sample that is measured here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from ..data.clips import Clip
from ..frames.view import ViewSpec
from ..frames.workers import Workers
from ..systems.backbones import Backbone
from ..video import VideoError
from .engines import open_engine
from .extraction import enough_for, essences_in
from .files import StoreError

SAMPLED = 24  # clips
_FIRST = 4  # of them are not timed: processes start, and the network runs for the first time


@dataclass(frozen=True)
class Estimate:
    """What an extraction will cost on a machine like this one.

    Attributes:
        num_clips: that are to be described.
        num_bytes: of the store's numbers.
        seconds: of the whole extraction.
        num_sampled: clips that were timed.
        num_skipped: of the sample, those that could not be read.
        engine: that ran the network.
    """

    num_clips: int
    num_bytes: int
    seconds: float
    num_sampled: int
    num_skipped: int
    engine: str


def estimate(
    clips: Sequence[Clip],
    extractor: Backbone,
    spec: ViewSpec,
    *,
    engine: str | None = None,
    num_workers: int | None = None,
    time_limit_seconds: float = 60,
) -> Estimate:
    """Describe a few clips from across a list, and say what all of them will take.

    Nothing is written. The time grows with the number of clips, and the first few of the sample,
    which wait for the processes to start, are not counted.

    Args:
        clips: the list, as for `extract`.
        extractor: as for `extract`.
        spec: how frames are taken.
        engine: as for `extract`.
        num_workers: as for `extract`.
        time_limit_seconds: as for `extract`.

    Raises:
        ValueError: as `extract`.
        StoreError: if no clip of the sample can be read.
    """
    num_workers = enough_for(clips, extractor, num_workers, time_limit_seconds)
    number = min(len(clips), SAMPLED)
    sample = [clips[k * len(clips) // number] for k in range(number)]
    run = open_engine(extractor, size=spec.size, name=engine)
    times, skipped = [time.perf_counter()], 0
    with Workers(num_workers=num_workers, time_limit_seconds=time_limit_seconds) as workers:
        wanted = ((clip, range(spec.num_views)) for clip in sample)
        with closing(workers.read(wanted, spec)) as decoded:
            for frames in decoded:
                if isinstance(frames, VideoError):
                    skipped += 1
                else:
                    for view in frames:
                        run(view)
                times.append(time.perf_counter())
    if skipped == number:
        raise StoreError(f"not one of {number} sampled clips can be read; see `quest82 check`")
    first = min(_FIRST, number - 1)
    seconds = (times[-1] - times[first]) / (number - first) * len(clips)
    numbers = spec.num_views * essences_in(extractor, spec) * extractor.num_features
    readable = round(len(clips) * (number - skipped) / number)
    return Estimate(len(clips), 2 * numbers * readable, seconds, number - first, skipped, run.name)
