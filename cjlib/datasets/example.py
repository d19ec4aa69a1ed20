"""A log of ten customers, small enough to count by hand: used by the docstrings."""

from __future__ import annotations

import functools

import pandas as pd

from cjlib.journey.frames import from_frames
from cjlib.journey.tables import EventLog, SurveyResponses

_DAY = 86_400_000_000
_JOURNEYS = {
    "a": [("visit", 0), ("cart", 1), ("purchase", 2)],
    "b": [("visit", 0), ("cart", 3), ("purchase", 10)],
    "c": [("visit", 1), ("cart", 1), ("purchase", 5), ("purchase", 30)],
    "d": [("visit", 2), ("cart", 4)],
    "e": [("visit", 5), ("cart", 6), ("purchase", 6)],
    "f": [("visit", 8)],
    "g": [("visit", 9), ("cart", 20), ("purchase", 25)],
    "h": [("visit", 50)],
    "i": [("support", 3)],
    "j": [("cart", 4), ("purchase", 8)],
}
_SCORES = {"a": 10, "b": 9, "c": 7, "d": 2, "e": 6, "g": None}


@functools.cache
def _example() -> tuple[EventLog, SurveyResponses]:
    rows = [(who, day * _DAY, event) for who, journey in _JOURNEYS.items() for event, day in journey]
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    said = [(who, 20 * _DAY, None if score is None else 21 * _DAY, "nps", score) for who, score in _SCORES.items()]
    responses = pd.DataFrame(said, columns=["customer", "asked_at", "answered_at", "instrument", "score"])
    return from_frames(events, responses=responses, as_of="1970-03-01", scales={"nps": (0, 10)})


def example_log() -> EventLog:
    """Ten customers over sixty days: visits, carts, purchases, one support call.

    Examples
    --------
    >>> example_log()
    <EventLog: 23 events, 10 customers, cut-off 1970-03-01T00:00:00+00:00>
    """
    return _example()[0]


def example_responses() -> SurveyResponses:
    """Six invitations, five answers on 0-10.

    Examples
    --------
    >>> example_responses()
    <SurveyResponses: 5 answers of 6 invitations>
    """
    return _example()[1]
