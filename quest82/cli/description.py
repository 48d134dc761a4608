"""The command that says what is there, before any work is done on it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import typer

from .found import clips_in, tell_left_over
from .options import ClipOptions, Folder, TimeLimit, Workers, num_decoders
from .telling import UNGROUPED, printable, tell_one_sided

if TYPE_CHECKING:
    from ..data.clips import Clip
    from ..frames.workers import Workers as Pool
    from ..video import VideoError, VideoInfo

_MOST_SHOWN = 5


def describe(
    folder: Folder,
    *,
    which: ClipOptions,
    workers: Workers = None,
    time_limit: TimeLimit = 60,
) -> None:
    """Say what a folder holds before any work: classes, groups, lengths, sizes, rates, a split.

    Files are looked over, not decoded; `quest82 check` decodes all of them. How long an extraction
    will take is measured on one clip. Ends with exit code 1 if not one file can be read.

    Example: `quest82 describe weizmann --groups "^([a-z]+)_"`
    """
    from ..frames.workers import Workers as Pool

    found = clips_in(folder, which)
    num_workers = num_decoders(workers, len(found))
    with Pool(num_workers=num_workers, time_limit_seconds=time_limit) as pool:
        infos, unreadable = _looked_over(found, pool)
        clips = [clip for clip in found if clip.path in infos]
        if clips:
            _tell_classes(clips, folder)
            _tell_numbers(clips, infos)
            _tell_split(clips)
            _tell_time(clips, infos, pool)
    _tell_unreadable(unreadable, folder)
    tell_left_over(folder, which, found)
    raise typer.Exit(0 if clips else 1)


def _looked_over(
    clips: Sequence[Clip], pool: Pool
) -> tuple[dict[Path, VideoInfo], dict[Path, VideoError]]:
    """What each file holds, or why it cannot be read."""
    from tqdm import tqdm

    from ..video import VideoError

    paths = list(dict.fromkeys(clip.path for clip in clips))
    infos, unreadable = {}, {}
    bar = tqdm(pool.probe(paths), "looking", total=len(paths), unit="file")
    for path, info in zip(paths, bar, strict=True):
        if isinstance(info, VideoError):
            unreadable[path] = info
        else:
            infos[path] = info
    return infos, unreadable


def _tell_classes(clips: Sequence[Clip], folder: Path) -> None:
    """How many clips and groups each class has, and which has fewest."""
    from ..data.clips import classes_of

    classes, groups = classes_of(clips), {clip.group for clip in clips}
    num_clips = Counter(clip.label for clip in clips)
    width = max(len("class"), *map(len, classes))
    typer.echo(f"{folder}: {len(clips)} clips, {len(classes)} classes, {len(groups)} groups")
    typer.echo(f"{'class':{width}}  {'clips':>6}  {'groups':>6}")
    for name in classes:
        num_groups = len({clip.group for clip in clips if clip.label == name})
        typer.echo(f"{name:{width}}  {num_clips[name]:>6}  {num_groups:>6}")
    least, most = min(classes, key=num_clips.__getitem__), max(num_clips.values())
    typer.echo(
        f"smallest class: {least!r} with {num_clips[least]} clips, the largest has {most}; always "
        f"the most frequent class is right about {most / len(clips):.1%}"
    )


def _tell_numbers(clips: Sequence[Clip], infos: Mapping[Path, VideoInfo]) -> None:
    """Lengths, sizes and rates, with how many clips have each."""
    used = [infos[clip.path] for clip in clips]
    seconds = [_seconds(clip, infos[clip.path]) for clip in clips]
    known = [value for value in seconds if value]
    if known:
        typer.echo(f"lengths: {min(known):.2f} to {max(known):.2f} s, median {median(known):.2f} s")
    counts = [info.num_frames for info in used if not info.fps]
    if counts:
        typer.echo(f"lengths: {min(counts)} to {max(counts)} frames, where no rate is known")
    sizes = Counter(f"{info.width}x{info.height}" for info in used)
    rates = Counter(f"{info.fps:.4g}" if info.fps else "unknown" for info in used)
    typer.echo(f"sizes: {_counted(sizes)} pixels")
    typer.echo(f"frame rates: {_counted(rates)} frames per second")


def _seconds(clip: Clip, info: VideoInfo) -> float:
    """How long a clip is; 0 where its file does not say."""
    whole = info.num_frames / info.fps if info.fps else 0.0
    end = whole if clip.end is None else clip.end
    return max(end - (clip.start or 0.0), 0.0)


def _counted(counts: Counter[str]) -> str:
    """Such as "320x240 (12), 640x480 (3) and 2 others (4)"."""
    shown = [f"{name} ({count})" for name, count in counts.most_common(_MOST_SHOWN)]
    rest = len(counts) - _MOST_SHOWN
    num_clips = counts.total() - sum(count for _, count in counts.most_common(_MOST_SHOWN))
    return ", ".join(shown) + (f" and {rest} others ({num_clips})" if rest > 0 else "")


def _tell_unreadable(unreadable: Mapping[Path, VideoError], folder: Path) -> None:
    """Each file that cannot be read, and why."""
    for path, error in unreadable.items():
        name = printable(path.relative_to(folder))
        typer.echo(f"unreadable {name}: {str(error).removeprefix(f'{path}: ')}")
    typer.echo(f"{len(unreadable)} files cannot be read")


def _tell_split(clips: Sequence[Clip]) -> None:
    """Which split the clips come with, and which their groups allow."""
    from ..frames.frame_set import FrameSet

    given = Counter(clip.split for clip in clips if clip.split)
    if given:
        typer.echo(f"split as given: {', '.join(f'{k} {given[k]}' for k in sorted(given))} clips")
    data = FrameSet.of(clips)
    if len(set(data.groups)) == len(data):
        typer.echo(f"note: {UNGROUPED}")
    most = data.most_parts
    if most < 2:
        typer.echo(f"split: none by group is possible, there are {len(set(data.groups))} groups")
        return
    typer.echo(
        f"split: by group into at most {most} parts: --test from {ceil(100 / most) / 100} to 0.5"
    )
    tell_one_sided(_of_one_group(clips))


def _of_one_group(clips: Iterable[Clip]) -> dict[str, int]:
    """Classes that cannot be both learned and tested."""
    groups: dict[str, set[str]] = {}
    for clip in clips:
        groups.setdefault(clip.label, set()).add(clip.group)
    return {name: len(found) for name, found in sorted(groups.items()) if len(found) < 2}


def _tell_time(clips: Sequence[Clip], infos: Mapping[Path, VideoInfo], pool: Pool) -> None:
    """How long an extraction with default settings takes, from one clip of middling size."""
    import torch

    from ..essences.engines import open_engine
    from ..frames.view import ViewSpec
    from ..systems.mobilenet import MobileNetV2Extractor
    from ..video import VideoError

    def effort(clip: Clip) -> int:
        info = infos[clip.path]
        return info.num_frames * info.width * info.height

    spec, chosen = ViewSpec(), sorted(clips, key=effort)[len(clips) // 2]
    # Other weights take as long: none need be fetched. Always the same: their graph is kept.
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MobileNetV2Extractor(weights=None)
    engine = open_engine(network, size=spec.size)
    engine(torch.zeros(spec.num_frames, 3, spec.size, spec.size, dtype=torch.uint8))
    list(pool.take([chosen], spec))  # a process that has just started reads slowly
    start = time.perf_counter()
    (taken,) = pool.take([chosen], spec)
    decoded = time.perf_counter()
    if isinstance(taken, VideoError):
        typer.echo(f"extraction: not measured, {taken}")
        return
    engine(taken[1])
    described = time.perf_counter()
    # Both need the same cores; a clip is decoded on one of them, the network runs on all.
    each = described - decoded + (decoded - start) / torch.get_num_threads()
    typer.echo(
        f"extraction: about {_rough(each * len(clips))} for {len(clips)} clips of "
        f"{spec.num_frames} frames on this processor ({1000 * each:.0f} ms for {chosen.id})"
    )


def _rough(seconds: float) -> str:
    """Such as "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
