"""The same people twice: did a yes/no answer change? Only those who changed carry information."""

from __future__ import annotations

from typing import Literal, NamedTuple

from scipy.special import bdtr, chdtrc

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t


class McNemar(NamedTuple):
    """Test statistic and two-sided p-value."""

    statistic: float
    p: float


def mcnemar(n_only_before: int, n_only_after: int, *, method: Literal["corrected", "exact"] = "exact") -> McNemar:
    """Test whether as many people changed from yes to no as from no to yes.

    Parameters
    ----------
    n_only_before, n_only_after : int
        People with the property only the first time (for example promoters who no longer are), and only
        the second time. Those who did not change do not count.
    method : {"exact", "corrected"}
        Binomial test (statistic = the smaller count), or chi-square with continuity correction.

    Returns
    -------
    McNemar
        `statistic, p`.

    Raises
    ------
    ParameterError
        CJ-ST-005 for a negative count.
    NotEnoughDataError
        CJ-ST-004 if nobody changed.

    Notes
    -----
    (|b-c| - 1)²/(b+c) on one degree of freedom, or twice P(X <= min(b, c)) for X ~ Bin(b+c, 1/2), at most 1
    (McNemar 1947, Psychometrika 12, 153-157).

    Examples
    --------
    >>> result = mcnemar(150, 86, method="corrected")
    >>> round(result.statistic, 4)
    16.8178
    """
    checks.one_of("method", method, ("corrected", "exact"))
    if n_only_before < 0 or n_only_after < 0:
        raise ParameterError("Counts of people are not negative.", code="CJ-ST-005")
    changed = n_only_before + n_only_after
    if changed == 0:
        raise NotEnoughDataError(t("No comparison: nobody changed between the two times."), code="CJ-ST-004")
    if method == "corrected":
        # The correction never turns a difference round: without one the statistic is 0.
        statistic = max(abs(n_only_before - n_only_after) - 1, 0) ** 2 / changed
        return McNemar(statistic, float(chdtrc(1, statistic)))
    smaller = min(n_only_before, n_only_after)
    return McNemar(float(smaller), min(1.0, 2 * float(bdtr(smaller, changed, 0.5))))
