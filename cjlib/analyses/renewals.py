"""Contracts renewal by renewal: who leaves at each, and what to expect of the next ones.

Only periods that were over at the cut-off count: a contract in its third month has been asked twice. The rate
of leaving falls with age because those who leave easily have left, not because customers become loyal; a
projection with one constant rate, as most tools make it, understates later retention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.words import span
from cjlib.core.duration import microseconds
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, percent, t
from cjlib.journey.contracts import OPEN, contracts, full_months
from cjlib.journey.tables import EventLog
from cjlib.stats.curve import at, kaplan_meier
from cjlib.stats.proportion import share, wilson
from cjlib.stats.renewal import renewal_model

MONTH = "month"
_BOTH = ("n_people", "n_at_risk", "n_ended")
_UNKNOWN = dict.fromkeys(("projected", "projected_low", "projected_high", "constant"), np.nan)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RenewalsResult(Result):
    """Rate of leaving per renewal, share still under contract, and the projection of both kinds."""

    kind: ClassVar[str] = "renewals"
    columns: ClassVar[Columns] = Columns(
        (
            Column("period", "Int64", "Renewal", "number"),
            Column("n_people", "Int64", "", "people", "distinct people behind them"),
            Column("n_at_risk", "Int64", "Came up", "people", "contracts that reached this renewal"),
            Column("n_ended", "Int64", "Left", "people", "of these, ended in this period"),
            Column("rate", "float64", "Rate of leaving", "proportion", "", _BOTH),
            Column("rate_low", "float64", "95 % CI", "proportion", "Wilson interval", _BOTH),
            Column("rate_high", "float64", "", "proportion", "", _BOTH),
            Column("estimate", "float64", "Still there", "proportion", "Kaplan-Meier", _BOTH[:2]),
            Column("ci_low", "float64", "95 % CI", "proportion", "log-log interval", _BOTH[:2]),
            Column("ci_high", "float64", "", "proportion", "", _BOTH[:2]),
            Column("projected", "float64", "Projected", "proportion", "shifted-beta-geometric model"),
            Column("projected_low", "float64", "95 % CI", "proportion", "of the fit, not of the model"),
            Column("projected_high", "float64", "", "proportion", ""),
            Column("constant", "float64", "Constant rate", "proportion", "naive: everybody leaves at one same rate"),
        ),
        caption="Renewals, observed and projected",
    )  # fmt: skip

    def question(self) -> str:
        return t("At which renewal do contracts end, and how many will go on?")

    def answer(self) -> str:
        seen = self._table[self._table["rate"].notna()]
        if seen.empty or seen["period"].iloc[0] != 1:
            return t("Too few contracts came up for renewal, or ended at the first one, to print a rate.")
        first, last = seen.iloc[0], self._table.iloc[-1]
        text = t(
            "{rate} of {n} contracts ended at the first renewal (95 % CI {ci}).", rate=percent(first["rate"]),
            n=int(first["n_at_risk"]), ci=interval(first["rate_low"], first["rate_high"], percent),
        )  # fmt: skip
        if pd.notna(last["projected"]):
            text += " " + t(
                "After {n} renewals {share} are expected to be still there; a constant rate would say {naive}.",
                n=int(last["period"]), share=percent(last["projected"]), naive=percent(last["constant"]),
            )  # fmt: skip
        return text

    def definition(self) -> str:
        return t(
            "A contract runs from {start} to the next {end}; a period is {period}. Only renewals that were due by "
            "the cut-off count. The projection lets each customer have an own, constant chance of leaving.",
            start=self.params["start"], end=self.params["end"], period=_period(self.params["period"]),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.renewals import draw

        return draw(self._table, ax=ax)


def renewals(
    log: EventLog,
    *,
    start: str | Sequence[str],
    end: str | Sequence[str],
    period: str | timedelta = MONTH,
    ahead: int = 6,
    confidence: float = 0.95,
) -> RenewalsResult:
    """Estimate the rate of leaving per renewal and project the share still under contract.

    Parameters
    ----------
    log : EventLog
    start, end : event(s) that open and close a contract
    period : "month" (calendar months of the business zone) or a duration
    ahead : renewals projected beyond the last one observed
    confidence : level of the intervals

    Returns
    -------
    RenewalsResult
        One row per renewal; those beyond the data hold projections only.

    Raises
    ------
    NotEnoughDataError
        CJ-JN-035, CJ-AN-190: no contract, or no renewal was due by the cut-off.

    Notes
    -----
    Kaplan and Meier (1958) on whole periods; Fader and Hardie (2007), see `cjlib.stats.renewal`.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> renewals(example_log(), start="visit", end="purchase", period="5 days", ahead=1).table["period"].tolist()[:2]
    [1, 2]
    """
    found = contracts(log, start=start, end=end)
    ended, lived = _periods(found, log, period)
    last = int(max(lived[ended].max(initial=0), lived[~ended].max(initial=0)))
    if last == 0:
        raise NotEnoughDataError(t("No renewal was due by the cut-off: nothing can be said of renewals yet."),
                                 code="CJ-AN-190")  # fmt: skip
    grid = np.arange(1, last + 1)
    n_ended = np.array([(ended & (lived == k)).sum() for k in grid])
    n_at_risk = np.array([(lived >= k).sum() for k in grid])
    low, high = wilson(n_ended, n_at_risk, confidence=confidence)
    n_people = [len(np.unique(found["unit"].to_numpy()[lived >= k])) for k in grid]
    seen = pd.DataFrame({"n_people": n_people, "n_at_risk": n_at_risk, "n_ended": n_ended,
                         "rate": share(n_ended, n_at_risk),
                         "rate_low": low, "rate_high": high, **_survival(ended, lived, grid, confidence)},
                        dtype="float64")  # fmt: skip
    small = (n_ended > 0) & (n_ended < log.info.min_people)
    few_from = int(np.argmax(small)) if small.any() else last
    # A later share still there, or a later number that came up, would give the few away by division or subtraction.
    seen.loc[few_from:, [name for name in seen if name not in ("n_people", "n_at_risk")]] = np.nan
    seen.loc[few_from + 1 :] = np.nan
    table = pd.DataFrame({"period": np.arange(1, max(few_from + ahead, 1) + 1)}).join(seen)
    notes: list[Note] = []
    projected: dict[str, Any]
    if 0 < n_ended[few_from:].sum() < log.info.min_people:  # any total would say how many they are
        projected = _UNKNOWN
    else:
        still = np.array([(~ended & (lived == k)).sum() for k in range(last + 1)])
        projected, notes = _projection(n_ended, still, table["period"].to_numpy(), n_at_risk, confidence)
        notes.insert(0, _in_force(found, log))
    table = table.assign(**projected)
    params = {"start": log.label(start), "end": log.label(end), "period": str(period), "ahead": ahead,
              "confidence": confidence}  # fmt: skip
    first = table.iloc[0]
    kpi = Kpi(measure="rate_1", label=t("Left at the first renewal"), estimate=first["rate"], ci_low=first["rate_low"],
              ci_high=first["rate_high"], n=int(first["n_at_risk"]), form="percent")  # fmt: skip
    return RenewalsResult.build(table, data=log.info, params=params, kpis=[kpi],
                                notes=[*_notes(found, log, few_from if small.any() else None), *notes])  # fmt: skip


def _periods(found: pd.DataFrame, log: EventLog, period: str | timedelta) -> tuple[Any, Any]:
    """Whether each contract ended, and its period of leaving (from 1) or the whole periods behind it."""
    begun = found["from_us"].to_numpy()
    ended = found["to_us"].to_numpy() != OPEN
    until = np.where(ended, found["to_us"], log.as_of_us)
    if period == MONTH:
        whole = full_months(begun, until, log.info.zone)
        # Ended at the very end of a month of contract: in that period, not in the next.
        exact = whole - full_months(begun, until - 1, log.info.zone)
        due = full_months(begun, np.full(len(begun), log.as_of_us), log.info.zone)
    else:
        length = microseconds("period", period)
        whole, rest = np.divmod(until - begun, length)
        exact = (rest == 0).astype(np.int64)
        due = (log.as_of_us - begun) // length
    lived = np.where(ended, np.maximum(whole + 1 - exact, 1), whole)
    # Who left in a period that is not over has company that may still leave: that period does not count for either.
    early = ended & (lived > due)
    return ended & ~early, np.where(early, due, lived)


def _survival(ended: Any, lived: Any, grid: Any, confidence: float) -> dict[str, Any]:
    rows = pd.DataFrame({"group": "all", "duration_days": lived.astype(float), "outcome": ended.astype(int)})
    counts = rows.value_counts().rename("n").reset_index()
    read = at(kaplan_meier(counts, confidence=confidence), grid)
    return {name: read[name].to_numpy() for name in ("estimate", "ci_low", "ci_high")}


def _projection(
    n_ended: Any, still: Any, period: Any, n_at_risk: Any, confidence: float
) -> tuple[dict[str, Any], list[Note]]:
    constant = 1 - n_ended.sum() / n_at_risk.sum()
    try:
        model = renewal_model(n_ended, still)
    except NotEnoughDataError as problem:
        return _UNKNOWN, [Note("CJ-AN-191", "info", str(problem))]
    future = model.survival(period, confidence=confidence)
    notes = []
    if future["ci_low"].isna().any():
        flat = t("Customers hardly differ in these data, or too few have left: the projection has no interval.")
        notes.append(Note("CJ-AN-191", "caution", flat))
    return {"projected": future["estimate"], "projected_low": future["ci_low"], "projected_high": future["ci_high"],
            "constant": constant**period}, notes  # fmt: skip


def _in_force(found: pd.DataFrame, log: EventLog) -> Note:
    n_open = int((found["to_us"] == OPEN).sum())
    return Note("CJ-AN-192", "info", t(
        "{n} of {all} contracts are in force at the cut-off: they count for the renewals behind them only.",
        n=log.info.people(n_open), all=log.info.people(len(found))))  # fmt: skip


def _notes(found: pd.DataFrame, log: EventLog, few_from: int | None) -> list[Note]:
    notes = []
    if few_from is not None:
        notes.append(Note("CJ-AN-194", "info", t(
            "From renewal {n} on fewer than {k} left at a renewal: what was observed there is not printed one by one.",
            n=few_from + 1, k=log.info.min_people)))  # fmt: skip
    again = int((found["spell"] > 1).sum())
    if again:
        notes.append(Note("CJ-AN-193", "info", t(
            "{n} contracts were opened by somebody who had ended one before; each counts as a contract of its own.",
            n=log.info.people(again))))  # fmt: skip
    return notes


def _period(text: str) -> str:
    return t("a calendar month") if text == MONTH else span(text)
