import pytest

from quest82 import clips, ucf101
from quest82.clips import Clip


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
    assert [path.name for path in clips.passed_over(folder)] == ["notes.txt"]


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
