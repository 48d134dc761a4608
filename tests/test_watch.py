"""Watching a stream: the answers are those of a clip, and nothing that breaks off ends it."""

import itertools
import json
import math
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from types import SimpleNamespace

import av
import numpy
import pytest
import torch
from cameras import Camera, Film, RTSPCamera
from command import quest82
from conftest import moving_square
from PIL import ImageGrab

from quest82 import video
from quest82.cli import screen
from quest82.frames.sampling import segment_indices
from quest82.frames.view import ViewSpec
from quest82.service import Predictor, stream
from quest82.service.newest import Newest
from quest82.service.rolling import Instants, Rolling
from quest82.service.stream import Patience, watch
from quest82.systems import classifier
from quest82.systems.backbones import open_backbone
from quest82.systems.calibration import Calibration
from quest82.video import Lost, Moment, Source, VideoError, live

T = 4
SPEC = ViewSpec(num_frames=T, size=32)


@pytest.fixture(scope="module")
def models(weights, tmp_path_factory):
    """Files of an LSTM and of a mean to which all that moves is unlike what it knows."""
    root = tmp_path_factory.mktemp("models")
    backbone = open_backbone("mobilenet_v2", weights)
    made = {"backbone": backbone.name, "weights": backbone.fingerprint(), "engine": "plain"}
    strict = Calibration(1.0, torch.zeros(2, 1280), farthest=0.0, acceptance=0.9)
    for name, calibration in (("lstm", None), ("mean", strict)):
        classifier.save(
            root / name,
            classifier.build(name, 1280, 2),
            classes=["rise", "fall"],
            extraction={**SPEC.settings, **made},
            calibration=calibration,
        )
    return root


@pytest.fixture(scope="module")
def predictor(models, weights):
    with Predictor.load(models / "lstm", backbone_weights=weights, num_workers=0) as predictor:
        yield predictor


@pytest.fixture
def ask(models, weights):
    """The command on a model; what it prints, as data, and what it says beside it."""

    def run(source, *options, model="lstm", code=0):
        given = ("--backbone-weights", weights, *options)
        out, error = quest82("watch", models / model, source, *given, code=code)
        return [json.loads(line) for line in out.splitlines()], error

    return run


def moment(time, duration, *, is_first=False):
    return Moment(time, duration, 0.0, is_first, lambda: None)


def looked_at(times, span, num_frames=T):
    """The frame that is shown at each instant, each being shown until the next one."""
    instants, shown = Instants(span, num_frames), []
    for t, (begin, end) in enumerate(itertools.pairwise(times)):
        if reached := instants.reached(moment(begin, end - begin, is_first=t == 0)):
            shown += [t] * (reached[1] + 1 - len(shown))
    return shown


@pytest.mark.parametrize("fps", [12, 25, 30, 30000 / 1001])
def test_the_instants_of_a_first_span_are_the_centres_of_segments(fps):
    for n, num_segments in itertools.product((1, 3, 4, 7, 8, 25, 60, 100), (1, 4, 5, 16)):
        times = [t / fps for t in range(n + 1)]
        shown = looked_at(times, times[-1], num_segments)
        assert shown == segment_indices(n, num_segments).tolist()


def test_where_frames_come_unevenly_time_counts():
    times = [0.0, 0.1, 0.2, 0.3, 0.9, 1.0, 1.1, 2.0]
    expected = segment_indices(7, 8, times=torch.tensor(times)).tolist()
    assert looked_at(times, 2.0, 8) == expected
    assert len(set(expected)) < 8


def test_the_instants_go_on_at_equal_steps():
    shown = looked_at([t / 25 for t in range(1001)], 2.0)
    assert shown == [math.floor(25 * (i + 0.5) / 2) for i in range(80)]


@pytest.mark.parametrize(
    ("times", "first", "expected"),
    [
        ([0, 1, 2, 3, 4], [0], [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]),
        ([0, 1, 3, 4, 5], [0], [(0, 0), (0, 1), (0, 3), (0, 4), (0, 5)]),  # one is missing
        ([0, 1, 9, 10, 11], [0], [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]),  # a jump ahead
        ([5, 6, 0.5, 1.5, 2.5], [0], [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]),  # and back
        ([0, 1, 2, 3, 4], [0, 2], [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]),  # taken up again
    ],
)
def test_what_breaks_off_begins_anew(times, first, expected):
    instants = Instants(4.0, 4)
    found = [instants.reached(moment(at, 1, is_first=t in first)) for t, at in enumerate(times)]
    assert found == expected


