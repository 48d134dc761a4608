"""Read, check and write video files and folders of frames; alone knows PyAV and decord."""

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
