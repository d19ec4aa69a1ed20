"""Contracts: spells between a start and its end, and what is in force when a calendar month begins.

A start while a contract is in force and an end without one change nothing. A customer may come back: the next
start after an end opens a new contract. Months are calendar months of the business zone: a contract opened on
the 31st has its month full on the last day of a shorter month.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.journey.match import Block
from cjlib.journey.tables import EventLog

Ints = npt.NDArray[np.int64]
OPEN = -1  # `to_us` of a contract in force at the cut-off


def contracts(log: EventLog, *, start: str | Sequence[str], end: str | Sequence[str]) -> pd.DataFrame:
    """List every contract, for `stats` only.

    Parameters
    ----------
    log : EventLog
    start, end : event name(s) that open and close a contract

    Returns
    -------
    DataFrame
        `unit, spell` (1, 2, ... per customer), `from_us, to_us` (UTC microseconds, -1 while in force),
        `value` (of the start event; NaN where unknown), by customer and time.

    Raises
    ------
    NotEnoughDataError
        CJ-JN-035: no contract was ever opened.
    ParameterError
        An event is unknown.
    """
    opening, closing = log.codes("start", start), log.codes("end", end)

    def kernel(block: Block) -> pd.DataFrame:
        opens = block.positions(opening)
        turns = np.union1d(opens, block.positions(closing))
        starts = np.isin(turns, opens)
        unit = block.unit[turns]
        same = np.concatenate([[False], unit[1:] == unit[:-1]]) if len(unit) else np.zeros(0, dtype=bool)
        in_force = same & np.concatenate([[False], starts[:-1]]) if len(unit) else same
        begun, ended = np.flatnonzero(starts & ~in_force), np.flatnonzero(~starts & in_force)
        # Of the ends after a contract's start, the first; it belongs to it unless another customer comes between.
        place = np.searchsorted(ended, begun)
        has = place < len(ended)
        has[has] = unit[ended[place[has]]] == unit[begun[has]]
        until = np.full(len(begun), OPEN, dtype=np.int64)
        until[has] = block.at[turns[ended[place[has]]]]
        return pd.DataFrame({"unit": unit[begun], "from_us": block.at[turns[begun]], "to_us": until})

    found = log.run(kernel).sort_values(["unit", "from_us"], kind="stable").reset_index(drop=True)
    if found.empty:
        raise NotEnoughDataError(t("No contract was ever opened."), code="CJ-JN-035")
    found["spell"] = found.groupby("unit").cumcount() + 1
    names = [start] if isinstance(start, str) else list(start)
    events = log.table
    paid = events.filter(events.event.isin(names) & events.value.notnull())
    values = log.engine.fetch(paid.group_by(["unit", "at"]).agg(value=paid.value.max()))
    found = found.merge(values.rename(columns={"at": "from_us"}), how="left", on=["unit", "from_us"])
    return found[["unit", "spell", "from_us", "to_us", "value"]].astype({"value": "float64"})


def full_months(from_us: npt.ArrayLike, to_us: npt.ArrayLike, zone: str) -> Ints:
    """Count the calendar months that are full between two instants.

    Examples
    --------
    >>> jan31, feb28 = pd.Timestamp("2026-01-31"), pd.Timestamp("2026-02-28")
    >>> full_months([jan31.value // 1000] * 2, [feb28.value // 1000, feb28.value // 1000 - 1], "UTC").tolist()
    [1, 0]
    """
    # By the clock on the wall: a day has a midnight there even where clocks skip it.
    first, last = (_local(instants, zone).tz_localize(None) for instants in (from_us, to_us))
    # The anniversary of the 31st is the last day of a month without one.
    day = np.minimum(first.day.to_numpy(), last.days_in_month.to_numpy())
    clock = (first - first.normalize()).to_numpy(), (last - last.normalize()).to_numpy()
    reached = (last.day > day) | ((last.day == day) & (clock[1] >= clock[0]))
    months = (last.year - first.year) * 12 + (last.month - first.month)
    full: Ints = np.asarray(months, dtype=np.int64) - ~np.asarray(reached)
    return full


def month_starts(first_us: int, as_of_us: int, zone: str) -> pd.DataFrame:
    """Calendar months that lie wholly between two instants: `month` ("2026-01"), `from_us`, `to_us`."""
    begin, finish = (_local([at], zone)[0].tz_localize(None) for at in (first_us, as_of_us))
    edges = pd.date_range(begin.normalize().replace(day=1), finish, freq="MS")
    # Where clocks go forward at midnight the day begins an hour later; where they go back, at the first midnight.
    local = edges.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(edges), dtype=bool))
    instants = local.tz_convert("UTC").as_unit("us").asi8
    inside = (instants >= first_us) & (instants <= as_of_us)
    edges, instants = edges[inside], instants[inside]
    return pd.DataFrame(
        {"month": [edge.strftime("%Y-%m") for edge in edges[:-1]], "from_us": instants[:-1], "to_us": instants[1:]}
    )


def _local(instants: npt.ArrayLike, zone: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(np.asarray(instants, dtype=np.int64), unit="us", utc=True)).tz_convert(zone)
