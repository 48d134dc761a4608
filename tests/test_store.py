import contextlib
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import moving_square

from quest82 import video
from quest82.data import clips
from quest82.essences import EssenceSet, StoreError, extract
from quest82.frames.transforms import ClipTransform
from quest82.frames.view import ViewSpec, frames_of_view
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

FILES = ("clips.jsonl", "essences.npy", "index.safetensors", "manifest.json")


def contents(path):
    assert sorted(p.name for p in path.iterdir()) == list(FILES)
    return {name: (path / name).read_bytes() for name in FILES}


@pytest.fixture
def folder(write_clip, tmp_path):
    """Six small clips of two classes, one of them bad, with names that need care."""
    names = ["a/1.mp4", "a/два 2.mp4", "a/3.mp4", "b/1.mp4", "b/2'.mp4"]
    for i, name in enumerate(names):
        write_clip(f"clips/{name}", num_frames=5 + 3 * i, shade=150 + 20 * i)
    (tmp_path / "clips" / "b" / "bad.mp4").write_text("no video")
    return tmp_path / "clips"


SPEC = ViewSpec(num_frames=3, size=32)
HOW = {"engine": "plain", "num_workers": 0, "progress": False}


def test_extraction_describes_the_centres_of_segments(folder, extractor, tmp_path):
    data = extract(clips.from_folder(folder), extractor, tmp_path / "out", SPEC, **HOW)
    assert data.essences.shape == (5, 3, 1280)
    assert data.essences.dtype == torch.float16
    assert data.classes == ("a", "b")
    assert data.labels.tolist() == [0, 0, 0, 1, 1]
    assert data.clip_ids[2] == "a/два 2.mp4"
    frames = video.read_frames(folder / "a" / "3.mp4", [1, 5, 9])  # 11 frames, 3 segments
    expected = extractor(ClipTransform(32)(frames)[None])[0].half()
    assert data.clip_ids[1] == "a/3.mp4"
    torch.testing.assert_close(data.essences[1], expected, atol=2e-3, rtol=2e-3)


def test_a_bad_clip_is_listed_with_its_reason_and_costs_nothing_else(folder, extractor, tmp_path):
    data = extract(clips.from_folder(folder), extractor, tmp_path / "out", SPEC, **HOW)
    ((clip_id, reason),) = data.skipped
    assert clip_id == "b/bad.mp4"
    assert reason.startswith("b/bad.mp4: cannot be read as a video")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["num_skipped"] == 1


def test_a_clip_of_which_nothing_is_left_does_not_stop_the_others(folder, extractor, tmp_path):
    path = folder / "a" / "3.mp4"
    path.write_bytes(blank_frames(path.read_bytes()))
    data = extract(clips.from_folder(folder), extractor, tmp_path / "out", SPEC, **HOW)
    assert len(data) == 4
    assert "no frame" in dict(data.skipped)["a/3.mp4"]


def blank_frames(content: bytes) -> bytes:
    """An mp4 whose index is whole and whose frames are all zeros."""
    start = content.index(b"mdat")
    size = int.from_bytes(content[start - 4 : start], "big")
    return content[: start + 4] + bytes(size - 8) + content[start - 4 + size :]


def test_numpy_alone_can_read_a_store(folder, extractor, tmp_path):
    data = extract(clips.from_folder(folder), extractor, tmp_path / "out", SPEC, **HOW)
    array = np.load(tmp_path / "out" / "essences.npy", allow_pickle=False)
    assert np.array_equal(array, data.essences.numpy())


def test_a_finished_store_is_opened_as_it_is(folder, extractor, tmp_path):
    found = clips.from_folder(folder)
    first = extract(found, extractor, tmp_path / "out", SPEC, **HOW)
    before = contents(tmp_path / "out")
    shutil.rmtree(folder)
    again = extract(found, extractor, tmp_path / "out", SPEC, **HOW)
    assert torch.equal(first.essences, again.essences)
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("views", [1, 3])
@pytest.mark.parametrize("stop_after", [0, 2, 5])
def test_a_stopped_run_ends_byte_identical(folder, extractor, tmp_path, stop_after, views):
    found = clips.from_folder(folder)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    extract(found, extractor, whole, replace(SPEC, num_views=views), **HOW)

    class Stop(Exception):
        pass

    calls = 0

    def stopping(frames):
        nonlocal calls
        calls += 1
        if calls > stop_after * views:
            raise Stop
        return extractor(frames)

    stopping.num_features, stopping.device = extractor.num_features, extractor.device
    stopping.name, stopping.fingerprint = extractor.name, extractor.fingerprint
    with pytest.raises(Stop) if stop_after < 5 else contextlib.nullcontext():
        extract(found, stopping, stopped, replace(SPEC, num_views=views), **HOW)
    with (stopped / "clips.jsonl").open("ab") as file:
        file.write(b'{"id": "half a li' if stop_after < 5 else b"")
    extract(found, extractor, stopped, replace(SPEC, num_views=views), **HOW)
    assert contents(whole) == contents(stopped)


