"""Comments grouped by what they mean, French and English side by side: a second view beside the themes.

Words put two languages apart; a sentence encoder puts the same complaint together in both. One comment a
person, a random sample where there are many. Needs the extra `meaning`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.comments import comments, language_name, localized_label
from cjlib.analyses.themes import read_codebook
from cjlib.core import checks
from cjlib.core.errors import ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, number, percent, t
from cjlib.journey.tables import SurveyResponses
from cjlib.privacy.quotes import quotes
from cjlib.stats.language import EMPTY, readable
from cjlib.stats.meaning import encode, group
from cjlib.stats.proportion import wilson
from cjlib.stats.theme import codebook_patterns, mentions

STABLE = 0.7
_OFFERED = 12  # comments nearest to the centre of a group, among which quotations are chosen


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CommentsByMeaningResult(Result):
    """Groups of comments of like meaning: size, languages, nearest theme of the codebook, how stable."""

    kind: ClassVar[str] = "comments_by_meaning"
    columns: ClassVar[Columns] = Columns(
        (
            Column("group", "string", "Group"),
            Column("n", "Int64", "People", "people", "people whose comment belongs to it"),
            Column("estimate", "float64", "Share", "proportion", "of the people read", ("n",)),
            Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n",)),
            Column("ci_high", "float64", "", "proportion", "", ("n",)),
            Column("languages", "string", "Languages", meaning="shares of the languages in the group"),
            Column("theme", "string", "Theme of the codebook", meaning="the one mentioned most in the group"),
            Column("theme_share", "float64", "mentions it", "proportion", "share of the group", ("n",)),
            Column("cohesion", "float64", "Cohesion", "score", "mean cosine with the centre; 1 = the same words"),
            Column("stability", "float64", "Stability", "score", "overlap when made again from half; 1 = the same"),
        ),
        over="group",
        caption="Groups of like meaning",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "quotes": Columns((Column("group", "string", "Group"), Column("quote", "string", "Quotation")),
                          caption="In their words"),
    }  # fmt: skip

    def question(self) -> str:
        return t("What do comments mean, whatever their language?")

    def answer(self) -> str:
        shown = self._table[self._table["estimate"].notna()]
        if shown.empty:
            return t("Too few people in every group to print a share.")
        stable = int((shown["stability"] >= STABLE).sum())
        top = shown.iloc[0]
        return t(
            "{k} groups of like meaning; {stable} of them come back when made again. The largest holds {share} of "
            "the people (95 % CI {ci}).", k=len(self._table), stable=stable, share=percent(top["estimate"]),
            ci=interval(top["ci_low"], top["ci_high"], percent),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "The first comment of each person, placed by a multilingual sentence encoder and grouped by k-means; "
            "the number of groups is the one that separates best. Groups have no name of their own: read the "
            "quotations. A second view, not a truth.",
        )


def comments_by_meaning(
    responses: SurveyResponses,
    *,
    instrument: str | None = None,
    most: int = 400,
    most_groups: int = 8,
    min_people_verbatim: int = 10,
    seed: int = 1,
    confidence: float = 0.95,
) -> CommentsByMeaningResult:
    """Group comments by meaning, all languages together.

    Parameters
    ----------
    responses : SurveyResponses
    instrument : only its answers; default all
    most : comments read, one a person, drawn by lot; a thousand take about ten seconds
    most_groups : largest number of groups, from 2
    min_people_verbatim : people a group must have to be quoted (10 at least)
    seed : of the lot and of the groups
    confidence : level of the intervals

    Returns
    -------
    CommentsByMeaningResult
        `.table` per group, largest first; `.more("quotes")`.

    Raises
    ------
    EnvironmentProblem
        CJ-ST-090: the extra `meaning` is not installed.
    NotEnoughDataError
        No comment, or fewer than 30 different ones.
    ParameterError
        CJ-AN-180: `most` below 30 or `most_groups` below 2.

    Notes
    -----
    See `cjlib.stats.meaning`.

    Examples
    --------
    >>> from cjlib.datasets.example import example_responses
    >>> comments_by_meaning(example_responses())
    Traceback (most recent call last):
    ...
    cjlib.core.errors.NotEnoughDataError: No answer has a comment, so there are no words to read.
    """
    if most < 30 or most_groups < 2:
        raise ParameterError(f"most={most} must be at least 30 and most_groups={most_groups} at least 2.",
                             code="CJ-AN-180")  # fmt: skip
    if instrument is not None:
        checks.one_of("instrument", instrument, responses.instruments)
    found = comments(responses, instrument=instrument, columns=[])
    people = found.frame[found.frame["language"] != EMPTY]
    people = people.sort_values(["answered_at", "unit"], kind="stable").drop_duplicates("unit")
    drawn = people.sample(min(most, len(people)), random_state=seed).sort_index()
    made = group(encode(drawn["comment"].tolist()), most=most_groups, seed=seed)
    frame = drawn.assign(place=made.of)
    table = _table(frame, made.cohesion, made.stability, confidence)
    floor = max(min_people_verbatim, 10)
    near = [
        frame.iloc[rows[:_OFFERED]].assign(group=name)
        for rows, name in zip(made.central, table["group"], strict=True)
        if len(rows) >= floor
    ]
    quoted = _quotes(near, floor)
    params = {"instrument": instrument or "", "most": most, "most_groups": most_groups, "seed": seed,
              "confidence": confidence}  # fmt: skip
    return CommentsByMeaningResult.build(table, data=responses.info, params=params, more={"quotes": quoted},
                                         kpis=[_kpi(drawn)], notes=_notes(people, drawn, table))  # fmt: skip


def _table(frame: pd.DataFrame, cohesion: Any, stability: Any, confidence: float) -> pd.DataFrame:
    book = codebook_patterns(read_codebook(""))
    names = [localized_label(theme["label"]) for theme in book.values()]
    hits = mentions(frame["comment"].tolist(), frame["language"].tolist(), book)
    rows = []
    for place in range(len(cohesion)):
        inside = (frame["place"] == place).to_numpy()
        shares = hits[inside].mean(axis=0)
        best = int(np.argmax(shares))
        spoken = frame.loc[inside, "language"].value_counts(normalize=True).head(3)
        rows.append({
            "group": t("group {number}", number=number(place + 1)), "n": int(inside.sum()),
            "languages": ", ".join(f"{language_name(str(name))} {percent(part)}" for name, part in spoken.items()),
            "theme": names[best] if shares[best] else "–", "theme_share": float(shares[best]),
            "cohesion": float(cohesion[place]), "stability": float(stability[place]),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    low, high = wilson(table["n"], len(frame), confidence=confidence)
    return table.assign(estimate=table["n"] / len(frame), ci_low=low, ci_high=high)


def _quotes(near: list[pd.DataFrame], min_people: int) -> pd.DataFrame:
    if not near:
        return pd.DataFrame({"group": [], "quote": []})
    return quotes(pd.concat(near).rename(columns={"unit": "customer"}), min_people=min_people)


def _kpi(drawn: pd.DataFrame) -> Kpi:
    both = drawn["language"].isin(readable())
    low, high = (float(limit) for limit in wilson(int(both.sum()), len(drawn)))
    return Kpi(measure="readable", label=t("In a language with a codebook"), estimate=float(both.mean()), n=len(drawn),
               ci_low=low, ci_high=high, form="percent",
               definition=t("the others are grouped by meaning only"))  # fmt: skip


def _notes(people: pd.DataFrame, drawn: pd.DataFrame, table: pd.DataFrame) -> list[Note]:
    notes = []
    if len(drawn) < len(people):
        notes.append(Note("CJ-AN-181", "info", t(
            "{n} of {all} people who wrote were drawn by lot; the intervals allow for that.",
            n=len(drawn), all=len(people))))  # fmt: skip
    unstable = int((table["stability"] < STABLE).sum())
    if unstable:
        notes.append(Note("CJ-AN-182", "caution", t(
            "{n} of {all} groups do not come back when they are made again from half of the comments: do not report "
            "their shares.", n=unstable, all=len(table))))  # fmt: skip
    return notes
