"""Rows of one source, cast by the contract into a staging table; every bad cell is kept with its reason.

A staging table has one row per row of the files (after the filter): `file`, `line`, the fields, and
`bad`, which is NULL on good rows and otherwise names each failing field, why, and what stood there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb

from cjlib.sources import cast
from cjlib.sources.cast import Cell, Why, literal, name
from cjlib.sources.source import NoDate
from cjlib.sources.table import Table


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column of the staging table and the file columns it is made of."""

    name: str
    role: Literal["id", "text", "instant", "number", "whole"]
    columns: tuple[str, ...] = ()
    constant: str | None = None
    required: bool = False
    rename: dict[str, str] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    whole: bool = False

    @property
    def sql_type(self) -> str:
        """DuckDB type of the field."""
        return {"instant": "BIGINT", "whole": "BIGINT", "number": "DOUBLE"}.get(self.role, "VARCHAR")


@dataclass(frozen=True)
class Part:
    """A field in SQL: `base` columns, what is `parsed` from them, the `judged` reason, and the value.

    `why` names the column with the reason there is no value; `shown` is what stood in the cell.
    """

    base: tuple[str, ...]
    parsed: tuple[str, ...]
    value: str
    judged: tuple[str, ...] = ()
    why: str = ""
    shown: str = ""


def stage_file(
    con: duckdb.DuckDBPyConnection,
    target: str,
    table: Table,
    fields: Sequence[Field],
    *,
    file: int,
    keep: dict[str, tuple[str, ...]],
    no_date: tuple[NoDate, ...] = (),
    lookup: tuple[str, str, str] | None = None,
) -> int:
    """Append the rows of `table` to the staging table `target`; number of rows that the filter left.

    `lookup` is (SQL of the lookup table, its key column, the key column of the file).
    """
    blocked = {column: rule for rule in no_date for column in rule.dates}
    parts = [_part(f"f{i}", item, table, blocked) for i, item in enumerate(fields)]
    source = f"({table.relation}) m"
    if lookup:
        source += f" LEFT JOIN {lookup[0]} l ON m.{table.cells[lookup[2]].sql} = l.{lookup[1]}"
    where = _filter(table, keep)
    base = ", ".join(["m.record", *(column for part in parts for column in part.base)])
    parsed = ", ".join(["*", *(column for part in parts for column in part.parsed)])
    judged = ", ".join(["*", *(column for part in parts for column in part.judged)])
    values = [
        f"CAST({part.value} AS {item.sql_type}) AS {name(item.name)}" for part, item in zip(parts, fields, strict=True)
    ]
    # a reading is named once and used several times, so each level is its own SELECT
    query = (
        f"SELECT {file} AS file, {_line(con, table)} AS line, {', '.join(values)}, {_bad(parts, fields)} AS bad "
        f"FROM (SELECT {judged} FROM (SELECT {parsed} FROM (SELECT {base} FROM {source}{where}))) s{_asof(table)}"
    )
    exists = bool(con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [target]).fetchall())
    before = count(con, target) if exists else 0
    con.execute(f"INSERT INTO {target} {query}" if exists else f"CREATE TABLE {target} AS {query}")
    con.execute("DROP TABLE IF EXISTS _cj_steps")
    return count(con, target) - before


