"""Shared by the analyses of hazard ratios: fit or say why not, count both sides, read a ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.result import Note
from cjlib.core.text import t, tn
from cjlib.stats.hazard import HazardModel, functional_form, proportional_hazards
from cjlib.stats.multiplicity import holm

LANDMARKS = ("7 days", "30 days", "60 days")
_UNKNOWN = dict.fromkeys(("hazard_ratio", "ci_low", "ci_high", "p_value"), math.nan)


def fitted(
    rows: pd.DataFrame, terms: Sequence[str], names: Mapping[str, str], *, strata: Sequence[str] = (),
    confidence: float = 0.95,
) -> tuple[HazardModel | None, list[Note]]:  # fmt: skip
    """The model with errors clustered by unit, or None; and what was set aside, in a sentence."""
    try:
        model = proportional_hazards(rows, covariates=terms, strata=strata, cluster="unit", discrimination=False,
                                     confidence=confidence)  # fmt: skip
    except NotEnoughDataError as problem:
        return None, [Note("CJ-AN-258", "limit", _named(str(problem), names))]
    if not model.dropped:
        return model, []
    return model, _set_aside(model.dropped, names)


def _set_aside(dropped: Sequence[tuple[str, str]], names: Mapping[str, str]) -> list[Note]:
    """Who was set aside and why, in words that need no statistics; the other ratios still answer the question."""
    even, alone = t("does not vary"), t("separates perfectly")
    constant = [names[name] for name, why in dropped if why == even]
    pure = [names[name] for name, why in dropped if why == alone]
    rest = [f"{names[name]} ({_named(why, names)})" for name, why in dropped if why not in (even, alone)]
    notes = []
    if pure:
        notes.append(Note("CJ-AN-258", "caution", t(
            "Everybody or nobody has the outcome after it, so no ratio can be given for: {parts}.",
            parts=t("; ").join(pure))))  # fmt: skip
    if constant:
        notes.append(Note("CJ-AN-258", "info", t(
            "The same for everybody, so there is nothing to compare for: {parts}.",
            parts=t("; ").join(constant))))  # fmt: skip
    if rest:
        notes.append(Note("CJ-AN-258", "caution", t("No ratio can be given for: {parts}.",
                                                    parts=t("; ").join(rest))))  # fmt: skip
    return notes


def _named(sentence: str, names: Mapping[str, str]) -> str:
    """A sentence with the words of the page instead of the columns and the jargon of the model."""
    for term in sorted(names, key=len, reverse=True):
        sentence = sentence.replace(term, names[term])
    return sentence.replace(t("separates perfectly"), t("everybody or nobody has the outcome after it"))


def ratio(model: HazardModel | None, term: str) -> dict[str, float]:
    """Hazard ratio of a term with its limits; NaN where there is none."""
    if model is None:
        return _UNKNOWN
    found = model.table[model.table["covariate"] == term]
    return _UNKNOWN if found.empty else {name: float(found[name].iloc[0]) for name in _UNKNOWN}


def part_of_outcome(rows: pd.DataFrame, names: Mapping[str, str]) -> list[Note]:
    """Drivers most of whose exposed converters convert within the hour: a part of the outcome itself."""
    hits = rows[rows["event"] == 1].set_index("unit")
    rows = rows[rows["unit"].isin(hits.index)]
    found = []
    for term, name in names.items():
        first = rows[rows[term] > 0].groupby("unit")["start_days"].min()
        exposed = hits.loc[hits.index.isin(first.index)]
        wait = exposed["stop_days"] - first.reindex(exposed.index)
        if len(wait) and (wait <= 1 / 24).mean() > 0.5:
            found.append(name)
    if not found:
        return []
    return [Note("CJ-AN-259", "caution", tn(
        "{drivers}: more than half of those who had the outcome after it had it within one hour. It is a step of the "
        "outcome itself, so its ratio says where people stand, not what moves them.",
        "{drivers}: more than half of those who had the outcome after them had it within one hour. They are steps of "
        "the outcome itself, so their ratios say where people stand, not what moves them.",
        len(found), drivers=", ".join(found)))]  # fmt: skip


def bends(rows: pd.DataFrame, model: HazardModel | None, names: Mapping[str, str], strata: Sequence[str]) -> list[Note]:
    """Counts and values whose log hazard is no straight line: one ratio per unit does not describe them."""
    graded = [] if model is None else [term for term in model.table["covariate"] if rows[term].nunique() > 2]
    if model is None or not graded:
        return []
    tested = functional_form(rows, covariates=list(model.table["covariate"]), strata=strata)
    bent = [names[term] for term in tested.loc[holm(tested["p_value"]) < 0.05, "covariate"]]
    if not bent:
        return []
    return [Note("CJ-AN-279", "caution", t(
        "The first events and later ones do not count alike for: {drivers}. One ratio per unit is an average.",
        drivers=", ".join(bent)))]  # fmt: skip


def sides(people: pd.DataFrame, exposed: Any) -> dict[str, int]:
    """People on both sides, and those exposed with and without the outcome; one row per person."""
    hit = int((exposed & (people["event"] == 1)).sum())
    with_it = int(exposed.sum())
    return {"n": len(people), "n_exposed": with_it, "n_other": len(people) - with_it, "n_event": hit,
            "n_rest": with_it - hit}  # fmt: skip


def times(landmarks: pd.DataFrame) -> list[float]:
    """Landmarks from which no ratio is known."""
    known = landmarks.groupby("landmark_days")["hazard_ratio"].apply(lambda part: part.notna().any())
    return [float(at) for at in known.index[~known.to_numpy(dtype=bool)]]
