"""Score from text: how well the words of a comment tell the score that its author gave.

No list of "positive" and "negative" words: a model learns from the scores of other people and is judged on
people it has not seen. Where it tells bad answers from the others poorly, its figures are hidden.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.comments import LANGUAGE_COLUMNS, WORST, Comments, comments, language_name
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, number, t
from cjlib.journey.tables import SurveyResponses
from cjlib.stats import instrument as registry
from cjlib.stats.theme import agreement, folds_of, told_from_words
from cjlib.stats.token import terms

USABLE = 0.7  # AUC below which the words do not stand in for a score
_TERM_PEOPLE = 3


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScoreFromTextResult(Result):
    """Agreement of the score told from words with the score given, per language."""

    kind: ClassVar[str] = "score_from_text"
    columns: ClassVar[Columns] = Columns(
        (
            Column("group", "string", "Language"),
            Column("n", "Int64", "People", "people", "people with a comment and a score"),
            Column("n_worst", "Int64", "Worst answers", "people", "of them, with one of the worst answers"),
            Column("spearman", "float64", "Rank correlation", "score", "told score and given score", ("n", "n_worst")),
            Column("estimate", "float64", "AUC", "score", "worst answers against the others", ("n", "n_worst")),
            Column("ci_low", "float64", "95 % CI", "score", "DeLong interval, for folds", ("n", "n_worst")),
            Column("ci_high", "float64", "", "score", "", ("n", "n_worst")),
        ),
        caption="Score told from words",
    )
    more_columns: ClassVar[dict[str, Columns]] = {"languages": LANGUAGE_COLUMNS}

    def question(self) -> str:
        return t("Do the words tell the score?")

    def answer(self) -> str:
        rows = self._table.dropna(subset=["estimate"])
        if rows.empty:
            return t("The words do not tell the score well enough (AUC below {limit}), so nothing is read from them.",
                     limit=number(USABLE, 1))  # fmt: skip
        parts = [
            t("{language} AUC {auc} (95 % CI {ci}), rank correlation {rank}", language=row["group"],
              auc=number(row["estimate"], 2), rank=number(row["spearman"], 2),
              ci=interval(row["ci_low"], row["ci_high"], lambda x: number(x, 2)))
            for row in rows.to_dict("records")
        ]  # fmt: skip
        return t("Told from the words alone, worst answers against the others: {parts}.", parts=t("; ").join(parts))

    def definition(self) -> str:
        return t(
            "Ridge regression on weighted words (TF-IDF), fitted on other people than those it is judged on. AUC: "
            "share of pairs of a worst and another answer that the words put in the right order, compared within the "
            "part that one model was judged on; hidden below {limit}. Where the words may know nothing, the interval "
            "is widened, because every answer has also made the models that others are judged by.",
            limit=number(USABLE, 1),
        )


def score_from_text(
    responses: SurveyResponses, *, instrument: str | None = None, seed: int = 1, confidence: float = 0.95
) -> ScoreFromTextResult:
    """Estimate how well the words of comments tell the worst answers from the others.

    Parameters
    ----------
    responses : SurveyResponses
    instrument : only its answers; default all, each score on its own scale from worst to best
    seed : of the folds
    confidence : level of the interval

    Returns
    -------
    ScoreFromTextResult
        One row per language with enough answers; AUC and correlation are NaN where the AUC is below 0.7.

    Raises
    ------
    NotEnoughDataError
        No comment, no spread of scores, or no language with ten answers on both sides.

    Notes
    -----
    Five folds by person, pairs compared within a fold. Interval: DeLong, DeLong and Clarke-Pearson (1988), its
    variance doubled unless 0.5 is excluded even so; see `cjlib.stats.theme.agreement`. A person's latest comment
    counts.

    Examples
    --------
    >>> from cjlib.datasets.example import example_responses
    >>> score_from_text(example_responses())
    Traceback (most recent call last):
    ...
    cjlib.core.errors.NotEnoughDataError: No answer has a comment, so there are no words to read.
    """
    found = comments(responses, instrument=instrument)
    scaled = _scaled(found.frame, responses)
    if scaled.dropna().nunique() < 2:
        raise NotEnoughDataError(t("All scores beside the comments are equal, so words cannot tell them apart."),
                                 code="CJ-AN-100")  # fmt: skip
    rows = [row for name in found.languages if (row := _row(found, name, scaled, seed, confidence))]
    if not rows:
        raise NotEnoughDataError(
            t("A score can only be told from words with ten answers in the worst band and ten outside it."),
            code="CJ-AN-100",
        )
    table = pd.DataFrame(rows)
    weak = table["estimate"] < USABLE
    notes = found.notes() + [
        Note("CJ-AN-101", "caution", t("In {language}, the words tell the score too poorly (AUC below {limit}); the "
                                       "figures are hidden.", language=name, limit=number(USABLE, 1)))
        for name in table.loc[weak, "group"]
    ]  # fmt: skip
    table.loc[weak, ["spearman", "estimate", "ci_low", "ci_high"]] = math.nan
    kpis = [
        Kpi(measure=f"auc_{row['group']}", label=t("AUC, {language}", language=row["group"]), estimate=row["estimate"],
            ci_low=row["ci_low"], ci_high=row["ci_high"], n=int(row["n"]), form="score")
        for row in table.to_dict("records")
    ]  # fmt: skip
    params = {"instrument": instrument or "", "usable": USABLE, "seed": seed, "confidence": confidence}
    return ScoreFromTextResult.build(table, data=responses.info, params=params, kpis=kpis,
                                     more={"languages": found.table()}, notes=notes)  # fmt: skip


def _scaled(frame: pd.DataFrame, responses: SurveyResponses) -> pd.Series:
    """Scores from 0 (worst) to 1 (best) of their own scale."""
    scaled = pd.Series(np.nan, index=frame.index)
    for name, part in frame.groupby("instrument"):
        kind = registry.instrument(str(name))
        low, high = responses.scales.get(str(name), kind.scale)
        scaled[part.index] = (part["score"] - low) / (high - low)
    return scaled


def _row(found: Comments, name: str, scaled: pd.Series, seed: int, confidence: float) -> dict[str, Any] | None:
    frame = found.frame.assign(scaled=scaled)
    frame = frame[(frame["language"] == name) & frame["scaled"].notna()]
    frame = frame.sort_values(["unit", "answered_at", "response"]).drop_duplicates("unit", keep="last").sort_index()
    worst = (frame["band"] == WORST).to_numpy()
    if min(worst.sum(), (~worst).sum()) < 10:
        return None
    words = terms(found.tokens, frame.index.to_numpy(), name, min_documents=_TERM_PEOPLE)
    if not len(words.names):
        return None
    told = told_from_words(words.matrix, frame["scaled"], frame["unit"], seed=seed)
    fit = agreement(told, frame["scaled"], worst, fold=folds_of(frame["unit"], seed=seed), confidence=confidence)
    return {"group": language_name(name), "n": len(frame), "n_worst": int(worst.sum()), "spearman": fit.spearman,
            "estimate": fit.auc, "ci_low": fit.ci_low, "ci_high": fit.ci_high}  # fmt: skip
