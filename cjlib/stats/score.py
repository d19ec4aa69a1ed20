"""Scores that customers gave: NPS, top-box shares and means, each with its interval.

Scores come one per answer, or once per distinct score with `n` saying how many gave it. NaN means "did
not answer" and never counts. NPS is in points from -100 to 100; other scores keep their scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from cjlib.core import checks
from cjlib.core.errors import ParameterError
from cjlib.stats.instrument import INSTRUMENTS, Instrument, instrument
from cjlib.stats.mean import bootstrap_mean, counted, mean_interval, whole_counts
from cjlib.stats.proportion import Floats, share, wilson, z_value

__all__ = [
    "INSTRUMENTS",
    "Instrument",
    "bootstrap_mean",
    "distribution",
    "instrument",
    "mean_interval",
    "nps",
    "nps_difference",
    "nps_from_scores",
    "top_box",
]


def nps(
    promoters: npt.ArrayLike,
    passives: npt.ArrayLike,
    detractors: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    method: Literal["adjusted", "wald"] = "adjusted",
) -> pd.DataFrame:
    """Compute the Net Promoter Score with its interval, one row per triple of counts.

    Parameters
    ----------
    promoters, passives, detractors : array_like of counts, broadcast together
        Answers 9-10, 7-8 and 0-6.
    confidence : float in (0, 1)
        Level of the interval.
    method : {"adjusted", "wald"}
        "wald" is for comparison with other tools: with all answers alike its error is 0.

    Returns
    -------
    DataFrame
        `n_promoter, n_passive, n_detractor, n_responses, estimate, std_error, ci_low, ci_high`, the last
        four in points. `estimate` is always the raw score; NaN without answers.

    Raises
    ------
    ParameterError
        CJ-ST-005 for a negative count.

    Notes
    -----
    Var = (p + d - (p-d)²)/n; promoters and detractors exclude each other, adding their variances would be
    wrong. "adjusted" adds 3/4, 3/2 and 3/4 pseudo-answers before computing centre and error (Rocks 2016,
    Am. Stat. 70, 365-372), so the interval is not centred on the estimate; it is cut at ±100 and, for
    one or two answers, widened to contain the estimate.

    Examples
    --------
    >>> nps(50, 30, 20)[["estimate", "ci_low", "ci_high"]].round(2).values.tolist()
    [[30.0, 14.05, 44.2]]
    """
    checks.one_of("method", method, ("adjusted", "wald"))
    z = z_value(confidence)
    given = np.broadcast_arrays(np.atleast_1d(promoters), np.atleast_1d(passives), np.atleast_1d(detractors))
    up, middle, down = (whole_counts(counts) for counts in given)
    n = up + middle + down
    estimate, error = _net(up, middle, down)
    centre = estimate
    if method == "adjusted":
        centre, error = _net(up + 0.75, middle + 1.5, down + 0.75)
        centre, error = np.where(n > 0, centre, np.nan), np.where(n > 0, error, np.nan)
    low, high = np.maximum(centre - z * error, -100), np.minimum(centre + z * error, 100)
    return pd.DataFrame(
        {
            "n_promoter": up,
            "n_passive": middle,
            "n_detractor": down,
            "n_responses": n,
            "estimate": estimate,
            "std_error": error,
            "ci_low": np.minimum(low, estimate),
            "ci_high": np.maximum(high, estimate),
        }
    )


def nps_from_scores(
    scores: npt.ArrayLike,
    *,
    n: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    method: Literal["adjusted", "wald"] = "adjusted",
) -> pd.DataFrame:
    """Compute the Net Promoter Score of answers from 0 to 10; see `nps` for the row returned.

    Parameters
    ----------
    scores : array_like of whole numbers 0-10
        NaN = did not answer.
    n : array_like, optional
        How many gave each score; once each if left out.
    confidence : float in (0, 1)
        Level of the interval.
    method : {"adjusted", "wald"}
        As in `nps`.

    Returns
    -------
    DataFrame
        One row; columns of `nps`.

    Raises
    ------
    ParameterError
        CJ-ST-008 if a score is outside 0-10 or not whole.

    Notes
    -----
    Cut-points 9 and 6 (Reichheld 2003), fixed: `INSTRUMENTS["nps"]`.

    Examples
    --------
    >>> nps_from_scores([10, 9, 8, 6, float("nan")])["estimate"].item()
    25.0
    """
    table = distribution(scores, scale=INSTRUMENTS["nps"].scale, n=n)
    answers, score = table["n_responses"], table["score"]
    up, down = answers[score >= 9].sum(), answers[score <= 6].sum()
    return nps(up, answers.sum() - up - down, down, confidence=confidence, method=method)


def nps_difference(one: pd.DataFrame, other: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Compare the NPS of two independent groups, row by row: `one` minus `other`.

    Parameters
    ----------
    one, other : DataFrame
        From `nps` or `nps_from_scores`; as many rows each. Different people: for the same people asked
        twice this is wrong.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        `estimate, std_error, ci_low, ci_high, z, p_value`; points. NaN for z and p where both groups
        have no spread at all.

    Notes
    -----
    z = (N₁ - N₂) / √(se₁² + se₂²) with the plain errors for the test; the interval uses the adjusted
    errors of `nps` about the plain difference, because two groups of promoters only have no plain error.

    Examples
    --------
    >>> row = nps_difference(nps(50, 30, 20), nps(40, 35, 25))
    >>> row[["estimate", "z", "p_value"]].round(5).values.tolist()
    [[15.0, 1.3484, 0.17753]]
    """
    level = z_value(confidence)
    groups = [frame[["n_promoter", "n_passive", "n_detractor"]].to_numpy().T for frame in (one, other)]
    (first, error1), (second, error2) = (_net(*counts) for counts in groups)
    adjusted = np.hypot(*(_net(up + 0.75, mid + 1.5, down + 0.75)[1] for up, mid, down in groups))
    difference, error = first - second, np.hypot(error1, error2)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(error > 0, difference / error, np.nan)
    adjusted = np.where(np.isnan(difference), np.nan, adjusted)
    return pd.DataFrame(
        {
            "estimate": difference,
            "std_error": error,
            "ci_low": np.maximum(difference - level * adjusted, -200),
            "ci_high": np.minimum(difference + level * adjusted, 200),
            "z": z,
            "p_value": 2 * ndtr(-np.abs(z)),
        }
    )


