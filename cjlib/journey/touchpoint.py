"""The touchpoint that an answer speaks of: what the person did last before being asked.

Strictly before the invitation (before the answer where the invitation has no date): nothing that came later
enters. By the order of the store, so that events of one instant follow the tie rule of the study.
"""

from __future__ import annotations

import pandas as pd

from cjlib.journey.tables import EventLog, SurveyResponses

NOTHING = "(nothing before)"


def last_touchpoint(responses: SurveyResponses, log: EventLog, *, instrument: str) -> pd.Series:
    """Name the last event before every invitation on an instrument, answered or not.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    instrument : whose invitations

    Returns
    -------
    Series of str
        By `response`; "(nothing before)" where the person had done nothing yet. Without any date there is no row.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log, example_responses
    >>> last_touchpoint(example_responses(), example_log(), instrument="nps").value_counts().to_dict()
    {'purchase': 4, 'cart': 1, 'visit': 1}
    """
    invited = responses.table
    asked = invited.filter(invited.instrument == instrument)
    asked = asked.select("response", "unit", when=asked.asked_at.coalesce(asked.answered_at))
    asked = asked.filter(asked.when.notnull())
    both = asked.inner_join(log.table.select("unit", "at", "ordinal"), "unit")
    before = both.filter(both.at < both.when).group_by("response").agg(ordinal=lambda found: found.ordinal.max())
    placed = asked.left_join(before, "response").select("response", "unit", "ordinal")
    named = placed.left_join(log.table.select("unit", "ordinal", "event"), ["unit", "ordinal"])
    frame: pd.DataFrame = log.engine.fetch(named.select("response", "event"))
    return frame.set_index("response")["event"].astype(object).fillna(NOTHING).sort_index()
