"""Two shares compared without an approximation: Fisher's exact test, two-sided."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from cjlib.stats.proportion import Floats, share

_REACH = 20.0  # standard deviations beyond which all counts together have a probability below 1e-80
_TOGETHER = 64  # tables
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
    known = ~(np.isnan(share(n_event, n)) | np.isnan(share(n_event_other, n_other)))
    counts = np.broadcast_arrays(*(np.asarray(c, dtype=float) for c in (n_event, n, n_event_other, n_other)))
    tables = np.stack([c[known] for c in counts], axis=-1)
    low, high = _support(*tables.T)
    p = np.empty(len(tables))
    order = np.argsort(high - low, kind="stable")  # tables of about one width are computed together
    for some in np.array_split(order, max(1, -(-len(order) // _TOGETHER))):
        p[some] = _together(tables[some], low[some], high[some])
    found = np.full(known.shape, np.nan)
    found[known] = p
    return found


def _support(k: Floats, n: Floats, k_other: Floats, n_other: Floats) -> tuple[Floats, Floats]:
    """Counts of the first group that have a probability worth adding, for each table."""
    events, people = k + k_other, n + n_other
    mean = n * events / people
    reach = _REACH * np.sqrt(mean * (1 - n / people) * (1 - events / people)) + 50
    low = np.maximum(np.maximum(0, events - n_other), np.floor(mean - reach))
    return low, np.minimum(np.minimum(n, events), np.ceil(mean + reach))


def _together(tables: Floats, low: Floats, high: Floats) -> Floats:
    if not len(tables):
        return low
    k, n, k_other, n_other = tables.T[:, :, None]
    events = k + k_other
    x = low[:, None] + np.arange(np.max(high - low) + 1)
    inside = np.minimum(x, high[:, None])

    def log(count: Floats) -> Floats:
        chosen = _choose(n, count) + _choose(n_other, events - count) - _choose(n + n_other, events)
        return np.asarray(chosen, dtype=float)

    probability = np.exp(log(inside))
    counted = (x <= high[:, None]) & (probability <= np.exp(log(k)) * (1 + _TIE))
    return np.asarray(np.minimum(1.0, np.where(counted, probability, 0.0).sum(axis=1)), dtype=float)


def _choose(n: Floats, k: Floats) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=float)
