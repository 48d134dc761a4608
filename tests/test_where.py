"""Where and when: exact boxes, tubes strung together, and average precision, by hand and loop."""

import itertools
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from sklearn.metrics import precision_recall_curve

from quest82 import plots
from quest82.data import motions
from quest82.data.box_set import BoxSet
from quest82.data.motions import KINDS, REVERSED, SEEN_THROUGHOUT, SHAPES
from quest82.learning.detecting import detections, find_tubes, fit_detector, truths
from quest82.learning.precision import average_precision
from quest82.learning.tubes import (
    Tube,
    hits_at,
    mean_average_precision,
    tube_iou,
)
from quest82.systems.boxes import box_around, box_iou, link
from quest82.systems.moving_points import Guesses, MovingPoints, detection_loss, tubes_of

NAN = float("nan")


def outline(scene, size):
    """The scene in white on black, without noise: grey values (T, S, S) in [0, 1]."""
    flat = {"depth": 0.0}
    white = replace(scene.inside, colour=np.ones(3), **flat)
    black = replace(scene.ground, colour=np.zeros(3), **flat)
    return motions.render(replace(scene, inside=white, ground=black, noise=0.0), size)[:, 0] / 255


class TestBoxes:
    @pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
    @pytest.mark.parametrize("kind", ["across", "size", "turn"])
    def test_they_are_those_of_the_rendered_mask(self, kind, shape):
        """The mask's pixels lie in the box, and the box ends within 2 pixels of 96 of theirs."""
        (scene,) = motions.scenes(1, kinds=[kind], num_frames=4, seed=shape)
        path = replace(scene.path, shape=np.full(4, shape))
        scene = motions.in_view(replace(scene, path=path), scale=0.8)
        exact = torch.from_numpy(motions.boxes_of(scene, 96))
        drawn = box_around(torch.from_numpy(outline(scene, 96) > 0.5))
        inwards = torch.tensor([1, 1, -1, -1]) * (drawn - exact)
        assert inwards.min() > -0.5
        assert inwards.max() < 2.0

    def test_they_grow_with_the_frame(self):
        (scene,) = motions.scenes(1, kinds=["turn"])
        small, large = (motions.boxes_of(scene, size) for size in (16, 64))
        assert np.allclose(4 * small, large, atol=1e-5)

    def test_a_box_is_cut_off_at_the_edge(self):
        (scene,) = motions.scenes(1, kinds=["across"], still_clips=True)
        path = replace(scene.path, centre=0 * scene.path.centre + [0.02, 0.5])
        left, top, right, bottom = motions.boxes_of(replace(scene, path=path), 32)[0]
        assert left == 0
        assert 0 < top < bottom < 32
        assert 0 < right < 16

    def test_without_a_shape_there_is_no_box(self):
        (scene,) = motions.scenes(1, kinds=["visit"])
        missing = np.isnan(motions.boxes_of(scene)).all(axis=1)
        assert np.array_equal(missing, scene.path.shape < 0)
        assert missing.any()
        assert not missing.all()

    def test_a_disc_that_is_turned_keeps_its_box(self):
        (scene,) = motions.scenes(1, kinds=["turn"])
        path = replace(scene.path, shape=np.zeros(8, dtype=int))
        boxes = motions.boxes_of(replace(scene, path=path))
        assert np.allclose(boxes, boxes[0])


class TestInView:
    @pytest.mark.parametrize("kind", SEEN_THROUGHOUT)
    def test_nothing_is_wound_round_an_edge(self, kind):
        for scene in motions.scenes(20, kinds=[kind], seed=4):
            path, seen = scene.path, motions.in_view(scene).path
            reach = 1.2 * seen.size[:, None]
            assert (seen.centre - reach > -1e-9).all()
            assert (seen.centre + reach < 1 + 1e-9).all()
            way = (np.diff(path.centre, axis=0) + 0.5) % 1 - 0.5
            assert np.allclose(np.diff(seen.centre, axis=0), 0.5 * way)
            assert np.allclose(seen.size, 0.5 * path.size)

    def test_what_does_not_fit_is_refused(self):
        (scene,) = motions.scenes(1, kinds=["across"], num_frames=20)
        with pytest.raises(ValueError, match=r"scale \(1.0\)"):
            motions.in_view(scene, scale=1.0)

    def test_held_scenes_rest(self):
        (scene,) = motions.scenes(1, kinds=["across"])
        boxes = motions.boxes_of(motions.held(scene, 3))
        assert np.array_equal(boxes, np.repeat(motions.boxes_of(scene)[3:4], 8, axis=0))
        assert not motions.flow_of(motions.held(scene, 3)).flow.any()


