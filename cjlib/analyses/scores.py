"""Scores: what customers said on a scale, each figure with its definition, interval and distribution.

NPS as promoters minus detractors (adjusted Wald interval), CSAT as the top-two share (Wilson), CES as
mean and easy side; never two instruments mixed. Answers only; who did not answer is counted beside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pandas as pd

from cjlib.analyses.said import headline, share_by_person, with_unit
from cjlib.analyses.score_notes import kind_columns, plan, pooled_kinds
from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, Kpi, Note, Result
from cjlib.core.text import interval, number, percent, points, t
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.journey.touchpoint import NOTHING, last_touchpoint
from cjlib.stats import instrument as registry
from cjlib.stats.instrument import Instrument
from cjlib.stats.score import distribution

# The floor is about people: somebody who answers five times is still one person.
TOUCHPOINT = "touchpoint"
_PEOPLE = Column("n_people", "Int64", "", "people", "distinct people who answered")
_N = Column("n", "Int64", "Answers", "people", "answers given")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScoresResult(Result):
    """Score, interval, share of the best answers and distribution per group."""

    kind: ClassVar[str] = "scores"
    columns: ClassVar[Columns] = Columns(
        (
            GROUP, _PEOPLE, _N,
            Column("score", "float64", "Score", "score", "NPS in points, otherwise the mean", ("n",)),
            Column("ci_low", "float64", "95 % CI", "score", "", ("n",)),
            Column("ci_high", "float64", "", "score", "", ("n",)),
            Column("top_share", "float64", "Best answers", "proportion", "share inside the box", ("n",)),
            Column("top_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n",)),
            Column("top_high", "float64", "", "proportion", "", ("n",)),
        ),
        over="group",
        caption="Score by group",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "distribution": Columns(
            (GROUP, Column("value", "string", "Answer"), _PEOPLE, _N,
             Column("share", "float64", "Share", "proportion", "", ("n",))),
            over="group",
            caption="Distribution of the answers",
        ),
        "invitations": Columns(
            (
                GROUP,
                Column("n_asked", "Int64", "Asked", "people", "invitations"),
                Column("n_answered", "Int64", "Answered", "people"),
                Column("n_silent", "Int64", "", "people"),
                Column("rate", "float64", "Response rate", "proportion", "", ("n_asked", "n_answered")),
                Column("rate_low", "float64", "95 % CI", "proportion", "", ("n_asked", "n_answered")),
                Column("rate_high", "float64", "", "proportion", "", ("n_asked", "n_answered")),
            ),
            sums=(("n_asked", ("n_answered", "n_silent")),),
            caption="Who answered",
        ),
    }  # fmt: skip

    @property
    def _name(self) -> str:
        return {"nps": "NPS", "csat": "CSAT", "ces": "CES"}.get(self.params["instrument"], t("score"))

    def question(self) -> str:
        if self.params["by"]:
            return t("{name}: what do customers say, by {by}?", name=self._name, by=self.params["by"])
        return t("{name}: what do customers say?", name=self._name)

    def answer(self) -> str:
        row = self._table.iloc[0]
        if pd.isna(row["score"]):
            return t("Too few people answered to print a score.")
        n = int(row["n"])
        if self.params["by"] and (text := self._ends()):
            return text
        if self.params["instrument"] == "nps":
            return t("NPS {score} (95 % CI {ci}) from {n} answers.", score=points(row["score"]),
                     ci=interval(row["ci_low"], row["ci_high"], points), n=n)  # fmt: skip
        mean = t("mean {mean} (95 % CI {ci})", mean=number(row["score"], 2),
                 ci=interval(row["ci_low"], row["ci_high"], lambda x: number(x, 2)))  # fmt: skip
        if math.isnan(row["top_share"]):
            return t("{mean} from {n} answers.", mean=mean.capitalize(), n=n)
        return t("{share} gave one of the best answers (95 % CI {ci}), {mean}, from {n} answers.",
                 share=percent(row["top_share"]), ci=interval(row["top_low"], row["top_high"], percent),
                 mean=mean, n=n)  # fmt: skip

    def _ends(self) -> str:
        """Highest and lowest group with their intervals; empty with fewer than two to be shown."""
        rows = self._table[(self._table["group"] != ALL) & self._table["score"].notna()].sort_values("score")
        if len(rows) < 2:
            return ""
        form: Callable[[float], str] = points if self.params["instrument"] == "nps" else lambda x: number(x, 2)
        said = [
            t("{group} {score} (95 % CI {ci}, {n} answers)", group=row["group"], score=form(row["score"]),
              ci=interval(row["ci_low"], row["ci_high"], form), n=int(row["n"]))
            for row in (rows.iloc[-1], rows.iloc[0])
        ]  # fmt: skip
        return t("Highest: {high}; lowest: {low}.", high=said[0], low=said[1])

    def definition(self) -> str:
        kind = registry.instrument(self.params["instrument"])
        box = self.params["box"]
        text = t(kind.definition) + " " + t("Scale {low} to {high}.", low=number(self.params["scale"][0]),
                                            high=number(self.params["scale"][1]))  # fmt: skip
        return text + (" " + t("Best answers: {box}.", box=", ".join(number(v) for v in box)) if box else "")

    def shown(self) -> list[Any]:
        (caption, frame, hidden, columns), *others = super().shown()
        if self.params["instrument"] == "nps":
            columns = with_unit(columns, "nps", ("score", "ci_low", "ci_high"))
        return [(caption, frame, hidden, columns), *others]

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.score import draw

        low, high = self.params["scale"]
        # The spread of all answers is on the card without a breakdown.
        spread = None if self.params["by"] else self._more["distribution"]
        return draw(self._table, distribution=spread, instrument=self.params["instrument"],
                    scale=(low, high), box=self.params["box"], ax=ax)  # fmt: skip


def scores(
    responses: SurveyResponses,
    *,
    instrument: str,
    by: str | None = None,
    trigger: str | None = None,
    log: EventLog | None = None,
    confidence: float = 0.95,
) -> ScoresResult:
    """Estimate the score of one instrument, overall and by group.

    Parameters
    ----------
    responses : SurveyResponses
    instrument : "nps", "csat", "ces" or "other"; must occur in the study
    by : response attribute, "stage", customer attribute, or "touchpoint" (the last event before the invitation,
        which needs `log`); the headline numbers are those without it
    trigger : attribute that says what set the survey off (default "trigger", if the answers have it);
        where it, or the stage, takes several values, a note says which kinds of answers are pooled
    log : what people did, for `by="touchpoint"`
    confidence : level of the intervals

    Returns
    -------
    ScoresResult
        `.table` per group, "(all)" first; `.more("distribution")`; `.more("invitations")` where the
        invitations without an answer are known.

    Raises
    ------
    NotEnoughDataError
        There is no answer on this instrument.
    ParameterError
        CJ-AN-027: `by="touchpoint"` without `log`.

    Notes
    -----
    Definitions and sources in `cjlib.stats.instrument`; NPS interval Rocks (2016), box Wilson (1927),
    mean Student's t; on as many answers as there are different people (`cjlib.stats.repeated`).

    Examples
    --------
    >>> from cjlib.datasets.example import example_responses
    >>> scores(example_responses(), instrument="nps").kpi("score").estimate
    0.0
    """
    if responses.n_invitations:
        checks.one_of("instrument", instrument, responses.instruments)
    kinds = kind_columns(responses, trigger, by)
    derived = by == TOUCHPOINT and TOUCHPOINT not in responses.attributes
    columns = ["instrument", "answered_at", "score", *([by] if by and not derived else []), *kinds]
    frame = responses.frame(list(dict.fromkeys(columns)))
    frame = frame[frame["instrument"] == instrument]
    if derived:
        frame = _with_touchpoint(frame, responses, log, instrument)
    kind = registry.instrument(instrument)
    if instrument in responses.scales and instrument != "nps":
        kind = kind.on_scale(responses.scales[instrument])
    frame["group"] = _groups(frame[by], responses) if by else ALL
    answered = frame[frame["score"].notna()]
    if answered.empty:
        raise NotEnoughDataError(t("Nobody answered {name}, so there is no score.", name=instrument.upper()),
                                 code="CJ-AN-020")  # fmt: skip
    order = list(answered["group"].value_counts().index) if by else []
    parts = [(ALL, answered), *[(name, answered[answered["group"] == name]) for name in order]]
    table = pd.DataFrame([_row(name, part, kind, confidence) for name, part in parts])
    spread = pd.concat([_distribution(name, part, kind) for name, part in parts], ignore_index=True)
    more = {"distribution": spread}
    if responses.all_invitations_known:
        everyone = [(ALL, frame), *[(name, frame[frame["group"] == name]) for name in order]]
        more["invitations"] = pd.DataFrame([_rate(name, part) for name, part in everyone])
    params = {"instrument": instrument, "scale": list(kind.scale), "box": list(kind.good_scores),
              "by": responses.label(by) if by else "", "confidence": confidence}  # fmt: skip
    kpis = [] if by else _kpis(table.iloc[0], more, instrument)
    notes = [note for column in kinds for note in pooled_kinds(answered, column, responses)]
    notes += _notes(responses, frame)
    if not by and answered["unit"].nunique() >= responses.info.min_people:
        rate = len(answered) / len(frame) if responses.all_invitations_known else 0.0
        notes += plan(answered["score"].to_numpy(dtype="float64"), kind, rate, confidence)
    return ScoresResult.build(table, data=responses.info, params=params, more=more, kpis=kpis, notes=notes)


def _with_touchpoint(
    frame: pd.DataFrame, responses: SurveyResponses, log: EventLog | None, instrument: str
) -> pd.DataFrame:
    if log is None:
        raise ParameterError('by="touchpoint" needs log=, what people did before they were asked.', code="CJ-AN-027")
    last = last_touchpoint(responses, log, instrument=instrument).replace(NOTHING, t("(nothing before)"))
    return frame.join(last.rename(TOUCHPOINT), on="response")


def _groups(values: pd.Series, responses: SurveyResponses) -> list[str]:
    return ["(unknown)" if pd.isna(value) else responses.label(str(value)) for value in values]


def _row(name: str, part: pd.DataFrame, kind: Instrument, confidence: float) -> dict[str, Any]:
    values, people = part["score"].to_numpy(dtype="float64"), part["unit"].to_numpy()
    score = kind if kind.statistic == "net" else replace(kind, statistic="mean")
    main = headline(values, score, confidence, people=people)
    found = {"group": name, "n_people": part["unit"].nunique(), "n": len(values), "score": main.estimate,
             "ci_low": main.ci_low, "ci_high": main.ci_high,
             "top_share": math.nan, "top_low": math.nan, "top_high": math.nan}  # fmt: skip
    if kind.good_scores:
        box = headline(values, replace(kind, statistic="top_box"), confidence, people=people)
        found |= {"top_share": box.estimate, "top_low": box.ci_low, "top_high": box.ci_high}
    return found


def _distribution(name: str, part: pd.DataFrame, kind: Instrument) -> pd.DataFrame:
    table = distribution(part["score"].to_numpy(), scale=kind.scale)
    people = part.groupby("score")["unit"].nunique().reindex(table["score"]).fillna(0).astype("int64").to_numpy()
    return pd.DataFrame({"group": name, "value": [f"{v:g}" for v in table["score"]], "n_people": people,
                         "n": table["n_responses"], "share": table["share"]})  # fmt: skip


def _rate(name: str, part: pd.DataFrame) -> dict[str, Any]:
    answered = part["score"].notna()
    rate = share_by_person(answered, part["unit"])
    return {"group": name, "n_asked": len(part), "n_answered": int(answered.sum()), "n_silent": int((~answered).sum()),
            "rate": rate.estimate, "rate_low": rate.ci_low, "rate_high": rate.ci_high}  # fmt: skip


def _kpis(row: pd.Series, more: dict[str, pd.DataFrame], name: str) -> list[Kpi]:
    if name == "nps":
        found = [Kpi(measure="score", label="NPS", estimate=row["score"], ci_low=row["ci_low"],
                     ci_high=row["ci_high"], n=int(row["n"]), form="points")]  # fmt: skip
    elif math.isnan(row["top_share"]):
        found = []
    else:
        found = [Kpi(measure="top_share", label=t("{name} best answers", name=name.upper()), estimate=row["top_share"],
                     ci_low=row["top_low"], ci_high=row["top_high"], n=int(row["n"]), form="percent")]  # fmt: skip
    if name != "nps":
        found.append(Kpi(measure="score", label=t("{name} mean", name=name.upper()), estimate=row["score"],
                         ci_low=row["ci_low"], ci_high=row["ci_high"], n=int(row["n"]), form="score"))  # fmt: skip
    if "invitations" in more:
        rate = more["invitations"].iloc[0]
        found.append(Kpi(measure="response_rate", label=t("Response rate"), estimate=rate["rate"], form="percent",
                         ci_low=rate["rate_low"], ci_high=rate["rate_high"], n=int(rate["n_asked"])))  # fmt: skip
    return found


def _notes(responses: SurveyResponses, frame: pd.DataFrame) -> list[Note]:
    if responses.all_invitations_known:
        silent = int(frame["score"].isna().sum())
        return [Note("CJ-AN-021", "caution", t(
            "{n} of {all} people asked did not answer; the score speaks for those who did.",
            n=responses.info.people(silent), all=responses.info.people(len(frame))))]  # fmt: skip
    return [Note("CJ-AN-022", "caution", t(
        "The files hold answers only, not the invitations: the response rate is unknown and the score speaks "
        "for those who answered."))]  # fmt: skip
