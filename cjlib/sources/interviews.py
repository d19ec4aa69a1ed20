"""Coded interviews as a source: one row is one passage of an interview with the codes somebody gave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

import duckdb
from pydantic import BeforeValidator, Field, model_validator

from cjlib.sources.cast import literal, name
from cjlib.sources.source import AttributeName, Columns, NoDate, SourceSpec, Spec, listed

NO_CODE = "no code"
# Columns of the raw table; the study's attributes of passages come after them.
COLUMNS = {
    "customer": "VARCHAR", "at": "BIGINT", "interview": "VARCHAR", "code": "VARCHAR", "note": "VARCHAR",
    "coder": "VARCHAR", "source": "INTEGER", "line": "BIGINT",
}  # fmt: skip
TAKEN = ("code", "coder", "interview", "note", "passage")


class InterviewColumns(Spec):
    """Columns of a file of coded interviews."""

    customer: Columns = Field(description="column of the customer id; a list makes one id of several")
    at: str = Field(description="column of the day or instant of the interview")
    code: str = Field(description="column of the code, or of several codes in one cell")
    note: str | None = Field(default=None, description="column of what was said; it never reaches a report")
    coder: str | None = Field(default=None, description="column of who coded, where several people did")
    interview: str | None = Field(default=None, description="column of the interview; default one per customer and day")


class InterviewSource(SourceSpec):
    """Coded passages of interviews."""

    columns: InterviewColumns
    code_separator: str = Field(default="", max_length=3, description="between several codes of one cell")
    rename: dict[str, str] = Field(default={}, description="code as written: code to count")
    attributes: dict[AttributeName, str] = Field(default={}, description="name in the workbench: column")
    no_date: Annotated[tuple[NoDate, ...], BeforeValidator(listed)] = ()

    @model_validator(mode="after")
    def _free(self) -> Self:
        for attribute in self.attributes:
            if attribute.casefold() in TAKEN:
                raise ValueError(f"the name {attribute!r} is a word of coded interviews: choose another")
        return self

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Attributes of the passages of this source."""
        return tuple(self.attributes)


def codes_sql(source: InterviewSource) -> str:
    """SQL list of the codes in a cell: cut, trimmed, without empty ones and repetitions, renamed."""
    cell = f"string_split(code, {literal(source.code_separator)})" if source.code_separator else "[code]"
    cases = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in source.rename.items())
    code = f"CASE trim(x) {cases} ELSE trim(x) END" if cases else "trim(x)"
    return f"list_distinct([{code} for x in {cell} if trim(x) <> ''])"


def uncoded_sql(source: InterviewSource) -> str:
    """SQL condition of a row without any code."""
    return f"code IS NULL OR len({codes_sql(source)}) = 0"


def publish_interviews(con: duckdb.DuckDBPyConnection, staged: Sequence[tuple[InterviewSource, str]]) -> None:
    """Create the table `raw_interviews` from the staging tables: one row per passage and code."""
    attributes = dict.fromkeys((key for source, _ in staged for key in source.attribute_names), "VARCHAR")
    columns = {**COLUMNS, **attributes}
    make_empty(con, columns)
    for index, (source, target) in enumerate(staged):
        if not target:
            continue
        known = {"customer", "at", "line", *source.attribute_names}
        known |= {key for key in ("note", "coder", "interview") if getattr(source.columns, key)}
        own = {key: name(key) for key in known}
        own |= {"source": str(index), "code": f"unnest({codes_sql(source)})"}
        parts = [f"CAST({own.get(key, 'NULL')} AS {kind}) AS {name(key)}" for key, kind in columns.items()]
        con.execute(f"INSERT INTO raw_interviews SELECT {', '.join(parts)} FROM {target}")


def make_empty(con: duckdb.DuckDBPyConnection, columns: dict[str, str] | None = None) -> None:
    """Replace `raw_interviews` by an empty table."""
    listed_columns = ", ".join(f"{name(key)} {kind}" for key, kind in (columns or COLUMNS).items())
    con.execute(f"CREATE OR REPLACE TABLE raw_interviews ({listed_columns})")


def passages_sql(attributes: Sequence[str], *, as_of_us: int, local: str) -> str:
    """Table of the store: passages up to the cut-off, interviews numbered so that no id of a file travels.

    An interview is one person's: the same id with two customers is two interviews.
    """
    names = "".join(f", {name(key)}" for key in attributes)
    order = 'unit, "at", interview, source, code, coder, note, line'
    return f"""SELECT row_number() OVER (ORDER BY {order}) - 1 AS passage,
            unit, "at", interview, code, note, coder{names}
        FROM (SELECT unit, CAST(dense_rank() OVER (ORDER BY unit, coalesce('i' || interview,
                'd' || CAST(CAST(make_timestamp({local}) AS DATE) AS VARCHAR))) - 1 AS INTEGER) AS interview,
            "at", code, note, coder, source, line{names}
            FROM raw_interviews JOIN keys USING (customer) WHERE "at" <= {as_of_us})
        ORDER BY passage"""
