import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from stand_in import clips_named, have_ended, read_all

from quest82 import video
from quest82.data.clips import Clip
from quest82.essences import extract
from quest82.frames import workers
from quest82.frames.view import ViewSpec, pixels_of_view
from quest82.frames.worker import Worker
from quest82.frames.workers import Workers, inspect_all
from quest82.video import VideoError

SPEC = ViewSpec(num_frames=3, size=32)


def worker_that(reads: str) -> Worker:
    """A real worker in which one statement stands for the reading of a file."""
    code = (
        "import time\n"
        "from quest82.frames import worker_program\n"
        f"def read_views(clip, views, spec): {reads}\n"
        "worker_program.read_views = read_views\n"
        "worker_program.main()\n"
    )
    return Worker([sys.executable, "-c", code], time_limit_seconds=100)


def read(clips, *, num_workers=2, time_limit_seconds=0.5):
    return list(
        read_all(clips, SPEC, num_workers=num_workers, time_limit_seconds=time_limit_seconds)
    )


def test_workers_look_over_what_this_process_does(write_clip, tmp_path):
    paths = [write_clip("a.mp4", num_frames=7), write_clip("b.mp4", size=96), tmp_path / "no.mp4"]
    there, here = (list(Workers(num_workers=n, time_limit_seconds=60).probe(paths)) for n in (1, 0))
    assert there[:2] == here[:2] == [video.probe(path) for path in paths[:2]]
    assert str(there[2]) == str(here[2])
    assert "there is no such file" in str(there[2])


def test_looking_over_has_a_time_limit(asked):
    with Workers(num_workers=1, time_limit_seconds=0.5) as pool:
        (error,) = pool.probe([Path("/made/up/hang 1")])
    assert "took longer than the time limit" in str(error)


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


def test_the_order_is_kept_whatever_takes_longer(asked):
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
def test_a_clip_that_hangs_or_crashes_costs_only_itself(asked, name, reason):
    names = ["a 1", name, "b 2", "c 3", name, "d 4"]
    results = read(clips_named(*names))
    assert [isinstance(result, VideoError) for result in results] == [name == n for n in names]
    with pytest.raises(VideoError, match=f"/made/up/{name}: .*{reason}"):
        raise results[1]
    assert [int(results[i].max()) for i in (0, 2, 3, 5)] == [1, 2, 3, 4]


def test_such_clips_are_listed_and_the_extraction_goes_on(asked, extractor, tmp_path):
    clips = clips_named("a 1", "hang 2", "b 3", "crash 4", "c 5")
    how = {"engine": "plain", "progress": False}
    data = extract(clips, extractor, tmp_path / "out", SPEC, time_limit_seconds=0.5, **how)
    assert data.clip_ids == ("a 1", "b 3", "c 5")
    assert [clip_id for clip_id, _ in data.skipped] == ["hang 2", "crash 4"]
    assert "took longer than the time limit of 0.5 s" in dict(data.skipped)["hang 2"]
    assert "SIGSEGV" in dict(data.skipped)["crash 4"]
    expected = extractor(torch.full((1, 3, 3, 32, 32), 5 / 255))[0].half()
    torch.testing.assert_close(data.essences[2], expected, rtol=1e-3, atol=1e-3)


def test_a_process_that_was_killed_from_outside_costs_nothing(asked):
    results = read(clips_named("a 1", "once 2", "b 3"))
    assert [int(result.max()) for result in results] == [1, 2, 3]


def test_no_more_is_read_than_can_wait(asked):
    clips = clips_named(*[f"clip {i % 10}" for i in range(50)])
    frames = read_all(clips, SPEC, num_workers=2, time_limit_seconds=5)
    next(frames)
    time.sleep(0.5)
    assert len(asked.read_text().splitlines()) <= 5
    frames.close()
    time.sleep(0.2)
    assert len(asked.read_text().splitlines()) <= 5


