"""Times known only to lie between two looks: Turnbull's estimate of the curve.

A weekly snapshot says that something happened since the last one, not when. Taking the date of the
snapshot for that of the event delays the curve by half a week on average and taking the middle invents
a date; this uses what is known. The curve is known at the ends of the intervals returned, not inside.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t


def turnbull(rows: pd.DataFrame, *, weight: str | None = None) -> pd.DataFrame:
    """Estimate the share still without the outcome from times known to lie in (after_days, by_days].

    Parameters
    ----------
    rows : DataFrame
        `after_days` >= 0 (last look without the outcome) and `by_days` (first look with it; missing if it
        was never seen; equal to `after_days` if the time is known exactly).
    weight : str, optional
        Column that says how many people share the row.

    Returns
    -------
    DataFrame
        `from_days, to_days, mass, survival`: the intervals in which the curve falls, by how much, and its
        height at `to_days`. No interval of confidence: bootstrap people for one.

    Raises
    ------
    ParameterError
        CJ-ST-053: a column is missing, a time is negative, an interval ends before it begins.
    NotEnoughDataError
        CJ-ST-051: nobody, or nobody with the outcome.

    Notes
    -----
    Turnbull (1976), JRSS B 38, 290-295; intersections as Gentleman and Geyer (1994). By greenwood.

    Examples
    --------
    >>> looks = pd.DataFrame({"after_days": [0.0, 7.0, 14.0], "by_days": [7.0, 14.0, 21.0]})
    >>> turnbull(looks)[["to_days", "survival"]].round(3).values.tolist()
    [[7.0, 0.667], [14.0, 0.333], [21.0, 0.0]]
    """
    from greenwood import Surv, Turnbull

    missing = [name for name in ("after_days", "by_days", *([weight] if weight else [])) if name not in rows.columns]
    if missing:
        raise ParameterError(f"The rows lack {', '.join(missing)}.", code="CJ-ST-053")
    if rows.empty:
        raise NotEnoughDataError(t("Nobody can be followed here: 0 customers."), code="CJ-ST-051")
    low = rows["after_days"].to_numpy(dtype=float)
    high = rows["by_days"].to_numpy(dtype=float, na_value=np.nan)
    high = np.where(np.isnan(high), np.inf, high)
    wrong = ~((low >= 0) & np.isfinite(low) & (high >= low))
    if wrong.any():
        raise ParameterError(f"{int(wrong.sum())} of {wrong.size} intervals end before they begin, or begin before 0.",
                             code="CJ-ST-053")  # fmt: skip
    if not np.isfinite(high).any():
        raise NotEnoughDataError(
            t("Nothing can be compared: none of {n} customers had the outcome.", n=low.size), code="CJ-ST-051"
        )
    given = None if weight is None else rows[weight].to_numpy(dtype=float)
    fit = Turnbull().fit(Surv(time=low, time2=high, type="interval2"), weights=given)
    table = pd.DataFrame({
        "from_days": np.asarray(fit.interval_low_, dtype=float), "to_days": np.asarray(fit.interval_high_, dtype=float),
        "mass": np.asarray(fit.prob_mass_, dtype=float),
    })  # fmt: skip
    table = table[np.isfinite(table["to_days"]) & (table["mass"] > 1e-6)].reset_index(drop=True)
    survival = np.clip(1 - np.cumsum(table["mass"].to_numpy(dtype=float)), 0, 1)
    result: pd.DataFrame = table.assign(survival=survival)
    return result
