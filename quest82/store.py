"""Essences in memory, and the extraction that makes them once."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import platformdirs
import torch
from filelock import FileLock, Timeout
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor
from tqdm import tqdm

from . import __version__
from .clips import Clip, digest_of, unified
from .decoding import read_all
from .engines import Engine, open_engine
from .essence_files import StoreError, StoreWriter, begun_store, read_store
from .essences import MobileNetV2Extractor
from .outputs import require_writable
from .transforms import ClipTransform
from .update import StoreUpdate
from .video import VideoError
from .views import require_by

# Beside a network on the CPU: 16 frames keep a core busy for 150 ms, and are decoded in 20.
_ENOUGH_WORKERS = 4

__all__ = ["EssenceSet", "StoreError", "cache_folder", "extract"]


@dataclass(frozen=True)
class EssenceSet:
    """The essences of N clips, with all that an experiment needs to know of them.

    Tensors may be given as numpy arrays or lists of numbers, names as lists or arrays of text.

    Attributes:
        essences: (N, T, D), or with views (N, V, T, D); float16 when it comes from a store.
        labels: long tensor (N,), indices into `classes`.
        groups: N names; clips that share one stay on one side of a split. Names that differ only
            in case, Unicode's normal form or blanks around them are one (`clips.unified`).
        clip_ids: N names.
        classes: K names.
        settings: how the essences were made (weights, num_frames, size, ...).
        skipped: id and reason of each clip that could not be read.

    Raises:
        TypeError: if something is of another type.
        ValueError: if shapes or lengths differ, a label has no class, or ids or class names occur
            twice.
    """

    essences: Tensor
    labels: Tensor
    groups: tuple[str, ...]
    clip_ids: tuple[str, ...]
    classes: tuple[str, ...]
    settings: Mapping = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()
    clips_at_once: ClassVar[int] = 256  # enough to keep every core busy, and 20 MB of numbers

    def __post_init__(self) -> None:
        for name, convert in _CONVERSIONS.items():
            object.__setattr__(self, name, convert(name, getattr(self, name)))
        if self.essences.ndim not in (3, 4) or self.labels.ndim != 1:
            raise ValueError(
                f"essences {tuple(self.essences.shape)} must have the shape (N, T, D), or "
                f"(N, V, T, D) with views, and labels {tuple(self.labels.shape)} the shape (N,)"
            )
        lengths = {len(self.essences), len(self.labels), len(self.groups), len(self.clip_ids)}
        if len(lengths) != 1:
            raise ValueError(
                f"essences ({len(self.essences)}), labels ({len(self.labels)}), groups "
                f"({len(self.groups)}) and clip_ids ({len(self.clip_ids)}) must have one length"
            )
        for name in ("clip_ids", "classes"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                raise ValueError(f"{name} must differ from one another, some occur twice")
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(
                f"labels ({int(self.labels.min())} to {int(self.labels.max())}) must be from 0 to "
                f"{len(self.classes) - 1}: indices into the {len(self.classes)} classes"
            )
        object.__setattr__(self, "groups", unified(self.groups))

    def __len__(self) -> int:
        """N, the number of clips."""
        return len(self.labels)

    @property
    def num_frames(self) -> int:
        """T, the frames per clip."""
        return self.essences.shape[-2]

    @property
    def num_features(self) -> int:
        """D, the width of an essence."""
        return self.essences.shape[-1]

    @property
    def has_views(self) -> bool:
        """Whether the essences have an axis of views, be it of one."""
        return self.essences.ndim == 4

    @property
    def num_views(self) -> int:
        """V, the views per clip."""
        return self.essences.shape[1] if self.has_views else 1

    @property
    def most_parts(self) -> int:
        """How many parts `split` can cut these clips into at most."""
        return min(len(set(self.groups)), self._largest_class)

    @property
    def _largest_class(self) -> int:
        return int(self.labels.bincount().max()) if len(self) else 0

    def batch(self, rows: Tensor, views: Tensor | None = None) -> Tensor:
        """The essences (B, T, D) of some clips, in the type of the store.

        Args:
            rows: long tensor (B,), numbers of clips.
            views: long tensor (B,), which view of each; None: the first, which is the centre.
        """
        if not self.has_views:
            return self.essences.index_select(0, rows)  # three times as fast as essences[rows]
        return self.essences[rows, torch.zeros_like(rows) if views is None else views]

    def subset(self, mask: Tensor | np.ndarray | Sequence) -> EssenceSet:
        """The clips that a boolean mask (N,) keeps, or that a list of row numbers names."""
        rows = torch.as_tensor(np.asarray(mask))
        if rows.dtype == torch.bool and len(rows) != len(self):
            raise ValueError(f"mask ({len(rows)}) must be as long as the set ({len(self)} clips)")
        rows = rows.nonzero().flatten() if rows.dtype == torch.bool else rows.long()
        return replace(
            self,
            essences=self.essences[rows],
            labels=self.labels[rows],
            groups=tuple(self.groups[row] for row in rows),
            clip_ids=tuple(self.clip_ids[row] for row in rows),
        )

    def split(
        self, fraction: float, *, seed: int = 0, name: str = "fraction"
    ) -> tuple[EssenceSet, EssenceSet]:
        """Cut in two with no group on both sides and the classes in proportion.

        Args:
            fraction: share of the second part, above 0 and at most one half; it is rounded to
                one of equal parts (a half, a third, a quarter, ...).
            seed: of the shuffle.
            name: what an error calls the fraction, such as "test" or "validation".

        Returns:
            The first part and the second.

        Raises:
            ValueError: if there are fewer groups than parts, or fraction is out of range.
        """
        if not 0 < fraction <= 0.5:
            raise ValueError(f"{name} ({fraction}) must be above 0 and at most 0.5")
        parts = round(1 / fraction)
        if self.most_parts < parts:
            raise ValueError(
                f"{name} ({fraction}) means {parts} parts, but {len(set(self.groups))} groups with "
                f"up to {self._largest_class} clips of a class cannot be cut into so many: take a "
                "larger fraction, or more clips or groups"
            )
        folds = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
        with warnings.catch_warnings():  # a class that is not in every part is no surprise here
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            first, second = next(folds.split(self.labels, self.labels, self.groups))
        return self.subset(first), self.subset(second)

    def reversed_pairs(self, names: Mapping[str, str] | None = None) -> EssenceSet:
        """Each clip twice, played forwards and backwards: 2N clips of 2K classes.

        The frames are reversed here, after sampling: reversing the video first would sample
        other frames, and the mean could tell the two apart. A clip and its reverse stand next
        to each other and share their group, so a split by group keeps them together.

        Args:
            names: the name of each class played backwards; "<class>, reversed" where missing.
        """
        names = names or {}
        both = torch.stack([self.essences, self.essences.flip(-2)], dim=1)
        return replace(
            self,
            essences=both.flatten(0, 1),  # (N, 2, ..., T, D) -> (2N, ..., T, D)
            labels=torch.stack([2 * self.labels, 2 * self.labels + 1], dim=1).flatten(),
            groups=tuple(group for group in self.groups for _ in range(2)),
            clip_ids=tuple(i for clip in self.clip_ids for i in (clip, f"{clip}, reversed")),
            classes=tuple(
                name for c in self.classes for name in (c, names.get(c, f"{c}, reversed"))
            ),
        )

    def directions(self) -> EssenceSet:
        """Each clip twice, labelled by the direction alone: 2N clips of 2 classes."""
        pairs = self.reversed_pairs()
        return replace(pairs, labels=pairs.labels % 2, classes=("forwards", "backwards"))

    def shuffled(self, generator: torch.Generator) -> EssenceSet:
        """Each clip's frames in an order of its own, drawn from the generator."""
        order = torch.rand(self.essences.shape[:-1], generator=generator).argsort(dim=-1)
        return replace(self, essences=self.essences.take_along_dim(order[..., None], dim=-2))

    def frames(self, *numbers: int) -> EssenceSet:
        """Some frames of each clip alone, in the order given; -1 is the last."""
        return replace(self, essences=self.essences[..., list(numbers), :])

    def centred(self) -> EssenceSet:
        """Each essence less the mean of its clip, in single precision: only what changes.

        The mean does not know the order, so no order is lost; what the clip shows throughout,
        which tells clips apart and directions not, is gone.
        """
        essences = self.essences.double()
        return replace(self, essences=(essences - essences.mean(dim=-2, keepdim=True)).float())

    def first_frame(self) -> EssenceSet:
        """The first frame of each clip alone, T = 1: what does the beginning give away?"""
        return self.frames(0)

    def last_frame(self) -> EssenceSet:
        """The last frame of each clip alone, T = 1: what does the end give away?"""
        return self.frames(-1)

    def middle_frame(self) -> EssenceSet:
        """The middle frame of each clip alone, T = 1.

        An even T has two middle frames, which trade places when a clip is played backwards;
        their mean is taken, so that the middle says nothing of the direction.
        """
        low, high = (self.num_frames - 1) // 2, self.num_frames // 2
        middle = self.essences[..., low : high + 1, :].double().mean(dim=-2, keepdim=True)
        return replace(self, essences=middle.to(self.essences.dtype))

    def save(self, path: str | Path) -> None:
        """Write these clips as a store of their own.

        Raises:
            StoreError: if the folder is not empty.
        """
        path = Path(path)
        if path.exists() and any(path.iterdir()):
            raise StoreError(f"{path}: is not empty; delete it or choose another folder")
        array = self.essences.numpy()
        settings = {**self.settings, "num_frames": self.num_frames, "saved": True}
        writer = StoreWriter(path, settings, self.classes, array.shape[1:])
        for row, label, group, clip_id in zip(
            array, self.labels.tolist(), self.groups, self.clip_ids, strict=True
        ):
            writer.add({"id": clip_id, "label": self.classes[label], "group": group}, row)
        for clip_id, reason in self.skipped:
            writer.skip({"id": clip_id, "skipped": reason})
        writer.finish()

    @classmethod
    def load(cls, path: str | Path) -> EssenceSet:
        """Open a finished store; the essences stay on disk until they are used.

        Raises:
            StoreError: if there is no finished store, or a file of it is damaged.
        """
        array, lines, manifest = read_store(Path(path))
        written = [line for line in lines if "skipped" not in line]
        number = {name: k for k, name in enumerate(manifest["classes"])}
        return cls(
            essences=torch.from_numpy(array),
            labels=torch.tensor([number[line["label"]] for line in written]),
            groups=tuple(line["group"] for line in written),
            clip_ids=tuple(line["id"] for line in written),
            classes=tuple(manifest["classes"]),
            settings=manifest["settings"],
            skipped=tuple((line["id"], line["skipped"]) for line in lines if "skipped" in line),
        )


