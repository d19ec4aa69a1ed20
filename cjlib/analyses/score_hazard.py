"""The rate of the outcome after each score, and for how long a score tells.

Everybody invited is followed from the invitation. Until they answer they are "has not answered"; from
the answer on they have its class; after the age limit the answer is one of long ago. Nobody is credited
with an answer before giving it: "who answers stays" is otherwise true by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from cjlib.analyses.hazards import LANDMARKS, fitted, ratio, times
from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import days, interval, number, t
from cjlib.journey.episodes import BEST, LEVELS, LONG_AGO, MIDDLE, NOT_ANSWERED, WORST, follow_up, landmark_of, split
from cjlib.journey.tables import EventLog, SurveyResponses

AGES = ("30 days", "90 days")
_SIDES = ("n_exposed", "n_other", "n_event", "n_rest")
_PEOPLE = (
    Column("n", "Int64", "Followed", "people", "invited, with events, not gone before the invitation"),
    Column("n_exposed", "Int64", "At this level", "people", "at some time of their follow-up"),
    Column("n_other", "Int64", "Never at it", "people"),
    Column("n_event", "Int64", "Outcome at it", "people", "had the outcome while at this level"),
    Column("n_rest", "Int64", "", "people"),
)
_SUMS = (("n", ("n_exposed", "n_other")), ("n_exposed", ("n_event", "n_rest")))
_RATIO = (
    Column("hazard_ratio", "float64", "Hazard ratio", "score", "against those who have not answered so far", _SIDES),
    Column("ci_low", "float64", "95 % CI", "score", "robust (clustered by person)", _SIDES),
    Column("ci_high", "float64", "", "score", "", _SIDES),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScoreHazardResult(Result):
    """Hazard ratio of each class of the last answer, by its age, and from landmarks."""

    kind: ClassVar[str] = "score_hazard"
    columns: ClassVar[Columns] = Columns(
        (
            Column("level", "string", "Last answer so far"), *_PEOPLE, *_RATIO,
            Column("naive", "float64", "Naive ratio", "score",
                   "as if the answer had been known since the invitation: immortal time", _SIDES),
        ),
        sums=_SUMS,
        caption="Rate of the outcome by the last answer so far",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "ages": Columns(
            (
                Column("from_days", "float64", "From", "days", "age of the answer"),
                Column("to_days", "float64", "To", "days"),
                Column("n_worst", "Int64", "Worst answers", "people", "reached that age without the outcome"),
                Column("n_best", "Int64", "Best answers", "people"),
                Column("n_event", "Int64", "Outcomes after them", "people", "at that age"),
                Column("hazard_ratio", "float64", "Hazard ratio", "score", "worst against best answers",
                       ("n_worst", "n_best", "n_event")),
                Column("ci_low", "float64", "95 % CI", "score", "robust", ("n_worst", "n_best", "n_event")),
                Column("ci_high", "float64", "", "score", "", ("n_worst", "n_best", "n_event")),
            ),
            caption="How long the score tells: worst against best by age of the answer",
        ),
        "landmarks": Columns(
            (
                Column("landmark_days", "float64", "Landmark", "days", "after the invitation; who is still open then"),
                Column("level", "string", "Last answer so far"), *_PEOPLE, *_RATIO,
            ),
            sums=_SUMS,
            caption="The same from fixed landmarks",
        ),
    }  # fmt: skip

    def question(self) -> str:
        return t("How soon does {outcome} follow each answer, and for how long does the score tell?",
                 outcome=self.params["outcome"])  # fmt: skip

    def answer(self) -> str:
        known = self._more["ages"][self._more["ages"]["hazard_ratio"].notna()]
        if known.empty:
            return t("Too few people with the best and the worst answers to compare how soon {outcome} follows.",
                     outcome=self.params["outcome"])  # fmt: skip
        parts = [
            t("{age}: × {ratio} (95 % CI {ci})", age=_band(row["from_days"], row["to_days"]),
              ratio=number(row["hazard_ratio"], 2),
              ci=interval(row["ci_low"], row["ci_high"], lambda x: number(x, 2))) for row in known.to_dict("records")
        ]  # fmt: skip
        return t("Rate of {outcome} after the worst answers against the best, by age of the answer: {parts}. An "
                 "association, not an effect.", outcome=self.params["outcome"], parts=t("; ").join(parts))  # fmt: skip

    def definition(self) -> str:
        limit = self.params["age_limit"]
        return t(
            "Everybody invited is followed from the first invitation to the first {outcome} after it or the cut-off. "
            "An answer counts from its instant on, the last one so far; after {limit} it is one of long ago. Cox "
            "model (Efron) with time-varying levels.", outcome=self.params["outcome"],
            limit=span(limit) if limit else t("any time"),
        )  # fmt: skip

    def alt(self) -> str:
        followed = self._table["n"].max()
        if pd.isna(followed):
            return self.answer()
        return t("Ratios with their intervals on a log axis; {n} {units} followed.", n=int(followed),
                 units=self.data.units) + " " + self.answer()  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.forest import draw

        frame = self._table[self._table["level"] != NOT_ANSWERED]
        frame = frame.assign(label=frame["level"].map(words())).rename(columns={"hazard_ratio": "ratio"})
        axis = t("hazard ratio of {outcome} against no answer so far (log scale)", outcome=self.params["outcome"])
        return draw(frame, axis=axis, ax=ax)

    def shown(self) -> list[Any]:
        return [
            (caption, frame.assign(level=frame["level"].map(words())) if "level" in frame else frame, hidden, columns)
            for caption, frame, hidden, columns in super().shown()
        ]


def words() -> dict[str, str]:
    """Levels of the last answer in the words of the page."""
    return {NOT_ANSWERED: t("has not answered"), WORST: t("worst answers"), MIDDLE: t("middle answers"),
            BEST: t("best answers"), LONG_AGO: t("answered long ago")}  # fmt: skip


def _band(low: float, high: float) -> str:
    return t("after {from}", **{"from": days(low)}) if pd.isna(high) else t(
        "{from} to {to}", **{"from": number(low), "to": days(high)})  # fmt: skip


def score_hazard(
    responses: SurveyResponses,
    log: EventLog,
    *,
    outcome: str | Sequence[str],
    instrument: str | None = None,
    end: Sequence[str] = (),
    age_limit: str | None = "180 days",
    ages: Sequence[str] = AGES,
    landmarks: Sequence[str] = LANDMARKS,
    confidence: float = 0.95,
) -> ScoreHazardResult:
    """Estimate the rate of the outcome after each class of score, by age of the answer and from landmarks.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    outcome : event(s) that count, strictly after the invitation
    instrument : which scores; may be left out where the study has one instrument
    end : events after which the customer has left: they end the follow-up (censored)
    age_limit : duration after which an answer is one of long ago; None: never
    ages : durations that cut the age of the answer
    landmarks : times after the invitation at which the same is asked of those still open
    confidence : level of the intervals

    Returns
    -------
    ScoreHazardResult
        One row per level of the last answer; `.more("ages")`, `.more("landmarks")`.

    Raises
    ------
    ParameterError
        Unknown event or instrument, a duration without a unit; CJ-AN-032: several instruments, none chosen.
    NotEnoughDataError
        CJ-JN-042: no invitation belongs to a customer with events; CJ-AN-260: nobody has the outcome.

    Notes
    -----
    Time-varying Cox model (Andersen and Gill 1982), robust errors by person (Lin and Wei 1989), landmarks
    after Anderson, Cain and Gelber (1983). Best and worst: promoters and detractors for NPS; otherwise
    inside and outside of the box.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log, example_responses
    >>> found = score_hazard(example_responses(), example_log(), outcome="purchase")
    >>> found.table[["level", "n_exposed", "n_event"]].values.tolist()[:2]
    [['not answered', 6, 1], ['worst', 2, 0]]
    """
    name = _chosen(responses, instrument)
    main = [outcome] if isinstance(outcome, str) else list(outcome)
    followed = follow_up(log, start=None, outcome=main, competing=list(end), responses=responses, instrument=name)
    rows = split(log, followed, responses=responses, instrument=name, age_limit=age_limit, ages=ages)
    rows = rows.assign(event=(rows["outcome"] == 1).astype(int))
    if not rows["event"].any():
        raise NotEnoughDataError(t("Nobody invited has had the outcome since, so no hazard can be compared."),
                                 code="CJ-AN-260")  # fmt: skip
    found = [level for level in LEVELS if (rows["answer"] == level).any()]
    last = rows.assign(start_days=0.0).drop_duplicates("unit", keep="last")
    table, why = _levels(rows, found, confidence)
    naive, _ = _levels(last, found, confidence)
    table["naive"] = naive["hazard_ratio"]
    grid = [in_days(microseconds("landmarks", one)) for one in landmarks]
    cuts = sorted(in_days(microseconds("ages", one)) for one in ages)
    more = {"ages": _ages(rows, cuts, confidence), "landmarks": _landmarks(rows, found, sorted(grid), confidence)}
    params = {"outcome": log.label(main), "instrument": name, "age_limit": age_limit or "", "ages": list(ages),
              "confidence": confidence}  # fmt: skip
    why += _undated(responses, name)
    return ScoreHazardResult.build(table, data=responses.info, params=params, more=more, kpis=_kpis(more["ages"]),
                                   notes=[*why, *_notes(more)])  # fmt: skip


def _undated(responses: SurveyResponses, instrument: str) -> list[Note]:
    """Answers that cannot be placed in time."""
    frame = responses.frame(["instrument", "answered_at", "score"])
    frame = frame[(frame["instrument"] == instrument) & frame["score"].notna()]
    n = int(frame["answered_at"].isna().sum())
    if not n:
        return []
    return [Note("CJ-AN-263", "caution", t(
        "{n} answers have no date and are left out: when they were given is unknown.",
        n=responses.info.people(n)))]  # fmt: skip


def _chosen(responses: SurveyResponses, instrument: str | None) -> str:
    known = responses.instruments
    if not known:
        raise NotEnoughDataError(t("The study has no survey answers, so what customers say is unknown."),
                                 code="CJ-JN-004")  # fmt: skip
    if instrument is None and len(known) > 1:
        raise ParameterError(f"The study has several instruments; choose instrument among {', '.join(known)}.",
                             code="CJ-AN-032")  # fmt: skip
    return checks.one_of("instrument", instrument or known[0], known)


def _levels(rows: pd.DataFrame, found: list[str], confidence: float) -> tuple[pd.DataFrame, list[Note]]:
    """One row per level: who was ever at it, outcomes while at it, ratio against "not answered"."""
    others = [level for level in found if level != NOT_ANSWERED]
    named = {f"is_{place}": level for place, level in enumerate(others)}
    design = rows.assign(**{term: (rows["answer"] == level).astype(float) for term, level in named.items()})
    model, why = fitted(design, list(named), {term: words()[level] for term, level in named.items()},
                        confidence=confidence)  # fmt: skip
    made = []
    n = rows["unit"].nunique()
    for level in found:
        here = rows[rows["answer"] == level]
        people, hits = here["unit"].nunique(), int(here["event"].sum())
        term = next((term for term, other in named.items() if other == level), "")
        made.append({"level": level, "n": n, "n_exposed": people, "n_other": n - people, "n_event": hits,
                     "n_rest": people - hits, **ratio(model, term)})  # fmt: skip
    return pd.DataFrame(made), why


def _ages(rows: pd.DataFrame, cuts: list[float], confidence: float) -> pd.DataFrame:
    """Worst against best within each band of age, in one model: the steps from best are its terms."""
    bands = list(zip([0.0, *cuts], [*cuts, float("nan")], strict=True))
    current = rows["answer"].isin([WORST, MIDDLE, BEST])
    terms: dict[str, pd.Series] = {}
    for place in range(1, len(bands) + 1):
        inside = current & (rows["answer_age"] == place)
        terms |= {f"any_{place}": inside, f"worst_{place}": inside & (rows["answer"] == WORST),
                  f"middle_{place}": inside & (rows["answer"] == MIDDLE)}  # fmt: skip
    terms["old"] = rows["answer"] == LONG_AGO
    design = rows.assign(**{term: values.astype(float) for term, values in terms.items()})
    model, _ = fitted(design, list(terms), {term: term for term in terms}, confidence=confidence)
    made = []
    for place, (low, high) in enumerate(bands, start=1):
        inside = current & (rows["answer_age"] == place)
        worst, best = (rows[inside & (rows["answer"] == level)] for level in (WORST, BEST))
        # Without both sides the step from best is not a step from best.
        there = model if worst["event"].any() and best["event"].any() else None
        made.append({"from_days": low, "to_days": high, "n_worst": worst["unit"].nunique(),
                     "n_best": best["unit"].nunique(), "n_event": int(worst["event"].sum() + best["event"].sum()),
                     **ratio(there, f"worst_{place}")})  # fmt: skip
    return pd.DataFrame(made)


def _landmarks(rows: pd.DataFrame, found: list[str], at_days: list[float], confidence: float) -> pd.DataFrame:
    parts = []
    for at in at_days:
        seen = landmark_of(rows, at)
        seen = seen.assign(event=(seen["outcome"] == 1).astype(int))
        here = [level for level in found if (seen["answer"] == level).any()]
        if here:
            parts.append(_levels(seen, here, confidence)[0].assign(landmark_days=at))
    columns = ScoreHazardResult.more_columns["landmarks"].names
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))


def _notes(more: dict[str, pd.DataFrame]) -> list[Note]:
    notes = [Note("CJ-AN-261", "caution", t(
        "One experience can cause both the score and what follows, and who answers differs from who does not: an "
        "association."))]  # fmt: skip
    unknown = more["ages"].loc[more["ages"]["hazard_ratio"].isna()]
    if len(unknown):
        notes.append(Note("CJ-AN-262", "info", t(
            "Worst and best answers cannot be compared at the age {ages}: no outcome on one of the two sides.",
            ages=", ".join(_band(r["from_days"], r["to_days"]) for r in unknown.to_dict("records")))))  # fmt: skip
    empty = times(more["landmarks"])
    if empty:
        notes.append(Note("CJ-AN-257", "info", t(
            "No ratio can be given from the landmarks at {times}: too few people or outcomes after them.",
            times=", ".join(days(value) for value in empty))))  # fmt: skip
    return notes


def _kpis(ages: pd.DataFrame) -> list[Kpi]:
    row = ages.iloc[0]
    if pd.isna(row["hazard_ratio"]):
        return []
    return [Kpi(measure="worst_against_best", label=t("Hazard ratio, worst against best answers"),
                estimate=row["hazard_ratio"], ci_low=row["ci_low"], ci_high=row["ci_high"],
                n=int(min(row["n_worst"], row["n_best"], row["n_event"])), form="score",
                definition=t("in the first {time} after the answer", time=days(row["to_days"]))
                if pd.notna(row["to_days"]) else t("at any age of the answer"))]  # fmt: skip
