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


def test_each_driver_has_importance_interval_and_both_scores():
    ax = draw(TABLE, scale=(0, 10))
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == [0.118, 0.063, 0.038]
    assert texts_of(ax, "lived") == ["7.16", "7.74", "7.54"]
    assert texts_of(ax, "other") == ["8.40", "8.25", "8.20"]
    assert texts_of(ax, "share") == ["20%", "22%", "10%"]


def test_hidden_drivers_are_mentioned_not_drawn():
    table = TABLE.copy()
    table.loc[2, table.columns != "driver"] = np.nan
    ax = draw(table, scale=(0, 10))
    assert len(lines_of(ax, "point")) == 2
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_nothing_to_draw_is_said_not_raised():
    nothing = draw(TABLE.assign(importance=np.nan), scale=(0, 10))
    assert "No data to draw" in drawn_texts(nothing)[0][0].get_text()
