"""Descriptors made by hand: laws of what they see and do not see, and plain loops."""

import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import Wedge

from quest82 import plots
from quest82.data import motions
from quest82.experiments.directions import direction_hits
from quest82.frames.descriptors.histograms import (
    gradients,
    hof,
    hog,
    hog_blocks,
    in_cells,
    mbh,
    votes,
)
from quest82.frames.descriptors.motion_history import (
    changed,
    hu_moments,
    motion_energy,
    motion_history,
)
from quest82.frames.descriptors.trajectories import (
    Tracking,
    dense_points,
    dense_trajectories,
    sample,
    shapes,
    track,
)
from quest82.frames.descriptors.whole import WHOLE, describe, history_gradients
from quest82.frames.descriptors.words import Words
from quest82.frames.flow import flow_of, grey
from quest82.learning.svm import fit_svm, margins_of


def moving_bar(num_frames=6, size=12, width=2):
    """White on black, one column further to the right in each frame."""
    frames = torch.zeros(num_frames, 3, size, size, dtype=torch.uint8)
    for t in range(num_frames):
        frames[t, :, :, t + 1 : t + 1 + width] = 255
    return frames


def a_clip(kind="across", size=24, **options):
    (scene,) = motions.scenes(1, kinds=[kind], **options)
    return torch.from_numpy(motions.render(scene, size))


class TestMotionHistory:
    def test_a_moving_bar_leaves_a_ramp(self):
        """Column x changes last when the bar's back leaves it, or its front comes to it."""
        found = motion_history(moving_bar(), duration=10)
        row = [0, 0.6, 0.7, 0.8, 0.9, 1.0, 0, 1.0, 0, 0, 0, 0]
        row[6] = 0.9  # the front came there in the last step but one
        row[7] = 1.0
        assert found[0].tolist() == pytest.approx(row)
        assert (found == found[0]).all()

    @pytest.mark.parametrize("duration", [1, 3, 7, 20])
    def test_it_is_what_a_plain_loop_makes(self, duration):
        frames = a_clip("turn")
        values = grey(frames).numpy()
        found = np.zeros(values.shape[1:])
        for y, x in np.ndindex(*found.shape):
            for t in range(1, len(values)):
                if abs(values[t, y, x] - values[t - 1, y, x]) > 0.15:
                    found[y, x] = duration
                else:
                    found[y, x] = max(0, found[y, x] - 1)
        ours = motion_history(frames, duration=duration)
        assert torch.allclose(ours.double(), torch.from_numpy(found) / duration, atol=1e-6)

    def test_what_moved_later_is_brighter(self):
        frames = a_clip("across")
        moved, T = changed(frames), 7
        ages = torch.stack([(T - t) * now for t, now in enumerate(moved)])
        last = torch.where(ages > 0, ages, T + 1).min(dim=0).values  # steps since it last moved
        found = motion_history(frames)
        assert torch.equal(found > 0, last <= T)
        assert torch.allclose(found, (1 - (last - 1) / T).clamp(min=0), atol=1e-6)

    def test_energy_is_where_history_is_not_zero(self):
        frames = a_clip("hop")
        assert torch.equal(motion_energy(frames), (motion_history(frames) > 0).float())

    def test_energy_does_not_know_the_arrow_of_time_and_history_does(self):
        frames = a_clip("across")
        assert torch.equal(motion_energy(frames), motion_energy(frames.flip(0)))
        assert not torch.equal(motion_history(frames), motion_history(frames.flip(0)))

    def test_nothing_moves_in_a_still_clip(self):
        assert motion_energy(a_clip("across", still_clips=True)).sum() == 0

    def test_moments_are_opencvs(self):
        cv2 = pytest.importorskip("cv2")
        image = motion_history(a_clip("size"))
        expected = cv2.HuMoments(cv2.moments(image.double().numpy())).ravel()
        assert hu_moments(image).numpy() == pytest.approx(expected, rel=1e-9, abs=1e-15)

    def test_moments_know_no_turn_and_hardly_a_mirror(self):
        image = motion_history(a_clip("across"))
        own, mirrored = hu_moments(image), hu_moments(image.flip(1))
        assert torch.allclose(own, hu_moments(image.rot90()))
        assert torch.allclose(own[:6], mirrored[:6])
        assert torch.allclose(own[6], -mirrored[6])

    def test_errors(self):
        with pytest.raises(ValueError, match=r"frames \(1\)"):
            changed(moving_bar(1))
        with pytest.raises(ValueError, match=r"duration \(0\)"):
            motion_history(moving_bar(), duration=0)
        with pytest.raises(ValueError, match="above 0 somewhere"):
            hu_moments(torch.zeros(3, 3))


