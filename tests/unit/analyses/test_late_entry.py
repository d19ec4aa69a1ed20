"""Clocks that started before outcomes were recorded: late entry recovers what survivors alone would hide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.time_to_event import time_to_event
from cjlib.core.errors import ParameterError
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
CLOCK = {"start": "join", "outcome": "buy", "horizons": ["30 days", "60 days"]}


def log_of(rows, customers=None, *, min_people=1):
    """Rows (customer, day, event); the cut-off is day 200."""
    frame = pd.DataFrame(rows, columns=["customer", "at", "event"])
    frame["at"] = (frame["at"].astype(float) * DAY).astype("int64")
    return from_frames(frame, customers=customers, as_of="1970-07-20", min_people=min_people)[0]


def truncated(n, seed, *, since=100.0, rate=0.02, leave=0.0):
    """Customers join over 200 days; recorded from day `since`: who had bought or left by then was never seen."""
    rng = np.random.default_rng(seed)
    rows, dates = [], []
    for i in range(n):
        begin, wait = rng.uniform(0, 200), rng.exponential(1 / rate)
        event = "buy"
        if leave and (other := rng.exponential(1 / leave)) < wait:
            wait, event = other, "leave"
        if begin + wait <= since:
            continue
        rows.append((f"c{i}", begin, "join"))
        rows += [(f"c{i}", begin + wait, event)] if begin + wait < 200 else []
        dates.append((f"c{i}", pd.Timestamp(int(since * DAY), unit="us", tz="UTC"), "AB"[i % 2]))
    return log_of(rows, pd.DataFrame(dates, columns=["customer", "tracked", "side"]), min_people=5)


def shares(log, **options):
    return time_to_event(log, **CLOCK, **options).table


def test_late_entry_recovers_the_truth_that_survivors_alone_hide():
    log = truncated(6000, 4)
    right, wrong = shares(log, observed_from="tracked"), shares(log)
    truth = 1 - np.exp(-0.02 * np.array([30.0, 60.0]))
    assert ((right["ci_low"] < truth) & (truth < right["ci_high"])).all()
    assert (right["ci_high"] - right["ci_low"] < 0.06).all()
    assert (wrong["ci_high"] < truth - 0.08).all()


def test_late_entry_recovers_the_share_under_competing_ends():
    log = truncated(8000, 6, leave=0.01)
    row = shares(log, competing=["leave"], observed_from="tracked")
    row = row[row["outcome"] == "buy"].iloc[1]
    truth = 2 / 3 * (1 - np.exp(-0.03 * 60))
    assert row["ci_low"] < truth < row["ci_high"]


def test_rates_along_the_wait_count_nobody_before_they_were_watched():
    bands = time_to_event(truncated(6000, 6), **CLOCK, observed_from="tracked").more("hazard")
    known = bands[bands["n_event"] > 50]
    assert (known["ci_low"].lt(2.2) & known["ci_high"].gt(1.8)).all()  # the truth is 2 per 100 and day throughout


def test_groups_that_do_not_differ_are_not_told_apart_by_their_late_entries():
    found = time_to_event(truncated(2000, 8), **CLOCK, by="side", observed_from="tracked")
    assert found.more("comparison")["p_value"].iloc[0] > 0.01


def test_a_day_for_all_and_a_date_of_each_customer_agree():
    log = truncated(400, 7)
    by_day, by_date = (shares(log, observed_from=given) for given in ("1970-04-11", "tracked"))
    assert by_day.equals(by_date)


def test_who_ended_before_being_watched_is_left_out_and_the_number_of_late_entries_is_said():
    rows = [("a", 0, "join"), ("a", 50, "buy"), ("b", 0, "join"), ("b", 150, "buy"), ("c", 120, "join")]
    found = time_to_event(log_of(rows), **CLOCK, observed_from="1970-04-11")
    assert found.more("groups")[["n", "n_event", "n_open"]].to_numpy().tolist() == [[2, 1, 1]]
    said = {note.code: note.message for note in found.notes}
    assert "1 of 2" in said["CJ-AN-168"]


def test_an_outcome_among_few_early_ones_is_cautioned():
    rows = [("a", 99, "join"), ("a", 102, "buy")]
    rows += [(f"c{i}", 40 + i / 2, "join") for i in range(40)] + [(f"c{i}", 150 + i, "buy") for i in range(40)]
    found = time_to_event(log_of(rows), **CLOCK, observed_from="1970-04-11")
    assert "CJ-AN-169" in {note.code for note in found.notes}


def test_a_name_that_is_neither_a_date_nor_a_day_is_refused():
    with pytest.raises(ParameterError, match="tracked"):
        shares(truncated(50, 1), observed_from="trackd")


EVENTS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 199), st.sampled_from(["join", "buy"])),
                  min_size=1, max_size=30)  # fmt: skip


@settings(max_examples=15)
@given(EVENTS)
def test_watching_from_before_everything_changes_nothing(rows):
    log = log_of([*rows, ("z", 1, "join"), ("z", 9, "buy")])
    plain, early = (time_to_event(log, **CLOCK, observed_from=day) for day in (None, "1960-01-01"))
    assert plain.table.equals(early.table)
    for name in ("groups", "curve", "hazard"):
        assert plain.more(name).equals(early.more(name))
