import numpy as np
import pytest
import torch

from quest82.data import motions
from quest82.data.motions import KINDS, REVERSED
from quest82.data.motions.kinds import LARGEST, SMALLEST, still


def paths(kind, number=400, num_frames=8):
    draw = np.random.default_rng(0)
    return [KINDS[kind].path(num_frames, draw) for _ in range(number)]


def scene_of(kind, seed=0, **options):
    (scene,) = motions.scenes(1, kinds=[kind], seed=seed, **options)
    return scene


def test_clips_are_pixels_with_groups_of_one_object():
    clips = motions.clips(3, num_frames=5, size=16)
    assert clips.tensors.shape == (18, 5, 3, 16, 16)
    assert clips.tensors.dtype == torch.uint8
    assert clips.classes == tuple(REVERSED)
    assert clips.clip_ids[1] == "upright-0000"
    assert {g: clips.groups.count(g) for g in clips.groups} == {
        f"object {n:04d}": 6 for n in range(3)
    }


def test_a_clip_depends_on_its_seed_kind_and_object_alone():
    few, many = motions.clips(2, kinds=["turn"], size=8), motions.clips(4, size=8)
    same = many.clip_ids.index("turn-0001")
    assert torch.equal(few.tensors[1], many.tensors[same])
    assert not torch.equal(motions.clips(2, kinds=["turn"], size=8, seed=1).tensors, few.tensors)


def test_a_clip_and_its_reverse_share_their_frames():
    clips = motions.clips(2, size=8)
    both = clips.reversed_pairs(REVERSED)
    assert both.classes[:2] == ("right", "left")
    assert torch.equal(both.tensors[1::2].flip(1), both.tensors[0::2])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_frames", [3, 8, 16])
class TestEveryKind:
    def test_paths_are_in_bounds(self, kind, num_frames):
        for path in paths(kind, 50, num_frames):
            assert len(path.centre) == len(path.size) == len(path.angle) == num_frames
            assert len(path.jumps) == num_frames - 1
            assert ((path.centre >= 0) & (path.centre < 1)).all()
            assert (path.size >= SMALLEST - 1e-9).all()
            assert (path.size <= LARGEST + 1e-9).all()

    def test_no_frame_tells_how_early_it_is(self, kind, num_frames):
        """Moments of what a frame shows are those of a shape at rest, in every frame."""
        found = paths(kind, 1500, num_frames)
        shown = np.stack([p.shape for p in found]) >= 0
        for values in (
            np.stack([p.centre for p in found]).reshape(len(found), num_frames, 2),
            np.log(np.stack([p.size for p in found]) / SMALLEST)[..., None]
            / np.log(LARGEST / SMALLEST),
            np.stack([p.angle for p in found])[..., None] / (2 * np.pi) % 1,
        ):
            # Uniform on a circle of length 1: mean 1/2, standard error 0.29 / sqrt(1500).
            assert abs(values.mean(axis=0) - 0.5).max() < 0.035
            assert abs(values.std(axis=0) - 12**-0.5).max() < 0.025
        assert abs(shown.mean(axis=0) - shown.mean()).max() < 0.06


def test_two_frames_of_a_hop_do_not_tell_its_side():
    """From corner to corner, in all directions alike; three of them turn right, always."""
    way = np.stack([np.diff(p.centre, axis=0) for p in paths("hop", 2000)])
    way = (way + 0.5) % 1 - 0.5
    angle = np.arctan2(way[..., 1], way[..., 0])
    for t in range(way.shape[1]):
        assert abs(np.exp(1j * angle[:, t]).mean()) < 0.06
    turn = way[:, :-1, 0] * way[:, 1:, 1] - way[:, :-1, 1] * way[:, 1:, 0]
    assert (turn > 0).all()  # down is positive: clockwise


def test_a_visit_shows_three_shapes_in_their_order_on_a_circle():
    for path in paths("visit", 50):
        seen = [s for s in path.shape if s >= 0]
        assert sorted(seen) == [0, 1, 2]
        assert [(b - a) % 3 for a, b in zip(seen, seen[1:], strict=False)] == [1, 1]


