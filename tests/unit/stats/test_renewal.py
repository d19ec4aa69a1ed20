from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.renewal import renewal_model, shifted_beta_geometric

# Fader and Hardie (2007), table 1: customers active per year.
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]


@pytest.mark.parametrize(
    ("active", "alpha", "beta", "likelihood", "later"),
    [
        pytest.param(REGULAR, 0.704077, 1.182042, -1680.2652, [0.2201, 0.2044, 0.1912, 0.1799, 0.1700], id="21"),
        pytest.param(HIGH_END, 0.668088, 3.806089, -1611.1581, [0.4604, 0.4358, 0.4142, 0.3951, 0.3780], id="22"),
    ],
)
def test_rt_21_rt_22_parameters_likelihood_and_projection(active, alpha, beta, likelihood, later):
    model = shifted_beta_geometric(active)
    assert (model.alpha, model.beta) == (pytest.approx(alpha, abs=2e-5), pytest.approx(beta, abs=2e-5))
    assert model.log_likelihood == pytest.approx(likelihood, abs=5e-5)
    np.testing.assert_allclose(model.survival(range(8, 13))["estimate"], later, atol=6e-5)


def test_no_neighbouring_parameters_are_more_likely():
    model = shifted_beta_geometric(REGULAR)
    period, lost = np.arange(1, 8), -np.diff(REGULAR)
    for alpha in model.alpha * np.array([0.999, 1, 1.001]):
        for beta in model.beta * np.array([0.999, 1, 1.001]):
            # The recursion of the paper, not the beta functions of the code.
            chance = [alpha / (alpha + beta)]
            for t in period[1:]:
                chance.append(chance[-1] * (beta + t - 2) / (alpha + beta + t - 1))
            likelihood = lost @ np.log(chance) + REGULAR[-1] * np.log(1 - np.sum(chance))
            assert likelihood <= model.log_likelihood + 1e-9


def test_the_projection_starts_at_one_falls_and_its_interval_contains_it():
    table = shifted_beta_geometric(HIGH_END).survival(range(20))
    assert table.iloc[0][["estimate", "ci_low", "ci_high"]].tolist() == [1, 1, 1]
    assert (table["estimate"].diff().dropna() < 0).all()
    assert ((table["ci_low"] <= table["estimate"]) & (table["estimate"] <= table["ci_high"])).all()
    assert (table["ci_high"] - table["ci_low"]).iloc[12] < 0.08


def test_retention_of_the_model_rises_with_age():
    survival = shifted_beta_geometric(REGULAR).survival(range(12))["estimate"].to_numpy()
    assert (np.diff(survival[1:] / survival[:-1]) > 0).all()


def test_a_cohort_without_differences_between_customers_has_no_interval_rather_than_a_false_one():
    table = shifted_beta_geometric([1000, 500, 250, 125]).survival([1, 4])
    np.testing.assert_allclose(table["estimate"], [0.5, 0.0625], atol=2e-3)
    assert table["ci_low"].isna().all()


@given(st.lists(st.integers(0, 400), min_size=3, max_size=8))
def test_any_cohort_that_lost_somebody_gives_numbers_between_zero_and_one(numbers):
    active = sorted(numbers, reverse=True)
    if active[0] == active[-1]:
        return
    table = shifted_beta_geometric(active).survival(range(1, 10))
    assert table["estimate"].between(0, 1).all()
    assert not np.isinf(table[["ci_low", "ci_high"]]).any(axis=None)


@pytest.mark.parametrize("active", [[10, 12, 9], [10, 9.5, 9], [10, 9, -1]])
def test_numbers_that_are_no_cohort_are_refused(active):
    with pytest.raises(ParameterError, match="never rise") as caught:
        shifted_beta_geometric(active)
    assert caught.value.code == "CJ-ST-011"


@pytest.mark.parametrize("active", [[10, 9], [10, 10, 10], []])
def test_too_little_to_project_is_a_sentence(active):
    with pytest.raises(NotEnoughDataError, match="at least two renewals"):
        shifted_beta_geometric(active)


@pytest.mark.slow
def test_the_interval_of_a_projection_covers_the_truth_at_about_its_level():
    rng = np.random.default_rng(9)
    truth = shifted_beta_geometric(HIGH_END).survival([10])["estimate"].item()
    hits = 0
    for _ in range(150):
        leaving = rng.beta(0.668088, 3.806089, 1000)
        age = rng.geometric(np.maximum(leaving, 1e-12))
        row = shifted_beta_geometric([(age > t).sum() for t in range(8)]).survival([10]).iloc[0]
        hits += row["ci_low"] <= truth <= row["ci_high"]
    assert 0.91 < hits / 150 < 0.99


def test_contracts_that_began_at_different_times_recover_the_parameters():
    rng = np.random.default_rng(8)
    chance = rng.beta(0.9, 5.0, size=40_000)
    lived = rng.geometric(chance)
    limit = rng.integers(0, 13, size=chance.size)  # whole periods behind each at the cut-off
    ended = lived <= limit
    model = renewal_model(
        [(ended & (lived == k)).sum() for k in range(1, 13)], [(~ended & (limit == k)).sum() for k in range(13)]
    )
    assert model.alpha == pytest.approx(0.9, rel=0.08)
    assert model.beta == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize(("ended", "still"), [([1, 2], [0, 0]), ([1.5, 2], [0, 0, 0]), ([-1, 2], [0, 0, 0])])
def test_counts_of_contracts_that_do_not_fit_are_refused(ended, still):
    with pytest.raises(ParameterError, match="one more than ended"):
        renewal_model(ended, still)
