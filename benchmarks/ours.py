"""cjlib on the ordered store."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

# What a session has imported before its first analysis.
import ibis.backends.duckdb  # noqa: F401
import pandas as pd
import pyarrow.parquet  # noqa: F401
import sqlglot.dialects.duckdb  # noqa: F401

from benchmarks import generate, tasks
from cjlib.analyses import funnel as funnels
from cjlib.core.result import ALL, DataInfo
from cjlib.journey.activity import cohort_cells
from cjlib.journey.answered import answers_with_events
from cjlib.journey.durations import durations
from cjlib.journey.engine import DuckEngine
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.sources.store import Store

US_PER_DAY = 86_400_000_000


def _open(home: Path) -> tuple[EventLog, SurveyResponses]:
    store = Store(home / "store")
    counts = {name: store.meta[name] for name in ("n_events", "n_customers", "n_responses")}
    info = DataInfo(study="benchmark", **counts, as_of="2025-04-01", zone=tasks.ZONE, min_people=5)
    engine = DuckEngine()
    return EventLog(store, engine, info), SurveyResponses(store, engine, info)


def funnel(home: Path) -> dict[str, object]:
    log, _ = _open(home)
    table = funnels.funnel(log, steps=tasks.STEPS, window=f"{tasks.WINDOW_DAYS} days", entry="best", ties="free",
                           by="channel").table  # fmt: skip
    levels = {name: part["n_reached"].tolist() for name, part in table.groupby("group")}
    return {"levels": levels.pop(ALL), "by channel": levels}


def retention(home: Path) -> dict[str, object]:
    cells = cohort_cells(_open(home)[0], activity=tasks.ACTIVITY)
    months = pd.PeriodIndex(cells["cohort"], freq="M") + cells["age"].to_numpy()
    return {
        "cells": {f"{c} {m}": n for c, m, n in zip(cells["cohort"], months, cells["n_active"].tolist(), strict=True)}
    }


def time_to_event(home: Path) -> dict[str, object]:
    table = durations(_open(home)[0], start=tasks.START, outcomes=[[tasks.OUTCOME]], by="channel",
                      resolution_us=US_PER_DAY)  # fmt: skip
    return {"rows": count_table(table[table["group"] != ALL])}


def count_table(table: pd.DataFrame) -> dict[str, list[float]]:
    """Customers, outcomes and customer-days of every group."""
    table = table.assign(hits=table["n"] * table["outcome"], days=table["n"] * table["duration_days"])
    sums = table.groupby("group", observed=True)[["n", "hits", "days"]].sum()
    return {str(name): [float(x) for x in row] for name, row in zip(sums.index, sums.to_numpy(), strict=True)}


def as_of(home: Path) -> dict[str, object]:
    log, said = _open(home)
    rows = answers_with_events(said, log, events=[tasks.BEFORE], outcomes=[tasks.AFTER])
    return {
        name: [int(rows[column].notna().sum()), int((rows[column].dropna() // 1_000_000).sum())]
        for name, column in (("answers", "answered_at"), ("before", "before_at"), ("after", "outcome_at"))
    }


def store(home: Path) -> dict[str, object]:
    target = Path(tempfile.mkdtemp(dir=home))
    try:
        generate.build_store(home, target / "store")
        return {"events": Store(target / "store").meta["n_events"]}
    finally:
        shutil.rmtree(target)
