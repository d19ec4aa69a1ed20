"""How many answers a survey needs before its score is as precise as a decision asks for.

Planned with the plain (Wald) interval about the score one expects; the honest question is asked before
the survey, with the spread of the last one, not afterwards.
"""

from __future__ import annotations

import math

from scipy.special import ndtri

from cjlib.core import checks
from cjlib.core.errors import ParameterError
from cjlib.stats.proportion import z_value


def answers_needed(half_width: float, promoters: float, detractors: float, *, confidence: float = 0.95) -> int:
    """Compute how many answers give an NPS interval of plus or minus `half_width` points.

    Parameters
    ----------
    half_width : float
        Wanted half width in points, above 0 and at most 100.
    promoters, detractors : float in [0, 1]
        Expected shares; together at most 1. Half and half is the worst case.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    int
        Answers, not invitations: divide by the response rate.

    Raises
    ------
    ParameterError
        CJ-ST-020 if a width or share is impossible.

    Notes
    -----
    n = z² (p + d - (p - d)²) / h², rounded up, h as a share.

    Examples
    --------
    >>> answers_needed(5, 0.5, 0.2), answers_needed(5, 0.5, 0.5)
    (938, 1537)
    """
    if not (promoters >= 0 and detractors >= 0 and promoters + detractors <= 1 + 1e-12):
        raise ParameterError(
            f"promoters={promoters!r} and detractors={detractors!r} must be shares that sum to at most 1.",
            code="CJ-ST-020",
        )
    return _needed(half_width, promoters + detractors - (promoters - detractors) ** 2, 100, confidence)


def answers_needed_for_share(half_width: float, share: float = 0.5, *, confidence: float = 0.95) -> int:
    """Compute how many answers give a share (CSAT best answers) plus or minus `half_width`.

    Parameters
    ----------
    half_width : float
        Wanted half width as a share, above 0 and at most 1: 0.05 is five percentage points.
    share : float in [0, 1]
        Expected share; one half is the worst case.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    int
        Answers, not invitations.

    Raises
    ------
    ParameterError
        CJ-ST-020 if the width or share is impossible.

    Notes
    -----
    n = z² p (1 - p) / h², rounded up.

    Examples
    --------
    >>> answers_needed_for_share(0.05), answers_needed_for_share(0.05, 0.8)
    (385, 246)
    """
    if not 0 <= share <= 1:
        raise ParameterError(f"share={share!r} must lie from 0 to 1.", code="CJ-ST-020")
    return _needed(half_width, share * (1 - share), 1, confidence)


def answers_per_group(difference: float, variance: float, *, confidence: float = 0.95, power: float = 0.8) -> int:
    """Compute how many answers each of two groups needs for a difference to be seen.

    Parameters
    ----------
    difference : float
        Difference that matters, above 0, in the unit of the score.
    variance : float >= 0
        Variance of one answer in that unit, squared: for a share p (1 - p), for NPS in points
        100² (p + d - (p - d)²). Taken to be the same in both groups.
    confidence : float in (0, 1)
        One minus the level of the two-sided test.
    power : float in (0, 1)
        Probability that a difference of that size is then found.

    Returns
    -------
    int
        Answers in each group, not invitations.

    Raises
    ------
    ParameterError
        CJ-ST-020 if a value is impossible.

    Notes
    -----
    n = 2 v (z + z_power)² / difference², rounded up (normal approximation).

    Examples
    --------
    >>> answers_per_group(10, 100**2 * (0.7 - 0.3**2)), answers_per_group(0.1, 0.25)
    (958, 393)
    """
    if not (difference > 0 and variance >= 0 and math.isfinite(difference) and math.isfinite(variance)):
        raise ParameterError(
            f"difference={difference!r} must lie above 0 and variance={variance!r} be at least 0.", code="CJ-ST-020"
        )
    checks.fraction("power", power)
    both = z_value(confidence) + float(ndtri(power))
    return max(math.ceil(2 * variance * max(both, 0.0) ** 2 / difference**2 - 1e-9), 1)


def _needed(half_width: float, variance: float, whole: float, confidence: float) -> int:
    if not 0 < half_width <= whole:
        raise ParameterError(f"half_width={half_width!r} must lie above 0 and be at most {whole:g}.", code="CJ-ST-020")
    exact = z_value(confidence) ** 2 * max(variance, 0.0) * (whole / half_width) ** 2
    return max(math.ceil(exact - 1e-9), 1)
