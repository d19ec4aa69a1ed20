from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.importance import shapley_r2

# Chatterjee and Price (1977): rating, complaints, privileges, learning, raises, critical, advance
_TYPED = """
43 51 30 39 61 92 45  63 64 51 54 63 73 47  71 70 68 69 76 86 48  61 63 45 47 54 84 35  81 78 56 66 71 83 47
43 55 49 44 54 49 34  58 67 42 56 66 68 35  71 75 50 55 70 66 41  72 82 72 67 71 83 31  67 61 45 47 62 80 41
64 53 53 58 58 67 34  67 60 47 39 59 74 41  69 62 57 42 55 63 25  68 83 83 45 59 77 35  77 77 54 72 79 77 46
81 90 50 72 60 54 36  74 85 64 69 79 79 63  65 60 65 75 55 80 60  65 70 46 57 75 85 46  50 58 68 54 64 78 52
50 40 33 34 43 64 33  64 61 52 62 66 80 41  53 66 52 50 63 80 37  40 37 42 58 50 57 49  63 54 42 48 66 75 33
66 77 66 63 88 76 72  78 75 58 74 80 78 49  48 57 44 45 51 83 38  85 85 71 71 77 74 55  82 82 39 59 64 78 39
"""
ATTITUDE = np.array(_TYPED.split(), dtype=float).reshape(30, 7)
SIX = [[column] for column in range(6)]


def test_rt_37_shares_of_the_attitude_data_equal_r():
    found = shapley_r2(ATTITUDE[:, 0], ATTITUDE[:, 1:], SIX, seed=1)
    assert found.r2 == pytest.approx(0.732602, abs=1e-6)
    expected = [0.370816, 0.050904, 0.155766, 0.120345, 0.006589, 0.028182]
    assert found.share == pytest.approx(expected, abs=1e-6)


def test_independent_drivers_get_their_own_share_and_intervals_cover_it():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(4000, 3))
    y = x @ [1.0, 0.5, 0.0] + rng.normal(size=4000)
    found = shapley_r2(y, x, [[0], [1], [2]], seed=2)
    truth = np.array([1.0, 0.25, 0.0]) / 2.25
    assert (found.ci_low[:2] < truth[:2]).all()
    assert (truth[:2] < found.ci_high[:2]).all()
    assert found.share[2] < 0.005
    assert found.first.tolist() == [1.0, 0.0, 0.0]


def test_two_columns_of_one_driver_enter_together():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(200, 3))
    y = x.sum(axis=1) + rng.normal(size=200)
    apart, together = shapley_r2(y, x, [[0], [1], [2]], seed=1), shapley_r2(y, x, [[0, 1], [2]], seed=1)
    assert together.r2 == pytest.approx(apart.r2)
    assert together.share[0] > apart.share[:2].max()


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_reversing_the_scale_or_moving_a_driver_changes_nothing_and_doubling_only_the_interval(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(80, 2))
    y = np.round(x @ [1.0, 0.4] + rng.normal(size=80))
    there = shapley_r2(y, x, [[0], [1]], seed=3, draws=100)
    back = shapley_r2(10 - y, 5 - 2 * x, [[0], [1]], seed=3, draws=100)
    twice = shapley_r2(np.tile(y, 4), np.tile(x, (4, 1)), [[0], [1]], seed=3, draws=100)
    same = shapley_r2(np.tile(y, 4), np.tile(x, (4, 1)), [[0], [1]], seed=3, draws=100, people=np.tile(range(80), 4))
    assert there.share == pytest.approx(back.share, abs=1e-9)
    assert there.ci_low == pytest.approx(back.ci_low, abs=1e-9)
    assert twice.share == pytest.approx(there.share, abs=1e-9)
    assert (twice.ci_high - twice.ci_low)[0] < (there.ci_high - there.ci_low)[0]
    assert same.ci_low == pytest.approx(there.ci_low, abs=1e-9)  # repeated answers of one person are no new people


def test_twin_drivers_share_alike_and_a_constant_one_gets_nothing():
    rng = np.random.default_rng(4)
    x = rng.normal(size=300)
    found = shapley_r2(x + rng.normal(size=300), np.column_stack([x, x, np.ones(300)]), [[0], [1], [2]], seed=1)
    assert found.share[0] == pytest.approx(found.share[1])
    assert found.share[2] == pytest.approx(0, abs=1e-9)


def test_impossible_requests_are_sentences():
    with pytest.raises(NotEnoughDataError, match="All scores are equal"):
        shapley_r2([3, 3, 3], [[1], [2], [3]], [[0]], seed=1)
    with pytest.raises(ParameterError, match="11 drivers"):
        shapley_r2([1, 2], np.ones((2, 11)), [[i] for i in range(11)], seed=1)
    with pytest.raises(ParameterError, match="10 draws"):
        shapley_r2([1, 2], [[1], [2]], [[0]], seed=1, draws=10)


def test_what_is_always_in_the_model_earns_nothing_and_is_adjusted_for():
    rng = np.random.default_rng(8)
    stage = rng.integers(0, 2, 500).astype(float)
    lived = (rng.random(500) < 0.2 + 0.6 * stage).astype(float)  # lived mostly at the second stage
    y = 3 * stage + rng.normal(size=500)
    x = np.column_stack([lived, stage])
    pooled = shapley_r2(y, x, [[0]], seed=1, draws=100)
    within = shapley_r2(y, x, [[0]], always=[1], seed=1, draws=100)
    assert pooled.share[0] > 0.15
    assert within.share[0] < 0.01
    # The same by hand: what the driver adds to R² of the stage
    one = np.linalg.lstsq(np.column_stack([np.ones(500), stage]), y, rcond=None)[1][0]
    both = np.linalg.lstsq(np.column_stack([np.ones(500), stage, lived]), y, rcond=None)[1][0]
    assert within.share[0] == pytest.approx((one - both) / ((y - y.mean()) ** 2).sum(), abs=1e-6)
    assert within.r2 == pytest.approx(within.share.sum())


def test_people_who_answer_k_times_have_the_interval_of_answering_once():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    who = np.arange(60)
    once = shapley_r2(y, x, [[0], [1]], seed=4, people=who, draws=100)
    often = shapley_r2(np.tile(y, 4), np.tile(x, (4, 1)), [[0], [1]], seed=4, people=np.tile(who, 4), draws=100)
    for before, after in zip(once, often, strict=True):
        assert after == pytest.approx(before, abs=1e-6)
