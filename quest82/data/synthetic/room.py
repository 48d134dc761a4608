"""The room in which an action happens, and the way from an action to its images.

An image is a function of a *look*, drawn once per clip (colours, materials, sizes, light), and of
a *state* in [0, 1]. What stands still is painted once per look; a frame repaints only what moves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageChops

from .pen import BLACK, FULL, WHITE, Colour, Pair, Pen, colour, material, mix, rect, shade


@dataclass(frozen=True)
class Look:
    """What stays the same through a clip; whatever else is random comes from its rng."""

    rng: np.random.Generator
    wall: Colour
    floor: Colour
    thing: Colour  # the object that acts
    trim: Colour  # frames and skirting boards
    accents: list[Colour]  # six more
    grain: str  # the material of the object

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]


Paint = Callable[[Pen, float], None]


def draw_look(rng: np.random.Generator) -> Look:
    """A palette around one hue: the thing contrasts with the wall, the accents spread out."""
    hue, light = rng.random(), rng.choice([rng.uniform(0.5, 0.7), rng.uniform(0.75, 0.97)])
    other = hue + rng.choice([0.1, 0.4, 0.5, 0.6, 0.9])
    thing_light = rng.uniform(0.48, 0.7) if light > 0.75 else rng.uniform(0.78, 0.94)
    hues = other + rng.uniform(0.3, 1) * rng.permutation(6) / 6
    return Look(
        rng=rng,
        wall=colour(light, rng.uniform(0.01, 0.07), hue),
        floor=colour(rng.uniform(0.5, 0.88), rng.uniform(0.01, 0.08), rng.choice([0.16, 0.2, hue])),
        thing=colour(thing_light, rng.uniform(0.05, 0.14), other),
        trim=colour(rng.choice([0.98, 0.94, 0.42]), 0.02, hue),
        accents=[colour(rng.uniform(0.58, 0.88), rng.uniform(0.09, 0.15), h) for h in hues],
        grain=str(rng.choice(["wood", "wood", "plaster", "planks"])),
    )


def room(look: Look, pen: Pen, horizon: float) -> None:
    """Wall and floor; a horizon high up makes the floor a table top."""
    paper = look.pick("plaster", "plaster", "stripes", "dots", "diamonds", "tiles")
    pen.image.paste(material(look.rng, paper, look.wall, (FULL, FULL), 0.035))
    boards = look.pick("planks", "planks", "tiles", "plaster")
    floor = material(look.rng, boards, look.floor, (FULL, 160))
    pen.warp(floor, [(0, horizon), (FULL, horizon), (FULL + 130, FULL), (-130, FULL)])
    if horizon > 200:
        if look.rng.random() < 0.3:
            pen.shape(rect(0, horizon - 62, FULL, horizon), look.trim)
            pen.shape(rect(0, horizon - 59, FULL, horizon), mix(look.wall, look.trim, 0.6))
        pen.shape(rect(0, horizon - 9, FULL, horizon), look.trim)
        if look.rng.random() < 0.5:
            rug = mix(look.accents[3], look.floor, 0.3)
            for size, paint in ((1, rug), (0.9, look.trim), (0.86, rug)):
                pen.oval((FULL / 2, horizon + 30), 120 * size, 18 * size, paint)
    for depth in range(2, 15, 3):
        pen.shape(rect(0, horizon, FULL, horizon + depth), BLACK, 9)


def furnish(look: Look, pen: Pen, horizon: float) -> None:
    """Things on both sides: on the wall, and on the floor or the table."""
    for x in (look.rng.uniform(28, 55), look.rng.uniform(217, 244)):
        hang, stand = look.pick(painting, painting, lamp, books), look.pick(plant, plant, books)
        if horizon > 110 and look.rng.random() < 0.8:
            hang(look, pen, x, horizon * look.rng.uniform(0.25, 0.4))
        if look.rng.random() < 0.6:
            stand(look, pen, x, horizon + look.rng.uniform(6, 20))


def view(pen: Pen, rng: np.random.Generator, left, top, right, bottom) -> None:
    """A landscape in a frame: sky, sun, three rows of hills with trees."""
    width, height, day = right - left, bottom - top, rng.uniform(0.6, 0.97)
    sky, green = colour(day, 0.08, rng.choice([0.65, 0.7, 0.08, 0.9])), rng.uniform(0.28, 0.55)
    pen.blend(rect(left, top, right, bottom), sky, colour(min(day + 0.1, 0.97), 0.05, 0.2), 24)
    sun = (left + width * rng.uniform(0.25, 0.75), top + height * rng.uniform(0.2, 0.4))
    pen.oval(sun, width * 0.13, width * 0.13, WHITE, 50)
    pen.oval(sun, width * 0.09, width * 0.09, colour(0.96, 0.08, 0.25))
    x = np.linspace(0, 1, 40)
    for row in range(3):
        ridge = 0.5 + 0.15 * row + 0.07 * np.sin(rng.uniform(4, 9) * x + rng.uniform(0, 6))
        crest = np.stack([left + width * x, top + height * ridge], axis=1)
        paint = colour(day - 0.08 - 0.11 * row, 0.06 + 0.015 * row, green + 0.03 * row)
        pen.shape([*crest, (right, bottom), (left, bottom)], paint)
        for i in rng.integers(3, 37, rng.integers(0, 5)):
            (tree_x, tree_y), tall = crest[i], height * rng.uniform(0.05, 0.1)
            pen.line(
                [(tree_x, tree_y + 2), (tree_x, tree_y - tall)], width * 0.012, shade(paint, 0.6)
            )
            pen.oval((tree_x, tree_y - tall), tall * 0.4, tall * 0.75, shade(paint, 0.85))


def painting(look: Look, pen: Pen, x: float, y: float) -> None:
    w, h = look.rng.uniform(14, 24, 2)
    pen.shape(rect(x - w, y - h + 3, x + w + 6, y + h + 8), BLACK, 35)
    pen.shape(rect(x - w - 4, y - h - 4, x + w + 4, y + h + 4), look.accents[4])
    pen.shape(rect(x - w - 2, y - h - 2, x + w + 2, y + h + 2), WHITE)
    view(pen, look.rng, x - w, y - h, x + w, y + h)


def lamp(look: Look, pen: Pen, x: float, y: float) -> None:
    wide, neck = look.rng.uniform(16, 26), [(x - 5, y - 16), (x + 5, y - 16)]
    for r in (44, 36, 28, 20):
        pen.oval((x, y + 8), r, r, (255, 240, 190), 22)
    pen.line([(x, 0), (x, y - 14)], 1.5, shade(look.trim, 0.4))
    pen.oval((x, y + 7), 6, 6, (255, 248, 215))
    pen.shape([*neck, (x + wide, y + 6), (x - wide, y + 6)], look.accents[2])
    pen.shape([neck[0], (x - 1, y - 16), (x - wide / 2, y + 6), (x - wide, y + 6)], WHITE, 50)


def books(look: Look, pen: Pen, x: float, y: float) -> None:
    left = x - 26
    pen.shape(rect(x - 30, y + 1, x + 34, y + 9), BLACK, 30)
    for paint in look.accents:
        wide, tall = look.rng.uniform(5, 10), look.rng.uniform(22, 34)
        pen.shape(rect(left, y - tall, left + wide, y), shade(paint, look.rng.uniform(0.7, 1)))
        pen.shape(rect(left, y - tall * 0.8, left + wide, y - tall * 0.68), look.trim, 170)
        pen.shape(rect(left + wide - 1.5, y - tall, left + wide, y), BLACK, 50)
        left += wide
    pen.shape(rect(x - 31, y, x + 31, y + 4), shade(look.floor, 0.75))


def plant(look: Look, pen: Pen, x: float, y: float) -> None:
    rng, tall, slim = look.rng, look.rng.uniform(30, 60), look.rng.uniform(3, 8)
    green = colour(rng.uniform(0.45, 0.7), 0.11, rng.uniform(0.32, 0.45))
    pen.shadow((x, y), 15, 4)
    for i in (0, 8, 1, 7, 2, 6, 3, 5, 4):  # the outer leaves lie behind the inner ones
        lean = (i - 4) / 4 * rng.uniform(0.74, 1.1)
        tip = (x + tall * 0.6 * lean, y - 18 - tall * (1 - 0.5 * lean**2))
        mid = (x + tall * 0.2 * lean, y - 18 - tall * 0.5)
        leaf = [(x, y - 16), (mid[0] - slim, mid[1]), tip, (mid[0] + slim, mid[1])]
        pen.shape(leaf, shade(green, 0.75 + i % 3 * 0.15))
        pen.shape(leaf[:3], WHITE, 25)
    pen.shape([(x - 13, y - 22), (x + 13, y - 22), (x + 9, y), (x - 9, y)], look.accents[0])
    pen.shape([(x - 13, y - 22), (x - 4, y - 22), (x - 3, y), (x - 9, y)], WHITE, 50)


def light_map(rng: np.random.Generator) -> Image.Image:
    """What the light leaves of each colour: its level, tint, direction and sometimes a sunbeam."""
    y, x = np.mgrid[-1 : 1 : FULL * 1j, -1 : 1 : FULL * 1j]
    turn = rng.uniform(0, 2 * pi)
    light = 1 - rng.uniform(0.02, 0.12) * (1 + cos(turn) * x + sin(turn) * y)
    if rng.random() < 0.4:
        across = x + rng.uniform(-0.8, 0.8) * y - rng.uniform(-0.6, 0.6)
        light *= 0.9 + 0.1 / (1 + np.exp(40 * np.clip(np.abs(across) - 0.3, -0.5, 0.5)))
    tint = np.array(colour(0.97, rng.uniform(0, 0.04), rng.random())) * rng.uniform(0.74, 1.1)
    return Image.fromarray(np.clip(light[..., None] * tint, 0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Action:
    """Something that can be done and undone."""

    name: str
    forward: str  # class name of state 0 -> 1
    reverse: str  # class name of state 1 -> 0
    draw: Callable[[Look, Pen], Paint]
    horizon: Pair  # pixels from the top to where wall meets floor: from, to
    below: float  # pixels from there down to the ground on which the thing stands
    reach: tuple[int, int, int, int]  # all that moves: left, top, right, bottom in its units
    handed: bool = False  # seen in a mirror it goes the other way, so it is never mirrored


def scene(
    action: Action, rng: np.random.Generator, *, wall: Colour | None = None
) -> Callable[[float], np.ndarray]:
    """One look of an action, as a function from state to image.

    Args:
        action: what happens, in the forward direction.
        rng: all that is random is drawn from it, now; the same seed gives the same frames.
        wall: repaints the wall; nothing else of the look changes.

    Returns:
        frame(state): uint8 (SIZE + 2 MARGIN, SIZE + 2 MARGIN, 3), RGB, for a state in [0, 1].

    Raises:
        ValueError: from frame: the state is outside [0, 1].
    """
    look, canvas = draw_look(rng), Image.new("RGB", (2 * FULL, 2 * FULL))
    look = replace(look, wall=wall or look.wall)
    horizon, scale = rng.uniform(*action.horizon), rng.uniform(0.9, 1.12)
    origin = np.array([FULL / 2 + rng.uniform(-14, 14), horizon + action.below])
    room(look, Pen(canvas), horizon)
    furnish(look, Pen(canvas), horizon)
    paint = action.draw(look, Pen(canvas, origin, scale))
    light, mirrored, calm = light_map(rng), rng.random() < 0.5, canvas.reduce(2)
    mirrored = mirrored and not action.handed
    corners = np.clip(np.reshape(action.reach, (2, 2)) * scale + origin, 0, FULL).astype(int)
    (left, top), (right, bottom) = corners.tolist()
    part = canvas.crop((2 * left, 2 * top, 2 * right, 2 * bottom))

    def frame(state: float) -> np.ndarray:
        if not 0 <= state <= 1:
            raise ValueError(f"state ({state}) lies outside [0, 1]; clip it before you draw")
        piece, image = part.copy(), calm.copy()
        paint(Pen(piece, origin - (left, top), scale), state)
        image.paste(piece.reduce(2), (left, top))
        image = ImageChops.multiply(image, light)
        return np.array(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image)

    return frame
