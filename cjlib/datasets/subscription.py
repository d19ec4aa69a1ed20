"""A simulated delivery subscription with known truth: contracts, renewals, returns and what they are worth.

Each customer has an own monthly chance of leaving, drawn from a beta distribution, so that the rate of leaving
falls with age although no customer changes. The base grows month by month and gets younger: the plain
retention rate falls while nobody behaves differently.

`python -m cjlib.datasets.subscription [FOLDER]` writes the file again, byte by byte the same.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cjlib.datasets.draws import chance, pick, uniform

SEED, N_CUSTOMERS = 2029, 1_500
ZONE, FIRST, MONTHS = "Europe/Paris", "2024-07-01", 24
ALPHA, BETA = 1, 7  # of the beta distribution of the monthly chance of leaving: mean 1/8
BACK, SOON = 0.12, 0.5  # who comes back at all, and within a fortnight
PLANS = {"Solo": 5.99, "Famille": 12.99}


@dataclass(frozen=True)
class Subscriptions:
    """`events`: customer, at (local wall clock), event ("start", "end"), plan, value; `chance` per customer."""

    events: pd.DataFrame
    chance: pd.Series


def subscriptions(*, n_customers: int = N_CUSTOMERS, seed: int = SEED, months: int = MONTHS) -> Subscriptions:
    """Simulate subscriptions that begin in `months` calendar months, more of them in each.

    Examples
    --------
    >>> made = subscriptions(n_customers=200)
    >>> made.events["event"].value_counts().idxmax()
    'start'
    """
    rng = np.random.default_rng(seed)
    # Beta(1, 7) by its inverse distribution function; growth of 6 % a month.
    leaves = 1 - (1 - rng.random(n_customers)) ** (1 / BETA)
    month = pick(rng, n_customers, 1.06 ** np.arange(months))
    begin = pd.Timestamp(FIRST) + pd.to_timedelta(uniform(rng, n_customers, 0, 28 * 1440).round(), unit="min")
    start = pd.DatetimeIndex([at + pd.DateOffset(months=int(m)) for at, m in zip(begin, month, strict=True)])
    customer = pd.Series([f"{40000 + rank}" for rank in range(n_customers)])
    plan = np.array(list(PLANS), dtype=object)[pick(rng, n_customers, [7, 3])]
    rows = []
    spell, who = start, np.arange(n_customers)
    for _ in range(2):
        lived = np.ceil(np.log1p(-rng.random(len(who))) / np.log1p(-leaves[who])).astype(int)
        end = pd.DatetimeIndex([at + pd.DateOffset(months=min(k, 600)) for at, k in zip(spell, lived, strict=True)])
        rows += [_part(customer, plan, who, spell, "start"), _part(customer, plan, who, end, "end")]
        again = chance(rng, len(who), BACK)
        away = np.where(chance(rng, len(who), SOON), uniform(rng, len(who), 1, 14), uniform(rng, len(who), 30, 150))
        spell = (end + pd.to_timedelta((away * 1440).round(), unit="min"))[again]
        who = who[again]
    events = pd.concat(rows)
    limit = pd.Timestamp(FIRST) + pd.DateOffset(months=months)
    events = events[events["at"] < limit].sort_values(["at", "customer"], kind="stable").reset_index(drop=True)
    return Subscriptions(events, pd.Series(leaves, index=customer))


def _part(customer: pd.Series, plan: np.ndarray, who: np.ndarray, at: pd.DatetimeIndex, event: str) -> pd.DataFrame:
    value = [PLANS[name] if event == "start" else np.nan for name in plan[who]]
    return pd.DataFrame({"customer": customer.iloc[who].to_numpy(), "at": at, "event": event, "plan": plan[who],
                         "value": value})  # fmt: skip


def write_subscription(folder: Path) -> Path:
    """Write `abonnements.csv` as a French tool exports it: semicolons, decimal commas, cp1252.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_subscription(Path(folder)).read_text(encoding="cp1252").splitlines()[0]
    'N° client;Date;Événement;Formule;Montant mensuel'
    """
    events = subscriptions().events
    lines = ["N° client;Date;Événement;Formule;Montant mensuel"]
    names = {"start": "Abonnement", "end": "Résiliation"}
    amount = ["" if np.isnan(value) else f"{value:.2f}".replace(".", ",") for value in events["value"]]
    moment = events["at"].dt.strftime("%d/%m/%Y %H:%M")
    cells = zip(events["customer"], moment, events["event"].map(names), events["plan"], amount, strict=True)
    lines.extend(";".join(row) for row in cells)
    path = folder / "abonnements.csv"
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("cp1252"))
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file into the folder given, or into data/subscription."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    write_subscription(Path(given[0]) if given else Path("data/subscription"))


if __name__ == "__main__":
    main()
