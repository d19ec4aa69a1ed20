"""From stage to stage: by hand, against a plain loop, and known times under competing ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.stage_times import stage_times
from cjlib.analyses.time_to_event import time_to_event
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
STAGES = [{"name": "Look", "events": ["see", "read"]}, {"name": "Choose", "events": ["cart"]},
          {"name": "Buy", "events": ["buy"]}]  # fmt: skip


def log_of(rows, *, ends=(), min_people=1):
    """Rows (customer, day, event); the cut-off is day 50."""
    frame = pd.DataFrame(rows, columns=["customer", "at", "event"])
    frame["at"] = (frame["at"].astype(float) * DAY).astype("int64")
    return replace(from_frames(frame, as_of="1970-02-20", min_people=min_people)[0], ends=tuple(ends))


def random_rows(seed, n=60):
    rng = np.random.default_rng(seed)
    names = ["see", "read", "cart", "buy", "leave"]
    return [
        (f"c{i}", day, rng.choice(names)) for i in range(n) for day in np.sort(rng.choice(490, 6, replace=False)) / 10
    ]


@pytest.mark.parametrize("seed", range(4))
def test_counts_and_naive_median_agree_with_a_plain_loop(seed):
    rows = random_rows(seed)
    table = stage_times(log_of(rows, ends=["leave"]), stages=STAGES).table
    for (begin, goal), row in zip((({"see", "read"}, {"cart"}), ({"cart"}, {"buy"})), table.itertuples(), strict=True):
        waits, other, still = [], 0, 0
        for who in {who for who, *_ in rows}:
            own = [(day, event) for name, day, event in rows if name == who]
            first = next((day for day, event in own if event in begin), None)
            if first is None:
                continue
            later = [(day, event) for day, event in own if day > first and event in goal | {"leave"}]
            if not later:
                still += 1
            elif later[0][1] == "leave":
                other += 1
            else:
                waits.append(later[0][0] - first)
        assert (row.n_event, row.n_competing, row.n_open) == (len(waits), other, still)
        assert row.naive_median_days == pytest.approx(np.median(waits))


def test_where_everybody_has_ended_the_share_is_known_for_any_later_time():
    rows = [(f"a{i}", 0, "see") for i in range(8)]
    rows += [(f"a{i}", 1, "cart") for i in range(6)] + [(f"a{i}", 2, "leave") for i in (6, 7)]
    result = stage_times(log_of(rows, ends=["leave"]), stages=STAGES[:2], within="30 days")
    row = result.table.iloc[0]
    assert (row["n_open"], row["estimate"]) == (0, pytest.approx(6 / 8))
    assert row["ci_low"] < 0.75 < row["ci_high"]
    assert "CJ-AN-012" not in {note.code for note in result.notes}


def test_each_row_says_what_time_to_event_says_of_that_clock():
    log = log_of(random_rows(9), ends=["leave"])
    row = stage_times(log, stages=STAGES, within="10 days").table.iloc[0]
    clock = {"start": ["see", "read"], "outcome": "cart", "competing": ["leave"], "horizons": ["10 days"]}
    one = time_to_event(log, **clock)
    whole = one.more("groups").iloc[0]
    assert row["estimate"] == pytest.approx(one.table["estimate"].iloc[0])
    assert (row["median_days"], row["n_open"]) == (whole["median_days"], whole["n_open"])


def test_a_known_time_is_recovered_although_some_leave_and_some_are_still_waiting():
    rng = np.random.default_rng(2)
    rows = []
    for i in range(4000):
        begin, wait, leave = rng.uniform(0, 50), rng.exponential(10), rng.exponential(20)
        rows.append((f"c{i}", begin, "see"))
        day, event = min((begin + wait, "cart"), (begin + leave, "leave"))
        rows += [(f"c{i}", day, event)] if day < 50 else []
    row = stage_times(log_of([*rows, ("z", 1, "buy")], ends=["leave"]), stages=STAGES, within="10 days").table.iloc[0]
    truth = 2 / 3 * (1 - np.exp(-10 * 0.15))
    assert row["ci_low"] < truth < row["ci_high"]
    assert row["ci_high"] - row["ci_low"] < 0.05
    median = -np.log(1 - 0.5 / (2 / 3)) / 0.15  # of all: the sub-distribution reaches one half late
    assert row["median_low"] < median < row["median_high"]
    assert row["naive_median_days"] < 0.6 * median


def test_what_cannot_be_said_is_said():
    log = log_of([(f"c{i}", 0, "see") for i in range(20)] + [("z", 1, "cart")], min_people=5)
    found = stage_times(log, stages=STAGES, within="400 days")
    assert "Too few" in found.answer()
    assert any("Choose → Buy" in note.message for note in found.notes)
    assert any("beyond the time observed" in note.message for note in found.notes)
    with using("fr"):
        assert "nan" not in str(found.card())
    with pytest.raises(ParameterError, match="two stages"):
        stage_times(log, stages=STAGES[:1])
    with pytest.raises(NotEnoughDataError, match="follow each other"):
        stage_times(log, stages=STAGES[1:])
