"""The door between answers and events: before is strictly before the answer, after is strictly after it.

One row per dated answer with the instants that a question about words and deeds needs, and one row per
person for a declared contradiction. Relational and portable: conditional minima and maxima over the
answers joined to the events of the same customers. For `stats` only: these are rows of persons.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.sources.ledger import LedgerTypeSpec

if TYPE_CHECKING:
    import ibis.expr.types as ir

INSTANTS = ("answered_at", "first_at", "before_at", "after_at", "absent_at", "end_at")


def around_answers(
    responses: SurveyResponses,
    log: EventLog,
    *,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    absent: Sequence[str] = (),
    end: Sequence[str] = (),
    columns: Sequence[str] = (),
    instrument: str | None = None,
) -> pd.DataFrame:
    """One row per dated answer, with what came before it and what came after it.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    before : events of which the last one strictly before the answer is told
    after, absent : events of which the first one strictly after the answer is told
    end : events of which the first one ever is told: an answer after it came too late
    columns : further columns of the answers or the customers
    instrument : only its answers that have a score

    Returns
    -------
    DataFrame
        response, unit, instrument, stage, score, columns..., then instants in UTC microseconds (float,
        NaN = none): answered_at, first_at (first event of the customer), before_at, after_at, absent_at,
        end_at. Ordered by response.

    Raises
    ------
    NotEnoughDataError
        The study has no events, no answers, or no answer with a date.
    ParameterError
        Unknown event or column.
    """
    groups = {"before": before, "after": after, "absent": absent, "end": end}
    log.codes("events", log.event_names[:1])  # refuses a study without events, whatever is asked
    for name, names in groups.items():
        if names:
            log.codes(name, list(dict.fromkeys(names)))
    chosen = responses.answers(instrument) if instrument else _dated
    names = list(dict.fromkeys(["instrument", "stage", "score", "answered_at", *columns]))
    frame = responses.frame(names, only=chosen)
    if frame.empty:
        raise NotEnoughDataError(t("No answer has both a score and a date, so it cannot be placed in time."),
                                 code="CJ-JN-008")  # fmt: skip
    answers = chosen(responses.table).select("response", "unit", "answered_at")
    wanted = sorted({one for names in groups.values() for one in names})
    events = log.table.filter(log.table.event.isin(wanted or [""])).select("unit", "at", "event")
    both = answers.inner_join(events, "unit")
    is_a = {name: both.event.isin(list(names) or [""]) for name, names in groups.items()}
    earlier, later = both.at < both.answered_at, both.at > both.answered_at
    found = log.engine.fetch(
        both.group_by("response").agg(
            before_at=both.at.max(where=is_a["before"] & earlier),
            after_at=both.at.min(where=is_a["after"] & later),
            absent_at=both.at.min(where=is_a["absent"] & later),
            end_at=both.at.min(where=is_a["end"]),
        )
    )
    customers = log.engine.table(log.store, "customers").select("unit", "first_at")
    people = log.engine.fetch(customers.semi_join(answers, "unit"))
    rows = frame.merge(found, on="response", how="left").merge(people, on="unit", how="left")
    return rows.astype(dict.fromkeys(INSTANTS, "float64")).reset_index(drop=True)


def _dated(table: ir.Table) -> ir.Table:
    return table.filter(table.answered_at.notnull())


@dataclass(frozen=True, eq=False)
class Deeds:
    """Whose answers are compared, one row per person: unit, stage, said, done; and who was left out.

    Attributes
    ----------
    rows : DataFrame
        unit, stage (text, "" if unknown), said (bool: gave the answer that counts), done (bool).
    n_open : int
        People whose window is not over at the cut-off.
    n_late : int
        Answers after an event of `end`: refused.
    n_unknown : int
        Answers of customers without any event: what they did is unknown.
    n_first : int
        Answers before the customer's first event; nothing had happened before them.
    """

    rows: pd.DataFrame
    n_open: int
    n_late: int
    n_unknown: int
    n_first: int


def deeds(
    responses: SurveyResponses, log: EventLog, spec: LedgerTypeSpec, *, instrument: str, said: Collection[float]
) -> Deeds:
    """Hold the answers of one instrument (or attribute) against the deed of a declared contradiction.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    spec : what is looked for
    instrument : whose scores; "" for all answers, where an attribute is looked at
    said : scores that count (unused with an attribute)

    Returns
    -------
    Deeds
        A person with several answers counts once: with the first answer that the deed goes with, or else
        with the first one. Dates and events choose it, never what was said, so that scores stay
        exchangeable under chance.

    Notes
    -----
    Followed up means until `within` after the answer, and twice that where the absence is counted from
    an event in `after`; the deed of a person never decides whether that person is followed up.
    """
    names = [spec.attribute] if spec.attribute else []
    rows = around_answers(responses, log, before=spec.before, after=spec.after, absent=spec.absent, end=spec.end,
                          columns=names, instrument=None if spec.attribute else instrument or None)  # fmt: skip
    rows = rows[rows[spec.attribute or "score"].notna()]
    if instrument:
        rows = rows[rows["instrument"] == instrument]
    if spec.stage is not None:
        rows = rows[rows["stage"] == spec.stage]
    seen = rows["first_at"].notna()
    late = seen & (rows["end_at"] <= rows["answered_at"])
    first = seen & ~late & (rows["first_at"] >= rows["answered_at"])
    kept = rows[seen & ~late]
    if spec.looks_ahead and spec.before:
        kept = kept[kept["before_at"].notna()]
    ready = log.as_of_us - kept["answered_at"] >= _follow_up(spec)
    chosen = kept.assign(said=_said(kept, spec, said), done=_done(kept, spec), stage=kept["stage"].fillna(""))[ready]
    chosen = chosen.sort_values(["unit", "done", "answered_at", "response"], ascending=[True, False, True, True])
    chosen = chosen.drop_duplicates("unit")
    waiting = set(kept.loc[~ready, "unit"]) - set(chosen["unit"])
    return Deeds(
        chosen[["unit", "stage", "said", "done"]].reset_index(drop=True),
        n_open=len(waiting), n_late=int(late.sum()), n_unknown=int((~seen).sum()), n_first=int(first.sum()),
    )  # fmt: skip


def _follow_up(spec: LedgerTypeSpec) -> int:
    if not spec.looks_ahead:
        return 0
    return (spec.within_us or 0) * (2 if spec.after and spec.absent else 1)


def _said(rows: pd.DataFrame, spec: LedgerTypeSpec, scores: Collection[float]) -> pd.Series:
    if spec.attribute:
        return rows[spec.attribute].astype(str).isin(spec.said)
    return rows["score"].isin(scores)


def _done(rows: pd.DataFrame, spec: LedgerTypeSpec) -> pd.Series:
    window = np.inf if spec.within_us is None else spec.within_us
    answered = rows["answered_at"]
    if not spec.looks_ahead:
        return answered - rows["before_at"] <= window
    done = pd.Series(True, index=rows.index)
    start = answered
    if spec.after:
        done &= rows["after_at"] - answered <= window
        start = rows["after_at"]
    if spec.absent:
        done &= ~(rows["absent_at"] <= start + window)
    return done


def pseudonyms(log: EventLog, units: Collection[int]) -> list[str]:
    """Pseudonyms of customers, sorted."""
    table = log.engine.table(log.store, "customers")
    found = log.engine.fetch(table.filter(table.unit.isin([int(unit) for unit in units])).select("pseudonym"))
    return sorted(map(str, found["pseudonym"]))
