"""How often would two things meet by chance? Answers shuffled among the people, what they did kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cjlib.core.errors import ParameterError


class Chance(NamedTuple):
    """People with both, expected by chance, the limits of what chance gives, and the p-value.

    `low` and `high` hold 95 % of the shuffles; all but `observed` are NaN where nothing can be shuffled
    (everybody said the same, or did the same).
    """

    observed: int
    expected: float
    low: float
    high: float
    p: float


def by_chance(
    said: npt.ArrayLike, done: npt.ArrayLike, strata: npt.ArrayLike, *, permutations: int = 2000, seed: int = 0,
    confidence: float = 0.95,
) -> Chance:  # fmt: skip
    """Compare how many people both said and did something with what shuffled answers give.

    Parameters
    ----------
    said, done : array_like (n,) of bool
        One entry per person.
    strata : array_like (n,)
        Answers are shuffled within equal values only (answers to the same question).
    permutations : int >= 1
        Number of shuffles.
    seed : int
        Same seed, same shuffles; the order of the people plays no part.
    confidence : float in (0, 1)
        Share of the shuffles between `low` and `high`.

    Returns
    -------
    Chance

    Raises
    ------
    ParameterError
        CJ-ST-040 if the lengths differ or `permutations` is below 1.

    Notes
    -----
    The count of a shuffle is hypergeometric in each stratum: it is drawn as such, which is the
    permutation distribution itself and no approximation. Two-sided p = (1 + number of shuffles at least
    as far from the expectation) / (1 + permutations), valid for any number of shuffles (Phipson and
    Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9, 39).

    Examples
    --------
    >>> said, done = [1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0]
    >>> found = by_chance(said, done, [0] * 8, seed=1)
    >>> found.observed, found.expected, found.p < 0.05
    (4, 2.0, True)
    """
    a, b, codes = _checked(said, done, strata, permutations)
    size = np.bincount(codes)
    n_said, n_done = np.bincount(codes, weights=a), np.bincount(codes, weights=b)
    observed = int((a & b).sum())
    mixed = (n_said > 0) & (n_said < size) & (n_done > 0) & (n_done < size)
    if not mixed.any():
        return Chance(observed, np.nan, np.nan, np.nan, np.nan)
    expected = float((n_said * n_done / np.maximum(size, 1)).sum())
    # Sorted, so that the names of the strata play no part either.
    tables = sorted(zip(size, n_said, n_done, strict=True))
    rng = np.random.default_rng(seed)
    drawn = np.zeros(permutations)
    for total, good, picked in tables:
        drawn += rng.hypergeometric(int(good), int(total - good), int(picked), size=permutations) if total else 0
    far = np.abs(drawn - expected) >= abs(observed - expected) - 1e-9
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], method="inverted_cdf")
    return Chance(observed, expected, float(low), float(high), float((1 + far.sum()) / (1 + permutations)))


def _checked(
    said: npt.ArrayLike, done: npt.ArrayLike, strata: npt.ArrayLike, permutations: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    a, b = np.asarray(said, dtype=bool), np.asarray(done, dtype=bool)
    _, codes = np.unique(np.asarray(strata), return_inverse=True)
    if not a.size == b.size == codes.size or permutations < 1:
        raise ParameterError("Said, done and strata have one entry per person; permutations is 1 or more.",
                             code="CJ-ST-040")  # fmt: skip
    return a, b, codes
