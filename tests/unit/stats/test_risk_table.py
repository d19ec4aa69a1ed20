from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.stats.risk_table import tabulate

from .data import counts_of


def test_people_last_seen_at_t_are_at_risk_at_t():
    _, (block,) = tabulate(counts_of([2, 2, 3], [0, 1, 1]))
    assert block.time.tolist() == [0, 2, 3]
    assert block.n_at_risk.tolist() == [3, 3, 1]
    assert block.n_event[:, 0].tolist() == [0, 1, 1]
    assert block.n_censored.tolist() == [0, 1, 0]


def test_a_zero_duration_is_at_risk_at_zero():
    _, (block,) = tabulate(counts_of([0, 0, 1], [1, 0, 1]))
    assert block.time.tolist() == [0, 1]
    assert block.n_at_risk.tolist() == [3, 1]
    assert block.n_event[:, 0].tolist() == [1, 1]


def test_outcomes_are_those_that_occur_and_always_the_first():
    outcomes, blocks = tabulate(counts_of([1, 2], [0, 7]))
    assert outcomes == (1, 7)
    assert blocks[0].n_event.tolist() == [[0, 0], [0, 0], [0, 1]]


def test_groups_are_sorted_unless_categories_give_an_order():
    counts = counts_of([1, 2, 3], 1, ["b", "a", "b"])
    assert [block.group for block in tabulate(counts)[1]] == ["a", "b"]
    counts["group"] = pd.Categorical(counts["group"], ["z", "b", "a"])
    assert [block.group for block in tabulate(counts)[1]] == ["b", "a"]


def test_a_group_without_anybody_is_absent():
    counts = counts_of([1, 2], 1, ["a", "b"]).assign(n=[3, 0])
    assert [block.group for block in tabulate(counts)[1]] == ["a"]


@pytest.mark.parametrize("flag", [True, 1.0, np.int8(1)])
def test_whole_outcomes_of_any_type_are_accepted(flag):
    assert tabulate(counts_of([1], [flag]))[1][0].n_event.sum() == 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("duration_days", -0.5, r"1 of 4 durations are negative \(smallest: -0.5 days\)"),
        ("duration_days", np.nan, "1 of 4 durations are missing or infinite"),
        ("duration_days", np.inf, "1 of 4 durations are missing or infinite"),
        ("outcome", -1, "1 of 2 rows of the count table have an impossible outcome"),
        ("outcome", 0.5, "impossible outcome"),
        ("outcome", "oui", "impossible outcome .oui"),
        ("outcome", np.nan, "impossible outcome"),
        ("n", -3, "impossible n"),
        ("n", 1.5, "impossible n"),
        ("group", None, "1 of 4 people have no group"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_40_broken_rows_are_refused_with_their_number(column, value, message):
    counts = counts_of([1, 2], [1, 0], ["a", "b"]).assign(n=[1, 3]).astype(object)
    counts.loc[0, column] = value
    with pytest.raises(ParameterError, match=message) as caught:
        tabulate(counts)
    assert caught.value.code == "CJ-ST-001"


def test_a_missing_column_is_named():
    with pytest.raises(ParameterError, match="lacks outcome, n"):
        tabulate(counts_of([1], 1).drop(columns=["outcome", "n"]))


@pytest.mark.parametrize("rows", [0, 1])
def test_bad_47_nobody_is_a_sentence(rows):
    with pytest.raises(NotEnoughDataError, match="0 customers") as caught:
        tabulate(counts_of([1], 1).assign(n=0).head(rows))
    assert caught.value.code == "CJ-ST-002"


def test_sentences_render_in_french():
    with using("fr"), pytest.raises(NotEnoughDataError):
        tabulate(counts_of([], []))
