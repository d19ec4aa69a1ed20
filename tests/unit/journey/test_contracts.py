"""Contracts as spells, and calendar months of a contract."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.journey.contracts import contracts, full_months, month_starts
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000


def log_of(rows, *, as_of="1970-12-01", zone="UTC"):
    events = pd.DataFrame(rows, columns=["customer", "at", "event", "value"])
    return from_frames(events.assign(at=events["at"] * DAY), as_of=as_of, zone=zone)[0]


def by_hand(rows):
    """Spells of each customer, event by event."""
    found = []
    for customer in sorted({row[0] for row in rows}):
        begun, spell = None, 0
        for _, at, event, value in sorted((row for row in rows if row[0] == customer), key=lambda row: row[1]):
            if event == "open" and begun is None:
                begun, worth, spell = at, value, spell + 1
            elif event == "close" and begun is not None:
                found.append((spell, begun * DAY, at * DAY, worth))
                begun = None
        if begun is not None:
            found.append((spell, begun * DAY, -1, worth))
    return sorted(found)


@pytest.mark.parametrize(("events", "spells"), [
    ([("a", 1, "open", 5.0), ("a", 9, "close", np.nan)], [(1, 1, 9, 5.0)]),
    ([("a", 1, "open", 5.0)], [(1, 1, -1, 5.0)]),
    ([("a", 1, "open", 5.0), ("a", 3, "open", 7.0), ("a", 9, "close", np.nan)], [(1, 1, 9, 5.0)]),
    ([("a", 1, "close", np.nan), ("a", 3, "open", 7.0)], [(1, 3, -1, 7.0)]),
    ([("a", 1, "open", 5.0), ("a", 3, "close", np.nan), ("a", 4, "close", np.nan), ("a", 6, "open", 8.0)],
     [(1, 1, 3, 5.0), (2, 6, -1, 8.0)]),
    ([("a", 1, "open", 5.0), ("b", 3, "close", np.nan), ("b", 4, "open", 2.0)], [(1, 1, -1, 5.0), (1, 4, -1, 2.0)]),
], ids=["closed", "in force", "opened twice", "closed before", "comes back", "another's end"])  # fmt: skip
def test_a_contract_runs_from_its_start_to_the_next_end_of_the_same_customer(events, spells):
    found = contracts(log_of([*events, ("z", 0, "open", 1.0), ("z", 2, "close", 1.0)]), start="open", end="close")
    rows = [row for row in found.drop(columns="unit").itertuples(index=False, name=None) if row[1] != 0]
    assert sorted(rows) == [
        (spell, begin * DAY, end * DAY if end >= 0 else -1, value) for spell, begin, end, value in spells
    ]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.sampled_from(["open", "close"])),
                min_size=1, max_size=30, unique_by=lambda row: row[:2]))  # fmt: skip
def test_spells_equal_those_counted_event_by_event(drawn):
    rows = [(customer, at, event, float(at)) for customer, at, event in drawn]
    rows += [("z", 0, "open", 0.0), ("z", 1, "close", 0.0)]
    found = contracts(log_of(rows), start="open", end="close")
    assert sorted(found[["spell", "from_us", "to_us", "value"]].itertuples(index=False, name=None)) == by_hand(rows)


def test_it_says_what_is_missing():
    log = log_of([("a", 1, "open", 1.0), ("b", 1, "close", 1.0)])
    with pytest.raises(ParameterError, match="Did you mean 'close'"):
        contracts(log, start="open", end="closed")
    # The opening comes after the cut-off: its name is known, but no contract is.
    late = log_of([("a", 1, "close", 1.0), ("a", 2, "open", 1.0), ("a", 2, "close", 1.0)])
    assert len(contracts(late, start="open", end="close")) == 1


def micro(text, zone="UTC"):
    return pd.Timestamp(text, tz=zone).tz_convert("UTC").value // 1000


@pytest.mark.parametrize(("begin", "finish", "months"), [
    ("2026-01-15 10:00", "2026-02-15 09:59", 0),
    ("2026-01-15 10:00", "2026-02-15 10:00", 1),
    ("2026-01-31 00:00", "2026-02-27 23:59", 0),
    ("2026-01-31 00:00", "2026-02-28 00:00", 1),
    ("2024-01-31 00:00", "2024-02-28 12:00", 0),
    ("2024-02-29 00:00", "2025-02-28 00:00", 12),
    ("2026-03-10 00:00", "2026-03-10 00:00", 0),
])  # fmt: skip
def test_a_month_of_contract_is_full_on_its_anniversary(begin, finish, months):
    assert full_months([micro(begin)], [micro(finish)], "UTC").tolist() == [months]


def test_months_are_those_of_the_business_zone_across_the_change_of_clocks():
    begin, finish = micro("2026-03-15 08:00", "Europe/Paris"), micro("2026-04-15 08:00", "Europe/Paris")
    assert finish - begin == 31 * DAY - 3_600_000_000
    assert full_months([begin], [finish], "Europe/Paris").tolist() == [1]


def test_calendar_months_are_whole_ones_between_two_instants():
    found = month_starts(micro("2026-01-05"), micro("2026-04-10"), "Europe/Paris")
    assert found["month"].tolist() == ["2026-02", "2026-03"]
    assert found["from_us"].tolist() == [micro("2026-02-01", "Europe/Paris"), micro("2026-03-01", "Europe/Paris")]
    assert found["to_us"].iloc[-1] == micro("2026-04-01", "Europe/Paris")
    assert month_starts(micro("2026-01-01"), micro("2026-02-01"), "UTC")["month"].tolist() == ["2026-01"]
    assert month_starts(micro("2026-01-05"), micro("2026-01-20"), "UTC").empty


@pytest.mark.parametrize(("zone", "first", "last", "months"), [
    ("America/Sao_Paulo", "2018-11-04 12:00", "2019-01-10 12:00", ["2018-12"]),  # clocks skipped that midnight
    ("America/Havana", "2001-03-05 12:00", "2001-06-02 12:00", ["2001-04", "2001-05"]),  # no midnight on 1 April
    ("America/Havana", "2015-10-05 12:00", "2015-12-02 12:00", ["2015-11"]),  # two midnights on 1 November
])  # fmt: skip
def test_months_are_counted_where_clocks_change_at_midnight(zone, first, last, months):
    begin, finish = micro(first, zone), micro(last, zone)
    found = month_starts(begin, finish, zone)
    assert found["month"].tolist() == months
    assert (found["to_us"] > found["from_us"]).all()
    assert full_months([begin], [finish], zone).tolist() == [2] if months == ["2018-12"] else True
