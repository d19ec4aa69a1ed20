from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.contrast import independent, same_people, sign_flip, welch
from cjlib.stats.instrument import INSTRUMENTS

NPS, CSAT, CES = (INSTRUMENTS[name] for name in ("nps", "csat", "ces"))


def scores(promoters, passives, detractors):
    return [10] * promoters + [7] * passives + [0] * detractors


def test_rt_32_nps_of_two_groups():
    found = independent(scores(50, 30, 20), scores(40, 35, 25), NPS)
    assert found.estimate == pytest.approx(15)
    assert found.p_value == pytest.approx(0.17753, abs=1e-5)


@pytest.mark.parametrize(
    ("k", "n", "k2", "n2", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090),
     (10, 10, 0, 20, 0.6791, 1.0), (5, 56, 0, 29, -0.0381, 0.1926)],
)  # fmt: skip
def test_rt_26_best_answers_of_two_groups_have_the_newcombe_interval(k, n, k2, n2, low, high):
    found = independent([5] * k + [1] * (n - k), [5] * k2 + [1] * (n2 - k2), CSAT)
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high), abs=6e-5)


def test_rt_29_the_same_people_with_a_best_answer_are_compared_by_who_changed():
    from scipy.stats import binomtest

    before = [5] * (794 + 150) + [1] * (86 + 570)
    after = [5] * 794 + [1] * 150 + [5] * 86 + [1] * 570
    found = same_people(after, before, CSAT)
    assert found.estimate == pytest.approx((86 - 150) / 1600)
    assert found.p_value == pytest.approx(binomtest(86, 236).pvalue)
    assert found.ci_low < found.estimate < found.ci_high < 0


def test_welch_and_paired_t_equal_scipy():
    from scipy.stats import ttest_ind, ttest_rel

    rng = np.random.default_rng(2)
    one, other = rng.normal(5, 1, 30), rng.normal(4.4, 2, 30)
    for found, oracle in (
        (welch(one, other), ttest_ind(one, other, equal_var=False)),
        (same_people(one, other, CES), ttest_rel(one, other)),
    ):
        limits = oracle.confidence_interval()
        assert found.p_value == pytest.approx(oracle.pvalue)
        assert (found.ci_low, found.ci_high) == pytest.approx((limits.low, limits.high))


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=9))
def test_the_sign_flip_equals_every_permutation_counted(change):
    total = abs(sum(change))
    signs = list(itertools.product((-1, 1), repeat=len(change)))
    extreme = sum(abs(sum(s * c for s, c in zip(sign, change, strict=True))) >= total for sign in signs)
    assert sign_flip(change) == pytest.approx(extreme / len(signs))


def test_a_hundred_thousand_changes_are_still_exact_and_finite():
    assert sign_flip([1] * 50_000 + [-1] * 50_000) == pytest.approx(1.0)
    assert 0 <= sign_flip([2] * 100_000) < 1e-12


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=2, max_size=40), st.sampled_from("abc"))
def test_the_difference_changes_sign_with_the_order(pairs, which):
    kind = {"a": NPS, "b": CSAT.on_scale((0, 10)), "c": CES.on_scale((0, 10))}[which]
    one, other = map(np.array, zip(*pairs, strict=True))
    for method in (independent, same_people):
        there, back = method(one, other, kind), method(other, one, kind)
        assert there.estimate == pytest.approx(-back.estimate)
        assert there.ci_low == pytest.approx(-back.ci_high, nan_ok=True)
        assert there.p_value == pytest.approx(back.p_value, nan_ok=True)


@given(st.lists(st.integers(1, 7), min_size=2, max_size=20), st.lists(st.integers(1, 7), min_size=2, max_size=20))
def test_duplicated_respondents_change_nothing_but_the_interval(one, other):
    once, twice = independent(one, other, CES), independent(one * 2, other * 2, CES)
    assert once.estimate == pytest.approx(twice.estimate)
    if not math.isnan(once.ci_low):
        assert twice.ci_high - twice.ci_low < once.ci_high - once.ci_low


def test_nobody_changed_is_no_difference_and_no_spread_is_unknown():
    assert same_people([9, 10], [10, 9], NPS).p_value == 1.0
    assert same_people([5, 5], [5, 4], CSAT).p_value == 1.0
    assert same_people([3.0, 4.0], [3.0, 4.0], CES).p_value == 1.0
    assert math.isnan(welch([3, 3], [3, 3]).ci_low)
    assert math.isnan(welch([3], [3, 4]).ci_low)
    assert math.isnan(independent([5, 5], [5, 5], CSAT).p_value)


def test_empty_and_unequal_sides_are_sentences():
    with pytest.raises(NotEnoughDataError, match="no answers"):
        independent([], [1], NPS)
    with pytest.raises(ParameterError, match="2 second answers for 1"):
        same_people([1, 2], [1], NPS)
    with pytest.raises(NotEnoughDataError, match="fewer than two people"):
        same_people([1], [1], NPS)
