"""Accelerated time: families of waiting times compared, and the share that will never have the outcome.

log T = x'β + σ·e, e of the family: Weibull (exponential if σ = 1), log-normal or log-logistic. A time ratio
exp(β) of 1.5 says: everything takes half as long again per unit. With `cure` a share c never has the
outcome: S(t) = c + (1-c)·S₀(t). One likelihood serves both; lifelines is the oracle of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, log_expit, log_ndtr, ndtr

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.stats.covariate import checked, standardised
from cjlib.stats.proportion import z_value
from cjlib.stats.risk_table import Floats


class _Law(NamedTuple):
    """Log density and log survival of the standard error, and their derivatives, at z."""

    log_f: Callable[[Floats], Floats]
    log_s: Callable[[Floats], Floats]
    slope_f: Callable[[Floats], Floats]
    slope_s: Callable[[Floats], Floats]


def _hazard_of_normal(z: Floats) -> Floats:
    result: Floats = np.exp(-(z**2) / 2 - log_ndtr(-z)) / np.sqrt(2 * np.pi)
    return result


_WEIBULL = _Law(lambda z: z - np.exp(z), lambda z: -np.exp(z), lambda z: 1 - np.exp(z), lambda z: -np.exp(z))
_LAWS = {
    "exponential": _WEIBULL,
    "weibull": _WEIBULL,
    "log-normal": _Law(
        lambda z: -(z**2) / 2 - np.log(2 * np.pi) / 2,
        lambda z: log_ndtr(-z),
        lambda z: -z,
        lambda z: -_hazard_of_normal(z),
    ),
    "log-logistic": _Law(
        lambda z: log_expit(z) + log_expit(-z), lambda z: log_expit(-z), lambda z: 1 - 2 * expit(z), lambda z: -expit(z)
    ),
}
FAMILIES = tuple(_LAWS)


class Waiting(NamedTuple):
    """One fitted family: coefficients (of standardised x), log σ and logit c with their covariance."""

    family: str
    estimate: Floats
    covariance: Floats
    log_likelihood: float

    @property
    def aic(self) -> float:
        """Twice the number of parameters less twice the log likelihood; smaller is better."""
        return 2 * self.estimate.size - 2 * self.log_likelihood


@dataclass(frozen=True, kw_only=True)
class TimeModel:
    """Families of accelerated time, compared.

    `families`: `family, aic, log_likelihood`, best first. `table` of the best one, `family`:
    `covariate, coefficient, std_error, time_ratio, ci_low, ci_high, p_value`. `scale` is σ,
    `intercept` the mean log time at covariates of 0.
    """

    families: pd.DataFrame
    family: str
    table: pd.DataFrame
    intercept: float
    scale: float
    n_people: int
    n_event: int
    dropped: tuple[tuple[str, str], ...]


def accelerated_time(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[str],
    families: Sequence[str] = FAMILIES,
    cure: bool = False,
    weight: str | None = None,
    confidence: float = 0.95,
) -> TimeModel:
    """Compare families of accelerated time by AIC and give the time ratios of the best.

    Parameters
    ----------
    rows : DataFrame
        One row per person: `stop_days` > 0, `event` (0 or 1), numeric covariates without gaps.
    covariates : sequence of str
        Columns whose time ratios are wanted.
    families : sequence of str
        Of "exponential", "weibull", "log-normal", "log-logistic".
    cure : bool
        Let a share that depends on the covariates never have the outcome: the ratios then are among those
        who ever have it. Without, "never" makes a wait look longer.
    weight : str, optional
        Column that says how many people share the row.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    TimeModel
        A ratio above 1 means a longer wait per unit of the covariate. The interval does not know that
        the family was chosen.

    Raises
    ------
    ParameterError
        CJ-ST-050 as in `hazard.proportional_hazards`.
    NotEnoughDataError
        CJ-ST-051: no outcome, no covariate left, or no family that fits.

    Notes
    -----
    Kalbfleisch and Prentice (2002), section 3.6; equals R's `survreg`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=500)
    >>> rows = pd.DataFrame({"stop_days": np.exp(2 + 0.5 * x + rng.normal(size=500)), "event": 1, "x": x})
    >>> accelerated_time(rows, covariates=["x"]).family
    'log-normal'
    """
    z = z_value(confidence)
    people = checked(rows.assign(start_days=0.0), covariates, weight)
    names, _, spread, _, dropped = standardised(people, covariates, (), None)
    centre = np.average(people[names].to_numpy(dtype=float), axis=0, weights=number_of(people, weight))
    x = (people[names].to_numpy(dtype=float) - centre) / spread
    fits = sorted(
        (fit for family in families if (fit := waiting(people, family, x, both=cure, weight=weight))),
        key=lambda fit: fit.aic,
    )
    if not fits:
        raise NotEnoughDataError(t("No family of waiting times fits: too few outcomes."), code="CJ-ST-051")
    best = fits[0]
    coefficient = best.estimate[1 : 1 + len(names)] / spread
    error = np.sqrt(np.diag(best.covariance))[1 : 1 + len(names)] / spread
    return TimeModel(
        families=pd.DataFrame(
            [(fit.family, fit.aic, fit.log_likelihood) for fit in fits], columns=["family", "aic", "log_likelihood"]
        ),
        family=best.family,
        table=pd.DataFrame(
            {
                "covariate": names,
                "coefficient": coefficient,
                "std_error": error,
                "time_ratio": np.exp(coefficient),
                "ci_low": np.exp(coefficient - z * error),
                "ci_high": np.exp(coefficient + z * error),
                "p_value": 2 * ndtr(-np.abs(coefficient / error)),
            }
        ),
        intercept=float(best.estimate[0] - coefficient @ centre),
        scale=1.0 if best.family == "exponential" else float(np.exp(best.estimate[1 + len(names)])),
        n_people=int(number_of(people, weight).sum()),
        n_event=int(number_of(people, weight)[people["event"] == 1].sum()),
        dropped=dropped,
    )


def number_of(people: pd.DataFrame, weight: str | None) -> Floats:
    """How many people each row stands for, (n,)."""
    return np.ones(len(people)) if weight is None else people[weight].to_numpy(dtype=float)


def waiting(
    people: pd.DataFrame, family: str, x: Floats, *, cure: bool = False, both: bool = False, weight: str | None = None
) -> Waiting | None:
    """Maximise the likelihood of one family; None if it has no maximum inside.

    `x` (n, p) without a constant. The estimate is (intercept, β, [log σ,] [logit c]); with `both` the logit
    of the share that never has the outcome depends on `x` too: (..., its intercept, its p coefficients).
    """
    n = number_of(people, weight)
    time = people["stop_days"].to_numpy(dtype=float)
    event = people["event"].to_numpy(dtype=bool)
    design = np.column_stack([np.ones(time.size), x])
    log_time, law, free = np.log(time), _LAWS[family], family != "exponential"
    size = design.shape[1]
    gate = design if both else design[:, : int(cure)]  # what the share that never has the outcome depends on
    k = gate.shape[1]

    def negative(theta: Floats) -> tuple[float, Floats]:
        sigma = float(np.exp(theta[size])) if free else 1.0
        logit = gate @ theta[theta.size - k :] if k else np.full(time.size, -np.inf)
        z = np.clip((log_time - design @ theta[:size]) / sigma, -700, 50)
        log_s = law.log_s(z)
        open_ = np.logaddexp(log_expit(logit), log_expit(-logit) + log_s)
        value = np.where(event, log_expit(-logit) + law.log_f(z) - np.log(sigma), open_)
        still = np.exp(log_expit(-logit) + log_s - open_)
        by_z = np.where(event, law.slope_f(z), still * law.slope_s(z))
        slope = [-(design.T @ (n * by_z)) / sigma]
        if free:
            slope.append(np.array([-(n * z * by_z).sum() - n[event].sum()]))
        if k:
            share = expit(logit)
            # d/dlogit log(c + (1-c)S) = c(1-c)(1-S)/(c + (1-c)S)
            inner = share * (1 - share) * -np.expm1(log_s) / np.exp(open_)
            slope.append(gate.T @ (n * np.where(event, -share, inner)))
        return -float(n @ value) + float((n * log_time)[event].sum()), -np.concatenate(slope)

    start = np.zeros(size + free + k)
    start[0] = np.average(log_time, weights=n)
    with np.errstate(all="ignore"):  # too few people: the search runs off, and the guard below refuses it
        found = minimize(negative, start, jac=True, method="BFGS", options={"gtol": 1e-6 * n.sum(), "maxiter": 500})
        estimate: Floats = found.x
        steps = 1e-5 * np.eye(estimate.size)
        hessian = np.array([(negative(estimate + h)[1] - negative(estimate - h)[1]) / 2e-5 for h in steps])
    hessian = (hessian + hessian.T) / 2
    if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian)[0] <= 1e-6 or np.abs(estimate).max() > 50:
        return None
    return Waiting(family, estimate, np.linalg.inv(hessian), -float(found.fun))


def incidence(fit: Waiting, times: Floats, *, cure: bool = False) -> Floats:
    """Share that has had the outcome by each time (days, >= 0) in a fit of `waiting` without covariates."""
    sigma = 1.0 if fit.family == "exponential" else float(np.exp(fit.estimate[1]))
    with np.errstate(divide="ignore"):  # time 0: log of it is -inf, where nobody has had it
        z = np.clip((np.log(times) - fit.estimate[0]) / sigma, -700, 50)
    result: Floats = -np.expm1(_LAWS[fit.family].log_s(z)) * (expit(-fit.estimate[-1]) if cure else 1.0)
    return result
