"""Funnel: pinned numbers, a brute-force oracle, properties, recovery of a known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.funnel import funnel
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
SIX = ["catalog", "add_to_cart", "cart", "shipping_details", "payment_details", "purchase"]


def log_of(rows, *, as_of_days=100.0, min_people=1, **columns):
    frame = pd.DataFrame(rows, columns=["customer", "at", "event"])
    frame["at"] = (frame["at"] * DAY).astype("int64")
    as_of = pd.Timestamp(int(as_of_days * DAY), unit="us", tz="UTC")
    return from_frames(frame.assign(**columns), as_of=as_of, min_people=min_people)[0]


@pytest.fixture(scope="module")
def ecom(real_data):
    frame = pd.read_csv(real_data / "ecom_clickstream" / "ecom.csv.gz")
    events = pd.DataFrame({
        "customer": frame["user_id"], "at": pd.to_datetime(frame["timestamp"]).dt.tz_localize("UTC"),
        "event": frame["event"], "sequence": range(len(frame)), "session": frame["session_id"],
    })  # fmt: skip
    return from_frames(events, as_of="2024-06-29 22:02:40")[0]


@pytest.mark.real
@pytest.mark.parametrize(("ties", "last"), [("order", 115), ("free", 115), ("strict", 114)])
def test_ecom_six_steps_per_user_as_rivals_4a(ecom, ties, last):
    found = funnel(ecom, steps=SIX, window="none", ties=ties).table["n_reached"].tolist()
    assert found == [600, 511, 431, 327, 218, last]


@pytest.mark.real
def test_ecom_per_session_and_short_funnels_as_rivals_4a(ecom):
    sessions = ecom.per(["customer", "session"])
    assert funnel(sessions, steps=SIX, window="none").table["n_reached"].tolist() == [2837, 819, 410, 155, 53, 11]
    assert funnel(ecom, steps=["catalog", "add_to_cart", "purchase"], window="none").table["n_reached"].tolist() == [
        600, 511, 285,
    ]  # fmt: skip
    assert funnel(ecom, steps=["purchase", "purchase"], window="none").table["n_reached"].tolist() == [328, 104]


@pytest.mark.parametrize(
    ("case", "rows", "as_of", "expected"),
    [
        ("one customer through", [("a", 0, "x"), ("a", 1, "y")], 100, (1, 1, 0, 0)),
        ("window end included", [("a", 0, "x"), ("a", 10, "y")], 100, (1, 1, 0, 0)),
        ("just after the window", [("a", 0, "x"), ("a", 10.001, "y")], 100, (1, 0, 0, 1)),
        ("still inside the window", [("a", 95, "x")], 100, (1, 0, 1, 0)),
        ("deadline equal to the cut-off is over", [("a", 90, "x")], 100, (1, 0, 0, 1)),
        ("step before the entry does not count", [("a", 0, "y"), ("a", 1, "x")], 100, (1, 0, 0, 1)),
        ("events after the cut-off are unknown", [("a", 95, "x"), ("a", 101, "y")], 100, (1, 0, 1, 0)),
        ("repeated entry keeps the first", [("a", 0, "x"), ("a", 50, "x"), ("a", 55, "y")], 100, (1, 0, 0, 1)),
        ("others do not enter", [("a", 0, "x"), ("a", 1, "y"), ("b", 3, "y")], 100, (1, 1, 0, 0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reached_open_and_out(case, rows, as_of, expected):
    # both event names must exist in the log whatever the case
    rows = [*rows, ("z", 0, "x"), ("z", 0.5, "y"), ("z", 1, "y")]
    row = funnel(log_of(rows, as_of_days=as_of), steps=["x", "y"], window="10 days").table.iloc[-1]
    n_start, n_reached, n_open, n_out = expected
    assert (row["n_start"] - 1, row["n_reached"] - 1, row["n_open"], row["n_out"]) == (
        n_start,
        n_reached,
        n_open,
        n_out,
    )


EVENTS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 40), st.sampled_from(["x", "y", "z"])), min_size=1, max_size=25
)


@settings(max_examples=12)
@given(EVENTS, st.integers(1, 30))
def test_counts_add_up_and_never_rise_along_the_steps(rows, window):
    rows = [*rows, *[("seed", day, name) for day, name in enumerate("xyz")]]
    log = log_of(rows, as_of_days=45)
    table = funnel(log, steps=["x", "y", "z"], window=f"{window} days").table
    assert (table["n_reached"] + table["n_open"] + table["n_out"] == table["n_start"]).all()
    assert (np.diff(table["n_reached"]) <= 0).all()
    wider = funnel(log, steps=["x", "y", "z"], window=f"{window + 10} days").table
    assert (wider["n_reached"] >= table["n_reached"]).all()
    best = funnel(log, steps=["x", "y", "z"], window=f"{window} days", entry="best").table
    assert (best["n_reached"] >= table["n_reached"]).all()
    known = table[table["share_mature"].notna()]
    assert ((known["ci_low"] <= known["share_mature"]) & (known["share_mature"] <= known["ci_high"])).all()


@settings(max_examples=8)
@given(EVENTS, st.randoms())
def test_names_order_and_foreign_events_do_not_matter(rows, random):
    rows = list(dict.fromkeys([*rows, *[("seed", day, name) for day, name in enumerate("xyz")]]))
    plain = funnel(log_of(rows), steps=["x", "y", "z"], window="9 days").table
    other = [(f"k{name}", day, event) for name, day, event in rows] + [("new", 5, "noise"), ("kseed", 1, "noise")]
    random.shuffle(other)
    pd.testing.assert_frame_equal(plain, funnel(log_of(other), steps=["x", "y", "z"], window="9 days").table)


def test_groups_sum_to_everybody_and_the_largest_comes_first():
    rows = [(f"c{i}", i % 7, "x") for i in range(30)] + [(f"c{i}", 9, "y") for i in range(0, 30, 2)]
    log = log_of(rows, device=["m" if int(row[0][1:]) % 3 else "d" for row in rows])
    table = funnel(log, steps=["x", "y"], window="20 days", by="device").table
    total, parts = table[table["group"] == "(all)"], table[table["group"] != "(all)"]
    assert parts["group"].drop_duplicates().tolist() == ["m", "d"]
    for column in ("n_start", "n_reached", "n_open", "n_out"):
        assert parts.groupby("step_order")[column].sum().tolist() == total[column].tolist()


def test_the_curve_rate_equals_the_mature_rate_when_everybody_is_mature():
    rows = [(f"c{i}", i % 7, "x") for i in range(40)] + [(f"c{i}", 9, "y") for i in range(0, 40, 3)]
    row = funnel(log_of(rows), steps=["x", "y"], window="20 days").table.iloc[-1]
    assert row["share_curve"] == pytest.approx(row["share_mature"], abs=1e-12)
    assert row["n_open"] == 0


def test_rt_42_open_customers_are_not_lost_and_the_truth_is_recovered():
    # Entry over 90 days, cut-off on day 90, true share within 30 days 1 - exp(-30 * rate) = 0.338.
    rng = np.random.default_rng(11)
    n, rate = 4000, -np.log(1 - 0.338) / 30
    entry, wait = rng.uniform(0, 90, n), rng.exponential(1 / rate, n)
    rows = [(f"c{i:05d}", entry[i], "x") for i in range(n)]
    rows += [(f"c{i:05d}", entry[i] + wait[i], "y") for i in range(n) if entry[i] + wait[i] <= 90]
    row = funnel(log_of(rows, as_of_days=90), steps=["x", "y"], window="30 days").table.iloc[-1]
    assert row["share_naive"] < 0.338 - 0.03
    assert row["share_curve"] == pytest.approx(0.338, abs=0.015)
    assert row["curve_low"] < 0.338 < row["curve_high"]
    assert row["ci_low"] < 0.338 < row["ci_high"]
    # everybody counted: the curve's interval is narrower than that of the mature alone
    assert row["curve_high"] - row["curve_low"] < row["ci_high"] - row["ci_low"]


def test_small_counts_are_hidden_and_the_answer_stays_a_sentence():
    rows = [(f"c{i}", 0, "x") for i in range(40)] + [(f"c{i}", 2, "y") for i in range(3)]
    result = funnel(log_of(rows, min_people=5), steps=["x", "y"], window="20 days")
    row = result.table.iloc[-1]
    assert row[["n_reached", "share_naive", "share_mature", "share_curve"]].isna().all()
    assert "nan" not in result.answer().lower()
    assert "NaN" not in str(result.to_dict())
    assert {note.code for note in result.notes} >= {"CJ-PV-010"}


def test_all_still_open_says_that_the_mature_rate_cannot_be_said():
    rows = [(f"c{i}", 95, "x") for i in range(30)] + [("c1", 96, "y")]
    result = funnel(log_of(rows), steps=["x", "y"], window="30 days")
    assert "CJ-AN-002" in {note.code for note in result.notes}
    assert "cannot be said" in " ".join(note.message for note in result.notes)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"steps": ["x", "purchas"]}, "Did you mean 'purchase'"),
        ({"steps": ["x"]}, "at least 2"),
        ({"window": "30"}, "duration with a unit"),
        ({"by": "colour"}, "not an attribute"),
        ({"entry": "last"}, "Allowed: first, best"),
    ],
)
def test_wrong_arguments_name_what_is_allowed(arguments, match):
    log = log_of([("a", 0, "x"), ("a", 1, "purchase")])
    with pytest.raises(ParameterError, match=match):
        funnel(log, **{"steps": ["x", "purchase"], "window": "30 days", **arguments})


def test_bad_47_an_empty_log_is_a_sentence():
    log = from_frames(None, as_of="2026-01-01")[0]
    with pytest.raises(NotEnoughDataError, match="no events"):
        funnel(log, steps=["x", "y"], window="30 days")
