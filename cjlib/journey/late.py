"""From when customers were watched: a clock that started earlier counts from there on only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cjlib.core.errors import ParameterError, did_you_mean
from cjlib.journey.tables import EventLog
from cjlib.sources.study import instant

Ints = npt.NDArray[np.int64]
ALWAYS = np.iinfo(np.int64).min  # watched from the start, whenever that was


def watched_from(log: EventLog, observed_from: str) -> Ints:
    """Instant from which each customer was watched.

    Parameters
    ----------
    log : EventLog
    observed_from : name of a customer date, or an ISO day or instant that holds for everybody

    Returns
    -------
    int64 array, one per unit
        UTC microseconds; customers without that date were always watched.

    Raises
    ------
    ParameterError
        CJ-AN-167: neither a customer date nor a day.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> watched_from(example_log(), "1970-01-02").tolist()[:2]
    [86400000000, 86400000000]
    """
    dates = list(log.store.meta["customer_dates"])
    if observed_from in dates:
        customers = log.engine.table(log.store, "customers").select("unit", observed_from)
        frame = log.engine.fetch(customers).sort_values("unit")
        known = frame[observed_from].astype("float64").to_numpy()
        found: Ints = np.where(np.isnan(known), ALWAYS, np.nan_to_num(known)).astype(np.int64)
        return found
    try:
        at = instant(observed_from, log.info.zone)
    except ValueError as problem:
        raise ParameterError(
            f"observed_from={observed_from!r} is neither a customer date nor an ISO day such as 2026-01-31. "
            f"{did_you_mean(observed_from, dates)} Customer dates: {', '.join(dates) or 'none'}.",
            code="CJ-AN-167",
        ) from problem
    return np.full(log.n_customers, at, dtype=np.int64)
