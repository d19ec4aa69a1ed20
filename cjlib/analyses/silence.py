"""Everybody invited on an instrument: who they are, what they said, how they are weighted, in numbers.

What `nonresponse` computes before it is put into words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from cjlib.core.text import number, percent, points, t
from cjlib.journey.features import Behaviour, Floats
from cjlib.stats.instrument import Instrument
from cjlib.stats.propensity import Estimate, clustered_error, fit_propensity, inverse_weights, weighted_mean
from cjlib.stats.raking import rake_to_all, raked_mean
from cjlib.stats.repeated import effective_answers, headline
from cjlib.stats.weight import kish

ANSWERED, WEIGHTED, RAKED, WORST, BEST = "answered", "weighted", "raked", "worst", "best"
CLASSES = 4  # of a count or a duration, of equal size among everybody asked
Bools = npt.NDArray[np.bool_]


class Measure(NamedTuple):
    """The headline of an instrument: its value of an answer, words, form and the value that matters."""

    name: str
    form: Callable[[float], str]
    kpi: Literal["points", "percent", "score"]
    of: Callable[[Floats], Floats]
    ends: tuple[float, float]
    turn: float


@dataclass(frozen=True, eq=False)
class Weighting:
    """One way to make those who answered resemble everybody asked.

    `weight` is 0 for the silent, 1 on average for the others; `mean` estimates a value of the answers.
    """

    basis: str
    weight: Floats
    mean: Callable[[Floats], Estimate]
    trimmed: float = 0.0
    r_indicator: float = math.nan

    @property
    def n_effective(self) -> float:
        return kish(self.weight[self.weight > 0]).n_effective


@dataclass(frozen=True, eq=False)
class Case:
    """Everybody invited, in order: who they are, what they said, how they are weighted."""

    kind: Instrument
    score: Floats
    answered: Bools
    unit: npt.NDArray[Any]
    weightings: tuple[Weighting, ...]
    confidence: float

    @property
    def rate(self) -> float:
        return float(self.answered.mean())

    def weighting(self, basis: str) -> Weighting | None:
        return next((one for one in self.weightings if one.basis == basis), None)

    def limits(
        self, value: float, influence: Floats, ends: tuple[float, float], n_effective: float
    ) -> tuple[float, float]:
        """Interval of an estimate, cut at the ends of its scale; unknown if nothing varies."""
        error = clustered_error(influence, self.unit)
        if not error > 1e-12:
            return math.nan, math.nan
        half = error * float(stdtrit(max(n_effective - 1, 1), (1 + self.confidence) / 2))
        return max(value - half, ends[0]), min(value + half, ends[1])


def by_propensity(matrix: Floats, answered: Bools, *, most: float) -> Weighting:
    """One over the estimated probability to answer, cut at `most` times the mean."""
    fit = fit_propensity(matrix, answered)
    weights = inverse_weights(fit.probability, answered, most=most)
    return Weighting(WEIGHTED, weights.weight, lambda values: weighted_mean(values, answered, fit, weights),
                     weights.share_trimmed, fit.r_indicator)  # fmt: skip


def by_raking(behaviour: Behaviour, answered: Bools) -> Weighting:
    """Totals of everybody asked on few known margins.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004: the margins cannot all be met.
    """
    raked = rake_to_all({str(place): codes for place, codes in enumerate(margins(behaviour).values())}, answered)
    return Weighting(RAKED, raked.weight, lambda values: raked_mean(values, answered, raked))


def margins(behaviour: Behaviour) -> dict[tuple[str, str], npt.NDArray[np.intp]]:
    """Known classes of everybody asked: attributes and stage by level, late or not, counts and days in quarters."""
    found: dict[tuple[str, str], npt.NDArray[np.intp]] = {}
    for (kind, name), values in behaviour.covariates.items():
        if kind == "late":
            found[kind, name] = values.astype(np.intp)
        elif kind == "time" and name != "any":
            cuts = np.unique(np.quantile(values, np.arange(1, CLASSES) / CLASSES))
            found[kind, name] = np.searchsorted(cuts, values, side="left").astype(np.intp)
        elif kind not in ("event", "time"):
            before = found.get((kind, ""), np.zeros(values.size, dtype=np.intp))
            found[kind, ""] = np.where(values > 0, before.max() + 1, before)
    return found


def measure(kind: Instrument) -> Measure:
    """Headline of an instrument: NPS, else the share of the best answers, else the mean."""
    if kind.statistic == "net":
        return Measure("NPS", points, "points", _net, (-100, 100), 0)
    if kind.good_scores:
        name = t("{name} best answers", name=kind.name.upper())
        return Measure(
            name, percent, "percent", lambda s: np.where(np.isin(s, kind.good_scores), 1.0, 0.0), (0, 1), 0.5
        )
    low, high = kind.scale
    return Measure(t("mean score"), _two, "score", lambda s: s, (low, high), (low + high) / 2)


def _net(scores: Floats) -> Floats:
    return np.where(scores >= 9, 100.0, np.where(scores <= 6, -100.0, 0.0))


def _two(value: float) -> str:
    return number(value, 2)


def plain_row(basis: str, values: Floats, people: npt.NDArray[Any], case: Case) -> dict[str, Any]:
    """Plain score of these answers, exactly as the scores of the study are estimated; `people` gave them."""
    kind, level = case.kind, case.confidence
    score = kind if kind.statistic == "net" else replace(kind, statistic="mean")
    main = headline(values, people, score, confidence=level)
    found = {"basis": basis, "n": len(values), "n_effective": effective_answers(values, people, kind),
             "score": main.estimate, "ci_low": main.ci_low, "ci_high": main.ci_high,
             "top_share": math.nan, "top_low": math.nan, "top_high": math.nan}  # fmt: skip
    if kind.good_scores:
        box = headline(values, people, replace(kind, statistic="top_box"), confidence=level)
        found |= {"top_share": box.estimate, "top_low": box.ci_low, "top_high": box.ci_high}
    return found


def weighted_row(case: Case, way: Weighting) -> dict[str, Any]:
    """Weighted score, and weighted share of the best answers."""
    main = measure(case.kind)
    net = case.kind.statistic == "net"
    ends = main.ends if net else case.kind.scale
    score = way.mean((main.of if net else lambda s: s)(case.score))
    low, high = case.limits(*score, ends, way.n_effective)
    found = {"basis": way.basis, "n": int(case.answered.sum()), "n_effective": way.n_effective, "score": score.value,
             "ci_low": low, "ci_high": high, "top_share": math.nan, "top_low": math.nan,
             "top_high": math.nan}  # fmt: skip
    if case.kind.good_scores:
        top = way.mean(main.of(case.score))
        low, high = case.limits(*top, main.ends, way.n_effective)
        found |= {"top_share": top.value, "top_low": low, "top_high": high}
    return found


def costs(case: Case) -> pd.DataFrame:
    """How many were asked and answered, and what the weights cost; one row per way to weight."""
    n, asked = int(case.answered.sum()), len(case.score)
    counts = {"n_asked": asked, "n_answered": n, "n_silent": asked - n, "rate": case.rate}
    unknown = dict.fromkeys(("design_effect", "n_effective", "largest", "trimmed", "r_indicator"), math.nan)
    rows: list[dict[str, Any]] = [] if case.weightings else [{"basis": ANSWERED} | counts | unknown]
    for way in case.weightings:
        effect = kish(way.weight[case.answered])
        rows.append({"basis": way.basis} | counts | {
            "design_effect": effect.design_effect, "n_effective": effect.n_effective, "largest": way.weight.max(),
            "trimmed": way.trimmed, "r_indicator": way.r_indicator})  # fmt: skip
    return pd.DataFrame(rows)
