"""When in the wait do outcomes come? Rates per person-day in bands of waiting time.

Within a band the rate is taken as constant (piecewise exponential model): outcomes over the days that
all people together waited in that band.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaincinv

from cjlib.core.errors import ParameterError
from cjlib.stats.proportion import z_value
from cjlib.stats.risk_table import Floats, checked

EDGES = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0, 730.0, 1095.0, 1825.0, 3650.0)


def poisson_rate(n_event: npt.ArrayLike, exposure: npt.ArrayLike, *, confidence: float = 0.95) -> pd.DataFrame:
    """Rate of events per unit of exposure with the exact Poisson interval.

    Parameters
    ----------
    n_event : array_like of int (m,)
    exposure : array_like of float (m,)
        Time at risk, in any unit; the rate is per that unit.
    confidence : float in (0, 1)

    Returns
    -------
    DataFrame
        `estimate, ci_low, ci_high`; NaN where nobody was exposed.

    Raises
    ------
    ParameterError
        CJ-ST-001 for a negative or missing number.

    Notes
    -----
    Limits are gamma quantiles: G⁻¹(d, α/2)/T and G⁻¹(d+1, 1-α/2)/T (Garwood 1936, Biometrika 28, 437-442).

    Examples
    --------
    >>> poisson_rate([10], [100.0]).round(4).values.tolist()
    [[0.1, 0.048, 0.1839]]
    """
    d, time = np.asarray(n_event, dtype=float), np.asarray(exposure, dtype=float)
    if not ((d >= 0) & (time >= 0)).all():
        raise ParameterError("Events and exposure are numbers from 0; none may be missing.", code="CJ-ST-001")
    z_value(confidence)  # refuses a level outside (0, 1)
    half = (1 - confidence) / 2
    known = time > 0
    safe = np.where(known, time, 1.0)
    low = np.where(d > 0, gammaincinv(np.maximum(d, 1), half), 0.0)
    values = {"estimate": d, "ci_low": low, "ci_high": gammaincinv(d + 1, 1 - half)}
    return pd.DataFrame({name: np.where(known, value / safe, np.nan) for name, value in values.items()})


def rate_by_band(counts: pd.DataFrame, *, edges: Sequence[float] = EDGES, confidence: float = 0.95) -> pd.DataFrame:
    """Rate of outcome 1 per person-day, in bands of the time since the clock started.

    Parameters
    ----------
    counts : DataFrame
        Columns `group, duration_days, outcome, n[, entry_days]`; nobody waits before entering.
    edges : increasing floats, days
        Bands are (edge, next edge]; the first also holds day 0. Bands after the last time observed are
        left out, and the last one ends there.
    confidence : float in (0, 1)

    Returns
    -------
    DataFrame
        `group, from_days, to_days, n_at_risk` (still waiting after `from_days`), `n_event, person_days,
        estimate, ci_low, ci_high` (per person and day).

    Raises
    ------
    ParameterError
        CJ-ST-001 for a broken count table or edges that do not increase from 0.

    Notes
    -----
    Competing ends leave the risk set: the rate is cause-specific. Intervals as in `poisson_rate`.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": "all", "duration_days": [0.5, 2.0, 5.0], "outcome": [1, 1, 0], "n": 1})
    >>> rate_by_band(counts, edges=[0, 1, 7])[["from_days", "to_days", "n_event", "person_days"]].values.tolist()
    [[0.0, 1.0, 1.0, 2.5], [1.0, 5.0, 1.0, 5.0]]
    """
    bounds = np.asarray(edges, dtype=float)
    if bounds.size < 1 or bounds[0] != 0 or not (np.diff(bounds) > 0).all():
        raise ParameterError(f"edges={list(edges)!r} must increase from 0.", code="CJ-ST-001")
    parts = []
    for label, part in checked(counts).groupby("group", observed=True, sort=True):
        time = part["duration_days"].to_numpy()
        low = bounds[(bounds < time.max()) | (bounds == 0)]
        high = np.append(low[1:], max(time.max(), low[-1]))
        parts.append(_bands(part, low, high).assign(group=str(label)))
    table = pd.concat(parts, ignore_index=True)
    return table.join(poisson_rate(table["n_event"], table["person_days"], confidence=confidence))


def _bands(part: pd.DataFrame, low: Floats, high: Floats) -> pd.DataFrame:
    time, n = part["duration_days"].to_numpy(), part["n"].to_numpy(dtype=float)
    hits = np.where(part["outcome"] == 1, n, 0.0)
    band = np.clip(np.searchsorted(low, time, side="left") - 1, 0, None)
    entry = part["entry_days"].to_numpy() if "entry_days" in part else np.zeros(time.size)
    waited = np.clip(np.minimum(time[:, None], high[None, :]) - np.maximum(low[None, :], entry[:, None]), 0, None)
    return pd.DataFrame(
        {
            "from_days": low,
            "to_days": high,
            "n_at_risk": [int(n[((time > edge) | (edge == 0)) & (entry <= edge)].sum()) for edge in low],
            "n_event": np.bincount(band, weights=hits, minlength=low.size).astype(np.int64),
            "person_days": n @ waited,
        }
    )
