"""The time-safe join: every answer with what had happened before it, and what came after.

Per answer, one row for `stats`: when the event happened (first time, and first time before the answer)
and the first outcome after it. Relational and portable: conditional minima over the answers joined to
the events of the same customers; events at the very instant of the answer are not "before" it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.journey.tables import EventLog, SurveyResponses


def answers_with_events(
    responses: SurveyResponses,
    log: EventLog,
    *,
    events: Sequence[str] = (),
    outcomes: Sequence[str] = (),
    columns: Sequence[str] = (),
    instrument: str | None = None,
) -> pd.DataFrame:
    """One row per answer: score, what happened before it, what came after it.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    events : events looked for before (and at any time up to the cut-off)
    outcomes : events looked for strictly after the answer
    columns : further columns of the answers or the customers
    instrument : only its answers

    Returns
    -------
    DataFrame
        response, unit, instrument, answered_at, score, columns..., event_at (first ever, NaN if never),
        event_day (calendar day), before_at and before_day (first strictly before the answer),
        outcome_at (first strictly after). For `stats` only: it holds a row per person.
    """
    base = ["instrument", "answered_at", "score", *columns]
    chosen = responses.answers(instrument)
    frame = responses.frame(base, only=chosen)
    if frame.empty:
        raise NotEnoughDataError(t("No answer has both a score and a date, so it cannot be placed in time."),
                                 code="CJ-JN-008")  # fmt: skip
    for name, names in (("events", events), ("outcomes", outcomes)):
        if names:
            log.codes(name, names)
    answers = chosen(responses.table).select("response", "unit", "answered_at")
    wanted = log.table.filter(log.table.event.isin([*events, *outcomes])).select("unit", "at", "day", "event")
    joined = answers.inner_join(wanted, "unit")
    happened, later = joined.event.isin(list(events) or [""]), joined.event.isin(list(outcomes) or [""])
    before = happened & (joined.at < joined.answered_at)
    after = later & (joined.at > joined.answered_at)
    found = log.engine.fetch(
        joined.group_by("response").agg(
            event_at=joined.at.min(where=happened),
            event_day=joined.day.min(where=happened),
            before_at=joined.at.min(where=before),
            before_day=joined.day.min(where=before),
            outcome_at=joined.at.min(where=after),
        )
    )
    moments = ("answered_at", "event_at", "event_day", "before_at", "before_day", "outcome_at")
    return frame.merge(found, on="response", how="left").astype(dict.fromkeys(moments, "float64"))