def _tensor(name: str, values: object) -> Tensor:
    if isinstance(values, Tensor):
        return values
    array = np.asarray(values) if isinstance(values, (np.ndarray, list, tuple)) else None
    if array is None or array.dtype.kind not in "iuf":
        raise TypeError(
            f"{name} ({_kind(values, array)}) must be numbers: a tensor, a numpy array or a list"
        )
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _long_tensor(name: str, values: object) -> Tensor:
    labels = _tensor(name, values)
    if labels.is_floating_point() and labels.numel():
        raise TypeError(f"{name} ({labels.dtype}) must be whole numbers: indices into the classes")
    return labels.long()


def _names(name: str, values: object) -> tuple[str, ...]:
    if isinstance(values, (np.ndarray, list, tuple)):
        found = tuple(values.tolist() if isinstance(values, np.ndarray) else values)
        if all(isinstance(value, str) for value in found):
            return found
    raise TypeError(f"{name} ({_kind(values)}) must be a list, tuple or numpy array of text")


def _kind(values: object, array: np.ndarray | None = None) -> str:
    """What was given: its type, and of what."""
    if array is None and isinstance(values, (list, tuple)):
        array = np.asarray(values, dtype=None if values else object)
    of = "" if array is None else f" of {array.dtype.name}"
    return f"{type(values).__name__}{of}"


