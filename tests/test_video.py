import contextlib
import os
import random
import shutil
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from av.bitstream import BitStreamFilterContext
from av.stream import Disposition
from conftest import moving_square
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quest82 import video
from quest82.video import VideoError, keeper


def pyav_frames(path) -> np.ndarray:
    """The reference: every frame of a file, decoded in order by PyAV, (n, H, W, 3)."""
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def write_sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_written_frames_come_back_bit_for_bit_as_pyav_decodes_them(write_clip):
    path = write_clip(num_frames=40)
    reference = pyav_frames(path)
    frames = video.read_frames(path, range(40))
    assert frames.dtype == torch.uint8
    assert frames.shape == (40, 3, 64, 64)
    assert np.array_equal(frames.permute(0, 2, 3, 1).numpy(), reference)
    assert (frames.float() - moving_square(num_frames=40)).abs().mean() < 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(indices=st.lists(st.integers(0, 29), min_size=1, max_size=8))
def test_any_order_and_repetition_of_indices(write_clip, tmp_path, indices):
    path = tmp_path / "clip.mp4"
    if not path.exists():
        write_clip(num_frames=30)
    frames = video.read_frames(path, torch.tensor(indices))
    assert np.array_equal(frames.permute(0, 2, 3, 1).numpy(), pyav_frames(path)[indices])


def test_probe_says_what_was_written(write_clip):
    info = video.probe(write_clip(num_frames=17, size=48))
    assert info == video.VideoInfo(num_frames=17, width=48, height=48, fps=25.0)


def test_one_frame_is_a_video(write_clip):
    path = write_clip(num_frames=1)
    assert video.probe(path).num_frames == 1
    assert video.read_frames(path, [0, 0]).shape == (2, 3, 64, 64)


def test_names_with_spaces_and_cyrillic_letters(write_clip):
    path = write_clip("открыть дверь (1).mp4")
    assert video.read_frames(path, [3]).shape == (1, 3, 64, 64)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_the_number_of_processors_does_not_show_in_the_file(write_clip):
    allowed = os.sched_getaffinity(0)
    many = write_clip(size=256).read_bytes()
    os.sched_setaffinity(0, {min(allowed)})
    try:
        one = write_clip(size=256).read_bytes()
    finally:
        os.sched_setaffinity(0, allowed)
    assert one == many


def test_a_wrong_ending_does_not_matter(write_clip, tmp_path):
    path = tmp_path / "clip.avi"
    shutil.copy(write_clip(), path)
    assert video.probe(path).num_frames == 12


def encode(path, codec, num_frames=90, **options):
    """A clip in any codec and container, with a keyframe every 12 frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width = stream.height = 64
        stream.pix_fmt, stream.gop_size = "yuv420p", 12
        for pixels in moving_square(num_frames).permute(0, 2, 3, 1).contiguous().numpy():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def assert_right(path, indices):
    """The frames of a file are those of a complete decode, to the last bit."""
    reference = pyav_frames(path)
    assert video.probe(path).num_frames == len(reference)
    indices = [index % len(reference) for index in indices]
    frames = video.read_frames(path, indices).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(frames, reference[indices])


def test_a_phone_video_stands_upright(tmp_path):
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_rotation(90)
        pixels = np.zeros((64, 96, 3), np.uint8)
        pixels[:, 48:] = 250  # one half is light: after a quarter turn, the upper or lower one
        for _ in range(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    info = video.probe(path)
    assert (info.width, info.height) == (64, 96)
    frames = video.read_frames(path, [3, 20]).float()
    assert frames.shape == (2, 3, 96, 64)
    top, bottom = frames[:, :, :40].mean().item(), frames[:, :, 56:].mean().item()
    assert sorted((top < 50, bottom < 50)) == [False, True]
    assert abs(frames[:, :, :, :20].mean() - frames[:, :, :, 44:].mean()) < 5


def remux(source, path, *, offset_seconds=0):
    """The packets of a file in another container, as `ffmpeg -c copy` writes them."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = old.streams.video[0]
        out = new.add_stream_from_template(stream)
        packets = [packet for packet in old.demux(stream) if packet.size]
        offset = round(offset_seconds / stream.time_base) - packets[0].dts  # AVI begins at 0
        if path.suffix == ".avi":  # wants start codes between the units
            bitstream = BitStreamFilterContext("h264_mp4toannexb", stream)
            packets = [packet for whole in packets for packet in bitstream.filter(whole)]
        for packet in packets:
            if packet.size:
                packet.pts, packet.dts, packet.stream = (
                    packet.pts + offset,
                    packet.dts + offset,
                    out,
                )
                new.mux(packet)


def two_streams(path, *, default):
    """Dark 32x32 frames and light 96x64 frames in one file; `default` is the one players take."""
    with av.open(str(path), "w") as container:
        streams = []
        for number, (width, height) in enumerate([(32, 32), (96, 64)]):
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = Disposition.default if number == default else Disposition(0)
            streams.append(stream)
        for number, stream in enumerate(streams):
            shade = np.full((stream.height, stream.width, 3), 20 + 200 * number, np.uint8)
            for _ in range(10):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
            container.mux(stream.encode())


