from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.plots.difference import draw

from .figures import assert_readable, drawn_texts, lines_of, texts_of

TABLE = pd.DataFrame(
    {"label": ["Marc − Camille", "Marc − Agnès", "Camille − Agnès · same people"], "n": [120, 120, 80],
     "n_other": [80, 40, 80], "difference": [21.4, 16.0, -5.4], "ci_low": [2.6, -4.6, -28.1],
     "ci_high": [40.2, 36.6, 17.3], "clear": [True, False, False]}
).astype({"n": "Int64", "n_other": "Int64"})  # fmt: skip


def test_every_label_is_inside_and_apart():
    assert_readable(draw(TABLE, axis="NPS points"))


def test_each_comparison_has_point_interval_and_both_numbers_of_answers():
    ax = draw(TABLE, axis="NPS points")
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == [21.4, 16.0, -5.4]
    assert list(lines_of(ax, "interval")[0].get_xdata()) == [2.6, 40.2]
    assert texts_of(ax, "n") == ["120 / 80", "120 / 40", "80 / 80"]


def test_the_title_counts_what_is_established_and_zero_is_on_the_axis():
    ax = draw(TABLE, axis="NPS points")
    assert ax.get_title(loc="left") == "1 of 3 differences is established"
    assert ax.get_xlim()[0] < 0 < ax.get_xlim()[1]


def test_hidden_pairs_are_mentioned_not_drawn():
    table = TABLE.copy()
    table.loc[2, ["n", "n_other"]] = pd.NA
    table.loc[2, ["difference", "ci_low", "ci_high"]] = np.nan
    ax = draw(table, axis="points")
    assert len(lines_of(ax, "point")) == 2
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_many_comparisons_are_cut_and_counted():
    many = pd.concat([TABLE] * 8, ignore_index=True)
    assert "4 more comparisons are in the table." in [t.get_text() for t, _ in drawn_texts(draw(many, axis="points"))]


def test_nothing_to_draw_is_said_not_raised():
    assert "No data to draw" in drawn_texts(draw(TABLE.assign(difference=np.nan), axis="points"))[0][0].get_text()
