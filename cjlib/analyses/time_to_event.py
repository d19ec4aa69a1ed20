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
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from cjlib.analyses import time_compared as compared
from cjlib.analyses import time_waiting as waiting
from cjlib.analyses.time_waiting import BANDS, MARKS
from cjlib.core import checks
from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, DataInfo, Kpi, Note, Result
from cjlib.core.text import days, interval, number, percent, t
from cjlib.journey.durations import ANY, CENSOR, durations, without_competing
from cjlib.journey.late import watched_from
from cjlib.journey.tables import EventLog
from cjlib.stats.curve import aalen_johansen, at, kaplan_meier, quantile

_ONE = {"day": "1 day", "hour": "1 h"}
DEFAULT_HORIZONS = ("7 days", "30 days", "90 days")
QUARTILES = (0.25, 0.5, 0.75)
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
        over="group",
        within=("horizon_days",),
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
        "quantiles": Columns(
            (
                GROUP,
                Column("share", "float64", "Share of all", "proportion", "of everybody whose clock started"),
                Column("estimate", "float64", "Reached after", "days", "first time at which the share is reached"),
                Column("ci_low", "float64", "95 % CI", "days", "where the limits of the curve cross the share"),
                Column("ci_high", "float64", "", "days"),
            ),
            caption="How long until a share of all has the outcome",
        ),
        "censored": MARKS,
        "between": waiting.BETWEEN,
        "hazard": BANDS,
        "restricted": compared.RESTRICTED,
        "comparison": compared.COMPARISON,
    }  # fmt: skip

    def question(self) -> str:
        if self.params["start"] == self.params["outcome"]:
            return t("How long from one {outcome} to the next?", outcome=self.params["outcome"])
        start = t("the first event") if self.params["start"] == ANY else self.params["start"]
        return t("How long from {start} to {outcome}?", start=start, outcome=self.params["outcome"])

    def answer(self) -> str:
        told = self._time() + self._otherwise()
        if "comparison" not in self._more:
            return told
        return told + " " + compared.sentence(self._more["comparison"], self._more.get("restricted"))

    def _time(self) -> str:
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

    def _otherwise(self) -> str:
        """Who ended by another end is not waiting any more: a manager must not wait for them either."""
        row, ends = self._more["groups"].iloc[0], self.params["competing"]
        if not ends or ends == [CENSOR] or pd.isna(row["n_competing"]) or not row["n_competing"]:
            return ""
        return " " + t("{n} of {all} ended otherwise ({ends}) and are not waiting any more.", n=int(row["n_competing"]),
                       all=int(row["n"]), ends=", ".join(ends))  # fmt: skip

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

    def shown(self) -> list[Any]:
        found = []
        for caption, frame, hidden, columns in super().shown():
            if columns is not compared.COMPARISON:
                found.append((caption, frame, hidden, columns))
                continue
            bare = compared.empty_columns(frame)
            kept = Columns(tuple(c for c in columns.columns if c.name not in bare))
            found.append((caption, compared.in_words(frame), hidden, kept))
        return found

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
                    censored=self._more["censored"], min_people=self.data.min_people, ax=ax)  # fmt: skip


