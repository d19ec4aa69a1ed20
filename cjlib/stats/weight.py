"""Weights that make respondents resemble everybody on known margins, and what they cost.

Weights repair what is explained by the margins and nothing else. The price is the design effect: n
answers with unequal weights say as much as fewer answers with equal ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import Floats


class DesignEffect(NamedTuple):
    """Kish's design effect and effective number of answers."""

    design_effect: float
    n_effective: float


def kish(weights: npt.ArrayLike) -> DesignEffect:
    """Compute how much unequal weights inflate the variance of a mean.

    Parameters
    ----------
    weights : array_like of float >= 0
        One per answer; their scale does not matter.

    Returns
    -------
    DesignEffect
        `design_effect` = n Σw²/(Σw)² (at least 1) and `n_effective` = (Σw)²/Σw².

    Raises
    ------
    ParameterError
        CJ-ST-012 if a weight is negative or missing, or all are 0.

    Notes
    -----
    Kish (1965), Survey Sampling, section 11.7.

    Examples
    --------
    >>> effect = kish([1, 1, 2, 2, 4])
    >>> effect.design_effect, round(effect.n_effective, 5)
    (1.3, 3.84615)
    """
    w = _checked(weights)
    effective = w.sum() ** 2 / (w @ w)
    return DesignEffect(float(w.size / effective), float(effective))


def rake(
    answers: pd.DataFrame,
    targets: Mapping[str, Mapping[str, float]],
    *,
    weights: npt.ArrayLike | None = None,
    tolerance: float = 1e-10,
    rounds: int = 1000,
) -> Floats:
    """Compute weights whose totals equal known margins, as close as possible to the weights at the start.

    Parameters
    ----------
    answers : DataFrame
        One row per answer; a text column per margin.
    targets : mapping of column to (category to total)
        Known totals or shares; each margin is scaled to the sum of the first.
    weights : array_like, optional
        At the start; 1 each if left out.
    tolerance : float
        Largest relative miss of a margin at the end.
    rounds : int
        Most passes over all margins.

    Returns
    -------
    array (n,) of float64
        Weights that sum to the first margin's total.

    Raises
    ------
    ParameterError
        CJ-ST-012: an answer's category has no target, or a weight or target is not a number from 0.
    NotEnoughDataError
        CJ-ST-004: a target category has no answers (merge categories), or the margins cannot be met.

    Notes
    -----
    Iterative proportional fitting (Deming and Stephan 1940, Ann. Math. Stat. 11, 427-444).

    Examples
    --------
    >>> answers = pd.DataFrame({"persona": ["a", "a", "b"]})
    >>> rake(answers, {"persona": {"a": 10, "b": 30}}).tolist()
    [5.0, 5.0, 30.0]
    """
    w = _checked(np.ones(len(answers)) if weights is None else weights).copy()
    margins = [_margin(answers, w, name, wanted) for name, wanted in targets.items()]
    if not margins:
        raise ParameterError("targets names no margin.", code="CJ-ST-012")
    total = margins[0][1].sum()
    margins = [(codes, wanted * total / wanted.sum()) for codes, wanted in margins]
    for _ in range(rounds):
        for codes, wanted in margins:
            held = np.bincount(codes, weights=w, minlength=wanted.size)
            w *= np.divide(wanted, held, out=np.zeros(wanted.size), where=held > 0)[codes]
        misses = [
            np.abs(np.bincount(codes, weights=w, minlength=wanted.size) - wanted).max() for codes, wanted in margins
        ]
        if max(misses) <= tolerance * total:
            return w
    raise NotEnoughDataError(
        t("The known margins cannot all be met with these answers; use fewer margins or merge categories."),
        code="CJ-ST-004",
    )


def _margin(
    answers: pd.DataFrame, w: Floats, name: str, wanted: Mapping[str, float]
) -> tuple[npt.NDArray[np.intp], Floats]:
    totals = np.array(list(wanted.values()), dtype=float)
    if not ((totals >= 0) & np.isfinite(totals)).all() or totals.sum() == 0:
        raise ParameterError(f"The targets of {name!r} are not all numbers from 0.", code="CJ-ST-012")
    codes = pd.Index(list(wanted)).get_indexer(pd.Index(answers[name]))
    if (codes < 0).any():
        raise ParameterError(
            f"{int((codes < 0).sum())} of {len(codes)} answers have a {name!r} without a target.", code="CJ-ST-012"
        )
    held = np.bincount(codes, weights=w, minlength=totals.size)
    empty = [category for category, has, needs in zip(wanted, held, totals, strict=True) if needs > 0 and has == 0]
    if empty:
        raise NotEnoughDataError(
            t("Nobody in {category} answered: no weight can stand for them.", category=", ".join(map(str, empty))),
            code="CJ-ST-004",
        )
    return codes, totals


def _checked(weights: npt.ArrayLike) -> Floats:
    w = np.asarray(weights, dtype=float).ravel()
    if not ((w >= 0) & np.isfinite(w)).all() or not w.any():
        raise ParameterError("Weights are numbers from 0, at least one above.", code="CJ-ST-012")
    return w
