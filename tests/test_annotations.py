"""Clips from tables (own ones, Kinetics, Something-Something), and what is wrong with rows."""

import csv
import io
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quest82.data import tables
from quest82.data.annotations import from_annotations
from quest82.data.clips import Clip, from_folder


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "videos"
    for name in ("walk/a.mp4", "walk/b, 2.mp4", "run/c.avi", "long.mkv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.fixture
def table(tmp_path):
    def write(text, name="labels.csv", encoding="utf-8"):
        (tmp_path / name).write_text(text, encoding=encoding)
        return tmp_path / name

    return write


def test_a_table_names_clips_and_parts(folder, table):
    file = table(
        "path,label,group,split,start,end\n"
        "walk/a.mp4,walk,ann,train,,\n"
        '"walk/b, 2.mp4",walk,Bo,val,,2\n'
        "long.mkv,run,bo,test,1.5,4\n"
        "long.mkv,walk,bo,test,4,\n"
    )
    assert from_annotations(folder, [file]) == [
        Clip("long.mkv 1.5-4 s", "run", "Bo", folder / "long.mkv", 1.5, 4.0, "test"),
        Clip("long.mkv 4- s", "walk", "Bo", folder / "long.mkv", 4.0, None, "test"),
        Clip("walk/a.mp4", "walk", "ann", folder / "walk/a.mp4", split="train"),
        Clip("walk/b, 2.mp4 0-2 s", "walk", "Bo", folder / "walk/b, 2.mp4", None, 2.0, "val"),
    ]


def test_a_table_of_the_class_folders_gives_the_same_clips(folder, table):
    found = from_folder(folder)
    rows = "".join(f'"{clip.id}",{clip.label}\n' for clip in reversed(found))
    assert from_annotations(folder, [table(f"path,label\n{rows}")]) == found


def test_parts_of_a_video_are_a_group(folder, table):
    """Else one recording would stand on both sides of a split."""
    file = table("path,label,start,end\nlong.mkv,run,0,1\nlong.mkv,walk,2,3\nrun/c.avi,run,,\n")
    assert [clip.group for clip in from_annotations(folder, [file])] == [
        "long.mkv", "long.mkv", "run/c.avi"
    ]  # fmt: skip
    named = from_annotations(folder, [file], groups=r"^(.)")
    assert [clip.group for clip in named] == ["l", "l", "c"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_spreadsheets_write_is_read(folder, table, separator, encoding):
    lines = [[" Path ", "LABEL"], ["walk\\a.mp4", " walk "], ["", ""], ["run/c.avi", "run"]]
    text = "\r\n".join(separator.join(line) for line in lines)
    found = from_annotations(folder, [table(text, encoding=encoding)])
    assert [(clip.id, clip.label) for clip in found] == [
        ("run/c.avi", "run"), ("walk/a.mp4", "walk")
    ]  # fmt: skip


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
                 .map(str.strip).filter(bool), min_size=2, max_size=2),
        min_size=1,
    )
)  # fmt: skip
def test_reading_a_table_turns_writing_around(tmp_path_factory, cells):
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["path", "label"], *cells])
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    rows, labels = tables.read_table(path)
    assert [[row.values["path"], row.values["label"]] for row in rows] == cells
    assert labels == []


def test_letters_and_their_accents_may_be_apart(folder, table):
    apart = unicodedata.normalize("NFD", "Ren\u00e9.mp4")
    (folder / apart).touch()
    (clip,) = from_annotations(folder, [table("path,label\nRen\u00e9.mp4,walk\n")])
    assert clip.path == folder / apart


def test_kinetics(folder, table):
    """Files that were cut out, and whole ones, as those who fetch them name them."""
    for name in ("abseiling/0347ZoDXyP0_000095_000105.mp4", "-3B32lodo2M.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    file = table(
        "label,youtube_id,time_start,time_end,split\n"
        "abseiling,0347ZoDXyP0,95,105,train\n"
        '"applauding",-3B32lodo2M,59,69,validate\n'
        '"applauding",-3B32lodo2M,80,90,validate\n'
    )
    cut = folder / "abseiling/0347ZoDXyP0_000095_000105.mp4"
    whole = folder / "-3B32lodo2M.mp4"
    assert from_annotations(folder, [file]) == [
        Clip("-3B32lodo2M.mp4 59-69 s", "applauding", "-3B32lodo2M", whole, 59.0, 69.0, "val"),
        Clip("-3B32lodo2M.mp4 80-90 s", "applauding", "-3B32lodo2M", whole, 80.0, 90.0, "val"),
        Clip("abseiling/" + cut.name, "abseiling", "0347ZoDXyP0", cut, split="train"),
    ]


def something(number, template="Holding [something] next to [something]"):
    return {"id": str(number), "label": "holding a potato next to a bottle", "template": template,
            "placeholders": ["a potato", "a bottle"]}  # fmt: skip


def test_something_something(folder, table):
    for number in (1, 2):
        (folder / f"{number}.webm").touch()
    train = table(json.dumps([something(1)]), "something-something-v2-train.json")
    val = table(json.dumps([something(2)]), "something-something-v2-validation.json")
    name = "Holding something next to something"
    labels = table(json.dumps({name: "0"}), "something-something-v2-labels.json")
    assert from_annotations(folder, [labels, train, val]) == [
        Clip("1.webm", name, "1.webm", folder / "1.webm", split="train"),
        Clip("2.webm", name, "2.webm", folder / "2.webm", split="val"),
    ]
    labels = table(json.dumps({"Closing something": "0"}), "l.json")
    with pytest.raises(ValueError, match=r"train\.json, entry 1: label \('Holding some.*list of"):
        from_annotations(folder, [labels, train])


