"""The touchpoint that an answer speaks of: what the person did last before being asked.

Strictly before the invitation (before the answer where the invitation has no date): nothing that came later
enters. By the order of the store, so that events of one instant follow the tie rule of the study.
"""

from __future__ import annotations

import pandas as pd

from cjlib.journey.tables import EventLog, SurveyResponses

NOTHING = "(nothing before)"


def last_touchpoint(responses: SurveyResponses, log: EventLog, *, instrument: str) -> pd.Series:
    """Name the last event before every answer on an instrument.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    instrument : whose answers

    Returns
    -------
    Series of str
        By `response`; "(nothing before)" where the person had done nothing yet.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log, example_responses
    >>> last_touchpoint(example_responses(), example_log(), instrument="nps").value_counts().to_dict()
    {'purchase': 4, 'cart': 1}
    """
    answers = responses.answers(instrument)(responses.table)
    asked = answers.select("response", "unit", when=answers.asked_at.coalesce(answers.answered_at))
    both = asked.inner_join(log.table.select("unit", "at", "ordinal"), "unit")
    before = both.filter(both.at < both.when).group_by("response").agg(ordinal=lambda found: found.ordinal.max())
    placed = asked.left_join(before, "response").select("response", "unit", "ordinal")
    named = placed.left_join(log.table.select("unit", "ordinal", "event"), ["unit", "ordinal"])
    frame: pd.DataFrame = log.engine.fetch(named.select("response", "event"))
    return frame.set_index("response")["event"].astype(object).fillna(NOTHING).sort_index()
