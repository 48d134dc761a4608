"""Frozen features, computed once: extraction, the store on disk, and the set in memory.

Example: two clips of eight frames, and the same clips with their frames in another order.
    >>> import torch
    >>> from quest82.essences import EssenceSet
    >>> essences = torch.randn(2, 8, 1280)
    >>> clips = EssenceSet(
    ...     essences=essences, labels=torch.tensor([0, 1]), groups=("a", "b"),
    ...     clip_ids=("a-1", "b-1"), classes=("open_door", "close_door"),
    ... )
    >>> shuffled = clips.shuffled(torch.Generator().manual_seed(0))
    >>> bool((shuffled.essences == essences).all())
    False
    >>> torch.allclose(shuffled.essences.mean(dim=1), essences.mean(dim=1), atol=1e-6)
    True
"""

from .essence_set import EssenceSet
from .extraction import extract, extract_shard
from .files import StoreError
from .maps import extract_maps
from .merging import merge
from .shards import Shard

__all__ = ["EssenceSet", "Shard", "StoreError", "extract", "extract_maps", "extract_shard", "merge"]
