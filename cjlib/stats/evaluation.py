"""How good forecasts of an outcome within a horizon are, though some people were not followed that far.

Everybody who is lost before the horizon hands their weight on to those who were still there (inverse
probability of censoring weighting, IPCW); without losses every measure is the plain one. The measures
say different things: the Brier score and its skill how close the forecasts are, the AUC whether they put
people in the right order, slope and intercept whether 30 % means 30 %, lift and net benefit what acting
on them brings. Intercept and slope of a forecast without any spread are unknown.

An outcome at the horizon counts as one within it; who is last seen at the horizon is known to be without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats.curve import at, kaplan_meier
from cjlib.stats.prediction import ordered_auc, rank_order
from cjlib.stats.proportion import Floats

MEASURES = ("brier", "skill", "auc", "slope", "intercept", "lift", "precision", "captured")
HIGHER_IS_BETTER = ("skill", "auc", "net benefit")
EVERYBODY = "everybody"  # the policy that acts on all, beside which acting on a forecast must pay
_EDGE = 1e-6  # forecasts of 0 and 1 have no logit
_ROUNDS, _CLOSE = 30, 1e-7  # of Newton's method


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known at the horizon: outcome (n,), and the losses that decide the weights."""

    y: Floats
    seen: npt.NDArray[np.bool_]
    lost: bool
    place: npt.NDArray[np.intp]
    came: npt.NDArray[np.bool_]
    n_times: int

    def weight(self, times: Floats) -> Floats:
        """One over the chance of still being followed, for people who are each counted `times` times."""
        if not self.lost:
            return times
        # At a time, outcomes come before losses; who has the outcome there cannot be lost there.
        here = np.bincount(self.place, weights=times, minlength=self.n_times)
        with_it = np.bincount(self.place, weights=times * self.came, minlength=self.n_times)
        at_risk = np.cumsum(here[::-1])[::-1] - with_it
        lost = here - with_it
        stay = 1 - np.divide(lost, at_risk, out=np.zeros_like(lost), where=at_risk > 0)
        before = np.append(1.0, np.cumprod(stay)[:-1])[self.place]
        weight: Floats = np.divide(times, before, out=np.zeros_like(times), where=self.seen & (before > 0))
        return weight


@dataclass(frozen=True, eq=False)
class _Forecast:
    """A forecast (n,), clipped, with its logit and its order."""

    p: Floats
    logit: Floats
    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]


def known_at(days: npt.ArrayLike, event: npt.ArrayLike, *, horizon_days: float) -> tuple[Floats, Floats]:
    """What is known at the horizon, and how much each person counts (IPCW).

    Parameters
    ----------
    days : array_like (n,) of float > 0
        How long each person was followed, to the outcome or to the last sight.
    event : array_like (n,) of bool
        Whether the outcome came then.
    horizon_days : float > 0

    Returns
    -------
    outcome : array (n,) of 0 and 1
        Whether it came within the horizon.
    weight : array (n,)
        0 for those lost before the horizon, 1 / G(min(days, horizon)-) for the others, G the Kaplan-Meier
        curve of not being lost.

    Raises
    ------
    ParameterError
        CJ-ST-150 for arrays of other lengths, or times that are not positive.
    NotEnoughDataError
        CJ-ST-151 if nobody is followed up to the horizon.

    Notes
    -----
    Graf, Schmoor, Sauerbrei and Schumacher 1999, Stat. Med. 18, 2529-2545.

    Examples
    --------
    >>> outcome, weight = known_at([2, 5, 10, 10], [1, 0, 0, 1], horizon_days=10)
    >>> outcome.tolist(), weight.round(2).tolist()
    ([1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 1.5, 1.5])
    """
    known = _known(days, event, horizon_days)
    return known.y, known.weight(np.ones(len(known.y)))


