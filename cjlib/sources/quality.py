"""What the contract allows and the analyst should still know: orders, ties, gaps, who matches whom.

Each row counts what a check concerns, so 0 is good news. The name of a check is a message key: it is
translated where it is shown, and so is `CHECKS`; `detail` holds names, lines and numbers only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import duckdb
import pandas as pd

from cjlib.sources.cast import name
from cjlib.sources.fields import fields_of, milestone
from cjlib.sources.load import DUPLICATE, Loaded
from cjlib.sources.match import match_rates
from cjlib.sources.source import SourceSpec
from cjlib.sources.study import StudySpec

REPEATED = "exact duplicate events, set aside"
ORDER = "impossible order: the later step comes first"
FILLED = "dates equal to the step before: filled in?"
SILENCED = "dates that mean no date, by the contract"
NEGATIVE = "negative duration: answered before asked"
AT_ONCE = "answered at the instant of asking: filled in?"
SILENT = "invitations without an answer"
TIES = "ties: events of one customer at the same instant"
LATE_EVENTS = "events after the cut-off"
LATE_ANSWERS = "answers after the cut-off"
SAID_ONLY = "customers of the surveys without behaviour"
DID_ONLY = "customers of the behaviour without a survey"
LATE_PASSAGES = "interview passages after the cut-off"
TOLD_ONLY = "people interviewed of whom no other file speaks"
ALIKE = "codes of interviews that differ only in case, accents or spaces"
NO_DATE = "missing dates"
NO_VALUE = "missing values"
CHECKS = (REPEATED, ORDER, FILLED, SILENCED, NEGATIVE, AT_ONCE, SILENT, TIES, LATE_EVENTS, LATE_ANSWERS, SAID_ONLY,
          DID_ONLY, LATE_PASSAGES, TOLD_ONLY, ALIKE, NO_DATE, NO_VALUE)  # fmt: skip

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
        `check` (one of `CHECKS`), `n` of `of` rows or customers concerned, `detail` (where). Checks that
        found nothing have n = 0 and stay: nothing found is an answer too.
    """
    rows = [*_duplicates(loaded), *_milestones(con, spec), *_silenced(loaded), *_answers(con, spec), *_ties(con)]
    rows += [*_late(con, spec), *_matches(con), *_interviews(con, spec), *_missing(con, spec)]
    return pd.DataFrame(rows, columns=["check", "n", "of", "detail"]).astype({"n": "int64", "of": "int64"})


def _one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    return tuple(int(value or 0) for value in con.execute(query).fetchall()[0])


def _duplicates(loaded: Loaded) -> Iterator[Row]:
    events = [file for file in loaded.files if file.kind == "events"]
    if events:
        n = sum(file.set_aside.get(DUPLICATE, 0) for file in events)
        yield REPEATED, n, sum(file.rows_in for file in events), ""


