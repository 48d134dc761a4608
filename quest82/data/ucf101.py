"""UCF101 (Soomro, Zamir & Shah 2012): 13,320 clips, 101 classes, 25 groups per class.

The clips of one group are cut from one video: the same person, room and light. The official
splits therefore keep groups together, and so must every split of one's own.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path

from ..download import FetchError, check_room, fetch
from .clips import Clip
from .files import videos_below
from .rar import find_unpacker, unpack

NUM_CLIPS = 13_320
VIDEOS_URL = "https://www.crcv.ucf.edu/data/UCF101/UCF101.rar"
VIDEOS_BYTES = 6_932_971_618
LISTS_URL = "https://www.crcv.ucf.edu/data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip"
LISTS_BYTES = 113_943
LISTS_SHA256 = "5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27"
_UNPACKED_BYTES = 7_500_000_000  # about; videos hardly shrink in an archive

_TEST_GROUPS = {1: range(1, 8), 2: range(8, 15), 3: range(15, 22)}
_CLASS_IN_FILE_NAMES = {"HandstandPushups": "HandStandPushups"}  # the only class spelt in two ways


def names() -> list[str]:
    """The names of all clips, ``<Class>/v_<Class>_g<group>_c<clip>.avi``, in the official order.

    Classes are sorted without regard to case, then come groups, then clips.
    """
    return [f"{label}/{stem}.avi" for stem, (label, _) in _official().items()]


def official_lists() -> dict[str, str]:
    """The seven text files of the official splits: file name -> text, to the last byte.

    ``classInd.txt`` numbers the classes from 1; ``trainlist01.txt`` to ``testlist03.txt`` name
    the clips of each split. The line ends are CR LF, as UCF has them.
    """
    index = {label: k for k, (label, _) in enumerate(_table(), start=1)}
    lists = {"classInd.txt": [f"{k} {label}" for label, k in index.items()]}
    for number, tested in _TEST_GROUPS.items():
        train = [clip for clip in _official().items() if clip[1][1] not in tested]
        test = [clip for clip in _official().items() if clip[1][1] in tested]
        lists[f"trainlist0{number}.txt"] = [
            f"{label}/{stem}.avi {index[label]}" for stem, (label, _) in train
        ]
        lists[f"testlist0{number}.txt"] = [f"{label}/{stem}.avi" for stem, (label, _) in test]
    return {name: "".join(f"{line}\r\n" for line in lines) for name, lines in lists.items()}


def clips(root: str | Path) -> list[Clip]:
    """The clips of UCF101 at any depth below a folder, in the official order.

    Class and group are read from the file name alone, so class folders, one folder for all clips
    and folders of training and test clips give the same list. Copies in another video format
    (``v_Biking_g01_c01.mp4``) are taken, too. Groups are numbered anew in every class; a clip's
    group is "<class> g<number>".

    Raises:
        ValueError: if the folder holds no video, a video is not named like one of UCF101's, or
            a clip is there twice.
    """
    from ..video import is_frame_folder  # here, since fitting is to load no decoder

    # Frames are often unpacked beside the videos; they are not other clips.
    videos = [path for path in videos_below(root)[0] if not is_frame_folder(path)]
    if not videos:
        raise ValueError(
            f"{root}: there is no such folder, or no video below it; give the folder of UCF101, "
            "with or without class folders"
        )
    found: dict[str, Path] = {}
    for path in videos:
        stem = _official_stem(path)
        if stem in found:
            raise ValueError(f"{found[stem]} and {path} are the same clip; keep one of them")
        found[stem] = path
    return [_clip(stem, found[stem]) for stem in _official() if stem in found]


def missing(clips: Iterable[Clip]) -> list[str]:
    """The names of UCF101's clips that a list does not hold, in the official order."""
    there = {_official_stem(clip.path) for clip in clips}
    return [f"{label}/{stem}.avi" for stem, (label, _) in _official().items() if stem not in there]


def split(clips: Iterable[Clip], number: int) -> tuple[list[Clip], list[Clip]]:
    """Training and test clips of an official split.

    Split k tests groups 1-7, 8-14 or 15-21 (k = 1, 2, 3); groups 22-25 are always training.

    Raises:
        ValueError: if number is not 1, 2 or 3.
    """
    if number not in _TEST_GROUPS:
        raise ValueError(f"number ({number}) must be 1, 2 or 3: UCF101 has three official splits")
    parts: tuple[list[Clip], list[Clip]] = [], []
    for clip in clips:
        _, group = _official()[_official_stem(clip.path)]
        parts[group in _TEST_GROUPS[number]].append(clip)
    return parts


