"""Eight actions that can be undone, drawn by formula.

State 0 is shut, down or empty, 1 is open, up or full. Each action is a function that paints what
stands still and returns what paints the rest.
"""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi, radians, sin

import numpy as np
from PIL import Image

from .pen import (
    BLACK,
    PAPER,
    WHITE,
    Colour,
    Pair,
    Pen,
    Points,
    colour,
    lens,
    material,
    rect,
    shade,
    shrink,
)
from .room import Action, Look, Paint, books, painting, plant, view


def panel(look: Look, size: Pair, across: int, down: int, knobs: Points) -> Image.Image:
    """A board with raised fields and knobs: a door leaf or the front of a drawer."""
    image, (w, h) = material(look.rng, look.grain, look.thing, size), size
    pen, wide, tall = Pen(image), (w - 7) / across, (h - 7) / down
    for i in range(across * down):
        left, top = 7 + i % across * wide, 7 + i // across * tall
        right, low = left + wide - 7, top + tall - 7
        pen.shape(rect(left, top, right, low), BLACK, 70)
        pen.shape(rect(left + 1, top + 1, right + 1, low + 1), shade(look.thing, 1.12), 200)
    for x, y in knobs:
        pen.oval((x + 1, y + 2), 4.5, 4.5, BLACK, 80)
        pen.ball((x, y), 4, look.accents[1])
    return image


def hall(look: Look, pen: Pen, w: float, h: float, eye: Pair) -> None:
    """The next room, seen through a door."""
    wall, deep = look.accents[0], -look.rng.uniform(60, 220)
    a, b, c, d = lens([(x, y, deep) for x, y in rect(-w / 2, -h, w / 2, 0)], eye)
    pen.shape(rect(-w / 2, -h, w / 2, 0), shade(wall, 0.72))
    pen.shape([(-w / 2, -h), a, b, (w / 2, -h)], shade(wall, 1.5))
    pen.shape([(w / 2, -h), b, c, (w / 2, 0)], shade(wall, 0.86))
    pen.shape([(w / 2, 0), c, d, (-w / 2, 0)], look.floor)
    pen.shape([a, b, c, d], wall)
    other = replace(look, accents=look.accents[1:] + look.accents[:1])
    painting(other, pen, 0, eye[1] - 4)
    plant(other, pen, -w * 0.2, c[1] + 4)


def door(look: Look, still: Pen) -> Paint:
    """A leaf on a hinge; behind it a landscape or a room."""
    rng, glow = look.rng, look.rng.uniform(10, 60)
    w, h, way = rng.uniform(82, 104), rng.uniform(150, 170), look.pick(-1, 1)  # away or towards us
    eye, hinge = (0.0, -h * 0.6), -w / 2
    still.shape(rect(hinge - 4, -h - 9, 15 - hinge, 0), BLACK, 30)
    still.shape(rect(hinge - 10, -h - 10, 10 - hinge, 0), look.trim)
    still.shape(rect(hinge - 3, -h - 3, 3 - hinge, 0), shade(look.trim, 0.75))
    if rng.random() < 0.5:
        view(still, rng, hinge, -h, -hinge, 0)
    else:
        hall(look, still, w, h, eye)
    leaf = panel(look, (w, h), look.pick(1, 2), look.pick(1, 2, 3, 4), [(w - 7, h * 0.55)])

    def paint(pen: Pen, s: float) -> None:
        turn = radians(84) * s**0.75  # the first degrees reveal little, so they pass faster
        x, z = hinge + w * cos(turn), way * w * sin(turn)
        top, low = lens([(x, -h, z), (x, 0, z)], eye)
        gap = min(low[0], -hinge)
        pen.shape([(gap, 0), (-hinge, 0), (25 - hinge, 40), (gap + 25, 40)], WHITE, glow)
        quad = [(hinge, -h), top, low, (hinge, 0)]
        pen.warp(leaf, quad)
        pen.shape(quad, BLACK, 90 * sin(turn))
        edge = lens([(x + 5 * sin(turn), -h, z), (x + 5 * sin(turn), 0, z)], eye)
        pen.shape([top, edge[0], edge[1], low], shade(look.thing, 1.2))

    return paint


