from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.stats.planner import answers_needed, answers_needed_for_share
from cjlib.stats.score import nps


@pytest.mark.parametrize(
    ("case", "promoters", "detractors", "expected"),
    [("fifty and twenty", 0.5, 0.2, 938), ("thirds", 1 / 3, 1 / 3, 1025), ("polarised", 0.5, 0.5, 1537)],
)
def test_answers_for_five_points_equal_the_method_note(case, promoters, detractors, expected):
    assert answers_needed(5, promoters, detractors) == expected


def test_the_answers_found_give_the_width_asked_for_and_one_fewer_does_not():
    n = answers_needed(5, 0.5, 0.5)
    for answers, fits in ((n, True), (n - 1, False)):
        half = 1.959964 * 100 * (1 / answers) ** 0.5
        assert (half <= 5) is fits
    row = nps(500, 300, 200, method="wald").iloc[0]
    assert answers_needed((row["ci_high"] - row["ci_low"]) / 2, 0.5, 0.2) == 1000


def test_a_share_of_one_half_needs_the_well_known_385():
    assert answers_needed_for_share(0.05) == 385


@given(st.floats(0.5, 50), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_narrower_interval_never_needs_fewer_answers(width, up, down):
    assert answers_needed(width / 2, up, down) >= answers_needed(width, up, down) >= 1


@pytest.mark.parametrize("arguments", [(0, 0.5, 0.2), (101, 0.5, 0.2), (5, 0.7, 0.5), (5, -0.1, 0.5)])
def test_impossible_plans_are_refused(arguments):
    with pytest.raises(ParameterError, match="must"):
        answers_needed(*arguments)


@pytest.mark.parametrize(("width", "share"), [(0, 0.5), (0.05, 1.5), (2, 0.5)])
def test_impossible_plans_of_a_share_are_refused(width, share):
    with pytest.raises(ParameterError, match="must lie"):
        answers_needed_for_share(width, share)
