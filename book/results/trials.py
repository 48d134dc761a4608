"""Writes what the things to try on the pages need: strips of frames, and two trained models.

    python book/results/trials.py

For "Drag the frames" the models are those of the chapter `reversible`, learned from partial swings:
the mean, and the LSTM on changes. The clip is one of an object that they have not seen. All that
comes before the order matters is done here (a frame's logits for the mean, a frame's projection for
the LSTM), so that the page multiplies by small matrices only. `order.js` does the rest, and a test
holds it to PyTorch.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.decomposition import PCA
from torch import Tensor

from quest82 import learning
from quest82.data import synthetic
from quest82.essences import EssenceSet
from quest82.frames import sampling

BOOK = Path(__file__).parents[1]
STATIC = BOOK / "_static"
CLIP, CLASSES = "open_door", ("open_door", "close_door")
WIDTH = 64  # main directions


def arrays(**named: Tensor) -> dict:
    """Numbers as single precision in base64, with their shapes."""
    return {
        name: {
            "shape": list(tensor.shape),
            "base64": base64.b64encode(tensor.detach().float().numpy().tobytes()).decode(),
        }
        for name, tensor in named.items()
    }


def main_directions(train: EssenceSet) -> PCA:
    """The main directions in which the essences of training clips change."""
    frames = train.centred().essences.flatten(0, 1).double().numpy()
    return PCA(WIDTH, svd_solver="covariance_eigh").fit(frames)


def changes(data: EssenceSet, pca: PCA, scale: float) -> EssenceSet:
    """What changes in each clip, in the main directions; as in the chapter."""
    centred = data.centred().essences
    short = pca.transform(centred.flatten(0, 1).double().numpy()) / scale
    return replace(data, essences=torch.from_numpy(short).float().view(*centred.shape[:2], -1))


def lstm_arrays(model: torch.nn.Module, essences: Tensor, pca: PCA, scale: float) -> dict:
    """Projections of single frames, and the matrices behind them."""
    aggregator = model.aggregator
    linear, recurrence = aggregator.projection[0], aggregator.recurrence
    directions = torch.from_numpy(pca.components_) / scale
    middle = torch.from_numpy(pca.mean_)
    each = essences.double() @ directions.T @ linear.weight.double().T  # (T, P)
    offset = linear.bias - linear.weight.double() @ (directions @ middle)
    return arrays(
        frames=each,
        offset=offset,
        input_weight=recurrence.weight_ih_l0,
        state_weight=recurrence.weight_hh_l0,
        bias=recurrence.bias_ih_l0 + recurrence.bias_hh_l0,
        head_weight=model.head.weight,
        head_bias=model.head.bias,
    )


def write_strip(path: Path, clip: Tensor, *, count: int, side: int) -> None:
    """Some frames of a clip (n, 3, H, W), spread over it, side by side."""
    strip = Image.new("RGB", (count * side, side))
    for i, frame in enumerate(clip[sampling.segment_indices(len(clip), count)]):
        image = Image.fromarray(frame.permute(1, 2, 0).numpy())
        strip.paste(image.resize((side, side), Image.Resampling.LANCZOS), (i * side, 0))
    strip.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def write_order() -> None:
    """Train both models, and write their numbers and the frames of the clip."""
    train, test = EssenceSet.load(BOOK / "data/partial").split(1 / 3)
    pca = main_directions(train)
    scale = float(np.std(pca.transform(train.centred().essences.flatten(0, 1).double().numpy())))
    train, unseen = train.reversed_pairs(synthetic.REVERSED), test
    mean = learning.trained("mean", train, learning.TrainConfig(epochs=40, seed=0))
    lstm = learning.trained(
        "lstm",
        changes(train, pca, scale),
        learning.TrainConfig(epochs=40, seed=0),
        projection_size=96,
        hidden_size=96,
    )
    row = next(i for i, name in enumerate(unseen.clip_ids) if name.startswith(CLIP))
    essences = unseen.essences[row].double()  # (8, 1280)
    data = {
        "classes": list(train.classes),
        "pair": [train.classes.index(name) for name in CLASSES],
        "mean": arrays(frames=essences @ mean.head.weight.double().T + mean.head.bias),
        "lstm": lstm_arrays(lstm, essences, pca, scale),
    }
    text = json.dumps(data, separators=(",", ":"))
    (STATIC / "order-data.js").write_text(f"const ORDER = {text};\n", "utf-8")
    number = int(unseen.clip_ids[row].split("-")[-1][:4])
    write_strip(
        STATIC / "order.png", synthetic.render(CLIP, number, swing="partial"), count=8, side=112
    )
    result = learning.evaluate(lstm, changes(unseen.reversed_pairs(synthetic.REVERSED), pca, scale))
    print(f"the LSTM is right for {result.top1:.0%} of clips of unseen objects")


def main() -> None:
    """Everything that the pages load beside their text."""
    write_order()
    write_strip(STATIC / "sampling.png", synthetic.render(CLIP, 6), count=24, side=72)


if __name__ == "__main__":
    main()
