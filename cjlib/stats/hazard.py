"""What speeds the outcome up: proportional hazards (Cox) on (start, stop] rows, and whether it holds.

One row says: from `start_days` (not included) to `stop_days` (included) this person was at risk with
these covariates, and `event` says whether the outcome came at `stop_days`. One person may have several
rows, which is how a covariate changes over time and how events come again; then `cluster` names the
person and the errors allow for it. Late entry is a first row that starts after 0. A cause-specific
model is the same model with the competing outcomes as event 0.

The optimiser is ours (`partial_likelihood`), not lifelines': its path for late entries loops over times
in Python and its coefficients stop short of the maximum (Stanford heart data: surgery -0.773258,
maximum and R -0.773328). Ours equals R and greenwood, and lifelines where there is no late entry.
A hazard ratio is an association: it is causal only if the covariate was assigned by chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtrc, ndtr

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.stats import partial_likelihood as partial
from cjlib.stats.concordance import concordance
from cjlib.stats.covariate import OWN_VARIANCE, Design, checked, standardised
from cjlib.stats.proportion import z_value
from cjlib.stats.risk_table import Floats


@dataclass(frozen=True, kw_only=True)
class HazardModel:
    """A fitted model of proportional hazards.

    `table`: `covariate, coefficient, std_error, hazard_ratio, ci_low, ci_high, p_value`, limits of the
    ratio, per unit of the covariate. `dropped`: (covariate, reason) set aside by a guard.
    `null_log_likelihood` is that of no covariate at all. `robust`: errors come from clusters.
    """

    table: pd.DataFrame
    n_rows: int
    n_people: int
    n_event: int
    log_likelihood: float
    null_log_likelihood: float
    concordance: float
    robust: bool
    dropped: tuple[tuple[str, str], ...]

    @property
    def events_per_covariate(self) -> float:
        """Events per covariate in the model; below 10 the estimates are unstable (Peduzzi et al. 1995)."""
        return self.n_event / len(self.table)


def proportional_hazards(
    rows: pd.DataFrame,
    *,
    covariates: Sequence[str],
    strata: Sequence[str] = (),
    cluster: str | None = None,
    weight: str | None = None,
    discrimination: bool = True,
    confidence: float = 0.95,
) -> HazardModel:
    """Fit the proportional hazards model of Cox with Efron's ties.

    Parameters
    ----------
    rows : DataFrame
        `start_days` (taken as 0 if absent), `stop_days` > `start_days`, `event` (0 or 1) and the columns
        named below; covariates are numbers without gaps.
    covariates : sequence of str
        Columns whose hazard ratios are wanted.
    strata : sequence of str
        Columns; each combination has a baseline hazard of its own and no ratio.
    cluster : str, optional
        Column that says whose row it is: robust (sandwich) errors.
    weight : str, optional
        Column of positive weights; errors are then robust, by row if there is no `cluster`.
    discrimination : bool
        Whether the concordance is wanted, which takes as long as the fit; NaN without.
    confidence : float in (0, 1)
        Level of the interval.

    Returns
    -------
    HazardModel
        Covariates that vary nowhere, repeat another or separate the events perfectly are in `dropped`
        with the reason, not in `table`.

    Raises
    ------
    ParameterError
        CJ-ST-050: a column is missing or not numeric, a row ends before it starts, an event is not 0 or
        1, a weight is not positive.
    NotEnoughDataError
        CJ-ST-051: nobody at risk, no event, or no covariate left that can be estimated.

    Notes
    -----
    Cox (1972), JRSS B 34, 187-220; ties by Efron (1977), JASA 72, 557-565; robust errors by Lin and Wei
    (1989), JASA 84, 1074-1078. Equals R's `coxph(Surv(start, stop, event) ~ ..., ties = "efron")`.
    Standard errors are those of the Wald test; concordance is Harrell's.

    Examples
    --------
    >>> rows = pd.DataFrame({"stop_days": [5.0, 8.0, 3.0, 9.0, 12.0, 4.0], "event": [1, 0, 1, 1, 1, 1],
    ...                      "ads": [1, 0, 1, 0, 0, 0]})
    >>> proportional_hazards(rows, covariates=["ads"]).table[["hazard_ratio", "p_value"]].round(2).values.tolist()
    [[5.85, 0.15]]
    """
    z = z_value(confidence)
    people = checked(rows, [*covariates, *strata], weight)
    design = standardised(people, covariates, strata, weight)
    fit, design = _fitted(design)
    variance: Floats = np.linalg.inv(fit.terms.information).astype(float)
    robust = cluster is not None or weight is not None
    if robust:
        key = people[cluster] if cluster is not None else pd.Series(np.arange(len(people)))
        variance = _sandwich(design, fit.beta, variance, pd.factorize(key.to_numpy()[design.sets.kept])[0])
    return HazardModel(
        table=_table(design, fit.beta, np.sqrt(np.diag(variance)), z),
        n_rows=len(rows),
        n_people=rows[cluster].nunique() if cluster is not None else len(rows),
        n_event=int(people["event"].sum()),
        log_likelihood=fit.terms.log_likelihood,
        null_log_likelihood=fit.at_zero,
        concordance=concordance(design.sets, design.x @ fit.beta) if discrimination else math.nan,
        robust=robust,
        dropped=design.dropped,
    )


def proportionality(rows: pd.DataFrame, *, covariates: Sequence[str], strata: Sequence[str] = ()) -> pd.DataFrame:
    """Test whether each hazard ratio stays the same over time.

    Parameters
    ----------
    rows : DataFrame
        As in `proportional_hazards`.
    covariates, strata : sequence of str
        As in `proportional_hazards`.

    Returns
    -------
    DataFrame
        `covariate, chi2, df, p_value`, one row per covariate that can be estimated and a last one
        "(all)". A small p-value says that the ratio is an average of ratios that differ over time.

    Raises
    ------
    ParameterError, NotEnoughDataError
        As in `proportional_hazards`.

    Notes
    -----
    Grambsch and Therneau (1994), Biometrika 81, 515-526, as the score test of a product of the covariate
    with 1 - Kaplan-Meier just before the time; equals R's `cox.zph(transform = "km")` since survival 3.0.

    Examples
    --------
    >>> rows = pd.DataFrame({"stop_days": [5.0, 8.0, 3.0, 9.0, 12.0, 4.0], "event": [1, 0, 1, 1, 1, 1],
    ...                      "ads": [1, 0, 1, 0, 0, 0]})
    >>> proportionality(rows, covariates=["ads"])["covariate"].tolist()
    ['ads', '(all)']
    """
    people = checked(rows, [*covariates, *strata], None)
    fit, design = _fitted(standardised(people, covariates, strata, None))
    surprise, variance = partial.event_moments(*partial.patterns(design.sets, design.x), fit.beta)
    clock, number = _km_clock(people, design.sets)
    clock = clock - np.average(clock, weights=number)
    gradient = clock @ surprise
    plain, mixed, squared = (np.tensordot(clock**power, variance, axes=1) for power in (0, 1, 2))
    # The plain score is 0 at the maximum: what is left of the information is that of the products.
    own = squared - mixed @ np.linalg.solve(plain, mixed)
    statistics = []
    for name, chosen in [*((name, [i]) for i, name in enumerate(design.names)), ("(all)", range(len(design.names)))]:
        part, score = own[np.ix_(chosen, chosen)], gradient[list(chosen)]
        # Where everything at risk at the later events is alike the products add nothing to test.
        rank = int(np.linalg.matrix_rank(part, tol=1e-9 * max(float(np.trace(squared)), 1e-300)))
        chi2 = float(score @ np.linalg.pinv(part, hermitian=True) @ score) if rank else 0.0
        statistics.append((name, chi2, rank, float(chdtrc(rank, chi2)) if rank else 1.0))
    return pd.DataFrame(statistics, columns=["covariate", "chi2", "df", "p_value"])


def functional_form(rows: pd.DataFrame, *, covariates: Sequence[str], strata: Sequence[str] = ()) -> pd.DataFrame:
    """Test whether each covariate acts along a straight line on the log hazard.

    Parameters
    ----------
    rows : DataFrame
        As in `proportional_hazards`.
    covariates, strata : sequence of str
        As in `proportional_hazards`.

    Returns
    -------
    DataFrame
        `covariate, chi2, df, p_value`: likelihood ratio of the model with the square of that covariate
        added, one row per covariate with more than two values whose square can be estimated. A small
        p-value says that one ratio per unit does not describe it.

    Raises
    ------
    ParameterError, NotEnoughDataError
        As in `proportional_hazards`.

    Notes
    -----
    The smallest departure that can be named; a covariate may still bend in other ways. P-values are
    not corrected for the number of rows.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=300)
    >>> rows = pd.DataFrame({"stop_days": rng.exponential(np.exp(-x**2)), "event": 1, "x": x})
    >>> functional_form(rows, covariates=["x"])["p_value"].item() < 0.001
    True
    """
    people = checked(rows, [*covariates, *strata], None)
    fit, design = _fitted(standardised(people, covariates, strata, None))
    tested = []
    for name in design.names:
        if people[name].nunique() <= 2:
            continue
        centred = people[name] - people[name].mean()
        column = f"{name}²"
        bent = standardised(people.assign(**{column: centred**2}), [*design.names, column], strata, None)
        more, used = _fitted(bent)
        if column in used.names and len(used.names) == len(design.names) + 1:
            chi2 = max(0.0, 2 * (more.terms.log_likelihood - fit.terms.log_likelihood))
            tested.append((name, chi2, 1, float(chdtrc(1, chi2))))
    return pd.DataFrame(tested, columns=["covariate", "chi2", "df", "p_value"])


def _fitted(design: Design) -> tuple[partial.Fit, Design]:
    """Fit, setting aside one covariate after the other whose coefficient runs away."""
    while True:
        fit = partial.maximise(*partial.patterns(design.sets, design.x))
        if fit.runaway < 0:
            return fit, design
        gone = design.names[fit.runaway]
        # Without information the first step already fails and the coefficient is still near 0.
        reason = t("separates perfectly") if abs(fit.beta[fit.runaway]) > 1 else t("does not vary")
        dropped = (*design.dropped, (gone, reason))
        if len(design.names) == 1:
            why = "; ".join(f"{name}: {because}" for name, because in dropped)
            raise NotEnoughDataError(t("No covariate can be compared: {why}.", why=why), code="CJ-ST-051")
        left = np.arange(len(design.names)) != fit.runaway
        names = [name for name in design.names if name != gone]
        design = Design(names, design.x[:, left], design.spread[left], design.sets, dropped)


def _sandwich(design: Design, beta: Floats, variance: Floats, cluster: npt.NDArray[np.intp]) -> Floats:
    parts = partial.score_residuals(design.sets, design.x, beta)
    summed = np.column_stack([np.bincount(cluster, parts[:, j]) for j in range(parts.shape[1])])
    result: Floats = variance @ (summed.T @ summed) @ variance
    if (np.diag(result) <= OWN_VARIANCE * np.diag(variance)).any():
        raise NotEnoughDataError(
            t("No interval can be given: too few different customers were at risk together."), code="CJ-ST-051"
        )
    return result


def _table(design: Design, beta: Floats, error: Floats, z: float) -> pd.DataFrame:
    coefficient, std_error = beta / design.spread, error / design.spread
    return pd.DataFrame(
        {
            "covariate": design.names,
            "coefficient": coefficient,
            "std_error": std_error,
            "hazard_ratio": np.exp(coefficient),
            "ci_low": np.exp(coefficient - z * std_error),
            "ci_high": np.exp(coefficient + z * std_error),
            "p_value": 2 * ndtr(-np.abs(coefficient / std_error)),
        }
    )


def _km_clock(people: pd.DataFrame, sets: partial.RiskSets) -> tuple[Floats, Floats]:
    """One minus Kaplan-Meier of everybody just before each event time, and events there (strata pooled, as R)."""
    start, stop = (people[name].to_numpy(dtype=float) for name in ("start_days", "stop_days"))
    event = people["event"].to_numpy(dtype=bool)
    pooled = partial.risk_sets(start, stop, event, np.zeros(len(people), np.intp), np.ones(len(people)))
    ones = np.ones(pooled.low.size)
    survival = np.cumprod(1 - pooled.over_events(ones) / pooled.over_risk(ones))
    before = np.append(1.0, survival[:-1])
    number = np.bincount(sets.high[sets.event] - 1, minlength=sets.time.size).astype(float)
    return 1 - before[np.searchsorted(pooled.time, sets.time)], number
