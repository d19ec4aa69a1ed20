"""Curves of time to an outcome: Kaplan-Meier, Aalen-Johansen, their values and quantiles.

Input is a count table (`risk_table`): group, duration_days, outcome, n[, entry_days]. Somebody still open counts as
at risk until last seen and is never taken for a refusal. What is fixed here:

- A curve is a right-continuous step function with a first row at time 0.
- Nothing is known after the last observed time: values there are NaN, unless everyone had an outcome
  by then (the curve has reached its end and stays).
- Intervals are pointwise, from Greenwood-type errors on the scale log(-log(.)) of the survival (or of
  one minus the incidence): R's `conf.type="log-log"`. Where the estimate is exactly 0 or 1 this scale
  has no value; a Wilson interval on `number at risk / share still in` stands there instead of a false
  certainty (it is the plain Wilson interval when nobody is censored).
- Whoever enters late (`entry_days`) is at risk after that day only. While few are at risk one outcome moves
  the curve for ever: `late_entry.thin_start` finds it, `late_entry.from_day` starts the curve later.
- A quantile q is the first time at which a share of at least q has had the outcome; infinity means
  that it was not reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core import checks
from cjlib.core.errors import ParameterError
from cjlib.stats.comparison import LogRank, log_rank
from cjlib.stats.proportion import wilson, z_value
from cjlib.stats.restricted import restricted_mean
from cjlib.stats.risk_table import Floats, RiskBlock, checked, tabulate

__all__ = ["LogRank", "aalen_johansen", "at", "kaplan_meier", "log_rank", "quantile", "restricted_mean"]

# Products of many factors leave 1e-15 or so; a curve at 0.5 within this margin has reached 0.5.
_ROUNDING = 1e-10
_VALUES = ("estimate", "std_error", "ci_low", "ci_high")


def kaplan_meier(
    counts: pd.DataFrame,
    *,
    confidence: float = 0.95,
    competing: Literal["refuse", "censor", "event"] = "refuse",
) -> pd.DataFrame:
    """Estimate the share still without the outcome over time, per group.

    Parameters
    ----------
    counts : DataFrame
        Columns `group, duration_days, outcome, n`; see `risk_table`.
    confidence : float in (0, 1)
        Level of the interval.
    competing : {"refuse", "censor", "event"}
        What to do with outcomes 2, 3, ...: refuse them, treat them as still open (this is the naive
        curve, which overstates; for comparison only) or count any outcome as the event.

    Returns
    -------
    DataFrame
        `group, time_days, n_at_risk, n_event, n_censored, estimate, std_error, ci_low, ci_high`, one
        row per group and distinct time, the first at 0; `estimate` is the survival in [0, 1].

    Raises
    ------
    ParameterError
        CJ-ST-001 for a broken count table, CJ-ST-003 for competing outcomes under "refuse".
    NotEnoughDataError
        CJ-ST-002 if nobody is counted.

    Notes
    -----
    S(t) = Π (1 - dᵢ/Yᵢ) over times tᵢ <= t (Kaplan and Meier 1958); se = S √Σ dᵢ/(Yᵢ(Yᵢ-dᵢ))
    (Greenwood 1926); limits S^exp(±z se/(S log S)) (Kalbfleisch and Prentice 2002, section 1.4).

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"group": "all", "duration_days": [1.0, 2.0, 2.0, 4.0], "outcome": [1, 1, 0, 0],
    ...      "n": [5, 1, 2, 2]}
    ... )
    >>> kaplan_meier(counts)[["time_days", "n_at_risk", "estimate"]].values.tolist()
    [[0.0, 10.0, 1.0], [1.0, 10.0, 0.5], [2.0, 5.0, 0.4], [4.0, 2.0, 0.4]]
    """
    checks.one_of("competing", competing, ("refuse", "censor", "event"))
    rows = checked(counts)
    others = rows["outcome"] > 1
    if others.any() and competing == "refuse":
        raise ParameterError(
            f"{rows['n'][others].sum()} of {rows['n'].sum()} people ended by a competing outcome; "
            "one minus Kaplan-Meier would overstate the share with outcome 1. Use aalen_johansen, or ask "
            'for the naive curve by name: competing="censor".',
            code="CJ-ST-003",
        )
    rows["outcome"] = rows["outcome"].mask(others, 0 if competing == "censor" else 1)
    z = z_value(confidence)
    frames = [_survival_frame(block, z, confidence) for block in tabulate(rows)[1]]
    return pd.concat(frames, ignore_index=True)


def aalen_johansen(counts: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Estimate the share that has had each outcome by time t, when one outcome excludes the others.

    Parameters
    ----------
    counts : DataFrame
        Columns `group, duration_days, outcome, n`; see `risk_table`.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        `group, outcome, time_days, n_at_risk, n_event, estimate, std_error, ci_low, ci_high`, one row
        per group, outcome and distinct time; `estimate` is the cumulative incidence in [0, 1]. Outcome 1
        is always present, with zeros where it never occurred.

    Raises
    ------
    ParameterError
        CJ-ST-001 for a broken count table.
    NotEnoughDataError
        CJ-ST-002 if nobody is counted.

    Notes
    -----
    F_k(t) = Σ S(tᵢ-) d_kᵢ/Yᵢ over tᵢ <= t, S the survival free of any outcome (Aalen and Johansen 1978).
    Standard error by the delta method with multinomial increments (Marubini and Valsecchi 1995,
    chapter 10), which equals R's `survfit`. Limits on log(-log(1-F)), so that with a single outcome
    they are one minus those of `kaplan_meier`. Ties are exact: nothing is jittered.

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"group": "all", "duration_days": [1.0, 2.0, 3.0], "outcome": [1, 2, 0], "n": [5, 1, 4]}
    ... )
    >>> curve = aalen_johansen(counts)
    >>> curve[curve["outcome"] == 1]["estimate"].tolist()
    [0.0, 0.5, 0.5, 0.5]
    """
    outcomes, blocks = tabulate(counts)
    z = z_value(confidence)
    frames = [
        _incidence_frame(block, column, outcome, z, confidence)
        for block in blocks
        for column, outcome in enumerate(outcomes)
    ]
    return pd.concat(frames, ignore_index=True)


