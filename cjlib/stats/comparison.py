"""Do groups differ in when the outcome comes? Log-rank family, and pairs with a correction.

The test compares the rate of outcome 1 among those still at risk. People who ended by a competing
outcome leave the risk set: the answer is about the cause-specific rate, not about the final share.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.multiplicity import holm
from cjlib.stats.risk_table import Floats, tabulate

_RANK_TOLERANCE = 1e-10


class LogRank(NamedTuple):
    """Chi-square statistic, its degrees of freedom and p-value."""

    chi2: float
    df: int
    p: float


def log_rank(counts: pd.DataFrame, *, rho: float = 0.0, gamma: float = 0.0) -> LogRank:
    """Test whether all groups have the same rate of the outcome at every time.

    Parameters
    ----------
    counts : DataFrame
        Columns `group, duration_days, outcome, n`; at least two groups of different people.
    rho, gamma : float >= 0
        Fleming-Harrington weight S(t-)^rho (1-S(t-))^gamma: (0, 0) log-rank, (1, 0) early differences
        count more (Peto-Peto type), (0, 1) late ones do. To be chosen before looking.

    Returns
    -------
    LogRank
        `chi2, df, p`; `df` is the number of groups that can be compared, minus one.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004: fewer than two groups, no outcome at all, or never two groups at risk together.
    ParameterError
        CJ-ST-001 for a broken count table; CJ-ST-006 for a negative weight.

    Notes
    -----
    Observed minus expected events summed over times with the hypergeometric covariance (Harrington and
    Fleming 1982, Biometrika 69, 553-566); equals R's `survdiff(rho=)`.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": ["a", "a", "b", "b"], "duration_days": [1.0, 2.0, 3.0, 4.0],
    ...                        "outcome": 1, "n": 5})
    >>> result = log_rank(counts)
    >>> round(result.chi2, 3), result.df
    (19.111, 1)
    """
    if not (rho >= 0 and gamma >= 0):
        raise ParameterError(f"rho={rho!r} and gamma={gamma!r} must be 0 or more.", code="CJ-ST-006")
    names, at_risk, events = _pooled(counts)
    if len(names) < 2:
        raise NotEnoughDataError(
            t("No comparison: there is only one group, {group}.", group=names[0]), code="CJ-ST-004"
        )
    if not events.any():
        raise NotEnoughDataError(t("No comparison: no outcome was observed in any group."), code="CJ-ST-004")
    total, happened = at_risk.sum(axis=0), events.sum(axis=0)
    before = np.append(1.0, np.cumprod(1 - happened / total)[:-1])
    weight = before**rho * (1 - before) ** gamma
    share = at_risk / total
    # With one person left at risk the event has no variance.
    spread = weight**2 * happened * np.divide(total - happened, total - 1, out=np.zeros(total.size), where=total > 1)
    covariance = np.diag(share @ spread) - (share * spread) @ share.T
    difference = ((events - happened * share) * weight).sum(axis=1)
    # The rows sum to zero, and groups that never meet split the matrix: its rank is the degrees of freedom.
    size, axes = np.linalg.eigh(covariance)
    kept = size > _RANK_TOLERANCE * max(float(size[-1]), _RANK_TOLERANCE)
    if not kept.any():
        raise NotEnoughDataError(
            t("No comparison: the groups were never at risk at the same time when outcomes occurred."),
            code="CJ-ST-004",
        )
    chi2 = float(np.sum((axes[:, kept].T @ difference) ** 2 / size[kept]))
    df = int(kept.sum())
    return LogRank(chi2, df, float(chdtrc(df, chi2)))


def pairwise_log_rank(counts: pd.DataFrame, *, rho: float = 0.0, gamma: float = 0.0) -> pd.DataFrame:
    """Compare every two groups, with p-values corrected for the number of pairs.

    Parameters
    ----------
    counts : DataFrame
        Columns `group, duration_days, outcome, n`.
    rho, gamma : float >= 0
        As in `log_rank`.

    Returns
    -------
    DataFrame
        `group, other, chi2, p_value, p_adjusted` (Holm); NaN for a pair that cannot be compared, which
        then does not count in the correction.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004 if there are fewer than two groups.

    Notes
    -----
    Holm (1979), Scand. J. Stat. 6, 65-70: holds the chance of any false difference at the level.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": ["a", "a", "b", "b"], "duration_days": [1.0, 2.0, 3.0, 4.0],
    ...                        "outcome": 1, "n": 5})
    >>> pairwise_log_rank(counts)[["group", "other"]].values.tolist()
    [['a', 'b']]
    """
    names, _, _ = _pooled(counts)
    if len(names) < 2:
        raise NotEnoughDataError(
            t("No comparison: there is only one group, {group}.", group=names[0]), code="CJ-ST-004"
        )
    rows = []
    for one, other in combinations(names, 2):
        pair = counts[counts["group"].astype(str).isin([one, other])]
        try:
            chi2, _, p = log_rank(pair, rho=rho, gamma=gamma)
        except NotEnoughDataError:
            chi2, p = np.nan, np.nan
        rows.append((one, other, chi2, p))
    table = pd.DataFrame(rows, columns=["group", "other", "chi2", "p_value"])
    return table.assign(p_adjusted=holm(table["p_value"]))


def _pooled(counts: pd.DataFrame) -> tuple[list[str], Floats, Floats]:
    """Numbers at risk and events of outcome 1, (groups, times), at all times with an event."""
    _, blocks = tabulate(counts)
    times = np.unique(np.concatenate([block.time[block.n_event[:, 0] > 0] for block in blocks]))
    at_risk = np.zeros((len(blocks), times.size))
    events = np.zeros_like(at_risk)
    for row, block in enumerate(blocks):
        following = np.searchsorted(block.time, times, side="left")
        at_risk[row] = np.append(block.n_at_risk, 0)[following]
        own = block.n_event[:, 0] > 0
        events[row, np.searchsorted(times, block.time[own])] = block.n_event[own, 0]
    return [block.group for block in blocks], at_risk, events
