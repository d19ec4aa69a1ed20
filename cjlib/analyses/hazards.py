"""Shared by the analyses of hazard ratios: fit or say why not, count both sides, read a ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.result import Note
from cjlib.core.text import t
from cjlib.stats.hazard import HazardModel, proportional_hazards

LANDMARKS = ("7 days", "30 days", "60 days")
_UNKNOWN = dict.fromkeys(("hazard_ratio", "ci_low", "ci_high", "p_value"), math.nan)


def fitted(
    rows: pd.DataFrame, terms: Sequence[str], names: Mapping[str, str], *, strata: Sequence[str] = (),
    confidence: float = 0.95,
) -> tuple[HazardModel | None, list[Note]]:  # fmt: skip
    """The model with errors clustered by unit, or None; and what was set aside, in a sentence."""
    try:
        model = proportional_hazards(rows, covariates=terms, strata=strata, cluster="unit", confidence=confidence)
    except NotEnoughDataError as problem:
        return None, [Note("CJ-AN-258", "limit", _named(str(problem), names))]
    if not model.dropped:
        return model, []
    parts = t("; ").join(f"{names[name]} ({_named(why, names)})" for name, why in model.dropped)
    return model, [Note("CJ-AN-258", "limit", t("No ratio can be given for: {parts}.", parts=parts))]


def _named(sentence: str, names: Mapping[str, str]) -> str:
    """A sentence with the words of the page instead of the columns of the model."""
    for term in sorted(names, key=len, reverse=True):
        sentence = sentence.replace(term, names[term])
    return sentence


def ratio(model: HazardModel | None, term: str) -> dict[str, float]:
    """Hazard ratio of a term with its limits; NaN where there is none."""
    if model is None:
        return _UNKNOWN
    found = model.table[model.table["covariate"] == term]
    return _UNKNOWN if found.empty else {name: float(found[name].iloc[0]) for name in _UNKNOWN}


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
