"""What goes with sooner conversion? Drivers that switch on when they happen, never before.

A customer who converts early has had little time to be exposed to anything. Comparing those ever exposed
with those never exposed therefore makes every touchpoint look as if it slowed conversion (immortal
time). Here exposure counts from its instant on; the naive ratio stands beside, so that the trap shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.hazards import LANDMARKS, bends, fitted, part_of_outcome, ratio, sides, times
from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import DataInfo, Kpi, Note, Result
from cjlib.core.text import days, interval, number, t
from cjlib.journey.durations import ANY, CENSOR
from cjlib.journey.episodes import as_drivers, follow_up, landmark_of, split
from cjlib.journey.experienced import Driver
from cjlib.journey.tables import EventLog
from cjlib.stats.hazard import HazardModel, proportionality
from cjlib.stats.multiplicity import holm

_SIDES = ("n_exposed", "n_other", "n_event", "n_rest")
_PEOPLE = (
    Column("n", "Int64", "Followed", "people", "customers whose clock started and ran"),
    Column("n_exposed", "Int64", "Exposed", "people", "it happened before the end of their follow-up"),
    Column("n_other", "Int64", "Not exposed", "people", "it did not"),
    Column("n_event", "Int64", "Outcome after it", "people", "exposed, then had the outcome"),
    Column("n_rest", "Int64", "", "people"),
)
_SUMS = (("n", ("n_exposed", "n_other")), ("n_exposed", ("n_event", "n_rest")))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ConversionDriversResult(Result):
    """Cause-specific hazard ratio of each driver, and the naive one beside it."""

    kind: ClassVar[str] = "conversion_drivers"
    columns: ClassVar[Columns] = Columns(
        (
            Column("driver", "string", "Driver"), *_PEOPLE,
            Column("hazard_ratio", "float64", "Hazard ratio", "score",
                   "rate of the outcome after it, against not yet; above 1 is sooner", _SIDES),
            Column("ci_low", "float64", "95 % CI", "score", "robust (clustered by person)", _SIDES),
            Column("ci_high", "float64", "", "score", "", _SIDES),
            Column("p_value", "float64", "p (Holm)", "p", "corrected for the number of drivers", _SIDES),
            Column("naive", "float64", "Naive ratio", "score",
                   "ever against never exposed, as if known from the start: immortal time", _SIDES),
        ),
        sums=_SUMS,
        caption="Hazard ratio of each driver",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "landmarks": Columns(
            (
                Column("landmark_days", "float64", "Landmark", "days", "after the start; who is still open then"),
                Column("driver", "string", "Driver"), *_PEOPLE,
                Column("hazard_ratio", "float64", "Hazard ratio", "score", "exposed by the landmark, or not", _SIDES),
                Column("ci_low", "float64", "95 % CI", "score", "", _SIDES),
                Column("ci_high", "float64", "", "score", "", _SIDES),
            ),
            sums=_SUMS,
            caption="The same from fixed landmarks",
        ),
        "proportionality": Columns(
            (
                Column("driver", "string", "Driver"),
                Column("n", "Int64", "Followed", "people"),
                Column("chi2", "float64", "Chi²", "score", "Grambsch and Therneau", ("n",)),
                Column("p_value", "float64", "p, same ratio at all times", "p", "", ("n",)),
            ),
            caption="Does the ratio stay the same over time?",
        ),
    }  # fmt: skip

    def question(self) -> str:
        return t("Which drivers go with sooner or later {outcome}?", outcome=self.params["outcome"])

    def answer(self) -> str:
        rows = self._table[self._table["hazard_ratio"].notna()]
        if rows.empty:
            return t("Too few people on both sides of every driver to say what goes with {outcome}.",
                     outcome=self.params["outcome"])  # fmt: skip
        clear = rows[(rows["ci_low"] > 1) | (rows["ci_high"] < 1)]
        shown = clear.loc[np.log(clear["hazard_ratio"]).abs().sort_values(ascending=False, kind="stable").index].head(3)
        if shown.empty:
            return t("No driver is clearly associated with sooner or later {outcome}; all intervals include 1.",
                     outcome=self.params["outcome"])  # fmt: skip
        parts = [
            t("{driver} × {ratio} (95 % CI {ci}; naive {naive})", driver=row["driver"],
              ratio=number(row["hazard_ratio"], 2), naive=number(row["naive"], 2),
              ci=interval(row["ci_low"], row["ci_high"], lambda x: number(x, 2))) for row in shown.to_dict("records")
        ]  # fmt: skip
        return t("Rate of {outcome} after a driver, against before it or without it: {parts}. An association, not an "
                 "effect.", outcome=self.params["outcome"], parts=t("; ").join(parts))  # fmt: skip

    def definition(self) -> str:
        return t(
            "Cause-specific Cox model (Efron) on rows that are cut where something happens: a driver counts from its "
            "instant on, other ends are censored. All drivers are in one model. Naive: the same model with each driver "
            "as known at the end of the follow-up."
        )

    def alt(self) -> str:
        followed = self._table["n"].max()
        if pd.isna(followed):
            return self.answer()
        return t("Ratios with their intervals on a log axis; {n} {units} followed.", n=int(followed),
                 units=self.data.units) + " " + self.answer()  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.forest import draw

        frame = self._table.rename(columns={"driver": "label", "hazard_ratio": "ratio"})
        axis = t("hazard ratio of {outcome} (log scale; above 1 is sooner)", outcome=self.params["outcome"])
        return draw(frame, axis=axis, ax=ax)


def conversion_drivers(
    log: EventLog,
    *,
    start: str | Sequence[str],
    outcome: str | Sequence[str],
    drivers: Sequence[Driver | Mapping[str, Any] | str],
    competing: Sequence[str] = (),
    adjust: Sequence[str] = (),
    landmarks: Sequence[str] = LANDMARKS,
    confidence: float = 0.95,
) -> ConversionDriversResult:
    """Estimate how the rate of the outcome differs once a driver has happened.

    Parameters
    ----------
    log : EventLog
    start : event that starts the clock, several, or "any" for the customer's first event
    outcome : event(s) that stop it
    drivers : event names, or {"name", "event", "measure"} with measure happened, count (ratio per one more)
        or highest (ratio per unit of the largest value so far)
    competing : events that end the clock otherwise: censored (cause-specific hazard)
    adjust : customer attributes; each combination has its own baseline hazard
    landmarks : times after the start at which the same is asked of those still open
    confidence : level of the intervals

    Returns
    -------
    ConversionDriversResult
        One row per driver; `.more("landmarks")`, `.more("proportionality")`.

    Raises
    ------
    ParameterError
        CJ-AN-250: no driver, or two of one name; an unknown event or attribute.
    NotEnoughDataError
        CJ-JN-007: nobody's clock starts; CJ-AN-251: nobody has the outcome, or fewer than two customers.

    Notes
    -----
    Cox (1972) with Efron's ties, robust errors by person (Lin and Wei 1989), proportionality after Grambsch
    and Therneau (1994), landmarks after Anderson, Cain and Gelber (1983). Immortal time: Suissa (2008), Am. J.
    Epidemiol. 167, 492-499.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> found = conversion_drivers(example_log(), start="visit", outcome="purchase", drivers=["cart"])
    >>> found.table[["n", "n_exposed", "n_event"]].values.tolist()
    [[8, 5, 4]]
    """
    asked = as_drivers(log, drivers)
    if not asked or len({one.name for one in asked}) < len(asked):
        raise ParameterError(f"drivers: {len(asked)} given; at least one, with different names, is needed.",
                             code="CJ-AN-250")  # fmt: skip
    main = [outcome] if isinstance(outcome, str) else list(outcome)
    competing = [name for name in competing if name != CENSOR]  # other ends are censored here anyway
    followed = follow_up(log, start=start, outcome=main, competing=competing)
    rows = split(log, followed, drivers=asked, attributes=adjust)
    rows = rows.assign(event=(rows["outcome"] == 1).astype(int))
    names = {f"driver_{place}": one.name for place, one in enumerate(asked)}
    _enough(rows)
    terms, strata = list(names), list(adjust)
    model, why = fitted(rows, terms, names, strata=strata, confidence=confidence)
    last = rows.drop_duplicates("unit", keep="last").assign(start_days=0.0)
    naive, _ = fitted(last, terms, names, strata=strata, confidence=confidence)
    table = pd.DataFrame([
        {"driver": names[term], **sides(last, last[term] > 0), **ratio(model, term),
         "naive": ratio(naive, term)["hazard_ratio"]} for term in terms
    ])  # fmt: skip
    table["p_value"] = holm(table["p_value"])
    at_days = [in_days(microseconds("landmarks", one)) for one in landmarks]
    more = {"landmarks": _landmarks(rows, names, strata, sorted(at_days), confidence)}
    if model is not None:
        more["proportionality"] = _even(rows, model, names, strata, len(last))
    params = {"start": ANY if start in (ANY, [ANY]) else log.label(start), "outcome": log.label(main),
              "competing": [log.label(name) for name in competing], "adjust": strata,
              "drivers": [f"{one.name}: {one.measure}" for one in asked], "confidence": confidence}  # fmt: skip
    why += part_of_outcome(rows, names) + bends(rows, model, names, strata)
    notes = [*why, *_notes(model, more, asked, len(followed) - len(last), log.info)]
    return ConversionDriversResult.build(table, data=log.info, params=params, more=more, notes=notes,
                                         kpis=_kpis(table, log.info.min_people))  # fmt: skip


def _enough(rows: pd.DataFrame) -> None:
    if rows["unit"].nunique() < 2:
        raise NotEnoughDataError(t("Fewer than two customers can be followed, so nothing can be compared."),
                                 code="CJ-AN-251")  # fmt: skip
    if not rows["event"].any():
        raise NotEnoughDataError(t("Nobody has had the outcome during the follow-up, so no driver can be compared."),
                                 code="CJ-AN-251")  # fmt: skip


def _landmarks(
    rows: pd.DataFrame, names: dict[str, str], strata: list[str], at_days: list[float], confidence: float
) -> pd.DataFrame:
    made = []
    for at in at_days:
        seen = landmark_of(rows, at)
        seen = seen.assign(event=(seen["outcome"] == 1).astype(int))
        model, _ = fitted(seen, list(names), names, strata=strata, confidence=confidence)
        made += [{"landmark_days": at, "driver": names[term], **sides(seen, seen[term] > 0), **ratio(model, term)}
                 for term in names]  # fmt: skip
    return pd.DataFrame(made)


def _even(rows: pd.DataFrame, model: HazardModel, names: dict[str, str], strata: list[str], n: int) -> pd.DataFrame:
    tested = proportionality(rows, covariates=list(model.table["covariate"]), strata=strata)
    tested = tested[tested["covariate"].isin(list(names))]
    return tested.assign(driver=tested["covariate"].map(names), n=n)


def _notes(
    model: HazardModel | None, more: dict[str, pd.DataFrame], asked: list[Driver], n_instant: int, info: DataInfo
) -> list[Note]:
    notes = [Note("CJ-AN-252", "caution", t(
        "Who is exposed differs from who is not, and some drivers come only on the way to the outcome: a ratio is no "
        "effect."))]  # fmt: skip
    if model is not None and model.events_per_covariate < 10:
        notes.append(Note("CJ-AN-253", "caution", t(
            "There are fewer than 10 outcomes per driver ({n}): the ratios are unstable.",
            n=number(model.events_per_covariate, 1))))  # fmt: skip
    if "proportionality" in more:
        table = more["proportionality"]
        uneven = list(table.loc[holm(table["p_value"]) < 0.05, "driver"])
        if uneven:
            notes.append(Note("CJ-AN-254", "caution", t(
                "The ratio changes with time since the start for: {drivers}. Read it as an average over time, and look "
                "at the landmarks.", drivers=", ".join(uneven))))  # fmt: skip
    if n_instant:
        notes.append(Note("CJ-AN-255", "info", t(
            "Left out, because never at risk: {n} {units} with an outcome at the instant their clock started.",
            n=info.people(n_instant), units=info.units)))  # fmt: skip
    if any(one.measure != "happened" for one in asked):
        notes.append(Note("CJ-AN-256", "info", t(
            "For counts the ratio is per one more event so far; for highest values per unit, 0 before the "
            "first.")))  # fmt: skip
    empty = times(more["landmarks"])
    if empty:
        notes.append(Note("CJ-AN-257", "info", t(
            "No ratio can be given from the landmarks at {times}: too few people or outcomes after them.",
            times=", ".join(days(value) for value in empty))))  # fmt: skip
    return notes


def _kpis(table: pd.DataFrame, k: int) -> list[Kpi]:
    known = table[table["hazard_ratio"].notna()]
    if known.empty:
        return []
    top = known.loc[np.log(known["hazard_ratio"]).abs().idxmax()]
    small = min(top[name] for name in _SIDES if top[name] > 0)  # below the smallest group nothing is printed
    value = {name: top[name] for name in ("ci_low", "ci_high")} if math.isfinite(top["ci_high"]) else {}
    return [Kpi(measure="strongest", label=t("Hazard ratio: {driver}", driver=top["driver"]),
                n=int(top["n"] if small >= k else small),
                estimate=top["hazard_ratio"], form="score", definition=t("furthest from 1 of all drivers"),
                **value)]  # fmt: skip
