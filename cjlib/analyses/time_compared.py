"""Groups of one clock held against each other: tests, crossing curves, days without the outcome.

Every pair is compared and the p-values corrected for their number (Holm). The log-rank test answers
"does the rate differ among those still waiting?"; where curves cross it may see nothing although the
groups differ, so the difference of mean days within a horizon stands beside it and is the one to read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, Note
from cjlib.core.text import days, interval, number, t, tn
from cjlib.stats.comparison import log_rank, pairwise_log_rank
from cjlib.stats.competing import gray_test
from cjlib.stats.crossing import crossing
from cjlib.stats.restricted import restricted_mean_competing, restricted_mean_difference

MOST_GROUPS = 6  # fifteen pairs; more are a screening, not a comparison
LEVEL = 0.05  # of all tests
MOST_PEOPLE = 30_000  # one row each in the test of shares
CROSS, APART = "cross", "do not cross"

RESTRICTED = Columns(
    (
        GROUP,
        Column("tau_days", "float64", "Within", "days",
               "time from the start that is looked at; every group is followed that long"),
        Column("estimate", "float64", "Mean days without the outcome", "days",
               "who ended otherwise counts as without it to the end of that time"),
        Column("ci_low", "float64", "95 % CI", "days", "restricted mean"),
        Column("ci_high", "float64", "", "days"),
    ),
    caption="Mean time without the outcome",
)  # fmt: skip
COMPARISON = Columns(
    (
        GROUP,
        Column("other", "string", "Against", meaning="group it is held against"),
        Column("chi2", "float64", "Log-rank chi-square", "score", "rates among those still waiting"),
        Column("df", "float64", "Degrees of freedom", "number"),
        Column("p_value", "float64", "p", "p", "before any correction"),
        Column("p_adjusted", "float64", "p, corrected", "p", "Holm, for the number of pairs"),
        Column("early_p", "float64", "p, early weights", "p",
               "Fleming-Harrington test that counts early differences more"),
        Column("difference", "float64", "Difference (days)", "score",
               "mean days without the outcome, first group minus second; below 0 the first is faster"),
        Column("difference_low", "float64", "95 % CI", "score", "one pair at a time"),
        Column("difference_high", "float64", "", "score"),
        Column("curves", "string", "Curves", meaning="whether the higher curve becomes the lower one, beyond noise"),
    ),
    caption="Which groups differ in when the outcome comes",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Tables "comparison" and "restricted" where they exist, and notes."""

    more: dict[str, pd.DataFrame]
    notes: list[Note]


def compare(
    counts: pd.DataFrame,
    curves: pd.DataFrame,
    *,
    groups: Sequence[str],
    horizons: Sequence[float],
    early: bool,
    confidence: float,
) -> Compared:
    """Compare the groups of a count table.

    Parameters
    ----------
    counts : DataFrame
        Count table with the rows of "(all)".
    curves : DataFrame
        Cumulative incidences of it.
    groups : names that are large enough to be compared one by one
    horizons : days; the last one to which every group is followed bounds the mean time
    early : add the test that counts early differences more, as asked before looking
    confidence : level of the intervals

    Returns
    -------
    Compared
    """
    own = counts[counts["group"] != ALL]
    flat = own.assign(group=own["group"].astype(str), outcome=(own["outcome"] == 1).astype(int))
    try:
        overall = log_rank(flat)
    except NotEnoughDataError as why:
        return Compared(more={}, notes=[Note("CJ-AN-013", "caution", str(why))])
    named = list(groups)[:MOST_GROUPS]
    more: dict[str, pd.DataFrame] = {}
    first = {"group": ALL, "other": "", "chi2": overall.chi2, "df": overall.df, "p_value": overall.p,
             "p_adjusted": math.nan, "early_p": math.nan, "difference": math.nan, "difference_low": math.nan,
             "difference_high": math.nan, "curves": ""}  # fmt: skip
    pairs = pd.DataFrame()
    if len(named) > 1:
        means = _restricted(curves, named, horizons, confidence)
        pairs = _pairs(flat, curves, means, named, confidence)
        if not means.empty:
            more["restricted"] = means
    table = pd.concat([pd.DataFrame([first]), pairs], ignore_index=True)
    if early or (table["curves"] == CROSS).any():
        table["early_p"] = _early(flat, table)
    notes = [*_notes(table, overall.p, early=early, left_out=len(groups) - len(named)), *_final_shares(own)]
    return Compared(more={"comparison": table} | more, notes=notes)


def _restricted(
    curves: pd.DataFrame, named: Sequence[str], horizons: Sequence[float], confidence: float
) -> pd.DataFrame:
    part = curves[curves["group"].astype(str).isin(named)].astype({"group": str})
    ends = []
    for _, block in part.groupby("group"):
        last = block[block["time_days"] == block["time_days"].max()]
        everybody_ended = last["n_event"].sum() == last["n_at_risk"].iloc[0]
        ends.append(math.inf if everybody_ended else float(last["time_days"].iloc[0]))
    shortest = min(ends)
    tau = max([day for day in horizons if 0 < day <= shortest], default=shortest)
    if not 0 < tau < math.inf:
        return pd.DataFrame()
    means = restricted_mean_competing(part, tau, confidence=confidence).set_index("group")
    return means.reindex(list(named)).reset_index()


def _pairs(
    flat: pd.DataFrame, curves: pd.DataFrame, means: pd.DataFrame, named: list[str], confidence: float
) -> pd.DataFrame:
    part = flat[flat["group"].isin(named)]
    part = part.assign(group=pd.Categorical(part["group"], categories=named))
    table = pairwise_log_rank(part).assign(df=1, early_p=math.nan)
    gaps = [
        _difference(means, one, other, confidence) for one, other in zip(table["group"], table["other"], strict=True)
    ]
    table[["difference", "difference_low", "difference_high"]] = gaps
    found = [
        crossing(curves, one, other, confidence=confidence)
        for one, other in zip(table["group"], table["other"], strict=True)
    ]
    return table.assign(curves=[APART if one is None else CROSS for one in found])


