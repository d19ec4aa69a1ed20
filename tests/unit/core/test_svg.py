from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from cjlib.core.svg import to_svg

mpl.use("Agg")


def figure(title="12 customers", **options):
    _, ax = plt.subplots(figsize=(3, 2))
    ax.bar(["a", "b"], [1, 2], hatch="///", facecolor="#eeeeee", edgecolor="#888888", **options)
    ax.plot([0, 0.5, 1], [0, 1.5, 1])
    ax.set_title(title, parse_math=False)
    return ax


def test_the_same_figure_gives_the_same_bytes():
    assert to_svg(figure()) == to_svg(figure())


def test_the_figure_is_closed_and_settings_stay_as_they_were():
    before = dict(mpl.rcParams)
    to_svg(figure())
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_the_figure_is_closed_even_if_drawing_fails():
    ax = figure()
    ax.set_title("$\\broken{$", parse_math=True)
    with pytest.raises(ValueError):
        to_svg(ax)
    assert plt.get_fignums() == []


def test_it_is_one_well_formed_element_that_scales():
    svg = to_svg(figure())
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 216 144"
    assert root.get("width") is None
    assert root.get("height") is None


@pytest.mark.parametrize(
    "unwanted", ["<?xml", "<!DOCTYPE", "<!--", "<metadata", "<style", "style=", "Matplotlib", "xlink"]
)
def test_nothing_of_a_document_remains(unwanted):
    assert unwanted not in to_svg(figure())


def test_the_only_address_is_the_namespace():
    assert re.findall(r"https?://[^\"'<> ]+", to_svg(figure())) == ["http://www.w3.org/2000/svg"]


def test_every_id_carries_the_prefix_and_every_reference_has_a_target():
    svg = to_svg(figure())
    ids = re.findall(r'\bid="([^"]+)"', svg)
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg)
    targets = {first or second for first, second in used}
    assert ids
    assert len(ids) == len(set(ids))
    assert targets == set(ids)
    assert len({name.split("-")[0] for name in ids}) == 1
    assert re.fullmatch(r"f[0-9a-f]{8}-.+", ids[0])


def test_two_figures_share_no_id():
    first, second = to_svg(figure("one")), to_svg(figure("two"))
    assert not set(re.findall(r'id="([^"]+)"', first)) & set(re.findall(r'id="([^"]+)"', second))


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", 'a & b "quoted"', 'url(#x) and id="y"', "5 $ < 7 $", "NPS −12 ≤ 8 %", "émotion 😀"],
)
def test_text_stays_text_exactly(text):
    root = ET.fromstring(to_svg(figure(text)))
    assert text in [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_characters_that_xml_forbids_are_dropped():
    assert "ab" in [node.text for node in ET.fromstring(to_svg(figure("a\x01b"))).iter()]


def test_the_font_is_named_once_with_a_fallback_of_equal_width():
    assert re.findall(r'font-family="([^"]+)"', to_svg(figure())) == ["'DejaVu Sans', Verdana, sans-serif"]


def test_numbers_have_two_decimals_and_straight_steps_one_number():
    svg = to_svg(figure())
    assert not re.search(r"\d\.\d{3}", re.sub(r'id="[^"]+"|#[^")]+', "", svg))
    assert re.search(r"H[\d.]+V[\d.]+H", svg)


def test_a_child_axes_gives_the_whole_figure():
    ax = figure()
    child = ax.inset_axes((0, 0, 0.5, 0.5))
    assert "12 customers" in to_svg(child)