@pytest.mark.parametrize(
    ("kind", "sign"), [("across", (1, 0)), ("upright", (0, -1))], ids=["right", "up"]
)
def test_moves_go_where_their_names_say(kind, sign):
    scene = scene_of(kind)
    flow = motions.flow_of(scene, 32).flow
    moved = flow[0][:, np.abs(flow[0]).sum(axis=0) > 0].mean(axis=1)
    assert 1.6 <= moved @ np.array(sign) <= 3.2
    assert abs(moved @ np.array(sign)[::-1]) < 1e-6


def test_turning_right_is_clockwise_and_growing_is_outwards():
    for kind in ("turn", "size"):
        path = scene_of(kind, seed=3).path
        t = int(np.flatnonzero(~path.jumps)[0])
        flow = motions.flow_of(scene_of(kind, seed=3), 64).flow[t]
        down, right = np.nonzero(np.abs(flow).sum(axis=0) > 0)
        away = np.stack([right, down]) + 0.5 - 64 * path.centre[t][:, None]
        away = (away + 32) % 64 - 32
        there = flow[:, down, right]
        radial, around = (away * there).sum(), (away[0] * there[1] - away[1] * there[0]).sum()
        assert (around if kind == "turn" else radial) > 0
        assert abs(radial if kind == "turn" else around) < 0.2 * abs(
            around if kind == "turn" else radial
        )


@pytest.mark.parametrize("kind", ["across", "upright", "size", "turn", "hop"])
def test_the_flow_leads_to_the_same_texture(kind):
    """What is at p in one frame is at p + flow in the next: sampled there, it has its colour."""
    scene = scene_of(kind, seed=2)
    object.__setattr__(scene, "noise", 0.0)
    size = 64
    frames, (flow, known) = motions.render(scene, size) / 255, motions.flow_of(scene, size)
    right, down = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    for t in range(len(flow)):
        moving = known[t] & (np.abs(flow[t]).sum(axis=0) > 0)
        if moving.sum() < 30:
            continue
        x, y = right[moving] + flow[t, 0][moving] - 0.5, down[moving] + flow[t, 1][moving] - 0.5
        errors = np.abs(_bilinear(frames[t + 1], x, y) - frames[t][:, moving])
        unmoved = np.abs(frames[t + 1][:, moving] - frames[t][:, moving])
        assert np.median(errors) < 0.01
        assert np.median(errors) < 0.3 * np.median(unmoved)


def _bilinear(frame, x, y):
    x, y = x.clip(0, frame.shape[2] - 1.001), y.clip(0, frame.shape[1] - 1.001)
    i, j = x.astype(int), y.astype(int)
    a, b = x - i, y - j
    return (
        frame[:, j, i] * (1 - a) * (1 - b)
        + frame[:, j, i + 1] * a * (1 - b)
        + frame[:, j + 1, i] * (1 - a) * b
        + frame[:, j + 1, i + 1] * a * b
    )


def test_the_ground_is_at_rest_and_what_jumps_has_no_flow():
    scene = scene_of("visit")
    flow, known = motions.flow_of(scene, 32)
    assert not flow.any()
    assert not known.all()


def test_still_clips_differ_from_frame_to_frame_by_noise_alone():
    clips = motions.clips(2, size=16, still_clips=True).tensors.float()
    assert (clips[:, 1:] != clips[:, :-1]).any()
    assert (clips[:, 1:] - clips[:, :-1]).abs().mean() < 0.06 * 255
    assert still(8, np.random.default_rng(0)).centre.std(axis=0).max() == 0


def test_bad_wishes_are_refused():
    with pytest.raises(ValueError, match=r"kinds \('flies'\) must be among across"):
        motions.clips(2, kinds=["flies"])
    with pytest.raises(ValueError, match="num_objects"):
        motions.clips(0)
    with pytest.raises(ValueError, match=r"num_frames \(2\)"):
        motions.clips(1, num_frames=2)
    with pytest.raises(ValueError, match=r"size \(4\)"):
        motions.clips(1, size=4)
