import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, binomtest, norm

from quest82.learning.uncertainty import (
    _tango,
    accuracy_interval,
    difference_interval,
    effective_clips,
    effective_groups,
    few_groups,
    holm,
    mcnemar,
    wilson_interval,
)


@given(st.data(), st.integers(1, 500), st.floats(0.5, 0.99))
def test_wilson_is_that_of_scipy(data, n, confidence):
    k = data.draw(st.integers(0, n))
    low, high = wilson_interval(k, n, confidence=confidence)
    expected = binomtest(k, n).proportion_ci(confidence, "wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1


def test_wilson_covers_the_truth_about_as_often_as_it_says():
    n, truth = 80, 0.9
    inside = [k for k in range(n + 1) if np.prod(np.array(wilson_interval(k, n)) - truth) <= 0]
    assert binom.pmf(inside, n, truth).sum() == pytest.approx(0.95, abs=0.03)


def test_groups_widen_the_interval():
    """Ten groups that succeed or fail as one hold ten observations, not a hundred."""
    correct = np.repeat([1, 1, 1, 1, 1, 1, 1, 0, 0, 0], 10)
    together = accuracy_interval(correct, [f"g{i // 10}" for i in range(100)])
    alone = accuracy_interval(correct, [f"g{i}" for i in range(100)])
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
    assert together[0] < 0.7 < together[1]


def test_ten_of_ten_and_five_halves_have_an_interval_with_width():
    assert accuracy_interval([1] * 10, "abcdefghij") == pytest.approx((0.722, 1), abs=5e-4)
    low, high = accuracy_interval([1, 0] * 5, "aabbccddee")
    assert low < 0.25
    assert high > 0.75
    assert accuracy_interval([1, 1], ["one", "one"]) == wilson_interval(1, 1)
    z2 = norm.ppf(0.975) ** 2
    assert difference_interval([0] * 10, "abcdefghij")[1] == pytest.approx(z2 / (10 + z2))


grouped = st.lists(st.tuples(st.integers(-1, 1), st.sampled_from("abcdefgh")), min_size=1)


@settings(max_examples=60, deadline=None)
@given(grouped)
def test_an_interval_is_between_that_of_clips_and_that_of_groups(clips):
    values, groups = np.array([value for value, _ in clips]), [group for _, group in clips]
    n, k = effective_groups(groups), (values > 0).mean()
    assert 1 <= n <= len(set(groups)) + 1e-9
    low, high = accuracy_interval(values > 0, groups)
    by_clip, by_group = (wilson_interval(k * count, count) for count in (len(values), n))
    assert by_group[0] - 1e-9 <= low <= by_clip[0] + 1e-9
    assert by_clip[1] - 1e-9 <= high <= by_group[1] + 1e-9
    ends = difference_interval(values, groups)
    assert -1 <= ends[0] <= values.mean() <= ends[1] <= 1
    assert ends[1] - ends[0] > 0.1 / n
    mirrored = difference_interval(-values, groups)
    assert mirrored == pytest.approx((-ends[1], -ends[0]), abs=1e-6)


def test_clips_that_fail_together_are_worth_their_groups():
    groups = np.repeat(np.arange(30), 8)
    together = np.repeat(np.arange(30) < 21, 8)
    alone = np.tile([1, 1, 0, 1, 1, 0, 1, 0], 30) > 0
    assert effective_clips(together, groups, spread=0.21) == pytest.approx(30, rel=0.1)
    assert effective_clips(alone, groups, spread=15 / 64) > 200


@pytest.mark.parametrize(("ahead", "behind"), [(1, 0), (3, 1), (6, 2), (0, 9), (5, 5)])
def test_the_interval_of_a_difference_is_that_of_tango(ahead, behind):
    """Both ends are where the score statistic, maximised by brute force, is 1.96 squared."""
    n = 30

    def statistic(delta):
        def unlikely(q):  # shares: ahead q + delta, behind q, equal 1 - 2 q - delta
            shares = np.array([q + delta, q, 1 - 2 * q - delta])
            counts = np.array([ahead, behind, n - ahead - behind])
            used = counts > 0
            return -(counts[used] * np.log(shares[used])).sum()

        q = minimize_scalar(
            unlikely, bounds=(max(0, -delta) + 1e-12, (1 - delta) / 2 - 1e-12), method="bounded",
            options={"xatol": 1e-12},
        ).x  # fmt: skip
        return (ahead - behind - n * delta) ** 2 / (n * (2 * q + delta * (1 - delta)))

    for end in _tango(ahead, behind, n, 0.95):
        assert statistic(end) == pytest.approx(norm.ppf(0.975) ** 2, rel=1e-3)


@pytest.mark.parametrize("num_groups", [5, 7, 10, 20])
@pytest.mark.parametrize("alike", [True, False], ids=["groups as one", "groups in part"])
def test_few_groups_are_covered_as_often_as_the_interval_says(num_groups, alike):
    """Accuracies of 80 %, and two models that are equally good, with groups of 1 to 8 clips."""
    rng = np.random.default_rng(num_groups)
    missed = np.zeros(2)
    for _ in range(200):
        groups = np.repeat(np.arange(num_groups), rng.integers(1, 9, num_groups))
        skill = rng.random((2, num_groups)) < 0.8 if alike else rng.beta(4, 1, (2, num_groups))
        first, second = (rng.random((2, len(groups))) < skill[:, groups]).astype(int)
        low, high = accuracy_interval(first, groups)
        missed[0] += not low <= 0.8 <= high
        low, high = difference_interval(first - second, groups)
        missed[1] += not low <= 0 <= high
    assert (missed / 200 < 0.09).all()


def test_few_groups_are_said_to_be_few():
    assert few_groups([str(i) for i in range(10)]) == ""
    assert few_groups("aab" * 3) == "only 2 groups"
    assert few_groups("aaa") == "only 1 group"
    uneven = [0] * 50 + list(range(1, 12))
    assert few_groups(uneven) == "only 12 groups, which count as 1.5"


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values):
    corrected = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for step, row in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
            if p_values[row] * (len(p_values) - step) > level:
                break
            rejected.add(row)
        assert {row for row, p in enumerate(corrected) if p <= level} == rejected


def test_mcnemar_by_hand():
    """Ten clips differ, nine in favour of a: 2 (C(10,0) + C(10,1)) / 2^10."""
    a = np.array([1] * 9 + [0] + [1] * 20 + [0] * 5, dtype=bool)
    b = np.array([0] * 9 + [1] + [1] * 20 + [0] * 5, dtype=bool)
    assert mcnemar(a, b) == pytest.approx(2 * 11 / 1024)
    assert mcnemar(b, a) == mcnemar(a, b)
    assert mcnemar(a, a) == 1
    assert mcnemar(np.repeat(a, 2), np.repeat(b, 2), np.repeat(np.arange(35), 2)) == mcnemar(a, b)


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="one length"):
        mcnemar([True], [True, False])
    for interval in (accuracy_interval, difference_interval):
        with pytest.raises(ValueError, match="differ in length"):
            interval([True], ["a", "b"])
        with pytest.raises(ValueError, match="at least one number from"):
            interval([], [])
        with pytest.raises(ValueError, match="to 1"):
            interval([0.5, float("nan")], ["a", "b"])
    with pytest.raises(ValueError, match=r"num_correct \(3\)"):
        wilson_interval(3, 2)
