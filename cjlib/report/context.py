"""What a page knows about the run that made it; handed by the runner to the exporter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cjlib.core.text import number, t, tn

MIME = "application/vnd.cjlib+json"
"""MIME type of the blocks through which a notebook speaks to the exporter and the runner."""

Status = Literal["completed", "partial", "failed"]


@dataclass(frozen=True, kw_only=True)
class ReportContext:
    """Facts of one report around its notebook.

    All that changes from run to run is in `started`, `duration_s` and `run_id`, so that a page can keep it
    in one place.

    Parameters
    ----------
    title : str
        Title of the report.
    slug : str
        Its folder below the output folder.
    status : {"completed", "partial", "failed"}
        "partial" when something asked for could not be said.
    reason : str
        Why it failed, in one sentence; empty otherwise.
    failed_cell : int or None
        Number of the cell that failed, as counted by `cjlib.report.cells.code_cells`.
    parameters : mapping of str to JSON value
        Every parameter with its value, defaults included; `run_id` left out.
    lang : str
        Language tag of the page.
    index_href : str
        Relative link to the batch's index.
    started : str
        Start of the run, ISO 8601 in UTC.
    duration_s : float
        Seconds, by the monotonic clock.
    provenance : mapping of str to JSON value
        Versions, commit, and what the "start" block said about the data.
    run_id : str
        Identifier of this run of this report.

    Examples
    --------
    >>> ReportContext(title="Where do customers leave?", slug="20-funnel").status
    'completed'
    """

    title: str
    slug: str
    status: Status = "completed"
    reason: str = ""
    failed_cell: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lang: str = "en"
    index_href: str = "../index.html"
    started: str = ""
    duration_s: float = 0.0
    provenance: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""


def comparisons_made(n: int) -> str:
    """What `n` tests on one page mean for its p-values, in a sentence.

    Examples
    --------
    >>> comparisons_made(40)
    '40 tests were made for this page. If nothing were true, about 2 of them would still give p below 0.05.'
    """
    if not n:
        return t("No statistical test was made for this page.")
    made = tn("{n} test was made for this page.", "{n} tests were made for this page.", n=n)
    by_chance = t("If nothing were true, about {k} of them would still give p below {level}.",
                  k=number(n * 0.05, 0 if n >= 20 else 1), level=number(0.05, 2))  # fmt: skip
    return f"{made} {by_chance}"
