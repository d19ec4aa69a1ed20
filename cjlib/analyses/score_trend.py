"""The score month by month: each with its interval, only months that were over at the cut-off.

An answer belongs to the calendar month of the business zone in which it was given. A month without
answers is a gap, not a zero; a month still running is left out, because its early answers are not those
of the whole month.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pandas as pd

from cjlib.analyses.said import (
    answers_of,
    headline,
    local_time,
    pooled,
    say,
    say_difference,
    say_interval,
    score_name,
    score_unit,
    with_unit,
)
from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import t
from cjlib.journey.tables import SurveyResponses
from cjlib.stats.repeated import by_person

MONTHS = {"month": 1, "quarter": 3}
LONGEST = 24  # periods: more rows than a page can be read by


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScoreTrendResult(Result):
    """Score and interval per calendar month or quarter."""

    kind: ClassVar[str] = "score_trend"
    columns: ClassVar[Columns] = Columns(
        (
            Column("group", "string", "Period", meaning="calendar period in which the answer was given"),
            Column("n_people", "Int64", "", "people", "distinct people who answered"),
            Column("n", "Int64", "Answers", "people", "answers given in the period"),
            Column("score", "float64", "Score", "score", "NPS, share of the best answers, or mean", ("n",)),
            Column("ci_low", "float64", "95 % CI", "score", "", ("n",)),
            Column("ci_high", "float64", "", "score", "", ("n",)),
        ),
        caption="Score by period",
    )  # fmt: skip

    def question(self) -> str:
        return t("{name}: how does it move over time?", name=score_name(self.params["instrument"]))

    def answer(self) -> str:
        name = self.params["instrument"]
        rows = self._table[self._table["score"].notna()]
        if rows.empty:
            return t("Too few people answered in any period to print a score.")
        last = rows.iloc[-1]
        text = t("{name} {score} in {period} (95 % CI {ci}).", name=score_name(name), period=last["group"],
                 score=say(last["score"], name), ci=say_interval(last["ci_low"], last["ci_high"], name))  # fmt: skip
        change = next((kpi for kpi in self.kpis if kpi.measure == "change"), None)
        if change is not None and not math.isnan(change.estimate):
            factor = 100 if name == "csat" else 1
            text += " " + t(
                "Against {period}: {difference} points (95 % CI {ci}).", period=self.params["first"],
                difference=say_difference(change.estimate / factor, name),
                ci=say_interval(change.ci_low / factor, change.ci_high / factor, name, difference=True),
            )  # fmt: skip
        return text

    def definition(self) -> str:
        return t(
            "Answers by the calendar period in which they were given, in the zone {zone}; only periods that were "
            "over at the cut-off. Intervals by person: several answers of one person are not several people, neither "
            "within a period nor from one to the next.",
            zone=self.data.zone,
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.score import draw

        name, factor = self.params["instrument"], 100 if self.params["instrument"] == "csat" else 1
        frame = self._table
        frame = frame.assign(**{c: frame[c] * factor for c in ("score", "ci_low", "ci_high")})
        scale = (0.0, 100.0) if name == "csat" else (self.params["scale"][0], self.params["scale"][1])
        kind: Any = "other" if name == "csat" else name
        title = t("{name} over time", name=score_name(name)) + (" (%)" if name == "csat" else "")
        return draw(frame, instrument=kind, scale=scale, title=title, ax=ax,
                    colours=dict.fromkeys(map(str, frame["group"]), "#1b6468"))  # fmt: skip

    def shown(self) -> list[Any]:
        caption, frame, hidden, columns = super().shown()[0]
        return [(caption, frame, hidden, with_unit(columns, self.params["instrument"], ("score", "ci_low", "ci_high")))]


def score_trend(
    responses: SurveyResponses,
    *,
    instrument: str,
    freq: Literal["month", "quarter"] = "month",
    stage: str | None = None,
    confidence: float = 0.95,
) -> ScoreTrendResult:
    """Estimate the score of every calendar period that was over at the cut-off.

    Parameters
    ----------
    responses : SurveyResponses
    instrument : "nps", "csat", "ces" or "other"; must occur in the study
    freq : "month" or "quarter", of the business zone
    stage : only the answers about this stage
    confidence : level of the intervals

    Returns
    -------
    ScoreTrendResult
        One row per period, at most the last 24, from the first one of enough people on; NaN where nobody answered.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-020: nobody answered; CJ-AN-080: no period was over at the cut-off.

    Examples
    --------
    >>> from cjlib.datasets.example import example_responses
    >>> score_trend(example_responses(), instrument="nps").table[["group", "n", "score"]].values.tolist()
    [['1970-01', 5, 0.0], ['1970-02', 0, nan]]
    """
    width = MONTHS[checks.one_of("freq", freq, tuple(MONTHS))]
    frame, kind = answers_of(responses, instrument, stage=stage)
    zone = responses.info.zone
    frame["period"] = _months(local_time(frame["answered_at"], zone)) // width
    running = int(_months(local_time(pd.Series([responses.as_of_us]), zone)).iloc[0]) // width
    late = int((frame["period"] >= running).sum())
    frame = frame[frame["period"] < running]
    if frame.empty:
        raise NotEnoughDataError(
            t("No whole period with answers was over at the cut-off, so there is no trend yet."), code="CJ-AN-080"
        )
    floor = responses.info.min_people
    frame, earlier = _recent(frame, floor)
    rows = []
    for period in range(int(frame["period"].min()), running):
        part = frame[frame["period"] == period]
        values = part["score"].to_numpy()
        rows.append({"group": _label(period, width), "n_people": part["unit"].nunique(), "n": len(values),
                     **headline(values, kind, confidence, people=part["unit"])._asdict()})  # fmt: skip
    table = pd.DataFrame(rows).rename(columns={"estimate": "score"})
    notes = pooled(frame["stage"])[1]
    if earlier >= floor:
        notes.append(Note("CJ-AN-084", "info", t(
            "Only the periods since {period} are shown, the last with enough answers and at most {k}; {n} earlier "
            "answers are left out.", period=_label(int(frame["period"].min()), width), k=LONGEST,
            n=earlier)))  # fmt: skip
    if late >= floor:
        notes.append(Note("CJ-AN-081", "info", t(
            "The period at the cut-off was not over; its {n} answers are left out.", n=late)))  # fmt: skip
    told = frame.groupby("period").filter(lambda part: part["unit"].nunique() >= floor)
    notes.append(Note("CJ-AN-082", "caution", t(
        "Who is asked can change from period to period; a change of score is then one of people, not of "
        "opinion.")))  # fmt: skip
    params = {"instrument": instrument, "freq": freq, "stage": stage or "", "confidence": confidence,
              "scale": list(kind.scale), "box": list(kind.good_scores),
              "first": _label(int(told["period"].min()), width) if len(told) else ""}  # fmt: skip
    return ScoreTrendResult.build(table, data=responses.info, params=params, notes=notes,
                                  kpis=_kpis(told, kind, instrument, width))  # fmt: skip


def _recent(frame: pd.DataFrame, floor: int) -> tuple[pd.DataFrame, int]:
    """Answers since the first period of enough people, at most the last two years of them; how many came earlier."""
    people = frame.groupby("period")["unit"].nunique()
    enough = people.index[people >= floor]
    if not len(enough):
        return frame, 0
    start = max(int(enough.min()), int(enough.max()) - LONGEST + 1)
    kept = frame[frame["period"] >= start]
    return kept, len(frame) - len(kept)


def _months(moment: pd.Series) -> pd.Series:
    found: pd.Series = moment.dt.year * 12 + moment.dt.month - 1
    return found


def _label(period: int, width: int) -> str:
    year, part = divmod(period, 12 // width)
    return f"{year:04d}-{part + 1:02d}" if width == 1 else t("{year} quarter {n}", year=str(year), n=part + 1)


def _kpis(told: pd.DataFrame, kind: Any, name: str, width: int) -> list[Kpi]:
    """Score of the last period, and its change against the first one, among those large enough to be shown."""
    if told.empty:
        return []
    first, last = (told[told["period"] == end] for end in (told["period"].min(), told["period"].max()))
    form: Any = {"points": "points", "proportion": "percent"}.get(score_unit(name), "score")
    found = [Kpi(measure="score", label=t("{name}, {period}", name=score_name(name),
                                          period=_label(int(last["period"].iloc[0]), width)),
                 n=len(last), form=form, **headline(last["score"], kind, people=last["unit"])._asdict())]  # fmt: skip
    start, end = int(told["period"].min()), int(told["period"].max())
    if start < end:
        change = by_person(last["score"], first["score"], last["unit"], first["unit"], kind)
        values = [(100 if name == "csat" else 1) * value for value in change[:3]]
        found.append(Kpi(measure="change", label=t("Change since {period} (points)", period=_label(start, width)),
                         estimate=values[0], ci_low=values[1], ci_high=values[2], n=len(last) + len(first),
                         form="score" if form == "score" else "points"))  # fmt: skip
    return found
