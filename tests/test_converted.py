"""Graphs of OpenVINO are made once, and kept."""

import os
import subprocess
import sys

import numpy as np
import pytest

from quest82.essences import converted
from quest82.systems.backbones import TorchvisionBackbone
from quest82.systems.maps import FeatureMaps
from quest82.systems.mobilenet import MobileNetV2Extractor

openvino = pytest.importorskip("openvino")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """What was converted; converting gives a graph that multiplies by three."""
    made = []

    def convert(extractor, size):
        from openvino import opset13 as ops

        made.append((extractor.name, size))
        frame = ops.parameter([1, 3, size, size], np.uint8)
        three = ops.constant(np.full((1, 3, size, size), 3, np.float32))
        return openvino.Model([ops.multiply(ops.convert(frame, "f32"), three)], [frame])

    monkeypatch.setattr(converted, "_converted", convert)
    monkeypatch.setenv("QUEST82_CACHE", str(tmp_path))
    return made


def triples(graph, size=8) -> bool:
    frame = np.random.default_rng(0).integers(256, size=(1, 3, size, size), dtype=np.uint8)
    return np.array_equal(converted.core().compile_model(graph, "CPU")(frame)[0], 3.0 * frame)


def kept(folder):
    return sorted(folder.rglob("*.zip"))


def test_a_graph_is_made_once(extractor, made, tmp_path):
    for _ in range(3):
        assert triples(converted.graph_of(extractor, 8))
    assert made == [("mobilenet_v2", 8)]
    (file,) = kept(tmp_path)
    assert list(file.parent.iterdir()) == [file]  # nothing else is left


def test_what_the_graph_depends_on_has_a_graph_of_its_own(extractor, made, tmp_path, monkeypatch):
    others = [
        (extractor, 8),
        (extractor, 16),
        (MobileNetV2Extractor(None), 8),
        (FeatureMaps(extractor, grid=1), 8),
        (FeatureMaps(extractor, grid=2), 8),
        (TorchvisionBackbone("resnet18", None), 8),
    ]
    for backbone, size in others:
        converted.graph_of(backbone, size)
    monkeypatch.setattr(openvino, "__version__", "0")
    converted.graph_of(extractor, 8)
    assert len(made) == len(kept(tmp_path)) == len(others) + 1


@pytest.mark.parametrize("damage", ["cut short", "empty", "a byte differs", "another file"])
def test_a_damaged_graph_is_made_again(extractor, made, tmp_path, damage):
    converted.graph_of(extractor, 8)
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    middle = whole.index(b"graph.bin") + 30  # one of the numbers that are multiplied by
    content = {
        "cut short": whole[: len(whole) // 2],
        "empty": b"",
        "a byte differs": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "another file": b"no archive " * 100,
    }
    file.write_bytes(content[damage])
    assert triples(converted.graph_of(extractor, 8))
    assert len(made) == 2
    assert triples(converted.graph_of(extractor, 8))
    assert len(made) == 2


def test_where_nothing_can_be_kept_it_is_made_each_time(extractor, made, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("QUEST82_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        assert triples(converted.graph_of(extractor, 8))
    assert len(made) == 2


def test_the_graph_of_somebodys_own_network_is_not_kept(made, tmp_path):
    class Own(MobileNetV2Extractor):
        pass

    for _ in range(2):
        converted.graph_of(Own(None), 8)
    assert len(made) == 2
    assert kept(tmp_path) == []


def test_the_least_recently_used_go(extractor, made, tmp_path, monkeypatch):
    monkeypatch.setattr(converted, "_MOST_KEPT", 2)
    for size in (8, 9, 8, 10, 8):
        converted.graph_of(extractor, size)
    assert [size for _, size in made] == [8, 9, 10]
    assert len(kept(tmp_path)) == 2


INTERRUPTED = """
import signal
from quest82.essences.engines import OpenVINOEngine
from quest82.systems.mobilenet import MobileNetV2Extractor

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
extractor = MobileNetV2Extractor(weights=None)
first, second = (OpenVINOEngine(extractor, 32) for _ in range(2))
del first
del second
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_after_two_engines_is_no_crash(made):
    """One core for both: a core that is dropped may take the stack for signals with it."""
    command = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