class TestAnAnswer:
    def seen(self, predictor, path, **options):
        found = list(watch(predictor, Source(str(path)), pace=False, **options))
        return [one for one in found if one.answer]

    def test_of_a_file_is_the_predictors(self, predictor, write_clip):
        path = write_clip(num_frames=30)
        (seen,) = self.seen(predictor, path, span_seconds=30 / 25)
        expected = predictor(path).probabilities
        torch.testing.assert_close(seen.answer.probabilities, expected, atol=1e-3, rtol=0)

    def test_of_the_last_seconds_is_that_of_a_clip_of_them(self, predictor, write_clip):
        path = write_clip(num_frames=60)
        last = self.seen(predictor, path, span_seconds=0.8)[-1]
        frames = [math.floor(25 * 0.2 * (i + 0.5)) for i in last.answer.frames]
        assert frames == [42, 47, 52, 57]
        crop = stream.Rolling(predictor)._crop
        essences = predictor.describe(crop(video.read_frames(path, frames)))
        expected = predictor.answer(essences, ()).probabilities
        torch.testing.assert_close(last.answer.probabilities, expected, atol=1e-3, rtol=0)
        assert last.time == pytest.approx(57 / 25)

    def test_that_continues_is_that_of_all_that_came(self, predictor, write_clip):
        path = write_clip(num_frames=60)
        last = self.seen(predictor, path, span_seconds=0.8, continue_state=True)[-1]
        frames = [math.floor(25 * 0.2 * (i + 0.5)) for i in range(12)]
        crop = stream.Rolling(predictor)._crop
        essences = predictor.describe(crop(video.read_frames(path, frames)))
        expected = predictor.answer(essences, ()).probabilities
        torch.testing.assert_close(last.answer.probabilities, expected, atol=1e-3, rtol=0)


def test_each_frame_is_described_once_and_few_are_kept(predictor, monkeypatch):
    described, describe = [], Predictor.describe

    def count(self, frames):
        described.append(len(frames))
        return describe(self, frames)

    monkeypatch.setattr(Predictor, "describe", count)
    rolling, frames = Rolling(predictor), moving_square(40)
    answers = [rolling.see(frame, 0, i) for i, frame in enumerate(frames)]
    assert described == [1] * 40
    assert [answer is not None for answer in answers] == [False] * 3 + [True] * 37
    assert len(rolling.ring) == T
    assert rolling.see(frames[0], 1, 0) is None  # a new window
    assert rolling.see(frames[0], 1, 1000).frames == (997, 998, 999, 1000)
    assert len(rolling.ring) == T


def test_a_model_without_a_state_cannot_go_on_from_it(ask, write_clip):
    _, error = ask(write_clip(), "--continue-state", model="mean", code=2)
    assert error == (
        "quest82: aggregator (MeanPool) reads a clip as a whole and cannot go on from a state; "
        "take LSTM or GRU\n"
    )


class TestNewest:
    def test_the_slow_get_the_newest(self):
        is_busy, is_done = threading.Event(), threading.Event()

        def items(enough):
            yield 0
            assert is_busy.wait(5)
            yield from range(1, 100)
            is_done.set()

        found = iter(Newest(items))
        assert next(item for item in found if item is not None) == 0
        is_busy.set()
        assert is_done.wait(5)
        assert list(found) == [99]

    def test_an_error_comes_after_what_came_before_it(self):
        def items(enough):
            yield 1
            raise VideoError("broken")

        items = iter(Newest(items))
        assert next(items) == 1
        with pytest.raises(VideoError, match="broken"):
            next(items)

    def test_silence_is_told_and_leaving_ends_the_thread(self):
        left = threading.Event()

        def items(enough):
            enough.wait(5)
            left.set()
            yield 1

        with closing(iter(Newest(items))) as found:
            assert next(found) is None
        assert left.is_set()


def test_a_file_is_played_and_told_line_by_line(ask, write_clip):
    began = time.monotonic()
    lines, error = ask(write_clip(num_frames=25), "--seconds", 0.4, model="mean")
    assert time.monotonic() - began > 22 / 25  # at its own pace
    assert lines
    for line in lines:
        assert set(line) == {"time", "label", "probability", "none_of_these", "fps", "delay_ms"}
        assert line["label"] in ("rise", "fall")
        assert line["none_of_these"] is True
        assert 0.5 <= line["probability"] <= 1
        assert line["delay_ms"] > 0
    assert [line["time"] for line in lines] == sorted({line["time"] for line in lines})
    assert f"{len(lines)} answers" in error
    assert error.startswith("watched ")


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(stream, "_FIRST_WAIT_SECONDS", 0.3)


