"""Frozen or fine-tuned: what does training the last blocks of the extractor cost, and does it pay?

Small synthetic clips of eight actions, each with an object of its own, which is its group. A
third of the groups is kept for the test. With a frozen extractor, training from files and from a
store give the same; the store saves the time.

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/fine_tuning.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from table import publish
from torch import nn

from quest82.data.synthetic import synthesize
from quest82.essences import EssenceSet, extract
from quest82.frames.frame_set import FrameSet
from quest82.frames.view import ViewSpec
from quest82.learning import TrainConfig, evaluate, fit
from quest82.learning.uncertainty import wilson_interval
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

NUM_VIEWS = 4
SPEC = ViewSpec(num_frames=4, size=96, flip=False, num_views=NUM_VIEWS)
EPOCHS = 8
# Steps that suit a fresh classifier destroy trained blocks: at 1e-3 they stayed at chance.
LEARNING_RATE = {"frozen": 1e-3, "trained": 1e-4}
TRAINABLE_FROM = 14


def trained(
    data: FrameSet | EssenceSet,
    aggregator: str,
    extractor: MobileNetV2Extractor | None,
    learning_rate: float,
) -> dict[str, float | int]:
    """Train on two thirds of the groups; accuracy on the others, seconds, parameters."""
    head = classifier.build(aggregator, MobileNetV2Extractor.num_features, len(data.classes))
    model = nn.Sequential(extractor, head) if extractor else head
    train, test = data.split(1 / 3)
    config = TrainConfig(epochs=EPOCHS, batch_size=8, learning_rate=learning_rate)
    start = time.perf_counter()
    history = fit(model, train, config)
    took = (time.perf_counter() - start) / EPOCHS
    return {
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "first_loss": history.train_loss[0],
        "last_loss": history.train_loss[-1],
        "correct": int(evaluate(model, test).correct.sum()),
        "tested": len(test),
        "epoch_s": took,
    }


def row(way: str, aggregator: str, figures: dict[str, float | int]) -> dict[str, str]:
    low, high = wilson_interval(figures["correct"], figures["tested"])
    percent = [f"{100 * x:.0f}" for x in (figures["correct"] / figures["tested"], low, high)]
    return {
        "extractor": way,
        "aggregator": aggregator,
        "parameters trained": f"{figures['parameters']:,}",
        "training loss": f"{figures['first_loss']:.2f} → {figures['last_loss']:.2f}",
        "unseen groups (95 % interval)": "{} % ({} to {})".format(*percent),
        "one epoch": f"{figures['epoch_s']:.2f} s",
    }


def main() -> None:
    rows, results = [], {}
    with tempfile.TemporaryDirectory() as folder:
        clips = synthesize(Path(folder, "clips"), clips_per_action=6, progress=False)
        frames = FrameSet.of(clips, SPEC)
        store, frozen = Path(folder, "store"), MobileNetV2Extractor()
        start = time.perf_counter()
        stored = extract(clips, frozen, store, SPEC, progress=False)
        extraction = time.perf_counter() - start
        for aggregator in ("mean", "lstm"):
            unfrozen = MobileNetV2Extractor(trainable_from=TRAINABLE_FROM)
            for way, data, extractor in (
                ("frozen, from a store", stored, None),
                ("frozen, from files", frames, frozen),
                (f"trained from block {TRAINABLE_FROM}, from files", frames, unfrozen),
            ):
                rate = LEARNING_RATE[way.split(maxsplit=1)[0].rstrip(",")]
                figures = trained(data, aggregator, extractor, rate)
                results[f"{way}, {aggregator}"] = figures
                rows.append(row(way, aggregator, figures))
    print(f"the store took {extraction:.1f} s, once\n")
    publish("fine_tuning", rows, figures=results, extraction_s=extraction)


if __name__ == "__main__":
    main()
