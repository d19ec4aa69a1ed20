from __future__ import annotations

import itertools
import math

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from cjlib.core import text
from cjlib.plots import style
from cjlib.plots.sheet import empty, sheet

from .figures import assert_readable, drawn_texts

# Machado, Oliveira and Fernandes (2009), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
GROUP_COLOURS = (style.EVERYBODY, *style.PALETTE)


def lab(colour, kind):
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(BLINDNESS[kind]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ seen / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("colour", [*GROUP_COLOURS, style.INK, style.MUTED])
def test_what_carries_text_has_contrast_4_5_on_white(colour):
    assert style.contrast(colour, "#ffffff") >= 4.5


def test_what_is_only_drawn_has_contrast_3_on_white():
    from cjlib.plots import score

    for colour in (score.LOW, score.MIDDLE, score.HIGH):
        assert style.contrast(colour, "#ffffff") >= 3
    assert style.contrast(style.OPEN_EDGE, "#ffffff") >= 3


@pytest.mark.parametrize("kind", BLINDNESS)
def test_group_colours_stay_apart_for_every_kind_of_colour_vision(kind):
    distances = [np.linalg.norm(lab(a, kind) - lab(b, kind)) for a, b in itertools.combinations(GROUP_COLOURS, 2)]
    assert min(distances) > 18  # CIE76; 2.3 is just noticeable


def test_text_on_any_cell_of_the_heat_map_is_readable():
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    colours = LinearSegmentedColormap.from_list("x", style.SEQUENCE)
    worst = min(style.contrast(style.text_on(to_hex(c)), to_hex(c)) for c in colours(np.linspace(0, 1, 256)))
    assert worst >= 4.5


def test_a_group_has_the_same_colour_whatever_the_order_of_the_table():
    first = style.group_colours(["Camille", "Marc", "Agnès"])
    second = style.group_colours(["(all)", "Marc", "(unknown)", "Agnès", "Camille"])
    assert {name: second[name] for name in first} == first
    assert second["(all)"] == style.EVERYBODY
    assert second["(unknown)"] == style.MUTED
    assert len(set(second.values())) == 5


def test_more_groups_than_hues_share_one():
    colours = style.group_colours(["(all)", *(str(k) for k in range(8))])
    assert set(colours.values()) == {style.EVERYBODY, style.PALETTE[0]}


@given(st.text(min_size=1, max_size=80), st.floats(30, 300))
def test_wrapped_lines_are_never_wider_than_asked(words, width):
    label = style.label(words)
    for line in style.wrap(label, width).split("\n"):
        assert len(line) <= 1 or style.text_width(line) <= width


@given(st.lists(st.text(alphabet="abcdefg", min_size=1, max_size=9), min_size=1, max_size=12))
def test_wrapping_and_balancing_lose_no_word(words):
    sentence = " ".join(words)
    assert style.wrap(sentence, 120).split() == words
    assert style.balance(sentence, 120).split() == words


def test_balanced_lines_leave_no_orphan():
    made = style.balance("Highest rate of purchase: Camille (18.4%); lowest: Bruno (8.7%)", 360, 12)
    lengths = [style.text_width(line, 12) for line in made.split("\n")]
    assert len(lengths) == 2
    assert min(lengths) > 0.5 * max(lengths)


def test_a_no_break_space_holds():
    assert "de 8,1\xa0%" in style.wrap("une part de 8,1\xa0% environ", 50).split("\n")


@given(st.lists(st.floats(0, 200), min_size=1, max_size=8), st.floats(1, 20))
def test_labels_are_spread_apart_in_their_order_and_inside(wanted, gap):
    placed = style.spread(wanted, gap, 0, 200)
    ordered = sorted(placed)
    assert all(b - a >= gap - 1e-6 for a, b in itertools.pairwise(ordered))
    assert ordered[0] >= -1e-6
    assert ordered[-1] <= 200 + 1e-6
    for a, b in itertools.combinations(range(len(wanted)), 2):
        if wanted[a] < wanted[b]:
            assert placed[a] < placed[b]


def test_labels_far_apart_stay_where_they_are():
    assert style.spread([10.0, 60.0, 150.0], 12, 0, 200) == [10.0, 60.0, 150.0]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 0.034, [0, 0.01, 0.02, 0.03]),
        (-23, 61, [-20, 0, 20, 40, 60]),
    ],
)
def test_ticks_are_round_and_inside(low, high, ticks):
    assert style.nice_ticks(low, high) == ticks


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5))
def test_ticks_never_leave_the_axis_and_are_few(low, span):
    ticks = style.nice_ticks(low, low + span)
    assert 1 <= len(ticks) <= 6
    assert min(ticks) >= low - 1e-6 * span
    assert max(ticks) <= low + span * (1 + 1e-6)


def test_percent_ticks_have_decimals_only_where_needed():
    assert style.percent_ticks(0, 1)[1][:2] == ["0%", "20%"]
    assert style.percent_ticks(0, 0.01)[1][:2] == ["0.0%", "0.2%"]


def test_rates_are_written_in_the_language(french):
    assert style.rate(0.617, 0.6084, 0.6251) == "61,7\xa0% (60,8 à 62,5)"
    assert style.percent_ticks(0, 0.01)[1][1] == "0,2\xa0%"
    assert style.label("(all)") == "ensemble"


def test_no_control_or_direction_character_reaches_a_label():
    assert style.label("a\x00b\u202ec\n d") == "abc d"


def test_settings_are_changed_only_inside_the_block():
    before = dict(mpl.rcParams)
    with sheet(None, body=1.0) as page:
        assert mpl.rcParams["svg.fonttype"] == before["svg.fonttype"]
        assert mpl.rcParams["axes.spines.top"] is False
        page.header("Title", "Subtitle")
    assert dict(mpl.rcParams) == before


def test_a_figure_that_fails_is_closed():
    with pytest.raises(ZeroDivisionError), sheet(None, body=1.0):
        raise ZeroDivisionError
    assert plt.get_fignums() == []


def test_the_width_is_fixed_and_the_height_grows_with_the_title():
    def height(title):
        with sheet(None, body=1.0) as page:
            page.header(title)
        assert_readable(page.ax)
        width, tall = page.ax.figure.get_size_inches()
        assert width == pytest.approx(style.WIDTH)
        return tall

    assert height("many words " * 40) > height("few words") + 0.5


def test_a_title_is_never_cut():
    title = "A finding with a very long name of a group " * 6
    with sheet(None, body=1.0) as page:
        page.header(title)
    assert page.ax.get_title(loc="left").split() == title.split()


def test_axes_of_the_caller_are_used_and_not_moved():
    figure, ax = plt.subplots()
    box = ax.get_position().bounds
    with sheet(ax, body=9.0) as page:
        page.header("Title", "Subtitle")
        page.note("A note")
    assert page.ax is ax
    assert ax.get_position().bounds == box
    assert ax.figure is figure


def test_dollar_signs_are_money_not_formulas():
    with sheet(None, body=1.0) as page:
        page.header("From 5 $ to 7 $", "and $x^2$")
    words = [t.get_text() for t, _ in drawn_texts(page.ax)]
    assert "and $x^2$" in words
    assert not any(t.get_parse_math() for t, _ in drawn_texts(page.ax) if "$" in t.get_text())


def test_an_empty_figure_says_so():
    ax = empty(None)
    assert [t.get_text() for t, _ in drawn_texts(ax)] == ["No data to draw."]
    assert_readable(ax)


def test_no_number_is_invented_for_unknown_ones():
    assert style.count(math.nan) == 0.0
    assert style.rate(math.nan) == text.UNKNOWN
