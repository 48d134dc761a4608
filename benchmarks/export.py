"""What does an exported model weigh, how fast is it, and what do eight bits cost in accuracy?

An LSTM learns reversible actions (a door opens, a door closes) from two thirds of the drawn
objects. It is asked about both directions of the others by PyTorch, as ONNX in single precision
and as ONNX in eight bits, whose ranges come from training clips.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/export.py
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from table import publish

from quest82.data.synthetic import REVERSED, synthesize
from quest82.essences import EssenceSet, extract
from quest82.frames.frame_set import FrameSet
from quest82.frames.view import ViewSpec
from quest82.learning import TrainConfig, fit
from quest82.learning.uncertainty import accuracy_interval, difference_interval
from quest82.service import graphs
from quest82.service.export import export, opened
from quest82.service.quantising import quantised
from quest82.systems import classifier
from quest82.systems.mobilenet import MobileNetV2Extractor

SPEC = ViewSpec(num_frames=16, size=224, flip=False)
CLIPS_PER_ACTION, NUM_CALIBRATED = 12, 32
Ask = Callable[[np.ndarray], np.ndarray]


def model_of(train: EssenceSet, path: Path) -> None:
    """An LSTM that has learned both directions of the training clips."""
    pairs = train.reversed_pairs(REVERSED)
    network = classifier.build("lstm", pairs.num_features, len(pairs.classes))
    fit(network, pairs, TrainConfig(epochs=60))
    classifier.save(path, network, classes=pairs.classes, extraction=train.settings)


def as_pytorch(path: Path) -> Ask:
    network, _ = classifier.load(path)
    module = graphs.whole(network, MobileNetV2Extractor(), SPEC).reference

    @torch.inference_mode()
    def ask(frames: np.ndarray) -> np.ndarray:
        return module(torch.from_numpy(frames)).numpy()

    return ask


def as_onnx(content: bytes) -> Ask:
    session = opened(content)
    return lambda frames: session.run(None, {"frames": frames})[0]


def asked(ways: dict[str, Ask], test: FrameSet) -> tuple[dict[str, list], dict[str, list]]:
    """The answers and the seconds of each way, side by side, clip by clip."""
    answers, seconds = {name: [] for name in ways}, {name: [] for name in ways}
    for row in range(len(test)):
        frames = test.batch(torch.tensor([row])).numpy()
        for name, ask in ways.items():
            start = time.perf_counter()
            answers[name].append(int(ask(frames).argmax()))
            seconds[name].append(time.perf_counter() - start)
    return answers, seconds


def percent(value: float, interval: tuple[float, float]) -> str:
    low, high = (100 * end for end in interval)
    return f"{100 * value:.0f} % ({low:.0f} to {high:.0f})"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = synthesize(folder / "clips", clips_per_action=CLIPS_PER_ACTION, progress=False)
        stored = extract(made, MobileNetV2Extractor(), folder / "store", SPEC, progress=False)
        train, _ = stored.split(1 / 3)
        learn, test = FrameSet.of(made, SPEC).split(1 / 3)
        model_of(train, folder / "lstm")
        whole = export(folder / "lstm")
        rows = torch.linspace(0, len(learn) - 1, NUM_CALIBRATED).long()
        shown = ((255 * learn.batch(row[None])[0]).round().to(torch.uint8) for row in rows)
        small = quantised(whole, shown)
        ways = {
            "PyTorch": as_pytorch(folder / "lstm"),
            "ONNX": as_onnx(whole.content),
            "ONNX, eight bits": as_onnx(small.content),
        }
        pairs = test.reversed_pairs(REVERSED)
        answers, seconds = asked(ways, pairs)
        sizes = {"ONNX": len(whole.content), "ONNX, eight bits": len(small.content)}
    report(answers, seconds, sizes, pairs)


def report(answers: dict, seconds: dict, sizes: dict[str, int], test: FrameSet) -> None:
    labels, rows = test.labels.numpy(), []
    correct = {name: np.array(given) == labels for name, given in answers.items()}
    took = {name: statistics.median(each) for name, each in seconds.items()}
    for name, right in correct.items():
        same = np.mean(np.array(answers[name]) == np.array(answers["PyTorch"]))
        rows.append(
            {
                "what runs": name,
                "size": f"{sizes[name] / 1e6:.1f} MB" if name in sizes else "",
                "a clip": f"{1e3 * took[name]:.0f} ms",
                "times as fast": f"{took['ONNX'] / took[name]:.2f}",
                "unseen objects": percent(right.mean(), accuracy_interval(right, test.groups)),
                "the same answer": f"{100 * same:.0f} %",
            }
        )
    lost = correct["ONNX, eight bits"].astype(int) - correct["ONNX"]
    interval = difference_interval(lost, test.groups)
    print(f"eight bits against ONNX: {percent(lost.mean(), interval)}\n")
    figures = {name: right.tolist() for name, right in correct.items()}
    publish("export", rows, correct=figures, seconds=took, sizes=sizes, difference=interval)


if __name__ == "__main__":
    main()
