"""Every hostile text in every place of every page, in a real browser: nothing runs, nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from cjlib.core.card import render_card
from cjlib.core.text import using
from cjlib.maps.render import render_map
from cjlib.report import exporter, index
from cjlib.report.context import MIME
from tests.browser import samples
from tests.browser.chromium import Chromium
from tests.browser.hostile import PAYLOADS

pytestmark = pytest.mark.browser


def card(text: str) -> dict:
    return {
        "kind": text, "question": text, "answer": text, "definition": text,
        "kpis": [dict.fromkeys(("label", "value", "interval", "n", "definition"), text)],
        "figures": [{"svg": drawing, "alt": text, "caption": text} for drawing in (samples.svg(text), text)],
        "tables": [{"caption": text, "columns": [{"label": text, "align": text, "help": text}], "rows": [[text]]}],
        "notes": [{"code": text, "severity": text, "message": text}], "params": [[text, text]],
    }  # fmt: skip


def journey_map(text: str) -> dict:
    stage = {
        "name": text, "evidence": text, "actions": [text], "channels": [text],
        "touchpoints": [{"name": text, "kind": text, "share": 0.5}, {"name": text, "kind": "owned", "share": text}],
        "emotion": {"mean": 3.0, "ci_low": 2.5, "ci_high": 3.5, "n": 12, "target": 4.0},
        "pains": [{"text": text, "mentions": 3, "quote": text}],
        "opportunities": [{"text": text, "owner": text, "effect": text}], "metrics": {"score": 3.0, "score_kind": text},
    }  # fmt: skip
    return {"title": text, "persona": text, "goal": text, "scope": text, "stages": [stage, stage], "scale": [text, 5]}


def report(text: str, status: str) -> str:
    """A report that holds `text` in every kind of cell, output, block and fact."""
    import pandas as pd

    frame = pd.DataFrame({text: [text, text]}, index=[text, "b"])
    frame.columns.name = text
    cells = [
        new_markdown_cell(f"# {text}\n\n{text}"),
        new_markdown_cell(text),
        new_markdown_cell(f"## {text}\n\n- {text}\n\n> {text}\n\n| {text} |\n|---|\n| {text} |\n\n`{text}`"),
        samples.result(card(text), tags=("kpi",)),
        samples.result(card(text)),
        samples.shown({MIME: {"block": "missing", "what": text, "why": text, "next": text}}),
        samples.shown({MIME: {"block": "map", "model": journey_map(text), "card": card(text)}}),
        samples.shown({MIME: {"block": "start", "title": text, "provenance": {"files": [{"path": text, "sha256": text,
                       "set_aside": {text: 3}}], "as_of": text}}}, source=text or "x"),
        samples.shown({"text/html": text}),
        samples.shown({"text/html": frame.to_html(escape=False)}),
        samples.shown({"text/html": frame.style.set_caption(text).to_html()}),
        samples.shown({"text/markdown": text}),
        samples.shown({"text/latex": text}),
        samples.shown({"text/plain": "1 " + text}),
        samples.shown({"image/svg+xml": text}),
        samples.shown({"image/svg+xml": samples.svg(text)}),
        samples.shown({"image/png": text}),
        samples.shown({"application/javascript": "document.title='taken'"}),
        new_code_cell("x", outputs=[new_output("stream", name=name, text=text) for name in ("stdout", "stderr")]),
        new_code_cell("x", outputs=[new_output("error", ename=text, evalue=text, traceback=[text])]),
    ]  # fmt: skip
    facts = samples.context(
        title=text, slug=text, status=status, reason=text, failed_cell=None, parameters={text: text, "list": [text]},
        started=text, run_id=text, provenance={"software": {text: text}, "code": {"commit": text}},
    )  # fmt: skip
    return exporter.render(samples.notebook(*cells), facts)


def batch(text: str) -> str:
    job = samples.job(text, "failed", title=text, parameters={text: text}, reason=text, page=text, lang=text,
                      kpis=[], previous=text)  # fmt: skip
    good = samples.job("good", title=text, kpis=card(text)["kpis"], study=text)
    facts = {
        "study": text, "title": text, "data": [{"path": text, "sha256": text}], "software": {text: text},
        "code": {"commit": text}, "volatile": {"started": text},
    }  # fmt: skip
    return index.render({**samples.manifest(job, good), **facts}, Path("nowhere"))


def lab(text: str) -> str:
    """What JupyterLab would put into its own page, which has no policy of ours."""
    return f"<!doctype html><title>Lab</title>{render_card(card(text))}{render_map(journey_map(text))}"


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_nothing_runs_and_nothing_is_fetched(browser: Chromium, tmp_path: Path, payload: str) -> None:
    with using("en"):
        pages = {"report": report(payload, "completed"), "failed": report(payload, "failed"),
                 "index": batch(payload), "lab": lab(payload)}  # fmt: skip
    for name, html in pages.items():
        file = tmp_path / f"{name}.html"
        file.write_text(html, encoding="utf-8")
        browser.open(file.as_uri())
        before = browser.evaluate("document.title")
        browser.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
        browser.evaluate("new Promise(done => setTimeout(done, 20))")
        assert browser.evaluate("document.title") == before != "taken"
        assert browser.evaluate("location.href") == file.as_uri()
        assert browser.dialogs == []
        assert browser.outside_requests() == []
        # Nothing was even tried: a policy that has to stop something would say so here.
        assert browser.console == []
        assert browser.evaluate("document.querySelectorAll('script').length") == (0 if name == "lab" else 1)


def test_the_driver_notices_what_these_texts_would_do(browser: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    file.write_text(
        "<!doctype html><title>calm</title><script>alert(1)</script>"
        + PAYLOADS["script"]
        + PAYLOADS["image from elsewhere"]
    )
    browser.open(file.as_uri())
    assert browser.evaluate("document.title") == "taken"
    assert browser.dialogs == ["1"]
    assert browser.outside_requests() == ["http://127.0.0.1:9/out.png"]
