"""Do two groups, or two periods, differ in what they say? Difference, interval, and how many were compared.

Every pair of groups is compared, and the p-values are corrected for their number (Holm). Of one person
the last answer in each group counts, so that a row is a person. Where people answered on both sides
they are also compared with themselves: what they said before is the best control there is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, pairwise
from typing import Any, ClassVar

import pandas as pd

from cjlib.analyses.said import (  # fmt: skip
    answers_of,
    headline,
    local_time,
    pooled,
    say,
    say_difference,
    say_interval,
    score_name,
    with_unit,
)
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import day, t
from cjlib.journey.tables import SurveyResponses
from cjlib.stats.contrast import Difference, same_people
from cjlib.stats.instrument import Instrument
from cjlib.stats.multiplicity import holm
from cjlib.stats.repeated import by_person

OTHERS, EVERYBODY, SAME = "different people", "all who answered", "same people"
_WHO = {OTHERS: "different people", EVERYBODY: "some of them on both sides", SAME: "asked both times"}
MOST_GROUPS = 8  # 28 pairs; more is a screening, not a comparison
_BOTH = ("n", "n_other")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScoreComparisonResult(Result):
    """Difference of a score between two groups or periods, pair by pair."""

    kind: ClassVar[str] = "score_comparison"
    columns: ClassVar[Columns] = Columns(
        (
            Column("group", "string", "Group"),
            Column("other", "string", "Compared with"),
            Column("who", "string", "Who", "text", "whether people on one side are also on the other"),
            Column("n", "Int64", "Answers", "people", "people in the group, the last answer of each"),
            Column("n_other", "Int64", "Answers, compared", "people", "people it is compared with"),
            Column("score", "float64", "Score", "score", "NPS, share of the best answers, or mean", ("n",)),
            Column("score_other", "float64", "Score, compared", "score", "", ("n_other",)),
            Column("difference", "float64", "Difference", "score", "first minus second", _BOTH),
            Column("ci_low", "float64", "95 % CI", "score", "", _BOTH),
            Column("ci_high", "float64", "", "score", "", _BOTH),
            Column("p_value", "float64", "p", "p", "chance of such a difference if there were none", _BOTH),
            Column("p_adjusted", "float64", "p, corrected", "p", "Holm, over all the comparisons of the table", _BOTH),
        ),
        caption="Differences between groups",
    )  # fmt: skip

    @property
    def _name(self) -> str:
        return str(self.params["instrument"])

    def question(self) -> str:
        if self.params["by"]:
            return t("{name}: do the groups differ, by {by}?", name=score_name(self._name), by=self.params["by"])
        return t("{name}: did it change from one period to the next?", name=score_name(self._name))

    def answer(self) -> str:
        rows = self._table[self._table["difference"].notna()]
        if rows.empty:
            return t("Too few answers on both sides to compare.")
        count = t("Comparisons made: {n}; the correction for their number is Holm's.", n=len(self._table))
        clear = rows[rows["p_adjusted"] < 1 - self.params["confidence"]]
        if clear.empty:
            row = rows.iloc[0]
            said = t("No difference is established, given how many were compared.") + " " + self._sentence(row)
        else:
            size = clear["difference"].abs()
            said = self._sentence(clear.loc[size.idxmax()])
            if len(clear) > 1:
                said += " " + t("Differences established: {n}; this is the largest.", n=len(clear))
        return said + " " + count

    def _sentence(self, row: pd.Series) -> str:
        who = t(_WHO[row["who"]])
        return t(
            "{name} {group} {score} against {other} {there} ({who}): difference {difference} points "
            "(95 % CI {ci}).",
            name=score_name(self._name), group=row["group"], other=row["other"], who=who,
            score=say(row["score"], self._name), there=say(row["score_other"], self._name),
            difference=say_difference(row["difference"], self._name),
            ci=say_interval(row["ci_low"], row["ci_high"], self._name, difference=True),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "Difference of the main figure of the instrument, first minus second. Different people: summed "
            "variances (NPS), Newcombe interval (share of the best answers), Welch (mean); who is on both sides "
            "enters as a correlation. Same people: exact permutation of signs (NPS), exact McNemar (best answers), "
            "paired t (mean)."
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.difference import draw

        frame = self._table
        label = [
            t("{group} − {other}", group=row["group"], other=row["other"])
            + (" · " + t(SAME) if row["who"] == SAME else "")
            for row in frame.to_dict("records")
        ]
        factor = 100 if self._name == "csat" else 1
        clear = (frame["p_adjusted"] < 1 - self.params["confidence"]).fillna(False)
        shown = frame.assign(
            label=label, clear=clear, **{c: frame[c] * factor for c in ("difference", "ci_low", "ci_high")}
        )
        axis = t("difference of {name}, points", name=score_name(self._name))
        return draw(shown, axis=axis, digits=2 if self._name not in ("nps", "csat") else 1, ax=ax)

    def shown(self) -> list[Any]:
        caption, frame, hidden, columns = super().shown()[0]
        columns = with_unit(columns, self._name, ("score", "score_other"))
        if self._name in ("nps", "csat"):
            columns = _in_points(columns)
            factor = 100 if self._name == "csat" else 1
            frame = frame.assign(**{name: frame[name] * factor for name in ("difference", "ci_low", "ci_high")})
        return [(caption, frame.assign(who=[t(who) for who in frame["who"]]), hidden, columns)]


def compare_scores(
    responses: SurveyResponses,
    *,
    instrument: str,
    by: str | None = None,
    periods: Sequence[str] | None = None,
    stage: str | None = None,
    confidence: float = 0.95,
) -> ScoreComparisonResult:
    """Estimate the difference of a score between groups, or between periods.

    Parameters
    ----------
    responses : SurveyResponses
    instrument : "nps", "csat", "ces" or "other"; must occur in the study
    by : response attribute, "stage" or customer attribute; every pair of groups is compared
    periods : two or more of "first day/last day", for example ["2026-01-01/2026-03-31",
        "2026-04-01/2026-06-30"]: days of the business zone, both included; later minus earlier
    stage : only the answers about this stage
    confidence : level of the intervals

    Returns
    -------
    ScoreComparisonResult
        One row per pair, and one more for those who answered on both sides.

    Raises
    ------
    ParameterError
        CJ-AN-050: not exactly one of `by` and `periods`; CJ-AN-051: a period is not two days, or
        periods overlap.
    NotEnoughDataError
        CJ-AN-052: fewer than two groups with answers.

    Notes
    -----
    Sources in `cjlib.stats.contrast`; Holm (1979) over all rows.

    Examples
    --------
    >>> from cjlib.datasets.example import example_responses
    >>> days = ["1970-01-01/1970-01-10", "1970-01-11/1970-01-31"]
    >>> compare_scores(example_responses(), instrument="nps", periods=days)
    Traceback (most recent call last):
    cjlib.core.errors.NotEnoughDataError: Two groups with answers are needed for a comparison; there is 1.
    """
    if bool(by) == bool(periods):
        raise ParameterError("Give either by= (groups) or periods= (two periods), not both.", code="CJ-AN-050")
    frame, kind = answers_of(responses, instrument, [by] if by else [], stage=stage)
    notes = [] if by == "stage" else pooled(frame["stage"])[1]
    if by:
        frame["group"] = [None if pd.isna(value) else responses.label(str(value)) for value in frame[by]]
        order = [str(name) for name in frame["group"].value_counts().sort_index().sort_values(
            ascending=False, kind="stable").index]  # fmt: skip
        unknown = int(frame["group"].isna().sum())
        if unknown >= responses.info.min_people:
            notes.append(Note("CJ-AN-053", "info", t("{n} answers have no value of {by} and are compared with nothing.",
                                                     n=unknown, by=responses.label(by))))  # fmt: skip
    else:
        order = _label_periods(frame, list(periods or ()), responses, notes)
    sides = {name: frame[frame["group"] == name].drop_duplicates("unit", keep="last") for name in order}
    sides = {name: part for name, part in sides.items() if len(part)}
    if len(sides) < 2:
        raise NotEnoughDataError(
            t("Two groups with answers are needed for a comparison; there is {n}.", n=len(sides)), code="CJ-AN-052"
        )
    if len(sides) > MOST_GROUPS:
        notes.append(Note("CJ-AN-054", "caution", t(
            "Only the {k} groups with most answers are compared; there are {n}.", k=MOST_GROUPS,
            n=len(sides))))  # fmt: skip
    chosen = list(sides)[:MOST_GROUPS]
    pairs = list(combinations(chosen, 2)) if by else [(b, a) for a, b in combinations(chosen, 2)]
    table = pd.DataFrame([row for a, b in pairs for row in _pair((a, b), (sides[a], sides[b]), kind, confidence)])
    table["p_adjusted"] = holm(table["p_value"].to_numpy())
    notes += _notes(table, responses.info.min_people)
    params = {"instrument": instrument, "by": responses.label(by) if by else "",
              "periods": list(periods or ()), "stage": stage or "",
              "confidence": confidence, "scale": list(kind.scale), "box": list(kind.good_scores)}  # fmt: skip
    return ScoreComparisonResult.build(table, data=responses.info, params=params, notes=notes,
                                       kpis=_kpis(table, instrument, responses.info.min_people))  # fmt: skip


def _label_periods(frame: pd.DataFrame, periods: list[str], responses: SurveyResponses, notes: list[Note]) -> list[str]:
    """Write the period of each answer into `group`; periods in order of time."""
    spans = sorted(_days(text) for text in periods)
    for (_, last), (first, _) in pairwise(spans):
        if first <= last:
            raise ParameterError(f"periods={periods!r} overlap: each day belongs to one period.", code="CJ-AN-051")
    zone = responses.info.zone
    at = local_time(frame["answered_at"], zone).dt.normalize()
    frame["group"] = None
    names = []
    for first, last in spans:
        name = _span_name(first, last)
        frame.loc[(at >= first) & (at <= last), "group"] = name
        names.append(name)
    cut = local_time(pd.Series([responses.as_of_us]), zone).iloc[0]
    if spans and spans[-1][1] >= cut.normalize():
        notes.append(Note("CJ-AN-055", "caution", t("The last period was not over at the cut-off.")))
    return names


def _span_name(first: pd.Timestamp, last: pd.Timestamp) -> str:
    """A whole quarter by its name, any other period by its two days."""
    quarter = first.to_period("Q")
    if first == quarter.start_time and last == quarter.end_time.normalize():
        return t("{year} quarter {n}", year=str(quarter.year), n=int(quarter.quarter))
    return t("{first} to {last}", first=day(first), last=day(last))


def _days(text: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    message = f'periods: {text!r} is not "first day/last day", for example "2026-01-01/2026-03-31".'
    try:
        first, last = (pd.Timestamp(date.fromisoformat(part)) for part in str(text).split("/"))
    except ValueError as error:
        raise ParameterError(message, code="CJ-AN-051") from error
    if first > last:
        raise ParameterError(message, code="CJ-AN-051")
    return first, last


def _pair(
    names: tuple[str, str], sides: tuple[pd.DataFrame, pd.DataFrame], kind: Instrument, confidence: float
) -> list[dict[str, Any]]:
    """One row for everybody; a second one for those who are on both sides."""
    one, other = sides
    both = one.merge(other, on="unit", suffixes=("", "_other"))
    rows: list[tuple[str, Any, Any, Difference]] = []
    if len(both) < max(len(one), len(other)) or len(both) < 2:
        found_all = by_person(one["score"], other["score"], one["unit"], other["unit"], kind, confidence=confidence)
        rows.append((EVERYBODY if len(both) else OTHERS, one["score"], other["score"], found_all))
    if len(both) >= 2:
        first, second = both["score"], both["score_other"]
        rows.append((SAME, first, second, same_people(first, second, kind, confidence=confidence)))
    found = []
    for who, first, second, difference in rows:
        found.append({"group": names[0], "other": names[1], "who": who, "n": len(first), "n_other": len(second),
                      "score": headline(first, kind).estimate, "score_other": headline(second, kind).estimate,
                      "difference": difference.estimate, "ci_low": difference.ci_low,
                      "ci_high": difference.ci_high, "p_value": difference.p_value})  # fmt: skip
    return found


def _notes(table: pd.DataFrame, k: int) -> list[Note]:
    notes = [Note("CJ-AN-056", "info", t("An association: groups differ in more than what names them."))]
    twice = table[(table["who"] == SAME) & (table["n"] >= k)]
    mixed = twice.merge(table[table["who"] == EVERYBODY], on=["group", "other"])
    if len(mixed):
        notes.append(Note("CJ-AN-057", "caution", t(
            "Some people answered on both sides. The rows of all who answered allow for that; the rows of the "
            "same people are the ones to trust for a change.")))  # fmt: skip
    if table["p_value"].isna().any():
        notes.append(Note("CJ-AN-058", "caution", t(
            "Some differences have no p-value or interval: too few answers, or all of them equal.")))  # fmt: skip
    return notes


def _in_points(columns: Columns) -> Columns:
    made = tuple(
        replace(column, unit="points") if column.name in ("difference", "ci_low", "ci_high") else column
        for column in columns.columns
    )
    return replace(columns, columns=made)


def _kpis(table: pd.DataFrame, name: str, k: int) -> list[Kpi]:
    row = table.iloc[0]
    if min(row["n"], row["n_other"]) < k or math.isnan(row["difference"]):
        return []
    factor = 100 if name == "csat" else 1
    values = [factor * float(row[column]) for column in ("difference", "ci_low", "ci_high")]
    return [Kpi(measure="difference", label=t("{group} − {other}", group=row["group"], other=row["other"]),
                estimate=values[0], ci_low=values[1], ci_high=values[2], n=int(row["n"] + row["n_other"]),
                form="points" if name in ("nps", "csat") else "score",
                definition=t("difference of {name}, points", name=score_name(name)))]  # fmt: skip
