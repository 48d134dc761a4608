import pytest
import torch
from conftest import moving_square
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2

from quest82.frames.transforms import ClipTransform


@settings(deadline=None, max_examples=25)
@given(st.integers(4, 90), st.integers(4, 90), st.integers(8, 48), st.booleans())
def test_any_image_becomes_a_square_between_0_and_1(height, width, size, train):
    frames = torch.randint(0, 256, (2, 3, height, width), dtype=torch.uint8)
    out = ClipTransform(size, train=train)(frames, torch.Generator().manual_seed(0))
    assert out.shape == (2, 3, size, size)
    assert out.dtype == torch.float32
    assert 0 <= out.min() <= out.max() <= 1


def test_all_frames_of_a_clip_get_the_same_crop():
    still = torch.randint(0, 256, (1, 3, 60, 80), dtype=torch.uint8).expand(6, -1, -1, -1)
    for seed in range(20):
        out = ClipTransform(32, train=True)(still, torch.Generator().manual_seed(seed))
        assert (out == out[:1]).all()


def test_the_draw_differs_between_seeds_and_repeats_with_one():
    frames, transform = moving_square(), ClipTransform(32, train=True)
    first, again, other = (
        transform(frames, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_half_the_clips_are_mirrored_and_none_where_the_side_matters():
    ramp = torch.arange(0, 240, 4, dtype=torch.uint8).expand(1, 3, 60, 60).contiguous()

    def share_mirrored(flip):
        transform = ClipTransform(16, train=True, flip=flip)
        clips = [transform(ramp, torch.Generator().manual_seed(s)) for s in range(200)]
        return sum((c[..., 0] > c[..., -1]).all().item() for c in clips) / 200

    assert 0.4 < share_mirrored(True) < 0.6
    assert share_mirrored(False) == 0


def test_evaluation_is_torchvisions_resize_and_centre_crop():
    frames = torch.randint(0, 256, (3, 3, 100, 140), dtype=torch.uint8)
    reference = v2.Compose(
        [v2.Resize(256), v2.CenterCrop(224), v2.ToDtype(torch.float32, scale=True)]
    )
    assert torch.equal(ClipTransform()(frames), reference(frames))


def test_what_cannot_be_transformed_is_refused():
    with pytest.raises(ValueError, match="size"):
        ClipTransform(0)
    with pytest.raises(ValueError, match="uint8"):
        ClipTransform()(torch.zeros(2, 3, 8, 8))
    with pytest.raises(ValueError, match="shape"):
        ClipTransform()(torch.zeros(2, 8, 8, 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match="Generator"):
        ClipTransform(train=True)(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
