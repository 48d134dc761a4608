"""Shards by Ray Data: each actor loads the program once and makes one shard after the other.

python with_ray.py CLIPS OUT NUMBER_OF_SHARDS NUMBER_OF_ACTORS
"""

from __future__ import annotations

import sys

import ray
from make_shard import make_shard

from quest82.essences import merge

folder, out, total, actors = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


class Extractor:
    """What an actor does with a batch of one shard's number."""

    def __call__(self, batch: dict) -> dict:
        batch["clips"] = [make_shard(folder, out, int(n), total) for n in batch["item"]]
        return batch


shards = ray.data.from_items(list(range(1, total + 1)))
made = shards.map_batches(Extractor, batch_size=1, concurrency=actors, num_cpus=1)
print("clips of each shard:", *(row["clips"] for row in made.sort("item").take_all()))
print(len(merge(out, progress=False)), "clips in", out)
