"""Is a video small enough to be read for somebody whom nobody knows?"""

from __future__ import annotations

import av

from .container import open_video
from .errors import PathLike, VideoError
from .packets import look_over

# Those that hold their video themselves. Playlists (HLS, DASH, concat, SDP) name other files, and
# a file can be made such that it looks like something else until FFmpeg reads it.
CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf"


def require_within(path: PathLike, *, max_pixels: int, max_seconds: float) -> None:
    """Refuse a video whose frames are too large or that lasts too long, before decoding it.

    What the header says is looked at first, so that a large promise costs nothing; then the packets
    are counted, since a header may say too little.

    Args:
        path: the video file.
        max_pixels: width times height of a frame, at most.
        max_seconds: from its first frame to its end, at most.

    Raises:
        VideoError: names what is too large; or if the file cannot be read, or only lists others.
    """
    with open_video(path, containers=CONTAINERS) as (container, stream):
        promised = (container.duration or 0) / av.time_base
        width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > max_pixels:
        raise VideoError(
            f"{path}: its frames have {width} x {height} pixels, more than {max_pixels}; "
            "scale it down"
        )
    _require_short(path, promised, max_seconds)
    _require_short(path, float(look_over(path).times[-1]), max_seconds)


def _require_short(path: PathLike, seconds: float, max_seconds: float) -> None:
    if seconds > max_seconds:
        raise VideoError(
            f"{path}: lasts {seconds:.1f} s, more than {max_seconds:g} s; cut it to its action"
        )
