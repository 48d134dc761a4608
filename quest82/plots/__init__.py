"""Every figure of the book: functions that take data and return the Axes they drew on.

One visual language: the mean is blue and the LSTM vermilion on every page, controls are grey
(colours from Okabe & Ito 2008, safe for colour-blind readers). Figures are drawn for the width of a
phone and in colours of which the book knows a dark variant (`book/_extensions/figures.py`).
Importing this package sets that look for all figures of the session, and has a notebook show them
as SVG.

Example: bars that end in their values.
    >>> from quest82 import plots
    >>> axes = plots.bars({"": {"mean": 50, "LSTM": 100}}, x="directions right (%)")
    >>> [text.get_text() for text in axes.get_yticklabels()]
    ['mean', 'LSTM']
"""

from .benchmark import Dot, cost_panels, dots, named_costs, named_dots, two_grounds
from .boxes import boxes_sheet
from .clips import animation, contact_sheet, frame_bars, timeline
from .descriptors import roses, ways
from .dot_rows import dot_rows
from .flow import colour_wheel, flow_arrows, flow_colours, flow_sheet
from .geometry import networks, paths, planes, similarity, strip
from .grouped import grouped_bars, grouped_panels
from .hands import numbered, tracks
from .maps import coloured
from .matrices import confusions
from .moments import over_time
from .pairs import paired_dots
from .ranked import ranked
from .results import (
    accuracy_panels,
    bars,
    costs,
    curves,
    differences,
)
from .segments import segment_rows
from .space_time import space_time
from .style import COLOURS, colours_of, save, set_look
from .tables import Table
from .tasks import task_rows
from .tokens import attended_patches
from .units import unit_curves, unit_maps
from .veils import veiled
from .words import looked_at

set_look()

__all__ = [
    "COLOURS",
    "Dot",
    "Table",
    "accuracy_panels",
    "animation",
    "attended_patches",
    "bars",
    "boxes_sheet",
    "colour_wheel",
    "coloured",
    "colours_of",
    "confusions",
    "contact_sheet",
    "cost_panels",
    "costs",
    "curves",
    "differences",
    "dot_rows",
    "dots",
    "flow_arrows",
    "flow_colours",
    "flow_sheet",
    "frame_bars",
    "grouped_bars",
    "grouped_panels",
    "looked_at",
    "named_costs",
    "named_dots",
    "networks",
    "numbered",
    "over_time",
    "paired_dots",
    "paths",
    "planes",
    "ranked",
    "roses",
    "save",
    "segment_rows",
    "similarity",
    "space_time",
    "strip",
    "task_rows",
    "timeline",
    "tracks",
    "two_grounds",
    "unit_curves",
    "unit_maps",
    "veiled",
    "ways",
]
