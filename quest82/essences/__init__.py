"""Frozen features, computed once: extraction, the store on disk, and the set in memory."""

from .essence_set import EssenceSet
from .extraction import extract
from .files import StoreError
from .maps import extract_maps

__all__ = ["EssenceSet", "StoreError", "extract", "extract_maps"]
