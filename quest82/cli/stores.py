"""Stores of essences as the commands open them, make them, and refuse them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .options import BackboneOptions
from .telling import UNGROUPED

if TYPE_CHECKING:
    from ..data.clips import Clip
    from ..essences import EssenceSet
    from ..systems.backbones import Backbone
    from .options import MapOptions, ReadingOptions, ViewOptions


def essences_of(
    clips: Sequence[Clip],
    store: Path,
    views: ViewOptions,
    reading: ReadingOptions,
    *,
    network: BackboneOptions | None = None,
    engine: str | None = None,
    maps: MapOptions | None = None,
) -> EssenceSet:
    """The essences of clips, new or from their store; what could not be read is listed."""
    from ..essences import extract, extract_maps

    make: Callable[..., EssenceSet] = extract
    if maps and maps.maps:
        make = partial(
            extract_maps, grid=maps.maps, channels=maps.channels, projection=maps.projection
        )
    data = make(
        clips,
        backbone_of(network or BackboneOptions(), reading),
        store,
        views.spec,
        engine=engine,
        num_workers=reading.workers,
        time_limit_seconds=reading.time_limit,
    )
    for clip_id, reason in data.skipped:
        typer.echo(f"skipped {clip_id}: {reason.removeprefix(f'{clip_id}: ')}")
    return data


def backbone_of(network: BackboneOptions, reading: ReadingOptions) -> Backbone:
    """The network that describes frames, on its device."""
    from ..systems.backbones import open_backbone
    from ..systems.devices import choose_device

    device = choose_device(reading.device)
    return open_backbone(network.backbone, network.backbone_weights).to(device)


def open_store(path: Path, task: str) -> EssenceSet:
    """A store as a task sees it.

    Raises:
        ValueError: if there is no such task, or only one class to tell apart.
    """
    from ..essences import EssenceSet
    from ..experiments.grounds import TASKS

    data = EssenceSet.load(path)
    if task not in TASKS:
        raise ValueError(f"task ({task!r}) must be one of {', '.join(TASKS)}")
    if len(set(data.groups)) == len(data):
        typer.echo(f"note: {UNGROUPED}")
    asked = TASKS[task](data)
    require_two_classes(asked.classes, len(asked))
    return asked


def require_two_classes(classes: Collection[str], num_clips: int) -> None:
    """Refuse clips that are all of one class."""
    if len(classes) < 2:
        raise ValueError(
            f"all {num_clips} clips are of the class {min(classes)!r}: with one class there is "
            "nothing to tell apart; add the folder of another"
        )
