"""What the models of utd_mhad.py are given, and how each is asked."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional as F

from quest82 import learning
from quest82.essences import extract
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

BUDGET = {"learning_rate": 1e-3, "batch_size": 32}
WIDTHS = {"projection_size": 64, "hidden_size": 64}  # narrow, to save time


class MapExtractor(MobileNetV2Extractor):
    """The same network before its last step: all 7 x 7 positions of the feature map."""

    num_features = 1280 * 49

    def forward(self, clips):
        frames = (clips.flatten(0, 1) - self.mean) / self.std
        return self.features(frames).reshape(*clips.shape[:2], -1)  # (B, T, 1280 * 7 * 7)


def essences(found, path, *, maps=False, **options):
    """The clips described, in single precision; from the store where it has been made."""
    extractor, engine = (MapExtractor(), "plain") if maps else (MobileNetV2Extractor(), None)
    data = extract(found, extractor, path, engine=engine, **options)
    return replace(data, essences=data.essences.float())


def grid(data, n):
    """Feature maps (N, T, 1280 * 7 * 7) -> means over n x n parts (N, T, 1280 * n * n)."""
    parts = [
        F.adaptive_avg_pool2d(x.unflatten(1, (1280, 7, 7)), n).flatten(1) for x in data.essences
    ]
    return replace(data, essences=torch.stack(parts))


def mean(data):
    return replace(data, essences=data.essences.mean(dim=1, keepdim=True))


def ends(data):
    return replace(data, essences=data.essences[:, [0, -1]])


def steps(data):
    return replace(data, essences=data.essences.diff(dim=1))


def side_by_side(data):
    """All frames as one long vector: (N, T, D) -> (N, 1, T * D)."""
    return replace(data, essences=data.essences.flatten(1)[:, None])


def backwards(data):
    return replace(data, essences=data.essences.flip(1))


def with_opposites(data):
    """Each clip also backwards, as one of the opposite class: 2k and 2k + 1 are opposites."""
    return replace(
        data,
        essences=torch.cat([data.essences, backwards(data).essences]),
        labels=torch.cat([data.labels, data.labels ^ 1]),
        groups=data.groups * 2,
        clip_ids=data.clip_ids + tuple(f"{clip}, reversed" for clip in data.clip_ids),
    )


def answers(
    data, aggregator, seed, *, epochs=40, opposites=False, look=lambda data: data, without=None
):
    """A class number for each clip, played forwards and backwards, from people not seen before.

    `without` has, for each person, the clips as somebody sees them who does not know this person.
    """
    options = {
        "lstm": WIDTHS,
        "attention": {"projection_size": 64, "positions": data.num_frames > 1},
    }
    said = torch.zeros(2, len(data), dtype=torch.long)
    for person in sorted(set(data.groups)):
        unseen = torch.tensor([group == person for group in data.groups])
        seen = without[person] if without else data
        train = seen.subset(~unseen)
        train = look(with_opposites(train) if opposites else train)
        model = classifier.build(
            aggregator,
            train.num_features,
            len(seen.classes),
            seed=seed,
            **options.get(aggregator, {}),
        )
        learning.fit(model, train, learning.TrainConfig(epochs=epochs, seed=seed, **BUDGET))
        for k, version in enumerate((seen, backwards(seen))):
            said[k, unseen] = learning.evaluate(model, look(version.subset(unseen))).predictions
    return said.tolist()