def _difference(means: pd.DataFrame, one: str, other: str, confidence: float) -> tuple[float, float, float]:
    if means.empty:
        return math.nan, math.nan, math.nan
    pair = means[means["group"].isin([one, other])]
    try:
        row = restricted_mean_difference(pair, baseline=other, confidence=confidence).iloc[0]
    except NotEnoughDataError:
        return math.nan, math.nan, math.nan
    return row["estimate"], row["ci_low"], row["ci_high"]


def _early(flat: pd.DataFrame, table: pd.DataFrame) -> list[float]:
    """p-values with weights on early differences: all groups, then the pairs with Holm's correction."""
    found = [log_rank(flat, rho=1).p]
    if len(table) > 1:
        named = list(dict.fromkeys([*table["group"][1:], *table["other"][1:]]))
        part = flat[flat["group"].isin(named)]
        part = part.assign(group=pd.Categorical(part["group"], categories=named))
        found += pairwise_log_rank(part, rho=1)["p_adjusted"].tolist()
    return found


def _final_shares(own: pd.DataFrame) -> list[Note]:
    """Under competing ends: what the tests of rates do not say, and Gray's test of the shares."""
    if not (own["outcome"] > 1).any():
        return []
    text = t(
        "The tests compare the rate of the outcome among those still waiting. Where other ends come first, a "
        "group may have the higher rate and yet the lower share in the end: the shares tell that.")  # fmt: skip
    late = "entry_days" in own and bool((own["entry_days"] > 0).any())
    if int(own["n"].sum()) <= MOST_PEOPLE and not late:
        people = own.loc[own.index.repeat(own["n"])].rename(columns={"duration_days": "stop_days"})
        gray = gray_test(people.assign(group=people["group"].astype(str)), group="group")
        if not math.isnan(gray.p):
            text += " " + t("Gray's test of the shares, all groups together: p {p}.", p=p_text(gray.p))
    return [Note("CJ-AN-164", "caution", text)]


def _notes(table: pd.DataFrame, p: float, *, early: bool, left_out: int) -> list[Note]:
    n_pairs = len(table) - 1
    text = t("All groups together: log-rank test, p {p}.", p=p_text(p))
    if n_pairs:
        text += " " + tn("{n} pair was compared.", "{n} pairs were compared; their p-values are corrected for that "
                         "number (Holm).", n_pairs)  # fmt: skip
    notes = [Note("CJ-AN-014", "info", text)]
    if (table["curves"] == CROSS).any():
        text = t("Curves cross: early differences and late ones offset each other in a log-rank test. The difference "
                 "in mean days is the number to read.")  # fmt: skip
        if not early:
            text += " " + t("The test with early weights was added after looking, so its p-value is a hint only.")
        notes.append(Note("CJ-AN-165", "caution", text))
    if left_out > 0:
        notes.append(Note("CJ-AN-166", "info", t(
            "Only the {n} largest groups are compared pair by pair.", n=MOST_GROUPS)))  # fmt: skip
    return notes


def p_text(value: float) -> str:
    """p-value in a sentence."""
    return t("below {x}", x=number(0.0001, 4)) if value < 0.0001 else number(value, 4)


def sentence(comparison: pd.DataFrame, restricted: pd.DataFrame | None) -> str:
    """What the comparison says, for the answer: the pair that crosses, else the widest clear difference."""
    pairs = comparison.iloc[1:]
    known = pairs[pairs["difference"].notna()]
    if restricted is None or known.empty:
        return t("All groups together: log-rank test, p {p}.", p=p_text(float(comparison["p_value"].iloc[0])))
    tau = days(float(restricted["tau_days"].iloc[0]))
    crossed = known[known["curves"] == CROSS]
    if len(crossed):
        row = crossed.iloc[int(crossed["difference"].abs().to_numpy().argmax())]
        return t("The curves of {one} and {other} cross, so a log-rank test misleads; {gap}.",
                 one=row["group"], other=row["other"], gap=_gap(row, tau))  # fmt: skip
    clear = known[(known["difference_low"] > 0) | (known["difference_high"] < 0)]
    clear = clear[clear["p_adjusted"] < LEVEL]
    if clear.empty:
        return t("No difference between groups is established (log-rank, all groups: p {p}).",
                 p=p_text(float(comparison["p_value"].iloc[0])))  # fmt: skip
    row = clear.iloc[int(clear["difference"].abs().to_numpy().argmax())]
    text = _gap(row, tau)
    return text[:1].upper() + text[1:] + "."


def _gap(row: Any, tau: str) -> str:
    one, other, size = row["group"], row["other"], float(row["difference"])
    low, high = float(row["difference_low"]), float(row["difference_high"])
    if size > 0:
        one, other = other, one
    else:
        low, high = -high, -low
    ci = interval(low, high, lambda x: number(x, 1))
    return t("of the first {tau}, {one} spends {x} days less without the outcome than {other} (95 % CI {ci})",
             tau=tau, one=one, other=other, x=number(abs(size), 1), ci=ci)  # fmt: skip


def in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """The table "comparison" as a page shows it."""
    words = {CROSS: t("cross"), APART: t("do not cross"), "": ""}
    return frame.assign(curves=[words.get(str(value), "") for value in frame["curves"]])


def empty_columns(frame: pd.DataFrame) -> list[str]:
    """Columns that a page leaves out because nothing is in them."""
    return [name for name in ("early_p",) if np.isnan(frame[name].to_numpy(dtype=float)).all()]
