"""Where results go: whether they can be written there, and how a file comes to be whole.

Example: try the place before an hour of work, and write a whole file after it.
    >>> import tempfile
    >>> from pathlib import Path
    >>> from quest82 import outputs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = outputs.require_writable(Path(folder) / "result.json")
    ...     outputs.write_whole(path, b"{}")
    ...     path.read_text()
    '{}'
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

from . import __version__

_NAME_BYTES = 255  # what file systems allow; a file is written under its name and an ending first
_ENDING = ".part"


def require_writable(path: str | Path) -> Path:
    """Try to write a file or folder of that name, and leave nothing behind.

    Folders above it that are missing are made for the trial and removed again; whatever the path
    itself holds is not touched.

    Args:
        path: where something will be written.

    Returns:
        The path.

    Raises:
        ValueError: if nothing can be written there.
    """
    path = Path(path)
    above = path.absolute().parents
    missing = [folder for folder in above if not folder.exists()]  # the deepest first
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        if len(os.fsencode(path.name + _ENDING)) > _NAME_BYTES:
            raise ValueError(f"{path}: cannot be written (the name is too long); choose a shorter")
        _try_to_write(path if path.is_dir() else path.absolute().parent)
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be written ({error.strerror}); choose another place, or change its "
            "permissions"
        ) from error
    finally:
        for folder in missing:
            if folder.is_dir():
                folder.rmdir()
    return path


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file as a whole or not at all: under its name and an ending first."""
    path = Path(path)
    partial = path.with_name(path.name + _ENDING)
    partial.write_bytes(content)
    partial.replace(path)


def _try_to_write(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")
        file.flush()


def user_folder() -> Path:
    """Where files lie that can be had again: $QUEST82_CACHE, else the user's cache folder."""
    return Path(os.environ.get("QUEST82_CACHE") or platformdirs.user_cache_dir("quest82"))


def cache_folder() -> Path:
    """Where what was computed is kept for the next time: a folder in `user_folder`."""
    return user_folder() / __version__