def at(curve: pd.DataFrame, times: npt.ArrayLike) -> pd.DataFrame:
    """Read a curve at given times.

    Parameters
    ----------
    curve : DataFrame
        From `kaplan_meier` or `aalen_johansen`.
    times : array_like of float >= 0
        Days since the start of the clock.

    Returns
    -------
    DataFrame
        `group, [outcome,] time_days, n_at_risk, n_event, estimate, std_error, ci_low, ci_high`, one row
        per group (and outcome) and time. `n_at_risk` is the number still followed just before that
        time, `n_event` the events up to and including it. Estimate and limits are NaN after the last
        observed time, unless everyone had an outcome by then.

    Raises
    ------
    ParameterError
        CJ-ST-006 if a time is negative or NaN.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [3.0, 5.0], "outcome": [1, 0], "n": [2, 2]})
    >>> at(kaplan_meier(counts), [2.9, 3, 6])[["n_at_risk", "estimate"]].values.tolist()
    [[4.0, 1.0], [4.0, 0.5], [0.0, nan]]
    """
    grid = np.atleast_1d(np.asarray(times, dtype=float))
    if not (grid >= 0).all():
        raise ParameterError("A curve is read at times of 0 days or more, and none may be NaN.", code="CJ-ST-006")
    frames = []
    for keys, block, ended in _steps(curve):
        time = block["time_days"].to_numpy()
        row = np.searchsorted(time, grid, side="right") - 1
        known = (grid <= time[-1]) | ended
        read = {name: np.where(known, block[name].to_numpy()[row], np.nan) for name in _VALUES}
        at_risk = np.append(block["n_at_risk"].to_numpy(), 0)[np.searchsorted(time, grid, side="left")]
        so_far = np.cumsum(block["n_event"].to_numpy())[row]
        frames.append(pd.DataFrame({**keys, "time_days": grid, "n_at_risk": at_risk, "n_event": so_far, **read}))
    return pd.concat(frames, ignore_index=True)


