from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cjlib.core.errors import ParameterError
from cjlib.stats.exact import fisher

TABLE = st.tuples(st.integers(1, 80), st.integers(1, 80), st.floats(0, 1), st.floats(0, 1))


def test_the_lady_tasting_tea_and_the_twins_of_r():
    # ?fisher.test of R: TeaTasting (two-sided 0.4857), Convictions of twins (two-sided 0.0005367)
    assert fisher([3, 2], [4, 17], [1, 10], [4, 13]) == pytest.approx([0.4857143, 0.0005367241], rel=1e-6)


@given(TABLE)
def test_it_is_the_test_of_scipy(table):
    n, m, p, q = table
    k, x = round(n * p), round(m * q)
    expected = stats.fisher_exact([[k, n - k], [x, m - x]])[1]
    assert fisher([k], [n], [x], [m])[0] == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_a_million_people_are_tested_as_exactly():
    expected = stats.fisher_exact([[50_500, 49_500], [450_000, 450_000]])[1]
    assert fisher([50_500], [100_000], [450_000], [900_000])[0] == pytest.approx(expected, rel=1e-5)
    assert fisher([100_000], [100_000], [0], [900_000])[0] == 0


def test_an_empty_group_has_no_test_and_impossible_counts_are_refused():
    assert np.isnan(fisher([0], [0], [1], [2]))[0]
    with pytest.raises(ParameterError):
        fisher([3], [2], [1], [2])
