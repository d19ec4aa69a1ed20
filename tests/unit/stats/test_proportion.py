from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binom, chi2

import cjlib
from cjlib.core.errors import ParameterError
from cjlib.stats.proportion import newcombe, share, wilson

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RT_25 = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
]
RT_26 = [
    ((56, 70, 48, 80), 0.0524, 0.3339),
    ((9, 10, 3, 10), 0.1705, 0.8090),
    ((10, 10, 0, 20), 0.6791, 1.0),
    ((5, 56, 0, 29), -0.0381, 0.1926),
]


@pytest.mark.parametrize(("k", "n", "low", "high"), RT_25)
def test_rt_25_wilson_equals_newcombe_1998_and_r_prop_test(k, n, low, high):
    got = wilson(k, n)
    assert (float(got[0]), float(got[1])) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("groups", "low", "high"), RT_26)
def test_rt_26_newcombe_difference_equals_the_published_table(groups, low, high):
    got = newcombe(*groups)
    assert (float(got[0]), float(got[1])) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_wilson_equals_statsmodels(confidence):
    from statsmodels.stats.proportion import proportion_confint

    k, n = np.array([0, 1, 5, 17, 40, 40]), np.array([1, 7, 5, 40, 41, 1000])
    expected = proportion_confint(k, n, alpha=1 - confidence, method="wilson")
    np.testing.assert_allclose(wilson(k, n, confidence=confidence), expected, rtol=0, atol=1e-12)


def test_newcombe_equals_statsmodels():
    from statsmodels.stats.proportion import confint_proportions_2indep

    for k1, n1, k2, n2 in [(3, 9, 8, 11), (0, 10, 0, 10), (50, 50, 49, 50), (1, 1000, 2, 900)]:
        expected = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff")
        np.testing.assert_allclose(newcombe(k1, n1, k2, n2), expected, atol=1e-10)


@given(counts)
def test_the_wilson_limits_are_where_the_score_test_just_rejects(case):
    k, n = case
    for limit in wilson(k, n):
        if 0 < limit < 1:
            score = (k / n - limit) / np.sqrt(limit * (1 - limit) / n)
            assert abs(score) == pytest.approx(1.959964, abs=1e-5)


@given(counts)
def test_wilson_contains_the_estimate_and_mirrors_when_events_and_others_swap(case):
    k, n = case
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert high - low > 0
    np.testing.assert_allclose(wilson(n - k, n), (1 - high, 1 - low), atol=1e-12)


@given(counts)
def test_wilson_shrinks_with_the_number_of_people(case):
    k, n = case
    width, narrower = (float(high - low) for low, high in (wilson(k, n), wilson(2 * k, 2 * n)))
    assert narrower < width


@given(counts, counts)
def test_newcombe_contains_the_difference_and_changes_sign_when_the_groups_swap(one, other):
    low, high = newcombe(*one, *other)
    difference = one[0] / one[1] - other[0] / other[1]
    assert -1 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1
    np.testing.assert_allclose(newcombe(*other, *one), (-high, -low), atol=1e-12)


def test_the_ends_are_exact_and_never_certain():
    low, high = wilson([0, 20], [20, 20])
    assert low[0] == 0
    assert high[1] == 1
    assert 0.16 < high[0] < 0.17
    assert 0.83 < low[1] < 0.84


def test_nobody_gives_nan_not_zero():
    assert np.isnan(wilson(0, 0)).all()
    assert np.isnan(newcombe(0, 0, 3, 9)).all()
    assert np.isnan(share(0, 0))
    assert np.isnan(wilson(np.nan, 10)).all()


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, -1), (1, 0)])
def test_impossible_counts_are_refused_with_the_counts(k, n):
    with pytest.raises(ParameterError, match=f"{k} events of {n}") as caught:
        wilson([1, k], [2, n])
    assert caught.value.code == "CJ-ST-005"


def test_a_confidence_in_percent_is_refused():
    with pytest.raises(ParameterError, match="strictly between 0 and 1"):
        wilson(1, 2, confidence=95)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.31, 0.5])
def test_wilson_covers_at_about_its_level_by_exact_enumeration(p):
    k = np.arange(101)
    low, high = wilson(k, 100)
    covered = binom.pmf(k, 100, p)[(low <= p) & (p <= high)].sum()
    assert 0.93 < covered < 0.985


def score_limits(k, n, k_other, n_other):
    """Miettinen and Nurminen's interval of a difference, by direct likelihood: where the score test is at its limit."""

    def statistic(delta):
        def unlikely(p):  # the second share, the first being delta above it
            shares = np.clip([p + delta, p], 1e-12, 1 - 1e-12)
            hits, people = np.array([k, k_other]), np.array([n, n_other])
            return -float(hits @ np.log(shares) + (people - hits) @ np.log1p(-shares))

        low, high = max(0.0, -delta), min(1.0, 1 - delta)
        p = minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
        shares = np.array([p + delta, p])
        size = n + n_other
        spread = (shares * (1 - shares) / [n, n_other]).sum() * size / (size - 1)
        return (k / n - k_other / n_other - delta) ** 2 / spread - chi2.ppf(0.95, 1)

    centre = k / n - k_other / n_other
    return [brentq(statistic, *sorted((centre + side * 1e-6, side * (1 - 1e-6)))) for side in (-1, 1)]


@pytest.mark.parametrize(("counts", "limits"), [
    ((56, 70, 48, 80), (0.05283, 0.33817)), ((9, 10, 3, 10), (0.17003, 0.84065)),
])  # fmt: skip
def test_rt_27_the_score_interval_is_near_ours_and_the_one_of_a_library_is_not_used(counts, limits):
    np.testing.assert_allclose(score_limits(*counts), limits, atol=2e-5)
    low, high = newcombe(*counts)
    assert abs(low - limits[0]) < 0.01
    assert abs(high - limits[1]) < 0.04
    package = Path(cjlib.__file__).parent
    calls = [path.name for path in package.rglob("*.py") if "confint_proportions_2indep" in path.read_text("utf-8")]
    assert calls == [], "its score interval is wrong (0.0526 to 0.3440 in the first case), and raises in the second"