class TestHistograms:
    def test_gradients_of_a_slope(self):
        image = 3.0 * torch.arange(6)[:, None] + 2.0 * torch.arange(5)
        found = gradients(image)[:, 1:-1, 1:-1]
        assert (found[0] == 4).all()
        assert (found[1] == 6).all()

    def test_a_vote_is_shared_by_the_nearest_bins(self):
        """60 degrees lies between bins at 45 and 90: two thirds and one third."""
        angle = math.radians(60)
        vector = 2 * torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
        found = votes(vector.view(2, 1, 1), 8).flatten()
        assert found.tolist() == pytest.approx([0, 4 / 3, 2 / 3, 0, 0, 0, 0, 0])

    def test_all_of_the_length_is_voted(self):
        vectors = torch.randn(3, 2, 5, 4, generator=torch.Generator().manual_seed(0))
        for signed in (True, False):
            total = votes(vectors, 9, signed=signed).sum(dim=1)
            assert torch.allclose(total, vectors.norm(dim=1), atol=1e-6)

    def test_edges_have_no_sides(self):
        vectors = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
        both = [votes(v, 9, signed=False) for v in (vectors, -vectors)]
        assert torch.allclose(*both, atol=1e-5)

    def test_hog_in_blocks_is_a_plain_loop(self):
        image = 255 * grey(a_clip("turn", size=28))[0].double()
        found = hog_blocks(image, cell=8)
        assert found.shape == (2, 2, 2, 2, 9)
        for row, column in np.ndindex(2, 2):
            expected = loop_block(image.numpy(), 8 * row, 8 * column)
            assert found[row, column].numpy() == pytest.approx(expected, abs=1e-9)

    def test_hog_knows_neither_the_light_nor_the_order(self):
        frames = a_clip("across")
        darker = (frames // 2).clamp(1)
        assert torch.allclose(hog(frames // 2 * 2), hog(darker), atol=0.02)
        assert torch.allclose(hog(frames), hog(frames.flip(0)), atol=1e-6)

    def test_a_reversed_flow_turns_hof_by_half_a_circle(self):
        """Minus at the same pixel, in opposite order: bins by half, cells of time backwards."""
        flow = flow_of(a_clip("turn"), "lucas_kanade")
        there = hof(flow, grid=(7, 2, 2)).view(9, 7, 2, 2)
        back = hof(-flow.flip(0), grid=(7, 2, 2)).view(9, 7, 2, 2).flip(1)
        assert torch.allclose(back[:8], there[:8].roll(4, dims=0), atol=1e-5)
        assert torch.allclose(back[8], there[8], atol=1e-5)

    def test_boundaries_do_not_see_a_camera_that_pans(self):
        flow = flow_of(a_clip("across"), "lucas_kanade").double()
        panned = flow + torch.tensor([3.0, -1.5])[:, None, None]
        assert torch.allclose(mbh(flow), mbh(panned), atol=1e-9)
        assert not torch.allclose(hof(flow), hof(panned), atol=0.1)

    def test_cells_are_sums_of_votes(self):
        found = torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))
        sums = found.view(2, 2, 3, 3, 2, 2, 3).sum(dim=(1, 4, 6)).transpose(0, 1)
        expected = sums.flatten() / sums.norm()
        assert torch.allclose(in_cells(found, (2, 3, 2)), expected, atol=1e-6)

    def test_a_blank_image_has_no_direction(self):
        assert (hog(torch.zeros(2, 3, 8, 8, dtype=torch.uint8)) == 0).all()
        with pytest.raises(ValueError, match="at least 2 cells"):
            hog_blocks(torch.zeros(9, 20), cell=8)


def loop_block(image, top, left, cell=8, bins=9):
    """One block of HOG, pixel by pixel: (2, 2, bins)."""
    found = np.zeros((2, 2, bins))
    padded = np.pad(image, 1, mode="reflect")
    for i, j in np.ndindex(2 * cell, 2 * cell):
        y, x = top + i + 1, left + j + 1
        right = padded[y, x + 1] - padded[y, x - 1]
        down = padded[y + 1, x] - padded[y - 1, x]
        place = math.degrees(math.atan2(down, right)) % 180 / 20 - 0.5
        bell = math.exp(-((i - cell) ** 2 + (j - cell) ** 2) / (2 * (cell / 2) ** 2))
        for a, b in np.ndindex(2, 2):
            near_y = max(0, 1 - abs((i + 0.5) / cell - 0.5 - a))
            near_x = max(0, 1 - abs((j + 0.5) / cell - 0.5 - b))
            weight = math.hypot(right, down) * bell * near_y * near_x
            k = math.floor(place)
            found[a, b, k % bins] += weight * (k + 1 - place)
            found[a, b, (k + 1) % bins] += weight * (place - k)
    found = np.minimum(found / (np.sqrt((found**2).sum()) + 0.1 * found.size), 0.2)
    return found / (np.sqrt((found**2).sum()) + 1e-3)


class TestTrajectories:
    def test_points_are_followed_by_a_constant_flow(self):
        flow = torch.tensor([1.5, -0.5])[None, :, None, None].expand(4, 2, 9, 9)
        points = torch.tensor([[4.0, 4.0], [1.0, 7.5]])
        steps = torch.arange(5)[:, None] * torch.tensor([1.5, -0.5])
        assert torch.allclose(track(flow, points), points[:, None] + steps, atol=1e-5)

    def test_a_stray_pixel_leads_no_point_astray(self):
        flow = torch.zeros(1, 2, 7, 7)
        flow[:, :, 3, 3] = 9.0
        assert torch.equal(
            track(flow, torch.tensor([[3.0, 3.0]]))[:, 1], torch.tensor([[3.0, 3.0]])
        )

    def test_values_between_pixels(self):
        maps = 2.0 * torch.arange(5)[:, None] + 3.0 * torch.arange(6) + torch.zeros(1, 5, 6)
        points = torch.tensor([[2.25, 1.5], [0.0, 4.0], [-3.0, 0.0]])
        assert sample(maps, points).flatten().tolist() == pytest.approx([9.75, 8.0, 0.0])

    def test_a_shape_knows_no_length_and_turns_with_the_way(self):
        tracks = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0)).cumsum(dim=1)
        assert torch.allclose(shapes(tracks), shapes(7 * tracks + 2), atol=1e-5)
        assert torch.allclose(
            shapes(tracks.flip(1)).view(3, 4, 2).flip(1).flatten(1), -shapes(tracks)
        )

    def test_points_keep_to_texture(self):
        image = torch.zeros(16, 16)
        image[8:, 8:] = 1.0
        points = dense_points(image, step=2, quality=0.01)
        assert len(points) > 0
        assert ((points - 7.5).abs() < 3).all()

    @pytest.mark.parametrize("kind", ["across", "turn"])
    def test_they_follow_the_exact_flow_of_a_scene(self, kind):
        """The way of a point is that of the texture under it."""
        (scene,) = motions.scenes(1, kinds=[kind], seed=2)
        scene = replace(scene, noise=0.0)
        frames = torch.from_numpy(motions.render(scene, 32))
        flow = torch.from_numpy(motions.flow_of(scene, 32).flow)
        found = dense_trajectories(frames, flow)
        assert set(found) == {"tracks", "starts", "shape", "hog", "hof", "mbh"}
        assert len({len(values) for values in found.values()}) == 1
        tracks = found["tracks"]
        assert len(tracks) > 5
        images = frames.float() / 255
        inside = ((tracks > 4) & (tracks < 27)).all(dim=2).all(dim=1)
        for t in range(2):
            before, after = (sample(images[t + k], tracks[:, t + k]) for k in (0, 1))
            change = (after - before).abs().mean(dim=1)[inside & (found["starts"] == 0)]
            assert change.median() < 0.06

    def test_the_whole_clip_and_no_more_is_used(self):
        frames, flow = a_clip("across"), flow_of(a_clip("across"), "lucas_kanade")
        spec = Tracking(steps=3, least_way=0.0)
        assert set(dense_trajectories(frames, flow, spec)["starts"].tolist()) == {0, 3}
        with pytest.raises(ValueError, match=r"flow \(7 steps\)"):
            dense_trajectories(frames, flow, Tracking(steps=8))

    def test_a_still_clip_has_none(self):
        frames = a_clip("across", still_clips=True)
        found = dense_trajectories(frames, torch.zeros(7, 2, 24, 24))
        assert len(found["tracks"]) == 0
        assert found["mbh"].shape[0] == 0


