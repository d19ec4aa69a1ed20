"""The page of a report, read by a parser: what every report must be (and must never be)."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from nbconvert.exporters import get_exporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from cjlib.report import exporter
from cjlib.report.context import MIME
from tests.browser import samples


def page(*cells: Any, **changes: Any) -> BeautifulSoup:
    made = samples.notebook(*cells) if cells else samples.report()
    return BeautifulSoup(exporter.render(made, samples.context(**changes)), "html.parser")


def text(node: Tag | None) -> str:
    return " ".join(node.get_text(" ").split()) if node else ""


# --- the contract ---------------------------------------------------------------------------------
def test_nothing_is_fetched_and_only_our_own_script_and_style_may_work() -> None:
    html = exporter.render(samples.report(), samples.context())
    soup = BeautifulSoup(html, "html.parser")
    for node in soup.find_all(True):
        for name, value in node.attrs.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in {"src", "href", "srcset", "action", "xlink:href"}:
                assert not re.match(r"(?i)\s*(https?:|//|javascript:)", value), (node.name, value)
    assert not re.search(r"(?i)url\(\s*['\"]?http|@import", html)
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; img-src data:; font-src data:; ")
    assert policy.endswith("base-uri 'none'; form-action 'none'")
    for kind in ("script", "style"):
        nodes = soup.find_all(kind)
        assert len(nodes) == 1
        digest = base64.b64encode(hashlib.sha256(nodes[0].string.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("status", ["completed", "partial", "failed"])
def test_one_h1_and_no_jump_in_heading_levels(status: str) -> None:
    soup = page(status=status, failed_cell=9, reason="Why.")
    levels = [int(node.name[1]) for node in soup.find_all(re.compile(r"^h[1-6]$"))]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_every_picture_is_described_with_a_number() -> None:
    pictures = page().select("img, svg[role=img]")
    assert len(pictures) == 3
    for picture in pictures:
        said = picture.get("alt") or picture.get("aria-label")
        assert len(said) >= 40
        assert re.search(r"\d", said)
        assert "No description has been provided" not in said


def test_every_table_is_named_and_its_heads_have_a_scope() -> None:
    tables = page().find_all("table")
    assert len(tables) == 5
    for table in tables:
        assert table.find("caption") or table.find_parent(attrs={"role": "group"})["aria-label"]
        assert table.find("th")
        assert all(head.get("scope") in {"col", "row"} for head in table.find_all("th"))


def test_key_figures_in_the_header_carry_interval_and_n() -> None:
    tile = page().select_one("header .cj-tiles dl > div")
    assert [text(part) for part in tile.find_all(["dt", "dd"])] == [
        "Conversion to purchase", "8.2%", "95 % CI 7.7% to 8.7%", "n = 12,000",
    ]  # fmt: skip


def test_key_figures_of_several_parts_say_which_part_they_belong_to() -> None:
    soup = page(
        new_markdown_cell("# Why?"), new_markdown_cell("## Both"), new_markdown_cell("### Purchase"),
        samples.result(tags=("kpi",)), new_markdown_cell("### Session"), samples.result(tags=("kpi",)),
    )  # fmt: skip
    assert [text(node) for node in soup.select("header .cj-tiles dt")] == [
        "Purchase Conversion to purchase", "Session Conversion to purchase",
    ]  # fmt: skip


def test_key_figures_shown_in_the_header_are_not_repeated_in_their_card() -> None:
    first, second = page().select("main .cj-card")
    assert not first.select(".cj-kpis")
    assert second.select(".cj-kpis")


@pytest.mark.parametrize(("lang", "expected"), [("en", "en"), ("fr", "fr"), ("fr_CH", "fr-CH"), ("xx", "en")])
def test_the_language_of_the_page_is_that_of_the_report(lang: str, expected: str) -> None:
    assert page(lang=lang).html["lang"] == expected


def test_french_text_has_its_no_break_spaces_and_code_keeps_its_own() -> None:
    cells = (new_markdown_cell("# Pourquoi ?\n\nCher : 9 € ; « trop » ! `a : b`"),)
    said = page(*cells, lang="fr").select_one("header")
    assert said.h1.get_text() == "Pourquoi\u202f?"
    assert said.select_one(".cj-lead p").get_text() == "Cher\u00a0: 9\u00a0€\u202f; «\u00a0trop\u00a0»\u202f! a : b"
    assert page(*cells, lang="en").h1.get_text() == "Pourquoi ?"


def test_provenance_names_files_versions_code_parameters_and_run() -> None:
    part = page().select_one(".cj-prov")
    said = text(part)
    for expected in (*samples.HASHES, "48,210", "48,102", "108 no customer id", samples.CODE["commit"],
                     "with uncommitted changes", "pandas 2.3.3", "lifelines 0.30.3", "python 3.11.7", "cjlib 0.1.0",
                     "1 October 2026 (Europe/Paris)"):  # fmt: skip
        assert expected in said
    pairs = {text(dt): text(dt.find_next("dd")) for dt in part.select("dt")}
    assert pairs["window_days"] == "30"
    assert pairs["by"] == "–"
    assert "6 tests were made for this page" in pairs["Comparisons"]
    assert "about 0.3 of them" in pairs["Comparisons"]
    assert re.fullmatch(r"20_funnel [0-9a-f]{64}", pairs["Notebook"])


def test_what_changes_between_runs_stands_in_one_place() -> None:
    first = exporter.render(samples.report(), samples.context())
    second = exporter.render(
        samples.report(), samples.context(started="2027-01-01T00:00:00Z", duration_s=99.9, run_id="other")
    )
    different = [a for a, b in zip(first.splitlines(), second.splitlines(), strict=True) if a != b]
    assert len(different) == 1
    assert 'id="run"' in different[0]


def test_the_same_notebook_gives_the_same_bytes() -> None:
    assert exporter.render(samples.report(), samples.context()) == exporter.render(samples.report(), samples.context())


def test_a_report_with_twelve_figures_stays_below_400_kb() -> None:
    heavy = samples.svg().replace("</svg>", '<path d="M0 0' + "L12.34 56.78" * 1800 + '"/></svg>')
    content = samples.card(figures=[{"svg": heavy, "alt": samples.ALT, "caption": ""}])
    html = exporter.render(samples.notebook(*[samples.result(content) for _ in range(12)]), samples.context())
    assert len(html.encode()) < 400_000


def test_no_path_or_user_name_of_the_machine_leaves() -> None:
    home = "/home/ana.durand/shop/data/web.csv"
    soup = page(
        samples.result(),
        new_code_cell("x", outputs=[
            new_output("stream", name="stderr", text=f"/tmp/ipykernel_12/33.py:3: UserWarning: {home}\n"),
            new_output("stream", name="stdout", text="C:\\Users\\ana.durand\\x.csv at 0x7f00deadbeef\n"),
        ]),
        status="failed", failed_cell=2, reason=f"No file {home}", parameters={"data": home, "study": "/srv/x/demo.yml"},
    )  # fmt: skip
    for secret in ("ana.durand", "/home", "/srv", "/tmp", "ipykernel", "0x7f00", "Users"):
        assert secret not in str(soup)
    assert "…/web.csv" in text(soup.select_one(".cj-box"))


# --- the header -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("status", "word"), [("completed", "Completed"), ("partial", "Partial"), ("failed", "Failed")])
def test_the_status_is_a_word(status: str, word: str) -> None:
    assert text(page(status=status).select_one("header .cj-status")) == word


def test_parameters_with_a_value_stand_in_the_header_and_their_cells_nowhere() -> None:
    soup = page()
    names = [text(node) for node in soup.select("header .cj-params dt")]
    assert names == ["study", "lang", "where", "window_days"]
    assert "window_days: int" not in str(soup)


def test_the_link_to_all_reports_is_the_given_one_or_absent() -> None:
    assert page(index_href="../../index.html").select_one("header a")["href"] == "../../index.html"
    assert page(index_href="").select("header a") == []


def test_the_notebooks_own_heading_is_the_title_and_its_lead_follows() -> None:
    soup = page()
    assert text(soup.h1) == "Where do customers leave?"
    assert text(soup.select_one("header .cj-lead")) == "For the shop: which step to repair first."
    assert page(title="Another title").h1.get_text() == "Another title"


def test_a_markdown_cell_is_translated_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from cjlib.core import text as catalogue

    source = "# Where do customers leave?\n\nFor the shop: *which step* to repair first."
    monkeypatch.setattr(catalogue, "catalogue", lambda _: {source: "# Où partent-ils ?\n\nPour *la boutique*."})
    soup = page(lang="fr", title="Where do customers leave?")
    assert soup.h1.get_text() == "Où partent-ils\u202f?"
    assert soup.select_one(".cj-lead em").get_text() == "la boutique"


def test_contents_lead_to_every_section_and_question() -> None:
    soup = page()
    entries = [(text(a), a["href"][1:]) for a in soup.select(".cj-toc a")]
    assert [entry[0] for entry in entries] == [
        "Answer first", "Where do customers leave?", "What they did", "Deep heading", "How long does it take?",
        "Limits", "Provenance",
    ]  # fmt: skip
    ids = [node["id"] for node in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {anchor for _, anchor in entries} <= set(ids)


def test_two_questions_of_the_same_words_have_two_anchors() -> None:
    soup = page(samples.result(), samples.result())
    assert [node["id"] for node in soup.select(".cj-q")] == [
        "s-where-do-customers-leave",
        "s-where-do-customers-leave-2",
    ]


def test_ids_inside_two_equal_figures_differ_and_are_still_used() -> None:
    soup = page(samples.result(), samples.result())
    clips = [node["id"] for node in soup.find_all("clippath")]
    assert clips == ["f1-1-c", "f2-1-c"]
    assert [node["clip-path"] for node in soup.select("g[clip-path]")] == ["url(#f1-1-c)", "url(#f2-1-c)"]


# --- outputs --------------------------------------------------------------------------------------
def test_code_is_there_but_hidden_until_asked_for() -> None:
    soup = page()
    codes = [node.get_text().strip() for node in soup.select("pre.cj-code")]
    assert "page.ask(funnel, steps=['visit', 'cart'])  # the funnel" in codes
    assert soup.select_one("input#show-code") is not None
    assert ".cj-code{display:none}" in soup.style.string


def test_what_is_missing_says_why_and_what_next() -> None:
    assert text(page().select_one(".cj-box.caution")) == (
        "Cannot be said: satisfaction No survey answers. Next: add a file."
    )


def test_a_print_of_50_mb_does_not_grow_the_page() -> None:
    cell = new_code_cell("x", outputs=[new_output("stream", name="stdout", text="x" * 50_000_000)])
    html = exporter.render(samples.notebook(cell), samples.context())
    assert len(html) < 80_000
    assert "49,980,000 more characters" in html


@pytest.mark.parametrize("mime", ["text/html", "text/markdown", "image/svg+xml", "image/png"])
def test_an_output_over_2_mb_is_replaced_by_a_note(mime: str) -> None:
    html = exporter.render(samples.notebook(samples.shown({mime: "<b>" + "x" * 2_000_001})), samples.context())
    assert len(html) < 80_000
    assert "An output of 2,000,004 characters was left out" in html


def test_a_table_of_another_library_keeps_every_cell_through_the_cleaner() -> None:
    import pandas as pd

    frame = pd.DataFrame({"<b>a</b>": [1.5, 2.25], "name": ["<script>x()</script>", "B"]}, index=["r1", "r2"])
    for html in (frame.to_html(escape=False), frame.style.set_caption("Both").to_html()):
        table = page(samples.shown({"text/html": html})).select_one("main table")
        assert len(table.find_all("tr")) == 3
        assert len(table.find_all(["td", "th"])) == 9
        assert "x()" not in str(table)
    assert [cell["class"] for cell in table.select("tbody td.r")] == [["r"], ["r"]]


@pytest.mark.parametrize("output", ["<Axes: title={'center': 'x'}>", "<cjlib.x.Y at 0x7f11>", "Text(0.5, 1.0, 'x')"])
def test_the_name_of_an_object_is_not_an_output(output: str) -> None:
    assert page(samples.shown({"text/plain": output})).select("main pre:not(.cj-code)") == []


def test_numbers_on_the_right_text_on_the_left_in_a_markdown_table() -> None:
    cells = page(new_markdown_cell("| a | n |\n|---|---|\n| x | 12 % |\n| y | 9 |")).select("main td")
    assert [cell.get("class") for cell in cells] == [None, ["r"], None, ["r"]]


def test_a_remote_link_becomes_its_address_in_print() -> None:
    soup = page(new_markdown_cell("See [the method](https://example.org/m) and [above](#s-x)."))
    assert text(soup.select_one(".cj-prose p")) == "See the method ( https://example.org/m ) and above ."
    assert [a["href"] for a in soup.select("main a")] == ["#s-x"]


def test_math_stays_readable_without_an_engine() -> None:
    assert page(new_markdown_cell("Half: $S(t)=0.5$")).select_one("main p code").get_text() == "S(t)=0.5"


def test_a_map_is_drawn_with_its_sheet_in_the_head() -> None:
    block = {"block": "map", "model": samples.journey_map(), "card": samples.card("The whole journey?", figures=[])}
    soup = page(samples.shown({MIME: block}))
    assert len(soup.select(".cj-map .stage")) == 4
    assert ".cj-map{" in soup.style.string
    assert "cj-wide" in soup.body["class"]
    assert [text(node) for node in soup.select("main h2, main h3")][:2] == ["The whole journey?", "Journey map"]
    assert len(soup.select("main details table")) == 1


@pytest.mark.parametrize(
    "block",
    [
        {"block": "result"},
        {"block": "result", "card": "no card"},
        {
            "block": "result",
            "card": {"kpis": [1, None], "figures": {"svg": 1}, "tables": [{"rows": [["a"]]}], "notes": "x"},
        },
        {
            "block": "result",
            "card": {"tables": [{"columns": [{"label": 1}], "rows": [[1, 2], [], None]}], "params": [[1]]},
        },
        {"block": "map"},
        {"block": "map", "model": {"stages": [None, {"emotion": {"mean": "high"}, "metrics": 3}], "scale": [5]}},
        {"block": "unheard of"},
        {"block": ["result"]},
        '{"block": "finish"}',
        "{broken",
    ],
)
def test_a_block_of_a_wrong_shape_breaks_no_page(block: Any) -> None:
    assert text(page(samples.shown({MIME: block})).select_one("#provenance")) == "Provenance"


# --- a failed run ---------------------------------------------------------------------------------
def failed(*before: Any) -> BeautifulSoup:
    banner = '<span id="papermill-error-cell" style="color:red; font-size:2em">An Exception was encountered</span>'
    error = new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=["Traceback: secret"])
    return page(
        new_markdown_cell("# Why?"), new_markdown_cell(banner, metadata={"tags": ["papermill-error-cell-tag"]}),
        new_markdown_cell(banner), *before, new_code_cell("1/0", outputs=[error]), new_markdown_cell("## After"),
        samples.result(samples.card("After?")),
        status="failed", failed_cell=1 + len(before), reason="Column “touchpoint” is missing.",
    )  # fmt: skip


def test_a_failed_run_shows_its_reason_and_cell_calmly_and_no_traceback() -> None:
    soup = failed()
    box = text(soup.select_one("main .cj-box.limit"))
    assert box.startswith("This report could not be finished Column “touchpoint” is missing. (cell 1 of the notebook)")
    assert "Next:" in box
    for noise in ("Traceback", "secret", "ZeroDivisionError", "An Exception was encountered", "After"):
        assert noise not in str(soup.body)
    assert soup.select_one("#provenance") is not None


def test_what_was_computed_before_the_failure_stays_with_a_warning() -> None:
    soup = failed(samples.result())
    assert [text(node) for node in soup.select("main .cj-q")] == ["Where do customers leave?"]
    assert "Read it with care" in text(soup.select_one(".cj-box.limit"))


# --- nbconvert ------------------------------------------------------------------------------------
def test_nbconvert_finds_the_exporter_and_the_notebook_tells_its_own_context() -> None:
    notebook = samples.report()
    notebook.cells[3].outputs[0].data[MIME]["lang"] = "fr"
    notebook.metadata["papermill"] = {"start_time": "2026-11-21T23:06:46Z", "duration": 3.2}
    html, resources = get_exporter("cjreport")().from_notebook_node(notebook, {"metadata": {"name": "my_funnel"}})
    soup = BeautifulSoup(html, "html.parser")
    assert resources["output_extension"] == ".html"
    assert soup.html["lang"] == "fr"
    assert [(text(dt), text(dt.find_next("dd"))) for dt in soup.select("header .cj-params dt")] == [
        ("étude", "demo"), ("window_days", "30"),
    ]  # fmt: skip
    assert "my_funnel" in text(soup.select_one(".cj-prov"))
    assert soup.select_one("header .cj-status.partial") is not None


def test_a_section_whose_question_is_not_asked_leaves_no_trace() -> None:
    nothing = samples.shown({MIME: {"block": "nothing"}})
    heading = new_markdown_cell("## Renewals\n\nWhat contracts do.")
    soup = page(new_markdown_cell("# Why?"), heading, nothing, new_markdown_cell("## Limits\n\nNone."))
    assert "Renewals" not in soup.get_text()
    assert "Limits" in text(soup.select_one(".cj-toc"))
    kept = page(new_markdown_cell("# Why?"), heading, nothing, samples.result())
    assert "Renewals" in text(kept.select_one(".cj-toc")), "another question of the section is answered"
