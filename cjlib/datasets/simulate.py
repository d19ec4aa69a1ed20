"""Seeded simulator of a French online shop whose truth is known.

The model is stated in `truth.py` (purchase, competing unsubscribe, churn), `behaviour.py` (touchpoints)
and `surveys.py` (scores and silence). Two contradictions are planted at known rates:

- praise, then abandonment: of those who fill a cart, see the shipping fee there and never buy,
  `PRAISE_THEN_LEAVE` had answered 5 of 5 with a glowing comment before, and leave right after the fee;
- fine scores after long waits: of those who waited above `LONG_WAIT` minutes, `WAIT_BUT_FINE` give 6 or
  7 of 7 (7 = very easy).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cjlib.core.errors import ParameterError
from cjlib.datasets.behaviour import PROMISED_AFTER, Log, after_sales, before_purchase, purchases
from cjlib.datasets.draws import Bools, Ints, Texts, chance
from cjlib.datasets.people import DAY, draw_people
from cjlib.datasets.surveys import invite
from cjlib.datasets.truth import Truth
from cjlib.datasets.verbatims import comments

MINUTE = 60_000_000  # microseconds
COMMENTED = 0.65  # of the answers
ZONE = "Europe/Paris"


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulated:
    """Tables as a shop would see them at the cut-off, and the truth behind them.

    Attributes
    ----------
    events : DataFrame
        customer, at (UTC microseconds, whole minutes), event, channel, value, session, order.
    responses : DataFrame
        customer, asked_at, answered_at (missing: no answer so far), instrument, score, comment, stage.
    customers : DataFrame
        customer, persona, region, promised (first instant of the promised day of the first order).
    truth : Truth
    as_of : int
        Cut-off in UTC microseconds; nothing at or after it is in the tables.
    """

    events: pd.DataFrame
    responses: pd.DataFrame
    customers: pd.DataFrame
    truth: Truth
    as_of: int


def simulate(
    *,
    n_customers: int,
    seed: int,
    start: str = "2025-11-03",
    entry_days: int = 210,
    as_of: str = "2026-07-01",
) -> Simulated:
    """Simulate a shop: first visits spread over `entry_days` from `start`, seen up to `as_of`.

    Parameters
    ----------
    n_customers : int
        1 to 99,999,999.
    seed : int
        Same seed, same tables.
    start, as_of : ISO dates
        Midnights in Europe/Paris. Entries too late to be seen leave their customer without events.
    entry_days : int
        Staggered entry: customers who came late are still open at the cut-off.

    Returns
    -------
    Simulated

    Raises
    ------
    ParameterError
        If a number is out of range or the cut-off does not come after the start.

    Examples
    --------
    >>> shop = simulate(n_customers=500, seed=1)
    >>> bought = shop.events.loc[shop.events["event"] == "purchase", "customer"].nunique()
    >>> 0.3 < bought / 500 < 0.6
    True
    """
    first_day, until = _midnight("start", start), _midnight("as_of", as_of)
    if not 1 <= n_customers <= 99_999_999:
        raise ParameterError(f"n_customers={n_customers} must lie in 1 to 99,999,999.", code="CJ-DS-001")
    if entry_days < 1 or until <= first_day:
        raise ParameterError(
            f"entry_days={entry_days}, start={start!r}, as_of={as_of!r}: the entry period needs at least "
            "one day and the cut-off must come after the start.",
            code="CJ-DS-001",
        )
    rng = np.random.default_rng(seed)
    people = draw_people(rng, n_customers, first_day=first_day, entry_days=entry_days)
    log = Log(zone=ZONE)
    before_purchase(rng, people, log)
    purchases(rng, people, log, until=until)
    purchased, delivered = _first(log, "purchase", n_customers), _first(log, "delivered", n_customers)
    after_sales(rng, people, log, delivered)
    invitations = invite(rng, people, purchased=purchased, delivered=delivered)
    invitations["comment"] = _comments(rng, people, invitations)
    ids = _ids(n_customers)
    promised = np.where(purchased >= 0, log.midnight(np.maximum(purchased, 0)) + PROMISED_AFTER * DAY, -1)
    return Simulated(
        events=_events(log, ids, until),
        responses=_responses(invitations, ids, until),
        customers=_customers(people, ids, promised, seen=purchased < until),
        truth=Truth(customers=_latent(people, ids), invitations=_named(invitations, ids)),
        as_of=until * MINUTE,
    )


def _midnight(name: str, value: str) -> int:
    """First minute of a calendar day in the shop's zone."""
    try:
        stamp = pd.Timestamp(value)
    except ValueError as error:
        raise ParameterError(f'{name}={value!r} is not a date like "2026-07-01".', code="CJ-DS-001") from error
    return int(stamp.tz_localize(ZONE).timestamp()) // 60


