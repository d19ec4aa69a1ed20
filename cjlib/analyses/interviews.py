"""Who to interview next: those whose story the numbers do not tell, in proportion, drawn by lot.

The result holds counts only. The list of persons is written to one protected file, and only on request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.said import answers_of
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import t
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.privacy.protected import write_rows

NEVER, PRAISED, BLAMED = "did not do it", "praised, then did not", "criticised, yet did"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class InterviewsResult(Result):
    """People per stratum and how many of them to interview."""

    kind: ClassVar[str] = "who_to_interview"
    columns: ClassVar[Columns] = Columns(
        (
            Column("stratum", "string", "Who"),
            Column("group", "string", "Group", meaning="value of the grouping attribute"),
            Column("n", "Int64", "People", "people", "people in the stratum at the cut-off"),
            Column("quota", "float64", "To interview", "number", "drawn by lot", ("n",)),
        ),
        over="group",
        caption="Who to interview",
    )  # fmt: skip

    def question(self) -> str:
        return t("Who should be interviewed next about {outcome}?", outcome=self.params["outcome"])

    def answer(self) -> str:
        rows = self._table[(self._table["group"] == ALL) & self._table["n"].notna()]
        if rows.empty:
            return t("Too few people in every stratum to draw from.")
        parts = [t("{who}: {n}", who=t(row["stratum"]), n=int(row["n"])) for row in rows.to_dict("records")]
        return t("People to choose from: {parts}.", parts=t("; ").join(parts))

    def definition(self) -> str:
        return t(
            "Up to the cut-off. {outcome} looked for at any time (did not do it), or after the last answer "
            "(praised, criticised); who answered late has had little time yet. "
            "Of each stratum and group the same number is drawn by lot.",
            outcome=self.params["outcome"],
        )  # fmt: skip

    def shown(self) -> list[Any]:
        caption, frame, hidden, columns = super().shown()[0]
        return [(caption, frame.assign(stratum=[t(who) for who in frame["stratum"]]), hidden, columns)]


def who_to_interview(
    log: EventLog,
    responses: SurveyResponses,
    *,
    outcome: str | Sequence[str],
    instrument: str | None = None,
    by: str | None = None,
    each: int = 5,
    seed: int = 1,
    list_to: Path | None = None,
) -> InterviewsResult:
    """Count the people worth an interview per stratum, and draw a list by lot.

    Parameters
    ----------
    log : EventLog
    responses : SurveyResponses
    outcome : event(s) that one hoped for
    instrument : scores that praise or criticise; without it only the non-converters are told
    by : customer attribute, for quotas per persona
    each : interviews per stratum and group
    seed : same seed, same list
    list_to : protected file ("...-protected.csv", mode 0600) for the pseudonyms; nothing if left out

    Returns
    -------
    InterviewsResult
        Counts only.

    Raises
    ------
    ParameterError
        CJ-AN-130: `each` is below 1, or `by` is no attribute of the customers.
    NotEnoughDataError
        CJ-AN-131: nobody belongs to any stratum.

    Notes
    -----
    Best answers praise (NPS 9-10), answers of 0-6 (NPS) or below the middle of the scale criticise.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log, example_responses
    >>> who_to_interview(example_log(), example_responses(), outcome="purchase", instrument="nps")
    <InterviewsResult: People to choose from: did not do it: 4; praised, then did not: 2.>
    """
    known = tuple(log.store.meta["customer_attributes"])
    if each < 1 or (by and by not in known):
        raise ParameterError(
            f"each={each} must be at least 1 and by={by!r} a customer attribute: {', '.join(known) or 'none'}.",
            code="CJ-AN-130",
        )
    wanted = [outcome] if isinstance(outcome, str) else list(outcome)
    log.codes("outcome", wanted)
    events = log.table
    done = log.engine.fetch(events.group_by("unit").agg(last=events.at.max(where=events.event.isin(wanted))))
    last = done.set_index("unit")["last"].astype("float64")
    strata = {NEVER: last.index[last.isna()]}
    if instrument:
        strata |= _contradictory(responses, instrument, last)
    rows, drawn = _draw(_people(log, by), strata, each, np.random.default_rng(seed))
    if not rows:
        raise NotEnoughDataError(t("Nobody belongs to a group worth an interview."), code="CJ-AN-131")
    notes = [Note("CJ-AN-132", "info", t(
        "Interview people who agreed to be contacted; the list is drawn by lot, so its answers illustrate and do "
        "not estimate."))]  # fmt: skip
    if list_to is not None:
        write_rows(list_to, ["stratum", "group", "pseudonym"], drawn)
    table = pd.DataFrame(rows)
    params = {"outcome": log.label(wanted), "instrument": instrument or "", "by": by or "", "each": each, "seed": seed}
    kpis = [Kpi(measure=row["stratum"], label=t(row["stratum"]), estimate=row["n"], n=row["n"])
            for row in rows if row["group"] == ALL]  # fmt: skip
    return InterviewsResult.build(table, data=log.info, params=params, notes=notes, kpis=kpis)


def _people(log: EventLog, by: str | None) -> pd.DataFrame:
    """Pseudonym and group of every unit."""
    columns = ["unit", "pseudonym", *([by] if by else [])]
    frame = log.engine.fetch(log.engine.table(log.store, "customers").select(*columns)).set_index("unit").sort_index()
    frame["group"] = frame[by].astype(object).where(frame[by].notna(), "(unknown)").astype(str) if by else ALL
    return frame


def _draw(
    people: pd.DataFrame, strata: Mapping[str, pd.Index], each: int, generator: np.random.Generator
) -> tuple[list[dict[str, Any]], list[tuple[str, str, str]]]:
    """Counts with quotas, and the persons drawn as (stratum, group, pseudonym)."""
    rows: list[dict[str, Any]] = []
    drawn: list[tuple[str, str, str]] = []
    for stratum, units in strata.items():
        chosen = people.loc[sorted(units)]
        parts: list[dict[str, Any]] = []
        for name, part in chosen.groupby("group", sort=True):
            pick = part["pseudonym"].to_numpy()[generator.permutation(len(part))[:each]]
            drawn += [(stratum, str(name), str(who)) for who in pick]
            parts.append({"stratum": stratum, "group": str(name), "n": len(part), "quota": len(pick)})
        if parts and parts[0]["group"] != ALL:
            quota = sum(part["quota"] for part in parts)
            rows.append({"stratum": stratum, "group": ALL, "n": len(chosen), "quota": quota})
        rows += parts
    return rows, drawn


def _contradictory(responses: SurveyResponses, instrument: str, last: pd.Series) -> dict[str, pd.Index]:
    """Units whose last answer and later deeds disagree."""
    frame, kind = answers_of(responses, instrument)
    frame = frame.drop_duplicates("unit", keep="last").set_index("unit")
    score = frame["score"]
    middle = sum(kind.scale) / 2
    if kind.statistic == "net":
        praised, blamed = score >= 9, score <= 6
    else:
        praised = score.isin(kind.good_scores) if kind.good_scores else score > middle
        blamed = score < middle
    after = last.reindex(frame.index) > frame["answered_at"]
    return {PRAISED: frame.index[praised & ~after], BLAMED: frame.index[blamed & after]}
