"""Who is about to leave? Forecasts that know the past only, judged on a later period than they learned from.

Three instants lie one horizon apart: settings are chosen on the first, the model is made on the second, its
skill is measured on the third, whose outcomes end at the cut-off. What happened at or after an instant is
no predictor at that instant. Without skill there is no list: the card says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from cjlib.analyses.at_risk import (
    BOOSTED,
    COX,
    LOGISTIC,
    NULL,
    RFM,
    Asked,
    Judged,
    judge,
    make_and_judge,
    write_list,
)
from cjlib.analyses.known import read_extra, refused
from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.duration import microseconds
from cjlib.core.errors import ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import day, interval, number, percent, t
from cjlib.journey.tables import EventLog, SurveyResponses

DEFAULT_HORIZON = "90 days"  # under contract, where no silence gives one
_TESTED = ("n_test", "n_event", "n_without")
_TEST = (
    Column("n_test", "Int64", "Judged on", "people", "customers of the later period"),
    Column("n_event", "Int64", "Left", "people", "within the horizon"),
    Column("n_without", "Int64", "", "people"),
)
_SUMS = (("n_test", ("n_event", "n_without")),)


def _estimates(name: str, label: str, unit: Any, meaning: str, of: tuple[str, ...] = _TESTED) -> tuple[Column, ...]:
    return (
        Column(name, "float64", label, unit, meaning, of),
        Column(f"{name}_low", "float64", "95 % CI", unit, "bootstrap of people", of),
        Column(f"{name}_high", "float64", "", unit, "", of),
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ChurnPredictionResult(Result):
    """Skill of forecasts of leaving, out of time, beside the base rate and recency, frequency, value."""

    kind: ClassVar[str] = "churn_prediction"
    columns: ClassVar[Columns] = Columns(
        (
            Column("model", "string", "Made from"), *_TEST,
            *_estimates("skill", "Skill", "proportion", "1 - Brier score / Brier score of the base rate"),
            *_estimates("auc", "AUC", "score", "0.5 is chance, 1 is perfect"),
            *_estimates("slope", "Slope", "score", "1 is right; below 1 the forecasts are too extreme"),
            *_estimates("intercept", "Intercept", "score", "0 is right; below 0 the forecasts are too high"),
        ),
        sums=_SUMS,
        caption="How well leaving is foretold",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "added": Columns(
            (
                Column("model", "string", "Made from"), Column("than", "string", "Compared with"),
                *(Column(c.name, c.dtype, "", c.unit) for c in _TEST),
                *_estimates("skill", "Skill higher by", "proportion", "above 0 is better"),
                *_estimates("auc", "AUC higher by", "score", "above 0 is better"),
            ),
            sums=_SUMS, caption="What one adds to the other",
        ),
        "calibration": Columns(
            (
                Column("group", "Int64", "Tenth", "number", "from the lowest forecasts to the highest"),
                Column("n_test", "Int64", "Customers", "people"), Column("n_event", "Int64", "Left", "people"),
                Column("n_without", "Int64", "", "people"),
                Column("forecast", "float64", "Forecast", "proportion", "mean", _TESTED),
                Column("estimate", "float64", "Came", "proportion", "Kaplan-Meier", _TESTED),
                Column("ci_low", "float64", "95 % CI", "proportion", "log-log interval", _TESTED),
                Column("ci_high", "float64", "", "proportion", "", _TESTED),
            ),
            sums=_SUMS, caption="Whether a forecast of 30 % means 30 %",
        ),
        "campaign": Columns(
            (
                Column("model", "string", "Made from"),
                Column("n_reached", "Int64", "Reached", "people", "customers with the highest forecasts"),
                *_estimates("precision", "Of these, left", "proportion", "", ("n_reached",)),
                *_estimates("lift", "Lift", "score", "times the share among all", ("n_reached",)),
                *_estimates("captured", "Of all who left", "proportion", "share that is reached", ("n_reached",)),
            ),
            caption="What a campaign of limited size would reach",
        ),
        "benefit": Columns(
            (
                Column("threshold", "float64", "Act from", "proportion", "forecast from which one acts"),
                Column("n_test", "Int64", "", "people"),
                *_estimates("benefit", "Net benefit", "proportion",
                            "leavers reached less the price of reaching others, per customer", ("n_test",)),
                Column("everybody", "float64", "Acting on all", "proportion", "", ("n_test",)),
            ),
            caption="Whether acting on the forecasts pays",
        ),
        "rests": Columns(
            (
                Column("feature", "string", "What is known"), Column("n_test", "Int64", "", "people"),
                Column("lost", "float64", "AUC lost without it", "score", "its values shuffled, 5 times", ("n_test",)),
                Column("direction", "string", "More of it goes with"),
            ),
            caption="What the forecasts rest on (association)",
        ),
    }  # fmt: skip

    @property
    def _chosen(self) -> Any:
        return self._table[self._table["model"] == self.params["chosen"]].iloc[0]

    @property
    def beats(self) -> bool:
        """Whether the chosen model does better than the base rate, beyond chance."""
        return bool(self._chosen["skill_low"] > 0)

    def question(self) -> str:
        return t("Which {units} are about to leave, and can it be foretold?", units=self.data.units)

    def answer(self) -> str:
        row = self._chosen
        if pd.isna(row["skill"]):
            return t("Whether leaving can be foretold cannot be said: too few people.")
        values = {
            "within": span(self.params["horizon"]), "skill": percent(row["skill"]), "n": int(row["n_test"]),
            "ci": interval(row["skill_low"], row["skill_high"], percent), "units": self.data.units,
            "day": self.params["test_day"],
        }  # fmt: skip
        if not self.beats:
            return t(
                "The forecast of leaving within {within} does not beat the base rate: do not use it. Its skill on {n} "
                "{units} of a later period, from {day}, is {skill} (95 % CI {ci}).", **values,
            )  # fmt: skip
        text = t(
            "Leaving within {within} can be foretold better than by the base rate: skill {skill} (95 % CI {ci}) on {n} "
            "{units} of a later period, from {day}; AUC {auc} (95 % CI {limits}).", **values,
            auc=number(row["auc"], 2), limits=interval(row["auc_low"], row["auc_high"], _two),
        )  # fmt: skip
        return f"{text} {self._against_rfm()} {self._campaign()}".strip()

    @property
    def _unproven(self) -> bool:
        """Whether those with the highest forecasts may leave no more often than all."""
        campaign = self._more["campaign"]
        return bool(campaign.loc[campaign["model"] == self.params["chosen"], "lift_low"].iloc[0] <= 1)

    def _against_rfm(self) -> str:
        added = self._more["added"]
        row = added[(added["model"] == self.params["chosen"]) & (added["than"] == RFM)].iloc[0]
        values = {"skill": percent(row["skill"]), "ci": interval(row["skill_low"], row["skill_high"], percent)}
        if row["skill_low"] > 0:
            return t("It beats recency, frequency and value alone: skill higher by {skill} (95 % CI {ci}).", **values)
        return t("It is not established that it beats recency, frequency and value alone: skill differs by {skill} "
                 "(95 % CI {ci}).", **values)  # fmt: skip

    def _campaign(self) -> str:
        campaign = self._more["campaign"]
        row = campaign[campaign["model"] == self.params["chosen"]].iloc[0]
        if pd.isna(row["lift"]):
            return ""
        text = t(
            "Of the {n} with the highest forecasts, {share} left (95 % CI {ci}): {lift} times the share among all.",
            n=int(row["n_reached"]), share=percent(row["precision"]),
            ci=interval(row["precision_low"], row["precision_high"], percent), lift=number(row["lift"], 1),
        )  # fmt: skip
        if not self._unproven:
            return text
        return text + " " + t(
            "Chance alone may do that (95 % CI {ci} times): a campaign need not reach more leavers than one that "
            "chooses at random.", ci=interval(row["lift_low"], row["lift_high"], _two))  # fmt: skip

    def definition(self) -> str:
        if self.params["kind"] == "contractual":
            who = t(
                "Leaving: {end} within {horizon}, among those under contract ({start}, no {end} yet).",
                end=self.params["end"], start=self.params["start"], horizon=span(self.params["horizon"]),
            )  # fmt: skip
        else:
            who = t("Leaving: no {activity} within {horizon}, among those with one in the {silence} before.",
                    activity=" / ".join(self.params["activity"]), horizon=span(self.params["horizon"]),
                    silence=span(self.params["silence"]))  # fmt: skip
        return who + " " + t(
            "Made from what was known strictly before {train}, judged on what was known before {test} and what came "
            "after it. Skill: share by which the squared error is smaller than that of the base rate.",
            train=self.params["train_day"], test=self.params["test_day"],
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.prediction import draw

        title = t("Not foretold better than by the base rate: do not use it")
        if self.beats:
            title = t("Leaving is foretold; whether acting on it pays depends on its price")
            if self._unproven:
                title = t("Leaving is foretold, but too weakly to choose customers by it")
        return draw(self._more["calibration"], self._more["benefit"], title=title, ax=ax)

    def alt(self) -> str:
        row = self._chosen
        return self.answer() + " " + t(
            "Figure: forecast against what came, and net benefit of acting on it. Slope {slope}, intercept "
            "{intercept}.",
            slope=number(row["slope"], 2), intercept=number(row["intercept"], 2),
        )  # fmt: skip

    def shown(self) -> list[Any]:
        return [
            (caption, frame.assign(**{c: frame[c].map(_words, na_action="ignore") for c in _TEXTS if c in frame}),
             hidden, columns)
            for caption, frame, hidden, columns in super().shown()
        ]  # fmt: skip


def churn_prediction(
    log: EventLog,
    responses: SurveyResponses | None = None,
    *,
    kind: Literal["contractual", "non-contractual"],
    activity: Sequence[str] = (),
    silence: str | None = None,
    start: str | None = None,
    end: str | None = None,
    lost: Sequence[str] = (),
    horizon: str | None = None,
    attributes: Sequence[str] = (),
    extra: pd.DataFrame | None = None,
    capacity: float = 0.1,
    list_to: Path | None = None,
    draws: int = 400,
    seed: int = 0,
) -> ChurnPredictionResult:
    """Forecast who leaves, and judge the forecast on a later period than it was made from.

    Parameters
    ----------
    log : EventLog
    responses : SurveyResponses, optional
        Last scores enter too, of answers given before the instant of the forecast.
    kind, activity, silence, start, end
        As in `churn`: what leaving means.
    lost : event(s) after which a customer under contract is not followed any more (moved, transferred)
    horizon : how far ahead; default the silence, or 90 days under contract
    attributes : customer attributes that enter; they have no date, so they may have been written later
    extra : DataFrame, optional
        Columns of the analyst's own: `pseudonym` (as in the table of customers), `known_at` (instant) and
        values, one row per fact. Values known at or after an instant are refused there, and counted.
    capacity : share of the customers that a campaign can reach
    list_to : protected file ("...-protected.csv", mode 0600) for the customers at risk at the cut-off
    draws, seed : of the bootstrap

    Returns
    -------
    ChurnPredictionResult
        One row per model; `.more("added")`, `.more("calibration")`, `.more("campaign")`,
        `.more("benefit")`, `.more("rests")`.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-220: fewer than 100 customers with, or without, the outcome in the later period (Collins,
        Ogundimu and Altman 2016, Stat. Med. 35, 214-226), or fewer than 50 in the earlier one.
        CJ-AN-221: a column knows the outcome.
    ParameterError
        CJ-AN-222: leaving is not told completely, or `extra` lacks a column.

    Notes
    -----
    Logistic regression with a ridge, and gradient boosting; the better of the two on a yet earlier period
    is the one that is reported. Under contract: Cox regression with a ridge. Beside them the share alone
    (Kaplan-Meier) and recency, frequency and value. Measures: see `cjlib.stats.evaluation.evaluate`.

    Examples
    --------
    >>> from cjlib.core.errors import NotEnoughDataError
    >>> from cjlib.datasets.example import example_log
    >>> try:
    ...     churn_prediction(example_log(), kind="non-contractual", activity=["purchase"], silence="10 days")
    ... except NotEnoughDataError as problem:
    ...     print(problem.code)
    CJ-AN-220
    """
    checks.one_of("kind", kind, ("contractual", "non-contractual"))
    checks.fraction("capacity", capacity)
    needed = (start and end) if kind == "contractual" else (activity and silence)
    if not needed:
        keys = "start and end" if kind == "contractual" else "activity and silence"
        raise ParameterError(f"kind={kind!r} is told by {keys}; give both.", code="CJ-AN-222")
    within = horizon or (silence if kind == "non-contractual" else None) or DEFAULT_HORIZON
    asked = Asked(
        log=log, responses=responses, kind=kind, activity=tuple(activity), start=start or "", end=end or "",
        silence_us=microseconds("silence", silence) if silence else 0, lost=tuple(lost),
        horizon_us=microseconds("horizon", within), attributes=tuple(attributes), extra=read_extra(extra, log),
    )  # fmt: skip
    made = make_and_judge(asked)
    tables = judge(made, capacity=capacity, draws=draws, seed=seed)
    params = {"kind": kind, "activity": [log.label(name) for name in activity], "silence": silence or "",
              "start": log.label(start or ""), "end": log.label(end or ""),
              "horizon": within, "chosen": made.chosen, "train_day": _day(made.train.at_us, log),
              "test_day": _day(made.test.at_us, log), "capacity": capacity, "attributes": list(attributes),
              "seed": seed, "draws": draws}  # fmt: skip
    main = tables["models"]
    chosen = main[main["model"] == made.chosen].iloc[0]
    notes = _notes(made, chosen, asked)
    if list_to is not None:
        notes.append(_listed(asked, made, chosen, list_to))
    more = {name: frame for name, frame in tables.items() if name != "models"}
    return ChurnPredictionResult.build(main, data=log.info, params=params, more=more, notes=notes,
                                       kpis=_kpis(chosen, more["campaign"], made.chosen))  # fmt: skip


_TEXTS = ("model", "than", "direction")


def _words(value: str) -> str:
    """Name of a model, or a direction, in the active language."""
    return {
        NULL: t("base rate"), RFM: t("recency, frequency, value"), LOGISTIC: t("logistic regression"),
        BOOSTED: t("gradient boosting"), COX: t("Cox regression"), "leaving": t("leaving"), "staying": t("staying"),
    }.get(value, value)  # fmt: skip


def _two(value: float) -> str:
    return number(value, 2)


def _day(at_us: int, log: EventLog) -> str:
    return day(pd.Timestamp(at_us // 1_000_000, unit="s", tz="UTC").tz_convert(log.info.zone))


def _notes(made: Judged, row: pd.Series, asked: Asked) -> list[Note]:
    notes = []
    if not row["skill_low"] > 0:
        notes.append(Note("CJ-AN-223", "caution", t(
            "The forecast does not beat the base rate beyond chance: do not use it to choose customers.")))  # fmt: skip
    elif not (row["slope_low"] <= 1 <= row["slope_high"] and row["intercept_low"] <= 0 <= row["intercept_high"]):
        notes.append(Note("CJ-AN-224", "caution", t(
            "The forecasts put customers in order, but their level is off (slope {slope}, intercept {intercept}): do "
            "not read them as probabilities.",
            slope=_two(row["slope"]), intercept=_two(row["intercept"]))))  # fmt: skip
    if asked.attributes:
        notes.append(Note("CJ-AN-225", "caution", t(
            "Nobody knows when the attributes of customers ({names}) were written: what they add may be hindsight.",
            names=", ".join(asked.attributes))))  # fmt: skip
    if made.test.n_refused:
        notes.append(Note("CJ-AN-226", "caution", refused(made.test.n_refused)))
    how = t("There is no earlier period with enough outcomes to choose settings on: the usual ones were taken.")
    if made.tuned:
        how = t("The model and its settings were chosen on a yet earlier period.")
    notes.append(Note("CJ-AN-227", "info", how))
    notes.append(Note("CJ-AN-228", "info", t(
        "What a forecast rests on is associated with leaving; changing it need not change who leaves.")))  # fmt: skip
    return notes


def _listed(asked: Asked, made: Judged, row: pd.Series, path: Path) -> Note:
    if not row["skill_low"] > 0:
        return Note("CJ-AN-229", "caution", t("No list was written: a forecast without skill chooses nobody."))
    n = write_list(made, path)
    return Note("CJ-AN-229", "info", t(
        "{n} {units} were written to a protected file, the highest risk first.",
        n=asked.log.info.people(n), units=asked.log.info.units))  # fmt: skip


def _kpis(row: pd.Series, campaign: pd.DataFrame, chosen: str) -> list[Kpi]:
    reach = campaign[campaign["model"] == chosen].iloc[0]
    n = int(row["n_test"])
    return [
        Kpi(measure="skill", label=t("Skill out of time"), estimate=row["skill"], ci_low=row["skill_low"],
            ci_high=row["skill_high"], n=n, form="percent", definition=t("squared error saved against the base rate")),
        Kpi(measure="auc", label=t("AUC out of time"), estimate=row["auc"], ci_low=row["auc_low"],
            ci_high=row["auc_high"], n=n, form="score", definition=t("0.5 is chance, 1 is perfect")),
        Kpi(measure="lift", label=t("Lift of the campaign"), estimate=reach["lift"], ci_low=reach["lift_low"],
            ci_high=reach["lift_high"], n=int(reach["n_reached"]), form="score",
            definition=t("share that left among those reached, over the share among all")),
    ]  # fmt: skip
