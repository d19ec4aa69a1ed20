from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.propensity import clustered_error, fit_propensity, inverse_weights, plain_mean, weighted_mean
from cjlib.stats.raking import rake_to_all, raked_mean


def invited(n: int, seed: int):
    """Two known classes that tell both who answers and what they say."""
    rng = np.random.default_rng(seed)
    persona, late = rng.integers(0, 3, n), rng.integers(0, 2, n)
    chance = np.array([0.7, 0.5, 0.3])[persona] * np.where(late, 0.6, 1.0)
    answered = rng.random(n) < chance
    said = 4.0 - 0.5 * persona - 1.0 * late + rng.normal(0, 0.8, n)
    return {"persona": persona, "late": late}, answered, said


def test_one_margin_equals_the_inverse_propensity_of_its_classes_influence_included():
    classes, answered, said = invited(3000, 1)
    persona = classes["persona"]
    fit = fit_propensity(np.column_stack([persona == 1, persona == 2]).astype(float), answered, ridge=0)
    weights = inverse_weights(fit.probability, answered, most=100)
    other = weighted_mean(said, answered, fit, weights)
    raked = rake_to_all({"persona": persona}, answered)
    mine = raked_mean(said, answered, raked)
    np.testing.assert_allclose(raked.weight, weights.weight, atol=1e-6)
    assert mine.value == pytest.approx(other.value, abs=1e-6)
    # Beside the same linearised terms, raking moves with who was invited: post-stratified mean of everybody.
    strata = pd.DataFrame({"p": persona, "y": np.where(answered, said, np.nan)}).groupby("p")["y"].transform("mean")
    expected = (
        strata - mine.value + raked.weight / raked.weight.sum() * 3000 * np.where(answered, said - strata, 0)
    ) / 3000
    np.testing.assert_allclose(mine.influence, expected, atol=1e-9)
    assert clustered_error(mine.influence, range(3000)) == pytest.approx(
        clustered_error(other.influence, range(3000)), rel=1e-3
    )


def test_margins_of_everybody_are_met_and_the_bias_they_explain_is_gone():
    classes, answered, said = invited(20_000, 2)
    raked = rake_to_all(classes, answered)
    for codes in classes.values():
        held = np.bincount(codes, weights=raked.weight) / raked.weight.sum()
        np.testing.assert_allclose(held, np.bincount(codes) / codes.size, atol=1e-6)
    plain, better = plain_mean(said, answered), raked_mean(said, answered, raked)
    assert plain.value - said.mean() > 0.2
    assert abs(better.value - said.mean()) < 0.03


def test_influence_is_how_much_the_estimate_moves_without_a_person():
    classes, answered, said = invited(400, 3)
    whole = raked_mean(said, answered, rake_to_all(classes, answered))
    for i in (np.flatnonzero(answered)[0], np.flatnonzero(answered)[7], np.flatnonzero(~answered)[3]):
        kept = np.arange(400) != i
        part = rake_to_all({name: codes[kept] for name, codes in classes.items()}, answered[kept])
        moved = whole.value - raked_mean(said[kept], answered[kept], part).value
        assert moved == pytest.approx(whole.influence[i], abs=4e-4)


def test_what_the_silent_would_have_said_is_never_read():
    classes, answered, said = invited(300, 4)
    raked = rake_to_all(classes, answered)
    blank = raked_mean(np.where(answered, said, np.nan), answered, raked)
    assert blank.value == raked_mean(said, answered, raked).value
    assert np.isfinite(blank.influence).all()


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_duplicating_everybody_changes_nothing_but_the_error(seed, times):
    classes, answered, said = invited(200, seed)
    one = raked_mean(said, answered, rake_to_all(classes, answered, fewest=3))
    many = rake_to_all({k: np.tile(v, times) for k, v in classes.items()}, np.tile(answered, times), fewest=3 * times)
    again = raked_mean(np.tile(said, times), np.tile(answered, times), many)
    assert again.value == pytest.approx(one.value, abs=1e-5)
    people = np.tile(np.arange(200), times)
    assert clustered_error(again.influence, people) == pytest.approx(
        clustered_error(one.influence, range(200)), rel=1e-3
    )


def test_a_class_with_few_answers_joins_the_largest():
    answered = np.array([True] * 30 + [False] * 10)
    codes = np.array([0] * 17 + [1] * 11 + [2] * 2 + [2] * 9 + [1])
    raked = rake_to_all({"persona": codes}, answered)
    assert raked.classes["persona"].max() == 1
    assert len(np.unique(raked.weight[answered].round(9))) == 2


def test_without_a_margin_that_varies_the_mean_is_the_plain_one():
    answered, said = np.array([True, True, False]), np.array([1.0, 2.0, np.nan])
    found = raked_mean(said, answered, rake_to_all({"persona": [1, 1, 1]}, answered))
    plain = plain_mean(said, answered)
    assert found.value == plain.value
    np.testing.assert_allclose(found.influence[:2], plain.influence[:2])


def test_margins_that_contradict_each_other_are_a_sentence():
    # Those who answered are all (a, b) or (b, a); everybody is mostly (a, a): no weight gives both margins.
    one = np.array([0] * 20 + [1] * 20 + [0] * 60)
    other = np.array([1] * 20 + [0] * 20 + [0] * 60)
    with pytest.raises(NotEnoughDataError, match="cannot all be met"):
        rake_to_all({"one": one, "other": other}, np.arange(100) < 40)


@pytest.mark.parametrize(("classes", "answered"), [({"a": [0, 1]}, [0, 0]), ({"a": [0, 1, 2]}, [1, 0])])
def test_people_that_do_not_fit_are_refused(classes, answered):
    with pytest.raises(ParameterError, match="one code per person"):
        rake_to_all(classes, answered)


@pytest.mark.slow
def test_the_interval_covers_the_truth_at_its_level():
    inside = 0
    for seed in range(400):
        classes, answered, said = invited(1500, 100 + seed)
        found = raked_mean(said, answered, rake_to_all(classes, answered))
        half = 1.96 * clustered_error(found.influence, range(1500))
        inside += abs(found.value - 3.0) < half  # 4 - 0.5 * 1 - 1 * 0.5
    assert 0.92 < inside / 400 < 0.98