def drawer(look: Look, still: Pen) -> Paint:
    """A chest of drawers; one of them comes towards us and shows what it holds."""
    rng, dark, wood = look.rng, shade(look.thing, 0.55), look.thing
    w, h, rows = rng.uniform(62, 84), rng.uniform(105, 135), look.pick(2, 3)
    eye, tall = (0.0, -h - rng.uniform(60, 85)), (h - 16) / rows
    knobs = [(w - 5 + side * w * rng.uniform(0.4, 0.8), tall / 2 - 2) for side in (-1, 1)]
    front = panel(look, (2 * w - 10, tall - 5), look.pick(1, 2), 1, knobs)
    still.shadow((0, 0), w * 1.05, 9)
    board = [(-w - 3, -h, -60), (w + 3, -h, -60), (w + 3, -h, 2), (-w - 3, -h, 2)]
    still.shape(lens(board, eye), shade(wood, 1.25))
    still.blend(rect(-w, -h, w, -6), wood, shade(wood, 0.75))
    for x in (-w, w - 12):
        still.shape([(x, -6), (x + 12, -6), (x + 9, 2), (x + 3, 2)], dark)
    boxes = [rect(-w + 5, y, w - 5, y + tall - 5) for y in -h + 7 + tall * np.arange(rows)]
    for box in boxes:
        still.shape(shrink(box, 1.03), dark)
        still.warp(front, box)
    look.pick(plant, books)(look, still, rng.uniform(-0.5, 0.5) * w, -h - 6)
    box, size = boxes[rng.integers(2)], rng.uniform(8, 13)
    items = sorted(zip(-rng.uniform(4, 88, 12), rng.uniform(4 - w, w - 4, 12) * 0.8, strict=True))
    above, inside = rect(-w, -h, w, box[0][1]), shade(wood, rng.uniform(0.35, 0.9))
    cover = still.image.crop(still.box(above))

    def paint(pen: Pen, s: float) -> None:
        z = 95 * s
        face = lens([(x, y, z) for x, y in box], eye)
        pen.shape([(x, y + 5 + 9 * s) for x, y in face], BLACK, 60)
        pen.blend([*box[:2], face[1], face[0]], shade(inside, 0.7), inside)
        for i, (behind, x) in enumerate(items):
            if z + behind > -size:
                at = lens([(x, box[0][1] + 6, z + behind)], eye)[0]
                pen.ball(at, size * 300 / (300 - z - behind), look.accents[i % 6])
        pen.image.paste(cover, pen.box(above)[:2])  # hides what is still inside
        pen.warp(front, face)
        pen.line(face[:2], 2.5, shade(wood, 1.3))

    return paint


