"""Clips that are parts of a longer video: which frames they have, and how a store keeps them."""

import json
from dataclasses import replace

import pytest
import torch
from conftest import contents, moving_square
from hypothesis import given
from hypothesis import strategies as st

from quest82 import video
from quest82.data.clips import Clip
from quest82.essences import EssenceSet, extract
from quest82.frames import spans
from quest82.frames.view import ViewSpec, take_view
from quest82.frames.workers import Workers

SPEC = ViewSpec(num_frames=4, size=32)
HOW = {"engine": "plain", "num_workers": 0, "progress": False}
INSTANTS = st.floats(0, 4, allow_nan=False)


@pytest.fixture
def whole(tmp_path):
    """100 frames in 4 seconds, of which no two are alike."""
    path = tmp_path / "long.mp4"
    video.write_video(path, moving_square(100, size=128), fps=25)
    return Clip("long.mp4", "a", "g", path)


def frames_of(clip):
    span = spans.span_of(clip)
    return list(range(span.first, span.first + span.num_frames))


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [(None, None, 0, 99), (1.0, 2.0, 25, 49), (None, 1.0, 0, 24), (3.0, None, 75, 99),
     (1.0, 1.01, 25, 25), (1.01, 1.02, 25, 25), (1.01, 1.05, 26, 26), (3.99, 4.9, 99, 99)],
)  # fmt: skip
def test_a_part_has_the_frames_that_are_first_shown_in_it(whole, start, end, first, last):
    part = replace(whole, start=start, end=end)
    assert frames_of(part) == list(range(first, last + 1))
    indices, _ = take_view(part, 0, SPEC)
    assert indices.min() >= first
    assert indices.max() <= last


@given(cuts=st.lists(INSTANTS, max_size=4), gaps=st.lists(st.floats(0.04, 1), min_size=5))
def test_parts_that_meet_share_no_frame_and_together_have_all(cuts, gaps):
    times = torch.tensor([0.0, *gaps], dtype=torch.float64).cumsum(0)
    ends = sorted({0.0, *(c for c in cuts if c < times[-1]), float(times[-1])})
    clip, found = Clip("x", "", "", "x"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans.video, "frame_times", lambda path: times)
        for start, end in zip(ends, ends[1:], strict=False):
            begun = [k for k, t in enumerate(times[:-1].tolist()) if start <= t < end]
            got = frames_of(replace(clip, start=start, end=end))
            assert got == begun or (not begun and len(got) == 1)
            found += begun
    assert found == list(range(len(gaps)))


@pytest.mark.parametrize("by", ["time", "count"])
@pytest.mark.parametrize("view", [0, 1])
def test_a_part_is_what_cutting_the_video_gives(whole, tmp_path, by, view):
    """The frames of a part are those of a file that holds nothing else, whatever the view."""
    pixels = video.read_frames(whole.path, range(25, 65))
    cut = tmp_path / "cut.mp4"
    video.write_video(cut, pixels, fps=25, options={"qp": "0"})
    spec = replace(SPEC, by=by, num_views=2)
    part = replace(whole, id="part", start=1.0, end=2.6)
    indices, frames = take_view(part, view, spec)
    inside, alone = take_view(replace(whole, id="part", path=cut), view, spec)
    assert (indices - 25).tolist() == inside.tolist()
    assert (frames.int() - alone.int()).abs().float().mean() < 3


def test_workers_read_the_same_part(whole):
    part = replace(whole, start=1.0, end=2.0)
    with Workers(num_workers=1, time_limit_seconds=60) as there:
        ((indices, frames),) = there.take([part], SPEC)
        (views,) = there.read([(part, [0])], SPEC)
    expected, pixels = take_view(part, 0, SPEC)
    assert indices.tolist() == expected.tolist() == [28, 34, 40, 46]
    assert torch.equal(frames, pixels)
    assert torch.equal(views[0], pixels)


@pytest.mark.parametrize(
    ("start", "end", "what"),
    [(4.0, 5.0, "is 4.00 s long, but a part of it is to last from 4 to 5 s"),
     (1.0, 5.5, "from 1 to 5.5 s; correct start and end"),
     (2.0, 2.0, "begins at 2 s and ends at 2 s"),
     (-1.0, 2.0, "begins at -1 s")],
)  # fmt: skip
def test_a_part_that_the_file_does_not_have_is_refused(whole, start, end, what):
    with pytest.raises(video.VideoError, match=what):
        take_view(replace(whole, start=start, end=end), 0, SPEC)


def test_a_damaged_part_is_refused_and_not_guessed(whole, monkeypatch):
    def missing(*args, **options):
        raise video.MissingFrame("frame 30 is missing")

    monkeypatch.setattr(video, "read_frames", missing)
    with pytest.raises(video.MissingFrame):
        take_view(replace(whole, start=1.0, end=2.0), 0, SPEC)


def lines_of(store):
    return [json.loads(line) for line in (store / "clips.jsonl").read_text().splitlines()]


def test_another_part_is_another_clip(whole, extractor, tmp_path):
    """Under the same name and from the same file, even where the file is away."""
    parts = [
        replace(whole, id=f"{k}", start=float(k), end=k + 1.0, split="train") for k in range(3)
    ]
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    before = extract(parts, extractor, out, SPEC, **HOW)
    assert [(line["start"], line["end"], line["split"]) for line in lines_of(out)] == [
        (0.0, 1.0, "train"), (1.0, 2.0, "train"), (2.0, 3.0, "train")
    ]  # fmt: skip
    parts[1] = replace(parts[1], end=3.5)
    after = extract(parts, extractor, out, SPEC, **HOW)
    changed = [not torch.equal(a, b) for a, b in zip(before.essences, after.essences, strict=True)]
    assert changed == [False, True, False]
    extract(parts, extractor, fresh, SPEC, **HOW)
    assert contents(out) == contents(fresh)
    moved = whole.path.rename(tmp_path / "away.mp4")
    assert extract(parts, extractor, out, SPEC, **HOW).clip_ids == ("0", "1", "2")
    parts[0] = replace(parts[0], end=0.5)
    assert extract(parts, extractor, out, SPEC, **HOW).skipped[0][0] == "0"
    assert moved.exists()


def test_whole_files_are_written_as_ever(whole, extractor, tmp_path):
    extract([whole], extractor, tmp_path / "out", SPEC, **HOW)
    (line,) = lines_of(tmp_path / "out")
    assert list(line) == ["id", "label", "group", "digest", "checksum"]
    assert EssenceSet.load(tmp_path / "out").clip_ids == ("long.mp4",)
