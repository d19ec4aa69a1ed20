"""The numbers behind the simulated shop, and what follows from them exactly.

Model (days since the first visit are counted after `SETUP_DAYS`, the minutes nobody can buy in):

- A customer of persona p is shown an unexpected shipping fee F with probability `fee`.
- The customer is a possible buyer with probability `buys` (no fee) or `buys * fee_keeps` (fee); the
  others never buy.
- Possible buyers have two competing cause-specific hazards, purchase and unsubscribe, both of the form
  rate * SHAPE * t ** (SHAPE - 1). Those who never buy can only unsubscribe. The shared shape makes the
  cumulative incidences closed: `Truth.converted`, `Truth.unsubscribed`.
- After the first purchase a customer lives for an exponential time with hazard
  churn * LATE_CHURN (first delivery late) * WAIT_CHURN (support wait above 15 minutes), and buys again
  at the constant rate `again` while alive: `Truth.alive`, `Truth.repurchased`.
- Scores are caused by experience (`surveys.py`): fee, days of delay, minutes of waiting, persona, noise.
- Answering is caused by behaviour known before the invitation (number of sessions, persona, fee, late
  delivery, long wait) and by nothing else: weighting by behaviour can undo the bias.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cjlib.core import checks

Floats = NDArray[np.float64]

SHAPE = 0.7  # below 1: most of those who buy do so early
SETUP_DAYS = 30 / 1440
FEE_KEEPS = 0.5  # share of possible buyers that an unexpected fee leaves
LATE = 0.18  # first deliveries after the promised day
CONTACT = {False: 0.28, True: 0.60}  # share that contacts support, by lateness
PHONE = 0.8  # of the contacts
WAIT_MEAN = 14.0  # minutes on the phone, exponential
LONG_WAIT = 15.0  # minutes
LATE_CHURN = 1.8
WAIT_CHURN = 1.5
PRAISE_THEN_LEAVE = 0.30  # of those who never buy and were shown the fee in their cart
WAIT_BUT_FINE = 0.35  # of those who waited longer than LONG_WAIT: score 6 or 7 of 7 all the same


@dataclass(frozen=True, kw_only=True)
class Persona:
    """One kind of customer; rates are per day (purchase and unsubscribe: per day ** SHAPE)."""

    name: str
    share: float
    fee: float
    buys: float
    purchase: float
    unsubscribe: float
    again: float
    churn: float
    cart: float  # share of those who never buy that fill a cart all the same
    mood: float  # added to scores, in points of a five-point scale
    answers: float  # added to the log-odds of answering


PERSONAS = (
    Persona(
        name="Camille", share=0.45, fee=0.50, buys=0.62, purchase=0.10, unsubscribe=0.020,
        again=1 / 90, churn=1 / 120, cart=0.50, mood=0.0, answers=0.0,
    ),
    Persona(
        name="Marc", share=0.30, fee=0.25, buys=0.80, purchase=0.28, unsubscribe=0.010,
        again=1 / 35, churn=1 / 300, cart=0.60, mood=0.2, answers=0.5,
    ),
    Persona(
        name="Agnès", share=0.25, fee=0.35, buys=0.55, purchase=0.16, unsubscribe=0.030,
        again=1 / 150, churn=1 / 90, cart=0.45, mood=0.1, answers=-0.2,
    ),
)  # fmt: skip


def parameter(name: str) -> Floats:
    """Values of one field of `PERSONAS`, in their order."""
    return np.array([getattr(persona, name) for persona in PERSONAS], dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What the tables alone cannot show: latent variables, everybody's scores, exact curves.

    Attributes
    ----------
    customers : DataFrame
        One row per customer: persona, fee, buyer, purchase_days, unsubscribe_days (infinite where the
        other came first), praise_then_leave, late, delay_days, wait_minutes, wait_but_fine,
        churn_per_day, alive_days (life after the first purchase).
    invitations : DataFrame
        One row per invitation, answered or not: survey, true_score, answer_probability, answered.
    """

    customers: pd.DataFrame
    invitations: pd.DataFrame

    def converted(self, days: ArrayLike, *, persona: str | None = None) -> Floats:
        """Share of customers who bought within `days` after their first visit.

        Examples
        --------
        >>> truth = Truth(customers=pd.DataFrame(), invitations=pd.DataFrame())
        >>> truth.converted([0, 30, 1e6]).round(3).tolist()
        [0.0, 0.404, 0.473]
        """
        time = _operational_time(days)
        return _mixture(persona, lambda p: _buyers(p) * _first_of(p, time, "purchase", buyer=True))

    def unsubscribed(self, days: ArrayLike, *, persona: str | None = None) -> Floats:
        """Share of customers who unsubscribed, before any purchase, within `days` after the first visit."""
        time = _operational_time(days)

        def share(p: Persona) -> Floats:
            possible = _buyers(p) * _first_of(p, time, "unsubscribe", buyer=True)
            return possible + (1 - _buyers(p)) * _first_of(p, time, "unsubscribe", buyer=False)

        return _mixture(persona, share)

    def alive(self, days: ArrayLike, *, persona: str) -> Floats:
        """Share of buyers not yet gone for good `days` after their first purchase."""
        time = np.maximum(np.asarray(days, dtype=np.float64), 0)

        def share(p: Persona) -> Floats:
            return np.asarray(sum(w * np.exp(-p.churn * m * time) for w, m in experiences()))

        return _mixture(persona, share)

    def repurchased(self, days: ArrayLike, *, persona: str) -> Floats:
        """Share of buyers who bought a second time within `days` after their first purchase."""
        time = np.maximum(np.asarray(days, dtype=np.float64), 0)

        def share(p: Persona) -> Floats:
            parts = [(w, p.again + p.churn * m) for w, m in experiences()]
            return np.asarray(sum(w * p.again / rate * -np.expm1(-rate * time) for w, rate in parts))

        return _mixture(persona, share)

    def mean_score(self, survey: str, *, answered_only: bool = False) -> float:
        """Mean of the true scores of everybody invited to `survey`, or of those who answered."""
        return float(self._scores(survey, answered_only=answered_only).mean())

    def nps(self, *, answered_only: bool = False) -> float:
        """Net promoter score (-100..100) of everybody invited, or of those who answered."""
        scores = self._scores("loyalty", answered_only=answered_only)
        return float(100 * ((scores >= 9).mean() - (scores <= 6).mean()))

    def _scores(self, survey: str, *, answered_only: bool) -> Floats:
        known = self.invitations["survey"].unique().tolist()
        checks.one_of("survey", survey, known)
        rows = self.invitations["survey"] == survey
        if answered_only:
            rows &= self.invitations["answered"]
        return self.invitations.loc[rows, "true_score"].to_numpy(np.float64)


