"""Two shares compared without an approximation: Fisher's exact test, two-sided."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from cjlib.stats.proportion import Floats, share

_REACH = 40.0  # standard deviations beyond which a count has no probability that a float can hold
_TIE = 1e-7  # relative: counts as probable as the one seen, up to rounding


def fisher(n_event: npt.ArrayLike, n: npt.ArrayLike, n_event_other: npt.ArrayLike, n_other: npt.ArrayLike) -> Floats:
    """Test, table by table, whether two groups of different people have the same share.

    Parameters
    ----------
    n_event, n : array_like of counts, shape (n_tables,)
        First group.
    n_event_other, n_other : array_like of counts, shape (n_tables,)
        Second group.

    Returns
    -------
    array of float64
        Two-sided p-values; NaN where a group is empty.

    Raises
    ------
    ParameterError
        CJ-ST-005 if a count is negative or events exceed the people.

    Notes
    -----
    Sum of the hypergeometric probabilities not larger than that of the table seen, both margins fixed, as
    R's `fisher.test`. Never more false alarms than stated, whatever the counts; fewer where they are small.
    Fisher (1935), J. R. Stat. Soc. 98, 39-82.

    Examples
    --------
    >>> fisher([3, 8], [4, 10], [1, 2], [4, 11]).round(4).tolist()
    [0.4857, 0.0089]
    """
    unknown = np.isnan(share(n_event, n)) | np.isnan(share(n_event_other, n_other))
    counts = np.broadcast_arrays(*(np.asarray(c, dtype=float) for c in (n_event, n, n_event_other, n_other)))
    found = np.full(unknown.shape, np.nan)
    for place in np.ndindex(unknown.shape):
        if not unknown[place]:
            found[place] = _one(*(float(c[place]) for c in counts))
    return found


def _one(k: float, n: float, k_other: float, n_other: float) -> float:
    events, people = k + k_other, n + n_other
    mean = n * events / people
    spread = math.sqrt(mean * (1 - n / people) * (1 - events / people) * people / max(people - 1, 1))
    reach = _REACH * spread + 50
    low = max(0.0, events - n_other, math.floor(mean - reach))
    high = min(n, events, math.ceil(mean + reach))
    x = np.arange(low, high + 1)

    def log(count: Floats | float) -> Floats:
        chosen = _choose(n, count) + _choose(n_other, events - count) - _choose(people, events)
        return np.asarray(chosen, dtype=float)

    probability = np.exp(log(x))
    return float(min(1.0, probability[probability <= np.exp(log(k)) * (1 + _TIE)].sum()))


def _choose(n: float, k: Floats | float) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + np.asarray(1.0)) - gammaln(n - k + np.asarray(1.0)), dtype=float)
