"""Comments made ready: language, band of the score that stands beside them, what came after.

For analyses only: a frame here holds a row per comment, and never reaches a result.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core import checks
from cjlib.core.duration import microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note
from cjlib.core.text import LANGUAGES, language, percent, t
from cjlib.journey.answered import answers_with_events
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.stats import instrument as registry
from cjlib.stats.language import EMPTY, MIXED, OTHER, SHORT, detect, readable
from cjlib.stats.proportion import wilson
from cjlib.stats.token import READ, Tokens, read

FEW = 5  # comments; fewer are not worth a note, and too few to be counted in one
WORST, MIDDLE, BEST = "worst", "middle", "best"
LANGUAGE_COLUMNS = Columns(
    (
        Column("language", "string", "Language"),
        Column("n", "Int64", "People", "people", "people who wrote in this language"),
        Column("read", "string", "Read", meaning="whether its words are compared"),
    ),
    caption="Languages of the comments",
)


@dataclass(frozen=True)
class Comments:
    """Comments with their language; rows of `frame` are the documents of `tokens`.

    Columns of `frame`: unit, comment, language, instrument, score, band ("worst", "middle", "best",
    missing without a score), and those asked for.
    """

    frame: pd.DataFrame
    tokens: Tokens

    def rows(self, name: str) -> npt.NDArray[np.int64]:
        """Documents in a language."""
        return np.flatnonzero(self.frame["language"].to_numpy() == name)

    @property
    def languages(self) -> list[str]:
        """Languages that can be read and occur, the most frequent first."""
        counts = self.frame["language"].value_counts()
        return [name for name in counts.index if name in readable()]

    def table(self) -> pd.DataFrame:
        """People per language."""
        people = self.frame.groupby("language")["unit"].nunique().sort_values(ascending=False, kind="stable")
        return pd.DataFrame({
            "language": [language_name(name) for name in people.index], "n": people.to_numpy(),
            "read": [t("yes") if name in readable() else t("no") for name in people.index],
        })  # fmt: skip

    def notes(self) -> list[Note]:
        """What a reader must know about what was not read."""
        kinds = self.frame["language"]
        foreign = kinds[~kinds.isin([*readable(), EMPTY, SHORT, MIXED])]
        found = []
        if len(foreign) >= FEW:
            names = ", ".join(sorted({language_name(name) for name in foreign}))
            found.append(Note("CJ-AN-090", "caution", t(
                "{n} of {all} comments are in a language whose words are not read here ({names}); they are left out.",
                n=len(foreign), all=len(kinds), names=names)))  # fmt: skip
        unclear = int(kinds.isin([SHORT, MIXED]).sum())
        if unclear >= FEW:
            found.append(Note("CJ-AN-091", "info", t(
                "{n} of {all} comments are too short to tell their language, or mix two; they are left out.",
                n=unclear, all=len(kinds))))  # fmt: skip
        if self.tokens.n_cut:
            found.append(Note("CJ-AN-092", "info", t(
                "Of comments longer than {limit} characters only the beginning was read.", limit=READ)))  # fmt: skip
        if self.tokens.n_emoji:
            found.append(Note("CJ-AN-092", "info", t("Pictograms were dropped before the words were read.")))
        return found

    def kpi(self) -> Kpi:
        """Share of the comments whose words are read."""
        n, n_read = len(self.frame), int(self.frame["language"].isin(readable()).sum())
        low, high = (float(limit) for limit in wilson(n_read, n))
        return Kpi(measure="read", label=t("Comments read"), estimate=n_read / n, ci_low=low, ci_high=high, n=n,
                   form="percent", definition=t("comments in a language whose words are compared"))  # fmt: skip


def language_name(name: str) -> str:
    """A language in the language of the page.

    Examples
    --------
    >>> language_name("pt"), language_name("(short)")
    ('Portuguese', 'too short to tell')
    """
    words = {SHORT: t("too short to tell"), MIXED: t("French and English mixed"), OTHER: t("not recognised"),
             EMPTY: t("no words")}  # fmt: skip
    if name in words:
        return words[name]
    from babel import Locale

    return str(Locale.parse(name).get_language_name(language().split("_")[0]))


def band_label(band: str, instruments: Sequence[str]) -> str:
    """Band as it is printed; the NPS names where NPS is the only instrument."""
    if list(instruments) == ["nps"]:
        return {WORST: t("detractors (0-6)"), MIDDLE: t("passives (7-8)"), BEST: t("promoters (9-10)")}[band]
    return {WORST: t("worst answers"), MIDDLE: t("middle answers"), BEST: t("best answers")}[band]


def bands(frame: pd.DataFrame, responses: SurveyResponses) -> pd.Series:
    """Band of each answer on its own instrument: the box of best answers, its mirror image, the rest."""
    band = pd.Series(index=frame.index, dtype=object)
    for name, part in frame.groupby("instrument"):
        kind = registry.instrument(str(name))
        if kind.statistic == "net":
            cuts: tuple[float, float] = (6, 9)
        else:
            if name in responses.scales:
                kind = kind.on_scale(responses.scales[str(name)])
            low, high = kind.scale
            best = min(kind.good_scores) if kind.good_scores else (low + high) / 2 + 0.5
            cuts = (low + high - best, best)
        score = part["score"]
        band[part.index] = np.select([score <= cuts[0], score >= cuts[1], score.notna()], [WORST, BEST, MIDDLE], "")
    return band.where(frame["score"].notna() & (band != ""))


def comments(responses: SurveyResponses, *, instrument: str | None = None, columns: Sequence[str] = ()) -> Comments:
    """Every comment with its language and its band.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-093: no answer has a comment.
    """
    frame = responses.frame(["instrument", "score", "answered_at", "comment", *columns])
    if instrument is not None:
        checks.one_of("instrument", instrument, responses.instruments)
        frame = frame[frame["instrument"] == instrument]
    return _read(frame, responses)


def comments_with_outcome(
    responses: SurveyResponses,
    *,
    log: EventLog | None,
    outcome: str | Sequence[str] | None,
    within: str | timedelta | None,
    instrument: str | None = None,
) -> tuple[Comments, int]:
    """Each person's first comment whose horizon is over, `happened` beside it; and how many came too late.

    Raises
    ------
    ParameterError
        CJ-AN-094: log, outcome or within is missing.
    """
    if log is None or outcome is None or within is None:
        raise ParameterError("An outcome needs all three: log, outcome and within.", code="CJ-AN-094")
    horizon = microseconds("within", within)
    wanted = [outcome] if isinstance(outcome, str) else list(outcome)
    if instrument is not None:
        checks.one_of("instrument", instrument, responses.instruments)
    frame = answers_with_events(responses, log, outcomes=wanted, columns=["comment"])
    said = frame["comment"].fillna("").str.strip() != ""
    frame = frame[said & ((frame["instrument"] == instrument) if instrument else True)]
    mature = frame["answered_at"] + horizon <= log.as_of_us
    late = int((~mature).sum())
    frame = frame[mature].sort_values(["unit", "answered_at", "response"]).drop_duplicates("unit")
    if frame.empty:
        raise NotEnoughDataError(
            t("No comment is old enough to know what happened within {within}.", within=str(within)), code="CJ-AN-093"
        )
    after = frame["outcome_at"] - frame["answered_at"]
    return _read(frame.assign(happened=(after <= horizon) & after.notna()), responses), late


def _read(frame: pd.DataFrame, responses: SurveyResponses) -> Comments:
    said = frame[frame["comment"].fillna("").str.strip() != ""].reset_index(drop=True)
    if said.empty:
        raise NotEnoughDataError(t("No answer has a comment, so there are no words to read."), code="CJ-AN-093")
    tokens, languages = _words(tuple(said["comment"]))
    return Comments(said.assign(language=languages, band=bands(said, responses)), tokens)


@functools.lru_cache(maxsize=2)
def _words(texts: tuple[str, ...]) -> tuple[Tokens, npt.NDArray[np.object_]]:
    """Words and languages of the comments; a page asks several questions of the same ones."""
    tokens = read(texts)
    return tokens, detect(tokens)


def localized_label(label: dict[str, str]) -> str:
    """Label of a codebook theme in the language of the page."""
    short = language().split("_")[0]
    return label.get(short) or next((label[name] for name in LANGUAGES if name in label), next(iter(label.values())))


def too_few(found: Comments, n: int) -> NotEnoughDataError:
    """Why words cannot be compared."""
    return NotEnoughDataError(
        t("Words cannot be compared: each side needs {n} people who wrote in one language; {share} of the comments "
          "are in a language that is read.", n=n, share=percent(found.kpi().estimate)), code="CJ-AN-095",
    )  # fmt: skip
