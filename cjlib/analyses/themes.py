"""What comments are about: themes of a codebook, themes learned from the words, and what followed.

A person counts once per group. A theme is a subject, not a judgement: who praises the delivery and who
complains about it both speak of delivery.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from cjlib.analyses.comments import (
    BEST,
    LANGUAGE_COLUMNS,
    MIDDLE,
    WORST,
    Comments,
    band_label,
    comments,
    comments_with_outcome,
    language_name,
    localized_label,
    too_few,
)
from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, Kpi, Note, Result
from cjlib.core.text import interval, number, percent, points, t
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.privacy.quotes import quotes
from cjlib.stats.language import readable
from cjlib.stats.proportion import newcombe, share, wilson
from cjlib.stats.theme import codebook_patterns, learn, mentions
from cjlib.stats.token import terms

STABLE = 0.7
_TERM_PEOPLE = 5
_OFFERED = 300  # comments per theme that a quotation is chosen among
_THEME = Column("theme", "string", "Theme")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ThemesResult(Result):
    """Share of the people who speak of each theme, what followed, learned themes and quotations."""

    kind: ClassVar[str] = "themes"
    columns: ClassVar[Columns] = Columns(
        (
            _THEME, GROUP,
            Column("n", "Int64", "People", "people", "people whose comments were read"),
            Column("n_theme", "Int64", "Spoke of it", "people", ""),
            Column("n_rest", "Int64", "", "people"),
            Column("estimate", "float64", "Share", "proportion", "", ("n", "n_theme")),
            Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n", "n_theme")),
            Column("ci_high", "float64", "", "proportion", "", ("n", "n_theme")),
        ),
        sums=(("n", ("n_theme", "n_rest")),),
        caption="Themes of the codebook",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "outcome": Columns(
            (
                _THEME,
                Column("n_with", "Int64", "Spoke of it", "people", "people whose horizon is over"),
                Column("event_with", "Int64", "Then did it", "people", ""),
                Column("share_with", "float64", "Share", "proportion", "", ("n_with", "event_with")),
                Column("n_without", "Int64", "Did not speak of it", "people", ""),
                Column("event_without", "Int64", "Then did it", "people", ""),
                Column("share_without", "float64", "Share", "proportion", "", ("n_without", "event_without")),
                Column("difference", "float64", "Difference", "proportion", "those who spoke of it minus the others",
                       ("n_with", "event_with", "n_without", "event_without")),
                Column("diff_low", "float64", "95 % CI", "proportion", "Newcombe interval",
                       ("n_with", "event_with", "n_without", "event_without")),
                Column("diff_high", "float64", "", "proportion", "",
                       ("n_with", "event_with", "n_without", "event_without")),
            ),
            caption="Themes and what followed",
        ),
        "learned": Columns(
            (
                _THEME,
                Column("language", "string", "Language"),
                Column("n", "Int64", "People", "people", "people mostly about it in a comment"),
                Column("estimate", "float64", "Share", "proportion", "of those who wrote in this language", ("n",)),
                Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n",)),
                Column("ci_high", "float64", "", "proportion", "", ("n",)),
                Column("stability", "float64", "Stability", "score", "mean cosine when learned again; 1 = the same"),
                Column("verdict", "string", "Verdict"),
            ),
            caption="Themes learned from the words",
        ),
        "quotes": Columns((_THEME, Column("quote", "string", "Quotation")), caption="In their words"),
        "languages": LANGUAGE_COLUMNS,
    }  # fmt: skip

    def question(self) -> str:
        if self.params["outcome"]:
            return t("What do comments speak of, and who then had {outcome} within {within}?",
                     outcome=self.params["outcome"], within=span(self.params["within"]))  # fmt: skip
        return t("What do comments speak of?")

    def answer(self) -> str:
        shown = self._table[(self._table["group"] == ALL) & self._table["estimate"].notna()]
        top = shown[shown["n_theme"] > 0].sort_values("estimate", ascending=False, kind="stable").head(3)
        if top.empty:
            return t("Too few people speak of a theme of the codebook to print a share.")
        parts = [t("{theme} {share} (95 % CI {ci})", theme=row["theme"], share=percent(row["estimate"]),
                   ci=interval(row["ci_low"], row["ci_high"], percent)) for row in top.to_dict("records")]  # fmt: skip
        text = t("Of {n} people whose comments were read, most speak of: {parts}.", n=int(top["n"].iloc[0]),
                 parts=t("; ").join(parts))  # fmt: skip
        return text + (" " + self._link() if "outcome" in self._more else "")

    def _link(self) -> str:
        rows = self._more["outcome"].dropna(subset=["difference"])
        clear = rows[(rows["diff_low"] > 0) | (rows["diff_high"] < 0)]
        if clear.empty:
            return t("No theme goes with {outcome} beyond chance.", outcome=self.params["outcome"])
        parts = [
            t("{theme} {points} points ({ci})", theme=row["theme"], points=points(100 * row["difference"], 1),
              ci=interval(100 * row["diff_low"], 100 * row["diff_high"], lambda x: points(x, 1)))
            for row in clear.to_dict("records")
        ]  # fmt: skip
        return t("Difference in the share with {outcome} within {within} afterwards: {parts}; {n} themes compared.",
                 outcome=self.params["outcome"], within=span(self.params["within"]), parts=t("; ").join(parts),
                 n=len(rows))  # fmt: skip

    def definition(self) -> str:
        return t(
            "A person speaks of a theme if a pattern of the codebook occurs in a comment, in its language; Wilson "
            "intervals. Learned themes: TF-IDF and non-negative matrix factorisation, learned again on resampled "
            "comments; below {stable} a theme is unstable. An association with what followed is not an effect.",
            stable=number(STABLE, 1),
        )

    def shown(self) -> list[Any]:
        # A difference of shares is read in points; a percentage would look like a share of its own.
        apart, found = ("difference", "diff_low", "diff_high"), []
        for caption, frame, hidden, columns in super().shown():
            given = {name: 100 * frame[name] for name in apart if name in frame}
            words = tuple(replace(c, unit="points") if c.name in given else c for c in columns.columns)
            found.append((caption, frame.assign(**given), hidden, replace(columns, columns=words)))
        return found

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.themes import draw

        return draw(self._table, ax=ax)


def themes(
    responses: SurveyResponses,
    *,
    codebook: str | Path | Mapping[str, Any] = "",
    by: str | None = None,
    instrument: str | None = None,
    log: EventLog | None = None,
    outcome: str | Sequence[str] | None = None,
    within: str | timedelta | None = None,
    n_learned: int = 8,
    min_people_verbatim: int = 10,
    seed: int = 1,
    confidence: float = 0.95,
) -> ThemesResult:
    """Estimate how many people speak of each theme, overall and by score or attribute.

    Parameters
    ----------
    responses : SurveyResponses
    codebook : YAML file, or its content as a mapping; default the one of the package
        Theme to label, patterns per language, and `unless_negated`.
    by : "stage" or an attribute; default worst, middle and best answers
    instrument : only its answers; default all
    log, outcome, within : events looked for after the answer, and horizon; only horizons that are over count
    n_learned : themes to learn per language; 0 for none
    min_people_verbatim : people a theme must have to be quoted (10 at least)
    seed : of the learned themes
    confidence : level of the intervals

    Returns
    -------
    ThemesResult
        `.table` per theme and group; `.more("learned")`, `.more("quotes")`, `.more("languages")`, and
        `.more("outcome")` with an outcome.

    Raises
    ------
    NotEnoughDataError
        No comment in a language that is read.
    ParameterError
        A codebook that cannot be used; an unknown attribute; an outcome without log, outcome and within.

    Notes
    -----
    Wilson (1927), Newcombe (1998); Lee and Seung (1999). With an outcome each person's first comment whose
    horizon is over is used.

    Examples
    --------
    >>> from cjlib.datasets.example import example_responses
    >>> themes(example_responses())
    Traceback (most recent call last):
    ...
    cjlib.core.errors.NotEnoughDataError: No answer has a comment, so there are no words to read.
    """
    book = codebook_patterns(read_codebook(codebook))
    late, asked = 0, (log, outcome, within) != (None, None, None)
    if by is not None:
        checks.one_of("by", by, responses.attributes)
    if asked:
        if by is not None:
            raise ParameterError("themes takes by or an outcome, not both.", code="CJ-AN-094")
        found, late = comments_with_outcome(responses, log=log, outcome=outcome, within=within, instrument=instrument)
    else:
        found = comments(responses, instrument=instrument, columns=[by] if by else [])
    frame = found.frame
    is_read = frame["language"].isin(readable()).to_numpy()
    if not is_read.any():
        raise too_few(found, 1)
    hits = mentions(frame["comment"].tolist(), frame["language"].tolist(), book)
    names = [localized_label(theme["label"]) for theme in book.values()]
    table = _prevalence(frame[is_read], hits[is_read], names, _groups(frame, by)[is_read], confidence)
    quoted = [frame[hits[:, place]].assign(group=name) for place, name in enumerate(names)]
    more = {}
    if asked:
        more["outcome"] = _after(frame[is_read], hits[is_read], names, confidence)
    learned, told = _learned(found, n_learned, seed, confidence)
    if len(learned):
        more["learned"] = learned
    more["quotes"] = _quotes([*quoted, *told], max(min_people_verbatim, 10))
    more["languages"] = found.table()
    done = log.label(outcome) if log is not None and outcome is not None else ""
    params = {"by": by or "", "instrument": instrument or "", "outcome": done, "within": str(within or ""),
              "codebook": str(codebook) if isinstance(codebook, str | Path) and str(codebook) else "",
              "n_themes": len(names), "n_learned": n_learned, "seed": seed, "confidence": confidence}  # fmt: skip
    return ThemesResult.build(table, data=responses.info, params=params, more=more, kpis=_kpis(found, table),
                              notes=_notes(found, late, more))  # fmt: skip


def read_codebook(codebook: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """Content of a codebook: as given, from a YAML file, or the one of the package.

    Raises
    ------
    ParameterError
        CJ-AN-098 if the file is missing or not YAML.

    Examples
    --------
    >>> list(read_codebook(""))
    ['fees', 'delay', 'waiting', 'account', 'price', 'packaging', 'support', 'praise']
    """
    if isinstance(codebook, Mapping):
        return codebook
    try:
        if str(codebook):
            text = Path(codebook).read_text(encoding="utf-8")
        else:
            text = files("cjlib").joinpath("data/codebook.yml").read_text(encoding="utf-8")
        content: Mapping[str, Any] = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"The codebook {Path(codebook).name!r} cannot be read as YAML."
        raise ParameterError(message, code="CJ-AN-098") from error
    return content


def _groups(frame: pd.DataFrame, by: str | None) -> pd.Series:
    if by:
        return frame[by].astype(object)
    used = frame["instrument"].unique().tolist()
    return frame["band"].map({band: band_label(band, used) for band in (WORST, MIDDLE, BEST)})


def _prevalence(
    frame: pd.DataFrame, hits: npt.NDArray[np.bool_], names: list[str], groups: pd.Series, confidence: float
) -> pd.DataFrame:
    parts = [(ALL, np.ones(len(frame), dtype=bool))]
    parts += [(str(value), (groups == value).to_numpy()) for value in groups.value_counts().index]
    rows = []
    for place, name in enumerate(names):
        for group, inside in parts:
            n = frame.loc[inside, "unit"].nunique()
            rows.append((name, group, n, frame.loc[inside & hits[:, place], "unit"].nunique()))
    table = pd.DataFrame(rows, columns=["theme", "group", "n", "n_theme"])
    table["n_rest"] = table["n"] - table["n_theme"]
    low, high = wilson(table["n_theme"], table["n"], confidence=confidence)
    return table.assign(estimate=share(table["n_theme"], table["n"]), ci_low=low, ci_high=high)


def _after(frame: pd.DataFrame, hits: npt.NDArray[np.bool_], names: list[str], confidence: float) -> pd.DataFrame:
    """Share with the outcome among those who spoke of a theme and those who did not; one comment a person."""
    happened = frame["happened"].to_numpy(dtype=bool)
    k, n = (hits & happened[:, None]).sum(axis=0), hits.sum(axis=0)
    k_rest, n_rest = happened.sum() - k, len(frame) - n
    low, high = newcombe(k, n, k_rest, n_rest, confidence=confidence)
    with_it, without = share(k, n), share(k_rest, n_rest)
    return pd.DataFrame({
        "theme": names, "n_with": n, "event_with": k, "share_with": with_it, "n_without": n_rest,
        "event_without": k_rest, "share_without": without, "difference": with_it - without,
        "diff_low": low, "diff_high": high,
    })  # fmt: skip


def _learned(found: Comments, n_themes: int, seed: int, confidence: float) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Themes learned in each language with enough comments, and the comments that are mostly about each."""
    rows: list[dict[str, Any]] = []
    told = []
    for name in found.languages if n_themes else []:
        documents = found.rows(name)
        words = terms(found.tokens, documents, name, min_documents=_TERM_PEOPLE)
        try:
            made = learn(words.matrix, n_themes=n_themes, seed=seed)
        except NotEnoughDataError:
            continue
        part = found.frame.iloc[documents]
        everyone = part["unit"].nunique()
        for place, top in enumerate(made.words):
            about = part[made.of == place]
            n = about["unit"].nunique()
            low, high = (float(limit) for limit in wilson(n, everyone, confidence=confidence))
            label = ", ".join(_apart(words.names[top]))
            stable = bool(made.stability[place] >= STABLE)
            rows.append({"theme": label, "language": language_name(name), "n": n, "estimate": n / everyone,
                         "ci_low": low, "ci_high": high, "stability": float(made.stability[place]),
                         "verdict": t("stable") if stable else t("unstable")})  # fmt: skip
            if stable:
                told.append(about.assign(group=label))
    table = pd.DataFrame(rows)
    return (table.sort_values(["language", "n"], ascending=[True, False], kind="stable") if rows else table), told


