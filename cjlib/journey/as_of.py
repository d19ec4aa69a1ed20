"""What was known about every customer at an instant, and what became of them after it.

Strictly before the instant: an event at that very moment belongs to what came after. Nothing later enters,
not even the choice of which event names are counted: for a later instant, the names of the earlier one
are handed on. Relational and portable: conditional counts over the events before the instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core import checks
from cjlib.core.duration import MICROSECONDS_PER_DAY
from cjlib.journey.features import MOST_EVENTS, Covariate, Floats, levels
from cjlib.journey.tables import EventLog, SurveyResponses

if TYPE_CHECKING:
    import ibis.expr.types as ir

Units = npt.NDArray[np.int64]
RECENT_DAYS = 30


def names_before(log: EventLog, *, at_us: int, most: int = MOST_EVENTS) -> list[str]:
    """Names of the events that are counted: the most frequent ones before the instant.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> names_before(example_log(), at_us=6 * MICROSECONDS_PER_DAY, most=2)
    ['cart', 'visit']
    """
    before = _before(log, at_us)
    counted = log.engine.fetch(before.group_by("event").agg(n=before.count()))
    return list(counted.sort_values(["n", "event"], ascending=[False, True])["event"].head(most))


def features_as_of(
    log: EventLog,
    units: Units,
    *,
    at_us: int,
    names: Sequence[str],
    activity: Sequence[str] = (),
    responses: SurveyResponses | None = None,
) -> dict[Covariate, Floats]:
    """Describe customers by what had happened strictly before an instant.

    Parameters
    ----------
    log : EventLog
    units : array (n,) of int
        Customers, in the order of the rows wanted.
    at_us : int
        The instant, UTC microseconds.
    names : event names counted one by one, of `names_before` the earliest instant in use
    activity : events that recency, frequency and value are made from; all events if left out
    responses : answers given before the instant enter too

    Returns
    -------
    dict
        ("event", name) number of each event; ("rfm", "recency" / "frequency" / "monetary") days since the
        last activity, number of them, sum of their values (only where `activity` is given); ("time",
        "first" / "last" / "recent") days since the first and the last event, number in the last 30 days;
        ("answered", instrument) and ("score", instrument), 0 where nothing had been answered. Counts,
        durations and sums x are log(1 + x). Arrays (n,).

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> found = features_as_of(example_log(), np.arange(10), at_us=6 * MICROSECONDS_PER_DAY, names=["visit"])
    >>> float(np.expm1(found["event", "visit"]).round().sum())
    5.0
    """
    for name in activity:
        log.codes("activity", name)
    done = _done(log, at_us, list(names), list(activity)).set_index("unit").reindex(units)

    def many(column: str) -> Floats:
        times: Floats = done[column].fillna(0).to_numpy(dtype="float64")
        return np.log1p(np.maximum(times, 0))

    def since(column: str) -> Floats:
        days = (at_us - done[column].to_numpy(dtype="float64")) / MICROSECONDS_PER_DAY
        return np.log1p(np.nan_to_num(days))

    found: dict[Covariate, Floats] = {("rfm", "recency"): since("recency"), ("rfm", "frequency"): many("frequency")}
    if activity:
        found["rfm", "monetary"] = many("monetary")
    found |= {("event", name): many(f"n{place}") for place, name in enumerate(names)}
    found["time", "first"] = since("first_at")
    found["time", "last"] = since("last_at")
    found["time", "recent"] = many("recent")
    if responses is not None and responses.n_invitations:
        found |= _said(responses, units, at_us)
    return found


def levels_of(log: EventLog, units: Units, attributes: Sequence[str], *, few: int) -> dict[Covariate, Floats]:
    """Describe customers by their attributes, a column per level; these have no date, so they may tell later news.

    Raises
    ------
    ParameterError
        CJ-E06 for an unknown attribute.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> levels_of(example_log(), np.array([0, 1]), [], few=1)
    {}
    """
    known = list(log.store.meta["customer_attributes"])
    checks.known_values("attributes", attributes, known, at_least=0, of="the customer attributes of this study")
    if not attributes:
        return {}
    customers = log.engine.table(log.store, "customers").select("unit", *attributes)
    frame = log.engine.fetch(customers).set_index("unit").reindex(units)
    found: dict[Covariate, Floats] = {}
    for name in attributes:
        found |= levels(name, frame[name], few)
    return found


def still_active(log: EventLog, *, at_us: int, activity: Sequence[str], silence_us: int) -> pd.DataFrame:
    """Customers who were active within the threshold of silence before an instant, and whether they were after it.

    Returns
    -------
    DataFrame
        unit, last_at, next_at (NaN: never seen active again up to the cut-off), sorted by unit.
    """
    events = log.table.filter(log.table.event.isin(list(activity)))
    seen = events.group_by("unit").agg(
        last_at=events["at"].max(where=events["at"] < at_us), next_at=events["at"].min(where=events["at"] >= at_us)
    )
    frame = log.engine.fetch(seen.filter(seen.last_at >= at_us - silence_us + 1))
    return frame.sort_values("unit", ignore_index=True).astype({"next_at": "float64"})


def under_contract(log: EventLog, *, at_us: int, start: str, end: str, lost: Sequence[str] = ()) -> pd.DataFrame:
    """Customers whose contract was open at an instant, and when it ended or they were lost from sight.

    A contract that was opened again after an end counts from its last opening.

    Returns
    -------
    DataFrame
        unit, end_at, lost_at (first at or after the instant, NaN if none up to the cut-off), sorted by unit.
    """
    events = log.table
    before, later = events["at"] < at_us, events["at"] >= at_us
    gone = events.event.isin([end, *lost])
    seen = events.group_by("unit").agg(
        opened=events["at"].max(where=before & (events.event == start)),
        closed=events["at"].max(where=before & gone),
        end_at=events["at"].min(where=later & (events.event == end)),
        lost_at=events["at"].min(where=later & events.event.isin(list(lost) or [""])),
    )
    open_ones = seen.filter(seen.opened.notnull() & (~seen.closed.notnull() | (seen.closed < seen.opened)))
    frame = log.engine.fetch(open_ones.select("unit", "end_at", "lost_at"))
    return frame.sort_values("unit", ignore_index=True).astype({"end_at": "float64", "lost_at": "float64"})


def _before(log: EventLog, at_us: int) -> ir.Table:
    return log.table.filter(log.table["at"] < at_us)


def _done(log: EventLog, at_us: int, names: list[str], activity: list[str]) -> pd.DataFrame:
    """One row per customer with any event before the instant."""
    before = _before(log, at_us)
    counts = {f"n{place}": before.event.count(where=before.event == name) for place, name in enumerate(names)}
    chosen = before.event.isin(activity) if activity else before.event.notnull()
    return log.engine.fetch(
        before.group_by("unit").agg(
            first_at=before["at"].min(), last_at=before["at"].max(), recency=before["at"].max(where=chosen),
            frequency=before.event.count(where=chosen), monetary=before["value"].sum(where=chosen),
            recent=before.event.count(where=before["at"] >= at_us - RECENT_DAYS * MICROSECONDS_PER_DAY), **counts,
        )
    )  # fmt: skip


def _said(responses: SurveyResponses, units: Units, at_us: int) -> dict[Covariate, Floats]:
    """Whether a customer had answered each instrument, and the last score."""
    given = responses.frame(["instrument", "answered_at", "score"])
    given = given[given["score"].notna() & (given["answered_at"] < at_us).fillna(value=False)]
    last = given.sort_values(["answered_at", "response"]).drop_duplicates(["unit", "instrument"], keep="last")
    found: dict[Covariate, Floats] = {}
    for name in responses.instruments:
        score = last[last["instrument"] == name].set_index("unit")["score"].reindex(units).to_numpy(dtype="float64")
        found["answered", name] = np.where(np.isnan(score), 0.0, 1.0)
        found["score", name] = np.nan_to_num(score)
    return found
