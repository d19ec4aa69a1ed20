"""Which groups come back more often: ratios of rates with errors by customer."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import GROUP, Note
from cjlib.core.text import interval, number, t
from cjlib.stats.hazard import proportional_hazards
from cjlib.stats.multiplicity import holm

MOST_GROUPS = 6
LEVEL = 0.05

COMPARISON = Columns(
    (
        GROUP,
        Column("other", "string", "Against", meaning="the largest group"),
        Column("ratio", "float64", "Ratio of rates", "score", "above 1: the first group comes back more often"),
        Column("ci_low", "float64", "95 % CI", "score", "errors clustered by customer"),
        Column("ci_high", "float64", "", "score"),
        Column("p_value", "float64", "p", "p", "before any correction"),
        Column("p_adjusted", "float64", "p, corrected", "p", "Holm, for the number of ratios"),
    ),
    caption="Which groups come back more often",
)  # fmt: skip


def compare(
    rows: pd.DataFrame, groups: pd.DataFrame, *, min_people: int, confidence: float
) -> tuple[dict[str, pd.DataFrame], list[Note]]:
    """Compare each group with the largest one by the Andersen-Gill model.

    Parameters
    ----------
    rows : DataFrame
        Gaps: `unit, group, start_days, stop_days, event`.
    groups : DataFrame
        `group, n, n_again`, largest first; groups with fewer than `min_people` of either are left out.
    min_people : int
    confidence : level of the intervals

    Returns
    -------
    tuple
        Table "comparison", if there is one, and notes.
    """
    large = groups[(groups["n"] >= min_people) & (groups["n_again"] >= min_people)]
    named = large["group"].tolist()[:MOST_GROUPS]
    if len(named) < 2:
        return {}, [Note("CJ-AN-172", "info", t("Fewer than two groups are large enough to be compared."))]
    part = rows[rows["group"].isin(named) & (rows["stop_days"] > rows["start_days"])]
    terms = {f"g{place}": name for place, name in enumerate(named[1:])}
    part = part.assign(**{term: (part["group"] == name).astype(int) for term, name in terms.items()})
    try:
        model = proportional_hazards(part, covariates=list(terms), cluster="unit", confidence=confidence)
    except NotEnoughDataError as problem:
        return {}, [Note("CJ-AN-172", "info", str(problem))]
    fitted = model.table
    table = pd.DataFrame({"group": [terms[term] for term in fitted["covariate"]], "other": named[0],
                          "ratio": fitted["hazard_ratio"], "ci_low": fitted["ci_low"], "ci_high": fitted["ci_high"],
                          "p_value": fitted["p_value"], "p_adjusted": holm(fitted["p_value"])})  # fmt: skip
    notes = [Note("CJ-AN-173", "info", t(
        "A ratio of rates says how much more often one group comes back than {other} at the same time since the "
        "start. It is an association: groups differ in more than their name.", other=named[0]))]  # fmt: skip
    if len(large) > MOST_GROUPS:
        notes.append(Note("CJ-AN-166", "info", t(
            "Only the {n} largest groups are compared pair by pair.", n=MOST_GROUPS)))  # fmt: skip
    return {"comparison": table}, notes


def sentence(comparison: pd.DataFrame) -> str:
    """The clearest difference, or that none is established."""
    clear = comparison[comparison["p_adjusted"] < LEVEL]
    if clear.empty:
        return t("No difference between groups in how often they come back is established.")
    size = clear["ratio"].map(lambda ratio: abs(math.log(ratio)))
    row: Any = clear.iloc[int(size.to_numpy().argmax())]
    more, less, ratio, low, high = (row[name] for name in ("group", "other", "ratio", "ci_low", "ci_high"))
    if ratio < 1:
        more, less, ratio, low, high = less, more, 1 / ratio, 1 / high, 1 / low
    return t(
        "{more} comes back {ratio} times as often as {less} (95 % CI {ci}).", more=more, less=less,
        ratio=number(ratio, 2), ci=interval(low, high, lambda x: number(x, 2)),
    )  # fmt: skip