def _quotes(parts: list[pd.DataFrame], min_people: int) -> pd.DataFrame:
    """Quotations per theme, chosen among so many comments in an order that depends on the texts alone."""
    offered = []
    for part in parts:
        if part["unit"].nunique() >= min_people:
            order = [hashlib.sha256(text.encode()).hexdigest() for text in part["comment"]]
            offered.append(part.iloc[np.argsort(order, kind="stable")].drop_duplicates("unit").head(_OFFERED))
    if not offered:
        return pd.DataFrame({"theme": [], "quote": []})
    said = pd.concat(offered).rename(columns={"unit": "customer"})
    return quotes(said, min_people=min_people).rename(columns={"group": "theme"})


def _apart(names: npt.NDArray[np.object_]) -> list[str]:
    """Up to four terms, none inside another."""
    kept: list[str] = []
    for name in names:
        if not any(set(name.split()) & set(one.split()) for one in kept):
            kept.append(name)
    return kept[:4]


def _kpis(found: Comments, table: pd.DataFrame) -> list[Kpi]:
    everyone = table[table["group"] == ALL]
    top = everyone.sort_values("n_theme", ascending=False, kind="stable").iloc[0]
    return [
        found.kpi(),
        Kpi(measure="top_theme", label=t("Most frequent theme: {theme}", theme=top["theme"]), estimate=top["estimate"],
            ci_low=top["ci_low"], ci_high=top["ci_high"], n=int(top["n"]), form="percent"),
    ]  # fmt: skip


def _notes(found: Comments, late: int, more: Mapping[str, pd.DataFrame]) -> list[Note]:
    notes = found.notes()
    if late:
        notes.append(Note("CJ-AN-097", "info", t(
            "{n} comments are left out because their horizon is not over at the cut-off.", n=late)))  # fmt: skip
    if "learned" not in more:
        notes.append(Note("CJ-AN-099", "info", t(
            "Too few comments in one language to learn themes from; the codebook alone is used.")))  # fmt: skip
    elif (more["learned"]["verdict"] == t("unstable")).any():
        notes.append(Note("CJ-AN-099", "caution", t(
            "Unstable themes do not come back when they are learned again: do not report them.")))  # fmt: skip
    return notes