class TestLocated:
    def test_one_shape_moves_and_one_rests(self):
        data = motions.located(2, kinds=["across"], size=24)
        assert data.tensors.shape == (2, 8, 3, 24, 24)
        assert data.boxes.shape == (2, 8, 4)
        assert (data.boxes.diff(dim=1).abs().amax(dim=(1, 2)) > 0.5).all()
        still = motions.located(2, kinds=["across"], size=24, still_clips=True)
        assert (still.boxes.diff(dim=1) == 0).all()
        change = (still.tensors.double().diff(dim=1) / 255).abs()
        assert change.mean() < 0.06  # noise of two frames, no motion

    def test_what_is_in_front_covers_what_is_behind(self):
        one, two = (motions.held(s, 0) for s in motions.scenes(2, kinds=["across"]))
        within = replace(one.path, size=0.3 * one.path.size)
        two = replace(two, path=within, inside=replace(two.inside, colour=np.zeros(3)))
        alone = motions.render(one)
        assert np.array_equal(motions.render(one, below=[two]), alone)
        covered = motions.render(one, above=[two])
        assert (covered <= alone).all()
        assert (covered < alone).any()

    def test_boxes_go_with_their_frames(self):
        data = motions.located(4, kinds=["across", "hop"], size=16)
        both = data.reversed_pairs(REVERSED)
        assert both.classes == ("right", "left", "hop right", "hop left")
        assert torch.equal(both.boxes[1::2], data.boxes.flip(1))
        assert torch.equal(data.backwards().boxes, data.boxes.flip(1))
        assert torch.equal(both.subset([3]).boxes, both.boxes[3:4])
        assert torch.equal(data.frames(0, -1).boxes, data.boxes[:, [0, 7]])
        numbered = replace(data, boxes=data.tensors.float().mean(dim=(2, 3))[..., :4])
        shuffled = numbered.shuffled(torch.Generator().manual_seed(0))
        assert not torch.equal(shuffled.tensors, data.tensors)
        assert torch.equal(shuffled.boxes, shuffled.tensors.float().mean(dim=(2, 3))[..., :4])

    def test_a_box_for_each_frame_or_an_error(self):
        data = motions.located(1, kinds=["across"], size=16)
        with pytest.raises(ValueError, match=r"boxes \(1, 7, 4\)"):
            replace(data, boxes=data.boxes[:, 1:])
        with pytest.raises(ValueError, match="boxes belong to their frames"):
            BoxSet.middle_frame(data)


class TestOverlap:
    def test_boxes_by_hand(self):
        box = torch.tensor([0.0, 0, 4, 2])
        others = torch.tensor([[0.0, 0, 4, 2], [2, 0, 6, 2], [4, 0, 8, 2], [1, 0.5, 3, 1.5]])
        assert box_iou(box, others).tolist() == pytest.approx([1, 1 / 3, 0, 1 / 4])

    def test_boxes_are_those_of_counted_pixels(self):
        generator = torch.Generator().manual_seed(0)
        low = torch.randint(0, 6, (30, 2), generator=generator)
        boxes = torch.cat([low, low + torch.randint(1, 6, low.shape, generator=generator)], dim=1)
        masks = torch.zeros(30, 12, 12, dtype=torch.bool)
        for mask, (left, top, right, bottom) in zip(masks, boxes.tolist(), strict=True):
            mask[top:bottom, left:right] = True
        shared = (masks[:15] & masks[15:]).sum(dim=(1, 2)) / (masks[:15] | masks[15:]).sum(
            dim=(1, 2)
        )
        assert torch.allclose(box_iou(boxes[:15].float(), boxes[15:].float()), shared)
        assert torch.equal(box_around(masks), boxes.float())
        assert box_around(masks[:1] & False).isnan().all()

    def test_tubes_by_hand(self):
        box, half = [0.0, 0, 4, 2], [0.0, 0, 2, 2]
        none = [NAN] * 4
        true = torch.tensor([box, box, none, none])
        for found, expected in (
            ([box, box, none, none], 1.0),
            ([half, box, none, none], 0.75),
            ([none, box, none, none], 0.5),  # one of two frames, and it is right
            ([none, half, box, none], 0.5 / 3),  # one frame in both, three in either
            ([none, none, box, box], 0.0),
            ([none] * 4, 0.0),
        ):
            assert float(tube_iou(torch.tensor(found), true)) == pytest.approx(expected)
            assert float(tube_iou(true, torch.tensor(found))) == pytest.approx(expected)


