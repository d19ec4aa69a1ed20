"""Who answered: the response rate on delivered invitations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.stats.proportion import share, wilson


def response_rate(n_responses: npt.ArrayLike, n_delivered: npt.ArrayLike, *, confidence: float = 0.95) -> pd.DataFrame:
    """Compute the share of delivered invitations that were answered, with its Wilson interval.

    Parameters
    ----------
    n_responses, n_delivered : array_like of counts, broadcast together
        Invitations answered, of how many delivered; answers without an invitation do not belong here.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    DataFrame
        `n_responses, n_delivered, estimate, ci_low, ci_high`; NaN where nothing was delivered.

    Raises
    ------
    ParameterError
        CJ-ST-005 if more were answered than delivered.

    Notes
    -----
    Wilson (1927) as in `proportion.wilson`. A high rate does not make answers representative.

    Examples
    --------
    >>> response_rate(15, 148)[["estimate", "ci_low", "ci_high"]].round(4).values.tolist()
    [[0.1014, 0.0624, 0.1605]]
    """
    answered, delivered = np.broadcast_arrays(np.atleast_1d(n_responses), np.atleast_1d(n_delivered))
    low, high = wilson(answered, delivered, confidence=confidence)
    return pd.DataFrame(
        {
            "n_responses": answered,
            "n_delivered": delivered,
            "estimate": share(answered, delivered),
            "ci_low": low,
            "ci_high": high,
        }
    )
