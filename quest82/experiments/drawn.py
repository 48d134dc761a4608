"""Clips of an experiment that are drawn by formula, each forwards and backwards."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..data import motions, synthetic
from ..data.sequence_set import SequenceSet
from ..data.tensor_set import TensorSet
from ..essences.engines import open_engine
from ..essences.essence_set import EssenceSet
from ..frames.sampling import segment_indices
from ..frames.transforms import ClipTransform
from ..systems.mobilenet import MobileNetV2Extractor


@dataclass(frozen=True)
class Motions:
    """Clips of `data.motions`, each played forwards and backwards.

    Attributes:
        num_objects: objects, each of which is a group, in every kind of motion.
        num_frames: T.
        size: side of the frames in pixels.
        kinds: names in `data.motions.KINDS`.
        seed: of everything that is drawn.
        still_clips: let nothing move.
        essences_at: side in pixels at which the frozen MobileNetV2 sees the frames, whose essences
            are then the clips; None: the frames are.
    """

    num_objects: int = 80
    num_frames: int = 8
    size: int = 32
    kinds: tuple[str, ...] = tuple(motions.KINDS)
    seed: int = 0
    still_clips: bool = False
    essences_at: int | None = None

    @property
    def name(self) -> str:
        """What lists call them."""
        return "motions"

    def open(self, folder: str | Path) -> SequenceSet:
        """These clips; nothing is read from any folder."""
        forwards = motions.clips(
            self.num_objects,
            kinds=self.kinds,
            num_frames=self.num_frames,
            size=self.size,
            still_clips=self.still_clips,
            seed=self.seed,
        )
        seen = _essences_of(forwards, self.essences_at) if self.essences_at else forwards
        return seen.reversed_pairs(motions.REVERSED)

    def tiny(self) -> Motions:
        """Four objects in two kinds of motion."""
        return replace(self, num_objects=4, kinds=self.kinds[:2])


@dataclass(frozen=True)
class Scenes:
    """Frames of `data.synthetic`, each clip forwards and backwards; rendered anew each time.

    Attributes:
        swing: how far things move, one of `data.synthetic.SWINGS`.
        clips_per_action: how many of each action, each of another object.
        num_frames: T, one of each segment.
        size: side of the frames in pixels.
        num_actions: only the first so many, in the order of their names; None: all.
        seed: of everything that is drawn.
    """

    swing: str = "partial"
    clips_per_action: int = 30
    num_frames: int = 8
    size: int = 64
    num_actions: int | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """What lists call them."""
        return f"scenes, {self.swing}"

    def open(self, folder: str | Path) -> TensorSet:
        """These clips; nothing is read from any folder."""
        actions = sorted(synthetic.actions_of(self.swing))[: self.num_actions]
        wanted = list(itertools.product(actions, range(self.clips_per_action)))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            frames = torch.stack(list(pool.map(self._drawn, *zip(*wanted, strict=True))))
        names = tuple(f"{action}-{number:04d}" for action, number in wanted)
        forwards = TensorSet(
            tensors=frames,  # (N, T, 3, S, S)
            labels=torch.tensor([actions.index(action) for action, _ in wanted]),
            groups=names,
            clip_ids=names,
            classes=tuple(actions),
        )
        return forwards.reversed_pairs(synthetic.REVERSED | synthetic.REVERSED_CYCLES)

    def tiny(self) -> Scenes:
        """Four clips of two actions."""
        return replace(self, clips_per_action=4, num_actions=2)

    def _drawn(self, action: str, number: int) -> Tensor:
        """A frame of each segment, uint8 (T, 3, S, S)."""
        frames = synthetic.render(
            action,
            number,
            swing=self.swing,
            seed=self.seed,
            frames_of=lambda length: segment_indices(length, self.num_frames).tolist(),
        )
        return ClipTransform(self.size).crop(frames)


def _essences_of(data: TensorSet, size: int) -> EssenceSet:
    """The clips as the frozen MobileNetV2 sees them, frames (N, T, 3, S, S) scaled to a size."""
    engine, scale = open_engine(MobileNetV2Extractor(), size=size), ClipTransform(size)
    essences = torch.stack([engine(scale.crop(frames)) for frames in data.tensors])
    return EssenceSet(essences=essences, settings=data.settings, **data.names)  # (N, T, 1280)
