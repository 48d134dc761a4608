"""What a store says of a file before it is fetched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stat:
    """What is known of a remote file.

    Attributes:
        num_bytes: its size; None where that is not known.
        version: tells this content from others: an ETag, or a time of change; empty where the store
            says nothing.
    """

    num_bytes: int | None = None
    version: str = ""

    def fits(self, other: Stat) -> bool:
        """Whether both can be of the same content; what is not known speaks against nothing."""
        sizes = {self.num_bytes, other.num_bytes} - {None}
        versions = {self.version, other.version} - {""}
        return len(sizes) < 2 and len(versions) < 2
