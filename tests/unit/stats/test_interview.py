from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.interview import clustered_kappa, cohen_kappa, saturation


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


# --- judgements of one interview are alike ------------------------------------------------------------
def test_the_clustered_kappa_is_the_published_one_and_its_error_is_the_jackknife_written_out():
    one, other = (np.array(side) for side in coded([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))  # Fleiss (1981), ch. 13
    cluster = np.random.default_rng(4).permutation(np.arange(100) % 20)
    found = clustered_kappa(one, other, cluster)
    assert round(found.estimate, 3) == 0.676
    left = np.array([cohen_kappa(one[cluster != i], other[cluster != i]).estimate for i in range(20)])
    assert found.std_error == pytest.approx(np.sqrt(19 / 20 * ((left - left.mean()) ** 2).sum()))
    half = 2.093024 * found.std_error  # Student's t, 19 degrees of freedom
    assert (found.ci_low, found.ci_high) == pytest.approx((found.estimate - half, min(found.estimate + half, 1)))


def test_judgements_alone_in_their_cluster_have_nearly_the_large_sample_error():
    rng = np.random.default_rng(1)
    one = rng.integers(0, 3, 800)
    other = np.where(rng.random(800) < 0.7, one, rng.integers(0, 3, 800))
    alone = clustered_kappa(one, other, np.arange(800))
    assert alone.std_error == pytest.approx(cohen_kappa(one, other).std_error, rel=0.02)


def test_copies_within_an_interview_add_no_knowledge():
    rng = np.random.default_rng(2)
    one = rng.integers(0, 2, 30)
    other = np.where(rng.random(30) < 0.8, one, 1 - one)
    once = clustered_kappa(one, other, np.arange(30))
    five = clustered_kappa(np.repeat(one, 5), np.repeat(other, 5), np.repeat(np.arange(30), 5))
    assert tuple(five) == pytest.approx(tuple(once))
    assert cohen_kappa(np.repeat(one, 5), np.repeat(other, 5)).std_error < 0.6 * once.std_error


@pytest.mark.parametrize(
    ("one", "other", "cluster"),
    [("ab", "ab", [1, 2]), ("aaa", "aaa", [1, 2, 3]), ("abbb", "abbb", [1, 2, 3, 4]), ("", "", [])],
)
def test_agreement_that_rests_on_one_interview_is_not_judged(one, other, cluster):
    with pytest.raises(NotEnoughDataError, match="Agreement cannot be judged"):
        clustered_kappa(list(one), list(other), cluster)


def test_coders_of_different_passages_are_refused():
    with pytest.raises(ParameterError, match="2 and 3 codes"):
        clustered_kappa(["a", "b"], ["a", "b", "a"], [1, 2])
