"""What can be wrong with a video file, in one sentence."""

from __future__ import annotations

import os

PathLike = str | os.PathLike
NO_FRAME = "holds no frame that can be decoded"


class VideoError(ValueError):
    """A video file cannot be used; the text names the file, what is wrong and what to do."""


class MissingFrame(VideoError):
    """A frame was asked for that the file does not hold, or that damage has made unreadable."""


def reason(error: Exception) -> str:
    """What the system or the decoder said, in a few words."""
    return getattr(error, "strerror", None) or type(error).__name__
