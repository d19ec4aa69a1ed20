"""Bad cells as problems: what is wrong, how often, where, and which declaration would fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from cjlib.core.errors import Problem
from cjlib.core.text import number
from cjlib.sources import infer
from cjlib.sources.cast import Why, literal
from cjlib.sources.source import Format
from cjlib.sources.stage import Field
from cjlib.sources.table import Table

SAMPLE = 500
REASONS = {
    Why.NOT_A_DATE: "not a date", Why.NO_ZONE: "no zone", Why.PLACEHOLDER: "placeholder date",
    Why.SKIPPED_HOUR: "hour skipped by the clock", Why.REPEATED_HOUR: "hour that comes twice",
    Why.TWO_READINGS: "two readings", Why.NOT_A_NUMBER: "not a number", Why.NOT_WHOLE: "not a whole number",
    Why.OUT_OF_SCALE: "outside the scale", Why.EMPTY: "empty", Why.TWO_DIGIT_YEAR: "year of two digits",
}  # fmt: skip
_CODES = {
    Why.NOT_A_DATE: "CJ-IN-031", Why.NO_ZONE: "CJ-IN-033", Why.PLACEHOLDER: "CJ-IN-035",
    Why.SKIPPED_HOUR: "CJ-IN-034", Why.REPEATED_HOUR: "CJ-IN-034", Why.TWO_READINGS: "CJ-IN-032",
    Why.NOT_A_NUMBER: "CJ-IN-030", Why.NOT_WHOLE: "CJ-IN-040", Why.OUT_OF_SCALE: "CJ-IN-040",
    Why.EMPTY: "CJ-IN-024", Why.TWO_DIGIT_YEAR: "CJ-IN-031",
}  # fmt: skip


def reason_of(why: int) -> str:
    """Reason under which a bad row is set aside: that of its first bad cell. A message key."""
    return REASONS[Why(why)]


def cell_problem(
    con: duckdb.DuckDBPyConnection, table: Table, entry: Field, *, file: int, why: int, n: int, lines: Sequence[int],
    texts: Sequence[str],
) -> Problem:  # fmt: skip
    """One problem for all cells of a field that fail for the same reason; `_cj_bad` holds them."""
    reason = Why(why)
    form = table.cells[entry.columns[0]].format
    where = f"file = {file} AND field = {literal(entry.name)} AND why = {why}"
    sample = [row[0] for row in con.execute(f"SELECT text FROM _cj_bad WHERE {where} LIMIT {SAMPLE}").fetchall()]
    code = _CODES[reason]
    if reason is Why.NOT_A_DATE:
        code, what, expected, then = _not_a_date(con, where, form, sample)
    elif reason is Why.NOT_A_NUMBER:
        what, expected, then = _not_a_number(entry, form, sample)
    elif reason in (Why.OUT_OF_SCALE, Why.NOT_WHOLE):
        what, expected, then = _off_scale(con, where, entry)
    else:
        what, expected, then = _plain(reason, form, texts)
    return Problem(
        code=code, file=table.path, column=entry.columns[0], what=what, n=n, of=table.n_rows, lines=tuple(lines),
        values=tuple(dict.fromkeys(text for text in texts if text)), expected=expected, next_step=then,
    )  # fmt: skip


def _not_a_date(
    con: duckdb.DuckDBPyConnection, where: str, form: Format, sample: Sequence[str]
) -> tuple[str, str, str, str]:
    declared = " or ".join(form.date) or "ISO 8601 (2026-12-31 or 2026-12-31T10:00+01:00)"
    if numeric := infer.number_as_date(sample[0]):
        kind, reading = numeric
        what = f"hold numbers where dates are expected (years 1970: unit?); as {kind} the first is {reading}"
        return "CJ-IN-031", what, declared, f"declare format.date: {kind} if that is right"
    if all(infer.two_digit_year(text) for text in sample):
        return _two_digits(declared)
    readings = next((pair for pair in map(infer.both_readings, sample) if pair), None)
    if readings and not form.date:
        return "CJ-IN-032", *_ambiguous(readings, sample)
    shapes = _shapes(con, where)
    fitting = infer.fitting_dates(sample)
    also = " or ".join(f'"{other}"' for other in fitting[:2])
    then = f"add {also} to format.date" if fitting else "correct the cells, or declare their text as missing"
    return "CJ-IN-031", f"are not dates as declared; they look like {shapes}", declared, then


def _ambiguous(readings: tuple[str, str], sample: Sequence[str]) -> tuple[str, str, str]:
    first = next(text for text in sample if infer.both_readings(text))
    fitting = infer.fitting_dates(sample)
    days = [form for form in fitting if form.startswith("%d")]
    months = [form for form in fitting if form.startswith("%m")]
    seen = "both orders fit all of them" if days and months else f"only {(days or months or ['neither'])[0]} fits all"
    what = f'cannot be read, for no date format is declared: "{first}" may be {readings[0]} or {readings[1]} ({seen})'
    choices = " or ".join(f'"{form}"' for form in (days[:1] + months[:1]) or ["%d/%m/%Y", "%m/%d/%Y"])
    return what, "a declared format.date", f"declare format.date: {choices}"


def _two_digits(declared: str) -> tuple[str, str, str, str]:
    return (
        "CJ-IN-031", "have years of two digits, which do not tell their century", declared,
        "export years with four digits",
    )  # fmt: skip


def _shapes(con: duckdb.DuckDBPyConnection, where: str) -> str:
    """The three most frequent shapes (9 a digit, a a letter) of the failing texts, with their first lines."""
    rows = con.execute(
        f"""SELECT regexp_replace(regexp_replace(text, '[0-9]', '9', 'g'), '\\pL', 'a', 'g') AS shape,
        count(*) AS n, min(line, 3) FROM _cj_bad WHERE {where} GROUP BY shape ORDER BY n DESC, shape LIMIT 3"""
    ).fetchall()
    return ", ".join(
        f'"{shape[:25]}" ({number(n)} rows, lines {", ".join(map(str, lines))}{", ..." if n > len(lines) else ""})'
        for shape, n, lines in rows
    )


def _not_a_number(entry: Field, form: Format, sample: Sequence[str]) -> tuple[str, str, str]:
    thousands = f', thousands "{form.thousands}"' if form.thousands else ""
    expected = f'numbers with decimal "{form.decimal}"{thousands}'
    if entry.scale:
        expected = f"whole numbers from {entry.scale[0]:g} to {entry.scale[1]:g}"
    fitting = infer.fitting_numbers(sample)
    if fitting:
        decimal, grouped = fitting[0]
        then = f'declare format.decimal: "{decimal}"' + (f' and format.thousands: "{grouped}"' if grouped else "")
        return "are not numbers as declared", expected, then
    signs = [sign for sign in ("€", "$", "£", "%") if any(sign in text for text in sample)]
    if any(text.strip().startswith("(") for text in sample):
        signs.append("parentheses for negative numbers")
    if signs:
        return f"are not plain numbers ({', '.join(signs)})", expected, "export plain numbers, without signs of unit"
    return "are not numbers", expected, "correct the cells, or declare their text under format.missing"


def _off_scale(con: duckdb.DuckDBPyConnection, where: str, entry: Field) -> tuple[str, str, str]:
    low, high = entry.scale or (float("-inf"), float("inf"))
    rows: list[tuple[Any, ...]] = con.execute(
        "SELECT min(x), max(x) FROM "
        f"(SELECT TRY_CAST(replace(text, ',', '.') AS DOUBLE) AS x FROM _cj_bad WHERE {where})"
    ).fetchall()
    row = rows[0]
    seen = f" (seen there: {row[0]:g} to {row[1]:g})" if row[0] is not None else ""
    what = f"are not on the declared scale{seen}"
    return what, f"whole numbers from {low:g} to {high:g}", "correct scale or instrument in the study, or the export"


def _plain(reason: Why, form: Format, texts: Sequence[str]) -> tuple[str, str, str]:
    if reason is Why.NO_ZONE:
        then = "declare format.zone, for example Europe/Paris, or UTC"
        return (
            "hold instants without an offset, and no zone is declared",
            "format.zone, or instants with an offset",
            then,
        )
    if reason is Why.PLACEHOLDER:
        shown = f'"{texts[0]}"' if texts else "the text"
        then = f"declare format.missing: [{shown}] if it means that nothing is known"
        return "hold placeholder or impossible dates", "years 1900 to 2100", then
    if reason is Why.TWO_DIGIT_YEAR:
        return _two_digits(", ".join(form.date))[1:]
    if reason is Why.SKIPPED_HOUR:
        what = f"hold instants that do not exist in {form.zone}: the clock was put forward over them"
        return what, "existing instants", "declare format.nonexistent: shift, or export with offsets"
    if reason is Why.REPEATED_HOUR:
        what = f"hold instants that come twice in {form.zone}: the clock was put back over them"
        return what, "instants that occur once", "declare format.ambiguous: first or second, or export with offsets"
    if reason is Why.TWO_READINGS:
        what = "hold dates that fit two of the declared formats and mean different days"
        return what, "one reading per date", "declare one format per source"
    return "are empty", "a value on every row", "complete the export, or leave the rows out with keep"
