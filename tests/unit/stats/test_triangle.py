from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.proportion import wilson
from cjlib.stats.triangle import retention_average, retention_triangle

COLUMNS = ["cohort", "age", "n_at_risk", "n_active", "estimate", "ci_low", "ci_high"]


def cells(*rows):
    return pd.DataFrame(rows, columns=["cohort", "age", "n_at_risk", "n_active"])


EXAMPLE = cells(("2026-02", 0, 30, 15), ("2026-01", 1, 10, 0), ("2026-01", 0, 10, 10), ("2026-02", 1, 0, 0))


def test_the_grid_is_full_sorted_and_immature_cells_are_missing_not_zero():
    got = retention_triangle(EXAMPLE)
    assert list(got) == COLUMNS
    assert got["cohort"].tolist() == ["2026-01", "2026-01", "2026-02", "2026-02"]
    assert got["n_at_risk"].tolist() == [10, 10, 30, 0]
    np.testing.assert_array_equal(got["estimate"], [1, 0, 0.5, np.nan])
    assert got[["n_active", "estimate", "ci_low", "ci_high"]].iloc[3].isna().all()


def test_a_cell_where_nobody_was_active_is_zero_with_an_upper_limit():
    row = retention_triangle(EXAMPLE).iloc[1]
    assert (row["estimate"], row["ci_low"]) == (0, 0)
    assert row["ci_high"] == pytest.approx(float(wilson(0, 10)[1]))


def test_an_absent_cell_is_the_same_as_one_without_anybody():
    pd.testing.assert_frame_equal(retention_triangle(EXAMPLE), retention_triangle(EXAMPLE.head(3)))


def test_the_average_weighs_people_and_only_those_at_risk():
    got = retention_average(retention_triangle(EXAMPLE))
    assert got["n_cohorts"].tolist() == [2, 1]
    assert got["n_at_risk"].tolist() == [40, 10]
    assert got["estimate"].tolist() == [25 / 40, 0]  # not (1 + 1/2) / 2


def test_an_age_that_no_cohort_reached_is_missing_in_the_average():
    got = retention_average(retention_triangle(cells(("a", 0, 5, 5), ("a", 1, 0, 0))))
    assert got["estimate"].isna().tolist() == [False, True]
    assert got["n_cohorts"].tolist() == [1, 0]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20))
def test_the_average_lies_between_the_cohorts_and_order_does_not_matter(pairs):
    rows = [(f"{i % 5}", i // 5, max(pair), min(pair)) for i, pair in enumerate(pairs)]
    if not any(row[2] for row in rows):
        return
    triangle = retention_triangle(cells(*rows))
    pd.testing.assert_frame_equal(triangle, retention_triangle(cells(*rows[::-1])))
    for row in retention_average(triangle).itertuples():
        known = triangle[triangle["age"] == row.age]["estimate"].dropna()
        if len(known):
            assert known.min() - 1e-12 <= row.estimate <= known.max() + 1e-12
        else:
            assert np.isnan(row.estimate)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (cells(("a", 0, 5, 6)), "more people active than at risk"),
        (cells(("a", 0, 5, -1)), "fewer than 0"),
        (cells(("a", 0, 5, 5), ("a", 0, 3, 1)), "1 cells of the triangle occur twice"),
        (cells(("a", 0, 5, 5)).drop(columns="n_active"), "lack n_active"),
    ],
)
def test_impossible_cells_are_refused(table, message):
    with pytest.raises(ParameterError, match=message) as caught:
        retention_triangle(table)
    assert caught.value.code == "CJ-ST-010"


def test_everybody_active_is_allowed():
    assert retention_triangle(cells(("a", 0, 5, 5)))["estimate"].item() == 1


@pytest.mark.parametrize("table", [cells(), cells(("a", 0, 0, 0))], ids=["no cell", "nobody"])
def test_no_mature_cell_is_a_sentence(table):
    with pytest.raises(NotEnoughDataError, match="No cohort has completed a period"):
        retention_triangle(table)
