"""Folders of frames are clips like any other: the same frames, essences, stores and commands."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from command import quest82
from conftest import moving_square
from PIL import Image

from quest82 import video
from quest82.data import clips, files, places, ucf101
from quest82.data.annotations import from_annotations
from quest82.data.clips import Clip, digest_of
from quest82.essences import extract
from quest82.frames.view import ViewSpec, take_view
from quest82.systems import classifier
from quest82.systems.backbones import open_backbone
from quest82.video import MissingFrame, VideoError

SPEC = ViewSpec(num_frames=3, size=64, num_views=2)
HOW = {"engine": "plain", "num_workers": 0, "progress": False}


def write_frames(folder, frames, *, name="{:06d}.png", first=1):
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames.permute(0, 2, 3, 1).numpy(), first):
        Image.fromarray(frame).save(folder / name.format(number))
    return folder


@pytest.fixture
def both(write_clip, tmp_path):
    """A video, and a folder of its frames whose names do not sort as text."""
    path = write_clip("v/clip.mp4", num_frames=23, size=96)
    frames = video.read_frames(path, range(23))
    return path, write_frames(tmp_path / "f" / "clip", frames, name="frame{}.png", first=0)


def test_a_folder_of_png_has_the_frames_of_the_video(both):
    path, folder = both
    numbers = [0, 22, 9, 10, 10, 2]
    assert torch.equal(video.read_frames(folder, numbers), video.read_frames(path, numbers))
    assert video.probe(folder) == replace(video.probe(path), fps=0.0)
    assert video.count_frames(folder) == 23
    assert video.inspect(folder) == video.Inspection(23, 23, 0, "")


@pytest.mark.parametrize("by", ["time", "count"])
@pytest.mark.parametrize("sampler", [{}, {"sampler": "strided", "stride": 4}])
def test_views_and_essences_are_the_same_bits(both, extractor, tmp_path, by, sampler):
    spec, written = replace(SPEC, by=by, **sampler), []
    for number, path in enumerate(both):
        clip = Clip("one", "a", "g", path)
        written.append([take_view(clip, view, spec) for view in (0, 1)])
        extract([clip], extractor, tmp_path / f"store{number}", spec, **HOW)
    for (a, pixels), (b, same) in zip(*written, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(pixels, same)
    numbers = [(tmp_path / f"store{k}" / "essences.npy").read_bytes() for k in (0, 1)]
    assert numbers[0] == numbers[1]


def test_folders_and_videos_are_found_side_by_side(write_clip, tmp_path):
    root = tmp_path
    write_clip("walk/ida_1.mp4")
    for name in ("walk/eli_2", "run/eli_1", "run/ida_2.avi"):
        write_frames(root / name, moving_square(3))
    (root / "run" / "eli_1" / "notes.txt").write_text("hello")
    (root / "run" / "eli_1" / "cover.jpg").write_text("no frame")
    (root / "run" / "eli_1" / ".000009.jpg").write_text("hidden")
    found = clips.from_folder(root, groups="^([a-z]+)_")
    assert [(c.id, c.label, c.group) for c in found] == [
        ("run/eli_1", "run", "eli"), ("run/ida_2.avi", "run", "ida"),
        ("walk/eli_2", "walk", "eli"), ("walk/ida_1.mp4", "walk", "ida"),
    ]  # fmt: skip
    assert [path.name for path in files.passed_over(root)] == ["cover.jpg", "notes.txt"]
    assert video.count_frames(root / "run" / "eli_1") == 3


def test_what_holds_videos_or_folders_is_no_clip(write_clip, tmp_path):
    """A class folder with an image in it, or a clip's folder with images beside the video."""
    write_clip("data/walk/a.mp4")
    write_clip("data/walk/b/b.mp4")
    for name in ("data/walk", "data/walk/b", "data"):
        (tmp_path / name / "1.jpg").touch()
    root = tmp_path / "data"
    assert [clip.id for clip in clips.from_folder(root)] == ["walk/a.mp4"]
    others = [path.relative_to(root).as_posix() for path in files.passed_over(root)]
    assert others == ["1.jpg", "walk/1.jpg", "walk/b/1.jpg", "walk/b/b.mp4"]


def test_a_video_beside_its_frames_is_one_clip_too_many(write_clip, tmp_path):
    write_clip("data/walk/a.mp4")
    write_frames(tmp_path / "data" / "walk" / "a", moving_square(2))
    with pytest.raises(ValueError, match=r"a.mp4: lies beside a, a folder of frames"):
        clips.from_folder(tmp_path / "data")


