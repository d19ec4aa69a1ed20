"""The card: every text escaped, figures cleaned, one table form, scoped style."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.card import conform, render_card
from cjlib.core.clean import clean_svg
from tests.browser import samples
from tests.browser.hostile import PAYLOADS


def parsed(card: dict) -> BeautifulSoup:
    return BeautifulSoup(render_card(card), "html.parser")


def poisoned(text: str) -> dict:
    """A card that holds `text` wherever a text may stand."""
    return {
        "kind": text, "question": text, "answer": text, "definition": text,
        "kpis": [dict.fromkeys(("label", "value", "interval", "n", "definition"), text)],
        "figures": [{"svg": samples.svg(text), "alt": text, "caption": text}, {"svg": text, "alt": text}],
        "tables": [{"caption": text, "columns": [{"label": text, "align": text, "help": text}], "rows": [[text]]}],
        "notes": [{"code": text, "severity": text, "message": text}], "params": [[text, text]],
    }  # fmt: skip


def test_a_card_reads_question_answer_figures_figure_table_notes_definition() -> None:
    soup = parsed(samples.card())
    order = [
        (node.get("class") or [node.name])[0]
        for node in soup.select(".cj-q, .cj-a, .cj-kpis, .cj-fig, table, .cj-notes, .cj-more")
    ]
    assert order == ["cj-q", "cj-a", "cj-kpis", "cj-fig", "cj-table", "cj-notes", "cj-fold"]
    figure = soup.select_one("figure svg")
    assert (figure["role"], figure["aria-label"]) == ("img", samples.ALT)
    assert figure.find_parent(tabindex="0") is not None
    assert [cell["class"] for cell in soup.select("td")] == [["r"]] * 3
    assert [head["scope"] for head in soup.select("th")] == ["col", "col", "row", "row", "row"]


def test_a_table_under_a_figure_is_folded_and_one_without_is_open() -> None:
    assert parsed(samples.card()).select_one("table").find_parent("details") is not None
    assert parsed(samples.card(figures=[])).select_one("table").find_parent("details") is None


def test_notes_say_their_severity_in_a_word() -> None:
    assert [node.get_text() for node in parsed(samples.card()).select(".cj-notes b")] == ["Note", "Caution", "Limit"]


def test_every_rule_of_the_sheet_stays_inside_our_own_classes() -> None:
    sheet = parsed(samples.card()).style.string
    flat = re.sub(r"\{[^{}]*\}", "{}", sheet)
    while (shorter := re.sub(r"(?<=[{}])[^{}@]*&[^{}]*\{\}", "", flat)) != flat:
        flat = shorter
    for selector in re.findall(r"(?:^|[{}])\s*([^{}@]+)\{", flat):
        assert re.match(r"\s*(?:\.cj|\[data-jp-theme|\d+%|&)", selector), selector


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_nothing_hostile_becomes_markup(payload: str) -> None:
    calm, soup = parsed(poisoned("calm")), parsed(poisoned(payload))
    for drawing in soup.select(".cj-paper svg"):
        assert not drawing.find(["script", "style", "image", "foreignobject", "a", "animate", "set", "img"])
    for paper in [*calm.select(".cj-paper"), *soup.select(".cj-paper")]:
        paper.clear()
    assert [(node.name, sorted(node.attrs)) for node in soup.find_all(True)] == [
        (node.name, sorted(node.attrs)) for node in calm.find_all(True)
    ]


SVG_PIECES = st.lists(
    st.sampled_from(
        ["<svg>", "</svg>", "<g ", "<path d='M0 0'/>", "<script>", "</script>", "x()", "<style>", "</style>",
         "<a href=",
         "'javascript:x'", ">", "<use href='#a'/>", "<use href='http://x'/>", " style='fill:url(http://x)'", "<text>",
         "</text>", " onload='x'", "<foreignObject>", "<img src=x>", "]]>", "<![CDATA[", "<!--", "-->", "&lt;", "\x00"]
    ),
    max_size=16,
).map("".join)  # fmt: skip


@given(SVG_PIECES)
def test_no_mixture_of_svg_pieces_leaves_more_than_a_drawing(source: str) -> None:
    made = clean_svg(source, prefix="p-", alt="1")
    soup = BeautifulSoup(made, "html.parser")
    for node in soup.find_all(True):
        assert node.name in {"svg", "g", "path", "use", "text"}
        for name, value in node.attrs.items():
            assert not name.startswith("on")
            assert "http" not in value
            assert name != "href" or value.startswith("#p-")
    assert made.count("<svg") == (1 if made else 0)
    assert clean_svg(made, prefix="", alt="1").count("<") == made.count("<")


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ('<rect fill="url(#a)" id="a"/>', '<rect fill="url(#p-a)" id="p-a"/>'),
        ('<rect style="fill:#fff;stroke:red;behavior:url(x)"/>', '<rect fill="#fff" stroke="red"/>'),
        ('<text style="font: 10px \'DejaVu Sans\'; text-anchor: middle">a&amp;b</text>',
         '<text font-size="10px" text-anchor="middle">a&amp;b</text>'),
        ('<rect fill="rgb(1,2,3)" class="x" onclick="y()"/>', '<rect fill="rgb(1,2,3)"/>'),
        ('<rect fill="u\\72l(http://x)"/>', "<rect/>"),
        ('<use xlink:href="#m"/>', '<use xlink:href="#p-m"/>'),
        ("<metadata><a>x</a></metadata><g></g>", "<g></g>"),
        ('<lineargradient id="g"><stop offset="0"/></lineargradient>',
         '<linearGradient id="p-g"><stop offset="0"/></linearGradient>'),
    ],
)  # fmt: skip
def test_what_a_figure_keeps(source: str, kept: str) -> None:
    made = clean_svg(
        f'<?xml version="1.0"?><!DOCTYPE svg><svg width="9pt" viewBox="0 0 1 1">{source}</svg>', prefix="p-", alt="A"
    )
    assert made == f'<svg role="img" aria-label="A" viewBox="0 0 1 1">{kept}</svg>'


def test_what_is_no_figure_leaves_nothing() -> None:
    assert clean_svg("<p>12</p>", prefix="", alt="") == ""


def test_rows_are_fitted_to_the_columns_of_their_table() -> None:
    table = {"columns": [{"label": "a"}, {"label": "b"}], "rows": [["1"], ["1", "2", "3"], None]}
    assert conform({"tables": [table]})["tables"][0]["rows"] == [["1", ""], ["1", "2"]]


def test_the_same_card_gives_the_same_bytes() -> None:
    assert render_card(samples.card()) == render_card(samples.card())
