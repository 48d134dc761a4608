"""Opposite actions of real people (UTD-MHAD): train the models of the record, keep what they say.

    python book/results/utd_mhad.py CLIPS WORK

CLIPS holds the videos as <action>/s<person>_<action>_<trial>.mp4, WORK (0.4 GB) the essences made
on the way. `utd_mhad.json` beside this script gets a class number for each clip (sorted by id),
model and seed, always from a model that has not seen the clip's person. An hour on two idle cores;
a run that was stopped goes on where it was, since the file is written after each seed.

The budget is that of the chapter's `judge`, fixed before any result was seen: 40 epochs in batches
of 32 at a rate of 0.001, for every model. Circles alone are a third as many clips, and get 120
epochs for as many steps; all 27 classes are 4.5 times as many, and get 20. Nothing is chosen by the
people in the test; what was tried because of a result is in the record beside that result.
"""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import replace
from pathlib import Path

import torch
import utd_mhad_paths as pixels
from utd_mhad_models import BUDGET, WIDTHS, answers, ends, essences, grid, mean, side_by_side, steps

import quest82
from quest82 import clips

RECORD = Path(__file__).with_suffix(".json")
PAIRS = ("draw_circle_ccw", "draw_circle_cw", "sit2stand", "stand2sit", "swipe_left", "swipe_right")
FIVE, THREE = range(5), range(3)


def six_classes(six, longer):
    """Part, name, clips, aggregator, seeds, options of each experiment on the three pairs."""
    linear = {
        "mean": mean(six),
        "first frame": six.first_frame(),
        "last frame": six.last_frame(),
        "middle frame": six.middle_frame(),
        "differences": mean(steps(six)),
    }
    for name, data in linear.items():
        yield "six", name, data, "mean", FIVE, {}
    yield "six", "first and last, MLP", side_by_side(ends(six)), "attention", FIVE, {}
    yield "six", "first and last, LSTM", ends(six), "lstm", FIVE, {}
    yield "six", "side by side", six, "mean", THREE, {"look": side_by_side}
    yield "six", "LSTM", six, "lstm", FIVE, {}
    for seed in FIVE:
        mixed = six.shuffled(torch.Generator().manual_seed(seed))
        yield "six", "LSTM, shuffled", mixed, "lstm", [seed], {}
    yield "six", "LSTM, opposites", six, "lstm", THREE, {"opposites": True}
    yield "six", "LSTM, 160 epochs", six, "lstm", THREE, {"epochs": 160}
    for T, data in longer.items():
        yield "six", f"LSTM, T = {T}", data, "lstm", THREE, {}


def circles_alone(circles, path, maps, longer):
    """The one pair that needs the order: what helps?"""
    settings = {"epochs": 120}
    both_ways = {**settings, "opposites": True}
    yield "circles", "LSTM", circles, "lstm", THREE, settings
    yield "circles", "LSTM, opposites", circles, "lstm", THREE, both_ways
    yield "circles", "side by side", circles, "mean", THREE, {**settings, "look": side_by_side}
    yield "circles", "2 x 2, LSTM", grid(maps, 2), "lstm", THREE, settings
    yield "circles", "tracked path, LSTM", path, "lstm", THREE, settings
    yield "circles", "tracked path, LSTM, opposites", path, "lstm", THREE, both_ways
    for T, data in longer.items():
        yield "circles", f"LSTM, T = {T}", data, "lstm", THREE, settings


def all_27(data):
    for name, seen, aggregator in (
        ("mean", mean(data), "mean"),
        ("LSTM", data, "lstm"),
        ("first and last, LSTM", ends(data), "lstm"),
    ):
        yield "all", name, seen, aggregator, THREE, {"epochs": 20}


def ask(record, part, name, data, aggregator, seeds, options):
    """Add what a model answers with the seeds that are missing, and write the file each time."""
    known = record[part]["predictions"].setdefault(name, {})
    for seed in map(str, seeds):
        if seed not in known:
            known[seed], back = answers(data, aggregator, int(seed), **options)
            if part == "six" and name.startswith("LSTM"):
                record[part].setdefault("backwards", {}).setdefault(name, {})[seed] = back
            write(record)
            print(part, name, seed, flush=True)


def write(record):
    partial = RECORD.with_suffix(".part")
    partial.write_text(json.dumps(record, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    partial.replace(RECORD)


def main(folder, work):
    found = clips.from_folder(folder, groups=r"^(s\d)_")
    pairs = [clip for clip in found if clip.label in PAIRS]
    few = [clip for clip in pairs if "circle" in clip.label]
    six, *others = (essences(pairs, work / f"t{T}", num_frames=T) for T in (10, 8, 16))
    everything = essences(found, work / "all16", num_frames=16)
    maps = essences(few, work / "maps", num_frames=10, maps=True)
    circles, *longer = (
        replace(data.subset(data.labels < 2), classes=PAIRS[:2]) for data in (six, *others)
    )
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for part, data in {"six": six, "circles": circles, "all": everything}.items():
        about = {"classes": data.classes, "labels": data.labels.tolist(), "groups": data.groups}
        record.setdefault(part, {**about, "predictions": {}})
    for name, measure in pixels.MEASUREMENTS.items():
        if name not in record:
            record[name] = measure(pairs, few, six, maps, grid)
            write(record)
    hand = torch.tensor(record["tracked"])  # (64, 10, 2)
    path = replace(circles, essences=(hand - hand.mean(dim=(0, 1))) / hand.std(dim=(0, 1)))
    for experiment in (
        *six_classes(six, dict(zip((8, 16), others, strict=True))),
        *all_27(everything),
        *circles_alone(circles, path, maps, dict(zip((8, 16), longer, strict=True))),
    ):
        ask(record, *experiment)
    made = {"quest82": quest82.__version__, "torch": torch.__version__, "size": 224, "T": 10}
    made |= {"python": platform.python_version(), "T of all": 16, **BUDGET, **WIDTHS}
    record["made with"] = made | {"epochs": 40, "epochs of circles": 120, "epochs of all": 20}
    write(record)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
