from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cjlib.core.svg import to_svg
from cjlib.plots import style
from cjlib.plots.triangle import draw

from .figures import assert_readable, bars, drawn_texts, texts_of, triangle_table


@pytest.mark.parametrize("n", [2, 3, 8, 14, 30])
def test_every_label_is_inside_and_apart(n):
    assert_readable(draw(triangle_table(n)))


def test_each_observable_cell_is_drawn_with_its_number():
    ax = draw(triangle_table(6))
    table = triangle_table(6)
    shares = table[(table["cohort"] != "(all)") & (table["age"] > 0)]["share"].dropna()
    assert len(bars(ax, "cell")) == len(shares) == 15
    assert texts_of(ax, "cell") == [f"{100 * share:.0f}%" for share in shares]


def test_age_zero_is_left_out_where_it_is_everybody_by_definition():
    assert [t.get_text() for t in draw(triangle_table(4)).get_xticklabels()] == ["1", "2", "3"]
    table = triangle_table(4)
    table.loc[(table["age"] == 0) & (table["cohort"] == "2025-09"), "share"] = 0.9
    assert [t.get_text() for t in draw(table).get_xticklabels()] == ["0", "1", "2", "3"]


def test_cells_that_time_has_not_shown_yet_are_hatched_never_coloured():
    ax = draw(triangle_table(6))
    blanks = bars(ax, "absent")
    assert all(patch.get_hatch() for patch in blanks)
    assert sum(round(patch.get_height() / 19) for patch in blanks) == 15
    assert "not yet observable" in [t.get_text() for t, _ in drawn_texts(ax)]


def test_a_hidden_cell_is_a_dot_not_a_blank():
    table = triangle_table(6)
    cell = (table["cohort"] == "2025-10") & (table["age"] == 2)
    table.loc[cell, "n_active"] = pd.NA
    table.loc[cell, ["share", "ci_low", "ci_high"]] = np.nan
    ax = draw(table)
    assert texts_of(ax, "hidden") == ["•"]
    assert sum(round(patch.get_height() / 19) for patch in bars(ax, "absent")) == 15
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_a_hidden_cohort_is_dots_as_far_as_a_newer_one_has_been_followed():
    table = triangle_table(6)
    row = table["cohort"] == "2025-10"
    table.loc[row, ["n_at_risk", "n_active"]] = pd.NA
    table.loc[row, ["share", "ci_low", "ci_high"]] = np.nan
    ax = draw(table)
    assert len(texts_of(ax, "hidden")) == 3
    assert texts_of(ax, "n")[1] == "•"


def test_the_average_stands_apart_with_its_interval():
    ax = draw(triangle_table(6))
    assert len(texts_of(ax, "average")) == len(texts_of(ax, "interval")) == 5
    lowest_cell = max(patch.get_y() + patch.get_height() for patch in bars(ax, "cell"))
    assert min(patch.get_y() for patch in bars(ax, "average")) > lowest_cell + 5
    assert ax.get_yticklabels()[-1].get_text() == "weighted average"


def test_without_an_average_none_is_made_up():
    table = triangle_table(5)
    ax = draw(table[table["cohort"] != "(all)"])
    assert bars(ax, "average") == []


def test_the_title_speaks_of_an_age_that_three_cohorts_have_reached():
    assert draw(triangle_table(6)).get_title(loc="left").startswith("After 3 months, ")


def test_each_number_is_readable_on_its_cell():
    ax = draw(triangle_table(14))
    for patch, text in zip(bars(ax, "cell"), [t for t in ax.texts if t.get_gid() == "cell"], strict=True):
        assert style.contrast(to_hex(patch.get_facecolor()), text.get_color()) >= 4.5


def test_a_higher_share_is_never_paler():
    ax = draw(triangle_table(8))
    table = triangle_table(8)
    shares = table[(table["cohort"] != "(all)") & (table["age"] > 0)]["share"].dropna()
    darkness = [style.contrast(to_hex(patch.get_facecolor()), "#ffffff") for patch in bars(ax, "cell")]
    ordered = [dark for _, dark in sorted(zip(shares, darkness, strict=True))]
    assert all(b >= a - 1e-6 for a, b in itertools.pairwise(ordered))


def test_sizes_of_cohorts_are_shown_with_their_unit():
    ax = draw(triangle_table(4), unit="order")
    assert texts_of(ax, "n") == ["200", "237", "274", "311"]
    assert "orders" in [t.get_text() for t, _ in drawn_texts(ax)]


def test_only_the_newest_cohorts_are_drawn_and_the_rest_mentioned():
    ax = draw(triangle_table(30))
    assert len(texts_of(ax, "n")) == 24
    assert texts_of(ax, "cell") == []
    assert "Older cohorts and ages are in the table." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_cells_are_french(french):
    ax = draw(triangle_table(5))
    assert texts_of(ax, "cell")[0].endswith("\xa0%")
    assert_readable(ax)


@pytest.mark.parametrize(
    "table",
    [triangle_table(5).head(0), triangle_table(5).assign(share=np.nan), triangle_table(5).query("cohort == '(all)'")],
)
def test_nothing_to_draw_is_said_not_raised(table):
    assert "No data to draw" in drawn_texts(draw(table))[0][0].get_text()


def test_the_svg_is_small_and_the_same_each_time():
    first = to_svg(draw(triangle_table(30)))
    assert first == to_svg(draw(triangle_table(30)))
    assert len(first) < 60_000
