"""The say/do ledger: declared contradictions between what people said and what they did, against chance.

A contradiction that some people show proves nothing: with many promoters and many who leave, some
promoters leave. Each count is therefore held against what the same answers give when they are shuffled
among the people, and the p-values are adjusted for the number of contradictions looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import ValidationError

from cjlib.analyses.said import chosen_instrument
from cjlib.analyses.words import span
from cjlib.core.errors import ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import DataInfo, Kpi, Note, Result
from cjlib.core.text import UNKNOWN, language, number, percent, t, tn
from cjlib.journey.around import Deeds, deeds, pseudonyms
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.privacy.protected import write_rows
from cjlib.sources.ledger import LedgerTypeSpec
from cjlib.stats.chance import by_chance
from cjlib.stats.instrument import Instrument
from cjlib.stats.multiplicity import benjamini_hochberg, holm
from cjlib.stats.proportion import wilson

LEVEL = 0.05
MORE, LESS, UNCLEAR, UNTESTED = "more", "less", "unclear", "untested"
_ALL_COUNTS = ("n_compared", "n_at_risk", "n", "n_not", "n_rest", "n_other", "n_neither")
_TYPE = Column("type", "string", "Contradiction")
_PEOPLE = (
    Column("n_compared", "Int64", "Compared", "people", "people whose answer and time since are known"),
    Column("n_at_risk", "Int64", "Could show it", "people",
           "gave that answer; where the deed came first: had lived through it"),
    Column("n", "Int64", "Showed it", "people"),
    # The rest of the two-by-two table: not printed, but no small cell of it may follow from what is.
    Column("n_not", "Int64", "", "people"),
    Column("n_rest", "Int64", "", "people"),
    Column("n_other", "Int64", "", "people"),
    Column("n_neither", "Int64", "", "people"),
)  # fmt: skip
_SUMS = (("n_compared", ("n_at_risk", "n_rest")), ("n_at_risk", ("n", "n_not")), ("n_rest", ("n_other", "n_neither")))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LedgerResult(Result):
    """Contradictions counted, with their share and what chance would give."""

    kind: ClassVar[str] = "say_do_ledger"
    columns: ClassVar[Columns] = Columns(
        (
            _TYPE, *_PEOPLE,
            Column("n_open", "Int64", "Too early to tell", "people", "window not over at the cut-off: not compared"),
            Column("share", "float64", "Share", "proportion", "of those who could show it", _ALL_COUNTS[:4]),
            Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", _ALL_COUNTS[:4]),
            Column("ci_high", "float64", "", "proportion", "", _ALL_COUNTS[:4]),
            Column("expected", "float64", "Expected by chance", "proportion", "mean of the shuffled answers",
                   _ALL_COUNTS),
            Column("expected_low", "float64", "95 % of the shuffles", "proportion", "", _ALL_COUNTS),
            Column("expected_high", "float64", "", "proportion", "", _ALL_COUNTS),
        ),
        sums=_SUMS,
        caption="Words and deeds that do not go together",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "test": Columns(
            (
                _TYPE, *(replace(column, label="", meaning="") for column in _PEOPLE),
                # Told even where a small cell hides how much: it gives nobody away.
                Column("verdict", "string", "Against chance", "text", "Holm-adjusted p at most 0.05", _ALL_COUNTS[:4]),
                Column("difference", "float64", "Beyond chance", "points", "percentage points", _ALL_COUNTS),
                Column("difference_low", "float64", "95 % CI", "points", "from the shuffles", _ALL_COUNTS),
                Column("difference_high", "float64", "", "points", "", _ALL_COUNTS),
                Column("p", "float64", "p", "p", "two-sided, from the shuffles", _ALL_COUNTS),
                Column("p_holm", "float64", "p (Holm)", "p", "chance of any false alarm in this list", _ALL_COUNTS),
                Column("p_bh", "float64", "p (BH)", "p", "expected share of false alarms", _ALL_COUNTS),
            ),
            sums=_SUMS,
            caption="More or less often than chance?",
        ),
        "meaning": Columns(
            (
                _TYPE, Column("said", "string", "Said"), Column("before", "string", "Had happened before"),
                Column("after", "string", "Followed by"), Column("absent", "string", "Not followed by"),
                Column("within", "string", "Within"),
            ),
            caption="What counts as a contradiction",
        ),
    }  # fmt: skip

    def question(self) -> str:
        return t("Where do words and deeds disagree, and more often than chance?")

    def answer(self) -> str:
        tested = self.params["n_comparisons"]
        if not tested:
            return t("None of the contradictions could be tested against chance.")
        more, less = self._sentences(MORE), self._sentences(LESS)
        if not more and not less:
            return tn("{n} contradiction was tested; it occurs neither more nor less often than chance would give.",
                      "None of the {n} contradictions tested occurs more or less often than chance would give.",
                      n=tested)  # fmt: skip
        said = [t("More often than chance: {parts}.", parts=more)] if more else []
        said += (
            [t("Less often than chance, so there words and deeds go together: {parts}.", parts=less)] if less else []
        )
        unclear = self._more["test"]["verdict"] == UNCLEAR
        names = t("; ").join(self._more["test"].loc[unclear, "type"])
        said += [t("No clear difference from chance: {names}.", names=names)] if names else []
        return " ".join(said)

    def alt(self) -> str:
        known = self._sentences("")
        seen = t("Share of people who show each contradiction: {parts}.", parts=known) if known else ""
        return f"{seen} {self.answer()}".strip()

    def _sentences(self, verdict: str) -> str:
        """Share beside chance, of the types with this verdict ("" for all that are not hidden)."""
        chosen = self._table["share"].notna().to_numpy()
        if verdict:
            chosen &= (self._more["test"]["verdict"] == verdict).to_numpy(dtype=bool, na_value=False)
        parts = []
        for row in self._table[chosen].to_dict("records"):
            share = percent(row["share"])
            if not math.isnan(row["expected"]):
                share = t("{share}; by chance {expected}", share=share, expected=percent(row["expected"]))
            parts.append(t("{name}: {n} of {all} people ({share})", name=row["type"], n=int(row["n"]),
                           all=int(row["n_at_risk"]), share=share))  # fmt: skip
        return t("; ").join(parts)

    def shown(self) -> list[Any]:
        words = {MORE: t("more often"), LESS: t("less often"), UNCLEAR: t("no clear difference"),
                 UNTESTED: t("not tested")}  # fmt: skip
        main, (caption, frame, hidden, columns), *others = super().shown()
        return [main, (caption, frame.assign(verdict=frame["verdict"].map(words)), hidden, columns), *others]

    def definition(self) -> str:
        return t(
            "Each person counts once per contradiction; only events strictly before or strictly after the answer "
            "count, and only people whose window is over at the cut-off. By chance: the answers of the same "
            "question are shuffled among the people, {n} times.",
            n=self.params["permutations"],
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.ledger import draw

        return draw(self._table, ax=ax)


def say_do_ledger(
    responses: SurveyResponses,
    log: EventLog,
    *,
    types: Sequence[LedgerTypeSpec | Mapping[str, Any]],
    seed: int = 0,
    permutations: int = 2000,
    list_to: Path | None = None,
) -> LedgerResult:
    """Count declared contradictions between answers and deeds, and compare them with chance.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    types : contradictions, as in `ledger` of a study: name, said ("best", "worst" or a list), and at
        least one of before, after, absent (lists of events); within (a duration with a unit) where the
        deed follows; optional instrument, attribute, stage, end
    seed : of the shuffles
    permutations : number of shuffles
    list_to : protected file for those behind each contradiction, as `write_protected`; nothing if left out

    Returns
    -------
    LedgerResult
        One row per contradiction; `.more("test")` with p-values; `.more("meaning")` in words. Persons are
        in none of them.

    Raises
    ------
    ParameterError
        A type that breaks its contract, unknown events, or several instruments and none chosen.
    NotEnoughDataError
        No events, or no answer with a date.

    Notes
    -----
    Share with Wilson's interval among those who could show the contradiction. Expectation and p-value
    from the permutation distribution within questions (stages); Holm (1979), Benjamini and Hochberg (1995).

    Examples
    --------
    >>> from cjlib.datasets.example import example_log, example_responses
    >>> left = {"name": "promoter who leaves", "said": "best", "absent": ["purchase"], "within": "20 days"}
    >>> say_do_ledger(example_responses(), example_log(), types=[left]).table[["n_at_risk", "n"]].values.tolist()
    [[2, 2]]
    """
    specs = _specs(types)
    if not responses.n_invitations:
        chosen_instrument(responses, None)
    rows, tests, notes = [], [], []
    for name, spec in specs.items():
        part, _ = _deeds(responses, log, spec)
        row, test = _row(name, part, spec, permutations=permutations, seed=seed)
        rows.append(row)
        tests.append(test)
        notes += _left_out(name, part, test, responses.info)
    if list_to is not None:
        write_protected(responses, log, list_to, types=types)
    tested = pd.DataFrame(tests)
    tested["p_holm"], tested["p_bh"] = holm(tested["p"]), benjamini_hochberg(tested["p"])
    tested["verdict"] = [_verdict(row["p_holm"], row["difference"]) for row in tested.to_dict("records")]
    n_tested = int(tested["p"].notna().sum())
    beyond = int((tested["verdict"] == MORE).sum())
    notes += _dates(responses)
    notes.append(Note("CJ-AN-110", "info", t(
        "{n} comparisons were made; the adjusted p-values account for that. A contradiction is an association: it "
        "does not say why.", n=n_tested)))  # fmt: skip
    kpis = [Kpi(measure="n_beyond_chance", label=t("Contradictions more frequent than chance"), estimate=beyond,
                definition=t("of {n} tested, Holm-adjusted p at most {level}", n=n_tested,
                             level=number(LEVEL, 2)))]  # fmt: skip
    meaning = pd.DataFrame([_meaning(name, spec, responses, log) for name, spec in specs.items()])
    params = {"permutations": permutations, "seed": seed, "n_comparisons": n_tested}
    found = LedgerResult.build(pd.DataFrame(rows), data=responses.info, params=params, kpis=kpis, notes=notes,
                               more={"test": tested, "meaning": meaning})  # fmt: skip
    return replace(found, kpis=(*found.kpis, *_headlines(found)))


def _headlines(found: LedgerResult) -> list[Kpi]:
    """Share of each contradiction that differs from chance, as far as the table shows it."""
    verdict = found.more("test")["verdict"]
    beyond = found.table[verdict.isin([MORE, LESS]).to_numpy(dtype=bool) & found.table["expected"].notna().to_numpy()]
    return [
        Kpi(measure=f"share_{place}", label=row["type"], estimate=row["share"], ci_low=row["ci_low"],
            ci_high=row["ci_high"], n=int(row["n_at_risk"]), form="percent",
            definition=t("by chance {expected}", expected=percent(row["expected"])))
        for place, row in enumerate(beyond.to_dict("records"), start=1)
    ]  # fmt: skip


def write_protected(
    responses: SurveyResponses,
    log: EventLog,
    path: str | Path,
    *,
    types: Sequence[LedgerTypeSpec | Mapping[str, Any]],
) -> Path:
    """Write the pseudonyms of those behind each contradiction to a file for its owner only.

    Parameters
    ----------
    responses, log, types : as in `say_do_ledger`
    path : file name ending in "-protected.csv" (git ignores such files)

    Returns
    -------
    Path
        A CSV file with the columns type and pseudonym, mode 0600; nothing of it enters a result.
    """
    rows: list[tuple[str, str]] = []
    for name, spec in _specs(types).items():
        people = _deeds(responses, log, spec)[0].rows
        shown = people.loc[people["said"] & people["done"], "unit"]
        rows += [(name, one) for one in pseudonyms(log, shown.tolist())]
    return write_rows(Path(path), ["type", "pseudonym"], rows)


def _specs(types: Sequence[LedgerTypeSpec | Mapping[str, Any]]) -> dict[str, LedgerTypeSpec]:
    """Checked types by their name in the active language."""
    found: dict[str, LedgerTypeSpec] = {}
    for place, given in enumerate(types):
        try:
            spec = given if isinstance(given, LedgerTypeSpec) else LedgerTypeSpec.model_validate(dict(given))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            reason = first["msg"].removeprefix("Value error, ")
            raise ParameterError(f"types[{place}] {where}: {reason}.".replace(" :", ":"), code="CJ-AN-118") from error
        name = spec.name if isinstance(spec.name, str) else (
            spec.name.get(language().split("_", maxsplit=1)[0]) or next(iter(spec.name.values())))  # fmt: skip
        if name in found:
            raise ParameterError(f"types[{place}]: the name {name!r} is there twice.", code="CJ-AN-118")
        found[name] = spec
    if not found:
        raise ParameterError("types is empty; declare at least one contradiction.", code="CJ-AN-118")
    return found


def _deeds(responses: SurveyResponses, log: EventLog, spec: LedgerTypeSpec) -> tuple[Deeds, Sequence[float]]:
    if spec.attribute:
        return deeds(responses, log, spec, instrument=spec.instrument or "", said=()), ()
    kind = chosen_instrument(responses, spec.instrument)
    said = scores_said(spec, kind)
    return deeds(responses, log, spec, instrument=kind.name, said=said), said


def scores_said(spec: LedgerTypeSpec, kind: Instrument) -> tuple[float, ...]:
    """Scores that a type counts; best and worst as the instrument defines them (NPS: 9-10, 0-6)."""
    if not isinstance(spec.said, str):
        return tuple(float(one) for one in spec.said)
    if kind.statistic == "net":
        return (9.0, 10.0) if spec.said == "best" else tuple(map(float, range(7)))
    if not kind.good_scores:
        raise ParameterError(
            f"said={spec.said!r} is not defined on {kind.name!r}; list the scores that count.", code="CJ-AN-118"
        )
    if spec.said == "best":
        return kind.good_scores
    return tuple(sorted(kind.scale[0] + kind.scale[1] - score for score in kind.good_scores))


def _row(
    name: str, part: Deeds, spec: LedgerTypeSpec, *, permutations: int, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    said, done = part.rows["said"].to_numpy(bool), part.rows["done"].to_numpy(bool)
    # The half that the study fixes is what people "could" contradict: their words, or what they had lived.
    fixed = said if spec.looks_ahead else done
    other = done if spec.looks_ahead else said
    counts: dict[str, Any] = {
        "type": name, "n_compared": len(said), "n_at_risk": int(fixed.sum()), "n": int((said & done).sum()),
        "n_not": int((fixed & ~other).sum()), "n_rest": int((~fixed).sum()), "n_other": int((~fixed & other).sum()),
        "n_neither": int((~fixed & ~other).sum()),
    }  # fmt: skip
    # Each type has shuffles of its own, whatever else is declared beside it.
    chance = by_chance(said, done, part.rows["stage"], permutations=permutations,
                       seed=int(np.random.SeedSequence([seed, *name.encode()]).generate_state(1)[0]))  # fmt: skip
    base = counts["n_at_risk"] or math.nan
    low, high = wilson(counts["n"], counts["n_at_risk"])
    row = counts | {
        "n_open": part.n_open, "share": counts["n"] / base, "ci_low": float(low), "ci_high": float(high),
        "expected": chance.expected / base, "expected_low": chance.low / base, "expected_high": chance.high / base,
    }  # fmt: skip
    test = counts | {
        "difference": 100 * (chance.observed - chance.expected) / base,
        "difference_low": 100 * (chance.observed - chance.high) / base,
        "difference_high": 100 * (chance.observed - chance.low) / base,
        "p": chance.p,
    }  # fmt: skip
    return row, test


def _verdict(p: float, difference: float) -> str:
    if math.isnan(p):
        return UNTESTED
    return UNCLEAR if p > LEVEL else MORE if difference > 0 else LESS


def _meaning(name: str, spec: LedgerTypeSpec, responses: SurveyResponses, log: EventLog) -> dict[str, str]:
    if spec.attribute:
        said = f"{spec.attribute}: {', '.join(spec.said)}"
    else:
        kind = chosen_instrument(responses, spec.instrument)
        said = f"{kind.name.upper()} {', '.join(f'{score:g}' for score in scores_said(spec, kind))}"
    if spec.stage is not None:
        said += f" · {spec.stage}"
    events = {key: log.label(getattr(spec, key)) or UNKNOWN for key in ("before", "after", "absent")}
    return {"type": name, "said": said, **events, "within": span(spec.within) if spec.within else UNKNOWN}


def _left_out(name: str, part: Deeds, test: Mapping[str, Any], info: DataInfo) -> list[Note]:
    """A sentence for everything that was set aside, and for a test that could not be made."""
    notes = []
    if part.n_late:
        notes.append(Note("CJ-AN-111", "caution", t(
            "{name}: {n} answers were given after the customer had left, and are refused.",
            name=name, n=info.people(part.n_late))))  # fmt: skip
    if part.n_unknown:
        notes.append(Note("CJ-AN-112", "caution", t(
            "{name}: {n} answers come from customers without any event; what they did is unknown.",
            name=name, n=info.people(part.n_unknown))))  # fmt: skip
    if part.n_first:
        notes.append(Note("CJ-AN-113", "info", t(
            "{name}: {n} answers came before the first event of their customer; nothing had happened before them.",
            name=name, n=info.people(part.n_first))))  # fmt: skip
    if test["n_compared"] == 0:
        notes.append(Note("CJ-AN-115", "limit", t(
            "{name}: nobody can be compared, because no window is over or nobody answered.", name=name)))  # fmt: skip
    elif math.isnan(test["p"]):
        notes.append(Note("CJ-AN-116", "caution", t(
            "{name}: chance cannot be judged, because all people compared said the same or did the same.",
            name=name)))  # fmt: skip
    return notes


def _dates(responses: SurveyResponses) -> list[Note]:
    """Answers and invitations that cannot be placed in time, counted."""
    frame = responses.frame(["asked_at", "answered_at", "score"])
    lost = int((frame["score"].notna() & frame["answered_at"].isna()).sum())
    undated = int((frame["asked_at"].isna() & frame["answered_at"].isna()).sum())
    info = responses.info
    told = {t("{n} answers have no date and are left out.", n=info.people(lost)): lost,
            t("{n} invitations have no date.", n=info.people(undated)): undated}  # fmt: skip
    return [Note("CJ-AN-114", "caution", text) for text, n in told.items() if n]
