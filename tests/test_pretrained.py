"""Networks that others trained: torchvision's recipe to the pixel, its weights, and the command."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import re

import pytest
import safetensors.torch
import torch
from command import quest82
from conftest import moving_square
from torch import nn
from torchvision import models
from torchvision.datasets.video_utils import VideoClips
from torchvision.models._api import BUILTIN_MODELS

from quest82 import video
from quest82.download import FetchError, fetching
from quest82.frames.preset import Preset, take_preset
from quest82.frames.sampling import indices_at_rate, window_indices
from quest82.service import PretrainedPredictor
from quest82.systems.initial import Undrawn
from quest82.systems.pretrained import NAMES, PretrainedVideoNetwork
from quest82.systems.weights import ensure_published

NAME = "r2plus1d_18"


class Tiny(nn.Sequential):
    """In the place of a video network: its shapes, and 5 thousand weights."""

    def __init__(self, **options):
        head = (nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(8, 400))
        super().__init__(nn.Conv3d(3, 8, (3, 5, 5), stride=(1, 4, 4)), nn.ReLU(), *head)


def published(name):
    return models.get_model_weights(name).DEFAULT


def seconds(num_frames, fps):
    return torch.arange(num_frames + 1, dtype=torch.float64) / fps


@pytest.fixture
def tiny(monkeypatch):
    """Torchvision makes a tiny network for each of these names; one with weights that are drawn."""
    for name in (NAME, "swin3d_t", "s3d"):
        build = functools.wraps(BUILTIN_MODELS[name])(lambda weights=None: Tiny())
        monkeypatch.setitem(BUILTIN_MODELS, name, build)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Tiny().eval()


@pytest.fixture
def file(tiny, tmp_path):
    path = tmp_path / "tiny.safetensors"
    safetensors.torch.save_file(tiny.state_dict(), path)
    return path


@pytest.fixture
def served(tiny, web, tmp_path, monkeypatch):
    """The tiny weights behind torchvision's address; where they are kept is a new folder."""
    torch.save(tiny.state_dict(), tmp_path / "state.pth")
    content = (tmp_path / "state.pth").read_bytes()
    name = f"{NAME}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    web.files[name] = content
    monkeypatch.setattr(published(NAME).value, "url", web.url(name))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(fetching, "_PAUSE_SECONDS", 0)
    return tmp_path / "hub" / "checkpoints" / name


# Which networks there are, and what torchvision says of them.


def test_every_video_network_of_torchvision_is_known_with_the_clips_it_was_tested_on():
    assert list(NAMES) == models.list_models(module=models.video)
    with torch.device("meta"):  # shapes without weights
        for name in NAMES:
            assert_as_torchvision_says(name)


def test_the_help_names_them_all():
    text, _ = quest82("predict", "--help")
    assert set(NAMES) <= set(re.findall(r"\w+", text))


def assert_as_torchvision_says(name):
    from quest82.systems.pretrained import _CLIPS

    (num_frames, fps), meta = _CLIPS[name], published(name).meta
    said = dict(re.findall(r"`(frame_rate|clip_len)=([\d.]+)`", meta["_docs"]))
    assert (num_frames, fps) == (int(said["clip_len"]), float(said["frame_rate"]))
    assert num_frames >= meta.get("min_temporal_size", 1)
    network, (H, W) = models.get_model(name).eval(), published(name).transforms().crop_size
    assert network(torch.empty(1, 3, num_frames, H, W)).shape == (1, len(meta["categories"]))


@pytest.mark.parametrize("name", ["s3d", "swin3d_t"])
def test_making_one_draws_nothing(name):
    state = torch.get_rng_state()
    with Undrawn():
        models.get_model(name, weights=None)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_is_no_video_network_or_not_its_weights_is_refused(tiny, file, tmp_path):
    with pytest.raises(ValueError, match=r"pretrained .'resnet18'. must be one of mc3_18, .*s3d"):
        PretrainedVideoNetwork("resnet18")
    with pytest.raises(ValueError, match="there is no such file"):
        PretrainedVideoNetwork(NAME, tmp_path / "none.pth")
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=f"not a state dict of torchvision's {NAME}"):
        PretrainedVideoNetwork(NAME, tmp_path / "other.pth")


# Frames: the rate, the recipe.


@pytest.mark.parametrize("fps", [15, 30, 45, 60])
def test_at_a_whole_step_frames_are_torchvisions_and_those_of_a_window(fps):
    step = fps // 15
    taken = indices_at_rate(200, 16, fps=15, times=seconds(200, fps))
    assert torch.equal(taken, window_indices(200, 16, stride=step))
    resampled = torch.arange(200)[VideoClips._resample_video_idx(200, fps, 15)]
    assert torch.equal(taken - taken[0], resampled[:16])


