from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.core.errors import ParameterError
from cjlib.core.svg import to_svg
from cjlib.plots.said_done import draw

from .figures import assert_readable, drawn_texts, lines_of, said_table, texts_of

LONG = "A really long label that somebody typed in full, with $dollars$ & <b>"


def two_questions():
    other = said_table().assign(question=LONG, category=lambda f: f["category"] + " " + LONG)
    return pd.concat([said_table(), other], ignore_index=True)


@pytest.mark.parametrize("measure", ["mean", "top"])
@pytest.mark.parametrize("table", [said_table(), two_questions()], ids=["one", "two long"])
def test_every_label_is_inside_and_apart(table, measure):
    assert_readable(draw(table, measure=measure, scale=(1, 5)))


def test_both_panels_share_rows_and_axis():
    left, right = draw(said_table()).child_axes
    assert left.get_xlim() == right.get_xlim()
    assert left.get_ylim() == right.get_ylim()
    assert list(left.get_yticks()) == list(right.get_yticks())
    assert [t.get_text() for t in left.get_yticklabels()] == ["promise kept", "late", "never", "not yet received"]


def test_points_and_intervals_are_those_of_the_table():
    table = said_table()
    ax = draw(table)
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == list(table["mean"])
    assert [tuple(line.get_xdata()) for line in lines_of(ax, "interval")] == list(
        zip(table["ci_low"], table["ci_high"], strict=True)
    )


def test_the_right_panel_repeats_the_left_value_hollow_and_names_the_difference():
    ax = draw(said_table())
    assert [line.get_xdata()[0] for line in lines_of(ax, "ghost")] == [4.29, 2.27]
    assert all(line.get_markerfacecolor() == "#ffffff" for line in lines_of(ax, "ghost"))
    assert "3.56 (+1.29)" in texts_of(ax, "label")


def test_the_same_category_is_level_in_both_panels():
    ax = draw(said_table())
    left, right = (
        [line.get_ydata()[0] for line in panel.lines if line.get_gid() == "point"] for panel in ax.child_axes
    )
    assert left[:2] == right[:2]


def test_a_category_of_one_view_only_is_said_not_to_apply_in_the_other():
    assert [t.get_text() for t, _ in drawn_texts(draw(said_table()))].count(" does not apply") == 2


def test_n_is_written_at_each_point():
    ax = draw(said_table())
    assert texts_of(ax, "n") == ["n = 88,000", "n = 7,800", "n = 2,800", "n = 87,000", "n = 3,200", "n = 7,400"]


def test_the_title_names_the_category_that_differs_most():
    title = draw(said_table()).get_title(loc="left").replace("\n", " ")
    assert title == "delivery, late: 2.27 by what happened in the end, 3.56 by what had happened when people answered"


def test_equal_views_are_said_to_agree():
    table = said_table()
    same = table[table["view"] == "final"]
    ax = draw(pd.concat([same, same.assign(view="when answered")]))
    assert ax.get_title(loc="left") == "delivery: both views give the same scores"


def test_hidden_cells_are_not_drawn_but_mentioned():
    table = said_table()
    table.loc[2, "n"] = pd.NA
    table.loc[2, ["mean", "ci_low", "ci_high"]] = np.nan
    ax = draw(table)
    assert len(lines_of(ax, "point")) == 5
    assert texts_of(ax, "hidden") == [" •"]
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_top_shares_are_percentages_and_differences_points():
    ax = draw(said_table(), measure="top")
    assert "52.0% (+31.0)" in texts_of(ax, "label")
    assert ax.child_axes[0].get_xlabel() == "share of the best answers"


def test_numbers_are_french(french):
    ax = draw(said_table(), measure="top")
    assert "52,0\xa0% (+31,0)" in texts_of(ax, "label")
    assert_readable(ax)


def test_nothing_to_draw_is_said_not_raised():
    for table in (said_table().head(0), said_table().assign(mean=np.nan)):
        assert "No data to draw" in drawn_texts(draw(table))[0][0].get_text()


def test_an_unknown_measure_is_refused():
    with pytest.raises(ParameterError, match="Allowed: mean, top"):
        draw(said_table(), measure="median")


def test_the_svg_is_small_and_the_same_each_time():
    assert to_svg(draw(two_questions())) == to_svg(draw(two_questions()))
    assert len(to_svg(draw(two_questions()))) < 60_000
