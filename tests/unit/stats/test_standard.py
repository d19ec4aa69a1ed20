"""Shares at a fixed mix of classes, and with values as weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.stats.proportion import wilson
from cjlib.stats.standard import standardised, weighted_share

COUNTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: (min(p), max(*p, 1))),
                  min_size=1, max_size=5)  # fmt: skip


def test_one_class_gives_wilsons_interval_which_newcombe_prints_for_81_of_263():
    """RT-25."""
    found = standardised([81], [263], weights=[1])
    assert found == pytest.approx((81 / 263, 0.2553, 0.3662), abs=5e-5)


@given(COUNTS)
def test_at_its_own_mix_it_is_the_crude_share(counts):
    k, n = np.array(counts).T
    assert standardised(k, n, weights=n).estimate == pytest.approx(k.sum() / n.sum())


@given(COUNTS, st.floats(0.1, 100))
def test_only_the_proportions_of_the_weights_matter_and_the_limits_hold_the_estimate(counts, factor):
    k, n = np.array(counts).T
    weights = np.arange(1, len(k) + 1)
    found = standardised(k, n, weights=weights)
    assert found == pytest.approx(standardised(k, n, weights=weights * factor))
    assert 0 <= found.ci_low <= found.estimate <= found.ci_high <= 1


def test_a_class_without_anybody_makes_it_unknown_unless_it_has_no_weight():
    assert math.isnan(standardised([1, 0], [5, 0], weights=[1, 1]).estimate)
    assert standardised([1, 0], [5, 0], weights=[1, 0]).estimate == pytest.approx(0.2)


@pytest.mark.slow
def test_the_interval_covers_at_about_its_level():
    rng = np.random.default_rng(1)
    n, p, w = np.array([30, 80, 15]), np.array([0.95, 0.7, 0.5]), np.array([0.2, 0.5, 0.3])
    truth = w @ p
    inside = [found.ci_low <= truth <= found.ci_high
              for found in (standardised(rng.binomial(n, p), n, weights=w) for _ in range(2000))]  # fmt: skip
    assert 0.93 < np.mean(inside) < 0.975


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 100)), min_size=1, max_size=30))
def test_equal_values_give_the_plain_share_and_any_values_stay_inside(people):
    hit, value = (np.array(part) for part in zip(*people, strict=True))
    plain = weighted_share(hit, np.full(len(hit), 7.0))
    low, high = wilson(hit.sum(), len(hit))
    assert plain == pytest.approx((hit.mean(), float(low), float(high)))
    found = weighted_share(hit, value)
    assert 0 <= found.ci_low <= found.estimate + 1e-12
    assert found.estimate <= found.ci_high + 1e-12 <= 1 + 2e-12


def test_one_customer_who_is_worth_almost_everything_makes_the_interval_wide():
    hit = np.array([True] * 99 + [False])
    value = np.array([1.0] * 99 + [500.0])
    found = weighted_share(hit, value)
    assert found.ci_high - found.ci_low > 0.5


@pytest.mark.slow
def test_the_interval_of_a_share_of_value_covers_at_about_its_level():
    rng = np.random.default_rng(2)
    value = np.exp(rng.normal(0, 0.6, size=200))
    inside = []
    for _ in range(2000):
        found = weighted_share(rng.random(200) < 0.8, value)
        inside.append(found.ci_low <= 0.8 <= found.ci_high)
    assert 0.93 < np.mean(inside) < 0.975


@pytest.mark.parametrize("call", [
    lambda: standardised([3], [2], weights=[1]), lambda: standardised([1, 1], [2], weights=[1]),
    lambda: standardised([1], [2], weights=[-1]), lambda: weighted_share([True], [0.0]),
])  # fmt: skip
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(ParameterError) as caught:
        call()
    assert caught.value.code == "CJ-ST-095"
