"""Customer retention rate of contracts, month by month: the plain one, what it hides, and one that compares.

The plain rate (customers at the end less new ones, over customers at the start) counts who left and came back
within the month as retained, does not see who joined and left inside it, and falls when the base grows
younger although nobody behaves differently. Beside it: the share of the starters still there (counted one by
one), the same at a fixed mix of ages, and the share of the value that stayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, percent, t
from cjlib.journey.contracts import OPEN, contracts, full_months, month_starts
from cjlib.journey.tables import EventLog
from cjlib.stats.proportion import share, wilson
from cjlib.stats.standard import standardised, weighted_share

AGES = (0, 3, 6, 12)  # completed months at which an age class begins
_KEPT = ("n_start", "n_kept", "n_left")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CustomerRetentionResult(Result):
    """Per complete calendar month: customers at the start, kept, back, new, and three retention rates."""

    kind: ClassVar[str] = "customer_retention"
    columns: ClassVar[Columns] = Columns(
        (
            Column("month", "string", "Month"),
            Column("n_start", "Int64", "At the start", "people", "customers with a contract in force"),
            Column("n_kept", "Int64", "Kept", "people", "of these, never without a contract in the month"),
            Column("n_left", "Int64", "Left", "people", "of these, ended a contract in the month"),
            Column("n_back", "Int64", "Back", "people", "of those who left, with a contract again at the end"),
            Column("n_new", "Int64", "New", "people", "first contract in the month, in force at its end"),
            Column("n_inside", "Int64", "Came and went", "people", "first contract began and ended in the month"),
            Column("estimate", "float64", "Retention", "proportion", "kept of those at the start", _KEPT),
            Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", _KEPT),
            Column("ci_high", "float64", "", "proportion", "", _KEPT),
            Column("plain", "float64", "Plain rate", "proportion", "at the end less new, over at the start",
                   (*_KEPT, "n_back")),
            Column("standard", "float64", "At the same ages", "proportion",
                   "retention if every month had the mix of ages of all months", _KEPT),
            Column("standard_low", "float64", "95 % CI", "proportion", "", _KEPT),
            Column("standard_high", "float64", "", "proportion", "", _KEPT),
            Column("value", "float64", "Value kept", "proportion", "share of the value in force at the start", _KEPT),
            Column("value_low", "float64", "95 % CI", "proportion", "", _KEPT),
            Column("value_high", "float64", "", "proportion", "", _KEPT),
        ),
        sums=(("n_start", ("n_kept", "n_left")),),
        caption="Customers and value kept, by calendar month",
    )  # fmt: skip

    def question(self) -> str:
        return t("Which share of the customers under contract stays, month by month?")

    def answer(self) -> str:
        known = self._table[self._table["estimate"].notna()]
        if known.empty:
            return t("Too few customers under contract to print a retention rate.")
        row = known.iloc[-1]
        text = t("In {month} {kept} of the customers stayed (95 % CI {ci}), so {lost} left.", month=row["month"],
                 kept=percent(row["estimate"]), ci=interval(row["ci_low"], row["ci_high"], percent),
                 lost=percent(1 - row["estimate"]))  # fmt: skip
        if pd.notna(row["value"]):
            text += " " + t("Of the value in force {value} stayed (95 % CI {ci}).", value=percent(row["value"]),
                            ci=interval(row["value_low"], row["value_high"], percent))  # fmt: skip
        return text

    def definition(self) -> str:
        return t(
            "Complete calendar months of the business zone. A customer is there at an instant with a contract from "
            "{start} to {end} in force. Leaving (logo churn) is one minus retention, lost value (value churn) one "
            "minus value kept; the value of a contract is that of its {start}. Ages: completed months {ages}.",
            start=self.params["start"], end=self.params["end"],
            ages=", ".join(f"{age}+" for age in AGES),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.retained import draw

        return draw(self._table, ax=ax)


class _Month(NamedTuple):
    """Customers of one month, one entry per customer at its start."""

    kept: Any
    age: Any
    value: Any


def customer_retention(
    log: EventLog, *, start: str | Sequence[str], end: str | Sequence[str], months: int = 12, confidence: float = 0.95
) -> CustomerRetentionResult:
    """Estimate the share of customers, and of their value, kept in each complete calendar month.

    Parameters
    ----------
    log : EventLog
    start, end : event(s) that open and close a contract; the value of `start` is the contract's value
    months : complete months printed, the last ones before the cut-off
    confidence : level of the intervals

    Returns
    -------
    CustomerRetentionResult
        One row per month.

    Raises
    ------
    NotEnoughDataError
        CJ-JN-035 without a contract, CJ-AN-195 without a complete month that began with a customer.

    Notes
    -----
    Wilson (1927); direct standardisation with the ages of all months printed (see `cjlib.stats.standard`).

    Examples
    --------
    >>> import pandas as pd
    >>> from cjlib.journey.frames import from_frames
    >>> at = pd.to_datetime(["2026-01-05", "2026-01-08", "2026-02-10"]).astype("int64") // 1000
    >>> events = pd.DataFrame({"customer": ["a", "b", "b"], "at": at, "event": ["open", "open", "close"]})
    >>> log, _ = from_frames(events, as_of="2026-03-05")
    >>> customer_retention(log, start="open", end="close").table["month"].tolist()
    ['2026-02']
    """
    found = contracts(log, start=start, end=end)
    found["until"] = found["to_us"].where(found["to_us"] != OPEN, np.iinfo(np.int64).max)
    calendar = month_starts(int(found["from_us"].min()), log.as_of_us, log.info.zone).tail(months)
    rows, people = [], []
    for name, begin, finish in zip(calendar["month"], calendar["from_us"], calendar["to_us"], strict=True):
        counted, inside = _month(found, int(begin), int(finish), log.info.zone)
        if inside is not None:
            rows.append({"month": name, **counted})
            people.append(inside)
    if not rows:
        raise NotEnoughDataError(t("No complete calendar month began with a contract in force."), code="CJ-AN-195")
    table = pd.DataFrame(rows)
    table["estimate"] = share(table["n_kept"], table["n_start"])
    table["ci_low"], table["ci_high"] = wilson(table["n_kept"], table["n_start"], confidence=confidence)
    table["plain"] = (table["n_kept"] + table["n_back"]) / table["n_start"]
    table = table.join(_standard(people, confidence)).join(_value(people, confidence))
    params = {"start": log.label(start), "end": log.label(end), "months": months, "confidence": confidence}
    last = table.iloc[-1]
    kpi = Kpi(measure="retention", label=t("Retention in {month}", month=last["month"]), estimate=last["estimate"],
              ci_low=last["ci_low"], ci_high=last["ci_high"], n=int(last["n_start"]), form="percent",
              definition=t("customers at the start of the month still there, without a break"))  # fmt: skip
    notes = _notes(table)
    hidden = _hide_differences(table, log.info.min_people)
    return CustomerRetentionResult.build(hidden, data=log.info, params=params, kpis=[kpi], notes=notes)


def _hide_differences(table: pd.DataFrame, k: int) -> pd.DataFrame:
    """The month after one with a few who left, came or came back: its start less this one's would tell how many.

    A count of 1 is hidden by the gate of the result, with all of its row.
    """
    table = table.copy()
    few = table[["n_left", "n_back", "n_new"]].isin(range(1, k)).any(axis=1).to_numpy()
    for place in range(1, len(table)):
        if few[place - 1]:
            table.loc[table.index[place], "n_start"] = 1
            few[place] = False  # nothing of a hidden month is printed that the next one could be compared with
    return table


def _month(found: pd.DataFrame, begin: int, finish: int, zone: str) -> tuple[dict[str, int], _Month | None]:
    """Counts of one month, and its starters one by one; None if it began without a customer."""
    first = found["spell"] == 1
    here = found[(found["from_us"] < begin) & (found["until"] >= begin)]
    if here.empty:
        return {}, None
    kept = (here["until"] >= finish).to_numpy()
    at_end = set(found.loc[(found["from_us"] < finish) & (found["until"] >= finish), "unit"])
    new = found[first & (found["from_us"] >= begin) & (found["from_us"] < finish)]
    age = full_months(here["from_us"], np.full(len(here), begin), zone)
    return {
        "n_start": len(here), "n_kept": int(kept.sum()), "n_left": int((~kept).sum()),
        "n_back": len(set(here.loc[~kept, "unit"]) & at_end), "n_new": len(set(new["unit"]) & at_end),
        "n_inside": int((new["until"] < finish).sum()),
    }, _Month(kept, np.searchsorted(AGES, age, side="right") - 1, here["value"].to_numpy())  # fmt: skip


def _standard(people: list[_Month], confidence: float) -> pd.DataFrame:
    pooled = np.bincount(np.concatenate([month.age for month in people]), minlength=len(AGES))
    rows = []
    for month in people:
        n = np.bincount(month.age, minlength=len(AGES))
        kept = np.bincount(month.age, weights=month.kept, minlength=len(AGES)).astype(int)
        rows.append(standardised(kept, n, weights=pooled, confidence=confidence))
    return pd.DataFrame(rows, columns=["standard", "standard_low", "standard_high"])


def _value(people: list[_Month], confidence: float) -> pd.DataFrame:
    rows = []
    for month in people:
        known = month.value > 0
        rows.append(weighted_share(month.kept[known], month.value[known], confidence=confidence))
    return pd.DataFrame(rows, columns=["value", "value_low", "value_high"])


def _notes(table: pd.DataFrame) -> list[Note]:
    notes = []
    if table["n_back"].sum():
        back = t("The plain rate counts customers who left and came back within the month as if they had stayed.")
        notes.append(Note("CJ-AN-196", "caution", back))
    if table["n_inside"].sum():
        inside = t("Customers who joined and left inside one month are in no retention rate: look at their number.")
        notes.append(Note("CJ-AN-196", "caution", inside))
    if table["standard"].isna().any():
        notes.append(Note("CJ-AN-197", "info", t(
            "A month without customers of some age cannot be brought to the same ages.")))  # fmt: skip
    if table["value"].isna().all():
        notes.append(Note("CJ-AN-198", "info", t("Contracts have no value in these data: value kept is unknown.")))
    return notes
