"""Features that another program has computed, as a store that all commands take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..data.clip_set import fields_of
from ..data.clips import Clip, digest_of
from ..frames.sampling import segment_indices
from ..outputs import require_writable
from .essence_set import EssenceSet
from .update import StoreUpdate

_MOST_SHOWN = 5


def import_files(
    clips: Sequence[Clip], path: str | Path, *, num_frames: int | None = None
) -> EssenceSet:
    """A store of the features (T, D) in the file of each clip.

    A finished store follows its files, as `extract` does it.

    Args:
        clips: whose paths are .npy files.
        path: folder of the store.
        num_frames: T, of which each file's rows are taken at equal distances (the centres of T
            segments); None: all, which must be equally many in every file.

    Raises:
        ValueError: if files hold something else: how many, and the first few.
        StoreError: if the folder holds another store, or numbers do not fit into float16.
    """
    if parts := [clip.id for clip in clips if clip.is_part]:
        raise ValueError(
            f"{parts[0]}: features have no seconds; leave the columns start and end out, and give "
            "each part a file of its own"
        )
    shapes = _shapes([clip.path for clip in clips])
    (length, width), *others = shapes
    if num_frames is None and any(shape[0] != length for shape in others):
        lengths = sorted({shape[0] for shape in shapes})
        raise ValueError(
            f"clips have {lengths[0]} to {lengths[-1]} rows, a store has equally many of each; "
            f"choose how many are taken (--num-frames {lengths[0]})"
        )
    T = num_frames or length
    require_writable(Path(path))
    settings = {"imported": True, "num_frames": T, "sampled": num_frames is not None}
    update = StoreUpdate(Path(path), clips, settings, (T, width))
    for clip in update.missing:
        digest, array = digest_of(clip.path), np.load(clip.path, allow_pickle=False)
        update.add(clip, digest, array[segment_indices(len(array), T).numpy()].astype(np.float32))
    update.finish()
    return EssenceSet.load(path)


def import_array(file: str | Path, clips: Sequence[Clip], path: str | Path) -> EssenceSet:
    """A store of an array (N, T, D) in one .npy file.

    Args:
        file: the array.
        clips: N, in the order of its rows.
        path: folder of the store; must be new.

    Raises:
        ValueError: if the file holds something else, or another number of clips.
        StoreError: if the folder is not empty, or numbers do not fit into float16.
    """
    array = _opened(Path(file), num_axes=3)
    if len(array) != len(clips):
        raise ValueError(
            f"{file}: has {len(array)} clips, the annotations have {len(clips)}; give one row for "
            "each, in the same order"
        )
    data = EssenceSet(
        essences=torch.from_numpy(np.array(array, np.float32)),
        settings={"imported": True},
        **fields_of(clips),
    )
    require_writable(Path(path))
    data.save(path)
    return EssenceSet.load(path)


def _shapes(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """(T, D) of each file; all that is wrong is told together."""
    shapes, wrong = [], []
    for path in paths:
        try:
            shapes.append(_opened(path, num_axes=2).shape)
        except ValueError as error:
            wrong.append(str(error))
    widths = sorted({shape[1] for shape in shapes})
    if len(widths) > 1:
        wrong.append(f"features are {widths[0]} to {widths[-1]} wide; all must have one width D")
    if wrong:
        rest = f"; and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
        raise ValueError("; ".join(wrong[:_MOST_SHOWN]) + rest)
    return shapes


def _opened(path: Path, *, num_axes: int) -> np.ndarray:
    """The array in a file, still on the disk."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(
            f"{path}: is no .npy file of numbers ({type(error).__name__}); write it with numpy.save"
        ) from error
    shape = "(T, D)" if num_axes == 2 else "(N, T, D)"
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path}: holds several arrays (.npz); write one with numpy.save")
    if array.ndim != num_axes or array.dtype.kind not in "iuf" or not array.size:
        raise ValueError(
            f"{path}: holds {array.dtype} {array.shape}; it must be numbers of the shape {shape}"
        )
    return array
