"""Frozen features, computed once: extraction, the store on disk, and the set in memory."""

from .essence_set import EssenceSet
from .extraction import extract, extract_shard
from .files import StoreError
from .maps import extract_maps
from .merging import merge
from .shards import Shard

__all__ = ["EssenceSet", "Shard", "StoreError", "extract", "extract_maps", "extract_shard", "merge"]