@pytest.mark.parametrize("fps", [10, 23.976, 24, 25, 29.97, 50, 59.94])
@pytest.mark.parametrize("wanted", [7.5, 15])
def test_between_whole_steps_each_frame_is_within_half_a_frame_of_its_time(fps, wanted):
    taken = indices_at_rate(300, 16, fps=wanted, times=seconds(300, fps))
    late = (taken - taken[0]) / fps - torch.arange(16) / wanted
    assert late.abs().max() <= 0.5 / fps + 1e-9
    middle = (taken[0] + taken[-1]) / 2
    assert abs(middle - 149.5) <= 1.5


def test_times_that_a_container_has_rounded_change_nothing():
    exact = seconds(150, 30)
    rounded = (1000 * exact).round() / 1000
    taken = indices_at_rate(150, 16, fps=15, times=exact)
    assert torch.equal(indices_at_rate(150, 16, fps=15, times=rounded), taken)


def test_where_the_rate_varies_steps_are_of_equal_time():
    slow_then_fast = torch.cat([torch.arange(10) / 5, 2 + torch.arange(61) / 30])
    taken = indices_at_rate(70, 8, fps=5, times=slow_then_fast)
    assert taken.diff()[:2].tolist() == [1, 1] and taken.diff()[-2:].tolist() == [6, 6]


def test_short_clips_are_held_and_unknown_rates_taken_as_they_are():
    assert indices_at_rate(3, 5, fps=15, times=seconds(3, 30)).tolist() == [0, 2, 2, 2, 2]
    assert indices_at_rate(9, 5, fps=15, times=None).tolist() == [2, 3, 4, 5, 6]
    assert indices_at_rate(9, 5, fps=15, times=torch.zeros(10)).tolist() == [2, 3, 4, 5, 6]
    assert indices_at_rate(1, 3, fps=15, times=seconds(1, 25)).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match=r"fps \(0\) must be above 0"):
        indices_at_rate(9, 5, fps=0, times=None)


@pytest.mark.parametrize("name", [NAME, "s3d", "swin3d_t"])
@pytest.mark.parametrize("shape", [(90, 120), (240, 101)])
def test_the_network_is_given_what_torchvisions_transforms_give(tiny, file, name, shape):
    seen, network = [], PretrainedVideoNetwork(name, file)
    network.network.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    how = {"num_frames": 4, "fps": 15.0, "resize": network.resize, "crop": network.crop}
    frames = torch.randint(256, (4, 3, *shape), generator=torch.Generator().manual_seed(1))
    frames = frames.to(torch.uint8)
    pixels = Preset(**how)(frames)
    assert pixels.dtype == torch.uint8
    logits = network(pixels[None].float() / 255)
    expected = published(name).transforms()(frames)
    assert torch.equal(seen[0][0], expected)
    assert torch.equal(logits, Tiny.forward(network.network, expected[None]))


def test_a_narrow_strip_stays_small():
    preset = Preset(num_frames=1, fps=15, resize=(256,), crop=(224, 224))
    assert preset(torch.zeros(1, 3, 2, 30_000, dtype=torch.uint8)).shape == (1, 3, 224, 224)


def test_a_folder_of_frames_and_a_damaged_file_are_read(write_clip, tmp_path, monkeypatch):
    preset = Preset(num_frames=4, fps=12.5, resize=(32, 40), crop=(32, 32))
    path = write_clip(num_frames=20)
    indices, frames = take_preset(path, preset)
    assert indices.tolist() == [6, 8, 10, 12] and frames.shape == (4, 3, 32, 32)
    assert torch.equal(frames, preset(video.read_frames(path, indices)))
    read = video.read_frames

    def without_the_end(path, indices, **how):
        if max(indices) >= 10:
            raise video.MissingFrame("gone")
        return read(path, indices, **how)

    monkeypatch.setattr(video, "read_frames", without_the_end)
    monkeypatch.setattr(video, "count_frames", lambda path: 10)
    assert take_preset(path, preset)[0].tolist() == [1, 3, 5, 7]


# Weights: fetched, verified, kept.


def test_weights_are_fetched_once_and_go_on_where_they_broke_off(served, web):
    (name,), half = web.files, len(web.files[served.name]) // 2
    web.faults = [{"cut": half}]
    network = PretrainedVideoNetwork(NAME, progress=False)
    assert web.ranges == [None, f"bytes={half}-"] and served.exists()
    again = PretrainedVideoNetwork(NAME, progress=False)
    assert web.requests == [name, name]
    assert all(map(torch.equal, again.state_dict().values(), network.state_dict().values()))


def test_another_file_is_refused_wherever_it_lies(served, web):
    content = web.files[served.name]
    web.files[served.name] = content[:-1] + b"x"
    with pytest.raises(OSError, match="sent another file .*--pretrained-weights"):
        PretrainedVideoNetwork(NAME, progress=False)
    assert not served.exists()
    served.write_bytes(b"something else")
    with pytest.raises(OSError, match="delete the file and run again"):
        PretrainedVideoNetwork(NAME, progress=False)


