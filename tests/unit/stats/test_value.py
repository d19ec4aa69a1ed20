"""Value per customer by day: brute force, the count it reduces to, simulated truth, coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.recurrent import mean_cumulative
from cjlib.stats.value import mean_cumulative_value


def frames(ends, amounts):
    follow = pd.DataFrame({"unit": np.arange(len(ends)), "duration_days": np.asarray(ends, dtype=float)})
    return follow, pd.DataFrame(amounts, columns=["unit", "time_days", "value"])


def by_hand(ends, amounts, day):
    """Mean and robust error from their sums, customer by customer and instant by instant."""
    times = sorted({at for _, at, _ in amounts if at <= day})
    at_risk = {s: sum(end >= s for end in ends) for s in times}
    step = {s: sum(v for _, at, v in amounts if at == s) / at_risk[s] for s in times}
    square = 0.0
    for unit, end in enumerate(ends):
        own = sum((sum(v for who, at, v in amounts if who == unit and at == s) - (end >= s) * step[s]) / at_risk[s]
                  for s in times)  # fmt: skip
        square += own**2
    return sum(step.values()), np.sqrt(square)


@given(
    people=st.lists(st.tuples(st.integers(0, 30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)),
                                                           max_size=4)), min_size=1, max_size=7),
    day=st.integers(0, 30),
)  # fmt: skip
def test_mean_and_robust_error_are_those_of_their_definitions(people, day):
    ends = [end for end, _ in people]
    amounts = [(unit, at, v) for unit, (end, listed) in enumerate(people) for at, v in listed if at <= end]
    row = mean_cumulative_value(*frames(ends, amounts), by_days=[day]).iloc[0]
    if max(ends) < day:
        assert np.isnan(row["estimate"])
        return
    mean, error = by_hand(ends, amounts, day)
    assert row["estimate"] == pytest.approx(mean)
    assert row["std_error"] == pytest.approx(error, abs=1e-9)
    assert row["n_at_risk"] == sum(end >= day for end in ends)


def test_with_amounts_of_one_it_is_the_mean_number_with_its_interval():
    rng = np.random.default_rng(0)
    ends = rng.integers(5, 60, 80).astype(float)
    amounts = [(i, float(at), 1.0) for i, end in enumerate(ends) for at in rng.integers(0, end, rng.integers(0, 6))]
    follow, marks = frames(ends, amounts)
    counts = mean_cumulative(follow, marks.drop(columns="value")).set_index("time_days")
    worth = mean_cumulative_value(follow, marks, by_days=counts.index).set_index("time_days")
    for name in ("estimate", "std_error", "ci_low", "ci_high"):
        known = counts[name].notna()
        assert worth.loc[known, name].to_numpy() == pytest.approx(counts.loc[known, name].to_numpy(), rel=1e-7)


def simulated(seed, n=300):
    """Customers who spend 10 at once and 20 on average per purchase at an own rate; followed for 20 to 200 days."""
    rng = np.random.default_rng(seed)
    ends, rate = rng.uniform(20, 200, n), rng.gamma(1.0, 1 / 50, n)
    amounts = [(i, 0.0, 10.0) for i in range(n)]
    for i in range(n):
        times = rng.uniform(0, ends[i], rng.poisson(rate[i] * ends[i]))
        amounts += [(i, float(at), float(v)) for at, v in zip(times, rng.exponential(20, len(times)), strict=True)]
    return frames(ends, amounts)


def test_the_true_value_is_found_where_the_naive_mean_is_far_too_low():
    follow, amounts = simulated(1, n=4000)
    row = mean_cumulative_value(follow, amounts, by_days=[180]).iloc[0]
    truth = 10 + 20 / 50 * 180
    assert row["ci_low"] <= truth <= row["ci_high"]
    assert amounts["value"].sum() / len(follow) < 0.8 * truth


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
    found = [mean_cumulative_value(*simulated(seed, n=150), by_days=[120]).iloc[0] for seed in range(300)]
    held = [row["ci_low"] <= 10 + 20 / 50 * 120 <= row["ci_high"] for row in found]
    assert 0.91 <= np.mean(held) <= 0.98


def test_a_negative_amount_is_allowed_and_its_interval_may_fall_below_zero():
    row = mean_cumulative_value(*frames([10, 10], [(0, 1, 5.0), (1, 2, -4.0)]), by_days=[5]).iloc[0]
    assert row["estimate"] == pytest.approx(0.5)
    assert row["ci_low"] < 0


@pytest.mark.parametrize("amounts", [[(0, 11, 1.0)], [(9, 1, 1.0)], [(0, -1, 1.0)], [(0, 1, np.nan)]])
def test_amounts_outside_the_follow_up_are_refused(amounts):
    with pytest.raises(ParameterError, match="within its follow-up"):
        mean_cumulative_value(*frames([10], amounts), by_days=[5])


def test_nobody_followed_is_said():
    with pytest.raises(NotEnoughDataError):
        mean_cumulative_value(*frames([], []), by_days=[5])
