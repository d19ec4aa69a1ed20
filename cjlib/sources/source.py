"""One source of a study: which file, in which format, which column means what."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from cjlib.core.errors import CjlibError
from cjlib.sources.zone import check_zone

NAMED_FORMATS = ("iso", "epoch_s", "epoch_ms", "epoch_us", "excel")
RESERVED = frozenset({
    "customer", "at", "event", "channel", "value", "sequence", "source", "line", "file", "unit", "ordinal", "day",
    "month", "asked_at", "answered_at", "instrument", "score", "comment", "stage", "anonymous", "response",
    "pseudonym", "n_events", "first_at", "last_at",
})  # fmt: skip


class Spec(BaseModel):
    """Base of every part of a study: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=())


def listed(value: Any) -> Any:
    """A single item where a list is allowed."""
    return [value] if isinstance(value, str | dict) else value


def checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`check` whose library errors become plain value errors, for the model to collect."""

    def run(value: Any) -> Any:
        try:
            return check(value)
        except CjlibError as error:
            raise ValueError(str(error)) from error

    return run


def _one_char(value: Any) -> Any:
    value = {"\\t": "\t", "tab": "\t"}.get(value, value)
    if not isinstance(value, str) or len(value) > 1 or (value and (ord(value) > 127 or value in "\r\n")):
        raise ValueError('write exactly one plain character, for example ";" or "\\t"')
    return value


def _separator(value: Any) -> Any:
    if not (value := _one_char(value)):
        raise ValueError('write the one character that separates columns, for example ";" or "\\t"')
    return value


def _thousands(value: Any) -> Any:
    if value not in ("", " ", "\u00a0", "\u202f", ",", ".", "'", "’"):
        raise ValueError('write one of " " (any kind of space), ",", ".", "\'", or "" for none')
    return value


def _encoding(value: Any) -> Any:
    try:
        return codecs.lookup(value).name
    except (LookupError, TypeError) as error:
        raise ValueError(f"{value!r} is not an encoding. Write for example utf-8, cp1252 or latin-1") from error


def _date_format(value: Any) -> Any:
    if value in NAMED_FORMATS or not isinstance(value, str):
        return value  # what is no text is refused by the model
    if "%y" in value or "%D" in value or "%x" in value:
        raise ValueError(f"{value!r} has a year of two digits, which does not tell its century: export four (%Y)")
    day = "%j" in value or ("%d" in value and any(m in value for m in ("%m", "%b", "%B")))
    if "%s" not in value and not ("%Y" in value and day):
        named = ", ".join(NAMED_FORMATS)
        raise ValueError(
            f"{value!r} does not tell year, month and day. Write for example %d/%m/%Y %H:%M, or one of {named}"
        )
    return value


def _columns(value: Any) -> Any:
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ValueError("write the name of a column, or a list of names")
    return value


def _on(value: Any) -> Any:
    return {value: value} if isinstance(value, str) else value


def _budget(value: Any) -> Any:
    text = str(value).strip()
    if re.fullmatch(r"\d+", text) or re.fullmatch(r"\d+(\.\d+)?\s*%", text):
        return text
    raise ValueError(f'{text!r} is not a number of rows (3) or a share ("0.1 %")')


def _attribute_name(name: str) -> str:
    if not name.isidentifier() or name.casefold() in RESERVED or name.startswith("_"):
        why = "is a word of the workbench" if name.casefold() in RESERVED else "is not one word of letters and digits"
        raise ValueError(f"the name {name!r} {why}: choose another")
    return name


_TEXT_OR_LIST = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
Names = Annotated[tuple[str, ...], BeforeValidator(listed), _TEXT_OR_LIST]
Columns = Annotated[tuple[str, ...], BeforeValidator(_columns), _TEXT_OR_LIST]
AttributeName = Annotated[str, BeforeValidator(_attribute_name)]
DateFormat = Annotated[str, BeforeValidator(_date_format)]
Char = Annotated[str, BeforeValidator(_one_char)]


class Format(Spec):
    """How the file is written. Nothing is guessed: what is not declared has the meaning given here."""

    kind: Literal["csv", "parquet"] | None = Field(default=None, description="default: by the name of the file")
    separator: Annotated[str, BeforeValidator(_separator)] = Field(default=",", description="between columns")
    decimal: Literal[".", ","] = Field(default=".", description="decimal mark of numbers")
    thousands: Annotated[str, BeforeValidator(_thousands)] = Field(
        default="", description="between groups of three digits; a space means any kind of space"
    )
    encoding: Annotated[str, BeforeValidator(_encoding)] = Field(default="utf-8", description="text encoding")
    quote: Char = Field(default='"', description="quote character, or empty if quotes are plain text")
    escape: Char = Field(default="", description="character before a quote inside quotes, where not doubled")
    skip_lines: int = Field(default=0, ge=0, description="lines before the header")
    date: Annotated[tuple[DateFormat, ...], BeforeValidator(listed), _TEXT_OR_LIST] = Field(
        default=(), description=f"strptime formats, or one of {', '.join(NAMED_FORMATS)}; undeclared: ISO only"
    )
    zone: Annotated[str, BeforeValidator(checked(check_zone))] | None = Field(
        default=None, description="time zone of instants written without an offset"
    )
    ambiguous: Literal["refuse", "first", "second"] = Field(
        default="refuse", description="the hour that comes twice when clocks go back"
    )
    nonexistent: Literal["refuse", "shift"] = Field(
        default="refuse", description="the hour that is skipped when clocks go forward"
    )
    missing: Names = Field(default=(), description="texts that mean nothing is known, beside the empty field")
    similar_columns: Literal["refuse", "accept"] = Field(
        default="refuse", description="names that differ by case or spaces only"
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.thousands and self.thousands == self.decimal:
            raise ValueError("decimal and thousands are the same character")
        if self.quote == self.separator:
            raise ValueError("quote and separator are the same character")
        return self


class NoDate(Spec):
    """A value that says that its companion columns hold no date."""

    column: str
    value: str
    dates: Names = Field(description="date columns that mean nothing on such rows")


class Join(Spec):
    """A lookup file whose columns become usable; each key stands in it once."""

    path: str
    on: Annotated[dict[str, str], BeforeValidator(_on)] = Field(
        description="key column, or {column here: column there}",
        json_schema_extra={"anyOf": [{"type": "string"}, {"type": "object"}]},
        min_length=1,
        max_length=1,
    )
    format: Format | None = Field(default=None, description="default: the format of the source")


class SourceSpec(Spec):
    """What every kind of source may declare."""

    path: Names = Field(description="file, pattern or list, relative to the data folder", min_length=1)
    format: Format = Format()
    keep: dict[str, Names] = Field(default={}, description="only rows whose column has one of these values")
    join: Join | None = Field(default=None, description="lookup file")
    error_budget: Annotated[str, BeforeValidator(_budget)] = Field(
        default="0",
        description='bad rows tolerated: a number, or a share such as "0.1 %"',
        json_schema_extra={"type": ["string", "integer"]},
    )
    min_rows: int = Field(default=1, ge=0, description="fewest rows of each file")
    duplicates: Literal["drop", "keep", "refuse"] | None = Field(
        default=None, description="rows equal in every mapped column; default drop, keep where order is file"
    )

    def allowed_bad(self, n_rows: int) -> int:
        """Bad rows tolerated among `n_rows`."""
        if self.error_budget.endswith("%"):
            return int(n_rows * float(self.error_budget.rstrip("% ")) / 100)
        return int(self.error_budget)

    @property
    def on_duplicates(self) -> Literal["drop", "keep", "refuse"]:
        """What happens to repeated rows, the default resolved."""
        return self.duplicates or "drop"


class EventColumns(Spec):
    """Columns of an event file."""

    customer: Columns = Field(description="column of the customer id; a list makes one id of several")
    at: str | None = Field(default=None, description="column of the instant")
    event: str | None = Field(default=None, description="column of the event name")
    channel: str | None = None
    value: str | None = Field(default=None, description="column of a number, for example an amount")
    sequence: str | None = Field(default=None, description="column of whole numbers that orders equal instants")


class EventSource(SourceSpec):
    """Behaviour: one event per row, or one milestone per column."""

    columns: EventColumns
    attributes: dict[AttributeName, str] = Field(default={}, description="name in the workbench: column")
    constants: dict[str, str] = Field(
        default={}, description="event, channel or attribute that is the same on all rows"
    )
    milestones: dict[str, str] = Field(default={}, description="event name: date column; an empty cell is no event")
    rename: dict[str, str] = Field(default={}, description="value of the event column: event name")
    no_date: Annotated[tuple[NoDate, ...], BeforeValidator(listed)] = ()
    order: Literal["content", "file"] = Field(default="content", description="file: row order means something")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.milestones and (self.columns.at or self.columns.event or "event" in self.constants):
            raise ValueError("milestones replace columns.at and the event name: declare one or the other")
        if not self.milestones and not (self.columns.at and (self.columns.event or "event" in self.constants)):
            raise ValueError("declare columns.at and columns.event (or constants.event), or milestones")
        for name in ("event", "channel"):
            if name in self.constants and getattr(self.columns, name):
                raise ValueError(f"{name} is declared twice: as a column and as a constant")
        for name in set(self.constants) - {"event", "channel"}:
            _attribute_name(name)
            if name in self.attributes:
                raise ValueError(f"attribute {name!r} is declared twice: as a column and as a constant")
        return self

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Attributes of the events of this source."""
        return (*self.attributes, *(name for name in self.constants if name not in ("event", "channel")))

    @property
    def on_duplicates(self) -> Literal["drop", "keep", "refuse"]:
        """What happens to repeated rows; where file order means something a repetition does too."""
        return self.duplicates or ("keep" if self.order == "file" else "drop")


