"""Shards by Dask: one future for each, on a cluster or in processes here.

python with_dask.py CLIPS OUT NUMBER_OF_SHARDS NUMBER_OF_WORKERS
"""

from __future__ import annotations

import sys

from dask.distributed import Client
from make_shard import make_shard

from quest82.essences import merge

if __name__ == "__main__":
    folder, out, total, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with Client(n_workers=workers, threads_per_worker=1, dashboard_address=None) as client:
        numbers = range(1, total + 1)
        made = [client.submit(make_shard, folder, out, n, total, pure=False) for n in numbers]
        print("clips of each shard:", *client.gather(made))
    print(len(merge(out, progress=False)), "clips in", out)
