"""How long must a customer be silent before silence means leaving? The threshold chosen from the data.

Leaving is inferred here, so it can be wrong: the share that returns after all is the rate of false
alarms. It is estimated for every threshold, the shortest with few enough is chosen, and the choice is
repeated on the earlier part of the period and judged on what happened later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.duration import MICROSECONDS_PER_DAY, in_days, microseconds
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import day, days, interval, percent, t
from cjlib.journey.occasions import earlier_day, occasions, silences
from cjlib.journey.tables import EventLog
from cjlib.stats.gap import ReturnCurve, pace_class, return_curve, smallest_threshold
from cjlib.stats.proportion import wilson

AT_MOST = 0.10  # returns accepted among those counted as gone
SPLIT = 0.6  # share of the period on which the choice is repeated; judged on the rest
GRID = (14, 30, 60, 90, 120, 180, 270, 365)
DECLARED, CHOSEN = "declared", "chosen before"
_FIRST, _FAST, _MIDDLE, _SLOW = "after the first activity", "fast third", "middle third", "slow third"
CLASSES = (_FIRST, _FAST, _MIDDLE, _SLOW)
_CURVE_ROWS = 120
_MOST_DAYS = 365
_RETURN = (
    Column("estimate", "float64", "Return", "proportion", "Kaplan-Meier of the silences, by pace", ("n_people",)),
    Column("ci_low", "float64", "95 % CI", "proportion", "bootstrap of customers", ("n_people",)),
    Column("ci_high", "float64", "", "proportion", "", ("n_people",)),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SilenceThresholdResult(Result):
    """Share that returns after a silence of tau days, for many tau, and the threshold it suggests."""

    kind: ClassVar[str] = "silence_threshold"
    columns: ClassVar[Columns] = Columns(
        (
            Column("tau_days", "float64", "Silent for", "days", "threshold"),
            Column("n_people", "Int64", "Ever silent that long", "people", "with such a silence, ended or not"),
            *_RETURN,
            Column("n_customers", "Int64", "Customers", "people", "ever active"),
            Column("n_silent", "Int64", "Silent now", "people", "silent for this long at the cut-off"),
            Column("share_silent", "float64", "Counted as gone", "proportion", "", ("n_customers", "n_silent")),
            Column("silent_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n_customers", "n_silent")),
            Column("silent_high", "float64", "", "proportion", "", ("n_customers", "n_silent")),
        ),
        caption="What each threshold would mean",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "curve": Columns((Column("tau_days", "float64", "Silent for", "days"),
                          Column("n_people", "Int64", "Ever silent that long", "people"), *_RETURN)),
        "later": Columns(
            (
                Column("threshold", "string", "Threshold"),
                Column("tau_days", "float64", "Silent for", "days"),
                Column("n_people", "Int64", "Reached it later", "people", "customers who fell silent for this long"),
                *_RETURN,
            ),
            caption="False alarms in the later part of the period",
        ),
        "classes": Columns(
            (
                Column("pace", "string", "Pace", "text", "by the mean of the customer's earlier silences"),
                Column("n_people", "Int64", "Customers", "people", "with such a silence"),
                Column("threshold_days", "float64", "Threshold", "days", "", ("n_people",)),
                Column("threshold_low", "float64", "95 % CI", "days", "bootstrap of customers", ("n_people",)),
                Column("threshold_high", "float64", "", "days", "", ("n_people",)),
            ),
            caption="The threshold by pace",
        ),
    }  # fmt: skip

    def question(self) -> str:
        return t("After which silence has a customer left?")

    def answer(self) -> str:
        values = self._values()
        tau = self.kpi("threshold").estimate
        if math.isinf(tau):
            text = t(
                "No silence up to {most} is long enough: after each of them, more than {limit} still return within "
                "{within}.", most=days(float(self._more["curve"]["tau_days"].max())), **values,
            )  # fmt: skip
        else:
            text = t(
                "After {tau} of silence, at most {limit} return within {within} (95 % CI of the threshold {ci}).",
                tau=days(tau), **values,
                ci=interval(self.kpi("threshold").ci_low, self.kpi("threshold").ci_high, days),
            )  # fmt: skip
        return f"{text} {self._declared()}".strip()

    def _values(self) -> dict[str, str]:
        return {"limit": percent(self.params["at_most"], 0), "within": days(float(self.params["within_days"]))}

    def _declared(self) -> str:
        if not self.params["silence"]:
            return ""
        rows = self._table[self._table["tau_days"] == self.params["silence_days"]]
        if rows.empty or rows["estimate"].isna().all():
            return t(
                "How many return after the declared {silence} cannot be said.", silence=span(self.params["silence"])
            )
        row = rows.iloc[0]
        return t(
            "Of the customers silent for the declared {silence}, {share} return within {within} (95 % CI {ci}).",
            silence=span(self.params["silence"]), share=percent(row["estimate"]), within=self._values()["within"],
            ci=interval(row["ci_low"], row["ci_high"], percent),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "A silence runs from one day with {activity} to the next; the open one up to the cut-off is censored, "
            "never left out. A return is {activity} within {within} after the threshold; later returns are not seen "
            "as returns. Chosen: the shortest threshold after which at most {limit} return.",
            activity=" / ".join(self.params["activity"]), **self._values(),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.silence import draw

        return draw(
            self._more["curve"], limit=self.params["at_most"], within_days=self.params["within_days"],
            declared=self.params["silence_days"], chosen=self.kpi("threshold").estimate, ax=ax,
        )  # fmt: skip

    def shown(self) -> list[Any]:
        words = {DECLARED: t("declared"), CHOSEN: t("chosen before"), _FIRST: t("after the first activity"),
                 _FAST: t("fast third"), _MIDDLE: t("middle third"), _SLOW: t("slow third")}  # fmt: skip
        return [
            (caption, frame.assign(**{c: frame[c].map(words) for c in ("threshold", "pace") if c in frame}), hidden,
             columns) for caption, frame, hidden, columns in super().shown()
        ]  # fmt: skip


def silence_threshold(
    log: EventLog,
    *,
    activity: Sequence[str],
    silence: str | timedelta | None = None,
    within: str | timedelta | None = None,
    at_most: float = AT_MOST,
    split: float = SPLIT,
    draws: int = 400,
    seed: int = 0,
    confidence: float = 0.95,
) -> SilenceThresholdResult:
    """Choose the silence after which a customer counts as gone, and say how often that is wrong.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there
    silence : threshold that the study declares, to be judged; may be left out
    within : time after the threshold in which a return is looked for; default a quarter of the period from
        the first activity to the cut-off, at most 365 days
    at_most : share of returns accepted among those counted as gone
    split : share of the period on which the choice is repeated; the rest judges it
    draws, seed : of the bootstrap over customers
    confidence : level of the intervals

    Returns
    -------
    SilenceThresholdResult
        One row per threshold; `.more("curve")`, `.more("later")`, `.more("classes")`.

    Raises
    ------
    NotEnoughDataError
        Leaving is recorded, nobody was active, or silences are not followed long enough.

    Notes
    -----
    `cjlib.stats.gap.return_curve`: Kaplan-Meier of the silences by what was known of the customer's pace
    when each began (Wang and Chang 1999, JASA 94, 146-153); percentile bootstrap of customers.

    Examples
    --------
    >>> from cjlib.datasets.simulate import simulate
    >>> from cjlib.journey.frames import from_frames
    >>> log, _ = from_frames(simulate(n_customers=400, seed=1).events, as_of="2026-07-01", zone="Europe/Paris")
    >>> found = silence_threshold(log, activity=["purchase"], silence="60 days", within="60 days")
    >>> float(round(found.table.set_index("tau_days").loc[60.0, "estimate"], 1))
    0.2
    """
    if not activity:
        raise NotEnoughDataError(t("Leaving is recorded by an event here, so no silence has to be judged."),
                                 code="CJ-AN-200")  # fmt: skip
    checks.fraction("at_most", at_most)
    checks.fraction("split", split)
    rows = occasions(log, activity=activity)
    gaps = _classed(silences(rows, as_of_us=log.as_of_us))
    window = _window(rows, log.as_of_us, within)
    declared = in_days(microseconds("silence", silence)) if silence is not None else math.nan
    read = partial(return_curve, within_days=window, n_draws=draws, seed=seed, confidence=confidence)
    curve = read(gaps)
    threshold = smallest_threshold(curve, at_most=at_most)
    grid = sorted({*(float(day) for day in GRID), declared, threshold[0]} & {*curve.table["tau_days"].astype(float)})
    more = {
        "curve": _with_people(_thin(curve.table), gaps),
        "classes": _by_pace(gaps, read, at_most),
    }
    notes = [Note("CJ-AN-201", "info", t(
        "A return that comes more than {within} after the threshold is not counted; a longer window finds more.",
        within=days(float(window))))]  # fmt: skip
    notes += _uneven(curve.table, threshold[0], at_most)
    later, note = _judged(rows, log, read, silence_days=declared, split=split, at_most=at_most)
    if len(later):
        more["later"] = later
    notes.append(note)
    params = {"activity": [log.label(name) for name in activity], "silence": str(silence or ""),
              "silence_days": None if math.isnan(declared) else declared, "within_days": window, "at_most": at_most,
              "split": split, "draws": draws, "seed": seed, "confidence": confidence}  # fmt: skip
    return SilenceThresholdResult.build(
        _table(curve, gaps, grid, confidence), data=log.info, params=params, more=more, notes=notes,
        kpis=[Kpi(measure="threshold", label=t("Threshold of silence"), estimate=threshold[0], ci_low=threshold[1],
                  ci_high=threshold[2], n=gaps["unit"].nunique(), form="days",
                  definition=t("shortest silence after which at most {share} return", share=percent(at_most, 0)))],
    )  # fmt: skip


def _uneven(table: pd.DataFrame, chosen: float, at_most: float) -> list[Note]:
    """A caution where more than accepted return after some longer silence too: the first crossing is then chance."""
    above = table[(table["tau_days"] > chosen) & (table["estimate"] > at_most)]
    if above.empty:
        return []
    top = above.sort_values("estimate").iloc[-1]
    return [Note("CJ-AN-204", "caution", t(
        "After {tau} of silence {share} return, more than the {limit} accepted: the curve is uneven there, so read the "
        "threshold with its interval.", tau=days(float(top["tau_days"])), share=percent(top["estimate"]),
        limit=percent(at_most, 0)))]  # fmt: skip


def _classed(gaps: pd.DataFrame) -> pd.DataFrame:
    return gaps.assign(stratum=pace_class(gaps["number"], gaps["pace_days"]))


def _window(rows: pd.DataFrame, as_of_us: int, within: str | timedelta | None) -> int:
    """Whole days in which a return is looked for."""
    if within is not None:
        return max(int(in_days(microseconds("within", within))), 1)
    period = (as_of_us - int(rows["at"].min())) / MICROSECONDS_PER_DAY
    return int(np.clip(period // 4, 1, _MOST_DAYS))


def _people(gaps: pd.DataFrame, tau: float) -> int:
    return int(gaps.loc[gaps["length_days"] >= tau, "unit"].nunique())


def _with_people(table: pd.DataFrame, gaps: pd.DataFrame) -> pd.DataFrame:
    longest = np.sort(gaps.groupby("unit")["length_days"].max().to_numpy())
    return table.assign(n_people=len(longest) - np.searchsorted(longest, table["tau_days"], side="left"))


def _thin(table: pd.DataFrame) -> pd.DataFrame:
    keep = np.unique(np.linspace(0, len(table) - 1, min(len(table), _CURVE_ROWS)).round().astype(int))
    return table.iloc[keep].reset_index(drop=True)


def _table(curve: ReturnCurve, gaps: pd.DataFrame, grid: list[float], confidence: float) -> pd.DataFrame:
    table = _with_people(curve.table[curve.table["tau_days"].isin(grid)].reset_index(drop=True), gaps)
    now = np.sort(gaps.loc[gaps["returned"] == 0, "length_days"].to_numpy())
    silent = len(now) - np.searchsorted(now, table["tau_days"], side="left")
    low, high = wilson(silent, len(now), confidence=confidence)
    return table.assign(n_customers=len(now), n_silent=silent, share_silent=silent / len(now), silent_low=low,
                        silent_high=high)  # fmt: skip


def _by_pace(gaps: pd.DataFrame, read: Callable[..., ReturnCurve], at_most: float) -> pd.DataFrame:
    """The choice made within each class of pace; unknown where too few are followed."""
    found = []
    for code, name in enumerate(CLASSES):
        part = gaps[gaps["stratum"] == code]
        try:
            chosen = smallest_threshold(read(part), at_most=at_most)
        except NotEnoughDataError:
            chosen = (math.nan, math.nan, math.nan)
        found.append({"pace": name, "n_people": part["unit"].nunique(), "threshold_days": chosen[0],
                      "threshold_low": chosen[1], "threshold_high": chosen[2]})  # fmt: skip
    return pd.DataFrame(found)


def _judged(
    rows: pd.DataFrame,
    log: EventLog,
    read: Callable[..., ReturnCurve],
    *,
    silence_days: float,
    split: float,
    at_most: float,
) -> tuple[pd.DataFrame, Note]:
    """The choice as it would have been made earlier, and the returns after it among those silent later."""
    earlier, at_us = earlier_day(rows, as_of_us=log.as_of_us, zone=log.info.zone, share=split)
    when = day(pd.Timestamp(at_us, unit="us", tz="UTC").tz_convert(log.info.zone))
    before = rows[rows["day"] < earlier]
    try:
        curve = read(_classed(silences(before, as_of_us=at_us)))
        chosen = smallest_threshold(curve, at_most=at_most)[0]
    except NotEnoughDataError:
        chosen = math.nan
    gaps = silences(rows, as_of_us=log.as_of_us)
    pairs = [(name, tau) for name, tau in ((CHOSEN, chosen), (DECLARED, silence_days)) if math.isfinite(tau)]
    found = pd.DataFrame([{"threshold": name, "tau_days": tau, **_later(gaps, tau, at_us, read)}
                          for name, tau in pairs])  # fmt: skip
    if math.isfinite(chosen) and found["estimate"].notna().iloc[0]:
        row = found.iloc[0]
        return found, Note("CJ-AN-202", "info", t(
            "Chosen as of {day}, the threshold would have been {tau}. Of the customers who fell silent for that long "
            "afterwards, {share} returned within {within} (95 % CI {ci}); {limit} were accepted.",
            day=when, tau=days(chosen), share=percent(row["estimate"]), within=days(float(curve.within_days)),
            ci=interval(row["ci_low"], row["ci_high"], percent), limit=percent(at_most, 0)))  # fmt: skip
    if math.isinf(chosen):
        return found, Note("CJ-AN-202", "info", t(
            "As of {day}, the data so far would not have shown any threshold that is long enough: the choice cannot be "
            "judged on later silences.", day=when))  # fmt: skip
    return found, Note(
        "CJ-AN-203",
        "caution",
        t("The period is too short to choose a threshold on its earlier part and to judge it on the later one."),
    )


def _later(gaps: pd.DataFrame, tau: float, at_us: int, read: Callable[..., ReturnCurve]) -> dict[str, Any]:
    """Silences that reached `tau` after the moment of the choice: the share that ended within the window."""
    reached = gaps["start_us"] + tau * MICROSECONDS_PER_DAY
    part = gaps[(gaps["length_days"] >= tau) & (reached >= at_us)]
    part = part.assign(length_days=part["length_days"] - tau)
    row: dict[str, Any] = {"n_people": part["unit"].nunique(), "estimate": math.nan, "ci_low": math.nan,
                           "ci_high": math.nan}  # fmt: skip
    try:
        found = read(part, tau_days=[0]).table.iloc[0]
    except NotEnoughDataError:
        return row
    return row | {name: float(found[name]) for name in ("estimate", "ci_low", "ci_high")}