class TestPrecision:
    def test_by_hand(self):
        assert average_precision([3, 2, 1], [True, True, False], 2) == 1.0
        assert average_precision([3, 2, 1], [False, True, True], 2) == pytest.approx(2 / 3)
        assert average_precision([3, 2], [True, False], 4) == 0.25
        assert average_precision([], [], 3) == 0.0
        with pytest.raises(ValueError, match=r"num_true \(0\)"):
            average_precision([1.0], [True], 0)

    @pytest.mark.parametrize("seed", range(5))
    def test_it_is_the_area_under_scikit_learns_curve(self, seed):
        """Of which the precision is made non-increasing, as the standard has it."""
        draw = np.random.default_rng(seed)
        scores, hits = draw.permutation(20) / 20, draw.random(20) < 0.4
        precision, recall, _ = precision_recall_curve(hits, scores)
        envelope = np.maximum.accumulate(precision[:-1])  # from low thresholds to high ones
        area = (envelope * -np.diff(recall)).sum()
        num_true = int(hits.sum()) + 3  # three that nobody found
        expected = area * hits.sum() / num_true
        assert average_precision(scores, hits, num_true) == pytest.approx(expected)

    def test_a_true_tube_counts_once(self):
        tube = torch.tensor([[0.0, 0, 4, 2]])
        near = torch.tensor([[0.0, 0, 3, 2]])
        found = [Tube(0, 0, near, 0.9), Tube(0, 0, tube, 0.5), Tube(1, 0, tube, 0.8)]
        true = [Tube(0, 0, tube)]
        assert hits_at(found, true, 0.5).tolist() == [True, False, False]
        assert hits_at(found, true, 0.8).tolist() == [False, True, False]

    def test_the_mean_is_over_true_classes(self):
        tube = torch.tensor([[0.0, 0, 4, 2]])
        true = [Tube(0, 0, tube), Tube(1, 1, tube)]
        found = [Tube(0, 0, tube, 0.9), Tube(1, 0, tube, 0.8), Tube(1, 2, tube, 0.7)]
        assert mean_average_precision(found, true) == 0.5
        with pytest.raises(ValueError, match=r"true \(0\)"):
            mean_average_precision(found, [])

    @pytest.mark.parametrize("seed", range(3))
    def test_matching_is_a_plain_loop(self, seed):
        found, true = random_tubes(12, seed), random_tubes(6, seed + 10)
        taken, expected = set(), [False] * len(found)
        for i in sorted(range(len(found)), key=lambda i: -found[i].score):
            best, which = 0.0, None
            for j, tube in enumerate(true):
                if j not in taken and tube.clip == found[i].clip:
                    value = float(tube_iou(found[i].boxes, tube.boxes))
                    if value > best:
                        best, which = value, j
            if best >= 0.2:
                expected[i] = True
                taken.add(which)
        assert any(expected)
        assert hits_at(found, true, 0.2).tolist() == expected


def random_tubes(number, seed):
    """Tubes of 3 frames in two clips, of one class."""
    draw = np.random.default_rng(seed)
    low = draw.uniform(0, 4, (number, 1, 2)) + np.zeros((1, 3, 1))
    boxes = torch.from_numpy(
        np.concatenate([low, low + draw.uniform(3, 6, (number, 1, 2))], axis=2)
    )
    return [Tube(int(draw.integers(2)), 0, box, float(draw.random())) for box in boxes]


