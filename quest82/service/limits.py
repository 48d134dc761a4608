"""What the service takes and how it says no: limits, and a refusal in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


class Refused(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP, 400 or above.
        detail: one sentence for whoever asked.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


@dataclass(frozen=True)
class Limits:
    """How much one request, and all of them together, may cost.

    Attributes:
        max_bytes: of a video file.
        max_seconds: that a video may last.
        max_pixels: width times height of a frame; a frame of 8K fits.
        arrival_seconds: for the whole upload or download of one video.
        at_once: videos that are worked on at the same time.
        waiting: further requests that may wait, or send their video; others are told to come back.
    """

    max_bytes: int = 100 * 2**20
    max_seconds: float = 120
    max_pixels: int = 7680 * 4320
    arrival_seconds: float = 60
    at_once: int = 2
    waiting: int = 16

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_seconds", "max_pixels", "arrival_seconds", "at_once"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} ({getattr(self, name)}) must be above 0")
        if self.waiting < 0:
            raise ValueError(f"waiting ({self.waiting}) must be at least 0")


@dataclass
class Admission:
    """Counts the requests inside, and lets no more in than the limits say.

    Belongs to one event loop: there is no lock.
    """

    limits: Limits
    inside: int = field(default=0, init=False)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Be inside until the end of the ``with``.

        Raises:
            Refused: 503 with Retry-After, where all places are taken.
        """
        if self.inside >= self.limits.at_once + self.limits.waiting:
            seconds = 1 + self.limits.waiting // self.limits.at_once  # a video takes about one
            raise Refused(
                503,
                f"all {self.inside} places are taken; ask again in {seconds} s",
                {"Retry-After": str(seconds)},
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
