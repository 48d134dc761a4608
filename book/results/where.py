"""Writes the seeds of the chapter `where`: a detector of tubes, with time and without.

    OMP_NUM_THREADS=1 python book/results/where.py

Each run trains on 30 objects, with its own weights and order, and is asked about ten others: the
clips as they are, shuffled frames, and clips in which both shapes rest. Half a minute for each run
on one core; a run that the file has is not repeated.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import run_lines
import torch

from quest82.data import motions
from quest82.data.box_set import BoxSet
from quest82.learning.detecting import detections, find_tubes, fit_detector, truths
from quest82.learning.tubes import mean_average_precision, tube_iou
from quest82.systems.moving_points import MovingPoints

FILE = Path(__file__).with_suffix(".json")
RUNS = list(product(range(5), (3, 1)))
OBJECTS, THRESHOLDS = 40, (0.2, 0.5, 0.75)


def asked(model: MovingPoints, data: BoxSet) -> dict:
    """What the detector finds in clips, by measure."""
    found, true = find_tubes(model, data), truths(data)
    all_boxes = torch.stack([tubes.boxes for tubes in found])  # (N, 2, T, 4)
    overlaps = tube_iou(all_boxes, data.boxes[:, None])  # (N, 2)
    named = torch.stack([tubes.classes[0].argmax() for tubes in found]) == data.labels
    scored = detections(found)
    return {
        "right tube": round((overlaps[:, 0] >= 0.5).double().mean().item(), 4),
        "one of two": round((overlaps.amax(dim=1) >= 0.5).double().mean().item(), 4),
        "class": round(named.double().mean().item(), 4),
        "mAP": [
            round(mean_average_precision(scored, true, threshold=least), 4) for least in THRESHOLDS
        ],
    }


def run(clips: dict[str, BoxSet], train: BoxSet, seed: int, over_time: int) -> dict:
    """One training, and all the questions."""
    torch.manual_seed(seed)
    model = MovingPoints(len(train.classes), over_time=over_time)
    losses = fit_detector(model, train, seed=seed)
    answers = {name: asked(model, own) for name, own in clips.items()}
    return {"seed": seed, "over_time": over_time, "loss": round(losses[-1], 4), **answers}


def main() -> None:
    runs = run_lines.earlier(FILE)
    done = {(found["seed"], found["over_time"]) for found in runs}
    train, test = motions.located(OBJECTS).reversed_pairs(motions.REVERSED).split(0.25)
    still = motions.located(OBJECTS, still_clips=True).reversed_pairs(motions.REVERSED)
    clips = {
        "as they are": test,
        "shuffled": test.shuffled(torch.Generator().manual_seed(0)),
        "at rest": still.split(0.25)[1],
    }
    for seed, over_time in RUNS:
        if (seed, over_time) in done:
            continue
        runs.append(run(clips, train, seed, over_time))
        about = {"objects": OBJECTS, "thresholds": THRESHOLDS, "test": len(test)}
        run_lines.write(FILE, about, runs)
        print(seed, over_time, runs[-1]["as they are"], flush=True)


if __name__ == "__main__":
    main()
