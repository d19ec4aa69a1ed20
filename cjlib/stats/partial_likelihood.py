"""The partial likelihood of Cox with Efron's ties, for (start, stop] rows, strata and weights.

A row is at risk at the event times of its stratum in (start, stop]: a run of consecutive positions
[low, high). Sums over risk sets are then one backwards running sum per column, and sums over the
event times of a row are differences of a running sum: no risk set is ever formed, and a step costs
time proportional to rows times covariates.

lifelines gives the same numbers (the tests hold both side by side) but walks late entries in a Python
loop; `benchmarks/hazard.py` prints both times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.stats.risk_table import Floats

Ints = npt.NDArray[np.intp]
_STEPS = 40
# Rows from which, and cells (event times x patterns) up to which, rows are counted by covariate pattern.
_MANY, _CELLS = 20_000, 12_000_000
# In standard deviations of a covariate: Newton doubles the digits, so a step this small is the last one.
_SMALL_STEP = 1e-7
# Information per event below which a direction says nothing about the hazard.
_LITTLE = 1e-9


@dataclass(frozen=True, kw_only=True)
class RiskSets:
    """Rows that are at risk at some event time, and where.

    `time` (k,) event times, stratum after stratum; `low, high` (n,) the run of positions each row is at
    risk at; `event` (n,) bool, an event lies at position high - 1; `weight` (n,); `kept` (n,) numbers of
    the rows given, without those whose (start, stop] holds no event time of the own stratum, and in
    order of `high`: neighbours in memory are what the sums need.
    """

    time: Floats
    low: Ints
    high: Ints
    event: npt.NDArray[np.bool_]
    weight: Floats
    kept: Ints

    def over_risk(self, values: Floats) -> Floats:
        """Sum `values` (n,) over the rows at risk at each event time, (k,)."""
        size = self.time.size + 1
        # Position p of the sum collects what enters (going back in time) at p and takes off what left.
        change = np.bincount(self.high, values, size) - np.bincount(self.low, values, size)
        total: Floats = np.cumsum(change[::-1])[::-1][1:]
        return total

    def over_events(self, values: Floats) -> Floats:
        """Sum `values` (n,) over the rows with an event at each event time, (k,)."""
        total: Floats = np.bincount(self.high[self.event] - 1, values[self.event], self.time.size).astype(float)
        return total

    @property
    def events(self) -> Floats:
        """Weighted events of each row, (n,)."""
        result: Floats = self.weight * self.event
        return result

    def tied(self) -> Ints:
        """Events at each event time, (k,)."""
        return np.bincount(self.high[self.event] - 1, minlength=self.time.size)

    def met(self, a: tuple[Floats, Floats]) -> Floats:
        """Cumulative baseline hazard met by each row; those with an event share the last step by Efron's rule."""
        result: Floats = self.within(a[0]) - self.event * a[1][self.high - 1]
        return result

    def within(self, steps: Floats) -> Floats:
        """Sum `steps` (k,) over the event times at which each row is at risk, (n,)."""
        running = np.append(0.0, np.cumsum(steps))
        total: Floats = running[self.high] - running[self.low]
        return total


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """The same sums where rows share few covariate patterns: a matrix of counts instead of rows, exactly.

    `at_risk, died` (k, q): rows at risk, and with an event, at each event time by pattern; `weight` is 1.
    """

    at_risk: Floats
    died: Floats
    weight: Floats

    def over_risk(self, values: Floats) -> Floats:
        """Sum `values` (q,) over the rows at risk at each event time, (k,)."""
        result: Floats = self.at_risk @ values
        return result

    def over_events(self, values: Floats) -> Floats:
        """Sum `values` (q,) over the rows with an event at each event time, (k,)."""
        result: Floats = self.died @ values
        return result

    @property
    def events(self) -> Floats:
        """Events of each pattern, (q,)."""
        result: Floats = self.died.sum(axis=0)
        return result

    def tied(self) -> Ints:
        """Events at each event time, (k,)."""
        number: Ints = self.died.sum(axis=1).astype(np.intp)
        return number

    def met(self, a: tuple[Floats, Floats]) -> Floats:
        """Cumulative baseline hazard met by all rows of each pattern together, (q,)."""
        result: Floats = a[0] @ self.at_risk - a[1] @ self.died
        return result


