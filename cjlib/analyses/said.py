"""Answers of one instrument as the score analyses need them: dated, scored, with the instrument's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Columns
from cjlib.core.result import Note
from cjlib.core.text import interval, number, percent, points, t
from cjlib.journey.tables import SurveyResponses
from cjlib.stats import instrument as registry
from cjlib.stats.instrument import Instrument
from cjlib.stats.repeated import headline as by_person

NO_STAGE = "no stage given"
_HIT = replace(registry.INSTRUMENTS["csat"], scale=(0.0, 1.0), statistic="top_box", box="above the middle")


class Headline(NamedTuple):
    """Main figure of an instrument with its interval: NPS, share of the best answers, or mean."""

    estimate: float
    ci_low: float
    ci_high: float


def chosen_instrument(responses: SurveyResponses, name: str | None) -> Instrument:
    """Instrument asked for, or the only one of the study, on the scale of the study.

    Raises
    ------
    NotEnoughDataError
        CJ-JN-004: the study has no answers.
    ParameterError
        CJ-AN-032: several instruments and none chosen; unknown instrument.
    """
    known = responses.instruments
    if not known:
        raise NotEnoughDataError(t("The study has no survey answers, so what customers say is unknown."),
                                 code="CJ-JN-004")  # fmt: skip
    if name is None and len(known) > 1:
        raise ParameterError(f"The study has several instruments; choose instrument among {', '.join(known)}.",
                             code="CJ-AN-032")  # fmt: skip
    chosen = registry.instrument(checks.one_of("instrument", name or known[0], known))
    scale = responses.scales.get(chosen.name)
    return chosen if scale is None or chosen.statistic == "net" else chosen.on_scale(scale)


def answers_of(
    responses: SurveyResponses, instrument: str, columns: Sequence[str] = (), *, stage: str | None = None
) -> tuple[pd.DataFrame, Instrument]:
    """Answers with score and date on one instrument (at one stage), oldest first, and the instrument on its scale.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-020 if nobody answered.
    ParameterError
        CJ-E07 if there is no such stage.
    """
    if responses.n_invitations:
        checks.one_of("instrument", instrument, responses.instruments)
    names = list(dict.fromkeys(["instrument", "answered_at", "score", "stage", *columns]))
    frame = responses.frame(names, only=responses.answers(instrument))
    frame = at_stage(frame, stage)
    if frame.empty:
        raise NotEnoughDataError(t("Nobody answered {name}, so there is no score.", name=instrument.upper()),
                                 code="CJ-AN-020")  # fmt: skip
    kind = registry.instrument(instrument)
    if instrument in responses.scales and kind.statistic != "net":
        kind = kind.on_scale(responses.scales[instrument])
    frame = frame.astype({"answered_at": "float64", "score": "float64"})
    return frame.sort_values(["answered_at", "response"], ignore_index=True), kind


def at_stage(frame: pd.DataFrame, stage: str | None) -> pd.DataFrame:
    """Answers about one stage, or all of them; CJ-E07 for a stage that nobody answered about."""
    if stage is None or frame.empty:
        return frame
    checks.one_of("stage", stage, sorted(frame["stage"].dropna().unique()))
    return frame[frame["stage"] == stage]


def pooled(stage: pd.Series, *, adjusted: bool = False) -> tuple[list[str], list[Note]]:
    """Stages that the answers are about, and a note where there are several; answers without one count as one."""
    names = sorted(stage.fillna(NO_STAGE).unique())
    if len(names) < 2:
        return names, []
    shown = ", ".join(t("no stage given") if name == NO_STAGE else str(name) for name in names)
    if adjusted:
        text = t("The question was asked at several stages ({stages}); answers are compared within their stage.",
                 stages=shown)  # fmt: skip
    else:
        text = t("The question was asked at several stages ({stages}); their answers are put together.", stages=shown)
    return names, [Note("CJ-AN-033", "info", text)]


def indicators(stage: pd.Series, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """A column per stage but the first: 1 for the answers about it."""
    filled = stage.fillna(NO_STAGE).to_numpy()
    columns = [(filled == name).astype(np.float64) for name in names[1:]]
    return np.column_stack([np.empty((len(filled), 0)), *columns])


def headline(scores: Any, kind: Instrument, confidence: float = 0.95, *, people: Any = None) -> Headline:
    """Main figure of answers; all NaN without any. `people` says whose they are, if some answered twice."""
    values = np.asarray(scores, dtype=float)
    if not values.size:
        return Headline(np.nan, np.nan, np.nan)
    whose = np.arange(values.size) if people is None else people
    return Headline(*by_person(values, whose, kind, confidence=confidence))


def share_by_person(hits: Any, people: Any, confidence: float = 0.95) -> Headline:
    """Share of the rows that are `hits`, with the interval of Wilson on as many rows as there are different people."""
    return headline(np.asarray(hits, dtype=float), _HIT, confidence, people=people)


def local_time(instants: pd.Series, zone: str) -> pd.Series:
    """Clock time in the business zone, without its zone."""
    moment = pd.to_datetime(instants.astype("int64"), unit="us", utc=True)
    return moment.dt.tz_convert(ZoneInfo(zone)).dt.tz_localize(None)


# --- words ------------------------------------------------------------------------------------------
def score_name(name: str) -> str:
    """What the main figure of an instrument is called."""
    return {"nps": "NPS", "csat": t("CSAT best answers"), "ces": t("CES mean")}.get(name, t("mean score"))


def score_unit(name: str) -> str:
    """Unit of the main figure of an instrument, as a column of a result knows it."""
    return {"nps": "points", "csat": "proportion"}.get(name, "score")


def say(value: float, name: str) -> str:
    """The main figure in words: signed points, a percentage, or a number."""
    if name == "nps":
        return points(value)
    return percent(value) if name == "csat" else number(value, 2)


def say_difference(value: float, name: str) -> str:
    """A difference of main figures: points of NPS, percentage points, or points of the scale."""
    if name == "nps":
        return points(value, 1)
    return points(100 * value, 1) if name == "csat" else points(value, 2)


def say_interval(low: float, high: float, name: str, *, difference: bool = False) -> str:
    """Both limits in words; "unknown" where there is no interval."""
    if np.isnan(low) or np.isnan(high):
        return t("unknown")
    form = say_difference if difference else say
    return interval(low, high, lambda value: form(value, name))


def with_unit(columns: Columns, name: str, scores: Sequence[str]) -> Columns:
    """The contract with the columns `scores` in the unit of the instrument, for the page."""
    unit: Any = score_unit(name)
    made = tuple(replace(column, unit=unit) if column.name in scores else column for column in columns.columns)
    return replace(columns, columns=made)
