"""The last thing done before being asked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.journey.frames import from_frames
from cjlib.journey.touchpoint import NOTHING, last_touchpoint


def study(events, asked):
    rows = pd.DataFrame([("z", 0, "visit"), *events], columns=["customer", "at", "event"])
    said = pd.DataFrame(asked, columns=["customer", "asked_at", "answered_at"])
    return from_frames(rows, responses=said.assign(instrument="csat", score=5.0), as_of="1970-01-01T00:00:01+00:00",
                       scales={"csat": (1, 5)})  # fmt: skip


def names(events, asked):
    log, responses = study(events, asked)
    return last_touchpoint(responses, log, instrument="csat").tolist()


def test_it_is_the_last_event_strictly_before_the_invitation():
    events = [("a", 1, "visit"), ("a", 5, "cart"), ("a", 10, "purchase"), ("a", 11, "review")]
    assert names(events, [("a", 10, 20)]) == ["cart"], "the purchase of the very instant is not before it"
    assert names(events, [("a", 11, 20)]) == ["purchase"]
    assert names(events, [("a", 1, 20)]) == [NOTHING]


def test_without_the_date_of_the_invitation_it_is_what_came_before_the_answer():
    assert names([("a", 1, "visit"), ("a", 5, "cart")], [("a", np.nan, 6)]) == ["cart"]


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20), st.sampled_from(["visit", "cart", "call"])),
                min_size=1, max_size=15, unique_by=lambda row: row[:2]),
       st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 20)), min_size=1, max_size=4, unique=True))  # fmt: skip
def test_it_equals_a_walk_through_each_customer_and_knows_nothing_of_the_future(events, asked):
    answers = [(customer, at, at + 30) for customer, at in asked]
    log, responses = study(events, answers)
    found = last_touchpoint(responses, log, instrument="csat")
    order = responses.frame(["asked_at", "answered_at"]).set_index("response")
    counted = {}
    for customer, at in asked:
        before = [(when, event) for who, when, event in events if who == customer and when < at]
        counted[customer, at] = max(before)[1] if before else NOTHING
    assert sorted(found.tolist()) == sorted(counted.values())
    assert len(order) == len(found)
    past = [row for row in events if any(row[0] == customer and row[1] < at for customer, at in asked)]
    assert sorted(names(past, answers)) == sorted(found.tolist())
