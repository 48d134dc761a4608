"""The names of very many clips, left where they lie until one of them is asked for."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np

_AT_ONCE = 4096


class Names(Sequence[str]):
    """N names that behave like a tuple of text, kept as bytes that may be mapped from a file.

    They are right by construction, and no set checks them again: a table of M names that differ
    from one another, group names among them also by `clips.group_key`. Slices and sums are tuples.

    Args:
        text: uint8 (B,), the M names of the table in UTF-8, one after the other.
        offsets: int64 (M + 1,), where each begins, and where the last ends.
        codes: whole numbers (N,), which name of the table each is; None: the table itself, N = M.
    """

    def __init__(
        self, text: np.ndarray, offsets: np.ndarray, codes: np.ndarray | None = None
    ) -> None:
        self.text, self.offsets, self.codes = text, offsets, codes

    @classmethod
    def of(cls, names: Sequence[str], *, distinct: bool) -> Names:
        """The same names in this form.

        Args:
            names: N of them.
            distinct: whether they differ from one another; else they get codes, in order of
                appearance.
        """
        table = list(names) if distinct else list(dict.fromkeys(names))
        number = {} if distinct else {name: k for k, name in enumerate(table)}
        parts = [name.encode() for name in table]
        offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        codes = None if distinct else np.array([number[name] for name in names], np.int32)
        return cls(np.frombuffer(b"".join(parts), np.uint8), offsets, codes)

    def __len__(self) -> int:
        """N, the number of names."""
        return len(self.offsets) - 1 if self.codes is None else len(self.codes)

    @overload
    def __getitem__(self, which: int) -> str: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[str, ...]: ...
    def __getitem__(self, which: int | slice) -> str | tuple[str, ...]:
        """One name, or a tuple of some."""
        if isinstance(which, slice):
            return tuple(self[row] for row in range(*which.indices(len(self))))
        row = range(len(self))[operator.index(which)]
        k = row if self.codes is None else self.codes[row]
        return self.text[self.offsets[k] : self.offsets[k + 1]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        """All names in order, much faster than one by one."""
        if self.codes is None:
            return self._table()
        table = list(self._table())
        return (table[k] for k in self.codes.tolist())

    def _table(self) -> Iterator[str]:
        for first in range(0, len(self.offsets) - 1, _AT_ONCE):
            bounds = self.offsets[first : first + _AT_ONCE + 1]
            text = self.text[bounds[0] : bounds[-1]].tobytes()
            for begin, end in pairwise((bounds - bounds[0]).tolist()):
                yield text[begin:end].decode()

    def __eq__(self, other: object) -> bool:
        """Whether a tuple, or other names, are the same in the same order."""
        if isinstance(other, (tuple, Names)):
            return len(self) == len(other) and all(map(operator.eq, self, other))
        return NotImplemented

    def __hash__(self) -> int:
        """That of the tuple."""
        return hash(tuple(self))

    def __add__(self, other: Sequence[str]) -> tuple[str, ...]:
        """These names and then others."""
        return (*self, *other)

    def __radd__(self, other: Sequence[str]) -> tuple[str, ...]:
        """Other names and then these."""
        return (*other, *self)

    def __repr__(self) -> str:
        """As of the tuple, so that what is made of it does not depend on where names lie."""
        return repr(tuple(self))