def chest(look: Look, still: Pen) -> Paint:
    """A chest full of balls; its lid turns about the back edge."""
    rng, wood = look.rng, look.thing
    w, h, d = rng.uniform(58, 80), rng.uniform(48, 66), rng.uniform(36, 44)
    eye, band = (0.0, -h - rng.uniform(130, 170)), rng.uniform(0.4, 0.8) * w
    outside = material(rng, look.grain, wood, (2 * w, 2 * d))
    front = panel(look, (2 * w, h), 1, 1, [])
    for image in (outside, front):
        for x in (w - band, w + band):
            Pen(image).shape(rect(x - 5, 0, x + 5, 2 * d), look.accents[3])
    Pen(front).ball((w, 10), 8, look.accents[1])
    still.shadow((0, 8), w * 1.3, 16)
    back, rim = [(-w, -h, -d), (w, -h, -d)], [(w, -h, d), (-w, -h, d)]
    still.shape(lens(back + rim, eye), shade(look.accents[2], rng.uniform(0.4, 1)))
    for z in np.sort(rng.uniform(-0.6, 0.7, 22)) * d:
        at = lens([(rng.uniform(-0.85, 0.85) * w, -h + 8, z)], eye)[0]
        still.ball(at, rng.uniform(6, 12), look.pick(*look.accents))
    still.warp(front, lens([*rim[::-1], (w, 0, d), (-w, 0, d)], eye))

    def paint(pen: Pen, s: float) -> None:
        turn = radians(112) * s**1.3  # the first degrees reveal much, so they pass slower
        y, z = -h - 2 * d * sin(turn), -d + 2 * d * cos(turn)
        lip_y, lip_z = y + 12 * cos(turn), z + 12 * sin(turn)
        quad = lens([*back, (w, y, z), (-w, y, z)], eye)
        lip = lens([(-w, y, z), (w, y, z), (w, lip_y, lip_z), (-w, lip_y, lip_z)], eye)
        if quad[2][1] > quad[0][1]:
            pen.warp(outside, quad)
        else:  # now we see it from below
            pen.shape(quad, shade(wood, 0.8))
            pen.blend(shrink(quad, 0.88), shade(look.accents[2], 0.75), look.accents[2])
        pen.shape(lip, shade(wood, 1.2))
        pen.line(lip[2:], 1.5, shade(wood, 0.6))

    return paint


def pot(look: Look, still: Pen) -> Paint:
    """A pot of soup; its lid tips up about the left of the rim."""
    rng, metal = look.rng, look.thing
    w, h, deep = rng.uniform(58, 74), rng.uniform(58, 90), rng.uniform(15, 24)
    still.shadow((0, -2), w * 1.1, deep)
    still.limb([(-w - 12, -h + 16), (w + 12, -h + 16)], 9, shade(metal, 0.6))
    across = np.linspace(-1, 1, 41)
    low = -deep - 4 + deep * (1 - np.abs(across) ** rng.uniform(2.5, 6))
    for i in range(40):
        u, v = across[i : i + 2] * w
        stave = [(u, -h), (v, -h), (v, low[i + 1]), (u, low[i])]
        still.shape(stave, shade(metal, 0.65 + 0.45 * sin(1.2 + across[i]) ** 4))
    still.oval((0, -h), w + 2, deep + 2, shade(metal, 1.3))
    still.oval((0, -h), w - 2, deep - 2, shade(metal, 0.4))
    still.oval((0, -h + 3), w - 5, deep - 4, look.accents[0])
    for colour_inside in look.accents[1:] * 3:
        away, turn = 0.8 * rng.random() ** 0.5, rng.uniform(0, 2 * pi)
        spot = (away * (w - 8) * cos(turn), -h + 3 + away * (deep - 6) * sin(turn))
        still.oval(spot, rng.uniform(4, 9), rng.uniform(2, 4), colour_inside)
    ring = np.stack([np.cos(pi * across), np.sin(pi * across)], axis=1) * (w, deep)
    dome = np.where(ring[:, 1:] > 0, ring, ring * (1, w / deep * rng.uniform(0.3, 0.6)))

    def paint(pen: Pen, s: float) -> None:
        turn, up = radians(66) * s, np.linspace(0, 60 * s, 12)
        spin = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])

        def tip(points: np.ndarray) -> np.ndarray:
            return (points + (w, 0)) @ spin + (-w, -h - 3)

        for x in (-0.5, -0.2, 0.1, 0.4):  # steam stands still: it must not tell the direction
            wisp = np.stack([x * w + 5 * np.sin(up / 9 + 9 * x), -h - up], axis=1)
            pen.line(wisp, 5, WHITE, 50 * s)
        pen.shape(tip(dome), metal)
        pen.shape(tip(dome * 0.7 - (w * 0.1, deep * 0.4)), WHITE, 35)
        pen.ball(tip(np.array([[0, dome[:, 1].min() - 5]]))[0], 8, look.accents[1])
        for size, light in ((1, 0.55), (0.9, 0.7)):  # the underside turns into sight
            pen.shape(tip(ring * (size, size * s)), shade(metal, light))

    return paint


