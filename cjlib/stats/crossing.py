"""Do two curves change sides? Then one number for "who is faster" misleads, the log-rank test's too.

A change of sign counts only where both sides stand clear of noise, so that curves that touch or run
together are not called crossing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from cjlib.core.errors import ParameterError
from cjlib.stats.proportion import z_value
from cjlib.stats.risk_table import Floats


class Crossing(NamedTuple):
    """Which curve is higher at first, and by when the other one is: times in days of the clearest gaps."""

    first_higher: str
    early_days: float
    late_days: float


def crossing(curves: pd.DataFrame, one: str, other: str, *, confidence: float = 0.95) -> Crossing | None:
    """Find out whether the share of one group is above the other's first and below it later.

    Parameters
    ----------
    curves : DataFrame
        From `curve.aalen_johansen` (outcome 1 is read) or `curve.kaplan_meier`.
    one, other : str
        Two of its groups, of different people.
    confidence : float in (0, 1)
        Each side of zero must be cleared by a pointwise interval that leaves half of the error out.

    Returns
    -------
    Crossing or None
        None where the difference does not change sign beyond noise within the time both are followed.

    Raises
    ------
    ParameterError
        CJ-ST-006 if a group has no curve.

    Notes
    -----
    z(t) = (F₁(t) - F₂(t)) / √(se₁² + se₂²) over all times with an event; the curves cross if z goes beyond
    both limits, 2.24 at 95 %. Asking for both sides keeps the chance of a false finding between equal
    curves below `1 - confidence` although many times are looked at (simulated in the tests).

    Examples
    --------
    >>> from cjlib.stats.curve import aalen_johansen
    >>> counts = pd.DataFrame({"group": ["fast"] * 2 + ["slow"] * 2, "duration_days": [2.0, 60.0, 10.0, 60.0],
    ...                        "outcome": [1, 0, 1, 0], "n": [40, 60, 80, 20]})
    >>> crossing(aalen_johansen(counts), "fast", "slow")
    Crossing(first_higher='fast', early_days=2.0, late_days=10.0)
    """
    z = z_value(1 - (1 - confidence) / 2)
    sides = [_steps(curves, name) for name in (one, other)]
    end = min(time[-1] for time, _, _ in sides)
    grid = np.unique(np.concatenate([time[time <= end] for time, _, _ in sides]))
    (f, f_error), (g, g_error) = (_read(side, grid) for side in sides)
    error = np.hypot(f_error, g_error)
    ratio = np.divide(f - g, error, out=np.zeros(grid.size), where=error > 0)
    above, below = np.flatnonzero(ratio > z), np.flatnonzero(ratio < -z)
    if not above.size or not below.size:
        return None
    ahead = above[0] < below[0]
    # The clearest gap before the sides change, and the clearest on the other side.
    early = ratio[: below[0]].argmax() if ahead else ratio[: above[0]].argmin()
    late = ratio.argmin() if ahead else ratio.argmax()
    return Crossing(one if ahead else other, float(grid[early]), float(grid[late]))


def _steps(curves: pd.DataFrame, group: str) -> tuple[Floats, Floats, Floats]:
    rows = curves[curves["group"].astype(str) == group]
    survival = "outcome" not in curves.columns
    rows = rows if survival else rows[rows["outcome"] == 1]
    if rows.empty:
        raise ParameterError(f"No curve of the group {group!r}.", code="CJ-ST-006")
    estimate = rows["estimate"].to_numpy(dtype=float)
    return rows["time_days"].to_numpy(dtype=float), 1 - estimate if survival else estimate, rows["std_error"].to_numpy()


def _read(side: tuple[Floats, Floats, Floats], grid: Floats) -> tuple[Floats, Floats]:
    time, estimate, error = side
    row = np.searchsorted(time, grid, side="right") - 1
    return estimate[row], error[row]
