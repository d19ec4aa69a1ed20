"""Step matching against a brute-force oracle."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.journey.match import Block, chains, first_outcome, first_per_unit, next_of


def block(rows: list[tuple[int, int, int]]) -> Block:
    ordered = sorted(rows, key=lambda row: row[:2])
    unit, at, event = (np.array(column) for column in zip(*ordered, strict=True)) if ordered else ([], [], [])
    return Block(np.asarray(unit, np.int64), np.asarray(at, np.int64), np.asarray(event, np.int32), {})


def follows(data: Block, a: int, b: int, ties: str) -> bool:
    if a == b or data.unit[a] != data.unit[b]:
        return False
    if ties == "order":
        return b > a
    return data.at[b] > data.at[a] if ties == "strict" else data.at[b] >= data.at[a]


def longest(data: Block, entry: int, steps: list[list[int]], window: int | None, ties: str) -> int:
    """Length of the longest chain from an entry over *every* choice of matches."""

    def extend(here: int, step: int) -> int:
        if step == len(steps):
            return step
        options = [
            p for p in range(len(data.unit))
            if data.event[p] in steps[step] and follows(data, here, p, ties)
            and (window is None or data.at[p] <= data.at[entry] + window)
        ]  # fmt: skip
        return max([extend(p, step + 1) for p in options], default=step)

    return extend(entry, 1)


EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8), st.integers(0, 2)), max_size=14)


@given(
    EVENTS, st.sampled_from(["first", "best"]), st.sampled_from(["order", "strict"]), st.sampled_from([None, 0, 2, 5]),
    st.sampled_from([[[0], [1], [2]], [[0], [1]], [[0], [0]], [[0], [1, 2], [1]]]),
)  # fmt: skip
def test_chains_reach_what_any_choice_of_matches_reaches(rows, entry, ties, window, steps):
    data = block(rows)
    found = chains(data, steps, window=window, entry=entry, ties=ties)
    reached = {
        int(data.unit[e]): 1 + sum(int(step[i] >= 0) for step in found.steps[1:]) for i, e in enumerate(found.entry)
    }
    expected = {}
    for unit in np.unique(data.unit):
        entries = [p for p in range(len(data.unit)) if data.unit[p] == unit and data.event[p] in steps[0]]
        entries = entries[:1] if entry == "first" else entries
        if entries:
            expected[int(unit)] = max(longest(data, p, steps, window, ties) for p in entries)
    assert reached == expected


@given(EVENTS, st.sampled_from([None, 2, 5]))
def test_free_ties_let_equal_instants_count_in_either_order(rows, window):
    data = block(rows)
    found = chains(data, [[0], [1]], window=window, ties="free")
    reached = {int(data.unit[e]): int(found.steps[1][i] >= 0) for i, e in enumerate(found.entry)}
    for unit in np.unique(data.unit):
        entries = [p for p in range(len(data.unit)) if data.unit[p] == unit and data.event[p] == 0]
        if entries:
            assert reached[int(unit)] == longest(data, entries[0], [[0], [1]], window, "free") - 1


@pytest.mark.parametrize(("gap", "reached"), [(9, 1), (10, 1), (11, 0)])
def test_a_window_includes_its_end(gap, reached):
    data = block([(1, 0, 0), (1, gap, 1)])
    assert (chains(data, [[0], [1]], window=10).steps[1] >= 0).sum() == reached


def test_identical_steps_need_two_events():
    data = block([(1, 0, 0), (2, 0, 0), (2, 5, 0)])
    assert chains(data, [[0], [0]], window=None).steps[1].tolist() == [-1, 2]


def test_mixpanel_documented_case_first_entry_stops_at_b_and_best_entry_reaches_c():
    # A 13:00, A 13:30, B 13:45, C 14:15 with one hour from the entry
    data = block([(1, 0, 0), (1, 30, 0), (1, 45, 1), (1, 75, 2)])
    levels = [
        sum(int(step[0] >= 0) for step in chains(data, [[0], [1], [2]], window=60, entry=entry).steps)
        for entry in ("first", "best")
    ]
    assert levels == [2, 3]


def test_posthog_25048_repeated_page_views_reach_the_third_step():
    data = block([(1, 0, 0), (1, 1, 1), (1, 1, 1), (1, 2, 1)])
    assert (chains(data, [[0], [1], [1]], window=None).steps[2] >= 0).all()


@given(EVENTS)
def test_customers_do_not_touch_one_another(rows):
    whole = chains(block(rows), [[0], [1], [2]], window=4, entry="best")
    total = [int((step >= 0).sum()) for step in whole.steps]
    parts = np.zeros(3, dtype=int)
    for unit in {row[0] for row in rows}:
        one = chains(block([row for row in rows if row[0] == unit]), [[0], [1], [2]], window=4, entry="best")
        parts += [int((step >= 0).sum()) for step in one.steps]
    assert total == parts.tolist()


def test_the_first_of_two_outcomes_wins_and_the_other_is_the_competing_one():
    data = block([(1, 0, 0), (1, 3, 2), (1, 5, 1), (2, 0, 0), (2, 4, 1), (3, 0, 0)])
    entries = first_per_unit(data, data.positions([0]))
    position, which = first_outcome(data, entries, [[1], [2]])
    assert which.tolist() == [2, 1, 0]
    assert position.tolist() == [1, 4, -1]


def test_an_entry_that_is_any_event_may_be_the_outcome_itself():
    data = block([(1, 7, 1), (2, 1, 0), (2, 2, 1)])
    entries = first_per_unit(data, np.arange(3))
    assert first_outcome(data, entries, [[1]], inclusive=True)[0].tolist() == [0, 2]
    assert first_outcome(data, entries, [[1]])[0].tolist() == [-1, 2]


def test_nothing_in_gives_nothing_out():
    empty = block([])
    assert len(chains(empty, [[0], [1]], window=1).entry) == 0
    assert next_of(empty, np.zeros(0, np.int64), np.zeros(0, np.int64)).size == 0
    assert (
        list(itertools.chain(*[step.tolist() for step in chains(empty, [[0], [1]], window=1, entry="best").steps]))
        == []
    )
