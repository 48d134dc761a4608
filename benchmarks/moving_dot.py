"""Is the place of a dot in an essence, and its direction in eight of them?

Global average pooling averages over the places of the feature map. A dot crosses the picture, from
left to right or, played backwards, from right to left; behind it is plain grey, or a still room of
`quest82.synthetic`, another one in each clip. A ridge probe is asked where the dot is in a frame,
an LSTM which way it goes. Both are tested on clips, and rooms, that they have not seen.

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/moving_dot.py
"""

from __future__ import annotations

import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from table import publish
from torch import Tensor

from quest82 import learning
from quest82.data import synthetic
from quest82.essences import EssenceSet
from quest82.essences.engines import Engine, open_engine
from quest82.learning import uncertainty
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

TRAIN, TEST, T, SIDE, RADIUS = 80, 40, 8, 224, 14
SEEDS = 3


def clip(number: int, behind: str) -> tuple[Tensor, Tensor]:
    """Frames (T, 3, SIDE, SIDE) of uint8, and the dot's place in each of them (T, 2), in pixels."""
    generator = torch.Generator().manual_seed(number)
    start, height, length = torch.rand(3, generator=generator).tolist()
    length = 60 + 80 * length
    left = 20 + start * (SIDE - 40 - length)
    places = torch.stack(
        [left + length * torch.linspace(0, 1, T), torch.full((T,), 20 + height * (SIDE - 40))], 1
    )
    room = torch.full((3, SIDE, SIDE), 128, dtype=torch.uint8)
    if behind == "rooms":
        action = list(synthetic.REVERSED)[number % len(synthetic.REVERSED)]
        room = synthetic.render(action, number)[0, :, 16:-16, 16:-16]
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    dots = [((x - a) ** 2 + (y - b) ** 2 < RADIUS**2) for a, b in places.tolist()]
    white = torch.tensor(255, dtype=torch.uint8)
    return torch.stack([torch.where(dot, white, room) for dot in dots]), places


def probe(essences: Tensor, places: Tensor) -> list[float]:
    """R2 of a ridge regression on unseen clips: across the picture, and up and down it."""
    x, y = essences.flatten(0, 1).double().numpy(), places.flatten(0, 1).double().numpy()
    n = TRAIN * T
    strengths = {"alpha": [10.0**k for k in range(-3, 5)]}
    # Tried out on training clips left out whole: frames of one clip have one room.
    ridge = GridSearchCV(Ridge(), strengths, cv=GroupKFold(5))
    ridge.fit(x[:n], y[:n], groups=torch.arange(TRAIN).repeat_interleave(T).numpy())
    missed = ((ridge.predict(x[n:]) - y[n:]) ** 2).mean(axis=0)
    return (1 - missed / y[n:].var(axis=0)).tolist()


def directions(essences: Tensor) -> tuple[list[float], tuple[float, float]]:
    """Accuracy of an LSTM on unseen clips, with each seed; the interval of their mean."""
    names = tuple(f"clip {k}" for k in range(len(essences)))
    labels = torch.zeros(len(essences), dtype=torch.long)
    clips = EssenceSet(
        essences=essences, labels=labels, groups=names, clip_ids=names, classes=("dot",)
    )
    train, test = (clips.subset(r).directions() for r in (range(TRAIN), range(TRAIN, TRAIN + TEST)))
    found = []
    for seed in range(SEEDS):
        sizes = {"projection_size": 64, "hidden_size": 64}
        model = classifier.build("lstm", 1280, 2, seed=seed, dtype=torch.float64, **sizes)
        learning.fit(model, train, learning.TrainConfig(epochs=60, seed=seed))
        found.append(learning.evaluate(model, test).correct.double())
    interval = uncertainty.accuracy_interval(torch.stack(found).mean(dim=0), test.groups)
    return [correct.mean().item() for correct in found], interval


def measured(engine: Engine, behind: str) -> dict[str, str]:
    drawn = [clip(number, behind) for number in range(TRAIN + TEST)]
    essences = torch.stack([engine(frames) for frames, _ in drawn])
    places = torch.stack([places for _, places in drawn])
    across, down = probe(essences, places)
    right, (low, high) = directions(essences)
    return {
        "behind the dot": behind,
        "place, R2 (across, down)": f"{across:.2f}, {down:.2f}",
        "direction, LSTM, each seed": " ".join(f"{100 * share:.0f}" for share in right) + " %",
        "95 % interval of their mean": f"{100 * low:.0f} to {100 * high:.0f} %",
    }


def main() -> None:
    engine = open_engine(MobileNetV2Extractor(), size=SIDE)
    publish("moving_dot", [measured(engine, behind) for behind in ("grey", "rooms")])


if __name__ == "__main__":
    main()