def patterns(sets: RiskSets, x: Floats) -> tuple[RiskSets | Patterns, Floats]:
    """Rows counted by covariate pattern, and the patterns (q, p), where that is smaller; else what was given."""
    size = sets.time.size
    if x.shape[0] < _MANY or (sets.weight != 1).any():
        return sets, x
    number = pd.DataFrame(x).groupby(list(range(x.shape[1])), sort=False).ngroup().to_numpy().astype(np.intp)
    q = int(number.max(initial=0)) + 1
    if q * size > _CELLS or q * 4 > x.shape[0]:
        return sets, x

    def counted(which: Ints, position: Ints) -> Floats:
        cells = np.bincount(position * q + which, minlength=(size + 1) * q)
        table: Floats = cells.reshape(size + 1, q).astype(float)
        return table

    change = counted(number, sets.high) - counted(number, sets.low)
    at_risk = np.cumsum(change[::-1], axis=0)[::-1][1:]
    died = counted(number[sets.event], sets.high[sets.event] - 1)[:size]
    first = np.unique(number, return_index=True)[1]
    return Patterns(at_risk=np.ascontiguousarray(at_risk), died=died, weight=np.ones(q)), x[first]


def risk_sets(start: Floats, stop: Floats, event: npt.NDArray[np.bool_], stratum: Ints, weight: Floats) -> RiskSets:
    """Place rows among the event times of their stratum (integers from 0)."""
    moments = pd.DataFrame({"stratum": stratum[event], "time": stop[event]}).drop_duplicates()
    moments = moments.sort_values(["stratum", "time"])
    time = moments["time"].to_numpy(dtype=float)
    first = np.searchsorted(moments["stratum"].to_numpy(), np.arange(stratum.max(initial=0) + 2))
    low = np.zeros(stop.size, dtype=np.intp)
    high = np.zeros(stop.size, dtype=np.intp)
    labels, groups = zip(*pd.Series(stratum).groupby(stratum).indices.items(), strict=True)
    for number, rows in zip(np.asarray(labels, dtype=np.intp), groups, strict=True):
        begin, end = first[number], first[number + 1]
        low[rows] = begin + np.searchsorted(time[begin:end], start[rows], side="right")
        high[rows] = begin + np.searchsorted(time[begin:end], stop[rows], side="right")
    kept = np.flatnonzero(high > low)
    kept = kept[np.argsort(high[kept], kind="stable")]
    return RiskSets(time=time, low=low[kept], high=high[kept], event=event[kept], weight=weight[kept], kept=kept)


class _Ties(NamedTuple):
    """Per event time: events, mean weight, and Σ over the ties of (l/d)^j aⁱ/w̄ⁱ⁻¹; see `_ties`."""

    number: Ints
    mean_weight: Floats
    a: tuple[Floats, Floats]
    square: tuple[Floats, Floats, Floats]
    log: Floats


class Terms(NamedTuple):
    """Log partial likelihood (a number), its gradient (p,) and information (p, p)."""

    log_likelihood: float
    gradient: Floats
    information: Floats


class Fit(NamedTuple):
    """Maximum: coefficients (p,), terms there and at 0; `runaway` is a covariate without a maximum, or -1."""

    beta: Floats
    terms: Terms
    at_zero: float
    runaway: int


def terms(sets: RiskSets | Patterns, x: Floats, beta: Floats) -> Terms:
    """Evaluate the log partial likelihood with Efron's ties (Efron 1977, JASA 72, 557-565).

    At a time with d events the l-th of them meets the risk set less l/d of those with an event. The
    gradient is Σ w x (event - expected), the information Σ w expected x x' less the outer products of
    the means.
    """
    eta = x @ beta
    risk = sets.weight * np.exp(eta)
    ties = _ties(sets, risk)
    expected = risk * sets.met(ties.a)
    at_risk, of_events = _first_moments(sets, x, risk)
    c0, c1, c2 = (part[:, None] for part in ties.square)
    cross = at_risk.T @ (c1 * of_events)
    outer = at_risk.T @ (c0 * at_risk) - cross - cross.T + of_events.T @ (c2 * of_events)
    value = float(sets.events @ eta - ties.log.sum())
    residual = sets.events - expected
    return Terms(value, x.T @ residual, x.T @ (expected[:, None] * x) - outer)


def maximise(sets: RiskSets | Patterns, x: Floats) -> Fit:
    """Newton's method with halved steps from 0; `x` (n, p) has mean about 0 and spread about 1.

    A covariate that separates the events has no maximum: its steps stay as large as they were while the
    likelihood flattens; one that is alike within each risk set has no information at all. The covariate
    with the largest part in the flattest direction is named in `runaway`.
    """
    beta = np.zeros(x.shape[1])
    here = terms(sets, x, beta)
    at_zero, step = here.log_likelihood, np.ones_like(beta)
    for _ in range(_STEPS):
        try:
            step = np.linalg.solve(here.information, here.gradient).astype(float)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        there, step = _halved(sets, x, beta, step, here)
        beta, here = beta + step, there
        if np.abs(step).max(initial=0) < _SMALL_STEP:
            break
    if not np.isfinite(here.information).all():
        return Fit(beta, here, at_zero, int(np.argmax(np.abs(beta))))
    size, axes = np.linalg.eigh(here.information)
    settled = np.abs(step).max(initial=0) < _SMALL_STEP and size[0] > _LITTLE * float(sets.events.sum())
    return Fit(beta, here, at_zero, -1 if settled else int(np.argmax(np.abs(axes[:, 0]))))


