"""When something happens: measured as ActivityNet does, grouped, suppressed, anticipated."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Rectangle
from sklearn.metrics import average_precision_score
from torch import nn

from quest82 import plots
from quest82.data.segments import Segment
from quest82.data.tensor_set import TensorSet
from quest82.data.timelines import timelines
from quest82.essences import EssenceSet
from quest82.learning import TrainConfig, evaluate, fit
from quest82.learning import grouping as groups
from quest82.learning.anticipation import EarlyCrossEntropy, answers_after, frames_after
from quest82.learning.localisation import (
    average_precision,
    closeness,
    mean_average_precision,
    overlaps,
)
from quest82.learning.per_frame import features_of, fit_per_frame
from quest82.learning.suppression import nms, soft_nms
from quest82.systems import classifier
from quest82.systems.per_frame import PerFrameLSTM

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)


def s(start, end, score=1.0, label=0):
    return Segment(start, end, label, score)


def tiou(a, b):
    """Of two segments, by the definition and nothing else."""
    shared = max(0.0, min(a.end, b.end) - max(a.start, b.start))
    return shared / (a.end - a.start + b.end - b.start - shared)


def drawn(seed, videos=4, most=7, labels=3):
    """Segments at random in several videos, some of which hold none."""
    draw = np.random.default_rng(seed)

    def some(least):
        starts = draw.uniform(0, 10, draw.integers(least, most))
        ends = starts + draw.uniform(0.5, 5, len(starts))
        return [
            Segment(a, b, int(draw.integers(labels)), float(draw.uniform()))
            for a, b in zip(starts, ends, strict=True)
        ]

    truth = {f"v{n}": some(0 if n else 1) for n in range(videos)}
    found = {name: some(0) + [_nudged(g, draw) for g in known] for name, known in truth.items()}
    return found, truth


def _nudged(segment, draw):
    start = segment.start + draw.normal(0, 0.3)
    end = max(start + 0.1, segment.end + draw.normal(0, 0.3))
    return Segment(start, end, segment.label, float(draw.uniform()))


def the_protocol(found, truth, label, least):
    """ActivityNet's evaluation in plain loops: rank, match, interpolate precision, add up."""
    wanted = {v: [g for g in known if g.label == label] for v, known in truth.items()}
    total = sum(len(known) for known in wanted.values())
    ranked = [(f.score, v, f) for v, all_of in found.items() for f in all_of if f.label == label]
    ranked.sort(key=lambda entry: -entry[0])
    taken, hits, points = set(), 0, []
    for rank, (_, video, find) in enumerate(ranked, start=1):
        near = sorted(((tiou(find, g), k) for k, g in enumerate(wanted[video])), reverse=True)
        for overlap, k in near:
            if overlap < least:
                break
            if (video, k) not in taken:
                taken.add((video, k))
                hits += 1
                break
        points.append((hits / total if total else 0, hits / rank))
    area, reached = 0.0, 0.0
    for recall in sorted({r for r, _ in points}):
        area += (recall - reached) * max(p for r, p in points if r >= recall)
        reached = recall
    return area


@pytest.mark.parametrize("seed", range(12))
def test_average_precision_is_that_of_the_protocol(seed):
    found, truth = drawn(seed)
    labels = sorted({g.label for known in truth.values() for g in known})
    ours = mean_average_precision(found, truth, THRESHOLDS)
    for least, value in ours.items():
        theirs = [the_protocol(found, truth, label, least) for label in labels]
        assert value == pytest.approx(np.mean(theirs), abs=1e-12)
    assert list(ours.values()) == sorted(ours.values(), reverse=True)


def test_by_hand():
    """Hit, miss, hit, again the same, of three: precision 1 and 2/3 at recall 1/3 and 2/3."""
    truth = {"v": [s(0, 2), s(4, 6), s(8, 10)]}
    found = {"v": [s(0, 2, 0.9), s(2, 4, 0.8), s(4, 6, 0.7), s(4, 6, 0.6)]}
    assert average_precision(found, truth, 0, 0.5) == pytest.approx((1 + 2 / 3) / 3)
    half_off = {"v": [s(1, 3, 0.9)]}  # shares 1 of 3 seconds
    assert average_precision(half_off, truth, 0, 1 / 3) == pytest.approx(1 / 3)
    assert average_precision(half_off, truth, 0, 0.34) == 0
    # The better of two hits of one action may come later: the first one takes it.
    twice = {"v": [s(0, 1.5, 0.9), s(0, 2, 0.8), s(4, 6, 0.7)]}
    assert average_precision(twice, truth, 0, 0.5) == pytest.approx((1 + 2 / 3) / 3)