class TestLinking:
    @pytest.mark.parametrize("overlap", [0.0, 0.5, 3.0])
    def test_it_finds_the_best_of_all_ways(self, overlap):
        generator = torch.Generator().manual_seed(1)
        low = 4 * torch.rand(5, 3, 2, generator=generator)
        boxes = torch.cat([low, low + 3], dim=-1)
        scores = torch.rand(5, 3, generator=generator)

        def worth(way):
            total = sum(float(scores[t, m]) for t, m in enumerate(way))
            return total + overlap * sum(
                float(box_iou(boxes[t, way[t]], boxes[t + 1, way[t + 1]])) for t in range(4)
            )

        best = max(itertools.product(range(3), repeat=5), key=worth)
        assert link(boxes, scores, overlap=overlap).tolist() == list(best)

    def test_a_tube_stays_on_its_shape(self):
        """In one frame the other one is the warmer; overlap outweighs that."""
        here, there = torch.tensor([0.0, 0, 4, 4]), torch.tensor([9.0, 9, 13, 13])
        boxes = torch.stack([here, there]).expand(4, 2, 4)
        scores = torch.tensor([[0.6, 0.4], [0.6, 0.4], [0.3, 0.7], [0.6, 0.4]])
        assert link(boxes, scores).tolist() == [0, 0, 0, 0]
        assert link(boxes, scores, overlap=0.0).tolist() == [0, 0, 1, 0]


class TestDetector:
    def test_shapes_and_boxes(self):
        model = MovingPoints(5).eval()
        guesses = model(torch.rand(2, 4, 3, 24, 32))
        assert guesses.heat.shape == (2, 4, 6, 8)
        assert guesses.boxes.shape == (2, 4, 6, 8, 4)
        assert guesses.classes.shape == (2, 4, 6, 8, 5)
        middle = guesses.boxes.new_tensor([14.0, 10.0])  # of row 2, column 3
        assert (guesses.boxes[:, :, 2, 3, :2] < middle).all()
        assert (guesses.boxes[:, :, 2, 3, 2:] > middle).all()

    def test_of_frames_alone_a_clip_is_what_its_frames_are(self):
        model, clips = MovingPoints(3, over_time=1).eval(), torch.rand(1, 4, 3, 16, 16)
        whole, alone = model(clips), model(clips[:, 2:3])
        assert torch.allclose(whole.heat[:, 2:3], alone.heat, atol=1e-6)
        with_time = MovingPoints(3).eval()
        assert not torch.allclose(with_time(clips).heat[:, 2:3], with_time(clips[:, 2:3]).heat)

    def test_the_loss_of_a_perfect_guess_is_zero(self):
        guesses, boxes = perfect()
        loss = detection_loss(guesses, boxes, torch.tensor([1, 0]))
        assert float(loss) == pytest.approx(0, abs=1e-4)
        assert float(detection_loss(guesses, boxes, torch.tensor([0, 0]))) > 5

    def test_perfect_guesses_become_the_true_tubes(self):
        guesses, boxes = perfect()
        found = tubes_of(guesses, most=1)
        for tubes, true in zip(found, boxes, strict=True):
            seen = ~true.isnan().any(dim=1)
            assert torch.allclose(tubes.boxes[0][seen], true[seen])
        assert [int(tubes.classes[0].argmax()) for tubes in found] == [1, 0]
        with pytest.raises(ValueError, match=r"most \(4\)"):
            tubes_of(guesses, most=4)

    def test_it_learns_what_one_frame_does_not_say(self):
        """A square that flickers beside one that does not: found with time, and not without."""
        data = flickering(48)
        train, test = data.subset(range(32)), data.subset(range(32, 48))
        shares = {}
        for over_time in (1, 3):
            torch.manual_seed(0)
            model = MovingPoints(1, widths=(6, 8, 8), over_time=over_time)
            losses = fit_detector(model, train, epochs=15, learning_rate=1e-2, batch_size=8)
            assert losses[-1] < losses[0]
            found = find_tubes(model, test, most=1)
            true = torch.stack([tube.boxes for tube in truths(test)])
            own = torch.stack([tubes.boxes[0] for tubes in found])
            shares[over_time] = float((tube_iou(own, true) >= 0.5).double().mean())
        assert shares[3] > 0.8
        assert shares[1] < 0.75

    def test_each_tube_stands_for_every_class(self):
        guesses, _ = perfect()
        found = detections(tubes_of(guesses, most=2))
        assert len(found) == 2 * 2 * 2
        assert {(tube.clip, tube.label) for tube in found} == {(0, 0), (0, 1), (1, 0), (1, 1)}
        best = max(found, key=lambda tube: tube.score)
        assert best.score == pytest.approx(1, abs=1e-3)


