"""quest82 against what people run today: same clips, frames, resolution and cores.

    python benchmarks/against.py --baselines-python ~/baselines/bin/python

needs an environment with `benchmarks/requirements.txt` beside the project's own. The programs take
turns, so that a disturbance of the machine meets them all. Linux only (cores are bound).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from baselines import NUM_CORES, NUM_FRAMES, QUEST82_REPEATS, SIZE, Program, clips_in, jpeg_folder
from table import markdown, processor

from quest82.data.files import videos_below
from quest82.data.synthetic import synthesize
from quest82.data.synthetic.actions import ACTIONS
from quest82.systems.mobilenet import MobileNetV2Extractor

HERE = Path(__file__).resolve().parent
UCF101 = HERE.parents[1] / "shared" / "clips" / "ucf101"
RESULTS = HERE / "results" / "against.json"

# In the order in which they run: JPEGs are written before they are loaded.
PROGRAMS = {
    "quest82_extract": ["quest82"],
    "keras_loop": ["keras-seek", "keras-read", "keras-on-batch", "keras-clip"],
    "write_jpegs": ["write", "write-by-two"],
    "jpeg_frames": ["load-singly", "load-in-batches"],
}
NEED_OPENCV = {"keras_loop", "write_jpegs"}

# The rows of the table: whose times add up to each.
ROWS = {
    "`quest82 extract`": ["quest82"],
    "Keras loop: seek and `predict` each frame": ["keras-seek"],
    "kinder: read through instead of seeking": ["keras-read"],
    "kinder: and `predict_on_batch` each frame": ["keras-on-batch"],
    "kinder: and one `predict` per clip": ["keras-clip"],
    "JPEG dataset: write all frames, load clip by clip": ["write", "load-singly"],
    "kinder: two workers load batches of 8 clips": ["write", "load-in-batches"],
    "kinder: and two processes write": ["write-by-two", "load-in-batches"],
    "second epoch: two workers load, nothing to write": ["load-in-batches"],
}


def gather_clips(source: Path | None, num_clips: int, folder: Path) -> str:
    """Copy N clips, spread evenly over those of the source, and say what they are."""
    if source is None:
        paths = [
            clip.path
            for clip in synthesize(folder / "drawn", clips_per_action=-(-num_clips // len(ACTIONS)))
        ]
    else:
        paths, _ = videos_below(source)
    chosen = [paths[k * len(paths) // num_clips] for k in range(num_clips)]
    (folder / "clips").mkdir()
    for k, path in enumerate(chosen):
        shutil.copy(path, folder / "clips" / f"{k:05d}-{path.name}")
    name = source.name if source else "synthetic"
    return f"{num_clips} files, {len(set(chosen))} different clips of {name}"


def start(folder: Path, baselines_python: str) -> dict[str, Program]:
    programs = {}
    for name in PROGRAMS:
        python = baselines_python if name in NEED_OPENCV else sys.executable
        programs[name] = Program(HERE / f"{name}.py", python, folder)
        print(f"{name} started in {programs[name].startup_seconds:.1f} s", file=sys.stderr)
    return programs


def measure(programs: Mapping[str, Program], rounds: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of each method in each round."""
    seconds = {method: [] for methods in PROGRAMS.values() for method in methods}
    for _ in range(rounds):
        for name, methods in PROGRAMS.items():
            for method in methods:
                if name == "write_jpegs":  # no file is there yet when they are written
                    shutil.rmtree(folder / "jpegs")
                took = programs[name].seconds(method)
                seconds[method].append(took / QUEST82_REPEATS if method == "quest82" else took)
                print(f"{method:16} {seconds[method][-1]:7.2f} s", file=sys.stderr)
    return seconds


