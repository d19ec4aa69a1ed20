"""Restricted mean: average time without the outcome, counted up to a horizon.

It exists where the median does not (fewer than half had the outcome) and needs no assumption about
what comes after the horizon. A group that was not followed up to the horizon has no restricted mean.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import z_value
from cjlib.stats.risk_table import Ints


def restricted_mean(curve: pd.DataFrame, tau: float, *, confidence: float = 0.95) -> pd.DataFrame:
    """Compute the mean time without the outcome within the first `tau` days, per group.

    Parameters
    ----------
    curve : DataFrame
        From `curve.kaplan_meier`.
    tau : float, days > 0
        Horizon; at most the follow-up of the group.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        `group, tau_days, estimate, std_error, ci_low, ci_high` in days, limits within [0, tau]; NaN for
        a group that was followed for less than `tau` (and has somebody still open).

    Raises
    ------
    ParameterError
        CJ-ST-006 if `tau` is not a positive number or the curve is not a survival curve.

    Notes
    -----
    Area A(0, tau) under S; variance Σ A(tᵢ, tau)² dᵢ/(Yᵢ(Yᵢ-dᵢ)) over tᵢ < tau (Klein and Moeschberger 2003,
    section 4.5; R's `survmean`). lifelines' `return_variance` is not this: it is the variance of the
    times, not of their mean.

    Examples
    --------
    >>> from cjlib.stats.curve import kaplan_meier
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [2.0, 4.0], "outcome": [1, 0], "n": [5, 5]})
    >>> restricted_mean(kaplan_meier(counts), 4)[["estimate", "std_error"]].round(4).values.tolist()
    [[3.0, 0.3162]]
    """
    if not (0 < tau < np.inf):
        raise ParameterError(f"tau={tau!r} must be a positive number of days.", code="CJ-ST-006")
    if "outcome" in curve.columns:
        raise ParameterError("restricted_mean needs a curve of kaplan_meier.", code="CJ-ST-006")
    z = z_value(confidence)
    rows = []
    for label, block in curve.groupby("group", sort=False):
        mean, error = _area(block, tau)
        rows.append((label, float(tau), mean, error, max(0.0, mean - z * error), min(tau, mean + z * error)))
    return pd.DataFrame(rows, columns=["group", "tau_days", "estimate", "std_error", "ci_low", "ci_high"])


def restricted_mean_competing(curves: pd.DataFrame, tau: float, *, confidence: float = 0.95) -> pd.DataFrame:
    """Compute the mean time without outcome 1 within `tau` days where other ends may come first.

    Who ended otherwise stays without the outcome until `tau`: the value is `tau` minus the area under the
    cumulative incidence. Without other ends it is `restricted_mean`.

    Parameters
    ----------
    curves : DataFrame
        From `curve.aalen_johansen`, every outcome of every group.
    tau : float, days > 0
        Horizon; at most the follow-up of the group.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        As `restricted_mean`.

    Raises
    ------
    ParameterError
        CJ-ST-006 if `tau` is not a positive number or the curves are not cumulative incidences.

    Notes
    -----
    Restricted mean time lost (Andersen 2013, Stat. Med. 32, 5278-5285). Delta method: an event at s moves
    the area by (tau-s)·S(s-)·dA₁(s) - G(s)/(1-dA(s))·dA(s), G(s) the area of F(t)-F(s) from s to tau; the
    binomial variances of dA₁ and dA as in `aalen_johansen`.

    Examples
    --------
    >>> from cjlib.stats.curve import aalen_johansen
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [2.0, 4.0], "outcome": [1, 2], "n": [5, 5]})
    >>> restricted_mean_competing(aalen_johansen(counts), 4)[["estimate", "std_error"]].round(4).values.tolist()
    [[3.0, 0.3162]]
    """
    if not (0 < tau < np.inf):
        raise ParameterError(f"tau={tau!r} must be a positive number of days.", code="CJ-ST-006")
    if "outcome" not in curves.columns:
        raise ParameterError("restricted_mean_competing needs curves of aalen_johansen.", code="CJ-ST-006")
    z = z_value(confidence)
    rows = []
    for label, block in curves.groupby("group", sort=False, observed=True):
        total = block.groupby("time_days")["n_event"].sum().to_numpy()
        mean, error = _area_without(block[block["outcome"] == 1], total, tau)
        rows.append((label, float(tau), mean, error, max(0.0, mean - z * error), min(tau, mean + z * error)))
    return pd.DataFrame(rows, columns=["group", "tau_days", "estimate", "std_error", "ci_low", "ci_high"])


def restricted_mean_difference(means: pd.DataFrame, *, baseline: str, confidence: float = 0.95) -> pd.DataFrame:
    """Compare the restricted mean of each group with that of `baseline`.

    Parameters
    ----------
    means : DataFrame
        From `restricted_mean`, groups of different people.
    baseline : str
        Group that is subtracted.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        `group, baseline, tau_days, estimate, std_error, ci_low, ci_high, p_value`, one row per other
        group; difference in days. The p-values are not corrected for the number of rows.

    Raises
    ------
    ParameterError
        CJ-E06 if `baseline` is not a group.
    NotEnoughDataError
        CJ-ST-004 if there is no other group or no error to compare with.

    Notes
    -----
    z = (m₁ - m₀) / √(se₁² + se₀²) (Royston and Parmar 2013, BMC Med. Res. Methodol. 13:152).

    Examples
    --------
    >>> means = pd.DataFrame({"group": ["a", "b"], "tau_days": 20.0, "estimate": [16.0, 8.0],
    ...                       "std_error": [1.2, 1.6]})
    >>> restricted_mean_difference(means, baseline="b")[["estimate", "std_error"]].values.tolist()
    [[8.0, 2.0]]
    """
    checks.known_values("baseline", [baseline], means["group"], of="these groups")
    base = means[means["group"] == baseline].iloc[0]
    other = means[means["group"] != baseline].reset_index(drop=True)
    error = np.hypot(other["std_error"], base["std_error"])
    if other.empty or (error == 0).any():
        raise NotEnoughDataError(
            t("No comparison of mean times: it needs two groups in which outcomes occurred."),
            code="CJ-ST-004",
        )
    difference = other["estimate"] - base["estimate"]
    z = z_value(confidence)
    return pd.DataFrame(
        {
            "group": other["group"],
            "baseline": baseline,
            "tau_days": other["tau_days"],
            "estimate": difference,
            "std_error": error,
            "ci_low": difference - z * error,
            "ci_high": difference + z * error,
            "p_value": 2 * ndtr(-np.abs(difference / error)),
        }
    )


def _area(block: pd.DataFrame, tau: float) -> tuple[float, float]:
    time, survival = block["time_days"].to_numpy(), block["estimate"].to_numpy()
    at_risk, events = block["n_at_risk"].to_numpy(), block["n_event"].to_numpy()
    if tau > time[-1] and at_risk[-1] > events[-1]:
        return np.nan, np.nan
    end = np.minimum(np.append(time[1:], tau), tau)
    area_after = np.cumsum((survival * np.clip(end - time, 0, None))[::-1])[::-1]
    left = at_risk - events
    # Where nobody is left the area after is 0, and so is the term.
    share = np.divide(events, at_risk * left.astype(float), out=np.zeros(events.size), where=left > 0)
    return float(area_after[0]), float(np.sqrt(np.sum(area_after**2 * share)))


def _area_without(block: pd.DataFrame, total: Ints, tau: float) -> tuple[float, float]:
    """`tau` minus the area under F up to `tau`, and its error; `total` counts events of every outcome."""
    time, f = block["time_days"].to_numpy(), block["estimate"].to_numpy()
    at_risk, events = block["n_at_risk"].to_numpy(), block["n_event"].to_numpy()
    if tau > time[-1] and at_risk[-1] > total[-1]:
        return np.nan, np.nan
    end = np.minimum(np.append(time[1:], tau), tau)
    area_after = np.cumsum((f * np.clip(end - time, 0, None))[::-1])[::-1]
    rest = np.clip(tau - time, 0, None)
    gained = area_after - f * rest
    before = np.append(1.0, np.cumprod(1 - total / at_risk)[:-1])
    a = before**2 * events * (at_risk - events) / at_risk.astype(float) ** 3
    b = before * events / at_risk.astype(float) ** 2
    c = np.divide(total, at_risk * (at_risk - total).astype(float), out=np.zeros(total.size), where=total < at_risk)
    variance = float(np.sum(rest**2 * a - 2 * rest * gained * b + gained**2 * c))
    return float(tau - area_after[0]), float(np.sqrt(max(variance, 0.0)))
