from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.plots.ledger import draw

from .figures import assert_readable, drawn_texts, lines_of, texts_of

TABLE = pd.DataFrame(
    {"type": ["praise, then leaving at the fees", "a long wait, and a fine score", "promoter who leaves"],
     "n_at_risk": [126, 40, 76], "n": [60, 12, 38], "share": [0.476, 0.3, 0.5], "ci_low": [0.39, 0.18, 0.39],
     "ci_high": [0.56, 0.45, 0.61], "expected": [0.25, 0.6, np.nan], "expected_low": [0.2, 0.5, np.nan],
     "expected_high": [0.31, 0.7, np.nan]}
).astype({"n": "Int64", "n_at_risk": "Int64"})  # fmt: skip


def test_every_label_is_inside_and_apart():
    assert_readable(draw(TABLE))


def test_each_type_has_its_share_and_the_range_of_chance_where_that_is_known():
    ax = draw(TABLE)
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == [0.476, 0.3, 0.5]
    bars = [(round(bar.get_x(), 3), round(bar.get_x() + bar.get_width(), 3)) for bar in ax.patches]
    assert bars == [(0.2, 0.31), (0.5, 0.7)]
    assert texts_of(ax, "n") == ["60 of 126", "12 of 40", "38 of 76"]
    assert (
        ax.get_title(loc="left").replace("\n", " ").startswith("Most beyond chance: praise, then leaving at the fees")
    )


def test_hidden_types_are_mentioned_not_drawn():
    table = TABLE.copy()
    table.loc[2, ["n", "n_at_risk"]] = pd.NA
    table.loc[2, ["share", "ci_low", "ci_high"]] = np.nan
    ax = draw(table)
    assert len(lines_of(ax, "point")) == 2
    assert "• Too few people to be shown." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_without_an_excess_the_title_says_so():
    ax = draw(TABLE.iloc[1:])
    assert ax.get_title(loc="left").replace("\n", " ") == "No contradiction is more frequent than chance would give"


def test_nothing_to_draw_is_said_not_raised():
    assert "No data to draw" in drawn_texts(draw(TABLE.assign(share=np.nan)))[0][0].get_text()
