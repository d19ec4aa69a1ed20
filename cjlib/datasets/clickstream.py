"""Waits for a first purchase in a public clickstream, counted: nothing of the log itself is shipped.

Made from `datasets/ecom.csv.gz` of the package retentioneering 5.2.4 (Apache License 2.0; synthetic by its
own docstring): 600 users, minutes from each user's first event to the first purchase, or to the end of
the log for who had not bought.
"""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

MINUTES_PER_DAY = 1440


def clickstream() -> pd.DataFrame:
    """Count table of the time from the first event to the first purchase.

    Returns
    -------
    DataFrame
        group, duration_days (cut down to minutes), outcome (1 = bought, 0 = open when the log ends), n.

    Examples
    --------
    >>> table = clickstream()
    >>> int(table["n"].sum()), int(table.loc[table["outcome"] == 1, "n"].sum())
    (600, 328)
    """
    with (files("cjlib.datasets") / "clickstream.csv").open(encoding="utf-8") as file:
        rows = pd.read_csv(file)
    return pd.DataFrame(
        {
            "group": "(all)",
            "duration_days": rows["minutes"] / MINUTES_PER_DAY,
            "outcome": rows["outcome"],
            "n": rows["n"],
        }
    )
