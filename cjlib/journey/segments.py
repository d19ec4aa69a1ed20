"""Customers counted by every combination of their attributes: how many, and how many had the outcome in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cjlib.journey.durations import ANY
from cjlib.journey.match import Block, first_outcome, first_per_unit
from cjlib.journey.tables import EventLog

ENOUGH = 0.5  # share of those who started whose window must be over


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Counts of customers whose window is over at the cut-off.

    `table` has one text column per attribute, `n` and `n_event`; `window_us` is the window; `n_open`
    customers started too late for it.
    """

    table: pd.DataFrame
    window_us: int
    n_open: int


def segment_cells(
    log: EventLog,
    *,
    start: Sequence[str] | str,
    outcome: Sequence[str],
    competing: Sequence[str] = (),
    windows_us: Sequence[int],
    attributes: Sequence[str],
) -> Cells:
    """Count customers by all attributes at once, and who had the outcome within the window.

    Parameters
    ----------
    log : EventLog
    start : event name(s), or "any" for the customer's first event (which may itself be the outcome)
    outcome : names of the events that count
    competing : events after which the outcome does not count any more
    windows_us : the longest that is over for half of those who started is taken; else the shortest
    attributes : of the customer, or of the event that starts (channel)

    Returns
    -------
    Cells
        Empty `table` if nobody started, or nobody early enough.
    """
    codes = [log.codes("outcome", outcome), log.codes("competing", competing) if competing else []]
    entry = None if start == ANY else log.codes("start", start)
    groupings = {name: log.grouping(name) for name in attributes}
    columns = dict.fromkeys(column for grouping in groupings.values() for column in grouping.columns)
    as_of = log.as_of_us

    def kernel(block: Block) -> pd.DataFrame:
        kind = np.arange(len(block.unit)) if entry is None else block.positions(entry)
        entries = first_per_unit(block, kind)
        found, which = first_outcome(block, entries, codes, inclusive=entry is None)
        began = block.at[entries]
        length = np.where(which == 1, block.at[found] - began if len(block.at) else 0, -1)
        labels = {f"a{place}": grouping.of(block, entries) for place, grouping in enumerate(groupings.values())}
        return pd.DataFrame({**labels, "us": length, "follow_us": as_of - began})

    rows = log.run(kernel, columns=list(columns)).rename(columns=_names(attributes))
    window = _window(rows["follow_us"], windows_us)
    over = rows[rows["follow_us"] >= window]
    hit = (over["us"] >= 0) & (over["us"] <= window)
    table = over[list(attributes)].assign(n=1, n_event=hit.astype(int))
    counted = table.groupby(list(attributes), sort=True, observed=True).sum().reset_index()
    return Cells(table=counted, window_us=window, n_open=len(rows) - len(over))


def _names(attributes: Sequence[str]) -> dict[str, str]:
    return {f"a{place}": name for place, name in enumerate(attributes)}


def _window(follow_us: pd.Series, windows_us: Sequence[int]) -> int:
    """Longest window that is over for enough of those who started; the shortest where none is."""
    fit = [one for one in windows_us if len(follow_us) and (follow_us >= one).mean() >= ENOUGH]
    return max(fit, default=min(windows_us))
