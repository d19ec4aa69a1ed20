from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.core.text import number
from cjlib.plots.nonresponse import draw

from .figures import assert_readable, axes_of, drawn_texts, lines_of, texts_of

TABLE = pd.DataFrame(
    {"basis": ["those who answered", "weighted", "worst case", "best case"], "n": [3568, 3568, 7331, 7331],
     "value": [36.6, 29.2, -33.5, 69.2], "low": [34.4, 26.7, -35.4, 67.8], "high": [38.8, 31.7, -31.6, 70.4]}
).astype({"n": "Int64"})  # fmt: skip
BALANCE = pd.DataFrame(
    {"covariate": [f"number of: event {i}" for i in range(14)], "before": np.linspace(0.3, 0.02, 14), "after": 0.01}
)
OPTIONS = {"name": "NPS", "form": number, "ends": (-100.0, 100.0)}


def test_every_label_is_inside_and_apart():
    assert_readable(draw(TABLE, balance=BALANCE, **OPTIONS))
    assert_readable(draw(TABLE, **OPTIONS))


def test_each_estimate_has_point_interval_and_numbers():
    ax = draw(TABLE, balance=BALANCE, **OPTIONS)
    assert [line.get_xdata()[0] for line in lines_of(ax, "point")] == TABLE["value"].tolist()
    assert len(lines_of(ax, "interval")) == 4
    assert texts_of(ax, "n") == ["3,568", "3,568", "7,331", "7,331"]
    assert texts_of(ax, "label")[1] == "29 (27 to 32)"


def test_the_farthest_covariates_have_a_dot_before_and_after_and_the_limit_is_drawn():
    ax = draw(TABLE, balance=BALANCE, **OPTIONS)
    assert len(axes_of(ax)) == 3
    assert [line.get_xdata()[0] for line in lines_of(ax, "before")] == BALANCE["before"].tolist()[:12]
    assert [line.get_xdata()[0] for line in lines_of(ax, "after")] == [0.01] * 12
    assert lines_of(ax, "limit")[0].get_xdata()[0] == 0.1
    assert any("2 more covariates" in text.get_text() for text, _ in drawn_texts(ax))


def test_without_weights_only_those_who_answered_are_drawn():
    ax = draw(TABLE.drop(1).reset_index(drop=True), balance=BALANCE.assign(after=np.nan), **OPTIONS)
    assert not lines_of(ax, "after")
    assert ax.get_title(loc="left") == "NPS: 37 among those who answered"


def test_hidden_rows_are_mentioned_not_drawn():
    table = TABLE.copy()
    table.loc[0, "n"] = pd.NA
    table.loc[0, ["value", "low", "high"]] = np.nan
    ax = draw(table, **OPTIONS)
    assert len(lines_of(ax, "point")) == 3
    assert "• Too few people to be shown." in [text.get_text() for text, _ in drawn_texts(ax)]


def test_nothing_to_draw_is_said_not_raised():
    assert "No data to draw" in drawn_texts(draw(TABLE.assign(value=np.nan), **OPTIONS))[0][0].get_text()


def test_a_raked_row_and_its_balance_have_marks_of_their_own():
    raked = TABLE.loc[[1]].assign(basis="raked", value=28.5)
    table = pd.concat([TABLE.head(2), raked, TABLE.tail(2)], ignore_index=True)
    ax = draw(table, balance=BALANCE.assign(raked=0.02), **OPTIONS)
    assert_readable(ax)
    assert [line.get_xdata()[0] for line in lines_of(ax, "raked")] == [0.02] * 12
    assert len({line.get_color() for line in lines_of(ax, "point")[:3]}) == 3
    assert ax.get_title(loc="left") == "NPS: 37 among those who answered, 29 weighted"
