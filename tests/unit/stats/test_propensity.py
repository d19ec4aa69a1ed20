from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.propensity import (
    asmd,
    clustered_error,
    fit_propensity,
    inverse_weights,
    plain_mean,
    weighted_mean,
)


def people(n: int = 800, seed: int = 1):
    """Covariates, who answers and what all think; the first covariate drives both."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n), rng.poisson(2, n), rng.random(n) < 0.3]).astype(float)
    p = 1 / (1 + np.exp(-(-0.3 + 0.9 * x[:, 0] - 0.2 * x[:, 1] + 0.5 * x[:, 2])))
    return x, rng.random(n) < p, 5 + x[:, 0] + 0.5 * x[:, 2] + rng.normal(size=n)


def weighted(x, answered, y, **options):
    fit = fit_propensity(x, answered, **options)
    return weighted_mean(y, answered, fit, inverse_weights(fit.probability, answered, most=1e9))


def test_without_ridge_the_fit_equals_statsmodels():
    import statsmodels.api as sm

    x, answered, _ = people()
    oracle = sm.Logit(answered.astype(float), sm.add_constant(x)).fit(disp=0, tol=1e-12)
    np.testing.assert_allclose(fit_propensity(x, answered, ridge=0).probability, oracle.predict(), atol=1e-9)


def test_the_default_ridge_moves_no_probability_by_more_than_half_a_point():
    x, answered, _ = people()
    free, held = (fit_propensity(x, answered, ridge=ridge).probability for ridge in (0, 1e-3))
    assert np.abs(free - held).max() < 0.005


def test_with_ridge_the_gradient_of_the_penalised_likelihood_is_zero():
    x, answered, _ = people()
    fit = fit_propensity(x, answered, ridge=0.05)
    penalty = np.r_[0, np.full(3, 0.05 * len(x))]
    gradient = fit.design.T @ (answered - fit.probability) - penalty * fit.coefficients
    assert np.abs(gradient).max() < 1e-5


def test_separation_is_a_sentence_without_ridge_and_finite_with_it():
    x = np.repeat([[0.0], [1.0]], 50, axis=0)
    answered = x[:, 0] > 0
    with pytest.raises(NotEnoughDataError, match="tells exactly who answered") as caught:
        fit_propensity(x, answered, ridge=0)
    assert caught.value.code == "CJ-ST-031"
    p = fit_propensity(x, answered).probability
    assert 0 < p.min() < 0.1
    assert 0.9 < p.max() < 1


@pytest.mark.parametrize("answered", [[True] * 5, [False] * 5, []])
def test_all_or_nobody_is_a_sentence(answered):
    with pytest.raises(NotEnoughDataError, match="everybody answered, or nobody"):
        fit_propensity(np.zeros((len(answered), 1)), answered)


@pytest.mark.parametrize(
    ("x", "answered"), [([[np.nan], [1]], [0, 1]), ([[1], [2]], [0, 1, 1]), ([1, 2], [0, 1]), ([[1], [2]], [0, 2])]
)
def test_values_that_are_none_are_refused(x, answered):
    with pytest.raises(ParameterError, match="one row of numbers per person") as caught:
        fit_propensity(x, answered)
    assert caught.value.code == "CJ-ST-030"


@settings(max_examples=20)
@given(st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=3), st.lists(st.floats(-50, 50), min_size=3, max_size=3))
def test_units_of_measurement_do_not_matter(scale, shift):
    x, answered, _ = people(200)
    there = fit_propensity(x * scale + shift, answered).probability
    np.testing.assert_allclose(there, fit_propensity(x, answered).probability, atol=1e-7)


@settings(max_examples=10)
@given(st.integers(2, 4), st.integers(0, 50))
def test_duplicating_everybody_changes_the_error_and_nothing_else(times, seed):
    x, answered, y = people(150, seed)
    one, more = weighted(x, answered, y), weighted(*(np.concatenate([part] * times) for part in (x, answered, y)))
    assert more.value == pytest.approx(one.value, abs=1e-9)
    # As other people the error falls with the root of their number; as the same people it stays.
    errors = [clustered_error(one.influence, np.arange(150)), clustered_error(more.influence, np.arange(150 * times))]
    assert errors[1] == pytest.approx(errors[0] / np.sqrt(times), rel=0.01)
    same = clustered_error(more.influence, np.tile(np.arange(150), times))
    assert same == pytest.approx(errors[0], rel=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 100))
def test_equal_propensities_give_the_unweighted_mean_and_error(seed):
    _, answered, y = people(120, seed)
    x = np.tile([[0.0], [1.0]], (60, 1))
    answered = np.repeat(answered[:60], 2)  # within each pair alike: the covariate says nothing
    estimate, plain = weighted(x, answered, y), plain_mean(y, answered)
    assert estimate.value == pytest.approx(plain.value, abs=1e-9)
    constant = weighted(np.ones((120, 1)), answered, y)
    np.testing.assert_allclose(constant.influence, plain.influence, atol=1e-12)


def test_influence_is_how_much_the_estimate_moves_without_a_person():
    x, answered, y = people(300)
    full = weighted(x, answered, y)
    assert full.influence.sum() == pytest.approx(0, abs=1e-8)
    for i in (0, 7, 40, 250):
        rest = np.arange(300) != i
        moved = full.value - weighted(x[rest], answered[rest], y[rest]).value
        assert moved == pytest.approx(full.influence[i], abs=5e-4)


def test_what_those_who_did_not_answer_would_have_said_is_never_read():
    x, answered, y = people()
    hidden = np.where(answered, y, np.nan)
    assert weighted(x, answered, hidden).value == weighted(x, answered, y).value


def test_weights_are_cut_at_a_multiple_of_their_mean_and_counted():
    p = np.r_[np.full(99, 0.5), 0.001]
    weights = inverse_weights(p, np.ones(100, dtype=bool), most=5)
    mean = (99 * 2 + 1000) / 100
    assert weights.share_trimmed == 0.01
    assert weights.weight[-1] / weights.weight[0] == pytest.approx(5 * mean / 2)
    assert weights.weight.mean() == pytest.approx(1)
    with pytest.raises(ParameterError, match="multiple of their mean"):
        inverse_weights(p, np.ones(100, dtype=bool), most=0.5)


def test_balance_is_the_distance_in_standard_deviations_of_everybody():
    x = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0], [6.0, 1.0]])
    found = asmd(x, [0, 0, 1, 1])
    assert found[0] == pytest.approx(2 / np.sqrt(5))
    assert np.isnan(found[1])


@pytest.mark.slow
def test_the_interval_covers_the_truth_at_its_level_and_the_plain_one_does_not():
    truth = 5 + 0.5 * 0.3
    hits = np.zeros(2)
    for seed in range(400):
        x, answered, y = people(600, seed)
        for place, estimate in enumerate((weighted(x, answered, y), plain_mean(y, answered))):
            error = clustered_error(estimate.influence, np.arange(600))
            hits[place] += abs(estimate.value - truth) <= 1.96 * error
    assert hits[0] / 400 >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)
    assert hits[1] / 400 < 0.5