def experiences() -> Sequence[tuple[float, float]]:
    """(probability, factor on the churn hazard) of each experience of a first order."""
    found = []
    for late in (False, True):
        p_late = LATE if late else 1 - LATE
        p_long = CONTACT[late] * PHONE * np.exp(-LONG_WAIT / WAIT_MEAN)
        factor = LATE_CHURN if late else 1.0
        found += [(p_late * (1 - p_long), factor), (p_late * p_long, factor * WAIT_CHURN)]
    return found


def _operational_time(days: ArrayLike) -> Floats:
    """Time on which the two hazards are constant."""
    return np.asarray(np.maximum(np.asarray(days, dtype=np.float64) - SETUP_DAYS, 0) ** SHAPE)


def _buyers(p: Persona) -> float:
    """Share of possible buyers, over both fee states."""
    return (1 - p.fee) * p.buys + p.fee * p.buys * FEE_KEEPS


def _first_of(p: Persona, time: Floats, cause: str, *, buyer: bool) -> Floats:
    """Cumulative incidence of one cause, given whether the customer is a possible buyer."""
    total = p.unsubscribe + (p.purchase if buyer else 0.0)
    return np.asarray(getattr(p, cause) / total * -np.expm1(-total * time))


def _mixture(persona: str | None, share: Callable[[Persona], Floats]) -> Floats:
    """`share(persona)` of one persona, or its mean over all by their shares."""
    if persona is not None:
        checks.one_of("persona", persona, [p.name for p in PERSONAS])
    chosen = [p for p in PERSONAS if persona in (None, p.name)]
    total = sum(p.share for p in chosen)
    return np.asarray(sum(p.share / total * share(p) for p in chosen), dtype=np.float64)
