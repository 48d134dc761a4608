"""Small data from formulas, and the real clips where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from quest82 import video
from quest82.essences import MobileNetV2Extractor
from quest82.store import EssenceSet

SHARED_CLIPS = Path(__file__).parents[2] / "shared" / "clips"


@pytest.fixture(scope="session")
def shared_clips() -> Path:
    if not SHARED_CLIPS.is_dir():
        pytest.skip("the real clips (../shared/clips) are not on this machine")
    return SHARED_CLIPS


@pytest.fixture(scope="session")
def extractor() -> MobileNetV2Extractor:
    """Random weights, with batch norm set so that essences are neither all zero nor saturated."""
    torch.manual_seed(0)
    extractor = MobileNetV2Extractor(weights=None)
    norms = [m for m in extractor.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the average over all that is seen
        norm.train()
    with torch.no_grad():
        extractor(torch.rand(4, 4, 3, 64, 64))
    extractor.eval()
    assert extractor(torch.rand(1, 2, 3, 64, 64)).std() > 0.1
    return extractor


def moving_square(num_frames: int = 12, size: int = 64, shade: int = 200) -> torch.Tensor:
    """Frames (n, 3, size, size) of a square on its way across a gradient; each one differs."""
    ramp = torch.linspace(0, 120, size).to(torch.uint8)
    frames = ramp.expand(num_frames, 3, size, size).clone()
    for t in range(num_frames):
        left = t * (size - 16) // max(1, num_frames - 1)
        frames[t, :, 8:24, left : left + 16] = shade
    return frames


@pytest.fixture
def write_clip(tmp_path):
    def write(name: str = "clip.mp4", **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        video.write_video(path, moving_square(**options), fps=25)
        return path

    return write


@pytest.fixture
def make_set():
    def make(
        num_clips: int = 24,
        num_classes: int = 3,
        num_frames: int = 5,
        num_features: int = 16,
        clips_per_group: int = 2,
        views: int = 0,
        seed: int = 0,
    ) -> EssenceSet:
        """Classes that differ in their mean, plus noise; float16 as from a store."""
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(num_clips) % num_classes
        centres = torch.randn(num_classes, num_features, generator=generator)
        shape = (num_clips, *([views] if views else []), num_frames, num_features)
        noise = torch.randn(shape, generator=generator)
        centres = centres[labels].view(num_clips, *[1] * (noise.ndim - 2), num_features)
        group_of = [i // (num_classes * clips_per_group) for i in range(num_clips)]
        return EssenceSet(
            essences=(centres + 0.5 * noise).half(),
            labels=labels,
            groups=tuple(f"g{group}" for group in group_of),
            clip_ids=tuple(f"c{i:03d}" for i in range(num_clips)),
            classes=tuple(f"class {k}" for k in range(num_classes)),
        )

    return make
