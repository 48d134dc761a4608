from dataclasses import replace

import pytest
import torch
from conftest import moving_square

from quest82 import video
from quest82.data.clips import from_folder
from quest82.essences import extract
from quest82.frames.frame_set import FrameSet
from quest82.frames.transforms import ClipTransform
from quest82.frames.view import ViewSpec, frames_of_view
from quest82.video import VideoError

SPEC = ViewSpec(num_frames=3, size=32, seed=5, num_views=100)


@pytest.fixture
def clips(write_clip, tmp_path):
    for label in ("b", "A"):
        for number in range(4):
            write_clip(f"clips/{label}/{number}.mp4", shade=100 + 30 * number, num_frames=9)
    return from_folder(tmp_path / "clips", groups=r"\d")


def test_a_batch_holds_the_frames_of_the_views(clips):
    data = FrameSet.of(clips, SPEC, num_workers=0)
    rows, views = torch.tensor([6, 1]), torch.tensor([0, 7])
    frames = data.batch(rows, views)
    assert frames.shape == (2, 3, 3, 32, 32)
    assert torch.equal(frames[0], frames_of_view(clips[6], 0, SPEC))
    assert torch.equal(frames[1], frames_of_view(clips[1], 7, SPEC))
    assert torch.equal(data.batch(rows)[1], frames_of_view(clips[1], 0, SPEC))


def test_a_frozen_extractor_makes_of_it_what_a_store_holds(clips, extractor, tmp_path):
    two_views = replace(SPEC, num_views=2)
    stored = extract(clips, extractor, tmp_path / "store", two_views, num_workers=0, progress=False)
    data = FrameSet.of(clips, two_views, num_workers=0)
    for name in ("groups", "clip_ids", "classes", "num_frames", "num_views", "has_views"):
        assert getattr(data, name) == getattr(stored, name)
    assert torch.equal(data.labels, stored.labels)
    rows = torch.arange(len(clips))
    for view in (rows * 0, rows % 2):
        made = extractor(data.batch(rows, view))
        torch.testing.assert_close(made, stored.batch(rows, view).float(), atol=1e-3, rtol=1e-3)
    halves = zip(data.split(0.5, seed=3), stored.split(0.5, seed=3), strict=True)
    assert all(frames.clip_ids == essences.clip_ids for frames, essences in halves)


def test_a_part_keeps_the_settings_and_the_classes(clips):
    data = FrameSet.of(clips, replace(SPEC, num_views=4), num_workers=0)
    part = data.subset([5, 7])
    assert part.clip_ids == (clips[5].id, clips[7].id)
    assert part.classes == ("A", "b")
    assert part.labels.tolist() == [1, 1]
    row, view = torch.tensor([1]), torch.tensor([3])
    assert part.num_views == 4
    assert torch.equal(part.batch(row, view)[0], frames_of_view(clips[7], 3, SPEC))


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_clip_that_cannot_be_read_is_named(clips, num_workers):
    clips[2].path.write_bytes(b"no video")
    data = FrameSet.of(clips, SPEC, num_workers=num_workers)
    with pytest.raises(VideoError, match=r"A/2\.mp4.*leave it out"):
        data.batch(torch.arange(4))


def test_bad_settings_are_refused(clips):
    with pytest.raises(ValueError, match=r"b/0\.mp4: its class 'b'"):
        FrameSet.of(clips, classes=["A", "c"])
    with pytest.raises(ValueError, match="clip_ids must differ"):
        FrameSet.of(clips * 2)
    with pytest.raises(ValueError, match=r"num_workers \(-1\)"):
        FrameSet.of(clips, num_workers=-1)


def test_a_variable_frame_rate_is_cut_by_time_unless_count_is_asked_for(tmp_path):
    """Twelve frames in half a second, then four in two: the store and the set take the same."""
    path, times = tmp_path / "a" / "phone.mp4", [k / 24 for k in range(12)] + [0.5, 1, 1.5, 2]
    path.parent.mkdir()
    video.write_video(path, moving_square(16), fps=24, times=times)
    (clip,) = from_folder(tmp_path)
    taken = {}
    for by, indices in (("time", [7, 12, 14, 15]), ("count", [2, 6, 10, 14])):
        data = FrameSet.of([clip], ViewSpec(num_frames=4, size=32, by=by), num_workers=0)
        taken[by] = data.batch(torch.tensor([0]))[0]
        expected = ClipTransform(32)(video.read_frames(path, indices))
        assert torch.equal(taken[by], expected)
    assert not torch.equal(taken["time"], taken["count"])
