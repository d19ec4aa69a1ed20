"""Everybody invited on an instrument: who they are, what they said, how they are weighted, in numbers.

What `nonresponse` computes before it is put into words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from cjlib.core.text import number, percent, points, t
from cjlib.journey.features import Floats
from cjlib.stats.instrument import Instrument
from cjlib.stats.mean import mean_interval
from cjlib.stats.propensity import Estimate, Propensity, Weights, clustered_error, plain_mean, weighted_mean
from cjlib.stats.score import nps_from_scores, top_box
from cjlib.stats.weight import kish

ANSWERED, WEIGHTED, WORST, BEST = "answered", "weighted", "worst", "best"


class Measure(NamedTuple):
    """The headline of an instrument: its value of an answer, words, form and the value that matters."""

    name: str
    form: Callable[[float], str]
    kpi: Literal["points", "percent", "score"]
    of: Callable[[Floats], Floats]
    ends: tuple[float, float]
    turn: float


@dataclass(frozen=True, eq=False)
class Case:
    """Everybody invited, in order: who they are, what they said, how they are weighted."""

    kind: Instrument
    score: Floats
    answered: npt.NDArray[np.bool_]
    unit: npt.NDArray[Any]
    fit: Propensity | None
    weights: Weights
    confidence: float

    @property
    def n_effective(self) -> float:
        return kish(self.weights.weight[self.answered]).n_effective

    @property
    def rate(self) -> float:
        return float(self.answered.mean())

    def estimate(self, of: Callable[[Floats], Floats]) -> Estimate:
        """Mean of a value of the answers, weighted where weights are known."""
        if self.fit is None:
            return plain_mean(of(self.score), self.answered)
        return weighted_mean(of(self.score), self.answered, self.fit, self.weights)

    def limits(self, value: float, influence: Floats, ends: tuple[float, float]) -> tuple[float, float]:
        """Interval of an estimate, cut at the ends of its scale; unknown if nothing varies."""
        error = clustered_error(influence, self.unit)
        if not error > 1e-12:
            return math.nan, math.nan
        half = error * float(stdtrit(max(self.n_effective - 1, 1), (1 + self.confidence) / 2))
        return max(value - half, ends[0]), min(value + half, ends[1])


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


def plain_row(basis: str, values: Floats, case: Case) -> dict[str, Any]:
    """Plain score of these answers, exactly as the scores of the study are estimated."""
    kind, level = case.kind, case.confidence
    net = kind.statistic == "net"
    main = (nps_from_scores if net else mean_interval)(values, confidence=level).iloc[0]
    ends = (-100.0, 100.0) if net else kind.scale
    found = {"basis": basis, "n": len(values), "n_effective": float(len(values)), "score": main["estimate"],
             "ci_low": max(main["ci_low"], ends[0]), "ci_high": min(main["ci_high"], ends[1]),
             "top_share": math.nan, "top_low": math.nan, "top_high": math.nan}  # fmt: skip
    if kind.good_scores:
        box = top_box(values, kind.good_scores, confidence=level).iloc[0]
        found |= {"top_share": box["estimate"], "top_low": box["ci_low"], "top_high": box["ci_high"]}
    return found


def weighted_row(case: Case) -> dict[str, Any]:
    """Weighted score, and weighted share of the best answers."""
    main = measure(case.kind)
    net = case.kind.statistic == "net"
    ends = main.ends if net else case.kind.scale
    score = case.estimate(main.of if net else lambda s: s)
    low, high = case.limits(*score, ends)
    found = {"basis": WEIGHTED, "n": int(case.answered.sum()), "n_effective": case.n_effective, "score": score.value,
             "ci_low": low, "ci_high": high, "top_share": math.nan, "top_low": math.nan,
             "top_high": math.nan}  # fmt: skip
    if case.kind.good_scores:
        top = case.estimate(main.of)
        low, high = case.limits(*top, main.ends)
        found |= {"top_share": top.value, "top_low": low, "top_high": high}
    return found


def costs(case: Case) -> pd.DataFrame:
    """How many were asked and answered, and what the weights cost; one row."""
    n, asked = int(case.answered.sum()), len(case.score)
    row: dict[str, Any] = dict.fromkeys(("design_effect", "n_effective", "largest", "trimmed", "r_indicator"), math.nan)
    row |= {"n_asked": asked, "n_answered": n, "n_silent": asked - n, "rate": case.rate}
    if case.fit is not None:
        effect = kish(case.weights.weight[case.answered])
        row |= {"design_effect": effect.design_effect, "n_effective": effect.n_effective,
                "largest": case.weights.weight.max(), "trimmed": case.weights.share_trimmed,
                "r_indicator": case.fit.r_indicator}  # fmt: skip
    return pd.DataFrame([row])
