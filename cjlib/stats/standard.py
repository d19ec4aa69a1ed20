"""Shares made comparable: at a fixed mix of classes, or with values as weights."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cjlib.core.errors import ParameterError
from cjlib.stats.proportion import wilson


class Share(NamedTuple):
    """A share with its interval; NaN where unknown."""

    estimate: float
    ci_low: float
    ci_high: float


UNKNOWN = Share(math.nan, math.nan, math.nan)


def standardised(events: npt.ArrayLike, n: npt.ArrayLike, *, weights: npt.ArrayLike, confidence: float = 0.95) -> Share:
    """Estimate a share at a fixed mix of classes (direct standardisation).

    Parameters
    ----------
    events, n : array_like (k,)
        With the event, and all, per class.
    weights : array_like (k,) >= 0
        Mix of classes to compare at; need not sum to 1.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Share
        Unknown if a class with weight is empty.

    Raises
    ------
    ParameterError
        CJ-ST-095 if the arrays do not fit each other.

    Notes
    -----
    sum of w p. The interval adds up those of the classes without treating a share of 0 or 1 as certain: the
    squares of w times the distance to the Wilson limit (Zou and Donner 2008, Stat. Med. 27, 1693-1702); with
    one class it is Wilson's.

    Examples
    --------
    >>> standardised([9, 45], [10, 90], weights=[1, 1]).estimate
    0.7
    """
    k, size, mix = (np.asarray(part, dtype=float) for part in (events, n, weights))
    if not (k.shape == size.shape == mix.shape and k.ndim == 1) or (k > size).any() or (mix < 0).any():
        raise ParameterError("events, n and weights hold one number per class, events at most n.", code="CJ-ST-095")
    used = mix > 0
    if not used.any() or (size[used] == 0).any():
        return UNKNOWN
    w = mix[used] / mix[used].sum()
    p = k[used] / size[used]
    low, high = wilson(k[used], size[used], confidence=confidence)
    centre = float(w @ p)
    below = math.sqrt(float(np.sum((w * (p - low)) ** 2)))
    above = math.sqrt(float(np.sum((w * (high - p)) ** 2)))
    return Share(centre, max(centre - below, 0.0), min(centre + above, 1.0))


def weighted_share(event: npt.ArrayLike, value: npt.ArrayLike, *, confidence: float = 0.95) -> Share:
    """Estimate the share of a value that belongs to those with an event.

    Parameters
    ----------
    event : array_like (n,) of bool
        Whether each person has it.
    value : array_like (n,) > 0
        What each person is worth.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Share
        Unknown without anybody.

    Raises
    ------
    ParameterError
        CJ-ST-095 if the arrays do not fit each other, or a value is not above 0.

    Notes
    -----
    Ratio of sums. Wilson's interval at the effective number of people (sum of v)^2 / (sum of v^2) (Kish 1965):
    one customer who is worth half of everything makes it wide.

    Examples
    --------
    >>> weighted_share([True, False], [3.0, 1.0]).estimate
    0.75
    """
    hit, worth = np.asarray(event, dtype=float), np.asarray(value, dtype=float)
    if hit.shape != worth.shape or not (worth > 0).all():
        raise ParameterError("event and value hold one entry per person, every value above 0.", code="CJ-ST-095")
    if not len(worth):
        return UNKNOWN
    estimate = float(hit @ worth / worth.sum())
    effective = float(worth.sum() ** 2 / (worth @ worth))
    low, high = wilson(estimate * effective, effective, confidence=confidence)
    return Share(estimate, float(low), float(high))
