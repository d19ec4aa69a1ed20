"""pandas to read and group, numpy where pandas would loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet  # noqa: F401

from benchmarks import tasks
from benchmarks.generate import AS_OF_US


def _events(home: Path, names: tuple[str, ...]) -> pd.DataFrame:
    return pd.read_parquet(home / "events.parquet", filters=[("event", "in", list(names))])


def _seconds(times: pd.Series) -> np.ndarray:
    return times.astype("int64").to_numpy() // 1_000_000


def funnel(home: Path) -> dict[str, object]:
    """Rows sorted once; the next event of a kind is a binary search on customer and instant together."""
    frame = _events(home, tasks.STEPS)
    code, _ = pd.factorize(frame["customer"])
    t = _seconds(frame["at"])
    channel, channels = pd.factorize(frame["channel"], sort=True)
    key = (code.astype(np.int64) << 32) | t
    order = np.lexsort((channel, key))
    key, channel, event = key[order], channel[order], frame["event"].to_numpy()[order]
    entry = np.flatnonzero(event == tasks.STEPS[0])
    deadline = key[entry] + tasks.WINDOW_DAYS * 86_400
    times = [key[entry]]
    for step in tasks.STEPS[1:]:
        kind = key[event == step]
        index = np.searchsorted(kind, times[-1])
        found = kind[np.minimum(index, len(kind) - 1)]
        # 2 ** 62 stands for "not reached" and lies beyond every key
        times.append(np.where((index < len(kind)) & (times[-1] < 2**62) & (found <= deadline), found, 2**62))
    chains = pd.DataFrame(dict(enumerate(times, start=1)))
    level = (chains < 2**62).sum(axis=1)
    best = chains.assign(who=key[entry] >> 32, level=-level, channel=channels[channel[entry]])
    best = best.sort_values(["who", "level", 1], kind="stable").drop_duplicates("who")
    steps = list(range(1, len(tasks.STEPS) + 1))
    reached = best[steps] < 2**62
    by = reached.groupby(best["channel"]).sum()
    return {"levels": reached.sum().tolist(), "by channel": {name: row.tolist() for name, row in by.iterrows()},
            "plain medians": [float((best[k] - best[k - 1])[reached[k]].median()) for k in steps[1:]]}  # fmt: skip


def retention(home: Path) -> dict[str, object]:
    frame = _events(home, tasks.ACTIVITY)
    local = frame["at"].dt.tz_convert(tasks.ZONE).dt.tz_localize(None)
    frame["month"] = local.to_numpy().astype("datetime64[M]").astype("int64")
    months = frame[["customer", "month"]].drop_duplicates()
    months["cohort"] = months.groupby("customer")["month"].transform("min")
    cells = months.groupby(["cohort", "month"]).size()
    named = {(str(np.datetime64(c, "M")), str(np.datetime64(m, "M"))): int(n) for (c, m), n in cells.items()}
    return {"cells": {f"{cohort} {month}": n for (cohort, month), n in named.items() if month <= tasks.LAST_MONTH}}


def time_to_event(home: Path) -> dict[str, object]:
    frame = _events(home, (tasks.START, tasks.OUTCOME)).sort_values(["at", "channel"], kind="stable")
    first = frame[frame["event"] == tasks.START].drop_duplicates("customer")
    later = frame.loc[frame["event"] == tasks.OUTCOME, ["customer", "at"]].rename(columns={"at": "finish"})
    spans = pd.merge_asof(first, later, left_on="at", right_on="finish", by="customer", direction="forward",
                          allow_exact_matches=False)  # fmt: skip
    hit = spans["finish"].notna()
    finish = np.where(hit, _seconds(spans["finish"]), AS_OF_US // 1_000_000)
    spans = spans.assign(days=(finish - _seconds(spans["at"])) // 86_400, hit=hit)
    table = spans.groupby(["channel", "days", "hit"]).size().rename("n").reset_index()
    table = table.assign(hits=table["n"] * table["hit"], days=table["n"] * table["days"])
    sums = table.groupby("channel")[["n", "hits", "days"]].sum()
    return {"rows": {name: [float(x) for x in row] for name, row in zip(sums.index, sums.to_numpy(), strict=True)}}


def as_of(home: Path) -> dict[str, object]:
    answers = pd.read_parquet(home / "responses.parquet", columns=["customer", "answered_at"]).sort_values(
        "answered_at"
    )
    events = _events(home, (tasks.BEFORE, tasks.AFTER))
    events = events[events["customer"].isin(answers["customer"].unique())].sort_values("at")
    first = events[events["event"] == tasks.BEFORE].groupby("customer")["at"].min().rename("before")
    after = events.loc[events["event"] == tasks.AFTER, ["customer", "at"]].rename(columns={"at": "after"})
    answers = answers.join(first, on="customer")
    rows = pd.merge_asof(answers, after, left_on="answered_at", right_on="after", by="customer", direction="forward",
                         allow_exact_matches=False)  # fmt: skip
    rows["before"] = rows["before"].where(rows["before"] < rows["answered_at"])
    return {name: [int(rows[column].notna().sum()), int(_seconds(rows[column].dropna()).sum())]
            for name, column in (("answers", "answered_at"), ("before", "before"), ("after", "after"))}  # fmt: skip
