from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.word import log_odds


def words(*rows):
    return pd.DataFrame(rows, columns=["term", "n_group", "n_other"])


TOY = words(("slow", 30, 5), ("good", 10, 40), ("delivery", 20, 25))


def test_rt_40_log_odds_of_the_toy_equal_the_closed_form():
    got = log_odds(TOY)
    np.testing.assert_allclose(got["z"], [3.644360, -3.435115, -0.202538], atol=5e-7)
    assert (got["p_adjusted"] < 0.05).tolist() == [True, True, False]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=20))
def test_swapping_the_sides_changes_the_sign_and_order_does_not_matter(pairs):
    table = words(*[(str(i), *pair) for i, pair in enumerate(pairs)])
    try:
        got = log_odds(table)
    except NotEnoughDataError:
        assert min(table["n_group"].sum(), table["n_other"].sum()) == 0 or (table.iloc[:, 1:] > 0).any(axis=1).sum() < 2
        return
    swapped = log_odds(table.rename(columns={"n_group": "n_other", "n_other": "n_group"}))
    np.testing.assert_allclose(swapped["z"], -got["z"], atol=1e-9)
    np.testing.assert_allclose(log_odds(table.iloc[::-1])["z"].iloc[::-1], got["z"], atol=1e-12)


def test_a_word_that_nobody_used_is_unknown_and_not_counted():
    got = log_odds(pd.concat([TOY, words(("unused", 0, 0))], ignore_index=True))
    assert got.iloc[3][["z", "p_value", "p_adjusted"]].isna().all()
    pd.testing.assert_frame_equal(got.head(3), log_odds(TOY))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(NotEnoughDataError, match="two different words"):
        log_odds(words(("slow", 3, 5)))
    with pytest.raises(NotEnoughDataError, match="comments on both sides"):
        log_odds(words(("slow", 3, 0), ("good", 2, 0)))
    with pytest.raises(ParameterError, match="numbers from 0"):
        log_odds(words(("slow", -3, 0), ("good", 2, 0)))