WRONG = {
    "walk/a.mp4,,,,,": r"line 2: label \(''\) must be the name of a class",
    "walk/a.mp4,walk, ,,,": r"line 2: group \(''\) must be a name in one line; or leave the col",
    "walk/a.mp4,walk,g,both,,": r"line 2: split \('both'\) must be train, val or test",
    "walk/a.mp4,walk,g,,1:30,": r"line 2: start \('1:30'\) must be seconds .*such as 83.5",
    "walk/a.mp4,walk,g,,nan,": r"line 2: start \('nan'\) must be seconds",
    "walk/a.mp4,walk,g,,,-1": r"line 2: end \('-1'\) must be seconds",
    "walk/a.mp4,walk,g,,3,2": r"line 2: end \(2\) must come after start \(3\)",
    "walk/a.mp4,walk,g,,,0": r"line 2: end \(0\) must come after start \(0\)",
    "../videos/long.mkv,walk,g,,,": r"line 2: path \('../videos/long.mkv'\) must be relative",
    "/long.mkv,walk,g,,,": r"line 2: path \('/long.mkv'\) must be relative",
    "C:\\long.mkv,walk,g,,,": r"line 2: path \('C:.*'\) must be relative",
    ",walk,g,,,": r"line 2: path \(''\) must be the name of a video",
    "walk/a.mp4,walk,g,,,\nwalk/a.mp4,run,g,,,": r"line 3: 'walk/a.mp4' stands in .*line 2, too",
    "walk/a.mp4,walk,g,,,\nlong.mkv,Walk,g,,,": r"line 3: label \('Walk'\) is spelled 'walk' in",
    "walk/a.mp4,walk,g,train,,\nlong.mkv,walk,g,,,": r"line 3: split is empty, but other rows",
}


@pytest.mark.parametrize("rows", WRONG)
def test_a_row_that_cannot_be_used_is_named(folder, table, rows):
    file = table(f"path,label,group,split,start,end\n{rows}\n")
    with pytest.raises(ValueError, match=r"1 of \d rows cannot be used") as error:
        from_annotations(folder, [file])
    assert re.search(WRONG[rows], str(error.value))
    assert str(file) in str(error.value)


def test_missing_videos_are_counted_and_the_first_are_named(folder, table):
    rows = "".join(f"gone/{k}.mp4,walk\n" for k in range(8))
    file = table(f"path,label\nlong.mkv,walk\n{rows}walk/a.mp4,\n")
    with pytest.raises(ValueError, match="8 of 10 rows name videos that are not in") as error:
        from_annotations(folder, [file])
    said = str(error.value).splitlines()
    assert said[0] == "1 of 10 rows cannot be used; correct them:"
    assert said[1].startswith(f"  {file}, line 11: label ('')")
    assert said[3:] == [
        *(f"  {file}, line {k + 3}: path ('gone/{k}.mp4')" for k in range(5)), "  and 3 more"
    ]  # fmt: skip


def test_two_videos_of_one_number_are_refused(folder, table):
    for name in ("a/1.webm", "b/1.mp4"):
        (folder / name).parent.mkdir()
        (folder / name).touch()
    with pytest.raises(ValueError, match=r"one video, but there are 'a/1.webm' and 'b/1.mp4'"):
        from_annotations(folder, [table(json.dumps([something(1)]), "t.json")])


@pytest.mark.parametrize(
    ("text", "name", "what"),
    [
        ("file,class\na,b\n", "t.csv", r"t.csv: names the columns file, class; it must name path"),
        ("", "t.csv", "names the columns none"),
        ("walk/a.mp4,walk\n", "t.csv", "names the columns walk/a.mp4, walk; it must"),
        ("path,label\n", "t.csv", "no row names a clip"),
        ("path,label\nwalk/b, 2.mp4,walk\n", "t.csv", r"1 lines do not have 2 values.*double quo"),
        ('path,label\n"a"b,c\n', "t.csv", r"t.csv, line 2: is no line of a CSV"),
        ("[{]", "t.json", r"t.json, line 1: is no JSON"),
        ("3", "t.json", "must be a list of objects"),
        ('[{"id": "1"}]', "t.json", r"entry 1: names the columns id; it must name"),
    ],
)
def test_what_is_no_table_is_refused(folder, table, text, name, what):
    with pytest.raises(ValueError, match=what):
        from_annotations(folder, [table(text, name)])


def test_files_that_cannot_be_read_are_refused(folder, table, tmp_path):
    with pytest.raises(ValueError, match=r"gone.csv: cannot be opened \(No such file"):
        from_annotations(folder, [tmp_path / "gone.csv"])
    latin = table("path,label\nn\u00e9e.mp4,walk\n", encoding="latin-1")
    with pytest.raises(ValueError, match="is not in UTF-8; save it anew"):
        from_annotations(folder, [latin])
    with pytest.raises(ValueError, match="there is no such folder"):
        from_annotations(tmp_path / "nowhere", [latin])
