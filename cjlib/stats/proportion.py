"""Shares and their intervals: one interval for one share (Wilson), one for a difference (Newcombe).

A share is `n_event / n` among people who all had the same chance to have the event. Zero people give
NaN, never 0: nothing is known about nobody. The plain Wald interval is not offered: at 0 of 20 it
claims certainty.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from cjlib.core import checks
from cjlib.core.errors import ParameterError

Floats = npt.NDArray[np.float64]


def z_value(confidence: float) -> float:
    """Two-sided standard normal quantile of `confidence`.

    Examples
    --------
    >>> round(z_value(0.95), 4)
    1.96
    """
    return float(ndtri((1 + checks.fraction("confidence", confidence)) / 2))


def wilson(n_event: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Compute the Wilson score interval of a share.

    Parameters
    ----------
    n_event, n : array_like of counts, broadcast together
        People with the event, of how many. Effective (fractional) counts are allowed.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    low, high : arrays of float64 in [0, 1]
        NaN where `n` is 0 or either count is NaN.

    Raises
    ------
    ParameterError
        CJ-ST-005 if a count is negative or `n_event` exceeds `n`.

    Notes
    -----
    With p = k/n: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). Wilson (1927), J. Am. Stat.
    Assoc. 22, 209-212; recommended by Newcombe (1998), Stat. Med. 17, 857-872.

    Examples
    --------
    >>> low, high = wilson([81, 0, 0], [263, 20, 0])
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.2553, 0.0, nan], [0.3662, 0.1611, nan])
    """
    z = z_value(confidence)
    k, total = _checked(n_event, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (k + z * z / 2) / (total + z * z)
        half = z / (total + z * z) * np.sqrt(k * (total - k) / total + z * z / 4)
    # At the two ends the limit is exact by algebra; floating point would leave 1e-17 behind.
    low = np.where(k == 0, 0.0, np.clip(centre - half, 0, 1))
    high = np.where(k == total, 1.0, np.clip(centre + half, 0, 1))
    unknown = np.isnan(k) | ~(total > 0)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def newcombe(
    n_event: npt.ArrayLike,
    n: npt.ArrayLike,
    n_event_other: npt.ArrayLike,
    n_other: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> tuple[Floats, Floats]:
    """Compute the interval of the difference of two independent shares, first minus other.

    Parameters
    ----------
    n_event, n : array_like of counts
        First group.
    n_event_other, n_other : array_like of counts
        Group that is subtracted.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    low, high : arrays of float64 in [-1, 1]
        NaN where a group is empty.

    Raises
    ------
    ParameterError
        CJ-ST-005 as in `wilson`.

    Notes
    -----
    Hybrid score interval without continuity correction, method 10 of Newcombe (1998), Stat. Med. 17,
    873-890: d - √((p₁-l₁)² + (u₂-p₂)²), d + √((u₁-p₁)² + (p₂-l₂)²), (l, u) the Wilson limits. It stays
    inside [-1, 1]; it says nothing about people measured twice (use a paired method).

    Examples
    --------
    >>> low, high = newcombe(56, 70, 48, 80)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0524, 0.3339)
    """
    low1, high1 = wilson(n_event, n, confidence=confidence)
    low2, high2 = wilson(n_event_other, n_other, confidence=confidence)
    p1, p2 = share(n_event, n), share(n_event_other, n_other)
    difference = p1 - p2
    low = difference - np.hypot(p1 - low1, high2 - p2)
    high = difference + np.hypot(high1 - p1, p2 - low2)
    return np.clip(low, -1, 1), np.clip(high, -1, 1)


def share(n_event: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Compute `n_event / n`, NaN (never 0, never a warning) where `n` is 0.

    Examples
    --------
    >>> share([1, 0], [4, 0]).tolist()
    [0.25, nan]
    """
    k, total = _checked(n_event, n)
    with np.errstate(invalid="ignore"):
        result: Floats = np.where(total > 0, k / np.where(total > 0, total, 1), np.nan)
    return result


def _checked(n_event: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    k, total = np.broadcast_arrays(np.asarray(n_event, dtype=float), np.asarray(n, dtype=float))
    wrong = (k < 0) | (total < 0) | (k > total)
    if wrong.any():
        first = np.flatnonzero(wrong)[0]
        raise ParameterError(
            f"{int(wrong.sum())} of {wrong.size} shares are impossible: "
            f"{k.flat[first]:g} events of {total.flat[first]:g}. "
            "Counts are not negative and events never exceed the people they are counted among.",
            code="CJ-ST-005",
        )
    return k, total
