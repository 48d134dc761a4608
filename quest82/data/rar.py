"""The files of a RAR archive, poured through a pipe in one pass.

The unpacker writes no file. It pours the contents of all members, one after another, into a pipe;
here the stream is cut at the sizes that the archive's headers give, and each piece is held to its
CRC. So a name in the archive never decides where something is written, and a solid archive, in
which a member can only be read after all before it, is read once.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, cast

from tqdm import tqdm

from ..download import check_room

if TYPE_CHECKING:
    import rarfile

_CHUNK_BYTES = 1 << 18


class UnpackError(OSError):
    """An archive could not be unpacked; the text says why and what to do."""


# Program -> how it pours an archive, what to ask it, and what it answers if it can read RAR: the
# free `unrar` and some builds of 7-Zip cannot. bsdtar is not here: libarchive refuses solid RAR.
_UNPACKERS = {
    "unar": (["-quiet", "-no-recursion", "-output-directory", "-"], ["-version"], "v1."),
    "unrar": (["p", "-inul"], [], "Alexander Roshal"),
    "7zz": (["x", "-so", "-bd"], ["i"], "Rar3"),
    "7z": (["x", "-so", "-bd"], ["i"], "Rar3"),
}


def find_unpacker() -> list[str]:
    """The command of an installed program that pours out RAR archives, without the archive.

    Raises:
        UnpackError: if none is installed, or the package is not that reads the headers.
    """
    _header_reader()
    for name, (pour, question, answer) in _UNPACKERS.items():
        program = shutil.which(name)
        if program and answer in _output([program, *question]):
            return [program, *pour]
    raise UnpackError(
        "no program to unpack RAR archives was found (unar, unrar or 7-Zip with RAR): install one, "
        "e.g. `sudo apt install unar` or `brew install unar`, and run again"
    )


def unpack(archive: str | Path, targets: Mapping[str, Path], *, progress: bool = True) -> list[str]:
    """Write the wanted files of a RAR archive where they belong.

    A target that is there already with the right size is left alone. A file has its name only
    when it is whole and its CRC is right, so a stopped run can be repeated.

    Args:
        archive: the RAR file.
        targets: file name (without its folders in the archive) -> where to write it.
        progress: show a progress bar.

    Returns:
        The names of the members that nobody wanted; they are passed over.

    Raises:
        UnpackError: if there is no unpacker, the archive is damaged, or holds what no data set
            needs: links, encrypted members, names that lead out of a folder, a file twice.
        FetchError: if the disk is too small.
    """
    command, members = find_unpacker(), _members(Path(archive), targets)
    todo = {
        _file_name(member): targets[_file_name(member)]
        for member in members
        if _file_name(member) in targets and not _is_there(targets[_file_name(member)], member)
    }
    for folder in {target.parent for target in todo.values()}:
        _make_folder(folder)
    if todo:
        num_bytes = sum(member.file_size for member in members if _file_name(member) in todo)
        check_room(folder, num_bytes, "unpacking")
        _pour([*command, str(archive)], members, todo, progress)
    return [member.filename for member in members if _file_name(member) not in targets]


def _header_reader() -> ModuleType:
    try:
        import rarfile
    except ImportError as error:
        raise UnpackError(
            "the package rarfile is not installed: pip install 'quest82[ucf101]'"
        ) from error
    return rarfile


def _members(archive: Path, wanted: Collection[str]) -> list[rarfile.RarInfo]:
    """The files of an archive in their order, from its headers; what looks hostile is refused."""
    rarfile = _header_reader()
    try:
        members = [m for m in rarfile.RarFile(archive).infolist() if not m.is_dir()]
    except rarfile.Error as error:
        raise UnpackError(
            f"{archive}: not a RAR archive that can be read ({error}); delete it and run again"
        ) from error
    if not members:  # an archive whose headers are encrypted looks like this, too
        raise UnpackError(f"{archive}: holds no file that can be read; delete it and run again")
    names = Counter(map(_file_name, members))
    for member in members:
        twice = _file_name(member) in wanted and names[_file_name(member)] > 1
        if reason := _objection(member) or ("a file that it holds twice" if twice else ""):
            raise UnpackError(f"{archive}: holds {member.filename!r}, {reason}; it is not unpacked")
    return members


def _objection(member: rarfile.RarInfo) -> str:
    path = PurePosixPath(member.filename)  # rarfile has turned backslashes
    if path.is_absolute() or ".." in path.parts or ":" in member.filename:
        return "a name that leads out of the folder"
    if not member.is_file() or member.file_redir:
        return "a link"
    if member.needs_password():
        return "an encrypted file"
    return "" if member.CRC is not None else "a file without a CRC"


def _pour(
    command: list[str],
    members: list[rarfile.RarInfo],
    targets: Mapping[str, Path],
    progress: bool,
) -> None:
    """Run the unpacker and cut what it pours into files."""
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages
        ) as process,
    ):
        try:
            stream = cast(BinaryIO, process.stdout)
            for member in tqdm(members, "unpacking", unit="file", disable=not progress):
                if not _take(stream, member, targets.get(_file_name(member))):
                    raise UnpackError(_complaint(command, member.filename, messages))
        finally:
            process.kill()  # it has poured everything, or must not go on


def _take(stream: BinaryIO, member: rarfile.RarInfo, target: Path | None) -> bool:
    """Take one member from the stream, into a file or nowhere; whether it was whole and right."""
    if target is None:
        return _copy(stream, member.file_size, None) == member.CRC
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as file:
        crc = _copy(stream, member.file_size, file)
    if crc != member.CRC:
        part.unlink()
        return False
    part.replace(target)
    return True


def _copy(stream: BinaryIO, num_bytes: int, file: BinaryIO | None) -> int | None:
    """The CRC-32 of the next num_bytes, which are copied; None if there are fewer."""
    crc = 0
    while num_bytes:
        chunk = stream.read(min(num_bytes, _CHUNK_BYTES))
        if not chunk:
            return None
        if file:
            file.write(chunk)
        crc, num_bytes = zlib.crc32(chunk, crc), num_bytes - len(chunk)
    return crc


def _complaint(command: list[str], name: str, messages: BinaryIO) -> str:
    messages.seek(0)
    lines = messages.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
    return (
        f"{command[-1]}: {command[0]} did not unpack {name} as it should be ({last}); what was "
        "unpacked before is kept: delete the archive if it is damaged, and run again"
    )


def _is_there(path: Path, member: rarfile.RarInfo) -> bool:
    return path.is_file() and path.stat().st_size == member.file_size


def _file_name(member: rarfile.RarInfo) -> str:
    return PurePosixPath(member.filename).name


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UnpackError(
            f"{folder}: a file lies where this folder or one above it should be; move it away"
        ) from error


def _output(command: list[str]) -> str:
    """What a program prints, on either channel; nothing if it cannot be run."""
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (result.stdout + result.stderr).decode("utf-8", "replace")
