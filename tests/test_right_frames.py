"""Whatever the container, the codec and the timestamps do: frames are those of a full decode."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from conftest import moving_square
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from quest82 import video
from quest82.video import reading
from quest82.video.packets import look_over

NUM_FRAMES = 48
_MPEG = ("mp4", "mkv", "avi", "mov", "ts", "mpg")
_NEW = ("mp4", "mkv", "mov", "ts", "mpg")
# Name -> encoder, its options, and the containers that take it; a keyframe about every 12 frames.
STREAMS = {
    "h264": ("libx264", {"preset": "ultrafast", "x264-params": "keyint=12"}, _MPEG),
    "h264, B-frames": ("libx264", {"preset": "veryfast", "x264-params": "keyint=12"}, _MPEG),
    "h264, open GOP": (
        "libx264",
        {"preset": "fast", "x264-params": "open-gop=1:keyint=12:bframes=2:b-pyramid=none"},
        _MPEG,
    ),
    "h264, gradual refresh": (
        "libx264", {"tune": "zerolatency", "x264-params": "intra-refresh=1:keyint=12"}, _MPEG,
    ),
    "h264, keyframes alone": ("libx264", {"x264-params": "keyint=1"}, _MPEG),
    "h264, interlaced": ("libx264", {"x264-params": "tff=1:keyint=12"}, _MPEG),
    "hevc": (
        "libx265",
        {"preset": "ultrafast", "x265-params": "log-level=none:keyint=12:open-gop=0:bframes=3"},
        _NEW,
    ),
    "hevc, open GOP": (
        "libx265",
        {"preset": "ultrafast", "x265-params": "log-level=none:keyint=12:open-gop=1:bframes=3"},
        _NEW,
    ),
    "mpeg4": ("mpeg4", {"g": "12"}, _MPEG),
    "mpeg4, B-frames": ("mpeg4", {"g": "12", "bf": "2"}, _MPEG),
    "mpeg2": ("mpeg2video", {"g": "12", "bf": "2"}, _MPEG),
    "mpeg1": ("mpeg1video", {"g": "12", "bf": "2"}, _MPEG),
    "mjpeg": ("mjpeg", {}, ("mp4", "mkv", "avi", "mov")),
    "vp8": ("libvpx", {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "8"}, ("mkv", "webm")),
    "vp9": ("libvpx-vp9", {"g": "12", "lag-in-frames": "8"}, ("mp4", "mkv", "webm")),
}  # fmt: skip


def full_decode(path) -> list[np.ndarray | None]:
    """Every frame (H, W, 3) that PyAV decodes from the beginning, packet by packet.

    None stands for a frame that the decoder had to patch up: where nothing is to be patched with,
    it shows whatever lay in memory.
    """
    frames = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                continue
            frames += [None if f.is_corrupt else f.to_ndarray(format="rgb24") for f in decoded]
    return frames


def write(path, stream, *, timestamps, seed):
    """A clip of NUM_FRAMES frames, of which no two are alike."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    codec, options, _ = STREAMS[stream]
    gaps = (1, 1, 2, 8) if timestamps == "variable" else (1,)
    ticks = np.cumsum([0] + [rng.choice(gaps) for _ in range(NUM_FRAMES - 1)]).tolist()
    with av.open(str(path), "w") as container:
        out = container.add_stream(codec, rate=25, options={"deadline": "realtime", **options})
        out.width = out.height = 64
        out.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for tick, pixels in zip(ticks, moving_square(NUM_FRAMES), strict=True):
            noisy = pixels.permute(1, 2, 0).numpy() // 2 + noise.integers(0, 40, (64, 64, 3))
            frame = av.VideoFrame.from_ndarray(noisy.astype(np.uint8), format="rgb24")
            frame.time_base = Fraction(1, 25)
            frame.pts = tick + (2500 if timestamps == "late" else 0)
            container.mux(out.encode(frame))
        container.mux(out.encode())


