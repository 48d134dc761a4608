"""Which clips to learn from and which to watch, and what must not be on both sides."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from sklearn.model_selection import GroupKFold

from ..data.clip_set import ClipSet
from ..data.clips import group_key

Clips = TypeVar("Clips", bound=ClipSet)

# Fewer clips may stop training too early, and they are missed in it: on pairs of partial swings,
# over six seeds, watching 8, 16, 32, 48 clips cost an LSTM 14, 15, 7, 3 points of accuracy; the
# stop's part in that was 9, 13, 2, 0 (benchmarks/watching.py).
FEWEST_WATCHED = 50
WATCHED_SHARE = 0.2  # the usual compromise: four clips to learn from for each that is watched


def set_aside(
    data: Clips, fraction: float | None = None, *, seed: int = 0
) -> tuple[Clips, Clips | None]:
    """The clips to learn from and those to watch for early stopping, if that is worth it.

    Where few clips would be watched, that does more harm than good: they are missed in training,
    and may end it too early. Then every epoch is run on all of the clips.

    Args:
        data: all but the test clips.
        fraction: share of the groups to watch; 0: none. None decides: a fifth, or none where that
            would be fewer than `FEWEST_WATCHED` clips.
        seed: of the split.

    Returns:
        The clips for `fit` and its `validation`, which is None where nothing is watched.

    Raises:
        ValueError: if fraction was given and the clips cannot be split so.
    """
    if fraction is None:
        enough = WATCHED_SHARE * len(data) >= FEWEST_WATCHED
        possible = data.most_parts >= round(1 / WATCHED_SHARE)
        fraction = WATCHED_SHARE if enough and possible else 0
    return data.split(fraction, seed=seed, name="validation") if fraction else (data, None)


def one_sided(*parts: ClipSet) -> dict[str, int]:
    """Classes with too few groups to stand in each of some parts, and how many groups they have.

    Such a class is tested without having been learned, or learned without being tested.

    Args:
        parts: such as the training and the test clips; they name their classes alike.

    Returns:
        Class name -> number of groups; only classes of fewer groups than parts.
    """
    groups: dict[str, set[str]] = {name: set() for name in parts[0].classes}
    for part in parts:
        for label, group in zip(part.labels.tolist(), part.groups, strict=True):
            groups[part.classes[label]].add(group_key(group))
    return {name: len(found) for name, found in groups.items() if len(found) < len(parts)}


def folds(
    data: ClipSet, num_folds: int | None = None, *, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Parts of whole groups, each of which is left out once.

    Args:
        data: the clips.
        num_folds: how many parts the groups are dealt into, at random; None leaves out one group
            at a time.
        seed: of the dealing.

    Returns:
        For each part the rows of the clips outside it and of those inside it.

    Raises:
        ValueError: if there are fewer than two groups, or fewer groups than folds.
    """
    num_groups = len(set(data.groups))
    num_folds = num_folds or num_groups
    if not 2 <= num_folds <= num_groups:
        raise ValueError(
            f"num_folds ({num_folds}) must be from 2 to the number of groups ({num_groups})"
        )
    # Not shuffled, groups are dealt in the order of their names: sorted clips, far from random.
    if num_folds < num_groups:
        dealt = GroupKFold(num_folds, shuffle=True, random_state=seed)
    else:
        dealt = GroupKFold(num_folds)
    return list(dealt.split(data.labels, groups=data.groups))


def require_apart(train: ClipSet, other: ClipSet | None, *, name: str = "validation") -> None:
    """Refuse empty sets, and a group that is in training and in the other set.

    Raises:
        ValueError: names the group.
    """
    if len(train) == 0 or (other is not None and len(other) == 0):
        raise ValueError(f"train and {name} must hold at least one clip each")
    known = {group_key(group) for group in train.groups}
    shared = {group for group in (other.groups if other else ()) if group_key(group) in known}
    if shared:
        raise ValueError(
            f"group {min(shared)!r} is in training and {name}: "
            "split by group, for example with EssenceSet.split"
        )
