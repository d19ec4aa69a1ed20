"""From counts to risk sets: the one place where durations are checked and tabulated.

A count table has the columns `group` (text), `duration_days` (how long a person was followed), `outcome`
(0 = still open when last seen, 1 = the outcome of interest, 2, 3, ... = ends that compete with it) and
`n` (how many people share that row). It holds no person, so it can be made on any engine. An optional
`entry_days` says from when a person was watched (0, the default, is from the start of the clock): whoever
enters late is at risk after that day only, because an earlier outcome would not have been seen.

Convention on ties: somebody last seen at t is at risk at t; events at t come before losses at t.
A duration of 0 is allowed: that person is at risk at 0 and an event at 0 lowers the curve there.
Groups come out in the order of their categories if `group` is categorical, else sorted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
COLUMNS = ("group", "duration_days", "outcome", "n")


@dataclass(frozen=True)
class RiskBlock:
    """Risk sets of one group at its distinct times, the first of which is 0.

    `time` (m,), `n_at_risk` (m,), `n_event` (m, k) with one column per outcome, `n_censored` (m,).
    """

    group: str
    time: Floats
    n_at_risk: Ints
    n_event: Ints
    n_censored: Ints


def checked(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a count table with n > 0, or say which rule is broken.

    Raises
    ------
    ParameterError
        CJ-ST-001: a column is missing; a duration is negative, infinite or missing; an outcome or
        `n` is not a whole number from 0; a group is missing; somebody enters after the end.
    NotEnoughDataError
        CJ-ST-002: nobody is counted.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [3.0, 5.0], "outcome": [1, 0], "n": [2, 0]})
    >>> len(checked(counts))
    1
    """
    missing = [name for name in COLUMNS if name not in counts.columns]
    if missing:
        raise ParameterError(
            f"The count table lacks {', '.join(missing)}. Needed: {', '.join(COLUMNS)}.", code="CJ-ST-001"
        )
    n = _whole(counts, "n")
    late = ["entry_days"] if "entry_days" in counts.columns else []
    rows = counts.loc[n > 0, [*COLUMNS, *late]].assign(n=n[n > 0]).reset_index(drop=True)
    if rows.empty:
        raise NotEnoughDataError(t("Nobody can be followed here: 0 customers."), code="CJ-ST-002")
    rows["outcome"] = _whole(rows, "outcome")
    duration = rows["duration_days"].to_numpy(dtype=float)
    if (duration < 0).any():
        raise ParameterError(
            f"{rows['n'][duration < 0].sum()} of {rows['n'].sum()} durations are negative "
            f"(smallest: {duration.min():g} days). A clock never runs backwards: "
            "set these rows aside before counting.",
            code="CJ-ST-001",
        )
    if not np.isfinite(duration).all():
        raise ParameterError(
            f"{rows['n'][~np.isfinite(duration)].sum()} of {rows['n'].sum()} durations are missing or "
            "infinite. An open clock ends at the cut-off with outcome 0.",
            code="CJ-ST-001",
        )
    if rows["group"].isna().any():
        raise ParameterError(
            f"{rows['n'][rows['group'].isna()].sum()} of {rows['n'].sum()} people have no group. "
            "Name the unknown group or set these rows aside.",
            code="CJ-ST-001",
        )
    if late:
        entry = rows["entry_days"].to_numpy(dtype=float)
        wrong = ~((entry == 0) | ((entry > 0) & (entry < duration)))
        if wrong.any():
            raise ParameterError(
                f"{rows['n'][wrong].sum()} of {rows['n'].sum()} people enter before 0 or not before their end. "
                "Nobody like that was ever at risk: set these rows aside before counting.",
                code="CJ-ST-001",
            )
        rows["entry_days"] = entry
    return rows.assign(duration_days=duration)


def tabulate(counts: pd.DataFrame) -> tuple[tuple[int, ...], list[RiskBlock]]:
    """Tabulate risk sets per group; vectorised, one pass over the sorted distinct times.

    Parameters
    ----------
    counts : DataFrame
        Columns `group, duration_days, outcome, n[, entry_days]`; rows in any order, splits of a row are
        summed.

    Returns
    -------
    outcomes : tuple of int
        The outcome of interest, 1, and every other outcome that occurs.
    blocks : list of RiskBlock
        One per group that has anybody.

    Raises
    ------
    ParameterError, NotEnoughDataError
        As in `checked`.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [3.0, 5.0], "outcome": [1, 0], "n": [2, 4]})
    >>> outcomes, (block,) = tabulate(counts)
    >>> block.time.tolist(), block.n_at_risk.tolist(), block.n_event[:, 0].tolist()
    ([0.0, 3.0, 5.0], [6, 6, 4], [0, 2, 0])
    """
    rows = checked(counts)
    outcomes = np.union1d(rows["outcome"].to_numpy(dtype=np.int64), [0, 1])
    grouped = rows.groupby("group", observed=True, sort=True)
    blocks = [_block(str(label), part, outcomes) for label, part in grouped]
    return tuple(outcomes[1:].tolist()), blocks


def _block(label: str, part: pd.DataFrame, outcomes: Ints) -> RiskBlock:
    duration = part["duration_days"].to_numpy(dtype=float)
    entry = part["entry_days"].to_numpy(dtype=float) if "entry_days" in part else np.zeros(duration.size)
    time = np.unique(np.concatenate([duration, entry, [0.0]]))
    table = np.zeros((time.size, outcomes.size), dtype=np.int64)
    where = (np.searchsorted(time, duration), np.searchsorted(outcomes, part["outcome"].to_numpy()))
    np.add.at(table, where, part["n"].to_numpy(dtype=np.int64))
    n_at_risk = np.cumsum(table.sum(axis=1)[::-1])[::-1].copy()
    n_at_risk -= _not_yet(time, entry, part["n"].to_numpy(dtype=np.int64))
    return RiskBlock(label, time, n_at_risk, table[:, 1:], table[:, 0])


def _not_yet(time: Floats, entry: Floats, n: Ints) -> Ints:
    """Number of people who enter at or after each time; who enters at 0 was always there."""
    entering = np.zeros(time.size, dtype=np.int64)
    np.add.at(entering, np.searchsorted(time, entry[entry > 0]), n[entry > 0])
    result: Ints = np.cumsum(entering[::-1])[::-1]
    return result


def _whole(rows: pd.DataFrame, column: str) -> Ints:
    values = pd.to_numeric(rows[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = ~((values >= 0) & (values == np.floor(values)) & np.isfinite(values))
    if wrong.any():
        first = rows[column].iloc[int(np.flatnonzero(wrong)[0])]
        raise ParameterError(
            f"{int(wrong.sum())} of {len(rows)} rows of the count table have an impossible {column} "
            f"({first}). Expected whole numbers from 0.",
            code="CJ-ST-001",
        )
    return values.astype(np.int64)
