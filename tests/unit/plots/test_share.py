from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.plots.share import draw

from .figures import assert_readable, drawn_texts, lines_of, texts_of

TABLE = pd.DataFrame(
    {"group": ["promoters", "passives", "detractors"], "n": [120, 90, 80], "estimate": [0.4, 0.2, 0.1],
     "ci_low": [0.3, 0.1, 0.05], "ci_high": [0.5, 0.3, 0.2]}
).astype({"n": "Int64"})  # fmt: skip


def test_every_label_is_inside_and_apart():
    assert_readable(draw(TABLE, axis="share who bought again"))


def test_each_group_has_point_interval_and_numbers():
    ax = draw(TABLE, axis="share who bought again")
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == [0.4, 0.2, 0.1]
    assert [list(line.get_xdata()) for line in lines_of(ax, "interval")] == [[0.3, 0.5], [0.1, 0.3], [0.05, 0.2]]
    assert texts_of(ax, "n") == ["120", "90", "80"]


def test_hidden_groups_are_mentioned_not_drawn():
    table = TABLE.copy()
    table.loc[2, "n"] = pd.NA
    table.loc[2, ["estimate", "ci_low", "ci_high"]] = np.nan
    ax = draw(table, axis="share who bought again")
    assert len(lines_of(ax, "point")) == 2
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_nothing_to_draw_is_said_not_raised():
    assert "No data to draw" in drawn_texts(draw(TABLE.assign(estimate=np.nan), axis="share"))[0][0].get_text()
