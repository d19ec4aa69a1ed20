"""The figure of those who never convert: observed, fitted, plateau; nothing cut, nothing claimed without one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cjlib.plots.plateau import draw

from .figures import assert_readable, curve_table, drawn_texts, lines_of

FITTED = pd.DataFrame({"time_days": np.linspace(0, 90, 50), "n": 400, "estimate": np.linspace(0, 0.6, 50)})


def one() -> pd.DataFrame:
    return curve_table().assign(outcome="purchase")


def test_every_label_is_inside_and_apart_with_and_without_a_plateau():
    for plateau in (None, (0.7, 0.6, 0.8)):
        assert_readable(draw(one(), FITTED, family="log-normal", plateau=plateau, origin="visit"))


def test_the_plateau_and_its_share_are_drawn_only_where_they_can_be_said():
    with_it = draw(one(), FITTED, family="Weibull", plateau=(0.7, 0.6, 0.8))
    assert with_it.get_title(loc="left") == "30.0% will never have purchase (20.0% to 40.0%)"
    assert len(lines_of(with_it, "plateau")) == 1
    without = draw(one(), FITTED, family="Weibull")
    assert not lines_of(without, "plateau")
    assert "never" not in " ".join(text.get_text() for text, *_ in drawn_texts(without))


def test_hidden_rows_give_an_empty_figure_that_says_so():
    hidden = one().assign(estimate=np.nan)
    assert "No data to draw" in " ".join(
        text.get_text() for text, *_ in drawn_texts(draw(hidden, FITTED, family="Weibull"))
    )
