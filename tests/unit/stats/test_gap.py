"""Return after silence: open silences are censored, customers are resampled, the truth is found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.curve import at, kaplan_meier
from cjlib.stats.gap import pace_class, return_curve, smallest_threshold


def lapsing(n=2000, *, rate=1 / 20, leave=0.3, follow=300.0, seed=0):
    """Customers who come again at `rate` and leave for good after each activity with probability `leave`."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit in range(n):
        end = rng.uniform(50, follow)
        when = 0.0
        while True:
            gap = np.inf if rng.random() < leave else rng.exponential(1 / rate)
            rows.append((unit, min(gap, end - when), int(when + gap < end)))
            when += gap
            if when >= end:
                break
    return pd.DataFrame(rows, columns=["unit", "length_days", "returned"])


def true_return(tau, within, *, rate=1 / 20, leave=0.3):
    alive = (1 - leave) * np.exp(-rate * tau)
    return alive * (1 - np.exp(-rate * within)) / (alive + leave)


@pytest.mark.parametrize("tau", [5, 20, 40, 60])
def test_the_share_that_returns_is_found_again_on_simulated_customers(tau):
    row = return_curve(lapsing(), within_days=40, tau_days=[tau], n_draws=200).table.iloc[0]
    truth = true_return(tau, 40)
    assert row["ci_low"] - 0.01 <= truth <= row["ci_high"] + 0.01
    assert abs(row["estimate"] - truth) < 0.04


def test_leaving_out_the_open_silence_would_hide_who_left():
    gaps = lapsing(3000)
    closed = gaps[gaps["returned"] == 1]
    naive = return_curve(closed, within_days=50, tau_days=[40], n_draws=0).table["estimate"].iloc[0]
    honest = return_curve(gaps, within_days=50, tau_days=[40], n_draws=0).table["estimate"].iloc[0]
    assert naive > 0.8
    assert honest == pytest.approx(true_return(40, 50), abs=0.08)


def test_the_chosen_threshold_is_near_the_true_one():
    chosen, low, high = smallest_threshold(return_curve(lapsing(4000), within_days=60, n_draws=200))
    truth = next(tau for tau in range(1, 300) if true_return(tau, 60) <= 0.10)
    assert abs(chosen - truth) <= 8
    assert low - 1 <= truth <= high + 1


def test_it_is_kaplan_meier_of_whole_days():
    gaps = lapsing(60, seed=3).assign(length_days=lambda g: np.floor(g["length_days"]))
    counts = pd.DataFrame({"group": "x", "duration_days": gaps["length_days"], "outcome": gaps["returned"], "n": 1})
    curve = kaplan_meier(counts)
    # P(length >= d) is the curve just before d, which for whole days is the curve at d - 1/2
    there, later = at(curve, [9.5, 39.5])["estimate"]
    mine = return_curve(gaps, within_days=30, tau_days=[10], n_draws=0).table.iloc[0]
    assert mine["estimate"] == pytest.approx(1 - later / there, abs=1e-12)
    assert mine["n_silences"] == (gaps["length_days"] >= 10).sum()


def test_strata_are_added_by_their_silences():
    fast, slow = lapsing(150, rate=1 / 5, seed=1), lapsing(150, rate=1 / 60, seed=2)
    both = pd.concat([fast.assign(stratum="fast"), slow.assign(stratum="slow", unit=slow["unit"] + 1000)])
    mine = return_curve(both, within_days=30, tau_days=[20], n_draws=0).table["estimate"].iloc[0]
    parts = []
    for part in (fast, slow):
        counts = pd.DataFrame({"group": "x", "duration_days": np.floor(part["length_days"]),
                               "outcome": part["returned"], "n": 1})  # fmt: skip
        parts.append((len(part), *at(kaplan_meier(counts), [19.5, 49.5])["estimate"]))
    wanted = sum(n * (here - later) for n, here, later in parts) / sum(n * here for n, here, _ in parts)
    assert mine == pytest.approx(wanted, abs=1e-12)


def test_one_customer_with_many_silences_does_not_look_like_many_customers():
    one = lapsing(60, seed=5)
    many = pd.concat([one] * 6, ignore_index=True)  # the same silences six times over, same customers
    width = [np.ptp(return_curve(g, within_days=30, tau_days=[20], n_draws=300).table[["ci_low", "ci_high"]].to_numpy())
             for g in (one, many)]  # fmt: skip
    assert width[1] == pytest.approx(width[0], rel=0.35)


def test_nothing_is_said_beyond_what_is_followed():
    gaps = lapsing(100, follow=60)
    table = return_curve(gaps, within_days=20, n_draws=0).table
    assert table["tau_days"].max() + 20 <= gaps["length_days"].max()
    with pytest.raises(NotEnoughDataError, match="not followed long enough"):
        return_curve(gaps, within_days=100)


def test_not_reached_is_infinite_and_said_so():
    gaps = pd.DataFrame({"unit": range(200), "length_days": np.arange(200) % 100 + 1.0, "returned": 1})
    assert smallest_threshold(return_curve(gaps, within_days=50, n_draws=50))[0] == np.inf


@pytest.mark.parametrize(
    ("change", "within"),
    [({"length_days": -1.0}, 10), ({"length_days": float("nan")}, 10), ({"returned": 2}, 10), ({}, 0)],
)
def test_broken_input_is_refused(change, within):
    with pytest.raises(ParameterError):
        return_curve(lapsing(30).assign(**change), within_days=within)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(0, 60), st.integers(0, 1)), min_size=40, max_size=120),
    st.integers(1, 20),
)
def test_shares_are_shares_and_a_longer_window_never_finds_fewer(rows, within):
    gaps = pd.DataFrame(rows, columns=["unit", "length_days", "returned"])
    try:
        long = return_curve(gaps, within_days=within + 5, n_draws=20)
    except NotEnoughDataError:
        return
    short = return_curve(gaps, within_days=within, tau_days=long.table["tau_days"], n_draws=20)
    assert long.table[["estimate", "ci_low", "ci_high"]].to_numpy().min() >= -1e-12
    assert long.table[["estimate", "ci_low", "ci_high"]].to_numpy().max() <= 1 + 1e-12
    joined = long.table.merge(short.table, on="tau_days")
    assert (joined["estimate_x"] >= joined["estimate_y"] - 1e-12).all()
    assert (joined["ci_low_x"] <= joined["estimate_x"]).all()
    assert (joined["estimate_x"] <= joined["ci_high_x"]).all()


def test_pace_is_what_was_known_when_the_silence_began():
    assert pace_class([1, 1], [np.nan, np.nan]).tolist() == [0, 0]
    assert pace_class([1, 2, 3, 2], [np.nan, 1.0, 10.0, 100.0]).tolist() == [0, 1, 2, 3]


def test_the_days_before_a_regular_purchase_are_no_leaving():
    gaps = pd.DataFrame({"unit": range(300), "length_days": 20.0 + np.arange(300) % 30, "returned": 1})
    curve = return_curve(gaps, within_days=10, n_draws=0)
    assert curve.table["estimate"].iloc[1] == 0  # nobody comes back within ten days of a purchase ...
    assert smallest_threshold(curve)[0] == np.inf  # ... and everybody does later
