from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.curve import kaplan_meier
from cjlib.stats.recurrent import mean_cumulative

from .data import counts_of

histories = st.lists(st.tuples(st.integers(0, 10), st.lists(st.integers(0, 10), max_size=5)), min_size=1, max_size=15)


def tables(rows):
    """Follow-up and the events that lie in it."""
    follow_up = pd.DataFrame({"unit": range(len(rows)), "duration_days": [float(end) for end, _ in rows]})
    events = [(unit, float(at)) for unit, (end, times) in enumerate(rows) for at in times if at <= end]
    return follow_up, pd.DataFrame(events, columns=["unit", "time_days"])


def test_rt_41_mean_cumulative_function_equals_r():
    follow_up, events = tables([(10, [3, 6]), (8, [4]), (5, [])])
    got = mean_cumulative(follow_up, events)
    assert got["time_days"].tolist() == [0, 3, 4, 6]
    np.testing.assert_allclose(got["estimate"], [0, 1 / 3, 2 / 3, 7 / 6], atol=1e-12)


@given(histories)
def test_value_and_error_equal_sums_over_people(rows):
    follow_up, events = tables(rows)
    end = follow_up["duration_days"].to_numpy()
    got = mean_cumulative(follow_up, events)
    for row in got.itertuples():
        mean, influence = 0.0, np.zeros(end.size)
        for s in sorted(t for t in set(events["time_days"]) if t <= row.time_days):
            at_risk = end >= s
            own = np.array([((events["unit"] == u) & (events["time_days"] == s)).sum() for u in range(end.size)])
            step = own.sum() / at_risk.sum()
            mean += step
            influence += (own - at_risk * step) / at_risk.sum()
        assert row.estimate == pytest.approx(mean, abs=1e-9)
        error = np.sqrt((influence**2).sum())
        assert row.std_error == pytest.approx(error if error > 1e-7 else np.nan, abs=1e-7, nan_ok=True)
        if np.isfinite(row.std_error):
            assert row.ci_low <= row.estimate <= row.ci_high


def test_with_everybody_followed_equally_it_is_the_mean_count_and_its_error():
    follow_up, events = tables([(10, [1, 1, 2]), (10, []), (10, [9]), (10, [3, 4])])
    last = mean_cumulative(follow_up, events).iloc[-1]
    assert last["estimate"] == pytest.approx(6 / 4)
    assert last["std_error"] == pytest.approx(np.std([3, 0, 1, 2]) / 2)


def test_an_event_at_the_end_of_follow_up_counts():
    follow_up, events = tables([(5, [5]), (5, [])])
    assert mean_cumulative(follow_up, events)["estimate"].iloc[-1] == 0.5


def test_for_first_events_only_it_is_the_nelson_aalen_sum():
    rows = [(3, [3]), (4, []), (6, [6]), (8, [])]
    curve = kaplan_meier(counts_of([3, 4, 6, 8], [1, 0, 1, 0]))
    hazard = (curve["n_event"] / curve["n_at_risk"]).sum()
    assert mean_cumulative(*tables(rows))["estimate"].iloc[-1] == pytest.approx(hazard)


def test_no_event_is_zero_with_unknown_limits():
    got = mean_cumulative(*tables([(5, []), (7, [])]))
    assert got["estimate"].tolist() == [0]
    assert got[["std_error", "ci_low", "ci_high"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("follow_up", "events", "message"),
    [
        ([(1, 5.0), (1, 6.0)], [], "occurs twice"),
        ([(1, 5.0)], [(2, 3.0)], "1 of 1 events belong to nobody"),
        ([(1, 5.0)], [(1, 5.1), (1, 2.0)], "1 of 2 events .* after the unit's follow-up"),
        ([(1, -5.0)], [], "numbers of days from 0"),
        ([(1, 5.0)], [(1, np.nan)], "numbers of days from 0"),
    ],
)
def test_broken_histories_are_refused(follow_up, events, message):
    with pytest.raises(ParameterError, match=message):
        mean_cumulative(
            pd.DataFrame(follow_up, columns=["unit", "duration_days"]),
            pd.DataFrame(events, columns=["unit", "time_days"]),
        )


def test_nobody_followed_is_a_sentence():
    with pytest.raises(NotEnoughDataError, match="0 customers"):
        mean_cumulative(*tables([]))


@pytest.mark.slow
def test_the_interval_covers_although_customers_differ_in_their_rate():
    rng = np.random.default_rng(8)
    hits = 0
    for _ in range(300):
        end, rate = rng.uniform(0.5, 2, 150), rng.gamma(1, 1, 150)
        rows = [(e, rng.uniform(0, e, rng.poisson(r * e)).tolist()) for e, r in zip(end, rate, strict=True)]
        got = mean_cumulative(*tables(rows))
        row = got[got["time_days"] <= 1].iloc[-1]
        hits += row["ci_low"] <= 1 <= row["ci_high"]
    assert 0.91 < hits / 300 < 0.98
