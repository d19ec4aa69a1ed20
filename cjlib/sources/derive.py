"""Stores made from a store: a subset of the customers, or a finer unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cjlib.sources.store import Store, activity, connect, publish, quoted, write_meta, write_table


def derive(source: Store, target: Path, *, units_sql: str, meta: Mapping[str, Any], spill: Path) -> Store:
    """A store with other units (a subset, or a finer unit), written from an existing one.

    `units_sql` selects (old unit key `unit`, row filter columns ..., new key `new_unit`); see `subset`
    and `rekey`.
    """

    def build(folder: Path) -> None:
        con = connect(spill)
        try:
            for name in ("events", "responses", "interviews", "customers"):
                con.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{source.path(name)}')")
            con.execute(f"CREATE TEMP TABLE chosen AS {units_sql}")
            on = " AND ".join(f"e.{quoted(c)} IS NOT DISTINCT FROM k.{quoted(c)}" for c in meta.get("keys", []))
            also = f" AND {on}" if on else ""
            events = f"events e JOIN chosen k ON e.unit = k.unit{also}"
            query = f"SELECT k.new_unit AS unit, e.* EXCLUDE (unit) FROM {events} ORDER BY k.new_unit, e.ordinal"
            write_table(con, query, folder / "events.parquet")
            one = "JOIN (SELECT unit, min(new_unit) AS new_unit FROM chosen GROUP BY unit) k USING (unit)"
            for name, order in (("responses", "response"), ("interviews", "passage")):
                query = f"SELECT k.new_unit AS unit, r.* EXCLUDE (unit) FROM {name} r {one} ORDER BY 1, r.{order}"
                write_table(con, query, folder / f"{name}.parquet")
            ties = activity(con, folder / "events.parquet")
            write_table(con, "SELECT k.new_unit AS unit, c.* EXCLUDE (unit, n_events, first_at, last_at), "
                             "e.n_events, e.first_at, e.last_at FROM chosen k JOIN customers c USING (unit) "
                             "LEFT JOIN activity e ON e.unit = k.new_unit ORDER BY k.new_unit",
                        folder / "customers.parquet")  # fmt: skip
            write_meta(con, folder, {**source.meta, **meta, **ties})
        finally:
            con.close()

    return publish(target, build)


def subset_sql(column: str, value: str) -> str:
    """Units whose customer attribute `column` equals `value`; keys stay dense and in order."""
    safe = value.replace("'", "''")
    return (
        "SELECT unit, CAST(row_number() OVER (ORDER BY unit) - 1 AS INTEGER) AS new_unit FROM customers "
        f"WHERE {quoted(column)} = '{safe}'"
    )


def rekey_sql(columns: Sequence[str]) -> str:
    """One unit per distinct value of the event columns within a customer (session, campaign...)."""
    names = ", ".join(quoted(column) for column in columns)
    return (
        f"SELECT unit, {names}, CAST(row_number() OVER (ORDER BY unit, {names}) - 1 AS INTEGER) AS new_unit FROM "
        f"(SELECT DISTINCT unit, {names} FROM events WHERE {quoted(columns[0])} IS NOT NULL)"
    )
