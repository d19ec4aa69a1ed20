"""Read every source of a study into the raw tables, or say everything that is wrong with all of them.

Conservation: rows in = rows used + rows set aside, by reason, for every file (tested). Ids are text,
byte-exact; rows without a customer id are set aside and never join anything. For milestone files a row
is used if at least one of its dates is filled; equal instants keep the order in which the study lists
the milestones.
"""

from __future__ import annotations

import glob
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import duckdb

from cjlib.core.errors import Problem, SchemaError
from cjlib.sources import stage
from cjlib.sources.cast import Cell, literal, name
from cjlib.sources.diagnose import cell_problem, reason_of
from cjlib.sources.fields import fields_of
from cjlib.sources.interviews import NO_CODE, InterviewSource, publish_interviews, uncoded_sql
from cjlib.sources.publish import publish_customers, publish_events, publish_identity, publish_responses
from cjlib.sources.source import Format, NoDate, ResponseSource, SourceSpec
from cjlib.sources.stage import Field
from cjlib.sources.study import StudySpec
from cjlib.sources.table import Table, open_table

Kind = Literal["events", "responses", "interviews", "customers", "identity", "lookup"]
NO_CUSTOMER, FILTERED, NO_INSTANT = "no customer id", "filtered", "no date"
DUPLICATE, UNANSWERED = "exact duplicate", "no answer"
_UNDATED = "score IS NOT NULL AND answered_at IS NULL AND customer IS NOT NULL"


@dataclass(frozen=True)
class FileReport:
    """What became of the rows of one file."""

    path: str
    kind: Kind
    sha256: str
    n_bytes: int
    rows_in: int
    rows_used: int
    set_aside: dict[str, int]


@dataclass(frozen=True)
class Loaded:
    """What was read.

    `problems` were tolerated: within the error budget, or worth a look only; they hold no values of
    cells. `no_dates` tells, by file
    and column, on how many of how many rows a date means no date.
    """

    files: tuple[FileReport, ...]
    problems: tuple[Problem, ...]
    event_attributes: tuple[str, ...]
    response_attributes: tuple[str, ...]
    customer_attributes: tuple[str, ...]
    customer_dates: tuple[str, ...]
    interview_attributes: tuple[str, ...] = ()
    no_dates: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class _Staged:
    """One source in work: its files, its staging table, what was set aside."""

    kind: Kind
    index: int
    source: SourceSpec
    fields: list[Field]
    target: str
    tables: list[Table] = field(default_factory=list)
    aside: list[Counter[str]] = field(default_factory=list)
    fatal: list[Problem] = field(default_factory=list)
    faults: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    no_dates: dict[str, tuple[int, int]] = field(default_factory=dict)
    lookup: Table | None = None
    staged: bool = False

    @property
    def n_rows(self) -> int:
        return sum(table.n_rows for table in self.tables)


def load(spec: StudySpec, data_dir: Path, con: duckdb.DuckDBPyConnection) -> Loaded:
    """Read all sources into `raw_events`, `raw_responses`, `raw_interviews`, `raw_customers`, `raw_identity`.

    Parameters
    ----------
    spec : StudySpec
        The contract.
    data_dir : Path
        Folder that the paths are relative to; no source may lie outside it.
    con : DuckDB connection
        Where the tables are made. Instants become UTC microseconds (BIGINT), ids and attributes VARCHAR, values DOUBLE.

    Returns
    -------
    Loaded
        One report per file, tolerated problems, and the names of the attributes.

    Raises
    ------
    SchemaError
        Every breach beyond the error budgets, of all files.
    """
    con.execute("SET preserve_insertion_order = true")
    done: list[_Staged] = []
    with tempfile.TemporaryDirectory(prefix="cjlib-") as scratch:
        for kind, sources in _sources(spec):
            for index, source in enumerate(sources):
                item = _Staged(kind, index, source, fields_of(source), f"_cj_{kind}_{index}")
                done.append(_stage(con, item, folder=Path(data_dir), scratch=Path(scratch)))
    kinds = ("events", "responses", "interviews", "customers", "identity")
    events, responses, interviews, customers, identity = ([i for i in done if i.kind == kind] for kind in kinds)
    errors = [problem for item in done for problem in item.fatal]
    publish_events(con, [(i.source, i.target if i.staged else "", _offsets(i)) for i in events])  # type: ignore[misc]
    publish_responses(con, [(i.source, i.target if i.staged else "") for i in responses])  # type: ignore[misc]
    publish_interviews(con, [(i.source, i.target if i.staged else "") for i in interviews])  # type: ignore[misc]
    errors += publish_customers(con, [(i.source, i.target if i.staged else "") for i in customers])  # type: ignore[misc]
    errors += publish_identity(con, [(i.source, i.target if i.staged else "") for i in identity])  # type: ignore[misc]
    if errors:
        raise SchemaError(errors)
    return Loaded(
        files=tuple(report for item in done for report in _reports(item)),
        # these reach report pages: places and counts, but nothing of what customers wrote
        problems=tuple(replace(problem, values=()) for item in done for problem in (*item.faults, *item.warnings)),
        event_attributes=_names(spec.sources.events),
        response_attributes=_names(spec.sources.responses),
        customer_attributes=_names(spec.sources.customers),
        customer_dates=tuple(dict.fromkeys(n for source in spec.sources.customers for n in source.dates)),
        interview_attributes=_names(spec.sources.interviews),
        no_dates={where: counts for item in done for where, counts in item.no_dates.items()},
    )


