import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from quest82.frames.sampling import segment_indices, strided_indices

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


@given(lengths, lengths, st.integers(0, 10))
def test_at_a_constant_rate_times_change_nothing(n, T, seed):
    """Not even where the container rounds them, or they begin late."""
    noise = torch.rand(n + 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    times = 7.0 + (torch.arange(n + 1) + 0.4 * (noise - 0.5)) / 29.97
    times[0], times[-1] = 7.0, 7.0 + n / 29.97
    assert torch.equal(segment_indices(n, T, times=times), segment_indices(n, T))
    drawn = [
        segment_indices(n, T, times=t, generator=torch.Generator().manual_seed(seed))
        for t in (times, None)
    ]
    assert torch.equal(*drawn)


@given(
    st.lists(st.floats(0.01, 10), min_size=2, max_size=40),
    lengths,
    st.one_of(st.none(), st.just(3)),
)
def test_by_time_each_frame_is_the_one_shown_at_its_instant(durations, T, seed):
    times = torch.tensor([0.0, *durations], dtype=torch.float64).cumsum(0)
    n = len(durations)
    assume(((times * n / times[-1]) - torch.arange(n + 1)).abs().max() >= 0.5)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    indices = segment_indices(n, T, times=times, generator=generator)
    begin, end = times[indices], times[indices + 1]
    segment = times[-1] * torch.arange(T + 1, dtype=torch.float64) / T
    slack = 1e-9 * times[-1]
    assert (begin <= segment[1:] + slack).all()
    assert (end >= segment[:-1] - slack).all()
    assert (indices.diff() >= 0).all()


def test_by_time_slow_parts_get_their_share():
    """Two seconds at 25 frames a second, then eight at 5: a fifth of the time, and not 5/9."""
    times = torch.cat([torch.arange(50) / 25, 2 + torch.arange(41) / 5])
    begins = times[segment_indices(90, 10, times=times)]
    assert (begins < 2).sum() == 2
    assert (times[segment_indices(90, 10)] < 2).sum() == 6


def test_a_frame_that_is_shown_for_no_time_is_never_taken():
    times = torch.tensor([0.0, 1, 1, 2, 3, 4])
    assert 1 not in segment_indices(5, 50, times=times).tolist()


@pytest.mark.parametrize("times", [[0.0, 1, 2], [0.0, 2, 1, 3], [0.0, 1, 2, float("nan")]])
def test_times_that_cannot_be_are_refused(times):
    with pytest.raises(ValueError, match=r"num_frames \+ 1 \(4\) numbers that never fall"):
        segment_indices(3, 2, times=torch.tensor(times))


def test_times_that_are_all_one_say_nothing():
    assert segment_indices(8, 4, times=torch.zeros(9)).tolist() == [1, 3, 5, 7]
