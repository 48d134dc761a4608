import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from quest82 import video
from quest82.data.clips import Clip
from quest82.essences import extract
from quest82.frames import workers
from quest82.frames.view import ViewSpec, pixels_of_view
from quest82.frames.workers import Worker, inspect_all, read_all
from quest82.video import VideoError

SPEC = ViewSpec(num_frames=3, size=32)

# Speaks the workers' language without importing anything heavy. A clip's name says what happens.
STAND_IN = """
import json, os, signal, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    name = os.path.basename(request["path"])
    with open(LOG, "a") as file:
        file.write(name + "\\n")
    if "hang" in name:
        time.sleep(1000)
    if "crash" in name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "once" in name and not os.path.exists(LOG + name):
        open(LOG + name, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if "half" in name:
        sys.stdout.buffer.write(b'{"shape": [100]}\\nonly')
        sys.exit(3)
    time.sleep(0.05 if "slow" in name else 0)
    T, S = request["spec"]["num_frames"], request["spec"]["size"]
    header = json.dumps({"shape": [1, T, 3, S, S]}).encode()
    sys.stdout.buffer.write(header + b"\\n" + bytes([int(name[-1])]) * (T * 3 * S * S))
    sys.stdout.buffer.flush()
"""


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Stand-ins take the workers' place; the file receives the names of what they were asked."""
    path = tmp_path / "log"
    path.touch()
    code = f"LOG = {str(path)!r}\n{STAND_IN}"
    monkeypatch.setattr(workers, "_command", lambda: [sys.executable, "-c", code])
    return path


def clips_named(*names: str) -> list[Clip]:
    return [Clip(name, "", "", Path("/made/up") / name) for name in names]


def worker_that(reads: str) -> Worker:
    """A real worker in which one statement stands for the reading of a file."""
    code = (
        "import time\n"
        "from quest82.frames import workers\n"
        f"def read_views(clip, spec): {reads}\n"
        "workers._read_views = read_views\n"
        "workers.main()\n"
    )
    return Worker(time_limit_seconds=100, command=[sys.executable, "-c", code])


def read(clips, *, num_workers=2, time_limit_seconds=0.5):
    return list(
        read_all(clips, SPEC, num_workers=num_workers, time_limit_seconds=time_limit_seconds)
    )


def test_workers_read_what_this_process_reads(write_clip, tmp_path):
    paths = [write_clip(f"{n}.mp4", num_frames=n, shade=100 + n) for n in (5, 9, 30)]
    clips = [Clip(path.name, "", "", path) for path in [*paths, tmp_path / "none.mp4"]]
    there, here = (
        list(read_all(clips, replace(SPEC, num_views=2), num_workers=n, time_limit_seconds=60))
        for n in (2, 0)
    )
    for clip, ours, theirs in zip(clips[:3], here, there, strict=False):
        expected = torch.stack([pixels_of_view(clip, view, SPEC) for view in (0, 1)])
        assert torch.equal(ours, expected)
        assert torch.equal(theirs, expected)
    assert str(there[3]) == str(here[3])
    assert "there is no such file" in str(here[3])
    found = list(inspect_all(paths, num_workers=1, time_limit_seconds=60))
    assert found == [video.inspect(path) for path in paths]


def test_the_order_is_kept_whatever_takes_longer(log):
    names = [f"{'slow' if i % 3 == 0 else 'quick'} {i % 10}" for i in range(20)]
    frames = read(clips_named(*names), num_workers=3)
    assert [int(frame[0, 0, 0, 0, 0]) for frame in frames] == [i % 10 for i in range(20)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hang 0", "took longer than the time limit of 0.5 s; raise it \\(--time-limit\\)"),
        ("crash 0", "died \\(SIGSEGV\\).*quest82 check"),
        ("half 0", "died \\(exit code 3\\).*quest82 check"),
    ],
)
def test_a_clip_that_hangs_or_crashes_costs_only_itself(log, name, reason):
    names = ["a 1", name, "b 2", "c 3", name, "d 4"]
    results = read(clips_named(*names))
    assert [isinstance(result, VideoError) for result in results] == [name == n for n in names]
    with pytest.raises(VideoError, match=f"/made/up/{name}: .*{reason}"):
        raise results[1]
    assert [int(results[i].max()) for i in (0, 2, 3, 5)] == [1, 2, 3, 4]