@pytest.mark.parametrize("lost_bytes", [5000, 30_000])
def test_numbers_that_did_not_reach_the_disk_are_made_again(
    folder, extractor, tmp_path, lost_bytes
):
    """After a loss of power: the lines are there, the numbers are zeros."""
    found, whole, out = clips.from_folder(folder), tmp_path / "whole", tmp_path / "out"
    extract(found, extractor, whole, SPEC, **HOW)
    shutil.copytree(whole, out)
    manifest = json.loads((out / "manifest.json").read_text())
    manifest = {k: v for k, v in manifest.items() if not k.startswith("num_")}
    (out / "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    numbers = out / "essences.npy"
    numbers.write_bytes(numbers.read_bytes()[:-lost_bytes] + bytes(lost_bytes))
    extract(found, extractor, out, SPEC, **HOW)
    assert contents(out) == contents(whole)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("num_frames", 4),
        ("size", 64),
        ("num_views", 2),
        ("sampler", "strided"),
        ("flip", False),
        ("seed", 1),
        ("by", "count"),
    ],
)
def test_other_settings_are_refused_by_name(folder, extractor, tmp_path, name, other):
    found, out = clips.from_folder(folder), tmp_path / "out"
    extract(found, extractor, out, SPEC, **HOW)
    before = contents(out)
    changed = {name: other} | ({"stride": 2} if name == "sampler" else {})
    with pytest.raises(StoreError, match=f"{name} is .* there and {other!r} here"):
        extract(found, extractor, out, replace(SPEC, **changed), **HOW)
    assert contents(out) == before


def test_other_weights_and_foreign_folders_are_refused(folder, extractor, tmp_path):
    found, out = clips.from_folder(folder), tmp_path / "out"
    extract(found, extractor, out, SPEC, **HOW)
    with pytest.raises(StoreError, match="weights is"):
        extract(found, MobileNetV2Extractor(weights=None), out, SPEC, **HOW)
    with pytest.raises(StoreError, match="holds other files"):
        extract(found, extractor, folder, SPEC, **HOW)
    with pytest.raises(StoreError, match="is a file"):
        extract(found, extractor, found[0].path, SPEC, **HOW)


def test_a_saved_selection_is_not_taken_for_an_extraction(folder, extractor, tmp_path):
    found = clips.from_folder(folder)
    data = extract(found, extractor, tmp_path / "out", SPEC, **HOW)
    data.subset([0, 1]).save(tmp_path / "part")
    before = contents(tmp_path / "part")
    with pytest.raises(StoreError, match="saved"):
        extract(found, extractor, tmp_path / "part", SPEC, **HOW)
    assert contents(tmp_path / "part") == before


def test_two_extractions_at_once_are_refused(folder, extractor, tmp_path):
    found, out = clips.from_folder(folder), tmp_path / "out"

    def meddling(frames):
        with pytest.raises(StoreError, match="another extraction"):
            extract(found, extractor, out, SPEC, **HOW)
        return extractor(frames)

    meddling.num_features, meddling.device = extractor.num_features, extractor.device
    meddling.name, meddling.fingerprint = extractor.name, extractor.fingerprint
    assert len(extract(found, meddling, out, SPEC, **HOW)) == 5


def test_nothing_is_left_where_no_clip_can_be_read(folder, extractor, tmp_path):
    only_bad = [clip for clip in clips.from_folder(folder) if "bad" in clip.id]
    with pytest.raises(StoreError, match="not one clip could be read"):
        extract(only_bad, extractor, tmp_path / "out", SPEC, **HOW)
    assert not list((tmp_path / "out").iterdir())


def test_random_views_differ_from_the_centre_and_repeat(folder, extractor, tmp_path):
    found = clips.from_folder(folder)
    data = extract(found, extractor, tmp_path / "a", replace(SPEC, num_views=3), **HOW)
    again = extract(found[::-1], extractor, tmp_path / "b", replace(SPEC, num_views=3), **HOW)
    single = extract(found, extractor, tmp_path / "c", SPEC, **HOW)
    assert data.essences.shape == (5, 3, 3, 1280)
    assert torch.equal(data.essences, again.essences.flip(0))  # whatever the order of the clips
    assert torch.equal(data.essences[:, 0], single.essences)
    assert not torch.equal(data.essences[:, 0], data.essences[:, 1])


