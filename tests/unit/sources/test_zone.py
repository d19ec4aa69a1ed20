"""Wall clocks: the same instants as the zone table, gaps and repeats marked exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.sources.zone import check_zone, clock, first_instant, microseconds

ZONES = ["Europe/Paris", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
WALLS = st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2100, 12, 30))


def oracle(naive: datetime, zone: str, fold: int) -> int:
    """UTC microseconds by zoneinfo."""
    aware = naive.replace(tzinfo=ZoneInfo(zone), fold=fold)
    return (aware.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@settings(max_examples=20)
@given(walls=st.lists(WALLS, min_size=1, max_size=20), zone=st.sampled_from(ZONES))
def test_the_tree_reads_every_wall_clock_as_the_zone_table_does(walls, zone):
    rules = clock(zone)
    con = duckdb.connect()
    con.execute("CREATE TABLE t (i INTEGER, w BIGINT)")
    con.executemany("INSERT INTO t VALUES (?, ?)", [[i, microseconds(wall)] for i, wall in enumerate(walls)])
    found = con.execute(
        f"SELECT w - {rules.offset_sql('w')}, w - {rules.offset_sql('w', second=True)}, "
        f"{rules.trouble_sql('w', skipped=1, repeated=2)} FROM t ORDER BY i"
    ).fetchall()
    for wall, (first, second, trouble) in zip(walls, found, strict=True):
        early, late = oracle(wall, zone, 0), oracle(wall, zone, 1)
        assert first == early == rules.utc(wall)
        if trouble != 1:
            assert second == late
        assert trouble == (0 if early == late else 1 if early > late else 2)


TURNS = [
    ("Europe/Paris", "2026-03-29 01:59:59.999999", 0),
    ("Europe/Paris", "2026-03-29 02:00:00", 1),
    ("Europe/Paris", "2026-03-29 02:59:59.999999", 1),
    ("Europe/Paris", "2026-03-29 03:00:00", 0),
    ("Europe/Paris", "2026-10-25 02:00:00", 2),
    ("Europe/Paris", "2026-10-25 02:59:59.999999", 2),
    ("Europe/Paris", "2026-10-25 03:00:00", 0),
    ("Australia/Lord_Howe", "2026-04-05 01:29:59", 0),
    ("Australia/Lord_Howe", "2026-04-05 01:30:00", 2),
]


@pytest.mark.parametrize(("zone", "wall", "kind"), TURNS)
def test_gaps_and_repeats_begin_and_end_to_the_microsecond(zone, wall, kind):
    value = microseconds(datetime.fromisoformat(wall))
    query = clock(zone).trouble_sql(str(value), skipped=1, repeated=2)
    assert duckdb.execute(f"SELECT {query}").fetchone() == (kind,)


def test_a_day_begins_at_its_first_instant_even_where_midnight_is_skipped():
    start = first_instant(date(2018, 11, 4), "America/Sao_Paulo")
    assert datetime.fromtimestamp(start / 1e6, UTC) == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert first_instant(date(2026, 7, 1), "Europe/Paris") == oracle(datetime(2026, 7, 1), "Europe/Paris", 0)


def test_an_unknown_zone_offers_the_nearest_one():
    with pytest.raises(ParameterError, match="Did you mean 'Europe/Paris'"):
        check_zone("Europe/Pari")
