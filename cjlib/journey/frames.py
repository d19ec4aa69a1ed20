"""A study from data frames already in memory: for exploration, tests and simulated truth."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import duckdb
import pandas as pd

from cjlib.core.errors import ParameterError
from cjlib.core.result import DataInfo
from cjlib.journey.engine import Engine, open_engine
from cjlib.journey.tables import EventLog, Interviews, SurveyResponses
from cjlib.sources import store as stores
from cjlib.sources.derive import derive, rekey_sql
from cjlib.sources.interviews import COLUMNS as RAW_INTERVIEWS
from cjlib.sources.store import StoreSpec

EVENT_COLUMNS = ("customer", "at", "event")
RESPONSE_COLUMNS = ("customer", "asked_at", "answered_at", "instrument", "score", "comment", "stage")
INTERVIEW_COLUMNS = ("customer", "at", "code", "note", "coder", "interview")


@overload
def from_frames(
    events: pd.DataFrame | None = None,
    *,
    responses: pd.DataFrame | None = None,
    interviews: None = None,
    customers: pd.DataFrame | None = None,
    as_of: str | pd.Timestamp,
    zone: str = "UTC",
    scales: dict[str, tuple[float, float]] | None = None,
    all_invitations_known: bool = True,
    folder: Path | None = None,
    engine: Engine | None = None,
    min_people: int = 1,
) -> tuple[EventLog, SurveyResponses]: ...


@overload
def from_frames(
    events: pd.DataFrame | None = None,
    *,
    responses: pd.DataFrame | None = None,
    interviews: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    as_of: str | pd.Timestamp,
    zone: str = "UTC",
    scales: dict[str, tuple[float, float]] | None = None,
    all_invitations_known: bool = True,
    folder: Path | None = None,
    engine: Engine | None = None,
    min_people: int = 1,
) -> tuple[EventLog, SurveyResponses, Interviews]: ...


def from_frames(
    events: pd.DataFrame | None = None,
    *,
    responses: pd.DataFrame | None = None,
    interviews: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    as_of: str | pd.Timestamp,
    zone: str = "UTC",
    scales: dict[str, tuple[float, float]] | None = None,
    all_invitations_known: bool = True,
    folder: Path | None = None,
    engine: Engine | None = None,
    min_people: int = 1,
) -> tuple[EventLog, SurveyResponses] | tuple[EventLog, SurveyResponses, Interviews]:
    """Build an event log and survey responses from data frames, and coded interviews if there are any.

    Parameters
    ----------
    events : DataFrame
        customer (text), at (timestamps with a zone, or UTC microseconds), event; optional channel,
        value, sequence; any further column is an attribute (text).
    responses : DataFrame, optional
        customer, asked_at, answered_at, instrument, score; optional comment, stage, attributes.
    interviews : DataFrame, optional
        customer, at, code (one per row); optional note, coder, interview, attributes. With it, the third
        thing returned is the `Interviews`.
    customers : DataFrame, optional
        customer and attributes (text) or dates (timestamps).
    as_of : cut-off, an instant
    zone : business zone
    scales : scale of each instrument
    folder : where the store is written; default a temporary folder
    min_people : floor of the small-group gate; 1 shows everything (exploration only)

    Raises
    ------
    ParameterError
        A mandatory column is missing or an instant has no zone.

    Examples
    --------
    >>> log, _ = from_frames(pd.DataFrame({"customer": ["a"], "at": [0], "event": ["visit"]}), as_of="1970-02-01")
    >>> log.event_names
    ('visit',)
    """
    cut = pd.Timestamp(as_of)
    cut = cut.tz_localize(zone) if cut.tzinfo is None else cut
    home = folder or Path(tempfile.mkdtemp(prefix="cjlib-"))
    home.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(":memory:")
    try:
        attributes = _register(con, events, responses, customers)
        coded = _register_interviews(con, interviews)
        spec = StoreSpec(
            as_of_us=cut.value // 1000, zone=zone, event_attributes=attributes[0], response_attributes=attributes[1],
            customer_attributes=attributes[2], customer_dates=attributes[3],
            interview_attributes=coded,
            meta={"files": [], "tolerated": [], "quality": [], "key_fingerprint": "",
                  "instruments": sorted(responses["instrument"].unique()) if responses is not None else [],
                  "scales": {name: list(scale) for name, scale in (scales or {}).items()},
                  "all_invitations_known": all_invitations_known},
        )  # fmt: skip
        stores.write(con, spec, ("sha256(id)", {}), home)
    finally:
        con.close()
    store = stores.Store(home)
    info = DataInfo(
        study="frames", n_events=store.meta["n_events"], n_customers=store.meta["n_customers"],
        n_responses=store.meta["n_responses"], as_of=cut.isoformat(), zone=zone, min_people=min_people,
    )  # fmt: skip
    used = engine or _engine()

    def rekey(source: stores.Store, columns: Sequence[str]) -> stores.Store:
        return derive(source, home / stores.digest(*columns), units_sql=rekey_sql(columns),
                             meta={"keys": list(columns)}, spill=home)  # fmt: skip

    log, said = EventLog(store, used, info, {}, rekey), SurveyResponses(store, used, info)
    return (log, said) if interviews is None else (log, said, Interviews(store, used, info))


@functools.cache
def _engine() -> Engine:
    """One embedded engine for all frames of a process: opening one costs more than a small question."""
    return open_engine("duckdb")


def _instants(values: pd.Series, name: str) -> pd.Series:
    """UTC microseconds of a column; naive timestamps are refused."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("Int64")
    stamps = pd.to_datetime(values)
    if stamps.dt.tz is None:
        raise ParameterError(f"{name} has timestamps without a zone; call .dt.tz_localize first.", code="CJ-JN-011")
    return (stamps.dt.tz_convert("UTC").dt.tz_localize(None) - pd.Timestamp(0)) // pd.Timedelta(microseconds=1)


