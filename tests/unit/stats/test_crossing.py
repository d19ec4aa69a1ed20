from __future__ import annotations

import numpy as np
import pytest

from cjlib.core.errors import ParameterError
from cjlib.stats.comparison import log_rank
from cjlib.stats.crossing import crossing
from cjlib.stats.curve import aalen_johansen, kaplan_meier

from .data import counts_of, freireich


def two(a, b, end):
    """Two groups of simulated times, censored at `end`."""
    time = np.concatenate([a, b])
    return counts_of(np.minimum(time, end), (time <= end).astype(int), ["a"] * len(a) + ["b"] * len(b))


def test_a_fast_start_that_is_overtaken_is_found_where_the_log_rank_sees_nothing():
    rng = np.random.default_rng(5)
    early = np.where(rng.uniform(size=500) < 0.35, rng.exponential(2, 500), np.inf)  # few, at once
    late = np.where(rng.uniform(size=500) < 0.55, rng.normal(25, 4, 500), np.inf)  # more, later
    counts = two(early, late, 28)
    found = crossing(aalen_johansen(counts), "b", "a")
    assert found is not None
    assert found.first_higher == "a"
    assert found.early_days < 25 <= found.late_days
    assert crossing(kaplan_meier(counts), "a", "b") == found
    assert log_rank(counts).p > 0.05


def test_curves_that_lie_apart_do_not_cross():
    assert crossing(kaplan_meier(freireich()), "6-MP", "placebo") is None


def test_a_group_without_a_curve_is_refused():
    with pytest.raises(ParameterError, match="No curve of the group 'c'"):
        crossing(kaplan_meier(freireich()), "6-MP", "c")


@pytest.mark.slow
@pytest.mark.parametrize("lost", [False, True])
def test_equal_curves_are_seldom_called_crossing(lost):
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(400):
        time = rng.exponential(10, (2, 150))
        end = rng.uniform(0, 40, (2, 150)) if lost else np.full((2, 150), 30.0)
        counts = counts_of(np.minimum(time, end).ravel(), (time <= end).astype(int).ravel(), ["a"] * 150 + ["b"] * 150)
        wrong += crossing(kaplan_meier(counts), "a", "b") is not None
    assert wrong / 400 <= 0.05
