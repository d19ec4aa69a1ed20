"""Retention by days since each customer's own first activity."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.rolling_retention import rolling_retention
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.datasets.draws import exponential
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000


def log_of(rows, *, days=30.0):
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    as_of = (pd.Timestamp(0) + pd.Timedelta(days=days)).isoformat() + "+00:00"
    return from_frames(events.assign(at=(events["at"] * DAY).astype("int64")), as_of=as_of)[0]


def counts(log, edges):
    table = rolling_retention(log, activity=["open"], edges=edges).table
    return table[["n_at_risk", "n_on", "n_after"]].astype(int).to_numpy().tolist()


def test_three_people_of_a_documented_example():
    """Three users, one back on day 1, one on day 5: 33 % on those days; in it or later 67 %, then 33 %."""
    rows = [("a", 0, "open"), ("b", 0, "open"), ("c", 0, "open"), ("a", 1.5, "open"), ("b", 5.5, "open")]
    edges = [f"{day} days" for day in range(1, 7)]
    table = rolling_retention(log_of(rows), activity=["open"], edges=edges).table.iloc[1:]
    assert table["n_on"].tolist() == [1, 0, 0, 0, 1]
    assert table["n_after"].tolist() == [2, 1, 1, 1, 1]
    assert table["estimate"].iloc[0] == pytest.approx(1 / 3)


def test_a_person_counts_only_where_the_whole_bracket_is_over_for_them():
    rows = [("a", 0, "open"), ("b", 15, "open"), ("b", 29, "open"), ("c", 20, "open")]
    assert counts(log_of(rows), ["1 day", "10 days", "15 days", "30 days"]) == [
        [3, 0, 1], [3, 0, 1], [2, 1, 1], [1, 0, 0]]  # fmt: skip


def test_edges_belong_to_the_bracket_that_begins_there():
    rows = [("a", 0, "open"), ("a", 7, "open")]
    assert counts(log_of(rows), ["7 days", "14 days"]) == [[1, 0, 1], [1, 1, 1]]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 29)), min_size=1, max_size=20))
def test_counts_equal_those_of_a_walk_through_each_customer(drawn):
    edges = [0, 1, 4, 9, 20]
    rows = [(customer, at, "open") for customer, at in drawn]
    expected = []
    for one, other in pairwise(edges):
        n = on = after = 0
        for customer in {name for name, _ in drawn}:
            times = sorted(at for name, at in drawn if name == customer)
            since = [at - times[0] for at in times[1:]]  # the first activity is no return
            if times[0] + other <= 30:
                n += 1
                on += any(one <= gap < other for gap in since)
                after += any(gap >= one for gap in since)
        if n:
            expected.append([n, on, after])
    if not expected:
        with pytest.raises(NotEnoughDataError, match="followed to the end"):
            counts(log_of(rows), [f"{day} days" for day in edges[1:]])
        return
    assert counts(log_of(rows), [f"{day} days" for day in edges[1:]]) == expected


def test_the_share_of_a_known_process_is_recovered_whatever_the_arrival():
    rng = np.random.default_rng(3)
    begin = rng.random(4000) * 60
    rows = [(f"c{i}", at, "open") for i, at in enumerate(begin)]
    for i, gap in enumerate(exponential(rng, 4000, 20.0)):  # one return each, after 20 days on average
        if begin[i] + gap < 90:
            rows.append((f"c{i}", begin[i] + gap, "open"))
    table = rolling_retention(log_of(rows, days=90.0), activity=["open"], edges=["10 days", "30 days"]).table
    truth = [1 - np.exp(-0.5), np.exp(-0.5) - np.exp(-1.5)]
    assert ((table["ci_low"] < truth) & (truth < table["ci_high"])).all()


@pytest.mark.parametrize("edges", [[], ["7 days", "1 day"], ["1 day", "1 day"]])
def test_edges_that_do_not_rise_are_refused(edges):
    with pytest.raises(ParameterError, match="each longer than the one before"):
        rolling_retention(log_of([("a", 0, "open")]), activity=["open"], edges=edges)


def test_the_page_speaks_french():
    rows = [(f"c{i}", at, "open") for i in range(20) for at in (0, i % 9)]
    with using("fr"):
        card = rolling_retention(log_of(rows), activity=["open"], edges=["1 day", "7 days"]).card()
    assert "ont été actifs" in card["answer"]
    assert "nan" not in str(card)


def test_the_few_who_did_not_come_back_do_not_follow_by_subtraction():
    day = 86_400_000_000
    rows = [(f"c{i}", 0, "buy") for i in range(200)] + [(f"c{i}", 5 * day, "buy") for i in range(197)]
    log, _ = from_frames(pd.DataFrame(rows, columns=["customer", "at", "event"]), as_of="1970-05-01", min_people=5)
    row = rolling_retention(log, activity=["buy"], edges=["30 days"]).table.iloc[0]
    assert row["n_at_risk"] == 200
    assert row[["n_on", "n_off", "estimate", "n_after", "n_gone", "after"]].isna().all()
