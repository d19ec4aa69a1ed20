"""Activity over time: cohort cells by calendar month, and lapse by silence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.journey.durations import count_table
from cjlib.journey.match import Block, first_per_unit
from cjlib.journey.tables import EventLog


def cohort_cells(log: EventLog, *, activity: Sequence[str]) -> pd.DataFrame:
    """Customers active per month of first activity and months since, complete months only.

    Returns
    -------
    DataFrame
        cohort ("2026-01"), age (months from 0), n_at_risk (size of the cohort), n_active. A month that
        was not over at the cut-off has no row.
    """
    log.codes("activity", activity)
    months = log.table.filter(log.table.event.isin(list(activity))).select("unit", "month").distinct()
    first = months.group_by("unit").agg(cohort=months.month.min())
    joined = months.inner_join(first, "unit")
    cells = log.engine.fetch(joined.group_by(["cohort", "month"]).agg(n_active=joined.unit.count()))
    if cells.empty:
        raise NotEnoughDataError(t("Nobody was active, so there is no retention to show."), code="CJ-JN-010")
    sizes = cells[cells["cohort"] == cells["month"]].set_index("cohort")["n_active"]
    moment = datetime.fromtimestamp(log.as_of_us / 1e6, tz=UTC).astimezone(ZoneInfo(log.info.zone))
    complete = moment.year * 12 + moment.month - 2  # last calendar month that was over at the cut-off
    grid = [(int(c), int(m)) for c in sizes.index for m in range(int(c), complete + 1)]
    full = pd.DataFrame(grid, columns=["cohort", "month"]).merge(cells, how="left", on=["cohort", "month"])
    if full.empty:
        raise NotEnoughDataError(t("No month was complete at the cut-off: there is no retention to show yet."),
                                 code="CJ-JN-010")  # fmt: skip
    return pd.DataFrame({
        "cohort": [f"{c // 12:04d}-{c % 12 + 1:02d}" for c in full["cohort"]],
        "age": (full["month"] - full["cohort"]).astype("int64"),
        "n_at_risk": sizes.reindex(full["cohort"]).to_numpy().astype("int64"),
        "n_active": full["n_active"].fillna(0).astype("int64"),
    })  # fmt: skip


def lapse_counts(log: EventLog, *, activity: Sequence[str], silence_us: int, by: str | None = None) -> pd.DataFrame:
    """Time from the first activity to the moment silence first reaches `silence_us`.

    A customer whose open gap is shorter than the threshold at the cut-off is censored there. A gap of
    exactly the threshold counts as silence: at its end the customer was gone.

    Returns
    -------
    DataFrame
        group, duration_days, outcome (1 = lapsed, 0 = not gone), n
    """
    codes = log.codes("activity", activity)
    grouping = log.grouping(by)
    as_of = log.as_of_us

    def kernel(block: Block) -> pd.DataFrame:
        active = block.positions(codes)
        first = first_per_unit(block, active)
        unit, at = block.unit[active], block.at[active]
        nxt = np.append(at[1:], as_of)
        if len(unit):
            nxt[np.append(unit[1:] != unit[:-1], True)] = as_of
        silent = np.flatnonzero(nxt - at >= silence_us)
        # Row of each customer's first silence; customers without one are censored at the cut-off.
        owner, where = np.unique(unit[silent], return_index=True)
        slot = np.searchsorted(block.unit[first], owner)
        end = np.full(len(first), as_of)
        end[slot] = at[silent[where]] + silence_us
        outcome = np.zeros(len(first), dtype=np.int64)
        outcome[slot] = 1
        return pd.DataFrame({"group": grouping.of(block, first), "us": end - block.at[first], "outcome": outcome})

    rows = log.run(kernel, columns=grouping.columns)
    return count_table(rows, split=by is not None)
