"""Words for what a study declares, in the active language."""

from __future__ import annotations

from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import ParameterError
from cjlib.core.text import days, tn


def span(value: str) -> str:
    """A declared duration in words; whole days are written as days, whatever their unit was.

    Examples
    --------
    >>> span("30 days"), span("1 day"), span("2 weeks"), span("12 h")
    ('30 days', '1 day', '14 days', '12 h')
    """
    try:
        length = in_days(microseconds("duration", value))
    except ParameterError:
        return value  # what Python prints of a timedelta
    return tn("{n} day", "{n} days", int(length)) if length == int(length) else days(length)