def test_such_clips_are_listed_and_the_extraction_goes_on(log, extractor, tmp_path):
    clips = clips_named("a 1", "hang 2", "b 3", "crash 4", "c 5")
    how = {"engine": "plain", "progress": False}
    data = extract(clips, extractor, tmp_path / "out", SPEC, time_limit_seconds=0.5, **how)
    assert data.clip_ids == ("a 1", "b 3", "c 5")
    assert [clip_id for clip_id, _ in data.skipped] == ["hang 2", "crash 4"]
    assert "took longer than the time limit of 0.5 s" in dict(data.skipped)["hang 2"]
    assert "SIGSEGV" in dict(data.skipped)["crash 4"]
    expected = extractor(torch.full((1, 3, 3, 32, 32), 5 / 255))[0].half()
    torch.testing.assert_close(data.essences[2], expected, rtol=1e-3, atol=1e-3)


def test_a_process_that_was_killed_from_outside_costs_nothing(log):
    results = read(clips_named("a 1", "once 2", "b 3"))
    assert [int(result.max()) for result in results] == [1, 2, 3]


def test_no_more_is_read_than_can_wait(log):
    clips = clips_named(*[f"clip {i % 10}" for i in range(50)])
    frames = read_all(clips, SPEC, num_workers=2, time_limit_seconds=5)
    next(frames)
    time.sleep(0.5)
    assert len(log.read_text().splitlines()) <= 5
    frames.close()
    time.sleep(0.2)
    assert len(log.read_text().splitlines()) <= 5


def test_the_processes_end_with_the_reading(log, monkeypatch):
    started = []
    start = workers.subprocess.Popen

    def remember(*args, **kwargs):
        started.append(start(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(workers.subprocess, "Popen", remember)
    read(clips_named("a 1", "b 2"))
    frames = read_all(clips_named("a 1", "hang 2"), SPEC, num_workers=2, time_limit_seconds=50)
    next(frames)
    before = time.monotonic()
    frames.close()
    assert time.monotonic() - before < 5  # the one that hangs is not waited for
    assert len(started) == 4
    assert all(process.poll() is not None for process in started)


def test_a_failure_that_nobody_thought_of_costs_the_clip(tmp_path):
    worker = worker_that("raise RuntimeError('you tried to allocate 9 TB\\nmore')")
    with pytest.raises(VideoError) as caught:
        worker.read(*clips_named("huge"), SPEC)
    worker.close()
    said = "/made/up/huge: reading it failed (RuntimeError: you tried to allocate 9 TB); look at"
    assert str(caught.value).startswith(said)


def test_workers_that_do_not_start_end_the_run(monkeypatch):
    monkeypatch.setattr(workers, "_command", lambda: [sys.executable, "-c", "import nonsense_82"])
    with pytest.raises(RuntimeError, match="does not start \\(exit code 1\\)"):
        read(clips_named("a 1"))


@pytest.mark.skipif(not hasattr(os, "setpgid"), reason="Windows has no such alarm")
def test_a_worker_ends_itself_when_nobody_is_left_to_end_it():
    """A hanging file whose parent was killed: the system's alarm stops the process."""
    worker = worker_that("time.sleep(1000)")
    worker.start()
    assert json.loads(worker.process.stdout.readline()) == {"ready": True}
    request = {"id": "a", "path": "/made/up", "seconds": 0.2, "op": "read"}
    request["spec"] = SPEC.settings
    worker.process.stdin.write(json.dumps(request).encode() + b"\n")
    worker.process.stdin.flush()
    assert worker.process.wait(timeout=20) == -14  # SIGALRM
