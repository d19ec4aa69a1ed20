"""What the contract allows and the analyst should still know: orders, ties, gaps, what was set aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import duckdb
import pandas as pd

from cjlib.core.text import percent, t, tn
from cjlib.sources.cast import name
from cjlib.sources.fields import fields_of, milestone
from cjlib.sources.load import Loaded
from cjlib.sources.match import match_rates
from cjlib.sources.source import SourceSpec
from cjlib.sources.study import StudySpec

Row = tuple[str, int, int, str]


def summary(con: duckdb.DuckDBPyConnection, spec: StudySpec, loaded: Loaded) -> pd.DataFrame:
    """Everything countable about the quality of what was read, for `cj check`.

    Parameters
    ----------
    con : DuckDB connection
        After `load`, in the same session.
    spec : StudySpec
    loaded : Loaded
        What `load` returned.

    Returns
    -------
    DataFrame
        `check` (what was counted), `n` of `of`, `detail` (where, or what it means). Rows with n = 0 are
        kept for the checks that find faults: nothing found is an answer too.
    """
    rows = [*_set_aside(loaded), *_orders(con, spec), *_answers(con, spec), *_ties(con), *_late(con, spec)]
    rows += [*_matches(con), *_filled(con, spec), *_missing(con, spec)]
    return pd.DataFrame(rows, columns=["check", "n", "of", "detail"]).astype({"n": "int64", "of": "int64"})


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def _one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = con.execute(query).fetchall()[0]
    return tuple(int(value or 0) for value in row)


def _set_aside(loaded: Loaded) -> Iterator[Row]:
    for file in loaded.files:
        yield t("rows used"), file.rows_used, file.rows_in, f"{file.path} ({t(file.kind)})"
        for reason, n in file.set_aside.items():
            yield t("set aside: {reason}", reason=t(reason)), n, file.rows_in, file.path
    repeated = sum(file.set_aside.get("exact duplicate", 0) for file in loaded.files if file.kind == "events")
    total = sum(file.rows_in for file in loaded.files if file.kind == "events")
    yield t("exact duplicates among events"), repeated, total, t("set aside")


def _orders(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    """Rows whose later milestone comes first."""
    for index, source in enumerate(spec.sources.events):
        for first, second in pairwise(source.milestones):
            one, two = name(milestone(first)), name(milestone(second))
            n, of, lines = _rows(
                con,
                f"SELECT count(*) FILTER (WHERE {two} < {one}), count(*), min(line, 3) FILTER (WHERE {two} < {one}) "
                f"FROM _cj_events_{index} WHERE {one} IS NOT NULL AND {two} IS NOT NULL",
            )[0]
            where = ", ".join(source.path) + (t(", lines {lines}", lines=_lines(lines)) if n else "")
            yield t("impossible order: {second} before {first}", first=first, second=second), n, of, where


def _lines(lines: Sequence[int] | None) -> str:
    return ", ".join(map(str, lines or ()))


def _answers(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    n, of = _one(
        con, "SELECT count(*) FILTER (WHERE answered_at < asked_at), count(*) FROM raw_responses "
             "WHERE answered_at IS NOT NULL AND asked_at IS NOT NULL",
    )  # fmt: skip
    if of:
        yield t("negative duration: answered before asked"), n, of, t("answers with both instants")
    complete = [str(i) for i, source in enumerate(spec.sources.responses) if source.invitations == "complete"]
    if complete:
        among = f"WHERE source IN ({', '.join(complete)})"
        answered, of = _one(con, f"SELECT count(answered_at), count(*) FROM raw_responses {among}")
        yield t("invitations answered"), answered, of, t("surveys whose invitations are all known")


def _ties(con: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    n, units, of = _one(
        con,
        """SELECT sum(n) FILTER (WHERE n > 1), count(DISTINCT customer) FILTER (WHERE n > 1), sum(n)
        FROM (SELECT customer, "at", count(*) AS n FROM raw_events GROUP BY customer, "at")""",
    )
    detail = tn(
        "{n} customer; the tie rule decides their order", "{n} customers; the tie rule decides their order", units
    )
    yield t("ties: events of one customer at the same instant"), n, of, detail


def _late(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    cut, shown = spec.as_of_us, spec.as_of
    for table, column, what in (
        ("raw_events", '"at"', t("events after the cut-off")),
        ("raw_responses", "answered_at", t("answers after the cut-off")),
    ):
        n, of = _one(con, f"SELECT count(*) FILTER (WHERE {column} > {cut}), count({column}) FROM {table}")
        if of:
            yield what, n, of, t("cut-off {day}; they are left out", day=shown)


def _matches(con: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    names = {"responses": t("customers of the surveys found in the behaviour"),
             "events": t("customers of the behaviour found in the surveys")}  # fmt: skip
    rates = match_rates(con)
    if not (rates["of"] > 0).all():
        return
    for row in rates.to_dict("records"):
        yield names[row["side"]], row["n"], row["of"], row["hint"] or percent(row["share"])


def _filled(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    """Customer dates and milestones that are known."""
    for index, source in enumerate(spec.sources.events):
        for event in source.milestones:
            n, of = _one(con, f"SELECT count({name(milestone(event))}), count(*) FROM _cj_events_{index}")
            yield t("date filled: {name}", name=event), n, of, ", ".join(source.path)
    for key in dict.fromkeys(key for source in spec.sources.customers for key in source.dates):
        n, of = _one(con, f"SELECT count({name(key)}), count(*) FROM raw_customers")
        yield t("date filled: {name}", name=key), n, of, t("customers")


def _missing(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    """Empty cells of every mapped column, among the rows of the sources that map it."""
    kinds = {"raw_events": (t("events"), spec.sources.events), "raw_responses": (t("answers"), spec.sources.responses),
             "raw_customers": (t("customers"), spec.sources.customers)}  # fmt: skip
    for table, (kind, sources) in kinds.items():
        for key, indices in _mapped(sources).items():
            among = "" if table == "raw_customers" else f" WHERE source IN ({', '.join(map(str, indices))})"
            n, of = _one(con, f"SELECT count(*) - count({name(key)}), count(*) FROM {table}{among}")
            if n:
                yield t("missing: {name}", name=key), n, of, kind


def _mapped(sources: Sequence[SourceSpec]) -> dict[str, list[int]]:
    """Optional fields and attributes, and the sources that fill them."""
    found: dict[str, list[int]] = {}
    for index, source in enumerate(sources):
        for item in fields_of(source):
            if item.role != "id" and not item.required and not item.name.startswith("at:"):
                found.setdefault(item.name, []).append(index)
    return {key: indices for key, indices in found.items() if key not in ("sequence", "answered_at")}
