"""Visible part of the simulated shop: the events that people leave behind.

Steps of one visit are at least a minute apart, so that an export in minutes keeps their order; events
of different systems may share a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cjlib.datasets.draws import Floats, Ints, chance, exponential, pick, uniform
from cjlib.datasets.people import DAY, late_by
from cjlib.datasets.truth import LATE, LONG_WAIT, SETUP_DAYS, parameter

PROMISED_AFTER = 5  # calendar days from the order to the promised day
ORDERS_OF_ONE = 1000  # an order number is customer * ORDERS_OF_ONE + rank


@dataclass
class Log:
    """Events under construction, in columns; positions point into `people`."""

    zone: str
    parts: list[pd.DataFrame] = field(default_factory=list)

    def add(
        self,
        who: Ints,
        minute: Ints,
        event: str,
        channel: ArrayLike,
        *,
        value: ArrayLike = np.nan,
        session: ArrayLike = 0,
        order: ArrayLike = 0,
    ) -> None:
        """Add one event for each of the customers `who`."""
        columns = {"who": who, "minute": minute, "event": event, "channel": channel}
        self.parts.append(pd.DataFrame({**columns, "value": value, "session": session, "order": order}))

    def midnight(self, minute: Ints) -> Ints:
        """First minute of the same calendar day in the business zone."""
        stamps = pd.DatetimeIndex(minute.astype("datetime64[m]").astype("datetime64[s]"), tz="UTC")
        utc = stamps.tz_convert(self.zone).normalize().tz_convert("UTC").tz_localize(None)
        return utc.to_numpy("datetime64[m]").astype(np.int64)


def before_purchase(rng: np.random.Generator, people: pd.DataFrame, log: Log) -> None:
    """First visit, further visits, carts left behind, reminders and unsubscriptions."""
    _first_visit(rng, people, log)
    _further_visits(rng, people, log)
    left = np.flatnonzero(people["cart_days"].notna())
    cart = after(people, left, people["cart_days"].to_numpy()[left])
    session = people["more_visits"].to_numpy()[left] + 2
    log.add(left, cart - 8, "visit", "web", session=session)
    log.add(left, cart - 5, "product_view", "web", session=session)
    log.add(left, cart, "add_to_cart", "web", value=amounts(rng, len(left)), session=session)
    fee = people["fee"].to_numpy()[left]
    log.add(left[fee], cart[fee] + 3, "fee_shown", "web", value=fees(rng, fee.sum()), session=session[fee])
    reminded = cart + DAY < _end(people, left)
    log.add(left[reminded], cart[reminded] + DAY, "cart_email", "e-mail")
    gone = np.flatnonzero(np.isfinite(people["unsubscribe_days"]))
    log.add(gone, after(people, gone, people["unsubscribe_days"].to_numpy()[gone]), "unsubscribe", "e-mail")


def _first_visit(rng: np.random.Generator, people: pd.DataFrame, log: Log) -> None:
    entry = people["entry"].to_numpy()
    source = people["source"].to_numpy()
    who = np.arange(len(people))
    paid, social, letter = (source == name for name in ("paid", "social", "newsletter"))
    # The click and the page it opens are logged in the same minute by two systems: a tie.
    log.add(who[paid], entry[paid], "ad_click", np.where(chance(rng, paid.sum(), 0.5), "web", "social"))
    log.add(who[social], entry[social], "social_post", "social")
    log.add(who[letter], entry[letter], "newsletter_click", "e-mail")
    log.add(who, entry, "visit", "web", session=1)
    looks = chance(rng, len(who), 0.85)
    log.add(who[looks], entry[looks] + 2, "product_view", "web", session=1)
    reads = looks & chance(rng, len(who), 0.35)
    log.add(who[reads], entry[reads] + 4, "review_read", "web", session=1)


def _further_visits(rng: np.random.Generator, people: pd.DataFrame, log: Log) -> None:
    """Visits between the first and the deciding one: without effect on the outcome, by construction."""
    n = len(people)
    entry = people["entry"].to_numpy()
    horizon = np.minimum(_end(people, np.arange(n)) - entry, 25 * DAY)
    horizon = np.where(people["cart_days"].notna(), people["cart_days"].fillna(0) * DAY, horizon)
    wanted = people["more_visits"].to_numpy()
    order = np.sort(rng.random((n, 3)), axis=1)
    for rank in range(3):
        back = np.flatnonzero((wanted > rank) & (horizon > 180))
        at = entry[back] + 60 + (order[back, rank] * (horizon[back] - 120)).astype(np.int64)
        log.add(back, at, "visit", "web", session=rank + 2)
        looks = chance(rng, len(back), 0.8)
        log.add(back[looks], at[looks] + 3, "product_view", "web", session=rank + 2)
        reads = chance(rng, len(back), 0.25)
        log.add(back[reads], at[reads] + 5, "review_read", "web", session=rank + 2)
    shop = np.flatnonzero(chance(rng, n, 0.12) & (horizon > 2 * DAY))
    at = entry[shop] + DAY + (rng.random(len(shop)) * (horizon[shop] - 2 * DAY)).astype(np.int64)
    log.add(shop, at, "store_visit", "shop")


def purchases(rng: np.random.Generator, people: pd.DataFrame, log: Log, *, until: int) -> None:
    """First orders with what leads to them, then repeat orders while alive, up to minute `until`."""
    who = np.flatnonzero(np.isfinite(people["purchase_days"]))
    at = after(people, who, people["purchase_days"].to_numpy()[who])
    session = people["more_visits"].to_numpy()[who] + 2
    back = at - people["entry"].to_numpy()[who] > 60
    log.add(who[back], at[back] - 12, "visit", "web", session=session[back])
    amount = amounts(rng, len(who))
    log.add(who, at - 6, "add_to_cart", "web", value=amount, session=session)
    new = chance(rng, len(who), np.array([0.9, 0.4, 0.7])[people["kind"].to_numpy()[who]])
    log.add(who[new], at[new] - 4, "account_created", "web", session=session[new])
    fee = people["fee"].to_numpy()[who]
    log.add(who[fee], at[fee] - 3, "fee_shown", "web", value=fees(rng, fee.sum()), session=session[fee])
    delay = people["delay_days"].to_numpy()[who]
    deliver(rng, log, who, at, delay, amount=amount, rank=0, session=session)
    _repeats(rng, people, log, who, at, session=session, until=until)


def _repeats(
    rng: np.random.Generator,
    people: pd.DataFrame,
    log: Log,
    who: Ints,
    first: Ints,
    *,
    session: Ints,
    until: int,
) -> None:
    """Repeat orders at a constant rate, one rank at a time, until everybody is gone or unseen."""
    again = parameter("again")[people["kind"].to_numpy()]
    life = people["alive_days"].to_numpy()
    last, days, rank = first, np.zeros(len(people)), 0
    while len(who):
        rank += 1
        days[who] += exponential(rng, len(who), 1 / again[who])
        at = np.maximum(first + np.floor(days[who] * DAY).astype(np.int64), last + 15)
        going = (days[who] < life[who]) & (at <= until)
        who, first, last, session = who[going], first[going], at[going], session[going] + 1
        amount = amounts(rng, len(who))
        log.add(who, last - 12, "visit", "web", session=session)
        log.add(who, last - 5, "add_to_cart", "web", value=amount, session=session)
        delay = late_by(rng, chance(rng, len(who), LATE))
        deliver(rng, log, who, last, delay, amount=amount, rank=rank, session=session)


def deliver(
    rng: np.random.Generator,
    log: Log,
    who: Ints,
    at: Ints,
    delay: Ints,
    *,
    amount: Floats,
    rank: int,
    session: Ints,
) -> None:
    """Purchase, dispatch, tracking message and delivery of one order each."""
    order = (who + 1) * ORDERS_OF_ONE + rank
    log.add(who, at, "purchase", "web", value=amount, session=session, order=order)
    day = log.midnight(at)
    shipped = day + DAY + uniform(rng, len(who), 8 * 60, 18 * 60).astype(np.int64)
    where = np.where(chance(rng, len(who), 0.3), "shop", "home")
    log.add(who, shipped, "shipped", where, order=order)
    told = chance(rng, len(who), 0.8)
    log.add(who[told], shipped[told] + 1, "tracking_sms", "SMS")
    days = np.where(delay > 0, PROMISED_AFTER + delay, 2 + pick(rng, len(who), [30, 35, 25, 10]))
    hours = uniform(rng, len(who), 8 * 60, 20 * 60).astype(np.int64)
    log.add(who, day + days * DAY + hours, "delivered", where, order=order)


def after_sales(rng: np.random.Generator, people: pd.DataFrame, log: Log, delivered: Ints) -> None:
    """Contacts with support, signs of loyalty; `delivered` is the minute of the first delivery, or -1."""
    had = delivered >= 0
    caller = np.flatnonzero(had & people["contact"].to_numpy())
    at = delivered[caller] + uniform(rng, len(caller), 0.2 * DAY, 6 * DAY).astype(np.int64)
    people["contact_minute"] = -1
    people.loc[caller, "contact_minute"] = at
    wait = np.round(people["wait_minutes"].to_numpy()[caller], 1)
    phone = ~np.isnan(wait)
    log.add(caller[phone], at[phone], "support_call", "phone", value=wait[phone])
    log.add(caller[~phone], at[~phone], "support_email", "e-mail")
    long_wait = people["long_wait"].to_numpy()[caller]
    log.add(caller[long_wait], at[long_wait] + int(LONG_WAIT), "long_wait", "phone", value=wait[long_wait])

    alive = np.where(had, people["alive_days"].to_numpy(), 0.0)
    content = 1.0 - 0.6 * people["late"].to_numpy() - 0.2 * people["long_wait"].to_numpy()
    for event, channel, share, first, spread in (
        ("review", "web", 0.18, 2.0, 12.0),
        ("referral", "social", 0.10, 5.0, 30.0),
        ("points_used", "shop", 0.15, 12.0, 40.0),
        ("offer_click", "e-mail", 0.30, 10.0, 40.0),
    ):
        days = first + exponential(rng, len(people), spread)
        does = np.flatnonzero(had & chance(rng, len(people), share * content) & (days < alive))
        log.add(does, delivered[does] + np.floor(days[does] * DAY).astype(np.int64), event, channel)


def after(people: pd.DataFrame, who: Ints, days: Floats) -> Ints:
    """Minute `days` after the first visit."""
    return people["entry"].to_numpy()[who] + np.floor(days * DAY).astype(np.int64)


def amounts(rng: np.random.Generator, n: int) -> Floats:
    """Baskets in euros, a few of them above a thousand."""
    return np.round(15 + exponential(rng, n, 60) * np.where(chance(rng, n, 0.04), 12, 1), 2)


def fees(rng: np.random.Generator, n: int) -> Floats:
    """Shipping fees in euros."""
    return np.array([4.9, 6.9, 9.9])[pick(rng, n, [3, 5, 2])]


def _end(people: pd.DataFrame, who: Ints) -> Ints:
    """Minute of the first purchase or of the unsubscription."""
    return after(people, who, decided(people)[who] - SETUP_DAYS)


def decided(people: pd.DataFrame) -> Floats:
    """Days from the first visit to the first purchase or the unsubscription, whichever it was."""
    return np.asarray(np.minimum(people["purchase_days"].to_numpy(), people["unsubscribe_days"].to_numpy()))
