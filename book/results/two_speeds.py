"""Writes the record of the chapter `two-speeds`: which pathway sees which half of a class?

    OMP_NUM_THREADS=1 python book/results/two_speeds.py

Wheels that turn in front of striped walls (`quest82.data.wheels`): 24 objects to learn from, 8
others for the test, five seeds each. Everything was decided on objects of another seed. A run
that the file has already is not repeated; five minutes on one core. `two_speeds.json` beside this
script gets for each run "direction", the share of test clips of which it prefers the right turn to
the other in front of the same wall; "wall", the share whose wall is right, whatever the turn.
"""

from __future__ import annotations

from pathlib import Path

import run_lines
import torch

from quest82 import learning
from quest82.data.wheels import wheels
from quest82.experiments import directions
from quest82.systems import classifier

FILE = Path(__file__).with_suffix(".json")
OBJECTS, EPOCHS, SEEDS = 24, 12, range(5)
CLIPS = {"num_frames": 8, "size": 16, "num_textures": 8, "speed": 0.25, "period": 3.0}
SMALL = {
    "widths": [16, 32, 64], "blocks": [1, 1, 1], "alpha": 4, "beta": 1 / 8,
    "stem_size": 3, "stem_pool": False,
}  # fmt: skip
# name -> options of the network, and what else is shown
RUNS: dict[str, tuple[dict, dict]] = {
    "slow": ({"pathways": "slow"}, {}),
    "fast": ({"pathways": "fast"}, {}),
    "both": ({}, {}),
    "both, none": ({"lateral": "none"}, {}),
    "both, sampling": ({"lateral": "sampling"}, {}),
    "both, time to channel": ({"lateral": "time_to_channel"}, {}),
    "fast, not thin": ({"pathways": "fast", "beta": 1}, {}),
    "slow, wheel at a quarter of the speed": ({"pathways": "slow"}, {"speed": 1 / 16}),
    "fast, stripes twice as wide": ({"pathways": "fast"}, {"period": 6.0}),
    "fast, two walls": ({"pathways": "fast"}, {"num_textures": 2}),
}


def run(name: str, seed: int) -> dict:
    """Train one network, and ask it about clips of other objects."""
    options, shown = RUNS[name]
    train, test = (wheels(n, seed=s, **(CLIPS | shown)) for n, s in ((OBJECTS, 0), (8, 2)))
    model = classifier.build(
        "slowfast", 3, len(train.classes), seed=seed, head_dropout=0.1, **(SMALL | options)
    )
    cosine = learning.Schedule(cosine=True)
    config = learning.TrainConfig(epochs=EPOCHS, learning_rate=3e-3, schedule=cosine, seed=seed)
    learning.fit(model, train, config)
    logits = learning.evaluate(model, test).logits
    walls = torch.stack([logits[:, 0::2], logits[:, 1::2]]).logsumexp(dim=0)  # (N, walls)
    return {
        "name": name,
        "seed": seed,
        "direction": directions.direction_hits(logits, test.labels).mean().item(),
        "wall": (walls.argmax(dim=1) == test.labels // 2).double().mean().item(),
    }


def main() -> None:
    """Run what is missing, and write after each."""
    runs = run_lines.earlier(FILE)
    done = {(one["name"], one["seed"]) for one in runs}
    for seed in SEEDS:
        for name in RUNS:
            if (name, seed) not in done:
                runs.append(run(name, seed))
                run_lines.write(FILE, {"objects": OBJECTS, "epochs": EPOCHS}, runs)
                print(runs[-1], flush=True)


if __name__ == "__main__":
    main()
