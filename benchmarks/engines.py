"""Which engine runs MobileNetV2 fastest on this processor, with essences equal within 1e-3?

    OMP_NUM_THREADS=2 taskset -c 0,1 python benchmarks/engines.py
    python benchmarks/engines.py --device cuda

The engines of the package, and three others that were weighed: channels-last memory alone,
`torch.compile` with inductor's freezing (needs a C++ compiler), and ONNX Runtime (`pip install
onnx onnxruntime`), each where it works. They take turns, so that a disturbance meets them all.

On a GPU the plain engine is the reference, and the others are in half precision: `fused` (channels
last), the same from pinned memory, and the same compiled. What a run takes includes both copies.
"""

from __future__ import annotations

import argparse
import copy
import io
import time
from collections.abc import Callable
from statistics import median

import torch
from table import markdown, publish
from torch import Tensor, nn

from quest82.essences.engines import ENGINES, EngineError, FusedEngine, PlainEngine, open_engine
from quest82.systems.mobilenet import MobileNetV2Extractor

T, SIZE, ROUNDS = 16, 224, 12
Run = Callable[[Tensor], Tensor]


class Network(nn.Module):
    """The network alone, (N, 3, S, S) floats -> (N, 1280), for those who compile it."""

    def __init__(self, extractor: MobileNetV2Extractor, memory: torch.memory_format) -> None:
        super().__init__()
        self.features = copy.deepcopy(extractor.features).to(memory_format=memory)
        self.register_buffer("mean", extractor.mean)
        self.register_buffer("std", extractor.std)

    def forward(self, frames: Tensor) -> Tensor:
        return self.features((frames - self.mean) / self.std).mean(dim=(2, 3))


def as_written(extractor: MobileNetV2Extractor) -> Run:
    """torchvision's network in its own memory format: what most code runs today."""
    network = Network(extractor, torch.contiguous_format).eval()
    return lambda frames: network(frames.float() / 255)


def compiled(extractor: MobileNetV2Extractor) -> Run:
    import torch._inductor.config

    torch._inductor.config.freezing = True
    network = torch.compile(Network(extractor, torch.channels_last).eval())
    return lambda frames: network(frames.float() / 255)


def onnx_runtime(extractor: MobileNetV2Extractor) -> Run:
    import onnxruntime

    network, example = (
        Network(extractor, torch.contiguous_format).eval(),
        torch.rand(T, 3, SIZE, SIZE),
    )
    file = io.BytesIO()
    torch.onnx.export(network, (example,), file, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options)
    name = session.get_inputs()[0].name
    return lambda frames: torch.from_numpy(
        session.run(None, {name: (frames.float() / 255).numpy()})[0]
    )


def pinned(extractor: MobileNetV2Extractor, size: int) -> Run:
    """The fused engine, fed from memory that the GPU copies by itself."""
    engine = open_engine(extractor, size=size, name=FusedEngine.name)
    return lambda frames: engine(frames.pin_memory().to(extractor.device, non_blocking=True))


def fused_and_compiled(extractor: MobileNetV2Extractor, size: int) -> Run:
    """The fused engine, its network as one CUDA graph."""
    engine = FusedEngine(extractor, size)
    engine.features = torch.compile(engine.features, mode="reduce-overhead")
    return engine


def on_gpu(extractor: MobileNetV2Extractor, size: int) -> dict[str, Callable[[], Run]]:
    """Name -> what makes it; the first is the reference."""
    return {
        "engine `plain`": lambda: PlainEngine(extractor, size),
        "engine `fused`": lambda: open_engine(extractor, size=size, name=FusedEngine.name),
        "engine `fused`, pinned copies": lambda: pinned(extractor, size),
        "engine `fused`, compiled": lambda: fused_and_compiled(extractor, size),
    }


def on_cpu(extractor: MobileNetV2Extractor) -> dict[str, Callable[[], Run]]:
    """Name -> what makes it; the first is the reference."""
    makers = {"torchvision's network, as it is": lambda: as_written(extractor)}
    makers |= {
        f"engine `{name}`": lambda name=name: open_engine(extractor, size=SIZE, name=name)
        for name in ENGINES
    }
    return makers | {
        "`torch.compile`, freezing": lambda: compiled(extractor),
        "ONNX Runtime": lambda: onnx_runtime(extractor),
    }


def those_that_work(makers: dict[str, Callable[[], Run]]) -> dict[str, Run]:
    """Name -> what runs it, of all that work here; the others are named on the screen."""
    runs, frames = {}, torch.zeros(T, 3, SIZE, SIZE, dtype=torch.uint8)
    for name, make in makers.items():
        try:
            start = time.perf_counter()
            run = make()
            run(frames)
        except (EngineError, ImportError, RuntimeError) as error:
            print(f"{name} does not work here: {str(error).splitlines()[0]}")
        else:
            runs[name] = run
            print(f"{name}: ready after {time.perf_counter() - start:.1f} s")
    return runs


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    device = parser.parse_args().device
    extractor = MobileNetV2Extractor().to(device)
    frames = torch.randint(
        256, (T, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0)
    ).byte()
    makers = on_cpu(extractor) if device == "cpu" else on_gpu(extractor, SIZE)
    runs = those_that_work(makers)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.perf_counter()
            run(frames)
            seconds[name].append(time.perf_counter() - start)
    first = next(iter(runs))
    expected = runs[first](frames)
    largest = expected.abs().max()
    rows = [
        {
            "what runs": name,
            "frames/s": f"{T / median(seconds[name]):.0f}",
            "times as fast": f"{median(seconds[first]) / median(seconds[name]):.1f}",
            "largest difference": f"{(run(frames) - expected).abs().max() / largest:.0e}",
        }
        for name, run in runs.items()
    ]
    if device == "cpu":
        publish("engines", rows, seconds=seconds)
    else:
        print(markdown(rows), "", torch.cuda.get_device_name(), sep="\n")


if __name__ == "__main__":
    main()