def lid(look: Look, still: Pen) -> Paint:
    """A chest or a pot."""
    return look.pick(chest, pot)(look, still)


def blind(look: Look, still: Pen) -> Paint:
    """A window; its blind gathers in slats or winds onto a roll."""
    rng, cloth, bar = look.rng, look.thing, shade(look.thing, 0.6)
    w, h, count = rng.uniform(60, 88), rng.uniform(118, 150), int(rng.integers(4, 16))
    still.shape(rect(-w - 6, -h - 6, w + 14, 16), BLACK, 28)
    still.shape(rect(-w - 9, -h - 9, w + 9, 8), look.trim)
    view(still, rng, -w, -h, w, 0)
    for x in np.linspace(-w, w, look.pick(2, 3, 4))[1:-1]:
        still.shape(rect(x - 2, -h, x + 2, 0), look.trim)
    still.shape(rect(-w, -h * 0.45 - 2, w, -h * 0.45 + 2), look.trim, look.pick(0, 255))
    still.shape(rect(-w - 14, 4, w + 14, 12), shade(look.trim, 0.9))
    pattern = look.pick("stripes", "dots", "diamonds", "plaster", "tiles")
    sheet, thin = material(rng, pattern, cloth, (2 * w, h), 0.12), min(2.0, 18 / count)

    def slats(pen: Pen, s: float) -> None:
        hang = h * (1 - s) + count * thin * s
        edges = [min(h * i / count, hang - (count - i) * thin) - h for i in range(count + 1)]
        for top, low in zip(edges[:-1], edges[1:], strict=True):
            slat = rect(-w, top, w, low - (low - top) * 0.12)  # a line of light stays in between
            pen.blend(slat, shade(cloth, 1.2), shade(cloth, 0.8), 5)
        pen.shape(rect(-w, hang - h - 4, w, hang - h), bar)

    def roll(pen: Pen, s: float) -> None:
        hang = h - (h - 8) * s
        rest = sheet.crop((0, sheet.height - round(2 * hang), *sheet.size))
        pen.warp(rest, rect(-w, -h, w, hang - h))
        pen.shape(rect(-w, hang - h - 4, w, hang - h), bar)
        pen.blend(rect(-w, -h, w, -h + 5 + 7 * s), shade(cloth, 1.3), bar, 8)

    return look.pick(slats, slats, roll)


def glass(look: Look, still: Pen) -> Paint:
    """A glass, anything from a tumbler to a goblet, and a drink."""
    rng, drink, stem = look.rng, look.accents[0], look.rng.uniform(25, 45) * look.pick(0, 1)
    h, wide, belly = rng.uniform(110, 150) - stem * 0.6, rng.uniform(40, 60), rng.uniform(-3, 14)
    narrow, power = (14, 0.45) if stem else (rng.uniform(28, 48), rng.uniform(0.6, 1.6))
    foot, bubbles = wide * 0.7 if stem else narrow, rng.uniform((-0.7, 0.05), (0.7, 0.9), (14, 2))

    def wall(side: float, share: np.ndarray) -> np.ndarray:
        """Points on the side (-1 left, 1 right) of the glass, at some shares of its height."""
        r = narrow + (wide - narrow) * share**power + belly * np.sin(pi * share)
        return np.stack([side * r, -6 - stem - h * share], axis=1)

    def part(left: float, right: float, low: float, top: float) -> np.ndarray:
        share = np.linspace(low, top, 24)
        return np.concatenate([wall(left, share), wall(right, share)[::-1]])

    still.shadow((0, 0), foot * 1.25, foot * 0.32)
    still.oval((0, -3), foot, foot * 0.2, WHITE, 110)
    still.shape(rect(-3.5, -8 - stem, 3.5, -3), WHITE, 120)
    still.shape(part(-1, 1, 0, 1), WHITE, 60)

    def paint(pen: Pen, s: float) -> None:
        top, solid = 0.92 * s, 255 * min(1, 12 * s)  # the first drops are thin
        r, y = wall(0.96, np.array([top]))[0]
        pen.oval((0, -6 - stem), narrow * 0.96, narrow * 0.2, drink, solid)
        for left, paint, alpha in ((-0.96, drink, solid), (0.35, BLACK, 22), (0.72, BLACK, 22)):
            pen.shape(part(left, 0.96, 0, top), paint, alpha)
        for side, share in bubbles[bubbles[:, 1] < top - 0.04]:
            pen.oval(wall(side, np.array([share]))[0], 1.8, 1.8, WHITE, 120)
        pen.oval((0, y), r, r * 0.2, shade(drink, 1.3), solid)
        pen.oval((0, y + 1), r * 0.9, r * 0.16, shade(drink, 1.12), solid)
        pen.shape(part(-0.8, -0.62, 0.1, 0.95), WHITE, 90)
        pen.shape(part(0.8, 0.86, 0.3, 0.8), WHITE, 70)
        for edge in np.split(part(-1, 1, 0, 1), 2):
            pen.line(edge, 1.5, WHITE, 180)
        pen.ring((0, -6 - stem - h), wide, wide * 0.2, 1.5, WHITE, 190)

    return paint


