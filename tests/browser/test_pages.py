"""Pages in a real browser: accessible in both themes and widths, no request, nothing cut off, printable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_markdown_cell

from cjlib.core.card import render_card
from cjlib.core.text import using
from cjlib.maps.render import render_map
from cjlib.report import exporter, index
from cjlib.report.context import MIME
from tests.browser import samples
from tests.browser.chromium import Chromium

pytestmark = pytest.mark.browser


def with_map() -> Any:
    block = {"block": "map", "model": samples.journey_map(), "card": samples.card("The whole journey?", figures=[])}
    return samples.notebook(new_markdown_cell("# The journey"), samples.shown({MIME: block}))


def lab(fragment: str, *, light: bool) -> str:
    """A fragment as JupyterLab shows it: in its own theme, whatever the system prefers."""
    theme = f'data-jp-theme-light="{str(light).lower()}"'
    colours = "#fff;--jp-layout-color0:#fff" if light else "#111;color:#eee;--jp-layout-color0:#111"
    return (
        f'<!doctype html><html lang="en"><title>Lab</title><body {theme} style="background:{colours}">'
        f"<main><h1>Lab</h1><h2>Cell</h2>{fragment}</main></body></html>"
    )


PAGES = {
    "report": lambda: exporter.render(samples.report(), samples.context()),
    "report, French": lambda: exporter.render(samples.report(), samples.context(lang="fr")),
    "map": lambda: exporter.render(with_map(), samples.context()),
    "failed": lambda: exporter.render(
        samples.report(), samples.context(status="failed", failed_cell=9, reason="No column “x”.")
    ),
    "index": lambda: index.render(samples.manifest(), Path("nowhere")),
    "empty index": lambda: index.render({}, Path("nowhere")),
    "card in Lab, light": lambda: lab(render_card(samples.card()), light=True),
    "card in Lab, dark": lambda: lab(render_card(samples.card()), light=False),
    "map in Lab, dark": lambda: lab(render_map(samples.journey_map()), light=False),
}


@pytest.fixture(params=PAGES, ids=PAGES.keys())
def page(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    file = tmp_path / "page.html"
    with using("en"):
        file.write_text(PAGES[request.param](), encoding="utf-8")
    return file.as_uri()


def open_all(browser: Chromium) -> None:
    browser.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
    browser.evaluate("const box = document.getElementById('show-code'); if (box) box.checked = true")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(browser: Chromium, axe: str, page: str, width: int, dark: bool) -> None:
    browser.open(page, width=width, dark=dark)
    open_all(browser)
    browser.evaluate(axe + ";0")
    found = browser.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => "
        "[v.impact, v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + n.failureSummary)]))"
    )
    assert [violation for violation in found if violation[0] in {"serious", "critical"}] == []


@pytest.mark.parametrize("width", [390, 768, 1280, 1600])
def test_no_page_scrolls_sideways_and_none_sends_a_request(browser: Chromium, page: str, width: int) -> None:
    browser.open(page, width=width)
    open_all(browser)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.outside_requests() == []
    assert browser.console == []


def load(browser: Chromium, folder: Path, html: str, **options: Any) -> None:
    file = folder / "page.html"
    file.write_text(html, encoding="utf-8")
    browser.open(file.as_uri(), **options)


def test_the_section_being_read_is_marked_in_the_contents(browser: Chromium, tmp_path: Path) -> None:
    load(browser, tmp_path, exporter.render(samples.report(), samples.context()), height=500)
    current = "document.querySelector('.cj-toc [aria-current]').textContent"
    assert browser.evaluate(current) == "Answer first"
    browser.evaluate("document.getElementById('s-limits').scrollIntoView()")
    browser.evaluate("new Promise(done => setTimeout(done, 100))")
    assert browser.evaluate(current) == "Limits"


def test_code_appears_when_the_box_is_ticked(browser: Chromium, tmp_path: Path) -> None:
    load(browser, tmp_path, exporter.render(samples.report(), samples.context()))
    shown = "getComputedStyle(document.querySelector('.cj-code')).display"
    assert browser.evaluate(shown) == "none"
    browser.evaluate("document.getElementById('show-code').click()")
    assert browser.evaluate(shown) == "block"


def test_the_index_filters_by_words_and_urgency(browser: Chromium, tmp_path: Path) -> None:
    load(browser, tmp_path, index.render(samples.manifest(), Path("nowhere")))
    rows = "[...document.querySelectorAll('.cj-row:not([hidden]) h3')].map(h => h.textContent)"
    count = "document.getElementById('shown').textContent"
    typed = (
        "(() => {{ const field = document.getElementById('filter');"
        " field.value = {0!r}; field.dispatchEvent(new Event('input')) }})()"
    )
    assert browser.evaluate(count) == "4 shown"
    browser.evaluate(typed.format("REPORT half"))
    assert browser.evaluate(rows) == ["Report half"]
    browser.evaluate(typed.format("nothing like it"))
    assert browser.evaluate("document.getElementById('nothing').hidden") is False
    assert browser.evaluate("document.querySelectorAll('.cj-group:not([hidden])').length") == 0
    browser.evaluate(typed.format(""))
    browser.evaluate("document.getElementById('urgent').click()")
    assert browser.evaluate(rows) == ["Report bad", "Report half"]


def test_figures_stay_on_white_paper_and_the_page_turns_dark(browser: Chromium, tmp_path: Path) -> None:
    load(browser, tmp_path, exporter.render(samples.report(), samples.context()), dark=True)
    colour = "getComputedStyle(document.querySelector({0!r})).backgroundColor"
    assert browser.evaluate(colour.format("body")) == "rgb(20, 24, 26)"
    assert browser.evaluate(colour.format(".cj-paper")) == "rgb(255, 255, 255)"


@pytest.mark.parametrize(("light", "colour"), [(True, "rgb(28, 34, 37)"), (False, "rgb(233, 236, 234)")])
def test_a_card_follows_the_theme_of_jupyterlab_not_of_the_system(
    browser: Chromium, tmp_path: Path, light: bool, colour: str
) -> None:
    load(browser, tmp_path, lab(render_card(samples.card()), light=light), dark=light)
    assert browser.evaluate("getComputedStyle(document.querySelector('.cj-card .cj-q')).color") == colour


def test_a_phone_reads_the_map_as_one_card_per_stage(browser: Chromium, tmp_path: Path) -> None:
    load(browser, tmp_path, exporter.render(with_map(), samples.context()), width=390)
    places = browser.evaluate("[...document.querySelectorAll('.stage')].map(s => s.getBoundingClientRect().left)")
    assert len(set(places)) == 1
    assert browser.evaluate("getComputedStyle(document.querySelector('.cj-map .lane')).display") == "none"
    assert browser.evaluate("document.querySelector('.stage .acts .lab').offsetHeight") > 0


def test_lanes_are_aligned_across_stages_and_faces_sit_on_the_line(browser: Chromium, tmp_path: Path) -> None:
    load(browser, tmp_path, exporter.render(with_map(), samples.context()), width=1280)
    tops = browser.evaluate(
        "[...document.querySelectorAll('.stage')]"
        ".map(stage => [...stage.children].map(cell => Math.round(cell.getBoundingClientRect().top)))"
    )
    assert all(row == tops[0] for row in tops)
    gaps = browser.evaluate(
        "(() => { const svg = document.querySelector('.lane svg'), m = svg.getScreenCTM();"
        " return svg.querySelector('.mean').getAttribute('points').split(' ').map((p, i) => {"
        " const [x, y] = p.split(',').map(Number), at = new DOMPoint(x, y).matrixTransform(m);"
        " const disc = document.querySelectorAll('.spot .disc')[i].getBoundingClientRect();"
        " return Math.hypot(at.x - disc.x - disc.width / 2, at.y - disc.y - disc.height / 2) }) })()"
    )
    assert max(gaps) < 3


def pages_of(pdf: bytes) -> list[tuple[int, int]]:
    """Width and height of each sheet, in points, from the page boxes of a PDF."""
    import re

    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", pdf)
    return [(round(float(width)), round(float(height))) for width, height in boxes]


def test_a_report_prints_on_a4_and_its_map_on_one_a3_sheet(browser: Chromium, tmp_path: Path) -> None:
    load(browser, tmp_path, exporter.render(with_map(), samples.context()), dark=True)
    browser.pdf(tmp_path / "map.pdf")
    assert pages_of((tmp_path / "map.pdf").read_bytes()).count((1191, 842)) == 1
    load(browser, tmp_path, exporter.render(samples.report(), samples.context()))
    browser.pdf(tmp_path / "report.pdf")
    assert set(pages_of((tmp_path / "report.pdf").read_bytes())) == {(595, 842)}
