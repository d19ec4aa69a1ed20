"""One kind of contradiction between an answer and a deed, as a study declares it under `ledger`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from cjlib.core import duration
from cjlib.sources.source import Names, Spec
from cjlib.sources.words import Duration, Localized


def _said(value: Any) -> Any:
    if isinstance(value, str):
        if value not in ("best", "worst"):
            raise ValueError("write best, worst, or a list of answers, for example [9, 10]")
        return value
    if isinstance(value, list | tuple) and value:
        return tuple(one if isinstance(one, str) else f"{one:g}" for one in value)
    raise ValueError("write best, worst, or a list of answers, for example [9, 10]")


Said = Annotated[
    Literal["best", "worst"] | tuple[str, ...],
    BeforeValidator(_said),
    WithJsonSchema({"anyOf": [{"enum": ["best", "worst"]},
                              {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1}]}),
]  # fmt: skip


class LedgerTypeSpec(Spec):
    """Words and a deed that do not go together: who said this and did (or had lived through) that."""

    name: Localized
    instrument: str | None = Field(default=None, description="which scores, where the study has several instruments")
    attribute: str | None = Field(default=None, description="attribute of the answer that is looked at, not the score")
    stage: str | None = Field(default=None, description="only the answers about this stage")
    said: Said = Field(description="best, worst, or the answers that count")
    before: Names = Field(default=(), description="events of which one had happened before the answer")
    after: Names = Field(default=(), description="events of which one follows the answer")
    absent: Names = Field(default=(), description="events of which none follows")
    within: Duration | None = Field(
        default=None,
        description="how long after the answer (and, for absent, after the event in after); "
        "without after and absent: how long before the answer",
    )
    end: Names = Field(default=(), description="events after which an answer is refused: the customer had left")

    @property
    def within_us(self) -> int | None:
        """Length of `within` in microseconds."""
        return None if self.within is None else duration.microseconds("within", self.within)

    @property
    def looks_ahead(self) -> bool:
        """True if the deed comes after the answer."""
        return bool(self.after or self.absent)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not (self.before or self.after or self.absent):
            raise ValueError("write before, after or absent: a contradiction needs a deed")
        if self.looks_ahead and not self.within:
            raise ValueError("after and absent need within, a length of time")
        if isinstance(self.said, str):
            if self.attribute:
                raise ValueError("best and worst belong to a score; list the values of the attribute")
        elif not self.attribute:
            wrong = [one for one in self.said if not one.lstrip("-").replace(".", "", 1).isdecimal()]
            if wrong:
                raise ValueError(f"{wrong[0]!r} is not a score; write best, worst, or a list such as [9, 10]")
        return self
