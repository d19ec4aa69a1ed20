"""Forecasts judged on other people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.stats.prediction import auc, brier, compare_forecasts, forecast

PEOPLE = st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])), min_size=2, max_size=40)


@given(PEOPLE)
def test_the_area_is_the_share_of_pairs_told_apart(people):
    y, p = (np.array(column, dtype=float) for column in zip(*people, strict=True))
    pairs = [(a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]]
    assert auc(y, p) == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


@given(PEOPLE)
def test_turning_forecasts_round_turns_the_area_round(people):
    y, p = (np.array(column, dtype=float) for column in zip(*people, strict=True))
    assert auc(y, 1 - p) == pytest.approx(1 - auc(y, p), nan_ok=True)


def test_scores_agree_with_another_library():
    from sklearn.metrics import brier_score_loss, roc_auc_score

    rng = np.random.default_rng(4)
    y, p = rng.random(300) < 0.3, rng.random(300).round(2)
    assert auc(y, p) == pytest.approx(roc_auc_score(y, p))
    assert brier(y, p) == pytest.approx(brier_score_loss(y, p))


def test_a_forecast_without_predictors_is_the_share():
    assert forecast(np.empty((4, 0)), [1, 0, 0, 0], np.empty((2, 0))).tolist() == [0.25, 0.25]


def test_the_scale_of_a_predictor_and_people_of_the_test_do_not_change_the_model():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(200, 2)), rng.random(200) < 0.4
    plain = forecast(x, y, x[:5])
    assert forecast(1000 * x + 7, y, 1000 * x[:5] + 7) == pytest.approx(plain, abs=1e-8)
    assert forecast(x, y, x[:50])[:5] == pytest.approx(plain, abs=1e-12)


def test_a_pair_is_compared_both_ways_with_opposite_signs():
    rng = np.random.default_rng(2)
    y = rng.random(200) < 0.5
    judged = compare_forecasts(y, {"a": rng.random(200), "b": 0.5 * y + 0.25}, draws=200, seed=3)
    ways = judged.set_index(["model", "than", "measure"])
    for measure in ("brier", "auc"):
        one, other = ways.loc["a", "b", measure], ways.loc["b", "a", measure]
        assert one["estimate"] == pytest.approx(-other["estimate"])
        assert (one["ci_low"], one["ci_high"]) == pytest.approx((-other["ci_high"], -other["ci_low"]))
        assert other["ci_low"] > 0


def test_all_outcomes_equal_leave_the_area_unknown():
    judged = compare_forecasts([1, 1, 1], {"a": [0.2, 0.3, 0.4]}, draws=100)
    assert judged.set_index("measure").loc["auc", ["estimate", "ci_low", "ci_high"]].isna().all()


@pytest.mark.parametrize(("forecasts", "draws"), [([0.5], 100), ([0.5, 0.5], 99)])
def test_forecasts_of_other_people_and_too_few_draws_are_refused(forecasts, draws):
    with pytest.raises(ParameterError) as caught:
        compare_forecasts([1, 0], {"a": forecasts}, draws=draws)
    assert caught.value.code == "CJ-ST-041"


@pytest.mark.slow
def test_the_interval_of_a_worthless_addition_covers_zero_as_often_as_it_says():
    covered = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=(600, 1)), rng.normal(size=(600, 1))
        y = rng.random(600) < 1 / (1 + np.exp(-x[:, 0]))
        both = np.hstack([x, noise])
        made = {"x": forecast(x[:300], y[:300], x[300:]), "both": forecast(both[:300], y[:300], both[300:])}
        judged = compare_forecasts(y[300:], made, draws=200, seed=seed)
        row = judged[(judged["model"] == "both") & (judged["than"] == "x") & (judged["measure"] == "auc")].iloc[0]
        covered.append(row["ci_low"] <= 0)  # useless columns can only harm: what matters is not to praise them
    assert np.mean(covered) >= 0.95
