"""Where every customer stands at the end of each calendar month, told from the past only.

A state never knows what came later: the log cut at the end of a month gives the same states up to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.journey.match import Block
from cjlib.journey.occasions import months_over
from cjlib.journey.tables import EventLog

NEW, ACTIVE, AT_RISK, LAPSED, RESURRECTED = "new", "active", "at risk", "lapsed", "resurrected"
STATES = (NEW, ACTIVE, AT_RISK, LAPSED, RESURRECTED)
NOT_YET = len(STATES)
Ints = npt.NDArray[np.int64]


def monthly_states(log: EventLog, *, activity: Sequence[str], silence_us: int) -> tuple[list[str], pd.DataFrame]:
    """Count customers by state at the end of each complete month, and by the state of the month before.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there
    silence_us : silence (microseconds) from which a customer counts as lapsed

    Returns
    -------
    (months, counts)
        Names such as "2026-01"; and month (place in the names), before, now (places in `STATES`;
        `before` is 5 in the month of the first activity), n.

    Raises
    ------
    NotEnoughDataError
        CJ-JN-030: nobody was ever active. CJ-JN-031: no month was complete.

    Notes
    -----
    In this order: *new*, first activity in the month; *lapsed*, silent for the threshold or longer;
    *resurrected*, came back in the month after such a silence; *at risk*, not active in the month and
    silent for half the threshold or longer; *active*, everybody else.

    Examples
    --------
    >>> from cjlib.journey.frames import from_frames
    >>> at = pd.to_datetime(["2026-01-03", "2026-02-20", "2026-02-02"], utc=True)
    >>> rows = pd.DataFrame({"customer": ["a", "a", "b"], "at": at, "event": "buy"})
    >>> log, _ = from_frames(rows, as_of="2026-03-01")
    >>> months, counts = monthly_states(log, activity=["buy"], silence_us=40 * 86_400_000_000)
    >>> [(months[row.month], STATES[row.now], row.n) for row in counts.itertuples()]
    [('2026-01', 'new', 1), ('2026-02', 'resurrected', 1), ('2026-02', 'new', 1)]
    """
    codes = log.codes("activity", activity)
    months, ends = _months(log, activity)

    def kernel(block: Block) -> pd.DataFrame:
        now, before = _now_and_before(block, codes, ends, silence_us)
        here = now != NOT_YET
        month = np.broadcast_to(np.arange(len(ends))[:, None], now.shape)
        cells = np.column_stack([month[here], before[here], now[here]])
        found, n = np.unique(cells, axis=0, return_counts=True)
        return pd.DataFrame({"month": found[:, 0], "before": found[:, 1], "now": found[:, 2], "n": n})

    rows = log.run(kernel).astype("int64")
    return months, rows.groupby(["month", "before", "now"])["n"].sum().reset_index()


def monthly_flows(log: EventLog, *, activity: Sequence[str], silence_us: int, into: Sequence[int]) -> pd.DataFrame:
    """Count moves from one state to another over several pairs of consecutive months together.

    Parameters
    ----------
    log, activity, silence_us
        As in `monthly_states`.
    into : places, in the names that `monthly_states` gives, of the months moved into

    Returns
    -------
    DataFrame
        before, now (places in `STATES`), n_people (distinct customers), n_moves (customer-months)
    """
    codes = log.codes("activity", activity)
    _, ends = _months(log, activity)
    wanted = np.asarray(into, dtype=np.int64)

    def kernel(block: Block) -> pd.DataFrame:
        now, before = _now_and_before(block, codes, ends, silence_us)
        who = np.broadcast_to(np.arange(now.shape[1]), now.shape)[wanted]
        here = before[wanted] != NOT_YET
        moves = np.column_stack([before[wanted][here], now[wanted][here], who[here]])
        found, n = np.unique(moves, axis=0, return_counts=True)  # one row per kind of move and customer
        return pd.DataFrame({"before": found[:, 0], "now": found[:, 1], "n_people": 1, "n_moves": n}).groupby(
            ["before", "now"], as_index=False).sum()  # fmt: skip

    rows = log.run(kernel).astype("int64")
    return rows.groupby(["before", "now"])[["n_people", "n_moves"]].sum().reset_index()


def _months(log: EventLog, activity: Sequence[str]) -> tuple[list[str], Ints]:
    rows = log.table.filter(log.table.event.isin(list(activity)))
    first = log.engine.fetch(rows.agg(at=rows["at"].min()))
    if first["at"].isna().any():
        raise NotEnoughDataError(t("Nobody was ever active, so there is no silence to look at."), code="CJ-JN-030")
    months, ends = months_over(first, as_of_us=log.as_of_us, zone=log.info.zone)
    if not months:
        raise NotEnoughDataError(t("No month was complete at the cut-off: nobody's state can be told yet."),
                                 code="CJ-JN-031")  # fmt: skip
    return months, ends


def _now_and_before(block: Block, codes: list[int], ends: Ints, silence_us: int) -> tuple[Ints, Ints]:
    active = block.positions(codes)
    now = _states(block.unit[active], block.at[active], ends, silence_us)
    return now, np.vstack([np.full((1, now.shape[1]), NOT_YET, dtype=np.int64), now])[:-1]


def _states(unit: npt.NDArray[np.int32], at: Ints, ends: Ints, silence_us: int) -> Ints:
    """State of each customer at each end, shape (n_ends, n_customers); `NOT_YET` before the first activity."""
    opens = np.append(True, unit[1:] != unit[:-1])[: len(unit)]
    first = np.flatnonzero(opens)
    gap = np.append(0, np.diff(at))[: len(at)]
    back = ~opens & (gap >= silence_us)
    returned = np.append(0, np.cumsum(back))
    found = np.full((len(ends), len(first)), NOT_YET, dtype=np.int64)
    begun = np.zeros(len(first), dtype=np.int64)  # activities before the month
    for place, end in enumerate(ends):
        until = np.add.reduceat((at < end).astype(np.int64), first) if len(first) else begun
        silent = end - at[first + np.maximum(until, 1) - 1]
        came_back = returned[first + until] > returned[first + begun]
        state = np.select(
            [until == 0, begun == 0, silent >= silence_us, came_back, (until == begun) & (2 * silent >= silence_us)],
            [NOT_YET, STATES.index(NEW), STATES.index(LAPSED), STATES.index(RESURRECTED), STATES.index(AT_RISK)],
            default=STATES.index(ACTIVE),
        )
        found[place], begun = state, until
    return found