def test_a_name_without_digits_cannot_be_verified(web):
    with pytest.raises(ValueError, match="must name a file with the first 8 digits"):
        ensure_published(web.url("weights.pth"))
    with pytest.raises(FetchError, match="404"):
        ensure_published(web.url("weights-01234567.pth"), progress=False)


# The command.


def test_from_the_address_to_the_answer(tiny, served, web, write_clip, tmp_path):
    clip, table, content = write_clip(num_frames=40), tmp_path / "t.csv", tmp_path / "t.json"
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    files = ("--csv", table, "--json", content, "--workers", 1, "--device", "cpu")
    text, error = quest82("predict", "--pretrained", NAME, clip, bad, "--top", 2, *files, code=1)
    assert web.requests == [served.name] and str(bad) in error
    told = json.loads(content.read_text("utf-8"))
    meta = published(NAME)
    assert told["model"] == NAME and told["classes"] == meta.meta["categories"]
    # 25 frames per second: every 5/3 of a frame, the window of 26 in the middle of 40.
    frames = [7 + int(0.5 + k * 5 / 3) for k in range(16)]
    with torch.no_grad():
        expected = tiny(meta.transforms()(video.read_frames(clip, frames))[None])[0].softmax(0)
    entry, failed = told["answers"]
    assert entry["frames"] == frames and "error" in failed
    assert list(entry["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-6)
    best = meta.meta["categories"][int(expected.argmax())]
    assert entry["label"] == best and text.splitlines()[1].endswith(f"  {best}")
    assert len(text.splitlines()) == 3
    with table.open(encoding="utf-8", newline="") as lines:
        assert [row["label"] for row in csv.DictReader(lines)] == [best, ""]


def test_from_a_file_of_weights_without_the_web(file, write_clip, monkeypatch):
    monkeypatch.setattr(fetching.urllib.request, "urlopen", None)
    clip = write_clip()
    how = ("--pretrained-weights", file, "--workers", 0, "--device", "cpu")
    text, _ = quest82("predict", "--pretrained", "swin3d_t", clip, *how)
    how = {"weights": file, "num_workers": 0, "device": "cpu"}
    with PretrainedPredictor.load("swin3d_t", **how) as predictor:
        answer = predictor(clip)
        assert [f"  {p:6.1%}  {name}" for name, p in answer.top(5)] == text.splitlines()[1:]
        with pytest.raises(video.VideoError, match="no such file"):
            predictor(clip.with_name("none.mp4"))


def test_where_the_address_cannot_be_reached_it_says_what_to_do(tiny, served, web, write_clip):
    web.files.clear()
    _, error = quest82("predict", "--pretrained", NAME, write_clip(), code=2)
    assert "the server answers 404" in error
    assert web.url(served.name) in error
    assert error.endswith("another machine can be given (--pretrained-weights)\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pretrained", NAME, "--window", 2), "--window is for models of `quest82 train`"),
        (("--pretrained", NAME, "--plot", "p.png"), "--plot is for models"),
        (("--pretrained", NAME, "--explain"), "--explain is for models"),
        (("--pretrained", NAME, "--engine", "plain"), "--engine is for models"),
        (("--pretrained", NAME, "--backbone-weights", "x.pth"), "--backbone-weights is for models"),
        (("--pretrained-weights", "x.pth"), "--pretrained-weights needs --pretrained"),
        (("--pretrained", "resnet18"), "must be one of mc3_18"),
        ((), "no videos: give them after the model (clip.mp4)"),
    ],
)
def test_what_does_not_go_together_is_refused(options, said):
    _, error = quest82("predict", "clip.mp4", *options, code=2)
    assert error.startswith("quest82: ") and said in error


@pytest.mark.slow
def test_the_whole_network_from_the_address_to_the_answer(web, tmp_path, monkeypatch):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = models.get_model(NAME).eval()
    torch.save(network.state_dict(), tmp_path / "state.pth")
    content = (tmp_path / "state.pth").read_bytes()
    name = f"{NAME}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    web.files[name] = content
    web.faults = [{"cut": 100_000_000}]
    monkeypatch.setattr(published(NAME).value, "url", web.url(name))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    clip, told = tmp_path / "clip.mp4", tmp_path / "t.json"
    video.write_video(clip, moving_square(60, size=128), fps=30)
    quest82("predict", "--pretrained", NAME, clip, "--json", told, "--device", "cpu")
    (entry,) = json.loads(told.read_text("utf-8"))["answers"]
    frames = published(NAME).transforms()(video.read_frames(clip, entry["frames"]))
    with torch.no_grad():
        expected = network(frames[None])[0].softmax(0).tolist()
    assert list(entry["probabilities"].values()) == pytest.approx(expected, abs=1e-5)
    assert entry["frames"] == list(range(14, 46, 2))
