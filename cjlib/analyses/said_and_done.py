"""Said and done: each answer beside what had happened *before it was given*, and what came after it.

Two views of the same experience stand side by side, because they tell different stories. "Final" sorts
answers by what had happened by the cut-off: it lets an answer know its future. "When answered" sorts
them by what had happened strictly before the answer: this is the true one.
With a deadline (a date per customer, such as a promised day) the experience is kept, late or missing;
the day counts, so an event during the promised day keeps it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from datetime import datetime as clock
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from cjlib.analyses.said import at_stage, chosen_instrument, headline, pooled
from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.duration import MICROSECONDS_PER_DAY, in_days, microseconds
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, number, percent, t
from cjlib.journey.answered import answers_with_events
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.stats.curve import at, kaplan_meier
from cjlib.stats.instrument import Instrument
from cjlib.stats.repeated import curve_inflation

FINAL, WHEN = "final", "when answered"
# Codes in tables and JSON, whatever the language; translated where shown.
CATEGORIES = ("on time", "late", "happened", "not yet", "never", "not due yet", "no deadline known")
# The floor is about people: somebody who answers five times is still one person.
_PEOPLE = Column("n_people", "Int64", "", "people", "distinct people who answered")
_N = Column("n", "Int64", "Answers", "people", "answers given")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SaidAndDoneResult(Result):
    """Scores by what had happened, in the final and in the time-safe view."""

    kind: ClassVar[str] = "said_and_done"
    columns: ClassVar[Columns] = Columns(
        (
            Column("question", "string", ""),
            Column("view", "string", "View"),
            Column("category", "string", "What had happened"),
            _PEOPLE,
            _N,
            Column("mean", "float64", "Mean score", "score", "", ("n",)),
            Column("ci_low", "float64", "95 % CI", "score", "Student's t", ("n",)),
            Column("ci_high", "float64", "", "score", "", ("n",)),
            Column("top_share", "float64", "Best answers", "proportion", "share inside the box", ("n",)),
            Column("top_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n",)),
            Column("top_high", "float64", "", "proportion", "", ("n",)),
        ),
        caption="Scores by what had happened",
    )  # fmt: skip

    def question(self) -> str:
        return t(
            "What do customers say about {name}, and what had happened when they said it?", name=self.params["name"]
        )

    def _rows(self, view: str) -> pd.DataFrame:
        return self._table[(self._table["view"] == view) & self._table["mean"].notna()]

    def answer(self) -> str:
        now, final = self._rows(WHEN), self._rows(FINAL)
        if len(now) < 2:
            return t("Too few answers on both sides to compare.")
        parts = [
            t("{category} {mean} (95 % CI {ci}, n = {n})", category=t(row["category"]), mean=number(row["mean"], 2),
              ci=_ci(row), n=int(row["n"])) for _, row in now.iterrows()
        ]  # fmt: skip
        text = t("Mean score by what had happened when they answered: {parts}.", parts=t("; ").join(parts))
        moved = self.params["moved"]
        if moved and len(final):
            text += " " + t("{n} of {all} answers were given before what the final view ascribes to them.",
                            n=moved, all=int(self.params["n_answers"]))  # fmt: skip
        return text

    def definition(self) -> str:
        events = " / ".join(self.params["events"])
        limit = (
            t(" by the end of the day {deadline}", deadline=self.params["deadline"]) if self.params["deadline"] else ""
        )
        return t(
            "Event: {events}{limit}. Final view: by the cut-off. When answered: strictly before the answer. "
            "Mean with Student's t interval; best answers {box} with Wilson interval; both by person.",
            events=events, limit=limit, box=", ".join(number(v) for v in self.params["box"]) or t("not defined"),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.said_done import draw

        words = self._table.assign(category=[t(name) for name in self._table["category"]])
        return draw(words, scale=(self.params["scale"][0], self.params["scale"][1]), ax=ax)

    def shown(self) -> list[Any]:
        caption, frame, hidden, columns = super().shown()[0]
        named = frame.assign(view=[t(v) for v in frame["view"]], category=[t(c) for c in frame["category"]])
        return [(caption, named, hidden, columns)]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScoreThenDoneResult(Result):
    """What people did within a horizon after their answer, by what they had said."""

    kind: ClassVar[str] = "score_then_done"
    columns: ClassVar[Columns] = Columns(
        (
            Column("group", "string", "Said"),
            _PEOPLE,
            _N,
            Column("n_event", "Int64", "Did it", "people", "had the outcome within the horizon"),
            Column("n_open", "Int64", "Too early to tell", "people", "horizon not over, outcome not seen"),
            Column("n_out", "Int64", "Did not", "people", "horizon over without the outcome"),
            Column("estimate", "float64", "Share", "proportion", "Kaplan-Meier at the horizon", ("n", "n_event")),
            Column("ci_low", "float64", "95 % CI", "proportion", "log-log interval", ("n", "n_event")),
            Column("ci_high", "float64", "", "proportion", "", ("n", "n_event")),
        ),
        sums=(("n", ("n_event", "n_open", "n_out")),),
        over="group",
        caption="What they did after what they said",
    )  # fmt: skip

    def question(self) -> str:
        return t("After their answer, who did {outcome} within {within}?", outcome=self.params["outcome"],
                 within=span(self.params["within"]))  # fmt: skip

    def answer(self) -> str:
        rows = self._table[(self._table["group"] != ALL) & self._table["estimate"].notna()]
        if rows.empty:
            return t("Too few people to tell what follows an answer.")
        parts = [
            t("{group} {share} ({ci})", group=r["group"], share=percent(r["estimate"]),
              ci=interval(r["ci_low"], r["ci_high"], percent)) for r in rows.to_dict("records")
        ]  # fmt: skip
        return t(
            "Share with {outcome} within {within} of the answer: {parts}. An association, not an effect.",
            outcome=self.params["outcome"],
            within=span(self.params["within"]),
            parts=t("; ").join(parts),
        )

    def definition(self) -> str:
        return t(
            "The clock starts at the answer; only events strictly after it count; people whose horizon is not "
            "over at the cut-off are censored. Several answers of one person count once each; the intervals know "
            "that they are one person's."
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.share import draw

        axis = t("share with {outcome} within {within} of the answer", outcome=self.params["outcome"],
                 within=span(self.params["within"]))  # fmt: skip
        return draw(self._table, axis=axis, ax=ax)


def said_and_done(
    responses: SurveyResponses,
    log: EventLog,
    *,
    event: str | Sequence[str],
    deadline: str | None = None,
    instrument: str | None = None,
    stage: str | None = None,
    name: str | None = None,
) -> SaidAndDoneResult:
    """Estimate scores by whether an event had happened, at the cut-off and when the answer was given.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    event : event(s) looked for, any of them
    deadline : customer date the event should not miss, for example a promised day
    instrument : which scores; may be left out where the study has one instrument
    stage : only the answers about this stage
    name : title of the experience; default the event names

    Returns
    -------
    SaidAndDoneResult
        One row per view and category.

    Raises
    ------
    ParameterError
        Unknown event, date or instrument.
    NotEnoughDataError
        No answer with score and date.
    """
    kind = chosen_instrument(responses, instrument)
    events = [event] if isinstance(event, str) else list(event)
    if deadline:
        checks.one_of("deadline", deadline, list(responses.store.meta["customer_dates"]))
    rows = answers_with_events(responses, log, events=events, columns=["stage", *([deadline] if deadline else [])],
                               instrument=kind.name)  # fmt: skip
    rows = at_stage(rows, stage)
    title = name or log.label(events)
    if deadline:
        due = _local_day(rows[deadline], responses.info.zone)
        as_of_day = _local_day(pd.Series([float(log.as_of_us)]), responses.info.zone).iloc[0]
        labels = {
            FINAL: _kept(rows["event_day"], due, as_of_day, "never"),
            WHEN: _kept(rows["before_day"], due, np.inf, "not yet"),
        }
    else:
        labels = {
            FINAL: _happened(rows["event_at"], "never"),
            WHEN: _happened(rows["before_at"], "not yet"),
        }
    found = []
    for view, label in labels.items():
        for category in CATEGORIES:
            chosen = rows[label == category]
            if len(chosen):
                found.append(
                    {
                        "question": title,
                        "view": view,
                        "category": category,
                        "n_people": chosen["unit"].nunique(),
                        **_row(chosen, kind),
                    }
                )
    moved = int(((labels[FINAL] == "late") | (labels[FINAL] == "on time") | (labels[FINAL] == "happened"))
                .where(rows["before_at"].isna(), other=False).sum())  # fmt: skip
    params = {"name": title, "events": [log.label(one) for one in events], "deadline": deadline or "",
              "instrument": kind.name, "stage": stage or "",
              "scale": list(kind.scale), "box": list(kind.good_scores),
              "n_answers": len(rows), "moved": responses.info.people(moved) if moved else ""}  # fmt: skip
    notes = pooled(rows["stage"])[1]
    notes += [Note("CJ-AN-030", "info", t(
        "{n} of {all} answers were given before the event that the final view ascribes to them; the view when "
        "answered is the one to trust.", n=responses.info.people(moved), all=len(rows)))] if moved else []  # fmt: skip
    return SaidAndDoneResult.build(pd.DataFrame(found, columns=list(SaidAndDoneResult.columns.names)),
                                   data=responses.info, params=params, notes=notes, kpis=_kpis(found))  # fmt: skip


def score_then_done(
    responses: SurveyResponses,
    log: EventLog,
    *,
    outcome: str | Sequence[str],
    within: str | timedelta,
    instrument: str | None = None,
    stage: str | None = None,
    confidence: float = 0.95,
) -> ScoreThenDoneResult:
    """Estimate the share of people with an outcome within a horizon after their answer, by score band.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    outcome : event(s) that count, strictly after the answer
    within : horizon, a duration with a unit
    instrument : which scores; may be left out where the study has one instrument
    stage : only the answers about this stage
    confidence : level of the intervals

    Returns
    -------
    ScoreThenDoneResult
        One row per band (detractor, passive, promoter; best answers and others), "(all)" first.
    """
    kind = chosen_instrument(responses, instrument)
    horizon = microseconds("within", within)
    wanted = [outcome] if isinstance(outcome, str) else list(outcome)
    rows = answers_with_events(responses, log, outcomes=wanted, columns=["stage"], instrument=kind.name)
    rows = at_stage(rows, stage)
    length = rows["outcome_at"] - rows["answered_at"]
    follow = log.as_of_us - rows["answered_at"]
    hit = (length <= horizon) & length.notna()
    frame = pd.DataFrame({
        "unit": rows["unit"], "band": bands(rows["score"], kind), "hit": hit, "open": ~hit & (follow < horizon),
        "days": np.where(hit, length, np.minimum(follow, horizon)) / MICROSECONDS_PER_DAY,
    })  # fmt: skip
    names = [name for name in band_names(kind) if (frame["band"] == name).any()]
    parts = [(ALL, frame), *[(name, frame[frame["band"] == name]) for name in names]]
    table = pd.DataFrame([_after(name, part, in_days(horizon), confidence) for name, part in parts])
    params = {"outcome": log.label(wanted), "within": str(within), "instrument": kind.name, "stage": stage or "",
              "confidence": confidence}  # fmt: skip
    notes = [*pooled(rows["stage"])[1], Note("CJ-AN-031", "info", t(
        "People who answered differ from those who did not; this is an association."))]  # fmt: skip
    return ScoreThenDoneResult.build(table, data=responses.info, params=params, notes=notes)


def bands(scores: pd.Series, kind: Instrument) -> pd.Series:
    """Band of each score: the NPS classes, or best answers against the others."""
    if kind.statistic == "net":
        names = band_names(kind)
        return pd.cut(scores, [-math.inf, 6, 8, math.inf], labels=names).astype(str)
    best, other = band_names(kind)
    return scores.isin(kind.good_scores).map({True: best, False: other})


def band_names(kind: Instrument) -> list[str]:
    """Bands of an instrument in the order they are printed."""
    if kind.statistic == "net":
        return [t("detractors (0-6)"), t("passives (7-8)"), t("promoters (9-10)")]
    return [t("best answers"), t("other answers")]


def _local_day(instants: pd.Series, zone: str) -> pd.Series:
    """Calendar day number (days since 1970-01-01) in the business zone; NaN stays NaN."""
    moment = pd.to_datetime(instants, unit="us", utc=True).dt.tz_convert(ZoneInfo(zone)).dt.tz_localize(None)
    epoch = pd.Timestamp(clock(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None))
    return (moment.dt.normalize() - epoch) / pd.Timedelta(days=1)


def _kept(event_day: pd.Series, due: pd.Series, today: float, missing: str) -> pd.Series:
    """On time, late or missing against a promised day; before that day nothing is missing yet."""
    label = pd.Series(missing, index=event_day.index)
    label[event_day.notna() & (event_day <= due)] = "on time"
    label[event_day.notna() & (event_day > due)] = "late"
    label[event_day.isna() & (due >= today)] = "not due yet"
    label[due.isna()] = "no deadline known"
    return label


def _happened(instant: pd.Series, missing: str) -> pd.Series:
    return instant.notna().map({True: "happened", False: missing})


def _row(part: pd.DataFrame, kind: Instrument) -> dict[str, Any]:
    """Mean and share of the best answers; the intervals know which answers are one person's."""
    mean = headline(part["score"], replace(kind, statistic="mean"), people=part["unit"])
    found = {"n": len(part), "mean": mean.estimate, "ci_low": mean.ci_low, "ci_high": mean.ci_high,
             "top_share": math.nan, "top_low": math.nan, "top_high": math.nan}  # fmt: skip
    if kind.good_scores:
        box = headline(part["score"], replace(kind, statistic="top_box"), people=part["unit"])
        found |= {"top_share": box.estimate, "top_low": box.ci_low, "top_high": box.ci_high}
    return found