def evaluate(
    days: npt.ArrayLike,
    event: npt.ArrayLike,
    forecasts: Mapping[str, npt.ArrayLike],
    *,
    horizon_days: float,
    null: str,
    capacity: float = 0.1,
    thresholds: Sequence[float] = (),
    draws: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Judge forecasts of the same people, and every pair of them, with bootstrap intervals by person.

    Parameters
    ----------
    days, event, horizon_days
        As in `known_at`.
    forecasts : name to array_like (n,) of float in [0, 1]
        Risk of the outcome within the horizon.
    null : str
        The forecast that knows nothing but the base rate; skill is measured against it.
    capacity : float in (0, 1]
        Share of the people that a campaign can reach.
    thresholds : floats in (0, 1)
        Risks from which one would act, for the net benefit.
    draws : int >= 100
    seed : int
    confidence : float in (0, 1)

    Returns
    -------
    DataFrame
        model, than ("" for the model itself), measure, at (threshold of a net benefit, else NaN),
        estimate, ci_low, ci_high. Of a pair the estimate is how much `model` is better than `than`
        (skill, auc, net benefit). "everybody" is the policy of acting on all.

    Raises
    ------
    ParameterError, NotEnoughDataError
        As in `known_at`; CJ-ST-150 too for an unknown `null`, too few draws or a forecast outside [0, 1].

    Notes
    -----
    Brier score as Graf et al. 1999; skill is 1 - Brier / Brier of `null`; cumulative/dynamic AUC (Uno,
    Cai, Tian and Wei 2007, J. Am. Stat. Assoc. 102, 527-537); intercept with slope 1 and slope of the
    logistic recalibration (Cox 1958, Biometrika 45, 562-565); net benefit (Vickers and Elkin 2006, Med.
    Decis. Making 26, 565-574). Percentile bootstrap of people; models stay as they are, weights do not.

    Examples
    --------
    >>> p = [0.9, 0.1] * 50
    >>> made = evaluate([1] * 100, [1, 0] * 50, {"null": [0.5] * 100, "sure": p}, horizon_days=1, null="null")
    >>> alone = made[(made["model"] == "sure") & (made["than"] == "")].set_index("measure")["estimate"]
    >>> alone[["skill", "auc"]].round(2).tolist()
    [0.96, 1.0]
    """
    known = _known(days, event, horizon_days)
    given = {name: _prepared(values, len(known.y)) for name, values in forecasts.items()}
    limits = np.asarray(thresholds, dtype=float)
    if null not in given or draws < 100 or not 0 < capacity <= 1 or ((limits <= 0) | (limits >= 1)).any():
        raise ParameterError(
            f"null={null!r} must be one of {', '.join(given)}; at least 100 draws; capacity and thresholds are shares.",
            code="CJ-ST-150",
        )
    rng = np.random.default_rng(seed)
    n = len(known.y)
    names = [*MEASURES, *(f"net benefit {place}" for place in range(len(limits)))]
    found = {name: np.empty((draws + 1, len(names))) for name in [*given, EVERYBODY]}
    for draw in range(draws + 1):  # the first one is the sample itself
        times = np.ones(n) if draw == 0 else np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        weight = known.weight(times)
        if not weight.any():  # everybody drawn was lost
            for rows in found.values():
                rows[draw] = np.nan
            continue
        least = _brier(known.y, weight, given[null].p, n)
        for name, forecast in given.items():
            brier = _brier(known.y, weight, forecast.p, n)
            skill = 1 - brier / least if least else np.nan
            found[name][draw] = [brier, skill, *_measured(known.y, weight, forecast, capacity, limits)]
        rate = weight @ known.y / weight.sum()
        found[EVERYBODY][draw] = [np.nan] * len(MEASURES) + list(rate - (1 - rate) * limits / (1 - limits))
    return _listed(found, limits, confidence)


def calibration(
    days: npt.ArrayLike,
    event: npt.ArrayLike,
    forecast: npt.ArrayLike,
    *,
    horizon_days: float,
    groups: int = 10,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare forecast and what came, in groups of people with about the same forecast.

    Parameters
    ----------
    days, event, horizon_days
        As in `known_at`.
    forecast : array_like (n,) of float in [0, 1]
    groups : int >= 1
        At most so many groups of about equal size; equal forecasts stay together.
    confidence : float in (0, 1)

    Returns
    -------
    DataFrame
        group (from 1), n, n_event (seen within the horizon), forecast (mean), estimate, ci_low, ci_high:
        share with the outcome by Kaplan-Meier.

    Examples
    --------
    >>> table = calibration([1] * 4, [1, 0, 1, 1], [0.5, 0.5, 0.9, 0.9], horizon_days=1, groups=2)
    >>> table[["n", "forecast", "estimate"]].values.tolist()
    [[2.0, 0.5, 0.5], [2.0, 0.9, 1.0]]
    """
    known = _known(days, event, horizon_days)
    p = _prepared(forecast, len(known.y)).p
    cuts = np.unique(np.quantile(p, np.linspace(0, 1, groups + 1)[1:-1], method="higher"))
    _, group = np.unique(np.searchsorted(cuts, p, side="right"), return_inverse=True)
    rows = []
    for place in range(group.max() + 1):
        here = group == place
        length = np.minimum(np.asarray(days, dtype=float)[here], horizon_days)
        counts = pd.DataFrame({"group": "", "duration_days": length, "outcome": known.y[here].astype(int), "n": 1})
        value = at(kaplan_meier(counts, confidence=confidence), [horizon_days]).iloc[0]
        rows.append({"group": place + 1, "n": int(here.sum()), "n_event": int(known.y[here].sum()),
                     "forecast": p[here].mean(), "estimate": 1 - value["estimate"], "ci_low": 1 - value["ci_high"],
                     "ci_high": 1 - value["ci_low"]})  # fmt: skip
    return pd.DataFrame(rows)


def _known(days: npt.ArrayLike, event: npt.ArrayLike, horizon: float) -> _Known:
    length, came = np.asarray(days, dtype=float), np.asarray(event).astype(bool)
    if length.shape != came.shape or length.ndim != 1 or not (length > 0).all() or not 0 < horizon < np.inf:
        raise ParameterError("Each person has one time above 0 and one outcome; the horizon is above 0.",
                             code="CJ-ST-150")  # fmt: skip
    within = came & (length <= horizon)
    seen = within | (length >= horizon)
    if not (length >= horizon).any() and not within.all():
        raise NotEnoughDataError(t("Nobody is followed up to the horizon, so no forecast can be judged."),
                                 code="CJ-ST-151")  # fmt: skip
    times, place = np.unique(np.minimum(length, horizon), return_inverse=True)
    return _Known(within.astype(float), seen, not bool(seen.all()), place, within, len(times))


def _prepared(values: npt.ArrayLike, n: int) -> _Forecast:
    p = np.asarray(values, dtype=float)
    if p.shape != (n,) or not ((p >= 0) & (p <= 1)).all():
        raise ParameterError("A forecast is one share between 0 and 1 per person.", code="CJ-ST-150")
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    return _Forecast(p, np.log(inside / (1 - inside)), *rank_order(p))


def _brier(y: Floats, weight: Floats, p: Floats, n: int) -> float:
    return float(weight @ (y - p) ** 2 / n)


def _measured(y: Floats, weight: Floats, forecast: _Forecast, capacity: float, limits: Floats) -> list[float]:
    """All measures but the first two, in the order of `MEASURES`, then the net benefit at each limit."""
    order, starts = forecast.order, forecast.starts
    slope, intercept = _recalibrated(y, weight, forecast.logit)
    with_it, everybody = (np.add.reduceat(part[order], starts) for part in (weight * y, weight))
    lift = _at_capacity(with_it, everybody, capacity)
    # At a threshold one acts on everybody whose forecast is at least that high.
    first = np.searchsorted(forecast.p[order][starts], limits, side="left")
    hits, acted = (np.append(np.cumsum(part[::-1])[::-1], 0.0)[first] for part in (with_it, everybody))
    benefit = (hits - (acted - hits) * limits / (1 - limits)) / everybody.sum()
    return [ordered_auc(y[order], weight[order], starts), slope, intercept, *lift, *benefit]


def _at_capacity(with_it: Floats, everybody: Floats, capacity: float) -> tuple[float, float, float]:
    """Lift, share with the outcome among those reached, share of all outcomes reached; ties by lot."""
    room = capacity * everybody.sum()
    above = np.append(0.0, np.cumsum(everybody[::-1])[:-1])[::-1]  # people with a higher forecast
    part = np.clip(np.divide(room - above, everybody, out=np.zeros_like(above), where=everybody > 0), 0, 1)
    reached = float(part @ with_it)
    total = float(with_it.sum())
    precision = reached / room
    if not total:
        return np.nan, precision, np.nan
    return precision / (total / float(everybody.sum())), precision, reached / total


def _recalibrated(y: Floats, weight: Floats, logit: Floats) -> tuple[float, float]:
    """Slope of the outcome on the logit of the forecast, and intercept where the slope is held at 1."""
    share = weight @ y / weight.sum()
    if np.ptp(logit[weight > 0]) < 1e-9 or not 0 < share < 1:
        return np.nan, np.nan
    middle = float(weight @ logit / weight.sum())
    return _slope(logit - middle, y, weight), _shift(logit, y, weight)


def _slope(x: Floats, y: Floats, weight: Floats) -> float:
    """Slope of a logistic regression on one column, by Newton's method."""
    share = float(weight @ y / weight.sum())
    a, b = float(np.log(share / (1 - share))), 0.0
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(a + b * x, -35, 35)))
        left, spread = weight * (y - p), weight * p * (1 - p)
        g0, g1 = float(left.sum()), float(left @ x)
        h0, h1, h2 = float(spread.sum()), float(spread @ x), float(spread @ (x * x))
        size = h0 * h2 - h1 * h1
        if not size > 0:
            return np.nan
        steps = (h2 * g0 - h1 * g1) / size, (h0 * g1 - h1 * g0) / size
        a, b = (value + min(max(step, -2.0), 2.0) for value, step in zip((a, b), steps, strict=True))
        if max(map(abs, steps)) < _CLOSE:
            return b
    return np.nan  # forecasts that separate the outcomes have no finite slope