def _halved(sets: RiskSets | Patterns, x: Floats, beta: Floats, step: Floats, here: Terms) -> tuple[Terms, Floats]:
    slack = 1e-9 * (1 + abs(here.log_likelihood))
    with np.errstate(all="ignore"):  # a step too far overflows; it is halved
        for _ in range(30):
            there = terms(sets, x, beta + step)
            if there.log_likelihood >= here.log_likelihood - slack and np.isfinite(there.information).all():
                break
            step = step / 2
    return there, step


def martingale(sets: RiskSets, x: Floats, beta: Floats) -> Floats:
    """Events observed less expected per row, (n,), without weights."""
    risk = sets.weight * np.exp(x @ beta)
    result: Floats = sets.event - risk * sets.met(_ties(sets, risk).a) / sets.weight
    return result


def score_residuals(sets: RiskSets, x: Floats, beta: Floats) -> Floats:
    """Weighted part of each row in the gradient, (n, p); sums to 0 at the maximum (Lin and Wei 1989)."""
    risk = sets.weight * np.exp(x @ beta)
    ties = _ties(sets, risk)
    at_risk, of_events = _first_moments(sets, x, risk)
    hazard = sets.met(ties.a)
    (a, b), (c0, c1, c2) = ties.a, ties.square
    total_weight = ties.number * ties.mean_weight
    last = sets.high - 1
    result = np.empty_like(x)
    for j in range(x.shape[1]):
        s, d = at_risk[:, j], of_events[:, j]
        mean = (a * s - b * d) / total_weight
        drift = sets.within(c0 * s - c1 * d) - sets.event * (c1 * s - c2 * d)[last]
        result[:, j] = sets.weight * sets.event * (x[:, j] - mean[last]) - risk * (x[:, j] * hazard - drift)
    return result


def event_moments(sets: RiskSets | Patterns, x: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """Σ over events of x less its mean in the risk set, (k, p), and its variance, (k, p, p), per event time."""
    risk = sets.weight * np.exp(x @ beta)
    ties = _ties(sets, risk)
    s, d = _first_moments(sets, x, risk)
    (a, b), (c0, c1, c2) = ties.a, ties.square
    size = x.shape[1]
    surprise = np.empty_like(s)
    variance = np.empty((s.shape[0], size, size))
    for i in range(size):
        seen = sets.over_events(sets.weight * x[:, i])
        surprise[:, i] = seen - (a * s[:, i] - b * d[:, i])
        for j in range(i + 1):
            product = risk * x[:, i] * x[:, j]
            mixed = s[:, i] * d[:, j] + d[:, i] * s[:, j]
            outer = c0 * s[:, i] * s[:, j] - c1 * mixed + c2 * d[:, i] * d[:, j]
            variance[:, i, j] = a * sets.over_risk(product) - b * sets.over_events(product) - outer
            variance[:, j, i] = variance[:, i, j]
    return surprise, variance


def _ties(sets: RiskSets | Patterns, risk: Floats) -> _Ties:
    """Sums over the d ties at each time, f = l/d for l = 0 .. d-1, a = w̄ / (risk set - f · events)."""
    number = sets.tied()
    mean_weight = sets.over_events(sets.weight) / number
    owner = np.repeat(np.arange(number.size), number)
    begin = np.append(0, np.cumsum(number)[:-1])
    f = (np.arange(owner.size) - begin[owner]) / number[owner]
    left = sets.over_risk(risk)[owner] - f * sets.over_events(risk)[owner]
    w = mean_weight[owner]
    a = w / left

    def by_time(values: Floats) -> Floats:
        total: Floats = np.add.reduceat(values, begin) if values.size else values
        return total

    square = (by_time(a**2 / w), by_time(f * a**2 / w), by_time(f**2 * a**2 / w))
    return _Ties(number, mean_weight, (by_time(a), by_time(f * a)), square, by_time(w * np.log(left)))


def _first_moments(sets: RiskSets | Patterns, x: Floats, risk: Floats) -> tuple[Floats, Floats]:
    """Σ risk · x over each risk set and over its events, both (k, p)."""
    products = [risk * x[:, j] for j in range(x.shape[1])]
    at_risk = np.column_stack([sets.over_risk(product) for product in products])
    return at_risk, np.column_stack([sets.over_events(product) for product in products])
