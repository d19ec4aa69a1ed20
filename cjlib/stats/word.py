"""Words that set one group's comments apart from another's.

Count documents that hold a word, not its occurrences: one long rant must not decide. A prior drawn from
all comments keeps rare words from winning.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.multiplicity import benjamini_hochberg


def log_odds(counts: pd.DataFrame, *, prior: float | None = None) -> pd.DataFrame:
    """Compare how often each term is used in a group and in the others.

    Parameters
    ----------
    counts : DataFrame
        `term`, `n_group` and `n_other`: documents with the term in the group and outside it. All terms
        that were looked at, not only the frequent ones.
    prior : float above 0, optional
        Size of the prior as a share of the smaller side; default the pooled counts as they are, which
        makes words that a small side never uses hard to find.

    Returns
    -------
    DataFrame
        `term, n_group, n_other, estimate, std_error, z, p_value, p_adjusted`, order as given; `estimate` is the
        difference of log odds, above 0 if the group uses the term more; Benjamini-Hochberg over terms.

    Raises
    ------
    ParameterError
        CJ-ST-005 for a count that is negative or missing.
    NotEnoughDataError
        CJ-ST-004 with fewer than two terms in use, or none on one of the two sides.

    Notes
    -----
    Log odds with informative Dirichlet prior, the prior being the pooled counts (Monroe, Colaresi and
    Quinn 2008, Political Analysis 16, 372-403): δ = log((y+a)/(n+A-y-a)) - the same outside,
    z = δ / √(1/(y+a) + 1/(y'+a)).

    Examples
    --------
    >>> counts = pd.DataFrame({"term": ["slow", "good", "delivery"], "n_group": [30, 10, 20],
    ...                        "n_other": [5, 40, 25]})
    >>> log_odds(counts)["z"].round(4).tolist()
    [3.6444, -3.4351, -0.2025]
    """
    group, other = (counts[name].to_numpy(dtype=float) for name in ("n_group", "n_other"))
    if not ((group >= 0) & (other >= 0)).all():
        raise ParameterError("Counts of documents are numbers from 0.", code="CJ-ST-005")
    pooled = group + other
    if np.count_nonzero(pooled) < 2 or group.sum() == 0 or other.sum() == 0:
        raise NotEnoughDataError(
            t("No words can be compared: it needs two different words and comments on both sides."),
            code="CJ-ST-004",
        )
    if prior is not None:
        pooled = pooled * (prior * min(group.sum(), other.sum()) / pooled.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = [np.log((side + pooled) / (side.sum() + pooled.sum() - side - pooled)) for side in (group, other)]
        estimate = odds[0] - odds[1]  # NaN for a term that nobody used
        error = np.sqrt(1 / (group + pooled) + 1 / (other + pooled))
        z = estimate / error
    p_value = 2 * ndtr(-np.abs(z))
    return counts[["term", "n_group", "n_other"]].assign(
        estimate=estimate, std_error=error, z=z, p_value=p_value, p_adjusted=benjamini_hochberg(p_value)
    )