def test_a_stream_that_breaks_off_is_taken_up_again(ask, impatient):
    with Camera(40, 40) as camera:
        lines, error = ask(camera.address, "--seconds", 0.4, "--reconnect", 1, code=2)
    times = [line["time"] for line in lines]
    assert times == sorted(set(times))
    assert times[-1] - times[0] > 0.3  # there are answers before and after the interruption
    assert times[-1] > 40 * 0.02 + 0.3
    told = error.splitlines()
    again = f"quest82: {camera.address}: the stream has broken off; trying again in 0.3 s (1 of 1)"
    assert told[:2] == [again, again]
    assert told[2].startswith("watched ")
    assert "cannot be read as a stream" in told[3]
    assert told[3].endswith("gave up after 1 more tries")
    assert len(told) == 4


def test_the_waits_grow_and_end(monkeypatch):
    class Gone(Source):
        def moments(self, wait):
            raise Lost("gone") if not waits else VideoError("not there")
            yield

    waits, told = [], []
    enough = threading.Event()
    monkeypatch.setattr(enough, "wait", waits.append)
    frames = stream._across_losses(Gone("0"), Patience(7, told.append), enough.wait, enough)
    with pytest.raises(VideoError, match="not there; gave up after 7 more tries"):
        next(frames)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert len(told) == 7


