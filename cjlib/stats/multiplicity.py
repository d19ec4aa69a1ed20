"""Many comparisons: p-values that say how sure the whole list is, not one row of it.

Holm for a few comparisons that lead to a decision (chance of any false one), Benjamini-Hochberg for
screening many segments (expected share of false ones). NaN (no test was possible) stays NaN and does
not count as a comparison.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cjlib.core.errors import ParameterError

Floats = npt.NDArray[np.float64]


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjust p-values so that the chance of any false rejection stays at the level.

    Parameters
    ----------
    p_values : array_like (m,)
        Each in [0, 1], or NaN where no test was possible.

    Returns
    -------
    array (m,) of float64
        Adjusted values in the order given; reject where <= level.

    Raises
    ------
    ParameterError
        CJ-ST-007 if a value is outside [0, 1].

    Notes
    -----
    Running maximum of (m - i + 1) p_(i), cut at 1. Holm (1979), Scand. J. Stat. 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p, order = _ordered(p_values)
    scaled = p[order] * np.arange(order.size, 0, -1)
    return _placed(p, order, np.maximum.accumulate(scaled))


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """Adjust p-values so that the expected share of false ones among the rejected stays at the level.

    Parameters
    ----------
    p_values : array_like (m,)
        Each in [0, 1], or NaN where no test was possible.

    Returns
    -------
    array (m,) of float64
        Adjusted values in the order given; reject where <= level.

    Raises
    ------
    ParameterError
        CJ-ST-007 if a value is outside [0, 1].

    Notes
    -----
    Running minimum from the largest of m p_(i) / i. Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57,
    289-300; valid for independent or positively dependent tests.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    p, order = _ordered(p_values)
    scaled = p[order] * order.size / np.arange(1, order.size + 1)
    return _placed(p, order, np.minimum.accumulate(scaled[::-1])[::-1])


def _ordered(p_values: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.intp]]:
    p = np.asarray(p_values, dtype=float).ravel()
    if ((p < 0) | (p > 1)).any():
        raise ParameterError("A p-value lies between 0 and 1.", code="CJ-ST-007")
    order = np.argsort(p, kind="stable")
    return p, order[: int(np.count_nonzero(~np.isnan(p)))]


def _placed(p: Floats, order: npt.NDArray[np.intp], adjusted: Floats) -> Floats:
    result = np.full(p.size, np.nan)
    result[order] = np.minimum(adjusted, 1)
    return result
