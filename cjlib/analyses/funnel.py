"""Ordered-step funnel: how many customers reach each step, how surely, and who is still on the way.

A customer reaches step k if events of steps 1..k occur in order, all within `window` of the entry
(the step-1 event; the window includes its end). Not reached and window not over at the cut-off: *open*.
Not reached and window over: *out*. Three rates stand side by side: the naive one (open people count
as lost), the mature one (only people whose window is over) and the curve's (everybody, censored).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.duration import MICROSECONDS_PER_DAY, microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, Kpi, Note, Result
from cjlib.core.text import interval, percent, t
from cjlib.journey.durations import by_size, funnel_rows
from cjlib.journey.tables import EventLog
from cjlib.stats.curve import at, kaplan_meier
from cjlib.stats.proportion import wilson

_COLUMNS = Columns(
    (
        GROUP,
        Column("step", "string", "Step"),
        Column("step_order", "Int64", ""),
        Column("n_start", "Int64", "Entered", "people", "customers with an entry event"),
        Column("n_reached", "Int64", "Reached", "people", "reached the step in order, inside the window"),
        Column("n_open", "Int64", "Still open", "people", "not reached yet, window not over at the cut-off"),
        Column("n_out", "Int64", "Out", "people", "window over without reaching the step"),
        Column("share_naive", "float64", "Naive rate", "proportion",
               "reached / entered; counts open customers as lost", ("n_reached", "n_start")),
        Column("n_mature", "Int64", "Mature", "people", "entered long enough ago for the whole window"),
        Column("n_mature_reached", "Int64", "", "people"),
        Column("share_mature", "float64", "Mature rate", "proportion",
               "reached among the mature", ("n_mature_reached", "n_mature")),
        Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval of the mature rate",
               ("n_mature_reached", "n_mature")),
        Column("ci_high", "float64", "", "proportion", "", ("n_mature_reached", "n_mature")),
        Column("share_curve", "float64", "Curve rate", "proportion",
               "Kaplan-Meier share at the end of the window; uses everybody", ("n_reached", "n_start")),
        Column("curve_low", "float64", "95 % CI", "proportion", "log-log interval of the curve rate",
               ("n_reached", "n_start")),
        Column("curve_high", "float64", "", "proportion", "", ("n_reached", "n_start")),
        Column("median_days", "float64", "Median time from the previous step", "days",
               "Kaplan-Meier median among those who reached the previous step", ("n_reached",)),
    ),
    sums=(("n_start", ("n_reached", "n_open", "n_out")),),
    over="group",
    caption="Customers at each step",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FunnelResult(Result):
    """Counts, rates and median times per group and step; see the module for the definitions."""

    kind: ClassVar[str] = "funnel"
    columns: ClassVar[Columns] = _COLUMNS

    def question(self) -> str:
        return t("Where do {units} leave between {first} and {last}?", first=self.params["steps"][0],
                 last=self.params["steps"][-1], units=self.data.units)  # fmt: skip

    def answer(self) -> str:
        total = self._table[self._table["group"] == ALL]
        last = total.iloc[-1]
        if pd.isna(last["n_reached"]):
            return t("Too few {units} reached the last step to print a rate.", units=self.data.units)
        words = {"n": int(last["n_reached"]), "start": int(last["n_start"]), "step": last["step"],
                 "units": self.data.units}  # fmt: skip
        share = percent(last["share_mature"])
        bounds = interval(last["ci_low"], last["ci_high"], percent)
        if self.params["window"] == "none":
            return t("{n} of {start} {units} reached {step} by the cut-off: {share} (95 % CI {ci}).",
                     share=share, ci=bounds, **words)  # fmt: skip
        return t(
            "{share} (95 % CI {ci}) of the {units} whose window of {window} is over reached {step}; {n} of {start} "
            "in all so far, and {open} are still on the way.",
            share=share, ci=bounds, window=span(self.params["window"]), open=_count(last["n_open"]), **words,
        )  # fmt: skip

    def definition(self) -> str:
        rule = {
            "first": t("each customer enters once, at the first event of the first step"),
            "best": t("each customer may enter at any event of the first step; the longest chain counts"),
        }[self.params["entry"]]
        limit = (
            t("there is no time limit, so nobody is ever out: who has not reached a step is still open")
            if self.params["window"] == "none"
            else t("all steps must happen within {window} of the entry", window=span(self.params["window"]))
        )
        return t("Steps happen in this order, other events may lie between; {rule}; {limit}.", rule=rule, limit=limit)

    def alt(self) -> str:
        total = self._table[self._table["group"] == ALL]
        parts = [f"{row.step} {_count(row.n_reached)}" for row in total.itertuples()]
        return (
            t("Bars of the {units} that reached each step: {parts}.", parts=", ".join(parts), units=self.data.units)
            + " "
            + self.answer()
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.funnel import draw

        return draw(self._table, unit=self.data.unit, ax=ax)


def funnel(
    log: EventLog,
    *,
    steps: Sequence[str | Sequence[str]],
    window: str | timedelta,
    entry: Literal["first", "best"] = "first",
    by: str | None = None,
    ties: Literal["order", "free", "strict"] = "order",
    confidence: float = 0.95,
) -> FunnelResult:
    """Count customers through ordered steps: reached, open, out; naive, mature and curve rate.

    Parameters
    ----------
    log : EventLog
    steps : event names in order, at least 2; a list inside stands for "any of these"
    window : longest time from the entry to the last step, for example "30 days"; "none" for no limit
    entry : "first" (one chain per customer) or "best" (the longest chain from any entry)
    by : event attribute (its value at the entry), "channel" or customer attribute
    ties : events of the same instant: "order" (the study's tie rule), "free", "strict"
    confidence : level of the intervals

    Returns
    -------
    FunnelResult
        `.table` has one row per group and step, "(all)" first.

    Raises
    ------
    ParameterError
        A step is not an event of this log, or the window has no unit.
    NotEnoughDataError
        Nobody entered.

    Notes
    -----
    Wilson (1927) for the mature rate; Kaplan-Meier with log-log limits for the curve rate, which equals
    the mature rate when everybody is mature.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> result = funnel(example_log(), steps=["visit", "cart", "purchase"], window="30 days")
    >>> result.table["n_reached"].tolist()
    [8, 5, 4]
    >>> free = funnel(example_log(), steps=["visit", "cart", "purchase"], window="30 days", ties="free")
    >>> free.table["n_reached"].tolist()
    [8, 6, 5]
    """
    groups = [(step,) if isinstance(step, str) else tuple(step) for step in steps]
    if len(groups) < 2:
        raise ParameterError("steps must name at least 2 steps.", code="CJ-E05")
    checks.one_of("entry", entry, ["first", "best"])
    checks.one_of("ties", ties, ["order", "free", "strict"])
    width = None if window == "none" else microseconds("window", window)
    rows = funnel_rows(log, steps=groups, window_us=width, entry=entry, ties=ties, by=by)
    labels = [log.label(names) for names in groups]
    if not len(rows):
        raise NotEnoughDataError(t("Nobody entered the funnel at {step}.", step=labels[0]), code="CJ-JN-006")
    table = _tabulate(rows, labels, width, split=bool(by), curve=entry == "first", confidence=confidence)
    params = {"steps": labels, "window": str(window), "entry": entry, "by": by or "", "ties": ties,
              "confidence": confidence}  # fmt: skip
    return FunnelResult.build(table, data=log.info, params=params, kpis=_kpis(table, params),
                              notes=_notes(table, params, log))  # fmt: skip


def passage(log: EventLog, first: Sequence[str], then: Sequence[str]) -> dict[str, float]:
    """Customers with any event of `first`, how many had any of `then` later, and how long that took.

    Returns
    -------
    dict
        n, n_next, passage (share by the cut-off) with Wilson limits, median_days (Kaplan-Meier).
    """
    rows = funnel_rows(log, steps=[first, then], window_us=None, entry="first", ties="order", by=None)
    reached, follow = rows["d2"].to_numpy(), rows["follow_us"].to_numpy()
    step = _step(reached, follow, None, 0.95)
    return {
        "n": step["n_start"], "n_next": step["n_reached"], "passage": step["share_mature"],
        "passage_low": step["ci_low"], "passage_high": step["ci_high"],
        "median_days": _median(rows["d1"].to_numpy(), reached, follow, None),
    }  # fmt: skip


def _tabulate(
    rows: pd.DataFrame, labels: Sequence[str], width: int | None, *, split: bool, curve: bool, confidence: float
) -> pd.DataFrame:
    columns = {name: rows[name].to_numpy() for name in rows.columns if name != "group"}
    code, names = pd.factorize(rows["group"])
    found = []
    for name in [ALL, *(by_size(rows) if split else [])]:
        members = slice(None) if name == ALL else np.flatnonzero(code == names.get_loc(name))
        part = {key: values[members] for key, values in columns.items()}
        follow = part["follow_us"]
        for order, label in enumerate(labels, start=1):
            reached, before = part[f"d{order}"], part[f"d{max(order - 1, 1)}"]
            row = _step(reached, follow, width, confidence)
            if curve and width is not None:
                row |= _curve_rate(reached, follow, width, confidence)
            row["median_days"] = _median(before, reached, follow, width) if order > 1 else math.nan
            found.append({"group": name, "step": label, "step_order": order, **row})
    empty = {"share_curve": math.nan, "curve_low": math.nan, "curve_high": math.nan}
    return pd.DataFrame([{**empty, **row} for row in found])


def _step(
    reached: np.ndarray[Any, Any], follow: np.ndarray[Any, Any], width: int | None, confidence: float
) -> dict[str, float]:
    """Counts and Wilson interval of one step; without a window everybody is judged at the cut-off."""
    hit = reached >= 0
    over = np.ones(len(hit), dtype=bool) if width is None else follow >= width
    n_mature, n_mature_reached = int(over.sum()), int((over & hit).sum())
    low, high = wilson(n_mature_reached, n_mature, confidence=confidence)
    waiting = ~hit if width is None else ~hit & ~over
    return {
        "n_start": len(hit), "n_reached": int(hit.sum()), "n_open": int(waiting.sum()),
        "n_out": int((~hit & ~waiting).sum()), "share_naive": hit.mean() if len(hit) else math.nan,
        "n_mature": n_mature, "n_mature_reached": n_mature_reached,
        "share_mature": n_mature_reached / n_mature if n_mature else math.nan,
        "ci_low": float(low), "ci_high": float(high),
    }  # fmt: skip


def _curve_rate(
    reached: np.ndarray[Any, Any], follow: np.ndarray[Any, Any], width: int, confidence: float
) -> dict[str, float]:
    """Share at the end of the window from everybody: who is not yet there is censored."""
    hit = reached >= 0
    # Between two losses only the number of events matters, not their times: a loss time each is enough.
    lost, n_lost = np.unique(np.minimum(follow, width)[~hit], return_counts=True)
    times = np.append(lost, width)
    n_event = np.bincount(np.searchsorted(lost, reached[hit]), minlength=len(times))
    counts = pd.DataFrame({
        "group": ALL, "duration_days": np.append(times, lost) / MICROSECONDS_PER_DAY,
        "outcome": np.repeat([1, 0], [len(times), len(lost)]), "n": np.append(n_event, n_lost),
    })  # fmt: skip
    curve = kaplan_meier(counts, confidence=confidence)
    row = at(curve, [width / MICROSECONDS_PER_DAY]).iloc[0]
    return {"share_curve": 1 - row["estimate"], "curve_low": 1 - row["ci_high"], "curve_high": 1 - row["ci_low"]}


def _median(
    before: np.ndarray[Any, Any], reached: np.ndarray[Any, Any], follow: np.ndarray[Any, Any], width: int | None
) -> float:
    """Kaplan-Meier median of the time from the previous step, among those who reached that one."""
    there = before >= 0
    if not there.any():
        return math.nan
    hit = (reached >= 0)[there]
    limit = follow if width is None else np.minimum(follow, width)
    length = np.where(hit, reached[there] - before[there], np.maximum(limit[there] - before[there], 0))
    # The estimator at the event times, as in `stats.curve`, without limits or table.
    time, n_event = np.unique(length[hit], return_counts=True)
    n_at_risk = len(length) - np.searchsorted(np.sort(length), time)
    half = np.cumprod(1 - n_event / n_at_risk) <= 0.5 + 1e-10
    return float(time[np.argmax(half)] / MICROSECONDS_PER_DAY) if half.any() else math.inf


def _count(value: Any) -> str:
    return t("few") if pd.isna(value) else t("{n}", n=int(value))


def _kpis(table: pd.DataFrame, params: dict[str, Any]) -> list[Kpi]:
    last = table[table["group"] == ALL].iloc[-1]
    name = t("Reached {step}", step=last["step"])
    rate = Kpi(measure="conversion", label=name, estimate=last["share_mature"], ci_low=last["ci_low"],
               ci_high=last["ci_high"], n=int(last["n_mature"]), form="percent",
               definition=t("share of the customers whose window is over"))  # fmt: skip
    entered = Kpi(measure="entered", label=t("Entered"), estimate=float(last["n_start"]), n=int(last["n_start"]))
    if params["window"] == "none" or math.isnan(last["share_curve"]):
        return [entered, rate]
    curve = Kpi(measure="conversion_curve", label=t("Curve rate"), estimate=last["share_curve"],
                ci_low=last["curve_low"], ci_high=last["curve_high"], n=int(last["n_start"]), form="percent",
                definition=t("Kaplan-Meier at the end of the window, everybody counted"))  # fmt: skip
    return [entered, rate, curve]


def _notes(table: pd.DataFrame, params: dict[str, Any], log: EventLog) -> list[Note]:
    last = table[table["group"] == ALL].iloc[-1]
    notes = []
    if params["window"] != "none" and last["n_open"]:
        notes.append(Note("CJ-AN-001", "info", t(
            "{n} {units} are still inside their window of {window}: open, not lost. The naive rate {naive} "
            "counts them as lost.", units=log.info.units, n=log.info.people(int(last["n_open"])),
            window=span(params["window"]), naive=percent(last["share_naive"]))))  # fmt: skip
    if params["window"] != "none" and not last["n_mature"]:
        notes.append(Note("CJ-AN-002", "limit", t(
            "None of the {units} entered {window} before the cut-off, so the mature rate cannot be said.",
            units=log.info.units, window=span(params["window"]))))  # fmt: skip
    if params["ties"] == "order" and log.store.meta["n_units_with_ties"]:
        notes.append(Note("CJ-AN-003", "info", t(
            "{n} {units} have different events at the same instant; the study's tie rule decides their order.",
            units=log.info.units,
            n=log.info.people(log.store.meta["n_units_with_ties"]))))  # fmt: skip
    return notes