def _names(sources: Sequence[SourceSpec]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n for source in sources for n in getattr(source, "attribute_names", ())))


def _sources(spec: StudySpec) -> list[tuple[Kind, Sequence[SourceSpec]]]:
    identity = [spec.sources.identity] if spec.sources.identity else []
    return [
        ("events", spec.sources.events),
        ("responses", spec.sources.responses),
        ("interviews", spec.sources.interviews),
        ("customers", spec.sources.customers),
        ("identity", identity),
    ]


def _offsets(item: _Staged) -> list[int]:
    """Lines of the files before each file, so that file order runs on from one file to the next."""
    totals = [0]
    for table in item.tables:
        totals.append(totals[-1] + table.n_lines)
    return totals[:-1]


def _stage(con: duckdb.DuckDBPyConnection, item: _Staged, *, folder: Path, scratch: Path) -> _Staged:
    """Read the files of one source into its staging table and weigh what is wrong with them."""
    source = item.source
    con.execute(f"DROP TABLE IF EXISTS {item.target}")
    if source.join:
        item.lookup = _lookup(con, item, folder=folder, scratch=scratch)
    own = _wanted(item)
    for path in _paths(folder, source.path, item):
        table = open_table(con, path, source.format, folder=folder, wanted=own, scratch=scratch)
        _take(con, item, table)
    if item.staged:
        _settle(con, item)
    else:
        item.fatal += [problem for table in item.tables for problem in table.faults]
    return item


def _wanted(item: _Staged) -> list[str]:
    """Columns looked for in the files of the source (those of the lookup file are not)."""
    source = item.source
    rules: tuple[NoDate, ...] = getattr(source, "no_date", ())
    wanted = [column for entry in item.fields for column in entry.columns]
    wanted += [*source.keep, *(rule.column for rule in rules)]
    if source.join:
        wanted += list(source.join.on)
    known = set(item.lookup.header) if item.lookup else set[str]()
    return [column for column in wanted if column not in known or (source.join and column in source.join.on)]


def _paths(folder: Path, patterns: Sequence[str], item: _Staged) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        if (folder / pattern).exists() or not any(mark in pattern for mark in "*?["):
            found.append(pattern)
            continue
        # a pattern that leads elsewhere is not followed here but refused, like any path, when it is opened
        matches = sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207
        matches = [match for match in matches if not (folder / match).is_dir()]
        if not matches:
            item.fatal.append(
                Problem(code="CJ-IN-010", file=pattern, what="no file of the data folder has such a name",
                        next_step="check the pattern and the data folder")
            )  # fmt: skip
        found += matches
    return [path.replace(os.sep, "/") for path in dict.fromkeys(found)]


