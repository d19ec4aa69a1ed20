"""`open_study`: from a study file to the three tables, through the store that a whole batch shares."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from cjlib.core.errors import ParameterError, SchemaError
from cjlib.core.result import DataInfo
from cjlib.core.text import language, t
from cjlib.journey.engine import Engine, open_engine
from cjlib.journey.tables import Customers, EventLog, Interviews, SurveyResponses
from cjlib.privacy.pseudonym import Key, hmac_sql, key
from cjlib.sources import store as stores
from cjlib.sources.derive import derive, rekey_sql, subset_sql
from cjlib.sources.load import Loaded, load
from cjlib.sources.quality import summary
from cjlib.sources.store import Store, StoreSpec
from cjlib.sources.study import StudySpec, localized, read_study
from cjlib.sources.vocabulary import unknown_events


@dataclass(frozen=True, repr=False)
class Study:
    """A study opened on its data: `events`, `responses`, `interviews`, `customers`, one clock, one cut-off."""

    spec: StudySpec
    store: Store
    engine: Engine
    info: DataInfo
    cache: Path
    key_created: bool = False

    @property
    def events(self) -> EventLog:
        """What customers did."""
        return EventLog(self.store, self.engine, self.info, self._labels, self._rekey, self.spec.ends)

    @property
    def responses(self) -> SurveyResponses:
        """What customers said, invitations without an answer included."""
        return SurveyResponses(self.store, self.engine, self.info, self._labels | self._stage_labels)

    @property
    def interviews(self) -> Interviews:
        """What people said in interviews, coded."""
        return Interviews(self.store, self.engine, self.info, self._labels)

    @property
    def customers(self) -> Customers:
        """Who they are."""
        return Customers(self.store, self.engine, self.info)

    @property
    def _labels(self) -> dict[str, str]:
        given = {name: localized(text, language()) for name, text in self.spec.labels.items()}
        return {"stage": t("stage"), "touchpoint": t("touchpoint"), **given}

    @property
    def _stage_labels(self) -> dict[str, str]:
        """Every name of a stage to the one of the active language: surveys may use any of them."""
        names = [stage.name for stage in self.spec.journey.stages]
        return {
            one: localized(name, language()) for name in names if not isinstance(name, str) for one in name.values()
        }

    @property
    def title(self) -> str:
        """Title in the active language."""
        return localized(self.spec.title, language())

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the numbers come from: files with hash and rows, cut-off, zone, key fingerprint."""
        meta = self.store.meta
        return {
            "study": self.spec.study, "title": self.title, "zone": self.spec.zone, "as_of": self.info.as_of,
            "first": self.info.first, "last": self.info.last, "unit": self.info.unit, "where": self.info.where,
            "n_events": self.info.n_events, "n_customers": self.info.n_customers,
            "n_responses": self.info.n_responses, "sha256": self.info.sha256,
            "key_fingerprint": meta["key_fingerprint"],
            "engine": self.engine.name, "files": meta["files"], "tolerated": meta["tolerated"],
            "events_after_as_of": meta["events_after_as_of"], "n_ties": meta["n_ties"],
            "n_units_with_ties": meta["n_units_with_ties"],
        }  # fmt: skip

    def where(self, condition: str) -> Study:
        """Only the customers with `attribute=value`; the smaller store is written once and reused."""
        column, separator, value = condition.partition("=")
        if not separator:
            raise ParameterError(f'where={condition!r} must read "attribute=value".', code="CJ-JN-005")
        known = self.customers.values(column)  # refuses an unknown attribute with the nearest one
        if value not in known:
            shown = ", ".join(known[:20])
            raise ParameterError(f"where={condition!r}: no customer has this value. Known: {shown}.", code="CJ-JN-005")
        target = self.cache / f"{self.store.folder.name}-{stores.digest('where', column, value)}"
        smaller = derive(self.store, target, units_sql=subset_sql(column, value),
                                meta={"keys": []}, spill=self.cache)  # fmt: skip
        return replace(self, store=smaller, info=_info(self.spec, smaller, condition))

    def _rekey(self, store: Store, columns: Sequence[str]) -> Store:
        target = self.cache / f"{store.folder.name}-{stores.digest('unit', *columns)}"
        return derive(store, target, units_sql=rekey_sql(columns),
                             meta={"keys": list(columns)}, spill=self.cache)  # fmt: skip

    def __repr__(self) -> str:
        return f"<Study {self.spec.study}: {self.info.n_events} events, {self.info.n_responses} answers>"

    def _repr_html_(self) -> str:
        return "".join(view._repr_html_() for view in (self.events, self.responses, self.interviews, self.customers))


