"""Raking to everybody invited: those who answered get the margins that are known for all.

A second way to weight for who did not answer. It takes a few known totals and no model of who answers;
where it and the model disagree, the correction rests on the way it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import ParameterError
from cjlib.stats.propensity import Bools, Estimate
from cjlib.stats.proportion import Floats
from cjlib.stats.weight import rake

Codes = npt.NDArray[np.intp]
FEWEST = 10  # answers in a class: below, few people would stand for many
_MISS = 1e-7  # of everybody: far below a person even among a million


@dataclass(frozen=True, eq=False)
class Raked:
    """Weights (0 for the silent, mean 1 over those who answered) and the classes (n,) of each margin."""

    weight: Floats
    classes: Mapping[str, Codes]


def rake_to_all(classes: Mapping[str, npt.ArrayLike], answered: npt.ArrayLike, *, fewest: int = FEWEST) -> Raked:
    """Compute weights that give those who answered the margins of everybody.

    Parameters
    ----------
    classes : mapping of margin to array_like (n,) of codes
        One code per person invited, answered or not.
    answered : array_like (n,) of bool
    fewest : int >= 1
        A class with fewer answers is merged into the largest one of its margin.

    Returns
    -------
    Raked
        Margins with one class left are dropped; without any, all weights are 1.

    Raises
    ------
    ParameterError
        CJ-ST-012 if the lengths differ or nobody answered.
    NotEnoughDataError
        CJ-ST-004 if the margins cannot all be met.

    Notes
    -----
    Iterative proportional fitting (Deming and Stephan 1940), see `cjlib.stats.weight.rake`.

    Examples
    --------
    >>> found = rake_to_all({"persona": [0, 0, 0, 1, 1, 1]}, [1, 1, 0, 1, 0, 0], fewest=1)
    >>> found.weight.round(2).tolist()
    [0.75, 0.75, 0.0, 1.5, 0.0, 0.0]
    """
    here = np.asarray(answered, dtype=bool)
    given = {name: np.asarray(values) for name, values in classes.items()}
    if not here.any() or any(values.shape != here.shape for values in given.values()):
        raise ParameterError("Classes are one code per person invited, and somebody answered.", code="CJ-ST-012")
    merged = {name: _merge(values, here, fewest) for name, values in given.items()}
    merged = {name: codes for name, codes in merged.items() if codes.max(initial=0) > 0}
    weight = np.where(here, 1.0, 0.0)
    if merged:
        totals = {name: dict(enumerate(np.bincount(codes).astype(float))) for name, codes in merged.items()}
        people = pd.DataFrame({name: codes[here] for name, codes in merged.items()})
        weight[here] = rake(people, totals, tolerance=_MISS)  # type: ignore[arg-type]
    return Raked(weight / weight[here].mean(), merged)


def _merge(values: npt.NDArray[np.generic], here: Bools, fewest: int) -> Codes:
    """Codes 0, 1, ... with at least `fewest` answers each; the others join the class with most answers."""
    _, codes = np.unique(values, return_inverse=True)
    held = np.bincount(codes[here], minlength=codes.max(initial=0) + 1)
    kept = np.where(held >= fewest, np.arange(held.size), held.argmax())
    found: Codes = np.unique(kept[codes], return_inverse=True)[1].astype(np.intp)
    return found


def raked_mean(values: Floats, answered: Bools, raked: Raked) -> Estimate:
    """Raked mean of `values` over those who answered, with its influence function.

    Parameters
    ----------
    values : array (n,)
        What was answered; ignored (may be NaN) where `answered` is False.
    answered : array (n,) of bool
    raked : of the same people

    Returns
    -------
    Estimate

    Notes
    -----
    Calibration leaves the residuals of a weighted regression on the margins (Deville and Särndal 1992,
    J. Am. Stat. Assoc. 87, 376-382): with W the weights of total n, u = y - m and u' its prediction from
    the margins, each person moves the mean by (u' + W r (u - u'))/n.

    Examples
    --------
    >>> said = np.array([1.0, 0.0, 1.0, 1.0, np.nan, np.nan])
    >>> answered = np.array([True, True, True, True, False, False])
    >>> raked = rake_to_all({"persona": [0, 0, 1, 1, 0, 0]}, answered, fewest=1)
    >>> round(raked_mean(said, answered, raked).value, 4)
    0.6667
    """
    n = answered.size
    scaled = raked.weight * n / raked.weight.sum()
    centred = np.where(answered, values, 0.0)
    mean = float(scaled @ centred / n)
    centred = np.where(answered, values - mean, 0.0)
    predicted = _predict(centred, answered, raked)
    influence = (predicted + scaled * (centred - predicted)) / n
    return Estimate(mean, influence - influence.mean())


def _predict(centred: Floats, answered: Bools, raked: Raked) -> Floats:
    """Prediction for everybody from the classes, fitted by weighted least squares on those who answered."""
    columns = [(name, code) for name, codes in raked.classes.items() for code in range(1, int(codes.max()) + 1)]
    design = np.column_stack(
        [np.ones(int(answered.sum())), *(raked.classes[name][answered] == code for name, code in columns)]
    ).astype(float)
    weighted = design * raked.weight[answered][:, None]
    slope = np.linalg.lstsq(weighted.T @ design, weighted.T @ centred[answered], rcond=None)[0]
    predicted = np.full(answered.size, slope[0])
    for (name, code), value in zip(columns, slope[1:], strict=True):
        predicted += np.where(raked.classes[name] == code, value, 0.0)
    return predicted
