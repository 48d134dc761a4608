from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from quest82 import video
from quest82.data import synthetic
from quest82.data.clips import Clip, from_folder
from quest82.data.synthetic import room
from quest82.essences import EssenceSet
from quest82.frames.sampling import segment_indices
from quest82.frames.view import ViewSpec, frames_of_view
from quest82.learning.uncertainty import wilson_interval
from quest82.systems.mobilenet import MobileNetV2Extractor
from quest82.systems.weights import checkpoint_path

BOOK = Path(__file__).parents[1] / "book"

ACTIONS, CYCLES = synthetic.actions_of("partial"), synthetic.actions_of("cycle")


def test_there_are_eight_actions_and_three_cycles_all_with_names_of_their_own():
    assert (len(ACTIONS), len(CYCLES)) == (8, 3)
    pairs = {**synthetic.REVERSED, **synthetic.REVERSED_CYCLES}
    assert len({*pairs, *pairs.values()}) == 22


@pytest.mark.parametrize(("name", "action"), {**ACTIONS, **CYCLES}.items())
class TestEveryAction:
    def test_a_scene_is_a_pure_function_of_its_state(self, name, action):
        frame = room.scene(action, np.random.default_rng(3))
        twin = room.scene(action, np.random.default_rng(3))
        shut = frame(0.0)
        assert not np.array_equal(frame(0.6), shut)
        assert np.array_equal(frame(0.0), shut)
        assert np.array_equal(twin(0.0), shut)
        assert not np.array_equal(room.scene(action, np.random.default_rng(4))(0.0), shut)
        for state in (-0.1, 1.2, float("nan")):
            with pytest.raises(ValueError, match="state"):
                frame(state)

    def test_every_part_of_the_range_can_be_seen(self, name, action):
        num_parts = 3 if name == "red_green_amber" else 8  # one lamp after the other
        for seed in range(3):
            frame = room.scene(action, np.random.default_rng(seed))
            states = [frame((s + 0.5) / num_parts).astype(int) for s in range(num_parts)]
            for before, after in pairwise(states):
                changed = (np.abs(after - before).max(axis=2) > 8).mean()
                assert changed > 0.003

    def test_a_clip_has_its_length_and_repeats(self, name, action):
        swing, shortest, longest = ("cycle", 120, 150) if name in CYCLES else ("partial", 50, 100)
        frames = synthetic.render(name, 5, swing=swing, seed=1)
        assert frames.dtype == torch.uint8
        assert frames.shape[1:] == (3, 256, 256)
        assert shortest <= len(frames) <= longest
        assert torch.equal(frames, synthetic.render(name, 5, swing=swing, seed=1))
        assert not torch.equal(frames[:50], synthetic.render(name, 6, swing=swing)[:50])

    def test_some_frames_are_those_of_the_whole_clip(self, name, action):
        swing = "cycle" if name in CYCLES else "partial"
        whole = synthetic.render(name, 5, swing=swing)
        some = synthetic.render(name, 5, swing=swing, frames_of=lambda n: (n - 1, 0, n // 2))
        assert torch.equal(some, whole[[len(whole) - 1, 0, len(whole) // 2]])


@pytest.mark.parametrize("name", CYCLES)
def test_after_a_turn_a_cycle_looks_as_before(name):
    frame = room.scene(CYCLES[name], np.random.default_rng(0))
    assert np.array_equal(frame(1.0), frame(0.0))


def test_a_dial_is_never_seen_in_a_mirror():
    """Half of the objects are mirrored; a dial would go the other way."""
    for seed in range(6):
        frame = room.scene(CYCLES["turn_clockwise"], np.random.default_rng(seed))
        quarter, three_quarters = (frame(phase).astype(int) for phase in (0.25, 0.75))
        x = np.arange(quarter.shape[1])[None, :]
        hand = quarter.sum(axis=2) < three_quarters.sum(axis=2) - 150  # dark at a quarter only
        assert (hand * x).sum() / hand.sum() > quarter.shape[1] / 2 - 14


@pytest.mark.parametrize("swing", ["full", "partial", "still"])
def test_states_are_still_then_rise_then_still_again(swing):
    low, high = synthetic.SWINGS[swing]
    for seed in range(200):
        states = synthetic.draw_states(np.random.default_rng(seed), swing=swing)
        assert 0 <= states[0] <= states[-1] <= 1
        assert (np.diff(states) >= -1e-12).all()
        assert low - 1e-9 <= states[-1] - states[0] <= high + 1e-9
        assert (states[:10] == states[0]).all()
        assert (states[-10:] == states[-1]).all()


def test_states_have_no_arrow_of_time():
    """Played backwards and mirrored, the courses are spread as before: pace gives nothing away."""
    course, waits = [], []
    for seed in range(3000):
        states = synthetic.draw_states(np.random.default_rng(seed), swing="full")
        moving = np.flatnonzero(np.diff(states) > 0)
        waits.append(moving[0] - (len(states) - 2 - moving[-1]))
        course.append(states[moving[0] : moving[-1] + 2].mean() - 0.5)
    assert abs(np.mean(waits)) < 0.35
    assert abs(np.mean(course)) < 0.012


def test_a_cycle_goes_once_round_from_anywhere_and_anywhen():
    """Of the steps between two frames far enough apart, as many look like steps back."""
    starts, sampled = [], []
    for seed in range(3000):
        states = synthetic.draw_states(np.random.default_rng(seed), swing="cycle")
        steps = np.diff(states) % 1
        assert steps.sum() == pytest.approx(1)
        assert steps.max() < 0.1
        assert states[-1] == pytest.approx(states[0])
        starts.append(states[0])
        sampled.append(states[segment_indices(len(states), 17).numpy()])
    assert np.histogram(starts, 4, (0, 1))[0].min() > 650
    turned = np.diff(np.array(sampled)[:, [0, 8, 16]], axis=1) % 1  # first, middle, last
    moved = np.minimum(turned, 1 - turned) > 1e-9
    for column in range(2):
        ahead = (turned[:, column] < 0.5)[moved[:, column]]
        assert 0.45 < ahead.mean() < 0.55


def test_files_know_no_direction(tmp_path):
    """Written backwards, a clip is the same frames in the other order; changes are not."""
    frames = synthetic.render("open_door", 0, swing="still")[:12]
    for coding, alike in (("intra", True), ("inter", False)):
        read = []
        for name, shown in (("forwards", frames), ("backwards", frames.flip(0))):
            path = tmp_path / f"{name}-{coding}.mp4"
            video.write_video(path, shown, fps=25, options=synthetic.CODINGS[coding])
            read.append(video.read_frames(path, range(12)))
        assert torch.equal(read[0], read[1].flip(0)) == alike
        assert (read[0].float() - frames.float()).abs().mean() < 5


def direction_told(data, seed=0):
    """Is the direction told of held-out objects, by a linear model on time differences? (2N,)"""
    pairs = data.directions()
    moves = pairs.essences.double().diff(dim=1).mean(dim=1).numpy()
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    found = cross_val_predict(linear, moves, pairs.labels, groups=pairs.groups, cv=folds)
    return found == pairs.labels.numpy()


def test_still_clips_have_no_arrow_of_time():
    """What moves nowhere must not tell its direction; coded as changes, it does."""
    still = EssenceSet.load(BOOK / "data" / "still")
    inter = torch.tensor(["-inter" in name for name in still.clip_ids])
    told = {
        name: direction_told(still.subset(rows))
        for name, rows in (("intra", ~inter), ("inter", inter))
    }
    low, high = wilson_interval(int(told["intra"][::2].sum()), len(told["intra"]) // 2)
    assert low <= 0.5 <= high
    low, _ = wilson_interval(int(told["inter"][::2].sum()), len(told["inter"]) // 2)
    assert low > 0.6


def test_a_folder_of_files_that_is_made_once(tmp_path):
    made = synthetic.synthesize(tmp_path, clips_per_action=1, progress=False)
    assert made == from_folder(tmp_path)
    assert len({clip.group for clip in made}) == 8
    written = [clip.path.stat().st_mtime_ns for clip in made]
    assert synthetic.synthesize(tmp_path, clips_per_action=1, progress=False) == made
    assert [clip.path.stat().st_mtime_ns for clip in made] == written
    more = synthetic.synthesize(tmp_path, clips_per_action=1, seed=1, progress=False)
    assert not {clip.id for clip in more} & {clip.id for clip in made}
    info = video.probe(made[0].path)
    frames = synthetic.render(made[0].label, 0)
    assert (info.num_frames, info.fps) == (len(frames), 25)
    read = video.read_frames(made[0].path, range(5))
    assert (read.float() - frames[:5].float()).abs().mean() < 5


def test_a_wall_is_repainted_and_nothing_else_changes(tmp_path):
    own, blue, orange = (
        synthetic.render("open_door", 2, wall=wall).int() for wall in (None, "blue", "orange")
    )
    changed = (blue - orange).abs().amax(dim=1) > 12  # (n, H, W)
    assert 0.15 < changed.double().mean() < 0.75  # the wall, not the door and the floor
    assert not changed[:, -20:, 100:150].any()
    assert ((own - blue).abs().amax(dim=1) > 12)[:, -20:, 100:150].sum() == 0
    pair = [
        clip
        for wall in synthetic.WALLS
        for clip in synthetic.synthesize(tmp_path, clips_per_action=1, wall=wall, progress=False)
    ]
    assert len({clip.id for clip in pair}) == 16
    assert len({clip.group for clip in pair}) == 8  # one object is one group, whatever its wall


STORED = {
    "full": ("stand_up", {}, 8),
    "partial": ("stand_up", {"swing": "partial"}, 8),
    "walls": ("stand_up", {"wall": "blue"}, 8),
    "still": ("stand_up", {"swing": "still"}, 8),
    "cycle": ("turn_clockwise", {"swing": "cycle", "seed": 2}, 16),
}


@pytest.mark.parametrize("name", STORED)
def test_the_stored_essences_are_those_of_the_drawn_clips(name, tmp_path):
    """Draw one clip of a store of the book again, write, read and describe it."""
    if not checkpoint_path().exists():
        pytest.skip("the ImageNet weights are not in the cache: quest82 weights")
    stored, (action, how, num_frames) = EssenceSet.load(BOOK / "data" / name), STORED[name]
    row = next(
        i for i, clip in enumerate(stored.clip_ids) if action in clip and "-inter" not in clip
    )
    path = tmp_path / "clip.mp4"
    frames = synthetic.render(action, 0, **how)
    video.write_video(path, frames, fps=25, options=synthetic.CODINGS["intra"])
    frames = frames_of_view(Clip("clip", "", "", path), 0, ViewSpec(num_frames=num_frames))
    with torch.inference_mode():
        again = MobileNetV2Extractor()(frames[None])[0]
    assert torch.cosine_similarity(again, stored.essences[row].float(), dim=1).min() > 0.999
    assert len(stored.classes) == len(synthetic.actions_of(how.get("swing", "full")))


def test_what_cannot_be_rendered_is_refused(tmp_path):
    with pytest.raises(ValueError, match="swing"):
        synthetic.synthesize(tmp_path, swing="half")
    with pytest.raises(ValueError, match="wall"):
        synthetic.render("open_door", wall="green")
    with pytest.raises(ValueError, match="clips_per_action"):
        synthetic.synthesize(tmp_path, clips_per_action=0)
    with pytest.raises(ValueError, match="open_door"):
        synthetic.render("close_door")
    with pytest.raises(ValueError, match="coding"):
        synthetic.synthesize(tmp_path, coding="lossless")
    with pytest.raises(ValueError, match="turn_clockwise"):
        synthetic.render("open_door", swing="cycle")
