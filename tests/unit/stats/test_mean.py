from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.stats.mean import bootstrap_mean, mean_interval

answers = st.lists(st.integers(1, 7), min_size=2, max_size=60)
VALUES = ["estimate", "std_error", "ci_low", "ci_high"]


@given(answers)
def test_the_t_interval_equals_scipy(scores):
    from scipy.stats import sem, t

    got = mean_interval(scores).iloc[0]
    assert got["estimate"] == pytest.approx(np.mean(scores))
    if len(set(scores)) == 1:
        assert np.isnan(got["ci_low"])
        return
    low, high = t.interval(0.95, len(scores) - 1, np.mean(scores), sem(scores))
    assert (got["ci_low"], got["ci_high"]) == (pytest.approx(low), pytest.approx(high))
    assert got["std_error"] == pytest.approx(sem(scores))


@given(answers, st.randoms(use_true_random=False))
def test_order_counting_and_unanswered_rows_do_not_matter(scores, random):
    values, n = np.unique(scores, return_counts=True)
    moved = [*random.sample(scores, len(scores)), float("nan")]
    pd.testing.assert_frame_equal(mean_interval(values, n=n), mean_interval(moved))
    pd.testing.assert_frame_equal(
        bootstrap_mean(values, seed=1, n=n, draws=100), bootstrap_mean(moved, seed=1, draws=100)
    )


@given(answers)
def test_a_reversed_scale_mirrors_the_mean(scores):
    one = mean_interval(scores).iloc[0]
    other = mean_interval([8 - score for score in scores]).iloc[0]
    assert one["estimate"] == pytest.approx(8 - other["estimate"])
    assert one["ci_low"] == pytest.approx(8 - other["ci_high"], nan_ok=True)


def test_the_bootstrap_agrees_with_resampling_people_one_by_one():
    scores = np.random.default_rng(0).integers(1, 8, 80)
    resampled = np.random.default_rng(1).choice(scores, (20_000, 80)).mean(axis=1)
    got = bootstrap_mean(scores, seed=2, draws=20_000).iloc[0]
    low, high = np.quantile(resampled, [0.025, 0.975])
    assert (got["ci_low"], got["ci_high"]) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))
    assert got["std_error"] == pytest.approx(resampled.std(), rel=0.03)


def test_the_bootstrap_stays_on_the_scale_where_the_t_interval_does_not():
    scores = [7] * 9 + [1]
    assert mean_interval(scores)["ci_high"].item() > 7
    assert bootstrap_mean(scores, seed=4)["ci_high"].item() <= 7


def test_the_same_seed_gives_the_same_interval_also_in_chunks(monkeypatch):
    scores = np.random.default_rng(0).integers(1, 8, 500)
    one = bootstrap_mean(scores, seed=7)
    pd.testing.assert_frame_equal(one, bootstrap_mean(scores, seed=7))
    assert not one.equals(bootstrap_mean(scores, seed=8))
    monkeypatch.setattr("cjlib.stats.mean._CHUNK", 70)
    pd.testing.assert_frame_equal(one, bootstrap_mean(scores, seed=7))


@pytest.mark.parametrize("scores", [[], [np.nan], [3], [4, 4, 4]], ids=str)
def test_without_spread_the_interval_is_unknown_not_zero(scores):
    for table in (mean_interval(scores), bootstrap_mean(scores, seed=1)):
        assert table[["ci_low", "ci_high"]].isna().all(axis=None)
        assert table["estimate"].isna().item() == (np.sum(~np.isnan(scores)) == 0)


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ParameterError, match="2 counts for 1 scores"):
        mean_interval([1], n=[1, 2])
    with pytest.raises(ParameterError, match="whole numbers from 0"):
        mean_interval([1], n=[-1])
    with pytest.raises(ParameterError, match="too few"):
        bootstrap_mean([1, 2], seed=1, draws=10)
    with pytest.raises(ParameterError, match="strictly between 0 and 1"):
        mean_interval([1, 2], confidence=95)


@pytest.mark.slow
def test_both_intervals_cover_the_truth_at_about_their_level():
    rng = np.random.default_rng(12)
    chance = np.array([0.05, 0.05, 0.1, 0.1, 0.2, 0.3, 0.2])
    truth = chance @ np.arange(1, 8)
    hits = np.zeros(2)
    for run in range(1000):
        n = rng.multinomial(60, chance)
        for place, table in enumerate(
            (mean_interval(range(1, 8), n=n), bootstrap_mean(range(1, 8), seed=run, n=n, draws=400))
        ):
            hits[place] += table["ci_low"].item() <= truth <= table["ci_high"].item()
    assert (np.abs(hits / 1000 - 0.95) < 0.02).all()
