"""The ordered store: typed Parquet, written once per content hash and reused by every notebook.

Events are ordered by customer, instant and tie rule (source, declared sequence or file row, then
content), so that analyses stream whole customers in order and shuffled input gives the same bytes.
Customers are integer keys in the order of their keyed pseudonyms; no raw id enters the store.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

from cjlib.sources import interviews

VERSION = 7  # raise when the layout or the meaning of a column changes
ROW_GROUP = 500_000
FEW = 50_000  # distinct texts up to which a column is sorted and written by code
FIXED = ("unit", "at", "ordinal", "event", "channel", "value", "day", "month")


@dataclass(frozen=True)
class Store:
    """A folder with events, responses, interviews and customers as Parquet, and meta.json."""

    folder: Path

    @cached_property
    def meta(self) -> dict[str, Any]:
        """Counts, period, names, ties, files: everything known about the content."""
        content: dict[str, Any] = json.loads((self.folder / "meta.json").read_text(encoding="utf-8"))
        return content

    def path(self, table: str) -> Path:
        """Parquet file of "events", "responses", "interviews" or "customers"."""
        return self.folder / f"{table}.parquet"


@dataclass(frozen=True, kw_only=True)
class StoreSpec:
    """What the writer needs to know beside the raw tables in the connection."""

    as_of_us: int
    zone: str
    event_attributes: Sequence[str]
    response_attributes: Sequence[str]
    customer_attributes: Sequence[str]
    customer_dates: Sequence[str]
    meta: Mapping[str, Any]
    interview_attributes: Sequence[str] = ()


def connect(spill: Path, *, memory: str = "2GB", threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """In-memory DuckDB with memory, threads and spill folder set on purpose."""
    config: dict[str, Any] = {
        "memory_limit": memory,
        "threads": threads or min(os.cpu_count() or 2, 8),
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    con = duckdb.connect(":memory:", config=config)
    with contextlib.suppress(duckdb.InvalidInputException):  # refused in a kernel without widgets: no bar there
        con.execute("SET enable_progress_bar = false")
    return con


def digest(*parts: object) -> str:
    """Short content hash of anything with a stable JSON or text form."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(json.dumps(part, sort_keys=True, default=str).encode())
    return sha.hexdigest()[:24]


def fingerprint(folder: Path, patterns: Sequence[str]) -> list[tuple[str, str]]:
    """Relative name and SHA-256 of every file that the patterns name; a missing file has no hash."""
    names: set[str] = set()
    for pattern in patterns:
        # Path.glob would take hidden files too.
        names.update(glob.glob(pattern, root_dir=folder, recursive=True) or [pattern])  # noqa: PTH207
    return [(name, sha256(folder / name) if (folder / name).is_file() else "") for name in sorted(names)]


def sha256(path: Path) -> str:
    """SHA-256 of a file, streamed."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def publish(target: Path, write: Any) -> Store:
    """Run `write(folder)` in a private folder beside `target`, then move it into place at once."""
    if (target / "meta.json").exists():
        return Store(target)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
    try:
        write(private)
        try:
            private.rename(target)
        except OSError:
            # Another process published the same content first: its store is as good as ours.
            if not (target / "meta.json").exists():
                raise
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return Store(target)


def quoted(name: str) -> str:
    """Identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def write(
    con: duckdb.DuckDBPyConnection, spec: StoreSpec, pseudonym: tuple[str, Mapping[str, Any]], folder: Path
) -> None:
    """Write the store from the raw tables in `con`.

    `pseudonym` is an SQL expression that turns column `id` into hex text, with its named parameters.
    Without a table `raw_interviews` nobody was interviewed.
    """
    con.execute("SET TimeZone = 'UTC'")
    if not con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'raw_interviews'").fetchall():
        interviews.make_empty(con)
    _units(con, pseudonym)
    late = _events(con, spec, folder / "events.parquet")
    write_table(con, _responses_sql(spec), folder / "responses.parquet")
    write_table(con, _interviews_sql(con, spec), folder / "interviews.parquet")
    ties = activity(con, folder / "events.parquet")
    n_duplicate = _customers(con, spec, folder)
    write_meta(con, folder, {**spec.meta, **ties, "events_after_as_of": late,
                             "duplicate_customers": n_duplicate, "zone": spec.zone, "as_of_us": spec.as_of_us,
                             "event_attributes": list(spec.event_attributes),
                             "response_attributes": list(spec.response_attributes),
                             "interview_attributes": list(spec.interview_attributes),
                             "customer_attributes": list(spec.customer_attributes),
                             "customer_dates": list(spec.customer_dates)})  # fmt: skip


