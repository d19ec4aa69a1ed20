"""Text catalogue, numbers and dates in the language of the report.

English messages are the keys (gettext convention); `locale/fr.po` holds the French ones. The active
language is a context variable, never the C locale: `locale.setlocale` fails on bare machines.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "fr")
UNKNOWN = "–"  # what is printed for NaN; the reason is always a Note
_language: ContextVar[str] = ContextVar("cjlib_language", default="en")


def language() -> str:
    """Active language tag, for example "en", "fr" or "fr_CH"."""
    return _language.get()


def set_language(tag: str) -> None:
    """Make `tag` the language of everything rendered from now on; its first part must be known."""
    from cjlib.core.errors import ParameterError

    if tag.split("_", maxsplit=1)[0] not in LANGUAGES:
        raise ParameterError(
            f"lang={tag!r} is not available. Available: {', '.join(LANGUAGES)} (also fr_CH, fr_CA...).",
            code="CJ-E02",
        )
    _language.set(tag)


@contextmanager
def using(tag: str) -> Iterator[None]:
    r"""Render in `tag` inside the block.

    Examples
    --------
    >>> with using("fr"):
    ...     percent(0.081)
    '8,1\xa0%'
    """
    token = _language.set(_language.get())
    try:
        set_language(tag)
        yield
    finally:
        _language.reset(token)


@functools.cache
def catalogue(short: str) -> dict[str | tuple[str, ...], str | tuple[str, ...]]:
    """Messages of one language, read once from its .po file."""
    if short == "en":
        return {}
    from babel.messages.pofile import read_po

    with files("cjlib.core").joinpath(f"locale/{short}.po").open("rb") as handle:
        entries = read_po(handle, locale=short)
    return {_fixed(entry.id): _fixed(entry.string) for entry in entries if entry.id and entry.string}


def _fixed(text: str | Sequence[str]) -> str | tuple[str, ...]:
    return text if isinstance(text, str) else tuple(text)


def _translate(message: str) -> str:
    found = catalogue(language().split("_")[0]).get(message, message)
    return found if isinstance(found, str) else message


def t(message: str, **values: Any) -> str:
    """Translate `message`, then fill `{name}` fields; plain ints get the language's grouping.

    Examples
    --------
    >>> t("{n} customers", n=1240)
    '1,240 customers'
    """
    text = _translate(message)
    return text.format(**{key: _plain(value) for key, value in values.items()}) if values else text


def tn(singular: str, plural: str, n: int, **values: Any) -> str:
    """Translate with the plural form that `n` asks for; `{n}` is filled with `n`.

    Examples
    --------
    >>> tn("{n} answer", "{n} answers", 1), tn("{n} answer", "{n} answers", 2000)
    ('1 answer', '2,000 answers')
    """
    forms = catalogue(language().split("_")[0]).get((singular, plural))
    if isinstance(forms, tuple | list) and forms:
        # French uses the singular for 0 and 1; both catalogues have two forms.
        text = forms[0] if n < 2 else forms[1]
    else:
        text = singular if n == 1 else plural
    return text.format(n=number(n), **{key: _plain(value) for key, value in values.items()})


def _plain(value: Any) -> Any:
    return number(value) if isinstance(value, int) and not isinstance(value, bool) else value


def number(value: float | None, digits: int = 0) -> str:
    """Number with the language's separators and exactly `digits` decimals; NaN is an en dash.

    A negative number has a true minus sign (U+2212), as in `points`: a hyphen may break off its number.

    Examples
    --------
    >>> number(1234567.891, 1), number(-0.27, 2)
    ('1,234,567.9', '−0.27')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return t("not reached")
    from babel.numbers import format_decimal

    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    text: str = format_decimal(round(value, digits) + 0.0, format=pattern, locale=language())
    return text.replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """Share between 0 and 1 as a percentage, in the language's manner (`8.1%`, `8,1 %`).

    Examples
    --------
    >>> percent(0.0814)
    '8.1%'
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    return number(100 * value, digits) + t("%")


def points(value: float | None, digits: int = 0) -> str:
    """Signed points, as for NPS (`+23`, `-8` with a true minus sign)."""
    if value is None or math.isnan(value):
        return UNKNOWN
    sign = "+" if round(value, digits) > 0 else "−" if round(value, digits) < 0 else ""
    return sign + number(abs(value), digits)


def days(value: float | None) -> str:
    """Duration in days, with a unit fit for its size (`26 h`, `3.4 days`, `34 days`).

    Examples
    --------
    >>> days(3.42), days(0.5), days(34.2), days(0.01)
    ('3.4 days', '12 h', '34 days', '14 min')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return t("not reached")
    if value == 0:
        return t("{x} days", x=0)
    if value < 1 / 24:
        return t("{x} min", x=number(value * 1440))
    if value < 2:
        return t("{x} h", x=number(value * 24))
    return t("{x} days", x=number(value, 1 if value < 10 else 0))


def interval(low: float, high: float, form: Any = number) -> str:
    """The two limits of an interval, each written by `form`.

    Examples
    --------
    >>> interval(0.101, 0.152, percent)
    '10.1% to 15.2%'
    """
    return t("{low} to {high}", low=form(low), high=form(high))


def day(value: date | datetime | None) -> str:
    """Calendar day in words (`21 November 2026`, `21 novembre 2026`)."""
    if value is None or str(value) == "NaT":
        return UNKNOWN
    from babel.dates import format_date

    text: str = format_date(value, format="d MMMM y", locale=language())
    # The first of a month is an ordinal in French, which the locale data leave to the caller.
    return "1er" + text[1:] if language().startswith("fr") and text.startswith("1 ") else text
