"""Time to an outcome: who has converted by day t, when people who have not *yet* are not thrown away.

The clock starts at the customer's first `start` event and stops at the first outcome after it; who has
none by the cut-off is censored there. Where other ends exclude the outcome (`competing`), the share is
the cumulative incidence (Aalen-Johansen); one minus Kaplan-Meier stands beside it, labelled naive,
because it overstates. Without competing ends both are the same number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, DataInfo, Kpi, Note, Result
from cjlib.core.text import days, interval, number, percent, t
from cjlib.journey.durations import ANY, durations
from cjlib.journey.tables import EventLog
from cjlib.stats.comparison import log_rank
from cjlib.stats.curve import aalen_johansen, at, kaplan_meier, quantile

_ONE = {"day": "1 day", "hour": "1 h"}
DEFAULT_HORIZONS = ("7 days", "30 days", "90 days")
MAX_POINTS = 240  # rows of a curve kept per group and outcome: enough for a figure, no more

_OUTCOME = Column("outcome", "string", "Outcome")
_AT_RISK = Column("n_at_risk", "Int64", "At risk", "people", "still followed and without outcome just before")
_SHARE = (
    Column("estimate", "float64", "Share", "proportion", "cumulative incidence", ("n_at_risk",)),
    Column("ci_low", "float64", "95 % CI", "proportion", "log-log interval", ("n_at_risk",)),
    Column("ci_high", "float64", "", "proportion", "", ("n_at_risk",)),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TimeToEventResult(Result):
    """Cumulative incidence at the horizons, curves, medians; see the module for the definitions."""

    kind: ClassVar[str] = "time_to_event"
    columns: ClassVar[Columns] = Columns(
        (
            GROUP, _OUTCOME, Column("horizon_days", "float64", "By day", "number"), _AT_RISK, *_SHARE,
            Column("naive", "float64", "Naive 1-KM", "proportion",
                   "one minus Kaplan-Meier with competing ends taken as censored: overstates", ("n_at_risk",)),
        ),
        caption="Share by day",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "curve": Columns((GROUP, _OUTCOME, Column("time_days", "float64", "Days", "number"), _AT_RISK, *_SHARE)),
        "groups": Columns(
            (
                GROUP,
                Column("n", "Int64", "Started", "people", "customers whose clock started"),
                Column("n_event", "Int64", "Outcome", "people", "had the outcome by the cut-off"),
                Column("n_competing", "Int64", "Competing end", "people", "ended otherwise"),
                Column("n_open", "Int64", "Still open", "people", "neither by the cut-off: censored"),
                Column("median_days", "float64", "Median time", "days",
                       "day by which half of all have had the outcome", ("n", "n_event")),
                Column("median_low", "float64", "95 % CI", "days", "", ("n", "n_event")),
                Column("median_high", "float64", "", "days", "", ("n", "n_event")),
                Column("naive_median_days", "float64", "Naive median", "days",
                       "median among those who had the outcome; too short", ("n_event",)),
            ),
            sums=(("n", ("n_event", "n_competing", "n_open")),),
            over="group",
            caption="Who converted, who ended otherwise, who is still open",
        ),
    }  # fmt: skip

    def question(self) -> str:
        start = t("the first event") if self.params["start"] == ANY else self.params["start"]
        return t("How long from {start} to {outcome}?", start=start, outcome=self.params["outcome"])

    def answer(self) -> str:
        row = self._more["groups"].iloc[0]
        if pd.isna(row["n_event"]):
            return t("Too few {units} had the outcome to print a time.", units=self.data.units)
        if not row["n_event"]:
            return t("No {outcome} was observed among {n} {units}: no time can be said.", units=self.data.units,
                     outcome=self.params["outcome"], n=int(row["n"]))  # fmt: skip
        naive = days(row["naive_median_days"])
        if math.isinf(row["median_days"]):
            last = self._share_at_end()
            return t(
                "Fewer than half of the {units} have had {outcome} during the time observed ({share} by day {day}), "
                "so the median is not reached; among those who have, it looks like {naive} (naive).",
                units=self.data.units, outcome=self.params["outcome"], naive=naive, **last,
            )  # fmt: skip
        return t(
            "Half of the {units} have had {outcome} after {median} (95 % CI {ci}); among those who have, the median "
            "is {naive} (naive: it leaves out those who have not yet).",
            units=self.data.units, outcome=self.params["outcome"], median=days(row["median_days"]), naive=naive,
            ci=interval(row["median_low"], row["median_high"], days),
        )  # fmt: skip

    def _share_at_end(self) -> dict[str, str]:
        curve = self._more["curve"]
        main = curve[(curve["group"] == ALL) & (curve["outcome"] == self.params["outcome"])]
        last = main[main["estimate"].notna()].tail(1)
        if last.empty:
            return {"share": percent(None), "day": number(None)}
        return {"share": percent(last["estimate"].iloc[0]), "day": number(last["time_days"].iloc[0])}

    def definition(self) -> str:
        return t(
            "The clock starts at the first {start} and stops at the first {outcome} after it; a day is "
            "24 hours. Who has no outcome by the cut-off is censored there. Aalen-Johansen "
            "cumulative incidence with log-log intervals; beyond the last observed time nothing is said.",
            start=t("event") if self.params["start"] == ANY else self.params["start"], outcome=self.params["outcome"],
        )  # fmt: skip

    def alt(self) -> str:
        rows = self._table[(self._table["group"] == ALL) & (self._table["outcome"] == self.params["outcome"])]
        parts = [
            t("{share} by day {day}", share=percent(r.estimate), day=number(r.horizon_days)) for r in rows.itertuples()
        ]
        return t("Curve of the share with {outcome} over time: {parts}.", outcome=self.params["outcome"],
                 parts=", ".join(parts)) + " " + self.answer()  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.curve import draw

        horizons = sorted(self._table["horizon_days"].unique())
        start = t("the first event") if self.params["start"] == ANY else self.params["start"]
        return draw(self._more["curve"], origin=start, horizons=horizons, naive=self._table,
                    min_people=self.data.min_people, ax=ax)  # fmt: skip


def time_to_event(
    log: EventLog,
    *,
    start: str | Sequence[str],
    outcome: str | Sequence[str],
    competing: Sequence[str] = (),
    horizons: Sequence[str | timedelta] = DEFAULT_HORIZONS,
    by: str | None = None,
    resolution: str = "exact",
    confidence: float = 0.95,
) -> TimeToEventResult:
    """Estimate the share of customers with the outcome by each horizon, and the median time.

    Parameters
    ----------
    log : EventLog
    start : event that starts the clock, several, or "any" for the customer's first event
    outcome : event(s) that stop it
    competing : events that end the clock otherwise, each its own outcome
    horizons : durations at which the share is printed
    by : attribute to compare groups by; a log-rank test is added (cause-specific under competing ends)
    resolution : "exact", or a duration that durations are cut down to (for very many customers)
    confidence : level of the intervals

    Returns
    -------
    TimeToEventResult
        `.table` per group, outcome and horizon; `.more("groups")` counts and medians; `.more("curve")`.

    Raises
    ------
    ParameterError
        An event is unknown, a duration has no unit.
    NotEnoughDataError
        Nobody's clock started.

    Notes
    -----
    Kaplan and Meier (1958), Aalen and Johansen (1978); see `cjlib.stats.curve`.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> result = time_to_event(example_log(), start="visit", outcome="purchase", horizons=["7 days"])
    >>> result.more("groups")[["n", "n_event", "n_open"]].values.tolist()
    [[8, 5, 3]]
    """
    main = [outcome] if isinstance(outcome, str) else list(outcome)
    names = [log.label(main), *[log.label(name) for name in competing]]
    step = 1 if resolution == "exact" else microseconds("resolution", _ONE.get(resolution, resolution))
    first = start if isinstance(start, str) else ANY if list(start) == [ANY] else list(start)
    counts = durations(log, start=first, outcomes=[main, *[[name] for name in competing]], by=by, resolution_us=step)
    if counts.empty:
        raise NotEnoughDataError(t("The event that starts the clock never occurs: {start}.", start=log.label(first)),
                                 code="CJ-JN-007")  # fmt: skip
    if not horizons:
        horizons = DEFAULT_HORIZONS
    at_days = sorted(in_days(microseconds("horizons", horizon)) for horizon in horizons)
    curves = aalen_johansen(counts, confidence=confidence)
    table = _horizons(curves, kaplan_meier(counts, competing="censor"), at_days, names)
    groups = _groups(counts, curves)
    params = {"start": ANY if first == ANY else log.label(first), "outcome": names[0],
              "competing": names[1:], "horizons": [str(horizon) for horizon in horizons], "by": by or "",
              "resolution": resolution, "confidence": confidence}  # fmt: skip
    return TimeToEventResult.build(
        table, data=log.info, params=params, kpis=_kpis(table, groups, names[0]),
        more={"curve": thinned(curves, names), "groups": groups},
        notes=_notes(counts, groups, table, params, log.info),
    )  # fmt: skip


def _horizons(curves: pd.DataFrame, naive: pd.DataFrame, at_days: list[float], names: list[str]) -> pd.DataFrame:
    table = at(curves, at_days).rename(columns={"time_days": "horizon_days"})
    beside = at(naive, at_days).set_index(["group", "time_days"])["estimate"]
    pairs = pd.MultiIndex.from_frame(table[["group", "horizon_days"]].astype({"group": str}))
    beside.index = pd.MultiIndex.from_frame(beside.index.to_frame().astype({"group": str}))
    table["naive"] = np.where(table["outcome"] == 1, 1 - beside.reindex(pairs).to_numpy(), np.nan)
    table["outcome"] = [names[number - 1] for number in table["outcome"]]
    return table.astype({"group": str})


def thinned(curves: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """At most about `MAX_POINTS` rows per group and outcome.

    Every event time where they are few, else times spread over the events (where the curve moves) and over
    the time observed (where it does not).
    """
    parts = []
    for _, part in curves.groupby(["group", "outcome"], sort=False, observed=True):
        rows, outcome = part, int(part["outcome"].iloc[0])
        if len(part) > MAX_POINTS:
            times = part["time_days"].to_numpy()
            moves = times[np.linspace(0, len(times) - 1, MAX_POINTS // 2).astype(int)]
            rows = _read(part, np.unique(np.concatenate([moves, np.linspace(0, times[-1], MAX_POINTS // 2)])))
        parts.append(rows.assign(outcome=names[outcome - 1]))
    return pd.concat(parts, ignore_index=True).astype({"group": str})


def _read(part: pd.DataFrame, grid: np.ndarray[Any, Any]) -> pd.DataFrame:
    """Step function read on a grid; at risk is counted just before each time."""
    times = part["time_days"].to_numpy()
    row = np.clip(np.searchsorted(times, grid, side="right") - 1, 0, None)
    before = np.clip(np.searchsorted(times, grid, side="left"), 0, len(times) - 1)
    return part.iloc[row].assign(time_days=grid, n_at_risk=part["n_at_risk"].to_numpy()[before])


def _groups(counts: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    main = curves[curves["outcome"] == 1]
    medians = quantile(main, 0.5).astype({"group": str}).set_index("group")
    rows = []
    for group, part in counts.groupby("group", observed=True, sort=True):
        n = part.groupby(part["outcome"].clip(upper=2))["n"].sum()
        hits = part[part["outcome"] == 1]
        median = medians.loc[str(group)]
        rows.append({
            "group": str(group), "n": int(part["n"].sum()), "n_event": int(n.get(1, 0)),
            "n_competing": int(n.get(2, 0)), "n_open": int(n.get(0, 0)), "median_days": median["estimate"],
            "median_low": median["ci_low"], "median_high": median["ci_high"],
            "naive_median_days": _median_of(hits["duration_days"].to_numpy(), hits["n"].to_numpy()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _median_of(values: np.ndarray[Any, Any], n: np.ndarray[Any, Any]) -> float:
    """Ordinary median of counted values, as a tool that forgets the censored would print it."""
    return float(np.median(np.repeat(values, n))) if len(values) else math.nan


def _kpis(table: pd.DataFrame, groups: pd.DataFrame, outcome: str) -> list[Kpi]:
    total = groups.iloc[0]
    main = table[(table["group"] == ALL) & (table["outcome"] == outcome)]
    shares = [
        Kpi(measure=f"share_by_day_{row['horizon_days']:g}", label=t("{outcome} by day {day}", outcome=outcome,
            day=number(row["horizon_days"])), estimate=row["estimate"], ci_low=row["ci_low"], ci_high=row["ci_high"],
            n=int(total["n"]), form="percent", definition=t("Aalen-Johansen cumulative incidence"))
        for row in main[main["estimate"].notna()].to_dict("records")
    ]  # fmt: skip
    median = Kpi(measure="median_days", label=t("Median time to {outcome}", outcome=outcome),
                 estimate=total["median_days"], ci_low=total["median_low"], ci_high=total["median_high"],
                 n=int(total["n"]), form="days", definition=t("half of all, converted or not"))  # fmt: skip
    return [median, *shares[-1:]] if total["n_event"] else shares[-1:]


def _notes(
    counts: pd.DataFrame, groups: pd.DataFrame, table: pd.DataFrame, params: dict[str, Any], info: DataInfo
) -> list[Note]:
    total = groups.iloc[0]
    notes = [Note("CJ-AN-010", "info", t(
        "{n} of {all} {units} are still open at the cut-off: censored, not lost.", units=info.units,
        n=info.people(int(total["n_open"])), all=info.people(int(total["n"]))))]  # fmt: skip
    if not total["n_event"]:
        notes.append(Note("CJ-AN-011", "limit", t("No event was observed: nobody has had the outcome yet.")))
    beyond = sorted(table.loc[table["estimate"].isna(), "horizon_days"].unique())
    if beyond:
        shown = ", ".join(number(day) for day in beyond)
        notes.append(Note("CJ-AN-012", "caution", t(
            "Day {days} lies beyond the time observed in at least one group: nothing can be said there.",
            days=shown)))  # fmt: skip
    if params["by"]:
        notes.append(_test(counts, bool(params["competing"])))
    return notes


def _p(value: float) -> str:
    return t("below {x}", x=number(0.0001, 4)) if value < 0.0001 else number(value, 4)


def _test(counts: pd.DataFrame, cause_specific: bool) -> Note:
    """Log-rank across the groups (without the sum over all), or why there is none."""
    groups = counts[counts["group"] != ALL]
    flat = groups.assign(group=groups["group"].astype(str), outcome=(groups["outcome"] == 1).astype(int))
    try:
        test = log_rank(flat)
    except NotEnoughDataError as why:
        return Note("CJ-AN-013", "caution", str(why))
    kind = t("cause-specific log-rank test") if cause_specific else t("log-rank test")
    return Note("CJ-AN-014", "info", t(
        "Groups compared once, by a {kind}: chi-square {chi2}, {df} degrees of freedom, p {p}.",
        kind=kind, chi2=number(test.chi2, 2), df=test.df, p=_p(test.p)))  # fmt: skip
