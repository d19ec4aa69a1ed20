from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.interview import cohen_kappa, saturation


def coded(table):
    pairs = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return zip(*pairs, strict=True)


def test_kappa_of_two_raters_of_a_hundred_equals_the_published_table_and_statsmodels():
    from statsmodels.stats.inter_rater import cohens_kappa

    table = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]  # Fleiss (1981), Statistical Methods for Rates and Proportions, ch. 13
    found, oracle = cohen_kappa(*coded(table)), cohens_kappa(np.array(table))
    assert round(found.estimate, 3) == 0.676
    assert round(found.observed, 2) == 0.89
    assert found.estimate == pytest.approx(oracle.kappa)
    assert found.std_error == pytest.approx(np.sqrt(oracle.var_kappa))
    assert (found.ci_low, found.ci_high) == pytest.approx((oracle.kappa_low, oracle.kappa_upp))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=30))
def test_the_order_of_coders_and_the_names_of_codes_do_not_matter(pairs):
    one, other = zip(*pairs, strict=True)
    if len({*one, *other}) < 2:
        return
    found = cohen_kappa(one, other)
    names = {"a": "z", "b": "y", "c": "x"}
    assert cohen_kappa(other, one).estimate == pytest.approx(found.estimate)
    renamed = cohen_kappa([names[c] for c in one], [names[c] for c in other])
    assert tuple(renamed) == pytest.approx(tuple(found), abs=1e-6)
    assert -1 <= found.ci_low <= found.ci_high <= 1


def test_perfect_agreement_is_one_and_agreement_by_chance_is_zero():
    assert cohen_kappa(list("aabb"), list("aabb")).estimate == 1
    assert cohen_kappa(list("aabb"), list("abab")).estimate == 0


@given(st.lists(st.sets(st.sampled_from("abcd")), min_size=1, max_size=5))
def test_the_expected_curve_is_the_mean_over_every_order(interviews):
    if not any(interviews):
        return
    found = saturation(interviews)
    orders = list(permutations(interviews))
    brute = np.mean([[len(set().union(*order[:k])) for k in range(1, len(order) + 1)] for order in orders], axis=0)
    assert found["expected"].to_numpy() == pytest.approx(brute)
    assert found["n_codes"].iloc[-1] == found["n_new"].sum() == pytest.approx(found["expected"].iloc[-1])


def test_what_cannot_be_judged_is_a_sentence():
    for interviews in ([], [[], []]):
        with pytest.raises(NotEnoughDataError, match="no coded interviews"):
            saturation(interviews)
    with pytest.raises(NotEnoughDataError, match="a single code"):
        cohen_kappa(["a", "a"], ["a", "a"])
    with pytest.raises(NotEnoughDataError, match="no passages"):
        cohen_kappa([], [])
    with pytest.raises(ParameterError, match="1 codes of one coder for 2"):
        cohen_kappa(["a", "b"], ["a"])
