"""Customers arriving over ninety days, seen until the ninetieth: why averages over converters mislead."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.core.duration import MICROSECONDS_PER_DAY

EVER, MEAN_DAYS = 0.417, 18.0  # share who ever convert, and the mean time of those who do
TRUE_SHARE_30_DAYS = EVER * (1 - np.exp(-30 / MEAN_DAYS))


def accrual(*, n_customers: int = 4000, days: int = 90, seed: int = 3701) -> pd.DataFrame:
    """Simulate visits spread evenly over `days` and the purchases seen until the last of them.

    A share of 41.7 % ever buys, after an exponential time with a mean of 18 days; so 33.8 % of all buy
    within 30 days. Whoever arrives late has had little time by the cut-off: nobody has done anything
    wrong, and yet every average over those who have bought is too low: expected are 29.7 % for the naive
    share within 30 days and 21.4 % among those of the last 30 days. The seed is one whose sample lies near
    these (29.8 % and 20.5 %); nothing else was chosen.

    Returns
    -------
    DataFrame
        customer (text), at (UTC microseconds from 1970-01-01), event ("visit" or "purchase").

    Examples
    --------
    >>> round(float(TRUE_SHARE_30_DAYS), 3)
    0.338
    >>> accrual(n_customers=10)["event"].eq("visit").sum()
    np.int64(10)
    """
    rng = np.random.default_rng(seed)
    visit = rng.uniform(0, days, n_customers)
    wait = np.where(rng.uniform(size=n_customers) < EVER, rng.exponential(MEAN_DAYS, n_customers), np.inf)
    names = [f"c{number:05d}" for number in range(n_customers)]
    bought = np.flatnonzero(visit + wait <= days)
    frame = pd.DataFrame(
        {
            "customer": [*names, *(names[i] for i in bought)],
            "at": np.concatenate([visit, (visit + wait)[bought]]) * MICROSECONDS_PER_DAY,
            "event": ["visit"] * n_customers + ["purchase"] * len(bought),
        }
    )
    return frame.astype({"at": "int64"})
