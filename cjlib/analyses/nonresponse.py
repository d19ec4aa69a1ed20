"""The silent majority: what the score would be if those who did not answer were heard.

Behaviour before the invitation is known for everybody invited. Those who answered are weighted so that
they resemble everybody in it; beside the weighted score stand what no data can exclude (all the others
gave the worst, or the best, answer) and how different the others must be to turn the score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.analyses.said import with_unit
from cjlib.analyses.silence import (
    ANSWERED,
    BEST,
    RAKED,
    WEIGHTED,
    WORST,
    Case,
    Measure,
    Weighting,
    by_propensity,
    by_raking,
    costs,
    margins,
    measure,
    plain_row,
    weighted_row,
)
from cjlib.analyses.silence_notes import FEWEST, covariate_words, notes_of
from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Result
from cjlib.core.text import interval, number, t
from cjlib.journey.features import Behaviour, Floats, before_invitation
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.stats import instrument as registry
from cjlib.stats.propensity import asmd, plain_mean
from cjlib.stats.survey import response_rate

_N = Column("n", "Int64", "People", "people", "people that the row rests on")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NonresponseResult(Result):
    """Score of those who answered, weighted score, worst and best case, with balance and cost."""

    kind: ClassVar[str] = "nonresponse"
    columns: ClassVar[Columns] = Columns(
        (
            Column("basis", "string", "Estimate"),
            _N,
            Column("n_effective", "float64", "Effective n", "number", "answers of equal weight worth as much", ("n",)),
            Column("score", "float64", "Score", "score", "NPS in points, otherwise the mean", ("n",)),
            Column("ci_low", "float64", "95 % CI", "score", "", ("n",)),
            Column("ci_high", "float64", "", "score", "", ("n",)),
            Column("top_share", "float64", "Best answers", "proportion", "share inside the box", ("n",)),
            Column("top_low", "float64", "95 % CI", "proportion", "", ("n",)),
            Column("top_high", "float64", "", "proportion", "", ("n",)),
        ),
        caption="The score with and without those who did not answer",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "weights": Columns(
            (
                Column("basis", "string", "Estimate"),
                Column("n_asked", "Int64", "Asked", "people", "invitations"),
                Column("n_answered", "Int64", "Answered", "people"),
                Column("n_silent", "Int64", "Silent", "people", "asked, no answer by the cut-off"),
                Column("rate", "float64", "Response rate", "proportion", "", ("n_asked", "n_answered")),
                Column("design_effect", "float64", "Design effect", "score", "Kish: variance lost to the weights",
                       ("n_answered",)),
                Column("n_effective", "float64", "Effective n", "number", "answers of equal weight worth as much",
                       ("n_answered",)),
                Column("largest", "float64", "Largest weight", "score", "the mean weight is 1", ("n_answered",)),
                Column("trimmed", "float64", "Weights cut", "proportion", "share of the answers", ("n_answered",)),
                Column("r_indicator", "float64", "R-indicator", "score", "1: everybody answers alike", ("n_asked",)),
            ),
            sums=(("n_asked", ("n_answered", "n_silent")),),
            caption="What the weights cost",
        ),
        "balance": Columns(
            (
                Column("covariate", "string", "Before the invitation"),
                Column("before", "float64", "Unweighted", "score", "distance of those who answered from everybody"),
                Column("after", "float64", "Weighted", "score", "in standard deviations; above 0.1 is unbalanced"),
                Column("raked", "float64", "Raked", "score", "in standard deviations; above 0.1 is unbalanced"),
            ),
            caption="How far those who answered are from everybody invited",
        ),
    }  # fmt: skip

    @property
    def _main(self) -> Measure:
        kind = registry.instrument(self.params["instrument"])
        low, high = self.params["scale"]
        return measure(kind if kind.statistic == "net" else kind.on_scale((low, high)))

    def _row(self, basis: str) -> dict[str, float] | None:
        """Headline of one row: value, low, high, n; None where it is missing or hidden."""
        rows = self._table[(self._table["basis"] == basis) & self._table["score"].notna()]
        if rows.empty:
            return None
        names = ("top_share", "top_low", "top_high") if self._main.kpi == "percent" else ("score", "ci_low", "ci_high")
        row = rows.iloc[0]
        return dict(zip(("value", "low", "high", "n"), (*(row[name] for name in names), row["n"]), strict=True))

    def question(self) -> str:
        return t("{name}: what would those who did not answer change?", name=self._main.name)

    def answer(self) -> str:
        said, worst, best = (self._row(basis) for basis in (ANSWERED, WORST, BEST))
        if said is None or worst is None or best is None:
            return t("Too few people answered to print a score.")
        main, weighted, raked = self._main, self._row(WEIGHTED), self._row(RAKED)
        start = t("{name} {value} among the {n} of {all} people asked who answered", name=main.name,
                  value=main.form(said["value"]), n=int(said["n"]), all=int(worst["n"]))  # fmt: skip
        range_ = interval(worst["value"], best["value"], main.form)
        if weighted is None:
            return t("{start}; from {range} whatever the others would have said.", start=start, range=range_)
        words = {"start": start, "value": main.form(weighted["value"]), "range": range_,
                 "ci": interval(weighted["low"], weighted["high"], main.form)}  # fmt: skip
        verdict = self._verdict()
        if raked is None:
            return verdict + t(
                "{start}; {value} (95 % CI {ci}) when they are weighted to resemble everybody asked; from {range} "
                "whatever the others would have said.",
                **words,
            )
        return verdict + t(
            "{start}; {value} (95 % CI {ci}) when they are weighted to resemble everybody asked, {raked} when raked "
            "on a few known totals; from {range} whatever the others would have said.",
            raked=main.form(raked["value"]), **words,
        )  # fmt: skip

    def _verdict(self) -> str:
        """Which way those who did not answer pull the score, as far as behaviour tells; "" if it was not estimated."""
        shift = next((kpi for kpi in self.kpis if kpi.measure == "change"), None)
        if shift is None or math.isnan(shift.ci_low):
            return ""
        if shift.ci_high < 0:
            return t("As far as earlier behaviour tells, the score would be lower with those who did not answer.") + " "
        if shift.ci_low > 0:
            return (
                t("As far as earlier behaviour tells, the score would be higher with those who did not answer.") + " "
            )
        return t("It is not established that those who did not answer would change the score.") + " "

    def definition(self) -> str:
        text = t(
            "Weighted: each answer counts one over the probability that such a person answers, from what was "
            "done strictly before the invitation (logistic regression; weights cut at {most} times their mean). "
            "Intervals are linearised, customers counted once, and include that the weights are estimated. "
            "Worst and best: everybody who did not answer gave the lowest, or the highest, score.",
            most=number(self.params["most"]),
        )
        if self.params["margins"]:
            text += " " + t(
                "Raked: those who answered get the totals of everybody asked in: {names} (counts and days in four "
                "classes).",
                names=t("; ").join(self.params["margins"]),
            )
        return text

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.nonresponse import draw

        main = self._main
        columns = ["top_share", "top_low", "top_high"] if main.kpi == "percent" else ["score", "ci_low", "ci_high"]
        table = self._table[["basis", "n", *columns]].set_axis(["basis", "n", "value", "low", "high"], axis=1)
        table["basis"] = [_words(basis) for basis in table["basis"]]
        return draw(table, balance=self._more["balance"], name=main.name, form=main.form, ends=main.ends, ax=ax)

    def shown(self) -> list[Any]:
        (caption, main, hidden, columns), *others = super().shown()
        if self.params["instrument"] == "nps":
            columns = with_unit(columns, "nps", ("score", "ci_low", "ci_high"))
        return [(caption, frame.assign(basis=[_words(one) for one in frame["basis"]]) if "basis" in frame else frame,
                 hidden, columns)
                for caption, frame, hidden, columns in [(caption, main, hidden, columns), *others]]  # fmt: skip


def nonresponse(
    responses: SurveyResponses,
    log: EventLog,
    *,
    instrument: str,
    deadlines: Mapping[str, str] | None = None,
    most: float = 5.0,
    confidence: float = 0.95,
) -> NonresponseResult:
    """Estimate a score as if everybody invited had answered, and how far it can be from that.

    Parameters
    ----------
    responses : SurveyResponses
        Must hold the invitations without an answer.
    log : EventLog
    instrument : "nps", "csat", "ces" or "other"; must occur in the study
    deadlines : event name to customer date, for example {"delivered": "promised"}: being late counts as
        behaviour too
    most : weights are cut at so many times their mean
    confidence : level of the intervals

    Returns
    -------
    NonresponseResult
        `.table`: one row each for those who answered, weighted and raked (left out where who answers
        cannot be estimated, with a note), worst and best case; `.more("balance")`; `.more("weights")`.

    Raises
    ------
    NotEnoughDataError
        Only answers are known; nobody answered; no invitation has a date.

    Notes
    -----
    Inverse-propensity weights (Little 1986, Int. Stat. Rev. 54, 139-157); raking (Deming and Stephan
    1940); linearised variances; bounds of Manski (1989, J. Hum. Resour. 24, 343-360). Nothing is random.
    Weights repair what the behaviour explains: who is silent for what the log cannot see stays unheard.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log, example_responses
    >>> result = nonresponse(example_responses(), example_log(), instrument="nps")
    >>> result.table[["basis", "n", "score"]].round(1).values.tolist()
    [['answered', 5, 0.0], ['worst', 6, -16.7], ['best', 6, 16.7]]
    """
    _check(responses, instrument)
    checks.fraction("confidence", confidence)
    kind = registry.instrument(instrument)
    if instrument in responses.scales and instrument != "nps":
        kind = kind.on_scale(responses.scales[instrument])
    behaviour = before_invitation(responses, log, instrument=instrument, deadlines=deadlines)
    score = behaviour.invitations["score"].to_numpy(dtype="float64")
    answered = ~np.isnan(score)
    if not answered.any():
        raise NotEnoughDataError(t("Nobody answered {name}, so there is no score.", name=instrument.upper()),
                                 code="CJ-AN-020")  # fmt: skip
    reason = _reason(answered, behaviour)
    matrix = np.column_stack(
        [*behaviour.covariates.values(), *([] if behaviour.covariates else [np.zeros(len(score))])]
    )
    ways, unraked = ((), "") if reason else _weightings(matrix, behaviour, answered, most)
    unit = behaviour.invitations["unit"].to_numpy()
    case = Case(kind, score, answered, unit, ways, confidence)
    rows = [plain_row(ANSWERED, score[answered], unit[answered], case), *(weighted_row(case, way) for way in ways),
            plain_row(WORST, np.where(answered, score, kind.scale[0]), unit, case),
            plain_row(BEST, np.where(answered, score, kind.scale[1]), unit, case)]  # fmt: skip
    table = pd.DataFrame(rows)
    balance = _balance(behaviour, matrix, case, log)
    raked = case.weighting(RAKED) is not None
    params = {"instrument": instrument, "scale": list(kind.scale), "box": list(kind.good_scores), "most": most,
              "deadlines": [f"{log.label(event)}: {date}" for event, date in (deadlines or {}).items()],
              "margins": [covariate_words(key, log) for key in margins(behaviour)] if raked else [],
              "confidence": confidence}  # fmt: skip
    return NonresponseResult.build(
        table, data=responses.info, params=params, kpis=_kpis(case, table),
        more={"weights": costs(case), "balance": balance},
        notes=notes_of(case, behaviour, (table, balance), reason=reason, unraked=unraked),
    )  # fmt: skip


def _weightings(
    matrix: Floats, behaviour: Behaviour, answered: npt.NDArray[np.bool_], most: float
) -> tuple[tuple[Weighting, ...], str]:
    """Both ways to weight, and why there is no raking, if there is none."""
    modelled = by_propensity(matrix, answered, most=most)
    try:
        return (modelled, by_raking(behaviour, answered)), ""
    except NotEnoughDataError as problem:
        return (modelled,), str(problem)


def _check(responses: SurveyResponses, instrument: str) -> None:
    if responses.n_invitations:
        checks.one_of("instrument", instrument, responses.instruments)
        if not responses.all_invitations_known:
            raise NotEnoughDataError(
                t("The files hold answers only, not the invitations: who did not answer is unknown, so the score "
                  "cannot be corrected for it."), code="CJ-AN-060")  # fmt: skip


def _reason(answered: npt.NDArray[np.bool_], behaviour: Behaviour) -> str:
    """Why who answers cannot be estimated; empty if it can."""
    n, silent = int(answered.sum()), int((~answered).sum())
    if not silent:
        return t("Everybody asked has answered, so there is nothing to weight for.")
    if min(n, silent) < FEWEST:
        return t("Who answers cannot be estimated: it needs {least} people who answered and {least} who did not, "
                 "and there are {n} and {silent}.", least=FEWEST, n=n, silent=silent)  # fmt: skip
    if not behaviour.covariates:
        return t("Who answers cannot be estimated: nothing that varies is known about people before the invitation.")
    return ""


def _balance(behaviour: Behaviour, matrix: Floats, case: Case, log: EventLog) -> pd.DataFrame:
    """Distance of those who answered from everybody, per covariate, the farthest first."""
    if not behaviour.covariates:
        return pd.DataFrame(columns=["covariate", "before", "after", "raked"])
    frame = pd.DataFrame({"covariate": [covariate_words(key, log) for key in behaviour.covariates],
                          "before": asmd(matrix, case.answered)})  # fmt: skip
    for column, basis in (("after", WEIGHTED), ("raked", RAKED)):
        way = case.weighting(basis)
        frame[column] = np.nan if way is None else asmd(matrix, way.weight)
    return frame.sort_values(["before", "covariate"], ascending=[False, True], ignore_index=True)


def _kpis(case: Case, table: pd.DataFrame) -> list[Kpi]:
    main, n = measure(case.kind), int(case.answered.sum())
    asked = len(case.score)
    rate = response_rate([n], [asked], confidence=case.confidence).iloc[0]
    found = [Kpi(measure="response_rate", label=t("Response rate"), estimate=rate["estimate"], form="percent",
                 ci_low=rate["ci_low"], ci_high=rate["ci_high"], n=asked)]  # fmt: skip
    way = case.weighting(WEIGHTED)
    if way is not None:
        row = table[table["basis"] == WEIGHTED].iloc[0]
        names = ("top_share", "top_low", "top_high") if main.kpi == "percent" else ("score", "ci_low", "ci_high")
        found.append(Kpi(measure="weighted", label=t("{name}, weighted", name=main.name), estimate=row[names[0]],
                         ci_low=row[names[1]], ci_high=row[names[2]], n=n, form=main.kpi))  # fmt: skip
        values = main.of(case.score)
        here, plain = way.mean(values), plain_mean(values, case.answered)
        scale = 100.0 if main.kpi == "percent" else 1.0
        change, move = scale * (here.value - plain.value), scale * (here.influence - plain.influence)
        low, high = case.limits(change, move, (-math.inf, math.inf), way.n_effective)
        found.append(Kpi(measure="change", label=t("Change by weighting (points)"), estimate=change, ci_low=low,
                         ci_high=high, n=n, form="score" if main.kpi == "score" else "points",
                         definition=t("weighted minus unweighted, on the same people")))  # fmt: skip
        found.append(Kpi(measure="n_effective", label=t("Effective n"), estimate=way.n_effective, n=n))
    return found


def _words(basis: str) -> str:
    names = {ANSWERED: t("those who answered"), WEIGHTED: t("weighted"), RAKED: t("raked"), WORST: t("worst case"),
             BEST: t("best case")}  # fmt: skip
    return names[basis]
