from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.plots.forest import draw

from .figures import assert_readable, drawn_texts, lines_of, texts_of

TABLE = pd.DataFrame(
    {"label": ["Call", "Visit to the shop in town", "Reminder"], "n_exposed": [40, 120, 9], "n_other": [60, 80, 191],
     "ratio": [0.5, 1.1, np.nan], "ci_low": [0.3, 0.8, np.nan], "ci_high": [0.8, 90.0, np.nan],
     "naive": [0.2, 0.6, np.nan]}
).astype({"n_exposed": "Int64", "n_other": "Int64"})  # fmt: skip


def test_every_label_is_inside_and_apart():
    assert_readable(draw(TABLE, axis="hazard ratio (log scale)"))


def test_point_interval_and_hollow_naive_mark_stand_on_a_log_axis():
    ax = draw(TABLE, axis="hazard ratio")
    assert ax.get_xscale() == "log"
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == [0.5, 1.1]
    naive = lines_of(ax, "naive")
    assert [line.get_xdata()[0] for line in naive] == [0.2, 0.6]
    assert naive[0].get_markerfacecolor() == "none"
    assert texts_of(ax, "n") == ["40 / 60", "120 / 80", "9 / 191"]


def test_an_endless_interval_is_cut_at_the_edge_and_written_out():
    ax = draw(TABLE, axis="hazard ratio")
    assert lines_of(ax, "interval")[1].get_xdata()[1] <= ax.get_xlim()[1] < 90
    assert "1.10 (0.80 to 90.00)" in texts_of(ax, "label")


def test_the_title_counts_what_differs_and_hidden_rows_are_mentioned():
    ax = draw(TABLE, axis="hazard ratio")
    assert ax.get_title(loc="left") == "1 of 2 ratios differs from 1"
    assert any("No ratio: hidden" in text.get_text() for text, _ in drawn_texts(ax))


def test_nothing_to_draw_is_said_not_raised():
    assert "No data to draw" in drawn_texts(draw(TABLE.assign(ratio=np.nan), axis="x"))[0][0].get_text()
