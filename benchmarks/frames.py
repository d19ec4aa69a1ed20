"""polars on the raw file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import polars as pl

from benchmarks import tasks
from benchmarks.generate import AS_OF_US


def _events(home: Path, names: tuple[str, ...]) -> pl.LazyFrame:
    return pl.scan_parquet(home / "events.parquet").filter(pl.col("event").is_in(names))


def funnel(home: Path) -> dict[str, object]:
    """Chained forward as-of joins from every entry, then the longest chain of each customer."""
    events = _events(home, tasks.STEPS).collect().sort("at")
    chain = events.filter(event=tasks.STEPS[0]).select("customer", "channel", t1="at", now="at").with_columns(level=1)
    for number, step in enumerate(tasks.STEPS[1:], start=2):
        kind = events.filter(event=step).select("customer", found="at")
        chain = chain.sort("now").join_asof(kind, left_on="now", right_on="found", by="customer", strategy="forward")
        reached = pl.col("found") <= pl.col("t1") + pl.duration(days=tasks.WINDOW_DAYS)
        chain = chain.with_columns(pl.when(reached).then("found").alias(f"t{number}")).drop("found")
        chain = chain.with_columns(now=pl.col(f"t{number}"), level=pl.col("level") + pl.col(f"t{number}").is_not_null())
    best = chain.sort("customer", "level", "t1", "channel", descending=[False, True, False, False]).unique(
        "customer", keep="first", maintain_order=True
    )
    times = [f"t{k}" for k in range(1, len(tasks.STEPS) + 1)]
    medians = [(pl.col(b) - pl.col(a)).dt.total_seconds().median().alias(b) for a, b in pairwise(times)]
    by = best.group_by("channel").agg(pl.col(times).count())
    return {"levels": list(best.select(pl.col(times).count()).row(0)),
            "by channel": {channel: list(counts) for channel, *counts in by.rows()},
            "plain medians": list(best.select(medians).row(0))}  # fmt: skip


def retention(home: Path) -> dict[str, object]:
    month = pl.col("at").dt.convert_time_zone(tasks.ZONE).dt.strftime("%Y-%m").alias("month")
    months = _events(home, tasks.ACTIVITY).select("customer", month).unique()
    months = months.with_columns(cohort=pl.col("month").min().over("customer"))
    cells = months.filter(pl.col("month") <= tasks.LAST_MONTH).group_by("cohort", "month").len().collect()
    return {"cells": {f"{cohort} {month}": n for cohort, month, n in cells.rows()}}


def time_to_event(home: Path) -> dict[str, object]:
    events = _events(home, (tasks.START, tasks.OUTCOME)).collect().sort("at", "channel")
    first = events.filter(event=tasks.START).unique("customer", keep="first", maintain_order=True)
    later = events.filter(event=tasks.OUTCOME).select("customer", finish="at")
    spans = first.join_asof(later, left_on="at", right_on="finish", by="customer", strategy="forward",
                            allow_exact_matches=False)  # fmt: skip
    finish = pl.col("finish").dt.epoch("us").fill_null(AS_OF_US)
    days = (finish - pl.col("at").dt.epoch("us")) // 86_400_000_000
    table = spans.group_by("channel", days.alias("days"), hit=pl.col("finish").is_not_null()).len("n")
    sums = table.group_by("channel").agg(
        pl.col("n").sum(),
        (pl.col("n") * pl.col("hit")).sum().alias("hits"),
        (pl.col("n") * pl.col("days")).sum().alias("days"),
    )
    return {"rows": {channel: [float(x) for x in values] for channel, *values in sums.rows()}}


def as_of(home: Path) -> dict[str, object]:
    answers = pl.read_parquet(home / "responses.parquet").select("customer", t="answered_at").sort("t")
    events = (
        _events(home, (tasks.BEFORE, tasks.AFTER)).join(answers.lazy(), on="customer", how="semi").collect().sort("at")
    )
    first = events.filter(event=tasks.BEFORE).group_by("customer").agg(before=pl.col("at").min())
    after = events.filter(event=tasks.AFTER).select("customer", after="at")
    rows = answers.join(first, on="customer", how="left").join_asof(
        after, left_on="t", right_on="after", by="customer", strategy="forward", allow_exact_matches=False
    )
    rows = rows.with_columns(before=pl.when(pl.col("before") < pl.col("t")).then("before"))
    return {name: [int(rows[column].count()), int(rows[column].dt.epoch("s").sum())]
            for name, column in (("answers", "t"), ("before", "before"), ("after", "after"))}  # fmt: skip
