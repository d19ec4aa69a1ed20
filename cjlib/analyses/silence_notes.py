"""What `nonresponse` says in words: the covariates, the tipping point, and the notes beside the numbers."""

from __future__ import annotations

import math

import pandas as pd

from cjlib.analyses.silence import RAKED, WEIGHTED, Case, measure
from cjlib.core.result import Note
from cjlib.core.text import number, percent, points, t
from cjlib.journey.features import OTHER, Behaviour, Covariate
from cjlib.journey.tables import EventLog
from cjlib.stats.propensity import plain_mean

FEWEST = 30  # on either side: below, who answers cannot be estimated
UNBALANCED = 0.1
PER_COVARIATE = 10  # people on the smaller side: below, estimated weights follow chance


def covariate_words(key: Covariate, log: EventLog) -> str:
    """A covariate, or a whole margin (an attribute without a level), in words."""
    kind, name = key
    if kind == "event":
        return t("number of: {event}", event=log.label(name))
    if kind == "late":
        return t("late: {event}", event=log.label(name))
    if kind == "time":
        return {
            "any": t("any event"),
            "n": t("number of all events"),
            "first": t("days since the first event"),
            "last": t("days since the last event"),
            "cut-off": t("days from the invitation to the cut-off"),
        }[name]
    word = t("stage asked about") if kind == "stage" else log.label(kind)
    if not name:
        return word
    level = {OTHER: t("other levels"), "(unknown)": t("(unknown)")}.get(name, name)
    return t("{name}: {level}", name=word, level=level)


def _tipping(case: Case) -> str:
    """How different those who did not answer must be to turn the score of everybody."""
    main = measure(case.kind)
    said, rate = plain_mean(main.of(case.score), case.answered).value, case.rate
    if rate == 1 or said == main.turn:
        return ""
    gap = abs(said - main.turn) / (1 - rate)
    reach = said - main.ends[0] if said > main.turn else main.ends[1] - said
    text = {"points": points(0), "percent": percent(0.5, 0), "score": number(main.turn, 2)}[main.kpi]
    size = number(100 * gap if main.kpi == "percent" else gap, 2 if main.kpi == "score" else 1)
    words = {"name": main.name, "turn": text, "x": size}
    if said > main.turn:
        if gap > reach:
            return t(
                "Even if everybody who did not answer gave the lowest score, {name} would stay above {turn}.", **words
            )
        return t("For everybody asked, {name} is below {turn} if those who did not answer are more than {x} points "
                 "lower than those who did.", **words)  # fmt: skip
    if gap > reach:
        return t(
            "Even if everybody who did not answer gave the highest score, {name} would stay below {turn}.", **words
        )
    return t("For everybody asked, {name} is above {turn} if those who did not answer are more than {x} points "
             "higher than those who did.", **words)  # fmt: skip


def notes_of(
    case: Case, behaviour: Behaviour, tables: tuple[pd.DataFrame, pd.DataFrame], *, reason: str, unraked: str
) -> list[Note]:
    """What a reader must know beside the numbers (the estimates and the balance).

    `reason` and `unraked` say why nothing could be weighted, or not raked; empty if it could.
    """
    table, balance = tables
    found = []
    if reason:
        found.append(Note("CJ-AN-061", "info" if case.answered.all() else "limit", reason))
    else:
        found += _of_weights(case, behaviour, balance) + _of_raking(case, table, balance, unraked)
    if tipping := _tipping(case):
        found.append(Note("CJ-AN-066", "info", tipping))
    if behaviour.n_undated:
        found.append(Note("CJ-AN-067", "caution", t(
            "{n} invitations or answers without the date of the invitation are left out: what lies before them "
            "is unknown.", n=behaviour.n_undated)))  # fmt: skip
    return found


def _of_weights(case: Case, behaviour: Behaviour, balance: pd.DataFrame) -> list[Note]:
    way = case.weighting(WEIGHTED)
    if way is None:
        return []
    found = [Note("CJ-AN-062", "caution", t(
        "Weights repair what behaviour before the invitation explains. Who is silent for a reason that the "
        "data do not hold stays unheard; the worst and the best case show how much that could be."))]  # fmt: skip
    left = balance.loc[balance["after"] > UNBALANCED, "covariate"].tolist()
    if left:
        found.append(Note("CJ-AN-063", "caution", t(
            "Weighting leaves those who answered apart from everybody asked in: {names}.",
            names=t("; ").join(left[:5]))))  # fmt: skip
    n = int(case.answered.sum())
    if way.n_effective < max(n / 2, FEWEST):
        found.append(Note("CJ-AN-064", "caution", t(
            "Very unequal weights: {n} answers say as much as {effective} of equal weight.",
            n=n, effective=round(way.n_effective))))  # fmt: skip
    fewer = min(n, len(case.score) - n)
    if fewer < PER_COVARIATE * len(behaviour.covariates):
        found.append(Note("CJ-AN-068", "caution", t(
            "{n} people on the smaller side are few for {k} things known about them: the weighted interval is "
            "somewhat too narrow.", n=fewer, k=len(behaviour.covariates))))  # fmt: skip
    if way.trimmed:
        found.append(Note("CJ-AN-065", "info", t(
            "{share} of the weights were cut, so that a few answers do not decide.",
            share=percent(way.trimmed))))  # fmt: skip
    return found


def _of_raking(case: Case, table: pd.DataFrame, balance: pd.DataFrame, unraked: str) -> list[Note]:
    """What few totals leave apart, and whether the two ways to weight agree."""
    if unraked:
        return [Note("CJ-AN-070", "info", t("No raked score beside the weighted one. {why}", why=unraked))]
    main = measure(case.kind)
    names = ["top_share", "top_low", "top_high"] if main.kpi == "percent" else ["score", "ci_low", "ci_high"]
    (one, low, high), (other, other_low, other_high) = (
        table.loc[table["basis"] == basis, names].iloc[0].astype(float) for basis in (WEIGHTED, RAKED)
    )
    left = balance.loc[balance["raked"] > UNBALANCED, "covariate"].tolist()
    found = [Note("CJ-AN-063", "info", t(
        "Raking on few totals leaves those who answered apart from everybody asked in: {names}.",
        names=t("; ").join(left[:5])))] if left else []  # fmt: skip
    agree = low <= other <= high and other_low <= one <= other_high
    if not (agree or math.isnan(low) or math.isnan(other_low)):
        found.append(Note("CJ-AN-069", "caution", t(
            "The two ways to weight disagree by more than their interval: {one} weighted by the probability to "
            "answer, {other} raked on few totals. The correction depends on the method; quote both.",
            one=main.form(one), other=main.form(other))))  # fmt: skip
    return found
