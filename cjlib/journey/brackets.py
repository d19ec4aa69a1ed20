"""Activity by time since the first one, person by person: the rolling counterpart of calendar cohorts.

A person counts in a bracket only if the whole bracket lies before the cut-off for that very person; so two
people of one month may be mature for different brackets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cjlib.journey.match import Block, first_per_unit
from cjlib.journey.tables import EventLog


def bracket_cells(log: EventLog, *, activity: Sequence[str], edges_us: Sequence[int]) -> pd.DataFrame:
    """Count people mature for each bracket since their first activity, and those active in it.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there
    edges_us : rising microseconds since the first activity; bracket j is [edge j, edge j + 1)

    Returns
    -------
    DataFrame
        bracket (0, 1, ...), n_at_risk (mature), n_on (active in the bracket), n_after (of the mature, active at its
        start or at any time after it up to the cut-off); the first activity itself does not count as a return.
    """
    codes = log.codes("activity", activity)
    edges = np.asarray(edges_us, dtype=np.int64)
    as_of = log.as_of_us

    def kernel(block: Block) -> pd.DataFrame:
        active = block.positions(codes)
        first = first_per_unit(block, active)
        begin = block.at[first]
        owner = np.searchsorted(block.unit[first], block.unit[active])
        since = block.at[active] - begin[owner]
        again = np.ones(len(active), dtype=bool)
        again[np.searchsorted(active, first)] = False
        rows = []
        last = np.full(len(first), -1, dtype=np.int64)  # time since the first activity of the last return
        np.maximum.at(last, owner[again], since[again])
        for place in range(len(edges) - 1):
            mature = begin + edges[place + 1] <= as_of
            inside = again & (since >= edges[place]) & (since < edges[place + 1])
            on = np.zeros(len(first), dtype=bool)
            on[owner[inside]] = True
            rows.append((place, mature.sum(), (mature & on).sum(), (mature & (last >= edges[place])).sum()))
        names = ["bracket", "n_at_risk", "n_on", "n_after"]
        return pd.DataFrame(rows, columns=names).astype("int64") if rows else pd.DataFrame(columns=names, dtype="int64")

    return log.run(kernel).groupby("bracket", as_index=False).sum()
