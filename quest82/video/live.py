"""Frames as they come: from a camera, from an address on the network, or of a file that plays."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import av
import torch
from av.container import InputContainer
from av.video.stream import VideoStream
from torch import Tensor

from .container import choose_stream, frames_of, open_video
from .errors import VideoError, reason
from .keeper import Upright

# Until an address or a camera answers, and until the next bytes come from it.
_TIMEOUTS = (10.0, 5.0)  # seconds
# FFmpeg gives the images of these a time by counting them, whenever they came.
_WITHOUT_TIMES = ("mjpeg", "mpjpeg")
_USUAL_RATE = 25  # where a file names none
_LONGEST_STEP_SECONDS = 10.0  # from one live frame to the next; beyond it a clock was set


class Lost(VideoError):
    """A live source has been there, and has broken off: it may come back."""


@dataclass(frozen=True, eq=False)
class Moment:
    """A frame that has just come.

    Attributes:
        time: seconds since the first frame of the source, also after an interruption.
        duration: seconds for which it is shown; 0 where the source does not say.
        arrived: `time.monotonic()` when it was decoded, and its time to be shown had come.
        is_first: whether it is the first since the source was opened, or opened again.
        pixels: a function that gives the frame upright, uint8 (3, H, W), RGB. Most frames are
            never looked at, and cost no conversion.
    """

    time: float
    duration: float
    arrived: float
    is_first: bool
    pixels: Callable[[], Tensor]


class Source:
    """Something that plays.

    Args:
        name: the number of a camera (0), an address (rtsp://..., http://...), or a file.

    Attributes:
        is_file: whether it is a file.
        shown: its name without a password.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_file = not name.isdecimal() and "://" not in name
        self.shown = _without_password(name) if "://" in name else name
        self._began: float | None = None  # when the first frame of all came

    def moments(self, wait: Callable[[float], object] = time.sleep) -> Iterator[Moment]:
        """Open it, and give every frame, as it comes.

        What is known to have an end is played at its own pace, anything else comes when it comes.

        Args:
            wait: called with the seconds (above 0) until the next frame of a recording is due.

        Raises:
            VideoError: if it cannot be opened or, being a recording, breaks off.
            Lost: if it is live, and breaks off or ends.
        """
        live = False
        try:
            with self._opened() as (container, stream):
                live = not self.is_file and container.duration is None
                clock = _Clock(stream, live, container.format.name in _WITHOUT_TIMES)
                yield from self._decoded(container, stream, clock, None if live else wait)
        except VideoError as error:
            if not live:
                raise
            raise Lost(f"{self.shown}: the stream has broken off") from error
        if live:
            raise Lost(f"{self.shown}: the stream has broken off")

    def _opened(self) -> AbstractContextManager[tuple[InputContainer, VideoStream]]:
        return open_video(self.name) if self.is_file else _open_address(self)

    def _decoded(
        self,
        container: InputContainer,
        stream: VideoStream,
        clock: _Clock,
        wait: Callable[[float], object] | None,
    ) -> Iterator[Moment]:
        upright, offset = Upright(self.shown, stream), None
        for packet in container.demux(stream):
            for frame in frames_of(packet):
                seconds, duration = clock.read(frame)
                is_first = offset is None
                offset = self._so_far() if offset is None else offset
                if wait and (due := seconds - self._so_far()) > 0:
                    wait(due)
                arrived, pixels = time.monotonic(), partial(_pixels_of, frame, upright)
                yield Moment(offset + seconds, duration, arrived, is_first, pixels)

    def _so_far(self) -> float:
        """Seconds since the first frame of all came, which may be now."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        return now - self._began


class _Clock:
    """When frames are shown: as their source says it, as far as it can be believed.

    Live ones may name no times at first, or set their clock while they run; then it counts when
    frames come. In a recording a frame without a time follows the one before it.
    """

    def __init__(self, stream: VideoStream, live: bool, is_without_times: bool) -> None:
        self.live, self.by_arrival = live, live and is_without_times
        self.usual = 1 / float(stream.average_rate or _USUAL_RATE)
        self.zero: float | None = None  # what the clock of the source showed at the first frame
        self.came: float | None = None
        self.shown = self.duration = 0.0

    def read(self, frame: av.VideoFrame) -> tuple[float, float]:
        """Seconds since the first frame, and for how long this one is shown (0: not known)."""
        said, now = None if self.by_arrival else frame.time, time.monotonic()
        self.came = now if self.came is None else self.came
        if said is not None and self.zero is not None and self._believes(said - self.zero):
            self.shown = said - self.zero
        else:
            self.shown += now - self.came if self.live else self.duration
            self.zero = self.zero if said is None else said - self.shown
        self.came = now
        if not self.by_arrival:
            self.duration = float((frame.duration or 0) * (frame.time_base or 0)) or self.usual
        return self.shown, self.duration

    def _believes(self, seconds: float) -> bool:
        return not self.live or 0 <= seconds - self.shown <= _LONGEST_STEP_SECONDS


def _pixels_of(frame: av.VideoFrame, upright: Upright) -> Tensor:
    return torch.from_numpy(upright(frame)).permute(2, 0, 1)


@contextmanager
def _open_address(source: Source) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and the video stream of a camera or an address."""
    try:
        address, device, options = _where(source.name)
        with av.open(address, format=device, options=options, timeout=_TIMEOUTS) as container:
            stream = choose_stream(source.shown, container)
            stream.thread_type = "SLICE"  # threads for whole frames would hold some of them back
            yield container, stream
    except (av.error.FFmpegError, OSError, UnicodeError) as error:
        kind = "the address" if "://" in source.name else "that the camera is there and free"
        raise VideoError(
            f"{source.shown}: cannot be read as a stream ({reason(error)}); check {kind}"
        ) from error


def _where(name: str) -> tuple[str, str | None, dict[str, str]]:
    """What FFmpeg opens, as which of its devices, and with which options."""
    if not name.isdecimal():
        # Over UDP, the habit of RTSP, packets are lost and frames come out torn.
        return name, None, {"rtsp_transport": "tcp"} if name.startswith("rtsp") else {}
    if sys.platform == "darwin":
        return name, "avfoundation", {"framerate": "30"}  # its default rate suits few cameras
    if sys.platform == "win32":
        return f"video={_camera_name(int(name))}", "dshow", {}
    return f"/dev/video{name}", "v4l2", {}


def _camera_name(number: int) -> str:
    """What Windows calls a camera: it knows no numbers."""
    devices = av.enumerate_input_devices("dshow")
    names = [device.name for device in devices if "video" in device.media_types]
    if number >= len(names):
        raise FileNotFoundError(errno.ENODEV, f"there are {len(names)} cameras, counted from 0")
    return names[number]


def _without_password(address: str) -> str:
    """An address that may be shown."""
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
