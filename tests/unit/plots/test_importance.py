from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.plots.importance import draw

from .figures import assert_readable, drawn_texts, lines_of, texts_of

TABLE = pd.DataFrame(
    {"driver": ["Shipping fee shown before the order", "Wait (minutes)", "Delivery late"], "share": [0.2, 0.22, 0.1],
     "score_lived": [7.16, 7.74, 7.54], "score_other": [8.4, 8.25, 8.2], "importance": [0.118, 0.063, 0.038],
     "ci_low": [0.05, 0.01, 0.0], "ci_high": [0.19, 0.18, 0.09]}
)  # fmt: skip


def test_every_label_is_inside_and_apart():
    assert_readable(draw(TABLE, scale=(0, 10)))


def test_each_driver_is_a_point_at_its_score_and_importance_with_an_interval_and_both_scores():
    ax = draw(TABLE, scale=(0, 10))
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in lines_of(ax, "point")]
    assert points == [(7.16, 0.118), (7.74, 0.063), (7.54, 0.038)]
    assert [tuple(line.get_ydata()) for line in lines_of(ax, "interval")] == [(0.05, 0.19), (0.01, 0.18), (0, 0.09)]
    assert texts_of(ax, "label")[1] == "Wait (minutes)\n22% lived it: 7.74; others: 8.25"


def test_the_quadrants_are_the_means_and_are_explained_beside_what_importance_is_not():
    ax = draw(TABLE, scale=(0, 10))
    dashed = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert dashed[0].get_ydata()[0] == np.mean([0.118, 0.063, 0.038])
    everybody = np.mean([0.2 * 7.16 + 0.8 * 8.4, 0.22 * 7.74 + 0.78 * 8.25, 0.1 * 7.54 + 0.9 * 8.2])
    assert dashed[1].get_xdata()[0] == everybody
    notes = " ".join(text.get_text().replace("\n", " ") for text, _ in drawn_texts(ax))
    assert "look there first" in notes
    assert "Importance is not an effect" in notes


def test_ten_drivers_of_equal_importance_have_labels_apart():
    table = pd.concat([TABLE.iloc[[0]]] * 10, ignore_index=True)
    table["driver"] = [f"Driver number {place}" for place in range(10)]
    assert_readable(draw(table, scale=(0, 10)))


def test_hidden_drivers_are_mentioned_not_drawn():
    table = TABLE.copy()
    table.loc[2, table.columns != "driver"] = np.nan
    ax = draw(table, scale=(0, 10))
    assert len(lines_of(ax, "point")) == 2
    assert "• Too few people to be shown: Delivery late." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_nothing_to_draw_is_said_not_raised():
    nothing = draw(TABLE.assign(importance=np.nan), scale=(0, 10))
    assert "No data to draw" in drawn_texts(nothing)[0][0].get_text()
