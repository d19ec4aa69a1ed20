"""Coded interviews: whether there is anything new to hear, and whether two coders read the same.

Saturation is judged on a curve that does not depend on the order in which people happened to be met.
Agreement is corrected for what two coders would share by chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaln, stdtrit

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import z_value


class Kappa(NamedTuple):
    """Agreement beyond chance with its interval; `observed` is the plain share of agreements."""

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    observed: float


def saturation(interviews: Sequence[Iterable[str]]) -> pd.DataFrame:
    """Count new codes per interview, and what to expect in any order.

    Parameters
    ----------
    interviews : sequence of collections of str
        Codes heard in each interview, in the order they were held.

    Returns
    -------
    DataFrame
        `interview` (1, 2, ...), `n_new` (codes not heard before), `n_codes` (heard so far), `expected`
        (codes heard in that many interviews, averaged over every order).

    Raises
    ------
    NotEnoughDataError
        CJ-ST-034 without an interview or a code.

    Notes
    -----
    Expected codes: sum over codes of 1 - C(n - f, k) / C(n, k), f the interviews with the code (Hurlbert
    1971, Ecology 52, 577-586). A curve that still rises at its end is not saturated.

    Examples
    --------
    >>> saturation([["fees", "wait"], ["wait"], ["fees", "app"]])["n_new"].tolist()
    [2, 0, 1]
    """
    held = [set(codes) for codes in interviews]
    every = sorted(set().union(*held)) if held else []
    if not every:
        raise NotEnoughDataError(t("There are no coded interviews, so saturation cannot be judged."), code="CJ-ST-034")
    n = len(held)
    often = np.array([sum(code in one for one in held) for code in every])
    seen: set[str] = set()
    new = []
    for one in held:
        new.append(len(one - seen))
        seen |= one
    k = np.arange(1, n + 1)[:, None]
    with np.errstate(invalid="ignore"):
        missed = np.exp(gammaln(n - often + 1) - gammaln(np.maximum(n - often - k, 0) + 1)
                        - gammaln(n + 1) + gammaln(n - k + 1))  # fmt: skip
    expected = np.where(k <= n - often, 1 - missed, 1.0).sum(axis=1)
    return pd.DataFrame({"interview": k[:, 0], "n_new": new, "n_codes": np.cumsum(new), "expected": expected})


def cohen_kappa(one: npt.ArrayLike, other: npt.ArrayLike, *, confidence: float = 0.95) -> Kappa:
    """Compute the agreement of two coders on the same passages, beyond chance.

    Parameters
    ----------
    one, other : array_like (n,) of labels
        Code that each coder gave to each passage.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Kappa
        Limits are cut at -1 and 1.

    Raises
    ------
    ParameterError
        CJ-ST-021 if the coders did not code the same passages.
    NotEnoughDataError
        CJ-ST-034 without a passage, or if both coders used one and the same code only.

    Notes
    -----
    κ = (p_o - p_e) / (1 - p_e) (Cohen 1960); large-sample error of Fleiss, Cohen and Everitt (1969),
    Psychol. Bull. 72, 323-327.

    Examples
    --------
    >>> round(cohen_kappa(["fee", "fee", "wait", "wait"], ["fee", "wait", "wait", "wait"]).estimate, 2)
    0.5
    """
    first, second = np.asarray(one).ravel().astype(str), np.asarray(other).ravel().astype(str)
    if first.shape != second.shape:
        raise ParameterError(f"{second.size} codes of one coder for {first.size} of the other.", code="CJ-ST-021")
    labels, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    if labels.size < 2:
        raise NotEnoughDataError(
            t("Agreement cannot be judged: there are no passages, or a single code was used throughout."),
            code="CJ-ST-034",
        )
    n = first.size
    p = np.zeros((labels.size, labels.size))
    np.add.at(p, (codes[:n], codes[n:]), 1 / n)
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    kappa = (observed - chance) / (1 - chance)
    agreed = np.diag(p) @ (1 - (rows + columns) * (1 - kappa)) ** 2
    crossed = p * (columns[:, None] + rows[None, :]) ** 2
    apart = (1 - kappa) ** 2 * (crossed.sum() - np.trace(crossed))
    variance = (agreed + apart - (kappa - chance * (1 - kappa)) ** 2) / ((1 - chance) ** 2 * n)
    error = float(np.sqrt(max(variance, 0.0)))
    half = z_value(confidence) * error
    return Kappa(kappa, error, max(kappa - half, -1.0), min(kappa + half, 1.0), observed)


def clustered_kappa(
    one: npt.ArrayLike, other: npt.ArrayLike, cluster: npt.ArrayLike, *, confidence: float = 0.95
) -> Kappa:
    """Compute the agreement of two coders where several judgements come from the same interview.

    Parameters
    ----------
    one, other : array_like (n,) of labels
        What each coder said of each passage, or of each code in each interview.
    cluster : array_like (n,)
        Interview that the judgement belongs to.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Kappa
        Estimate as in `cohen_kappa`; error by leaving out one interview at a time, limits by Student's t.

    Raises
    ------
    ParameterError
        CJ-ST-021 if the three differ in length.
    NotEnoughDataError
        CJ-ST-034 with fewer than three interviews, or if agreement rests on a single interview.

    Notes
    -----
    Delete-one-cluster jackknife: var = (m - 1) / m sum (k_i - mean k)² (Efron and Stein 1981, Ann. Stat.
    9, 586-596). Judgements of one interview are alike; the error of `cohen_kappa` takes them as independent.

    Examples
    --------
    >>> one = ["yes", "no", "no", "yes", "no", "yes", "no", "no"]
    >>> other = ["yes", "no", "no", "no", "no", "yes", "yes", "no"]
    >>> found = clustered_kappa(one, other, [1, 1, 2, 2, 3, 3, 4, 4])
    >>> round(found.estimate, 3), round(found.observed, 2)
    (0.467, 0.75)
    """
    first, second = np.asarray(one).ravel().astype(str), np.asarray(other).ravel().astype(str)
    groups, place = np.unique(np.asarray(cluster).ravel(), return_inverse=True)
    if not first.shape == second.shape == place.shape:
        raise ParameterError(f"{first.size} and {second.size} codes for {place.size} judgements.", code="CJ-ST-021")
    labels, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    m = groups.size
    tables = np.zeros((m, labels.size, labels.size))
    np.add.at(tables, (place, codes[: first.size], codes[first.size :]), 1.0)
    whole = tables.sum(axis=0)
    left = _kappas(whole - tables)
    if m < 3 or labels.size < 2 or np.isnan(left).any():
        raise NotEnoughDataError(
            t("Agreement cannot be judged: too few interviews were coded twice, or a single code was used."),
            code="CJ-ST-034",
        )
    estimate = float(_kappas(whole[None])[0])
    error = float(np.sqrt((m - 1) / m * ((left - left.mean()) ** 2).sum()))
    half = float(stdtrit(m - 1, (1 + confidence) / 2)) * error
    observed = float(np.trace(whole) / whole.sum())
    return Kappa(estimate, error, max(estimate - half, -1.0), min(estimate + half, 1.0), observed)


def _kappas(tables: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Kappa of each square table of counts, shape (m, labels, labels); NaN where chance alone explains all."""
    total = tables.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.trace(tables, axis1=1, axis2=2) / total
        chance = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1) / total**2
        kappa: npt.NDArray[np.float64] = np.where(chance < 1, (observed - chance) / (1 - chance), np.nan)
    return kappa
