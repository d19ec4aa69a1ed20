"""From staging tables to the raw tables that the journey reads."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from cjlib.core.errors import Problem
from cjlib.sources.cast import literal, name
from cjlib.sources.fields import fields_of, milestone
from cjlib.sources.source import CustomerSource, EventSource, IdentitySource, ResponseSource, SourceSpec

_EVENTS = {
    "customer": "VARCHAR", "at": "BIGINT", "event": "VARCHAR", "channel": "VARCHAR", "value": "DOUBLE",
    "sequence": "BIGINT", "source": "INTEGER", "line": "BIGINT",
}  # fmt: skip
_RESPONSES = {
    "customer": "VARCHAR", "asked_at": "BIGINT", "answered_at": "BIGINT", "instrument": "VARCHAR", "score": "DOUBLE",
    "comment": "VARCHAR", "stage": "VARCHAR", "source": "INTEGER", "line": "BIGINT",
}  # fmt: skip


def publish_events(con: duckdb.DuckDBPyConnection, staged: Sequence[tuple[EventSource, str, Sequence[int]]]) -> None:
    """Create the view `raw_events`; milestones become one row each."""
    columns = {**_EVENTS, **_attributes([source for source, _, _ in staged])}
    selects = []
    for index, (source, target, offsets) in enumerate(staged):
        if not target:
            continue
        own = {item.name: name(item.name) for item in fields_of(source)}
        own |= {"source": str(index), "line": "line", "sequence": own.get("sequence", _sequence(source, offsets, 0))}
        if not source.milestones:
            selects.append(_select(columns, own, target))
            continue
        for rank, event in enumerate(source.milestones):
            at = name(milestone(event))
            one = own | {"at": at, "event": literal(event)}
            if not source.columns.sequence:
                one["sequence"] = _sequence(source, offsets, rank)
            selects.append(_select(columns, one, f"{target} WHERE {at} IS NOT NULL"))
    _create(con, "VIEW", "raw_events", columns, selects)


def _sequence(source: EventSource, offsets: Sequence[int], rank: int) -> str:
    """Order within an instant: the row where file order means something, then the milestones as listed."""
    if source.order != "file":
        return str(rank)
    cases = " ".join(f"WHEN {i} THEN {offset}" for i, offset in enumerate(offsets))
    line = f"line + CASE file {cases} ELSE 0 END"
    return f"({line}) * {len(source.milestones)} + {rank}" if source.milestones else line


def publish_responses(con: duckdb.DuckDBPyConnection, staged: Sequence[tuple[ResponseSource, str]]) -> None:
    """Create the table `raw_responses`."""
    columns = {**_RESPONSES, **_attributes([source for source, _ in staged])}
    selects = []
    for index, (source, target) in enumerate(staged):
        own = {item.name: name(item.name) for item in fields_of(source)}
        own |= {"source": str(index), "line": "line", "instrument": literal(source.instrument)}
        if source.stage:
            own["stage"] = literal(source.stage)
        if target:
            selects.append(_select(columns, own, target))
    _create(con, "TABLE", "raw_responses", columns, selects)


def publish_customers(con: duckdb.DuckDBPyConnection, staged: Sequence[tuple[CustomerSource, str]]) -> list[Problem]:
    """Create `raw_customers`, one row per customer; customers told twice, differently, are problems."""
    dates = dict.fromkeys((key for source, _ in staged for key in source.dates), "BIGINT")
    columns = {"customer": "VARCHAR", **_attributes([source for source, _ in staged]), **dates}
    selects = []
    for index, (source, target) in enumerate(staged):
        own = {item.name: name(item.name) for item in fields_of(source)} | {"_source": str(index), "_line": "line"}
        if target:
            selects.append(_select({**columns, "_source": "INTEGER", "_line": "BIGINT"}, own, target))
    _create(con, "TABLE", "_cj_customers", {**columns, "_source": "INTEGER", "_line": "BIGINT"}, selects)
    problems = _contradictions(con, list(columns)[1:], [source for source, _ in staged])
    rest = "".join(f", any_value({name(key)}) AS {name(key)}" for key in list(columns)[1:])
    _drop(con, "raw_customers")
    con.execute(
        f"CREATE TABLE raw_customers AS SELECT customer{rest} FROM _cj_customers GROUP BY customer ORDER BY customer"
    )
    con.execute("DROP TABLE _cj_customers")
    return problems


def _contradictions(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], sources: Sequence[SourceSpec]
) -> list[Problem]:
    if not columns:
        return []
    tests = " OR ".join(f"count(DISTINCT {name(key)}) > 1" for key in columns)
    # exact repetitions are gone by now: a customer who stands in one source twice has other content
    found = con.execute(
        f"""SELECT min(_source), count(*), flatten(list(lines)) FROM (
            SELECT min(_source) AS _source, list(_line ORDER BY _line) AS lines FROM _cj_customers
            GROUP BY customer HAVING ({tests}) OR count(*) > count(DISTINCT _source)
            ORDER BY lines) GROUP BY _source"""
    ).fetchall()
    return [
        Problem(code="CJ-IN-051", file=", ".join(sources[index].path), n=n, lines=tuple(lines[:6]),
                what=f"{n} customer(s) stand in the file more than once with different content",
                expected="one row per customer", next_step="keep one row per customer")
        for index, n, lines in found
    ]  # fmt: skip


def publish_identity(con: duckdb.DuckDBPyConnection, staged: Sequence[tuple[IdentitySource, str]]) -> list[Problem]:
    """Create the table `raw_identity`; an anonymous id of two customers is a problem."""
    columns = {"anonymous": "VARCHAR", "customer": "VARCHAR"}
    selects = [_select(columns, {key: key for key in columns}, target) for _, target in staged if target]
    _create(con, "TABLE", "raw_identity", columns, selects)
    problems = []
    for source, target in staged:
        lines = con.execute(
            f"SELECT list(line ORDER BY line) FROM {target} GROUP BY anonymous HAVING count(DISTINCT customer) > 1 "
            "ORDER BY min(line)"
        ).fetchall() if target else []  # fmt: skip
        if lines:
            problems.append(
                Problem(code="CJ-IN-051", file=", ".join(source.path), lines=tuple(lines[0][0][:6]),
                        what=f"{len(lines)} anonymous id(s) belong to more than one customer",
                        expected="one customer per anonymous id", next_step="keep the right pair of each")
            )  # fmt: skip
    return problems


def _attributes(sources: Sequence[EventSource | ResponseSource | CustomerSource]) -> dict[str, str]:
    return dict.fromkeys((key for source in sources for key in source.attribute_names), "VARCHAR")


def _select(columns: dict[str, str], own: dict[str, str], table: str) -> str:
    parts = [f"CAST({own.get(key, 'NULL')} AS {kind}) AS {name(key)}" for key, kind in columns.items()]
    return f"SELECT {', '.join(parts)} FROM {table}"


def _create(
    con: duckdb.DuckDBPyConnection, what: str, target: str, columns: dict[str, str], selects: Sequence[str]
) -> None:
    _drop(con, target)
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {name(key)}" for key, kind in columns.items())
    query = " UNION ALL ".join(selects) or f"SELECT {empty} WHERE false"
    con.execute(f"CREATE {what} {target} AS {query}")


def _drop(con: duckdb.DuckDBPyConnection, target: str) -> None:
    """Remove what an earlier load of this session left under the name."""
    found = con.execute("SELECT table_type FROM information_schema.tables WHERE table_name = ?", [target]).fetchall()
    if found:
        con.execute(f"DROP {'VIEW' if found[0][0] == 'VIEW' else 'TABLE'} {target}")