@pytest.mark.parametrize("default", [0, 1])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_of_several_streams_the_default_one_is_read(tmp_path, ending, default):
    path = tmp_path / f"two.{ending}"
    two_streams(path, default=default)
    info = video.probe(path)
    assert (info.width, info.height) == [(32, 32), (96, 64)][default]
    assert abs(video.read_frames(path, [5]).float().mean() - [20, 220][default]) < 5
    assert video.inspect(path).problem == ""


def an_image(path):
    with av.open(str(path), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_an_image_named_like_a_video_is_refused(tmp_path):
    path = tmp_path / "image.mp4"
    an_image(path)
    with pytest.raises(VideoError, match=r"is a single image \(jpeg\), not a video"):
        video.probe(path)
    assert "is a single image" in video.inspect(path).problem


def test_cover_art_is_no_video(tmp_path):
    path = tmp_path / "song.mp4"
    write_sound(path)
    with av.open(str(path)) as old, av.open(str(tmp_path / "cover.mp4"), "w") as new:
        sound = new.add_stream_from_template(old.streams.audio[0])
        cover = new.add_stream("mjpeg", rate=25)
        cover.width = cover.height = 64
        cover.pix_fmt, cover.disposition = "yuvj420p", Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for packet in [*cover.encode(frame), *cover.encode()]:
            new.mux(packet)
        for packet in old.demux(old.streams.audio[0]):
            if packet.size:
                packet.stream = sound
                new.mux(packet)
    with pytest.raises(VideoError, match="holds cover art and no video"):
        video.read_frames(tmp_path / "cover.mp4", [0])


def test_pixels_that_are_not_square_are_stretched_as_players_do(tmp_path):
    path = tmp_path / "dvd.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        pixels = np.zeros((64, 72, 3), np.uint8)
        pixels[:, 36:] = 250
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    info = video.probe(path)
    assert (info.width, info.height) == (96, 64)
    row = video.read_frames(path, [4])[0, 0, 32].float()
    assert row.shape == (96,)
    assert row[:44].max() < 30
    assert row[52:].min() > 220


@pytest.mark.parametrize(
    ("limit", "at_once"), [(1e9, [3]), (2 * 64 * 64 * 3, [2, 1]), (1, [1] * 3)]
)
def test_frames_are_cropped_soon_after_they_are_decoded(write_clip, monkeypatch, limit, at_once):
    path, seen = write_clip(num_frames=30, size=64), []

    def corner(frames):
        seen.append(len(frames))
        return frames[:, :, 8:24, :16]

    monkeypatch.setattr(keeper, "_MOST_WAITING_BYTES", limit)
    indices = [20, 3, 3, 11]  # a frame that is wanted twice is cropped once
    cropped = video.read_frames(path, indices, transform=corner)
    assert seen == at_once
    assert torch.equal(cropped, corner(video.read_frames(path, indices)))


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_times_are_those_that_were_written(tmp_path, ending):
    path, begins = tmp_path / f"phone.{ending}", [0, 0.04, 0.083, 1.0, 1.5, 4.0]
    video.write_video(path, moving_square(6), fps=25, times=begins)
    times = video.frame_times(path)
    assert times[:-1].tolist() == pytest.approx(begins, abs=1e-3)
    assert times[-1] > 4
    with pytest.raises(ValueError, match=r"times \(5\) must be 6"):
        video.write_video(path, moving_square(6), fps=25, times=begins[1:])


def test_options_reach_the_encoder(tmp_path):
    path = tmp_path / "clip.mp4"
    video.write_video(path, moving_square(6), fps=25, options={"g": "1"})
    with av.open(str(path)) as container:
        assert all(packet.is_keyframe for packet in container.demux(video=0) if packet.size)


def test_times_of_a_constant_rate_are_a_grid(write_clip):
    times = video.frame_times(write_clip(num_frames=10))
    assert times.tolist() == pytest.approx([k / 25 for k in range(11)])


def test_decord_can_be_asked_and_is_not_trusted(write_clip, tmp_path):
    path = write_clip(num_frames=40)
    ours = video.read_frames(path, [3, 20])
    assert torch.equal(video.read_frames(path, [3, 20], decoder="decord"), ours)
    with pytest.raises(ValueError, match=r"decoder \('opencv'\)"):
        video.read_frames(path, [0], decoder="opencv")
    (tmp_path / "clip.avi").write_bytes(path.read_bytes()[:-20])
    with pytest.raises(VideoError):
        video.read_frames(tmp_path / "none.mp4", [0], decoder="decord")


def test_inspect_finds_a_size_that_changes(write_clip, tmp_path):
    whole = b""
    for number, size in enumerate((64, 96)):
        part = tmp_path / f"{number}.ts"
        remux(write_clip(size=size), part)
        whole += part.read_bytes()
    path = tmp_path / "both.ts"
    path.write_bytes(whole)
    assert "the size of its frames changes, it is 64x64 and then 96x96" in (
        video.inspect(path).problem
    )
    with pytest.raises(VideoError, match="the size of the frames changes"):
        video.read_frames(path, [0, 20])


def test_inspect_reports_a_single_frame(write_clip):
    assert video.inspect(write_clip(num_frames=1)).problem == "holds a single frame"


@pytest.mark.parametrize(("ending", "offset_seconds"), [("avi", 0), ("mkv", 100), ("ts", 0)])
def test_inspect_raises_no_false_alarm_for_copied_streams(
    write_clip, tmp_path, ending, offset_seconds
):
    path = tmp_path / f"copy.{ending}"
    remux(write_clip(num_frames=75), path, offset_seconds=offset_seconds)
    found = video.inspect(path)
    assert (found.problem, found.decoded) == ("", 75)


def test_inspect_misses_the_end_of_a_file_without_frame_count(tmp_path):
    path = tmp_path / "clip.mkv"
    encode(path, "libx264", num_frames=100, preset="veryfast")
    assert video.inspect(path).problem == ""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "lasts 4.0 s by its header" in video.inspect(path).problem


def bad_files(tmp_path, clip):
    bad = {name: tmp_path / f"{name}.mp4" for name in ("empty", "text", "sound", "head", "noise")}
    bad["empty"].touch()
    bad["text"].write_text("not a video at all\n" * 50)
    write_sound(bad["sound"])
    bad["head"].write_bytes(clip.read_bytes()[:600])
    bad["noise"].write_bytes(random.Random(0).randbytes(5000))
    return {**bad, "missing": tmp_path / "missing.mp4", "folder": tmp_path}


@pytest.mark.parametrize("kind", ["empty", "text", "sound", "head", "noise", "missing", "folder"])
def test_a_bad_file_is_named_with_what_is_wrong_and_the_remedy(write_clip, tmp_path, kind):
    path = bad_files(tmp_path, write_clip())[kind]
    for read in (video.probe, lambda p: video.read_frames(p, [0])):
        with pytest.raises(VideoError) as caught:
            read(path)
        text = str(caught.value)
        assert text.startswith(f"{path}: ")
        assert "\n" not in text
        assert len(text) > len(str(path)) + 30
    assert video.inspect(path).problem


def test_indices_outside_are_refused(write_clip):
    path = write_clip()
    for outside in (12, -1):
        with pytest.raises(VideoError, match=rf"frame {outside} .* 12 can be read"):
            video.read_frames(path, [0, outside])
    with pytest.raises(ValueError, match="empty"):
        video.read_frames(path, [])


def test_a_file_cut_short_is_read_for_what_it_has(shared_clips, tmp_path):
    whole = (shared_clips / "ucf101" / "v_Biking_g02_c05.avi").read_bytes()
    path = tmp_path / "short.avi"
    path.write_bytes(whole[: len(whole) // 2])
    reference = pyav_frames(path)
    n = video.probe(path).num_frames
    assert n == len(reference) < 180
    frames = video.read_frames(path, range(n)).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(frames, reference)
    assert "promises 180 frames" in video.inspect(path).problem


def test_a_header_that_promises_more_than_the_file_holds(shared_clips):
    path = next((shared_clips / "assorted").glob("RATRACE*"))
    reference = pyav_frames(path)
    assert video.probe(path).num_frames == len(reference) == 72
    frames = video.read_frames(path, range(72)).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(frames, reference)
    assert video.inspect(path).problem == "promises 73 frames, holds 72"


def test_real_clips_are_read_as_pyav_reads_them(shared_clips):
    paths = sorted(shared_clips.glob("*/*.avi")) + sorted(shared_clips.glob("*/*.mp4"))
    assert len(paths) >= 9
    for path in paths:
        n = video.probe(path).num_frames
        assert_right(path, [0, n // 3, n // 2, n - 1])


def test_flipped_bytes_end_in_frames_or_in_a_video_error_and_are_found_by_inspect(write_clip):
    path = write_clip(num_frames=40)
    whole, found = path.read_bytes(), 0
    for seed in range(20):
        rng, damaged = random.Random(seed), bytearray(whole)
        for _ in range(20):
            damaged[rng.randrange(200, len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        found += bool(video.inspect(path).problem)
        with contextlib.suppress(VideoError):
            n = video.probe(path).num_frames
            assert video.read_frames(path, [0, n // 2, n - 1]).shape[:2] == (3, 3)
    assert found >= 15


@pytest.mark.parametrize(
    ("frames", "fps", "match"),
    [
        (torch.zeros(2, 3, 8, 8), 25, "uint8"),
        (torch.zeros(2, 8, 8, 3, dtype=torch.uint8), 25, "shape"),
        (torch.zeros(0, 3, 8, 8, dtype=torch.uint8), 25, "at least 1"),
        (torch.zeros(2, 3, 9, 8, dtype=torch.uint8), 25, "even"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 0, "fps"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, frames, fps, match):
    with pytest.raises(ValueError, match=match):
        video.write_video(tmp_path / "clip.mp4", frames, fps=fps)
    assert not list(tmp_path.iterdir())
