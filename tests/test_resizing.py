"""Torchvision's resize, to the bit, in processes that never load it."""

import subprocess
import sys

import pytest
import torch
from torchvision.transforms import functional as first
from torchvision.transforms.v2 import functional as second

from quest82.frames.resizing import centre, resized, scaled

SHAPES = [(120, 160), (160, 120), (97, 131), (30, 31), (64, 64), (7, 90)]
SIZES = [[48], [64], [131], [40, 40], [33, 70]]


def frames_of(shape, seed=0):
    """As they are decoded: colours last in memory."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(256, (2, *shape, 3), generator=generator).byte()
    return frames.permute(0, 3, 1, 2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_torchvisions_numbers_to_the_bit(shape, size):
    frames = frames_of(shape)
    several = {
        "as decoded": frames,
        "one frame": frames[:1],
        "in rows": frames.contiguous(),
        "a window": frames[..., 1:-1, 2:-2],
    }
    for name, some in several.items():
        expected = second.resize(some, size, antialias=True)
        assert torch.equal(resized(some, size), expected), name
        some = some.contiguous()
        expected = first.resize(some, size, antialias=False)
        assert torch.equal(resized(some, size, antialias=False), expected), name


@pytest.mark.parametrize("shape", SHAPES)
def test_the_centre_and_the_scale_are_torchvisions(shape):
    frames = frames_of(shape)
    for height, width in [(7, 30), (5, 6), (1, 1), (6, 29)]:
        window = centre(frames, height, width)
        assert torch.equal(window, second.center_crop(frames, [height, width]))
    assert torch.equal(scaled(frames), second.to_dtype(frames, torch.float32, scale=True))


def test_a_worker_process_loads_no_library_that_it_does_without():
    code = "import sys; from quest82.frames import worker_program; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    slow = {"torchvision", "torch._dynamo", "decord", "scipy", "sklearn", "matplotlib", "openvino"}
    assert not slow & set(result.stdout.split())