def page(look: Look, w: float, d: float) -> Image.Image:
    """Lines of text, and with luck an image."""
    rng, image = look.rng, Image.new("RGB", (int(2 * w), int(4 * d)), PAPER)
    pen, first = Pen(image), look.pick(10, d, d * 1.3)
    if first > 10:
        view(pen, rng, 8, 8, w - 8, first - 6)
    for y in np.arange(first, 2 * d - 10, 6):
        pen.shape(rect(9, y, 9 + (w - 18) * rng.uniform(0.6, 1), y + 2), BLACK, 110)
    return image


def book(look: Look, still: Pen) -> Paint:
    """A book on the table; its cover and four leaves turn about the spine, one after the other."""
    rng, w, d = look.rng, look.rng.uniform(82, 104), look.rng.uniform(56, 70)
    cover, last = material(rng, look.grain, look.thing, (w, 2 * d)), page(look, w, d)
    last = last.transpose(Image.Transpose.FLIP_LEFT_RIGHT)  # it is seen from its other side
    for inset, colour_outside in ((6, look.accents[0]), (8, look.thing)):
        Pen(cover).shape(rect(inset + 5, inset, w - inset, 2 * d - inset), colour_outside)
    Pen(cover).ball((w / 2, d * rng.uniform(0.5, 1.1)), w * rng.uniform(0.12, 0.3), look.accents[1])
    Pen(cover).shape(rect(w * 0.25, d * 1.5, w * 0.8, d * 1.58), look.accents[0])

    def leaf(turn: float, lift: float, more: float = 0) -> np.ndarray:
        x, y, z = (w + more) * cos(turn), -(w + more) * sin(turn) - lift, d + more
        corners = [(0, -lift, -z), (x, y, -z), (x, y, z), (0, -lift, z)]
        return lens(corners, (0, -250), 340)

    still.shape(leaf(0, -4, 6), BLACK, 50)
    still.shape(leaf(0, 0, 3), shade(look.thing, 0.8))
    for lift in range(1, 9):
        still.shape(leaf(0, lift), shade(PAPER, 0.8 + 0.1 * (lift % 2)))
    still.warp(page(look, w, d), leaf(0, 8))

    def paint(pen: Pen, s: float) -> None:
        turns = [pi * min(max(s * 1.3 - lag, 0), 1) for lag in np.linspace(0, 0.3, 5)]
        pen.shape(leaf(turns[0], -3, 5), BLACK, 45 * max(-cos(turns[0]), 0))
        gone = sum(turn > pi / 2 for turn in turns)  # these lie in order, the others upside down
        for i in [*range(4, gone - 1, -1), *range(gone)]:
            turn, flat = turns[i], turns[i] / pi
            quad = leaf(turn, 9 - 8 * flat + i * flat, 3 * (i == 0))
            pen.shape(quad, PAPER if i else look.accents[2])
            if i == 0 and turn < pi / 2:
                pen.warp(cover, quad)
            if i == 4 and turn > pi / 2:
                pen.warp(last, quad)
            pen.shape(quad, BLACK, 50 * sin(turn) + 20 * (i % 2))

    return paint


