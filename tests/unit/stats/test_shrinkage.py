from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from cjlib.core.errors import ParameterError
from cjlib.stats.proportion import wilson
from cjlib.stats.shrinkage import shrink

# Efron and Morris (1975), JASA 70, 311-319, table 1: hits in the first 45 at bats of 1970, and the season's average.
HITS = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]
SEASON = [0.346, 0.298, 0.276, 0.222, 0.273, 0.270, 0.263, 0.210, 0.269, 0.230, 0.264, 0.256, 0.303, 0.264, 0.226,
          0.285, 0.316, 0.200]  # fmt: skip
# Tarone (1982), as in table 5.1 of Bayesian Data Analysis (Gelman et al.): rats with a tumour, of how many.
TUMOURS = [0] * 14 + [1] * 8 + [2] * 9 + [
    1, 5, 2, 5, 3, 2, 7, 7, 3, 3, 2, 9, 10, 4, 4, 4, 4, 4, 4, 4, 10, 4, 4, 4, 5, 11, 12, 5, 5, 6, 5, 6, 6, 6, 6,
    16, 15, 15, 9, 4]  # fmt: skip
RATS = [20] * 7 + [19] * 4 + [18, 18, 17] + [20] * 4 + [19, 19, 18, 18, 25, 24, 23] + [20] * 6 + [
    10, 49, 19, 46, 27, 17, 49, 47, 20, 20, 13, 48, 50] + [20] * 7 + [48, 19, 19, 19, 22, 46, 49, 20, 20, 23, 19, 22,
                                                                      20, 20, 20, 52, 46, 47, 24, 14]  # fmt: skip


def test_batting_averages_shrink_about_as_published_by_efron_and_morris():
    raw = np.array(HITS) / 45
    published = 0.265 + 0.212 * (raw - 0.265)  # their factor, for a variance known on another scale
    found = shrink(HITS, [45] * 18)
    assert found.mean == pytest.approx(0.265, abs=0.001)
    assert np.abs(found.estimate - published).max() < 0.022  # maximum likelihood shrinks somewhat further
    errors = [float(np.sum((values - np.array(SEASON)) ** 2)) for values in (raw, found.estimate, published)]
    assert errors[0] == pytest.approx(0.0753, abs=0.0002)
    assert errors[1] < errors[0] / 3
    assert errors[1] == pytest.approx(errors[2], rel=0.1)


def test_rat_tumours_shrink_as_in_the_book_of_gelman():
    found = shrink(TUMOURS, RATS)
    # Beta(2.4, 14.3): posterior means of the two parameters, printed there; the likelihood alone is close to it
    assert found.mean == pytest.approx(2.4 / 16.7, abs=0.01)
    assert found.precision == pytest.approx(16.7, rel=0.25)
    book = (2.4 + np.array(TUMOURS)) / (16.7 + np.array(RATS))
    assert np.abs(found.estimate - book).max() < 0.012


def test_the_fit_is_the_maximum_that_a_search_over_both_parameters_finds():
    k, n = np.array(TUMOURS), np.array(RATS)
    found = shrink(k, n)
    searched = optimize.minimize(lambda x: -stats.betabinom.logpmf(k, n, *np.exp(x)).sum(), [0.0, 0.0],
                                 method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})  # fmt: skip
    a, b = np.exp(searched.x)
    assert found.mean * found.precision == pytest.approx(a, rel=1e-3)
    assert (1 - found.mean) * found.precision == pytest.approx(b, rel=1e-3)


def test_estimate_and_interval_are_those_of_the_posterior_integrated_by_brute_force():
    found = shrink(TUMOURS, RATS)
    p = np.linspace(0, 1, 200_001)[1:-1]
    density = stats.beta.pdf(p, found.mean * found.precision, (1 - found.mean) * found.precision)
    weight = density * p**4 * (1 - p) ** 10  # the last experiment: 4 of 14
    weight /= weight.sum()
    assert found.estimate[-1] == pytest.approx(float(p @ weight), abs=1e-6)
    cumulated = np.cumsum(weight)
    assert found.ci_low[-1] == pytest.approx(p[np.searchsorted(cumulated, 0.025)], abs=1e-4)
    assert found.ci_high[-1] == pytest.approx(p[np.searchsorted(cumulated, 0.975)], abs=1e-4)


@pytest.mark.parametrize(
    ("k", "n"), [([3, 3, 3], [10, 10, 10]), ([5, 10], [50, 100]), ([7], [20]), ([1, 0, 1], [2, 2, 2])]
)
def test_no_more_variation_than_chance_shrinks_everything_to_the_mean(k, n):
    found = shrink(k, n)
    low, high = wilson(sum(k), sum(n))
    assert math.isinf(found.precision)
    assert found.estimate.tolist() == [sum(k) / sum(n)] * len(k)
    assert (found.ci_low == low).all()
    assert (found.ci_high == high).all()


@pytest.mark.parametrize("k", [0, 30])
def test_all_or_nobody_with_the_event_is_no_variation(k):
    found = shrink([k, k], [30, 30])
    assert found.estimate.tolist() == [k / 30, k / 30]
    assert np.isfinite(found.ci_low).all()


def test_nobody_has_no_share():
    found = shrink([0, 5, 20], [0, 50, 40])
    assert np.isnan(found.estimate).tolist() == [True, False, False]
    assert np.isnan(shrink([], []).estimate).tolist() == []
    with pytest.raises(ParameterError) as caught:
        shrink([5], [3])
    assert caught.value.code == "CJ-ST-005"


COUNTS = st.lists(st.tuples(st.integers(1, 200), st.floats(0, 1)), min_size=2, max_size=15)


@given(COUNTS)
def test_a_shrunken_share_lies_between_the_raw_one_and_the_mean_and_inside_its_interval(rows):
    n = np.array([size for size, _ in rows])
    k = np.round(n * [part for _, part in rows])
    found = shrink(k, n)
    low, high = np.minimum(k / n, found.mean), np.maximum(k / n, found.mean)
    assert ((low - 1e-9 <= found.estimate) & (found.estimate <= high + 1e-9)).all()
    assert np.isfinite([found.ci_low, found.ci_high]).all()
    if math.isfinite(found.precision):
        distance = np.abs(found.estimate - k / n) - np.abs(found.mean - k / n) * found.precision / (n + found.precision)
        assert np.abs(distance).max() < 1e-9  # the smaller the segment, the further it moves


@given(COUNTS)
def test_the_other_outcome_gives_the_mirror_image(rows):
    n = np.array([size for size, _ in rows])
    k = np.round(n * [part for _, part in rows])
    assert shrink(n - k, n).estimate == pytest.approx(1 - shrink(k, n).estimate, abs=2e-3)


@pytest.mark.slow
def test_simulated_segments_are_covered_and_the_error_is_smaller_than_that_of_raw_shares():
    rng = np.random.default_rng(5)
    covered, raw, shrunken, many = 0, 0.0, 0.0, 150
    for _ in range(many):
        p = rng.beta(0.3 * 60, 0.7 * 60, 60)
        n = rng.integers(20, 300, 60)
        k = rng.binomial(n, p)
        found = shrink(k, n)
        covered += int(((found.ci_low <= p) & (p <= found.ci_high)).sum())
        raw += float(np.sum((k / n - p) ** 2))
        shrunken += float(np.sum((found.estimate - p) ** 2))
    assert 0.93 < covered / (60 * many) < 0.96
    assert shrunken < 0.65 * raw
