import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from quest82.sampling import segment_indices, strided_indices

lengths = st.integers(1, 2000)
counts = st.integers(1, 64)


@given(lengths, counts, st.none() | st.integers(0, 2**31))
def test_indices_are_inside_and_in_order(num_frames, num_segments, seed):
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    indices = segment_indices(num_frames, num_segments, generator=generator)
    assert indices.dtype == torch.int64
    assert indices.shape == (num_segments,)
    assert 0 <= indices.min() <= indices.max() < num_frames
    assert (indices.diff() >= 0).all()


@given(lengths, counts, st.integers(0, 2**31))
def test_each_frame_lies_in_its_own_segment(num_frames, num_segments, seed):
    drawn = segment_indices(num_frames, num_segments, generator=torch.Generator().manual_seed(seed))
    for indices in (segment_indices(num_frames, num_segments), drawn):
        for i, k in enumerate(indices.tolist()):
            # Frame k fills [k, k + 1) and must meet [i n/T, (i + 1) n/T): in whole numbers.
            assert (k + 1) * num_segments > i * num_frames
            assert k * num_segments < (i + 1) * num_frames


@given(lengths, counts)
def test_centre_is_the_exact_middle(num_frames, num_segments):
    exact = [(2 * i + 1) * num_frames // (2 * num_segments) for i in range(num_segments)]
    assert segment_indices(num_frames, num_segments).tolist() == exact


@given(counts)
def test_as_many_segments_as_frames_takes_every_frame(n):
    assert segment_indices(n, n).tolist() == list(range(n))


def test_every_frame_of_a_segment_is_drawn_about_equally_often():
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([segment_indices(12, 3, generator=generator) for _ in range(4000)])
    for i in range(3):
        share = torch.bincount(draws[:, i], minlength=12)[4 * i : 4 * i + 4] / 4000
        assert share.sum() == 1
        assert (share - 0.25).abs().max() < 0.03


def test_a_seed_repeats_the_draw():
    first, second = (
        segment_indices(100, 8, generator=torch.Generator().manual_seed(7)) for _ in range(2)
    )
    assert torch.equal(first, second)


def test_centres_are_not_mirror_symmetric():
    """Why clips are reversed after sampling: the video reversed would show other frames."""
    indices = segment_indices(10, 3)
    assert indices.tolist() == [1, 5, 8]
    assert (9 - indices.flip(0)).tolist() != indices.tolist()


@given(lengths, counts, st.integers(1, 40), st.data())
def test_strides_are_even_until_the_end(num_frames, clip_length, stride, data):
    start = data.draw(st.integers(0, num_frames - 1))
    indices = strided_indices(num_frames, clip_length, stride=stride, start=start).tolist()
    assert indices == [min(start + stride * t, num_frames - 1) for t in range(clip_length)]


@pytest.mark.parametrize("bad", [0, -1, 2.5, "8", True])
def test_lengths_below_one_are_refused(bad):
    with pytest.raises(ValueError, match="num_frames"):
        segment_indices(bad, 4)
    with pytest.raises(ValueError, match="num_segments"):
        segment_indices(4, bad)
    with pytest.raises(ValueError, match="stride"):
        strided_indices(4, 4, stride=bad)


def test_a_start_after_the_end_is_refused():
    with pytest.raises(ValueError, match=r"start \(10\).*0 to 9"):
        strided_indices(10, 4, stride=1, start=10)
