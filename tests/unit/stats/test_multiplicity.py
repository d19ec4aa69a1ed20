from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.stats.multiplicity import benjamini_hochberg, holm

BH_1995 = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
    0.7590, 1,
]  # fmt: skip
p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_rt_28_benjamini_hochberg_1995_rejects_four_and_holm_three():
    by_share, by_any = benjamini_hochberg(BH_1995), holm(BH_1995)
    assert (by_share <= 0.05).sum() == 4
    assert (by_any <= 0.05).sum() == 3
    np.testing.assert_allclose(by_share[:5], [0.0015, 0.003, 0.0095, 0.035625, 0.0603], atol=1e-12)


@given(p_lists)
def test_both_equal_statsmodels(p):
    from statsmodels.stats.multitest import multipletests

    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], atol=1e-12)


@given(p_lists, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_nothing_gets_smaller(p, random):
    shuffled = list(range(len(p)))
    random.shuffle(shuffled)
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(p)
        assert (adjusted >= np.array(p)).all()
        assert (adjusted <= 1).all()
        np.testing.assert_array_equal(adjust([p[i] for i in shuffled]), adjusted[shuffled])


def test_a_test_that_was_not_possible_stays_nan_and_does_not_count():
    np.testing.assert_array_equal(holm([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])
    np.testing.assert_array_equal(benjamini_hochberg([np.nan, 0.03]), [np.nan, 0.03])


def test_an_empty_list_stays_empty():
    assert holm([]).size == 0


def test_a_value_above_one_is_refused():
    with pytest.raises(ParameterError, match="between 0 and 1"):
        holm([0.2, 1.2])
