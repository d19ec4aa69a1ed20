"""Foreign HTML, Markdown and text: what is kept, what goes, and that nothing dangerous ever stays."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.text import using
from cjlib.report.sanitise import clean_html, clean_markdown, french_spaces, plain, without_paths
from tests.browser.hostile import PAYLOADS

SAFE_LINK = re.compile(r"#[\w.:-]+|[\w./ -]+\.html(?:#[\w.:-]+)?")


def assert_harmless(html: str) -> None:
    soup = BeautifulSoup(html, "html.parser")
    for node in soup.find_all(True):
        assert node.name not in {"script", "style", "iframe", "svg", "math", "object", "embed", "form", "input", "base"}
        for name, value in node.attrs.items():
            assert not name.startswith("on"), (node.name, name)
            assert name not in {"style", "id", "name", "srcset", "action", "formaction"}
            if name == "href":
                assert SAFE_LINK.fullmatch(value)
            if name == "src":
                assert value.startswith("data:image/png;base64,")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_nothing_hostile_survives_html_and_markdown(payload: str) -> None:
    assert_harmless(clean_html(payload))
    assert_harmless(clean_markdown(payload))
    assert_harmless(
        clean_html(f"<table><caption>{payload}</caption><tr><th>{payload}</th><td>{payload}</td></tr></table>")
    )


PIECES = st.lists(
    st.sampled_from(
        ["<a href=", "javascript:x", '"', "'", ">", "<", "<svg", "<style>", "</style>", "<!--", "-->", "<table>",
         "<td>",
         " onload=x", "<script>", "<img src=", "data:text/html,x", "&#106;", "\t", "\x00", "/", "</p>", "<math>", "x"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(PIECES)
def test_no_mixture_of_markup_becomes_dangerous_and_cleaning_twice_changes_nothing(source: str) -> None:
    once = clean_html(source)
    assert_harmless(once)
    assert_harmless(clean_markdown(source))
    if "<table" not in once:
        assert clean_html(once) == once


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("<p>a <b>b</b> <i>c</i> <code>d</code></p>", "<p>a <b>b</b> <i>c</i> <code>d</code></p>"),
        ('<a href="#s-x">x</a>', '<a href="#s-x">x</a>'),
        ('<a href="other/report.html#top">x</a>', '<a href="other/report.html#top">x</a>'),
        ('<a href="https://example.org">x</a>', "<a>x</a>"),
        ('<a href="//example.org/x.html">x</a>', "<a>x</a>"),
        ('<a href="/etc/x.html">x</a>', "<a>x</a>"),
        ('<img src="data:image/png;base64,AAAA" alt="12 x">', '<img src="data:image/png;base64,AAAA" alt="12 x">'),
        ('<img src="data:image/svg+xml;base64,AAAA">', "<img>"),
        ('<img src="picture.png">', "<img>"),
        ("<details open><summary>s</summary>t</details>", '<details open=""><summary>s</summary>t</details>'),
        ('<h2 id="x" class="cj-head" style="color:red">t</h2>', "<h2>t</h2>"),
    ],
)
def test_what_is_kept(source: str, kept: str) -> None:
    assert clean_html(source) == kept


def test_a_picture_attached_to_a_markdown_cell_is_shown_and_a_missing_one_is_not() -> None:
    made = clean_markdown("![12 x](attachment:a.png) ![12 y](attachment:b.png)", {"a.png": {"image/png": "AAAA"}})
    assert [image.get("src") for image in BeautifulSoup(made, "html.parser").find_all("img")] == [
        "data:image/png;base64,AAAA", None,
    ]  # fmt: skip


def test_tables_with_merged_cells_keep_their_alignment() -> None:
    soup = BeautifulSoup(
        clean_html("<table><tr><td colspan=2>1</td></tr><tr><td>1</td><td>2</td></tr></table>"), "html.parser"
    )
    assert soup.select("td.r") == []
    assert soup.select_one("div.cj-scroll")["tabindex"] == "0"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ana/x.csv", "…/x.csv"),
        ("(/srv/a/b/c.yml)", "(…/c.yml)"),
        ("file:///root/x.ipynb", "…/x.ipynb"),
        ("~/shop/x.csv", "…/x.csv"),
        ("C:\\Users\\ana\\x.csv", "…/x.csv"),
        ("/data/olist", "…/olist"),
        ("~5 % and/or 12/03/2026 at 1/2", "~5 % and/or 12/03/2026 at 1/2"),
        ("page /cart/checkout", "page /cart/checkout"),
        ("https://example.org/home/x", "https://example.org/home/x"),
        ("data/olist/orders.csv", "data/olist/orders.csv"),
        ("a: b", "a: b"),
    ],
)
def test_machine_paths_are_cut_to_their_last_part_and_other_slashes_stay(text: str, shown: str) -> None:
    assert without_paths(text) == shown


def test_terminal_colours_kernel_files_and_addresses_go_from_logs() -> None:
    assert plain("\x1b[31mred\x1b[0m /tmp/ipykernel_9/1.py:3: W <A at 0x7f00aa11bb22>") == "red W <A>"
    assert plain("abcdef", cap=3) == "abc\n[cut here: 3 more characters are in the executed notebook]"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<p>Quoi ? Si ! a ; b : c</p>", "<p>Quoi\u202f? Si\u202f! a\u202f; b\u00a0: c</p>"),
        ("<b>« x »</b>, 9 €, 8 %.", "<b>«\u00a0x\u00a0»</b>, 9\u00a0€, 8\u00a0%."),
        ("<code>a : b</code> <pre>c ?</pre>", "<code>a : b</code> <pre>c ?</pre>"),
        ("12:30 http://x a:b", "12:30 http://x a:b"),
    ],
)
def test_french_spaces_stand_where_typography_wants_them_and_nowhere_else(source: str, shown: str) -> None:
    with using("fr"):
        assert french_spaces(source) == shown
    assert french_spaces(source) == source
