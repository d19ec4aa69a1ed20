from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cjlib.core.errors import ParameterError
from cjlib.stats.rate import poisson_rate, rate_by_band

from .data import counts_of

people = st.lists(st.tuples(st.floats(0, 20), st.integers(0, 2)), min_size=1, max_size=30)


@pytest.mark.parametrize(("d", "low", "high"), [(0, 0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904)])
def test_limits_equal_the_published_exact_table(d, low, high):
    row = poisson_rate([d], [1.0]).iloc[0]  # Garwood (1936); R poisson.test
    assert (row["estimate"], row["ci_low"], row["ci_high"]) == pytest.approx((d, low, high), abs=5e-5)


@given(st.integers(0, 500), st.floats(0.1, 1e4), st.floats(0.5, 0.99))
def test_each_limit_leaves_half_of_the_error_in_its_tail(d, exposure, confidence):
    row = poisson_rate([d], [exposure], confidence=confidence).iloc[0]
    half = (1 - confidence) / 2
    assert stats.poisson.cdf(d, row["ci_high"] * exposure) == pytest.approx(half, abs=1e-7)
    if d:
        assert stats.poisson.sf(d - 1, row["ci_low"] * exposure) == pytest.approx(half, abs=1e-7)


def test_nobody_exposed_is_unknown_not_infinite():
    assert poisson_rate([0], [0.0]).isna().all(axis=None)


@given(people)
def test_bands_equal_a_sum_over_people(rows):
    counts = counts_of([time for time, _ in rows], [outcome for _, outcome in rows])
    table = rate_by_band(counts, edges=[0, 1, 7])
    assert table["person_days"].sum() == pytest.approx(sum(time for time, _ in rows))
    assert table["n_event"].sum() == sum(outcome == 1 for _, outcome in rows)
    for band in table.itertuples():
        inside = [(time, outcome) for time, outcome in rows
                  if band.from_days < time <= band.to_days or (band.from_days == 0 and time == 0)]  # fmt: skip
        assert band.n_event == sum(outcome == 1 for _, outcome in inside)
        waited = sum(min(time, band.to_days) - band.from_days for time, _ in rows if time > band.from_days)
        assert band.person_days == pytest.approx(waited)


def test_edges_that_do_not_increase_from_zero_are_refused():
    for edges in ([1, 2], [0, 2, 2], []):
        with pytest.raises(ParameterError, match="increase from 0"):
            rate_by_band(counts_of([1], 1), edges=edges)


def test_the_rates_of_a_simulated_clock_are_recovered():
    rng = np.random.default_rng(2)
    fast = rng.exponential(1 / 0.20, 20_000)  # 0.20 a day until day 3, then 0.02
    time = np.where(fast < 3, fast, 3 + rng.exponential(1 / 0.02, 20_000))
    end = rng.uniform(0, 30, 20_000)
    table = rate_by_band(counts_of(np.minimum(time, end), (time <= end).astype(int)), edges=[0, 1, 3, 7, 14])
    truth = np.array([0.20, 0.20, 0.02, 0.02, 0.02])
    assert ((table["ci_low"] < truth) & (truth < table["ci_high"])).sum() >= 4
    assert table["estimate"].to_numpy() == pytest.approx(truth, rel=0.1)


def test_nobody_waits_before_entering():
    counts = pd.DataFrame({"group": "all", "duration_days": [5.0, 9.0, 2.0], "outcome": [1, 0, 1], "n": [1, 2, 1],
                           "entry_days": [0.0, 4.0, 0.0]})  # fmt: skip
    table = rate_by_band(counts, edges=[0, 3, 7])
    assert table["person_days"].tolist() == [3 + 2, 2 + 2 * 3, 2 * 2]
    assert table["n_at_risk"].tolist() == [2, 1, 2]
