"""chdb, ClickHouse in a process, on the raw file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import chdb

from benchmarks import tasks
from benchmarks.generate import AS_OF_US

NEVER = 4_294_967_295


def _rows(query: str) -> list[list[Any]]:
    return json.loads(str(chdb.query(query, "JSONCompact")))["data"]


def funnel(home: Path) -> dict[str, object]:
    """Customers by the step they reach: neither breakdown nor times."""
    tests = ", ".join(f"event = '{step}'" for step in tasks.STEPS)
    rows = _rows(f"""SELECT level, count() FROM (SELECT customer,
            windowFunnel({tasks.WINDOW_DAYS * 86_400})(toDateTime("at"), {tests}) AS level
            FROM file('{home}/events.parquet') GROUP BY customer) GROUP BY level""")
    counts = {int(level): int(n) for level, n in rows}
    return {"levels": [sum(n for k, n in counts.items() if k >= step) for step in range(1, len(tasks.STEPS) + 1)]}


def retention(home: Path) -> dict[str, object]:
    rows = _rows(f"""SELECT concat(cohort, ' ', month) AS cell, count() FROM (
            SELECT arrayJoin(months) AS month, arrayMin(months) AS cohort FROM (SELECT customer,
                groupUniqArray(formatDateTime(toTimeZone("at", '{tasks.ZONE}'), '%Y-%m')) AS months
                FROM file('{home}/events.parquet') WHERE event IN {tasks.ACTIVITY} GROUP BY customer))
        WHERE month <= '{tasks.LAST_MONTH}' GROUP BY cell""")
    return {"cells": {cell: int(n) for cell, n in rows}}


def time_to_event(home: Path) -> dict[str, object]:
    rows = _rows(f"""SELECT channel, sum(n), sumIf(n, hit), sum(n * days) FROM (
        SELECT channel, intDiv(if(hit, finish, {AS_OF_US // 1_000_000}) - start, 86400) AS days, hit, count() AS n
        FROM (SELECT tupleElement(entry, 1) AS start, tupleElement(entry, 2) AS channel,
                arrayMin(arrayMap(x -> if(x > start, x, {NEVER}), arrayPushBack(ends, 0))) AS finish,
                finish < {NEVER} AS hit
            FROM (SELECT minIf((t, channel), event = '{tasks.START}') AS entry,
                    groupArrayIf(t, event = '{tasks.OUTCOME}') AS ends
                FROM (SELECT customer, toUnixTimestamp("at") AS t, event, channel FROM file('{home}/events.parquet')
                    WHERE event IN ('{tasks.START}', '{tasks.OUTCOME}')) GROUP BY customer) WHERE start > 0)
        GROUP BY channel, days, hit) GROUP BY channel""")
    return {"rows": {channel: [float(x) for x in values] for channel, *values in rows}}


def as_of(home: Path) -> dict[str, object]:
    rows = _rows(f"""SELECT count(), sum(t), countIf(b > 0), sum(b), countIf(a > 0), sum(a) FROM (
        SELECT id, r.t AS t, minIf(e.t, e.event = '{tasks.BEFORE}' AND e.t < r.t) AS b,
            minIf(e.t, e.event = '{tasks.AFTER}' AND e.t > r.t) AS a
        FROM (SELECT rowNumberInAllBlocks() AS id, customer, toUnixTimestamp(answered_at) AS t
              FROM file('{home}/responses.parquet')) r
        LEFT JOIN (SELECT customer, toUnixTimestamp("at") AS t, event FROM file('{home}/events.parquet')
              WHERE event IN ('{tasks.BEFORE}', '{tasks.AFTER}')
              AND customer IN (SELECT customer FROM file('{home}/responses.parquet'))) e
        ON e.customer = r.customer GROUP BY id, r.t)""")
    found = [int(x) for x in rows[0]]
    return {"answers": found[:2], "before": found[2:4], "after": found[4:]}
