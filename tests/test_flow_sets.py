"""Exact flow of both directions, as sets."""

import numpy as np
import pytest
import torch

from quest82.data import motions
from quest82.data.motions import REVERSED
from quest82.data.two_way_set import TwoWaySet


def both(kind, size=32, num_objects=1):
    return motions.flows(num_objects, kinds=[kind], size=size).reversed_pairs(REVERSED)


def test_flow_belongs_to_the_clips_of_the_same_arguments():
    options = {"kinds": ["turn", "size"], "num_frames": 5, "size": 16, "seed": 3}
    pixels, flows = (make(3, **options) for make in (motions.clips, motions.flows))
    assert flows.tensors.shape == (6, 4, 2, 16, 16)
    assert flows.tensors.dtype == torch.float32
    pixels, flows = (data.reversed_pairs(REVERSED) for data in (pixels, flows))
    for name in ("clip_ids", "groups", "classes"):
        assert getattr(pixels, name) == getattr(flows, name)
    assert torch.equal(pixels.labels, flows.labels)


def test_a_scene_played_backwards_shows_its_frames_in_the_opposite_order():
    for scene in motions.scenes(1):
        object.__setattr__(scene, "noise", 0.0)
        frames = motions.render(scene, 16)
        assert np.array_equal(motions.render(scene.backwards, 16), frames[::-1])


@pytest.mark.parametrize("kind", ["across", "upright", "hop"])
def test_of_a_shift_the_reverse_goes_back_from_where_it_arrived(kind):
    """Here flow is one vector wherever the shape is: the vector turns, and so does the place."""
    there, back = both(kind, num_objects=3).tensors.split(1)[:2]
    for one, other in zip(there[0], back[0].flip(0), strict=True):
        moved = [f[:, f.abs().sum(dim=0) > 0] for f in (one, other)]
        torch.testing.assert_close(moved[0][:, 0], -moved[1][:, 0], atol=1e-4, rtol=0)
        assert (moved[0] - moved[0][:, :1]).abs().max() < 1e-4
    assert not torch.equal(back, -there.flip(1))


@pytest.mark.parametrize("kind", ["size", "turn"])
def test_there_and_back_again_ends_where_it_began(kind):
    """flow(p) + reversed flow(p + flow(p)) = 0, but for the nearest pixel to p + flow(p)."""
    there, back = both(kind, size=64).tensors
    rows, columns = np.meshgrid(np.arange(64), np.arange(64), indexing="ij")
    for one, other in zip(there.numpy(), back.flip(0).numpy(), strict=True):
        right, down = np.rint(columns + one[0]).astype(int), np.rint(rows + one[1]).astype(int)
        inside = (right >= 0) & (right < 64) & (down >= 0) & (down < 64)
        moving = inside & (np.abs(one).sum(axis=0) > 0)
        if not moving.any():
            continue
        round_trip = one[:, moving] + other[:, down[moving], right[moving]]
        unmoved = one[:, moving] + other[:, rows[moving], columns[moving]]
        error, flip = (np.hypot(*way).mean() for way in (round_trip, unmoved))
        assert error < 0.35
        assert kind == "size" or error < flip


def test_what_comes_and_goes_has_no_flow():
    assert not both("visit", num_objects=4).tensors.any()


def test_playing_twice_backwards_changes_nothing():
    flows = motions.flows(3, kinds=["turn", "size"], size=16)
    pairs = flows.reversed_pairs(REVERSED)
    assert torch.equal(pairs.tensors[1::2], flows.backwards().tensors)
    assert torch.equal(pairs.reverses[1::2], flows.tensors)
    assert torch.equal(flows.backwards().backwards().tensors, flows.tensors)
    train, test = pairs.split(1 / 3)
    assert isinstance(test, TwoWaySet)
    assert torch.equal(test.backwards().tensors[0::2], test.tensors[1::2])
    assert len(train) + len(test) == 12


def test_steps_alone_are_those_of_the_clip_and_of_its_reverse():
    flows = motions.flows(2, kinds=["turn"], size=16)
    taken = flows.frames(0, 1, -1)
    assert torch.equal(taken.tensors, flows.tensors[:, [0, 1, 6]])
    assert torch.equal(taken.backwards().tensors, flows.backwards().tensors[:, [0, 5, 6]])


def test_shuffled_flow_is_refused():
    flows = motions.flows(1, kinds=["turn"], size=16)
    for shuffle in (lambda: flows.shuffled(torch.Generator()), flows.middle_frame):
        with pytest.raises(ValueError, match="neighbour"):
            shuffle()
    with pytest.raises(ValueError, match="the shape of tensors"):
        TwoWaySet(tensors=flows.tensors, reverses=flows.tensors[:, 1:], **flows.names)


def test_frames_and_flow_in_one_tensor():
    options = {"kinds": ["turn", "across"], "size": 16}
    pixels, flows, clips = (
        make(2, **options).reversed_pairs(REVERSED)
        for make in (motions.clips, motions.flows, motions.with_flow)
    )
    assert clips.tensors.shape == (8, 8, 5, 16, 16)
    assert torch.equal(clips.tensors[:, :, :3], pixels.tensors.float() / 255)
    assert torch.equal(clips.tensors[:, :-1, 3:], flows.tensors)
    assert not clips.tensors[:, -1, 3:].any()


def test_painted_objects_say_half_in_a_frame_and_half_in_the_flow():
    both = motions.painted(6, size=16).reversed_pairs(motions.paint_names())
    assert both.classes[:4] == ("red right", "red left", "red up", "red down")
    assert both.labels.bincount().tolist() == [2] * 12
    frames, flows = motions.apart(both)
    assert frames.tensors.shape == (24, 8, 3, 16, 16)
    same = motions.flows(6, kinds=["across", "upright"], size=16).reversed_pairs(REVERSED)
    assert torch.equal(flows.tensors, same.tensors)  # whatever the colour
    assert torch.equal(frames.tensors.float() / 255, both.tensors[:, :, :3])
    moving = flows.tensors.abs().sum(dim=2, keepdim=True) > 0
    colours = (frames.tensors[:, :-1].long() * moving).sum(dim=(1, 3, 4))
    assert torch.equal(colours.argmax(dim=1), both.labels // 4)


def test_a_visitor_comes_once_and_stays_for_a_stretch_of_frames():
    clips = motions.one_visit(60, num_frames=12, stay=3, size=16)
    assert clips.tensors.shape == (60, 12, 3, 16, 16)
    assert clips.classes == ("red", "green", "blue") and clips.labels[:4].tolist() == [0, 1, 2, 0]
    frames = clips.tensors.float()
    away = (frames - frames.median(dim=1, keepdim=True).values).abs().amax(dim=(2, 3, 4)) > 60
    assert (away.sum(dim=1) == 3).all()
    begins = away.int().argmax(dim=1)
    assert all(row[b : b + 3].all() for row, b in zip(away, begins, strict=True))
    assert begins.min() == 0 and begins.max() == 9  # anywhere
    with pytest.raises(ValueError, match=r"stay \(13\)"):
        motions.one_visit(1, num_frames=12, stay=13)