def test_of_ucf101_the_videos_are_the_clips(tmp_path):
    path = tmp_path / "UCF-101" / "Biking" / "v_Biking_g01_c01.avi"
    path.parent.mkdir(parents=True)
    path.touch()
    for name in (path.stem, "other"):
        write_frames(tmp_path / "jpegs" / name, moving_square(2))
    assert [clip.path for clip in ucf101.clips(tmp_path)] == [path]


def test_splits_depths_links_and_other_endings(tmp_path):
    root = tmp_path / "data"
    for name in ("train/walk/a", "test/walk/b"):
        write_frames(root / name, moving_square(2))
    assert [(c.id, c.split) for c in clips.from_folder(root)] == [
        ("test/walk/b", "test"), ("train/walk/a", "train")
    ]  # fmt: skip
    with pytest.raises(places.TooDeep, match="one level deeper"):
        clips.from_folder(tmp_path)
    with pytest.raises(ValueError, match=r"or root/<class>/<clip>/ with the clip's frames"):
        clips.from_folder(root / "train" / "walk")
    assert files.videos_below(root, endings={".npy"})[0] == []
    (root / "train" / "walk" / "again").symlink_to(root / "train" / "walk" / "a")
    assert len(clips.from_folder(root)) == 2


def test_annotations_name_folders(tmp_path):
    write_frames(tmp_path / "x" / "one", moving_square(2))
    table = tmp_path / "labels.csv"
    table.write_text("path,label\nx/one/,walk\n")
    (clip,) = from_annotations(tmp_path, [table])
    assert (clip.id, clip.label, clip.path) == ("x/one", "walk", tmp_path / "x" / "one")
    table.write_text("path,label,start,end\nx/one,walk,0,1\n")
    (part,) = from_annotations(tmp_path, [table])
    with pytest.raises(VideoError, match="frames, which have no times, .* cut from it by seconds"):
        take_view(part, 0, SPEC)


def spoil(folder, how):
    target = folder / "000003.png"
    if how == "size":
        Image.new("RGB", (32, 16)).save(target)
    elif how == "short":
        target.write_bytes(target.read_bytes()[:-60])
    elif how == "text":
        target.write_text("no image")
    elif how == "deep":
        Image.fromarray(np.full((64, 64), 300, np.uint16)).save(target)
    elif how == "series":
        shutil.copy(target, folder / "flow_x_1.png")
    else:
        target.unlink()
        target.symlink_to(folder / "nowhere")


@pytest.mark.parametrize(
    ("how", "said", "decoded"),
    [("size", "000003.png is 32x16 pixels, but 000001.png is 64x64", 5),
     ("short", "000003.png cannot be read (", 4),
     ("text", "000003.png cannot be read (is no JPEG or PNG)", 4),
     ("deep", "000003.png has pixels of the kind 'I;16'", 4),
     ("series", "holds images of 2 series, such as #.png and flow_x_#.png", 0),
     ("link", "000003.png cannot be read (No such file or directory)", 4)],
)  # fmt: skip
def test_a_bad_image_costs_the_clip_and_is_named(extractor, tmp_path, how, said, decoded):
    root = tmp_path / "data"
    folders = [write_frames(root / "walk" / name, moving_square(5)) for name in ("bad", "good")]
    spoil(folders[0], how)
    with pytest.raises(VideoError) as error:
        video.read_frames(folders[0], range(5))
    assert str(error.value).startswith(str(folders[0]))
    assert said in str(error.value)
    found = video.inspect(folders[0])
    assert found.decoded == decoded
    assert said in found.problem
    spec = replace(SPEC, num_frames=5)
    data = extract(clips.from_folder(root), extractor, tmp_path / "store", spec, **HOW)
    assert data.clip_ids == ("walk/good",)
    ((skipped, reason),) = data.skipped
    assert skipped == "walk/bad"
    assert said in reason


def test_a_jpeg_that_is_cut_short_is_not_filled_up_with_grey(tmp_path):
    folder = write_frames(tmp_path / "clip", moving_square(3), name="{:03d}.JPG")
    whole = video.read_frames(folder, [1])
    assert (whole.float() - moving_square(3)[1:2].float()).abs().mean() < 5
    (folder / "002.JPG").write_bytes((folder / "002.JPG").read_bytes()[:700])
    with pytest.raises(VideoError, match=r"002.JPG cannot be read \(.*truncated"):
        video.read_frames(folder, [0, 1])


def test_a_frame_beyond_the_last_is_missed(tmp_path):
    folder = write_frames(tmp_path / "clip", moving_square(4))
    for number in (4, -1):
        with pytest.raises(MissingFrame, match=f"frame {number} was asked for, but there are 4"):
            video.read_frames(folder, [0, number])


