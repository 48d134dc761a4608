"""Reversible actions rendered by formula and written as real video files.

Eight pairs of actions that are each other's reverse (opening and closing a door, ...), and three
cycles that can be run through in two directions (a dial, a traffic light, ...). A file shows the
forward action; its reverse is the same essences in the opposite order
(`EssenceSet.reversed_pairs`), so that the two share their frames exactly. Everything random is
symmetric in time, and each frame is coded by itself: nothing but the order of the states tells
forward from backward.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ...video import write_video
from ..clips import Clip
from .actions import ACTIONS
from .cycles import CYCLES
from .pen import MARGIN, SIZE, colour
from .room import Action, scene

FPS = 25
# How far the state goes. Full: from shut to wide open, so that the last frame alone gives the
# direction away. Partial: a quarter to a half of the range, from anywhere, so that it does not.
# Still: nowhere, so that nothing may give a direction away. Cycle: once round, from anywhere, so
# that the first and the last frame together do not either.
SWINGS = {"full": (1.0, 1.0), "partial": (0.25, 0.5), "still": (0.0, 0.0), "cycle": (1.0, 1.0)}
# Two walls to put behind any action, so that a background can give a label away.
WALLS = {"blue": colour(0.62, 0.12, 0.7), "orange": colour(0.75, 0.14, 0.16)}
# Options of the encoder. Intra: each frame by itself, at a fixed quantiser. Inter: as changes
# against other frames, mostly earlier ones, which gives the direction of time away.
CODINGS = {"intra": {"g": "1", "bf": "0", "qp": "24"}, "inter": {}}
REVERSED = {action.forward: action.reverse for action in ACTIONS.values()}
REVERSED_CYCLES = {cycle.forward: cycle.reverse for cycle in CYCLES.values()}
_MOVING_FRAMES = (30, 60)
_CYCLE_FRAMES, _TURNING_FRAMES = (120, 150), (28, 36)
_STILL_FRAMES = (10, 20)  # before the action, and again after it


def synthesize(
    root: str | Path,
    *,
    clips_per_action: int = 30,
    swing: str = "full",
    wall: str | None = None,
    coding: str = "intra",
    seed: int = 0,
    progress: bool = True,
) -> list[Clip]:
    """Write the clips as H.264 files ``root/<action>/<clip>.mp4``; files that exist are kept.

    Every clip shows an object of its own, which names its group; the same object before
    another wall, or in another coding, is of the same group.

    Args:
        root: folder to write into; made if it is missing.
        clips_per_action: how many of each of the eight forward actions, or of the three cycles.
        swing: "full", "partial", "still" or "cycle" (see `SWINGS`).
        wall: "blue" or "orange" (see `WALLS`); None leaves each clip its own.
        coding: "intra" or "inter" (see `CODINGS`); inter gives the direction of time away.
        seed: the same seed gives the same frames.
        progress: show a progress bar.

    Returns:
        The clips, sorted by id.

    Raises:
        ValueError: if swing, wall or coding is unknown or clips_per_action is below 1.
    """
    if clips_per_action < 1:
        raise ValueError(f"clips_per_action ({clips_per_action}) must be at least 1")
    _require_known(swing, wall, coding)
    suffix = (f"-{wall}" if wall else "") + ("-inter" if coding == "inter" else "")
    names = sorted(actions_of(swing))
    numbers = [(action, number) for action in names for number in range(clips_per_action)]

    def write(action: str, number: int) -> Clip:
        name = f"{action}-{swing}-{seed}-{number:04d}"
        path = Path(root) / action / f"{name}{suffix}.mp4"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            frames = render(action, number, swing=swing, wall=wall, seed=seed)
            write_video(path, frames, fps=FPS, options=CODINGS[coding])
        return Clip(f"{action}/{path.name}", action, f"{action}/{name}.mp4", path)

    # Drawing and encoding leave Python's lock to other threads most of the time.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn = pool.map(write, *zip(*numbers, strict=True))
        return list(tqdm(drawn, "rendering", len(numbers), unit="clip", disable=not progress))


def actions_of(swing: str) -> dict[str, Action]:
    """What there is to be drawn with a swing, by the forward class name."""
    return CYCLES if swing == "cycle" else ACTIONS


def render(
    action: str,
    number: int = 0,
    *,
    swing: str = "full",
    wall: str | None = None,
    seed: int = 0,
    frames_of: Callable[[int], Iterable[int]] = range,
) -> Tensor:
    """The frames of one clip: an object of its own, moved once from one state to another.

    Args:
        action: a forward class name, such as "open_door", or of a cycle "turn_clockwise".
        number: which object.
        swing: "full", "partial" or "still"; of a cycle "cycle".
        wall: "blue" or "orange"; None leaves the clip its own.
        seed: together with the rest decides everything.
        frames_of: length of the clip -> numbers of the frames to draw; the rest cost no time.

    Returns:
        uint8 tensor (n, 3, 256, 256), RGB, at 25 frames per second: n from 50 to 100 (2 to 4 s),
        of a cycle from 120 to 150 (5 to 6 s); or those frames that were asked for.
    """
    _require_known(swing, wall)
    rng = _generator_of(action, number, swing, seed)
    states = draw_states(rng, swing=swing)
    draw = scene(actions_of(swing)[action], rng, wall=WALLS[wall] if wall else None)
    image = lru_cache(maxsize=1)(draw)  # a still state is drawn once
    camera = _camera(rng, image, len(states), sway=0 if swing == "cycle" else MARGIN)
    frames = np.stack([camera(t, states[t]) for t in frames_of(len(states))])  # (n, H, W, 3)
    return torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()


def states_of(action: str, number: int = 0, *, swing: str = "full", seed: int = 0) -> np.ndarray:
    """The states of the clip that `render` draws, without drawing it.

    Returns:
        As of `draw_states`, one state for each frame.

    Raises:
        ValueError: if action or swing is unknown.
    """
    _require_known(swing)
    return draw_states(_generator_of(action, number, swing, seed), swing=swing)


def _generator_of(action: str, number: int, swing: str, seed: int) -> np.random.Generator:
    """What all of one clip is drawn from: its states first."""
    names = list(actions_of(swing))
    if action not in names:
        raise ValueError(f"action ({action!r}) must be one of {', '.join(names)}")
    return np.random.default_rng([seed, list(SWINGS).index(swing), names.index(action), number])


def draw_states(rng: np.random.Generator, *, swing: str) -> np.ndarray:
    """The state of the object over time: still, a rise at a random pace, still again.

    A cycle takes about a quarter of the clip, anywhere in it, at a more even pace.

    Returns:
        float64 array (n,) in [0, 1], never decreasing; of a cycle a phase in [0, 1), which
        rises by 1 in all and begins again at 0 where it reaches 1.
    """
    _require_known(swing)
    change = rng.uniform(*SWINGS[swing])
    if swing == "cycle":
        start, num_frames = rng.random(), rng.integers(*_CYCLE_FRAMES, endpoint=True)
        moving = rng.integers(*_TURNING_FRAMES, endpoint=True)
        before = rng.integers(
            _STILL_FRAMES[0], num_frames - moving - _STILL_FRAMES[0], endpoint=True
        )
        after = num_frames - moving - before
        rise = _pace(rng, np.linspace(0, 1, moving), 0.2)
    else:
        start = rng.uniform(0, 1 - change)
        before, after = rng.integers(*_STILL_FRAMES, size=2, endpoint=True)
        moving = rng.integers(*_MOVING_FRAMES, endpoint=True)
        rise = _pace(rng, np.linspace(0, 1, moving))
    course = start + change * np.concatenate([np.zeros(before), rise, np.ones(after)])
    return course % 1 if swing == "cycle" else np.clip(course, 0, 1)


def _pace(rng: np.random.Generator, t: np.ndarray, most: float = 1.0) -> np.ndarray:
    """A speed curve from 0 to 1: gentle at both ends, early or late, hurried or even.

    most: how uneven it may be; 0 is even.
    """
    power = 1 + most * rng.random()
    bent = t**power if rng.random() < 0.5 else 1 - (1 - t) ** power
    ease = rng.uniform(0, most)
    return (1 - ease) * bent + ease * bent**2 * (3 - 2 * bent)


def _camera(
    rng: np.random.Generator,
    image: Callable[[float], np.ndarray],
    num_frames: int,
    *,
    sway: float,
) -> Callable[[int, float], np.ndarray]:
    """A camera: its exposure drifts, its sensor is noisy, and in a hand it sways some pixels."""
    x, y = np.rint(MARGIN + _sway(rng, num_frames, rng.uniform(0, sway))).astype(int)
    gains = rng.uniform(0.85, 1.1) + _sway(rng, num_frames, 0.03)[0]
    grain = rng.normal(0, rng.uniform(0.5, 4), (2 * SIZE, 2 * SIZE, 1)).astype(np.float32)
    offsets = rng.integers(0, SIZE, size=(num_frames, 2))

    def shoot(t: int, state: float) -> np.ndarray:
        view = image(state)[y[t] : y[t] + SIZE, x[t] : x[t] + SIZE]
        i, j = offsets[t]
        exposed = view * np.float32(gains[t]) + grain[i : i + SIZE, j : j + SIZE]
        return np.clip(exposed, 0, 255).astype(np.uint8)

    return shoot


def _sway(rng: np.random.Generator, num_frames: int, size: float) -> np.ndarray:
    """Two slow random oscillations (2, n) within [-size, size]."""
    turns, phases = rng.uniform(0.5, 3, (2, 2, 1)), rng.uniform(0, 2 * np.pi, (2, 2, 1))
    t = np.linspace(0, 2 * np.pi, num_frames)
    return size * np.sin(turns * t + phases).mean(axis=0)


def _require_known(swing: str, wall: str | None = None, coding: str = "intra") -> None:
    for name, value, known in (("swing", swing, SWINGS), ("coding", coding, CODINGS)):
        if value not in known:
            raise ValueError(f"{name} ({value!r}) must be one of {', '.join(known)}")
    if wall is not None and wall not in WALLS:
        raise ValueError(f"wall ({wall!r}) must be one of {', '.join(WALLS)}")
