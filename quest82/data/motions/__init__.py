"""A ground on which small networks learn in seconds: six kinds of motion, each in two directions.

A textured shape on a textured ground, drawn by formula as pixels: no file, and no codec that could
give the direction of time away. Each clip and its reverse share their frames exactly, and
everything that a single frame shows is distributed alike in both directions; so no frame, no set of
frames and no average over frames tells one direction from the other.
"""

from .boxes import SEEN_THROUGHOUT, boxes_of, held, in_view, located, resting_boxes
from .drawn import clips, scenes
from .flows import PAINTS, apart, flows, paint_names, painted, with_flow
from .kinds import KINDS, REVERSED, SHAPES, Kind
from .render import Flow, flow_of, render
from .scene import Scene
from .visits import one_visit

__all__ = [
    "KINDS",
    "PAINTS",
    "REVERSED",
    "SEEN_THROUGHOUT",
    "SHAPES",
    "Flow",
    "Kind",
    "Scene",
    "apart",
    "boxes_of",
    "clips",
    "flow_of",
    "flows",
    "held",
    "in_view",
    "located",
    "one_visit",
    "paint_names",
    "painted",
    "render",
    "resting_boxes",
    "scenes",
    "with_flow",
]
