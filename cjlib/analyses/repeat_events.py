"""Events that come again: how many per customer by a day, although follow-up differs.

The clock starts at the customer's first `start` event; every later `event` counts, not only the first. Who
came late is followed for less time and leaves the count when the cut-off comes, so that events so far per
customer, which forget this, are too few. Somebody who left for good stays in the count with no more events:
that is the mean per customer who started, not per customer still there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.repeat_compared import COMPARISON, compare, sentence
from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, DataInfo, Kpi, Note, Result
from cjlib.core.text import UNKNOWN, interval, number, percent, t
from cjlib.journey.durations import by_size
from cjlib.journey.repeats import gaps
from cjlib.journey.tables import EventLog
from cjlib.stats.curve import at, kaplan_meier
from cjlib.stats.recurrent import mean_cumulative

DEFAULT_HORIZONS = ("30 days", "90 days", "180 days")
MAX_POINTS = 240  # rows of a curve kept per group
_OF = ("n_at_risk", "n_again")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RepeatEventsResult(Result):
    """Mean cumulative number of events, share with at least one, and how groups compare."""

    kind: ClassVar[str] = "repeat_events"
    columns: ClassVar[Columns] = Columns(
        (
            GROUP,
            Column("horizon_days", "float64", "By day", "number"),
            Column("n_at_risk", "Int64", "Followed", "people", "customers followed for that long"),
            Column("n_again", "Int64", "Came back", "people", "had it at least once by then, so far"),
            Column("estimate", "float64", "Times per customer", "score", "mean cumulative function", _OF),
            Column("ci_low", "float64", "95 % CI", "score", "errors robust to customers who differ", _OF),
            Column("ci_high", "float64", "", "score", "", _OF),
            Column("once", "float64", "At least once", "proportion", "Kaplan-Meier of the first time only", _OF),
            Column("naive", "float64", "Naive", "score",
                   "events so far per customer, however short the follow-up: too few", _OF),
        ),
        caption="Times per customer by day",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "groups": Columns(
            (
                GROUP,
                Column("n", "Int64", "Started", "people", "customers whose clock started"),
                Column("n_again", "Int64", "Came back", "people", "at least once by the cut-off"),
                Column("n_not", "Int64", "Not so far", "people", "not once by the cut-off"),
                Column("n_events", "Int64", "Events", "rows", "by the cut-off", ("n", "n_again")),
            ),
            sums=(("n", ("n_again", "n_not")),),
            over="group",
            caption="Who came back so far",
        ),
        "curve": Columns(
            (
                GROUP,
                Column("outcome", "string", "Event"),
                Column("time_days", "float64", "Days", "number"),
                Column("n_at_risk", "Int64", "Followed", "people"),
                Column("estimate", "float64", "Times per customer", "score", "", ("n_at_risk",)),
                Column("ci_low", "float64", "95 % CI", "score", "", ("n_at_risk",)),
                Column("ci_high", "float64", "", "score", "", ("n_at_risk",)),
            )
        ),
        "comparison": COMPARISON,
    }  # fmt: skip

    def question(self) -> str:
        return t("How often does {event} come again?", event=self.params["event"])

    def answer(self) -> str:
        rows = self._table[(self._table["group"] == ALL) & self._table["estimate"].notna()]
        if rows.empty:
            return t("Too few {units} are followed long enough, or came back, to print a number.",
                     units=self.data.units)  # fmt: skip
        row = rows.iloc[-1]
        text = t(
            "By day {day} {event} comes again {x} times per customer on average (95 % CI {ci}), for {once} at least "
            "once; events so far per customer are {naive} (naive: it forgets that some had less time).",
            day=number(row["horizon_days"]), event=self.params["event"], x=number(row["estimate"], 2),
            ci=_range(row["ci_low"], row["ci_high"]), once=percent(row["once"]), naive=number(row["naive"], 2),
        )  # fmt: skip
        if "comparison" in self._more:
            text += " " + sentence(self._more["comparison"])
        return text

    def definition(self) -> str:
        return t(
            "The clock starts at the first {start}; each {event} after it counts, until the cut-off. Who left for "
            "good stays in the count. Mean cumulative function (Nelson) with robust interval.",
            start=self.params["start"], event=self.params["event"],
        )  # fmt: skip

    def alt(self) -> str:
        return t("Curve of the mean number of {event} per customer over time.", event=self.params["event"]) + (
            " " + self.answer()
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.curve import draw

        horizons = sorted(self._table["horizon_days"].unique())
        return draw(self._more["curve"], kind="mean", origin=self.params["start"], horizons=horizons,
                    naive=self._table, min_people=self.data.min_people, ax=ax)  # fmt: skip


def repeat_events(
    log: EventLog,
    *,
    event: str | Sequence[str],
    start: str | Sequence[str] | None = None,
    horizons: Sequence[str | timedelta] = DEFAULT_HORIZONS,
    by: str | None = None,
    confidence: float = 0.95,
) -> RepeatEventsResult:
    """Estimate how many times per customer an event comes by each horizon.

    Parameters
    ----------
    log : EventLog
    event : event(s) that may come again
    start : event(s) that start the clock; `event` if left out: the first one opens the clock and is not counted
    horizons : durations at which the mean number is printed
    by : attribute to compare groups by: ratio of rates against the largest group, corrected for their number
    confidence : level of the intervals

    Returns
    -------
    RepeatEventsResult
        `.table` per group and horizon; `.more("groups")` counts; `.more("curve")`; `.more("comparison")`.

    Raises
    ------
    ParameterError
        An event is unknown, a duration has no unit.
    NotEnoughDataError
        CJ-JN-007: nobody's clock started.

    Notes
    -----
    Nelson (1988), Lawless and Nadeau (1995): `cjlib.stats.recurrent`. Ratios: Andersen and Gill (1982) with
    errors clustered by customer (Lin and Wei 1989): `cjlib.stats.hazard`.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> found = repeat_events(example_log(), event=["visit", "cart"], horizons=["10 days"])
    >>> found.more("groups")[["n", "n_events"]].values.tolist()
    [[9, 6]]
    """
    rows = gaps(log, event=event, start=start, by=by or None)
    first = log.label(event if start is None else start)
    if rows.empty:
        raise NotEnoughDataError(t("The event that starts the clock never occurs: {start}.", start=first),
                                 code="CJ-JN-007")  # fmt: skip
    at_days = np.array(sorted(in_days(microseconds("horizons", h)) for h in horizons or DEFAULT_HORIZONS))
    blocks = {ALL: rows}
    if by:
        people = rows.drop_duplicates("unit")
        own = dict(list(rows.groupby("group")))
        blocks |= {name: own[name] for name in by_size(people)}
    found = [_group(name, block, at_days, log.label(event), confidence) for name, block in blocks.items()]
    table = pd.concat([one[0] for one in found], ignore_index=True)
    curve = pd.concat([one[1] for one in found], ignore_index=True)
    groups = pd.DataFrame([one[2] for one in found])
    more = {"groups": groups, "curve": curve}
    notes = _notes(rows, table, groups, log.info)
    if by:
        compared, said = compare(rows, groups.iloc[1:], min_people=log.info.min_people, confidence=confidence)
        more |= compared
        notes += said
    params = {"event": log.label(event), "start": first, "horizons": [str(h) for h in horizons], "by": by or "",
              "n_comparisons": len(more.get("comparison", ())), "confidence": confidence}  # fmt: skip
    return RepeatEventsResult.build(table, data=log.info, params=params,
                                    kpis=_kpis(table, log.label(event), int(groups["n"].iloc[0])),
                                    more=more, notes=notes)  # fmt: skip


def _group(
    name: str, rows: pd.DataFrame, at_days: Any, event: str, confidence: float
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """One group: values at the horizons, its curve, its counts."""
    came = rows[rows["event"] == 1]
    followed = rows.loc[rows["event"] == 0, ["unit", "stop_days"]].rename(columns={"stop_days": "duration_days"})
    again = came.groupby("unit")["stop_days"].min()
    mean = mean_cumulative(
        followed, came[["unit", "stop_days"]].rename(columns={"stop_days": "time_days"}), confidence=confidence
    )
    end = followed["duration_days"].to_numpy()
    read = mean.iloc[np.searchsorted(mean["time_days"].to_numpy(), at_days, side="right") - 1]
    values = read[["estimate", "ci_low", "ci_high"]].where(pd.Series(at_days <= end.max(), index=read.index), math.nan)
    table = pd.DataFrame({"group": name, "horizon_days": at_days}).assign(
        **{column: values[column].to_numpy() for column in values},
        n_at_risk=[int((end >= day).sum()) for day in at_days],
        n_again=[int((again <= day).sum()) for day in at_days],
        once=_once(followed.set_index("unit")["duration_days"], again, at_days),
        naive=[float((came["stop_days"] <= day).sum()) / len(end) for day in at_days],
    )
    table.loc[table["estimate"].isna(), ["once", "naive"]] = math.nan
    last = mean.iloc[[-1]].assign(time_days=end.max(), n_at_risk=int((end >= end.max()).sum()))
    curve = _thin(pd.concat([mean, last], ignore_index=True), at_days).assign(group=name, outcome=event)
    counts = {"group": name, "n": len(end), "n_again": len(again), "n_not": len(end) - len(again),
              "n_events": len(came)}  # fmt: skip
    return table, curve, counts


def _once(followed: pd.Series, again: pd.Series, at_days: Any) -> Any:
    """Share with at least one, from the first time only: what Kaplan-Meier tells of repeats."""
    ended = again.reindex(followed.index)
    counts = pd.DataFrame({"group": ALL, "duration_days": ended.fillna(followed), "outcome": ended.notna().astype(int),
                           "n": 1})  # fmt: skip
    return 1 - at(kaplan_meier(counts), at_days)["estimate"].to_numpy()


def _thin(curve: pd.DataFrame, keep: Any) -> pd.DataFrame:
    """At most about `MAX_POINTS` rows: half where events are, half over the time observed, and those read at `keep`."""
    if len(curve) <= MAX_POINTS:
        return curve
    times = curve["time_days"].to_numpy()
    wanted = np.append(np.linspace(0, times[-1], MAX_POINTS // 2), keep)
    even = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, None)
    return curve.iloc[np.unique(np.append(np.linspace(0, len(times) - 1, MAX_POINTS // 2).astype(int), even))]


def _kpis(table: pd.DataFrame, event: str, n: int) -> list[Kpi]:
    rows = table[(table["group"] == ALL) & table["estimate"].notna()].tail(1)
    return [
        Kpi(measure=f"times_by_day_{row['horizon_days']:g}", label=t("{event} again by day {day}", event=event,
            day=number(row["horizon_days"])), estimate=row["estimate"], ci_low=row["ci_low"], ci_high=row["ci_high"],
            n=n, form="score", definition=t("times per customer, on average"))
        for row in rows.to_dict("records")
    ]  # fmt: skip


def _notes(rows: pd.DataFrame, table: pd.DataFrame, groups: pd.DataFrame, info: DataInfo) -> list[Note]:
    total = groups.iloc[0]
    notes = [Note("CJ-AN-170", "info", t(
        "Everybody is followed to the cut-off and no further; {n} of {all} {units} have not come back so far, which "
        "is not a refusal.", units=info.units, n=info.people(int(total["n_not"])),
        all=info.people(int(total["n"]))))]  # fmt: skip
    same = int(((rows["event"] == 1) & (rows["stop_days"] == rows["start_days"])).sum())
    if same >= info.min_people:
        notes.append(Note("CJ-AN-171", "caution", t(
            "{n} events fall on the very instant of the one before: they count here, and not in ratios of rates. If "
            "they are lines of one order, count orders.", n=number(same))))  # fmt: skip
    beyond = sorted(table.loc[table["estimate"].isna(), "horizon_days"].unique())
    if beyond:
        notes.append(Note("CJ-AN-012", "caution", t(
            "Day {days} lies beyond the time observed in at least one group: nothing can be said there.",
            days=", ".join(number(day) for day in beyond))))  # fmt: skip
    return notes


def _range(low: float, high: float) -> str:
    return UNKNOWN if math.isnan(low) else interval(low, high, lambda x: number(x, 2))