def time_to_event(
    log: EventLog,
    *,
    start: str | Sequence[str],
    outcome: str | Sequence[str],
    competing: Sequence[str] = (),
    horizons: Sequence[str | timedelta] = DEFAULT_HORIZONS,
    by: str | None = None,
    test: Literal["log-rank", "early"] = "log-rank",
    resolution: str = "exact",
    observed_from: str | None = None,
    confidence: float = 0.95,
) -> TimeToEventResult:
    """Estimate the share of customers with the outcome by each horizon, and the median time.

    Parameters
    ----------
    log : EventLog
    start : event that starts the clock, several, or "any" for the customer's first event
    outcome : event(s) that stop it
    competing : events that end the clock otherwise, each its own outcome; "censor" takes the ends that the
        study declares as censored: one minus Kaplan-Meier, which overstates the share
    horizons : durations at which the share is printed
    by : attribute to compare groups by: log-rank tests overall and pair by pair (Holm; cause-specific under
        competing ends), mean days without the outcome and their differences, curves that cross
    test : "early" adds the Fleming-Harrington test with weight on early differences; it is also added, and
        said to be chosen after looking, where curves cross
    resolution : "exact", or a duration that durations are cut down to (for very many customers)
    observed_from : customer date, or ISO day for all, from which outcomes are recorded; a clock that started
        earlier is at risk from there on only (left truncation), and one that ended before it is left out
    confidence : level of the intervals

    Returns
    -------
    TimeToEventResult
        `.table` per group, outcome and horizon; `.more("groups")` counts and medians; `.more("curve")`;
        `.more("quantiles")`; `.more("hazard")` outcomes per 100 waiting customers and day; with `by` also
        `.more("comparison")` and `.more("restricted")`.

    Raises
    ------
    ParameterError
        An event is unknown, a duration has no unit; CJ-AN-160: `competing` is empty although clocks ended by
        events that the study declares as ends.
    NotEnoughDataError
        Nobody's clock started.

    Notes
    -----
    Kaplan and Meier (1958), Aalen and Johansen (1978); see `cjlib.stats.curve`. Tests: Harrington and
    Fleming (1982), Holm (1979). Mean days: Andersen (2013). Rates: exact Poisson intervals.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> result = time_to_event(example_log(), start="visit", outcome="purchase", horizons=["7 days"])
    >>> result.more("groups")[["n", "n_event", "n_open"]].values.tolist()
    [[8, 5, 3]]
    """
    checks.one_of("test", test, ("log-rank", "early"))
    main = [outcome] if isinstance(outcome, str) else list(outcome)
    censor = list(competing) == [CENSOR] or competing == CENSOR
    ends = [] if censor else list(competing)
    names = [log.label(main), *[log.label(name) for name in ends]]
    step = 1 if resolution == "exact" else microseconds("resolution", _ONE.get(resolution, resolution))
    first = start if isinstance(start, str) else ANY if list(start) == [ANY] else list(start)
    clock: dict[str, Any] = {"start": first, "by": by, "resolution_us": step}
    if observed_from:
        clock["watched"] = watched_from(log, observed_from)
    naive = False
    if ends:
        counts = durations(log, outcomes=[main, *[[name] for name in ends]], **clock)
    else:
        counts, naive = without_competing(log, outcome=main, censor=censor, **clock)
    if counts.empty:
        raise NotEnoughDataError(t("The event that starts the clock never occurs: {start}.", start=log.label(first)),
                                 code="CJ-JN-007")  # fmt: skip
    at_days = sorted(in_days(microseconds("horizons", horizon)) for horizon in horizons or DEFAULT_HORIZONS)
    curves = aalen_johansen(counts, confidence=confidence)
    table = _horizons(curves, kaplan_meier(counts, competing="censor"), at_days, names)
    groups = _groups(counts, curves)
    large = _large(groups, log.info.min_people)
    k = log.info.min_people
    more = {"curve": waiting.without_totals(thinned(curves, names, at_days), k), "groups": groups,
            "quantiles": _quantiles(curves, large), "censored": waiting.marks(counts, k),
            "hazard": waiting.bands(counts, confidence)}  # fmt: skip
    notes = _notes(groups, table, log.info) + waiting.band_note(more["hazard"], k)
    notes += [_censored()] if naive else []
    if every := waiting.snapshot_days(log, main):
        notes += waiting.snapshot_note(every)
        if groups["n_event"].iloc[0] and not (ends or naive or observed_from):
            more["between"] = waiting.between_records(counts, table, at_days, every)
    if observed_from:
        notes += waiting.late_notes(counts, log.info)
    if by:
        own = [name for name in large if name != ALL]
        found = compared.compare(counts, curves, groups=own, horizons=at_days, early=test == "early",
                                 confidence=confidence)  # fmt: skip
        more |= found.more
        notes += found.notes
    params = {"start": ANY if first == ANY else log.label(first), "outcome": names[0],
              "competing": [CENSOR] if naive else names[1:], "horizons": [str(h) for h in horizons], "by": by or "",
              "test": test, "resolution": resolution, "confidence": confidence}  # fmt: skip
    params |= {"observed_from": observed_from} if observed_from else {}
    return TimeToEventResult.build(
        table, data=log.info, params=params, kpis=_kpis(table, groups, names[0]), more=more, notes=notes,
    )  # fmt: skip


def _large(groups: pd.DataFrame, k: int) -> list[str]:
    """Groups large enough for numbers of their own; what is made for them prints no count."""
    return groups.loc[(groups["n"] >= k) & (groups["n_event"] >= k), "group"].tolist()


def _quantiles(curves: pd.DataFrame, large: Sequence[str]) -> pd.DataFrame:
    main = curves[(curves["outcome"] == 1) & curves["group"].astype(str).isin(large)].astype({"group": str})
    if main.empty:
        return pd.DataFrame(columns=["group", "share", "estimate", "ci_low", "ci_high"])
    return quantile(main, QUARTILES).rename(columns={"quantile": "share"})


def _censored() -> Note:
    return Note("CJ-AN-161", "caution", t(
        "Asked for by name: who ended otherwise is censored there. The share is that of a world in which nobody "
        "ends otherwise, and overstates what happens."))  # fmt: skip


def _horizons(curves: pd.DataFrame, naive: pd.DataFrame, at_days: list[float], names: list[str]) -> pd.DataFrame:
    table = at(curves, at_days).rename(columns={"time_days": "horizon_days"})
    beside = at(naive, at_days).set_index(["group", "time_days"])["estimate"]
    pairs = pd.MultiIndex.from_frame(table[["group", "horizon_days"]].astype({"group": str}))
    beside.index = pd.MultiIndex.from_frame(beside.index.to_frame().astype({"group": str}))
    table["naive"] = np.where(table["outcome"] == 1, 1 - beside.reindex(pairs).to_numpy(), np.nan)
    table["outcome"] = [names[number - 1] for number in table["outcome"]]
    return table.astype({"group": str})


def thinned(curves: pd.DataFrame, names: Sequence[str], keep: Sequence[float] = ()) -> pd.DataFrame:
    """At most about `MAX_POINTS` rows per group and outcome.

    Every event time where they are few, else times spread over the events (where the curve moves) and over
    the time observed (where it does not), and the times of `keep` observed: a figure reads the curve there.
    """
    parts = []
    for _, part in curves.groupby(["group", "outcome"], sort=False, observed=True):
        rows, outcome = part, int(part["outcome"].iloc[0])
        if len(part) > MAX_POINTS:
            times = part["time_days"].to_numpy()
            moves = times[np.linspace(0, len(times) - 1, MAX_POINTS // 2).astype(int)]
            asked = [time for time in keep if time <= times[-1]]
            rows = _read(part, np.unique(np.concatenate([moves, np.linspace(0, times[-1], MAX_POINTS // 2), asked])))
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


def _notes(groups: pd.DataFrame, table: pd.DataFrame, info: DataInfo) -> list[Note]:
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
    return notes
