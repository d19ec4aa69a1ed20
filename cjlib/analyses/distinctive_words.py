"""Words and expressions that set one group's comments apart from another's.

People count, not occurrences: all comments of a person in a group are one document. Comparisons stay within
a language. Every word looked at is part of the correction for many looks, not only the words that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.analyses.comments import (
    BEST,
    LANGUAGE_COLUMNS,
    WORST,
    Comments,
    band_label,
    comments,
    comments_with_outcome,
    language_name,
    too_few,
)
from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.errors import ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import GROUP, Kpi, Note, Result
from cjlib.core.text import number, t
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.stats.multiplicity import benjamini_hochberg
from cjlib.stats.proportion import z_value
from cjlib.stats.token import Terms, terms
from cjlib.stats.word import log_odds

SHOWN = 10  # words per group and language
_PRIOR = 1.0  # times the smaller side: rare words cannot win, and what one side never says can be found
_ALIKE = 0.2  # two expressions that share a word and nearly all their people are one finding


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DistinctiveWordsResult(Result):
    """Words that a group uses more than the others, with the people who used them."""

    kind: ClassVar[str] = "distinctive_words"
    columns: ClassVar[Columns] = Columns(
        (
            GROUP,
            Column("language", "string", "Language"),
            Column("word", "string", "Word or expression", meaning="as people write it most often"),
            Column("n", "Int64", "People", "people", "people of the group who used it"),
            Column("share", "float64", "Of the group", "proportion", "of those who wrote in this language", ("n",)),
            Column("n_other", "Int64", "Others", "people", "people of the other side who used it"),
            Column("share_other", "float64", "Of the others", "proportion", "", ("n_other",)),
            Column("estimate", "float64", "Log odds", "score", "difference to the others, above 0 = used more", ("n",)),
            Column("ci_low", "float64", "95 % CI", "score", "for this word alone", ("n",)),
            Column("ci_high", "float64", "", "score", "", ("n",)),
            Column("p_adjusted", "float64", "p", "p", "Benjamini-Hochberg over all words looked at", ("n",)),
        ),
        caption="Words that set groups apart",
    )
    more_columns: ClassVar[dict[str, Columns]] = {"languages": LANGUAGE_COLUMNS}

    def question(self) -> str:
        if self.params["outcome"]:
            return t("Which words did people use who then had {outcome} within {within}, or did not?",
                     outcome=self.params["outcome"], within=span(self.params["within"]))  # fmt: skip
        if self.params["groups"] == "score":
            return t("Which words set the worst answers apart from the best?")
        return t("Which words belong to each group ({attribute})?", attribute=self.params["groups"])

    def answer(self) -> str:
        looks = t("{n} words and expressions were looked at.", n=int(self.params["n_comparisons"]))
        shown = self._table[self._table["estimate"].notna()]
        if shown.empty:
            return t("No word sets the groups apart beyond chance.") + " " + looks
        parts = [
            t("{group}: {words}", group=group, words=", ".join(part["word"].drop_duplicates().head(5)))
            for group, part in shown.sort_values("estimate", ascending=False).groupby("group", sort=False)
        ]
        return t("{parts}. {looks}", parts=t("; ").join(parts[:8]), looks=looks)

    def definition(self) -> str:
        return t(
            "People who used the word at least once, within one language. Log odds with informative Dirichlet prior "
            "(the pooled comments); shown where p, corrected for all words looked at (Benjamini-Hochberg), is at "
            "most {level}. A word says what comments are about; whether it is the cause stays open.",
            level=number(1 - self.params["confidence"], 2),
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.words import draw

        return draw(self._table, groups=self.params["sides"], ax=ax)


def distinctive_words(
    responses: SurveyResponses,
    *,
    groups: str = "score",
    instrument: str | None = None,
    log: EventLog | None = None,
    outcome: str | Sequence[str] | None = None,
    within: str | timedelta | None = None,
    min_people: int = 10,
    confidence: float = 0.95,
) -> DistinctiveWordsResult:
    """Find words and two-word expressions that one group of answers uses more than the others.

    Parameters
    ----------
    responses : SurveyResponses
    groups : "score" (worst against best answers), "outcome" (had the outcome after the answer, or had not),
        "stage" or an attribute (each value against the rest)
    instrument : only its answers; default all, each answer placed on its own scale
    log, outcome, within : events that count and horizon, for groups="outcome"; horizons not over are left out
    min_people : a word needs so many people, and so does each side
    confidence : level of the intervals; 1 - confidence is the share of false words among those shown

    Returns
    -------
    DistinctiveWordsResult

    Raises
    ------
    NotEnoughDataError
        No comment, or fewer than `min_people` people on a side in every language.
    ParameterError
        Unknown groups or instrument; an outcome without log, outcome and within.

    Notes
    -----
    Monroe, Colaresi and Quinn (2008), Political Analysis 16, 372-403; Benjamini and Hochberg (1995). The prior
    has the proportions of the pooled comments and the size of the smaller side.

    Examples
    --------
    >>> from cjlib.datasets.example import example_responses
    >>> distinctive_words(example_responses())
    Traceback (most recent call last):
    ...
    cjlib.core.errors.NotEnoughDataError: No answer has a comment, so there are no words to read.
    """
    if min_people < 2:
        raise ParameterError(f"min_people={min_people} must be at least 2.", code="CJ-AN-094")
    late = 0
    if groups == "outcome":
        found, late = comments_with_outcome(responses, log=log, outcome=outcome, within=within, instrument=instrument)
    else:
        if groups != "score":
            checks.one_of("groups", groups, ["score", "outcome", *responses.attributes])
        found = comments(responses, instrument=instrument, columns=[] if groups == "score" else [groups])
    done = log.label(outcome) if groups == "outcome" and log is not None and outcome is not None else ""
    label, sides = _labels(found, groups, done)
    looked = [_compare(found, name, label, sides, min_people) for name in found.languages]
    table = pd.concat([part for part in looked if len(part)], ignore_index=True) if any(map(len, looked)) else None
    if table is None:
        raise too_few(found, min_people)
    # Of two sides the second comparison is the first one read from the other side: one look, not two.
    once = (table["group"] == sides[0]).to_numpy() | (len(sides) != 2)
    adjusted = benjamini_hochberg(table.loc[once, "p_value"])
    table.loc[once, "p_adjusted"] = adjusted
    if not once.all():
        table.loc[~once, "p_adjusted"] = adjusted
    kept = _kept(table, 1 - checks.fraction("confidence", confidence), sides)
    z = z_value(confidence)
    kept = kept.assign(
        ci_low=kept["estimate"] - z * kept["std_error"], ci_high=kept["estimate"] + z * kept["std_error"]
    )
    looks = int(np.count_nonzero(once))
    params = {"groups": responses.label(groups), "instrument": instrument or "", "outcome": done,
              "within": str(within or ""), "sides": sides,
              "n_comparisons": looks, "min_people": min_people, "confidence": confidence}  # fmt: skip
    number_of = Kpi(measure="n_words", label=t("Words that set groups apart"), estimate=float(len(kept)),
                    definition=t("of {n} looked at", n=looks))  # fmt: skip
    return DistinctiveWordsResult.build(
        kept, data=responses.info, params=params, kpis=[found.kpi(), number_of], more={"languages": found.table()},
        notes=_notes(found, late, groups),
    )  # fmt: skip


def _labels(found: Comments, groups: str, done: str) -> tuple[pd.Series, list[str]]:
    """Group of each comment (missing: none) and the groups in the order they are printed."""
    frame = found.frame
    if groups == "score":
        used = frame["instrument"].unique().tolist()
        names = {band: band_label(band, used) for band in (WORST, BEST)}
        return frame["band"].map(names), list(names.values())
    if groups == "outcome":
        sides = {True: t("then {outcome}", outcome=done), False: t("then no {outcome}", outcome=done)}
        return frame["happened"].map(sides), list(sides.values())
    label = frame[groups].astype(object)
    return label, [str(value) for value in label.value_counts().index]


def _compare(found: Comments, name: str, label: pd.Series, sides: list[str], min_people: int) -> pd.DataFrame:
    """Every term of one language in every group against the others."""
    rows = found.rows(name)
    rows = rows[label.notna().to_numpy()[rows]]
    words = terms(found.tokens, rows, name, min_documents=min_people)
    group, person = label.to_numpy()[rows], found.frame["unit"].to_numpy()[rows]
    parts = []
    for side in sides:
        inside = group == side
        n_group, people = _people(words, np.flatnonzero(inside), person)
        n_other, others = _people(words, np.flatnonzero(~inside), person)
        enough = n_group + n_other >= min_people
        if min(people, others) < min_people or np.count_nonzero(enough) < 2:
            continue
        if not n_group[enough].any() or not n_other[enough].any():
            continue
        counts = pd.DataFrame({"term": words.names, "n_group": n_group, "n_other": n_other})[enough]
        made = log_odds(counts, prior=_PRIOR).rename(columns={"term": "word", "n_group": "n"})
        parts.append(made.assign(group=side, language=language_name(name), share=made["n"] / people,
                                 share_other=made["n_other"] / others))  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _people(words: Terms, rows: npt.NDArray[np.intp], person: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], int]:
    """How many people of these documents used each term, and how many people there are."""
    width = len(words.names)
    who, people = pd.factorize(person[rows])
    part = words.matrix[rows].tocoo()
    pairs = np.unique(who[part.row].astype(np.int64) * width + part.col)
    return np.bincount(pairs % max(width, 1), minlength=width), len(people)


def _kept(table: pd.DataFrame, level: float, sides: list[str]) -> pd.DataFrame:
    """Words used more, beyond chance, strongest first; of near twins only the first."""
    order = {side: place for place, side in enumerate(sides)}
    sure = table[(table["p_adjusted"] <= level) & (table["estimate"] > 0)]
    sure = sure.assign(place=sure["group"].map(order)).sort_values(
        ["place", "language", "z", "word"], ascending=[True, True, False, True]
    )
    chosen: list[int] = []
    for _, part in sure.groupby(["place", "language"], sort=False):
        here: list[tuple[set[str], int]] = []
        for index, word, n in zip(part.index, part["word"], part["n"], strict=True):
            inside = set(word.split())
            if len(here) < SHOWN and not any(inside & seen and abs(n - m) <= _ALIKE * max(n, m) for seen, m in here):
                here.append((inside, n))
                chosen.append(index)
    return sure.loc[chosen]


def _notes(found: Comments, late: int, groups: str) -> list[Note]:
    notes = found.notes()
    if groups == "score" and len(set(found.frame["instrument"])) > 1:
        told = t("Several instruments are together here: each answer is among the worst or the best on its own scale.")
        notes.append(Note("CJ-AN-096", "info", told))
    if late:
        notes.append(Note("CJ-AN-097", "info", t(
            "{n} comments are left out because their horizon is not over at the cut-off.", n=late)))  # fmt: skip
    return notes
