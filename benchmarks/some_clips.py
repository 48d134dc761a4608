"""Clips for the benchmarks: real ones of UCF101 where there are some, else drawn ones."""

from __future__ import annotations

from pathlib import Path

from quest82.data.clips import Clip
from quest82.data.files import videos_below
from quest82.data.synthetic import synthesize

UCF101 = Path(__file__).resolve().parents[2] / "shared" / "clips" / "ucf101"


def some_clips(num_clips: int, folder: Path) -> list[Clip]:
    """N clips with ids of their own; the files repeat where there are fewer."""
    paths, _ = videos_below(UCF101)
    if not paths:
        paths = [clip.path for clip in synthesize(folder, clips_per_action=1, progress=False)]
    chosen = [paths[k % len(paths)] for k in range(num_clips)]
    return [Clip(f"{k:05d}", "class", f"{k:05d}", path) for k, path in enumerate(chosen)]
