"""Colours, materials and a pen: what `room`, `scenes` and `cycles` draw with.

All is painted at twice the size, and halving it smooths the edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

SIZE = 256  # pixels that a clip shows
MARGIN = 8  # pixels more on each side, so that a shaking camera never sees the end of the world
FULL = SIZE + 2 * MARGIN
BLACK, WHITE, PAPER = (0, 0, 0), (255, 255, 255), (247, 241, 226)

Colour = tuple[int, int, int]
Pair = Sequence[float] | np.ndarray  # a place (x, y) or a size (width, height)
Points = Sequence[Pair] | np.ndarray

# ---- colours and materials


def colour(lightness: float, chroma: float, hue: float) -> Colour:
    """An sRGB colour from OKLCH (Ottosson 2020), in which equal lightness looks equally light.

    Args: lightness in [0, 1]; chroma from 0 (grey) to 0.3; hue in turns (0.08 red, 0.4 green).
    """
    lab = (lightness, chroma * cos(2 * pi * hue), chroma * sin(2 * pi * hue))
    to_lms = ((1, 0.3963, 0.2158), (1, -0.1056, -0.0639), (1, -0.0895, -1.2915))
    to_rgb = ((4.0767, -3.3077, 0.2310), (-1.2684, 2.6098, -0.3413), (-0.0042, -0.7034, 1.7076))
    linear = np.clip(np.array(to_rgb) @ (np.array(to_lms) @ lab) ** 3, 0, 1)
    red, green, blue = (linear ** (1 / 2.2) * 255).astype(int).tolist()
    return red, green, blue


def mix(start: Colour, end: Colour, share: float) -> Colour:
    """The colour `share` of the way from start to end."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def shade(paint: Colour, factor: float) -> Colour:
    """Darker below 1, towards white above 1."""
    return mix(paint, BLACK if factor < 1 else WHITE, min(abs(1 - factor), 1))


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Smooth random hills (H, W) in about [-1, 1]; cells = how many (down, across)."""
    grid = Image.fromarray(rng.uniform(-1, 1, cells).astype(np.float32))
    return np.asarray(grid.resize(shape[::-1], Image.Resampling.BICUBIC))


def relief(kind: str, rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The light and dark of a material (H, W) in about [-1, 1]; y and x in pixels."""
    shape, step = (y.size, x.size), 2 * int(rng.integers(12, 34))
    if kind == "wood":
        return noise(rng, shape, (60, 3)) / 2 + np.sin(9 * noise(rng, shape, (5, 3)) + y / 9) / 2
    if kind == "planks":
        boards = rng.uniform(-1, 1, 100)[x // step] - 3 * (x % step < 2)
        return boards + noise(rng, shape, (4, 90))
    if kind == "tiles":
        joints = (x % step < 3) | (y % step < 3)
        return (x // step + y // step) % 2 * rng.uniform(-1, 1) - 1.5 * joints
    if kind == "stripes":
        return np.where(x % step < step // 2, 0.7, -0.7) + 0 * y
    if kind == "dots":
        across, down = (x + y // step % 2 * step // 2) % step - step / 2, y % step - step / 2
        return np.where(across**2 + down**2 < step**2 / 20, 1.2, -0.3)
    if kind == "diamonds":
        return 1.2 * np.sin((x + y) * pi / step) * np.sin((x - y) * pi / step)
    return noise(rng, shape, (6, 6)) * 0.6 + noise(rng, shape, (90, 90)) * 0.5  # plaster


def material(rng, kind: str, base: Colour, size: Pair, depth: float = 0.08) -> Image.Image:
    """A patch of a material as an RGB image, twice as large as size = (width, height)."""
    x, y = np.arange(int(size[0] * 2))[None, :], np.arange(int(size[1] * 2))[:, None]
    light = 1 + depth * relief(kind, rng, y, x)
    pixels = np.clip(light[..., None] * np.array(base), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


# ---- geometry and the pen


def rect(left: float, top: float, right: float, bottom: float) -> Points:
    """Four corners, clockwise from the top left."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def lens(points: Points, eye: Pair, distance: float = 300.0) -> np.ndarray:
    """Where points (x, y, z) appear; z runs towards us: what is near moves away from the eye."""
    x, y, z = np.asarray(points, float).T
    near = distance / (distance - z)
    return np.stack([eye[0] + (x - eye[0]) * near, eye[1] + (y - eye[1]) * near], axis=1)


def shrink(points: Points, share: float) -> np.ndarray:
    """The same shape, drawn together towards its middle."""
    corners = np.asarray(points)
    middle = corners.mean(axis=0)
    return middle + (corners - middle) * share


class Pen:
    """Paints in a thing's own units (origin on the ground, y down) on an image of double size."""

    def __init__(self, image: Image.Image, origin: Pair = (0, 0), scale: float = 1.0):
        self.image, self.origin, self.scale = image, np.array(origin, float), scale
        self.ink = ImageDraw.Draw(image, "RGBA")

    def pixels(self, points: Points) -> np.ndarray:
        return (np.asarray(points, float) * self.scale + self.origin) * 2

    def box(self, points: Points) -> tuple[int, int, int, int]:
        """The pixels (left, top, right, bottom) around some points."""
        found = self.pixels(points)
        left, top = np.rint(found.min(axis=0)).astype(int).tolist()
        right, bottom = np.rint(found.max(axis=0)).astype(int).tolist()
        return left, top, right, bottom

    def shape(self, points: Points, fill: Colour, alpha: float = 255) -> None:
        self.ink.polygon(self.pixels(points).ravel().tolist(), (*fill, int(alpha)))

    def oval(self, at: Pair, rx: float, ry: float, fill: Colour, alpha: float = 255) -> None:
        (x, y), (rx, ry) = self.pixels([at])[0], (2 * self.scale * rx, 2 * self.scale * ry)
        self.ink.ellipse((x - rx, y - ry, x + rx, y + ry), (*fill, int(alpha)))

    def line(self, points: Points, width: float, fill: Colour, alpha: float = 255) -> None:
        path = self.pixels(points).ravel().tolist()
        self.ink.line(path, (*fill, int(alpha)), max(1, round(width * self.scale * 2)), "curve")

    def ring(
        self, at: Pair, rx: float, ry: float, width: float, fill: Colour, alpha: float
    ) -> None:
        turn = np.linspace(0, 2 * pi, 40)
        self.line(
            np.stack([at[0] + rx * np.cos(turn), at[1] + ry * np.sin(turn)], 1), width, fill, alpha
        )

    def limb(self, points: Points, width: float, fill: Colour) -> None:
        """A line with round ends."""
        self.line(points, width, fill)
        for at in points:
            self.oval(at, width / 2, width / 2, fill)

    def ball(self, at: Pair, r: float, fill: Colour) -> None:
        """A disc with a dark rim and a highlight."""
        self.oval(at, r, r, shade(fill, 0.8))
        self.oval((at[0] - r * 0.08, at[1] - r * 0.1), r * 0.86, r * 0.86, fill)
        self.oval((at[0] - r * 0.35, at[1] - r * 0.4), r * 0.22, r * 0.18, WHITE, 150)

    def shadow(self, at: Pair, rx: float, ry: float) -> None:
        for grow in (1.3, 1.15, 1.0, 0.85, 0.7):
            self.oval(at, rx * grow, ry * grow, BLACK, 16)

    def blend(self, quad: Points, start: Colour, end: Colour, steps: int = 16) -> None:
        """A quad whose colour runs from its first edge (the top) to the opposite one."""
        a, b, c, d = np.asarray(quad, float)
        for i in range(steps):
            p, q = i / steps, (i + 1) / steps
            strip = [a + (d - a) * p, b + (c - b) * p, b + (c - b) * q, a + (d - a) * q]
            self.shape(strip, mix(start, end, i / (steps - 1)))

    def warp(self, image: Image.Image, quad: Points) -> None:
        """The image in perspective, corner on corner (clockwise from the top left)."""
        left, top, right, bottom = self.box(quad)
        if min(right - left, bottom - top) < 2:
            return
        rows, aims = [], []
        corners = self.pixels(quad) - (left, top)
        for (x, y), (u, v) in zip(corners, rect(0, 0, *image.size), strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
            aims += [u, v]
        bend = np.linalg.lstsq(np.array(rows), np.array(aims), rcond=None)[0].tolist()
        size = (right - left, bottom - top)
        clear = image.convert("RGBA")  # so that what lies outside the quad stays transparent
        piece = clear.transform(size, Image.Transform.PERSPECTIVE, bend)
        self.image.paste(piece, (left, top), piece)
