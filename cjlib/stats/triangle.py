"""Retention triangle: which share of each cohort was active at each age, and what is not known yet.

A person counts in a cell only if that whole age lies before the cut-off for that person. A cell without
such people is missing (NaN), never 0. The average over cohorts weighs people, not cohorts, and only those
at risk at that age; its later ages therefore stand on older cohorts alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import share, wilson

COLUMNS = ("cohort", "age", "n_at_risk", "n_active")


def retention_triangle(cells: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Compute the share active per cohort and age; every cohort gets every age.

    Parameters
    ----------
    cells : DataFrame
        `cohort` (sortable), `age` (whole periods from 0), `n_at_risk` (people whose age cell is complete
        by the cut-off) and `n_active` (those of them who were active in it); rows in any order, absent
        cells are immature.
    confidence : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    DataFrame
        `cohort, age, n_at_risk, n_active, estimate, ci_low, ci_high`, sorted, a full grid; an immature
        cell has n_at_risk 0 and NaN from `n_active` on.

    Raises
    ------
    ParameterError
        CJ-ST-010: a column is missing, a cell occurs twice, or more are active than at risk.
    NotEnoughDataError
        CJ-ST-002 if there is no cell with anybody.

    Notes
    -----
    Wilson (1927) per cell as in `proportion.wilson`.

    Examples
    --------
    >>> cells = pd.DataFrame({"cohort": ["01", "01", "02"], "age": [0, 1, 0], "n_at_risk": [10, 10, 8],
    ...                       "n_active": [10, 4, 8]})
    >>> retention_triangle(cells)["estimate"].tolist()
    [1.0, 0.4, 1.0, nan]
    """
    missing = [name for name in COLUMNS if name not in cells.columns]
    if missing:
        raise ParameterError(f"The cells lack {', '.join(missing)}.", code="CJ-ST-010")
    if cells.duplicated(["cohort", "age"]).any():
        twice = int(cells.duplicated(["cohort", "age"]).sum())
        raise ParameterError(f"{twice} cells of the triangle occur twice; sum them first.", code="CJ-ST-010")
    if (cells["n_active"] > cells["n_at_risk"]).any() or (cells[["n_at_risk", "n_active"]] < 0).any(axis=None):
        raise ParameterError("A cell has more people active than at risk, or fewer than 0.", code="CJ-ST-010")
    if not (cells["n_at_risk"] > 0).any():
        raise NotEnoughDataError(
            t("No cohort has completed a period before the cut-off: there is no retention to show yet."),
            code="CJ-ST-002",
        )
    grid = pd.MultiIndex.from_product(
        [np.sort(cells["cohort"].unique()), np.sort(cells["age"].unique())], names=["cohort", "age"]
    )
    full = cells.set_index(["cohort", "age"])[["n_at_risk", "n_active"]].reindex(grid).reset_index()
    full["n_at_risk"] = full["n_at_risk"].fillna(0).astype("int64")
    full["n_active"] = full["n_active"].astype(float).mask(full["n_at_risk"] == 0)
    return _with_share(full, confidence)


def retention_average(triangle: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Compute the share active per age over all cohorts that have reached it.

    Parameters
    ----------
    triangle : DataFrame
        From `retention_triangle`.
    confidence : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    DataFrame
        `age, n_cohorts, n_at_risk, n_active, estimate, ci_low, ci_high`; ages that no cohort has reached
        are NaN.

    Notes
    -----
    Σ active / Σ at risk, so a large cohort weighs more; the Wilson interval takes people as
    independent and leaves out differences between cohorts.

    Examples
    --------
    >>> cells = pd.DataFrame({"cohort": ["01", "01", "02"], "age": [0, 1, 0], "n_at_risk": [10, 10, 30],
    ...                       "n_active": [10, 4, 15]})
    >>> retention_average(retention_triangle(cells))[["n_cohorts", "estimate"]].values.tolist()
    [[2.0, 0.625], [1.0, 0.4]]
    """
    by_age = triangle.groupby("age", as_index=False).agg(
        n_cohorts=("n_at_risk", lambda column: int((column > 0).sum())),
        n_at_risk=("n_at_risk", "sum"),
        n_active=("n_active", lambda column: column.sum(min_count=1)),
    )
    return _with_share(by_age, confidence)


def _with_share(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    low, high = wilson(table["n_active"], table["n_at_risk"], confidence=confidence)
    return table.assign(estimate=share(table["n_active"], table["n_at_risk"]), ci_low=low, ci_high=high)
