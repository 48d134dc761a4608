"""Shards by submitit, on SLURM or, where there is none, in processes here.

python with_submitit.py CLIPS OUT NUMBER_OF_SHARDS
"""

from __future__ import annotations

import sys
from functools import partial

import submitit
from make_shard import make_shard

from quest82.essences import merge

folder, out, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
executor = submitit.AutoExecutor(folder=f"{out}.logs")
executor.update_parameters(timeout_min=720, cpus_per_task=4)
make = partial(make_shard, folder, out, total=total)
jobs = executor.map_array(make, range(1, total + 1))
print("clips of each shard:", *(job.result() for job in jobs))
print(len(merge(out, progress=False)), "clips in", out)
