"""Hand-written DuckDB SQL on the raw file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import tasks
from benchmarks.generate import AS_OF_US


def _rows(query: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(query).fetchall()


def funnel(home: Path) -> dict[str, object]:
    """From every entry the earliest view, then the earliest cart after it, ...: chained ASOF joins."""
    last = len(tasks.STEPS)
    ctes = [f"""e AS (SELECT customer, epoch("at") AS t, list_position({list(tasks.STEPS)}, event) AS step, channel
            FROM '{home}/events.parquet' WHERE event IN {tasks.STEPS})"""]  # fmt: skip
    ctes.append("c1 AS (SELECT customer, channel, t AS t1, t AS t_now, 1 AS level FROM e WHERE step = 1)")
    for step in range(2, last + 1):
        times = "".join(f", t{k}" for k in range(1, step))
        reached = f"s.t <= t1 + {tasks.WINDOW_DAYS * 86_400}"
        ctes.append(f"""c{step} AS (SELECT customer, channel{times}, CASE WHEN {reached} THEN s.t END AS t{step},
            CASE WHEN {reached} THEN s.t END AS t_now, level + coalesce(CAST({reached} AS INTEGER), 0) AS level
            FROM c{step - 1} c ASOF LEFT JOIN (SELECT customer AS who, t FROM e WHERE step = {step}) s
            ON c.customer = s.who AND s.t >= c.t_now)""")
    ctes.append(f"""best AS (SELECT * FROM c{last}
        QUALIFY row_number() OVER (PARTITION BY customer ORDER BY level DESC, t1, channel) = 1)""")
    counts = ", ".join(f"count(t{k})" for k in range(1, last + 1))
    medians = ", ".join(f"median(t{k} - t{k - 1})" for k in range(2, last + 1))
    rows = _rows(f"WITH {', '.join(ctes)} SELECT channel, {counts}, {medians} FROM best GROUP BY ROLLUP (channel)")
    levels = {channel: list(values[:last]) for channel, *values in rows}
    return {"levels": levels.pop(None), "by channel": levels,
            "plain medians": next(list(values[last:]) for channel, *values in rows if channel is None)}  # fmt: skip


def retention(home: Path) -> dict[str, object]:
    return {"cells": dict(_rows(f"""WITH months AS (SELECT DISTINCT customer,
            strftime(timezone('{tasks.ZONE}', "at"), '%Y-%m') AS month
            FROM '{home}/events.parquet' WHERE event IN {tasks.ACTIVITY}),
        firsts AS (SELECT customer, min(month) AS cohort FROM months GROUP BY customer)
        SELECT cohort || ' ' || month, count(*) FROM months JOIN firsts USING (customer)
        WHERE month <= '{tasks.LAST_MONTH}' GROUP BY 1"""))}  # fmt: skip


def time_to_event(home: Path) -> dict[str, object]:
    rows = _rows(f"""WITH e AS (SELECT customer, epoch_us("at") // 1000000 AS t, event, channel
            FROM '{home}/events.parquet' WHERE event IN ('{tasks.START}', '{tasks.OUTCOME}')),
        firsts AS (SELECT customer, min((t, channel)) AS f FROM e WHERE event = '{tasks.START}' GROUP BY customer),
        spans AS (SELECT f[1] AS start, f[2] AS channel, p.t AS finish FROM firsts ASOF LEFT JOIN
            (SELECT * FROM e WHERE event = '{tasks.OUTCOME}') p ON firsts.customer = p.customer AND p.t > f[1]),
        table_ AS (SELECT channel, (coalesce(finish, {AS_OF_US // 1_000_000}) - start) // 86400 AS days,
            finish IS NOT NULL AS hit, count(*) AS n FROM spans GROUP BY ALL)
        SELECT channel, sum(n), sum(n) FILTER (hit), sum(n * days) FROM table_ GROUP BY channel""")
    return {"rows": {channel: [float(x) for x in values] for channel, *values in rows}}


def as_of(home: Path) -> dict[str, object]:
    rows = _rows(f"""WITH answers AS (SELECT row_number() OVER () AS id, customer, answered_at AS t
            FROM '{home}/responses.parquet'),
        joined AS (SELECT id, a.t, min(e."at") FILTER (e."at" < a.t AND event = '{tasks.BEFORE}') AS before,
            min(e."at") FILTER (e."at" > a.t AND event = '{tasks.AFTER}') AS after
            FROM answers a LEFT JOIN (SELECT * FROM '{home}/events.parquet'
                WHERE event IN ('{tasks.BEFORE}', '{tasks.AFTER}')) e USING (customer) GROUP BY ALL)
        SELECT count(t), sum(epoch(t)), count(before), sum(epoch(before)), count(after), sum(epoch(after))
        FROM joined""")
    found = [int(x) for x in rows[0]]
    return {"answers": found[:2], "before": found[2:4], "after": found[4:]}


def store(home: Path) -> dict[str, object]:
    with tempfile.NamedTemporaryFile(dir=home, suffix=".parquet") as target:
        duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(home)}).execute(
            f"""COPY (SELECT * FROM '{home}/events.parquet' ORDER BY customer, "at", event, channel)
            TO '{target.name}' (COMPRESSION zstd)"""
        )
    return {}
