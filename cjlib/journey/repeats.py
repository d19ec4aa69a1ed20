"""Events that come again: one row per gap on a customer's clock, from entry to the cut-off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cjlib.core.duration import MICROSECONDS_PER_DAY
from cjlib.journey.match import Block, first_per_unit
from cjlib.journey.tables import EventLog


def gaps(
    log: EventLog, *, event: str | Sequence[str], start: str | Sequence[str] | None = None, by: str | None = None
) -> pd.DataFrame:
    """List the gaps between events of every customer, for `stats` only.

    Parameters
    ----------
    log : EventLog
    event : event name(s) that may come again
    start : event(s) that start the clock; `event` if left out. The first one opens the clock and is not counted.
    by : attribute to label customers by, as known at the start of the clock

    Returns
    -------
    DataFrame
        `unit, group, start_days, stop_days, event`: from one event to the next on the clock of the customer
        (days since entry), `event` 1 where the event came at `stop_days`; the last row of each customer is
        open, until the cut-off. Events after the entry at the very same instant have `stop_days` 0.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> gaps(example_log(), event=["visit", "cart"])["event"].tolist()[:3]
    [0, 1, 0]
    """
    wanted = log.codes("event", event)
    opening = wanted if start is None else log.codes("start", start)
    grouping = log.grouping(by)
    as_of = log.as_of_us

    def kernel(block: Block) -> pd.DataFrame:
        entry = first_per_unit(block, block.positions(opening))
        owner, seen = block.unit[entry], block.positions(wanted)
        place = np.searchsorted(owner, block.unit[seen])
        known = place < len(owner)
        known[known] = owner[place[known]] == block.unit[seen[known]]
        seen, place = seen[known], place[known]
        later = seen > entry[place]
        seen, place = seen[later], place[later]
        slot = np.concatenate([place, np.arange(len(entry))])
        stop = np.concatenate([block.at[seen], np.full(len(entry), as_of)]) - block.at[entry][slot]
        came = np.concatenate([np.ones(len(seen), np.int64), np.zeros(len(entry), np.int64)])
        order = np.lexsort((1 - came, stop, slot))
        slot, stop, came = slot[order], stop[order], came[order]
        begin = np.zeros_like(stop)
        begin[1:] = np.where(slot[1:] == slot[:-1], stop[:-1], 0)
        return pd.DataFrame({"unit": owner[slot], "group": grouping.of(block, entry)[slot], "from_us": begin,
                             "to_us": stop, "event": came})  # fmt: skip

    rows = log.run(kernel, columns=grouping.columns).sort_values(["unit", "to_us", "from_us"], kind="stable")
    return pd.DataFrame({"unit": rows["unit"], "group": rows["group"].astype(str),
                         "start_days": rows["from_us"] / MICROSECONDS_PER_DAY,
                         "stop_days": rows["to_us"] / MICROSECONDS_PER_DAY,
                         "event": rows["event"]}).reset_index(drop=True)  # fmt: skip
