"""The one thing that every recipe does somewhere: extract a shard."""

from __future__ import annotations

from quest82.data import clips
from quest82.essences import Shard, extract_shard
from quest82.systems.mobilenet import MobileNetV2Extractor


def make_shard(folder: str, out: str, number: int, total: int) -> int:
    """Extract one shard with the settings that all have in common; how many clips it has."""
    found, shard = clips.from_folder(folder), Shard(number, total)
    how = {"engine": "openvino", "num_workers": 1, "progress": False}
    return extract_shard(found, MobileNetV2Extractor(), out, shard, **how).num_done
