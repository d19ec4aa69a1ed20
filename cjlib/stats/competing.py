"""Shares of competing outcomes: does a covariate or a group move them? Fine-Gray and Gray's test.

These speak about the final share with outcome 1 while other outcomes take people away. What speeds an
outcome up among those still at risk is another question: `hazard` with the others as event 0. Fine-Gray
ratios are for prediction; they have no causal reading and the shares of several fits may sum to over 1.

Wraps greenwood 0.8 (equal to R `cmprsk` and `finegray` to three digits, tied losses differ).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.stats.comparison import LogRank
from cjlib.stats.covariate import checked, standardised
from cjlib.stats.proportion import z_value
from cjlib.stats.risk_table import Ints


@dataclass(frozen=True, kw_only=True)
class ShareModel:
    """A Fine-Gray model: `table` has `covariate, coefficient, std_error, ratio, ci_low, ci_high, p_value`."""

    table: pd.DataFrame
    n_people: int
    n_event: int
    n_competing: int
    dropped: tuple[tuple[str, str], ...]


def fine_gray(rows: pd.DataFrame, *, covariates: Sequence[str], confidence: float = 0.95) -> ShareModel:
    """Fit how covariates go with the share that has outcome 1.

    Parameters
    ----------
    rows : DataFrame
        One row per person: `stop_days` > 0, `outcome` (0 open, 1 of interest, 2, 3, ... competing) and
        numeric covariates without gaps. Nobody enters late.
    covariates : sequence of str
        Columns whose ratios are wanted.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    ShareModel
        Ratios of subdistribution hazards, robust errors; covariates set aside are in `dropped`.

    Raises
    ------
    ParameterError
        CJ-ST-050 as in `hazard.proportional_hazards`.
    NotEnoughDataError
        CJ-ST-051: no outcome 1, or no covariate left.

    Notes
    -----
    Fine and Gray (1999), JASA 94, 496-509.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=200)
    >>> rows = pd.DataFrame({"stop_days": rng.exponential(np.exp(-x)), "outcome": rng.integers(0, 3, 200), "x": x})
    >>> fine_gray(rows, covariates=["x"]).n_people
    200
    """
    from greenwood import FineGray, Surv

    z = z_value(confidence)
    people = checked(rows.assign(event=(rows["outcome"] == 1).astype(int), start_days=0.0), covariates, None)
    names, _, spread, _, dropped = standardised(people, covariates, (), None)
    x = people[names].to_numpy(dtype=float)
    x = (x - x.mean(axis=0)) / spread
    outcome = people["outcome"].to_numpy()
    states = np.where(outcome == 1, 1, np.where(outcome > 0, 2, 0))
    model = FineGray(cause="1").fit(Surv(people["stop_days"].to_numpy(dtype=float), _ends(states)), x)
    coefficient, error = np.asarray(model.coef_) / spread, np.asarray(model.std_error_) / spread
    table = pd.DataFrame(
        {
            "covariate": names,
            "coefficient": coefficient,
            "std_error": error,
            "ratio": np.exp(coefficient),
            "ci_low": np.exp(coefficient - z * error),
            "ci_high": np.exp(coefficient + z * error),
            "p_value": 2 * ndtr(-np.abs(coefficient / error)),
        }
    )
    return ShareModel(
        table=table,
        n_people=len(people),
        n_event=int((states == 1).sum()),
        n_competing=int((states == 2).sum()),
        dropped=dropped,
    )


def gray_test(rows: pd.DataFrame, *, group: str, outcome: int = 1) -> LogRank:
    """Test whether groups differ in the share that has `outcome` over time.

    Parameters
    ----------
    rows : DataFrame
        One row per person: `stop_days` >= 0, `outcome` (0 open, 1, 2, ...) and the column `group`.
    group : str
        Column of the groups.
    outcome : int
        Outcome whose share is compared; all others compete.

    Returns
    -------
    LogRank
        `chi2, df, p`.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004: fewer than two groups, or nobody had the outcome.

    Notes
    -----
    Gray (1988), Ann. Stat. 16, 1141-1154.

    Examples
    --------
    >>> rows = pd.DataFrame({"stop_days": [1.0, 2, 3, 4, 5, 6, 7, 8], "outcome": [1, 2, 1, 0, 2, 1, 1, 0],
    ...                      "side": list("aaaabbbb")})
    >>> gray_test(rows, group="side").df
    1
    """
    from greenwood import Surv, grays_test

    names = rows[group].dropna().unique()
    if len(names) < 2:
        raise NotEnoughDataError(
            t("No comparison: there is only one group, {group}.", group=names[0] if len(names) else "?"),
            code="CJ-ST-004",
        )
    if not (rows["outcome"] == outcome).any():
        raise NotEnoughDataError(t("No comparison: no outcome was observed in any group."), code="CJ-ST-004")
    known = rows[rows[group].notna()]
    ends = known["outcome"].to_numpy()
    states = np.where(ends == outcome, 1, np.where(ends > 0, 2, 0))
    surv = Surv(known["stop_days"].to_numpy(dtype=float), _ends(states))
    with np.errstate(all="ignore"):  # once everybody of a group is gone it divides by its survival of 0
        result = grays_test(surv, known[group].astype(str).to_numpy(), cause="1")
    return LogRank(float(result.statistic), int(result.df), float(result.p_value))


def kept_at_risk(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the share with outcome 1 where everybody's possible follow-up is known.

    Parameters
    ----------
    rows : DataFrame
        `stop_days`, `until_days` (when the follow-up would have ended, >= `stop_days`), `outcome` (0 open, 1 of
        interest, 2, 3, ... competing) and anything else.

    Returns
    -------
    DataFrame
        The same rows with `event`; who ended otherwise stays at risk up to `until_days`, never to have
        outcome 1. On these rows one minus Kaplan-Meier is the cumulative incidence, the Cox model is that
        of Fine and Gray and the log-rank test is Gray's.

    Notes
    -----
    Fine and Gray (1999), JASA 94, 496-509, section 3.1: censoring complete data. Follow-up that ends at one
    cut-off for all is of that kind: no weights have to be estimated.

    Examples
    --------
    >>> rows = pd.DataFrame({"stop_days": [3.0, 5.0], "until_days": [9.0, 9.0], "outcome": [2, 1]})
    >>> kept_at_risk(rows)[["stop_days", "event"]].values.tolist()
    [[9.0, 0.0], [5.0, 1.0]]
    """
    return rows.assign(
        stop_days=rows["stop_days"].where(rows["outcome"] <= 1, rows["until_days"]),
        event=(rows["outcome"] == 1).astype(int),
    )


def _ends(states: Ints) -> pd.Categorical:
    """States 0, 1, 2 as the categories that greenwood takes for a competing response."""
    return pd.Categorical(states.astype(str), categories=["0", "1", "2"])
