"""Models behind `never_converters`: laws of the wait compared, ratios of groups against the largest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Note
from cjlib.core.text import number, t
from cjlib.stats.comparison import log_rank
from cjlib.stats.competing import kept_at_risk
from cjlib.stats.hazard import proportional_hazards
from cjlib.stats.parametric import FAMILIES, Waiting, accelerated_time, incidence, waiting

POINTS = 120
NO, YES = "no", "yes"
FITTED = Columns((
    Column("time_days", "float64", "Days", "number"),
    Column("n", "Int64", "Started", "people"),
    Column("estimate", "float64", "Share", "proportion", "fitted", ("n",)),
))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fits:
    """Laws compared, best first, and the best one: its name, fit and whether some never have the outcome."""

    table: pd.DataFrame
    best: str
    fit: Waiting | None
    cure: bool


def family_words() -> dict[str, str]:
    """Families in the words of the page."""
    return {"exponential": t("exponential"), "weibull": t("Weibull"), "log-normal": t("log-normal"),
            "log-logistic": t("log-logistic")}  # fmt: skip


def families(kept: pd.DataFrame) -> Fits:
    """Every family, with and without a share that never has the outcome; `kept` has stop_days, event, n."""
    nothing = np.empty((len(kept), 0))
    tried = [(family, cure, waiting(kept, family, nothing, cure=cure, weight="n"))
             for family in FAMILIES for cure in (False, True)]  # fmt: skip
    found = sorted(((one, cure, fit) for one, cure, fit in tried if fit is not None), key=lambda one: one[2].aic)
    if not found:
        empty = pd.DataFrame(columns=["family", "never", "n", "parameters", "aic", "behind"])
        return Fits(table=empty, best="", fit=None, cure=False)
    rows = [{"family": name, "never": YES if cure else NO, "n": int(kept["n"].sum()), "parameters": fit.estimate.size,
             "aic": fit.aic, "behind": fit.aic - found[0][2].aic} for name, cure, fit in found]  # fmt: skip
    return Fits(table=pd.DataFrame(rows), best=found[0][0], fit=found[0][2], cure=found[0][1])


def fitted_curve(fits: Fits, kept: pd.DataFrame) -> pd.DataFrame:
    """Share with the outcome by the best law, within the time observed."""
    if fits.fit is None:
        return pd.DataFrame(columns=list(FITTED.names))
    grid = np.linspace(0, float(kept["stop_days"].max()), POINTS)
    return pd.DataFrame({"time_days": grid, "n": int(kept["n"].sum()), "estimate": incidence(fits.fit, grid,
                                                                                          cure=fits.cure)})  # fmt: skip


def ratios_of_time(
    counts: pd.DataFrame, sizes: pd.DataFrame, confidence: float, *, cure: bool
) -> tuple[dict[str, pd.DataFrame], list[Note]]:
    """Time ratio of each group against the largest; `sizes` by group, largest first.

    With `cure` among those who ever have the outcome; else other ends are censored and everybody may have it.
    """
    plain = counts.assign(event=(counts["outcome"] == 1).astype(int))
    rows, terms = _terms(kept_at_risk(counts) if cure else plain, sizes)
    rows = rows.groupby(["stop_days", "event", *terms], sort=True)["n"].sum().reset_index()
    try:
        model = accelerated_time(rows, covariates=list(terms), cure=cure, weight="n", confidence=confidence)
    except NotEnoughDataError as problem:
        return {}, [Note("CJ-AN-276", "limit", str(problem))]
    table = model.table.assign(group=model.table["covariate"].map(terms), other=sizes.index[0])
    table = table.merge(sizes, left_on="group", right_index=True)
    given = {"family": family_words()[model.family], "k": len(model.families)}
    said = t("Time ratios are of the {family} family, the best of {k} by AIC, and compare those who ever have the "
             "outcome; each group has its own share that never does.", **given) if cure else t(
        "Time ratios are of the {family} family, the best of {k} by AIC.", **given)  # fmt: skip
    return {"time_ratios": table}, [Note("CJ-AN-277", "info", said)]


def ratios_of_share(
    counts: pd.DataFrame, sizes: pd.DataFrame, confidence: float
) -> tuple[dict[str, pd.DataFrame], list[Note]]:
    """Fine-Gray and cause-specific ratios of each group against the largest, and Gray's test."""
    kept, terms = _terms(kept_at_risk(counts), sizes)
    plain = kept.assign(stop_days=counts["stop_days"].to_numpy())
    try:
        share, rate = (proportional_hazards(part.loc[part.index.repeat(part["n"])].reset_index(drop=True),
                                            covariates=list(terms), confidence=confidence).table.set_index("covariate")
                       for part in (kept, plain))  # fmt: skip
    except NotEnoughDataError as problem:
        return {}, [Note("CJ-AN-276", "limit", str(problem))]
    named = {"hazard_ratio": "share_ratio", "ci_low": "share_low", "ci_high": "share_high"}
    table = rate[list(named)].join(share[list(named)].rename(columns=named))
    table = table.assign(group=table.index.map(terms), other=sizes.index[0]).merge(
        sizes, left_on="group", right_index=True)  # fmt: skip
    gray = log_rank(kept.rename(columns={"stop_days": "duration_days"}).assign(outcome=kept["event"]))
    said = t("Gray's test that the share is the same in all groups: chi-square {chi2} with {df} degrees of freedom, "
             "p {p}.", chi2=number(gray.chi2, 2), df=gray.df, p=_p(gray.p))  # fmt: skip
    return {"share_ratios": table.reset_index(drop=True)}, [Note("CJ-AN-278", "info", said)]


def _p(value: float) -> str:
    return t("below {limit}", limit=number(0.001, 3)) if value < 0.001 else number(value, 3)


def _terms(rows: pd.DataFrame, sizes: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """One 0/1 column per group but the largest."""
    terms = {f"group_{place}": str(name) for place, name in enumerate(sizes.index) if place}
    return rows.assign(**{term: (rows["group"] == name).astype(float) for term, name in terms.items()}), terms