def cube(pen: Pen, face: np.ndarray, paint: Colour, mark: Colour, kind: int) -> None:
    """A toy block; face = the corners of its front."""
    for a, b, light in ((3, 0, 0.8), (2, 3, 0.6), (0, 1, 1.35), (1, 2, 0.72)):
        side = [face[a], face[b], face[b] + (7, -7), face[a] + (7, -7)]
        pen.shape(side, shade(paint, light))
    inner = shrink(face, 0.7)
    pen.shape(face, paint)
    pen.shape(inner, shade(paint, 1.25))
    if kind:
        pen.shape(np.roll(inner, kind, axis=0)[:3], mark)
    else:
        pen.oval(face.mean(axis=0), 7, 7, mark)


def blocks(look: Look, still: Pen) -> Paint:
    """Blocks that leave a crate one by one and make a tower."""
    rng, wood, colours, count = look.rng, look.thing, look.accents, look.pick(3, 4, 5)
    size, far, left = min(rng.uniform(32, 40), 165 / count), -rng.uniform(45, 62), 14
    wide, deep = size * 2.3, size * rng.uniform(1.0, 1.4)
    columns, rows = left + wide * np.array([0.28, 0.72]), -size * np.array([0.55, 1.3, 2.05])
    tilts, kinds = rng.uniform(-0.6, 0.6, count), rng.integers(0, 4, count)
    still.shadow((far, 0), size * 0.8, 6)
    still.shadow((left + wide / 2, 2), wide * 0.6, 8)
    still.shape(rect(left + 8, -deep - 9, left + wide + 8, -9), shade(wood, 0.5))

    def place(i: int, t: float) -> np.ndarray:
        """Where block i is at a share t of its way: up, over and down a Bezier curve."""
        turn = count - 1 - i  # the top block in the crate goes first
        home, goal = (columns[turn % 2], rows[turn // 2]), (far, -size * (i + 0.5))
        peak = min(goal[1], -deep - size) - size * 0.9
        stops = np.array([home, (home[0], peak), (far, peak), goal])
        return np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]) @ stops

    def paint(pen: Pen, s: float) -> None:
        for i in reversed(range(count)):
            t = min(max(s * count - i, 0), 1)
            tilt = tilts[i] * (1 - t)
            spin = np.array([[cos(tilt), sin(tilt)], [-sin(tilt), cos(tilt)]]) * size / 2
            face = np.array(rect(-1, -1, 1, 1)) @ spin + place(i, t)
            cube(pen, face, colours[i], colours[i - 2], kinds[i])
        for k in range(3):
            top = -deep + k * deep / 3
            pen.shape(rect(left, top, left + wide, top + deep / 3.5), shade(wood, 1 - 0.08 * k))
        for x in (left, left + wide - 6):
            pen.shape(rect(x, -deep, x + 6, 0), shade(wood, 0.75))

    return paint


def chair(look: Look, pen: Pen, seat: float) -> None:
    """A chair from the side, its back on the left."""
    tall, wood, cushion = look.rng.uniform(34, 62), look.thing, look.accents[2]
    pen.shadow((-20, 0), 60, 8)
    for x, light in ((-50, 0.6), (-12, 0.6), (-62, 1), (-20, 1)):
        pen.shape(rect(x, -seat, x + 6, 0), shade(wood, light))
    pen.shape([(-62, -seat), (-56, -seat), (-61, -seat - tall), (-67, -seat - tall)], wood)
    pen.limb([(-58, -seat - 14), (-62, -seat - tall + 6)], 8, cushion)
    pen.shape(rect(-63, -seat, -12, -seat + 6), shade(wood, 0.85))
    pen.limb([(-58, -seat - 3), (-17, -seat - 3)], 8, cushion)