def download(root: str | Path, *, progress: bool = True) -> list[Clip]:
    """The clips of UCF101 in a folder; what is missing is fetched from UCF (7 GB) and unpacked.

    Writes ``root/UCF101.rar``, ``root/UCF-101/<Class>/<clip>.avi`` and the official lists,
    ``root/ucfTrainTestlist``. A stopped download or unpacking goes on when it is called again, and
    a complete archive that was put there by hand is used. The archive is kept: where all clips
    are there it can be deleted, and is not fetched again.

    Returns:
        All clips below ``root/UCF-101``; `missing` says whether there should be more.

    Raises:
        FetchError: if a file cannot be fetched (UCF's server is known to send an incomplete chain
            of certificates), is another one, or the disk is too small (14 GB).
        UnpackError: if there is no program to unpack RAR archives, or the archive is damaged.
        ValueError: if the official lists are not those of `official_lists`, or see `clips`.
    """
    root = Path(root)
    targets = {Path(name).name: root / "UCF-101" / name for name in names()}
    if not all(path.is_file() for path in targets.values()):
        find_unpacker()  # before 7 GB are fetched for nothing
        root.mkdir(parents=True, exist_ok=True)
        archive, lists = _fetch_archives(root, progress)
        _write_lists(lists, root / "ucfTrainTestlist")
        if others := unpack(archive, targets, progress=progress):
            warnings.warn(
                f"{archive}: {len(others)} files are not UCF101's and were passed over, "
                f"such as {others[0]!r}",
                stacklevel=2,
            )
    return clips(root / "UCF-101")


def _fetch_archives(root: Path, progress: bool) -> tuple[Path, Path]:
    """UCF's two files, the clips and the lists; where both fail, one error says so of both."""
    archive, lists = (root / Path(url).name for url in (VIDEOS_URL, LISTS_URL))
    if not archive.exists():
        check_room(root, VIDEOS_BYTES + _UNPACKED_BYTES, "UCF101 with its archive")
    reasons = []
    for url, path, num_bytes, sha256 in (
        (LISTS_URL, lists, LISTS_BYTES, LISTS_SHA256),
        (VIDEOS_URL, archive, VIDEOS_BYTES, None),
    ):
        try:
            fetch(url, path, num_bytes=num_bytes, sha256=sha256, progress=progress)
        except FetchError as error:
            reasons.append(str(error))
    if reasons:
        raise FetchError(
            f"{'; '.join(reasons)}: what cannot be fetched here, fetch with a browser, "
            f"put it into {root} and run again"
        )
    return archive, lists


def _write_lists(archive: Path, folder: Path) -> None:
    """Take the seven lists out of their archive; they must be those that the rule gives."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive) as file:
        for name, text in official_lists().items():
            if file.read(f"ucfTrainTestlist/{name}") != text.encode("ascii"):
                raise ValueError(f"{archive}: {name} is not the official list that quest82 knows")
            (folder / name).write_bytes(text.encode("ascii"))


@cache
def _table() -> list[tuple[str, list[int]]]:
    """Class -> the number of clips in groups 1 to 25; clips are numbered from 1 in each group."""
    text = resources.files(__package__).joinpath("ucf101.txt").read_text(encoding="ascii")
    lines = map(str.split, text.splitlines())
    return [(label, [int(digit) for digit in digits]) for label, digits in lines]


@cache
def _official() -> dict[str, tuple[str, int]]:
    """File name without its ending -> class and group, of all clips in the official order."""
    return {
        f"v_{_CLASS_IN_FILE_NAMES.get(label, label)}_g{group:02d}_c{clip:02d}": (label, group)
        for label, counts in _table()
        for group, num_clips in enumerate(counts, start=1)
        for clip in range(1, num_clips + 1)
    }


@cache
def _spelling() -> dict[str, str]:
    return {stem.lower(): stem for stem in _official()}


def _official_stem(path: Path) -> str:
    stem = _spelling().get(path.stem.lower())
    if stem is None:
        raise ValueError(
            f"{path}: not a UCF101 name; expected v_<Class>_g<group>_c<clip>, "
            "of the 101 classes, 25 groups in each and 4 to 7 clips in each of those"
        )
    return stem


def _clip(stem: str, path: Path) -> Clip:
    label, group = _official()[stem]
    return Clip(f"{label}/{stem}{path.suffix.lower()}", label, f"{label} g{group:02d}", path)
