"""Mean scores: t interval, and a seeded bootstrap that stays on the scale.

Answers come one per row, or once per distinct score with `n` saying how many gave it. NaN means "did not
answer" and never counts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from cjlib.core import checks
from cjlib.core.errors import ParameterError
from cjlib.stats.proportion import Floats

Ints = npt.NDArray[np.int64]
_CHUNK = 4_000_000  # numbers drawn at once by the bootstrap: 32 MB


def mean_interval(scores: npt.ArrayLike, *, n: npt.ArrayLike | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """Compute the mean score with its t interval.

    Parameters
    ----------
    scores : array_like of float
        NaN = did not answer.
    n : array_like, optional
        How many gave each score; once each if left out.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        One row: `n_responses, estimate, std_error, ci_low, ci_high`. Error and limits are NaN with fewer
        than two answers, and when all answers are equal: their spread is then unknown, not 0.

    Notes
    -----
    mean ± t(n-1) s/√n (Student 1908).

    Examples
    --------
    >>> mean_interval([1, 2, 3, 4])[["estimate", "ci_low", "ci_high"]].round(4).values.tolist()
    [[2.5, 0.4457, 4.5543]]
    """
    values, counts = counted(scores, n)
    total = int(counts.sum())
    mean = float(values @ counts / total) if total else np.nan
    error = np.nan
    if np.count_nonzero(counts) > 1:
        error = float(np.sqrt((values - mean) ** 2 @ counts / (total - 1) / total))
    checks.fraction("confidence", confidence)
    half = error * float(stdtrit(total - 1, (1 + confidence) / 2)) if error > 0 else np.nan
    return _mean_row(total, mean, error, mean - half, mean + half)


def bootstrap_mean(
    scores: npt.ArrayLike,
    *,
    seed: int,
    n: npt.ArrayLike | None = None,
    draws: int = 2000,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compute the mean score with a percentile bootstrap interval, which stays on the scale.

    Parameters
    ----------
    scores : array_like of float
        NaN = did not answer.
    seed : int
        Same seed, same interval.
    n : array_like, optional
        How many gave each score; once each if left out.
    draws : int >= 100
        Number of resamples.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        As `mean_interval`; `std_error` is the spread of the resampled means.

    Raises
    ------
    ParameterError
        CJ-ST-008 if `draws` is below 100.

    Notes
    -----
    Efron (1979), Ann. Stat. 7, 1-26. Answers with the same score are alike, so a resample is one
    multinomial draw over the distinct scores: exact, and its cost does not grow with the answers.

    Examples
    --------
    >>> row = bootstrap_mean([1, 2, 3, 4], seed=1)
    >>> row["estimate"].item(), bool(row["ci_low"].item() >= 1)
    (2.5, True)
    """
    checks.fraction("confidence", confidence)
    if draws < 100:
        raise ParameterError(f"draws={draws} is too few for an interval; use 2000.", code="CJ-ST-008")
    values, counts = counted(scores, n)
    total = int(counts.sum())
    if np.count_nonzero(counts) < 2:
        return _mean_row(total, float(values @ counts / total) if total else np.nan, np.nan, np.nan, np.nan)
    generator = np.random.default_rng(seed)
    size = max(1, _CHUNK // values.size)
    parts = [min(size, draws - start) for start in range(0, draws, size)]
    means = np.concatenate([generator.multinomial(total, counts / total, m) @ values for m in parts]) / total
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return _mean_row(total, float(values @ counts / total), float(means.std(ddof=1)), low, high)


def counted(scores: npt.ArrayLike, n: npt.ArrayLike | None = None) -> tuple[Floats, Ints]:
    """Count answers per distinct score, ascending.

    Raises
    ------
    ParameterError
        CJ-ST-005 if `n` is not one whole number from 0 per score.

    Examples
    --------
    >>> [part.tolist() for part in counted([5, float("nan"), 3, 5])]
    [[3.0, 5.0], [1, 2]]
    """
    given = np.asarray(scores, dtype=float).ravel()
    counts = np.ones(given.size, dtype=np.int64) if n is None else whole_counts(np.asarray(n).ravel())
    if counts.shape != given.shape:
        raise ParameterError(f"n holds {counts.size} counts for {given.size} scores.", code="CJ-ST-005")
    answered = ~np.isnan(given) & (counts > 0)
    values, where = np.unique(given[answered], return_inverse=True)
    return values, np.bincount(where, weights=counts[answered], minlength=values.size).astype(np.int64)


def whole_counts(counts: npt.ArrayLike) -> Ints:
    """Return counts as integers; refuse fractions, negatives and NaN (CJ-ST-005).

    Examples
    --------
    >>> whole_counts([3.0, 0]).tolist()
    [3, 0]
    """
    values = np.asarray(counts, dtype=float)
    if not ((values >= 0) & (values == np.floor(values)) & np.isfinite(values)).all():
        raise ParameterError("Counts of answers are whole numbers from 0.", code="CJ-ST-005")
    return values.astype(np.int64)


def _mean_row(total: int, mean: float, error: float, low: float, high: float) -> pd.DataFrame:
    row = {"n_responses": total, "estimate": mean, "std_error": error, "ci_low": low, "ci_high": high}
    return pd.DataFrame([row])
