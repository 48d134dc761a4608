"""Writes the check of `side-by-side`: does an average over time dilute a brief event?

    OMP_NUM_THREADS=1 python book/results/brief_events.py

I3D and R3D learn the cycles from feature maps, as in `systems_cycles`, each with the maximum over
time and places at its end and with the average. A run that the file has already is not repeated;
four minutes on one core.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import run_lines
import torch
from torch import Tensor, nn

from quest82 import learning
from quest82.data.sequence_set import SequenceSet
from quest82.experiments.declarations import named
from quest82.experiments.directions import direction_hits
from quest82.experiments.protocols import Part
from quest82.systems.factorised import R3D
from quest82.systems.i3d import I3D
from quest82.systems.parts.volume import as_volume

FILE = Path(__file__).with_suffix(".json")
KEYS = ("system", "end", "seed")
RUNS = list(product(("i3d", "r3d"), ("maximum", "average"), (0, 1, 2)))
ENDS = {"maximum": Tensor.amax, "average": Tensor.mean}
RATE, EPOCHS = 3e-3, 30


class Ended(nn.Module):
    """The convolutions of a system, an end of our choice, and a linear layer."""

    def __init__(self, system: str, end: str, num_classes: int) -> None:
        super().__init__()
        made = I3D(64, **I3D.on_maps) if system == "i3d" else R3D(64, **R3D.on_maps)
        self.volumes = made.images if isinstance(made, I3D) else made.network
        self.end, self.head = ENDS[end], nn.Linear(made.out_features, num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        volumes = self.volumes(as_volume(clips))  # (B, F, T, H, W)
        return self.head(self.end(volumes, dim=(2, 3, 4)))


def run(data: SequenceSet, part: Part, system: str, end: str, seed: int) -> dict:
    """One training: how often the direction of an unseen clip is recognised."""
    torch.manual_seed(seed)
    model = Ended(system, end, len(data.classes))
    schedule = learning.Schedule(cosine=True)
    config = learning.TrainConfig(epochs=EPOCHS, learning_rate=RATE, seed=seed, schedule=schedule)
    learning.fit(model, data.subset(part.learned), config, data.subset(part.watched))
    found = learning.evaluate(model, data.subset(part.test))
    hits = direction_hits(found.logits, data.labels[part.test])
    return {"directions": round(hits.mean().item(), 4), "top1": round(found.top1, 4)}


def main() -> None:
    runs = run_lines.earlier(FILE)
    done = {tuple(found[key] for key in KEYS) for found in runs}
    spec = named("systems_cycles")
    data = spec.data.open(Path(__file__).parents[1] / "data")
    (part,) = spec.protocol.parts(data)
    for keys in RUNS:
        if keys in done:
            continue
        runs.append(dict(zip(KEYS, keys, strict=True)) | run(data, part, *keys))
        run_lines.write(FILE, {"rate": RATE, "epochs": EPOCHS}, runs)
        print(*keys, runs[-1]["directions"], flush=True)


if __name__ == "__main__":
    main()