def flip_byte(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: flip_byte(p / "essences.npy", -100),
        lambda p: flip_byte(p / "essences.npy", 20),
        lambda p: flip_byte(p / "clips.jsonl", 10),
        lambda p: (p / "essences.npy").write_bytes((p / "essences.npy").read_bytes()[:-1]),
        lambda p: (p / "essences.npy").write_bytes(b""),
        lambda p: (p / "essences.npy").unlink(),
        lambda p: (p / "clips.jsonl").unlink(),
        lambda p: (p / "clips.jsonl").write_text("5\n"),
        lambda p: (p / "clips.jsonl").write_text(""),
        lambda p: (p / "manifest.json").write_text("{"),
        lambda p: (p / "manifest.json").write_text("[]"),
        lambda p: (p / "manifest.json").write_text('{"format": "quest82-essences/1"}'),
        lambda p: (p / "manifest.json").write_text('{"format": "other"}'),
        lambda p: (p / "manifest.json").unlink(),
    ],
)
def test_a_damaged_store_is_named(make_set, tmp_path, damage):
    make_set().save(tmp_path / "out")
    damage(tmp_path / "out")
    with pytest.raises(StoreError, match="out"):
        assert len(EssenceSet.load(tmp_path / "out").essences)


@pytest.mark.parametrize("views", [0, 2])
def test_save_and_load_bring_everything_back(make_set, tmp_path, views):
    data = replace(make_set(views=views), skipped=(("x/б.mp4", "is empty"),))
    data.save(tmp_path / "out")
    again = EssenceSet.load(tmp_path / "out")
    assert torch.equal(again.essences, data.essences)
    assert torch.equal(again.labels, data.labels)
    for name in ("groups", "clip_ids", "classes", "skipped"):
        assert getattr(again, name) == getattr(data, name)
    with pytest.raises(StoreError, match="not empty"):
        data.save(tmp_path / "out")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1e6, "do not fit into float16"),
        (float("inf"), "do not fit"),
        (float("nan"), "hold NaN"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(make_set, tmp_path, recwarn, value, said):
    essences = make_set().essences.float()
    essences[3, 1, 2] = value
    with pytest.raises(StoreError, match=f"the essences of c003 {said}"):
        replace(make_set(), essences=essences).save(tmp_path / "out")
    assert not recwarn.list


def test_arrays_and_lists_are_taken_as_they_are(make_set, recwarn):
    data = make_set()
    essences, labels = data.essences.numpy(), data.labels.numpy()
    frozen = essences.copy()
    frozen.flags.writeable = False
    names = {
        "groups": list(data.groups),
        "clip_ids": np.array(data.clip_ids),
        "classes": np.array(data.classes, object),
    }
    for given in ((essences, labels), (frozen, labels.astype("u1")), (essences, labels.tolist())):
        again = EssenceSet(essences=given[0], labels=given[1], **names)
        assert torch.equal(again.essences, data.essences)
        assert torch.equal(again.labels, data.labels)
        assert again.labels.dtype == torch.long
        assert (again.groups, again.clip_ids) == (data.groups, data.clip_ids)
        assert again.classes == data.classes
        rest, part = again.split(0.25)
        assert len(rest) + len(part) == len(data)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("name", "value", "error", "said"),
    [
        ("essences", "text", TypeError, r"essences \(str\) must be numbers: a tensor, a numpy"),
        ("essences", None, TypeError, r"essences \(NoneType\) must be numbers"),
        ("essences", np.zeros(24), ValueError, r"essences \(24,\) must have the shape"),
        ("labels", ["a"] * 24, TypeError, r"labels \(list of str\w*\) must be numbers"),
        ("labels", torch.zeros(24), TypeError, r"labels \(torch.float32\) must be whole numbers"),
        ("labels", [3] * 24, ValueError, r"labels \(3 to 3\) must be from 0 to 2"),
        ("labels", [-1] * 24, ValueError, r"labels \(-1 to -1\) must be from 0 to 2"),
        ("groups", "g" * 24, TypeError, r"groups \(str\) must be a list, tuple or numpy array"),
        ("clip_ids", list(range(24)), TypeError, r"clip_ids \(list of int\w*\) must be a list"),
    ],
)
def test_other_types_are_refused_by_name(make_set, name, value, error, said):
    with pytest.raises(error, match=said):
        replace(make_set(), **{name: value})