_CONVERSIONS = {
    "essences": _tensor,
    "labels": _long_tensor,
    "groups": _names,
    "clip_ids": _names,
    "classes": _names,
}


def cache_folder() -> Path:
    """Where the chapters keep what they compute: $QUEST82_CACHE, else the user's cache folder."""
    root = os.environ.get("QUEST82_CACHE") or platformdirs.user_cache_dir("quest82")
    return Path(root) / __version__


def extract(
    clips: Sequence[Clip],
    extractor: MobileNetV2Extractor,
    path: str | Path,
    *,
    num_frames: int = 16,
    views: int = 1,
    size: int = 224,
    flip: bool = True,
    seed: int = 0,
    by: str = "time",
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
        extractor: frames in, essences out; on whatever device it is.
        path: folder of the store.
        num_frames: T, segments per clip.
        views: V (see `views.frames_of_view`); the essences have shape (N, T, D) for 1, else
            (N, V, T, D).
        size: side of the crop in pixels.
        flip: let the random views mirror clips; off where the label depends on the side.
        seed: of the random views.
        by: "time" or "count": what the segments of a clip have in equal measure (see `views`).
        engine: what runs the network (see `engines`); None takes the fastest that works here, or
            that with which the store was begun. Which one it was stands in `EssenceSet.settings`.
        num_workers: processes that decode; None for one per core (four at most where the network
            runs on those cores, too), 0 to decode in this process, without protection from files
            that hang or crash.
        time_limit_seconds: for decoding one clip.
        progress: show a progress bar with the time left.

    Raises:
        ValueError: if there are no clips, an id occurs twice, a number is too small, the engine is
            unknown, or nothing can be written to the folder.
        EngineError: if the engine that was named does not work here.
        StoreError: if the folder holds a store made with other settings, or is damaged, the disk
            is full, or not one clip could be read.
    """
    if num_workers is None:
        cores = torch.get_num_threads()
        on_gpu = extractor.mean.device.type != "cpu"
        num_workers = min(cores if on_gpu else _ENOUGH_WORKERS, cores, len(clips))
    if not clips or views < 1 or num_frames < 1 or num_workers < 0 or not time_limit_seconds > 0:
        raise ValueError(
            f"clips ({len(clips)}), num_frames ({num_frames}) and views ({views}) must each be at "
            f"least 1, num_workers ({num_workers}) at least 0, time_limit_seconds "
            f"({time_limit_seconds}) above 0"
        )
    ids = Counter(clip.id for clip in clips)
    if len(ids) < len(clips):
        raise ValueError(
            f"clips: the id {ids.most_common(1)[0][0]!r} occurs twice; ids must differ"
        )
    ClipTransform(size)  # refuses a bad size before anything is written
    require_by(by)
    path = Path(path)
    settings = {
        "num_frames": num_frames,
        "size": size,
        "flip": flip,
        "seed": seed,
        "views": views,
        "sampler": "segments",
        "by": by,
        "weights": extractor.fingerprint(),
        "engine": engine,
    }
    reading = {"num_workers": num_workers, "time_limit_seconds": time_limit_seconds}
    try:
        with FileLock(_lock_file(path), timeout=0):
            _bring_up_to_date(clips, extractor, path, settings, progress=progress, **reading)
    except Timeout as error:
        raise StoreError(f"{path}: another extraction is writing there; wait for it") from error
    return EssenceSet.load(path)


def _lock_file(path: Path) -> Path:
    """Held while a store is written; lies among temporary files, not among the user's."""
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"quest82-{key}.lock"


def _bring_up_to_date(
    clips: Sequence[Clip],
    extractor: MobileNetV2Extractor,
    path: Path,
    settings: Mapping,
    **reading: float,
) -> None:
    """Make what the store does not hold yet, and bring it to the state of the list of clips."""
    views, size, T = settings["views"], settings["size"], settings["num_frames"]
    begun = begun_store(path)
    if not begun:
        require_writable(path)
    name = settings["engine"] or begun.get("settings", {}).get("engine")
    # Before anything is written: an engine that does not work here leaves nothing behind.
    engine = None if begun and name else open_engine(extractor, size=size, name=name)
    settings = {**settings, "engine": name or engine.name}
    leading = (views,) if views > 1 else ()
    row_shape = (*leading, T, extractor.num_features)
    update = StoreUpdate(path, clips, settings, row_shape)
    if update.is_due:
        require_writable(path)
    if update.missing:
        engine = engine or open_engine(extractor, size=size, name=name)
        _extract_missing(update, engine, **reading)
    update.finish()


def _extract_missing(
    update: StoreUpdate, engine: Engine, *, progress: bool, **reading: float
) -> None:
    """Describe the clips that a store misses, in their order."""
    how = {name: update.settings[name] for name in ("num_frames", "size", "flip", "seed", "by")}
    digests: dict[str, str | None] = {}

    def note(clip: Clip) -> None:
        # Before it is read, so that the next run sees a change that was made meanwhile.
        digests[clip.id] = digest_of(clip.path)

    num_views, total = update.settings["views"], len(update.clips)
    decoded = read_all(update.missing, num_views=num_views, before=note, **how, **reading)
    done = total - len(update.missing)
    bar = tqdm(desc="extracting", total=total, initial=done, unit="clip", disable=not progress)
    with bar, closing(decoded):
        for clip, frames in zip(update.missing, decoded, strict=True):
            if isinstance(frames, VideoError):
                reason = str(frames).replace(str(clip.path), clip.id)
                update.skip(clip, digests[clip.id], reason)
            else:
                essences = torch.stack([engine(view) for view in frames])  # (V, T, D)
                essences = essences.reshape(update.row_shape).numpy()
                update.add(clip, digests[clip.id], essences)
            bar.update()
