"""A guard against columns that know the outcome: what only the future can tell is no predictor.

It finds what gives itself away: one column that separates the outcomes all but perfectly, a column that is
filled for those with the outcome only, instants after the moment of the forecast. A column that leaks a
little passes: only its origin can tell, so every value needs the instant at which it was known.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.text import number, t
from cjlib.stats.prediction import auc

MOST_AUC = 0.99
FEW = 10  # people with a value, or with the outcome: fewer can be told apart by chance
CHANCE = 1e-4  # of finding only people with the outcome among those with a value, were these drawn by lot


def separating(columns: Mapping[Hashable, npt.ArrayLike], outcome: npt.ArrayLike) -> dict[Hashable, str]:
    """Find columns each of which tells the outcome all by itself.

    Parameters
    ----------
    columns : name to array_like (n,) of float
        NaN where there is no value.
    outcome : array_like (n,) of bool

    Returns
    -------
    dict
        Name of each such column to a sentence without the name. Empty where fewer than ten people have
        the outcome, or are without it.

    Examples
    --------
    >>> y = [1] * 20 + [0] * 20
    >>> separating({"closed": y, "visits": [1, 2] * 20}, y)
    {'closed': 'by itself it separates those with the outcome from the others (AUC 1.000)'}
    """
    y = np.asarray(outcome).astype(bool)
    if min(y.sum(), (~y).sum()) < FEW:
        return {}
    found: dict[Hashable, str] = {}
    for name, given in columns.items():
        values = np.asarray(given, dtype=float)
        filled = ~np.isnan(values)
        some = filled.any() and not filled.all()
        n_with, n_without = int((filled & y).sum()), int((filled & ~y).sum())
        if some and not n_without and y.mean() ** n_with < CHANCE:
            found[name] = t("it is filled only for those with the outcome")
        elif some and not n_with and (1 - y.mean()) ** n_without < CHANCE:
            found[name] = t("it is filled only for those without the outcome")
        elif min(n_with, n_without) >= FEW:
            area = auc(y[filled], values[filled])
            if max(area, 1 - area) > MOST_AUC:
                found[name] = t(
                    "by itself it separates those with the outcome from the others (AUC {auc})",
                    auc=number(max(area, 1 - area), 3),
                )
    return found


def after(instants: pd.Series, at_us: int) -> int:
    """Count instants (UTC microseconds, or timestamps with a zone) at or after a moment.

    Examples
    --------
    >>> after(pd.Series([5, 10, None]), 10)
    1
    """
    return int((as_us(instants) >= at_us).sum())


def as_us(instants: pd.Series) -> pd.Series:
    """UTC microseconds of instants, missing ones as NaN; timestamps without a zone are taken as UTC."""
    if pd.api.types.is_datetime64_any_dtype(instants):
        moments = pd.to_datetime(instants, utc=True)
        return ((moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(microseconds=1)).astype("float64")
    return instants.astype("float64")
