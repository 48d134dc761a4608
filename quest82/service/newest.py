"""Between one who is quick and one who is slow: only what came last is waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
_PATIENCE_SECONDS = 0.1  # so often the main thread looks up, for a window or a key
_FAREWELL_SECONDS = 1.0


class Newest(Generic[T]):
    """Takes items in a thread of its own, as fast as they come, and keeps the newest one.

    Whoever is too slow for all of them gets fewer, and never an old one.

    Args:
        items: called with an event that is set when no more are wanted; gives the items.
    """

    def __init__(self, items: Callable[[threading.Event], Iterator[T]]) -> None:
        self._items, self._enough = items, threading.Event()
        self._changed = threading.Condition()
        self._waiting: list[T] = []  # at most one
        self._error: Exception | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __iter__(self) -> Iterator[T | None]:
        """The newest item again and again; None where none has come for a tenth of a second.

        Raises:
            Exception: what went wrong in the thread, after the last item.
        """
        self._thread.start()
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._has_news, _PATIENCE_SECONDS)
                    item = self._waiting.pop() if self._waiting else None
                    ends = item is None and self._is_over
                if ends:
                    break
                yield item
        finally:
            self._enough.set()
            self._thread.join(_FAREWELL_SECONDS)  # it may be stuck in the network for a while
        if self._error:
            raise self._error

    def _has_news(self) -> bool:
        return bool(self._waiting) or self._is_over

    def _run(self) -> None:
        try:
            for item in self._items(self._enough):
                if self._enough.is_set():
                    break
                with self._changed:
                    self._waiting[:] = [item]
                    self._changed.notify()
        except Exception as error:  # whoever takes the items is to hear of it
            self._error = error
        with self._changed:
            self._is_over = True
            self._changed.notify()
