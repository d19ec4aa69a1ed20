"""Models of a risk within a horizon, held against other ways of fitting them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from cjlib.stats.prediction import forecast
from cjlib.stats.risk_model import boosted, cox

RNG = np.random.default_rng(6)
X = RNG.normal(size=(600, 3))
RISK = 1 / (1 + np.exp(-X[:, 0] - 2 * (X[:, 1] > 0)))
Y = RNG.random(600) < RISK


def test_the_logistic_ridge_is_that_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    for ridge in (0.005, 0.1):
        theirs = LogisticRegression(C=1 / (ridge * len(Y)), tol=1e-9, max_iter=1000).fit(scaled, Y)
        assert forecast(X, Y, X, ridge=ridge) == pytest.approx(theirs.predict_proba(scaled)[:, 1], abs=1e-5)


def test_trees_find_a_step_that_a_line_cannot_and_are_the_same_each_time():
    step = np.abs(X[:, :1]) < 0.7
    y = RNG.random(600) < np.where(step[:, 0], 0.8, 0.2)
    trees = boosted(X, y, X, leaves=6)
    line = forecast(X, y, X)
    assert np.mean((y - trees) ** 2) < np.mean((y - line) ** 2) - 0.05
    np.testing.assert_array_equal(trees, boosted(X, y, X, leaves=6))


def test_the_cox_risk_is_that_of_lifelines_and_a_rescaled_column_changes_nothing():
    time = RNG.exponential(np.exp(-X[:, 0])) * 10
    days, event = np.minimum(time, 12.0), time < 12
    mine = cox(X, days, event, X[:50], horizon_days=10, penalty=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from lifelines import CoxPHFitter

        frame = pd.DataFrame(X, columns=list("abc"))
        model = CoxPHFitter().fit(frame.assign(d=days, e=event.astype(int)), "d", "e")
        theirs = 1 - model.predict_survival_function(frame.head(50), times=[10]).iloc[0].to_numpy()
    assert mine == pytest.approx(theirs, abs=1e-3)
    assert cox(100 * X + 3, days, event, 100 * X[:50] + 3, horizon_days=10, penalty=1e-6) == pytest.approx(
        mine, abs=1e-6
    )


def test_without_columns_the_cox_risk_is_one_minus_kaplan_meier():
    assert cox(np.ones((4, 1)), [1, 2, 3, 4], [1, 0, 1, 0], [[1.0]], horizon_days=3).tolist() == [1 - 0.75 * 0.5]
