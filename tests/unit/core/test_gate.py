"""The small-group gate: nothing between 1 and k-1 is printed, nothing follows by subtraction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.gate import ALL, Column, Columns, apply, suppress

COLUMNS = Columns(
    (
        Column("group", "string", "Group"),
        Column("n", "Int64", "All", "people"),
        Column("yes", "Int64", "Yes", "people"),
        Column("no", "Int64", "No", "people"),
        Column("share", "float64", "Share", "proportion", "", ("n", "yes")),
    ),
    sums=(("n", ("yes", "no")),),
    over="group",
)


def table(counts: list[tuple[int, int]], *, total: bool = True) -> pd.DataFrame:
    rows = [(f"g{i}", yes + no, yes, no) for i, (yes, no) in enumerate(counts)]
    if total:
        rows.insert(0, (ALL, *np.sum([row[1:] for row in rows], axis=0)))
    frame = pd.DataFrame(rows, columns=["group", "n", "yes", "no"])
    return frame.assign(share=frame["yes"] / frame["n"].replace(0, np.nan))


def possible_values(shown: pd.DataFrame) -> np.ndarray:
    """Free directions of the hidden cells under every printed equation (the attacker's algebra)."""
    names = ["n", "yes", "no"]
    hidden = shown[names].isna().to_numpy().ravel()
    rows = []
    for row in range(len(shown)):
        line = np.zeros(len(shown) * 3)
        line[row * 3 : row * 3 + 3] = [-1, 1, 1]
        rows.append(line)
    if (shown["group"] == ALL).any():
        for column in range(3):
            line = np.zeros(len(shown) * 3)
            line[column] = -1
            line[3 + column :: 3] = 1
            rows.append(line)
    matrix = np.array(rows)[:, hidden]
    if not matrix.size:
        return np.zeros(0)
    return np.isclose(np.diag(np.linalg.pinv(matrix) @ matrix), 1)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6),
    st.integers(2, 10),
    st.booleans(),
)
def test_rt_44_no_small_cell_is_printed_or_recoverable_by_subtraction(counts, k, total):
    frame = table(counts, total=total)
    shown, _ = apply(frame, COLUMNS, k)
    printed = shown[["n", "yes", "no"]].to_numpy(dtype=float, na_value=np.nan).ravel()
    assert not ((printed > 0) & (printed < k)).any()
    true = frame[["n", "yes", "no"]].to_numpy().ravel()
    hidden = np.isnan(printed)
    determined = np.zeros(len(printed), dtype=bool)
    determined[hidden] = possible_values(shown)
    small = (true > 0) & (true < k)
    assert not (determined & small).any()


def test_the_neighbour_is_hidden_when_the_sum_would_give_a_cell_away():
    shown, mask = apply(table([(3, 20), (30, 40)], total=False), COLUMNS, 5)
    assert shown["yes"].isna().tolist() == [True, False]
    assert shown["no"].isna().tolist() == [True, False]
    assert mask["share"].tolist() == [True, False]


def test_a_small_base_hides_the_whole_row():
    shown, _ = apply(table([(2, 1), (30, 40), (9, 9)]), COLUMNS, 5)
    row = shown[shown["group"] == "g0"].iloc[0]
    assert row[["n", "yes", "no", "share"]].isna().all()


def test_large_cells_and_zeros_stay():
    frame = table([(0, 20), (30, 40)])
    shown, mask = apply(frame, COLUMNS, 5)
    assert shown["yes"].tolist() == [30, 0, 30]
    assert not mask.to_numpy().any()


@pytest.mark.parametrize(("value", "hidden"), [(4, True), (5, False), (1, True), (0, False)])
def test_the_floor_itself_is_shown(value, hidden):
    assert suppress(np.array([float(value)]), [], 5).tolist() == [hidden]


def test_a_table_without_a_promised_column_is_refused():
    with pytest.raises(KeyError, match="share"):
        apply(table([(9, 9)]).drop(columns="share"), COLUMNS, 5)


def test_the_group_that_is_hidden_at_one_horizon_does_not_follow_from_the_others_there():
    columns = Columns(
        (Column("group", "string", "Group"), Column("day", "float64", "By day", "number"),
         Column("n", "Int64", "At risk", "people")), over="group", within=("day",),
    )  # fmt: skip
    rows = [(group, day, n) for day, counts in ((7.0, (40, 20, 20)), (30.0, (33, 3, 30)))
            for group, n in zip((ALL, "a", "b"), counts, strict=True)]  # fmt: skip
    shown, _ = apply(pd.DataFrame(rows, columns=["group", "day", "n"]), columns, 5)
    late = shown[shown["day"] == 30]["n"]
    assert shown[shown["day"] == 7]["n"].notna().all()
    assert late.isna().sum() >= 2, "33 - 30 would give the 3 away"