def count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows of a table, or of whatever follows FROM."""
    # fetched to the end: a connection with rows left to fetch takes no other work
    return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _filter(table: Table, keep: dict[str, tuple[str, ...]]) -> str:
    tests = [
        f"{_ref(table.cells[column])} IN ({', '.join(map(literal, values))})"
        for column, values in keep.items()
        if column in table.cells
    ]
    return f" WHERE {' AND '.join(tests)}" if tests else ""


def _ref(cell: Cell) -> str:
    return f"CAST({_at(cell)} AS VARCHAR)" if cell.kind else f"coalesce({_at(cell)}, '')"


def _at(cell: Cell) -> str:
    """Column of the file (m) or, where it says so itself, of the lookup (l)."""
    return cell.sql if "." in cell.sql else f"m.{cell.sql}"


def _line(con: duckdb.DuckDBPyConnection, table: Table) -> str:
    """SQL of the physical line of a record."""
    if table.steps is None:
        return "s.record"
    first, shift = table.steps
    if len(first):
        import pyarrow as pa

        con.register("_cj_arrow", pa.table({"first": first, "shift": shift}))
        con.execute("CREATE OR REPLACE TEMP TABLE _cj_steps AS SELECT * FROM _cj_arrow")
        con.unregister("_cj_arrow")
        return f"s.record + coalesce(steps.shift, {table.header_lines})"
    return f"s.record + {table.header_lines}"


def _asof(table: Table) -> str:
    has_steps = table.steps is not None and len(table.steps[0])
    return " ASOF LEFT JOIN _cj_steps steps ON s.record >= steps.first" if has_steps else ""


def _part(key: str, item: Field, table: Table, blocked: dict[str, NoDate]) -> Part:
    """SQL of one field; a column the file lacks was told before and is nothing here."""
    if item.constant is not None:
        return Part((), (), literal(item.constant))
    cells = [table.cells[column] for column in item.columns if column in table.cells]
    if not cells or len(cells) < len(item.columns):
        return Part((), (), "NULL")
    cells = [Cell(_at(cell), cell.format, cell.kind) for cell in cells]
    cell = cells[0]
    if item.role == "instant" and cell.kind and not cell.kind.startswith(("TIMESTAMP", "DATE")):
        cell = Cell(f"CAST({cell.sql} AS VARCHAR)", cell.format)
    if item.role == "id":
        return Part((f"{cast.identifier(cells)} AS {key}",), (), key)
    if item.role == "text":
        return _text_part(key, item, cell)
    base = cell.sql if cell.kind else cast.text(cell)
    if rule := blocked.get(item.columns[0]):
        base = f"CASE WHEN {_ref(table.cells[rule.column])} = {literal(rule.value)} THEN NULL ELSE {base} END"
    shown = f"CAST({key} AS VARCHAR)"
    if item.role == "instant":
        return _instant_part(key, item, cell, base, shown)
    return _number_part(key, item, cell, base, shown)


def _text_part(key: str, item: Field, cell: Cell) -> Part:
    value = cast.text(cell)
    final = key
    if item.rename:
        cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in item.rename.items())
        final = f"CASE {key} {cases} ELSE {key} END"
    base = (f"{value} AS {key}",)
    if not item.required:
        return Part(base, (), final)
    why = f"CASE WHEN {key} IS NULL THEN {int(Why.EMPTY)} ELSE 0 END AS {key}y"
    return Part(base, (), final, (why,), f"{key}y", key)


def _instant_part(key: str, item: Field, cell: Cell, base: str, shown: str) -> Part:
    wall, utc, disagree = cast.wall_and_utc(key, cell)
    parsed = [f"{wall} AS {key}w", f"{utc} AS {key}u"]
    if disagree != "false":
        parsed.append(f"{disagree} AS {key}d")
        disagree = f"{key}d"
    why = cast.why_no_instant(key, disagree, cell.format)
    if item.required:
        why = f"CASE WHEN {key} IS NULL THEN {int(Why.EMPTY)} ELSE {why} END"
    value = cast.instant(f"{key}w", f"{key}u", cell.format)
    return Part((f"{base} AS {key}",), tuple(parsed), value, (f"{why} AS {key}y",), f"{key}y", shown)


def _number_part(key: str, item: Field, cell: Cell, base: str, shown: str) -> Part:
    reading = f"CAST({key} AS DOUBLE)" if cell.kind else cast.number(key, cell.format)
    checks = [f"WHEN {key} IS NULL THEN 0", f"WHEN {key}n IS NULL OR NOT isfinite({key}n) THEN {int(Why.NOT_A_NUMBER)}"]
    if item.scale:
        checks.append(f"WHEN {key}n NOT BETWEEN {item.scale[0]} AND {item.scale[1]} THEN {int(Why.OUT_OF_SCALE)}")
    if item.whole or item.role == "whole":
        checks.append(f"WHEN {key}n <> floor({key}n) THEN {int(Why.NOT_WHOLE)}")
    why = f"CASE {' '.join(checks)} ELSE 0 END AS {key}y"
    return Part((f"{base} AS {key}",), (f"{reading} AS {key}n",), f"{key}n", (why,), f"{key}y", shown)


def _bad(parts: Sequence[Part], fields: Sequence[Field]) -> str:
    """SQL text of all failing cells of a row, NULL if there is none."""
    pieces = [
        f"CASE WHEN {part.why} <> 0 THEN concat({literal(item.name)}, chr(31), {part.why}, chr(31), "
        f"{_shown(part.shown)}, chr(30)) END"
        for part, item in zip(parts, fields, strict=True)
        if part.why
    ]
    return f"nullif(concat({', '.join(pieces)}), '')" if pieces else "CAST(NULL AS VARCHAR)"


def _shown(value: str) -> str:
    return f"translate(left({value}, 60), chr(30) || chr(31), '  ')" if value else "''"


def bad_cells(con: duckdb.DuckDBPyConnection, target: str) -> list[tuple[Any, ...]]:
    """(file, field, why, n, first lines, their texts) of every kind of failing cell.

    Leaves the cells in the temporary table `_cj_bad(file, line, field, why, text)`.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _cj_bad AS
        SELECT file, line, split_part(cell, chr(31), 1) AS field, CAST(split_part(cell, chr(31), 2) AS INTEGER) AS why,
               split_part(cell, chr(31), 3) AS text
        FROM (SELECT file, line, unnest(string_split(rtrim(bad, chr(30)), chr(30))) AS cell
              FROM {target} WHERE bad IS NOT NULL)"""
    )
    return con.execute(
        """SELECT file, field, why, count(*), min(line, 5), arg_min(text, line, 5)
        FROM _cj_bad GROUP BY ALL ORDER BY file, field, why"""
    ).fetchall()


def remove(con: duckdb.DuckDBPyConnection, target: str, condition: str) -> dict[int, int]:
    """Delete rows of the staging table; number deleted per file."""
    counts = con.execute(f"SELECT file, count(*) FROM {target} WHERE {condition} GROUP BY file").fetchall()
    if counts:
        con.execute(f"DELETE FROM {target} WHERE {condition}")
    return {int(file): int(n) for file, n in counts}


def duplicates(con: duckdb.DuckDBPyConnection, target: str, fields: Sequence[Field]) -> bool:
    """Find rows that repeat an earlier one in every field: their rowids are in `_cj_repeated`."""
    names = ", ".join(name(item.name) for item in fields if item.constant is None)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _cj_hashes AS SELECT hash({names}) AS h FROM {target} "
        "GROUP BY h HAVING count(*) > 1"
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _cj_repeated AS SELECT id, file, line FROM (
            SELECT rowid AS id, file, line, row_number() OVER (PARTITION BY {names} ORDER BY file, line) AS nth
            FROM {target} WHERE hash({names}) IN (SELECT h FROM _cj_hashes)) WHERE nth > 1"""
    )
    con.execute("DROP TABLE _cj_hashes")
    return count(con, "_cj_repeated") > 0
