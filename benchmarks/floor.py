"""The least that any analysis does: one aggregate that touches four columns, no text materialised."""

from __future__ import annotations

from pathlib import Path

import duckdb


def scan_file(home: Path) -> dict[str, object]:
    return _scan(
        f'sum(length(customer)), max("at"), sum(length(event)), sum(length(channel)) FROM "{home}/events.parquet"'
    )


def scan_store(home: Path) -> dict[str, object]:
    return _scan(f'sum(unit), max("at"), sum(length(event)), sum(length(channel)) FROM "{home}/store/events.parquet"')


def _scan(query: str) -> dict[str, object]:
    duckdb.connect().execute(f"SELECT {query}").fetchall()
    return {}
