"""Who is still a customer? Purchases until an unseen leaving: MBG/NBD, Pareto/NBD and, to be seen, BG/NBD.

Input per customer: repeats x, days t_x from the first purchase to the last one, days T watched since
the first; equal customers may be counted together (`n`). Purchases come at a rate that differs between
customers by a gamma distribution (r, alpha). Leaving: after any purchase with a probability that
differs by a beta distribution (a, b) in MBG/NBD, and the first purchase counts; at a rate that differs
by a gamma distribution (s, beta) in Pareto/NBD. BG/NBD lets nobody leave before a second purchase, so
that it calls every one-time buyer a customer for ever: it is fitted to show that, never to be believed.

Everything is computed on logarithms; x in the hundreds neither over- nor underflows.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, hyp2f1, psi

from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t

Floats = npt.NDArray[np.float64]
Model = Literal["mbg/nbd", "pareto/nbd", "bg/nbd"]

MODELS: tuple[Model, ...] = ("mbg/nbd", "pareto/nbd", "bg/nbd")
FEW = 20  # people who came again, below which four parameters are not estimated
_BOUND = 9.0  # of the logarithms searched; times are counted in tenths of the mean watched time
_FAR = 6.0  # beyond e^6 or below e^-6 a parameter has run away: the likelihood is flat there
_NODES = 40
_STARTS = ((-0.7, 0.7, -0.7, 1.0), (0.7, 1.5, -1.5, 0.5))
_STEP = 1e-4  # of the derivatives on the log scale
_NAMES = {"mbg/nbd": ("r", "alpha", "a", "b"), "pareto/nbd": ("r", "alpha", "s", "beta"),
          "bg/nbd": ("r", "alpha", "a", "b")}  # fmt: skip


class Purchases(NamedTuple):
    """Repeats, days from first to last, days watched, and how many customers have all three."""

    x: Floats
    recency: Floats
    watched: Floats
    n: Floats


@dataclass(frozen=True, kw_only=True)
class PurchaseProcess:
    """A fitted model: its parameters, their uncertainty on the log scale, what follows for a customer.

    Attributes
    ----------
    model : "mbg/nbd", "pareto/nbd" or "bg/nbd"
    parameters : dict of float
        r, alpha (days), then a and b, or s and beta (days)
    covariance : array (4, 4)
        Of the logarithms of the parameters, robust to a model that does not hold exactly.
    log_likelihood : float
        Without the constant of the counts, as published for CDNOW.
    n, n_repeat : int
        Customers, and those of them who came again.
    on_bound : tuple of str
        Parameters that ran away: the data do not tell them.
    """

    model: Model
    parameters: dict[str, float]
    covariance: Floats
    log_likelihood: float
    n: int
    n_repeat: int
    on_bound: tuple[str, ...]

    @property
    def point(self) -> Floats:
        """Logarithms of the parameters."""
        logs: Floats = np.log(np.array(list(self.parameters.values())))
        return logs

    def draws(self, n_draws: int, *, seed: int = 0) -> Floats:
        """Log parameters as uncertain as the data leave them, shape (n_draws, 4): normal on the log scale."""
        rng = np.random.default_rng(seed)
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.clip(values, 0, None))
        drawn: Floats = self.point + np.clip(rng.standard_normal((n_draws, 4)) @ root.T, -3, 3)
        return drawn


def purchases(
    repeats: npt.ArrayLike, recency_days: npt.ArrayLike, watched_days: npt.ArrayLike, n: npt.ArrayLike | None = None
) -> Purchases:
    """Check the counts, and count equal customers together.

    Raises
    ------
    ParameterError
        CJ-ST-062: repeats are no whole numbers, recency exceeds what was watched, or a customer without
        a repeat has a recency.
    """
    x, recency, watched = (np.asarray(v, dtype=float).ravel() for v in (repeats, recency_days, watched_days))
    weight = np.ones(len(x)) if n is None else np.asarray(n, dtype=float).ravel()
    fine = (len(x) == len(recency) == len(watched) == len(weight)) and bool(
        np.isfinite(x + recency + watched + weight).all() and (x >= 0).all() and (x == np.round(x)).all()
        and (recency >= 0).all() and (watched >= recency).all() and (weight > 0).all()
        and ((x > 0) | (recency == 0)).all()
    )  # fmt: skip
    if not fine:
        raise ParameterError(
            "Purchases need whole repeats, 0 <= recency <= watched, and recency 0 where nobody came again.",
            code="CJ-ST-062",
        )
    same = pd.DataFrame({"x": x, "recency": recency, "watched": watched, "n": weight})
    same = same.groupby(["x", "recency", "watched"], sort=True)["n"].sum().reset_index()
    return Purchases(*(same[name].to_numpy(dtype=float) for name in ("x", "recency", "watched", "n")))


def fit_purchase_process(data: Purchases, *, model: Model = "mbg/nbd") -> PurchaseProcess:
    """Fit a model of purchases and unseen leaving by maximum likelihood.

    Parameters
    ----------
    data : Purchases
        From `purchases`.
    model : {"mbg/nbd", "pareto/nbd", "bg/nbd"}

    Returns
    -------
    PurchaseProcess

    Raises
    ------
    NotEnoughDataError
        CJ-ST-063: fewer than 20 customers came again. CJ-ST-064: no maximum was found.

    Notes
    -----
    MBG/NBD: Batislam, Denizel and Filiztekin (2007), Int. J. Res. Marketing 24, 201-209. Pareto/NBD:
    Schmittlein, Morrison and Colombo (1987), Management Science 33, 1-24. BG/NBD: Fader, Hardie and Lee
    (2005), Marketing Science 24, 275-284. Errors: sandwich of the score contributions (White 1982).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.poisson(rng.gamma(2, 1, 400))
    >>> data = purchases(x, np.where(x > 0, 80.0, 0.0), np.full(400, 100.0))
    >>> bool(fit_purchase_process(data).n_repeat == (x > 0).sum())
    True
    """
    checks.one_of("model", model, MODELS)
    n_repeat = int(data.n[data.x > 0].sum())
    if n_repeat < FEW:
        raise NotEnoughDataError(t(
            "Only {n} customers came again; at least {least} are needed to tell pauses from leaving.", n=n_repeat,
            least=FEW), code="CJ-ST-063")  # fmt: skip
    scale = max(float(np.average(data.watched, weights=data.n)), 1e-9) / 10
    scaled = data._replace(recency=data.recency / scale, watched=data.watched / scale)
    total = scaled.n.sum()

    def negative(point: Floats) -> tuple[float, Floats]:
        value, slope = _with_slope(model, point, scaled)
        mean = -float(scaled.n @ value) / total
        return (mean, -(scaled.n @ slope) / total) if np.isfinite(mean) else (1e10, np.zeros(4))

    best = None
    for start in _STARTS:
        found = minimize(negative, np.array(start), method="L-BFGS-B", jac=True, bounds=[(-_BOUND, _BOUND)] * 4,
                         options={"maxiter": 2000, "maxfun": 40_000, "ftol": 1e-13, "gtol": 1e-8})  # fmt: skip
        if best is None or found.fun < best.fun:
            best = found
    if best is None or not np.isfinite(best.fun) or best.fun >= 1e10:
        raise NotEnoughDataError(t("No purchase model can be fitted to these customers."), code="CJ-ST-064")
    shift = np.array([0.0, 1.0, 0.0, 1.0 if model == "pareto/nbd" else 0.0]) * np.log(scale)
    names = _NAMES[model]
    free = np.abs(best.x) < _FAR
    moment = float((scaled.n * scaled.x).sum()) * np.log(scale)  # the density of x purchases in other units
    return PurchaseProcess(
        model=model,
        parameters=dict(zip(names, map(float, np.exp(best.x + shift)), strict=True)),
        covariance=_sandwich(model, best.x, scaled, free),
        log_likelihood=float(-best.fun * total - moment),
        n=int(total),
        n_repeat=n_repeat,
        on_bound=tuple(name for name, inside in zip(names, free, strict=True) if not inside),
    )


def p_alive(model: Model, point: Floats, data: Purchases) -> Floats:
    """Probability that each customer has not left for good by the end of the watched time.

    Parameters
    ----------
    model : which model
    point : log parameters, as `PurchaseProcess.point`
    data : Purchases

    Returns
    -------
    array of float in [0, 1], one per row of `data`

    Examples
    --------
    >>> once = purchases([0, 0], [0, 0], [30, 300])
    >>> np.round(p_alive("bg/nbd", np.zeros(4), once), 2).tolist()
    [1.0, 1.0]
    >>> np.round(p_alive("mbg/nbd", np.zeros(4), once), 2).tolist()
    [0.03, 0.0]
    """
    alive: Floats = 1 / (1 + np.exp(np.clip(_log_odds_gone(model, point, data), None, 700)))
    return alive


def expected_purchases(model: Model, point: Floats, data: Purchases, *, days: float) -> Floats:
    """Purchases that each customer is expected to make in the next `days` days.

    Notes
    -----
    P(alive) times the expectation given alive. The Gauss function of the published formula is taken after
    Euler's transformation, which stays finite for hundreds of purchases.

    Examples
    --------
    >>> data = purchases([2], [30.43], [38.86])
    >>> point = np.log([0.24259, 4.41353, 0.79292, 2.42583])
    >>> round(float(expected_purchases("bg/nbd", point, data, days=39)[0]), 4)
    1.2259
    """
    alive = p_alive(model, point, data)
    r, alpha, c, d = np.exp(point)
    if model == "pareto/nbd":
        rate = (r + data.x) / (alpha + data.watched) * (d + data.watched)
        log_q = np.log((d + data.watched) / (d + data.watched + days))
        growth = -log_q if abs(c - 1) < 1e-9 else -np.expm1((c - 1) * log_q) / (c - 1)
        return np.asarray(alive * rate * growth)
    c = c + 2e-6 if abs(c - 1) < 1e-6 else c
    size = c + d + data.x - (model == "bg/nbd")
    z = days / (alpha + data.watched + days)
    left = (1 - z) ** (c - 1) * hyp2f1(size - data.x - r, c - 1, size, z)
    return np.asarray(alive * size / (c - 1) * (1 - left))


def log_likelihood(model: Model, point: Floats, data: Purchases) -> Floats:
    """Log likelihood of each row of `data` (times are densities: per unit of time and purchase)."""
    return _with_slope(model, point, data)[0]


def _with_slope(model: Model, point: Floats, data: Purchases) -> tuple[Floats, Floats]:
    """Log likelihood of each row, and its derivatives by the log parameters, shape (n_rows, 4)."""
    r, alpha, c, d = np.exp(point)
    x, end = data.x, data.watched
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + end)
    slope = np.empty((len(x), 4))
    slope[:, 0] = r * (psi(r + x) - psi(r) + np.log(alpha) - np.log(alpha + end))
    slope[:, 1] = r - (r + x) * alpha / (alpha + end)
    if model == "pareto/nbd":
        there = np.log(d) - np.log(d + end)
        value = value + c * there
        slope[:, 2], slope[:, 3] = c * there, c * end / (d + end)
    else:
        stays = d + x + (model == "mbg/nbd")
        value = value + betaln(c, stays) - betaln(c, d)
        slope[:, 2] = c * (psi(c + d) - psi(c + stays))
        slope[:, 3] = d * (psi(stays) - psi(c + stays) - psi(d) + psi(c + d))
    odds, tilt = _odds_with_slope(model, point, data)
    return np.asarray(value + np.logaddexp(0, odds)), slope + expit(odds)[:, None] * tilt


def _log_odds_gone(model: Model, point: Floats, data: Purchases) -> Floats:
    if model == "pareto/nbd":
        r, alpha, s, beta = np.exp(point)
        there = (r + data.x) * np.log(alpha + data.watched) + s * np.log(beta + data.watched)
        return np.asarray(_left_when(r, alpha, s, beta, data).log_total + there)
    return _odds_with_slope(model, point, data)[0]


def _odds_with_slope(model: Model, point: Floats, data: Purchases) -> tuple[Floats, Floats]:
    """Log odds of having left, and their derivatives by the log parameters."""
    r, alpha, c, d = np.exp(point)
    x, end = data.x, data.watched
    slope = np.empty((len(x), 4))
    if model == "pareto/nbd":
        left = _left_when(r, alpha, c, d, data)
        log_alpha, log_beta = left.mean(left.log_alpha), left.mean(left.log_beta)
        inverse_alpha, inverse_beta = left.mean(1 / (alpha + left.u)), left.mean(1 / (d + left.u))
        slope[:, 0] = r * (np.log(alpha + end) - log_alpha)
        slope[:, 1] = alpha * (r + x) * (1 / (alpha + end) - inverse_alpha)
        slope[:, 2] = 1 + c * (np.log(d + end) - log_beta)
        slope[:, 3] = d * (c / (d + end) - (c + 1) * inverse_beta)
        return np.asarray(left.log_total + (r + x) * np.log(alpha + end) + c * np.log(d + end)), slope
    pause = np.log(alpha + end) - np.log(alpha + data.recency)
    times = x + (model == "mbg/nbd")  # purchases after which somebody could leave
    who = np.where(times > 0, d + times - 1, 1.0)
    slope[:, 0], slope[:, 2], slope[:, 3] = r * pause, 1.0, -d / who
    slope[:, 1] = alpha * (r + x) * (1 / (alpha + end) - 1 / (alpha + data.recency))
    odds = np.log(c) - np.log(who) + (r + x) * pause
    return np.where(times > 0, odds, -np.inf), slope


@functools.cache
def _nodes() -> tuple[Floats, Floats]:
    place, weight = np.polynomial.legendre.leggauss(_NODES)
    return (place + 1) / 2, weight / 2


class _Left(NamedTuple):
    """When each customer may have left (Pareto/NBD): log of the total, instants u and their density at the nodes."""

    log_total: Floats
    u: Floats
    density: Floats
    log_alpha: Floats
    log_beta: Floats

    def mean(self, values: Floats) -> Floats:
        """Mean over u of values at the nodes, per customer."""
        return np.asarray(np.einsum("ij,ij->i", self.density, values) / self.density.sum(axis=1))


def _left_when(r: float, alpha: float, s: float, beta: float, data: Purchases) -> _Left:
    """Log of s ∫ (alpha + u)^-(r+x) (beta + u)^-(s+1) du from t_x to T: left at u, after the last purchase.

    Gauss-Legendre in y = log((m + u) / (m + t_x)), m the smaller scale, on which the integrand has no
    narrow peak; cut off where it has fallen by e^-45.
    """
    small = min(alpha, beta)
    near = small + data.recency
    steep = (r + data.x) * near / (alpha + data.recency) + (s + 1) * near / (beta + data.recency) - 1
    length = np.log((small + data.watched) / near)
    length = np.where(steep > 0, np.minimum(length, 45 / np.where(steep > 0, steep, 1.0)), length)
    place, weight = _nodes()
    u = near[:, None] * np.exp(length[:, None] * place) - small
    log_alpha, log_beta = np.log(alpha + u), np.log(beta + u)
    inner = log_alpha if alpha <= beta else log_beta
    inner = inner - (r + data.x)[:, None] * log_alpha - (s + 1) * log_beta
    peak = inner.max(axis=1)
    density = np.exp(inner - peak[:, None]) * weight
    with np.errstate(divide="ignore"):  # a customer watched for no time after the last purchase cannot have left
        total: Floats = np.log(s) + peak + np.log(density.sum(axis=1)) + np.log(length)
    return _Left(total, u, density, log_alpha, log_beta)


def _sandwich(model: Model, point: Floats, data: Purchases, free: npt.NDArray[np.bool_]) -> Floats:
    """Robust covariance of the log parameters; parameters that ran away are held fixed."""
    moves = np.eye(4)[free] * _STEP
    covariance = np.zeros((4, 4))
    if not len(moves):
        return covariance
    score = _with_slope(model, point, data)[1][:, free]
    slopes = [[data.n @ _with_slope(model, point + sign * m, data)[1][:, free] for sign in (1, -1)] for m in moves]
    bread = np.array([(up - down) / (2 * _STEP) for up, down in slopes])
    inverse = np.linalg.pinv(-(bread + bread.T) / 2)
    meat = (score * data.n[:, None]).T @ score
    covariance[np.ix_(free, free)] = inverse @ meat @ inverse
    return covariance
