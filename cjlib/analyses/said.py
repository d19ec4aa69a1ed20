"""Answers of one instrument as the score analyses need them: dated, scored, with the instrument's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Columns
from cjlib.core.text import interval, number, percent, points, t
from cjlib.journey.tables import SurveyResponses
from cjlib.stats import instrument as registry
from cjlib.stats.instrument import Instrument
from cjlib.stats.mean import mean_interval
from cjlib.stats.score import nps_from_scores, top_box


class Headline(NamedTuple):
    """Main figure of an instrument with its interval: NPS, share of the best answers, or mean."""

    estimate: float
    ci_low: float
    ci_high: float


def answers_of(
    responses: SurveyResponses, instrument: str, columns: Sequence[str] = ()
) -> tuple[pd.DataFrame, Instrument]:
    """Answers with score and date on one instrument, oldest first, and the instrument on its scale.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-020 if nobody answered.
    """
    if responses.n_invitations:
        checks.one_of("instrument", instrument, responses.instruments)
    frame = responses.frame(list(dict.fromkeys(["instrument", "answered_at", "score", *columns])))
    frame = frame[(frame["instrument"] == instrument) & frame["score"].notna() & frame["answered_at"].notna()]
    if frame.empty:
        raise NotEnoughDataError(t("Nobody answered {name}, so there is no score.", name=instrument.upper()),
                                 code="CJ-AN-020")  # fmt: skip
    kind = registry.instrument(instrument)
    if instrument in responses.scales and kind.statistic != "net":
        kind = kind.on_scale(responses.scales[instrument])
    frame = frame.astype({"answered_at": "float64", "score": "float64"})
    return frame.sort_values(["answered_at", "response"], ignore_index=True), kind


def headline(scores: Any, kind: Instrument, confidence: float = 0.95) -> Headline:
    """Main figure of answers; all NaN without any."""
    values = np.asarray(scores, dtype=float)
    if not values.size:
        return Headline(np.nan, np.nan, np.nan)
    if kind.statistic == "net":
        row = nps_from_scores(values, confidence=confidence).iloc[0]
    elif kind.statistic == "top_box":
        row = top_box(values, kind.good_scores, confidence=confidence).iloc[0]
    else:
        row = mean_interval(values, confidence=confidence).iloc[0]
        row[["ci_low", "ci_high"]] = row[["ci_low", "ci_high"]].clip(*kind.scale)
    return Headline(float(row["estimate"]), float(row["ci_low"]), float(row["ci_high"]))


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
