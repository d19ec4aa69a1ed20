"""Which fields the staging table of a source has, and which file columns they are made of."""

from __future__ import annotations

from cjlib.sources.interviews import InterviewSource
from cjlib.sources.source import CustomerSource, EventSource, IdentitySource, ResponseSource, SourceSpec
from cjlib.sources.stage import Field


def fields_of(source: SourceSpec) -> list[Field]:
    """Fields of a source, in the order of its staging table."""
    if isinstance(source, EventSource):
        return _events(source)
    if isinstance(source, ResponseSource):
        return _responses(source)
    if isinstance(source, InterviewSource):
        return _interviews(source)
    if isinstance(source, CustomerSource):
        dates = [Field(name=key, role="instant", columns=(column,)) for key, column in source.dates.items()]
        return [_id("customer", source.columns.customer), *_attributes(source.attributes), *dates]
    if isinstance(source, IdentitySource):
        return [_id("anonymous", source.columns.anonymous), _id("customer", source.columns.customer)]
    raise TypeError(f"unknown kind of source: {type(source).__name__}")


def milestone(event: str) -> str:
    """Staging column of a milestone; the prefix keeps it apart from attributes."""
    return f"at:{event}"


def _id(name: str, columns: tuple[str, ...]) -> Field:
    return Field(name=name, role="id", columns=columns)


def _attributes(columns: dict[str, str]) -> list[Field]:
    return [Field(name=key, role="text", columns=(column,)) for key, column in columns.items()]


def _optional(name: str, role: str, column: str | None) -> list[Field]:
    return [Field(name=name, role=role, columns=(column,))] if column else []  # type: ignore[arg-type]


def _events(source: EventSource) -> list[Field]:
    columns = source.columns
    fields = [_id("customer", columns.customer)]
    for event, column in source.milestones.items():
        fields.append(Field(name=milestone(event), role="instant", columns=(column,)))
    if columns.at:
        fields.append(Field(name="at", role="instant", columns=(columns.at,), required=True))
    if columns.event:
        named = Field(name="event", role="text", columns=(columns.event,), required=True, rename=source.rename)
        fields.append(named)
    fields += _optional("channel", "text", columns.channel)
    fields += _optional("value", "number", columns.value)
    fields += _optional("sequence", "whole", columns.sequence)
    fields += _attributes(source.attributes)
    fields += [Field(name=key, role="text", constant=text) for key, text in source.constants.items()]
    return fields


def _interviews(source: InterviewSource) -> list[Field]:
    columns = source.columns
    return [
        _id("customer", columns.customer),
        Field(name="at", role="instant", columns=(columns.at,), required=True),
        Field(name="code", role="text", columns=(columns.code,)),
        *_optional("note", "text", columns.note),
        *_optional("coder", "text", columns.coder),
        *_optional("interview", "text", columns.interview),
        *_attributes(source.attributes),
    ]


def _responses(source: ResponseSource) -> list[Field]:
    columns = source.columns
    whole = source.instrument in ("nps", "csat", "ces")
    score = Field(name="score", role="number", columns=(columns.score,), scale=source.bounds, whole=whole)
    return [
        _id("customer", columns.customer),
        *_optional("asked_at", "instant", columns.asked_at),
        Field(name="answered_at", role="instant", columns=(columns.answered_at,)),
        score,
        *_optional("comment", "text", columns.comment),
        *_optional("stage", "text", columns.stage),
        *_attributes(source.attributes),
    ]
