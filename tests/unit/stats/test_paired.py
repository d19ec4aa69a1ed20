from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.paired import mcnemar


def test_rt_29_mcnemar_with_correction_equals_r():
    result = mcnemar(150, 86, method="corrected")
    assert result.statistic == pytest.approx(16.8178, abs=5e-5)
    assert result.p == pytest.approx(4.1146e-05, abs=5e-10)


@given(st.integers(0, 60), st.integers(0, 60))
def test_both_methods_equal_statsmodels_and_do_not_care_about_direction(before, after):
    from statsmodels.stats.contingency_tables import mcnemar as theirs

    if before + after == 0 or abs(before - after) == 0:
        return
    exact, corrected = mcnemar(before, after), mcnemar(before, after, method="corrected")
    assert exact.p == pytest.approx(theirs([[0, before], [after, 0]], exact=True).pvalue, abs=1e-12)
    expected = theirs([[0, before], [after, 0]], exact=False, correction=True)
    assert (corrected.statistic, corrected.p) == (
        pytest.approx(expected.statistic),
        pytest.approx(expected.pvalue),
    )
    assert mcnemar(after, before) == exact


def test_as_many_each_way_is_no_change():
    assert mcnemar(5, 5).p == 1
    assert mcnemar(5, 5, method="corrected") == (0, 1)


def test_nobody_changed_is_a_sentence():
    with pytest.raises(NotEnoughDataError, match="nobody changed"):
        mcnemar(0, 0)
    with pytest.raises(ParameterError, match="not negative"):
        mcnemar(-1, 3)
