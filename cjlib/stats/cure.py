"""The share that will never have the outcome, only where follow-up is long enough to say it.

A curve that flattens may be people who never will, or the end of patience of the observer. The share is
given when (a) follow-up goes well beyond the last outcome and (b) three families of waiting times agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import percent, t
from cjlib.stats.covariate import checked
from cjlib.stats.parametric import number_of, waiting
from cjlib.stats.proportion import z_value
from cjlib.stats.risk_table import Floats

_FAMILIES = ("weibull", "log-normal", "log-logistic")
_LEVEL = 0.05
_BEYOND, _ENOUGH, _OUTCOMES = 1.5, 20, 30


@dataclass(frozen=True, kw_only=True)
class CureModel:
    """`families`: `family, estimate, std_error, ci_low, ci_high, aic`, best first; the rest is of the best.

    `follow_up_p`: Maller and Zhou's probability that follow-up is too short (below 0.05 here).
    """

    families: pd.DataFrame
    estimate: float
    ci_low: float
    ci_high: float
    follow_up_p: float
    n_people: int
    n_event: int


def never_share(rows: pd.DataFrame, *, weight: str | None = None, confidence: float = 0.95) -> CureModel:
    """Estimate the share of people who will never have the outcome.

    Parameters
    ----------
    rows : DataFrame
        One row per person: `stop_days` > 0 and `event` (0 or 1); no late entry. Who ended otherwise is followed
        to the end of their own possible follow-up (`competing.kept_at_risk`): they never have it either.
    weight : str, optional
        Column that says how many people share the row.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    CureModel
        Share with interval within [0, 1], of three families, the best by AIC first.

    Raises
    ------
    ParameterError
        CJ-ST-050 as in `hazard.proportional_hazards`.
    NotEnoughDataError
        CJ-ST-051: no outcome. CJ-ST-052: fewer than 30 outcomes, follow-up is too short or the families
        disagree.

    Notes
    -----
    Mixture cure model (Boag 1949; Farewell 1982). Follow-up: (1 - N/n)ⁿ < 0.05, N the outcomes in
    (2t* - tₙ, t*], t* the last outcome and tₙ the last time (Maller and Zhou 1994, JASA 89, 1499-1506);
    and, because a gap after t* is also left by few people followed to the end, at least 20 people
    followed for one and a half times t*.
    The interval is that of the logit of the share.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> until = np.where(rng.random(500) < 0.6, np.inf, rng.exponential(20, 500))
    >>> rows = pd.DataFrame({"stop_days": np.minimum(until, 300.0), "event": (until < 300).astype(int)})
    >>> model = never_share(rows)
    >>> model.ci_low < 0.6 < model.ci_high
    True
    """
    z = z_value(confidence)
    people = checked(rows.assign(start_days=0.0), (), weight)
    n = number_of(people, weight)
    _long_enough(people, n)
    nothing = np.empty((len(people), 0))
    tried = (waiting(people, family, nothing, cure=True, weight=weight) for family in _FAMILIES)
    fits = sorted((fit for fit in tried if fit is not None), key=lambda fit: fit.aic)
    families = pd.DataFrame(
        [(fit.family, fit.estimate[-1], float(np.sqrt(fit.covariance[-1, -1])), fit.aic) for fit in fits],
        columns=["family", "logit", "error", "aic"],
    )
    logit, error = families["logit"], families["error"]
    families = pd.DataFrame(
        {
            "family": families["family"],
            "estimate": expit(logit),
            "std_error": expit(logit) * expit(-logit) * error,
            "ci_low": expit(logit - z * error),
            "ci_high": expit(logit + z * error),
            "aic": families["aic"],
        }
    )
    agree = (
        families["estimate"].min() >= families["ci_low"].max()
        and families["estimate"].max() <= families["ci_high"].min()
    )
    if len(families) < 2 or not agree:
        low, high = (
            (percent(float(v)) for v in (families["ci_low"].min(), families["ci_high"].max()))
            if len(families)
            else ("0 %", "100 %")
        )
        raise NotEnoughDataError(
            t(
                "The share that will never have the outcome cannot be said: it depends on the assumed law of the "
                "waiting time (from {low} to {high}).",
                low=low,
                high=high,
            ),
            code="CJ-ST-052",
        )
    best = families.iloc[0]
    return CureModel(
        families=families,
        estimate=float(best["estimate"]),
        ci_low=float(best["ci_low"]),
        ci_high=float(best["ci_high"]),
        follow_up_p=follow_up_p(people, n),
        n_people=int(n.sum()),
        n_event=int(n[people["event"] == 1].sum()),
    )


def never_by_covariate(
    rows: pd.DataFrame, *, covariates: Sequence[str], confidence: float = 0.95, draws: int = 100
) -> pd.DataFrame:
    """Say how covariates go with ever having the outcome, and with how soon, where follow-up lets it.

    Parameters
    ----------
    rows : DataFrame
        One row per person: `stop_days` > 0, `event` (0 or 1) and numeric covariates without gaps.
    covariates : sequence of str
        Columns that act on both parts.
    confidence : float in (0, 1)
        Level of the interval.
    draws : int
        Bootstrap samples of people (seeded) behind the standard errors; 0 for none.

    Returns
    -------
    DataFrame
        `part` ("ever": log odds of ever having it, with "(intercept)"; "when": log hazard of those who do),
        `covariate, coefficient, std_error, ci_low, ci_high` (limits of the coefficient).

    Raises
    ------
    ParameterError
        CJ-ST-050 as in `hazard.proportional_hazards`.
    NotEnoughDataError
        CJ-ST-051: no outcome. CJ-ST-052: follow-up is too short, as in `never_share`.

    Notes
    -----
    Mixture cure model with logistic share and Cox wait (Kuk and Chen 1992; Sy and Taylor 2000), by greenwood;
    equals the example of R's `smcure` on e1684.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.integers(0, 2, 600)
    >>> until = np.where(rng.random(600) < 0.3 + 0.4 * x, np.inf, rng.exponential(20, 600))
    >>> rows = pd.DataFrame({"stop_days": np.minimum(until, 300.0), "event": (until < 300).astype(int), "x": x})
    >>> never_by_covariate(rows, covariates=["x"], draws=0)["coefficient"].round(1).tolist()[1]
    -1.5
    """
    z = z_value(confidence)
    people = checked(rows.assign(start_days=0.0), covariates, None)
    _long_enough(people, number_of(people, None))
    found = mixture(people, covariates, draws)
    return found.assign(
        ci_low=found["coefficient"] - z * found["std_error"], ci_high=found["coefficient"] + z * found["std_error"]
    )


def mixture(people: pd.DataFrame, covariates: Sequence[str], draws: int) -> pd.DataFrame:
    """Fit the model of `never_by_covariate`, without the guard: part, covariate, coefficient, std_error."""
    from greenwood import MixtureCure, Surv

    x = people[list(covariates)].to_numpy(dtype=float)
    response = Surv(people["stop_days"].to_numpy(dtype=float), people["event"].to_numpy(dtype=int))
    with np.errstate(all="ignore"):  # without draws the errors are unknown, and so are their limits
        model = MixtureCure().fit(response, x, cure=x, nboot=draws)
    return pd.DataFrame(
        {
            "part": ["ever"] * (1 + len(covariates)) + ["when"] * len(covariates),
            "covariate": ["(intercept)", *covariates, *covariates],
            "coefficient": np.concatenate([model.cure_coef_, model.latency_coef_]),
            "std_error": np.concatenate([model.cure_se_, model.latency_se_]),
        }
    )


def follow_up_p(people: pd.DataFrame, n: Floats) -> float:
    """(1 - N/n)ⁿ of Maller and Zhou: small if follow-up goes well beyond the last outcome."""
    time = people["stop_days"].to_numpy(dtype=float)
    event = people["event"].to_numpy(dtype=bool)
    last, end = time[event].max(), time.max()
    late = event & (time > 2 * last - end)
    return float((1 - n[late].sum() / n.sum()) ** n.sum()) if end > last else 1.0


def _long_enough(people: pd.DataFrame, n: Floats) -> None:
    """The follow-up guard: enough outcomes, and a flat part that enough people were followed along."""
    n_event = int(n[people["event"] == 1].sum())
    if n_event < _OUTCOMES:
        raise NotEnoughDataError(
            t(
                "The share that will never have the outcome cannot be said: {n} outcomes do not show when they end; "
                "{least} are needed.",
                n=n_event,
                least=_OUTCOMES,
            ),
            code="CJ-ST-052",
        )
    if follow_up_p(people, n) >= _LEVEL or not _plateau(people, n):
        raise NotEnoughDataError(
            t(
                "The share that will never have the outcome cannot be said: outcomes still occurred near the end of "
                "the follow-up. Wait longer."
            ),
            code="CJ-ST-052",
        )


def _plateau(people: pd.DataFrame, n: Floats) -> bool:
    """Whether enough people were followed well beyond the last outcome: a flat part, not a thin one."""
    last = people.loc[people["event"] == 1, "stop_days"].max()
    return int(n[people["stop_days"] >= _BEYOND * last].sum()) >= _ENOUGH
