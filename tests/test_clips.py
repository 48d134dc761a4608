import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quest82.data import clips, files, places, ucf101
from quest82.data.clips import Clip


@pytest.fixture
def folder(tmp_path):
    for name in ("walk/ido_walk.avi", "walk/ann_walk.MP4", "run/ido_run.avi", "run/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "run" / ".hidden.avi").touch()
    return tmp_path


def test_a_folder_becomes_a_sorted_list(folder):
    found = clips.from_folder(folder)
    assert [clip.id for clip in found] == [
        "run/ido_run.avi",
        "walk/ann_walk.MP4",
        "walk/ido_walk.avi",
    ]
    assert found[0] == Clip(
        "run/ido_run.avi", "run", "run/ido_run.avi", folder / "run" / "ido_run.avi"
    )
    assert clips.classes_of(found) == ["run", "walk"]
    assert [path.name for path in files.passed_over(folder)] == ["notes.txt"]


def test_groups_come_from_names(folder):
    found = clips.from_folder(folder, groups="^([a-z]+)_")
    assert [clip.group for clip in found] == ["ido", "ann", "ido"]


def test_a_name_without_group_is_refused(folder):
    with pytest.raises(ValueError, match=r"finds nothing .*'ann_walk.MP4'"):
        clips.from_folder(folder, groups="(ido)")


def test_missing_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        clips.from_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no clips"):
        clips.from_folder(tmp_path)


def laid_out(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_folders_of_a_split_are_understood(tmp_path):
    names = ("Train/walk/a.mp4", "test/run/a.mp4", "test/walk/a.mp4", "validation/run/b.mp4")
    found = clips.from_folder(laid_out(tmp_path, *names, "test/walk/notes.txt"))
    assert [(clip.id, clip.label, clip.split) for clip in found] == [
        (names[0], "walk", "train"),
        (names[1], "run", "test"),
        (names[2], "walk", "test"),
        (names[3], "run", "val"),
    ]
    assert [clip.path for clip in found] == [tmp_path / name for name in names]
    assert [path.name for path in files.passed_over(tmp_path)] == ["notes.txt"]


def test_a_class_may_be_called_train(folder):
    laid_out(folder, "train/a.mp4", "train/red/b.mp4")
    found = clips.from_folder(folder)
    assert [clip.id for clip in found if clip.label == "train"] == ["train/a.mp4"]
    assert {clip.split for clip in found} == {""}
    assert [path.name for path in files.passed_over(folder)] == ["notes.txt", "b.mp4"]


@pytest.mark.parametrize(
    "names",
    [("x/walk/a.mp4", "x/run/b.mp4"), ("x/train/walk/a.mp4",), ("x/w/a.mp4", "train/w/a.mp4")],
)
def test_a_folder_that_lies_one_level_deeper_is_named(tmp_path, names):
    with pytest.raises(places.TooDeep, match="they lie one level deeper; give") as error:
        clips.from_folder(laid_out(tmp_path, *names))
    inner = sorted({tmp_path / name.split("/")[0] for name in names})
    assert list(error.value.inner) == inner
    assert clips.from_folder(inner[-1])
    assert ("1 others" in str(error.value)) == (len(inner) == 2)


def test_ucf101_official_splits(shared_clips, tmp_path):
    lists = shared_clips / "ucf101" / "ucfTrainTestlist"
    names = [
        line.split()[0]
        for kind in ("train", "test")
        for line in (lists / f"{kind}list01.txt").read_text().splitlines()
    ]
    all_clips = []
    for name in sorted(names):
        label, file = name.split("/")
        all_clips.append(Clip(name, label, "", tmp_path / label / file))
    for number in (1, 2, 3):
        train, test = ucf101.split(all_clips, number)
        for kind, part in (("train", train), ("test", test)):
            lines = (lists / f"{kind}list0{number}.txt").read_text().splitlines()
            assert {clip.id for clip in part} == {line.split()[0] for line in lines}
    official = [line.split()[1] for line in (lists / "classInd.txt").read_text().splitlines()]
    assert clips.classes_of(all_clips) == official


def test_ucf101_reads_groups_from_names(tmp_path):
    path = tmp_path / "HandstandPushups" / "v_HandStandPushups_g09_c02.avi"
    path.parent.mkdir()
    path.touch()
    assert ucf101.clips(tmp_path)[0].group == "HandstandPushups g09"
    (path.parent / "other.avi").touch()
    with pytest.raises(ValueError, match=r"other\.avi: not a UCF101 name"):
        ucf101.clips(tmp_path)


def test_ucf101_has_three_splits():
    with pytest.raises(ValueError, match="1, 2 or 3"):
        ucf101.split([], 4)


SPELLINGS = (
    str.upper,
    str.lower,
    str.title,
    "  {} ".format,
    lambda name: unicodedata.normalize("NFD", name),
    lambda name: unicodedata.normalize("NFC", name),
)


# In upper case a dotless i looks like any other i, which it is not.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\u0131"))


@given(st.lists(st.tuples(TEXTS, st.sampled_from(SPELLINGS)), min_size=1))
def test_spellings_of_one_name_are_one_group(chosen):
    names = [name for name, _ in chosen]
    spelled = [spell(name) for name, spell in chosen]
    mixed = clips.unified(names + spelled)
    assert mixed[: len(names)] == mixed[len(names) :]
    assert clips.unified(mixed) == mixed
    assert set(mixed) <= {*names, *spelled}


def test_the_first_spelling_in_sorted_order_names_the_group():
    names = ["eli", "ida", "ELI", "Eli ", "Ren\u00e9", "Rene\u0301", "rene"]
    assert clips.unified(names) == (
        "ELI", "ida", "ELI", "ELI", "Rene\u0301", "Rene\u0301", "rene"
    )  # fmt: skip
    assert clips.unified([]) == ()


def test_a_folder_with_several_spellings_has_one_group(folder):
    for name in ("run/IDO_run2.avi", "walk/Ann_walk2.avi"):
        (folder / name).touch()
    found = clips.from_folder(folder, groups="^([a-zA-Z]+)_")
    assert [clip.group for clip in found] == ["IDO", "IDO", "Ann", "Ann", "IDO"]


def link(path, target):
    try:
        path.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let us make links")


def test_a_ring_of_links_is_walked_once(folder):
    for name in ("again", "walk/up", "run/up"):
        link(folder / name, folder)
    link(folder / "twin", folder / "walk")
    assert [clip.id for clip in clips.from_folder(folder)] == [
        "run/ido_run.avi",
        "walk/ann_walk.MP4",
        "walk/ido_walk.avi",
    ]
    others = [str(path.relative_to(folder)) for path in files.passed_over(folder)]
    assert others == ["again", "run/notes.txt", "run/up", "twin", "walk/up"]
    videos, rest = files.videos_below(folder)
    assert (len(videos), len(rest)) == (3, 5)


def test_a_class_folder_that_is_a_link_is_a_class(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "jump.avi").touch()
    link(folder / "jump", elsewhere)
    assert clips.from_folder(folder)[0].id == "jump/jump.avi"


@pytest.mark.parametrize("search", [clips.from_folder, files.passed_over, files.videos_below])
def test_a_folder_that_cannot_be_opened_is_named(folder, monkeypatch, search):
    """Tests may run as root, who may open everything."""
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "run":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(ValueError, match=r"run: cannot be opened \(Permission denied\); change"):
        search(folder)


@pytest.mark.parametrize(
    "name",
    [
        "Screen Recording 2024-01-05 at 3.04.05\u202fPM.mov",
        "no-break\u00a0space.mp4",
        "два 2.mp4",
        "\U0001f469\u200d\U0001f52c.mp4",
        "\u0645\u06cc\u200c\u062e.mp4",
    ],
)
def test_unusual_spaces_and_letters_are_taken(folder, name):
    (folder / "run" / name).touch()
    assert f"run/{name}" in [clip.id for clip in clips.from_folder(folder)]


@pytest.mark.skipif(os.name != "posix", reason="Windows allows no such names")
@pytest.mark.parametrize("name", [b"a\nb.mp4", b"a\x1b[2J.mp4", b"\xff.mp4", b"a\xe2\x80\xa8.mp4"])
def test_names_that_would_break_a_list_are_passed_over(folder, name):
    path = folder / "run" / os.fsdecode(name)
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system allows no such name")
    assert path in files.passed_over(folder)
    assert len(clips.from_folder(folder)) == 3
