"""Three things that go round: after one full turn each looks as it did before.

The state is a *phase* in [0, 1); phases 0 and 1 look the same. The first and the last frame of a
turn therefore say nothing about its direction: frames on the way have to be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np

from .pen import BLACK, PAPER, WHITE, Colour, Pair, Pen, colour, mix, rect, shade
from .room import Action, Look, Paint


def around(colours: Sequence[Colour], phase: float) -> Colour:
    """The colour at a phase of a round of colours, each blending into the next."""
    place = phase * len(colours)
    start = int(place) % len(colours)
    return mix(colours[start], colours[(start + 1) % len(colours)], place % 1)


def arc(at: Pair, r: float, start: float, end: float) -> np.ndarray:
    """Points on a circle; angles in turns, clockwise from the top."""
    turns = 2 * pi * np.linspace(start, end, 40)
    return np.asarray(at) + r * np.stack([np.sin(turns), -np.cos(turns)], axis=1)


def dial(look: Look, still: Pen) -> Paint:
    """A round gauge on the wall; half of its disc is painted, and a hand stands on that half."""
    r, at = look.rng.uniform(62, 76), (0.0, -90.0)
    still.oval((4, -84), r + 12, r + 12, BLACK, 60)
    still.oval(at, r + 11, r + 11, look.trim)
    still.oval(at, r + 6, r + 6, shade(look.thing, 0.6))
    still.oval(at, r, r, PAPER)
    half, hand = look.accents[0], shade(look.accents[0], 0.35)

    def paint(pen: Pen, phase: float) -> None:
        pen.shape(arc(at, r, phase - 0.25, phase + 0.25), half)
        for tick in arc(at, 0.88 * r, 0, 11 / 12)[:: 40 // 12]:
            pen.oval(tick, 2, 2, BLACK, 160)
        pen.line([at, arc(at, 0.8 * r, phase, phase)[0]], 8, hand)
        pen.ball(at, 9, hand)

    return paint


def lights(look: Look, still: Pen) -> Paint:
    """A traffic light: red, then green, then amber, then red again; one lamp at a time."""
    r = look.rng.uniform(21, 26)
    places = [(0.0, -52 - (2.3 * r) * k) for k in (2, 0, 1)]  # red on top, green below
    paints = [colour(0.66, 0.21, 0.07), colour(0.8, 0.2, 0.4), colour(0.85, 0.16, 0.21)]
    body = shade(look.thing, 0.45)
    still.shadow((0, 2), 30, 7)
    still.shape(rect(-6, -40, 6, 2), shade(look.trim, 0.55))
    still.shape(rect(-1.5 * r, -56 - 5.9 * r, 1.5 * r, -48 + 1.3 * r), body)
    for at, paint_of in zip(places, paints, strict=True):
        still.oval(at, r + 3, r + 3, BLACK, 120)
        still.oval(at, r, r, shade(paint_of, 0.3))

    def paint(pen: Pen, phase: float) -> None:
        lit = int(3 * phase) % 3
        for grow in (2.0, 1.7, 1.4):
            pen.oval(places[lit], grow * r, grow * r, paints[lit], 45)
        pen.oval(places[lit], r, r, paints[lit])
        pen.oval(places[lit], 0.5 * r, 0.5 * r, shade(paints[lit], 1.5), 200)

    return paint


def tree(look: Look, still: Pen) -> Paint:
    """A painting of a tree, framed: spring, summer, autumn, winter."""
    rng, w, h = look.rng, look.rng.uniform(84, 98), look.rng.uniform(140, 158)
    still.shape(rect(-w - 9, -h - 9, w + 9, 9), look.trim)
    ground = [colour(0.82, 0.16, 0.33), colour(0.62, 0.14, 0.4), colour(0.66, 0.12, 0.2), WHITE]
    crown = [colour(0.84, 0.13, 0.98), colour(0.5, 0.15, 0.4), colour(0.64, 0.19, 0.13)]
    crown, sky = [*crown, colour(0.93, 0.01, 0.6)], [colour(0.9, 0.06, 0.6)] * 3 + [PAPER]
    leaves = [(*rng.uniform(-1, 1, 2), rng.uniform(0.75, 1.2)) for _ in range(26)]
    middle, bark = -0.62 * h, colour(0.4, 0.06, 0.15)

    def paint(pen: Pen, phase: float) -> None:
        pen.shape(rect(-w, -h, w, 0), around(sky, phase))
        pen.shape(rect(-w, -0.22 * h, w, 0), around(ground, phase))
        pen.shape([(-5, middle), (5, middle), (9, -0.12 * h), (-9, -0.12 * h)], bark)
        for x, y, light in leaves:
            at = (0.55 * w * x, middle + 0.22 * h * y)
            pen.oval(at, 0.24 * w, 0.13 * h, shade(around(crown, phase), light))

    return paint


_WALL = (-106, -172, 106, 12)  # all that moves, where a thing hangs on the wall
_ALL = (
    Action(
        "dial", "turn_clockwise", "turn_counterclockwise", dial, (205, 222), -30, _WALL, handed=True
    ),
    Action(
        "lights", "red_green_amber", "red_amber_green", lights, (215, 225), 20, (-70, -250, 70, 20)
    ),
    Action("tree", "seasons_forwards", "seasons_backwards", tree, (205, 222), -42, _WALL),
)
CYCLES: dict[str, Action] = {action.forward: action for action in _ALL}
