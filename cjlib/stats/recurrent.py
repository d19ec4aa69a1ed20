"""Events that come again: how many per customer by time t, although follow-up differs.

The mean cumulative function counts every repeat; Kaplan-Meier counts the first only. People are keys
without meaning (integers), never identifiers. Whoever is followed until t is at risk at t.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import Floats, z_value

Keys = npt.NDArray[np.intp]


def mean_cumulative(follow_up: pd.DataFrame, events: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Estimate the mean number of events per customer by time t.

    Parameters
    ----------
    follow_up : DataFrame
        `unit` (integer key, once each) and `duration_days` (followed from 0 to here).
    events : DataFrame
        `unit` and `time_days`, one row per event; several at one time are allowed.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        `time_days, n_at_risk, n_event, estimate, std_error, ci_low, ci_high`, one row per distinct time of
        an event, the first at 0; `estimate` in events per customer. Error and limits are NaN while
        nobody or everybody had the same number of events.

    Raises
    ------
    ParameterError
        CJ-ST-001: a duration or time is negative or missing, a unit occurs twice or is unknown, an event
        lies after the unit's follow-up.
    NotEnoughDataError
        CJ-ST-002 if nobody is followed.

    Notes
    -----
    M(t) = Σ d(s)/Y(s) over s <= t (Nelson 1988); robust variance Σᵢ (Σ_s (dNᵢ(s) - Yᵢ(s) dM(s)) / Y(s))²,
    which lets customers differ in their rate (Lawless and Nadeau 1995, Technometrics 37, 158-168).
    Limits M exp(±z se/M).

    Examples
    --------
    >>> follow_up = pd.DataFrame({"unit": [1, 2, 3], "duration_days": [10.0, 8.0, 5.0]})
    >>> events = pd.DataFrame({"unit": [1, 1, 2], "time_days": [3.0, 6.0, 4.0]})
    >>> mean_cumulative(follow_up, events)["estimate"].round(4).tolist()
    [0.0, 0.3333, 0.6667, 1.1667]
    """
    z = z_value(confidence)
    end, unit, at = _checked(follow_up, events)
    time, where = np.unique(np.append(at, 0.0), return_inverse=True)
    happened = np.bincount(where[:-1], minlength=time.size)
    at_risk = end.size - np.searchsorted(np.sort(end), time, side="left")
    share = np.divide(happened, at_risk, out=np.zeros(time.size), where=at_risk > 0)
    mean = np.cumsum(share)
    error = _robust_error(end, unit, where[:-1], time, at_risk)
    known = error > 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(known, np.exp(z * error / mean), np.nan)
    return pd.DataFrame(
        {
            "time_days": time,
            "n_at_risk": at_risk,
            "n_event": happened,
            "estimate": mean,
            "std_error": np.where(known, error, np.nan),
            "ci_low": mean / factor,
            "ci_high": mean * factor,
        }
    )


def _robust_error(end: Floats, unit: Keys, where: Keys, time: Floats, at_risk: Keys) -> Floats:
    """Square root of Σᵢ (Eᵢ(t) - H(min(t, endᵢ)))², E the own events over Y, H the expected ones.

    The square is expanded so that each part is a running sum over times: no person-by-time matrix.
    """
    safe = np.maximum(at_risk, 1)
    expected = np.cumsum(np.bincount(where, minlength=time.size) / safe**2)
    order = np.lexsort((where, unit))
    step = (1 / safe)[where[order]]
    running = np.cumsum(step)
    first = np.append(True, unit[order][1:] != unit[order][:-1]) if order.size else np.zeros(0, bool)
    own = running - np.repeat((running - step)[first], np.diff(np.append(np.flatnonzero(first), order.size)))
    squares = np.bincount(where[order], weights=2 * own * step - step**2, minlength=time.size)
    # People still followed after each time carry E·H(t), those who left keep E·H at their end.
    last = np.searchsorted(time, end, side="right") - 1
    total = np.bincount(unit[order], weights=step, minlength=end.size)
    left = np.searchsorted(time, end, side="right")  # first time at which they are gone
    gone = np.cumsum(np.bincount(left, weights=total, minlength=time.size + 1))[:-1]
    cross_gone = np.cumsum(np.bincount(left, weights=total * expected[last], minlength=time.size + 1))[:-1]
    active = np.cumsum(np.bincount(where, weights=(1 / safe)[where], minlength=time.size)) - gone
    flat = np.cumsum(np.bincount(left, weights=expected[last] ** 2, minlength=time.size + 1))[:-1]
    variance = np.cumsum(squares) - 2 * (cross_gone + expected * active) + flat + at_risk * expected**2
    result: Floats = np.sqrt(np.clip(variance, 0, None))
    return result


def _checked(follow_up: pd.DataFrame, events: pd.DataFrame) -> tuple[Floats, Keys, Floats]:
    if follow_up.empty:
        raise NotEnoughDataError(t("Nobody can be followed here: 0 customers."), code="CJ-ST-002")
    end = follow_up["duration_days"].to_numpy(dtype=float)
    at = events["time_days"].to_numpy(dtype=float)
    if not ((end >= 0) & np.isfinite(end)).all() or not (at >= 0).all():
        raise ParameterError("Durations and times are numbers of days from 0; none may be missing.", code="CJ-ST-001")
    keys = pd.Index(follow_up["unit"])
    if keys.has_duplicates:
        raise ParameterError("A unit occurs twice in follow_up; each is followed once.", code="CJ-ST-001")
    unit = keys.get_indexer(pd.Index(events["unit"]))
    late = (unit < 0) | (at > end[unit])
    if late.any():
        raise ParameterError(
            f"{int(late.sum())} of {late.size} events belong to nobody followed or lie after the unit's "
            "follow-up; set them aside first.",
            code="CJ-ST-001",
        )
    return end, unit, at