@pytest.fixture
def interruptible():
    """SIGINT raises KeyboardInterrupt, whatever the tests before have made of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_it_with_a_summary(ask, interruptible):
    main = threading.main_thread().ident

    def stop(number):
        if number == 40:
            signal.pthread_kill(main, signal.SIGINT)

    threads = set(threading.enumerate())
    with Camera(500, at=stop) as camera:
        _, error = ask(camera.address, "--seconds", 0.2)
    assert error.startswith("watched ")
    assert error.count("\n") == 1
    left = set(threading.enumerate()) - threads
    for thread in left:
        thread.join(5)
        assert not thread.is_alive()


def test_a_transport_stream_keeps_its_own_time():
    with Film(moving_square(50)) as film:
        frames = []
        with pytest.raises(Lost, match="broken off"):
            frames.extend(Source(film.address).moments())
    assert [frame.time for frame in frames] == pytest.approx([t / 25 for t in range(50)])
    assert [frame.is_first for frame in frames] == [True] + [False] * 49
    assert frames[-1].pixels().shape == (3, 64, 64)


def test_a_camera_that_speaks_rtsp_is_understood(predictor):
    with RTSPCamera(moving_square(50)) as camera:
        seen = watch(predictor, Source(camera.address), span_seconds=0.4, patience=Patience(0))
        found = []
        with pytest.raises(VideoError, match="the stream has broken off; gave up after 0 more"):
            found.extend(seen)
    found = [one for one in found if one]
    times = [one.time for one in found]
    assert times == sorted(set(times))
    assert 0 <= times[0] < times[-1] < 50 / 25 + 0.5
    assert found[-1].answer
    assert found[-1].num_frames > 40
    assert all(0 <= one.fps < 60 for one in found)


def clock_times(monkeypatch, said, is_live):
    """When frames are shown of which each comes half a second after the one before it."""
    ticks = itertools.count(1)
    clock = SimpleNamespace(monotonic=lambda: next(ticks) / 2)
    monkeypatch.setattr(live, "time", clock)
    read = live._Clock(SimpleNamespace(average_rate=25), is_live, False).read
    return [read(SimpleNamespace(time=time, duration=0, time_base=1))[0] for time in said]


@pytest.mark.parametrize(
    ("said", "is_live", "expected"),
    [
        ([5.0, 5.1, 5.3], True, [0, 0.1, 0.3]),
        ([None, 7.0, 7.1, 7.2], True, [0, 0.5, 0.6, 0.7]),  # no time at first
        ([1.0, 1.1, 9000.0, 9000.1], True, [0, 0.1, 0.6, 0.7]),  # the clock is set
        ([9.0, 9.1, 2.0, 2.1], True, [0, 0.1, 0.6, 0.7]),
        ([None, None, None], False, [0, 0.04, 0.08]),
        ([3.0, 3.1, 33.0], False, [0, 0.1, 30]),
    ],
)
def test_the_time_of_a_stream_never_leaps(monkeypatch, said, is_live, expected):
    assert clock_times(monkeypatch, said, is_live) == pytest.approx(expected)


class TestACamera:
    def test_has_a_number_that_each_system_calls_otherwise(self, monkeypatch):
        devices = [
            SimpleNamespace(name=name, media_types=[kind])
            for name, kind in (("Mike", "audio"), ("Front", "video"), ("Back", "video"))
        ]
        monkeypatch.setattr(av, "enumerate_input_devices", lambda _: devices)
        found = {}
        for system in ("linux", "darwin", "win32"):
            monkeypatch.setattr(sys, "platform", system)
            found[system] = live._where("1")[:2]
        assert found == {
            "linux": ("/dev/video1", "v4l2"),
            "darwin": ("1", "avfoundation"),
            "win32": ("video=Back", "dshow"),
        }
        with pytest.raises(OSError, match="there are 2 cameras, counted from 0"):
            live._where("2")

    def test_gives_frames_until_nobody_wants_more(self, monkeypatch):
        """A generator of FFmpeg's, opened as devices are, takes the camera's place."""
        made_up = ("testsrc=size=64x48:rate=25", "lavfi", {})
        monkeypatch.setattr(live, "_where", lambda name: made_up)
        with closing(Source("0").moments()) as found:
            frames = list(itertools.islice(found, 10))
        assert [frame.time for frame in frames] == pytest.approx([t / 25 for t in range(10)])
        assert frames[0].pixels().shape == (3, 48, 64)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("nothing.mp4", (), "nothing.mp4: there is no such file; check the name"),
        ("99", (), "99: cannot be read as a stream (.*); check that the camera is there and free"),
        (
            "http://me:secret@127.0.0.1:9/live",
            (),
            "http://127.0.0.1:9/live: cannot be read as a stream (.*); check the address",
        ),
        ("rtsp://127.0.0.1:9/live", (), "rtsp://.*: cannot be read as a stream .*; check the add"),
        ("http://127.0.0.1:9/live", ("--no-pace",), "is no file, and comes at a pace of its own"),
        ("{clip}", ("--seconds", 9, "--no-pace"), "ended before its frames filled 9 s; take fewer"),
    ],
)
def test_what_cannot_be_watched_is_told_in_a_sentence(ask, write_clip, source, options, message):
    lines, error = ask(source.format(clip=write_clip()), *options, code=2)
    assert not lines
    sentence = error.splitlines()[-1]
    assert sentence.startswith("quest82: ")
    assert re.search(message.replace("(.*)", r"\(.*\)"), sentence)
    assert "secret" not in error


def test_without_a_display_there_is_no_window(ask, write_clip, monkeypatch):
    pytest.importorskip("tkinter")
    if sys.platform != "linux":
        pytest.skip("there is always a display")
    monkeypatch.delenv("DISPLAY", raising=False)
    _, error = ask(write_clip(), "--show", code=2)
    assert error.startswith("quest82: --show: there is no display (")
    assert error.count("\n") == 1


@pytest.fixture
def display(monkeypatch):
    """A display that nobody looks at."""
    pytest.importorskip("tkinter")
    if not (program := shutil.which("Xvfb")):
        pytest.skip("Xvfb is not on this machine")
    options = ("-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp")
    with subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True) as server:
        watchdog = threading.Timer(30, server.kill)
        watchdog.start()
        number = server.stdout.readline().strip()
        monkeypatch.setenv("DISPLAY", f":{number}")
        yield f":{number}"
        watchdog.cancel()
        server.terminate()


def test_a_window_shows_the_frame_and_the_answer(ask, write_clip, display, monkeypatch):
    shots, texts, update = [], [], screen.Screen.update

    def photographed(self, seen):
        is_open = update(self, seen)
        if seen and seen.answer:
            x, y = self.shown.winfo_rootx(), self.shown.winfo_rooty()
            whole = ImageGrab.grab(xdisplay=display)
            texts.append(self.text.cget("text"))
            shots.append((whole.crop((x, y, x + 66, y + 66)), seen.pixels))
            if len(texts) == 3:
                self._leave()
        return is_open

    monkeypatch.setattr(screen.Screen, "update", photographed)
    lines, _ = ask(write_clip(num_frames=60), "--seconds", 0.4, "--no-pace", "--show")
    assert len(lines) == 4  # the window was closed by then
    for text, line in zip(texts, lines, strict=False):
        assert text.startswith(f"{line['label']}  {line['probability']:.0%}    ")
    for shot, pixels in shots:
        inside = torch.from_numpy(numpy.asarray(shot).copy()).permute(2, 0, 1)
        windows = inside.unfold(1, 64, 1).unfold(2, 64, 1)  # (3, 3, 3, 64, 64): its frame is thin
        assert (windows == pixels[:, None, None]).all(dim=-1).all(dim=-1).all(dim=0).any()
