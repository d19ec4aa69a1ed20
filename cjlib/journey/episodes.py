"""Follow-up cut into rows (start, stop] whose covariates change only when something happens.

Nobody is exposed before the exposure: an event or an answer counts from its instant on, never before,
so the time a customer had to wait to be exposed is never credited to the exposure (immortal time).
What happens at the very instant of the outcome comes too late to count. For `stats` only: these are
rows of persons. Portable: a kernel over ordered blocks, or conditional minima in Ibis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from cjlib.core import checks
from cjlib.core.duration import MICROSECONDS_PER_DAY, in_days, microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.journey.durations import ANY
from cjlib.journey.experienced import Driver
from cjlib.journey.match import Block, first_outcome, first_per_unit
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.stats.instrument import Instrument
from cjlib.stats.instrument import instrument as registered

NOT_ANSWERED, WORST, MIDDLE, BEST, LONG_AGO = "not answered", "worst", "middle", "best", "long ago"
LEVELS = (NOT_ANSWERED, WORST, MIDDLE, BEST, LONG_AGO)
MEASURES = ("happened", "count", "highest")
_KEY = ["unit", "at"]
Names = str | Sequence[str]


def episodes(
    log: EventLog,
    *,
    start: Names | None,
    outcome: Names,
    competing: Sequence[str] = (),
    drivers: Sequence[Driver | Mapping[str, Any] | str] = (),
    responses: SurveyResponses | None = None,
    instrument: str | None = None,
    age_limit: str | timedelta | None = None,
    ages: Sequence[str | timedelta] = (),
    attributes: Sequence[str] = (),
) -> pd.DataFrame:
    """Rows (start_days, stop_days] per unit, from the start of its clock to its first outcome.

    Parameters
    ----------
    log : EventLog
    start : event(s) that start the clock, "any" for the first event, or None for the first invitation
    outcome : event(s) that end it as outcome 1
    competing : events that end it otherwise, as outcome 2, 3, ...
    drivers : event names, or `cjlib.journey.experienced.Driver` with measure happened, count or highest
        (largest value so far, 0 before the first)
    responses, instrument : answers as a covariate
    age_limit : duration after which an answer is "long ago"
    ages : durations that cut the age of the answer into bands
    attributes : customer attributes, fixed

    Returns
    -------
    DataFrame
        unit, start_days, stop_days, outcome (0 but in the last row of a unit that has one), then
        `driver_0`, `driver_1`, ... in the order given, `answer` (one of `LEVELS`: the last answer so far),
        `answer_age` (0 = none, 1 = youngest band, ...) and the attributes. Units whose clock ends at the
        instant it starts have no row. Ordered by unit and time.

    Raises
    ------
    ParameterError
        Unknown event, attribute or measure, a duration without a unit.
    NotEnoughDataError
        Nobody's clock starts.

    Notes
    -----
    Counting process rows: Andersen and Gill (1982), Ann. Stat. 10, 1100-1120. Immortal time: Suissa (2008),
    Am. J. Epidemiol. 167, 492-499.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> rows = episodes(example_log(), start="visit", outcome="purchase", drivers=["cart"])
    >>> rows.loc[rows["stop_days"] == 57, ["start_days", "stop_days", "outcome", "driver_0"]].to_numpy().tolist()
    [[2.0, 57.0, 0.0, 1.0]]
    """
    followed = follow_up(log, start=start, outcome=outcome, competing=competing, responses=responses,
                         instrument=instrument)  # fmt: skip
    return split(log, followed, drivers=drivers, responses=responses, instrument=instrument, age_limit=age_limit,
                 ages=ages, attributes=attributes)  # fmt: skip


def landmark(log: EventLog, *, at: str | timedelta, **what: Any) -> pd.DataFrame:
    """One row per unit still at risk `at` after its start, with the covariates as known then.

    Parameters
    ----------
    log : EventLog
    at : duration after the start of the clock
    what : as in `episodes`

    Returns
    -------
    DataFrame
        As `episodes`; the clock of these rows starts at the landmark, and nothing after it is known.

    Notes
    -----
    Anderson, Cain and Gelber (1983), J. Clin. Oncol. 1, 710-719.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> rows = landmark(example_log(), at="2 days", start="visit", outcome="purchase", drivers=["cart"])
    >>> sorted(rows["stop_days"])
    [2.0, 7.0, 8.0, 14.0, 49.0, 55.0]
    """
    return landmark_of(episodes(log, **what), in_days(microseconds("at", at)))


def landmark_of(rows: pd.DataFrame, at_days: float) -> pd.DataFrame:
    """The rows of `episodes` seen from a landmark: who is at risk then, followed from then on."""
    ends = rows.groupby("unit", sort=False)[["stop_days", "outcome"]].last()
    known = rows[(rows["start_days"] <= at_days) & (rows["stop_days"] > at_days)]
    last = ends.loc[known["unit"]]
    return known.assign(
        start_days=0.0, stop_days=last["stop_days"].to_numpy() - at_days, outcome=last["outcome"].to_numpy()
    ).reset_index(drop=True)


def follow_up(
    log: EventLog,
    *,
    start: Names | None,
    outcome: Names,
    competing: Sequence[str] = (),
    responses: SurveyResponses | None = None,
    instrument: str | None = None,
) -> pd.DataFrame:
    """Clock of each unit: unit, start_at, end_at (UTC microseconds), outcome (0 = open at the cut-off)."""
    named = [[outcome] if isinstance(outcome, str) else list(outcome), *[[name] for name in competing]]
    if not named[0]:
        raise ParameterError("outcome is empty: name the event that counts.", code="CJ-JN-040")
    codes = [log.codes("outcome" if not place else "competing", names) for place, names in enumerate(named)]
    if start is None:
        return _from_invitation(log, responses, instrument, named)
    as_of = log.as_of_us
    entry = None if start == ANY or list(start) == [ANY] else log.codes("start", start)

    def kernel(block: Block) -> pd.DataFrame:
        kind = np.arange(len(block.unit)) if entry is None else block.positions(entry)
        entries = first_per_unit(block, kind)
        found, which = first_outcome(block, entries, codes, inclusive=entry is None)
        end = np.where(found >= 0, block.at[found] if len(block.at) else 0, as_of)
        return pd.DataFrame({"unit": block.unit[entries], "start_at": block.at[entries], "end_at": end,
                             "outcome": which})  # fmt: skip

    clock = log.run(kernel)
    if clock.empty:
        raise NotEnoughDataError(t("The event that starts the clock never occurs: {start}.", start=log.label(start)),
                                 code="CJ-JN-007")  # fmt: skip
    return clock.astype("int64").sort_values("unit", ignore_index=True)


def waits(
    log: EventLog,
    *,
    start: Names,
    outcome: Names,
    competing: Sequence[str] = (),
    by: str | None = None,
    step_us: int = 1,
) -> pd.DataFrame:
    """Count clocks by how long they ran and how long they could have run.

    Parameters
    ----------
    log : EventLog
    start, outcome, competing : as in `episodes`
    by : attribute to group by
    step_us : times are set to the middle of steps of this length (microseconds); 1 keeps them exact

    Returns
    -------
    DataFrame
        group, stop_days, until_days (to the cut-off), outcome (0 = open, 1, 2, ...), n; ordered. Clocks that
        end at the instant they start have `stop_days` 0.
    """
    named = [[outcome] if isinstance(outcome, str) else list(outcome), *[[name] for name in competing]]
    codes = [log.codes("outcome" if not place else "competing", names) for place, names in enumerate(named)]
    entry = None if start == ANY or list(start) == [ANY] else log.codes("start", start)
    grouping, as_of = log.grouping(by), log.as_of_us

    def kernel(block: Block) -> pd.DataFrame:
        kind = np.arange(len(block.unit)) if entry is None else block.positions(entry)
        entries = first_per_unit(block, kind)
        found, which = first_outcome(block, entries, codes, inclusive=entry is None)
        begin = block.at[entries]
        ran = np.where(found >= 0, block.at[found] if len(block.at) else 0, as_of) - begin
        could = as_of - begin
        if step_us > 1:
            half = step_us // 2
            ran, could = (np.where(part > 0, part // step_us * step_us + half, 0) for part in (ran, could))
        rows = pd.DataFrame({"group": grouping.of(block, entries), "ran": ran, "could": could, "outcome": which})
        return rows.groupby(list(rows.columns), sort=True).size().rename("n").reset_index()

    rows = log.run(kernel, columns=grouping.columns)
    if rows.empty:
        raise NotEnoughDataError(t("The event that starts the clock never occurs: {start}.", start=log.label(start)),
                                 code="CJ-JN-007")  # fmt: skip
    rows = rows.groupby(["group", "ran", "could", "outcome"], sort=True)["n"].sum().reset_index()
    days_of = {
        "stop_days": rows.pop("ran") / MICROSECONDS_PER_DAY,
        "until_days": rows.pop("could") / MICROSECONDS_PER_DAY,
    }
    return rows.assign(**days_of)


def _from_invitation(
    log: EventLog, responses: SurveyResponses | None, instrument: str | None, named: list[list[str]]
) -> pd.DataFrame:
    """Clocks that start at the first invitation; who had ended before it, or never did anything, has none."""
    if responses is None or instrument is None:
        raise ParameterError("start=None counts from the invitation: give responses and instrument.", code="CJ-JN-041")
    asked = responses.table
    asked = asked.filter((asked.instrument == instrument) & asked.asked_at.notnull())
    asked = asked.group_by("unit").agg(start_at=asked.asked_at.min())
    events = log.table.filter(log.table.event.isin(sorted({name for names in named for name in names})))
    both = asked.inner_join(events.select("unit", "at", "event"), "unit")
    later = both.at > both.start_at
    ends = {f"end_{i}": both.at.min(where=later & both.event.isin(names)) for i, names in enumerate(named, start=1)}
    ended = both.event.isin([name for names in named[1:] for name in names] or [""]) & ~later
    found = log.engine.fetch(both.group_by("unit").agg(gone=both.at.min(where=ended), **ends))
    people = log.engine.table(log.store, "customers")
    people = log.engine.fetch(people.filter(people.first_at.notnull()).select("unit"))
    clock = log.engine.fetch(asked).merge(people, on="unit").merge(found, on="unit", how="left")
    clock = clock[clock["gone"].isna()]
    if clock.empty:
        raise NotEnoughDataError(t("No invitation can be placed among the events of its customer, so there is no "
                                   "time to count from."), code="CJ-JN-042")  # fmt: skip
    times = clock[list(ends)].astype("float64").fillna(np.inf).to_numpy()
    which = times.argmin(axis=1)  # of two ends at one instant the outcome is kept
    first = times.min(axis=1)
    closed = np.isfinite(first)
    made = {"unit": clock["unit"], "start_at": clock["start_at"], "outcome": np.where(closed, which + 1, 0),
            "end_at": np.where(closed, first, log.as_of_us)}  # fmt: skip
    return (
        pd.DataFrame(made)
        .astype("int64")[["unit", "start_at", "end_at", "outcome"]]
        .sort_values("unit", ignore_index=True)
    )


def split(
    log: EventLog,
    followed: pd.DataFrame,
    *,
    drivers: Sequence[Driver | Mapping[str, Any] | str] = (),
    responses: SurveyResponses | None = None,
    instrument: str | None = None,
    age_limit: str | timedelta | None = None,
    ages: Sequence[str | timedelta] = (),
    attributes: Sequence[str] = (),
) -> pd.DataFrame:
    """The clocks of `follow_up` as the rows of `episodes`."""
    asked = as_drivers(log, drivers)
    steps = {f"driver_{i}": _lived(log, one).rename(columns={"value": f"driver_{i}"}) for i, one in enumerate(asked)}
    blank: dict[str, Any] = dict.fromkeys(steps, 0.0)
    if responses is not None and instrument is not None:
        limit = None if age_limit is None else microseconds("age_limit", age_limit)
        steps |= _said(responses, instrument, limit, sorted(microseconds("ages", age) for age in ages))
        blank |= {"answer": NOT_ANSWERED, "answer_age": 0.0}
    rows = _cut(followed, steps)
    for name, changes in steps.items():
        rows = pd.merge_asof(rows, changes.sort_values("at"), on="at", by="unit")
        rows[name] = rows[name].fillna(blank[name])
    for name in attributes:
        rows[name] = _attribute(log, name).reindex(rows["unit"]).fillna("(unknown)").to_numpy()
    return rows.sort_values(_KEY, ignore_index=True).drop(columns=["at"])


def as_drivers(log: EventLog, drivers: Sequence[Driver | Mapping[str, Any] | str]) -> list[Driver]:
    """Drivers as declared, checked against the log."""
    made = []
    for one in drivers:
        driver = Driver(name=log.label(one), event=one) if isinstance(one, str) else (
            one if isinstance(one, Driver) else Driver(**one))  # fmt: skip
        checks.one_of("measure", driver.measure, MEASURES)
        if driver.events != [ANY]:
            log.codes("drivers", driver.events)
        made.append(driver)
    return made


def _lived(log: EventLog, driver: Driver) -> pd.DataFrame:
    """Instants at which what a customer had lived through changed, and to what: unit, at, value."""
    events = log.table if driver.events == [ANY] else log.table.filter(log.table.event.isin(driver.events))
    if driver.measure == "happened":
        found = log.engine.fetch(events.group_by("unit").agg(at=events.at.min())).assign(value=1.0)
    elif driver.measure == "count":
        found = log.engine.fetch(events.group_by(*_KEY).agg(value=events.event.count())).sort_values(_KEY)
        found["value"] = found.groupby("unit")["value"].cumsum()
    else:
        valued = events.filter(events.value.notnull())
        found = log.engine.fetch(valued.group_by(*_KEY).agg(value=valued.value.max())).sort_values(_KEY)
        found["value"] = found.groupby("unit")["value"].cummax()
        found = found[found["value"] != found.groupby("unit")["value"].shift()]
    return found.astype({"unit": "int64", "at": "int64", "value": "float64"})


def _said(responses: SurveyResponses, instrument: str, limit: int | None, ages: list[int]) -> dict[str, pd.DataFrame]:
    """Instants at which the last answer, or the band of its age, changed, and to what."""
    frame = responses.frame(["instrument", "answered_at", "score"])
    frame = frame[(frame["instrument"] == instrument) & frame["score"].notna() & frame["answered_at"].notna()]
    said = pd.DataFrame({"unit": frame["unit"].astype("int64"), "at": frame["answered_at"].astype("int64"),
                         "answer": levels(frame["score"].astype(float), scaled(responses, instrument))})  # fmt: skip
    # Two answers at one instant: the later line of the file is the last word.
    said = said.drop_duplicates(_KEY, keep="last").sort_values(_KEY)
    until = said.groupby("unit")["at"].shift(-1).fillna(np.inf)

    def aged(after: int) -> pd.DataFrame:
        moved = said.assign(at=said["at"] + after)
        return moved[moved["at"] < until]

    answer = [said] + ([aged(limit).assign(answer=LONG_AGO)] if limit is not None else [])
    found = {"answer": pd.concat(answer)}
    if ages:
        bands = [aged(after).assign(answer_age=float(band)) for band, after in enumerate([0, *ages], start=1)]
        found["answer_age"] = pd.concat(bands)[[*_KEY, "answer_age"]]
    return found


def scaled(responses: SurveyResponses, name: str) -> Instrument:
    """The instrument on the scale that the study declares."""
    chosen = registered(checks.one_of("instrument", name, responses.instruments))
    scale = responses.scales.get(name)
    return chosen if scale is None or chosen.statistic == "net" else chosen.on_scale(scale)


def levels(scores: pd.Series, kind: Instrument) -> pd.Series:
    """Class of each score: the three of NPS; else inside or outside the box (above the middle without one)."""
    if kind.statistic == "net":
        found = np.select([scores <= 6, scores <= 8], [WORST, MIDDLE], BEST)
    else:
        good = scores.isin(kind.good_scores) if kind.good_scores else (
            (scores > sum(kind.scale) / 2) == kind.high_is_good)  # fmt: skip
        found = np.where(good, BEST, WORST)
    return pd.Series(found, index=scores.index, dtype=object)


def _cut(followed: pd.DataFrame, steps: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Empty rows between the instants at which anything changes: unit, at, start_days, stop_days, outcome."""
    clock = followed[followed["end_at"] > followed["start_at"]]
    instants = [clock[["unit"]].assign(at=clock["start_at"])]
    for changes in steps.values():
        inside = changes[_KEY].merge(clock, on="unit")
        kept = (inside["at"] > inside["start_at"]) & (inside["at"] < inside["end_at"])
        instants.append(inside.loc[kept, _KEY])
    rows = pd.concat(instants).drop_duplicates().merge(clock, on="unit").sort_values(_KEY, ignore_index=True)
    after = rows.groupby("unit")["at"].shift(-1)
    last = after.isna()
    # Integers up to here: a difference of microseconds is exact, one of floats is not.
    stop = np.where(last, rows["end_at"], after.fillna(0).astype("int64"))
    made = {
        "unit": rows["unit"], "at": rows["at"],
        "start_days": (rows["at"] - rows["start_at"]) / MICROSECONDS_PER_DAY,
        "stop_days": (stop - rows["start_at"]) / MICROSECONDS_PER_DAY,
        "outcome": rows["outcome"].where(last, 0),
    }  # fmt: skip
    return pd.DataFrame(made).sort_values("at", ignore_index=True)


def _attribute(log: EventLog, name: str) -> pd.Series:
    """Values of a customer attribute by unit."""
    checks.known_values("attributes", [name], log.store.meta["customer_attributes"], of="the customer attributes")
    customers = log.engine.table(log.store, "customers").select("unit", name)
    return log.engine.fetch(customers).set_index("unit")[name]