class TestWords:
    def test_each_cloud_is_a_word(self):
        generator = torch.Generator().manual_seed(0)
        centres = 10 * torch.eye(3)
        clips = [c + 0.1 * torch.randn(20, 3, generator=generator) for c in centres]
        words = Words(3).fit(clips)
        found = words([*clips, torch.cat(clips[:2]), clips[0][:0]])
        assert torch.allclose((found[:3] @ found[:3].T).double(), torch.eye(3).double())
        assert torch.allclose(found[3].square(), (found[0] + found[1]) / 2)
        assert (found[4] == 0).all()

    def test_words_need_descriptors(self):
        with pytest.raises(ValueError, match=r"descriptors \(5\)"):
            Words(6).fit([torch.zeros(2, 3), torch.zeros(3, 3)])


def small_ground():
    clips = motions.clips(16, kinds=["across"], size=24).reversed_pairs(motions.REVERSED)
    train, test = clips.split(0.25)
    flows = [torch.stack([flow_of(x, "lucas_kanade") for x in s.tensors]) for s in (train, test)]
    return train, test, flows


def test_who_knows_the_arrow_of_time():
    """Energy and HOG are the same for both directions; history's slope, HOF and MBH are not."""
    train, test, flows = small_ground()
    hits = {}
    for name in WHOLE:
        features = [describe(s.tensors, f, name) for s, f in zip((train, test), flows, strict=True)]
        svm = fit_svm(features[0], train.labels)
        hits[name] = direction_hits(margins_of(svm, features[1]), test.labels).mean()
    assert hits["HOG, all frames"] == hits["motion energy"] == 0.5
    assert min(hits["slope of the history"], hits["HOF"]) > 0.9


