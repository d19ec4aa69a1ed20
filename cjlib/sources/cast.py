"""SQL that casts text by the contract: numbers, instants, ids. Nothing is coerced silently.

Every cast yields a value and a reason why there is none (0 = fine). The reasons are the same numbers
everywhere: they are stored beside the bad cell and turned into sentences by `diagnose`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cjlib.sources.source import Format
from cjlib.sources.zone import FIRST_YEAR, LAST_YEAR, clock, microseconds

# Texts that exports write where an id is unknown. As an id they would join strangers to each other.
NO_ID = ("null", "Null", "NULL", "none", "None", "NONE", "nan", "NaN", "NAN", "NA", "N/A", "n/a", "#N/A", "undefined")
SPACES = (" ", "\u00a0", "\u202f", "\u2009")
_DAY = r"\d{4}-\d\d-\d\d"
_TIME = r"[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?"
ISO_WALL = rf"\s*{_DAY}({_TIME})?\s*"
ISO_OFFSET = rf"\s*{_DAY}{_TIME} ?([zZ]|[+-]\d\d(:?\d\d)?)\s*"
_LOW = f"{FIRST_YEAR}-01-01"
_HIGH = f"{LAST_YEAR + 1}-01-01"


class Why(IntEnum):
    """Why a cell gave no value."""

    FINE = 0
    NOT_A_DATE = 1
    NO_ZONE = 2
    PLACEHOLDER = 3
    SKIPPED_HOUR = 4
    REPEATED_HOUR = 5
    TWO_READINGS = 6
    NOT_A_NUMBER = 7
    NOT_WHOLE = 8
    OUT_OF_SCALE = 9
    EMPTY = 10
    TWO_DIGIT_YEAR = 11


@dataclass(frozen=True)
class Cell:
    """Where a text stands (`sql`), how it is written, and its type in the file ("" is text)."""

    sql: str
    format: Format
    kind: str = ""


def literal(text: str) -> str:
    """Text constant in SQL.

    Examples
    --------
    >>> literal("N° d'appel")
    "'N° d''appel'"
    """
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """Identifier in SQL."""
    return '"' + text.replace('"', '""') + '"'


def text(cell: Cell) -> str:
    """The text, NULL where the contract says that nothing is known."""
    base = f"CAST({cell.sql} AS VARCHAR)" if cell.kind else cell.sql
    missing = ["", *cell.format.missing, *(["nan"] if cell.kind in ("FLOAT", "DOUBLE") else [])]
    return f"CASE WHEN {base} IN ({', '.join(map(literal, missing))}) THEN NULL ELSE {base} END"


def identifier(cells: list[Cell]) -> str:
    """The id, byte-exact; NULL where it is blank or a word for unknown. Parts are joined by "|"."""
    words = ", ".join(map(literal, NO_ID))
    parts = []
    for cell in cells:
        part = text(cell)
        blank = f"trim({part}, {_blanks()}) = '' OR {part} IN ({words})"
        parts.append(f"CASE WHEN {blank} THEN NULL ELSE {part} END")
    return " || '|' || ".join(f"({part})" for part in parts)


def _blanks() -> str:
    return "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(8239)"


def number(column: str, form: Format) -> str:
    """SQL value of a text column as DOUBLE, NULL if it is not a number as declared."""
    digits = r"\d+"
    plain = column
    if form.thousands:
        marks = SPACES if form.thousands in SPACES else (form.thousands,)
        group = "[" + "".join(marks) + "]"
        digits = rf"(\d{{1,3}}({group}\d{{3}})+|\d+)"
        for mark in marks:
            plain = f"replace({plain}, {literal(mark)}, '')"
    if form.decimal == ",":
        plain = f"replace({plain}, ',', '.')"
    pattern = rf"\s*[-+]?({digits}([{form.decimal}]\d*)?|[{form.decimal}]\d+)([eE][-+]?\d+)?\s*"
    return f"CASE WHEN regexp_full_match({column}, {literal(pattern)}) THEN TRY_CAST({plain} AS DOUBLE) END"


def wall_and_utc(column: str, cell: Cell) -> tuple[str, str, str]:
    """SQL of (wall-clock microseconds, UTC microseconds, do two declared formats disagree?)."""
    if cell.kind:
        return _typed(column, cell.kind)
    walls, instants = [], []
    for form in cell.format.date or ("iso",):
        wall, instant = _reading(column, form)
        walls += [wall] if wall else []
        instants += [instant] if instant else []
    both = [f"coalesce({w} <> {v}, false)" for i, w in enumerate(walls) for v in walls[:i]]
    declared = [w for w in cell.format.date if w not in ("iso", "excel")]
    disagree = " OR ".join(both) if len(declared) > 1 and both else "false"
    return _coalesced(walls), _coalesced(instants), disagree


def _coalesced(parts: list[str]) -> str:
    return f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0] if parts else "CAST(NULL AS BIGINT)"


def _reading(column: str, form: str) -> tuple[str, str]:
    """SQL of one format: (wall clock or "", UTC or "")."""
    if form == "iso":
        wall = f"CASE WHEN regexp_full_match({column}, '{ISO_WALL}') THEN epoch_us(TRY_CAST({column} AS TIMESTAMP)) END"
        utc = (
            f"CASE WHEN regexp_full_match({column}, '{ISO_OFFSET}') "
            f"THEN epoch_us(TRY_CAST({column} AS TIMESTAMPTZ)) END"
        )
        return wall, utc
    if form.startswith("epoch"):
        scale = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}[form]
        whole = rf"regexp_full_match({column}, '-?\d{{1,17}}(\.\d+)?')"
        return (
            "",
            f"CASE WHEN {whole} THEN TRY_CAST(round(TRY_CAST({column} AS DECIMAL(38,9)) * {scale}) AS BIGINT) END",
        )
    if form == "excel":
        days = f"TRY_CAST(replace({column}, ',', '.') AS DOUBLE)"
        whole = rf"regexp_full_match({column}, '\d{{5}}([.,]\d+)?')"
        # serial 25569 is 1970-01-01; clicks of one second are all that a double keeps safely
        return f"CASE WHEN {whole} THEN CAST(round(({days} - 25569) * 86400) AS BIGINT) * 1000000 END", ""
    parsed = f"epoch_us(try_strptime({column}, {literal(form)}))"
    return ("", parsed) if "%z" in form else (parsed, "")


def _typed(column: str, kind: str) -> tuple[str, str, str]:
    none = "CAST(NULL AS BIGINT)"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return none, f"epoch_us({column})", "false"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"epoch_us(CAST({column} AS TIMESTAMP))", none, "false"
    return none, none, "false"


def instant(wall: str, utc: str, form: Format) -> str:
    """SQL of UTC microseconds from the two readings; NULL where the zone leaves it open."""
    if not form.zone:
        return utc
    rules = clock(form.zone)
    return f"coalesce({utc}, {wall} - {rules.offset_sql(wall, second=form.ambiguous == 'second')})"


def why_no_instant(key: str, disagree: str, form: Format) -> str:
    """SQL of the `Why` of the instant in column `key`, whose readings are `key`w (wall) and `key`u (UTC)."""
    low, high = _bound(FIRST_YEAR), _bound(LAST_YEAR + 1)
    wall, utc, either = f"{key}w", f"{key}u", f"coalesce({key}u, {key}w)"
    checks = [
        (f"{key} IS NULL", Why.FINE),
        (f"{either} IS NULL", Why.NOT_A_DATE),
        (disagree, Why.TWO_READINGS),
        (f"{either} BETWEEN {_bound(2)} AND {_bound(100)}", Why.TWO_DIGIT_YEAR),
        (f"{either} < {low} OR {either} >= {high}", Why.PLACEHOLDER),
        (f"{utc} IS NOT NULL", Why.FINE),
    ]
    tests = " ".join(f"WHEN {test} THEN {int(why)}" for test, why in checks if test != "false")
    if not form.zone:
        return f"CASE {tests} ELSE {int(Why.NO_ZONE)} END"
    skipped = Why.SKIPPED_HOUR if form.nonexistent == "refuse" else Why.FINE
    repeated = Why.REPEATED_HOUR if form.ambiguous == "refuse" else Why.FINE
    return f"CASE {tests} ELSE {clock(form.zone).trouble_sql(wall, skipped=int(skipped), repeated=int(repeated))} END"


def _bound(year: int) -> int:
    from datetime import datetime

    return microseconds(datetime(year, 1, 1))
