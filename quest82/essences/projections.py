"""The projection of a store of maps: fitted before the first clip, kept beside the store's files.

It is fitted without labels, on a sample of the training clips, and written whole before anything
depends on it. From then on it is read, never fitted again: a run that was killed goes on with the
same numbers, and clips that come later do not change those of the clips before them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from ..data.clips import Clip
from ..frames.view import ViewSpec
from ..frames.workers import Workers
from ..outputs import write_whole
from ..systems.maps import FeatureMaps
from ..systems.mobilenet import MobileNetV2Extractor
from ..systems.projection import Moments, Projection
from ..video import VideoError
from .engines import open_engine
from .files import PROJECTION, REMEDY, StoreError
from .writer import bring_to_disk, cannot_be_written, require_own

MOST_CLIPS = 100  # of 8 frames and 4 x 4 positions: 200 positions for each of 64 channels


def sample_to_fit(clips: Sequence[Clip]) -> list[Clip]:
    """The clips on which a projection is fitted: of the split "train" alone, where that is known.

    At most `MOST_CLIPS`, in an order drawn from their ids: clips of all classes, and the same ones
    on every machine.

    Raises:
        ValueError: if the clips are of other splits alone.
    """
    splits = {clip.split for clip in clips}
    chosen = [clip for clip in clips if clip.split == "train"] if splits != {""} else list(clips)
    if not chosen:
        raise ValueError(
            f"clips (of the split {', '.join(sorted(splits))}) must have some of the split train, "
            "to fit a projection on; take that of another store (--projection)"
        )
    key = {clip.id: hashlib.sha256(clip.id.encode(errors="surrogateescape")) for clip in chosen}
    return sorted(chosen, key=lambda clip: key[clip.id].digest())[:MOST_CLIPS]


def fit_projection(
    clips: Sequence[Clip],
    extractor: MobileNetV2Extractor,
    spec: ViewSpec,
    *,
    grid: int,
    channels: int,
    engine: str | None,
    num_workers: int,
    time_limit_seconds: float,
    progress: bool,
) -> Projection:
    """The projection of whole maps to some channels, found on the centre views of clips.

    Args:
        clips: of which a sample is taken (`sample_to_fit`); one that cannot be read is passed over.
        extractor: the network.
        spec: how frames are taken.
        grid: g, positions along each side.
        channels: C, from 1 to 1279.
        engine: as for `extract`, and so the others.
        num_workers: see there.
        time_limit_seconds: see there.
        progress: see there.

    Raises:
        StoreError: if not one clip could be read.
        ValueError: if channels are too many for the network or for the positions.
    """
    maps, sample = FeatureMaps(extractor, grid=grid), sample_to_fit(clips)
    run = open_engine(maps, size=spec.size, name=engine)
    moments, reasons = Moments(maps.num_channels), []
    workers = Workers(num_workers=num_workers, time_limit_seconds=time_limit_seconds)
    decoded = workers.read(((clip, range(1)) for clip in sample), replace(spec, num_views=1))
    bar = tqdm(desc="fitting", total=len(sample), unit="clip", disable=not progress)
    with workers, bar, closing(decoded):
        for frames in decoded:
            bar.update()
            if isinstance(frames, VideoError):
                reasons.append(str(frames))
            else:
                moments.add(run(frames[0]).unflatten(1, (-1, grid, grid)))
    if not moments.count:
        raise StoreError(f"projection: not one clip could be read ({'; '.join(reasons[:3])})")
    return moments.projection(channels)


def read_projection(path: Path) -> Projection:
    """The projection in a file, or in the folder of a store.

    Raises:
        StoreError: if there is none, or it is damaged.
    """
    try:
        return Projection.load(path / PROJECTION if path.is_dir() else path)
    except ValueError as error:
        raise StoreError(f"{error}; give a store of `quest82 extract --channels`") from error


def own_projection(path: Path) -> Projection:
    """The projection that a store was begun with.

    Raises:
        StoreError: if it is missing or damaged.
    """
    try:
        return Projection.load(path / PROJECTION)
    except ValueError as error:
        raise StoreError(f"{error}; {REMEDY}") from error


def keep_projection(path: Path, projection: Projection | None, *, begun: bool) -> None:
    """Write the projection into the folder of a store that is to be begun; else look whether it is.

    Raises:
        StoreError: if a store that was begun has lost it, the folder holds something else, or
            nothing can be written.
    """
    if projection is None:
        return
    if begun:
        own_projection(path)  # whether it is the same, the settings say
        return
    require_own(path, beside=(PROJECTION,))
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_whole(path / PROJECTION, projection.to_bytes())
        bring_to_disk(path / PROJECTION)  # before the first clip that needs it
    except OSError as error:
        raise cannot_be_written(path, error) from error


def share_kept(path: Path) -> float:
    """The share of the variance of whole maps, from 0 to 1, that a store's channels keep."""
    return float(torch.sum(own_projection(path).explained))