def test_a_find_takes_the_next_best_where_the_best_is_taken():
    truth = {"v": [s(0, 10), s(2, 12)]}
    found = {"v": [s(0, 10, 0.9), s(0.5, 10.5, 0.8)]}
    assert average_precision(found, truth, 0, 0.5) == 1


@given(st.lists(st.booleans(), min_size=1, max_size=12).filter(any))
def test_average_precision_is_that_of_scikit_learn_where_both_apply(hits):
    """With every action found, theirs lacks the interpolation alone, which never lowers."""
    truth = {"v": [s(2 * k, 2 * k + 1) for k, hit in enumerate(hits) if hit]}
    scores = 1 - np.arange(len(hits)) / 20
    at = [2 * k if hit else 100 + k for k, hit in enumerate(hits)]
    finds = {"v": [s(a, a + 1, score) for a, score in zip(at, scores, strict=True)]}
    ours, theirs = average_precision(finds, truth, 0, 0.5), average_precision_score(hits, scores)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    falls = (np.diff(precision[np.array(hits)]) <= 0).all()
    assert ours >= theirs - 1e-12
    assert not falls or ours == pytest.approx(theirs)


def test_controls_of_the_measure():
    """The truth gets 1; finds in other videos, of other classes, or of everything get nothing."""
    _, truth = drawn(3)
    assert set(mean_average_precision(truth, truth, THRESHOLDS).values()) == {1.0}
    others = {v: [g._replace(label=9) for g in known] for v, known in truth.items()}
    assert mean_average_precision(others, truth, [0.3]) == {0.3: 0}
    assert mean_average_precision({}, truth, [0.3]) == {0.3: 0}
    whole = {v: [s(0, 100, 1, label) for label in range(3)] for v in truth}
    assert mean_average_precision(whole, truth, [0.3]) == {0.3: 0}
    with pytest.raises(ValueError, match=r"video \('w'\) that truth lacks"):
        mean_average_precision({"w": []}, truth, [0.5])
    with pytest.raises(ValueError, match="must have a segment"):
        mean_average_precision({}, {"v": []}, [0.5])


def test_spotting_is_the_same_measure_by_distance():
    truth = {"v": [s(1, 2), s(5, 9)]}
    found = {"v": [s(1.3, 9, 0.9), s(4.2, 4.3, 0.8)]}
    by = mean_average_precision(found, truth, [-0.2, -0.5, -1.0], nearness=closeness)
    assert by == pytest.approx({-0.2: 0, -0.5: 0.5, -1.0: 1})


segments = st.builds(
    lambda start, length, label, score: Segment(start, start + length, label, score),
    st.floats(0, 20), st.floats(0.1, 10), st.integers(0, 2), st.floats(0.01, 1),
)  # fmt: skip


@given(st.lists(segments, max_size=6), st.lists(segments, max_size=6))
def test_overlaps_are_those_of_the_definition(some, others):
    found = overlaps(some, others)
    assert found.shape == (len(some), len(others))
    for row, a in zip(found, some, strict=True):
        assert row == pytest.approx([tiou(a, b) for b in others])


@given(st.lists(segments, max_size=12), st.floats(0, 1))
def test_nms_keeps_the_surest_and_no_two_that_overlap(found, most):
    kept = nms(found, most)
    assert set(kept) <= set(found)
    for label in {f.label for f in found}:
        mine = [k for k in kept if k.label == label]
        assert max(f.score for f in found if f.label == label) == mine[0].score
        assert all(tiou(a, b) <= most + 1e-9 for a in mine for b in mine if a is not b)
    left = [f for f in found if f not in kept]
    for gone in left:  # somebody surer spoke for it
        rivals = [k for k in kept if k.label == gone.label and k.score >= gone.score]
        assert any(tiou(gone, k) > most - 1e-9 for k in rivals)


@given(st.lists(segments, max_size=12))
def test_soft_nms_lowers_scores_and_lets_nothing_go(found):
    kept = soft_nms(found, lowest=0.0)
    assert sorted(k[:3] for k in kept) == sorted(f[:3] for f in found)
    assert sum(k.score for k in kept) <= sum(f.score for f in found) + 1e-9
    assert [k.score for k in kept] == sorted((k.score for k in kept), reverse=True)


def test_soft_nms_by_hand():
    """tIoU 1/3 between the two; another class and another place are left alone."""
    found = [s(0, 2, 0.9), s(1, 3, 0.8), s(1, 3, 0.7, label=1), s(5, 6, 0.6)]
    kept = {k[:3]: k.score for k in soft_nms(found, sigma=0.5)}
    assert kept[1, 3, 0] == pytest.approx(0.8 * np.exp(-(1 / 9) / 0.5))
    assert (kept[0, 2, 0], kept[1, 3, 1], kept[5, 6, 0]) == (0.9, 0.7, 0.6)
    assert len(soft_nms(found, sigma=0.01, lowest=0.1)) == 3