def _units(con: duckdb.DuckDBPyConnection, pseudonym: tuple[str, Mapping[str, Any]]) -> None:
    """Identity resolution and the integer key of every customer, whatever table names them."""
    con.execute("CREATE OR REPLACE TEMP TABLE alias AS SELECT anonymous, min(customer) AS customer "
                "FROM raw_identity WHERE customer IS NOT NULL GROUP BY anonymous")  # fmt: skip
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE units AS
        SELECT *, CAST(row_number() OVER (ORDER BY pseudonym) - 1 AS INTEGER) AS unit
        FROM (SELECT id, {pseudonym[0]} AS pseudonym FROM (
            SELECT DISTINCT coalesce(alias.customer, known.customer) AS id FROM (SELECT DISTINCT customer FROM (
                SELECT customer FROM raw_events UNION ALL SELECT customer FROM raw_responses
                UNION ALL SELECT customer FROM raw_interviews UNION ALL SELECT customer FROM raw_customers
            )) known LEFT JOIN alias ON alias.anonymous = known.customer))""",
        dict(pseudonym[1]),
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE keys AS
        SELECT id AS customer, unit FROM units
        UNION ALL SELECT anonymous, unit FROM alias JOIN units ON units.id = alias.customer WHERE anonymous <> id"""
    )