def test_the_slope_of_history_points_where_the_bar_goes():
    frames = moving_bar(num_frames=8)
    for turns, clip in enumerate([frames, frames.transpose(2, 3), frames.flip(3)]):
        assert int(history_gradients(clip, bins=4).argmax()) == turns


def test_describe_refuses_what_it_does_not_know():
    clips, flows = torch.zeros(2, 3, 3, 8, 8, dtype=torch.uint8), torch.zeros(2, 2, 2, 8, 8)
    assert describe(clips, flows, "HOF").shape == (2, 432)
    with pytest.raises(ValueError, match=r"name \('SIFT'\)"):
        describe(clips, flows, "SIFT")
    with pytest.raises(ValueError, match=r"flows \(1\)"):
        describe(clips, flows[:1], "HOF")


def test_roses_and_ways_are_drawn():
    """One petal for each direction that somebody voted for; one way for each track."""
    votes = torch.tensor([1.0, 0, 0, 0, 0.5, 0, 0, 0])
    axes = plots.roses(torch.zeros(8, 12), (4, 0, 4), {"a": votes, "b": votes[:4]}, unsigned="b")
    assert axes.patches[0].get_bbox().bounds == (4, 0, 4, 4)
    signed, unsigned = ([p for p in axis.patches if isinstance(p, Wedge)]
                        for axis in axes.figure.axes[1:])  # fmt: skip
    assert [(p.r, (p.theta1 + p.theta2) / 2) for p in signed] == [(1, 0), (0.5, 180)]
    assert [(p.theta1 + p.theta2) / 2 for p in unsigned] == [22.5, 202.5]
    tracks = torch.rand(5, 4, 2)
    axes = plots.ways({"a": (torch.zeros(3, 9, 9, dtype=torch.uint8), tracks)})
    assert len(axes.collections[0].get_segments()) == 5
    plt.close("all")