def test_cells_meet_half_way():
    assert groups.cell_borders([(0, 2), (1, 3), (2, 4)]).tolist() == [0, 1.5, 2.5, 4]
    assert groups.cell_borders([(0, 3)]).tolist() == [0, 3]


@given(st.lists(st.booleans(), max_size=20))
def test_runs_are_all_that_is_wanted_and_never_meet(wanted):
    spans = groups.runs(wanted)
    inside = [n for start, end in spans for n in range(start, end)]
    assert inside == [n for n, want in enumerate(wanted) if want]
    assert all(a[1] < b[0] for a, b in zip(spans, spans[1:], strict=False))


def test_watershed_by_hand():
    """Basins [0, 2) and [3, 5) at 0.5: together 4 of 5 cells."""
    actionness = np.array([0.9, 0.9, 0.1, 0.9, 0.9, 0.0])
    apart = groups.watershed(actionness, levels=[0.5], shares=[0.9])
    assert apart == [(0, 2), (3, 5)]
    joined = groups.watershed(actionness, levels=[0.5], shares=[0.8])
    assert joined == [(0, 5), (3, 5)]
    assert groups.watershed(actionness, levels=[0.5], shares=[0.8], shortest=3) == [(0, 5)]
    assert groups.watershed(actionness, levels=[0.05], shares=[0.8]) == [(0, 5)]
    assert groups.watershed(np.zeros(6)) == []


def test_a_span_that_an_action_outlasts_scores_less_by_contrast_alone():
    chances = np.array([[0.0], [0], [1], [1], [1], [1], [0], [0]])
    spans = [(2, 6), (3, 5), (1, 7), (0, 8)]
    assert groups.mean_inside(spans, chances)[:, 0] == pytest.approx([1, 1, 2 / 3, 1 / 2])
    contrast = groups.inside_less_around(spans, chances)[:, 0]
    assert contrast == pytest.approx([1, 0, 2 / 3, 1 / 2])


@given(st.integers(0, 5), st.integers(1, 20))
def test_smoothing_is_the_mean_of_neighbours(around, num_cells):
    chances = np.random.default_rng(0).uniform(size=(num_cells, 2))
    ours = groups.smoothed(chances, 2 * around + 1)
    loops = [chances[max(0, n - around) : n + around + 1].mean(0) for n in range(num_cells)]
    assert ours == pytest.approx(np.array(loops))


def test_sliding_spans_cover_and_overlap_by_three_quarters():
    assert groups.sliding_spans(8, [4, 8]) == [(0, 4), (1, 5), (2, 6), (3, 7), (4, 8), (0, 8)]
    assert groups.sliding_spans(3, [4]) == []


def test_what_was_plain_is_found_again():
    """Sure windows give the true segments, to the border of a cell; a still video gives none."""
    windows = [(k / 4, k / 4 + 1) for k in range(40)]
    truth = [s(2.125, 4.125), s(6.125, 7.125, label=1)]
    middles = np.array(windows).mean(1)
    hits = [(middles > g.start) & (middles < g.end) for g in truth]
    chances = np.stack([*hits, ~hits[0] & ~hits[1]], axis=1).astype(float)
    surest = groups.localise(windows, chances, background=2)[:2]
    assert sorted(surest) == [pytest.approx(g) for g in truth]
    nothing = np.zeros_like(chances)
    nothing[:, 2] = 1
    assert groups.localise(windows, nothing, background=2) == []
    with pytest.raises(ValueError, match=r"windows \(40\) must be"):
        groups.localise(windows, chances[1:])