def compare(programs: Mapping[str, Program], folder: Path) -> dict[str, list[float]]:
    """Mean and smallest cosine similarity of the essences, after a look at all shapes.

    Keras has random weights: the frames of its loop are described by quest82's network here.
    """
    programs["keras_loop"].seconds("keras-frames")
    results = {path.stem: np.load(path) for path in folder.glob("*.npy")}
    num_clips = len(clips_in(folder))
    for name, result in results.items():
        frame = {"keras-frames": (SIZE, SIZE, 3)}.get(name, (MobileNetV2Extractor.num_features,))
        due = (num_clips,) if name.startswith("write") else (num_clips, NUM_FRAMES, *frame)
        assert result.shape == due, f"{name}: {result.shape} instead of {due}"
    written = [len(list(jpeg_folder(clip).iterdir())) for clip in clips_in(folder)]
    assert written == results["write"].tolist() == results["write-by-two"].tolist()

    clip = torch.from_numpy(results["keras-frames"][:1])  # (1, T, S, S, 3)
    with torch.inference_mode():
        of_the_loop = MobileNetV2Extractor()(clip.movedim(-1, 2) / 255).numpy()
    ours = results["quest82"]
    return {
        "essences of the JPEG dataset": likeness(results["load-in-batches"], ours),
        "essences of the Keras loop's frames": likeness(of_the_loop, ours[:1]),
    }


def likeness(a: np.ndarray, b: np.ndarray) -> list[float]:
    cosine = (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return [round(float(cosine.mean()), 4), round(float(cosine.min()), 4)]


def tabulate(seconds: Mapping[str, Sequence[float]], num_clips: int) -> dict[str, dict]:
    """What each row comes to; the ratio is taken within a round, then the median over rounds."""
    ours = seconds["quest82"]
    rows = {}
    for name, parts in ROWS.items():
        totals = [sum(times) for times in zip(*(seconds[part] for part in parts), strict=True)]
        ratios = [total / our for total, our in zip(totals, ours, strict=True)]
        speed = num_clips / median(totals)
        rows[name] = {
            "clips_per_second": speed,
            "times_slower": [min(ratios), median(ratios), max(ratios)],
            "frames_per_second": NUM_FRAMES * speed,
        }
    return rows


def readable(rows: Mapping[str, Mapping]) -> list[dict[str, str]]:
    """The rows as people want to read them."""
    table = []
    for name, row in rows.items():
        low, middle, high = row["times_slower"]
        table.append(
            {
                "method": name,
                "clips/s": f"{row['clips_per_second']:.2f}",
                "times slower than quest82 (of the rounds)": f"{middle:.1f} ({low:.1f}-{high:.1f})",
                "frames/s": f"{row['frames_per_second']:.0f}",
            }
        )
    return table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--baselines-python", required=True, help="with requirements.txt in it")
    parser.add_argument(
        "--folder",
        type=Path,
        default=UCF101 if UCF101.is_dir() else None,
        help="clips, such as UCF101's; synthetic ones are drawn where there is none",
    )
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    chosen = arguments()
    load = os.getloadavg()[0]
    cores = sorted(os.sched_getaffinity(0))[:NUM_CORES]
    os.sched_setaffinity(0, cores)  # the programs inherit it
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = gather_clips(chosen.folder, chosen.clips, folder)
        programs = start(folder, chosen.baselines_python)
        seconds = measure(programs, chosen.rounds, folder)
        cosine = compare(programs, folder)
        for program in programs.values():
            program.stop()
    rows = tabulate(seconds, chosen.clips)
    report = {
        "command": " ".join(["python", *sys.argv]),
        "machine": f"{processor()}, {len(cores)} cores, Python {platform.python_version()}",
        "load of the machine before and after": [load, os.getloadavg()[0]],
        "clips": f"{clips}; {NUM_FRAMES} frames of {SIZE}x{SIZE} of each; {chosen.rounds} rounds",
        "versions": {k: v for program in programs.values() for k, v in program.versions.items()},
        "startup_seconds": {name: round(p.startup_seconds, 1) for name, p in programs.items()},
        "cosine_with_quest82 (mean, smallest)": cosine,
    }
    print(
        markdown(readable(rows)),
        "",
        *(f"{key}: {value}" for key, value in report.items()),
        sep="\n",
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**report, "rows": rows, "seconds": seconds}, indent=2) + "\n")


if __name__ == "__main__":
    main()
