"""Intervals for answers of which several come from the same person.

Two answers of one person resemble each other: they are not two people. The error is computed from the sum
over the answers of each person (cluster-robust), turned into an effective number of answers, and put into
the interval that the figure has anyway (adjusted Wald, Wilson, Student). Without repeats the results are
those of `cjlib.stats.score` and `cjlib.stats.contrast`, digit for digit.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtr, stdtrit

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.stats.contrast import Difference, independent
from cjlib.stats.instrument import Instrument
from cjlib.stats.mean import mean_interval
from cjlib.stats.proportion import Floats, wilson, z_value
from cjlib.stats.score import nps_from_scores, top_box

Ints = npt.NDArray[np.intp]


class Estimate(NamedTuple):
    """A headline with its interval; NaN where unknown."""

    estimate: float
    ci_low: float
    ci_high: float


class _Side(NamedTuple):
    """One set of answers: value per answer, mean, error, pull of each person on the mean, effective answers."""

    values: Floats
    mean: float
    error: float
    pull: Floats
    people: Ints
    size: float

    @property
    def n_people(self) -> int:
        return int(self.people.size)


def headline(scores: npt.ArrayLike, people: npt.ArrayLike, kind: Instrument, *, confidence: float = 0.95) -> Estimate:
    """Estimate the headline of an instrument from answers of which several may be one person's.

    Parameters
    ----------
    scores : array_like (n,) of float
        Answers, none missing, at least one.
    people : array_like (n,)
        Whose answer it is.
    kind : Instrument
        NPS in points, share of the best answers, or mean.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Estimate
        The estimate is that of all answers; only the interval knows who gave them. NaN limits of a mean
        where the spread between people is unknown.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004 without answers.

    Notes
    -----
    Variance of a mean from the sums per person, G/(G-1) corrected (Liang and Zeger 1986, Biometrika 73,
    13-22). Effective answers: variance of one answer over that variance, as for survey proportions in Korn
    and Graubard (1998), Surv. Methodol. 24, 193-201; never more than the distinct scores of all people
    together, so that chance agreement within people does not narrow the interval.

    Examples
    --------
    >>> from cjlib.stats.instrument import INSTRUMENTS
    >>> once = headline([10, 9, 8, 3], [1, 2, 3, 4], INSTRUMENTS["nps"])
    >>> once == headline([10, 9, 8, 3] * 5, [1, 2, 3, 4] * 5, INSTRUMENTS["nps"])
    True
    """
    given = np.asarray(scores, dtype=float)
    side = _side(given, np.asarray(people), kind)
    if side.n_people == given.size:
        return _plain(given, kind, confidence)
    if kind.statistic == "net":
        low, high = _net_limits(side, confidence)
    elif kind.statistic == "top_box":
        low, high = (float(limit) for limit in wilson(side.mean * side.size, side.size, confidence=confidence))
    else:
        if not side.error > 0:
            return Estimate(side.mean, math.nan, math.nan)
        half = side.error * _student(side.n_people - 1, confidence)
        low, high = max(side.mean - half, kind.scale[0]), min(side.mean + half, kind.scale[1])
    return Estimate(side.mean, low, high)


def effective_answers(scores: npt.ArrayLike, people: npt.ArrayLike, kind: Instrument) -> float:
    """Compute how many answers of different people would tell as much: the number of answers if nobody repeats.

    Parameters
    ----------
    scores : array_like (n,) of float
        Answers, none missing, at least one.
    people : array_like (n,)
        Whose answer it is.
    kind : Instrument
        Its headline decides what is averaged.

    Returns
    -------
    float
        As in the interval of `headline`; n where every answer has a person of its own.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004 without answers.

    Examples
    --------
    >>> from cjlib.stats.instrument import INSTRUMENTS
    >>> effective_answers([10, 9, 8, 3] * 5, [1, 2, 3, 4] * 5, INSTRUMENTS["nps"])
    4.0
    """
    given = np.asarray(scores, dtype=float)
    side = _side(given, np.asarray(people), kind)
    return float(given.size) if side.n_people == given.size else side.size


def by_person(
    one: npt.ArrayLike, other: npt.ArrayLike, people: npt.ArrayLike, people_other: npt.ArrayLike, kind: Instrument,
    *, confidence: float = 0.95,
) -> Difference:  # fmt: skip
    """Compare two sets of answers, knowing whose they are: repeats within a side, and people on both sides.

    Parameters
    ----------
    one, other : array_like of float
        Answers, none missing.
    people, people_other : array_like
        Whose answers they are; the same name on both sides is the same person.
    kind : Instrument
        Its headline decides what is compared.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    Difference
        First minus other, as `contrast.independent`; equal to it where nobody answered twice.

    Raises
    ------
    NotEnoughDataError
        CJ-ST-004 if a side has no answers.

    Notes
    -----
    Errors of both sides as in `headline`; what people on both sides have in common enters as the correlation
    of the two figures: in the variance of the difference (NPS, mean) and in the interval from the two
    intervals (share of the best answers; Zou and Donner 2008, Stat. Med. 27, 1693-1702).

    Examples
    --------
    >>> from cjlib.stats.instrument import INSTRUMENTS
    >>> found = by_person([5, 5, 4, 2], [4, 3, 3, 1], [1, 2, 3, 4], [1, 2, 3, 4], INSTRUMENTS["ces"])
    >>> [round(value, 2) for value in found[:3]]
    [1.25, 0.45, 2.05]
    """
    first, second = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if not first.size or not second.size:
        raise NotEnoughDataError(t("No comparison: one of the two sides has no answers."), code="CJ-ST-004")
    a, b = _side(first, np.asarray(people), kind), _side(second, np.asarray(people_other), kind)
    if a.n_people == first.size and b.n_people == second.size and not np.intersect1d(a.people, b.people).size:
        return independent(first, second, kind, confidence=confidence)
    together = _correlation(a, b)
    if kind.statistic == "mean":
        return _means(a, b, together, confidence)
    if kind.statistic == "net":
        errors = [_net_error(side) for side in (a, b)]
        half = z_value(confidence) * _joint(errors[0], errors[1], together)
        low, high = a.mean - b.mean - half, a.mean - b.mean + half
        joint = _joint(a.error, b.error, together)
        return Difference(a.mean - b.mean, max(low, -200.0), min(high, 200.0), _normal(a.mean - b.mean, joint))
    return _boxes(a, b, together, confidence)


def curve_inflation(days: npt.ArrayLike, hit: npt.ArrayLike, people: npt.ArrayLike, at_days: float) -> float:
    """Compute how much wider a Kaplan-Meier interval is, when several clocks belong to one person.

    Parameters
    ----------
    days : array_like (n,) of float
        Time to the event or to the end of observation.
    hit : array_like (n,) of bool
        Whether the event was seen.
    people : array_like (n,)
        Whose clock it is.
    at_days : float
        Where the curve is read.

    Returns
    -------
    float
        Error with the sums per person over Greenwood's error: 1 where nobody has two clocks, and where no
        event was seen by then.

    Notes
    -----
    Infinitesimal jackknife of the product-limit estimate (Williams 1995, Biometrics 51, 198-203, for
    clustered survival); its sum of squares over single clocks is Greenwood's formula.

    Examples
    --------
    >>> curve_inflation([1, 2, 3, 4], [1, 1, 0, 0], [1, 2, 3, 4], 4)
    1.0
    >>> round(curve_inflation([1, 2, 3, 4] * 4, [1, 1, 0, 0] * 4, [1, 2, 3, 4] * 4, 4), 6)
    2.0
    """
    time, event = np.asarray(days, dtype=float), np.asarray(hit, dtype=bool)
    names, who = np.unique(np.asarray(people), return_inverse=True)
    steps = np.unique(time[event & (time <= at_days)])
    if names.size == time.size or not steps.size:
        return 1.0
    ordered = np.sort(time)
    at_risk = time.size - np.searchsorted(ordered, steps, side="left")
    dead = np.bincount(np.searchsorted(steps, time[event & (time <= at_days)]), minlength=steps.size)
    left = at_risk - dead
    if left[-1] == 0:
        return 1.0
    lasting = np.concatenate([[0.0], np.cumsum(dead / (at_risk * left))])[np.searchsorted(steps, time, side="right")]
    jump = np.zeros(time.size)
    mine = event & (time <= at_days)
    jump[mine] = 1 / left[np.searchsorted(steps, time[mine])]
    pull = jump - lasting
    return float(np.sqrt((np.bincount(who, weights=pull) ** 2).sum() / (pull**2).sum()))


# --- one side -----------------------------------------------------------------------------------------
def _plain(scores: Floats, kind: Instrument, confidence: float) -> Estimate:
    """Nobody answered twice: the interval that the figure has anyway."""
    if kind.statistic == "net":
        row: Any = nps_from_scores(scores, confidence=confidence).iloc[0]
    elif kind.statistic == "top_box":
        row = top_box(scores, kind.good_scores, confidence=confidence).iloc[0]
    else:
        row = mean_interval(scores, confidence=confidence).iloc[0]
        row[["ci_low", "ci_high"]] = row[["ci_low", "ci_high"]].clip(*kind.scale)
    return Estimate(float(row["estimate"]), float(row["ci_low"]), float(row["ci_high"]))


def _side(scores: Floats, people: npt.NDArray[Any], kind: Instrument) -> _Side:
    if not scores.size:
        raise NotEnoughDataError(t("No comparison: one of the two sides has no answers."), code="CJ-ST-004")
    if kind.statistic == "net":
        values = np.where(scores >= 9, 100.0, np.where(scores <= 6, -100.0, 0.0))
    elif kind.statistic == "top_box":
        values = np.isin(scores, kind.good_scores).astype(float)
    else:
        values = scores
    names, who = np.unique(people, return_inverse=True)
    mean = float(values.mean())
    pull = np.bincount(who, weights=values - mean) / values.size
    if names.size < 2:
        return _Side(values, mean, 0.0, pull, names, 1.0)
    grow = names.size / (names.size - 1)
    spread, variance = float(values.var()) * grow, float((pull**2).sum()) * grow
    if spread == 0:
        return _Side(values, mean, 0.0, pull, names, float(names.size))
    most = float(np.unique(who + 1j * scores).size)
    size = min(spread / variance, most) if variance > 0 else most
    return _Side(values, mean, math.sqrt(spread / size), pull * math.sqrt(grow), names, size)


def _net_error(side: _Side) -> float:
    """Error of an NPS with the pseudo-answers of Rocks (2016), on effective answers."""
    return _net_adjusted(side)[1]


def _net_adjusted(side: _Side) -> tuple[float, float]:
    n = side.size
    up, down = n * float((side.values > 0).mean()) + 0.75, n * float((side.values < 0).mean()) + 0.75
    p, d = up / (n + 3), down / (n + 3)
    return 100 * (p - d), 100 * math.sqrt((p + d - (p - d) ** 2) / (n + 3))


def _net_limits(side: _Side, confidence: float) -> tuple[float, float]:
    centre, error = _net_adjusted(side)
    half = z_value(confidence) * error
    return min(max(centre - half, -100.0), side.mean), max(min(centre + half, 100.0), side.mean)


# --- two sides ----------------------------------------------------------------------------------------
def _correlation(a: _Side, b: _Side) -> float:
    """Correlation of the two means through the people on both sides."""
    _, left, right = np.intersect1d(a.people, b.people, return_indices=True)
    length = math.sqrt(float((a.pull**2).sum()) * float((b.pull**2).sum()))
    return float(a.pull[left] @ b.pull[right]) / length if length > 0 else 0.0


def _joint(error: float, error_other: float, together: float) -> float:
    squares = error**2 + error_other**2
    found = squares - 2 * together * error * error_other
    # The same answers on both sides differ by nothing; what floating point leaves is no spread.
    return math.sqrt(found) if found > 1e-12 * squares else 0.0


def _normal(difference: float, error: float) -> float:
    return 2 * float(ndtr(-abs(difference) / error)) if error > 0 else math.nan


def _means(a: _Side, b: _Side, together: float, confidence: float) -> Difference:
    difference, error = a.mean - b.mean, _joint(a.error, b.error, together)
    if not error > 0 or min(a.n_people, b.n_people) < 2:
        return Difference(difference, math.nan, math.nan, math.nan)
    parts = ((a.error**4) / (a.n_people - 1)) + ((b.error**4) / (b.n_people - 1))
    # Welch's degrees of freedom; people on both sides add none, so never more than there are people.
    people = np.union1d(a.people, b.people).size
    df = min((a.error**2 + b.error**2) ** 2 / parts, people - 1)
    half = error * _student(df, confidence)
    return Difference(difference, difference - half, difference + half, 2 * float(stdtr(df, -abs(difference / error))))


def _boxes(a: _Side, b: _Side, together: float, confidence: float) -> Difference:
    (low, high), (low2, high2) = (
        (float(limit) for limit in wilson(side.mean * side.size, side.size, confidence=confidence)) for side in (a, b)
    )
    p, q = a.mean, b.mean
    down, up = _joint(p - low, high2 - q, together), _joint(high - p, q - low2, together)
    pooled = (p * a.size + q * b.size) / (a.size + b.size)
    one = math.sqrt(pooled * (1 - pooled))
    error = _joint(one / math.sqrt(a.size), one / math.sqrt(b.size), together)
    return Difference(p - q, max(p - q - down, -1.0), min(p - q + up, 1.0), _normal(p - q, error))


def _student(df: float, confidence: float) -> float:
    return float(stdtrit(df, (1 + confidence) / 2)) if df > 0 else math.nan
