"""Which declarations would fit these texts? For hints in problems and for drafts; never for reading."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

DATE_FORMATS = (
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y",
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y",
    "%m-%d-%Y %H:%M", "%m-%d-%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y%m%d", "%Y%m%d%H%M%S", "%d %b %Y", "%b %d, %Y",
    "%d-%b-%Y", "%d %B %Y",
)  # fmt: skip
_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( ?(?P<offset>[zZ]|[+-]\d\d(:?\d\d)?))?)?")
_TWO_DIGIT = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}(\D.*)?")
_NUMERIC = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}.*")
_SPACE = "[ \u00a0\u202f\u2009]"
NUMBER_FORMS = {
    (".", ""): r"[-+]?\d+(\.\d+)?",
    (",", ""): r"[-+]?\d+(,\d+)?",
    (",", " "): rf"[-+]?\d{{1,3}}({_SPACE}\d{{3}})*(,\d+)?",
    (".", " "): rf"[-+]?\d{{1,3}}({_SPACE}\d{{3}})*(\.\d+)?",
    (",", "."): r"[-+]?\d{1,3}(\.\d{3})*(,\d+)?",
    (".", ","): r"[-+]?\d{1,3}(,\d{3})*(\.\d+)?",
}


def is_iso(text: str) -> bool:
    """Tell an ISO 8601 day or instant."""
    return bool(_ISO.fullmatch(text.strip())) and _valid_iso(text.strip())


def has_offset(text: str) -> bool:
    """Tell an ISO instant that carries its offset from UTC."""
    found = _ISO.fullmatch(text.strip())
    return bool(found and found["offset"])


def _valid_iso(text: str) -> bool:
    return parse(text, "iso") is not None


def parse(text: str, form: str) -> datetime | None:
    """The instant that `form` reads in `text`, without zone, or None."""
    try:
        if form == "iso":
            head = re.sub(r" ?([zZ]|[+-]\d\d(:?\d\d)?)$", "", text.strip()) if ":" in text else text.strip()
            return datetime.fromisoformat(head.replace(" ", "T")[:26])
        return datetime.strptime(text.strip(), form)  # noqa: DTZ007 - the zone is declared beside
    except ValueError:
        return None


def fitting_dates(texts: Sequence[str]) -> list[str]:
    """Formats that read every one of `texts`, the most usual first.

    Examples
    --------
    >>> fitting_dates(["31/12/2025 10:00", "01/02/2026 09:30"]), fitting_dates(["03/04/2026"])
    (['%d/%m/%Y %H:%M'], ['%d/%m/%Y', '%m/%d/%Y'])
    """
    if not texts:
        return []
    if all(is_iso(text) for text in texts):
        return ["iso"]
    return [form for form in DATE_FORMATS if all(parse(text, form) is not None for text in texts)]


def fitting_numbers(texts: Sequence[str]) -> list[tuple[str, str]]:
    """(decimal, thousands) under which every one of `texts` is a number, the simplest first.

    Examples
    --------
    >>> fitting_numbers(["12,50", "1 234,56"])
    [(',', ' ')]
    """
    if not texts:
        return []
    return [form for form, rule in NUMBER_FORMS.items() if all(re.fullmatch(rule, text.strip()) for text in texts)]


def two_digit_year(text: str) -> bool:
    """Tell a day such as 03/04/26."""
    return bool(_TWO_DIGIT.fullmatch(text.strip())) and not _NUMERIC.fullmatch(text.strip())


def both_readings(text: str) -> tuple[str, str] | None:
    """The two days that `text` may mean, if day and month can be exchanged.

    Examples
    --------
    >>> both_readings("03/04/2026 10:00")
    ('3 April 2026', '4 March 2026')
    """
    found = re.match(r"\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\b", text)
    if not found:
        return None
    first, second, year = (int(part) for part in found.groups())
    if not (1 <= first <= 12 and 1 <= second <= 12):
        return None
    return _day(year, second, first), _day(year, first, second)


def _day(year: int, month: int, day: int) -> str:
    moment = datetime(year, month, day)
    return f"{day} {moment:%B} {year}"


def number_as_date(text: str) -> tuple[str, str] | None:
    """(format name, reading) of digits that look like an epoch or a spreadsheet serial.

    Examples
    --------
    >>> number_as_date("1767225600"), number_as_date("46023")
    (('epoch_s', '2026-01-01'), ('excel', '2026-01-01'))
    """
    digits = text.strip()
    whole = digits.split(".")[0]
    if not re.fullmatch(r"\d+(\.\d+)?", digits):
        return None
    scale = {10: ("epoch_s", 1.0), 13: ("epoch_ms", 1e3), 16: ("epoch_us", 1e6)}.get(len(whole))
    if scale:
        moment = datetime.fromtimestamp(float(digits) / scale[1], UTC)
        return scale[0], f"{moment:%Y-%m-%d}"
    if len(whole) == 5 and 20_000 <= int(whole) <= 80_000:
        return "excel", f"{datetime(1899, 12, 30) + timedelta(days=int(whole)):%Y-%m-%d}"
    return None
