"""Hand-made notebooks, contexts, maps and manifests: what a page is made from, without running anything."""

from __future__ import annotations

import base64
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cjlib.report.context import MIME, ReportContext

HASHES = ("9f2c4e81a07b6d13" * 4, "17aa03f59e4c2b80" * 4)
FILES = [
    {
        "path": "web.csv",
        "sha256": HASHES[0],
        "rows_in": 48210,
        "rows_used": 48102,
        "set_aside": {"no customer id": 108},
    },
    {"path": "nps.csv", "sha256": HASHES[1], "rows_in": 1840, "rows_used": 1840, "set_aside": {}},
]
SOFTWARE = {"python": "3.11.7", "cjlib": "0.1.0", "pandas": "2.3.3", "lifelines": "0.30.3"}
CODE = {"commit": "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "dirty": True}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nnot really a picture").decode()
ALT = "Funnel of 3 steps: 12 000 visits, 3 100 carts and 980 purchases, 8.2 % of all."


def svg(text: str = "12 000") -> str:
    """A small figure as `to_svg` writes it, with an id that is used twice."""
    return (
        '<svg viewBox="0 0 400 200" xmlns="http://www.w3.org/2000/svg"><defs><clipPath id="c"><rect width="400" '
        'height="200"/></clipPath></defs><g clip-path="url(#c)"><rect x="10" y="20" width="300" height="40" '
        f'fill="#2b6f77"/></g><text x="320" y="45" font-size="14">{text}</text></svg>'
    )


def kpi(label: str = "Conversion to purchase") -> dict[str, str]:
    return {
        "label": label,
        "value": "8.2%",
        "interval": "95 % CI 7.7% to 8.7%",
        "n": "n = 12,000",
        "definition": "Customers who bought within 30 days, over all whose 30 days are over.",
    }


def card(question: str = "Where do customers leave?", **changes: Any) -> dict[str, Any]:
    return {
        "kind": "funnel",
        "question": question,
        "answer": "Of 12,000 customers, 8.2% [7.7% to 8.7%] bought within 30 days.",
        "kpis": [kpi()],
        "figures": [{"svg": svg(), "alt": ALT, "caption": "12,000 customers, complete up to 1 October 2026."}],
        "tables": [
            {
                "caption": "Customers by step",
                "columns": [
                    {"label": "Step", "align": "left", "help": ""},
                    {"label": "Reached", "align": "right", "help": "customers who reached the step"},
                ],
                "rows": [["visit", "12,000"], ["cart", "3,100"], ["purchase", "980"]],
            }
        ],
        "notes": [
            {"code": "CJ-ST-004", "severity": "info", "message": "412 customers are still inside their window."},
            {"code": "CJ-PV-001", "severity": "caution", "message": "Some cells are hidden."},
            {"code": "CJ-ST-009", "severity": "limit", "message": "One group has 23 customers."},
        ],
        "params": [["window", "30 days"], ["entry", "first"]],
        "definition": "A customer reaches a step if the events occur in order.",
        **changes,
    }


def shown(data: dict[str, Any], *, tags: tuple[str, ...] = (), source: str = "show()") -> NotebookNode:
    """A code cell with one output."""
    output = new_output("display_data", data={"text/plain": "<something>", **data})
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=[output])


def result(content: dict[str, Any] | None = None, *, tags: tuple[str, ...] = ()) -> NotebookNode:
    block = {"block": "result", "card": content or card(), "result": {}}
    return shown({MIME: block}, tags=tags, source="page.ask(funnel, steps=['visit', 'cart'])  # the funnel")


def notebook(*cells: NotebookNode) -> NotebookNode:
    return new_notebook(cells=list(cells))


