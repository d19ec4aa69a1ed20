"""Two sets of answers compared: difference, interval and p-value, for other people and for the same people.

One row per comparison: `estimate, ci_low, ci_high, p_value`, first minus other. The kind of difference
follows the headline of the instrument: NPS in points, share of the best answers, or mean.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtr, stdtrit

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.instrument import Instrument
from cjlib.stats.mean import mean_interval
from cjlib.stats.paired import mcnemar
from cjlib.stats.proportion import Floats, newcombe, z_value
from cjlib.stats.score import nps_difference, nps_from_scores


class Difference(NamedTuple):
    """First minus other with its interval; p-value of "no difference". NaN where unknown."""

    estimate: float
    ci_low: float
    ci_high: float
    p_value: float


def independent(one: npt.ArrayLike, other: npt.ArrayLike, kind: Instrument, *, confidence: float = 0.95) -> Difference:
    """Compare the answers of two groups of different people.

    Parameters
    ----------
    one, other : array_like of float
        Scores, without missing ones; at least one on each side.
    kind : Instrument
        Its headline decides what is compared.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Difference
        NPS: points, z with summed variances; share of the best answers: Newcombe interval and pooled
        z test; mean: Welch.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004 if a side has no answers.

    Examples
    --------
    >>> from cjlib.stats.instrument import INSTRUMENTS
    >>> found = independent([5] * 56 + [1] * 14, [5] * 48 + [1] * 32, INSTRUMENTS["csat"])
    >>> [round(value, 4) for value in found]
    [0.2, 0.0524, 0.3339, 0.008]
    """
    first, second = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if not first.size or not second.size:
        raise NotEnoughDataError(t("No comparison: one of the two sides has no answers."), code="CJ-ST-004")
    if kind.statistic == "net":
        row = nps_difference(nps_from_scores(first), nps_from_scores(second), confidence=confidence).iloc[0]
        return Difference(*(float(row[name]) for name in ("estimate", "ci_low", "ci_high", "p_value")))
    if kind.statistic == "top_box":
        inside = [int(np.isin(side, kind.good_scores).sum()) for side in (first, second)]
        return _shares(inside[0], first.size, inside[1], second.size, confidence)
    return welch(first, second, confidence=confidence)


def welch(one: npt.ArrayLike, other: npt.ArrayLike, *, confidence: float = 0.95) -> Difference:
    """Compare two means without assuming equal spread.

    Parameters
    ----------
    one, other : array_like of float
        Scores of different people.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Difference
        Interval and p-value NaN where a side has fewer than two answers, or no side has any spread.

    Notes
    -----
    Student's t with the degrees of freedom of Welch (1947), Biometrika 34, 28-35.

    Examples
    --------
    >>> [round(value, 4) for value in welch([1, 2, 3, 4], [3, 4, 5, 8])]
    [-2.5, -5.7544, 0.7544, 0.1048]
    """
    checks.fraction("confidence", confidence)
    sides = [np.asarray(side, dtype=float) for side in (one, other)]
    difference = float(sides[0].mean() - sides[1].mean())
    if min(side.size for side in sides) < 2:
        return Difference(difference, math.nan, math.nan, math.nan)
    parts = [float(side.var(ddof=1)) / side.size for side in sides]
    error = math.sqrt(sum(parts))
    if error == 0:
        return Difference(difference, math.nan, math.nan, math.nan)
    df = sum(parts) ** 2 / sum(part**2 / (side.size - 1) for part, side in zip(parts, sides, strict=True))
    return _student(difference, error, df, confidence)


def same_people(
    after: npt.ArrayLike, before: npt.ArrayLike, kind: Instrument, *, confidence: float = 0.95
) -> Difference:
    """Compare two answers of the same people, in the same order.

    Parameters
    ----------
    after, before : array_like (n,) of float
        Second and first answer of each person.
    kind : Instrument
        Its headline decides what is compared.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Difference
        NPS: exact sign-flip permutation test and t interval of the changes; share of the best answers:
        exact McNemar test and adjusted Wald interval; mean: paired t. p-value 1 if nobody changed.

    Raises
    ------
    ParameterError
        CJ-ST-021 if the two sides do not hold the same people.
    NotEnoughDataError
        CJ-ST-004 with fewer than two people.

    Notes
    -----
    Interval of a paired difference of shares: Bonett and Price (2012), J. Educ. Behav. Stat. 37, 479-488.

    Examples
    --------
    >>> from cjlib.stats.instrument import INSTRUMENTS
    >>> same_people([10, 9, 9, 8, 10], [6, 7, 9, 8, 8], INSTRUMENTS["nps"])[0]
    80.0
    """
    second, first = np.asarray(after, dtype=float), np.asarray(before, dtype=float)
    if second.shape != first.shape:
        raise ParameterError(f"{second.size} second answers for {first.size} first ones.", code="CJ-ST-021")
    if second.size < 2:
        raise NotEnoughDataError(t("No comparison: fewer than two people answered both times."), code="CJ-ST-004")
    if kind.statistic == "net":
        change = (_classes(second) - _classes(first)).astype(np.int64)
        row = mean_interval(100.0 * change, confidence=confidence).iloc[0]
        return Difference(float(row["estimate"]), max(row["ci_low"], -200), min(row["ci_high"], 200), sign_flip(change))
    if kind.statistic == "top_box":
        was, is_now = np.isin(first, kind.good_scores), np.isin(second, kind.good_scores)
        return _paired_shares(int((is_now & ~was).sum()), int((was & ~is_now).sum()), second.size, confidence)
    row = mean_interval(second - first, confidence=confidence).iloc[0]
    if not row["std_error"] > 0:
        return Difference(float(row["estimate"]), math.nan, math.nan, 1.0 if row["estimate"] == 0 else math.nan)
    return _student(float(row["estimate"]), float(row["std_error"]), second.size - 1, confidence)


def sign_flip(change: npt.ArrayLike) -> float:
    """Compute the exact two-sided p-value of "changes up and down are equally likely".

    Parameters
    ----------
    change : array_like of whole numbers
        Change of class per person: -2, -1, 0, 1 or 2.

    Returns
    -------
    float
        Share of all 2^n sign changes whose sum is at least as far from 0; 1 if nobody changed.

    Notes
    -----
    Paired permutation test (Fisher 1935). The distribution of the sum is a product of polynomials
    (x^-c + x^c)/2, multiplied out by classes of equal size, so nothing is drawn at random.

    Examples
    --------
    >>> sign_flip([1, 1, 1, 1])
    0.125
    """
    sizes = np.abs(np.asarray(change, dtype=np.int64))
    ones, twos = int((sizes == 1).sum()), int((sizes == 2).sum())
    total = abs(int(np.asarray(change, dtype=np.int64).sum()))
    up, up_twice = _binomial(ones), np.zeros(2 * twos + 1)
    up_twice[::2] = _binomial(twos)
    chance = np.convolve(up, up_twice)  # of (ups + 2 double ups) = 0, 1, ..., ones + 2 twos
    sums = 2 * np.arange(chance.size) - (ones + 2 * twos)
    return min(1.0, float(chance[np.abs(sums) >= total].sum()))


def _binomial(n: int) -> Floats:
    """Probabilities of 0..n heads of a fair coin; by logarithms, so that no power underflows early."""
    from scipy.special import gammaln

    k = np.arange(n + 1)
    found: Floats = np.exp(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) - n * math.log(2))
    return found


def _classes(scores: Floats) -> Floats:
    return np.where(scores >= 9, 1.0, np.where(scores <= 6, -1.0, 0.0))


def _shares(k: int, n: int, k_other: int, n_other: int, confidence: float) -> Difference:
    low, high = newcombe(k, n, k_other, n_other, confidence=confidence)
    difference, pooled = k / n - k_other / n_other, (k + k_other) / (n + n_other)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_other))
    p_value = 2 * float(ndtr(-abs(difference) / error)) if error else math.nan
    return Difference(difference, float(low), float(high), p_value)


def _paired_shares(gained: int, lost: int, n: int, confidence: float) -> Difference:
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = z_value(confidence) * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    p_value = mcnemar(lost, gained).p if gained + lost else 1.0
    centre = up - down
    return Difference((gained - lost) / n, max(centre - half, -1.0), min(centre + half, 1.0), p_value)


def _student(estimate: float, error: float, df: float, confidence: float) -> Difference:
    half = error * float(stdtrit(df, (1 + confidence) / 2))
    return Difference(estimate, estimate - half, estimate + half, 2 * float(stdtr(df, -abs(estimate / error))))
