"""RAR archives made by hand, and a program that pours them, where no real unpacker is needed."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

FILE, LINK, FOLDER = 0o100644, 0o120777, 0o040755


def _block(kind: int, flags: int, fields: bytes) -> bytes:
    body = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(body) & 0xFFFF) + body


def _member(name: str, data: bytes, mode: int, solid: bool, crc: int | None) -> bytes:
    flags = 0x8000 | (0x10 if solid else 0) | (0xE0 if mode == FOLDER else 0)
    crc = zlib.crc32(data) if crc is None else crc
    encoded = name.encode()
    unix, stored, time, version = 3, 0x30, 0x42410000, 20
    fields = struct.pack(
        "<IIBIIBBHI",
        *(len(data), len(data), unix, crc, time, version, stored, len(encoded), mode),
    )
    return _block(0x74, flags, fields + encoded) + data


def write_rar(path: Path, members: dict[str, bytes], *, modes=None, crcs=None, solid=True) -> Path:
    """A RAR 4 archive (version 2.9) that stores its members, solid as UCF's is.

    A name may be given twice with a trailing "*", which is cut off.
    """
    modes, crcs = modes or {}, crcs or {}
    blocks = [b"Rar!\x1a\x07\x00", _block(0x73, 8 if solid else 0, bytes(6))]
    for k, (name, data) in enumerate(members.items()):
        mode, crc = modes.get(name, FILE), crcs.get(name)
        blocks.append(_member(name.rstrip("*"), data, mode, solid and k > 0, crc))
    path.write_bytes(b"".join(blocks) + _block(0x7B, 0, b""))
    return path


def write_unpacker(folder: Path, *, then: str = "") -> None:
    """A program `unar` that pours stored members, and leaves notes of how often it was run."""
    folder.mkdir(exist_ok=True)
    program = folder / "unar"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "if sys.argv[1:] == ['-version']:\n"
        "    sys.exit(print('v1.10.1'))\n"
        f"open({str(folder / 'runs')!r}, 'a').write('run\\n')\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "import rarfile\n"
        "archive = rarfile.RarFile(sys.argv[-1])\n"
        "for member in archive.infolist():\n"
        f"    {then or 'pass'}\n"
        "    sys.stdout.buffer.write(b'' if member.is_dir() else archive.read(member))\n"
    )
    program.chmod(0o755)


def runs_of(folder: Path) -> int:
    notes = folder / "runs"
    return len(notes.read_text().splitlines()) if notes.exists() else 0
