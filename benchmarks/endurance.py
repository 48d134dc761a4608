"""Ten thousand requests, one in twenty a bad one: does the service stay as small as it began?

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/endurance.py

The real `quest82 serve`, asked about a tiny clip with a model of one frame of 32 x 32, so that what
is measured is the service and not the network. Memory is what the system says of the service and
of the workers it started; files are counted in the only folder that it may write to.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from processes import children_of, memory_of
from service import AT_ONCE, TINY, model_in, serving, tiny_clip
from table import publish

REQUESTS, PER_ROUND, BAD_EVERY = 10_000, 1000, 20
BAD = {
    b"": 422,
    b"no video": 415,
    b"#EXTM3U\nfile:///etc/passwd\n": 415,
    b"\0\0\0\x18ftypisom" + bytes(5000): 422,
    b"\x1a\x45\xdf\xa3" + bytes(100): 422,
}


def megabytes(pid: int) -> tuple[float, float]:
    """What a process holds in memory, and what its children hold together."""
    own, *workers = (memory_of(each, "VmRSS") / 1024 for each in (str(pid), *children_of(pid)))
    return own, sum(workers)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as scratch:
        clip = tiny_clip(Path(name))
        model, rows = model_in(Path(name), [clip], TINY), []
        with serving(model, TMPDIR=scratch) as (url, pid):
            client = httpx.Client(base_url=url, trust_env=False, timeout=120)
            good, bad = clip.path.read_bytes(), itertools.cycle(BAD)
            for first in range(0, REQUESTS, PER_ROUND):
                sent = [good if k % BAD_EVERY else next(bad) for k in range(PER_ROUND)]
                rows.append(ask_all(client, sent, first, pid, Path(scratch)))
                print(rows[-1], flush=True)
        left = list(Path(scratch).rglob("*"))
    assert not left, left
    publish("endurance", rows)


def ask_all(
    client: httpx.Client, sent: list[bytes], first: int, pid: int, scratch: Path
) -> dict[str, object]:
    def ask(content: bytes) -> int:
        answer = client.post("/api/v2/predict", files={"file": ("a", content)})
        assert answer.status_code == BAD.get(content, 200), answer.text
        return answer.status_code

    start = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(ask, sent))
    seconds = time.perf_counter() - start
    service, workers = megabytes(pid)
    return {
        "requests": first + len(sent),
        "refused": sum(status != 200 for status in statuses),
        "requests/s": f"{len(sent) / seconds:.0f}",
        "MB of the service": f"{service:.0f}",
        "MB of its workers": f"{workers:.0f}",
        "files left": sum(path.is_file() for path in scratch.rglob("*")),
    }


if __name__ == "__main__":
    main()