class TestPerFrame:
    def test_forward_answers_do_not_know_what_comes(self):
        features = torch.randn(2, 9, 5)
        changed = torch.cat([features[:, :6], torch.randn(2, 3, 5)], dim=1)
        for both, same in ((False, True), (True, False)):
            model = PerFrameLSTM(5, 3, hidden_size=4, both_directions=both)
            a, b = model(features), model(changed)
            assert a.shape == (2, 9, 3)
            assert torch.allclose(a[:, :6], b[:, :6]) is same

    def test_its_states_are_those_of_the_cell(self):
        model, x = PerFrameLSTM(5, 3, hidden_size=4), torch.randn(1, 6, 5)
        cell, state, answers = nn.LSTMCell(5, 4), None, []
        named = dict(model.recurrence.named_parameters())
        cell.load_state_dict({name.removesuffix("_l0"): value for name, value in named.items()})
        for frame in x.unbind(1):
            state = cell(frame, state)
            answers.append(model.head(state[0]))
        assert torch.allclose(model(x), torch.stack(answers, 1), atol=1e-6)

    def test_it_learns_what_takes_memory(self):
        """A frame's class is what was seen two frames before."""
        generator = torch.Generator().manual_seed(0)
        bits = torch.randint(2, (24, 20), generator=generator)
        labels = bits.roll(2, dims=1)
        labels[:, :2] = 0
        torch.manual_seed(0)
        model, before = PerFrameLSTM(1, 2, hidden_size=12), torch.get_rng_state()
        losses = fit_per_frame(model, bits[..., None].float(), labels, learning_rate=0.05)
        assert losses[-1] < 0.1 < losses[0]
        assert not model.training
        assert torch.equal(before, torch.get_rng_state())

    def test_features_are_those_of_each_video(self):
        videos = timelines(2, size=8, num_frames=60)
        clips = videos.snippets(4)
        model = classifier.build("early_fusion", 3, 7, num_frames=4, widths=[4, 5])
        features = features_of(model, clips, 2)
        assert features.shape == (2, 57, 5)
        logits = evaluate(model, clips).logits.unflatten(0, (2, 57))
        assert torch.allclose(model.head(features), logits, atol=1e-5)
        with pytest.raises(ValueError, match="as many of each of 4"):
            features_of(model, clips, 4)

    def test_a_label_is_missing(self):
        with pytest.raises(ValueError, match="one a frame"):
            fit_per_frame(PerFrameLSTM(1, 2), torch.zeros(2, 5, 1), torch.zeros(2, 4).long())


def essences(num_clips=6, num_frames=8):
    generator = torch.Generator().manual_seed(0)
    return EssenceSet(
        essences=torch.rand(num_clips, num_frames, 5, generator=generator),
        labels=torch.arange(num_clips) % 2,
        groups=tuple(map(str, range(num_clips))),
        clip_ids=tuple(map(str, range(num_clips))),
        classes=("a", "b"),
    )


class TestAnticipation:
    def test_shares_are_frames(self):
        assert [frames_after(share, 8) for share in (0.01, 0.25, 0.5, 1)] == [1, 2, 4, 8]
        for share in (0, 1.1):
            with pytest.raises(ValueError, match=r"share \("):
                frames_after(share, 8)

    def test_early_answers_are_those_of_steps_and_the_last_that_of_the_clip(self):
        clips, shares = essences(), [k / 8 for k in range(1, 9)]
        model = classifier.build("lstm", 5, 2, projection_size=4, hidden_size=3).eval()
        early, state = answers_after(model, clips, shares), None
        assert torch.equal(early[:, -1], evaluate(model, clips).logits)
        for t, frame in enumerate(clips.essences.unbind(1)):
            hidden, state = model.aggregator.step(frame, state)
            assert torch.allclose(early[:, t], model.head(hidden), atol=1e-6)

    def test_the_mean_of_what_was_seen(self):
        clips, model = essences(), classifier.build("mean", 5, 2).eval()
        early = answers_after(model, clips, (0.5,))[:, 0]
        assert torch.allclose(early, model.head(clips.essences[:, :4].mean(1)), atol=1e-6)

    def test_the_early_loss_is_the_mean_of_the_losses(self):
        clips, model = essences(), classifier.build("lstm", 5, 2).eval()
        with torch.no_grad():
            loss = EarlyCrossEntropy((0.5, 1.0)).loss_for(clips)(
                model, clips.essences, clips.labels
            )
        losses = [evaluate(model, clips.frames(*range(n))).loss for n in (4, 8)]
        assert loss.item() == pytest.approx(np.mean(losses), rel=1e-5)
        config = TrainConfig(epochs=1, objective=EarlyCrossEntropy())
        assert fit(model, clips, config, None).train_loss

    def test_maps_and_frames_too(self):
        clips = TensorSet(
            tensors=torch.rand(2, 4, 3, 8, 8), labels=[0, 1], groups=["a", "b"],
            clip_ids=["a", "b"], classes=["x", "y"],
        )  # fmt: skip
        model = classifier.build("cnn_lstm", 3, 2, widths=[4], hidden_size=4)
        assert answers_after(model, clips).shape == (2, 4, 2)


def test_the_figure_has_a_bar_for_each_segment():
    rows = {"truth": [s(1, 2), s(3, 5, label=7)], "found": [s(1, 2.5, 0.4)]}
    axes = plots.segment_rows(rows, [f"class {k}" for k in range(8)], seconds=6)
    bars = [c.get_paths()[0].get_extents() for c in axes.collections]
    assert sorted((bar.x0, bar.x1) for bar in bars) == [(1, 2), (1, 2.5), (3, 5)]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(rows)
    assert axes.get_xlim() == (0, 6)
    assert len(axes.get_legend().get_patches()) == 8
    assert all(isinstance(patch, Rectangle) for patch in axes.get_legend().get_patches())
    plt.close("all")
