"""The funnel does without whole curves; what it prints is what the whole curve says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.analyses.funnel import _curve_rate, _median
from cjlib.core.duration import MICROSECONDS_PER_DAY as DAY
from cjlib.stats.curve import at, kaplan_meier, quantile

WIDTH = 10 * DAY
# One customer: days of follow-up, day of the step before (from the entry), days from there to the step; None = never.
PEOPLE = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 6), st.none() | st.integers(0, 6)), min_size=1, max_size=40
)


def columns(people):
    """Microseconds as `funnel_rows` has them: nothing is seen after the follow-up, nothing after the window."""
    follow, before, reached = [], [], []
    for days, first, then in people:
        limit = min(days, 10)
        follow.append(days * DAY)
        before.append(first * DAY if first <= limit else -1)
        late = then is None or before[-1] < 0 or first + then > limit
        reached.append(-1 if late else (first + then) * DAY)
    return np.array(follow), np.array(before), np.array(reached)


def counts(length, hit):
    return pd.DataFrame({"group": "g", "duration_days": length / DAY, "outcome": hit.astype(int), "n": 1})


@given(PEOPLE)
def test_the_rate_at_the_end_of_the_window_is_that_of_the_curve_of_all_durations(people):
    follow, _, reached = columns(people)
    hit = reached >= 0
    curve = kaplan_meier(counts(np.where(hit, reached, np.minimum(follow, WIDTH)), hit))
    row = at(curve, [10.0]).iloc[0]
    expected = {"share_curve": 1 - row["estimate"], "curve_low": 1 - row["ci_high"], "curve_high": 1 - row["ci_low"]}
    assert _curve_rate(reached, follow, WIDTH, 0.95) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(PEOPLE)
def test_the_median_is_the_quantile_of_the_curve_of_those_who_reached_the_step_before(people):
    follow, before, reached = columns(people)
    there = before >= 0
    found = _median(before, reached, follow, WIDTH)
    if not there.any():
        assert np.isnan(found)
        return
    hit = (reached >= 0)[there]
    length = np.where(hit, (reached - before)[there], (np.minimum(follow, WIDTH) - before)[there])
    assert found == quantile(kaplan_meier(counts(length, hit)), 0.5)["estimate"].iloc[0]