def perfect():
    """Guesses of two clips of three frames on 4 x 4 positions, all right; one frame has no box."""
    boxes = torch.tensor([[[1.0, 2, 5, 6]] * 3, [[8.0, 8, 14, 15]] * 3])
    heat, classes = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4, 2)
    heat[0, :, 1, 0], heat[1, :, 2, 2] = 20.0, 20.0
    classes[0, ..., 1], classes[1, ..., 0] = 20.0, 20.0
    guessed = boxes[:, :, None, None].expand(2, 3, 4, 4, 4)
    boxes = boxes.clone()
    boxes[0, 1] = NAN
    return Guesses(heat, guessed, classes), boxes


def flickering(number):
    """Two grey squares on black; the one to be found changes its brightness at every frame."""
    draw = np.random.default_rng(0)
    clips, boxes = np.zeros((number, 4, 3, 16, 24), dtype=np.uint8), np.zeros((number, 4, 4))
    for clip, box in zip(clips, boxes, strict=True):
        for flickers, side in enumerate(draw.permutation(2)):
            left, top = 12 * side + draw.integers(2, 5), draw.integers(2, 9)
            light = [120, 240, 120, 240] if flickers else [draw.choice([120, 240])] * 4
            square = np.s_[:, :, top : top + 5, left : left + 5]
            clip[square] = np.array(light)[:, None, None, None]
        box[:] = [left, top, left + 5, top + 5]
    names = [f"clip {i}" for i in range(number)]
    return BoxSet(
        tensors=torch.from_numpy(clips),
        boxes=torch.from_numpy(boxes).float(),
        labels=torch.zeros(number, dtype=torch.long),
        groups=names,
        clip_ids=names,
        classes=("flickers",),
    )


def test_the_kinds_that_are_seen_throughout():
    assert set(SEEN_THROUGHOUT) == set(KINDS) - {"visit"}


def test_every_box_is_drawn_where_it_is():
    frames = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    true = torch.tensor([[1.0, 2, 5, 6], [NAN] * 4])
    axes = plots.boxes_sheet({"clip": (frames, {"true": true})})
    (box,) = axes.patches
    assert box.get_bbox().extents.tolist() == [1, 2, 5, 6]
    assert not axes.figure.axes[1].patches
    grey = plots.boxes_sheet({"clip": (frames, {"a": true, "b": true})}, colours={"b": "#8A8A8A"})
    first, second = (to_hex(box.get_edgecolor()).upper() for box in grey.patches)
    assert first == to_hex(axes.patches[0].get_edgecolor()).upper() and second == "#8A8A8A"
    plt.close("all")


def test_what_rests_is_in_its_box_and_stays_there():
    boxes = motions.resting_boxes(2, kinds=["across", "turn"])
    assert boxes.shape == (4, 8, 4)
    assert (boxes == boxes[:, :1]).all() and (boxes >= 0).all() and (boxes <= 48).all()
    clips = motions.located(2, kinds=["across", "turn"], seed=0)
    inside = torch.zeros(4, 48, 48, dtype=torch.bool)
    for mask, (left, top, right, bottom) in zip(inside, boxes[:, 0].round().int(), strict=True):
        mask[top:bottom, left:right] = True
    light = clips.tensors.float().mean(dim=(1, 2))  # (N, S, S): what moves is smeared
    assert (light[inside].mean() > 1.5 * light[~inside].mean()).all()