def test_images_are_upright_and_rgb(tmp_path):
    """As frames of a turned telephone are; grey and transparent images have three channels."""
    pixels = moving_square(1)[0].permute(1, 2, 0).numpy()[:40]
    turned = Image.fromarray(pixels).getexif()
    turned[0x0112] = 6  # to be turned by a quarter, clockwise
    (tmp_path / "clip").mkdir()
    Image.fromarray(pixels).save(tmp_path / "clip" / "1.png", exif=turned)
    (frame,) = video.read_frames(tmp_path / "clip", [0])
    assert np.array_equal(frame.permute(1, 2, 0).numpy(), np.rot90(pixels, -1))
    for mode in ("L", "P", "RGBA"):
        image = Image.fromarray(pixels).convert(mode)
        image.save(tmp_path / "clip" / "1.png")
        (frame,) = video.read_frames(tmp_path / "clip", [0])
        assert np.array_equal(frame.permute(1, 2, 0).numpy(), np.array(image.convert("RGB")))


def test_a_store_follows_the_images_of_a_folder(extractor, tmp_path):
    root, store, fresh = tmp_path / "data", tmp_path / "store", tmp_path / "fresh"
    for name in ("a", "b"):
        write_frames(root / "walk" / name, moving_square(6))

    def lines():
        extract(clips.from_folder(root), extractor, store, SPEC, **HOW)
        text = (store / "clips.jsonl").read_text()
        return [json.loads(line)["digest"] for line in text.splitlines()]

    first = lines()
    assert first[0] == first[1] == digest_of(root / "walk" / "a")
    before = (store / "manifest.json").stat().st_mtime_ns
    (root / "walk" / "a" / "notes.txt").write_text("no frame")
    assert lines() == first
    assert (store / "manifest.json").stat().st_mtime_ns == before
    changes = (
        lambda folder: Image.new("RGB", (64, 64)).save(folder / "000002.png"),
        lambda folder: (folder / "000006.png").unlink(),
        lambda folder: (folder / "000001.png").rename(folder / "000010.png"),
    )
    seen = {first[0]}
    for change in changes:
        change(root / "walk" / "a")
        changed, same = lines()
        assert same == first[1]
        assert changed not in seen
        seen.add(changed)
        shutil.rmtree(fresh, ignore_errors=True)
        extract(clips.from_folder(root), extractor, fresh, SPEC, **HOW)
        for name in ("essences.npy", "clips.jsonl"):
            assert (store / name).read_bytes() == (fresh / name).read_bytes()
    assert digest_of(tmp_path / "nowhere") is None
    assert digest_of(tmp_path) is None


def test_the_commands_take_folders_of_frames(write_clip, weights, tmp_path):
    root = tmp_path / "data"
    path = write_clip("data/run/a_1.mp4", num_frames=12)
    frames = video.read_frames(path, range(12))
    for name in ("walk/a_2", "walk/b_2", "run/b_1"):
        write_frames(root / name, frames)
    text, _ = quest82("check", root, "--workers", 0)
    assert text.splitlines()[-1] == "4 videos read, 0 with problems; 0 other files"
    assert "1 videos read" in quest82("check", root / "walk" / "a_2", "--workers", 0)[0]
    text, _ = quest82("describe", root, "--groups", "^([a-z])_", "--workers", 0)
    assert "4 clips, 2 classes, 2 groups" in text
    assert "lengths: 12 to 12 frames, where no rate is known" in text
    assert "frame rates: unknown (3), 25 (1)" in text
    out = tmp_path / "store"
    how = ("--backbone-weights", weights, "--workers", 0, "--num-frames", 3, "--size", 64)
    text, _ = quest82("extract", root, out, "--engine", "plain", *how)
    assert text.startswith("4 clips, 2 classes, 4 groups") and "0 files passed over" in text
    manifest = json.loads((out / "manifest.json").read_text())
    network = classifier.build("lstm", 1280, 2)
    made = manifest["settings"]
    assert made["weights"] == open_backbone("mobilenet_v2", weights).fingerprint()
    classifier.save(tmp_path / "m", network, classes=["run", "walk"], extraction=made)
    asked = (path, root / "run" / "b_1", str(root / "wa*" / "*_2"), root / "walk")
    use = ("--backbone-weights", weights, "--workers", 0)
    text, _ = quest82("predict", tmp_path / "m", *asked, *use)
    told = text.splitlines()
    names = ("run/a_1.mp4", "run/b_1", "walk/a_2", "walk/b_2")
    assert told[::3] == [str(root / name) for name in names]
    assert told[1:3] == told[4:6] == told[7:9] == told[10:12]
    _, error = quest82(
        "predict", tmp_path / "m", root / "walk" / "a_2", "--window", 1, *use, code=1
    )
    assert "is a folder of frames, which have no times" in error
