"""A store of feature maps: where each frame shows what, with the guarantees of every store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data.clips import Clip
from ..frames.view import ViewSpec
from ..outputs import require_writable
from ..systems.backbones import Backbone
from ..systems.maps import FeatureMaps
from ..systems.mobilenet import MobileNetV2Extractor
from .essence_set import EssenceSet
from .extraction import enough_for, extract
from .files import PROJECTION, require_same
from .projections import fit_projection, own_projection, read_projection
from .reader import begun_store
from .writer import require_own


def extract_maps(
    clips: Sequence[Clip],
    extractor: Backbone,
    path: str | Path,
    spec: ViewSpec | None = None,
    *,
    grid: int,
    channels: int | None = None,
    projection: str | Path | None = None,
    engine: str | None = None,
    num_workers: int | None = None,
    time_limit_seconds: float = 60,
    progress: bool = True,
) -> EssenceSet:
    """Turn clips into a store of feature maps (see `FeatureMaps`); `EssenceSet.maps` gives them.

    The store is as `extract` makes it: (N, T, C*g*g), or (N, V, T, C*g*g). With a projection it
    holds a fourth file, `projection.safetensors`.

    Args:
        clips: as for `extract`.
        extractor: MobileNetV2.
        path: folder of the store.
        spec: how frames are taken.
        grid: g, positions along each side; at most 7 for frames of 224 pixels.
        channels: C, fitted on a sample of these clips when the store is begun, and kept from then
            on (`projections`); None: what projection says.
        projection: folder of another store, or its file: taken as it is, so that these clips have
            no part in it. None: all 1280 channels are kept, unless channels says otherwise.
        engine: as for `extract`, and so the others.
        num_workers: see there.
        time_limit_seconds: see there.
        progress: see there.

    Raises:
        ValueError: if channels and projection are both given, the network is no MobileNetV2, its
            map has fewer positions, or there are too few clips for so many channels; and as
            `extract`.
        EngineError: as `extract`.
        StoreError: if a projection is missing or damaged; and as `extract`.
    """
    path, spec = Path(path), spec or ViewSpec()
    num_workers = enough_for(clips, extractor, num_workers, time_limit_seconds)
    if channels is not None and projection is not None:
        raise ValueError(
            f"channels ({channels}) are those of the projection ({projection}): give one of both"
        )
    if not isinstance(extractor, MobileNetV2Extractor):
        raise ValueError(
            f"maps ({grid}) are of {MobileNetV2Extractor.name} alone, not {extractor.name}"
        )
    FeatureMaps(extractor, grid=grid).require_size(spec.size)
    how: dict[str, Any] = {"engine": engine, "num_workers": num_workers, "progress": progress}
    how["time_limit_seconds"] = time_limit_seconds
    if projection is not None:
        chosen = read_projection(Path(projection))
    elif channels is None:
        chosen = None
    elif _is_begun(path, grid, channels):
        chosen = own_projection(path)
    else:
        chosen = fit_projection(clips, extractor, spec, grid=grid, channels=channels, **how)
    maps = FeatureMaps(extractor, grid=grid, projection=chosen)
    return extract(clips, maps, path, spec, **how)


def _is_begun(path: Path, grid: int, channels: int) -> bool:
    """Whether there is such a store; a folder in which none can be begun is refused."""
    asked, made = {"maps": grid, "channels": channels}, begun_store(path).get("settings")
    if made:
        require_same(path, {name: made.get(name) for name in asked}, asked)
    else:
        require_own(path, beside=(PROJECTION,))
        require_writable(path)
    return bool(made)
