"""Return after silence: the share that comes back although nothing was heard for tau days.

A silence is the time between two activities of a customer. The last one is still open at the cut-off
and counts as censored: leaving it out would keep only silences that ended well. One customer has many
silences, so intervals resample customers, never silences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t

Floats = npt.NDArray[np.float64]

LEAST = 20  # silences still followed at the end of the window, below which nothing is said
_CELLS = 6_000_000  # counts kept for the bootstrap; more customers share a cluster above it
_CLUSTERS = 1000
_UNKNOWN_SHARE = 0.01  # of the silences at tau, in strata that nobody follows to the end of the window


@dataclass(frozen=True, kw_only=True)
class ReturnCurve:
    """P(return within `within_days` | silent for tau), and its bootstrap draws.

    Attributes
    ----------
    table : DataFrame
        tau_days, n_silences (still followed at tau), estimate, ci_low, ci_high (shares in [0, 1])
    draws : array, shape (n_draws, n_tau)
        The same shares in resamples of customers; used by `smallest_threshold`.
    within_days : int
    confidence : float
    """

    table: pd.DataFrame
    draws: Floats
    within_days: int
    confidence: float


def return_curve(
    gaps: pd.DataFrame,
    *,
    within_days: int,
    tau_days: npt.ArrayLike | None = None,
    n_draws: int = 400,
    seed: int = 0,
    confidence: float = 0.95,
) -> ReturnCurve:
    """Estimate the share that returns within a window after a silence of tau days, for many tau.

    Parameters
    ----------
    gaps : DataFrame
        unit (integer key of the customer), length_days (>= 0), returned (1, or 0 = open at the cut-off),
        optional stratum (text or integer known when the silence began)
    within_days : whole days after tau in which a return counts; what comes later is not seen as a return
    tau_days : whole days at which to read; default every day that can be read
    n_draws, seed : of the bootstrap over customers
    confidence : level of the intervals

    Returns
    -------
    ReturnCurve
        Rows only for tau at which at least 20 silences are followed to tau + `within_days`.

    Raises
    ------
    ParameterError
        CJ-ST-060: a length is negative or missing, `returned` is not 0 or 1, the window is below a day.
    NotEnoughDataError
        CJ-ST-061: at no tau are enough silences followed to the end of the window.

    Notes
    -----
    Kaplan-Meier of the silences in whole days (rounded down), S_k, in each stratum k of n_k silences;
    P(tau) = Σ n_k (S_k(tau) - S_k(tau + w)) / Σ n_k S_k(tau). Strata matter because a fast customer has
    many early, well followed silences: without them the cut-off would not be independent of the length
    (Wang and Chang 1999, JASA 94, 146-153). Percentile bootstrap of customers; beyond 1,000 customers
    random groups of them are resampled, which has the same expectation.

    Examples
    --------
    >>> gaps = pd.DataFrame({"unit": range(40), "length_days": [5.0] * 10 + [60.0] * 30,
    ...                      "returned": [1] * 10 + [0] * 30})
    >>> return_curve(gaps, within_days=30, tau_days=[0, 10]).table["estimate"].tolist()
    [0.25, 0.0]
    """
    checks.fraction("confidence", confidence)
    _checked(gaps, within_days)
    closed, left, sizes = _counts(gaps, np.random.default_rng(seed))
    survival, at_risk = _survival(closed.sum(axis=0)[None], left.sum(axis=0)[None])
    last = left.shape[2] - 1
    grid = np.arange(max(last - within_days + 1, 0)) if tau_days is None else np.atleast_1d(np.asarray(tau_days))
    grid = np.unique(grid.astype(np.int64))
    grid = grid[(grid >= 0) & (grid + within_days <= last)]
    end = np.clip(grid + within_days - 1, 0, last)
    weight = sizes[:, None] * survival[0][:, grid]
    unseen = (at_risk[0][:, end] == 0) & (survival[0][:, end] > 0)
    total = weight.sum(axis=0)
    unknown = np.divide((weight * unseen).sum(axis=0), total, out=np.ones(len(grid)), where=total > 0)
    grid = grid[(at_risk[0][:, end].sum(axis=0) >= LEAST) & (unknown <= _UNKNOWN_SHARE)]
    if not len(grid):
        raise NotEnoughDataError(t(
            "Silences are not followed long enough: fewer than {n} reach the end of a window of {within} days.",
            n=LEAST, within=within_days), code="CJ-ST-061")  # fmt: skip
    draws = _bootstrap(closed, left, grid, within_days, n_draws=n_draws, seed=seed)
    estimate = _share(survival, sizes[None], grid, within_days)[0]
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0) if n_draws else np.full((2, len(grid)), np.nan)
    table = pd.DataFrame({"tau_days": grid, "n_silences": at_risk[0][:, grid].sum(axis=0).astype(np.int64),
                          "estimate": estimate, "ci_low": np.minimum(low, estimate),
                          "ci_high": np.maximum(high, estimate)})  # fmt: skip
    return ReturnCurve(table=table, draws=draws, within_days=within_days, confidence=confidence)


def smallest_threshold(curve: ReturnCurve, *, at_most: float = 0.10, from_day: int = 1) -> tuple[float, float, float]:
    """Find the shortest silence after which at most a share `at_most` returns.

    Parameters
    ----------
    curve : ReturnCurve
    at_most : share of returns that is accepted, strictly between 0 and 1
    from_day : shortest silence that may be chosen

    Returns
    -------
    (estimate, ci_low, ci_high)
        Whole days; `inf` where not reached at any tau that can be read. Limits are quantiles of the same
        choice made in each resample of customers.

    Notes
    -----
    Searched from the silence after which most return: who buys every month does not come back within a
    week of the purchase, and has not left.

    Examples
    --------
    >>> gaps = pd.DataFrame({"unit": range(40), "length_days": [5.0] * 10 + [60.0] * 30,
    ...                      "returned": [1] * 10 + [0] * 30})
    >>> smallest_threshold(return_curve(gaps, within_days=30))[0]
    6.0
    """
    checks.fraction("at_most", at_most)
    days = curve.table["tau_days"].to_numpy(dtype=float)
    allowed = days >= from_day

    def choose(share: Floats) -> float:
        peak = np.nanargmax(share) if np.isfinite(share).any() else 0
        reached = allowed & (share <= at_most) & (np.arange(len(share)) >= peak)
        return float(days[np.argmax(reached)]) if reached.any() else np.inf

    estimate = choose(curve.table["estimate"].to_numpy(dtype=float))
    if not len(curve.draws):
        return estimate, np.nan, np.nan
    chosen = np.sort([choose(draw) for draw in curve.draws])
    tail = (1 - curve.confidence) / 2
    low, high = np.quantile(chosen, [tail, 1 - tail], method="inverted_cdf")
    return estimate, min(float(low), estimate), max(float(high), estimate)


def pace_class(number: npt.ArrayLike, pace_days: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Class of each silence by what was known when it began: 0 = after the first activity, 1 to 3 = pace.

    The thirds are those of the mean earlier silence of the customer: 1 the fastest, 3 the slowest.

    Examples
    --------
    >>> pace_class([1, 2, 2, 2], [float("nan"), 5, 20, 90]).tolist()
    [0, 1, 2, 3]
    """
    pace = np.asarray(pace_days, dtype=float)
    found = np.zeros(len(pace), dtype=np.int64)
    again = np.asarray(number) > 1
    if again.any():
        cuts = np.quantile(pace[again], [1 / 3, 2 / 3])
        found[again] = 1 + np.searchsorted(cuts, pace[again], side="left")
    return found


