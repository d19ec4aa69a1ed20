"""Occasions and silences: days in the business zone, the open silence, nothing from the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cjlib.core.errors import NotEnoughDataError
from cjlib.journey.frames import from_frames
from cjlib.journey.occasions import earlier_day, months_over, occasions, purchase_counts, silences

DAY = 86_400_000_000
HOUR = DAY // 24


def log_of(rows, as_of="1970-03-01", zone="UTC", **columns):
    frame = pd.DataFrame(rows, columns=["customer", "at", "event"]).assign(**columns)
    return from_frames(frame, as_of=as_of, zone=zone)[0]


ROWS = [("a", 0, "buy"), ("a", 5 * HOUR, "buy"), ("a", 10 * DAY, "buy"), ("b", 4 * DAY, "buy"), ("b", 5 * DAY, "look")]


def test_two_orders_of_one_day_are_one_occasion():
    rows = occasions(log_of(ROWS), activity=["buy"])
    assert sorted(rows["day"]) == [0, 4, 10]
    assert sorted(rows["until"]) == [5 * HOUR, 4 * DAY, 10 * DAY]
    assert rows["unit"].nunique() == 2


def test_a_day_is_a_day_of_the_business_zone():
    late = [("a", 22 * HOUR + 30 * 60_000_000, "buy"), ("a", 23 * HOUR + 30 * 60_000_000, "buy")]
    assert len(occasions(log_of(late), activity=["buy"])) == 1
    assert len(occasions(log_of(late, zone="Europe/Paris"), activity=["buy"])) == 2


def test_values_of_a_day_are_added_and_missing_ones_are_counted():
    rows = occasions(log_of(ROWS, value=[1.0, 2.0, np.nan, 4.0, 9.0]), activity=["buy"])
    assert rows.set_index("day")["value"].to_dict() == {0: 3.0, 10: 0.0, 4: 4.0}
    assert rows.set_index("day")["has_value"].to_dict() == {0: 2, 10: 0, 4: 1}


def test_the_last_silence_is_open_up_to_the_cut_off():
    log = log_of(ROWS)
    found = silences(occasions(log, activity=["buy"]), as_of_us=log.as_of_us)
    found = found.sort_values("length_days")
    assert found["length_days"].tolist() == pytest.approx([10 - 5 / 24, 49, 55])
    assert found["returned"].tolist() == [1, 0, 0]
    assert found["number"].tolist() == [1, 2, 1]
    assert found["pace_days"].isna().tolist() == [True, False, True]
    assert found["pace_days"].iloc[1] == pytest.approx(10 - 5 / 24)


def test_pace_is_the_mean_of_earlier_silences_only():
    days = [0, 3, 9, 29, 30]
    log = log_of([("z", 0, "buy"), *(("a", d * DAY, "buy") for d in days)])
    found = silences(occasions(log, activity=["buy"]), as_of_us=log.as_of_us)
    mine = found[found["unit"] == found["unit"].value_counts().idxmax()]
    assert mine["pace_days"].tolist()[1:] == pytest.approx([3, 4.5, 29 / 3, 7.5])


def test_purchases_are_counted_in_whole_days():
    log = log_of(ROWS)
    found = purchase_counts(occasions(log, activity=["buy"]), as_of_us=log.as_of_us)
    assert sorted(found.drop(columns="unit").to_numpy().tolist()) == [[0, 0, 55], [1, 10, 59]]


def test_months_end_in_the_zone_and_the_month_of_the_cut_off_is_not_over():
    log = log_of(ROWS, as_of="1970-03-31T22:00:00+00:00", zone="Europe/Paris")
    names, ends = months_over(occasions(log, activity=["buy"]), as_of_us=log.as_of_us, zone="Europe/Paris")
    assert names == ["1970-01", "1970-02"]
    assert ends.tolist() == [31 * DAY - HOUR, 59 * DAY - HOUR]


def test_an_earlier_day_begins_at_midnight_of_the_zone():
    rows = occasions(log_of(ROWS, zone="Europe/Paris"), activity=["buy"])
    assert earlier_day(rows, as_of_us=100 * DAY, zone="Europe/Paris", share=0.5) == (50, 50 * DAY - HOUR)


def test_nobody_active_is_said():
    log = log_of([("a", 0, "look"), ("b", 2, "buy")], who=["x", "y"])
    only = occasions(log, activity=["buy"])
    assert len(only) == 1
    with pytest.raises(NotEnoughDataError, match="Nobody was ever active"):
        occasions(_without(log, "buy"), activity=["buy"])


def _without(log, event):
    """The same log, its table without the rows of an event that its names still list."""

    class Engine:
        def table(self, store, name):
            table = log.engine.table(store, name)
            return table.filter(table.event != event)

        def fetch(self, expression):
            return log.engine.fetch(expression)

    return replace(log, engine=Engine())
