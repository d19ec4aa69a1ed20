"""Gaps between repeated events: every case by hand, then against a plain loop."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.journey.frames import from_frames
from cjlib.journey.repeats import gaps

DAY = 86_400_000_000


def log_of(rows):
    """Rows (customer, day, event); the cut-off is day 50."""
    frame = pd.DataFrame(rows, columns=["customer", "at", "event"])
    return from_frames(frame.assign(at=(frame["at"] * DAY).astype("int64")), as_of="1970-02-20")[0]


def told(log, **options):
    found = gaps(log, event="buy", **options)
    return found[["start_days", "stop_days", "event"]].astype(int).to_numpy().tolist()


@pytest.mark.parametrize(
    ("rows", "start", "expected"),
    [
        ([("a", 0, "buy"), ("a", 10, "buy"), ("a", 30, "buy")], None, [[0, 10, 1], [10, 30, 1], [30, 50, 0]]),
        ([("a", 5, "buy"), ("a", 0, "see")], None, [[0, 45, 0]]),
        ([("a", 5, "buy"), ("a", 10, "see"), ("a", 12, "buy")], "see", [[0, 2, 1], [2, 40, 0]]),
        ([("a", 5, "buy"), ("a", 5, "buy"), ("a", 6, "buy")], None, [[0, 0, 1], [0, 1, 1], [1, 45, 0]]),
        ([("a", 0, "see"), ("b", 1, "buy")], None, [[0, 49, 0]]),
        ([("a", 1, "buy"), ("b", 2, "see"), ("b", 7, "buy")], "see", [[0, 5, 1], [5, 48, 0]]),
    ],
    ids=["two repeats", "the first opens the clock", "before the start counts nothing", "same instant",
         "others have no clock", "another customer's event is not ours"],
)  # fmt: skip
def test_gaps_by_hand(rows, start, expected):
    others = [("z", 49.5, "see"), ("z", 49.5, "sell")] if start is None else []
    assert told(log_of([*rows, *others]), start=start) == expected


EVENTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 49), st.sampled_from(["buy", "see"])), min_size=1, max_size=25
)


@settings(max_examples=25)
@given(EVENTS)
def test_gaps_agree_with_a_plain_loop(rows):
    rows = [*rows, ("d", 1, "buy"), ("d", 1, "see")]
    expected = []
    for name in "abcd":
        days = sorted(day for who, day, event in rows if who == name and event == "buy")
        if days:
            edges = [0, *np.subtract(days[1:], days[0]), 50 - days[0]]
            expected += [[a, b, int(k < len(edges) - 2)] for k, (a, b) in enumerate(itertools.pairwise(edges))]
    assert sorted(told(log_of(rows))) == sorted([[int(a), int(b), c] for a, b, c in expected])
