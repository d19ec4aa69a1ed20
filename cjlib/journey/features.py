"""What every invited person had done before the invitation, whether they answered it or not.

Strictly before: an event at the very instant of the invitation is not "before" it, and nothing later
enters, not even the choice of which event names are counted. Relational and portable: conditional counts
over the invitations joined to the events of the same customers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core import checks
from cjlib.core.duration import MICROSECONDS_PER_DAY
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.journey.tables import EventLog, SurveyResponses

if TYPE_CHECKING:
    import ibis.expr.types as ir

Floats = npt.NDArray[np.float64]
Covariate = tuple[str, str]  # kind ("event", "late", "time", an attribute) and name (event, level)

MOST_EVENTS = 20
MOST_LEVELS = 10
FEW = 10  # people: a level or an event that fewer of them have says nothing about the others
OTHER = "(other)"


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Invitations in order (`response`, `unit`, `score`) and a column per covariate; for `stats` only.

    `n_undated` invitations have no date, so that nothing is "before" them: they are left out.
    """

    invitations: pd.DataFrame
    covariates: dict[Covariate, Floats]
    n_undated: int


def before_invitation(
    responses: SurveyResponses,
    log: EventLog,
    *,
    instrument: str,
    deadlines: Mapping[str, str] | None = None,
    most_events: int = MOST_EVENTS,
    answered: bool = False,
) -> Behaviour:
    """Describe every person invited on an instrument by what lies before the invitation.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    instrument : whose invitations
    deadlines : event name to customer date; adds whether the event was late, or overdue, when asked
    most_events : event names counted, the most frequent before the invitations first
    answered : only the invitations that have an answer are described

    Returns
    -------
    Behaviour
        Covariates, in this order: number of each event, whether any event, number of all events, days
        since the first and the last, days from the invitation to the cut-off (late invitations had less
        time for an answer); each count and duration x as log(1 + x). Then late events, the stage asked
        about (if known for every invitation) and customer attributes as one column per level.
        Columns that do not vary, or that set fewer than ten people apart, are left out.

    Raises
    ------
    NotEnoughDataError
        No invitation has a date.
    ParameterError
        Unknown event or date in `deadlines`.
    """
    due = dict(deadlines or {})
    for event, date in due.items():
        log.codes("deadlines", event)
        checks.one_of("deadlines", date, list(responses.store.meta["customer_dates"]))
    attributes = list(responses.store.meta["customer_attributes"])
    chosen = responses.answers(instrument) if answered else _of(instrument)
    frame = responses.frame(["asked_at", "score", "stage", *attributes, *due.values()], only=chosen)
    dated = frame[frame["asked_at"].notna()].reset_index(drop=True)
    if dated.empty:
        raise NotEnoughDataError(
            t("No invitation has a date, so what customers had done before it is unknown."), code="CJ-JN-020"
        )
    before = _before(chosen(responses.table), log)
    names = _names(before, log, most_events)
    done = _done(before, log, names, list(due)).set_index("response").reindex(dated["response"])
    covariates = _counts(dated, done, names, log.as_of_us)
    for place, (event, date) in enumerate(due.items()):
        first = done[f"day{place}"].to_numpy(dtype="float64")
        covariates["late", event] = _late(first, dated[date], dated["asked_at"], log.info.zone)
    # A stage that only answers have would tell who answered.
    described = [*(["stage"] if dated["stage"].notna().all() else []), *attributes]
    few = max(FEW, responses.info.min_people)
    for attribute in described:
        covariates |= levels(attribute, dated[attribute], few)
    kept = {key: values for key, values in covariates.items() if _tells_apart(values, few)}
    return Behaviour(dated[["response", "unit", "score"]], kept, len(frame) - len(dated))


def _of(instrument: str) -> Callable[[ir.Table], ir.Table]:
    return lambda table: table.filter(table.instrument == instrument)


