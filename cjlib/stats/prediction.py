"""How well do predictions hold on people they were not made from: Brier score, AUC, and what one adds.

Intervals come from drawing the people of the test again (bootstrap); the models stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import ParameterError
from cjlib.stats.propensity import fit_propensity

Floats = npt.NDArray[np.float64]
RIDGE = 0.02  # per person, on standardised columns: few people must not make a sure forecast


def forecast(train: npt.ArrayLike, outcome: npt.ArrayLike, test: npt.ArrayLike, *, ridge: float = RIDGE) -> Floats:
    """Fit a logistic regression on `train` and forecast the outcome of `test`.

    Parameters
    ----------
    train : array_like (n, k) of float
        k may be 0: then the forecast is the share in `outcome`.
    outcome : array_like (n,) of bool
        With both values.
    test : array_like (m, k) of float
    ridge : float >= 0
        Penalty per person on the squared coefficients of the standardised columns.

    Returns
    -------
    array (m,) of float in (0, 1)

    Notes
    -----
    Slightly penalised (ridge), columns standardised by `train` alone.

    Examples
    --------
    >>> forecast([[0.0], [0.0], [1.0], [1.0]], [0, 0, 1, 1], [[0.0], [1.0]]).round(1).tolist()
    [0.1, 0.9]
    """
    x, y, new = (np.asarray(values, dtype=float) for values in (train, outcome, test))
    if x.shape[1] == 0:
        return np.full(len(new), y.mean())
    fit = fit_propensity(x, y, ridge=ridge)
    spread = x.std(axis=0)
    scaled = (new - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    z = fit.coefficients[0] + scaled @ fit.coefficients[1:]
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -35, 35))))


def brier(outcome: npt.ArrayLike, forecasts: npt.ArrayLike) -> float:
    """Mean squared distance of forecasts and outcomes (Brier 1950); 0 is perfect.

    Examples
    --------
    >>> brier([1, 0], [0.5, 0.5])
    0.25
    """
    distance = np.asarray(outcome, dtype=float) - np.asarray(forecasts, dtype=float)
    return float(np.mean(distance**2))


def auc(outcome: npt.ArrayLike, forecasts: npt.ArrayLike) -> float:
    """Chance that a person with the outcome has a higher forecast than one without; ties count half.

    NaN where all outcomes are equal.

    Examples
    --------
    >>> auc([1, 1, 0, 0], [0.9, 0.4, 0.4, 0.1])
    0.875
    """
    y = np.asarray(outcome, dtype=float)
    order, starts = rank_order(np.asarray(forecasts, dtype=float))
    return ordered_auc(y[order], np.ones(y.size), starts)


def compare_forecasts(
    outcome: npt.ArrayLike, forecasts: Mapping[str, npt.ArrayLike], *, draws: int = 1000, seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Judge several forecasts of the same people, and every pair of them, with bootstrap intervals.

    Parameters
    ----------
    outcome : array_like (m,) of bool
    forecasts : name to array_like (m,)
    draws : int >= 100
    seed : int
    confidence : float in (0, 1)

    Returns
    -------
    DataFrame
        model, than ("" for the model itself), measure ("brier" or "auc"), estimate, ci_low, ci_high. Of a
        pair the estimate is how much `model` is better than `than`: Brier lower, AUC higher by that much.

    Raises
    ------
    ParameterError
        CJ-ST-041 for forecasts of another length or too few draws.

    Examples
    --------
    >>> judged = compare_forecasts([1, 0] * 50, {"null": [0.5] * 100, "sure": [0.9, 0.1] * 50})
    >>> pair = judged[(judged["model"] == "sure") & (judged["than"] == "null")]
    >>> pair[["measure", "estimate"]].round(2).values.tolist()
    [['brier', 0.24], ['auc', 0.5]]
    """
    y = np.asarray(outcome, dtype=float)
    given = {name: np.asarray(values, dtype=float) for name, values in forecasts.items()}
    if draws < 100 or any(values.size != y.size for values in given.values()):
        raise ParameterError("Forecasts have one entry per person; at least 100 draws.", code="CJ-ST-041")
    rng = np.random.default_rng(seed)
    distance = {name: (y - forecast) ** 2 for name, forecast in given.items()}
    ranked = {name: rank_order(forecast) for name, forecast in given.items()}
    sorted_y = {name: y[order] for name, (order, _) in ranked.items()}
    values = {name: {"brier": np.empty(draws + 1), "auc": np.empty(draws + 1)} for name in given}
    for draw in range(draws + 1):  # the first one is the sample itself; one at a time, for the memory's sake
        people = np.arange(y.size) if draw == 0 else rng.integers(0, y.size, y.size)
        weight = np.bincount(people, minlength=y.size).astype(float)
        for name, (order, starts) in ranked.items():
            values[name]["brier"][draw] = np.einsum("i,i", weight, distance[name]) / y.size
            values[name]["auc"][draw] = ordered_auc(sorted_y[name], weight[order], starts)
    rows = []
    for name, found in values.items():
        for than in ["", *(other for other in values if other != name)]:
            for measure, worse in (("brier", -1.0), ("auc", 1.0)):
                line = found[measure] if not than else worse * (found[measure] - values[than][measure])
                tail = (1 - confidence) / 2
                low, high = np.nanquantile(line[1:], [tail, 1 - tail]) if not np.isnan(line[0]) else (np.nan, np.nan)
                rows.append({"model": name, "than": than, "measure": measure, "estimate": line[0],
                             "ci_low": low, "ci_high": high})  # fmt: skip
    return pd.DataFrame(rows)


def rank_order(forecasts: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Order of the forecasts, and where each distinct value starts in it."""
    order = np.argsort(forecasts, kind="stable")
    return order, np.flatnonzero(np.append(True, np.diff(forecasts[order]) > 0))


def ordered_auc(y: Floats, weight: Floats, starts: npt.NDArray[np.intp]) -> float:
    """Area from people in order of their forecast, each counted `weight` times."""
    with_it = weight * y
    without = weight - with_it
    if starts.size < y.size:
        with_it, without = np.add.reduceat(with_it, starts), np.add.reduceat(without, starts)
    pairs = with_it.sum() * without.sum()
    below = np.cumsum(without) - without
    return float(np.einsum("i,i", with_it, below + without / 2) / pairs) if pairs else np.nan
