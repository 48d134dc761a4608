"""The numbers of a store where they lie: a clip's are held to its checksum when first read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .files import StoreError, checksum_of, unchecked
from .index import Index
from .reader import damaged


class StoredRows:
    """The essences of N clips, mapped from a store; nothing is given that was not checked.

    Args:
        path: folder of the store.
        numbers: float16 (N, T, D) or (N, V, T, D), mapped.
        lines: uint8, the bytes of ``clips.jsonl``, mapped.
        index: of the store.
    """

    def __init__(self, path: Path, numbers: np.ndarray, lines: np.ndarray, index: Index) -> None:
        self.path, self.shape = path, tuple(numbers.shape)
        self._numbers, self._lines, self._index = numbers, lines, index
        self._tensor = torch.from_numpy(numbers)
        self._is_due = np.ones(len(numbers), bool)
        self._num_due = len(numbers)

    def __len__(self) -> int:
        """N, the number of clips."""
        return self.shape[0]

    def checked(self, rows: Tensor | None = None) -> Tensor:
        """The essences of all N clips, of which some have been held to their checksums.

        Args:
            rows: long tensor (B,), numbers of the clips that will be read; None: all.

        Raises:
            StoreError: if those of one are damaged; names the clip.
        """
        if self._num_due:
            due = self._is_due.nonzero()[0] if rows is None else self._due_among(rows.numpy())
            self._check(due)
        return self._tensor

    def _due_among(self, rows: np.ndarray) -> np.ndarray:
        return np.unique(rows[self._is_due[rows]] % len(self))

    def _check(self, rows: np.ndarray) -> None:
        for row in rows.tolist():
            if not self._is_sound(row):
                raise StoreError(damaged(self.path, self._index.ids[row]))
            self._is_due[row] = False
            self._num_due -= 1

    def _is_sound(self, row: int) -> bool:
        begin, end = self._index.lines[row]
        try:
            line = json.loads(self._lines[begin:end].tobytes())
            return checksum_of(self._numbers[row], unchecked(line)) == line["checksum"]
        except (AttributeError, KeyError, TypeError, ValueError):  # no line of a clip any more
            return False


class LazyEssences:
    """The field `essences` of a set: what is stored is checked when it is asked for as a whole.

    A descriptor: sets themselves reach the rows without it by `rows_of`.
    """

    def __get__(self, data: object | None, owner: type | None = None) -> Tensor:
        """The tensor; of the class alone, as of every field without a default, there is none."""
        if data is None:
            raise AttributeError("essences")
        rows = rows_of(data)
        return rows.checked() if isinstance(rows, StoredRows) else rows

    def __set__(self, data: object, essences: object) -> None:
        """Keep what is given, and check nothing."""
        vars(data)["essences"] = essences


def rows_of(data: object) -> Tensor | StoredRows:
    """The essences of a set as they lie there, unchecked where they come from a store."""
    return vars(data)["essences"]
