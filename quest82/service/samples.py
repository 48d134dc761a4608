"""The clips that come with the page, for those who have no video at hand.

They are synthetic ones of `quest82 synthesize --swing partial`, smaller and of a seed that no
example trains on. `make samples` draws them anew.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torch.nn.functional import interpolate

from ..data import synthetic
from ..video import write_video

FOLDER = Path(__file__).parent / "page" / "samples"
ACTIONS = ("open_door", "pull_drawer", "lift_lid", "open_book")
_SEED, _SIDE, _EVERY = 82, 192, 2
# Each frame by itself: nothing but the order of the frames tells forwards from backwards.
_CODING = {"g": "1", "bf": "0", "qp": "30"}


def draw(action: str) -> Tensor:
    """The frames of the sample of an action: uint8 (n, 3, 192, 192), RGB, 12.5 per second."""
    frames = synthetic.render(action, swing="partial", seed=_SEED)[::_EVERY]  # (n, 3, 256, 256)
    return interpolate(frames.float(), size=(_SIDE, _SIDE), mode="area").round().byte()


def write_all(folder: Path = FOLDER) -> None:
    """Write ``folder/<action>.mp4`` for each of `ACTIONS`."""
    for action in ACTIONS:
        fps = synthetic.FPS / _EVERY
        write_video(folder / f"{action}.mp4", draw(action), fps=fps, options=_CODING)