def test_the_processes_end_with_the_reading(asked, started):
    read(clips_named("a 1", "b 2"))
    frames = read_all(clips_named("a 1", "hang 2"), SPEC, num_workers=2, time_limit_seconds=50)
    next(frames)
    before = time.monotonic()
    frames.close()
    assert time.monotonic() - before < 5  # the one that hangs is not waited for
    assert len(started) == 4
    assert have_ended(started)


def wanted(*names: str, views=(0,)) -> list:
    return [(clip, views) for clip in clips_named(*names)]


def test_the_same_processes_serve_many_calls(asked, started):
    with Workers(num_workers=2, time_limit_seconds=5) as pool:
        assert not started  # before anything is asked
        for _ in range(3):
            assert [int(f.max()) for f in pool.read(wanted("a 1", "b 2"), SPEC)] == [1, 2]
        assert len(started) == 2
        assert not have_ended(started)
    assert have_ended(started)
    assert [int(f.max()) for f in pool.read(wanted("c 3"), SPEC)] == [3]  # they start anew
    assert len(started) == 4
    del pool
    assert have_ended(started)


def test_only_the_views_that_are_wanted_are_read(write_clip):
    clip = Clip("a", "", "", write_clip("a.mp4"))
    expected = [pixels_of_view(clip, view, SPEC) for view in (4, 2)]
    for num_workers in (0, 1):
        with Workers(num_workers=num_workers, time_limit_seconds=60) as pool:
            (frames,) = pool.read([(clip, [4, 2])], SPEC)
        assert torch.equal(frames, torch.stack(expected))


def test_a_reading_that_is_left_costs_the_next_one_nothing(asked):
    names = [f"clip {i % 10}" for i in range(30)]
    with Workers(num_workers=2, time_limit_seconds=5) as pool:
        left = pool.read(wanted(*names), SPEC, ahead=20)
        next(left)
        left.close()
        time.sleep(0.2)
        num_asked = len(asked.read_text().splitlines())
        assert num_asked <= 21
        assert [int(f.max()) for f in pool.read(wanted("last 7"), SPEC)] == [7]
        assert len(asked.read_text().splitlines()) == num_asked + 1  # what was left is not read


def test_frames_that_are_wanted_of_closed_workers_are_refused(asked):
    pool = Workers(num_workers=1, time_limit_seconds=5)
    frames = pool.read(wanted("a 1", "b 2", "c 3", "d 4", "e 5"), SPEC, ahead=1)
    next(frames)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(frames)


def test_bad_numbers_are_refused():
    for num_workers, limit in ((-1, 5), (1, 0)):
        with pytest.raises(ValueError, match=rf"num_workers \({num_workers}\).*\({limit}\)"):
            Workers(num_workers=num_workers, time_limit_seconds=limit)


def test_a_failure_that_nobody_thought_of_costs_the_clip(tmp_path):
    real = worker_that("raise RuntimeError('you tried to allocate 9 TB\\nmore')")
    with pytest.raises(VideoError) as caught:
        real.read(*clips_named("huge"), [0], SPEC)
    real.close()
    said = "/made/up/huge: reading it failed (RuntimeError: you tried to allocate 9 TB); look at"
    assert str(caught.value).startswith(said)


def test_workers_that_do_not_start_end_the_run(monkeypatch):
    monkeypatch.setattr(workers, "_command", lambda: [sys.executable, "-c", "import nonsense_82"])
    with pytest.raises(RuntimeError, match="does not start \\(exit code 1\\)"):
        read(clips_named("a 1"))


@pytest.mark.skipif(not hasattr(os, "setpgid"), reason="Windows has no such alarm")
def test_a_worker_ends_itself_when_nobody_is_left_to_end_it():
    """A hanging file whose parent was killed: the system's alarm stops the process."""
    real = worker_that("time.sleep(1000)")
    real.start()
    assert json.loads(real.process.stdout.readline()) == {"kind": "ready"}
    request = {"id": "a", "path": "/made/up", "seconds": 0.2, "op": "read", "views": [0]}
    request["spec"] = SPEC.settings
    real.process.stdin.write(json.dumps(request).encode() + b"\n")
    real.process.stdin.flush()
    assert real.process.wait(timeout=20) == -14  # SIGALRM
