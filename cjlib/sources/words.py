"""Texts and lengths of time in a study file: how they are written and how they are checked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from cjlib.core import duration
from cjlib.core.errors import ParameterError
from cjlib.core.text import LANGUAGES


def check_localized(value: Any) -> Any:
    """A text, or one text per language."""
    if isinstance(value, dict):
        if not set(value) <= set(LANGUAGES) or not all(value.values()):
            raise ValueError(f"write a text, or one per language ({', '.join(LANGUAGES)})")
        return value
    if not value or isinstance(value, list):
        raise ValueError(f"a text is expected here, or one per language ({', '.join(LANGUAGES)})")
    return value


def check_duration(value: Any) -> Any:
    """A length of time with its unit."""
    try:
        duration.microseconds("duration", value)
    except ParameterError as error:
        raise ValueError("write a length of time with its unit, for example 30 days, 12 h or 45 min") from error
    return value


Localized = Annotated[
    str | dict[str, str],
    BeforeValidator(check_localized),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}),
]
Duration = Annotated[str, BeforeValidator(check_duration), Field(examples=["30 days", "12 h"])]