def _before(chosen: ir.Table, log: EventLog) -> ir.Table:
    """Every event strictly before an invitation, once per invitation."""
    asked = chosen.filter(chosen.asked_at.notnull()).select("response", "unit", "asked_at")
    joined = asked.inner_join(log.table.select("unit", "at", "day", "event"), "unit")
    return joined.filter(joined.at < joined.asked_at)


def _names(before: ir.Table, log: EventLog, most: int) -> list[str]:
    """Names of the events that are counted; later events have no say in it."""
    if len(log.event_names) <= most:
        return list(log.event_names)
    counted = log.engine.fetch(before.group_by("event").agg(n=before.count()))
    return list(counted.sort_values(["n", "event"], ascending=[False, True])["event"].head(most))


def _done(before: ir.Table, log: EventLog, names: list[str], due: list[str]) -> pd.DataFrame:
    """One row per invitation with any event before it: counts, first and last instant, first days."""
    counts = {f"n{place}": before.event.count(where=before.event == name) for place, name in enumerate(names)}
    days = {f"day{place}": before.day.min(where=before.event == name) for place, name in enumerate(due)}
    return log.engine.fetch(
        before.group_by("response").agg(
            n=before.count(), first_at=before.at.min(), last_at=before.at.max(), **counts, **days
        )
    )


def _counts(dated: pd.DataFrame, done: pd.DataFrame, names: list[str], as_of_us: int) -> dict[Covariate, Floats]:
    asked = dated["asked_at"].to_numpy(dtype="float64")

    def count(column: str) -> Floats:
        times: Floats = done[column].fillna(0).to_numpy(dtype="float64")
        return np.log1p(times)

    def days(since: Floats) -> Floats:
        # Without any event the duration is unknown: 0 here, told apart by the column "any".
        return np.log1p(np.nan_to_num(np.maximum(since, 0) / MICROSECONDS_PER_DAY))

    found: dict[Covariate, Floats] = {("event", name): count(f"n{place}") for place, name in enumerate(names)}
    found["time", "any"] = np.where(done["n"].isna(), 0.0, 1.0)
    found["time", "n"] = count("n")
    found["time", "first"] = days(asked - done["first_at"].to_numpy(dtype="float64"))
    found["time", "last"] = days(asked - done["last_at"].to_numpy(dtype="float64"))
    found["time", "cut-off"] = days(as_of_us - asked)
    return found


def _late(first_day: Floats, due: pd.Series, asked: pd.Series, zone: str) -> Floats:
    """1 where the event came after its day, or had not come although the day was over when asked."""
    limit, today = _calendar_day(due, zone), _calendar_day(asked, zone)
    came = ~np.isnan(first_day)
    return np.where(came, first_day > limit, today > limit).astype(np.float64)  # no date: never late


def _calendar_day(instants: pd.Series, zone: str) -> Floats:
    """Day number (days since 1970-01-01) in the business zone; NaN stays NaN."""
    moment = pd.to_datetime(instants.astype("Int64"), unit="us", utc=True).dt.tz_convert(zone).dt.tz_localize(None)
    return np.asarray((moment.dt.normalize() - pd.Timestamp(0)) / pd.Timedelta(days=1), dtype=np.float64)


def levels(attribute: str, values: pd.Series, few: int) -> dict[Covariate, Floats]:
    """One column per level but the largest; rare levels, and those beyond the tenth, are one level."""
    text = values.fillna("(unknown)").astype(str)
    sizes = text.value_counts()
    order = sorted(sizes.index, key=lambda level: (-sizes[level], level))
    shown = [level for level in order if sizes[level] >= few][:MOST_LEVELS]
    merged = text.where(text.isin(shown), OTHER)
    return {(attribute, level): np.where(merged == level, 1.0, 0.0) for level in [*shown[1:], OTHER]}


def _tells_apart(values: Floats, few: int) -> bool:
    """Whether so many people differ from the most common value."""
    _, sizes = np.unique(values, return_counts=True)
    return bool(len(values) - sizes.max() >= few)
