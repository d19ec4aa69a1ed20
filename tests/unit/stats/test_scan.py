from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cjlib.stats.scan import KEYS, looks, printable

CELLS = pd.DataFrame({
    "region": ["N", "N", "N", "S", "S", "S", "W"], "plan": ["a", "b", "c", "a", "b", "c", "a"],
    "n": [40, 30, 50, 60, 35, 45, 4], "n_event": [10, 12, 11, 20, 30, 9, 1],
})  # fmt: skip


def one(found: pd.DataFrame, *levels: str) -> pd.Series:
    keys = found[["level", "other_level"]].apply(tuple, axis=1)
    return found[keys == (levels[0], levels[1] if len(levels) > 1 else "")].iloc[0]


def test_counts_and_tests_of_segments_are_those_made_one_by_one():
    found, counted = looks(CELLS, ["region", "plan"], least=20)
    assert one(found, "N")[["n", "n_event"]].tolist() == [120, 33]
    assert one(found, "N")["p"] == pytest.approx(stats.fisher_exact([[33, 87], [60, 84]])[1])
    against = [
        stats.fisher_exact([[30, 5], [rest[1], rest[0] - rest[1]]])[1] for rest in ((229, 63), (105, 29), (30, 12))
    ]  # everybody else, others of S, others of b
    assert one(found, "S", "b")["p"] == pytest.approx(max(against))
    assert counted.to_dict("list") == {"attribute": ["region", "plan", "region"], "other_attribute": ["", "", "plan"],
                                       "n_looked": [2, 3, 6], "n_small": [1, 0, 0]}  # fmt: skip


def test_two_levels_are_one_look_and_a_pair_that_is_its_level_is_none():
    cells = pd.DataFrame(
        {"region": ["N", "S", "S"], "plan": ["a", "a", "b"], "n": [50, 40, 60], "n_event": [10, 20, 30]}
    )
    found, counted = looks(cells, ["region", "plan"], least=20)
    assert found[["level", "other_level"]].to_numpy().tolist() == [["N", ""], ["b", ""], ["S", "a"]]
    assert counted["n_small"].tolist() == [0, 0, 0]


def test_a_pair_explained_by_one_of_its_levels_is_no_finding():
    # the north buys more, whatever the plan: a pair in the north is unusual only because of the north
    cells = pd.DataFrame({"region": ["N", "N", "S", "S"], "plan": ["a", "b", "a", "b"], "n": 200,
                          "n_event": [120, 120, 40, 40]})  # fmt: skip
    found, _ = looks(cells, ["region", "plan"], least=20)
    assert one(found, "N")["p"] < 1e-9
    assert one(found, "N", "a")["p"] == pytest.approx(1)


def test_one_value_only_is_no_segment():
    found, counted = looks(CELLS.assign(region="N"), ["region"], least=1)
    assert found.empty
    assert counted[["n_looked", "n_small"]].to_numpy().tolist() == [[0, 0]]


def segments(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    """Rows (level, other level, n, n_event) of the attributes region and plan; a plan alone has no region."""
    made = []
    for level, other, n, k in rows:
        first, second = (("region", level), ("plan", other))[:: 1 if level else -1]
        made.append([*first, *(second if level and other else ("", "")), n, k])
    return pd.DataFrame(made, columns=[*KEYS, "n", "n_event"])


CASES = [
    ([("N", "", 100, 50)], [True]),  # 50 others with, 50 without
    ([("N", "", 100, 97)], [False]),  # 97 of 100: three without
    ([("N", "", 100, 98), ("S", "", 90, 0)], [False, True]),
    ([("N", "", 150, 97)], [False]),  # three others with it
    ([("N", "", 100, 50), ("N", "a", 60, 47)], [True, False]),  # the rest of the north: three with
    ([("N", "", 60, 30), ("S", "", 60, 30), ("W", "", 60, 37)], [False, True, True]),  # three with elsewhere
    ([("N", "a", 60, 30), ("S", "a", 60, 30), ("S", "b", 60, 37)], [False, True, True]),
    ([("N", "", 60, 30), ("S", "a", 60, 30), ("S", "b", 60, 37)], [False, True, True]),  # north and pairs elsewhere
]


@pytest.mark.parametrize(("rows", "expected"), CASES)
def test_a_segment_that_would_give_a_small_group_away_is_not_printed(rows, expected):
    assert printable(segments(*rows), n=200, n_event=100, k=5).tolist() == expected


def test_nothing_to_print_and_nothing_to_hide():
    assert printable(segments(("N", "", 100, 97)).iloc[:0], n=200, n_event=100, k=5).tolist() == []
    assert printable(segments(("N", "", 100, 97)), n=200, n_event=100, k=1).tolist() == [True]


TABLES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=9, max_size=9)


@given(TABLES, st.sets(st.integers(0, 14)))
def test_no_subtraction_of_printed_segments_without_people_in_common_leaves_a_small_group(cells, wanted):
    table = np.array(cells).reshape(3, 3, 2)  # region, plan, with and without
    every = [(f"r{i}", "", *table[i].sum(axis=0)) for i in range(3)]
    every += [("", f"p{j}", *table[:, j].sum(axis=0)) for j in range(3)]
    every += [(f"r{i}", f"p{j}", *table[i, j]) for i in range(3) for j in range(3)]
    rows = [(level, other, int(e + w), int(e)) for place, (level, other, e, w) in enumerate(every) if place in wanted]
    if not rows or table.sum() == 0:
        return
    frame = segments(*rows)
    total = table.sum(axis=(0, 1))
    if (total < 5).any():
        return
    safe = printable(frame, n=int(total.sum()), n_event=int(total[0]), k=5)
    shown = [row for row, fine in zip(rows, safe, strict=True) if fine]
    inside = {row: {(i, j) for i in range(3) for j in range(3) if row[0] in ("", f"r{i}") and row[1] in ("", f"p{j}")}
              for row in shown}  # fmt: skip
    holders = {None: {(i, j) for i in range(3) for j in range(3)}, **inside}
    for holder, people in holders.items():
        whole = total if holder is None else np.array([holder[3], holder[2] - holder[3]])
        within = [row for row in shown if row != holder and inside[row] <= people and inside[row] != people]
        for size in range(1, min(len(within), 3) + 1):
            for group in itertools.combinations(within, size):
                if sum(len(inside[row]) for row in group) == len(set().union(*(inside[row] for row in group))):
                    rest = whole - np.sum([[row[3], row[2] - row[3]] for row in group], axis=0)
                    if complete(group, shown, inside, people):
                        assert not ((rest > 0) & (rest < 5)).any(), (holder, group)


def complete(group, shown, inside, people) -> bool:
    """Whether no further printed segment fits into what is left: the smallest remainder there is."""
    left = people - set().union(*(inside[row] for row in group))
    return not any(inside[row] <= left and inside[row] for row in shown)
