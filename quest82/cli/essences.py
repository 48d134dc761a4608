"""The command that turns videos into essences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .found import Source, SourceOptions, clips_in, place_of, tell_left_over
from .options import BackboneOptions, ClipOptions, MapOptions, ReadingOptions, ViewOptions
from .sharding import ShardOptions, make_shard, tell_estimate, tell_shards
from .stores import backbone_of, essences_of

if TYPE_CHECKING:
    from ..essences import EssenceSet


def import_features(
    features: Annotated[
        Path,
        typer.Argument(
            help="Folder laid out as FOLDER/CLASS/CLIP.npy, or one .npy file (N, T, D)."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Folder of the store.")],
    *,
    which: ClipOptions,
    num_frames: Annotated[
        int | None,
        typer.Option(min=1, help="Rows to take of each file, where these have unequal numbers."),
    ] = None,
) -> None:
    """Turn features of your own, T rows of D numbers for each clip, into a store of essences.

    Every command that takes a store takes this one. `--annotations` names the files; for one file
    (N, T, D) its rows are those of the array, in their order, and path is a clip's name.

    Example: `quest82 import-features i3d i3d.essences --groups "^([a-z]+)_"`

    Example: `quest82 import-features all.npy all.essences --annotations labels.csv`
    """
    from ..data import annotations
    from ..essences import imported

    if features.is_dir():
        found = clips_in(features, which, endings={".npy"})
        data = imported.import_files(found, out, num_frames=num_frames)
    elif not which.annotations or which.groups or num_frames:
        raise ValueError(
            f"{features}: is no folder; one file (N, T, D) needs --annotations, which name its "
            "clips and their groups, and no --groups or --num-frames"
        )
    else:
        found = annotations.rows_as_clips(which.annotations, features)
        data = imported.import_array(features, found, out)
    typer.echo(
        f"{len(data)} clips, {len(data.classes)} classes, {len(set(data.groups))} groups, "
        f"{data.num_frames} x {data.num_features} numbers each, in {out}"
    )


def extract(
    folder: Source,
    out: Annotated[Path, typer.Argument(help="Folder of the store; a stopped run goes on.")],
    *,
    which: SourceOptions,
    views: ViewOptions,
    network: BackboneOptions,
    maps: MapOptions,
    engine: Annotated[
        str | None, typer.Option(help="openvino, fused or plain; else the fastest that works.")
    ] = None,
    reading: ReadingOptions,
    share: ShardOptions,
) -> None:
    """Turn a folder of videos into a store of essences: T x 1280 numbers per clip.

    With `--maps` the place is kept, too: T maps, which are the essence before its mean over space.
    With `--shard` several machines share the work, each as often and as late as it likes. Videos
    may lie in an object store (s3:// needs `pip install s3fs`) or on a web server.

    Example: `quest82 extract weizmann weizmann.essences --groups "^([a-z]+)_"`

    Example: `quest82 extract videos some.essences --annotations labels.csv`, with lines such as
    `path,label,start,end` and `monday.mp4,wave,12.5,15`

    Example: `quest82 extract weizmann weizmann.maps --maps 4 --channels 64`

    Example: `quest82 extract kinetics kinetics.essences --shard 3/16`

    Example: `quest82 extract s3://bucket/clips some.essences --cache-gb 50`
    """
    if share.list_shards:
        tell_shards(out)
        return
    place = place_of(folder, which)
    found = clips_in(place, which)
    if share.shard or share.dry_run:
        _require_no_maps(maps)
        backbone = backbone_of(network, reading)
        if share.dry_run:
            tell_estimate(
                found, views, reading, backbone=backbone, engine=engine, shard=share.shard
            )
        elif share.shard:
            make_shard(found, out, share.shard, views, reading, backbone=backbone, engine=engine)
        return
    essences = essences_of(found, out, views, reading, network=network, engine=engine, maps=maps)
    num_others = tell_left_over(place, which, found)
    typer.echo(
        f"{len(essences)} clips, {len(essences.classes)} classes, {len(set(essences.groups))} "
        f"groups in {out} by the engine {essences.settings['engine']}; {len(essences.skipped)} "
        f"clips skipped, {num_others} files passed over"
    )
    if maps.maps:
        _tell_maps(out, essences)


def _require_no_maps(maps: MapOptions) -> None:
    if maps.maps:
        raise ValueError(
            f"--maps ({maps.maps}) is not for --shard or --dry-run: maps are shortened by what is "
            "common to all clips; extract them on one machine"
        )


def _tell_maps(out: Path, essences: EssenceSet) -> None:
    from ..essences.projections import share_kept

    made = essences.settings
    kept = f", which keep {share_kept(out):.0%} of the variance" if made["projection"] else ""
    typer.echo(
        f"maps of {made['maps']} x {made['maps']} positions, {made['channels']} channels{kept}"
    )
