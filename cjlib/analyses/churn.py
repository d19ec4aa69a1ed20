"""Churn and retention: who stays, for how long, and what cannot be known yet.

The first question is whether leaving is seen. *Contractual*: an end event is recorded. *Non-contractual*:
leaving is inferred from silence; a customer has lapsed at the moment silence reaches the threshold.
The curve is the share not yet gone by time since the start, everybody counted, the open censored.
The triangle counts customers active in calendar month m after the month of their first activity; a
month that was not over at the cut-off is missing, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from cjlib.analyses.time_waiting import without_totals
from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, DataInfo, Kpi, Note, Result
from cjlib.core.text import interval, number, percent, t
from cjlib.journey.activity import cohort_cells, lapse_counts
from cjlib.journey.durations import durations
from cjlib.journey.tables import EventLog
from cjlib.stats.curve import at, kaplan_meier, quantile
from cjlib.stats.triangle import retention_average, retention_triangle

_AT_RISK = Column("n_at_risk", "Int64", "At risk", "people", "customers whose month is over by the cut-off")

_ACTIVE = ("n_at_risk", "n_active")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ChurnResult(Result):
    """Share not yet gone over time since the start, with the number at risk and the open ones."""

    kind: ClassVar[str] = "churn"
    columns: ClassVar[Columns] = Columns(
        (
            GROUP,
            Column("n", "Int64", "Started", "people", "all who ever started"),
            Column("n_event", "Int64", "Gone", "people", "ended, or silent for the threshold"),
            Column("n_open", "Int64", "Not gone", "people", "not gone by the cut-off: censored"),
            Column("horizon_days", "float64", "By day", "number"),
            Column("estimate", "float64", "Still there", "proportion", "Kaplan-Meier", ("n",)),
            Column("ci_low", "float64", "95 % CI", "proportion", "log-log interval", ("n",)),
            Column("ci_high", "float64", "", "proportion", "", ("n",)),
            Column("median_days", "float64", "Median stay", "days", "day by which half are gone", ("n", "n_event")),
        ),
        sums=(("n", ("n_event", "n_open")),),
        over="group",
        within=("horizon_days",),
        caption="Who stays",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "curve": Columns((
            GROUP, Column("time_days", "float64", "Days", "number"), _AT_RISK,
            Column("estimate", "float64", "Still there", "proportion", "", ("n_at_risk",)),
            Column("ci_low", "float64", "95 % CI", "proportion", "", ("n_at_risk",)),
            Column("ci_high", "float64", "", "proportion", "", ("n_at_risk",)),
        )),
    }  # fmt: skip

    def question(self) -> str:
        return t("How long do {units} stay?", units=self.data.units)

    def answer(self) -> str:
        rows = self._table[self._table["group"] == ALL]
        row = rows.iloc[-1]
        if pd.isna(row["n"]) or pd.isna(row["estimate"]):
            known = rows[rows["estimate"].notna()]
            if known.empty:
                return t(
                    "How long {units} stay cannot be said: too few, or followed too briefly.", units=self.data.units
                )
            row = known.iloc[-1]
        text = t(
            "{share} of {n} {units} are not gone after {day} days (95 % CI {ci}).", units=self.data.units,
            share=percent(row["estimate"]), n=int(row["n"]), day=number(row["horizon_days"]),
            ci=interval(row["ci_low"], row["ci_high"], percent),
        )  # fmt: skip
        if self.params["kind"] == "non-contractual":
            text += " " + t("Gone means no {activity} for {silence}.", activity=" / ".join(self.params["activity"]),
                            silence=span(self.params["silence"]))  # fmt: skip
        return text

    def definition(self) -> str:
        if self.params["kind"] == "contractual":
            return t(
                "Contractual: the clock starts at {start} and stops at {end}; who has no end by the cut-off is "
                "censored. Kaplan-Meier with log-log intervals.",
                start=self.params["start"], end=self.params["end"],
            )  # fmt: skip
        return t(
            "Non-contractual: nobody announces leaving. The clock starts at the first {activity}; a customer is "
            "gone at the moment silence reaches {silence}, counted once, even if the customer comes back later. "
            "Kaplan-Meier with log-log intervals.",
            activity=" / ".join(self.params["activity"]), silence=span(self.params["silence"]),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.curve import draw

        return draw(self._more["curve"], kind="survival", min_people=self.data.min_people, ax=ax)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RetentionResult(Result):
    """Cohort triangle: share active per month since the first one, immature months missing."""

    kind: ClassVar[str] = "retention"
    columns: ClassVar[Columns] = Columns(
        (
            Column("cohort", "string", "First month"),
            Column("age", "Int64", "Months later", "number"),
            _AT_RISK,
            Column("n_active", "Int64", "Active", "people", "of these, active in that month"),
            Column("n_away", "Int64", "", "people"),
            Column("share", "float64", "Share active", "proportion", "", _ACTIVE),
            Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", _ACTIVE),
            Column("ci_high", "float64", "", "proportion", "", _ACTIVE),
        ),
        sums=(("n_at_risk", ("n_active", "n_away")),),
        over="cohort",
        within=("age",),
        caption="Retention by month of the first activity",
    )  # fmt: skip

    def question(self) -> str:
        return t("Which share of {units} comes back in the months after the first?", units=self.data.units)

    def answer(self) -> str:
        average = self._table[(self._table["cohort"] == ALL) & (self._table["age"] > 0) & self._table["share"].notna()]
        if average.empty:
            return t("No month after the first is complete yet: retention cannot be said.")
        first, last = average.iloc[0], average.iloc[-1]
        return t(
            "{one} are active one month after the first (95 % CI {ci1}); {late} in month {age} (95 % CI {ci2}, "
            "older cohorts only).",
            one=percent(first["share"]), ci1=interval(first["ci_low"], first["ci_high"], percent),
            late=percent(last["share"]), age=int(last["age"]), ci2=interval(last["ci_low"], last["ci_high"], percent),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "A customer belongs to the calendar month of the first {activity} (business zone) and is active in a "
            "month with at least one. Months not over at the cut-off are missing, not zero. The average weighs "
            "customers and uses the cohorts that have reached that age, so later ages rest on older cohorts.",
            activity=" / ".join(self.params["activity"]),
        )  # fmt: skip

    def shown(self) -> list[Any]:
        average = self._table["cohort"] == ALL
        return [(t("Average over cohorts, by month"), self._table[average], self._hidden[average], self.columns)]

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.triangle import draw

        return draw(self._table, unit=self.data.unit, ax=ax)


def churn(
    log: EventLog,
    *,
    kind: Literal["contractual", "non-contractual"],
    activity: Sequence[str] = (),
    silence: str | timedelta | None = None,
    start: str | None = None,
    end: str | Sequence[str] | None = None,
    horizons: Sequence[str | timedelta] = ("30 days", "90 days", "180 days"),
    by: str | None = None,
    confidence: float = 0.95,
) -> ChurnResult:
    """Estimate the share of customers not gone over time since their start.

    Parameters
    ----------
    log : EventLog
    kind : "contractual" (needs `start` and `end`) or "non-contractual" (needs `activity` and `silence`)
    activity : events that show a customer is there
    silence : threshold after which a silent customer counts as gone
    start, end : events that open and close a contract
    horizons : durations at which the share is printed
    by : attribute to compare groups by
    confidence : level of the intervals

    Raises
    ------
    ParameterError
        The switch is not answered fully.
    NotEnoughDataError
        Nobody started.
    """
    checks.one_of("kind", kind, ["contractual", "non-contractual"])
    if kind == "contractual":
        if not start or not end:
            raise ParameterError('churn kind="contractual" needs start= and end= events.', code="CJ-AN-040")
        ends = [end] if isinstance(end, str) else list(end)
        counts = durations(log, start=start, outcomes=[ends], by=by)
    else:
        if not activity or silence is None:
            raise ParameterError('churn kind="non-contractual" needs activity= events and silence=, for example '
                                 'activity=["purchase"], silence="60 days".', code="CJ-AN-040")  # fmt: skip
        counts = lapse_counts(log, activity=activity, silence_us=microseconds("silence", silence), by=by)
    if counts.empty:
        raise NotEnoughDataError(t("Nobody has started: there is nobody who could leave."), code="CJ-JN-009")
    curve = kaplan_meier(counts, confidence=confidence)
    at_days = [in_days(microseconds("horizons", h)) for h in horizons]
    table = _table(counts, curve, at_days)
    params = {"kind": kind, "activity": [log.label(name) for name in activity], "silence": str(silence or ""),
              "start": log.label(start or ""), "end": log.label(end or ""),
              "horizons": [str(h) for h in horizons], "by": by or "", "confidence": confidence}  # fmt: skip
    more = {"curve": without_totals(_thin(curve, at_days), log.info.min_people)}
    return ChurnResult.build(table, data=log.info, params=params, more=more,
                             kpis=_kpis(table), notes=_notes(table, params, log.info))  # fmt: skip


def retention(log: EventLog, *, activity: Sequence[str], confidence: float = 0.95) -> RetentionResult:
    """Estimate the share of each monthly cohort that is active again, month by month.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there
    confidence : level of the intervals

    Returns
    -------
    RetentionResult
        A row per cohort and age, the weighted average as cohort "(all)"; immature cells are missing.
    """
    if not activity:
        raise NotEnoughDataError(t("The study names no activity, so nobody can come back."), code="CJ-AN-043")
    cells = cohort_cells(log, activity=activity)
    triangle = retention_triangle(cells, confidence=confidence)
    average = retention_average(triangle, confidence=confidence).assign(cohort=ALL)
    table = pd.concat([average[triangle.columns], triangle], ignore_index=True).rename(columns={"estimate": "share"})
    table.loc[table["n_at_risk"] == 0, ["n_at_risk", "n_active"]] = np.nan
    table["n_away"] = table["n_at_risk"] - table["n_active"]
    one = table[(table["cohort"] == ALL) & (table["age"] == 1) & table["share"].notna()]
    kpis = [
        Kpi(measure="retention_month_1", label=t("Active one month later"), estimate=row["share"], form="percent",
            ci_low=row["ci_low"], ci_high=row["ci_high"], n=int(row["n_at_risk"])) for row in one.to_dict("records")
    ]  # fmt: skip
    params = {"activity": [log.label(name) for name in activity], "confidence": confidence}
    return RetentionResult.build(table, data=log.info, params=params, kpis=kpis)


def _table(counts: pd.DataFrame, curve: pd.DataFrame, at_days: list[float]) -> pd.DataFrame:
    read = at(curve, at_days).astype({"group": str})
    medians = quantile(curve, 0.5).astype({"group": str}).set_index("group")["estimate"]
    sizes = counts.assign(group=counts["group"].astype(str), hit=counts["n"].where(counts["outcome"] == 1, 0))
    total = sizes.groupby("group")[["n", "hit"]].sum()
    table = read.rename(columns={"time_days": "horizon_days"})
    table["n"] = total["n"].reindex(table["group"]).to_numpy()
    table["n_event"] = total["hit"].reindex(table["group"]).to_numpy()
    table["n_open"] = table["n"] - table["n_event"]
    table["median_days"] = medians.reindex(table["group"]).to_numpy()
    return table


def _thin(curve: pd.DataFrame, keep: list[float]) -> pd.DataFrame:
    from cjlib.analyses.time_to_event import thinned

    return thinned(curve.assign(outcome=1), ["gone"], keep).drop(columns="outcome")


def _kpis(table: pd.DataFrame) -> list[Kpi]:
    rows = table[(table["group"] == ALL) & table["estimate"].notna()]
    return [
        Kpi(measure=f"still_there_day_{row['horizon_days']:g}",
            label=t("Not gone after {day} days", day=number(row["horizon_days"])), estimate=row["estimate"],
            ci_low=row["ci_low"], ci_high=row["ci_high"], n=int(row["n"]), form="percent")
        for row in rows.tail(1).to_dict("records")
    ]  # fmt: skip


def _notes(table: pd.DataFrame, params: dict[str, Any], info: DataInfo) -> list[Note]:
    row = table.iloc[0]
    notes = [Note("CJ-AN-041", "info", t(
        "{n} of {all} {units} are not gone at the cut-off: censored, not loyal for ever.", units=info.units,
        n=info.people(int(row["n_open"])), all=info.people(int(row["n"]))))]  # fmt: skip
    if params["kind"] == "non-contractual":
        notes.append(Note("CJ-AN-042", "caution", t(
            "Leaving is inferred from {silence} of silence: some of those counted as gone will return.",
            silence=span(params["silence"]))))  # fmt: skip
        notes.append(Note("CJ-AN-044", "info", t(
            "The stay includes that silence: nobody can be gone before {silence} are over, and whoever came once only "
            "counts as there until then.", silence=span(params["silence"]))))  # fmt: skip
    return notes