def _lookup(con: duckdb.DuckDBPyConnection, item: _Staged, *, folder: Path, scratch: Path) -> Table:
    """Read the lookup file; a key that stands in it twice would multiply rows and is refused."""
    join = item.source.join
    if join is None:
        raise ValueError("no lookup is declared")
    (key,) = join.on.values()
    form: Format = join.format or item.source.format
    table = open_table(con, join.path, form, folder=folder, wanted=[key], scratch=scratch)
    item.fatal += [*table.fatal, *table.faults]
    item.warnings += table.warnings
    if not table.relation or table.fatal:
        return table
    target = f"{item.target}_lookup"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {target} AS {table.relation}")
    at = table.cells[key].sql
    twice = con.execute(
        f"SELECT {at}, count(*), min(record, 5) FROM {target} WHERE {at} IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    ).fetchall()
    if twice:
        item.fatal.append(
            Problem(code="CJ-IN-052", file=join.path, column=key, n=sum(row[1] for row in twice), of=table.n_rows,
                    what="keys of the lookup stand in it more than once and would multiply rows",
                    values=tuple(str(row[0]) for row in twice[:5]), next_step="keep one row per key in the lookup")
        )  # fmt: skip
    return table


def _take(con: duckdb.DuckDBPyConnection, item: _Staged, table: Table) -> None:
    """Stage one file; what the filter leaves out is counted."""
    item.tables.append(table)
    item.aside.append(Counter(table.set_aside))
    item.fatal += table.fatal
    item.warnings += table.warnings
    if not table.relation:
        return
    if table.n_rows < item.source.min_rows:
        item.fatal.append(
            Problem(code="CJ-IN-022", file=table.path, what=f"the file holds {table.n_rows} rows",
                    expected=f"{item.source.min_rows} or more", next_step="export it again, or declare min_rows")
        )  # fmt: skip
    lookup = None
    if item.source.join and item.lookup and item.lookup.relation and not item.lookup.fatal:
        ((here, there),) = item.source.join.on.items()
        for column, cell in item.lookup.cells.items():
            table.cells.setdefault(column, Cell(f"l.{cell.sql}", cell.format, cell.kind))
        lookup = (f"{item.target}_lookup", item.lookup.cells[there].sql, here) if here in table.cells else None
    if item.source.join and not lookup:
        return
    _refuse_floating_ids(item, table)
    n = stage.stage_file(
        con, item.target, table, item.fields, file=len(item.tables) - 1, keep=item.source.keep,
        no_date=getattr(item.source, "no_date", ()), lookup=lookup,
    )  # fmt: skip
    item.staged = True
    rules: tuple[NoDate, ...] = getattr(item.source, "no_date", ())
    for rule in rules:
        if rule.column in table.cells and not table.cells[rule.column].sql.startswith("l."):
            told = f"({table.relation}) WHERE {table.cells[rule.column].sql} = {literal(rule.value)}"
            n_told = stage.count(con, told)
            item.no_dates |= {f"{column} ({table.path})": (n_told, table.n_rows) for column in rule.dates}
    read = n
    if item.source.keep:
        read = stage.count(con, f"({table.relation})")
        item.aside[-1][FILTERED] += read - n
    if read != table.n_good:
        item.fatal.append(
            Problem(code="CJ-IN-060", file=table.path, what=f"{read} rows were read where {table.n_good} were counted",
                    next_step="please report this file: it is a fault of the reader")
        )  # fmt: skip


def _refuse_floating_ids(item: _Staged, table: Table) -> None:
    for entry in item.fields:
        for column in entry.columns if entry.role == "id" else ():
            if column in table.cells and table.cells[column].kind in ("FLOAT", "DOUBLE"):
                item.fatal.append(
                    Problem(code="CJ-IN-023", file=table.path, column=column, expected="text or whole numbers",
                            what="ids are stored as floating-point numbers, which cannot tell long ids apart",
                            next_step="export the id as text")
                )  # fmt: skip


def _settle(con: duckdb.DuckDBPyConnection, item: _Staged) -> None:
    """Set rows aside, each once and for the first reason that applies, then weigh the bad ones."""
    _bad_rows(con, item)
    con.execute(f"ALTER TABLE {item.target} DROP COLUMN bad")
    ids = " OR ".join(f"{name(entry.name)} IS NULL" for entry in item.fields if entry.role == "id")
    _aside(con, item, ids, NO_CUSTOMER)
    instants = [name(entry.name) for entry in item.fields if entry.role == "instant"]
    if item.kind in ("events", "responses"):
        _aside(con, item, f"coalesce({', '.join(instants)}, NULL) IS NULL", NO_INSTANT)
    if isinstance(item.source, ResponseSource) and item.source.invitations == "answers_only":
        _aside(con, item, "answered_at IS NULL", UNANSWERED)
    if isinstance(item.source, InterviewSource):
        _aside(con, item, uncoded_sql(item.source), NO_CODE)
    policy = item.source.on_duplicates
    if policy != "keep" and stage.duplicates(con, item.target, item.fields):
        if policy == "refuse":
            _refuse_duplicates(con, item)
        else:
            _aside(con, item, "rowid IN (SELECT id FROM _cj_repeated)", DUPLICATE)
    con.execute("DROP TABLE IF EXISTS _cj_repeated")


def _aside(con: duckdb.DuckDBPyConnection, item: _Staged, condition: str, reason: str) -> None:
    for file, n in stage.remove(con, item.target, condition).items():
        item.aside[file][reason] += n


def _bad_rows(con: duckdb.DuckDBPyConnection, item: _Staged) -> None:
    """Problems of the cells; rows with any are removed; within the budget they are only counted."""
    problems = [problem for table in item.tables for problem in table.faults]
    n_bad = sum(table.n_rows - table.n_good for table in item.tables)
    if stage.count(con, f"{item.target} WHERE bad IS NOT NULL"):
        entries = {entry.name: entry for entry in item.fields}
        for file, entry, why, n, lines, texts in stage.bad_cells(con, item.target):
            table = item.tables[file]
            cells = cell_problem(con, table, entries[entry], file=file, why=why, n=n, lines=lines, texts=texts)
            problems.append(cells)
        firsts = con.execute(
            f"""SELECT file, CAST(split_part(bad, chr(31), 2) AS INTEGER), count(*)
            FROM {item.target} WHERE bad IS NOT NULL GROUP BY ALL"""
        ).fetchall()
        for file, why, n in firsts:
            item.aside[file][reason_of(why)] += n
            n_bad += n
        stage.remove(con, item.target, "bad IS NOT NULL")
        con.execute("DROP TABLE _cj_bad")
    if isinstance(item.source, ResponseSource):
        for file, n, lines in con.execute(
            f"SELECT file, count(*), min(line, 5) FROM {item.target} WHERE {_UNDATED} GROUP BY file ORDER BY file"
        ).fetchall():
            n_bad += n
            problems.append(
                Problem(code="CJ-IN-041", file=item.tables[file].path, column=item.source.columns.answered_at, n=n,
                        of=item.tables[file].n_rows, lines=tuple(lines), expected="the instant of the answer",
                        what="hold a score but no instant of the answer", next_step="complete the export")
            )  # fmt: skip
        _aside(con, item, _UNDATED, "answer without date")
    within = n_bad <= item.source.allowed_bad(item.n_rows)
    (item.faults if within else item.fatal).extend(problems)


def _refuse_duplicates(con: duckdb.DuckDBPyConnection, item: _Staged) -> None:
    for file, n, lines in con.execute(
        "SELECT file, count(*), min(line, 5) FROM _cj_repeated GROUP BY file ORDER BY file"
    ).fetchall():
        item.fatal.append(
            Problem(code="CJ-IN-050", file=item.tables[file].path, n=n, of=item.tables[file].n_rows, lines=tuple(lines),
                    what="repeat an earlier row in every mapped column", expected="every row once",
                    next_step="remove them, or declare duplicates: drop or keep")
        )  # fmt: skip


def _reports(item: _Staged) -> list[FileReport]:
    reports = []
    for table, aside in zip(item.tables, item.aside, strict=True):
        counts = {reason: n for reason, n in sorted(aside.items()) if n}
        used = table.n_rows - sum(counts.values())
        reports.append(FileReport(table.path, item.kind, table.sha256, table.n_bytes, table.n_rows, used, counts))
    if item.lookup:
        rows = item.lookup.n_rows
        reports.append(FileReport(item.lookup.path, "lookup", item.lookup.sha256, item.lookup.n_bytes, rows, rows, {}))
    return reports
