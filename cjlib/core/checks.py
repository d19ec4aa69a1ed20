"""Argument checks, made once at the door of a public function. Each returns the checked value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cjlib.core.errors import ParameterError, did_you_mean


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """`value` if it is one of `allowed`, else an error that names them all.

    Examples
    --------
    >>> one_of("entry", "first", ["first", "any"])
    'first'
    """
    if value not in allowed:
        hint = did_you_mean(str(value), allowed)
        raise ParameterError(
            " ".join(f"{name}={value!r} is not allowed. {hint} Allowed: {', '.join(allowed)}.".split()),
            code="CJ-E04",
        )
    return value


def known_values(
    name: str, values: Sequence[str], known: Iterable[str], *, at_least: int = 1, of: str = "this log"
) -> tuple[str, ...]:
    """`values` as a tuple if each is in `known`; a single string is refused (it is a sequence too)."""
    pool = list(known)
    if isinstance(values, str):
        raise ParameterError(f'{name}={values!r} must be a list, for example ["{values}"].', code="CJ-E05")
    if len(values) < at_least:
        raise ParameterError(f"{name} has {len(values)} value(s); at least {at_least} are needed.", code="CJ-E05")
    for position, value in enumerate(values):
        if value not in pool:
            hint = did_you_mean(str(value), pool)
            shown = ", ".join(pool[:20]) + (" ..." if len(pool) > 20 else "")
            raise ParameterError(
                " ".join(f"{name}[{position}]={value!r} is not in {of}. {hint} Known: {shown}.".split()),
                code="CJ-E06",
            )
    return tuple(values)


def fraction(name: str, value: float) -> float:
    """`value` if strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ParameterError(f"{name}={value!r} must lie strictly between 0 and 1.", code="CJ-E07")
    return float(value)
