"""Clips in, a store of essences out: decode, crop, describe, write, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import BaseFileLock, Timeout
from tqdm import tqdm

from ..data.clips import Clip
from ..data.fetched import digest_noted
from ..frames.view import ViewSpec
from ..frames.workers import ENOUGH_WORKERS, Workers, enough_workers
from ..outputs import require_writable
from ..systems.backbones import Backbone
from ..systems.maps import FeatureMaps
from ..systems.video_backbone import VideoMAEBackbone
from ..video import VideoError
from .engines import Engine, open_engine
from .essence_set import EssenceSet
from .files import StoreError, lock_on
from .projections import keep_projection
from .reader import begun_store
from .shards import Shard, ShardState, begin_shard, folder_of, lock_of, state_of
from .update import StoreUpdate


@dataclass(frozen=True)
class _How:
    """How clips are read and described; the fields are the arguments of `extract`."""

    spec: ViewSpec
    engine: str | None
    num_workers: int | None
    time_limit_seconds: float
    progress: bool


def extract(
    clips: Sequence[Clip],
    extractor: Backbone,
    path: str | Path,
    spec: ViewSpec | None = None,
    *,
    engine: str | None = None,
    num_workers: int | None = None,
    time_limit_seconds: float = 60,
    progress: bool = True,
) -> EssenceSet:
    """Turn clips into a store of essences: decode, crop, describe, write, clip by clip.

    Worker processes decode ahead while an engine describes. A run that was stopped goes on where
    it was. A finished store follows its files: only clips that are new, whose file has other
    content (`clips.digest_of`), or that were skipped are worked on, those no longer in the list go,
    and the result is, byte for byte, that of a fresh extraction. A clip whose file is away keeps
    what it has. A clip that cannot be read, takes too long or crashes its decoder is skipped and
    listed with the reason in `EssenceSet.skipped`.

    Args:
        clips: what to describe; their order is the order of the store.
        extractor: frames in, essences out: MobileNetV2 or another backbone, on whatever device it
            is.
        path: folder of the store.
        spec: how frames are taken; None: the defaults. The essences have shape (N, T, D) for one
            view, else (N, V, T, D); of a `VideoMAEBackbone` T is the number of its moments.
        engine: what runs the network (see `engines`); None takes the fastest that works here, or
            that with which the store was begun. Which one it was stands in `EssenceSet.settings`.
        num_workers: processes that decode; None for one per core (four at most where the network
            runs on those cores, too), 0 to decode in this process, without protection from files
            that hang or crash.
        time_limit_seconds: for decoding one clip.
        progress: show a progress bar with the time left.

    Raises:
        ValueError: if there are no clips, an id occurs twice, the engine is unknown, or nothing
            can be written to the folder.
        EngineError: if the engine that was named does not work here.
        StoreError: if the folder holds a store made with other settings, or is damaged, the disk
            is full, or not one clip could be read.
    """
    path = Path(path)
    how = _How(spec or ViewSpec(), engine, num_workers, time_limit_seconds, progress)
    _make(clips, extractor, path, how, lock_on(path))
    return EssenceSet.load(path)


def extract_shard(
    clips: Sequence[Clip],
    extractor: Backbone,
    path: str | Path,
    shard: Shard,
    spec: ViewSpec | None = None,
    *,
    engine: str | None = None,
    num_workers: int | None = None,
    time_limit_seconds: float = 60,
    progress: bool = True,
) -> ShardState:
    """Make one shard of a store (see `shards`), on one of several machines.

    Args:
        clips: the whole list, the same for every shard.
        extractor: as for `extract`, like all that is not named here.
        path: folder of the store, which all machines share.
        shard: which share of the clips.
        spec: likewise.
        engine: likewise; name one where machines differ, or their shards cannot be merged.
        num_workers: likewise.
        time_limit_seconds: likewise.
        progress: likewise.

    Returns:
        How far it is: finished, unless this was stopped.

    Raises:
        ValueError: as `extract`.
        EngineError: as `extract`.
        StoreError: as `extract`; if there is a store already, or another process writes this
            shard.
    """
    own = begin_shard(path, clips, shard)
    how = _How(spec or ViewSpec(), engine, num_workers, time_limit_seconds, progress)
    if own:
        folder, lock = folder_of(path, shard), lock_of(path, shard)
        _make(own, extractor, folder, how, lock, may_be_empty=True)
    return state_of(path, shard)


def _make(
    clips: Sequence[Clip],
    extractor: Backbone,
    path: Path,
    how: _How,
    lock: BaseFileLock,
    *,
    may_be_empty: bool = False,
) -> None:
    """Make or update a store while its lock is held."""
    num_workers = enough_for(clips, extractor, how.num_workers, how.time_limit_seconds)
    network = {"backbone": extractor.name, "weights": extractor.fingerprint()}
    maps = extractor.settings if isinstance(extractor, FeatureMaps) else {}
    settings = {**how.spec.settings, **network, **maps, "engine": how.engine}
    workers = Workers(num_workers=num_workers, time_limit_seconds=how.time_limit_seconds)
    try:
        with lock, workers:
            update = _brought_up_to_date(clips, extractor, path, settings, workers, how.progress)
            update.finish(may_be_empty=may_be_empty)
    except Timeout as error:
        raise StoreError(f"{path}: another extraction is writing there; wait for it") from error


def enough_for(
    clips: Sequence[Clip], extractor: Backbone, num_workers: int | None, time_limit_seconds: float
) -> int:
    """How many processes decode these clips, where that is not said; else the number that is.

    Raises:
        ValueError: if there are no clips, an id occurs twice, or a number is too small.
    """
    if num_workers is None:
        on_gpu = extractor.device.type != "cpu"
        most = torch.get_num_threads() if on_gpu else ENOUGH_WORKERS
        num_workers = enough_workers(len(clips), most=most)
    if not clips or num_workers < 0 or not time_limit_seconds > 0:
        raise ValueError(
            f"clips ({len(clips)}) must be at least 1, num_workers ({num_workers}) at least 0, "
            f"time_limit_seconds ({time_limit_seconds}) above 0"
        )
    ids = Counter(clip.id for clip in clips)
    if len(ids) < len(clips):
        raise ValueError(
            f"clips: the id {ids.most_common(1)[0][0]!r} occurs twice; ids must differ"
        )
    return num_workers


def _brought_up_to_date(
    clips: Sequence[Clip],
    extractor: Backbone,
    path: Path,
    settings: Mapping,
    workers: Workers,
    progress: bool,
) -> StoreUpdate:
    """Make what the store does not hold yet."""
    spec = ViewSpec.of(settings)
    begun = begun_store(path)
    if not begun:
        require_writable(path)
    name = settings["engine"] or begun.get("settings", {}).get("engine")
    leading = (spec.num_views,) if spec.num_views > 1 else ()
    row_shape = (*leading, essences_in(extractor, spec), extractor.num_features)
    # Before anything is written: an engine that does not work here leaves nothing behind.
    engine = None if begun and name else open_engine(extractor, size=spec.size, name=name)
    settings = {**settings, "engine": engine.name if engine else name}
    if isinstance(extractor, FeatureMaps):
        keep_projection(path, extractor.projection, begun=bool(begun))
    update = StoreUpdate(path, clips, settings, row_shape)
    if update.is_due:
        require_writable(path)
    if update.missing:
        engine = engine or open_engine(extractor, size=spec.size, name=name)
        _extract_missing(update, engine, workers, progress)
    return update


def essences_in(extractor: Backbone, spec: ViewSpec) -> int:
    """T of the store: an image network gives one of each frame, a video network of each moment."""
    if isinstance(extractor, VideoMAEBackbone):
        return extractor.moments_in(spec.num_frames, spec.size)
    return spec.num_frames


def _extract_missing(update: StoreUpdate, engine: Engine, workers: Workers, progress: bool) -> None:
    """Describe the clips that a store misses, in their order."""
    digests: dict[str, str | None] = {}

    def note(clip: Clip) -> None:
        # Before it is read, so that the next run sees a change that was made meanwhile.
        digests[clip.id] = digest_noted(clip)

    spec, total = ViewSpec.of(update.settings), len(update.clips)
    wanted = ((clip, range(spec.num_views)) for clip in update.missing)
    decoded = workers.read(wanted, spec, before=note)
    done = total - len(update.missing)
    bar = tqdm(desc="extracting", total=total, initial=done, unit="clip", disable=not progress)
    with bar, closing(decoded):
        for clip, frames in zip(update.missing, decoded, strict=True):
            if isinstance(frames, VideoError):
                reason = str(frames).replace(str(clip.path), clip.id)
                update.skip(clip, digests.get(clip.id), reason)  # none if it was not fetched
            else:
                essences = torch.stack([engine(view) for view in frames])  # (V, T, D)
                row = essences.reshape(update.row_shape).numpy()
                update.add(clip, digests[clip.id], row)
            bar.update()
