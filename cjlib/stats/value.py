"""Value per customer by day t, although follow-up differs: the mean cumulative function with amounts.

Nobody is left out and nobody counts as lost: on each day the mean value is that of those still followed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import z_value

Floats = npt.NDArray[np.float64]


def mean_cumulative_value(
    follow_up: pd.DataFrame, amounts: pd.DataFrame, *, by_days: npt.ArrayLike, confidence: float = 0.95
) -> pd.DataFrame:
    """Estimate the mean value per customer by day t.

    Parameters
    ----------
    follow_up : DataFrame
        `unit` (key, once each) and `duration_days` (followed from 0 to here, both included).
    amounts : DataFrame
        `unit`, `time_days` (0 <= time <= the unit's duration) and `value`.
    by_days : array_like of float >= 0
    confidence : float in (0, 1)

    Returns
    -------
    DataFrame
        `time_days, n_at_risk, estimate, std_error, ci_low, ci_high`, one row per day of `by_days`; NaN
        where nobody is followed to it.

    Raises
    ------
    ParameterError
        CJ-ST-070: a unit is unknown or occurs twice, a number is missing, or a time lies outside the follow-up.
    NotEnoughDataError
        CJ-ST-002 if nobody is followed.

    Notes
    -----
    M(t) = Σ v(s)/Y(s) over amounts v at s <= t, Y followed to s (Nelson 1988, J. Quality Technology 20;
    Lawless and Nadeau 1995, Technometrics 37, 158-168). Robust variance Σᵢ (Σ_s (vᵢ dNᵢ(s) - Yᵢ(s) dM(s))
    / Y(s))², which lets customers differ. Limits M exp(±z se/M), or M ± z se where an amount is negative.

    Examples
    --------
    >>> follow_up = pd.DataFrame({"unit": [1, 2], "duration_days": [30.0, 10.0]})
    >>> amounts = pd.DataFrame({"unit": [1, 1, 2], "time_days": [0.0, 20.0, 0.0], "value": [10.0, 8.0, 30.0]})
    >>> mean_cumulative_value(follow_up, amounts, by_days=[0, 30, 40])["estimate"].tolist()
    [20.0, 28.0, nan]
    """
    z = z_value(confidence)
    end, unit, at, value = _checked(follow_up, amounts)
    order = np.argsort(at, kind="stable")
    unit, at, value = unit[order], at[order], value[order]
    followed = np.sort(end)
    share = 1 / (end.size - np.searchsorted(followed, at, side="left"))
    step = value * share
    drift = np.append(0.0, np.cumsum(step * share))  # Σ dM/Y, what a customer followed so far was expected to add
    rows = []
    for day in np.atleast_1d(np.asarray(by_days, dtype=float)):
        at_risk = int(end.size - np.searchsorted(followed, day, side="left"))
        last = int(np.searchsorted(at, day, side="right"))
        own = np.bincount(unit[:last], weights=step[:last], minlength=end.size)
        expected = drift[np.minimum(np.searchsorted(at, end, side="right"), last)]
        mean, error = float(step[:last].sum()), float(np.sqrt(((own - expected) ** 2).sum()))
        low, high = _limits(mean, z * error, positive=bool((value >= 0).all()))
        unknown = at_risk == 0
        rows.append([day, at_risk, *([np.nan] * 4 if unknown else [mean, error, low, high])])
    return pd.DataFrame(rows, columns=["time_days", "n_at_risk", "estimate", "std_error", "ci_low", "ci_high"])


def _limits(mean: float, half: float, *, positive: bool) -> tuple[float, float]:
    if half <= 0:
        return np.nan, np.nan
    if positive and mean > 0:
        return mean * np.exp(-half / mean), mean * np.exp(half / mean)
    return mean - half, mean + half


def _checked(follow_up: pd.DataFrame, amounts: pd.DataFrame) -> tuple[Floats, npt.NDArray[np.intp], Floats, Floats]:
    if follow_up.empty:
        raise NotEnoughDataError(t("Nobody can be followed here: 0 customers."), code="CJ-ST-002")
    keys = pd.Index(follow_up["unit"])
    end = follow_up["duration_days"].to_numpy(dtype=float)
    at, value = (amounts[name].to_numpy(dtype=float) for name in ("time_days", "value"))
    unit = np.full(len(amounts), -1) if keys.has_duplicates else keys.get_indexer(pd.Index(amounts["unit"]))
    fine = not keys.has_duplicates and np.isfinite(end).all() and np.isfinite(value).all() and (unit >= 0).all()
    if not fine or not ((at >= 0) & (at <= end[unit])).all():
        raise ParameterError(
            "Amounts belong to a unit followed once, are numbers, and lie within its follow-up.", code="CJ-ST-070"
        )
    return end, unit, at, value
