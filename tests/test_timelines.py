"""Long videos drawn by formula: what happens when is what the frames show."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from quest82.data.segments import Segment, frame_labels
from quest82.data.timelines import FRAMES_PER_SECOND, timelines


@pytest.fixture(scope="module")
def plain():
    """Nothing trembles, so that what moves is an action."""
    return timelines(6, size=8, num_frames=120, tremble=0)


def test_every_frame_has_the_class_of_its_segment():
    known = [Segment(0.2, 0.5, 1), Segment(0.6, 0.8, 0)]
    labels = frame_labels(known, 10, frames_per_second=10, background=2)
    assert labels.tolist() == [2, 2, 1, 1, 1, 2, 0, 0, 2, 2]


def test_videos_have_frames_segments_and_a_group(plain):
    assert plain.frames.shape == (6, 120, 3, 8, 8)
    assert plain.frames.dtype == torch.uint8
    assert plain.classes == ("right", "left", "up", "down", "grow", "shrink", "rest")
    assert len(set(plain.groups)) == len(plain) == 6
    for segments in plain.segments:
        edges = [edge for segment in segments for edge in segment[:2]]
        assert edges == sorted(edges)
        assert all(0.8 - 1e-9 < b.end - b.start < 3.2 + 1e-9 for b in segments)
        assert all(
            b.start - a.end > 0.5 - 1e-9 for a, b in zip(segments, segments[1:], strict=False)
        )
        assert segments[0].start >= 0.5
        assert segments[-1].end <= 11.5


def test_a_frame_is_of_an_action_where_the_shape_has_moved(monkeypatch):
    """Without noise, a frame at rest is the one before it, and one of an action is not."""
    paths = []
    from quest82.data import timelines as room

    drawn = room.motions.render

    def kept(scene, size):
        paths.append(scene.path)
        return drawn(scene, size)

    monkeypatch.setattr(room.motions, "render", kept)
    videos = timelines(4, size=8, num_frames=120, tremble=0, kinds=("across", "size", "turn"))
    for path, labels in zip(paths, videos.labels, strict=True):
        steps = [abs(np.diff(values, axis=0)).reshape(119, -1).max(1) for values in
                 (path.centre, path.size, path.angle)]  # fmt: skip
        moved = np.max(steps, axis=0) > 1e-9
        assert (moved == (labels[1:] != videos.background).numpy()).all()
        grows = np.diff(path.size)[(labels[1:] == 2).numpy() & ~path.jumps]
        shrinks = np.diff(path.size)[(labels[1:] == 3).numpy() & ~path.jumps]
        assert (grows > 0).all() and (shrinks < 0).all()
        right = np.diff(path.centre[:, 0])[(labels[1:] == 0).numpy()] % 1
        assert ((right > 0.04) & (right < 0.11)).all()


def test_a_still_video_keeps_its_segments_and_shows_nothing(plain):
    still = timelines(6, size=8, num_frames=120, tremble=0, still_videos=True)
    assert still.segments == plain.segments
    noise = (still.frames.float() - still.frames[:, :1].float()).abs()
    assert noise.max() < 80
    assert (plain.frames.float() - plain.frames[:, :1].float()).abs().max() > noise.max()


def test_a_video_depends_on_its_seed_and_object_alone(plain):
    few = timelines(2, size=8, num_frames=120, tremble=0)
    assert torch.equal(few.frames, plain.frames[:2])
    assert few.segments == plain.segments[:2]
    other = timelines(2, size=8, num_frames=120, tremble=0, seed=1)
    assert other.segments != few.segments


def test_snippets_are_pieces_with_the_class_of_their_middle(plain):
    clips = plain.snippets(4, stride=3)
    per_video = (120 - 4) // 3 + 1
    assert clips.tensors.shape == (6 * per_video, 4, 3, 8, 8)
    row = per_video + 5  # of the second video
    assert clips.clip_ids[row] == "object 0001, frame 15"
    assert torch.equal(clips.tensors[row], plain.frames[1, 15:19])
    assert clips.labels[row] == plain.labels[1, 17]
    windows = plain.windows(4)
    assert len(windows) == 117
    assert windows[15] == (15 / FRAMES_PER_SECOND, 19 / FRAMES_PER_SECOND)


def test_parts_share_no_object(plain):
    first, last = plain.split(1 / 3)
    assert (len(first), len(last)) == (4, 2)
    assert not set(first.groups) & set(last.groups)
    assert last.segments == plain.segments[4:]
    with pytest.raises(ValueError, match="leave some in both"):
        plain.split(0.01)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"kinds": ("visit",)}, "keep the shape in view"),
     ({"num_frames": 59}, "at least 60"),
     ({"kinds": ("fly",)}, "kinds"),
     ({"num_objects": 0}, "num_objects")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        timelines(**{"num_objects": 1} | options)
