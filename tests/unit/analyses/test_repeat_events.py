"""Repeated events: by hand, against a plain loop, and a simulated rate that is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.repeat_events import repeat_events
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000


def log_of(rows, customers=None, *, as_of="1970-07-20", min_people=1):
    frame = pd.DataFrame(rows, columns=["customer", "at", "event"])
    frame["at"] = (frame["at"].astype(float) * DAY).astype("int64")
    return from_frames(frame, customers=customers, as_of=as_of, min_people=min_people)[0]


def poisson(n, seed, *, rates=(0.02,), spread=0.0, days=200):
    """First purchase on a random day, then repeats at a constant rate each; a customer's rate may differ."""
    rng = np.random.default_rng(seed)
    rows, customers = [], []
    for i in range(n):
        group = i % len(rates)
        rate = rates[group] * (rng.gamma(1 / spread, spread) if spread else 1.0)
        at = rng.uniform(0, days)
        customers.append((f"c{i}", "AB"[group]))
        while at < days:
            rows.append((f"c{i}", at, "buy"))
            at += rng.exponential(1 / rate)
    return log_of(rows, pd.DataFrame(customers, columns=["customer", "side"]), min_people=5)


def test_mean_number_by_hand():
    # Day 200 is the cut-off. a: followed 200 days, back on 10 and 60; b: followed 50 days, back on 20.
    log = log_of([("a", 0, "buy"), ("a", 10, "buy"), ("a", 60, "buy"), ("b", 150, "buy"), ("b", 170, "buy")])
    table = repeat_events(log, event="buy", horizons=["15 days", "30 days", "100 days"]).table
    assert table["estimate"].tolist() == [0.5, 1.0, 2.0]  # at day 60 only a is still followed: one event of one
    assert table["n_at_risk"].tolist() == [2, 2, 1]
    assert table["n_again"].tolist() == [1, 2, 2]
    assert table["naive"].tolist() == [0.5, 1.0, 1.5]
    assert table["once"].tolist() == [0.5, 1.0, 1.0]


def test_it_agrees_with_a_plain_loop_over_days():
    log = poisson(150, 3, rates=(0.03, 0.05))
    rows = log.engine.fetch(log.table.select("unit", "at")).sort_values(["unit", "at"])
    clocks = [(part["at"].to_numpy() - part["at"].iloc[0]) / DAY for _, part in rows.groupby("unit")]
    ends = [(log.as_of_us - part["at"].iloc[0]) / DAY for _, part in rows.groupby("unit")]
    events = sorted(float(time) for clock in clocks for time in clock[1:])
    table = repeat_events(log, event="buy", horizons=["20 days", "90 days", "150 days"]).table
    for row in table.itertuples():
        total = sum(1 / sum(end >= time for end in ends) for time in events if time <= row.horizon_days)
        assert row.estimate == pytest.approx(total, rel=1e-9)


def test_a_known_rate_is_recovered_while_events_so_far_per_customer_fall_short():
    log = poisson(3000, 11)
    table = repeat_events(log, event="buy", horizons=["50 days", "150 days"]).table
    assert ((table["ci_low"] < [1.0, 3.0]) & (table["ci_high"] > [1.0, 3.0])).all()
    assert (table["ci_high"] - table["ci_low"] < [0.15, 0.35]).all()
    assert table["naive"].iloc[1] < 2.1  # the truth is 3: most were followed for less than 150 days
    assert table["once"].iloc[1] == pytest.approx(1 - np.exp(-3), abs=0.03)


def test_the_interval_holds_where_customers_differ():
    # Customers' rates differ (gamma): errors that take events as independent would be far too small.
    held = 0
    for seed in range(20):
        table = repeat_events(poisson(150, seed, spread=1.5), event="buy", horizons=["60 days"]).table
        held += table["ci_low"].iloc[0] < 1.2 < table["ci_high"].iloc[0]
    assert held >= 16


def test_a_known_ratio_of_rates_is_recovered_and_none_is_found_where_there_is_none():
    found = repeat_events(poisson(2000, 5, rates=(0.02, 0.03)), event="buy", by="side")
    row = found.more("comparison").iloc[0]
    truth = 1.5 if row["group"] == "B" else 1 / 1.5
    assert row["ci_low"] < truth < row["ci_high"]
    assert row["p_adjusted"] < 1e-6
    assert "times as often as" in found.answer()
    assert found.comparisons == 1
    none = repeat_events(poisson(1000, 6, rates=(0.02, 0.02), spread=1.0), event="buy", by="side")
    assert "No difference" in none.answer()


def test_the_ratio_does_not_depend_on_the_order_of_customers_or_on_how_late_they_came():
    rows = [(f"c{i}", day, "buy") for i in range(40) for day in (0, *range(5 + i % 7, 160, 12 + 9 * (i % 2)))]
    side = pd.DataFrame({"customer": [f"c{i}" for i in range(40)], "side": ["A", "B"] * 20})
    first = repeat_events(log_of(rows, side), event="buy", by="side")
    again = repeat_events(log_of(rows[::-1], side), event="buy", by="side")
    assert first.to_dict()["more"] == again.to_dict()["more"]


def test_small_groups_are_neither_printed_nor_compared():
    rows = [(f"c{i}", day, "buy") for i in range(30) for day in (0, 20, 40)]
    side = pd.DataFrame({"customer": [f"c{i}" for i in range(30)], "side": ["A"] * 27 + ["B"] * 3})
    found = repeat_events(log_of(rows, side, min_people=5), event="buy", by="side", horizons=["50 days"])
    shown = found.table.set_index("group")
    assert np.isnan(shown.loc["B", "estimate"])
    assert shown.loc["(all)", "estimate"] == 2.0
    assert any("large enough" in note.message for note in found.notes)


def test_nobody_came_back_or_started_is_said_plainly():
    log = log_of([(f"c{i}", 0, "buy") for i in range(20)] + [("z", 0, "see")], min_people=5)
    found = repeat_events(log, event="buy", horizons=["30 days", "400 days"])
    assert found.table["estimate"].iloc[0] == 0
    assert np.isnan(found.table["estimate"].iloc[1])
    with using("fr"):
        assert "nan" not in str(found.card())
    with pytest.raises(ParameterError, match="buy"):
        repeat_events(log, event="buyy")
    ended = log_of([("a", 300, "buy"), ("b", 0, "see")])
    with pytest.raises((NotEnoughDataError, ParameterError)):
        repeat_events(ended, event="buy")
