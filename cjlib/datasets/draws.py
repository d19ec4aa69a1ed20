"""Random draws made from uniforms only.

NumPy keeps the stream of `Generator.random` stable but may change how it turns that stream into other
distributions. The transformations are therefore written here: the same seed gives the same data for
years, and the committed demo can be compared byte by byte.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.object_]


def uniform(rng: np.random.Generator, n: int, low: ArrayLike = 0.0, high: ArrayLike = 1.0) -> Floats:
    """`n` draws between `low` and `high` (scalars or arrays of length n)."""
    low = np.asarray(low, dtype=np.float64)
    return np.asarray(low + (np.asarray(high, dtype=np.float64) - low) * rng.random(n))


def chance(rng: np.random.Generator, n: int, p: ArrayLike) -> Bools:
    """`n` independent events of probability `p`."""
    return np.asarray(rng.random(n) < np.asarray(p, dtype=np.float64))


def exponential(rng: np.random.Generator, n: int, mean: ArrayLike = 1.0) -> Floats:
    """`n` exponential times with the given mean."""
    return np.asarray(-np.asarray(mean, dtype=np.float64) * np.log1p(-rng.random(n)))


def normal(rng: np.random.Generator, n: int) -> Floats:
    """`n` standard normal values (Box and Muller 1958)."""
    return np.asarray(np.sqrt(-2 * np.log1p(-rng.random(n))) * np.cos(2 * np.pi * rng.random(n)))


def pick(rng: np.random.Generator, n: int, shares: ArrayLike) -> Ints:
    """`n` positions 0..k-1 drawn with the given shares (any positive total).

    Examples
    --------
    >>> pick(np.random.default_rng(1), 5, [1, 0, 1]).tolist()
    [2, 2, 0, 2, 0]
    """
    bounds = np.cumsum(np.asarray(shares, dtype=np.float64))
    found = np.searchsorted(bounds, rng.random(n) * bounds[-1], side="right")
    return np.asarray(np.minimum(found, len(bounds) - 1), dtype=np.int64)
