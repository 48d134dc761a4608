"""Writes the table of the chapter `by-hand`: hand-made descriptors on the clips of the networks.

    OMP_NUM_THREADS=1 python book/results/by_hand.py

80 objects in all kinds and both directions, as in `systems.json`; the first of the five splits is
the one of that record, so that each clip can be compared. The cost of an error is chosen on a
fifth of the training objects, by accuracy on all classes. Two minutes on one core; a split that
the file has is not repeated.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from quest82.data import motions
from quest82.data.tensor_set import TensorSet
from quest82.experiments.directions import direction_hits
from quest82.frames.descriptors.trajectories import dense_trajectories
from quest82.frames.descriptors.whole import WHOLE, describe
from quest82.frames.descriptors.words import Words
from quest82.frames.flow import flow_of
from quest82.learning.svm import fit_svm, margins_of
from quest82.outputs import write_whole

FILE = Path(__file__).with_suffix(".json")
METHOD, OBJECTS, SPLITS, COSTS = "farneback", 80, range(5), (0.1, 1.0, 10.0)
ALONG = ("shape", "hog", "hof", "mbh")
WORDS = 100


def described(clips: TensorSet) -> dict:
    """Name -> a vector for each clip; under "trajectories", name -> descriptors of each clip."""
    flows = torch.stack([flow_of(clip, METHOD) for clip in clips.tensors])
    found: dict = {name: describe(clips.tensors, flows, name) for name in WHOLE}
    tracks = [dense_trajectories(*own) for own in zip(clips.tensors, flows, strict=True)]
    found["trajectories"] = {name: [own[name] for own in tracks] for name in ALONG}
    return found


def features(found: dict, learned: Tensor, seed: int) -> dict[str, Tensor]:
    """Name -> vectors (N, F); words are found on the rows that are learned from."""
    vectors = {name: own for name, own in found.items() if name != "trajectories"}
    for name, own in found["trajectories"].items():
        words = Words(WORDS, seed=seed).fit([own[row] for row in learned])
        vectors[f"trajectories, {name if name == 'shape' else name.upper()}"] = words(own)
    parts = [own for name, own in vectors.items() if name.startswith("trajectories")]
    return vectors | {"trajectories, all": torch.cat(parts, dim=1)}


def rows_of(clips: TensorSet, part: TensorSet) -> Tensor:
    """Where the clips of a part stand in the whole."""
    numbers = {clip: row for row, clip in enumerate(clips.clip_ids)}
    return torch.tensor([numbers[clip] for clip in part.clip_ids])


def cost_for(vectors: Tensor, clips: TensorSet, train: TensorSet) -> float:
    """The cost that does best on a fifth of the objects that may be learned from."""
    parts = [rows_of(clips, part) for part in train.split(0.2, seed=1)]
    labels = [clips.labels[part] for part in parts]

    def right(cost: float) -> float:
        svm = fit_svm(vectors[parts[0]], labels[0], cost=cost)
        return svm.score(vectors[parts[1]].numpy(), labels[1].numpy())

    return max(COSTS, key=right)


def one_split(clips: TensorSet, found: dict, seed: int) -> dict:
    """Name -> its cost, its share of all classes, and a digit for each test clip.

    The digit is 2 where the direction is right, 1 where both got the same, else 0.
    """
    train, test = clips.split(0.25, seed=seed)
    learned, asked = rows_of(clips, train), rows_of(clips, test)
    answers = {}
    for name, vectors in features(found, learned, seed).items():
        cost = cost_for(vectors, clips, train)
        margins = margins_of(fit_svm(vectors[learned], train.labels, cost=cost), vectors[asked])
        hits = (2 * direction_hits(margins, test.labels)).int().tolist()
        top1 = (margins.argmax(dim=1) == test.labels).double().mean().item()
        answers[name] = {"cost": cost, "top1": round(top1, 4), "hits": "".join(map(str, hits))}
    return {"seed": seed, "answers": answers}


def main() -> None:
    splits = json.loads(FILE.read_text("utf-8"))["splits"] if FILE.exists() else []
    missing = set(SPLITS) - {split["seed"] for split in splits}
    if not missing:
        return
    clips = motions.clips(OBJECTS).reversed_pairs(motions.REVERSED)
    found = described(clips)
    for seed in sorted(missing):
        splits.append(one_split(clips, found, seed))
        about = {"objects": OBJECTS, "flow": METHOD, "words": WORDS, "splits": splits}
        write_whole(FILE, (json.dumps(about, indent=1) + "\n").encode())
        print("split", seed, flush=True)


if __name__ == "__main__":
    main()