def open_study(
    path: str | Path,
    *,
    data: str | Path | None = None,
    where: str | None = None,
    engine: str | None = None,
    cache: Path | None = None,
) -> Study:
    """Open a study: read the contract, check the data, build or reuse the ordered store.

    Parameters
    ----------
    path : study file
    data : folder of the data; default as the study file says
    where : "attribute=value", keep only these customers
    engine : "duckdb" or "spark"; default as the study file says
    cache : folder for stores; default $CJLIB_CACHE or `.cache/` beside the study's folder

    Raises
    ------
    SchemaError
        The study file or the data break the contract; every problem is listed.
    """
    path = Path(path)
    spec = read_study(path)
    folder = data_folder(spec, path, data)
    home = cache or Path(os.environ.get("CJLIB_CACHE") or path.resolve().parent.parent / ".cache")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = key(spec.privacy.key_env, home.parent if cache is None else home)
    store = _store(spec, folder, home / "stores", secret)
    used = open_engine(engine or spec.engine)
    study = Study(spec, store, used, _info(spec, store, ""), home / "stores", secret.created)
    return study.where(where) if where else study


def data_folder(spec: StudySpec, path: Path, data: str | Path | None) -> Path:
    """Folder that the source paths are relative to."""
    return Path(data) if data else (path.resolve().parent / (spec.data or ".")).resolve()


def _store(spec: StudySpec, folder: Path, home: Path, secret: Key) -> Store:
    """The study's store, from the cache if the same content was read before."""
    named = [*spec.sources.events, *spec.sources.responses, *spec.sources.interviews, *spec.sources.customers]
    named += [spec.sources.identity] if spec.sources.identity else []
    patterns = [path for source in named for path in (*source.path, *([source.join.path] if source.join else []))]
    files = stores.fingerprint(folder, patterns)
    target = home / stores.digest(stores.VERSION, spec.model_dump(mode="json"), files, secret.fingerprint)

    def build(private: Path) -> None:
        con = stores.connect(home)
        try:
            loaded = load(spec, folder, con)
            if unknown := unknown_events(con, spec):
                raise SchemaError(unknown)
            quality = summary(con, spec, loaded)
            stores.write(con, _store_spec(spec, loaded, secret, quality),
                         hmac_sql("id", secret, "customer"), private)  # fmt: skip
        finally:
            con.close()

    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return stores.publish(target, build)


def _store_spec(spec: StudySpec, loaded: Loaded, secret: Key, quality: pd.DataFrame) -> StoreSpec:
    answers = spec.sources.responses
    scales = {source.instrument: list(source.scale) for source in answers if source.scale}
    return StoreSpec(
        as_of_us=spec.as_of_us,
        zone=spec.zone,
        event_attributes=loaded.event_attributes,
        response_attributes=loaded.response_attributes,
        interview_attributes=loaded.interview_attributes,
        customer_attributes=loaded.customer_attributes,
        customer_dates=loaded.customer_dates,
        meta={
            "files": [vars(file) for file in loaded.files],
            "tolerated": [str(problem) for problem in loaded.problems],
            "quality": quality.to_dict("records"),
            "key_fingerprint": secret.fingerprint,
            "instruments": sorted({source.instrument for source in answers}),
            "scales": scales,
            "all_invitations_known": bool(answers) and all(s.invitations == "complete" for s in answers),
        },
    )


def _info(spec: StudySpec, store: Store, where: str) -> DataInfo:
    meta = store.meta
    zone = ZoneInfo(spec.zone)

    def local(instant: int | None) -> str:
        if instant is None:
            return ""
        return datetime.fromtimestamp(instant / 1e6, tz=UTC).astimezone(zone).isoformat(timespec="seconds")

    known = [us for us in (meta["first_us"], meta["first_response_us"]) if us is not None]
    latest = [us for us in (meta["last_us"], meta["last_response_us"]) if us is not None]
    return DataInfo(
        study=spec.study,
        unit=spec.unit,
        n_events=meta["n_events"],
        n_customers=meta["n_customers"],
        n_responses=meta["n_responses"],
        first=local(min(known, default=None)),
        last=local(max(latest, default=None)),
        as_of=local(meta["as_of_us"]),
        zone=spec.zone,
        sha256=store.folder.name[:24],
        where=where,
        min_people=spec.privacy.min_people,
    )
