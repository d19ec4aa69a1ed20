"""Shares of many segments pulled towards their common mean, each by as much as it is uncertain.

The highest of many raw shares is high partly by luck. How much of the spread is luck is estimated from
all segments together (empirical Bayes, beta-binomial): a small segment moves far, a large one hardly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import betaincinv, betaln

from cjlib.core import checks
from cjlib.stats.proportion import Floats, share, wilson

_LOG_PRECISION = (-7.0, 18.0)  # where the maximum is looked for: 0.001 to 66 million people


@dataclass(frozen=True, kw_only=True, eq=False)
class Shrunken:
    """Shrunken shares with interval; `mean` and `precision` (in people) of the distribution of true shares.

    `precision` is infinite where the shares vary no more than chance would make them.
    """

    estimate: Floats
    ci_low: Floats
    ci_high: Floats
    mean: float
    precision: float


def shrink(n_event: npt.ArrayLike, n: npt.ArrayLike, *, confidence: float = 0.95) -> Shrunken:
    """Estimate the share of each of several segments, knowing the others.

    Parameters
    ----------
    n_event, n : array_like of counts, shape (n_segments,)
        People with the event, of how many.
    confidence : float in (0, 1)
        Level of the intervals.

    Returns
    -------
    Shrunken
        Posterior means and equal-tailed posterior intervals; NaN where `n` is 0.

    Raises
    ------
    ParameterError
        CJ-ST-005 if a count is negative or `n_event` exceeds `n`.

    Notes
    -----
    k ~ Binomial(n, p), p ~ Beta(m s, (1 - m) s); m and s by maximum likelihood, then the posterior mean
    (k + m s) / (n + s). Griffin and Krutchkoff (1971), Skellam (1948). Where Tarone's statistic (1979, Biometrika
    66, 585-590), the slope of the likelihood at no excess variation, is not positive, s is infinite:
    everything shrinks to the pooled share, and the interval is Wilson's of the pooled counts. The
    intervals take m and s as known, so with fewer than about ten segments they are somewhat short.

    Examples
    --------
    >>> found = shrink([0, 5, 50], [10, 10, 100])
    >>> found.estimate.round(3).tolist()
    [0.075, 0.458, 0.495]
    """
    level = checks.fraction("confidence", confidence)
    raw = share(n_event, n)
    k, total = np.broadcast_arrays(np.asarray(n_event, dtype=float), np.asarray(n, dtype=float))
    known = ~np.isnan(raw)
    pooled = float(k[known].sum() / total[known].sum()) if known.any() else math.nan
    if not _varies(k[known], total[known], pooled):
        low, high = wilson(k[known].sum(), total[known].sum(), confidence=level)
        filled = [np.where(known, value, np.nan) for value in (pooled, low, high)]
        return Shrunken(estimate=filled[0], ci_low=filled[1], ci_high=filled[2], mean=pooled, precision=math.inf)
    mean, precision = _fit(k[known], total[known])
    a, b = mean * precision + k, (1 - mean) * precision + total - k
    tail = (1 - level) / 2
    limits = [np.where(known, betaincinv(a, b, p), np.nan) for p in (tail, 1 - tail)]
    return Shrunken(estimate=np.where(known, a / (a + b), np.nan), ci_low=limits[0], ci_high=limits[1], mean=mean,
                    precision=precision)  # fmt: skip


def _varies(k: Floats, n: Floats, pooled: float) -> bool:
    """Whether the likelihood rises when the true shares are let differ."""
    if not 0 < pooled < 1:
        return False
    excess = float(np.sum((k - n * pooled) ** 2) / (pooled * (1 - pooled)) - n.sum())
    return excess > 1e-9 * float(n.sum())


def log_likelihood(n_event: npt.ArrayLike, n: npt.ArrayLike, *, mean: float, precision: float) -> float:
    """Beta-binomial log-likelihood, without the binomial coefficients.

    Examples
    --------
    >>> round(log_likelihood([1], [2], mean=0.5, precision=2), 4)
    -1.7918
    """
    k, total = np.asarray(n_event, dtype=float), np.asarray(n, dtype=float)
    a, b = mean * precision, (1 - mean) * precision
    return float(np.sum(betaln(a + k, b + total - k) - betaln(a, b)))


def _fit(k: Floats, n: Floats) -> tuple[float, float]:
    """Mean and precision with the largest likelihood; the best mean is found for each precision."""

    def best(log_precision: float) -> tuple[float, float]:
        found = minimize_scalar(
            lambda mean: -log_likelihood(k, n, mean=mean, precision=math.exp(log_precision)),
            bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-10},
        )  # fmt: skip
        return float(found.fun), float(found.x)

    found = minimize_scalar(lambda x: best(x)[0], bounds=_LOG_PRECISION, method="bounded", options={"xatol": 1e-6})
    return best(float(found.x))[1], math.exp(float(found.x))
