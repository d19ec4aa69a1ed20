"""Life cycle: who is new, active, at risk, lapsed or back again at the end of each month, and who moved where.

Told from the past only, so that the states of January are the same in every later report. A customer who
comes back after having been counted as lapsed is neither new nor forgotten: resurrected, and counted.
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
from cjlib.core.gate import Column, Columns, apply, suppress
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, number, percent, t
from cjlib.journey.states import ACTIVE, AT_RISK, LAPSED, NEW, RESURRECTED, STATES, monthly_flows, monthly_states
from cjlib.journey.tables import EventLog
from cjlib.stats.proportion import wilson

_COUNTS = {NEW: "n_new", ACTIVE: "n_active", AT_RISK: "n_at_risk", LAPSED: "n_lapsed", RESURRECTED: "n_resurrected"}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LifeCycleResult(Result):
    """Customers by state at the end of each complete month, and the flows into the month."""

    kind: ClassVar[str] = "life_cycle"
    columns: ClassVar[Columns] = Columns(
        (
            Column("month", "string", "Month"),
            Column("n", "Int64", "Customers so far", "people", "ever active by the end of the month"),
            Column("n_new", "Int64", "New", "people", "first activity in the month"),
            Column("n_active", "Int64", "Active", "people", "no sign of leaving"),
            Column("n_at_risk", "Int64", "At risk of lapsing", "people", "silent for half the threshold or longer"),
            Column("n_lapsed", "Int64", "Lapsed", "people", "silent for the threshold or longer"),
            Column("n_resurrected", "Int64", "Resurrected", "people", "back in the month after a lapse"),
            Column("share_there", "float64", "Not lapsed", "proportion", "of all so far", ("n", "n_lapsed")),
            Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n", "n_lapsed")),
            Column("ci_high", "float64", "", "proportion", "", ("n", "n_lapsed")),
        ),
        sums=(("n", tuple(_COUNTS.values())),),
        caption="Customers by state at the end of each month",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "flows": Columns((
            Column("state_before", "string", "A month before"),
            Column("state", "string", "Then"),
            Column("n_people", "Int64", "Customers", "people", "who ever moved so"),
            Column("n_moves", "Int64", "Moves", "rows", "all pairs of months together", ("n_people",)),
            Column("share", "float64", "Share", "proportion", "of all in that state a month before", ("n_people",)),
        ), caption="From one month to the next"),
    }  # fmt: skip

    def question(self) -> str:
        return t("Who is new, active, at risk, lapsed or back again?")

    def answer(self) -> str:
        seen = self._table[self._table["n"].notna()]
        if seen.empty:
            return t("Too few customers to tell their states.")
        row = seen.iloc[-1]
        if pd.isna(row["share_there"]):
            return t("At the end of {month}, {n} customers are known; their states count too few to be shown.",
                     month=row["month"], n=int(row["n"]))  # fmt: skip
        text = t(
            "At the end of {month}, {share} of {n} customers are not lapsed (95 % CI {ci}).", month=row["month"],
            share=percent(row["share_there"]), n=int(row["n"]), ci=interval(row["ci_low"], row["ci_high"], percent),
        )  # fmt: skip
        if pd.notna(row["n_resurrected"]) and row["n_resurrected"] > 0:
            text += " " + t("{n} came back in that month although they had been silent for {silence} or longer.",
                            n=int(row["n_resurrected"]), silence=span(self.params["silence"]))  # fmt: skip
        return text

    def definition(self) -> str:
        return t(
            "States at the end of each complete calendar month (business zone), told from the past only. New: first "
            "{activity} in the month. Lapsed: silent for {silence} or longer. Resurrected: back in the month after "
            "such a silence. At risk: not active in the month and silent for at least half of {silence}. Active: "
            "everybody else. The first that holds counts.",
            activity=" / ".join(self.params["activity"]), silence=span(self.params["silence"]),
        )  # fmt: skip

    def shown(self) -> list[Any]:
        words = {NEW: t("new"), ACTIVE: t("active"), AT_RISK: t("at risk of lapsing"), LAPSED: t("lapsed"),
                 RESURRECTED: t("resurrected")}  # fmt: skip
        (caption, frame, hidden, columns), *flows = super().shown()
        first = max(len(frame) - 12, 0)
        return [(caption, frame.iloc[first:], hidden.iloc[first:], columns)] + [
            (name, part.assign(**{c: part[c].map(words) for c in ("state_before", "state")}), cut, kinds)
            for name, part, cut, kinds in flows
        ]

    def caption(self) -> str:
        return t("Every customer known by then is in one state. Bars are counts, no estimates.")

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.states import draw

        return draw(self._table, ax=ax)


def life_cycle(
    log: EventLog, *, activity: Sequence[str], silence: str | timedelta | None, confidence: float = 0.95
) -> LifeCycleResult:
    """Count customers by state at the end of each complete month, and the flows between months.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there
    silence : threshold from which a silent customer counts as lapsed
    confidence : level of the interval

    Returns
    -------
    LifeCycleResult
        One row per month; `.more("flows")`: moves from state to state, over all pairs of consecutive months in
        which no state had to be hidden.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-230: no activity or no threshold is named. CJ-JN-030, CJ-JN-031: nobody was active, no month over.

    Notes
    -----
    `cjlib.journey.states`. The states partition the customers known so far: no customer counts twice.

    Examples
    --------
    >>> from cjlib.datasets.simulate import simulate
    >>> from cjlib.journey.frames import from_frames
    >>> log, _ = from_frames(simulate(n_customers=400, seed=1).events, as_of="2026-07-01", zone="Europe/Paris")
    >>> table = life_cycle(log, activity=["purchase"], silence="60 days").table
    >>> table["month"].iloc[-1], bool(table["n"].is_monotonic_increasing)
    ('2026-06', True)
    """
    if not activity or silence is None:
        raise NotEnoughDataError(t("The study names no activity or no silence, so states cannot be told."),
                                 code="CJ-AN-230")  # fmt: skip
    months, counts = monthly_states(log, activity=activity, silence_us=microseconds("silence", silence))
    table = _table(months, counts, confidence)
    seen = ~apply(table, LifeCycleResult.columns, log.info.min_people)[1].any(axis=1).to_numpy()
    into = np.flatnonzero(seen[1:] & seen[:-1]) + 1
    flows = _flows(log, activity, silence, into)
    params = {"activity": [log.label(name) for name in activity], "silence": str(silence), "confidence": confidence}
    last = table.iloc[-1]
    kpis = [
        Kpi(measure="share_there", label=t("Not lapsed at the end of {month}", month=last["month"]),
            estimate=last["share_there"], ci_low=last["ci_low"], ci_high=last["ci_high"], n=int(last["n"]),
            form="percent"),
    ]  # fmt: skip
    notes = [
        Note(
            "CJ-AN-231",
            "info",
            t("Lapsed is not gone: whoever comes back is counted as resurrected in that month, and as active after."),
        )
    ]
    if len(into) < len(months) - 1:
        notes.append(Note("CJ-AN-232", "info", t(
            "Moves are counted over {n} of {all} pairs of months: elsewhere a state counts too few people.",
            n=number(len(into)), all=number(len(months) - 1))))  # fmt: skip
    return LifeCycleResult.build(table, data=log.info, params=params, more={"flows": flows}, kpis=kpis, notes=notes)


def _table(months: list[str], counts: pd.DataFrame, confidence: float) -> pd.DataFrame:
    grid = np.zeros((len(months), len(STATES)), dtype=np.int64)
    np.add.at(grid, (counts["month"].to_numpy(), counts["now"].to_numpy()), counts["n"].to_numpy())
    table = pd.DataFrame({"month": months, "n": grid.sum(axis=1)})
    table[list(_COUNTS.values())] = grid
    there = (table["n"] - table["n_lapsed"]).to_numpy()
    low, high = wilson(there, table["n"].to_numpy(), confidence=confidence)
    return table.assign(share_there=there / table["n"], ci_low=low, ci_high=high)


def _flows(
    log: EventLog, activity: Sequence[str], silence: str | timedelta, into: np.ndarray[Any, Any]
) -> pd.DataFrame:
    """Moves over the pairs of months whose totals are all printed.

    Those totals cannot be hidden again here: they are constants of the equations. What must be hidden counts
    as 1 person, which the gate of the result hides.
    """
    columns = ["state_before", "state", "n_people", "n_moves", "share"]
    if not len(into):
        return pd.DataFrame(columns=columns)
    found = monthly_flows(log, activity=activity, silence_us=microseconds("silence", silence), into=into.tolist())
    size = len(STATES)
    people, moves = np.zeros((size, size)), np.zeros((size, size))
    for values, name in ((people, "n_people"), (moves, "n_moves")):
        values[found["before"].to_numpy(), found["now"].to_numpy()] = found[name].to_numpy()
    hide = _hidden(people, moves, log.info.min_people)
    total = np.maximum(moves.sum(axis=1, keepdims=True), 1)
    before, now = np.nonzero(moves)
    return pd.DataFrame({
        "state_before": [STATES[i] for i in before], "state": [STATES[j] for j in now],
        "n_people": np.where(hide, 1, people)[before, now], "n_moves": moves[before, now],
        "share": (moves / total)[before, now],
    })  # fmt: skip


def _hidden(people: np.ndarray[Any, Any], moves: np.ndarray[Any, Any], k: int) -> np.ndarray[Any, Any]:
    """Moves to hide, where the totals of each state before and after are known."""
    size = len(STATES)
    cells = np.append(np.where((people > 0) & (people < k), 1.0, moves).ravel(), np.nan)  # last: a total, never hidden
    place = np.arange(size * size).reshape(size, size)
    lines = [*place, *(column for column, name in zip(place.T, STATES, strict=True) if name != NEW)]
    return suppress(cells, [(size * size, line.tolist()) for line in lines], k)[:-1].reshape(size, size)
