from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.plots.segments import draw

from .figures import assert_readable, drawn_texts, lines_of, texts_of

TABLE = pd.DataFrame(
    {"segment": ["persona = Marc, region = Hauts-de-France", "persona = Agnès"], "n": [66, 1327],
     "share": [0.82, 0.31], "shrunken": [0.75, 0.33], "shrunken_low": [0.65, 0.29], "shrunken_high": [0.84, 0.37]}
).astype({"n": "Int64"})  # fmt: skip
HOW = {"everybody": 0.46, "n_found": 2, "looked": 27, "axis": "share with Purchase within 60 days"}


def test_every_label_is_inside_and_apart():
    assert_readable(draw(TABLE, **HOW))


def test_each_segment_has_a_shrunken_point_with_interval_and_the_raw_share_hollow():
    ax = draw(TABLE, **HOW)
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == [0.75, 0.33]
    assert list(lines_of(ax, "interval")[0].get_xdata()) == [0.65, 0.84]
    raw = lines_of(ax, "raw")
    assert [line.get_xdata()[0] for line in raw] == [0.82, 0.31]
    assert {line.get_markerfacecolor() for line in raw} == {"none"}
    assert lines_of(ax, "everybody")[0].get_xdata()[0] == 0.46
    assert texts_of(ax, "n") == ["66", "1,327"]
    assert ax.get_title(loc="left") == "2 of 27 segments differ from all others"


def test_many_segments_are_cut_and_counted():
    many = pd.concat([TABLE] * 10, ignore_index=True)
    ax = draw(many, **{**HOW, "n_found": 20})
    assert_readable(ax)
    assert "5 more segments are in the table." in [t.get_text() for t, _ in drawn_texts(ax)]


def test_nothing_to_draw_is_said_not_raised():
    nothing = draw(TABLE.iloc[:0], **{**HOW, "n_found": 0})
    assert "none differs" in drawn_texts(nothing)[0][0].get_text()
    hidden = draw(TABLE.assign(shrunken=np.nan), **HOW)
    assert "too few people" in drawn_texts(hidden)[0][0].get_text()