def report() -> NotebookNode:
    """A whole report: every kind of block, Markdown, foreign outputs, logs."""
    start = {
        "block": "start",
        "title": "",
        "provenance": {"files": FILES, "as_of": "2026-10-01", "zone": "Europe/Paris"},
    }
    missing = {"block": "missing", "what": "satisfaction", "why": "No survey answers.", "next": "add a file."}
    return notebook(
        new_markdown_cell("# Where do customers leave?\n\nFor the shop: *which step* to repair first."),
        new_code_cell("study: str = 'demo'\nwindow_days: int = 30", metadata={"tags": ["parameters"]}),
        new_code_cell("study = 'demo'", metadata={"tags": ["injected-parameters"]}),
        shown({MIME: start}),
        new_markdown_cell("## Answer first"),
        result(tags=("kpi",)),
        new_markdown_cell(
            "## What they did\n\nSee `cart`.\n\n#### Deep heading\n\n| a | n |\n|---|--:|\n| x | 12 |\n| y | 9 |"
        ),
        result(card("How long does it take?", figures=[])),
        shown({"text/html": "<table><thead><tr><th>a</th></tr></thead><tr><th>r</th><td>1</td></tr></table>"}),
        shown({"image/svg+xml": svg("own")}),
        shown({"image/png": PNG}),
        shown({"text/plain": "17 rows"}),
        shown({MIME: missing}),
        new_code_cell("print('x')", outputs=[new_output("stream", name="stdout", text="read 48210 rows\n")]),
        new_markdown_cell("## Limits\n\n> I gave up when I had to create an account."),
        shown({MIME: {"block": "finish", "run_id": "r-7f3a", "n_results": 2, "comparisons": 6}}),
    )  # fmt: skip


def context(**changes: Any) -> ReportContext:
    facts = {
        "title": "",
        "slug": "20_funnel",
        "status": "partial",
        "parameters": {"study": "demo", "lang": "en", "where": "persona=Camille", "window_days": 30, "by": ""},
        "started": "2026-11-21T23:06:46Z",
        "duration_s": 12.34,
        "run_id": "r-7f3a",
        "provenance": {"software": SOFTWARE, "code": CODE},
        **changes,
    }
    return ReportContext(**facts)


def emotion(mean: float, n: int = 212, **changes: Any) -> dict[str, Any]:
    return {"mean": mean, "ci_low": mean - 0.2, "ci_high": mean + 0.2, "n": n, "target": 3.8, **changes}


def stage(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "evidence": "measured",
        "actions": ["Compares three offers", "Reads reviews"],
        "touchpoints": [
            {"name": "Product page", "kind": "owned", "share": 0.54},
            {"name": "Social ad", "kind": "paid", "share": 0.31},
            {"name": "Word of mouth", "kind": "earned", "share": 0.15},
        ],
        "channels": ["web", "mobile"],
        "emotion": emotion(3.6),
        "pains": [{"text": "Fees shown late", "mentions": 96, "quote": "I find 9 € of fees at the last click."}],
        "opportunities": [{"text": "Show the fees early", "owner": "Shop", "effect": "strong"}],
        "metrics": {
            "passage": 0.419, "passage_low": 0.408, "passage_high": 0.43,
            "median_days": 3.4, "score": -8, "score_kind": "NPS",
        },
        **changes,
    }  # fmt: skip


def journey_map(*stages: dict[str, Any]) -> dict[str, Any]:
    default = (
        stage("Awareness"),
        stage("Decision", emotion=emotion(2.1, 164)),
        stage("Reception", evidence="partial", emotion=emotion(4.1, 31)),
        {"name": "Loyalty", "evidence": "hypothesis"},
    )
    return {
        "title": "Journey map", "persona": "Camille", "goal": "Furnish her home", "scope": "Summer 2026",
        "n_responses": 842, "n_events": 48210, "scale": [1, 5], "stages": list(stages or default),
    }  # fmt: skip


def job(slug: str, status: str = "completed", **changes: Any) -> dict[str, Any]:
    return {
        "slug": slug, "notebook": "20_funnel", "title": f"Report {slug}", "lang": "en",
        "parameters": {"study": "demo", "where": "persona=Camille", "window_days": 30},
        "status": status, "reason": "", "failed_cell": None, "page": f"{slug}/report.html",
        "kpis": [kpi(), kpi("Median time"), kpi("NPS")], "notes": {"info": 1, "caution": 2, "limit": 0}, **changes,
    }  # fmt: skip


def manifest(*jobs: dict[str, Any]) -> dict[str, Any]:
    default = (
        job("good"),
        job("fr", lang="fr", title="Où les clients partent-ils ?"),
        job("bad", "failed", kpis=[], reason="survey.csv has no column “touchpoint”", failed_cell=6),
        job("half", "partial", notes={"info": 0, "caution": 0, "limit": 1}),
    )
    return {
        "schema": 1, "study": "demo", "title": "Shop, autumn 2026", "software": SOFTWARE, "code": CODE, "data": FILES,
        "jobs": list(jobs or default),
        "volatile": {"started": "2026-11-21T23:06:46Z", "duration_s": 84.2, "jobs": {"good": {"duration_s": 3.2}}},
    }  # fmt: skip
