"""What each customer had lived through before they answered: the facts that may have moved the score.

Only events strictly before the answer count, also those of the same day. What did not happen is known
not to have happened (0); what cannot be known (a delay without a promised day) is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from cjlib.core import checks
from cjlib.core.errors import ParameterError
from cjlib.journey.tables import EventLog, SurveyResponses

Measure = Literal["happened", "count", "highest", "late"]
MEASURES = ("happened", "count", "highest", "late")
ANY = "any"


@dataclass(frozen=True, kw_only=True)
class Driver:
    """One fact before the answer.

    Attributes
    ----------
    name : words for the page
    event : event name(s), or "any" for every event (number of touches)
    measure : happened (yes or no), count (how many), highest (largest value of those events, such as
        minutes of waiting), late (days after the customer date `deadline`, 0 if in time)
    deadline : customer date, for `late` only
    """

    name: str
    event: str | Sequence[str]
    measure: Measure = "happened"
    deadline: str | None = None

    def __post_init__(self) -> None:
        checks.one_of("measure", self.measure, MEASURES)
        if (self.measure == "late") != bool(self.deadline):
            raise ParameterError(
                f"driver {self.name!r}: a deadline belongs to measure='late', and only to it.", code="CJ-JN-020"
            )

    @property
    def events(self) -> list[str]:
        """Event names as a list."""
        return [self.event] if isinstance(self.event, str) else list(self.event)


def experiences_before(
    responses: SurveyResponses, log: EventLog, *, drivers: Sequence[Driver], instrument: str
) -> pd.DataFrame:
    """One row per answer: what had happened strictly before it.

    Returns
    -------
    DataFrame
        response, unit, score, answered_at, then per driver i: `lived_i` (0, 1, or NaN if it cannot be
        known) and `value_i` (count, highest value or days late; NaN where there is none). For `stats`
        only: it holds a row per answer.
    """
    for driver in drivers:
        if driver.events != [ANY]:
            log.codes(f"drivers[{driver.name}]", driver.events)
        if driver.deadline:
            checks.one_of("deadline", driver.deadline, list(responses.store.meta["customer_dates"]))
    dates = list(dict.fromkeys(driver.deadline for driver in drivers if driver.deadline))
    frame = responses.frame(["instrument", "answered_at", "score", *dates])
    frame = frame[(frame["instrument"] == instrument) & frame["score"].notna() & frame["answered_at"].notna()]
    answers = responses.table
    answers = answers.filter(
        (answers.instrument == instrument) & answers.score.notnull() & answers.answered_at.notnull()
    ).select("response", "unit", "answered_at")
    events = log.table.select("unit", "at", "day", "event", "value")
    joined = answers.inner_join(events, "unit")
    joined = joined.filter(joined.at < joined.answered_at)
    found = {}
    for place, driver in enumerate(drivers):
        here = joined.event.notnull() if driver.events == [ANY] else joined.event.isin(driver.events)
        found[f"n_{place}"] = joined.at.count(where=here)
        found[f"high_{place}"] = joined.value.max(where=here)
        found[f"day_{place}"] = joined.day.min(where=here)
    facts = log.engine.fetch(joined.group_by("response").agg(**found))
    merged = frame.merge(facts, on="response", how="left").sort_values("response", ignore_index=True)
    result = merged[["response", "unit", "score", "answered_at"]].astype({"score": "float64"})
    for place, driver in enumerate(drivers):
        lived, value = _fact(driver, merged, place, responses.info.zone)
        result[f"lived_{place}"], result[f"value_{place}"] = lived, value
    return result


def _fact(driver: Driver, rows: pd.DataFrame, place: int, zone: str) -> tuple[pd.Series, pd.Series]:
    """Whether it was lived through, and how much of it."""
    count = rows[f"n_{place}"].astype("float64").fillna(0.0)
    if driver.measure == "late":
        due = _local_day(rows[driver.deadline], zone)
        # Not yet come when the customer answers: late by the days waited so far.
        day = rows[f"day_{place}"].astype("float64").fillna(_local_day(rows["answered_at"], zone))
        days = (day - due).clip(lower=0.0)
        return (days > 0).astype("float64").where(due.notna()), days
    lived = (count > 0).astype("float64")
    if driver.measure == "highest":
        return lived, rows[f"high_{place}"].astype("float64").where(count > 0)
    return lived, count if driver.measure == "count" else lived


def _local_day(instants: pd.Series, zone: str) -> pd.Series:
    """Calendar day number in the business zone; NaN stays NaN."""
    moment = pd.to_datetime(instants.astype("float64"), unit="us", utc=True).dt.tz_convert(ZoneInfo(zone))
    days = (moment.dt.tz_localize(None).dt.normalize() - pd.Timestamp(0)) / pd.Timedelta(days=1)
    return days.astype("float64").where(np.isfinite(days))
