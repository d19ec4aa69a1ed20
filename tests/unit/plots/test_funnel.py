from __future__ import annotations

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from cjlib.core.svg import to_svg
from cjlib.plots import style
from cjlib.plots.funnel import draw

from .figures import assert_readable, bars, drawn_texts, funnel_table, lines_of, texts_of

LONG = "A really long label that somebody typed in full, with $dollars$ & <b>"


@pytest.mark.parametrize(
    "groups",
    [("(all)",), ("Camille", "Bruno", "Fatima"), ("(all)", "a", "b", "c", "d"), tuple(f"Group {k}" for k in range(7)),
     tuple(f"{LONG} {k}" for k in range(14)), (LONG, LONG + "2"), ("😀 joy", "日本")],
    ids=["all", "three", "four", "seven", "fourteen long", "two long", "other scripts"],
)  # fmt: skip
def test_every_label_is_inside_and_apart(groups):
    assert_readable(draw(funnel_table(groups)))


def test_long_step_names_are_inside_and_apart():
    assert_readable(draw(funnel_table(("(all)",), steps=(LONG, "b", "c " + LONG))))


def test_each_bar_is_everybody_who_entered():
    table = funnel_table()
    ax = draw(table)
    assert [bar.get_width() for bar in bars(ax, "reached")] == pytest.approx(list(table["share_naive"]))
    for k, bar in enumerate(bars(ax, "reached")[1:], start=1):
        row = table.loc[k]
        open_bar, out = bars(ax, "open")[k - 1], bars(ax, "out")[k - 1]
        assert open_bar.get_x() == pytest.approx(bar.get_width())
        assert open_bar.get_width() == pytest.approx(row["n_open"] / row["n_start"])
        assert bar.get_width() + open_bar.get_width() + out.get_width() == pytest.approx(1.0)


def test_open_windows_are_hatched_and_in_the_legend_only_where_there_are_any():
    ax = draw(funnel_table())
    assert all(bar.get_hatch() for bar in bars(ax, "open"))
    assert "still inside the window" in [t.get_text() for t, _ in drawn_texts(ax)]
    closed = funnel_table().assign(n_open=0, n_out=lambda f: f["n_start"] - f["n_reached"])
    assert "still inside the window" not in [t.get_text() for t, _ in drawn_texts(draw(closed))]


def test_the_point_and_interval_are_those_of_the_curve_where_there_is_one():
    table = funnel_table().assign(share_curve=0.5, curve_low=0.4, curve_high=0.6)
    ax = draw(table)
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == [0.5] * 4
    assert [list(line.get_xdata()) for line in lines_of(ax, "interval")] == [[0.4, 0.6]] * 4


def test_without_a_curve_the_rate_among_closed_windows_is_drawn_and_named():
    table = funnel_table(curve=False)
    ax = draw(table)
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == pytest.approx(list(table["share_mature"][1:]))
    assert "rate among closed windows, 95 % interval" in [t.get_text() for t, _ in drawn_texts(ax)]


def test_the_first_step_has_no_rate_since_it_is_full_by_definition():
    ax = draw(funnel_table())
    assert len(texts_of(ax, "n")) == 5
    assert len(texts_of(ax, "label")) == 4


def test_numbers_stand_beside_the_bars():
    table = funnel_table()
    ax = draw(table)
    assert texts_of(ax, "n") == [f"{n:,}" for n in table["n_reached"]]
    assert texts_of(ax, "label")[0] == style.rate(*table.loc[1, ["share_curve", "curve_low", "curve_high"]])


def test_the_title_names_the_largest_loss_in_customers():
    table = funnel_table(steps=("visit", "cart", "purchase"), curve=False)
    table["share_mature"] = [1.0, 0.9, 0.2]
    title = draw(table).get_title(loc="left").replace("\n", " ")
    assert title == "The largest loss is between cart and purchase: 77.8% of those at cart go no further"


def test_without_a_window_nobody_is_called_lost():
    table = funnel_table(curve=False)
    table["n_open"] = table["n_start"] - table["n_reached"]
    table["n_out"] = 0
    ax = draw(table)
    assert "so far" in ax.get_title(loc="left")
    words = [t.get_text() for t, _ in drawn_texts(ax)]
    assert {"not reached so far", "share so far, 95 % interval"} <= set(words)
    assert not {"out", "still inside the window"} & set(words)


def test_groups_get_their_colour_and_their_name_inside_the_first_bars():
    groups = ("Camille", "Bruno", "Fatima")
    ax = draw(funnel_table(groups))
    assert texts_of(ax, "group") == list(groups)
    seen = [plt.matplotlib.colors.to_hex(bar.get_facecolor()) for bar in bars(ax, "reached")[:15:5]]
    assert seen == [style.PALETTE[1], style.PALETTE[0], style.PALETTE[2]]  # by the alphabet


def test_the_total_is_left_out_where_groups_are_drawn():
    ax = draw(funnel_table(("(all)", "a", "b")))
    assert texts_of(ax, "group") == ["a", "b"]


def test_more_than_four_groups_get_a_panel_each_and_more_than_twelve_are_counted():
    ax = draw(funnel_table([f"g{k}" for k in range(14)]))
    assert len(ax.child_axes) == 12
    assert "2 more groups are in the table." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_hidden_cells_are_not_drawn_but_mentioned():
    table = funnel_table(("a", "b"))
    cut = (table["group"] == "b") & (table["step_order"] >= 3)
    table.loc[cut, ["n_reached", "n_open", "n_out", "n_mature", "n_mature_reached"]] = pd.NA
    table.loc[cut, ["share_naive", "share_mature", "share_curve", "ci_low", "ci_high", "curve_low", "curve_high"]] = (
        None
    )
    ax = draw(table)
    assert len(bars(ax, "reached")) == 8
    assert texts_of(ax, "hidden") == ["•", "•"]
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]
    assert_readable(ax)


@pytest.mark.parametrize(
    "table", [funnel_table().head(0), funnel_table().assign(n_start=pd.NA), funnel_table().assign(n_start=0)]
)
def test_nothing_to_draw_is_said_not_raised(table):
    ax = draw(table)
    assert "No data to draw" in drawn_texts(ax)[0][0].get_text()


def test_ticks_and_labels_are_french(french):
    ax = draw(funnel_table())
    assert [t.get_text() for t in ax.get_xticklabels()] == [f"{k}\xa0%" for k in range(0, 101, 20)]
    assert texts_of(ax, "n")[0] == "4\u202f000"
    assert "," in texts_of(ax, "label")[0]
    assert "." not in texts_of(ax, "label")[0]
    assert_readable(ax)


def test_the_axis_says_what_it_measures():
    assert draw(funnel_table()).get_xlabel() == "share of those who entered"


def test_given_axes_are_returned():
    _, ax = plt.subplots()
    assert draw(funnel_table(), ax=ax) is ax


def test_the_svg_is_small_and_the_same_each_time():
    table = funnel_table([f"Group {k}" for k in range(12)])
    first = to_svg(draw(table))
    assert first == to_svg(draw(table))
    assert len(first) < 60_000
