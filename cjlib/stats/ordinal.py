"""Scores as ordered classes: odds of a better answer per driver, and whether one odds ratio is enough.

The proportional-odds model says that a driver multiplies the odds of "better than s" by the same number
at every s. The check fits a plain yes/no model at each step of the scale and asks whether their
coefficients differ more than chance.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, expit, ndtr

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.stats.proportion import Floats, z_value

_FAR = 12.0  # a coefficient per standard deviation that no finite sample supports: separation
_SIDE = 5  # fewest answers per column on each side of a step for the check


class OrdinalFit(NamedTuple):
    """Coefficients on the log-odds of a better answer, their errors, the cut-points and the deviance."""

    coefficient: Floats
    std_error: Floats
    cuts: Floats
    deviance: float


def ordinal_logit(y: npt.ArrayLike, x: npt.ArrayLike, *, people: npt.ArrayLike | None = None) -> OrdinalFit:
    """Fit the proportional-odds model logit P(Y > s) = x'b - cut(s).

    Parameters
    ----------
    y : array_like (n,) of float
        Scores; their order counts, not their distance.
    x : array_like (n, p) of float
        Drivers, no missing values, each with some spread.
    people : array_like (n,), optional
        Whose answer it is: errors that allow for several answers of one person. Left out: errors of the
        model, for one answer per person.

    Returns
    -------
    OrdinalFit
        One coefficient per column, in its own unit. The people change the errors only.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004: all scores equal; CJ-ST-023: no finite coefficient fits (a driver separates the scores,
        or drivers say the same).

    Notes
    -----
    McCullagh (1980), J. R. Stat. Soc. B 42, 109-142; estimated by `OrderedModel` of statsmodels on
    standardised columns. With `people` the sandwich of Liang and Zeger (1986), Biometrika 73, 13-22, scores
    summed per person, times G/(G-1): `vcovCL` of the R package sandwich on `polr`.

    Examples
    --------
    >>> fit = ordinal_logit([1, 1, 2, 2, 3, 3, 1, 3], [[0], [0], [0], [1], [1], [1], [1], [0]])
    >>> fit.coefficient.round(2).tolist()
    [1.1]
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    scores, columns = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    if not np.ptp(scores) > 0:
        raise NotEnoughDataError(t("All scores are equal, so nothing can explain their spread."), code="CJ-ST-004")
    spread = columns.std(axis=0)
    if not (spread > 0).all() or np.linalg.matrix_rank(columns - columns.mean(axis=0)) < columns.shape[1]:
        raise _separated()
    scaled = (columns - columns.mean(axis=0)) / spread
    codes = pd.Categorical(scores, ordered=True)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the fit is judged below, by what it found
        model = OrderedModel(codes, scaled, distr="logit")
        found = model.fit(method="bfgs", disp=False, maxiter=300, gtol=1e-7)
        # Without an invertible information matrix there is no covariance at all
        covariance = found.normalized_cov_params
        errors = np.sqrt(np.diag(np.asarray(covariance))) if covariance is not None else np.full(1, np.nan)
    size = columns.shape[1]
    slope, error = np.asarray(found.params)[:size], errors[:size]
    if not np.isfinite(error).all() or np.abs(slope).max() > _FAR:
        raise _separated()
    cuts = model.transform_threshold_params(np.asarray(found.params)[size:])[1:-1]
    if people is not None:
        error = _sandwich(np.asarray(codes.codes), scaled, slope, cuts, np.asarray(people))
    centre = columns.mean(axis=0) / spread
    return OrdinalFit(slope / spread, error / spread, cuts + slope @ centre, -2 * float(found.llf))


def _sandwich(level: Any, x: Floats, slope: Floats, cuts: Floats, people: Any) -> Floats:
    """Errors of the slopes from the scores summed per person."""
    steps = np.concatenate([[-np.inf], cuts, [np.inf]])
    eta = x @ slope
    upper, lower = expit(steps[level + 1] - eta), expit(steps[level] - eta)
    chance = upper - lower
    f_up, f_low = upper * (1 - upper), lower * (1 - lower)
    g_up, g_low = f_up * (1 - 2 * upper), f_low * (1 - 2 * lower)
    # Every term depends on (upper step - eta) and (lower step - eta): columns of their derivatives
    marks = np.eye(len(steps))[:, 1:-1]
    up, low = np.hstack([-x, marks[level + 1]]), np.hstack([-x, marks[level]])
    score = (f_up / chance)[:, None] * up - (f_low / chance)[:, None] * low
    bend = (up * (g_up / chance)[:, None]).T @ up - (low * (g_low / chance)[:, None]).T @ low - score.T @ score
    bread = np.linalg.pinv(-bend)
    summed = _summed(score, people)
    covariance = bread @ (summed.T @ summed) @ bread * len(summed) / max(len(summed) - 1, 1)
    found: Floats = np.sqrt(np.clip(np.diag(covariance)[: x.shape[1]], 0, None))
    if len(summed) < 2 or not (found > 0).all():
        raise _separated()
    return found


def _summed(rows: Floats, people: Any) -> Floats:
    """Sum of the rows of each person."""
    names, who = np.unique(people, return_inverse=True)
    total: Floats = np.zeros((names.size, rows.shape[1]))
    np.add.at(total, who, rows)
    return total