def _register(
    con: duckdb.DuckDBPyConnection,
    events: pd.DataFrame | None,
    responses: pd.DataFrame | None,
    customers: pd.DataFrame | None,
) -> tuple[list[str], list[str], list[str], list[str]]:
    """Create the raw tables that the store is written from; returns attribute names by table."""
    frame = pd.DataFrame({"customer": [], "at": [], "event": []}) if events is None else events.copy()
    missing = [name for name in EVENT_COLUMNS if name not in frame.columns]
    if missing:
        raise ParameterError(f"events lack the columns {missing}; needed: customer, at, event.", code="CJ-JN-011")
    own = [c for c in frame.columns if c not in (*EVENT_COLUMNS, "channel", "value", "sequence")]
    table = frame.reindex(columns=["customer", "at", "event", "channel", "value", "sequence", *own])
    table["at"] = _instants(table["at"], "events.at")
    table["sequence"] = table["sequence"].fillna(0) if "sequence" in frame else 0
    texts = "".join(f", CAST({stores.quoted(c)} AS VARCHAR) AS {stores.quoted(c)}" for c in own)
    con.register("given_events", table.assign(line=range(len(table))))
    con.execute(f"""CREATE TABLE raw_events AS SELECT CAST(customer AS VARCHAR) AS customer,
        CAST("at" AS BIGINT) AS "at", CAST(event AS VARCHAR) AS event, CAST(channel AS VARCHAR) AS channel,
        CAST(value AS DOUBLE) AS value,
        CAST(sequence AS BIGINT) AS sequence, 0 AS source, line{texts} FROM given_events""")
    said = pd.DataFrame(columns=list(RESPONSE_COLUMNS)) if responses is None else responses.copy()
    extra = [c for c in said.columns if c not in RESPONSE_COLUMNS]
    said = said.reindex(columns=[*RESPONSE_COLUMNS, *extra])
    for name in ("asked_at", "answered_at"):
        said[name] = _instants(said[name], f"responses.{name}") if said[name].notna().any() else pd.NA
    texts = "".join(f", CAST({stores.quoted(c)} AS VARCHAR) AS {stores.quoted(c)}" for c in extra)
    con.register("given_responses", said.astype(object).where(said.notna(), None).assign(line=range(len(said))))
    con.execute(f"""CREATE TABLE raw_responses AS SELECT CAST(customer AS VARCHAR) AS customer,
        CAST(asked_at AS BIGINT) AS asked_at, CAST(answered_at AS BIGINT) AS answered_at,
        CAST(instrument AS VARCHAR) AS instrument, CAST(score AS DOUBLE) AS score, CAST(comment AS VARCHAR) AS comment,
        CAST(stage AS VARCHAR) AS stage, 0 AS source, line{texts} FROM given_responses""")
    who = pd.DataFrame({"customer": []}) if customers is None else customers.copy()
    dates = [c for c in who.columns if pd.api.types.is_datetime64_any_dtype(who[c])]
    labels = [c for c in who.columns if c not in ("customer", *dates)]
    for name in dates:
        who[name] = _instants(who[name], f"customers.{name}")
    casts = [f"CAST({stores.quoted(c)} AS VARCHAR) AS {stores.quoted(c)}" for c in ("customer", *labels)]
    casts += [f"CAST({stores.quoted(c)} AS BIGINT) AS {stores.quoted(c)}" for c in dates]
    con.register("given_customers", who)
    con.execute(f"CREATE TABLE raw_customers AS SELECT {', '.join(casts)} FROM given_customers")
    con.execute("CREATE TABLE raw_identity (anonymous VARCHAR, customer VARCHAR)")
    return own, extra, labels, dates


def _register_interviews(con: duckdb.DuckDBPyConnection, interviews: pd.DataFrame | None) -> list[str]:
    """Create `raw_interviews`; returns the names of the attributes."""
    frame = pd.DataFrame(columns=list(INTERVIEW_COLUMNS)) if interviews is None else interviews.copy()
    missing = [name for name in INTERVIEW_COLUMNS[:3] if name not in frame.columns]
    if missing:
        raise ParameterError(f"interviews lack the columns {missing}; needed: customer, at, code.", code="CJ-JN-011")
    own = [c for c in frame.columns if c not in INTERVIEW_COLUMNS]
    table = frame.reindex(columns=[*INTERVIEW_COLUMNS, *own])
    table = table[table["customer"].notna() & table["code"].notna()]
    table["at"] = _instants(table["at"], "interviews.at") if len(table) else pd.Series(dtype="Int64")
    con.register("given_interviews", table.assign(source=0, line=range(len(table))))
    kinds = {**RAW_INTERVIEWS, **dict.fromkeys(own, "VARCHAR")}
    casts = ", ".join(f"CAST({stores.quoted(c)} AS {kind}) AS {stores.quoted(c)}" for c, kind in kinds.items())
    con.execute(f"CREATE TABLE raw_interviews AS SELECT {casts} FROM given_interviews")
    return own
