"""Answers over time: each window is a clip, whatever is shared, and a bad video costs itself."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from command import quest82
from conftest import moving_square
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from quest82 import plots, video
from quest82.cli.over_time import _segments
from quest82.data.clips import Clip
from quest82.frames.view import ViewSpec, take_view
from quest82.frames.windows import windows_of
from quest82.frames.workers import Workers
from quest82.learning.grouping import localise
from quest82.service import Answer, Moment, OverTime, Predictor, stretches
from quest82.systems import classifier
from quest82.systems.backbones import open_backbone
from quest82.video import VideoError, read_frames, read_on
from quest82.video.packets import look_over

SPEC = ViewSpec(num_frames=4, size=32)
HOW = {"window_seconds": 1.0, "stride_seconds": 0.3}


@pytest.fixture(scope="module")
def desk(weights, tmp_path_factory):
    """Videos of 3 s that can and cannot be entered in their middle, and a model of chance."""
    root = tmp_path_factory.mktemp("desk")
    frames = moving_square(75)
    video.write_video(root / "long.mp4", frames, fps=25, options={"x264-params": "keyint=20"})
    video.write_video(root / "b.mp4", frames.flip(0), fps=25)
    backbone = open_backbone("mobilenet_v2", weights)
    made = {"backbone": "mobilenet_v2", "weights": backbone.fingerprint(), "engine": "plain"}
    torch.manual_seed(0)
    network = classifier.build("lstm", 1280, 3)
    names = ["run", "sit", "wave"]
    classifier.save(root / "model", network, classes=names, extraction=SPEC.settings | made)
    return root


@pytest.fixture(scope="module")
def predictor(desk, weights):
    with Predictor.load(desk / "model", backbone_weights=weights, num_workers=0) as predictor:
        yield predictor


@pytest.fixture
def predict(desk, weights):
    def predict(*arguments, **how):
        use = ("--backbone-weights", weights, "--workers", 0)
        return quest82("predict", desk / "model", *arguments, *use, **how)

    return predict


@given(
    gaps=st.lists(st.floats(0.01, 0.5), min_size=1, max_size=60),
    window=st.floats(0.1, 4),
    stride=st.floats(0.1, 4),
    by=st.sampled_from(["time", "count"]),
)
def test_windows_lie_inside_and_no_more_fit(gaps, window, stride, by):
    times = torch.tensor([0.0, *gaps], dtype=torch.float64).cumsum(0)
    length, spec = float(times[-1]), replace(SPEC, by=by)
    found = windows_of(times, spec, window_seconds=window, stride_seconds=stride)
    if length < window:
        (only,) = found
        assert only == (0.0, length, tuple(spec.indices(len(gaps), times_of(by, times), None)))
        return
    for k, (start, end, frames) in enumerate(found):
        assert start == pytest.approx(k * stride, abs=1e-6)
        assert end == pytest.approx(start + window, abs=2e-6)
        assert end < length + 1e-4
        assert all(0 <= frame < len(gaps) for frame in frames)
    assert len(found) * stride + window > length - 1e-4


def times_of(by, times):
    return times if by == "time" else None


@pytest.mark.parametrize("trusted", [True, False])
def test_reading_on_gives_the_frames_of_reading(desk, trusted, monkeypatch):
    """Also where it goes back, and where nothing can be entered but at the beginning."""
    path = desk / "long.mp4"
    if not trusted:
        monkeypatch.setattr(video.streaming, "look_over", lambda p: untrusted(look_over(p)))
    pieces = [[0, 3, 4], [21], [22, 70, 74], [5, 6]]
    expected = [take_frames(path, piece) for piece in pieces]
    with Workers(num_workers=0, time_limit_seconds=60) as pool:
        read = list(pool.read_on(path, pieces, SPEC))
    assert all(torch.equal(a, b) for a, b in zip(read, expected, strict=True))


def untrusted(index):
    return replace(index, position_of=None)


def take_frames(path, numbers):
    from quest82.frames.transforms import ClipTransform

    return read_frames(path, numbers, transform=ClipTransform(SPEC.size).cropper())


def test_each_frame_is_decoded_once(desk, monkeypatch):
    """From the first that is wanted on; packets before it, back to the entry, come in addition."""
    path, packets = desk / "long.mp4", []
    decoded = video.cursor.frames_of

    def counted(packet, *rest):
        packets.append(packet)
        return decoded(packet, *rest)

    monkeypatch.setattr(video.cursor, "frames_of", counted)
    list(read_on(path, [[k, k + 2] for k in range(0, 75, 3)]))
    assert len(packets) <= 75


def test_damage_on_the_way_costs_no_piece_its_frames(tmp_path, monkeypatch):
    """A frame that does not come as announced: the piece is read as `read_frames` reads it."""
    path, again = tmp_path / "hurt.mp4", []
    video.write_video(path, moving_square(60), fps=25, options={"x264-params": "keyint=10"})
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 40] = bytes(40)
    path.write_bytes(bytes(content))

    def noted(path, piece, **options):
        again.append(piece)
        return read_frames(path, piece, **options)

    monkeypatch.setattr(video.streaming, "read_frames", noted)
    pieces = [[k, k + 1] for k in range(0, 60, 10)]
    for piece, frames in zip(pieces, read_on(path, pieces), strict=True):
        assert torch.equal(frames, read_frames(path, piece))
    assert len(again) == 1
    assert pieces[0] < again[0] < pieces[-1]


def test_a_frame_beyond_the_end_is_missed(desk):
    for index in (look_over(desk / "long.mp4"), untrusted(look_over(desk / "long.mp4"))):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(video.streaming, "look_over", lambda p, index=index: index)
            frames = read_on(desk / "long.mp4", [[0], [75]])
            next(frames)
            with pytest.raises(VideoError, match=r"long.mp4: frame 75 was asked for"):
                next(frames)


@pytest.mark.parametrize(
    ("how", "number"), [(HOW, 7), ({"window_seconds": 0.5, "stride_seconds": 0.9}, 3)]
)
def test_a_window_is_answered_as_the_part_of_the_file(desk, predictor, how, number, monkeypatch):
    """Frame by frame to the digit; among other frames the plain engine rounds otherwise, by a unit
    of float16 in essences below 6, which a network of 1280 inputs may add up."""
    path, described = desk / "long.mp4", []
    describe = predictor.describe

    def counted(frames):
        described.append(len(frames))
        return describe(frames)

    monkeypatch.setattr(predictor, "describe", counted)
    over = OverTime(predictor, path, **how)
    moments = list(over)
    distinct = {frame for moment in moments for frame in moment.answer.frames}
    assert sum(described) == len(distinct)
    for moment in moments:
        part = Clip("part", "", "", path, start=moment.start, end=moment.end)
        indices, frames = take_view(part, 0, SPEC)
        assert moment.answer.frames == tuple(indices.tolist())
        alone = predictor.answer(describe(frames), moment.answer.frames)
        difference = (moment.answer.probabilities - alone.probabilities).abs().max()
        assert difference < 2e-3
    assert (
        len(moments)
        == len(over.windows)
        == 1 + int((3 - how["window_seconds"]) / how["stride_seconds"] + 1e-6)
    )


def test_frame_by_frame_the_answers_are_the_same_to_the_digit(desk, predictor, monkeypatch):
    describe = predictor.describe
    one_by_one = lambda frames: torch.cat([describe(frame[None]) for frame in frames])  # noqa: E731
    monkeypatch.setattr(predictor, "describe", one_by_one)
    for moment in OverTime(predictor, desk / "long.mp4", **HOW):
        part = Clip("part", "", "", desk / "long.mp4", start=moment.start, end=moment.end)
        indices, frames = take_view(part, 0, SPEC)
        alone = predictor.answer(one_by_one(frames.contiguous()), tuple(indices.tolist()))
        assert torch.equal(moment.answer.probabilities, alone.probabilities)


def test_a_short_video_is_one_window_and_the_whole_clip(desk, predictor):
    over = OverTime(predictor, desk / "b.mp4", window_seconds=5, stride_seconds=1)
    (moment,) = over
    whole = predictor(desk / "b.mp4")
    assert (moment.start, moment.end) == (0, pytest.approx(3))
    assert moment.answer.frames == whole.frames
    assert torch.equal(moment.answer.probabilities, whole.probabilities)


def test_essences_behind_the_window_are_forgotten(desk, predictor, monkeypatch):
    kept = []
    answer = predictor.answer

    def seen(essences, frames):
        kept.append(frames)
        return answer(essences, frames)

    monkeypatch.setattr(predictor, "answer", seen)
    running = iter(OverTime(predictor, desk / "long.mp4", window_seconds=0.2, stride_seconds=0.1))
    for _ in range(20):
        next(running)
    known = running.gi_frame.f_locals["known"]
    assert min(known) >= min(kept[-1])


def moment(start, label, probability=0.6, unlike=False):
    rest = (1 - probability) / 2
    scores = [probability if name == label else rest for name in "abc"]
    answer = Answer(tuple("abc"), torch.tensor(scores), (0,), unlike=unlike)
    return Moment(start, start + 2, answer)


def test_stretches_join_windows_of_one_answer_and_meet_half_way():
    moments = [moment(0, "a", 0.5), moment(1, "a", 0.7), moment(2, "b"), moment(3, "b", 0.6, True)]
    found = stretches(moments)
    assert [(s.start, s.end, s.label, s.unlike) for s in found] == [
        (0, 2.5, "a", False), (2.5, 3.5, "b", False), (3.5, 5, "b", True)
    ]  # fmt: skip
    assert [s.probability for s in found] == pytest.approx([0.6, 0.6, 0.6])
    assert stretches([]) == []


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_tells_stretches_and_writes_windows(desk, predict, predictor, tmp_path):
    table, content, figure = (tmp_path / name for name in ("t.csv", "t.json", "t.png"))
    files = ("--csv", table, "--json", content, "--plot", figure)
    text, _ = predict(desk / "long.mp4", "--window", 1, "--stride", 0.3, *files)
    moments = list(OverTime(predictor, desk / "long.mp4", **HOW))
    expected = [
        f"  {s.start:.1f}-{s.end:.1f} s  {s.label}  {s.probability:.2f}" for s in stretches(moments)
    ]
    assert text.splitlines() == [str(desk / "long.mp4"), *expected, f"{figure} written"]
    rows, told = rows_of(table), json.loads(content.read_text("utf-8"))
    assert list(rows[0])[:5] == ["path", "start", "end", "label", "probability"]
    (entry,) = told["videos"]
    assert (told["window_seconds"], told["stride_seconds"], entry["seconds"]) == (1, 0.3, 3)
    for row, window, known in zip(rows, entry["windows"], moments, strict=True):
        assert (float(row["start"]), float(row["end"])) == (known.start, known.end)
        assert row["label"] == window["label"] == known.answer.label
        assert list(window["probabilities"].values()) == known.answer.probabilities.tolist()
        for name, probability in window["probabilities"].items():
            assert float(row[f"p({name})"]) == pytest.approx(probability, abs=1e-6)
    assert len(entry["stretches"]) == len(expected)
    with Image.open(figure) as drawn:
        assert drawn.width > 600


def test_segments_are_those_of_the_same_answers(desk, predict, predictor, tmp_path):
    content, path = tmp_path / "t.json", desk / "long.mp4"
    how = ("--window", 1, "--stride", 0.3, "--segments", 0, "--json", content)
    text, _ = predict(path, *how)
    moments = list(OverTime(predictor, path, **HOW))
    chances = torch.stack([m.answer.probabilities for m in moments]).double().numpy()
    found = sorted(localise([(m.start, m.end) for m in moments], chances))
    (entry,) = json.loads(content.read_text("utf-8"))["videos"]
    assert [(e["start"], e["end"], e["score"]) for e in entry["segments"]] == [
        (f.start, f.end, f.score) for f in found
    ]
    assert len(found) > 2 and len(entry["windows"]) == len(moments)
    lines = [f"  {f.start:.1f}-{f.end:.1f} s  {['run', 'sit', 'wave'][f.label]}" for f in found]
    told = text.splitlines()
    assert [line.rpartition("  ")[0] for line in told[1:]] == lines


def test_where_nothing_of_the_kind_is_shown_there_is_no_segment():
    """And no segment is reported that is less sure than was asked for."""
    answers = ["b"] * 4 + ["a"] * 4 + ["c"] * 4
    moments = [moment(k, name, 0.9, unlike=name == "c") for k, name in enumerate(answers)]
    found = [(e["start"], e["end"], e["label"]) for e in _segments(moments, 0.5)]
    assert found == [(0, 4.5, "b"), (4.5, 8.5, "a")]
    assert _segments(moments, 0.95) == []
    assert _segments([], 0.5) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_video_costs_itself(desk, predict, predictor, tmp_path, workers):
    """And a process of its own reads of the others what this one does."""
    odd, content, table = tmp_path / "no.mp4", tmp_path / "t.json", tmp_path / "t.csv"
    odd.write_text("no video")
    asked = (odd, desk / "long.mp4", tmp_path / "none.mp4")
    how = ("--window", 2, "--json", content, "--csv", table, "--workers", workers)
    text, error = predict(*asked, *how, code=1)
    videos = json.loads(content.read_text())["videos"]
    assert ["error" in entry for entry in videos] == [True, False, True]
    here = OverTime(predictor, desk / "long.mp4", window_seconds=2, stride_seconds=0.5)
    for known, window in zip(here, videos[1]["windows"], strict=True):
        assert list(window["probabilities"].values()) == known.answer.probabilities.tolist()
    assert [bool(row["error"]) for row in rows_of(table)] == [True, False, False, False, True]
    assert videos[0]["error"] in error
    assert str(desk / "long.mp4") in text


def test_what_failed_on_the_way_keeps_what_is_known(desk, predict, tmp_path, monkeypatch):
    def breaks(path, pieces, **options):
        yield from _first_of(read_on(path, pieces, **options))
        raise VideoError(f"{path}: is broken")

    monkeypatch.setattr("quest82.frames.streams.read_on", breaks)
    content = tmp_path / "t.json"
    how = ("--window", 0.2, "--stride", 0.04, "--json", content)
    _, error = predict(desk / "long.mp4", *how, code=1)
    (entry,) = json.loads(content.read_text())["videos"]
    assert "is broken" in error and "is broken" in entry["error"]
    assert len(entry["windows"]) > 5 and entry["stretches"]


def _first_of(iterator):
    yield next(iterator)


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--stride", 1), "--stride needs --window"),
     (("--segments", 0.3), "--segments needs --window"),
     (("--plot", "p.png"), "--plot needs --window or --explain"),
     (("--window", 1, "--explain"), "--explain is for whole clips"),
     (("--window", 1, "--plot", "p.txt"), "must end in one of .png"),
     (("--window", 1, "--plot", "no/p.png"), "cannot be written")],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(desk, predict, options, said):
    _, error = predict(desk / "long.mp4", *options, code=2)
    assert said in error


def test_a_figure_is_of_one_video(desk, predict, tmp_path):
    how = ("--window", 1, "--plot", tmp_path / "p.png")
    _, error = predict(desk / "long.mp4", desk / "b.mp4", *how, code=2)
    assert "shows one video, not 2" in error


def test_the_figure_shows_lines_and_a_band():
    windows = [(0, 2), (1, 3), (2, 4)]
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    frames = {0.5: torch.zeros(3, 8, 8, dtype=torch.uint8)}
    axes = plots.over_time(windows, chances, "ab", frames, unlike=[False, False, True])
    for line, expected in zip(axes.lines, chances.T, strict=True):
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert line.get_ydata().tolist() == expected.tolist()
    thumbnail, _, band = axes.figure.axes
    assert thumbnail.images
    drawn = [
        path.get_extents().intervalx.tolist() for c in band.collections for path in c.get_paths()
    ]
    assert drawn == [[0, 1.5], [1.5, 2.5]]
    plt.close("all")
