"""Occasions: days on which a customer was active, and the silences between them.

Several events on one calendar day of the business zone are one occasion: an order cut into two parcels
is not two purchases, and no silence lies between them. Person rows are for `stats` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.duration import MICROSECONDS_PER_DAY
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.journey.tables import EventLog

_EPOCH = datetime(1970, 1, 1).toordinal()


def occasions(log: EventLog, *, activity: Sequence[str]) -> pd.DataFrame:
    """Days on which each customer was active, in order.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there

    Returns
    -------
    DataFrame
        unit, day (days since 1970 in the business zone), at and until (first and last activity of the
        day, UTC microseconds), value (sum over the day, missing values as 0), has_value (events with one)

    Raises
    ------
    NotEnoughDataError
        CJ-JN-030: nobody was ever active.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> occasions(example_log(), activity=["purchase"])["day"].sort_values().tolist()
    [2, 5, 6, 8, 10, 25, 30]
    """
    log.codes("activity", activity)
    rows = log.table.filter(log.table.event.isin(list(activity)))
    days = rows.group_by(["unit", "day"]).agg(
        at=rows["at"].min(), until=rows["at"].max(), value=rows.value.sum(), has_value=rows.value.count()
    )
    frame = log.engine.fetch(days).sort_values(["unit", "day"], ignore_index=True)
    if frame.empty:
        raise NotEnoughDataError(t("Nobody was ever active, so there is no silence to look at."), code="CJ-JN-030")
    frame["value"] = frame["value"].astype("float64").fillna(0.0)
    return frame.astype(dict.fromkeys(("unit", "day", "at", "until", "has_value"), "int64"))[
        ["unit", "day", "at", "until", "value", "has_value"]
    ]


def earlier_day(rows: pd.DataFrame, *, as_of_us: int, zone: str, share: float) -> tuple[int, int]:
    """Calendar day at which `share` of the period from the first occasion to the cut-off had passed.

    Returns
    -------
    (day, at_us)
        Days since 1970 in the business zone, and the first instant of that day (UTC microseconds):
        what was known then is `rows[rows["day"] < day]`, with the cut-off `at_us`.
    """
    begin = int(rows["at"].min())
    moment = datetime.fromtimestamp((begin + share * (as_of_us - begin)) / 1e6, tz=UTC).astimezone(ZoneInfo(zone))
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return start.toordinal() - _EPOCH, round(start.timestamp() * 1e6)


def silences(rows: pd.DataFrame, *, as_of_us: int) -> pd.DataFrame:
    """Every silence of every customer: between two occasions, and the open one up to the cut-off.

    Parameters
    ----------
    rows : DataFrame
        From `occasions`, in order.
    as_of_us : int
        Cut-off; the last silence of everybody is still open there, however long it already is.

    Returns
    -------
    DataFrame
        unit, number (1 = after the first occasion), pace_days (mean of the customer's earlier silences,
        NaN for the first), start_us, length_days, returned (0 = open)
    """
    unit, start = rows["unit"].to_numpy(), rows["until"].to_numpy()
    last = np.append(unit[1:] != unit[:-1], True)
    end = np.where(last, as_of_us, np.append(rows["at"].to_numpy()[1:], as_of_us))
    length = np.maximum(end - start, 0) / MICROSECONDS_PER_DAY
    first = np.append(True, unit[1:] != unit[:-1])
    origin = np.flatnonzero(first)[np.cumsum(first) - 1]
    number = np.arange(len(unit)) - origin + 1
    # Pace: what is known when this silence begins, so that it never knows how the silence ends.
    so_far = np.append(0.0, np.cumsum(length))[:-1]
    pace = np.divide(so_far - so_far[origin], number - 1, out=np.full(len(unit), np.nan), where=number > 1)
    return pd.DataFrame({"unit": unit, "number": number, "pace_days": pace, "start_us": start,
                         "length_days": length, "returned": (~last).astype("int64")})  # fmt: skip


def purchase_counts(rows: pd.DataFrame, *, as_of_us: int) -> pd.DataFrame:
    """Per customer: repeat occasions, whole days from the first to the last, whole days watched.

    Returns
    -------
    DataFrame
        unit, repeats (x), recency_days (t_x: first to last occasion), watched_days (T: first occasion to
        the cut-off); integers with recency_days <= watched_days
    """
    grouped = rows.groupby("unit", sort=True)
    table = grouped.agg(repeats=("day", "size"), first=("day", "min"), last=("day", "max"), at=("at", "min"))
    recency = table["last"] - table["first"]
    watched = (as_of_us - table["at"]) // MICROSECONDS_PER_DAY
    return pd.DataFrame({"repeats": table["repeats"] - 1, "recency_days": recency,
                         "watched_days": np.maximum(watched, recency)}).reset_index()  # fmt: skip


def months_over(rows: pd.DataFrame, *, as_of_us: int, zone: str) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Calendar months from the first occasion that were over at the cut-off.

    Returns
    -------
    (names, ends)
        Names such as "2026-01" and the instants (UTC microseconds) at which the months ended in `zone`.
    """
    place = ZoneInfo(zone)
    begin = datetime.fromtimestamp(int(rows["at"].min()) / 1e6, tz=UTC).astimezone(place)
    month = begin.year * 12 + begin.month - 1
    names: list[str] = []
    ends: list[int] = []
    while True:
        following = month + 1
        end = datetime(following // 12, following % 12 + 1, 1, tzinfo=place)
        instant = round(end.timestamp() * 1e6)
        if instant > as_of_us:
            return names, np.array(ends, dtype=np.int64)
        names.append(f"{month // 12:04d}-{month % 12 + 1:02d}")
        ends.append(instant)
        month = following