def _events(con: duckdb.DuckDBPyConnection, spec: StoreSpec, path: Path) -> int:
    """Write the events up to the cut-off in their order; how many lie after it.

    A sort key of at most 32 bytes sorts twice as fast as a longer one or one with text: numbers that
    never vary are no key, and columns of few texts are ordered (and written) by an alphabetical code.
    """
    numbers, texts = ("source", "sequence", "value"), ("event", "channel", *spec.event_attributes)
    counted = [f"count({c}) NOT IN (0, count(*)) OR min({c}) <> max({c})" for c in map(quoted, numbers)]
    counted += ["true", "true", *(f"approx_count_distinct({c}) <= {FEW}" for c in map(quoted, texts[2:]))]
    late, first, last, n_valued, *found = con.execute(
        f'SELECT count(*) FILTER ("at" > {spec.as_of_us}), coalesce(min("at"), 0), coalesce(max("at"), 0), '
        f"count(value), {', '.join(counted)} FROM raw_events"
    ).fetchall()[0]
    facts = dict(zip([*numbers, *texts], found, strict=True))
    order = [c for c in ("source", "sequence", *texts[:2], "value", *texts[2:]) if c in texts or facts[c]]
    carried = "".join(f", {_coded(con, c) if c in texts and facts[c] else quoted(c)} AS {quoted(c)}"
                      for c in dict.fromkeys([*order, *(["value"] if n_valued else [])]))  # fmt: skip
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE ordered AS SELECT unit, "at"{carried} FROM raw_events JOIN keys
        USING (customer) WHERE "at" <= {spec.as_of_us} ORDER BY {", ".join(map(quoted, ["unit", "at", *order]))}"""
    )
    # Numbered from a table, not from the sort itself: only so does writing use every core.
    local = _local_sql(spec.zone, first, min(last, spec.as_of_us))
    names = "".join(f", {quoted(c)}" for c in spec.event_attributes)
    write_table(
        con,
        f"""SELECT unit, "at", ordinal, event, channel, {"value" if n_valued else "CAST(NULL AS DOUBLE) AS value"},
        CAST("day" - DATE '1970-01-01' AS INTEGER) AS "day",
        CAST(year("day") * 12 + month("day") - 1 AS INTEGER) AS "month"{names}
        FROM (SELECT *, rowid AS ordinal, CAST(make_timestamp({local}) AS DATE) AS "day" FROM ordered)""",
        path,
    )
    con.execute("DROP TABLE ordered")
    return int(late)


def _coded(con: duckdb.DuckDBPyConnection, column: str) -> str:
    """SQL of a text column as an enumeration, whose codes are in alphabetical order."""
    kind, name = quoted(f"_cj_{column}"), quoted(column)
    con.execute(
        f"CREATE OR REPLACE TEMP TYPE {kind} AS ENUM "
        f"(SELECT DISTINCT {name} FROM raw_events WHERE {name} IS NOT NULL ORDER BY 1)"
    )
    return f"CAST({name} AS {kind})"


def _local_sql(zone: str, first: int, last: int) -> str:
    """SQL of the zone's wall clock at the instant "at" (microseconds), exact between two instants."""
    rules = ZoneInfo(zone)

    def offset(second: int) -> int:
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).astimezone(rules)
        return (local.utcoffset() or timedelta()) // timedelta(seconds=1)

    # No zone has rules before 1900, and none changes twice within a day.
    start, end = (max(instant // 1_000_000, -2_208_988_800) for instant in (first, last + 1_000_000))
    branches = ""
    for day in range(start, end, 86_400):
        low, high = day, min(day + 86_400, end)
        before, after = offset(low), offset(high)
        if before != after:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            branches += f' WHEN "at" < {high}000000 THEN {before}000000'
    shift = f"{offset(end)}000000"
    return f'"at" + CASE{branches} ELSE {shift} END' if branches else f'"at" + {shift}'


def _responses_sql(spec: StoreSpec) -> str:
    names = "".join(f", {quoted(name)}" for name in spec.response_attributes)
    late = f"coalesce(answered_at, 0) > {spec.as_of_us}"
    return f"""SELECT row_number() OVER () - 1 AS response, unit, asked_at,
        CASE WHEN {late} THEN NULL ELSE answered_at END AS answered_at, instrument,
        CASE WHEN {late} THEN NULL ELSE score END AS score,
        CASE WHEN {late} THEN NULL ELSE comment END AS comment, stage{names}
        FROM (SELECT keys.unit, r.* FROM raw_responses r JOIN keys USING (customer)
        WHERE coalesce(asked_at, answered_at, 0) <= {spec.as_of_us}
        ORDER BY keys.unit, answered_at, asked_at, source, instrument, score, comment, line)"""


def _interviews_sql(con: duckdb.DuckDBPyConnection, spec: StoreSpec) -> str:
    first, last = con.execute('SELECT coalesce(min("at"), 0), coalesce(max("at"), 0) FROM raw_interviews').fetchall()[0]
    local = _local_sql(spec.zone, first, min(last, spec.as_of_us))
    return interviews.passages_sql(spec.interview_attributes, as_of_us=spec.as_of_us, local=local)


def _customers(con: duckdb.DuckDBPyConnection, spec: StoreSpec, folder: Path) -> int:
    """One row per customer: pseudonym, attributes (first file row wins), dates, first and last event."""
    columns = [*spec.customer_attributes, *spec.customer_dates]
    chosen = "".join(f", c.{quoted(name)}" for name in columns)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE chosen AS SELECT keys.unit, c.* EXCLUDE (customer),
        row_number() OVER (PARTITION BY keys.unit ORDER BY c.rowid) AS nth
        FROM raw_customers c JOIN keys USING (customer)"""
    )
    write_table(
        con,
        f"""SELECT units.unit, units.pseudonym, coalesce(e.n_events, 0) AS n_events,
        e.first_at, e.last_at{chosen} FROM units LEFT JOIN activity e USING (unit)
        LEFT JOIN (SELECT * FROM chosen WHERE nth = 1) c USING (unit) ORDER BY units.unit""",
        folder / "customers.parquet",
    )
    found = con.execute("SELECT count(*) FROM chosen WHERE nth > 1").fetchone()
    return int(found[0]) if found else 0


def write_table(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the result of a query as Parquet that only its owner may read."""
    # Version 2 writes columns of many values as differences: smaller, and faster both ways than a
    # dictionary that nearly holds a row each. `dictionary_columns` knows which text went which way.
    options = (
        "FORMAT parquet, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 10000, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"ROW_GROUP_SIZE {ROW_GROUP}"
    )
    con.execute(f"COPY ({query}) TO '{path}' ({options})")
    path.chmod(0o600)


def batches(path: Path, columns: Sequence[str], *, text: Sequence[str], rows: int | None = None) -> Iterator[Any]:
    """Arrow batches in file order, `text` as codes where that is possible.

    One row group at a time: `iter_batches` holds on to every row group that it has read.
    """
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path, read_dictionary=dictionary_columns(path, text))
    for group in range(file.num_row_groups):
        for batch in file.read_row_group(group, columns=list(columns)).to_batches(max_chunksize=rows):
            if batch.num_rows:
                yield batch


def dictionary_columns(path: Path, names: Sequence[str]) -> list[str]:
    """Those of the text columns that are dictionary-encoded throughout: only these can be read as codes."""
    import pyarrow.parquet as pq

    meta = pq.read_metadata(path)
    place = {meta.schema.column(i).name: i for i in range(meta.num_columns)}
    return [
        name
        for name in names
        if all(
            any("DICTIONARY" in kind for kind in meta.row_group(group).column(place[name]).encodings)
            and not any("DELTA" in kind for kind in meta.row_group(group).column(place[name]).encodings)
            for group in range(meta.num_row_groups)
        )
    ]


def write_meta(con: duckdb.DuckDBPyConnection, folder: Path, meta: Mapping[str, Any]) -> None:
    """Count what was written and freeze it beside the tables."""
    events, responses, talks, customers = (f"read_parquet('{folder / name}.parquet')" for name in
                                           ("events", "responses", "interviews", "customers"))  # fmt: skip
    names = con.execute(f"SELECT event, count(*) FROM {events} GROUP BY 1 ORDER BY 1").fetchall()
    channels = con.execute(f"SELECT DISTINCT channel FROM {events} WHERE channel IS NOT NULL ORDER BY 1").fetchall()
    span = con.execute(f'SELECT min("at"), max("at") FROM {events}').fetchone() or (None, None)
    answered = con.execute(
        f"SELECT count(*), count(answered_at), min(coalesce(asked_at, answered_at)), max(answered_at) FROM {responses}"
    ).fetchone() or (0, 0, None, None)
    talked = con.execute(f"SELECT count(DISTINCT interview), count(DISTINCT unit) FROM {talks}").fetchall()[0]
    people = con.execute(f"SELECT count(*), count(first_at) FROM {customers}").fetchone() or (0, 0)
    content = {
        **meta,
        "version": VERSION,
        "event_names": dict(names),
        "channels": [name for (name,) in channels],
        "n_events": sum(n for _, n in names),
        "first_us": span[0],
        "last_us": span[1],
        "n_invitations": answered[0],
        "n_responses": answered[1],
        "first_response_us": answered[2],
        "last_response_us": answered[3],
        "n_interviews": talked[0],
        "n_interviewed": talked[1],
        "n_customers": people[0],
        "n_active_customers": people[1],
    }
    (folder / "meta.json").write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def activity(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, int]:
    """Temp table `activity` (events, first and last instant per customer) from the ordered events.

    Returns the number of events at the same instant as the one before, and of customers with different
    events at one instant, whose order the tie rule decides.
    """
    import pyarrow as pa

    tied = 0
    units: set[int] = set()
    last: tuple[int, int, str] | None = None
    spans = [pa.table({name: pa.array([], pa.int64()) for name in ("unit", "n", "first_at", "last_at")})]
    for batch in batches(path, ["unit", "at", "event"], text=["event"]):
        unit, at = (batch.column(name).to_numpy() for name in ("unit", "at"))
        event = batch.column("event")
        event = event if hasattr(event, "dictionary") else event.dictionary_encode()
        labels, code = event.dictionary.to_pylist(), event.indices.to_numpy()
        alike = unit[1:] == unit[:-1]
        same = np.flatnonzero((at[1:] == at[:-1]) & alike)
        tied += len(same)
        units.update(unit[same[code[same + 1] != code[same]]].tolist())
        if last is not None and last[:2] == (unit[0], at[0]):
            tied += 1
            units.update(unit[:1].tolist() if last[2] != labels[code[0]] else [])
        last = (unit[-1], at[-1], labels[code[-1]])
        start = np.append(0, np.flatnonzero(~alike) + 1)
        end = np.append(start[1:], len(unit))
        columns = (unit[start].astype(np.int64), end - start, at[start], at[end - 1])
        spans.append(pa.table(dict(zip(spans[0].column_names, columns, strict=True))))
    con.register("spans", pa.concat_tables(spans))
    con.execute("CREATE OR REPLACE TEMP TABLE activity AS SELECT CAST(unit AS INTEGER) AS unit, CAST(sum(n) AS BIGINT) "
                "AS n_events, min(first_at) AS first_at, max(last_at) AS last_at FROM spans GROUP BY unit")  # fmt: skip
    con.unregister("spans")
    return {"n_ties": tied, "n_units_with_ties": len(units)}
