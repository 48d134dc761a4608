"""Feature maps: the essence before its mean over space, shortened, in stores like any other."""

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from command import quest82
from conftest import contents, moving_square
from sklearn.decomposition import PCA

from quest82 import video
from quest82.data import clips
from quest82.essences import (
    EssenceSet,
    StoreError,
    extract,
    extract_maps,
    maps,
    projections,
    writer,
)
from quest82.essences.engines import PlainEngine, open_engine
from quest82.essences.projections import MOST_CLIPS, fit_projection, sample_to_fit
from quest82.frames import worker_program, workers
from quest82.frames.view import ViewSpec
from quest82.service.predictor import Predictor
from quest82.systems import classifier
from quest82.systems.maps import FeatureMaps
from quest82.systems.projection import Moments, Projection

FRAMES = torch.rand(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
SPEC = ViewSpec(num_frames=3, size=64)
HOW = {"engine": "plain", "num_workers": 0, "progress": False}
MAPS = {"grid": 2, "channels": 4, **HOW}
FILES = ["clips.jsonl", "essences.npy", "index.safetensors", "manifest.json"]
PROJECTION = "projection.safetensors"
NAMES = ("a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4")


def write(folder, names, shade=150):
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        frames = moving_square(4 + i, shade=shade + 20 * i)
        video.write_video(folder / name, frames.roll(7 * i, dims=2), fps=25)
    return clips.from_folder(folder)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return write(tmp_path_factory.mktemp("found") / "clips", NAMES)


@pytest.fixture(scope="module")
def store(found, extractor, tmp_path_factory):
    """A finished store of the four clips: 2 x 2 positions, 4 channels."""
    out = tmp_path_factory.mktemp("store") / "maps"
    extract_maps(found, extractor, out, SPEC, **MAPS)
    return out


@pytest.fixture
def copy(store, tmp_path):
    return shutil.copytree(store, tmp_path / "copy")


@pytest.fixture
def fitted_before(store, monkeypatch):
    """A fit gives, in no time, what it gave for the store."""

    def fit(*args, **kwargs):
        return projections.read_projection(store)

    monkeypatch.setattr(maps, "fit_projection", fit)


@pytest.fixture
def never_fit(monkeypatch):
    def fail(self, num_channels):
        raise AssertionError("a projection was fitted")

    monkeypatch.setattr(Moments, "projection", fail)


def drawn(num_positions=60, num_channels=12, seed=0):
    """Positions (n, D) whose variances differ, as maps (n / 4, D, 2, 2) too."""
    generator = torch.Generator().manual_seed(seed)
    scales = torch.linspace(3, 0.1, num_channels)
    positions = 1 + scales * torch.randn(num_positions, num_channels, generator=generator)
    return positions, positions.view(-1, 2, 2, num_channels).permute(0, 3, 1, 2)


@functools.cache
def projection_of(channels=4, num_channels=1280, seed=0):
    moments = Moments(num_channels)
    moments.add(drawn(60, num_channels, seed)[1])
    return moments.projection(channels)


# The network.


@pytest.mark.parametrize("grid", [1, 2])
def test_the_mean_of_a_map_is_the_essence(extractor, grid):
    maps = FeatureMaps(extractor, grid=grid)(FRAMES).unflatten(-1, (1280, grid, grid))
    torch.testing.assert_close(maps.mean(dim=(-2, -1)), extractor(FRAMES), rtol=1e-5, atol=1e-6)
    whole = extractor.maps(FRAMES)
    assert whole.shape == (2, 3, 1280, 2, 2)
    assert torch.equal(whole.flatten(0, 1).mean(dim=(2, 3)), extractor(FRAMES).flatten(0, 1))
    if grid == 2:
        assert torch.equal(maps, whole)


def test_a_frame_that_is_wider_keeps_the_order_of_positions(extractor):
    """Rows of a map are rows of the frame: positions are averaged over neighbours."""
    frames = torch.rand(1, 1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    whole = extractor.maps(frames)
    small = FeatureMaps(extractor, grid=2)(frames).unflatten(-1, (1280, 2, 2))
    corner = whole[..., :2, 2:].mean(dim=(-2, -1))
    torch.testing.assert_close(small[..., 0, 1], corner, rtol=1e-5, atol=1e-6)


def test_the_projection_is_a_linear_map_of_each_position(extractor):
    projection = projection_of()
    maps = FeatureMaps(extractor, grid=2, projection=projection)
    rows = maps(FRAMES)
    whole = extractor.maps(FRAMES).movedim(2, -1)  # (2, 3, 2, 2, 1280)
    expected = (whole - projection.mean) @ projection.components.T / projection.scale
    assert rows.shape == (2, 3, maps.num_features) == (2, 3, 16)
    torch.testing.assert_close(
        rows.unflatten(-1, (4, 2, 2)), expected.movedim(-1, 2), rtol=1e-4, atol=1e-4
    )


def test_maps_are_frozen_and_named_by_weights_and_projection(extractor):
    maps = FeatureMaps(extractor, grid=2, projection=projection_of()).train()
    assert not maps.training
    assert not any(weight.requires_grad for weight in maps.parameters())
    assert (maps.name, maps.device) == (extractor.name, extractor.device)
    names = {
        FeatureMaps(extractor, grid=2, projection=projection).fingerprint()
        for projection in (None, projection_of(), projection_of(seed=1))
    }
    assert len(names) == 3
    assert extractor.fingerprint() in names
    assert maps.settings["projection"] == maps.projection.fingerprint()


@pytest.mark.parametrize(
    ("name", "size", "short"),
    [("openvino", 96, True), ("openvino", 64, False), ("fused", 96, True)],
)
def test_every_engine_gives_the_same_maps(extractor, name, size, short):
    if name == "openvino":
        pytest.importorskip("openvino")
    maps = FeatureMaps(extractor, grid=2, projection=projection_of() if short else None)
    noise = torch.Generator().manual_seed(1)
    frames = torch.randint(256, (2, 3, size, size), generator=noise).byte()
    engine, plain = open_engine(maps, size=size, name=name), PlainEngine(maps, size)
    assert engine.name == name
    torch.testing.assert_close(engine(frames), plain(frames), rtol=1e-3, atol=1e-3)


def test_more_positions_than_the_network_has_are_refused(extractor):
    maps = FeatureMaps(extractor, grid=3)
    with pytest.raises(ValueError, match=r"maps \(3\) must be at most 2"):
        maps(FRAMES)
    with pytest.raises(ValueError, match=r"maps \(3\) must be at most 2"):
        maps.require_size(64)
    maps.require_size(65)  # 3 positions, as the convolutions round up
    assert extractor.maps(torch.rand(1, 1, 3, 65, 65)).shape[-2:] == (3, 3)
    with pytest.raises(ValueError, match="at least 1 position"):
        FeatureMaps(extractor, grid=0)
    with pytest.raises(ValueError, match="of 12 channels. must be of the 1280"):
        FeatureMaps(extractor, grid=1, projection=projection_of(num_channels=12))


# The projection.


def test_the_projection_is_the_principal_component_analysis_of_scikit_learn():
    positions, maps = drawn()
    reference = PCA(5).fit(positions.double().numpy())
    moments = Moments(12)
    for part in maps.split(4):
        moments.add(part)
    projection = moments.projection(5)
    signs = np.sign((reference.components_ * projection.components.numpy()).sum(axis=1))
    expected = torch.from_numpy(reference.components_ * signs[:, None]).float()
    torch.testing.assert_close(projection.components, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(projection.mean, positions.mean(dim=0))
    shares = torch.from_numpy(reference.explained_variance_ratio_).float()
    torch.testing.assert_close(projection.explained, shares, rtol=1e-4, atol=1e-6)
    scores = projection.scale * projection(maps).permute(0, 2, 3, 1).reshape(60, 5)
    assert projection(maps).var(dim=(0, 2, 3)).mean() == pytest.approx(1, rel=1e-4)
    known = torch.from_numpy(reference.transform(positions.double().numpy()) * signs).float()
    torch.testing.assert_close(scores, known, rtol=1e-3, atol=1e-4)


def test_the_sign_of_a_component_is_laid_down():
    _, maps = drawn()
    rows = []
    for sign in (1, -1):
        moments = Moments(12)
        moments.add(sign * maps)
        rows.append(moments.projection(5).components)
    torch.testing.assert_close(*rows, rtol=1e-4, atol=1e-5)
    assert all(row[row.abs().argmax()] > 0 for row in rows[0])


def test_too_many_channels_are_refused():
    moments = Moments(12)
    moments.add(drawn()[1][:2])
    for channels in (0, 12):
        with pytest.raises(ValueError, match=rf"channels \({channels}\) must be from 1 to 11"):
            moments.projection(channels)
    with pytest.raises(ValueError, match=r"fewer than the positions .* \(8\)"):
        moments.projection(8)
    still = Moments(12)
    still.add(torch.ones(5, 12, 2, 2))
    with pytest.raises(ValueError, match="all 20 positions are equal"):
        still.projection(3)


def test_a_projection_survives_its_file_and_damage_is_told(tmp_path):
    projection, path = projection_of(), tmp_path / "p.safetensors"
    assert projection.to_bytes() == projection.to_bytes()
    path.write_bytes(projection.to_bytes())
    again = Projection.load(path)
    assert again.fingerprint() == projection.fingerprint()
    whole = path.read_bytes()
    weights = {"mean": torch.zeros(3), "explained": torch.zeros(2), "scale": torch.ones(())}
    for damaged in (
        whole[:-1],
        whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
        b"",
        safetensors.torch.save(weights),
        safetensors.torch.save({**weights, "components": torch.zeros(2, 3)}),
        safetensors.torch.save({**weights, "components": torch.zeros(2, 4)}),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"p.safetensors: is damaged, or no projection"):
            Projection.load(path)
    with pytest.raises(ValueError, match="there is no such projection"):
        Projection.load(tmp_path / "none")


# The clips on which it is fitted.


def named(num, split=""):
    return [clips.Clip(f"{split}{i}", "a", "g", None, split=split) for i in range(num)]


def test_a_sample_is_of_training_clips_and_the_same_in_every_order():
    every = named(300)
    sample = sample_to_fit(every)
    assert len({clip.id for clip in sample}) == MOST_CLIPS
    assert sample == sample_to_fit(every[::-1])
    assert {int(clip.id) // 100 for clip in sample} == {0, 1, 2}  # not the first alone
    split = named(7, "train") + named(9, "test") + named(3)
    assert {clip.split for clip in sample_to_fit(split)} == {"train"}
    with pytest.raises(ValueError, match=r"of the split test, val. must have some of .* train"):
        sample_to_fit(named(2, "test") + named(2, "val"))


def test_test_clips_do_not_shape_the_projection(found, extractor, tmp_path, monkeypatch):
    split = [replace(clip, split="test" if clip.label == "b" else "train") for clip in found]
    read, read_views = [], worker_program.read_views

    def noting(clip, views, spec):
        read.append(clip.id)
        return read_views(clip, views, spec)

    monkeypatch.setattr(workers.Here, "read", staticmethod(noting))
    monkeypatch.setattr(Moments, "projection", lambda self, channels: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        extract_maps(split, extractor, tmp_path / "out", SPEC, **MAPS)
    assert sorted(read) == ["a/1.mp4", "a/2.mp4"]


# The store.


def test_a_store_of_maps_holds_the_rows_of_the_network(found, extractor, store):
    data = EssenceSet.load(store)
    projection = projections.read_projection(store)
    assert sorted(contents(store)) == [*FILES, PROJECTION]
    assert (data.essences.shape, data.maps.shape) == ((4, 3, 16), (4, 3, 4, 2, 2))
    assert torch.equal(data.maps.flatten(2), data.essences)
    assert data.settings["weights"] == f"{extractor.fingerprint()}+{projection.fingerprint()}"
    assert {name: data.settings[name] for name in ("maps", "channels", "projection")} == {
        "maps": 2, "channels": 4, "projection": projection.fingerprint(),
    }  # fmt: skip
    moments = Moments(1280)
    whole = extract_maps(found, extractor, store.parent / "whole", SPEC, grid=2, **HOW)
    assert sorted(contents(store.parent / "whole")) == FILES
    assert whole.maps.shape == (4, 3, 1280, 2, 2)
    moments.add(whole.maps.flatten(0, 1))
    torch.testing.assert_close(
        projection(whole.maps.float().flatten(0, 1)), data.maps.float().flatten(0, 1),
        rtol=1e-2, atol=2e-2,
    )  # fmt: skip
    assert moments.count == 4 * 3 * 2 * 2
    essences = extract(found, extractor, store.parent / "essences", SPEC, **HOW)
    means = whole.maps.float().mean(dim=(-2, -1))
    torch.testing.assert_close(means, essences.essences.float(), rtol=5e-3, atol=5e-3)


def test_maps_stay_maps_in_views_subsets_and_saved_stores(found, extractor, store, tmp_path):
    views = replace(SPEC, num_views=2)
    data = extract_maps(found, extractor, tmp_path / "v", views, projection=store, grid=2, **HOW)
    assert data.maps.shape == (4, 2, 3, 4, 2, 2)
    assert torch.equal(data.maps[:, 0], EssenceSet.load(store).maps)
    part = data.subset(data.labels == 0)
    assert torch.equal(part.reversed_pairs().maps[1::2], part.maps.flip(2))
    part.save(tmp_path / "saved")
    assert torch.equal(EssenceSet.load(tmp_path / "saved").maps, part.maps)


def test_essences_are_no_maps(make_set):
    with pytest.raises(ValueError, match=r"essences \(of 16 numbers\) hold no feature maps"):
        _ = make_set().maps
    with pytest.raises(ValueError, match="hold no feature maps"):
        _ = replace(make_set(), settings={"maps": 2, "channels": 5}).maps


def test_a_finished_store_is_opened_as_it_is(found, extractor, copy, never_fit):
    before = contents(copy)
    extract_maps(found, extractor, copy, SPEC, **MAPS)
    assert contents(copy) == before


def test_new_clips_do_not_change_the_projection(found, extractor, store, tmp_path, monkeypatch):
    shutil.copytree(store, tmp_path / "out")
    shutil.copytree(found[0].path.parents[1], tmp_path / "clips")
    more = write(tmp_path / "clips", ("a/3.mp4", "c/1.mp4"), shade=60)
    monkeypatch.setattr(Moments, "projection", None)
    extract_maps(more, extractor, tmp_path / "out", SPEC, **MAPS)
    assert len(EssenceSet.load(tmp_path / "out")) == 6
    fresh = {"grid": 2, "projection": store, **HOW}
    extract_maps(more, extractor, tmp_path / "fresh", SPEC, **fresh)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


@pytest.mark.parametrize("of", [lambda path: path, lambda path: path / "projection.safetensors"])
def test_the_projection_of_another_store_is_taken_as_it_is(
    found, extractor, store, tmp_path, never_fit, of
):
    how = {"grid": 2, "projection": of(store), **HOW}
    one = extract_maps(found[:1], extractor, tmp_path / "out", SPEC, **how)
    assert torch.equal(one.essences, EssenceSet.load(store).essences[:1])
    name = "projection.safetensors"
    assert (tmp_path / "out" / name).read_bytes() == (store / name).read_bytes()


class Killed(BaseException):
    """Nothing in the package may catch it."""


@pytest.mark.parametrize("place", ["write", "manifest", "clip 0", "clip 2"])
def test_a_killed_run_ends_byte_identical(
    found, extractor, store, fitted_before, tmp_path, monkeypatch, place
):
    """Killed after the fit: before, between, or after the projection and the manifest are there."""
    out, calls = tmp_path / "out", []

    def killing(function, after):
        def call(*args, **kwargs):
            calls.append(0)
            if len(calls) > after:
                raise Killed
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        if place == "write":
            patch.setattr(projections, "write_whole", killing(None, 0))
        elif place == "manifest":
            patch.setattr(writer, "write_whole", killing(None, 0))
        else:
            patch.setattr(PlainEngine, "__call__", killing(PlainEngine.__call__, int(place[-1])))
        with pytest.raises(Killed):
            extract_maps(found, extractor, out, SPEC, **MAPS)
    assert (out / "projection.safetensors").exists() == (place != "write")
    if place == "clip 2":  # from here on it is read
        monkeypatch.setattr(maps, "fit_projection", None)
    extract_maps(found, extractor, out, SPEC, **MAPS)
    assert contents(out) == contents(store)


KILL = """
import os, signal, sys
from quest82.data import clips
from quest82.essences import extract_maps, writer
from quest82.frames import worker_program, workers
from quest82.frames.view import ViewSpec
from quest82.systems.mobilenet import MobileNetV2Extractor

folder, out, weights = sys.argv[1:]
append = writer.StoreWriter._append_line
def dying(self, line):
    append(self, line)
    os.kill(os.getpid(), signal.SIGKILL)
writer.StoreWriter._append_line = dying
how = {"engine": "plain", "num_workers": 0, "progress": False}
spec, network = ViewSpec(num_frames=3, size=64), MobileNetV2Extractor(weights)
extract_maps(clips.from_folder(folder), network, out, spec, grid=2, channels=4, **how)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_run_that_the_system_kills_goes_on_with_its_projection(
    found, extractor, weights, store, tmp_path, never_fit
):
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILL, str(found[0].path.parents[1]), str(out), str(weights)]
    assert subprocess.run(command, timeout=120, check=False).returncode == -9
    assert (out / "clips.jsonl").read_bytes().count(b"\n") == 1
    extract_maps(found, extractor, out, SPEC, **MAPS)
    assert len(EssenceSet.load(out)) == 4
    assert json.loads((out / "manifest.json").read_text())["complete"]


def test_a_disk_that_is_full_is_told_before_the_first_clip(
    found, extractor, store, fitted_before, tmp_path, monkeypatch
):
    def full(path, content):
        path.with_name(path.name + ".part").write_bytes(content[:10])
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(projections, "write_whole", full)
        with pytest.raises(StoreError, match=r"out: cannot be written .No space.*make space"):
            extract_maps(found, extractor, out, SPEC, **MAPS)
    extract_maps(found, extractor, out, SPEC, **MAPS)
    assert contents(out) == contents(store)


# What is refused.


def damage(path, content):
    path.unlink() if content is None else path.write_bytes(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no such projection; delete the folder"), (b"{}", "is damaged, or no proj")],
)
def test_a_store_without_its_projection_is_refused(
    found, extractor, store, copy, tmp_path, content, said
):
    damage(copy / "projection.safetensors", content)
    before = contents(copy)
    for how in ({"channels": 4}, {"projection": store}):
        with pytest.raises(StoreError, match=rf"projection.safetensors: {said}"):
            extract_maps(found, extractor, copy, SPEC, grid=2, **how, **HOW)
    with pytest.raises(StoreError, match="give a store of `quest82 extract --channels`"):
        extract_maps(found, extractor, tmp_path / "new", SPEC, grid=2, projection=copy, **HOW)
    assert contents(copy) == before
    assert not (tmp_path / "new").exists()
    assert len(EssenceSet.load(copy)) == 4  # the numbers are whole


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"grid": 1, "channels": 4}, "maps is 2 there and 1 here"),
        ({"grid": 2, "channels": 5}, "channels is 4 there and 5 here"),
        ({"grid": 2}, "channels is 4 there and 1280 here"),
    ],
)
def test_other_maps_are_refused_by_name(found, extractor, copy, never_fit, how, said):
    before = contents(copy)
    with pytest.raises(StoreError, match=said):
        extract_maps(found, extractor, copy, SPEC, **how, **HOW)
    with pytest.raises(StoreError, match="channels is 4 there and None here"):
        extract(found, extractor, copy, SPEC, **HOW)
    assert contents(copy) == before


def test_another_projection_is_refused(found, extractor, copy, tmp_path):
    (tmp_path / "other").write_bytes(projection_of().to_bytes())
    before = contents(copy)
    how = {"grid": 2, "projection": tmp_path / "other", **HOW}
    with pytest.raises(StoreError, match="projection is '.*' there and '.*' here"):
        extract_maps(found, extractor, copy, SPEC, **how)
    assert contents(copy) == before


def test_a_store_of_essences_becomes_none_of_maps(found, extractor, tmp_path, never_fit):
    extract(found, extractor, tmp_path / "out", SPEC, **HOW)
    with pytest.raises(StoreError, match="channels is None there and 4 here"):
        extract_maps(found, extractor, tmp_path / "out", SPEC, **MAPS)


def test_folders_of_other_files_are_left_alone(found, extractor, store, tmp_path, never_fit):
    folder = found[0].path.parents[1]
    for how in ({"channels": 4}, {"projection": store}):
        with pytest.raises(StoreError, match="holds other files"):
            extract_maps(found, extractor, folder, SPEC, grid=2, **how, **HOW)
        with pytest.raises((StoreError, ValueError), match=r"is a file|cannot be written"):
            extract_maps(found, extractor, found[0].path, SPEC, grid=2, **how, **HOW)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    (tmp_path / PROJECTION).write_bytes((store / PROJECTION).read_bytes())
    with pytest.raises(StoreError, match="holds other files"):  # a plain store has none
        extract(found, extractor, tmp_path, SPEC, **HOW)


def test_what_cannot_be_is_refused_before_anything_is_read(
    found, extractor, store, tmp_path, monkeypatch
):
    monkeypatch.setattr(video, "read_frames", None)
    out = tmp_path / "out"
    cases = [
        ({"grid": 2, "channels": 4, "projection": store}, "give one of both"),
        ({"grid": 3, "channels": 4}, r"maps \(3\) must be at most 2"),
        ({"grid": 2, "projection": tmp_path / "none"}, "there is no such projection"),
        ({"grid": 2, "channels": 4, "engine": "warp"}, "engine .'warp'. must be one of"),
    ]
    for how, said in cases:
        with pytest.raises(ValueError, match=said):
            extract_maps(found, extractor, out, SPEC, **{**HOW, **how})
    other = FeatureMaps(extractor, grid=2)
    other.name = "other"
    with pytest.raises(ValueError, match="of mobilenet_v2 alone, not other"):
        extract_maps(found, other, out, SPEC, **MAPS)
    assert not out.exists()


def test_clips_that_cannot_be_read_are_passed_over(found, extractor, store, tmp_path):
    (tmp_path / "bad.mp4").write_text("no video")
    bad = clips.Clip("bad", "a", "g", tmp_path / "bad.mp4")
    how = {"grid": 2, "channels": 4, **HOW, "time_limit_seconds": 60}
    fitted = fit_projection([*found, bad], extractor, SPEC, **how)
    assert fitted.fingerprint() == projections.read_projection(store).fingerprint()
    with pytest.raises(StoreError, match="not one clip could be read"):
        extract_maps([bad], extractor, tmp_path / "out", SPEC, **MAPS)
    with pytest.raises(StoreError, match="not one clip could be read"):
        extract_maps([bad], extractor, tmp_path / "out", SPEC, grid=2, projection=store, **HOW)
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_model_of_maps_is_not_asked_about_videos(store, tmp_path):
    data = EssenceSet.load(store)
    network = classifier.build("lstm", data.num_features, 2, hidden_size=4)
    assert network(data.essences).shape == (4, 2)
    path = tmp_path / "m.safetensors"
    classifier.save(path, network, classes=data.classes, extraction=data.settings)
    with pytest.raises(ValueError, match="reads feature maps, not videos"):
        Predictor.load(path)


# The command.


def test_the_command_makes_stores_of_maps(found, weights, store, tmp_path):
    folder, out = found[0].path.parents[1], tmp_path / "out"
    how = ("--num-frames", 3, "--size", 64, "--backbone-weights", weights, "--engine", "plain")
    how = (*how, "--workers", 0, "--device", "cpu")
    text, _ = quest82("extract", folder, out, "--maps", 2, "--channels", 4, *how)
    assert "maps of 2 x 2 positions, 4 channels, which keep" in text
    data = EssenceSet.load(out)
    torch.testing.assert_close(data.maps, EssenceSet.load(store).maps, rtol=1e-2, atol=1e-2)
    text, _ = quest82("extract", folder, tmp_path / "w", "--maps", 1, *how)
    assert text.endswith("maps of 1 x 1 positions, 1280 channels\n")
    again = ("--maps", 2, "--projection", out)
    quest82("extract", folder, tmp_path / "again", *again, *how)
    assert contents(tmp_path / "again") == contents(out)
    _, error = quest82("extract", folder, out, "--channels", 4, *how, code=2)
    assert "--channels (4) shortens maps: give --maps, too" in error