def test_reversed_pairs(make_set):
    data = make_set(views=2)
    pairs = data.reversed_pairs({"class 0": "0 ssalc"})
    assert len(pairs) == 2 * len(data)
    assert torch.equal(pairs.essences[0::2], data.essences)
    assert torch.equal(pairs.essences[1::2], data.essences.flip(-2))
    assert pairs.classes[:4] == ("class 0", "0 ssalc", "class 1", "class 1, reversed")
    assert torch.equal(pairs.labels // 2, data.labels.repeat_interleave(2))
    assert pairs.groups[0::2] == pairs.groups[1::2] == data.groups
    direction = data.directions()
    assert direction.classes == ("forwards", "backwards")
    assert direction.labels.tolist() == [0, 1] * len(data)


def test_colliding_names_are_refused(make_set):
    with pytest.raises(ValueError, match="classes must differ"):
        make_set().reversed_pairs({"class 0": "class 1"})


def test_controls_take_the_frames_they_say(make_set):
    for T in (4, 5):
        data = make_set(num_frames=T)
        assert torch.equal(data.first_frame().essences, data.essences[:, :1])
        assert torch.equal(data.last_frame().essences, data.essences[:, -1:])
        pairs = data.reversed_pairs().middle_frame()
        assert torch.equal(pairs.essences[0::2], pairs.essences[1::2])
    assert torch.equal(data.middle_frame().essences, data.essences[:, 2:3])


def test_shuffling_keeps_the_frames_and_changes_their_order(make_set):
    data = make_set(num_frames=8)
    mixed = data.shuffled(torch.Generator().manual_seed(0))
    assert not torch.equal(mixed.essences, data.essences)
    for before, after in zip(data.essences, mixed.essences, strict=True):
        rows = {tuple(row.tolist()) for row in before}
        assert rows == {tuple(row.tolist()) for row in after}
    again = data.shuffled(torch.Generator().manual_seed(0))
    assert torch.equal(mixed.essences, again.essences)


@pytest.mark.parametrize("seed", range(5))
def test_a_split_keeps_groups_together_and_classes_in_proportion(make_set, seed):
    data = make_set(num_clips=120, clips_per_group=2)
    rest, part = data.split(0.25, seed=seed)
    assert not set(rest.groups) & set(part.groups)
    assert sorted(rest.clip_ids + part.clip_ids) == sorted(data.clip_ids)
    assert part.labels.bincount().tolist() == [10, 10, 10]


def test_what_cannot_be_selected_or_split_is_refused(make_set):
    data = make_set()
    with pytest.raises(ValueError, match="fraction"):
        data.split(0.9)
    with pytest.raises(ValueError, match=r"validation \(0.1\) means 10 parts, but 4 groups"):
        data.split(0.1, name="validation")
    with pytest.raises(ValueError, match=r"test \(0.9\)"):
        data.split(0.9, name="test")
    with pytest.raises(ValueError, match="mask"):
        data.subset(torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match="one length"):
        replace(data, groups=("g",))


def test_a_clip_that_damage_has_shortened_is_read_for_what_is_left(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    video.write_video(path, moving_square(num_frames=20), fps=25)
    info = video.probe(path)
    monkeypatch.setattr(video, "probe", lambda p: replace(info, num_frames=30))
    clip = clips.Clip("x", "a", "x", path)
    frames = frames_of_view(clip, 0, ViewSpec(num_frames=4, size=32, by="count"))
    assert frames.shape == (4, 3, 32, 32)


def test_a_rare_class_is_split_without_a_warning(make_set, recwarn):
    labels = torch.zeros(24, dtype=torch.long)
    labels[5] = 1
    rest, part = replace(make_set(), labels=labels).split(0.25)
    assert len(rest) + len(part) == 24
    assert not recwarn.list


@pytest.mark.skipif(os.name != "posix", reason="there is no umask")
@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_files_follow_the_umask(folder, extractor, tmp_path, umask):
    before = os.umask(umask)
    try:
        extract(clips.from_folder(folder), extractor, tmp_path / "out", SPEC, **HOW)
        network = classifier.build("mean", 4, 2)
        classifier.save(tmp_path / "m.safetensors", network, classes=("a", "b"))
        video.write_video(tmp_path / "v.mp4", moving_square(), fps=25)
    finally:
        os.umask(before)
    made = [*(tmp_path / "out").iterdir(), tmp_path / "m.safetensors", tmp_path / "v.mp4"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o666 & ~umask}
