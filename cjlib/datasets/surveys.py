"""Surveys of the simulated shop: scores caused by experience, silence caused by behaviour.

True score of a customer i at a survey, before rounding to the scale:

    base + effects of what i has lived through + mood of the persona + normal noise

================  ==========  =========================================================================
survey (stage)    scale       base and effects
================  ==========  =========================================================================
comparison        CSAT 1-5    4.0; planted praise: 5
decision          CSAT 1-5    4.4, fee -1.2, cart left behind -0.8
reception         CSAT 1-5    4.4, each day late -0.45 (at most 5 days)
after-sales       CES 1-7     6.0 (7 = very easy), each minute of waiting above 3: -0.12; planted: 6 or 7
loyalty           NPS 0-10    8.5, fee -0.9, each day late -0.5 (at most 4), minute above 5: -0.06
================  ==========  =========================================================================

Answering: log-odds = -0.2 + persona + 0.25 * further visits - 0.5 fee - 1.2 late - 0.6 long wait, each term
only if it lies before the invitation. All of it is visible behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cjlib.datasets.behaviour import after, decided
from cjlib.datasets.draws import Bools, Floats, Ints, chance, exponential, normal, pick, uniform
from cjlib.datasets.people import DAY
from cjlib.datasets.truth import parameter


@dataclass(frozen=True, kw_only=True)
class Survey:
    """One questionnaire; `invited` is the share of those concerned, `noise` in points of the scale."""

    stage: str
    instrument: str
    low: int
    high: int
    invited: float
    noise: float


COMPARISON = Survey(stage="comparison", instrument="csat", low=1, high=5, invited=0.40, noise=0.8)
DECISION = Survey(stage="decision", instrument="csat", low=1, high=5, invited=0.75, noise=0.8)
RECEPTION = Survey(stage="reception", instrument="csat", low=1, high=5, invited=0.85, noise=0.7)
AFTER_SALES = Survey(stage="after-sales", instrument="ces", low=1, high=7, invited=0.90, noise=1.0)
LOYALTY = Survey(stage="loyalty", instrument="nps", low=0, high=10, invited=0.90, noise=1.5)


def invite(rng: np.random.Generator, people: pd.DataFrame, *, purchased: Ints, delivered: Ints) -> pd.DataFrame:
    """Every invitation, with the true score of everybody and whether and when it is answered.

    `purchased` and `delivered` are the minutes of the first order, -1 where there is none.
    """
    asked = [
        _comparing(rng, people),
        _bought(rng, people, purchased),
        _left(rng, people),
        _received(rng, people, delivered),
        _contacted(rng, people),
        _relational(rng, people, purchased),
    ]
    return pd.concat(asked, ignore_index=True)


def _comparing(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """An hour after the first visit, those who have neither bought nor left by then."""
    fits = (decided(people) > 3 / 24) & chance(rng, len(people), COMPARISON.invited)
    who = np.flatnonzero(fits | people["praise_then_leave"].to_numpy())
    return _ask(rng, people, COMPARISON, who, people["entry"].to_numpy()[who] + 60)


def _received(rng: np.random.Generator, people: pd.DataFrame, delivered: Ints) -> pd.DataFrame:
    who = np.flatnonzero((delivered >= 0) & chance(rng, len(people), RECEPTION.invited))
    effect = 4.4 - 0.45 * np.minimum(people["delay_days"].to_numpy()[who], 5)
    return _ask(rng, people, RECEPTION, who, delivered[who] + DAY, effect=effect, fee=True, late=True)


def _bought(rng: np.random.Generator, people: pd.DataFrame, purchased: Ints) -> pd.DataFrame:
    who = np.flatnonzero((purchased >= 0) & chance(rng, len(people), DECISION.invited))
    at = purchased[who] + uniform(rng, len(who), 120, 720).astype(np.int64)
    effect = 4.4 - 1.2 * people["fee"].to_numpy()[who]
    return _ask(rng, people, DECISION, who, at, effect=effect, fee=True)


def _left(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """Those who filled a cart and left are asked as well, a day later."""
    cart = people["cart_days"].to_numpy()
    who = np.flatnonzero(~np.isnan(cart) & chance(rng, len(people), 0.6))
    at = after(people, who, cart[who] + 1.1)
    effect = 3.6 - 1.2 * people["fee"].to_numpy()[who]
    return _ask(rng, people, DECISION, who, at, effect=effect, fee=True)


def _contacted(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    contact = people["contact_minute"].to_numpy()
    who = np.flatnonzero((contact >= 0) & chance(rng, len(people), AFTER_SALES.invited))
    wait = np.nan_to_num(people["wait_minutes"].to_numpy()[who])
    at = contact[who] + np.floor(wait).astype(np.int64) + 120
    effect = 6.0 - 0.12 * np.maximum(wait - 3, 0)
    return _ask(rng, people, AFTER_SALES, who, at, effect=effect, fee=True, late=True, waited=True)


def _relational(rng: np.random.Generator, people: pd.DataFrame, purchased: Ints) -> pd.DataFrame:
    who = np.flatnonzero((purchased >= 0) & chance(rng, len(people), LOYALTY.invited))
    wait = np.nan_to_num(people["wait_minutes"].to_numpy()[who])
    wait = np.where(people["contact"].to_numpy()[who], wait, 0)
    effect = 8.5 - 0.9 * people["fee"].to_numpy()[who] - 0.06 * np.maximum(wait - 5, 0)
    effect = effect - 0.5 * np.minimum(people["delay_days"].to_numpy()[who], 4)
    at = purchased[who] + 45 * DAY
    return _ask(rng, people, LOYALTY, who, at, effect=effect, fee=True, late=True, waited=True)


def _ask(
    rng: np.random.Generator,
    people: pd.DataFrame,
    survey: Survey,
    who: Ints,
    at: Ints,
    *,
    effect: ArrayLike = 4.0,
    fee: bool = False,
    late: bool = False,
    waited: bool = False,
) -> pd.DataFrame:
    """Invitations of one survey; the flags say which experience lies before it."""
    kind = people["kind"].to_numpy()[who]
    mood = parameter("mood")[kind] * (survey.high - survey.low) / 4
    raw = np.asarray(effect) + mood + survey.noise * normal(rng, len(who))
    score = np.clip(np.round(raw), survey.low, survey.high)
    planted = np.zeros(len(who), dtype=bool)
    if survey is COMPARISON:
        planted = people["praise_then_leave"].to_numpy()[who]
        score = np.where(planted, 5, score)
    if survey is AFTER_SALES:
        planted = people["wait_but_fine"].to_numpy()[who]
        score = np.where(planted, 6 + pick(rng, len(who), [1, 1]), score)
    p = _answer_probability(people, who, fee=fee, late=late, waited=waited)
    if survey is COMPARISON:
        p = np.where(planted, 1.0, p)
    answered = chance(rng, len(who), p)
    delay = np.where(planted, 5 + 30 * rng.random(len(who)), 5 + exponential(rng, len(who), DAY))
    return pd.DataFrame(
        {
            "who": who,
            "survey": survey.stage,
            "instrument": survey.instrument,
            "asked": at,
            "answered_at": at + np.floor(delay).astype(np.int64),
            "true_score": score,
            "planted": planted,
            "answer_probability": p,
            "answered": answered,
        }
    )


def _answer_probability(people: pd.DataFrame, who: Ints, *, fee: bool, late: bool, waited: bool) -> Floats:
    log_odds = -0.2 + parameter("answers")[people["kind"].to_numpy()[who]]
    if fee:  # every survey after the decision
        log_odds = log_odds + 0.25 * people["more_visits"].to_numpy()[who] - 0.5 * _flag(people, "fee", who)
    if late:
        log_odds = log_odds - 1.2 * _flag(people, "late", who)
    if waited:
        log_odds = log_odds - 0.6 * _flag(people, "long_wait", who)
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def _flag(people: pd.DataFrame, name: str, who: Ints) -> Floats:
    found: Bools = people[name].to_numpy()[who]
    return found.astype(np.float64)