def _shift(logit: Floats, y: Floats, weight: Floats) -> float:
    """What to add to the logit so that as many outcomes are forecast as came."""
    a = 0.0
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(logit + a, -35, 35)))
        step = float(weight @ (y - p)) / float(weight @ (p * (1 - p)))
        a += min(max(step, -2.0), 2.0)
        if abs(step) < _CLOSE:
            return a
    return np.nan


def _listed(found: Mapping[str, Floats], limits: Floats, confidence: float) -> pd.DataFrame:
    tail = (1 - confidence) / 2
    named = [(name, np.nan) for name in MEASURES] + [("net benefit", float(limit)) for limit in limits]
    rows = []
    for model, values in found.items():
        for than in ["", *(other for other in found if other != model)]:
            for place, (measure, limit) in enumerate(named):
                line = values[:, place] - (found[than][:, place] if than else 0)
                if (than and measure not in HIGHER_IS_BETTER) or (EVERYBODY in (model, than) and np.isnan(limit)):
                    continue
                rows.append({"model": model, "than": than, "measure": measure, "at": limit, "estimate": line[0],
                             **_limits(line, tail)})  # fmt: skip
    return pd.DataFrame(rows)


def _limits(line: Floats, tail: float) -> dict[str, float]:
    drawn = line[1:][~np.isnan(line[1:])]
    if np.isnan(line[0]) or len(drawn) < 0.9 * (len(line) - 1):
        return {"ci_low": np.nan, "ci_high": np.nan}
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return {"ci_low": float(low), "ci_high": float(high)}
