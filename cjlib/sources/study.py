"""`study.yml`: the contract of one study. Everything downstream takes its vocabulary from it.

Every key is described where it is declared; the descriptions are published as a JSON schema
(`docs/study.schema.json`), so that editors complete and check the file while it is written.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from cjlib.core import duration
from cjlib.core.errors import ParameterError, SchemaError, did_you_mean
from cjlib.sources.interviews import InterviewSource
from cjlib.sources.ledger import LedgerTypeSpec
from cjlib.sources.source import (
    CustomerSource,
    EventSource,
    IdentitySource,
    Names,
    ResponseSource,
    Spec,
    checked,
    listed,
)
from cjlib.sources.stagemodels import STAGE_MODELS
from cjlib.sources.words import Duration, Localized, check_duration
from cjlib.sources.yamltext import YamlText, breaches
from cjlib.sources.zone import check_zone, clock, first_instant


def _window(value: Any) -> Any:
    return "none" if value in (None, "none") else check_duration(value)


def _resolution(value: Any) -> Any:
    return value if value in ("exact", "day", "hour") else check_duration(value)


def _period(value: Any) -> Any:
    return value if value == "month" else check_duration(value)


def _slug(value: Any) -> Any:
    if not isinstance(value, str) or not value or set(value) - set("abcdefghijklmnopqrstuvwxyz0123456789_-"):
        raise ValueError("write a short name in a-z, 0-9, - and _; it names files and folders")
    return value


def _model_stages(value: Any) -> Any:
    """`{model: zendesk-3, events: {discovery: [visit]}}` as the plain list of its stages."""
    if isinstance(value, str) and value in STAGE_MODELS:
        raise ValueError(
            f"{value!r} alone does not say which events belong to which stage. "
            f"Write {{model: {value}, events: {{stage: [event, ...]}}}}"
        )
    if not isinstance(value, dict):
        return value
    if extra := set(value) - {"model", "events"}:
        raise ValueError(f"unknown key {min(extra)!r}; allowed here: model, events")
    name, events = value.get("model"), value.get("events") or {}
    if name not in STAGE_MODELS:
        hint = did_you_mean(str(name), STAGE_MODELS)
        raise ValueError(f"{name!r} is not a stage model. {hint} Models: {', '.join(STAGE_MODELS)}")
    stages = STAGE_MODELS[name]
    for key in events:
        if key not in stages:
            hint = did_you_mean(key, stages)
            raise ValueError(f"{key!r} is not a stage of {name}. {hint} Stages: {', '.join(stages)}")
    return [{"name": label, "events": listed(events.get(key) or [])} for key, label in stages.items()]


CENSOR = "censor"  # as a clock's competing events: declared ends are censored
Window = Annotated[str, BeforeValidator(_window), Field(examples=["30 days", "none"])]


def localized(text: str | dict[str, str], language: str) -> str:
    """`text` in the language of the report, else in the first language it is written in.

    Examples
    --------
    >>> localized({"en": "Orders", "fr": "Commandes"}, "fr_CH")
    'Commandes'
    """
    if isinstance(text, str):
        return text
    return text.get(language.split("_", maxsplit=1)[0]) or next(iter(text.values()))


class Sources(Spec):
    """Files of the study."""

    events: tuple[EventSource, ...] = Field(default=(), description="what customers do")
    responses: tuple[ResponseSource, ...] = Field(default=(), description="what customers say when asked")
    interviews: Annotated[tuple[InterviewSource, ...], BeforeValidator(listed)] = Field(
        default=(), description="what people said in interviews, coded"
    )
    customers: Annotated[tuple[CustomerSource, ...], BeforeValidator(listed)] = Field(
        default=(), description="what is known about customers"
    )
    identity: IdentitySource | None = Field(default=None, description="which anonymous id is which customer")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.events and not self.responses:
            raise ValueError("a study needs at least one source under events or responses")
        return self


class StageSpec(Spec):
    """A named set of events."""

    name: Localized
    events: Names = Field(description="event names that belong to the stage")


class TouchpointSpec(Spec):
    """Events and channels by who controls them."""

    owned: Names = ()
    paid: Names = ()
    earned: Names = ()


class JourneySpec(Spec):
    """Stages and touchpoints."""

    stages: Annotated[tuple[StageSpec, ...], BeforeValidator(_model_stages)] = Field(
        default=(),
        description=f"list of stages, or {{model, events}} with a model of {', '.join(STAGE_MODELS)}",
    )
    touchpoints: TouchpointSpec = TouchpointSpec()


class FunnelSpec(Spec):
    """Ordered steps and the time allowed for all of them."""

    name: Localized
    steps: tuple[str, ...] = Field(min_length=2, description="event names, in order")
    window: Window = Field(description='longest time from the first step to the last, or "none"')
    entry: Literal["first", "best"] = Field(
        default="first", description="follow the first entry, or the entry that leads furthest"
    )
    unit: Names = Field(default=("customer",), description="customer, or [customer, event attribute]")
    by: str | None = Field(default=None, description="attribute to compare by")

    @property
    def window_us(self) -> int | None:
        """Window in microseconds; None is no limit."""
        return None if self.window == "none" else duration.microseconds("window", self.window)


class ClockSpec(Spec):
    """Time from one event to another."""

    name: Localized
    from_: Names = Field(alias="from", description='event that starts the clock; "any" is the first event')
    to: Names = Field(description="event that stops it")
    competing: Names = Field(
        default=(),
        description="events after which `to` cannot come any more; "
        "censor takes the ends declared elsewhere in the study as censored, which overstates the share",
    )
    horizons: Annotated[tuple[Duration, ...], BeforeValidator(listed)] = Field(
        default=(), description="times at which the share is told"
    )
    by: str | None = Field(default=None, description="attribute to compare by")
    drivers: Names = Field(default=(), description="events that may go with sooner or later `to`")
    observed_from: str | None = Field(
        default=None,
        description="customer date, or day for all, from which outcomes are recorded: earlier clocks enter late",
    )
    resolution: Annotated[str, BeforeValidator(_resolution)] = Field(
        default="exact", description="exact, or what times are rounded down to: day, hour, or a length of time"
    )


class ChurnSpec(Spec):
    """When is a customer lost? By contract, or after a silence."""

    kind: Literal["contractual", "non-contractual"]
    activity: Names = Field(default=(), description="non-contractual: events that show life")
    silence: Duration | None = Field(default=None, description="non-contractual: silence after which one is lost")
    start: str | None = Field(default=None, description="contractual: event that opens the contract")
    end: str | None = Field(default=None, description="contractual: event that ends it")
    horizon: Duration | None = Field(
        default=None, description="how far ahead leaving is foretold; the silence, or 90 days, if left out"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        contract, silent = (self.start, self.end), (self.activity, self.silence)
        needed, other = (contract, silent) if self.kind == "contractual" else (silent, contract)
        if not all(needed) or any(other):
            keys = "start and end" if self.kind == "contractual" else "activity and silence"
            raise ValueError(f"{self.kind} churn is told by {keys}, and by these only")
        return self


class ScoresSpec(Spec):
    """How scores are broken down, and which answers they put together."""

    by: Names = Field(default=(), description='attributes to break scores down by, or "touchpoint" (done last before)')
    trigger: str | None = Field(
        default=None,
        description="attribute of the answers that says what set the survey off (invited or not, the stage, ...)",
    )


class DriverSpec(Spec):
    """An experience before the answer that may go with the score."""

    name: Localized
    event: str = Field(description='event, or "any" for the number of touches')
    measure: Literal["happened", "count", "highest", "late"] = Field(
        default="happened", description="what is measured: highest takes the event's value, late needs a deadline"
    )
    deadline: str | None = Field(default=None, description="customer date that the event should not miss")
    instrument: str | None = Field(default=None, description="which scores; all instruments if left out")


class SayDoSpec(Spec):
    """One behaviour that answers are held against."""

    name: Localized
    event: str | None = Field(default=None, description="event that had happened, or not, before the answer")
    deadline: str | None = Field(default=None, description="customer date the event was promised for")
    instrument: str | None = Field(default=None, description="which scores, where the study has several instruments")
    stage: str | None = Field(default=None, description="only the answers about this stage")
    outcome: str | None = Field(default=None, description="event looked for after the answer")
    within: Duration | None = Field(default=None, description="how long after the answer")

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if bool(self.event) == bool(self.outcome):
            raise ValueError("write either event (before the answer) or outcome (after it)")
        if self.deadline and not self.event:
            raise ValueError("a deadline belongs to an event")
        if bool(self.within) != bool(self.outcome):
            raise ValueError("an outcome needs within, a length of time, and only an outcome has one")
        return self


class MapSpec(Spec):
    """Human lanes of the journey map."""

    file: str = Field(description="YAML file of the human lanes, relative to the study file")


class PrivacySpec(Spec):
    """Small groups; the limits may only be raised."""

    min_people: int = Field(default=5, ge=5, description="smallest group for which a number is shown")
    min_people_verbatim: int = Field(default=10, ge=10, description="smallest group that may be quoted")
    key_env: str = Field(default="CJ_KEY", description="environment variable with the key of the pseudonyms")


class StudySpec(Spec):
    """A study: its sources, its words, and the questions asked."""

    study: Annotated[str, BeforeValidator(_slug)] = Field(description="short name: a-z, 0-9, - and _")
    title: Localized = Field(description="title of the reports, a text or one per language")
    zone: Annotated[str, BeforeValidator(checked(check_zone))] = Field(
        description="business time zone (IANA)", examples=["Europe/Paris"]
    )
    as_of: str = Field(description="instant up to which the data are complete; a date means its first instant")
    language: Literal["en", "fr"] = Field(default="en", description="language of the reports")
    unit: str = Field(default="customer", description="word for what travels: customer, order, ticket...")
    data: str = Field(default=".", description="folder of the files, relative to the study file")
    sources: Sources
    labels: dict[str, Localized] = Field(
        default={}, description="words for events, channels, attributes and their values on the pages"
    )
    journey: JourneySpec = JourneySpec()
    funnels: tuple[FunnelSpec, ...] = ()
    clocks: tuple[ClockSpec, ...] = ()
    churn: ChurnSpec | None = None
    scores: ScoresSpec = ScoresSpec()
    say_do: tuple[SayDoSpec, ...] = ()
    drivers: tuple[DriverSpec, ...] = ()
    ledger: tuple[LedgerTypeSpec, ...] = Field(default=(), description="contradictions between words and deeds")
    map: MapSpec | None = None
    privacy: PrivacySpec = PrivacySpec()
    engine: Literal["duckdb", "spark"] = Field(default="duckdb", description="where the tables are computed")

    @property
    def as_of_us(self) -> int:
        """The cut-off in UTC microseconds.

        Examples
        --------
        >>> files = {"events": [{"path": "e.csv", "columns": {"customer": "c", "at": "t", "event": "e"}}]}
        >>> StudySpec(study="s", title="S", zone="Europe/Paris", as_of="2026-10-01", sources=files).as_of_us
        1790805600000000
        """
        return instant(self.as_of, self.zone)

    @property
    def ends(self) -> tuple[str, ...]:
        """Events that the study declares as ends: of a contract, competing on a clock, or in the ledger.

        Examples
        --------
        >>> files = {"events": [{"path": "e.csv", "columns": {"customer": "c", "at": "t", "event": "e"}}]}
        >>> churn = {"kind": "contractual", "start": "join", "end": "cancel"}
        >>> StudySpec(study="s", title="S", zone="UTC", as_of="2026-10-01", sources=files, churn=churn).ends
        ('cancel',)
        """
        named = [self.churn.end] if self.churn and self.churn.end else []
        named += [name for clock in self.clocks for name in clock.competing if name != CENSOR]
        named += [name for rule in self.ledger for name in rule.end]
        return tuple(dict.fromkeys(named))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        instant(self.as_of, self.zone)
        for funnel in self.funnels:
            self._known("funnels.unit", set(funnel.unit) - {"customer"}, self._attributes(self.sources.events))
        dates = {name for source in self.sources.customers for name in source.dates}
        self._known("say_do.deadline", {rule.deadline for rule in self.say_do if rule.deadline}, dates)
        self._known("drivers.deadline", {driver.deadline for driver in self.drivers if driver.deadline}, dates)
        said = {rule.attribute for rule in self.ledger if rule.attribute}
        self._known("ledger.attribute", said, self._attributes(self.sources.responses))
        every = (*self.sources.events, *self.sources.responses, *self.sources.interviews, *self.sources.customers)
        groups = self._attributes(every) | {"channel", "instrument", "stage"}
        asked = [funnel.by for funnel in self.funnels] + [timer.by for timer in self.clocks]
        self._known("by", {key for key in asked if key}, groups)
        self._known("scores.by", set(self.scores.by), groups | {"touchpoint"})
        return self

    @staticmethod
    def _attributes(sources: tuple[Any, ...]) -> set[str]:
        return {name for source in sources for name in source.attribute_names}

    @staticmethod
    def _known(key: str, given: set[str], known: set[str]) -> None:
        for name in sorted(given - known):
            hint = did_you_mean(name, sorted(known))
            shown = ", ".join(sorted(known)) or "none"
            raise ValueError(f"{key}: {name!r} is declared by no source. {hint} Declared: {shown}")


def instant(text: str, zone: str) -> int:
    """UTC microseconds of a cut-off: the first instant of a day in the zone, or an ISO instant."""
    try:
        if len(text) == 10:
            return first_instant(date.fromisoformat(text), zone)
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise ValueError(f"as_of: {text!r} is not a day (2026-10-01) or an ISO instant (2026-10-01T08:00)") from error
    if moment.tzinfo is None:
        return clock(zone).utc(moment)
    return round(moment.timestamp()) * 1_000_000 + moment.microsecond


def read_study(path: Path) -> StudySpec:
    """Read and check a study file.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    StudySpec
        Frozen; every path in it is still as written.

    Raises
    ------
    ParameterError
        The file cannot be opened.
    SchemaError
        Every breach found, each with file, line, key, what was given, what is allowed, nearest match.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")])
        raise ParameterError(
            " ".join(f"study={str(path)!r} cannot be read. {near} Give the path of a study.yml.".split()),
            code="CJ-IN-010",
        ) from error
    return parse_study(text, path.name)


def parse_study(text: str, file: str) -> StudySpec:
    """The same from the text of the file; `file` is its name for the messages."""
    source = YamlText(text, file)
    if not isinstance(source.content, dict):
        source.problem((), "the file holds no keys", code="CJ-IN-001", then="begin with study:, title:, zone:, as_of:")
        raise SchemaError(source.problems)
    try:
        spec = StudySpec.model_validate(source.content)
    except ValidationError as error:
        breaches(error, source, StudySpec)
    if source.problems:
        raise SchemaError(source.problems)
    return spec


def json_schema() -> dict[str, Any]:
    """JSON schema of a study file, for editors."""
    schema = StudySpec.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    import json
    import sys

    json.dump(json_schema(), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
