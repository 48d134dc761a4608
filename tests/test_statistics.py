import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from quest82.statistics import group_bootstrap, mcnemar, wilson_interval


@given(st.data(), st.integers(1, 500), st.floats(0.5, 0.99))
def test_wilson_is_the_formula_of_the_paper(data, n, confidence):
    k = data.draw(st.integers(0, n))
    z, p = norm.ppf((1 + confidence) / 2), k / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    low, high = wilson_interval(k, n, confidence=confidence)
    assert (low, high) == pytest.approx((max(0, centre - half), min(1, centre + half)), abs=1e-9)
    assert 0 <= low <= p + 1e-12
    assert p - 1e-12 <= high <= 1


def test_wilson_covers_the_truth_about_as_often_as_it_says():
    n, truth = 80, 0.9
    inside = [k for k in range(n + 1) if np.prod(np.array(wilson_interval(k, n)) - truth) <= 0]
    assert binom.pmf(inside, n, truth).sum() == pytest.approx(0.95, abs=0.03)


def test_groups_widen_the_interval():
    """Ten groups that succeed or fail as one hold ten observations, not a hundred."""
    correct = np.repeat([1, 1, 1, 1, 1, 1, 1, 0, 0, 0], 10)
    together = group_bootstrap(correct, [f"g{i // 10}" for i in range(100)])
    alone = group_bootstrap(correct, [f"g{i}" for i in range(100)])
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
    assert together[0] < 0.7 < together[1]


@settings(max_examples=20)
@given(st.lists(st.booleans(), min_size=2, max_size=30))
def test_the_bootstrap_stays_within_0_and_1_and_repeats(correct):
    groups = [str(i) for i in range(len(correct))]
    low, high = group_bootstrap(correct, groups)
    assert 0 <= low <= np.mean(correct) <= high <= 1
    assert (low, high) == group_bootstrap(correct, groups)


def test_the_bootstrap_agrees_with_the_binomial_where_groups_are_clips():
    correct = np.arange(400) < 300
    low, high = group_bootstrap(correct, [str(i) for i in range(400)], num_resamples=20000)
    expected = binom.ppf([0.025, 0.975], 400, 0.75) / 400
    assert (low, high) == pytest.approx(tuple(expected), abs=0.006)


def test_a_paired_difference_is_that_of_the_groups_drawn_together():
    """Values +1 in one group and -1 in another: a draw of two has the mean 1, 0, 0 or -1."""
    low, high = group_bootstrap([1, 1, -1, -1], ["a", "a", "b", "b"])
    assert (low, high) == (-1, 1)
    better = np.array([1, 1, 1, 0])
    same = group_bootstrap(better - better, ["a", "a", "b", "b"])
    assert same == (0, 0)


def test_seven_groups_give_too_narrow_an_interval():
    """Of equally good models, seven groups tell apart more than one pair in twenty."""
    rng = np.random.default_rng(0)
    groups = [f"g{i // 5}" for i in range(35)]
    excluded = 0
    for _ in range(300):
        skill = np.clip(rng.beta(3, 1, 7) + rng.normal(0, 0.15, (2, 7)), 0, 1).repeat(5, axis=1)
        first, second = (rng.random((2, 35)) < skill).astype(int)
        low, high = group_bootstrap(first - second, groups, num_resamples=500)
        excluded += low > 0 or high < 0
    assert 0.05 < excluded / 300 < 0.25


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
    with pytest.raises(ValueError, match="differ in length"):
        group_bootstrap([True], ["a", "b"])
    with pytest.raises(ValueError, match="at least two"):
        group_bootstrap([True, False], ["a", "a"])
