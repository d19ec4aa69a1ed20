"""Durations with a unit. A bare number is refused: nobody can see whether it means days or hours.

A day is 86,400 s of elapsed time; calendar days in the business zone are used for buckets only.
"""

from __future__ import annotations

import re
from datetime import timedelta

from cjlib.core.errors import ParameterError

MICROSECONDS_PER_DAY = 86_400_000_000
_UNITS = {
    "us": 1, "ms": 1_000, "s": 1_000_000, "sec": 1_000_000, "second": 1_000_000,
    "min": 60_000_000, "minute": 60_000_000, "m": 60_000_000, "h": 3_600_000_000, "hour": 3_600_000_000,
    "d": MICROSECONDS_PER_DAY, "day": MICROSECONDS_PER_DAY, "w": 7 * MICROSECONDS_PER_DAY,
    "week": 7 * MICROSECONDS_PER_DAY,
}  # fmt: skip
_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")


def microseconds(name: str, value: str | timedelta) -> int:
    """Length of `value` in microseconds; `name` is the argument, for the error message.

    Examples
    --------
    >>> microseconds("window", "30 days"), microseconds("window", "90min")
    (2592000000000, 5400000000)
    """
    if isinstance(value, timedelta):
        length = value // timedelta(microseconds=1)
    else:
        found = _FORM.fullmatch(value) if isinstance(value, str) else None
        word = found[2].lower() if found else ""
        unit = _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))
        if not found or not unit:
            raise ParameterError(
                f"{name}={value!r} is not a duration with a unit. "
                f'Write for example {name}="30 days", "12 h" or "45 min".',
                code="CJ-E03",
            )
        length = round(float(found[1]) * unit)
    if length <= 0:
        raise ParameterError(f"{name}={value!r} must be longer than zero.", code="CJ-E03")
    return length


def in_days(value: int) -> float:
    """Microseconds as float days."""
    return value / MICROSECONDS_PER_DAY