class ResponseColumns(Spec):
    """Columns of a survey file."""

    customer: Columns
    asked_at: str | None = Field(default=None, description="column of the instant the question was sent")
    answered_at: str = Field(description="column of the instant of the answer; empty: not answered")
    score: str
    comment: str | None = None
    stage: str | None = None


class ResponseSource(SourceSpec):
    """Answers to one instrument; invitations without an answer are rows too."""

    columns: ResponseColumns
    instrument: Literal["nps", "csat", "ces", "other"]
    scale: tuple[float, float] | None = Field(default=None, description="lowest and highest score")
    stage: str | None = Field(default=None, description="stage that every answer of the file is about")
    invitations: Literal["complete", "answers_only"] = Field(
        default="answers_only", description="does the file hold invitations without an answer?"
    )
    attributes: dict[AttributeName, str] = Field(default={}, description="name in the workbench: column")
    no_date: Annotated[tuple[NoDate, ...], BeforeValidator(listed)] = ()

    @model_validator(mode="after")
    def _scale(self) -> Self:
        if self.instrument == "nps" and self.scale not in (None, (0, 10)):
            raise ValueError("the NPS scale is [0, 10]; for another scale the instrument is other")
        if self.invitations == "complete" and not self.columns.asked_at:
            raise ValueError("invitations: complete needs columns.asked_at, the instant of the invitation")
        if self.stage and self.columns.stage:
            raise ValueError("write either stage (one for the whole file) or columns.stage")
        if self.scale and self.scale[0] >= self.scale[1]:
            raise ValueError("scale: the lowest score comes first")
        if self.instrument in ("csat", "ces") and not self.scale:
            raise ValueError(f"declare the scale of {self.instrument}, for example [1, 5]")
        return self

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Lowest and highest score, the NPS scale being known."""
        return (0.0, 10.0) if self.instrument == "nps" else self.scale

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Attributes of the answers of this source."""
        return tuple(self.attributes)


class CustomerColumns(Spec):
    """Columns of a customer file."""

    customer: Columns


class CustomerSource(SourceSpec):
    """One row per customer."""

    columns: CustomerColumns
    attributes: dict[AttributeName, str] = Field(default={}, description="name in the workbench: column")
    dates: dict[AttributeName, str] = Field(default={}, description="name in the workbench: date column")

    @property
    def on_duplicates(self) -> Literal["drop", "keep", "refuse"]:
        """One row per customer: repeated rows are dropped or refused, never kept."""
        return "refuse" if self.duplicates == "refuse" else "drop"

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Attributes of the customers of this source."""
        return tuple(self.attributes)


class IdentityColumns(Spec):
    """Columns of an identity file."""

    anonymous: Columns
    customer: Columns


class IdentitySource(SourceSpec):
    """Which anonymous id (cookie, device) is which customer."""

    columns: IdentityColumns
