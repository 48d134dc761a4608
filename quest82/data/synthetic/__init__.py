"""Reversible actions and cycles, rendered by formula and written as real video files."""

from .render import (
    CODINGS,
    FPS,
    REVERSED,
    REVERSED_CYCLES,
    SWINGS,
    WALLS,
    actions_of,
    draw_states,
    render,
    states_of,
    synthesize,
)

__all__ = [
    "CODINGS",
    "FPS",
    "REVERSED",
    "REVERSED_CYCLES",
    "SWINGS",
    "WALLS",
    "actions_of",
    "draw_states",
    "render",
    "states_of",
    "synthesize",
]
