"""UCF101 (Soomro, Zamir & Shah 2012): 13,320 clips, 101 classes, 25 groups per class.

The clips of one group are cut from one film: the same person, room and light. The official
splits therefore keep groups together, and so must every split of one's own.
"""

from __future__ import annotations

import re
from pathlib import Path

from .clips import Clip, from_folder

NUM_CLIPS = 13_320
_NAME = re.compile(r"v_(?P<label>\w+)_g(?P<group>\d\d)_c(?P<number>\d\d)\.avi", re.IGNORECASE)
_TEST_GROUPS = {1: range(1, 8), 2: range(8, 15), 3: range(15, 22)}


def clips(root: str | Path) -> list[Clip]:
    """The clips of UCF101 in a folder of class folders, each with its group.

    Groups are numbered anew in every class; a clip's group is "<class> g<number>".

    Raises:
        ValueError: if the folder holds no clips or one is not named like UCF101's.
    """
    return [
        Clip(clip.id, clip.label, f"{clip.label} g{_group_number(clip):02d}", clip.path)
        for clip in from_folder(root)
    ]


def split(clips: list[Clip], number: int) -> tuple[list[Clip], list[Clip]]:
    """Training and test clips of an official split.

    Split k tests groups 1-7, 8-14 or 15-21 (k = 1, 2, 3); groups 22-25 are always training.

    Raises:
        ValueError: if number is not 1, 2 or 3.
    """
    if number not in _TEST_GROUPS:
        raise ValueError(f"number ({number}) must be 1, 2 or 3: UCF101 has three official splits")
    train = [clip for clip in clips if _group_number(clip) not in _TEST_GROUPS[number]]
    test = [clip for clip in clips if _group_number(clip) in _TEST_GROUPS[number]]
    return train, test


def _group_number(clip: Clip) -> int:
    match = _NAME.fullmatch(clip.path.name)
    if match is None:
        raise ValueError(f"{clip.path}: not a UCF101 name; expected v_<Class>_g<group>_c<clip>.avi")
    return int(match["group"])
