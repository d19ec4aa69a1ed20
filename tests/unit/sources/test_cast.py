"""Numbers and dates: what is read, and what is not."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.sources import cast, infer
from cjlib.sources.source import Format

NUMBERS = [
    ("12.5", {}, 12.5),
    ("-3", {}, -3.0),
    (" 4 ", {}, 4.0),
    ("1e3", {}, 1000.0),
    (".5", {}, 0.5),
    ("1_000", {}, None),
    ("nan", {}, None),
    ("inf", {}, None),
    ("1,5", {}, None),
    ("0x10", {}, None),
    ("12,5", {"decimal": ","}, 12.5),
    ("12.5", {"decimal": ","}, None),
    ("1.234,5", {"decimal": ",", "thousands": "."}, 1234.5),
    ("1.23,5", {"decimal": ",", "thousands": "."}, None),
    ("12 50", {"thousands": " "}, None),
    ("1 234 567", {"thousands": " "}, 1234567.0),
    ("1'234.5", {"thousands": "'"}, 1234.5),
    ("1234.5", {"thousands": ","}, 1234.5),
]


@pytest.mark.parametrize(("text", "form", "value"), NUMBERS)
def test_numbers_are_read_as_declared_or_not_at_all(text, form, value):
    query = f"SELECT {cast.number('x', Format(**form))} FROM (SELECT ? AS x)"
    assert duckdb.execute(query, [text]).fetchone() == (value,)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_written_in_french_is_the_number(value):
    query = f"SELECT {cast.number('x', Format(decimal=','))} FROM (SELECT ? AS x)"
    assert duckdb.execute(query, [repr(value).replace(".", ",")]).fetchone() == (value,)


DATES = [
    ("2026-01-05", "iso", datetime(2026, 1, 5)),
    ("2026-01-05T10:11:12.5", "iso", datetime(2026, 1, 5, 10, 11, 12, 500_000)),
    ("2026-1-5", "iso", None),
    ("20260105", "iso", None),
    ("infinity", "iso", None),
    ("epoch", "iso", None),
    ("2026-02-30", "iso", None),
    ("2026-01-05 Europe/Paris", "iso", None),
    ("5/1/2026", "%d/%m/%Y", datetime(2026, 1, 5)),
    ("05/01/2026x", "%d/%m/%Y", None),
    ("31/02/2026", "%d/%m/%Y", None),
    ("46023,5", "excel", datetime(2026, 1, 1, 12)),
    ("60", "excel", None),
]


@pytest.mark.parametrize(("text", "form", "moment"), DATES)
def test_dates_are_read_as_declared_or_not_at_all(text, form, moment):
    wall, _, _ = cast.wall_and_utc("x", cast.Cell("x", Format(date=form)))
    found = duckdb.execute(f"SELECT make_timestamp({wall}) FROM (SELECT ? AS x)", [text]).fetchone()
    assert found == (moment,)


@given(st.integers(0, 4_000_000_000_000))
def test_an_epoch_in_milliseconds_keeps_every_digit(value):
    _, utc, _ = cast.wall_and_utc("x", cast.Cell("x", Format(date="epoch_ms")))
    assert duckdb.execute(f"SELECT {utc} FROM (SELECT ? AS x)", [str(value)]).fetchone() == (value * 1000,)


FITS = [
    (["31/12/2025", "01/02/2026"], ["%d/%m/%Y"]),
    (["12/31/2025"], ["%m/%d/%Y"]),
    (["2025-12-31", "2026-01-01T10:00:00+01:00"], ["iso"]),
    (["hello"], []),
    ([], []),
]


@pytest.mark.parametrize(("texts", "forms"), FITS)
def test_only_formats_that_read_every_text_are_offered(texts, forms):
    assert infer.fitting_dates(texts) == forms
