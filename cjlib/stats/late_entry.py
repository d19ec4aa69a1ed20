"""Curves of people who came under observation late: where they are thin, and starting them later.

An account opened before tracking began is watched from that day of its clock only. Early in the clock
few are watched, and one outcome among two people halves the curve for ever (R's curve does the same).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.risk_table import checked, tabulate


def thin_start(counts: pd.DataFrame, *, at_least: int = 10) -> pd.DataFrame:
    """Find the groups whose curve begins with fewer than `at_least` people at risk because others enter later.

    Parameters
    ----------
    counts : DataFrame
        Columns `group, duration_days, outcome, n, entry_days`.
    at_least : int
        People at risk below which an outcome moves the curve too much.

    Returns
    -------
    DataFrame
        `group, until_days, n_at_risk, n_event`, one row per group that is thin at an outcome before more
        people enter: the smallest number at risk at such an outcome, how many outcomes, and the entry from
        which at least `at_least` are at risk (the last one if never). Empty if all is well.

    Raises
    ------
    ParameterError, NotEnoughDataError
        As in `risk_table.checked`.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [2.0, 9.0], "outcome": 1, "n": [1, 30],
    ...                        "entry_days": [0.0, 5.0]})
    >>> thin_start(counts).values.tolist()
    [['all', 5.0, 1, 1]]
    """
    if "entry_days" not in counts.columns:
        counts = counts.assign(entry_days=0.0)
    people = checked(counts)
    entries = {str(label): part.to_numpy() for label, part in people.groupby("group", observed=True)["entry_days"]}
    rows = []
    for block in tabulate(counts)[1]:
        happened = block.n_event.sum(axis=1)
        entry = entries[block.group]
        enough = block.time[block.n_at_risk >= at_least]
        # The last entry before enough are at risk for the first time; the number counts just after it.
        until = float(entry[entry < enough[0]].max(initial=0.0)) if enough.size else float(entry.max())
        thin = (happened > 0) & (block.n_at_risk < at_least) & (block.time <= until)
        if thin.any():
            rows.append((block.group, until, int(block.n_at_risk[thin].min()), int(happened[thin].sum())))
    return pd.DataFrame(rows, columns=["group", "until_days", "n_at_risk", "n_event"])


def from_day(counts: pd.DataFrame, days: float) -> pd.DataFrame:
    """Condition on being without any outcome at `days`: who ended by then leaves, who was there enters then.

    Parameters
    ----------
    counts : DataFrame
        Columns `group, duration_days, outcome, n[, entry_days]`.
    days : float >= 0
        Day of the clock from which the curve starts; times keep their meaning.

    Returns
    -------
    DataFrame
        A count table with `entry_days` of at least `days`; its curves are those of people still in then.

    Raises
    ------
    ParameterError
        CJ-ST-006 if `days` is negative or not a number.
    NotEnoughDataError
        CJ-ST-002 if nobody is followed beyond `days`.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [2.0, 9.0], "outcome": 1, "n": [1, 30]})
    >>> from_day(counts, 5)[["duration_days", "entry_days", "n"]].values.tolist()
    [[9.0, 5.0, 30.0]]
    """
    if not 0 <= days < np.inf:
        raise ParameterError(f"days={days!r} must be a number of days from 0.", code="CJ-ST-006")
    rows = checked(counts)
    entry = rows.get("entry_days", 0.0)
    left = rows.assign(entry_days=np.maximum(entry, days))
    left = left[left["duration_days"] > days] if days > 0 else left
    if left.empty:
        raise NotEnoughDataError(t("Nobody can be followed here: 0 customers."), code="CJ-ST-002")
    return left.reset_index(drop=True)
