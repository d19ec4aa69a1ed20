"""Jinja environment of everything that becomes HTML: escaping is on, templates come with the package."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from cjlib.core.text import day, days, language, number, percent, points, t, tn

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


@functools.cache
def environment(*rooms: str) -> Environment:
    """Environment whose templates lie in the `templates` folders of cjlib.core and of `rooms`.

    Examples
    --------
    >>> environment().from_string("<p>{{ text }}</p>").render(text="<script>")
    '<p>&lt;script&gt;</p>'
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(room) for room in ("cjlib.core", *rooms)])
    jinja = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )

    @functools.cache
    def css(name: str) -> Markup:
        """Style sheet `name` without comments and indents."""
        source = loader.get_source(jinja, name)[0]
        # Our own file: nothing of a report enters it.
        return safe(re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL)).strip())

    jinja.globals |= {
        "t": t, "tn": tn, "number": number, "percent": percent, "points": points, "days": days,
        "css": css, "moment": moment, "language": language, "severity_word": severity_word, "status_word": status_word,
    }  # fmt: skip
    return jinja


def safe(html: str) -> Markup:
    """Vouch for HTML that a cleaner or one of our own templates wrote; nothing else may come through here."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704 (the one place; every caller says where its HTML comes from)


def moment(iso: str) -> str:
    """An instant as a reader wants it: the day in words, and the time where it is not midnight.

    Examples
    --------
    >>> moment("2026-07-01T00:00:00+02:00"), moment("2026-11-22T10:08:53+00:00"), moment("x")
    ('1 July 2026', '22 November 2026, 10:08 UTC', 'x')
    """
    from datetime import datetime

    try:
        instant = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = instant.tzname() or ""
    clock = f"{instant:%H:%M} {zone}".strip()
    return day(instant) if clock.startswith("00:00") else f"{day(instant)}, {clock}"


def severity_word(severity: str) -> str:
    """Word for a note's severity, so that colour never speaks alone."""
    return {"limit": t("Limit"), "caution": t("Caution")}.get(severity, t("Note"))


def status_word(status: str) -> str:
    """Word for a report's status."""
    words = {
        "failed": t("Failed"),
        "partial": t("Partial"),
        "interrupted": t("Interrupted"),
        "planned": t("Not run yet"),
        "running": t("Running"),
    }
    return words.get(status, t("Completed"))