def top_box(
    scores: npt.ArrayLike, box: Sequence[float], *, n: npt.ArrayLike | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Compute the share of answers that lie in `box`, with its Wilson interval.

    Parameters
    ----------
    scores : array_like of float
        NaN = did not answer.
    box : sequence of float
        Scores that count, for example `INSTRUMENTS["csat"].good_scores`.
    n : array_like, optional
        How many gave each score; once each if left out.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        One row: `n_event` (answers in the box), `n_responses, estimate, ci_low, ci_high`; NaN without
        answers.

    Raises
    ------
    ParameterError
        CJ-ST-008 if the box is empty.

    Notes
    -----
    Wilson (1927) as in `proportion.wilson`.

    Examples
    --------
    >>> top_box([5, 5, 4, 2], INSTRUMENTS["csat"].good_scores)[["n_event", "estimate"]].values.tolist()
    [[3.0, 0.75]]
    """
    if not len(box):
        raise ParameterError("The box is empty: name the scores that count, for example (4, 5).", code="CJ-ST-008")
    values, counts = counted(scores, n)
    inside, total = counts[np.isin(values, box)].sum(), counts.sum()
    low, high = wilson([inside], [total], confidence=confidence)
    return pd.DataFrame(
        {
            "n_event": [inside],
            "n_responses": total,
            "estimate": share([inside], [total]),
            "ci_low": low,
            "ci_high": high,
        }
    )


def distribution(
    scores: npt.ArrayLike,
    *,
    scale: tuple[float, float],
    n: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count the answers at every step of the scale, those that nobody chose included.

    Parameters
    ----------
    scores : array_like of whole steps of the scale
        NaN = did not answer.
    scale : (float, float)
        Lowest and highest answer.
    n : array_like, optional
        How many gave each score; once each if left out.
    confidence : float in (0, 1)
        Level of the intervals, each for its own share.

    Returns
    -------
    DataFrame
        `score, n_responses, share, ci_low, ci_high`, one row per step, ascending.

    Raises
    ------
    ParameterError
        CJ-ST-008 if a score is off the scale or between two steps.

    Notes
    -----
    Wilson (1927) per row. The same NPS can come from very different distributions: always show it.

    Examples
    --------
    >>> distribution([5, 5, 3], scale=(1, 5))["n_responses"].tolist()
    [0, 0, 1, 0, 2]
    """
    values, counts = counted(scores, n)
    low_end, high_end = scale
    steps = np.arange(low_end, high_end + 1, dtype=float)
    wrong = ~np.isin(values, steps)
    if wrong.any():
        shown = ", ".join(f"{value:g}" for value in values[wrong][:5])
        raise ParameterError(
            f"{counts[wrong].sum()} of {counts.sum()} scores are not whole steps of the scale "
            f"{low_end:g} to {high_end:g}: {shown}.",
            code="CJ-ST-008",
        )
    answers = np.zeros(steps.size, dtype=np.int64)
    answers[np.searchsorted(steps, values)] = counts
    low, high = wilson(answers, answers.sum(), confidence=confidence)
    return pd.DataFrame(
        {
            "score": steps,
            "n_responses": answers,
            "share": share(answers, answers.sum()),
            "ci_low": low,
            "ci_high": high,
        }
    )


def _net(up: npt.NDArray[Any], middle: npt.NDArray[Any], down: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Net share and its error in points, NaN without answers."""
    n = up + middle + down
    with np.errstate(invalid="ignore", divide="ignore"):
        p, d = up / n, down / n
        error = np.sqrt(np.clip(p + d - (p - d) ** 2, 0, None) / n)
    return 100 * (p - d), 100 * error
