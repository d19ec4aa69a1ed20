"""Shuffled answers: what would meet by chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.stats.chance import by_chance

PEOPLE = st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abc")), min_size=1, max_size=60)


def columns(people):
    said, done, strata = zip(*people, strict=True)
    return np.array(said), np.array(done), np.array(strata)


@given(PEOPLE, st.randoms(use_true_random=False))
def test_the_order_of_the_people_and_the_names_of_the_strata_play_no_part(people, random):
    found = by_chance(*columns(people), permutations=50)
    shuffled = [(a, b, {"a": "z", "b": "y", "c": "x"}[c]) for a, b, c in random.sample(people, len(people))]
    assert np.array_equal(by_chance(*columns(shuffled), permutations=50), found, equal_nan=True)


@given(PEOPLE)
def test_words_and_deeds_are_interchangeable(people):
    said, done, strata = columns(people)
    one, other = (by_chance(a, b, strata, permutations=50) for a, b in ((said, done), (done, said)))
    assert (one.observed, np.isnan(one.p)) == (other.observed, np.isnan(other.p))
    assert one.expected == pytest.approx(other.expected, nan_ok=True)


@given(PEOPLE)
def test_what_chance_gives_lies_within_what_is_possible(people):
    said, done, strata = columns(people)
    found = by_chance(said, done, strata, permutations=50)
    if not np.isnan(found.p):
        assert 0 <= found.low <= found.high <= min(said.sum(), done.sum())
        assert 1 / 51 <= found.p <= 1


def test_the_draws_are_those_of_literally_shuffled_answers():
    rng = np.random.default_rng(5)
    said, done, strata = rng.random(80) < 0.3, rng.random(80) < 0.4, rng.integers(0, 2, 80)
    counts = []
    for _ in range(4000):
        shuffled = said.copy()
        for one in (0, 1):
            shuffled[strata == one] = rng.permutation(said[strata == one])
        counts.append((shuffled & done).sum())
    found = by_chance(said, done, strata, permutations=4000)
    assert found.expected == pytest.approx(np.mean(counts), abs=0.15)
    assert (found.low, found.high) == pytest.approx(np.quantile(counts, [0.025, 0.975]), abs=1)


def test_one_stratum_agrees_with_the_exact_test_of_fisher():
    from scipy.stats import fisher_exact

    # Equal margins: as far from the expectation and as improbable are the same tables.
    said = np.repeat([1, 1, 0, 0], [30, 20, 20, 30])
    done = np.repeat([1, 0, 1, 0], [30, 20, 20, 30])
    exact = fisher_exact([[30, 20], [20, 30]]).pvalue
    assert by_chance(said, done, np.zeros(100), permutations=100_000).p == pytest.approx(exact, abs=0.003)


def test_answers_are_not_shuffled_across_questions():
    # In each question all agree, so there is nothing to shuffle, however much the two differ.
    said, done = np.repeat([1, 0], 50), np.repeat([1, 0], 50)
    assert np.isnan(by_chance(said, done, said).p)


@pytest.mark.parametrize("said", [np.ones(10), np.zeros(10)])
def test_without_any_difference_in_what_was_said_chance_is_unknown(said):
    found = by_chance(said, np.arange(10) < 4, np.zeros(10))
    assert np.isnan([found.expected, found.low, found.high, found.p]).all()
    assert found.observed == 4 * said[0]


@pytest.mark.parametrize(("lengths", "permutations"), [((3, 2, 3), 10), ((3, 3, 2), 10), ((3, 3, 3), 0)])
def test_wrong_lengths_and_no_shuffles_are_refused(lengths, permutations):
    with pytest.raises(ParameterError) as caught:
        by_chance(*(np.zeros(n) for n in lengths), permutations=permutations)
    assert caught.value.code == "CJ-ST-040"


@pytest.mark.slow
def test_p_values_are_uniform_where_words_and_deeds_are_independent():
    p = []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        strata = rng.integers(0, 3, 300)
        said, done = rng.random(300) < 0.2 + 0.2 * strata, rng.random(300) < 0.5 - 0.15 * strata
        p.append(by_chance(said, done, strata, permutations=500, seed=seed).p)
    for level in (0.05, 0.1, 0.2):  # at most nominal (discrete), and not far below it
        assert 0.4 * level <= np.mean(np.array(p) <= level) <= level + 2 * np.sqrt(level * (1 - level) / 600)