def proportional_odds(
    y: npt.ArrayLike, x: npt.ArrayLike, *, people: npt.ArrayLike | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Check that one odds ratio per driver is enough, by yes/no models at every step of the scale.

    Parameters
    ----------
    y : array_like (n,) of float
        Scores.
    x : array_like (n, p) of float
        Drivers.
    people : array_like (n,), optional
        Whose answer it is, where some answered several times.
    confidence : float in (0, 1)
        Level at which a driver is called uneven.

    Returns
    -------
    DataFrame
        One row per column: `n_cuts` (steps with enough answers on both sides), `lowest, highest` (odds
        ratios over the steps), `chi2, df, p_value`, `even` (False where the odds ratio depends on the
        step); NaN with fewer than two usable steps.

    Notes
    -----
    Wald test of Brant (1990), Biometrics 46, 1171-1178, column by column; with `people` the covariance of
    the steps comes from the scores summed per person.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(400, 1))
    >>> y = np.digitize(x[:, 0] + rng.logistic(size=400), [-1, 0, 1])
    >>> proportional_odds(y, x)[["n_cuts", "even"]].values.tolist()
    [[3, True]]
    """
    scores, columns = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    spread = np.where(columns.std(axis=0) > 0, columns.std(axis=0), 1.0)
    design = np.column_stack([np.ones(len(columns)), (columns - columns.mean(axis=0)) / spread])
    fits = []
    for cut in np.unique(scores)[:-1]:
        above = (scores > cut).astype(float)
        if min(above.sum(), len(above) - above.sum()) < _SIDE * design.shape[1]:
            continue
        fit = _logit(above, design)
        if fit is not None:
            fits.append((*fit, above))
    covariance = _covariance(fits, design, people)
    rows = [_even(fits, covariance, column, float(spread[column]), confidence) for column in range(columns.shape[1])]
    return pd.DataFrame(rows)


def p_of(coefficient: Floats, std_error: Floats) -> Floats:
    """Two-sided p-value of a coefficient (Wald)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = 2 * ndtr(-np.abs(coefficient / std_error))
    return found


def limits(fit: OrdinalFit, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wald limits of the odds ratios."""
    half = z_value(confidence) * fit.std_error
    return np.exp(fit.coefficient - half), np.exp(fit.coefficient + half)


def _separated() -> NotEnoughDataError:
    return NotEnoughDataError(
        t("No odds ratio can be given: a driver separates the scores completely, or two drivers say the same."),
        code="CJ-ST-023",
    )


def _logit(above: Floats, design: Floats) -> tuple[Floats, Floats] | None:
    """Coefficients and fitted probabilities of a yes/no model (Newton); None where it does not settle."""
    beta = np.zeros(design.shape[1])
    for _ in range(40):
        p = expit(design @ beta)
        weight = p * (1 - p)
        information = (design * weight[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (above - p))
        beta = beta + step
        if np.abs(beta).max() > _FAR:
            return None
        if np.abs(step).max() < 1e-10:
            return beta, expit(design @ beta)
    return None


def _covariance(fits: list[tuple[Floats, Floats, Floats]], design: Floats, people: Any) -> Floats:
    """Covariance of the coefficients of all steps, shape (steps, steps, columns), intercept left out."""
    inverse = [np.linalg.inv((design * (p * (1 - p))[:, None]).T @ design) for _, p, _ in fits]
    summed = [] if people is None else [
        _summed(design * (above - p)[:, None], np.asarray(people)) for _, p, above in fits]  # fmt: skip
    found = np.empty((len(fits), len(fits), design.shape[1] - 1))
    for a, (_, p, _) in enumerate(fits):
        for b, (_, q, _) in enumerate(fits):
            if summed:
                middle = summed[a].T @ summed[b] * len(summed[a]) / max(len(summed[a]) - 1, 1)
            else:
                # P(above both) is the probability of the higher step: covariance of the two yes/no outcomes
                middle = (design * (np.minimum(p, q) - p * q)[:, None]).T @ design
            found[a, b] = np.diag(inverse[a] @ middle @ inverse[b])[1:]
    return found


def _even(
    fits: list[tuple[Floats, Floats, Floats]], covariance: Floats, column: int, spread: float, confidence: float
) -> dict[str, float | bool | int]:
    """Row of the check for one column: whether its coefficients differ over the steps more than chance."""
    row: dict[str, float | bool | int] = {"n_cuts": len(fits), "lowest": np.nan, "highest": np.nan, "chi2": np.nan,
                                          "df": max(len(fits) - 1, 0), "p_value": np.nan, "even": True}  # fmt: skip
    if len(fits) < 2:
        return row
    slopes = np.array([beta[column + 1] for beta, _, _ in fits])
    contrast = np.column_stack([np.ones(len(fits) - 1), -np.eye(len(fits) - 1)])
    gap = contrast @ slopes
    chi2 = float(gap @ np.linalg.pinv(contrast @ covariance[:, :, column] @ contrast.T) @ gap)
    p_value = float(chdtrc(len(fits) - 1, chi2))
    odds = np.exp(slopes / spread)
    return row | {"lowest": float(odds.min()), "highest": float(odds.max()), "chi2": chi2, "p_value": p_value,
                  "even": p_value >= 1 - confidence}  # fmt: skip