def _milestones(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    """Rows whose later milestone comes first, or at the very same instant."""
    for index, source in enumerate(spec.sources.events):
        for first, second in pairwise(source.milestones):
            one, two = name(milestone(first)), name(milestone(second))
            wrong, same, of, lines = con.execute(
                f"""SELECT count(*) FILTER (WHERE {two} < {one}), count(*) FILTER (WHERE {two} = {one}), count(*),
                min(line, 3) FILTER (WHERE {two} < {one})
                FROM _cj_events_{index} WHERE {one} IS NOT NULL AND {two} IS NOT NULL"""
            ).fetchall()[0]
            where = f"{first} → {second} ({', '.join(source.path)}"
            yield ORDER, wrong, of, where + (f": {', '.join(map(str, lines))}" if wrong else "") + ")"
            yield FILLED, same, of, where + ")"


def _silenced(loaded: Loaded) -> Iterator[Row]:
    for where, (n, of) in loaded.no_dates.items():
        yield SILENCED, n, of, where


def _answers(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    early, same, of = _one(
        con,
        """SELECT count(*) FILTER (WHERE answered_at < asked_at), count(*) FILTER (WHERE answered_at = asked_at),
        count(*) FROM raw_responses WHERE answered_at IS NOT NULL AND asked_at IS NOT NULL""",
    )
    if of:
        yield NEGATIVE, early, of, ""
        yield AT_ONCE, same, of, ""
    complete = [str(i) for i, source in enumerate(spec.sources.responses) if source.invitations == "complete"]
    if complete:
        among = f"WHERE source IN ({', '.join(complete)})"
        silent, of = _one(con, f"SELECT count(*) - count(answered_at), count(*) FROM raw_responses {among}")
        yield SILENT, silent, of, ""


def _ties(con: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    n, of = _one(
        con,
        """SELECT sum(n) FILTER (WHERE n > 1), sum(n)
        FROM (SELECT count(*) AS n FROM raw_events GROUP BY customer, "at")""",
    )
    if of:
        yield TIES, n, of, ""


def _late(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    cut = spec.as_of_us
    for check, table, column in (
        (LATE_EVENTS, "raw_events", '"at"'),
        (LATE_ANSWERS, "raw_responses", "answered_at"),
    ):
        n, of = _one(con, f"SELECT count(*) FILTER (WHERE {column} > {cut}), count({column}) FROM {table}")
        if of:
            yield check, n, of, f"> {spec.as_of}"


def _matches(con: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    rates = match_rates(con)
    if (rates["of"] > 0).all():
        for check, row in zip((SAID_ONLY, DID_ONLY), rates.to_dict("records"), strict=True):
            yield check, row["of"] - row["n"], row["of"], row["hint"]


def _interviews(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    if not spec.sources.interviews:
        return
    late, of = _one(con, f'SELECT count(*) FILTER ("at" > {spec.as_of_us}), count(*) FROM raw_interviews')
    yield LATE_PASSAGES, late, of, f"> {spec.as_of}"
    alone, of = _one(
        con,
        """SELECT count(*) FILTER (WHERE x NOT IN (SELECT customer FROM raw_events WHERE customer IS NOT NULL
            UNION SELECT customer FROM raw_responses WHERE customer IS NOT NULL
            UNION SELECT customer FROM raw_customers WHERE customer IS NOT NULL
            UNION SELECT anonymous FROM raw_identity WHERE anonymous IS NOT NULL)), count(*)
        FROM (SELECT DISTINCT customer AS x FROM raw_interviews)""",
    )
    yield TOLD_ONLY, alone, of, ""
    alike = con.execute(
        r"""SELECT list(code ORDER BY code) FROM (SELECT DISTINCT code FROM raw_interviews)
        GROUP BY lower(strip_accents(regexp_replace(code, '[\s_-]+', '', 'g'))) HAVING count(*) > 1 ORDER BY 1"""
    ).fetchall()
    (of,) = _one(con, "SELECT count(DISTINCT code) FROM raw_interviews")
    yield ALIKE, sum(len(group) for (group,) in alike), of, "; ".join(" = ".join(group) for (group,) in alike)


def _missing(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> Iterator[Row]:
    """Empty cells of every mapped column, among the rows of the sources that map it."""
    tables: dict[str, Sequence[SourceSpec]] = {
        "events": spec.sources.events, "responses": spec.sources.responses,
        "interviews": spec.sources.interviews, "customers": spec.sources.customers,
    }  # fmt: skip
    for kind, sources in tables.items():
        for key, (role, indices) in _mapped(sources).items():
            among = "" if kind == "customers" else f" WHERE source IN ({', '.join(map(str, indices))})"
            n, of = _one(con, f"SELECT count(*) - count({name(key)}), count(*) FROM raw_{kind}{among}")
            if n:
                yield NO_DATE if role == "instant" else NO_VALUE, n, of, f"{kind}.{key}"
    for index, source in enumerate(spec.sources.events):
        for event in source.milestones:
            n, of = _one(con, f"SELECT count(*) - count({name(milestone(event))}), count(*) FROM _cj_events_{index}")
            if n:
                yield NO_DATE, n, of, f"{event} ({', '.join(source.path)})"


def _mapped(sources: Sequence[SourceSpec]) -> dict[str, tuple[str, list[int]]]:
    """Optional fields and attributes with their role, and the sources that fill them."""
    found: dict[str, tuple[str, list[int]]] = {}
    for index, source in enumerate(sources):
        for item in fields_of(source):
            if item.role != "id" and not item.required and not item.name.startswith("at:"):
                found.setdefault(item.name, (item.role, []))[1].append(index)
    return {key: value for key, value in found.items() if key not in ("sequence", "answered_at")}