def repacked(source, path, *, cut, repeat, seed):
    """The packets of a file in another one, without some of them, or with repeated times."""
    rng = random.Random(seed)
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = old.streams.video[0]
        out = new.add_stream_from_template(stream)
        packets = [packet for packet in old.demux(stream) if packet.size]
        keyframes = [k for k, packet in enumerate(packets) if packet.is_keyframe]
        first = {"inside": rng.randrange(len(packets) // 2), "keyframe": rng.choice(keyframes)}
        before = None
        for number, packet in enumerate(packets[first.get(cut, 0) :]):
            if repeat and number % 2:
                packet.dts = packet.pts = before
            before = packet.dts
            packet.stream = out
            new.mux(packet)


@st.composite
def drawn_files(draw):
    stream = draw(st.sampled_from(list(STREAMS)))
    return {
        "stream": stream,
        "ending": draw(st.sampled_from(STREAMS[stream][2])),
        "timestamps": draw(st.sampled_from(["regular", "variable", "late"])),
        "cut": draw(st.sampled_from(["no", "no", "inside", "keyframe", "end"])),
        "repeat": draw(st.sampled_from([False, False, False, True])),
        "seed": draw(st.integers(0, 999)),
    }


def draw_file(folder, *, stream, ending, timestamps, cut, repeat, seed):
    """The file as drawn, or None where its container does not take such a stream."""
    path, whole = folder / f"cut.{ending}", folder / f"whole.{ending}"
    try:
        write(whole, stream, timestamps=timestamps, seed=seed)
        if cut in ("inside", "keyframe") or repeat:
            repacked(whole, path, cut=cut, repeat=repeat, seed=seed)
        else:
            shutil.copy(whole, path)
    except (av.error.FFmpegError, ValueError):
        return None
    if cut == "end":
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 3 // 4])
    return path


@settings(
    max_examples=int(os.environ.get("QUEST82_DRAWN_FILES", "100")),
    suppress_health_check=list(HealthCheck),
    deadline=None,
)
@given(drawn=drawn_files(), indices=st.lists(st.integers(0, 999), min_size=1, max_size=6))
def test_every_frame_is_that_of_a_full_decode(tmp_path_factory, drawn, indices):
    """`QUEST82_DRAWN_FILES=2000 pytest tests/test_right_frames.py` draws more files."""
    path = draw_file(tmp_path_factory.mktemp("drawn"), **drawn)
    assume(path is not None)
    try:
        reference = full_decode(path)
    except av.error.FFmpegError:  # an mp4 without its end is no video any more
        reference = []
    if not reference:
        with pytest.raises(video.VideoError):
            video.probe(path)
        return
    assert video.probe(path).num_frames == len(reference)
    indices = [index % len(reference) for index in indices]
    frames = video.read_frames(path, indices).permute(0, 2, 3, 1).numpy()
    for index, frame in zip(indices, frames, strict=True):
        assert reference[index] is None or np.array_equal(frame, reference[index])
    times = video.frame_times(path)
    assert len(times) == len(reference) + 1
    assert times[0] == 0
    assert (times.diff() >= 0).all()
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("stream", "ending", "can_jump"),
    [
        ("h264", "mp4", True),
        ("h264, B-frames", "mkv", True),
        ("h264, open GOP", "mp4", False),
        ("h264, gradual refresh", "mp4", False),
        ("h264, keyframes alone", "ts", True),
        ("hevc, open GOP", "mp4", True),
        ("mpeg4", "avi", True),
        ("mpeg2", "mpg", True),
        ("mjpeg", "mov", True),
        ("vp9", "webm", True),
    ],
)
def test_sound_files_are_read_from_their_entries(tmp_path, monkeypatch, stream, ending, can_jump):
    path = tmp_path / f"clip.{ending}"
    write(path, stream, timestamps="regular", seed=0)
    assert (len(look_over(path).entries) >= NUM_FRAMES // 12) == can_jump
    monkeypatch.setattr(reading, "_read_from_beginning", None)
    assert video.read_frames(path, [30, 40]).shape == (2, 3, 64, 64)


LAVFI = ("ffmpeg", "-y", "-loglevel", "error", "-f", "lavfi", "-i")
PATTERN = "testsrc2=s=192x144:r=25:d=20"
REFRESHED = "-c:v libx264 -tune zerolatency -intra-refresh 1 -g 60 gdr.mp4"
OPEN_GOP = (
    "-c:v libx264 -bf 2 -b_strategy 0 -x264-params open-gop=1:keyint=15:b-pyramid=none og.mp4"
)
REPEATED = "-vf setpts='floor(N/2)*2/25/TB' -vsync passthrough -c:v libx264 -bf 0 dup.mkv"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("options", [REFRESHED, OPEN_GOP, REPEATED])
def test_files_of_which_decord_has_returned_wrong_frames(tmp_path, options):
    subprocess.run([*LAVFI, PATTERN, *options.split()], cwd=tmp_path, check=True)
    (path,) = tmp_path.iterdir()
    reference = full_decode(path)
    assert video.probe(path).num_frames == len(reference) == 500
    indices = [10, 20, 30, 31, 40, 62, 187, 312, 437, 499]
    frames = video.read_frames(path, indices).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(frames, np.stack([reference[index] for index in indices]))