def quantile(curve: pd.DataFrame, q: npt.ArrayLike = 0.5) -> pd.DataFrame:
    """Find the time by which a share `q` has had the outcome, with interval.

    Parameters
    ----------
    curve : DataFrame
        From `kaplan_meier` or `aalen_johansen`; the interval has the curve's confidence.
    q : float or array_like in (0, 1)
        0.5 is the median.

    Returns
    -------
    DataFrame
        `group, [outcome,] quantile, estimate, ci_low, ci_high`; the last three in days, `inf` where
        not reached during follow-up.

    Raises
    ------
    ParameterError
        CJ-E07 if a `q` is not strictly between 0 and 1.

    Notes
    -----
    Smallest t with S(t) <= 1-q, or F(t) >= q; if the curve is flat exactly there, the start of the flat
    part is taken (R takes its middle). Limits: where the limits of the curve cross the same level
    (Brookmeyer and Crowley 1982), on rows with an estimate strictly between 0 and 1.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [1.0, 2.0, 3.0, 4.0], "outcome": 1, "n": 1})
    >>> quantile(kaplan_meier(counts), [0.5, 0.9])["estimate"].tolist()
    [2.0, 4.0]
    """
    wanted = [checks.fraction("q", value) for value in np.atleast_1d(np.asarray(q, dtype=float))]
    frames = []
    for keys, block, _ in _steps(curve):
        time, estimate = block["time_days"].to_numpy(), block["estimate"].to_numpy()
        low, high = block["ci_low"].to_numpy(), block["ci_high"].to_numpy()
        if "outcome" not in curve.columns:  # survival: turn it into the share with the outcome
            estimate, low, high = 1 - estimate, 1 - high, 1 - low
        inner = (estimate > _ROUNDING) & (estimate < 1 - _ROUNDING)
        for level in wanted:
            limits = {
                "estimate": _first(time, estimate >= level - _ROUNDING),
                "ci_low": _first(time, inner & (high >= level - _ROUNDING)),
                "ci_high": _first(time, inner & (low >= level - _ROUNDING)),
            }
            # A last jump straight to everyone has no inner row: the limit never lies above the estimate.
            limits["ci_low"] = min(limits["ci_low"], limits["estimate"])
            frames.append({**keys, "quantile": level, **limits})
    return pd.DataFrame(frames)


def _first(time: Floats, reached: npt.NDArray[np.bool_]) -> float:
    return float(time[np.argmax(reached)]) if reached.any() else np.inf


def _steps(curve: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame, bool]]:
    """Split a curve into its step functions, with whether each has reached its end."""
    by = ["group", "outcome"] if "outcome" in curve.columns else ["group"]
    last = curve[curve["time_days"] == curve.groupby("group")["time_days"].transform("max")]
    events = last.groupby("group")["n_event"].sum().to_dict()
    for label, block in curve.groupby(by, sort=False):
        keys = dict(zip(by, label, strict=True))
        yield keys, block, bool(block["n_at_risk"].iloc[-1] == events[keys["group"]])


def _survival_frame(block: RiskBlock, z: float, confidence: float) -> pd.DataFrame:
    at_risk, events = block.n_at_risk, block.n_event.sum(axis=1)
    watched = np.maximum(at_risk, 1)  # nobody is at risk in a gap before the next late entry: no event either
    survival = np.cumprod(1 - events / watched)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(events > 0, events / (watched * (at_risk - events)), 0.0)
        error = survival * np.sqrt(np.cumsum(steps))
    error = np.where(survival > 0, error, 0.0)
    low, high = _limits(1 - survival, error, _effective(block, survival), z, confidence)
    return pd.DataFrame(
        {
            "group": block.group,
            "time_days": block.time,
            "n_at_risk": at_risk,
            "n_event": events,
            "n_censored": block.n_censored,
            "estimate": survival,
            "std_error": error,
            "ci_low": 1 - high,
            "ci_high": 1 - low,
        }
    )


