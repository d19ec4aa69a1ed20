"""From stage to stage: how long until the next stage is reached, and by how many.

One clock per pair of stages that follow each other: from the customer's first event of the one to the first
event of the next after it. Who is still in between at the cut-off is censored, not lost; an end that the study
declares ends the clock without the next stage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import days, interval, number, percent, t
from cjlib.journey.durations import declared_ends, durations
from cjlib.journey.tables import EventLog
from cjlib.stats.curve import aalen_johansen, at, quantile

_N = ("n",)  # a median names no count, unlike a share of a printed number
_COUNTS = ("n", "n_event")
_TIMES = ["median_days", "median_low", "median_high", "naive_median_days"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StageTimesResult(Result):
    """One row per pair of stages: who went on, who ended otherwise, who is still open, and when."""

    kind: ClassVar[str] = "stage_times"
    columns: ClassVar[Columns] = Columns(
        (
            Column("from_stage", "string", "From"),
            Column("to_stage", "string", "To"),
            Column("n", "Int64", "Started", "people", "had an event of the first stage"),
            Column("n_event", "Int64", "Went on", "people", "had an event of the next stage after it"),
            Column("n_competing", "Int64", "Ended otherwise", "people", "a declared end came first"),
            Column("n_open", "Int64", "Still open", "people", "neither by the cut-off: censored"),
            Column("median_days", "float64", "Median time", "days",
                   "day by which half of all who started have gone on", _N),
            Column("median_low", "float64", "95 % CI", "days", "", _N),
            Column("median_high", "float64", "", "days", "", _N),
            Column("estimate", "float64", "Share by then", "proportion", "went on within the time asked for", _COUNTS),
            Column("ci_low", "float64", "95 % CI", "proportion", "log-log interval", _COUNTS),
            Column("ci_high", "float64", "", "proportion", "", _COUNTS),
            Column("naive_median_days", "float64", "Naive median", "days",
                   "among those who went on so far; too short", _N),
        ),
        sums=(("n", ("n_event", "n_competing", "n_open")),),
        caption="From stage to stage",
    )  # fmt: skip

    def question(self) -> str:
        return t("How long from one stage to the next, and where do customers stop?")

    def answer(self) -> str:
        known = self._table[self._table["estimate"].notna()]
        if known.empty:
            return t("Too few {units} went from one stage to the next to print a time.", units=self.data.units)
        row = known.iloc[int(known["estimate"].to_numpy().argmin())]
        text = t(
            "The fewest go on from {a} to {b}: {share} within {days} days (95 % CI {ci}).", a=row["from_stage"],
            b=row["to_stage"], share=percent(row["estimate"]), days=number(self.params["within_days"]),
            ci=interval(row["ci_low"], row["ci_high"], percent),
        )  # fmt: skip
        timed = self._table[np.isfinite(self._table["median_days"].to_numpy(dtype=float))]
        if timed.empty:
            return text + " " + t("Nowhere have half of those who started gone on: no median is reached.")
        slow = timed.iloc[int(timed["median_days"].to_numpy().argmax())]
        return text + " " + t(
            "Where half go on, it takes longest from {a} to {b}: {median} (95 % CI {ci}); among those who went on so "
            "far it looks like {naive} (naive).", a=slow["from_stage"], b=slow["to_stage"],
            median=days(slow["median_days"]), naive=days(slow["naive_median_days"]),
            ci=interval(slow["median_low"], slow["median_high"], days),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "Clock: from the customer's first event of a stage to the first event of the next stage after it. Who has "
            "none by the cut-off is censored there; a declared end before it counts as ended otherwise. "
            "Aalen-Johansen with log-log intervals."
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.share import draw
        from cjlib.plots.style import EVERYBODY

        table = self._table[self._table["estimate"].notna()]
        names = [f"{a} → {b}" for a, b in zip(table["from_stage"], table["to_stage"], strict=True)]
        table = table.assign(group=names)
        axis = t("went on to the next stage within {days} days", days=number(self.params["within_days"]))
        return draw(table, axis=axis, people=t("started"), colours=dict.fromkeys(names, EVERYBODY),
                    title=self._title(table), ax=ax)  # fmt: skip

    def _title(self, table: pd.DataFrame) -> str:
        if table.empty:
            return ""
        row = table.iloc[int(table["estimate"].to_numpy().argmin())]
        return t("The fewest go on from {a} to {b}: {share}", a=row["from_stage"], b=row["to_stage"],
                 share=percent(row["estimate"]))  # fmt: skip


def stage_times(
    log: EventLog,
    *,
    stages: Sequence[Mapping[str, Any]],
    within: str | timedelta = "30 days",
    confidence: float = 0.95,
) -> StageTimesResult:
    """Estimate how long customers take from each stage to the next, and how many go on.

    Parameters
    ----------
    log : EventLog
    stages : mappings with "name" and "events", in the order of the journey
    within : time at which the share that went on is printed
    confidence : level of the intervals

    Returns
    -------
    StageTimesResult
        One row per pair of stages of which both occur.

    Raises
    ------
    ParameterError
        CJ-AN-174: fewer than two stages; `within` has no unit.
    NotEnoughDataError
        CJ-AN-175: no two stages that follow each other occur in the data.

    Notes
    -----
    The estimators of `time_to_event`: Aalen and Johansen (1978); `cjlib.stats.curve`.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> stages = [{"name": "Look", "events": ["visit"]}, {"name": "Buy", "events": ["purchase"]}]
    >>> stage_times(example_log(), stages=stages, within="7 days").table[["n", "n_event", "n_open"]].values.tolist()
    [[8, 5, 3]]
    """
    if len(stages) < 2:
        raise ParameterError("stages needs at least two stages, in the order of the journey.", code="CJ-AN-174")
    within_days = in_days(microseconds("within", within))
    rows: list[dict[str, Any]] = []
    absent: list[str] = []
    ended: set[str] = set()
    for one, following in pairwise(stages):
        begin, goal = (_occurring(log, stage) for stage in (one, following))
        if not (begin and goal):
            absent.append(f"{one['name']} → {following['name']}")
            continue
        ends = declared_ends(log, start=begin, outcome=goal)
        ended |= set(ends)
        counts = durations(log, start=begin, outcomes=[goal, ends] if ends else [goal])
        row = _row(counts, within_days, confidence)
        rows.append({"from_stage": str(one["name"]), "to_stage": str(following["name"])} | row)
    if not rows:
        raise NotEnoughDataError(t("No two stages that follow each other occur in these data."), code="CJ-AN-175")
    table = pd.DataFrame(rows)
    table.loc[table["n_event"].between(1, log.info.min_people - 1), _TIMES] = math.nan
    named = [log.label(name) for name in sorted(ended)]
    params = {"stages": [str(stage["name"]) for stage in stages], "within_days": within_days, "ends": named,
              "confidence": confidence}  # fmt: skip
    return StageTimesResult.build(table, data=log.info, params=params, kpis=_kpis(table, within_days),
                                  notes=_notes(table, absent, named))  # fmt: skip


def _occurring(log: EventLog, stage: Mapping[str, Any]) -> list[str]:
    return [name for name in stage["events"] if name in log.event_names]


def _row(counts: pd.DataFrame, within_days: float, confidence: float) -> dict[str, Any]:
    n = counts.groupby("outcome")["n"].sum()
    hits = counts[counts["outcome"] == 1]
    curves = aalen_johansen(counts, confidence=confidence)
    main = curves[curves["outcome"] == 1]
    median = quantile(main, 0.5).iloc[0]
    # Read with the other ends in the table: where all have ended, the curve is known for good.
    told = at(curves, [within_days])
    read = told[told["outcome"] == 1].iloc[0]
    naive = np.repeat(hits["duration_days"].to_numpy(), hits["n"].to_numpy())
    return {
        "n": int(n.sum()), "n_event": int(n.get(1, 0)), "n_competing": int(n.get(2, 0)), "n_open": int(n.get(0, 0)),
        "median_days": median["estimate"], "median_low": median["ci_low"], "median_high": median["ci_high"],
        "estimate": read["estimate"], "ci_low": read["ci_low"], "ci_high": read["ci_high"],
        "naive_median_days": float(np.median(naive)) if naive.size else math.nan,
    }  # fmt: skip


def _kpis(table: pd.DataFrame, within_days: float) -> list[Kpi]:
    known = table[table["estimate"].notna()]
    if known.empty:
        return []
    row = known.iloc[int(known["estimate"].to_numpy().argmin())]
    label = t("{a} to {b} within {days} days", a=row["from_stage"], b=row["to_stage"], days=number(within_days))
    return [Kpi(measure="fewest_go_on", label=label, estimate=row["estimate"], ci_low=row["ci_low"],
                ci_high=row["ci_high"], n=int(row["n"]), form="percent")]  # fmt: skip


def _notes(table: pd.DataFrame, absent: list[str], ends: list[str]) -> list[Note]:
    notes = [Note("CJ-AN-176", "info", t(
        "Each row has its own customers: those who had the first of its two stages. Stages may be skipped or come in "
        "another order; only what follows the first event of a stage counts."))]  # fmt: skip
    if ends:
        notes.append(Note("CJ-AN-177", "info", t(
            "A clock also ends, without the next stage, by: {ends}.", ends=", ".join(ends))))  # fmt: skip
    if absent:
        notes.append(Note("CJ-AN-178", "info", t(
            "Not in these data, so without a clock: {pairs}.", pairs="; ".join(absent))))  # fmt: skip
    if table["estimate"].isna().any():
        notes.append(Note("CJ-AN-012", "caution", t(
            "The time asked for lies beyond the time observed from at least one stage: nothing can be said "
            "there.")))  # fmt: skip
    return notes