def _ids(n: int) -> Texts:
    """Customer numbers as text, with leading zeros, as exports write them."""
    width = max(5, len(str(n)))
    return np.array([f"{number:0{width}d}" for number in range(1, n + 1)], dtype=object)


def _first(log: Log, event: str, n: int) -> Ints:
    """Minute of the first order's `event` per customer, -1 where there is none."""
    found = np.full(n, -1, dtype=np.int64)
    for part in log.parts:
        if len(part) and part["event"].iloc[0] == event:
            who = part["who"].to_numpy()
            new = found[who] < 0
            found[who[new]] = part["minute"].to_numpy()[new]
    return found


def _events(log: Log, ids: Texts, until: int) -> pd.DataFrame:
    frame = pd.concat([part for part in log.parts if len(part)], ignore_index=True)
    frame = frame[frame["minute"] < until]
    order = np.lexsort((frame["order"].to_numpy(), frame["minute"].to_numpy(), frame["who"].to_numpy()))
    frame = frame.iloc[order].reset_index(drop=True)
    return pd.DataFrame(
        {
            "customer": ids[frame["who"].to_numpy()],
            "at": frame["minute"].to_numpy() * MINUTE,
            "event": frame["event"],
            "channel": frame["channel"],
            "value": frame["value"].astype(np.float64),
            "session": frame["session"].astype(np.int64),
            "order": frame["order"].astype(np.int64),
        }
    )


def _comments(rng: np.random.Generator, people: pd.DataFrame, invitations: pd.DataFrame) -> pd.Series:
    lived = people.loc[invitations["who"], ["fee", "delay_days", "wait_minutes"]].reset_index(drop=True)
    text = comments(rng, pd.concat([invitations, lived], axis=1))
    says = chance(rng, len(text), COMMENTED) | invitations["planted"].to_numpy()
    return pd.Series(np.where(says & invitations["answered"].to_numpy(), text, ""), dtype=object)


def _responses(invitations: pd.DataFrame, ids: Texts, until: int) -> pd.DataFrame:
    """Invitations sent before the cut-off; answers that come later are not there yet."""
    sent = invitations[invitations["asked"] < until]
    sent = sent.sort_values(["asked", "who"], kind="stable").reset_index(drop=True)
    there = (sent["answered"] & (sent["answered_at"] < until)).to_numpy()
    answered_at = pd.array(sent["answered_at"].to_numpy() * MINUTE, dtype="Int64")
    answered_at[~there] = pd.NA
    return pd.DataFrame(
        {
            "customer": ids[sent["who"].to_numpy()],
            "asked_at": sent["asked"].to_numpy() * MINUTE,
            "answered_at": answered_at,
            "instrument": sent["instrument"],
            "score": np.where(there, sent["true_score"], np.nan),
            "comment": np.where(there, sent["comment"], ""),
            "stage": sent["survey"],
        }
    )


def _customers(people: pd.DataFrame, ids: Texts, promised: Ints, *, seen: Bools) -> pd.DataFrame:
    known = (promised >= 0) & seen
    when = pd.array(promised * MINUTE, dtype="Int64")
    when[~known] = pd.NA
    columns = {"customer": ids, "persona": people["persona"], "region": people["region"], "promised": when}
    return pd.DataFrame(columns)


def _latent(people: pd.DataFrame, ids: Texts) -> pd.DataFrame:
    hidden = people.drop(columns=["kind", "contact_minute", "entry"])
    hidden.insert(0, "customer", ids)
    hidden.insert(1, "entry_at", people["entry"].to_numpy() * MINUTE)
    return hidden


def _named(invitations: pd.DataFrame, ids: Texts) -> pd.DataFrame:
    named = invitations.drop(columns=["who", "asked", "answered_at", "comment"])
    named.insert(0, "customer", ids[invitations["who"].to_numpy()])
    return named
