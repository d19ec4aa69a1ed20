from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.weight import kish, rake

ANSWERS = pd.DataFrame({"persona": list("aaaabbbccc"), "channel": list("wsswwsswws")})
TARGETS = {"persona": {"a": 20, "b": 50, "c": 30}, "channel": {"w": 0.7, "s": 0.3}}


def test_rt_33_kish_equals_r():
    effect = kish([1, 1, 2, 2, 4])
    assert effect.design_effect == pytest.approx(1.3)
    assert effect.n_effective == pytest.approx(3.84615, abs=5e-6)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.floats(0.01, 100))
def test_the_effect_is_at_least_one_and_does_not_depend_on_the_scale(weights, scale):
    effect = kish(weights)
    assert effect.design_effect >= 1 - 1e-12
    assert effect.n_effective <= len(weights) + 1e-9
    assert kish(np.array(weights) * scale).design_effect == pytest.approx(effect.design_effect)
    assert kish([scale] * len(weights)).design_effect == pytest.approx(1)


def test_every_margin_is_met_and_the_odds_within_cells_are_kept():
    w = rake(ANSWERS, TARGETS)
    assert w.sum() == pytest.approx(100)
    for name, wanted in TARGETS.items():
        held = pd.Series(w).groupby(ANSWERS[name]).sum() / 100
        for category, target in wanted.items():
            assert held[category] == pytest.approx(target / sum(wanted.values()), abs=1e-9)
    cells = pd.Series(w).groupby([ANSWERS["persona"], ANSWERS["channel"]]).mean()
    # Raking weights are a product of one factor per margin: odds ratios of the factors are 1.
    for one, other in (("a", "b"), ("b", "c")):
        ratio = cells[one, "w"] / cells[one, "s"] / (cells[other, "w"] / cells[other, "s"])
        assert ratio == pytest.approx(1, abs=1e-8)


def test_margins_that_hold_already_change_nothing():
    start = np.array([1.0, 2.0, 3.0])
    answers = pd.DataFrame({"persona": ["a", "a", "b"]})
    np.testing.assert_allclose(rake(answers, {"persona": {"a": 3, "b": 3}}, weights=start), start)


def test_order_of_rows_does_not_matter():
    order = np.random.default_rng(0).permutation(10)
    np.testing.assert_allclose(rake(ANSWERS.iloc[order], TARGETS), rake(ANSWERS, TARGETS)[order], rtol=1e-9)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"persona": {"a": 1, "b": 1}}, "3 of 10 answers have a 'persona' without a target"),
        ({"persona": {"a": 1, "b": -1, "c": 1}}, "not all numbers from 0"),
        ({"persona": {"a": 0, "b": 0, "c": 0}}, "not all numbers from 0"),
        ({}, "names no margin"),
    ],
)
def test_broken_targets_are_refused(targets, message):
    with pytest.raises(ParameterError, match=message) as caught:
        rake(ANSWERS, targets)
    assert caught.value.code == "CJ-ST-012"


def test_a_category_without_answers_is_a_sentence():
    targets = {"persona": {"a": 1, "b": 1, "c": 1, "d": 1}}
    with pytest.raises(NotEnoughDataError, match="Nobody in d answered"):
        rake(ANSWERS, targets)
    targets["persona"]["d"] = 0
    assert rake(ANSWERS, targets).sum() == pytest.approx(3)


def test_margins_that_contradict_each_other_are_a_sentence():
    answers = pd.DataFrame({"x": ["a", "b"], "y": ["a", "b"]})
    with pytest.raises(NotEnoughDataError, match="cannot all be met"):
        rake(answers, {"x": {"a": 1, "b": 3}, "y": {"a": 3, "b": 1}}, rounds=50)


@pytest.mark.parametrize("weights", [[1, -1], [0, 0], [1, np.nan]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ParameterError, match="numbers from 0"):
        kish(weights)
