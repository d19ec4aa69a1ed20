"""Who answers: response propensity, the weights that follow from it, and what they change.

Each answer is weighted by one over the probability that such a person answers, so that those who
answered stand for everybody invited. This repairs what the covariates explain and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import Floats

Bools = npt.NDArray[np.bool_]
ROUNDS = 100


@dataclass(frozen=True, eq=False)
class Propensity:
    """A fitted model: `probability` (n,), standardised `design` (n, k + 1), `information` (k + 1, k + 1).

    `coefficients` belong to the standardised columns, the intercept first.
    """

    probability: Floats
    design: Floats
    information: Floats
    coefficients: Floats

    @property
    def r_indicator(self) -> float:
        """1 - 2 s, s the spread of the probabilities: 1 if all answer alike (Schouten et al. 2009)."""
        return 1 - 2 * float(self.probability.std(ddof=1))


def fit_propensity(covariates: npt.ArrayLike, answered: npt.ArrayLike, *, ridge: float = 1e-3) -> Propensity:
    """Estimate the probability to answer by logistic regression.

    Parameters
    ----------
    covariates : array_like (n, k) of float
        One row per person invited, no missing values; columns need not be on one scale.
    answered : array_like (n,) of bool
    ridge : float >= 0
        Penalty per person on the squared coefficients of the standardised columns. It keeps the
        estimate finite when a covariate tells exactly who answers, and hardly moves it otherwise.

    Returns
    -------
    Propensity

    Raises
    ------
    ParameterError
        CJ-ST-030 for values that are missing or of other length.
    NotEnoughDataError
        CJ-ST-031 if everybody or nobody answered, or the estimate does not stay finite (`ridge=0`).

    Notes
    -----
    Newton's method with halved steps on -log L + n ridge |β|²/2, intercept not penalised. The penalty
    grows with n and acts on standardised columns: duplicating everybody or changing a unit of
    measurement changes nothing.

    Examples
    --------
    >>> fit = fit_propensity([[0], [0], [0], [0], [1], [1], [1], [1]], [1, 0, 0, 0, 1, 1, 1, 0], ridge=0)
    >>> fit.probability[[0, 4]].round(4).tolist()
    [0.25, 0.75]
    """
    x, y = _checked(covariates, answered)
    spread = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    design = np.column_stack([np.ones(len(y)), scaled])
    penalty = np.full(design.shape[1], ridge * len(y))
    penalty[0] = 0
    penalty[1:][spread == 0] = 1  # a column that never varies keeps the coefficient 0
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(y.mean() / (1 - y.mean()))
    cost = _cost(design, y, beta, penalty)
    for _ in range(ROUNDS):
        p = _logistic(design @ beta)
        information = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.lstsq(information, design.T @ (y - p) - penalty * beta, rcond=None)[0]
        size = 1.0
        while (new := _cost(design, y, beta + size * step, penalty)) > cost + 1e-12 * abs(cost) and size > 1e-6:
            size /= 2
        beta, cost = beta + size * step, new
        if np.abs(step).max() < 1e-8:
            return Propensity(p, design, information, beta)
    raise NotEnoughDataError(
        t("Who answers cannot be estimated: a covariate tells exactly who answered."), code="CJ-ST-031"
    )


class Weights(NamedTuple):
    """Weights of those who answered (0 for the others), which are capped, and the share of them."""

    weight: Floats
    capped: Bools
    share_trimmed: float


def inverse_weights(probability: Floats, answered: npt.ArrayLike, *, most: float = 5.0) -> Weights:
    """Compute one over the probability for those who answered, cut at `most` times their mean.

    Parameters
    ----------
    probability : array (n,) of float in (0, 1)
    answered : array_like (n,) of bool
    most : float >= 1
        A few people that hardly ever answer must not decide; the cut trades variance for bias.

    Returns
    -------
    Weights
        Mean 1 over those who answered.

    Examples
    --------
    >>> weights = inverse_weights(np.array([0.5, 0.25, 0.25]), [True, True, False])
    >>> weights.weight.round(4).tolist(), weights.share_trimmed
    ([0.6667, 1.3333, 0.0], 0.0)
    """
    here = np.asarray(answered, dtype=bool)
    if not most >= 1:
        raise ParameterError(f"most={most!r} is below 1; weights are cut at a multiple of their mean.",
                             code="CJ-ST-030")  # fmt: skip
    raw = np.where(here, 1 / probability, 0.0)
    limit = most * raw[here].mean()
    capped = raw > limit
    cut = np.minimum(raw, limit)
    return Weights(cut / cut[here].mean(), capped, float(capped[here].mean()))


class Estimate(NamedTuple):
    """A mean over those who answered, and how each person moves it (sums to 0)."""

    value: float
    influence: Floats


def plain_mean(values: Floats, answered: Bools) -> Estimate:
    """Mean of `values` over those who answered, with its influence function."""
    mean = float(values[answered].mean())
    return Estimate(mean, np.where(answered, values - mean, 0.0) / answered.sum())


def weighted_mean(values: Floats, answered: Bools, fit: Propensity, weights: Weights) -> Estimate:
    """Weighted mean of `values` over those who answered, with its influence function.

    Parameters
    ----------
    values : array (n,)
        What was answered; ignored (may be NaN) where `answered` is False.
    answered : array (n,) of bool
    fit, weights : of the same people

    Returns
    -------
    Estimate

    Notes
    -----
    Hájek mean. The influence function accounts for the estimated propensities (stacked estimating
    equations: Robins, Rotnitzky and Zhao 1994, J. Am. Stat. Assoc. 89, 846-866): with w = 1/p, x the
    design and I the information, w r (y - m)/Σw - [Σ w (1 - p)(y - m) x / Σw] I⁻¹ x (r - p); capped
    weights do not depend on the model.
    """
    total = weights.weight.sum()
    centred = np.where(answered, values, 0.0)
    mean = float(weights.weight @ centred / total)
    centred = np.where(answered, values - mean, 0.0)
    moving = np.where(weights.capped, 0.0, weights.weight) * (1 - fit.probability) * centred
    slope = np.linalg.lstsq(fit.information, moving @ fit.design / total, rcond=None)[0]
    moved = (fit.design @ slope) * (answered - fit.probability)
    return Estimate(mean, weights.weight * centred / total - moved + moved.mean())  # the ridge has a mean of its own


def clustered_error(influence: Floats, cluster: npt.ArrayLike) -> float:
    """Linearised standard error of an estimate, people counted once however often they were asked.

    Examples
    --------
    >>> estimate = plain_mean(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True] * 4))
    >>> round(clustered_error(estimate.influence, [0, 1, 2, 3]), 4)  # the plain error of a mean
    0.6455
    """
    _, code = np.unique(np.asarray(cluster), return_inverse=True)
    sums = np.bincount(code, weights=influence)
    return float(np.sqrt(sums.size / (sums.size - 1) * (sums @ sums))) if sums.size > 1 else np.nan


def asmd(covariates: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Absolute standardised difference between the weighted people and everybody, per column.

    Parameters
    ----------
    covariates : array_like (n, k)
        Everybody invited.
    weights : array_like (n,) >= 0
        0 for those who did not answer.

    Returns
    -------
    array (k,)
        |weighted mean - mean| / standard deviation of everybody; above 0.1 is usually called unbalanced
        (Austin 2009, Stat. Med. 28, 3083-3107). NaN for a column that never varies.

    Examples
    --------
    >>> asmd([[0.0], [0.0], [1.0], [1.0]], [1, 0, 1, 1]).round(4).tolist()
    [0.3333]
    """
    x, w = np.asarray(covariates, dtype=float), np.asarray(weights, dtype=float)
    spread = x.std(axis=0)
    gap = np.abs(w @ x / w.sum() - x.mean(axis=0))
    result: Floats = np.divide(gap, spread, out=np.full(x.shape[1], np.nan), where=spread > 0)
    return result


def _checked(covariates: npt.ArrayLike, answered: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(covariates, dtype=float), np.asarray(answered, dtype=float)
    if x.ndim != 2 or x.shape[0] != y.size or not np.isfinite(x).all() or not np.isin(y, (0, 1)).all():
        raise ParameterError("Covariates are one row of numbers per person, answered is 0 or 1 each.",
                             code="CJ-ST-030")  # fmt: skip
    if y.size == 0 or y.min() == y.max():
        raise NotEnoughDataError(t("Who answers cannot be estimated: everybody answered, or nobody."), code="CJ-ST-031")
    return x, y


def _logistic(z: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(z, -35, 35)))


def _cost(design: Floats, y: Floats, beta: Floats, penalty: Floats) -> float:
    z = design @ beta
    return float(np.logaddexp(0, z).sum() - y @ z + (penalty * beta**2).sum() / 2)