def bone(start: Pair, length: float, lean: float) -> np.ndarray:
    """The end of a bone that begins at start and leans forward from upright (radians)."""
    return np.asarray(start) + length * np.array([sin(lean), -cos(lean)])


def leg(pen: Pen, foot: Pair, s: float, cloth: Colour, shoe: Colour) -> np.ndarray:
    """A leg from the foot up; returns where the hip is."""
    knee = bone(foot, 40, 0.4 * sin(pi * s))
    hip = bone(knee, 42, -pi / 2 * (1 - s))
    pen.limb([np.add(foot, (1, 3)), np.add(foot, (11, 3))], 9, shoe)
    pen.limb([foot, knee], 12, cloth)
    pen.limb([knee, hip], 16, cloth)
    return hip


def person(look: Look, still: Pen) -> Paint:
    """Somebody from the side, on a chair or in front of it."""
    rng, (shirt, trousers, _, _, shoe, _) = look.rng, look.accents
    skin, broad = colour(rng.uniform(0.45, 0.87), 0.06, 0.15), rng.uniform(22, 30)
    hair, style = colour(rng.uniform(0.2, 0.75), 0.06, 0.14), look.pick("short", "bun", "long")
    sleeve = look.pick(skin, shade(shirt, 0.85))
    chair(look, still, 30)

    def paint(pen: Pen, s: float) -> None:
        lean = 0.05 + 0.7 * sin(pi * s)
        leg(pen, (14, -7), s, shade(trousers, 0.5), shade(shoe, 0.4))
        hip = leg(pen, (8, -5), s, shade(trousers, 0.65), shade(shoe, 0.5))
        neck = bone(hip, 48, lean)
        head, shoulder = bone(neck, 24, lean * 0.6), neck + (0, 4)
        pen.limb([neck, bone(neck, 12, lean)], 9, shade(skin, 0.85))
        pen.limb([hip - (0, 2), neck], broad, shirt)
        pen.oval(head - (3, 2), 14, 14, hair)
        if style == "bun":
            pen.oval(head - (13, 10), 6, 6, hair)
        if style == "long":
            pen.limb([head - (8, 0), head + (-13, 22)], 10, hair)
        pen.oval(head + (2, 2), 11.5, 12.5, skin)
        pen.oval(head + (13, 3), 2.5, 2, skin)
        pen.oval(head + (8, 0), 1.3, 1.7, BLACK, 200)
        elbow = bone(shoulder, 26, pi - 0.5 + 0.45 * s)
        pen.limb([elbow, bone(elbow, 24, pi / 2 + 0.1 + 1.3 * s)], 8, sleeve)
        pen.limb([shoulder, elbow], 10, shade(shirt, 0.85))

    return paint


_ALL = (
    Action("door", "open_door", "close_door", door, (205, 222), 0, (-100, -225, 100, 70)),
    Action("drawer", "pull_drawer", "push_drawer", drawer, (175, 190), 25, (-140, -140, 140, 105)),
    Action("lid", "lift_lid", "lower_lid", lid, (100, 140), 70, (-115, -230, 115, 20)),
    Action("blind", "raise_blind", "lower_blind", blind, (205, 222), -42, (-90, -152, 90, 2)),
    Action("glass", "fill_glass", "empty_glass", glass, (140, 175), 40, (-76, -195, 76, 14)),
    Action("book", "open_book", "close_book", book, (60, 90), 95, (-145, -150, 145, 100)),
    Action("blocks", "stack_blocks", "unstack_blocks", blocks, (175, 190), 32, (-95, -245, 130, 8)),
    Action("person", "stand_up", "sit_down", person, (201, 210), 20, (-80, -195, 70, 8)),
)
ACTIONS: dict[str, Action] = {action.forward: action for action in _ALL}
