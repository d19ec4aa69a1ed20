"""Latent part of the simulated shop: who the customers are and what will happen to them.

Everything is one array per property, one element per customer. Instants are whole minutes since the
epoch (French exports write minutes, and equal minutes make the ties a real log has).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.datasets.draws import Bools, Floats, Ints, chance, exponential, pick, uniform
from cjlib.datasets.truth import (
    CONTACT,
    FEE_KEEPS,
    LATE,
    LATE_CHURN,
    LONG_WAIT,
    PERSONAS,
    PHONE,
    PRAISE_THEN_LEAVE,
    SETUP_DAYS,
    SHAPE,
    WAIT_BUT_FINE,
    WAIT_CHURN,
    WAIT_MEAN,
    parameter,
)

DAY = 1440  # minutes
REGIONS = ("Île-de-France", "Auvergne-Rhône-Alpes", "Occitanie", "Bretagne", "Hauts-de-France", "Grand Est")
SOURCES = ("search", "paid", "social", "newsletter")  # how they came: owned and earned, paid, earned, owned
WAY_TO_CART = 3 / 24  # days before those who never buy can fill a cart


def draw_people(rng: np.random.Generator, n: int, *, first_day: int, entry_days: int) -> pd.DataFrame:
    """Draw `n` customers with everything that will ever happen to them, seen or not by the cut-off.

    `first_day` is the minute of the first midnight; first visits are spread evenly over `entry_days`,
    between 7 and 23 h.
    """
    kind = pick(rng, n, parameter("share"))
    people = pd.DataFrame({"kind": kind})
    people["persona"] = np.array([p.name for p in PERSONAS], dtype=object)[kind]
    people["region"] = np.array(REGIONS, dtype=object)[pick(rng, n, [30, 18, 14, 12, 14, 12])]
    people["source"] = np.array(SOURCES, dtype=object)[pick(rng, n, [40, 30, 18, 12])]
    day = np.floor(uniform(rng, n, 0, entry_days)) * DAY
    people["entry"] = first_day + (day + uniform(rng, n, 7 * 60, 23 * 60)).astype(np.int64)
    _decide(rng, people)
    _browse(rng, people)
    _experience(rng, people)
    return people


def _decide(rng: np.random.Generator, people: pd.DataFrame) -> None:
    """Fee, possible buyer or not, and the earlier of purchase and unsubscribe."""
    n = len(people)
    kind = people["kind"].to_numpy()
    fee = chance(rng, n, parameter("fee")[kind])
    buyer = chance(rng, n, parameter("buys")[kind] * np.where(fee, FEE_KEEPS, 1.0))
    buying = np.where(buyer, parameter("purchase")[kind], 0.0)
    leaving = parameter("unsubscribe")[kind]
    days = SETUP_DAYS + (exponential(rng, n) / (buying + leaving)) ** (1 / SHAPE)
    buys = chance(rng, n, buying / (buying + leaving))
    people["fee"], people["buyer"] = fee, buyer
    people["purchase_days"] = np.where(buys, days, np.inf)
    people["unsubscribe_days"] = np.where(buys, np.inf, days)


def _browse(rng: np.random.Generator, people: pd.DataFrame) -> None:
    """Carts of those who never buy, and the number of further visits before the end."""
    n = len(people)
    kind = people["kind"].to_numpy()
    cart_days = WAY_TO_CART + exponential(rng, n, 2.0)
    fills = ~people["buyer"].to_numpy() & chance(rng, n, parameter("cart")[kind])
    fills &= cart_days < people["unsubscribe_days"].to_numpy() - 1 / 24
    people["cart_days"] = np.where(fills, cart_days, np.nan)
    people["praise_then_leave"] = fills & people["fee"].to_numpy() & chance(rng, n, PRAISE_THEN_LEAVE)
    people["more_visits"] = pick(rng, n, [30, 30, 25, 15])


def _experience(rng: np.random.Generator, people: pd.DataFrame) -> None:
    """First delivery, contact with support, and the life after the first purchase that follows."""
    n = len(people)
    kind = people["kind"].to_numpy()
    late = chance(rng, n, LATE)
    people["late"] = late
    people["delay_days"] = late_by(rng, late)
    contact = chance(rng, n, np.where(late, CONTACT[True], CONTACT[False]))
    phone = contact & chance(rng, n, PHONE)
    people["contact"] = contact
    people["wait_minutes"] = np.where(phone, exponential(rng, n, WAIT_MEAN), np.nan)
    long_wait = people["wait_minutes"].to_numpy() > LONG_WAIT
    people["long_wait"] = long_wait
    people["wait_but_fine"] = long_wait & chance(rng, n, WAIT_BUT_FINE)
    factor = np.where(late, LATE_CHURN, 1.0) * np.where(long_wait, WAIT_CHURN, 1.0)
    people["churn_per_day"] = parameter("churn")[kind] * factor
    people["alive_days"] = exponential(rng, n) / people["churn_per_day"].to_numpy()


def late_by(rng: np.random.Generator, late: Bools) -> Ints:
    """Calendar days after the promised one; 0 for deliveries in time."""
    delay: Floats = 1 + np.floor(exponential(rng, len(late), 2.0))
    return np.where(late, delay, 0).astype(np.int64)
