from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.stats.planner import answers_needed, answers_needed_for_share, answers_per_group
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


@pytest.mark.parametrize(("difference", "variance"), [(10, 6100.0), (0.1, 0.25), (0.5, 1.3)])
def test_answers_per_group_equal_statsmodels(difference, variance):
    from statsmodels.stats.power import NormalIndPower

    exact = NormalIndPower().solve_power(effect_size=difference / variance**0.5, alpha=0.05, power=0.8)
    assert answers_per_group(difference, variance) == max(math.ceil(exact), 1)


@pytest.mark.slow
def test_groups_of_that_size_show_the_difference_four_times_in_five():
    rng = np.random.default_rng(1)
    p, d = np.array([0.5, 0.45]), np.array([0.2, 0.25])  # NPS 30 against 20
    n = answers_per_group(10, 100**2 * float((p + d - (p - d) ** 2).mean()))
    up = rng.binomial(n, p, (4000, 2))
    down = rng.binomial(n - up, d / (1 - p))
    net = 100 * (up - down) / n
    error = np.sqrt((100**2 * ((up + down) / n - (net / 100) ** 2) / n).sum(axis=1))
    assert (np.abs(net[:, 0] - net[:, 1]) > 1.959964 * error).mean() == pytest.approx(0.8, abs=0.025)


@pytest.mark.parametrize("arguments", [(0, 1.0), (-1, 1.0), (10, -1.0), (10, float("nan"))])
def test_impossible_differences_are_refused(arguments):
    with pytest.raises(ParameterError, match="must lie above"):
        answers_per_group(*arguments)
    with pytest.raises(ParameterError, match="power"):
        answers_per_group(10, 1.0, power=1)
