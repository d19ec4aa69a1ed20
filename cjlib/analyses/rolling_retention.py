"""Retention by time since each customer's own first activity: on a bracket of days, and on it or later.

*On*: active within the bracket. *On or later*: active at its start or at any time after, up to the cut-off; it
counts people who were away in between, grows while one waits, and is printed beside for that reason. Only people
for whom the whole bracket is over count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np

from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, number, percent, t
from cjlib.journey.brackets import bracket_cells
from cjlib.journey.tables import EventLog
from cjlib.stats.proportion import share, wilson

EDGES = ("1 day", "7 days", "14 days", "30 days", "60 days", "90 days", "180 days")
_ON, _AFTER = ("n_at_risk", "n_on", "n_off"), ("n_at_risk", "n_after", "n_gone")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RollingRetentionResult(Result):
    """Share active in each bracket of days since the first activity, and in it or later."""

    kind: ClassVar[str] = "rolling_retention"
    columns: ClassVar[Columns] = Columns(
        (
            Column("from_day", "float64", "From day", "number", "days since the first activity"),
            Column("to_day", "float64", "to before day", "number"),
            Column("n_at_risk", "Int64", "At risk", "people", "customers for whom the bracket is over"),
            Column("n_on", "Int64", "Active in it", "people", "of these, active within the bracket"),
            Column("n_off", "Int64", "", "people"),
            Column("estimate", "float64", "Share", "proportion", "", _ON),
            Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", _ON),
            Column("ci_high", "float64", "", "proportion", "", _ON),
            Column("n_after", "Int64", "In it or later", "people", "active from its start on, up to the cut-off"),
            Column("n_gone", "Int64", "", "people"),
            Column("after", "float64", "Share", "proportion", "grows while one waits", _AFTER),
            Column("after_low", "float64", "95 % CI", "proportion", "Wilson interval", _AFTER),
            Column("after_high", "float64", "", "proportion", "", _AFTER),
        ),
        sums=(("n_at_risk", ("n_on", "n_off")), ("n_at_risk", ("n_after", "n_gone"))),
        caption="Active again, by days since the first activity",
    )  # fmt: skip

    def question(self) -> str:
        return t("Which share of {units} is active again, by days since the first time?", units=self.data.units)

    def answer(self) -> str:
        known = self._table[self._table["estimate"].notna()]
        if known.empty:
            return t("Too few {units} to print a share of those who came back.", units=self.data.units)
        row = known.iloc[-1]
        return t(
            "Between day {one} and day {other} after the first time {share} of {n} {units} were active (95 % CI "
            "{ci}); {later} were active then or later.", one=number(row["from_day"]), other=number(row["to_day"]),
            share=percent(row["estimate"]), n=int(row["n_at_risk"]), units=self.data.units,
            ci=interval(row["ci_low"], row["ci_high"], percent), later=percent(row["after"]),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "Days of 24 hours since each customer's first {activity}, which is no return. A customer counts in a "
            "bracket only if all of it lies before the cut-off. In it: active within the bracket. In it or later: "
            "active from its start on; who has been followed longer had more time for that.",
            activity=" / ".join(self.params["activity"]),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.brackets import draw

        return draw(self._table, ax=ax)


def rolling_retention(
    log: EventLog,
    *,
    activity: Sequence[str],
    edges: Sequence[str | timedelta] = EDGES,
    confidence: float = 0.95,
) -> RollingRetentionResult:
    """Estimate the share active again in brackets of days since each customer's first activity.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there
    edges : rising durations since the first activity; brackets reach from 0 to the first, from it to the next, ...
    confidence : level of the intervals

    Returns
    -------
    RollingRetentionResult
        One row per bracket that is over for somebody.

    Raises
    ------
    ParameterError
        CJ-AN-370: no edges, or not rising.
    NotEnoughDataError
        CJ-AN-371: no bracket is over for anybody.

    Notes
    -----
    Wilson (1927).

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> found = rolling_retention(example_log(), activity=["visit"], edges=["10 days"])
    >>> found.table[["n_at_risk", "n_on"]].values.tolist()
    [[7, 0]]
    """
    names = [str(edge) for edge in edges]
    rising = [0, *(microseconds("edges", edge) for edge in edges)]
    if len(rising) < 2 or (np.diff(rising) <= 0).any():
        raise ParameterError(f"edges={names} must be durations, each longer than the one before.",
                             code="CJ-AN-370")  # fmt: skip
    cells = bracket_cells(log, activity=activity, edges_us=rising)
    cells = cells[cells["n_at_risk"] > 0].reset_index(drop=True)
    if cells.empty:
        raise NotEnoughDataError(t("Nobody has been followed to the end of the first bracket of days."),
                                 code="CJ-AN-371")  # fmt: skip
    days = np.array([in_days(edge) for edge in rising])
    low, high = wilson(cells["n_on"], cells["n_at_risk"], confidence=confidence)
    after_low, after_high = wilson(cells["n_after"], cells["n_at_risk"], confidence=confidence)
    table = cells.assign(
        n_off=cells["n_at_risk"] - cells["n_on"], n_gone=cells["n_at_risk"] - cells["n_after"],
        from_day=days[cells["bracket"]], to_day=days[cells["bracket"] + 1],
        estimate=share(cells["n_on"], cells["n_at_risk"]), ci_low=low, ci_high=high,
        after=share(cells["n_after"], cells["n_at_risk"]), after_low=after_low, after_high=after_high,
    )  # fmt: skip
    last = table.iloc[-1]
    kpi = Kpi(measure="returned", label=t("Active from day {one} to {other}", one=number(last["from_day"]),
              other=number(last["to_day"])), estimate=last["estimate"], ci_low=last["ci_low"], ci_high=last["ci_high"],
              n=int(last["n_at_risk"]), form="percent")  # fmt: skip
    older = t("Later brackets rest on the customers who came early: a change down the rows may be a change of people.")
    notes = [Note("CJ-AN-372", "info", older)]
    params = {"activity": [log.label(name) for name in activity], "edges": names, "confidence": confidence}
    return RollingRetentionResult.build(table, data=log.info, params=params, kpis=[kpi], notes=notes)
