"""A clip as a folder of its frames: numbered images, each of them one frame.

A folder says nothing of times. Its frames are taken to be shown equally long, so that segments of
equal time are those of equal count; parts in seconds it has none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from .errors import MissingFrame, PathLike, VideoError
from .keeper import Keeper, Transform

IMAGES = (".jpg", ".jpeg", ".png")
_FORMATS = ("JPEG", "PNG")
# As Pillow calls them; it would clip depths of 16 bits and floating numbers without a word.
_EIGHT_BITS = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}


def is_frame_folder(path: PathLike) -> bool:
    """Whether a path is a folder of frames: it holds numbered images and no folder.

    Hidden names do not count, and files of other kinds are left alone.
    """
    if not os.path.isdir(path):
        return False
    try:
        with os.scandir(os.fspath(path)) as entries:
            seen = [entry for entry in entries if not entry.name.startswith(".")]
            named = any(is_frame_name(entry.name) for entry in seen)
            return named and not any(entry.is_dir() for entry in seen)
    except OSError:
        return False


def is_frame_name(name: str) -> bool:
    """Whether a file may be a frame by its name: a number and an image's ending.

    >>> [is_frame_name(name) for name in ("000001.jpg", "img_7.PNG", "cover.jpg", "1.txt")]
    [True, True, False, False]
    """
    stem, ending = os.path.splitext(name)
    numbered = re.search("[0-9]", stem) is not None and not name.startswith(".")
    return numbered and ending.lower() in IMAGES


def images_in(folder: PathLike) -> list[Path]:
    """The images of a folder of frames by their numbers: frame 2 comes before frame 10.

    Raises:
        VideoError: if it cannot be opened, or holds images of several series, such as those of a
            camera beside those of optical flow.
    """
    try:
        names = [name for name in os.listdir(os.fspath(folder)) if is_frame_name(name)]
    except OSError as error:
        raise VideoError(f"{folder}: cannot be opened ({error.strerror})") from error
    series = sorted({_series(name) for name in names})
    if len(series) > 1:
        raise VideoError(
            f"{folder}: holds images of {len(series)} series, such as {series[0]} and {series[1]}; "
            "leave the frames of one clip in it, and move the others to a folder of their own"
        )
    return [Path(folder, name) for name in sorted(names, key=_in_order)]


def size_of(folder: PathLike) -> tuple[int, int, int]:
    """How many frames there are, and width and height of the first in pixels.

    Raises:
        VideoError: as `images_in`, or if the first cannot be read.
    """
    images = images_in(folder)
    height, width, _ = read_image(images[0]).shape
    return len(images), width, height


def read_images(
    folder: PathLike, wanted: Sequence[int], *, transform: Transform | None = None
) -> Tensor:
    """Some frames of a folder, as `reading.read_frames` gives those of a file.

    Returns:
        uint8 (T, 3, H, W), RGB.

    Raises:
        VideoError: if an image cannot be read or has another size than those read before it, or
            (`MissingFrame`) a number lies outside the folder.
    """
    images = images_in(folder)
    if outside := [number for number in wanted if not 0 <= number < len(images)]:
        raise MissingFrame(
            f"{folder}: frame {outside[0]} was asked for, but there are {len(images)}, counted "
            "from 0; take indices below that"
        )
    keep, first = Keeper(folder, transform), ("", 0, 0)
    for number in sorted(set(wanted)):
        pixels, name = read_image(images[number]), images[number].name
        height, width, _ = pixels.shape
        first = first if first[0] else (name, width, height)
        if first[1:] != (width, height):
            raise VideoError(f"{folder}: {other_size(name, (width, height), first)}")
        keep(number, pixels)
    return keep.stacked(list(wanted))


def other_size(name: str, size: tuple[int, int], first: tuple[str, int, int]) -> str:
    """What is said of an image that has another size than the first one."""
    return (
        f"{name} is {size[0]}x{size[1]} pixels, but {first[0]} is {first[1]}x{first[2]}; bring the "
        "frames of a clip to one size"
    )


def read_image(path: Path) -> np.ndarray:
    """An image as frames are: uint8 (H, W, 3), RGB, upright as a viewer shows it.

    Raises:
        VideoError: if it cannot be read, is cut short, or has more than eight bits a number.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            mode, upright = image.mode, ImageOps.exif_transpose(image)
            rgb = np.array(upright.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise VideoError(
            f"{path.parent}: {path.name} cannot be read ({_reason(error)}); copy it again, or "
            "leave the clip out"
        ) from error
    if mode not in _EIGHT_BITS:
        raise VideoError(
            f"{path.parent}: {path.name} has pixels of the kind {mode!r}, with more than 8 bits a "
            "number; save it as an RGB image of 8 bits"
        )
    return rgb


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "is no JPEG or PNG"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _series(name: str) -> str:
    """What the names of one series have in common: "img_00012.jpg" is one of "img_#.jpg"."""
    return re.sub("[0-9]+", "#", name.lower())


def _in_order(name: str) -> tuple[list[int], str]:
    """Sorts names of one series by their numbers, the first of which count most."""
    return [int(number) for number in re.findall("[0-9]+", name)], name
