"""How much each driver matters: the explained spread of a score, shared out fairly among the drivers.

Drivers that come together (a late parcel and a call to support) explain the same part of the spread.
The share of a driver is what it adds to R², averaged over every order in which the drivers can enter.
It says how much a driver is worth for telling scores apart: importance, not what would happen if it
were changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.proportion import Floats

Ints = npt.NDArray[np.int64]
MOST_DRIVERS = 10  # 1,024 models
_JITTER = 1e-11  # keeps collinear drivers solvable; R² moves by less than that


class Importance(NamedTuple):
    """Share of R² per driver (they sum to `r2`), with the limits of the bootstrap."""

    share: Floats
    ci_low: Floats
    ci_high: Floats
    r2: float
    first: Floats


def shapley_r2(
    y: npt.ArrayLike,
    x: npt.ArrayLike,
    blocks: Sequence[Sequence[int]],
    *,
    seed: int,
    people: npt.ArrayLike | None = None,
    always: Sequence[int] = (),
    draws: int = 400,
    confidence: float = 0.95,
) -> Importance:
    """Compute the share of R² of each driver, with bootstrap intervals over people.

    Parameters
    ----------
    y : array_like (n,) of float
        Scores.
    x : array_like (n, p) of float
        Columns of the drivers; no missing values.
    blocks : sequence of sequence of int
        Columns of each driver; the columns of one driver enter together.
    seed : int
        Same seed, same intervals.
    people : array_like (n,), optional
        Who gave each answer; people are drawn, not answers. One each if left out.
    always : sequence of int
        Columns that are in every model and earn nothing: what is adjusted for (the stage of a question).
    draws : int >= 100
        Resamples.
    confidence : float in (0, 1)
        Level of the percentile intervals.

    Returns
    -------
    Importance
        `share, ci_low, ci_high` per driver, `r2` (what the drivers explain beyond `always`), and `first`:
        how often each driver came first.

    Raises
    ------
    ParameterError
        CJ-ST-022: no driver, more than 10, or too few draws.
    NotEnoughDataError
        CJ-ST-004: all scores are equal.

    Notes
    -----
    LMG (Lindeman, Merenda and Gold 1980), the Shapley value of R² (Lipovetsky and Conklin 2001); equals
    `calc.relimp(type = "lmg", always = ...)` of the R package relaimpo.

    Examples
    --------
    >>> found = shapley_r2([1, 2, 3, 4, 6], [[0, 1], [1, 0], [1, 1], [2, 0], [3, 1]], [[0], [1]], seed=1)
    >>> found.share.round(3).tolist(), round(found.r2, 3)
    ([0.972, 0.02], 0.991)
    """
    checks.fraction("confidence", confidence)
    if not 1 <= len(blocks) <= MOST_DRIVERS or draws < 100:
        raise ParameterError(
            f"{len(blocks)} drivers and {draws} draws: 1 to {MOST_DRIVERS} drivers and at least 100 draws are needed.",
            code="CJ-ST-022",
        )
    data = np.column_stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
    if not np.ptp(data[:, -1]) > 0:
        raise NotEnoughDataError(t("All scores are equal, so nothing can explain their spread."), code="CJ-ST-004")
    who = np.arange(len(data)) if people is None else np.unique(np.asarray(people), return_inverse=True)[1]
    data = data - data.mean(axis=0)
    generator = np.random.default_rng(seed)
    weights = np.ones(len(data))
    moments = [_moments(data, weights)]
    size = int(who.max()) + 1
    for _ in range(draws):
        drawn = generator.multinomial(size, np.full(size, 1 / size))
        moments.append(_moments(data, drawn[who].astype(float)))
    shares = _shapley(np.array(moments), [list(block) for block in blocks], list(always))
    low, high = np.quantile(shares[1:], [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    first = np.bincount(shares[1:].argmax(axis=1), minlength=len(blocks)) / draws
    return Importance(shares[0], low, high, float(shares[0].sum()), first)


def _moments(data: Floats, weights: Floats) -> Floats:
    """Correlation matrix of drivers and score; a column without spread is a column of zeros."""
    total = weights.sum()
    mean = weights @ data / total
    covariance = (data * weights[:, None]).T @ data / total - np.outer(mean, mean)
    spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    found: Floats = covariance * np.outer(scale, scale)
    return found


def _shapley(moments: Floats, blocks: list[list[int]], always: list[int]) -> Floats:
    """Shares per matrix of moments, shape (matrices, drivers)."""
    k = len(blocks)
    explained = {frozenset[int](): _r2(moments, always)}
    for size in range(1, k + 1):
        for chosen in combinations(range(k), size):
            columns = always + [column for driver in chosen for column in blocks[driver]]
            explained[frozenset(chosen)] = _r2(moments, columns)
    shares = np.zeros((len(moments), k))
    for driver in range(k):
        others = [one for one in range(k) if one != driver]
        for size in range(k):
            for chosen in combinations(others, size):
                without = frozenset(chosen)
                gain = explained[without | {driver}] - explained[without]
                shares[:, driver] += gain / (k * comb(k - 1, size))
    return shares


def _r2(moments: Floats, columns: list[int]) -> Floats:
    if not columns:
        return np.zeros(len(moments))
    inner = moments[:, columns][:, :, columns] + _JITTER * np.eye(len(columns))
    towards = moments[:, columns, -1]
    weights = np.linalg.solve(inner, towards[:, :, None])[:, :, 0]
    found: Floats = np.clip((weights * towards).sum(axis=1), 0, 1)
    return found
