import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from quest82.essences.engines import ENGINES, EngineError, FusedEngine, PlainEngine, open_engine
from quest82.systems.mobilenet import MobileNetV2Extractor
from quest82.systems.parts.batch_norm import fused
from quest82.systems.weights import checkpoint_path

FRAMES = torch.randint(256, (5, 3, 64, 64), generator=torch.Generator().manual_seed(1)).byte()
NAMES = [
    pytest.param(name, marks=pytest.mark.skipif(missing, reason="openvino is not installed"))
    for name in ENGINES
    for missing in [name == "openvino" and importlib.util.find_spec("openvino") is None]
]


@pytest.mark.parametrize("name", NAMES)
def test_every_engine_gives_the_essences_of_the_plain_network(extractor, name):
    engine = open_engine(extractor, size=64, name=name)
    expected = extractor((FRAMES.float() / 255)[None])[0]
    essences = engine(FRAMES)
    assert engine.name == name
    assert (essences.shape, essences.dtype) == ((5, 1280), torch.float32)
    assert (essences - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert torch.equal(engine(FRAMES), essences)  # the same frames, the same numbers


@pytest.mark.parametrize("name", NAMES)
def test_an_essence_does_not_depend_on_the_frames_beside_it(extractor, name):
    engine = open_engine(extractor, size=64, name=name)
    alone = torch.cat([engine(frame[None]) for frame in FRAMES])
    assert (engine(FRAMES) - alone).abs().max() <= 1e-5 * alone.abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_the_imagenet_weights_at_full_size(name):
    if not checkpoint_path().exists():
        pytest.skip("the ImageNet weights are not in the cache: quest82 weights")
    extractor = MobileNetV2Extractor()
    noise = torch.Generator().manual_seed(2)
    frames = torch.randint(256, (2, 3, 224, 224), generator=noise).byte()
    expected = extractor((frames.float() / 255)[None])[0]
    essences = open_engine(extractor, name=name)(frames)
    assert (essences - expected).abs().max() <= 1e-3 * expected.abs().max()


def test_frames_in_any_memory_order(extractor):
    turned = FRAMES.contiguous(memory_format=torch.channels_last)
    for name in [name.values[0] for name in NAMES if not name.marks[0].args[0]]:
        engine = open_engine(extractor, size=64, name=name)
        torch.testing.assert_close(engine(turned), engine(FRAMES), rtol=1e-5, atol=1e-5)


def test_where_openvino_is_missing_the_next_engine_runs(extractor, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert open_engine(extractor, size=64).name == "fused"
    with pytest.raises(EngineError, match="not installed"):
        open_engine(extractor, size=64, name="openvino")


def test_where_openvino_cannot_be_loaded_the_next_engine_runs(extractor, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it raises ImportError
    assert open_engine(extractor, size=64).name == "fused"


def test_an_engine_that_gives_other_numbers_is_not_used(extractor, monkeypatch):
    right = FusedEngine.__call__
    monkeypatch.setattr(FusedEngine, "__call__", lambda self, frames: right(self, frames) * 1.01)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="other essences here"):
        open_engine(extractor, size=64, name="fused")
    assert open_engine(extractor, size=64).name == "plain"


def test_a_network_of_ones_own_runs_as_it_is_written():
    class Own(MobileNetV2Extractor):
        def forward(self, clips):
            return super().forward(clips) + 1

    own = Own(weights=None)
    engine = open_engine(own, size=64)
    assert isinstance(engine, PlainEngine)
    assert engine(FRAMES).min() >= 1


def test_half_precision_is_near(extractor, monkeypatch):
    """What a GPU would do, done slowly here."""
    engine = FusedEngine(extractor, 64)
    engine.dtype, engine.features = torch.bfloat16, engine.features.to(torch.bfloat16)
    expected = extractor((FRAMES.float() / 255)[None])[0]
    assert torch.cosine_similarity(engine(FRAMES), expected).min() > 0.95


def test_an_unknown_engine_is_refused(extractor):
    with pytest.raises(ValueError, match="engine .'warp'. must be one of openvino, fused, plain"):
        open_engine(extractor, size=64, name="warp")


def test_fusing_leaves_the_network_as_it_was(extractor):
    before = extractor.fingerprint()
    layers = list(fused(extractor).modules())
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in layers)
    assert extractor.fingerprint() == before


def test_what_the_benchmark_runs_on_a_gpu_gives_the_same_essences(extractor, monkeypatch):
    """Here on the processor, where nothing can be pinned and compiling would take too long."""
    folder = Path(__file__).parents[1] / "benchmarks"
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda frames: frames)
    monkeypatch.setattr(torch, "compile", lambda network, mode: network)
    spec = importlib.util.spec_from_file_location("benchmark_of_engines", folder / "engines.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    plain, *others = [make()(FRAMES) for make in benchmark.on_gpu(extractor, 64).values()]
    assert len(others) == 3
    for essences in others:
        torch.testing.assert_close(essences, plain, rtol=1e-4, atol=1e-4)