def _incidence_frame(block: RiskBlock, column: int, outcome: int, z: float, confidence: float) -> pd.DataFrame:
    at_risk, events = block.n_at_risk, block.n_event[:, column]
    watched = np.maximum(at_risk, 1)
    survival = np.cumprod(1 - block.n_event.sum(axis=1) / watched)
    before = np.append(1.0, survival[:-1])
    incidence = np.cumsum(before * events / watched)
    error = _incidence_error(block, events, before, incidence)
    low, high = _limits(incidence, error, _effective(block, survival), z, confidence)
    return pd.DataFrame(
        {
            "group": block.group,
            "outcome": outcome,
            "time_days": block.time,
            "n_at_risk": at_risk,
            "n_event": events,
            "estimate": incidence,
            "std_error": error,
            "ci_low": low,
            "ci_high": high,
        }
    )


def _incidence_error(block: RiskBlock, events: npt.NDArray[np.int64], before: Floats, incidence: Floats) -> Floats:
    """Delta-method error: an event at s moves F(t) by S(s-)·dA_k(s) - (F(t)-F(s))/(1-dA(s))·dA(s).

    The variance Σ A(s) - 2(F(t)-F(s))·B(s) + (F(t)-F(s))²·C(s) is expanded into running sums, so that all
    times cost one pass.
    """
    at_risk, total = np.maximum(block.n_at_risk, 1), block.n_event.sum(axis=1)
    a = before**2 * events * (at_risk - events) / at_risk.astype(float) ** 3
    b = before * events / at_risk.astype(float) ** 2
    # Where everyone left has an outcome nothing follows: F(t) = F(s) and the term vanishes.
    c = np.divide(total, at_risk * (at_risk - total).astype(float), out=np.zeros(total.size), where=total < at_risk)
    f = incidence
    linear = f * np.cumsum(b) - np.cumsum(b * f)
    square = f**2 * np.cumsum(c) - 2 * f * np.cumsum(c * f) + np.cumsum(c * f**2)
    variance = np.cumsum(a) - 2 * linear + square
    # Once everyone has had this outcome the terms cancel; what is left is rounding.
    result: Floats = np.sqrt(np.where(f < 1 - _ROUNDING, np.clip(variance, 0, None), 0.0))
    return result


def _effective(block: RiskBlock, survival: Floats) -> Floats:
    """Return the number at risk over the share still in: how many people the estimate stands on.

    Where nobody is at risk before the next late entry it still stands on those before.
    """
    before = np.append(1.0, survival[:-1])
    known = (block.n_at_risk > 0) & (before > 0)
    last = np.maximum.accumulate(np.where(known, np.arange(known.size), 0))
    result: Floats = np.divide(block.n_at_risk, before, out=np.zeros(before.size), where=known)[last]
    return result


def _limits(incidence: Floats, error: Floats, effective: Floats, z: float, confidence: float) -> tuple[Floats, Floats]:
    """Interval of an incidence on log(-log(1-F)); Wilson at exactly 0 and 1."""
    inner = (incidence > _ROUNDING) & (incidence < 1 - _ROUNDING)
    share = np.where(inner, incidence, 0.5)
    log_share = np.log1p(-share)
    width = z * error / ((1 - share) * -log_share)
    low = -np.expm1(log_share * np.exp(-width))
    high = -np.expm1(log_share * np.exp(width))
    effective = np.maximum(effective, _ROUNDING)  # nobody yet: anything from 0 to 1
    edge_low, edge_high = wilson(np.where(incidence > 0.5, effective, 0.0), effective, confidence=confidence)
    return np.where(inner, low, edge_low), np.where(inner, high, edge_high)
