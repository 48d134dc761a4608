"""Read, check and write video files and folders of frames; alone knows PyAV and decord.

Example: write a second of noise, and read three of its frames.
    >>> import tempfile
    >>> from pathlib import Path
    >>> import torch
    >>> from quest82 import video
    >>> noise = torch.randint(256, (25, 3, 96, 128), dtype=torch.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "noise.mp4"
    ...     video.write_video(path, noise, fps=25)
    ...     video.count_frames(path), video.read_frames(path, [0, 12, 24]).shape
    (25, torch.Size([3, 3, 96, 128]))
"""

from .errors import MissingFrame, VideoError
from .folders import images_in, is_frame_folder, is_frame_name
from .inspection import Inspection, inspect
from .limits import require_within
from .live import Lost, Moment, Source
from .reading import VideoInfo, count_frames, frame_times, probe, read_frames
from .streaming import read_on
from .writing import write_video

__all__ = [
    "Inspection",
    "Lost",
    "MissingFrame",
    "Moment",
    "Source",
    "VideoError",
    "VideoInfo",
    "count_frames",
    "frame_times",
    "images_in",
    "inspect",
    "is_frame_folder",
    "is_frame_name",
    "probe",
    "read_frames",
    "read_on",
    "require_within",
    "write_video",
]