def _checked(gaps: pd.DataFrame, within_days: int) -> None:
    length = gaps["length_days"].to_numpy(dtype=float)
    if not (np.isfinite(length) & (length >= 0)).all() or not gaps["returned"].isin([0, 1]).all():
        raise ParameterError("Each silence needs a length of 0 days or more, and returned 0 or 1.", code="CJ-ST-060")
    if within_days < 1:
        raise ParameterError(f"within_days={within_days} must be at least one whole day.", code="CJ-ST-060")
    if gaps.empty:
        raise NotEnoughDataError(t("Nobody was ever active, so there is no silence to look at."), code="CJ-ST-061")


def _counts(gaps: pd.DataFrame, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Silences that ended by a return, and that ended at all, by cluster, stratum and whole day."""
    day = np.floor(gaps["length_days"].to_numpy(dtype=float)).astype(np.int64)
    stratum = pd.factorize(gaps["stratum"], sort=True)[0] if "stratum" in gaps else np.zeros(len(gaps), dtype=np.int64)
    unit, people = pd.factorize(gaps["unit"])
    n_strata, n_days = int(stratum.max()) + 1, int(day.max()) + 1
    n_clusters = min(len(people), _CLUSTERS, max(_CELLS // (n_strata * n_days), 50))
    group = rng.permutation(len(people)) % n_clusters
    cell = (group[unit] * n_strata + stratum) * n_days + day
    shape = (n_clusters, n_strata, n_days)
    size = n_clusters * n_strata * n_days
    left: Floats = np.bincount(cell, minlength=size).reshape(shape).astype(np.float64)
    closed = np.bincount(cell, weights=gaps["returned"].to_numpy(dtype=float), minlength=size).reshape(shape)
    sizes: Floats = np.bincount(stratum, minlength=n_strata).astype(np.float64)
    return closed.astype(np.float64), left, sizes


def _survival(closed: Floats, left: Floats) -> tuple[Floats, Floats]:
    """P(length >= d) and number at risk at d, for d = 0, 1, ..., along the last axis."""
    at_risk = np.cumsum(left[..., ::-1], axis=-1)[..., ::-1]
    stays = 1 - np.divide(closed, at_risk, out=np.zeros_like(closed), where=at_risk > 0)
    product = np.cumprod(stays, axis=-1)
    survival: Floats = np.concatenate([np.ones_like(product[..., :1]), product], axis=-1)
    # One more day than observed, so that tau + window may be the day after the longest silence.
    return survival, at_risk


def _share(survival: Floats, sizes: Floats, grid: npt.NDArray[np.int64], within: int) -> Floats:
    here, later = survival[..., grid], survival[..., grid + within]
    weight = sizes[..., None]
    total = (weight * here).sum(axis=-2)
    gone = (weight * (here - later)).sum(axis=-2)
    share: Floats = np.divide(gone, total, out=np.full(total.shape, np.nan), where=total > 0)
    return share


def _bootstrap(
    closed: Floats, left: Floats, grid: npt.NDArray[np.int64], within: int, *, n_draws: int, seed: int
) -> Floats:
    """Shares in resamples of the clusters; a resample multiplies the counts of each by how often it is drawn."""
    n, shape = len(left), left.shape[1:]
    rng = np.random.default_rng(seed + 1)
    found = []
    size = max(1, min(n_draws, 4_000_000 // max(int(np.prod(shape)), 1)))
    for start in range(0, n_draws, size):
        times = rng.multinomial(n, np.full(n, 1 / n), size=min(size, n_draws - start)).astype(float)
        ended = (times @ closed.reshape(n, -1)).reshape(-1, *shape)
        exits = (times @ left.reshape(n, -1)).reshape(-1, *shape)
        survival, _ = _survival(ended, exits)
        found.append(_share(survival, exits.sum(axis=-1), grid, within))
    return np.concatenate(found) if found else np.empty((0, len(grid)))
