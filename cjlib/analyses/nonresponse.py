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

from cjlib.analyses.silence import (
    ANSWERED,
    BEST,
    WEIGHTED,
    WORST,
    Case,
    Measure,
    costs,
    measure,
    plain_row,
    weighted_row,
)
from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, number, percent, points, t
from cjlib.journey.features import OTHER, Behaviour, Covariate, Floats, before_invitation
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.stats import instrument as registry
from cjlib.stats.propensity import asmd, fit_propensity, inverse_weights, plain_mean
from cjlib.stats.survey import response_rate

FEWEST = 30  # on either side: below, who answers cannot be estimated
UNBALANCED = 0.1
PER_COVARIATE = 10  # people on the smaller side: below, estimated weights follow chance
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
        main, weighted = self._main, self._row(WEIGHTED)
        start = t("{name} {value} among the {n} of {all} people asked who answered", name=main.name,
                  value=main.form(said["value"]), n=int(said["n"]), all=int(worst["n"]))  # fmt: skip
        range_ = interval(worst["value"], best["value"], main.form)
        if weighted is None:
            return t("{start}; from {range} whatever the others would have said.", start=start, range=range_)
        return t(
            "{start}; {value} (95 % CI {ci}) when they are weighted to resemble everybody asked; from {range} "
            "whatever the others would have said.",
            start=start, value=main.form(weighted["value"]), range=range_,
            ci=interval(weighted["low"], weighted["high"], main.form),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "Weighted: each answer counts one over the probability that such a person answers, from what was "
            "done strictly before the invitation (logistic regression; weights cut at {most} times their mean). "
            "Intervals are linearised, customers counted once, and include that the probabilities are estimated. "
            "Worst and best: everybody who did not answer gave the lowest, or the highest, score.",
            most=number(self.params["most"]),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.nonresponse import draw

        main = self._main
        columns = ["top_share", "top_low", "top_high"] if main.kpi == "percent" else ["score", "ci_low", "ci_high"]
        table = self._table[["basis", "n", *columns]].set_axis(["basis", "n", "value", "low", "high"], axis=1)
        table["basis"] = [_words(basis) for basis in table["basis"]]
        return draw(table, balance=self._more["balance"], name=main.name, form=main.form, ends=main.ends, ax=ax)

    def shown(self) -> list[Any]:
        (caption, frame, hidden, columns), *rest = super().shown()
        return [(caption, frame.assign(basis=[_words(one) for one in frame["basis"]]), hidden, columns), *rest]


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
        `.table`: one row each for those who answered, weighted (left out where who answers cannot be
        estimated, with a note), worst and best case; `.more("balance")`; `.more("weights")`.

    Raises
    ------
    NotEnoughDataError
        Only answers are known; nobody answered; no invitation has a date.

    Notes
    -----
    Inverse-propensity weights (Little 1986, Int. Stat. Rev. 54, 139-157), linearised variance; bounds
    of Manski (1989, J. Hum. Resour. 24, 343-360). Nothing is drawn at random. Weights repair what the
    behaviour explains: who is silent for what the log cannot see stays unheard.

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
    matrix = np.column_stack(
        [*behaviour.covariates.values(), *([] if behaviour.covariates else [np.zeros(len(score))])]
    )
    reason = _reason(answered, behaviour)
    fit = None if reason else fit_propensity(matrix, answered)
    weights = inverse_weights(np.ones(len(score)) if fit is None else fit.probability, answered, most=most)
    case = Case(kind, score, answered, behaviour.invitations["unit"].to_numpy(), fit, weights, confidence)
    rows = [plain_row(ANSWERED, score[answered], case), *([] if fit is None else [weighted_row(case)]),
            plain_row(WORST, np.where(answered, score, kind.scale[0]), case),
            plain_row(BEST, np.where(answered, score, kind.scale[1]), case)]  # fmt: skip
    table = pd.DataFrame(rows)
    balance = _balance(behaviour, matrix, case, log)
    params = {"instrument": instrument, "scale": list(kind.scale), "box": list(kind.good_scores), "most": most,
              "deadlines": [f"{log.label(event)}: {date}" for event, date in (deadlines or {}).items()],
              "confidence": confidence}  # fmt: skip
    return NonresponseResult.build(
        table, data=responses.info, params=params, kpis=_kpis(case, table),
        more={"weights": costs(case), "balance": balance}, notes=_notes(case, behaviour, balance, reason),
    )  # fmt: skip


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
        return pd.DataFrame(columns=["covariate", "before", "after"])
    after = np.nan if case.fit is None else asmd(matrix, case.weights.weight)
    frame = pd.DataFrame({"covariate": [_covariate(key, log) for key in behaviour.covariates],
                          "before": asmd(matrix, case.answered), "after": after})  # fmt: skip
    return frame.sort_values(["before", "covariate"], ascending=[False, True], ignore_index=True)


def _covariate(key: Covariate, log: EventLog) -> str:
    kind, name = key
    if kind == "event":
        return t("number of: {event}", event=log.label(name))
    if kind == "late":
        return t("late: {event}", event=log.label(name))
    if kind == "time":
        return {
            "any": t("any event"),
            "n": t("number of all events"),
            "first": t("days since the first event"),
            "last": t("days since the last event"),
            "cut-off": t("days from the invitation to the cut-off"),
        }[name]
    word = t("stage asked about") if kind == "stage" else kind
    level = {OTHER: t("other levels"), "(unknown)": t("(unknown)")}.get(name, name)
    return t("{name}: {level}", name=word, level=level)


def _kpis(case: Case, table: pd.DataFrame) -> list[Kpi]:
    main, n = measure(case.kind), int(case.answered.sum())
    asked = len(case.score)
    rate = response_rate([n], [asked], confidence=case.confidence).iloc[0]
    found = [Kpi(measure="response_rate", label=t("Response rate"), estimate=rate["estimate"], form="percent",
                 ci_low=rate["ci_low"], ci_high=rate["ci_high"], n=asked)]  # fmt: skip
    if case.fit is not None:
        row = table[table["basis"] == WEIGHTED].iloc[0]
        names = ("top_share", "top_low", "top_high") if main.kpi == "percent" else ("score", "ci_low", "ci_high")
        found.append(Kpi(measure="weighted", label=t("{name}, weighted", name=main.name), estimate=row[names[0]],
                         ci_low=row[names[1]], ci_high=row[names[2]], n=n, form=main.kpi))  # fmt: skip
        here, plain = case.estimate(main.of), plain_mean(main.of(case.score), case.answered)
        scale = 100.0 if main.kpi == "percent" else 1.0
        change, move = scale * (here.value - plain.value), scale * (here.influence - plain.influence)
        low, high = case.limits(change, move, (-math.inf, math.inf))
        found.append(Kpi(measure="change", label=t("Change by weighting"), estimate=change, ci_low=low, ci_high=high,
                         n=n, form="score" if main.kpi == "score" else "points",
                         definition=t("weighted minus unweighted, on the same people")))  # fmt: skip
        found.append(Kpi(measure="n_effective", label=t("Effective n"), estimate=case.n_effective, n=n))
    return found


def _tipping(case: Case) -> str:
    """How different those who did not answer must be to turn the score of everybody."""
    main = measure(case.kind)
    said, rate = plain_mean(main.of(case.score), case.answered).value, case.rate
    if rate == 1 or said == main.turn:
        return ""
    gap = abs(said - main.turn) / (1 - rate)
    reach = said - main.ends[0] if said > main.turn else main.ends[1] - said
    text = {"points": points(0), "percent": percent(0.5, 0), "score": number(main.turn, 2)}[main.kpi]
    size = number(100 * gap if main.kpi == "percent" else gap, 2 if main.kpi == "score" else 1)
    words = {"name": main.name, "turn": text, "x": size}
    if said > main.turn:
        if gap > reach:
            return t(
                "Even if everybody who did not answer gave the lowest score, {name} would stay above {turn}.", **words
            )
        return t("For everybody asked, {name} is below {turn} if those who did not answer are more than {x} points "
                 "lower than those who did.", **words)  # fmt: skip
    if gap > reach:
        return t(
            "Even if everybody who did not answer gave the highest score, {name} would stay below {turn}.", **words
        )
    return t("For everybody asked, {name} is above {turn} if those who did not answer are more than {x} points "
             "higher than those who did.", **words)  # fmt: skip


def _notes(case: Case, behaviour: Behaviour, balance: pd.DataFrame, reason: str) -> list[Note]:
    found = []
    if reason:
        found.append(Note("CJ-AN-061", "info" if case.answered.all() else "limit", reason))
    else:
        found.append(Note("CJ-AN-062", "caution", t(
            "Weights repair what behaviour before the invitation explains. Who is silent for a reason that the "
            "data do not hold stays unheard; the worst and the best case show how much that could be.")))  # fmt: skip
        left = balance.loc[balance["after"] > UNBALANCED, "covariate"].tolist()
        if left:
            found.append(Note("CJ-AN-063", "caution", t(
                "Weighting leaves those who answered apart from everybody asked in: {names}.",
                names=t("; ").join(left[:5]))))  # fmt: skip
        n = int(case.answered.sum())
        if case.n_effective < max(n / 2, FEWEST):
            found.append(Note("CJ-AN-064", "caution", t(
                "Very unequal weights: {n} answers say as much as {effective} of equal weight.",
                n=n, effective=round(case.n_effective))))  # fmt: skip
        fewer = min(n, len(case.score) - n)
        if fewer < PER_COVARIATE * len(behaviour.covariates):
            found.append(Note("CJ-AN-068", "caution", t(
                "{n} people on the smaller side are few for {k} things known about them: the weighted interval is "
                "somewhat too narrow.", n=fewer, k=len(behaviour.covariates))))  # fmt: skip
        if case.weights.share_trimmed:
            found.append(Note("CJ-AN-065", "info", t(
                "{share} of the weights were cut, so that a few answers do not decide.",
                share=percent(case.weights.share_trimmed))))  # fmt: skip
    if tipping := _tipping(case):
        found.append(Note("CJ-AN-066", "info", tipping))
    if behaviour.n_undated:
        found.append(Note("CJ-AN-067", "caution", t(
            "{n} invitations or answers without the date of the invitation are left out: what lies before them "
            "is unknown.", n=behaviour.n_undated)))  # fmt: skip
    return found


def _words(basis: str) -> str:
    names = {ANSWERED: t("those who answered"), WEIGHTED: t("weighted"), WORST: t("worst case"), BEST: t("best case")}
    return names[basis]
