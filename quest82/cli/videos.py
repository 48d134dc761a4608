"""Which videos a command was asked about: files, folders, patterns, or a list that is piped in.

A folder of frames is a video like a file.
"""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable
from pathlib import Path

from ..data.files import videos_below
from ..video import is_frame_folder


def videos_of(arguments: Iterable[str]) -> list[Path]:
    """The files that some arguments stand for, each once, in the order asked for.

    Args:
        arguments: a file (whether it is a video is found out by reading it); a folder, which
            stands for all videos below it, unless it is one of frames; a pattern such as
            ``clips/**/*.mp4``; or ``-``, which stands for the lines of the standard input, each of
            them one of the former.

    Raises:
        ValueError: if a folder holds no video, a pattern finds none, or nothing is left to ask.
    """
    found = [path for argument in arguments for path in _lines_or(argument)]
    if not found:
        raise ValueError("no videos: the list on the standard input is empty; pipe one path a line")
    return list(dict.fromkeys(found))


def _lines_or(argument: str) -> list[Path]:
    if argument != "-":
        return _meant_by(argument)
    lines = (line.rstrip("\r\n") for line in sys.stdin)
    return [path for line in lines if line for path in _meant_by(line)]


def _meant_by(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir() and not is_frame_folder(path):
        return _videos_in(path)
    if path.exists() or not glob.has_magic(text):
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(text, recursive=True))]
    files = [match for match in matches if match.is_file() or is_frame_folder(match)]
    if not files:
        raise ValueError(f"{text}: no file is named so; mend the pattern, or name a folder")
    return files


def _videos_in(folder: Path) -> list[Path]:
    videos, _ = videos_below(folder)
    files = [path for path in videos if path.is_file() or is_frame_folder(path)]
    if not files:
        raise ValueError(
            f"{folder}: holds no file with a video's ending, and no folder of numbered images; "
            "name the files themselves"
        )
    return files
