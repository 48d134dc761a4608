from pathlib import Path

import numpy as np
import pytest
import torch

from quest82 import scenes, synthetic, video
from quest82.clips import Clip, from_folder
from quest82.essences import MobileNetV2Extractor
from quest82.store import EssenceSet
from quest82.views import frames_of_view
from quest82.weights import checkpoint_path

BOOK = Path(__file__).parents[1] / "book"

ACTIONS = list(synthetic.REVERSED)


def test_there_are_eight_pairs_with_sixteen_names():
    assert len(ACTIONS) == 8
    assert len({*synthetic.REVERSED, *synthetic.REVERSED.values()}) == 16


@pytest.mark.parametrize("action", ACTIONS)
class TestEveryAction:
    def test_a_scene_is_a_pure_function_of_its_state(self, action):
        frame = scenes.scene(action, np.random.default_rng(3))
        twin = scenes.scene(action, np.random.default_rng(3))
        shut = frame(0.0)
        assert not np.array_equal(frame(0.6), shut)
        assert np.array_equal(frame(0.0), shut)
        assert np.array_equal(twin(0.0), shut)
        assert not np.array_equal(scenes.scene(action, np.random.default_rng(4))(0.0), shut)

    def test_every_part_of_the_range_can_be_seen(self, action):
        for seed in range(3):
            frame = scenes.scene(action, np.random.default_rng(seed))
            states = [frame(s).astype(int) for s in np.linspace(0, 1, 9)]
            for before, after in zip(states, states[1:], strict=False):
                changed = (np.abs(after - before).max(axis=2) > 8).mean()
                assert changed > 0.003

    def test_a_clip_is_2_to_4_seconds_and_repeats(self, action):
        frames = synthetic.render(action, 5, swing="partial", seed=1)
        assert frames.dtype == torch.uint8
        assert frames.shape[1:] == (3, 256, 256)
        assert 50 <= len(frames) <= 100
        assert torch.equal(frames, synthetic.render(action, 5, swing="partial", seed=1))
        assert not torch.equal(frames[:50], synthetic.render(action, 6, swing="partial")[:50])


@pytest.mark.parametrize("swing", synthetic.SWINGS)
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


@pytest.mark.parametrize("name", ["full", "partial", "walls"])
def test_the_stored_essences_are_those_of_the_drawn_clips(name, tmp_path):
    """Draw one clip of a store of the book again, write, read and describe it."""
    if not checkpoint_path().exists():
        pytest.skip("the ImageNet weights are not in the cache: quest82 weights")
    stored = EssenceSet.load(BOOK / "data" / name)
    row = next(i for i, clip in enumerate(stored.clip_ids) if "stand_up" in clip)
    swing = "partial" if name == "partial" else "full"
    wall = "blue" if name == "walls" else None
    path = tmp_path / "clip.mp4"
    video.write_video(path, synthetic.render("stand_up", 0, swing=swing, wall=wall), fps=25)
    frames = frames_of_view(Clip("clip", "", "", path), 0, num_frames=8)
    with torch.inference_mode():
        again = MobileNetV2Extractor()(frames[None])[0]
    assert torch.cosine_similarity(again, stored.essences[row].float(), dim=1).min() > 0.999
    assert len(stored.classes) == 8


def test_what_cannot_be_rendered_is_refused(tmp_path):
    with pytest.raises(ValueError, match="swing"):
        synthetic.synthesize(tmp_path, swing="half")
    with pytest.raises(ValueError, match="wall"):
        synthetic.render("open_door", wall="green")
    with pytest.raises(ValueError, match="clips_per_action"):
        synthetic.synthesize(tmp_path, clips_per_action=0)
    with pytest.raises(ValueError, match="open_door"):
        synthetic.render("close_door")
    frame = scenes.scene("open_door", np.random.default_rng(0))
    for state in (-0.1, 1.2, float("nan")):
        with pytest.raises(ValueError, match="state"):
            frame(state)
