"""Features of one's own become a store: the same numbers, which every command takes."""

import numpy as np
import pytest
from conftest import contents
from test_cli import quest82

from quest82.data.clips import from_folder
from quest82.essences import EssenceSet, StoreError
from quest82.essences.imported import import_array, import_files
from quest82.frames.sampling import segment_indices

NAMES = [f"{c}/{g}{k}.npy" for c in ("up", "down") for g in "xyz" for k in range(3)]


@pytest.fixture
def folder(tmp_path):
    """18 files of two classes and three groups, (5, 8) each."""
    random = np.random.default_rng(0)
    for name in NAMES:
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        numbers = random.normal(size=(5, 8)) + (name[0] == "u")
        np.save(tmp_path / "own" / name, numbers.astype(np.float32))
    return tmp_path / "own"


def clips_of(folder):
    return from_folder(folder, groups="^(.)", endings={".npy"})


def test_files_become_a_store(folder, tmp_path):
    data = import_files(clips_of(folder), tmp_path / "s")
    assert data.clip_ids == tuple(sorted(NAMES))
    assert (data.classes, set(data.groups), data.num_frames) == (("down", "up"), set("xyz"), 5)
    for clip_id, row in zip(data.clip_ids, data.essences.numpy(), strict=True):
        assert np.array_equal(row, np.load(folder / clip_id).astype(np.float16))


def test_it_follows_its_files(folder, tmp_path):
    import_files(clips_of(folder), tmp_path / "s")
    np.save(folder / NAMES[0], np.ones((5, 8)))
    (folder / NAMES[1]).unlink()
    import_files(clips_of(folder), tmp_path / "s")
    import_files(clips_of(folder), tmp_path / "fresh")
    assert contents(tmp_path / "s") == contents(tmp_path / "fresh")
    with pytest.raises(StoreError, match="was made with other settings"):
        import_files(clips_of(folder), tmp_path / "s", num_frames=3)


def test_files_of_unequal_length_are_sampled(folder, tmp_path):
    long = np.arange(72, dtype=np.float64).reshape(9, 8)
    np.save(folder / NAMES[0], long)
    with pytest.raises(ValueError, match=r"5 to 9 rows, .*\(--num-frames 5\)"):
        import_files(clips_of(folder), tmp_path / "s")
    data = import_files(clips_of(folder), tmp_path / "s", num_frames=4)
    row = data.essences[data.clip_ids.index(NAMES[0])].numpy()
    assert np.array_equal(row, long[segment_indices(9, 4).numpy()])


def test_an_array_with_a_table_gives_the_same_numbers(folder, tmp_path):
    clips = clips_of(folder)
    np.save(tmp_path / "all.npy", np.stack([np.load(clip.path) for clip in clips]))
    one = import_array(tmp_path / "all.npy", clips, tmp_path / "one")
    many = import_files(clips, tmp_path / "many")
    assert np.array_equal(one.essences, many.essences)
    assert (one.clip_ids, one.groups, one.classes) == (many.clip_ids, many.groups, many.classes)
    with pytest.raises(ValueError, match="has 18 clips, the annotations have 17"):
        import_array(tmp_path / "all.npy", clips[1:], tmp_path / "s")


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros(8), r"holds float64 \(8,\); it must be numbers of the shape \(T, D\)"),
        (np.zeros((0, 8)), r"holds float64 \(0, 8\)"),
        (np.array([["a"]]), r"holds <U1"),
        (np.array([[{}]]), r"is no .npy file of numbers"),
        (np.zeros((5, 9)), r"features are 8 to 9 wide; all must have one width"),
    ],
)
def test_other_files_are_refused(folder, tmp_path, array, what):
    np.save(folder / NAMES[0], array)
    with pytest.raises(ValueError, match=what):
        import_files(clips_of(folder), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_all_bad_files_are_counted(folder, tmp_path):
    for name in NAMES[:7]:
        (folder / name).write_text("hello")
    with pytest.raises(ValueError, match=r"numpy.save; .*; and 2 more$"):
        import_files(clips_of(folder), tmp_path / "s")


@pytest.mark.parametrize("value", [np.nan, 1e6])
def test_numbers_that_no_store_holds_are_refused(folder, tmp_path, value):
    np.save(folder / NAMES[0], np.full((5, 8), value))
    with pytest.raises(StoreError, match=f"the essences of {NAMES[0]}"):
        import_files(clips_of(folder), tmp_path / "s")


def test_every_command_takes_it(folder, tmp_path):
    store, model = tmp_path / "s", tmp_path / "m.safetensors"
    out, _ = quest82("import-features", folder, store, "--groups", "^(.)")
    assert out == f"18 clips, 2 classes, 3 groups, 5 x 8 numbers each, in {store}\n"
    out, _ = quest82("train", store, model, "--aggregator", "lstm", "--epochs", 2, "--test", 0.34)
    assert "top-1" in out
    out, _ = quest82("evaluate", store, "--seeds", 1, "--epochs", 1)
    assert "top-1" in out
    _, error = quest82("predict", model, "x.mp4", code=2)
    assert "how frames were taken is not known" in error


def test_one_array_on_the_command_line(folder, tmp_path):
    clips = clips_of(folder)[::-1]
    np.save(tmp_path / "all.npy", np.stack([np.load(clip.path) for clip in clips]))
    rows = "".join(f"{c.id},{c.label},{c.group},{'train' if k else 'test'}\n"
                   for k, c in enumerate(clips))  # fmt: skip
    (tmp_path / "t.csv").write_text(f"path,label,group,split\n{rows}")
    table = ("--annotations", tmp_path / "t.csv")
    quest82("import-features", tmp_path / "all.npy", tmp_path / "s", *table)
    data = EssenceSet.load(tmp_path / "s")
    assert data.clip_ids == tuple(clip.id for clip in clips)
    assert data.splits == ("test",) + ("train",) * 17
    assert np.array_equal(data.essences[0], np.load(clips[0].path).astype(np.float16))
    _, error = quest82("import-features", tmp_path / "all.npy", tmp_path / "x", code=2)
    assert "is no folder; one file (N, T, D) needs --annotations" in error


def test_a_table_names_files(folder, tmp_path):
    (tmp_path / "t.csv").write_text(f"path,label\n{NAMES[0]},a\n{NAMES[9]},b\n")
    out, _ = quest82("import-features", folder, tmp_path / "s", "--annotations", tmp_path / "t.csv")
    assert "2 clips, 2 classes" in out
    (tmp_path / "t.csv").write_text(f"path,label,start\n{NAMES[0]},a,1\n")
    _, error = quest82(
        "import-features", folder, tmp_path / "x", "--annotations", tmp_path / "t.csv", code=2
    )
    assert "features have no seconds" in error
