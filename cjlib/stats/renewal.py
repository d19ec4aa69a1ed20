"""Projection of contractual retention: the shifted-beta-geometric model.

At each renewal a customer leaves with an own, constant probability; these differ between customers as a
beta distribution. Retention then rises with age because those who leave easily have left: sorting, not
loyalty. For observed contract ends only (a subscription, a licence), at whole renewal periods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaln, expit, logit

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import Floats, z_value

_BOUND = 12.0  # log of the largest parameter: beyond it the model is the plain geometric one


@dataclass(frozen=True, kw_only=True)
class ShiftedBetaGeometric:
    """Fitted model: leaving probability ~ Beta(alpha, beta).

    `covariance` is that of (log alpha, log beta); NaN where the data do not determine both.
    """

    alpha: float
    beta: float
    log_likelihood: float
    covariance: Floats

    def survival(self, periods: npt.ArrayLike, *, confidence: float = 0.95) -> pd.DataFrame:
        """Project the share still with us after each number of renewal periods.

        Returns `period, estimate, ci_low, ci_high`; S(t) = B(alpha, beta+t)/B(alpha, beta), limits by the
        delta method on logit S. They express the fit's uncertainty, not that the model may be wrong.

        Examples
        --------
        >>> model = shifted_beta_geometric([1000, 869, 743, 653, 593, 551, 517, 491])
        >>> model.survival([8])["estimate"].round(4).tolist()
        [0.4604]
        """
        z = z_value(confidence)
        period = np.atleast_1d(np.asarray(periods, dtype=float))
        point = np.log([self.alpha, self.beta])
        later = np.where(period > 0, period, 1.0)  # at the start everybody is there: no slope to compute
        slope = np.stack([_logit_slope(point, move, later) for move in 1e-5 * np.eye(2)])
        spread = z * np.sqrt(np.einsum("ij,ik,kj->j", slope, self.covariance, slope))
        centre = logit(_survival(point, later))
        return pd.DataFrame(
            {
                "period": period,
                "estimate": _survival(point, period),
                "ci_low": np.where(period > 0, expit(centre - spread), 1.0),
                "ci_high": np.where(period > 0, expit(centre + spread), 1.0),
            }
        )


def shifted_beta_geometric(active: Sequence[int]) -> ShiftedBetaGeometric:
    """Fit the model to one cohort by maximum likelihood.

    Parameters
    ----------
    active : sequence of int, at least 3
        Customers of the cohort at the start and after 1, 2, ... renewal periods; never rising.

    Returns
    -------
    ShiftedBetaGeometric
        `alpha, beta, log_likelihood, covariance` and `.survival(periods)`.

    Raises
    ------
    ParameterError
        CJ-ST-011 if the numbers rise or are not whole numbers from 0.
    NotEnoughDataError
        CJ-ST-002 with fewer than two renewals, or if nobody left.

    Notes
    -----
    As `renewal_model`, everybody still there being open after the last period.

    Examples
    --------
    >>> model = shifted_beta_geometric([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> round(model.alpha, 3), round(model.beta, 3)
    (0.668, 3.806)
    """
    counts = np.asarray(active, dtype=float)
    if counts.ndim != 1 or (counts < 0).any() or (counts != np.floor(counts)).any() or (np.diff(counts) > 0).any():
        raise ParameterError(
            "active holds whole numbers of customers that never rise: a contract that ended stays ended.",
            code="CJ-ST-011",
        )
    lost = -np.diff(counts)
    return renewal_model(lost, np.append(np.zeros(lost.size), counts[-1] if counts.size else 0))


def renewal_model(ended: npt.ArrayLike, still: npt.ArrayLike) -> ShiftedBetaGeometric:
    """Fit the model to contracts that began at different times: some ended, some are still in force.

    Parameters
    ----------
    ended : array_like (T,)
        Contracts that ended in their 1st, 2nd, ..., T-th period.
    still : array_like (T + 1,)
        Contracts in force that have 0, 1, ..., T periods behind them.

    Returns
    -------
    ShiftedBetaGeometric

    Raises
    ------
    ParameterError
        CJ-ST-011 if the numbers are not whole or the lengths do not fit.
    NotEnoughDataError
        CJ-ST-002 with fewer than two periods, or if none ended.

    Notes
    -----
    P(T = t) = B(alpha+1, beta+t-1)/B(alpha, beta); a contract in force after s periods contributes S(s) (Fader
    and Hardie 2007, J. Interact. Mark. 21(1), 76-90).

    Examples
    --------
    >>> model = renewal_model([131, 126, 90], [0, 0, 0, 653])
    >>> one = shifted_beta_geometric([1000, 869, 743, 653])
    >>> round(model.alpha / one.alpha, 6)
    1.0
    """
    from scipy.optimize import minimize

    lost, kept = np.asarray(ended, dtype=float), np.asarray(still, dtype=float)
    whole = all((part >= 0).all() and (part == np.floor(part)).all() for part in (lost, kept))
    if lost.ndim != 1 or kept.shape != (lost.size + 1,) or not whole:
        raise ParameterError(
            f"ended ({lost.size}) and still ({kept.size}) hold whole numbers of contracts, still one more than ended.",
            code="CJ-ST-011",
        )
    if lost.size < 2 or lost.sum() == 0:
        raise NotEnoughDataError(
            t("No projection: it needs at least two renewals and somebody who left."), code="CJ-ST-002"
        )
    period = np.arange(1, lost.size + 1)

    def negative(point: Floats) -> float:
        alpha, beta = np.exp(point)
        left = betaln(alpha + 1, beta + period - 1) - betaln(alpha, beta)
        stayed = betaln(alpha, beta + period) - betaln(alpha, beta)
        return -float(lost @ left + kept[1:] @ stayed)

    fit = minimize(
        negative,
        np.zeros(2),
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * 2,
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 2000},
    )
    alpha, beta = np.exp(fit.x)
    return ShiftedBetaGeometric(
        alpha=float(alpha), beta=float(beta), log_likelihood=-float(fit.fun), covariance=_inverse(negative, fit.x)
    )


def _survival(point: Floats, period: Floats) -> Floats:
    alpha, beta = np.exp(point)
    result: Floats = np.exp(betaln(alpha, beta + period) - betaln(alpha, beta))
    return result


def _logit_slope(point: Floats, move: Floats, period: Floats) -> Floats:
    up, down = logit(_survival(point + move, period)), logit(_survival(point - move, period))
    result: Floats = (up - down) / (2 * move.sum())
    return result


def _inverse(negative: Callable[[Floats], float], point: Floats) -> Floats:
    """Inverse of the second derivatives; NaN where the likelihood is too flat for the delta method.

    Flat means that a parameter is known to a factor of 20 at best, or lies on its bound: customers then
    hardly differ, and the two parameters cannot be told apart.
    """
    unknown = np.full((2, 2), np.nan)
    if (np.abs(point) > _BOUND - 0.1).any():
        return unknown
    step = 1e-2
    moves = step * np.eye(2)
    second = np.array(
        [
            [
                negative(point + a + b) - negative(point + a - b) - negative(point - a + b) + negative(point - a - b)
                for b in moves
            ]
            for a in moves
        ]
    ) / (4 * step**2)
    if np.linalg.eigvalsh(second)[0] < 0.1:
        return unknown
    return np.asarray(np.linalg.inv(second), dtype=np.float64)