def _after(name: str, part: pd.DataFrame, horizon_days: float, confidence: float) -> dict[str, Any]:
    counts = pd.DataFrame({"group": ALL, "duration_days": part["days"], "outcome": part["hit"].astype(int), "n": 1})
    row = at(kaplan_meier(counts, confidence=confidence), [horizon_days]).iloc[0]
    low, high = _wider(row, curve_inflation(part["days"], part["hit"], part["unit"], horizon_days))
    n_event, n_open = int(part["hit"].sum()), int(part["open"].sum())
    return {
        "group": name, "n_people": part["unit"].nunique(), "n": len(part), "n_event": n_event, "n_open": n_open,
        "n_out": len(part) - n_event - n_open, "estimate": 1 - row["estimate"], "ci_low": 1 - high,
        "ci_high": 1 - low,
    }  # fmt: skip


def _wider(row: pd.Series, factor: float) -> tuple[float, float]:
    """Limits of a curve with their distance on the log-log scale `factor` times as long."""
    estimate, limits = float(row["estimate"]), (float(row["ci_low"]), float(row["ci_high"]))
    if factor == 1 or not 0 < limits[0] <= estimate <= limits[1] < 1:
        return limits
    here, low, high = (math.log(-math.log(value)) for value in (estimate, *limits))
    far = (here + factor * (low - here), here + factor * (high - here))
    return math.exp(-math.exp(far[0])), math.exp(-math.exp(far[1]))


def _ci(row: pd.Series) -> str:
    return interval(row["ci_low"], row["ci_high"], lambda value: number(value, 2))


def _kpis(rows: list[dict[str, Any]]) -> list[Kpi]:
    return [
        Kpi(measure=f"mean_{row['category']}".replace(" ", "_"),
            label=t("Mean score, {category}", category=t(row["category"])), estimate=row["mean"],
            ci_low=row["ci_low"], ci_high=row["ci_high"], n=row["n"], form="score",
            definition=t("answers by what had happened when they were given"))
        for row in rows if row["view"] == WHEN
    ]  # fmt: skip
