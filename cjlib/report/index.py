"""The page that lists a batch: what needs attention first, then every report with its key figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cjlib.core.pages import environment
from cjlib.core.text import LANGUAGES, number, t, tn, using
from cjlib.report.exporter import document
from cjlib.report.sanitise import without_paths

_URGENCY = {"failed": 0, "interrupted": 1, "partial": 2, "planned": 3, "running": 3}
_SHOWN_KPIS = 3


def render(manifest: Mapping[str, Any], folder: Path) -> str:
    """Index page of the batch that `manifest` describes; the same manifest gives the same bytes.

    Parameters
    ----------
    manifest : mapping
        Content of `manifest.json` (see `cjlib.report.manifest`); absent parts are left out.
    folder : Path
        Where the pages lie; an older good page is offered only if it is there.

    Returns
    -------
    str
        A complete HTML document.

    Examples
    --------
    >>> "No report yet" in render({"jobs": []}, Path("reports"))
    True
    """
    jobs = [job for job in manifest.get("jobs") or [] if isinstance(job, Mapping)]
    with using(_language(manifest, jobs)):
        rows = [_row(job, manifest, folder) for job in jobs]
        attention = sorted((row for row in rows if row["attention"]), key=lambda row: row["urgency"])
        volatile = _mapping(manifest.get("volatile"))
        code = _mapping(manifest.get("code") or manifest.get("git"))
        software = _mapping(manifest.get("software") or manifest.get("versions"))
        return document(
            environment("cjlib.report"),
            "index.html.j2",
            sheets=("tokens.css", "card.css", "page.css", "index.css"),
            script="index.js",
            title=_title(manifest.get("title")) or t("Journey reports"),
            study=str(manifest.get("study") or ""),
            counts=_counts(rows),
            attention=attention,
            groups=_groups([row for row in rows if not row["attention"]]),
            n=len(rows),
            files=[_file(file) for file in manifest.get("data") or [] if isinstance(file, Mapping)],
            software=[(str(name), str(version)) for name, version in software.items() if version],
            commit=str(code.get("commit") or ""),
            dirty=bool(code.get("dirty")),
            started=str(volatile.get("started") or manifest.get("started") or ""),
            duration=_seconds(volatile.get("duration_s", manifest.get("duration_s"))),
        )


def _language(manifest: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> str:
    """Language of the page: the manifest's, else the one that all reports share, else English."""
    spoken = {str(job.get("lang") or "en") for job in jobs}
    tag = str(manifest.get("lang") or (spoken.pop() if len(spoken) == 1 else "en"))
    return tag if tag.partition("_")[0] in LANGUAGES else "en"


def _title(given: Any) -> str:
    """Title of a study, which may be a text or one text per language."""
    if isinstance(given, Mapping):
        from cjlib.core.text import language

        return str(given.get(language().partition("_")[0]) or next(iter(given.values()), ""))
    return str(given or "")


def _row(job: Mapping[str, Any], manifest: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    volatile = _mapping(_mapping(_mapping(manifest.get("volatile")).get("jobs")).get(str(job.get("slug"))))
    status = str(job.get("status") or "planned")
    notes = _mapping(job.get("notes"))
    previous = str(job.get("previous") or "")
    cell = job.get("failed_cell")
    stale = job.get("stale") is True or job.get("current") is False
    return {
        "title": _title(job.get("title")) or str(job.get("slug") or ""),
        "href": _href(job.get("page") or job.get("href")),
        "previous": _href(previous) if previous and (folder / previous).is_file() else "",
        "status": status,
        "urgency": _URGENCY.get(status, 4),
        "attention": status in _URGENCY,
        "reason": without_paths(str(job.get("reason") or "")),
        "cell": cell if isinstance(cell, int) else None,
        "kpis": [_kpi(kpi) for kpi in (job.get("kpis") or [])[:_SHOWN_KPIS] if isinstance(kpi, Mapping)],
        "cautions": _count(notes.get("caution")),
        "limits": _count(notes.get("limit")),
        "parameters": [
            (str(name), without_paths(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
            for name, value in _mapping(job.get("parameters")).items()
            if value not in ("", None) and name not in {"study", "lang", "data", "run_id"}
        ],
        "duration": _seconds(volatile.get("duration_s", job.get("duration_s"))),
        "stale": stale,
        "lang": str(job.get("lang") or "en").replace("_", "-"),
        "study": str(job.get("study") or _mapping(job.get("parameters")).get("study") or manifest.get("study") or ""),
    }


def _href(given: Any) -> str:
    """A link to a page beside this one, or none: an address elsewhere is not a report."""
    text = str(given or "")
    return "" if ":" in text or "\\" in text or text.startswith("/") else text


def _kpi(kpi: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(kpi.get(name) or "") for name in ("about", "label", "value", "interval", "n")}


def _counts(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """How many reports have which status, the urgent ones first."""
    tally = {status: sum(row["status"] == status for row in rows) for status in [*_URGENCY, "completed"]}
    words = {
        "failed": ("{n} failed", "{n} failed"),
        "interrupted": ("{n} interrupted", "{n} interrupted"),
        "partial": ("{n} partial", "{n} partial"),
        "planned": ("{n} not run yet", "{n} not run yet"),
        "running": ("{n} running", "{n} running"),
        "completed": ("{n} completed", "{n} completed"),
    }
    return [(status, tn(*words[status], count)) for status, count in tally.items() if count]


def _groups(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Completed reports by study and language, each in the order of the batch."""
    several = len({row["study"] for row in rows}) > 1
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["study"] if several else "", row["lang"]), []).append(row)
    return [
        {"study": study, "lang": lang, "name": _language_name(lang), "rows": members}
        for (study, lang), members in found.items()
    ]


def _language_name(tag: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(tag, sep="-").get_display_name()).capitalize()
    except (UnknownLocaleError, ValueError):
        return tag


def _file(file: Mapping[str, Any]) -> dict[str, str]:
    rows = [file.get(name) for name in ("rows_in", "rows_used")]
    return {
        "path": without_paths(str(file.get("path") or "")),
        "rows_in": number(rows[0]) if isinstance(rows[0], int) else "–",
        "rows_used": number(rows[1]) if isinstance(rows[1], int) else "–",
        "sha256": str(file.get("sha256") or ""),
    }


def _seconds(value: Any) -> str:
    return t("{x} s", x=number(value, 0 if value >= 10 else 1)) if isinstance(value, int | float) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
