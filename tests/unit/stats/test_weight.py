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


# The California schools of R's survey package (`apistrat`): type of school, whether the whole school reached its
# target, number of schools, and the sum of their score api00.
SCHOOLS = [("E", "No", 9, 5641), ("H", "No", 24, 14294), ("M", "No", 15, 8228),
           ("E", "Yes", 91, 61802), ("H", "Yes", 26, 16997), ("M", "Yes", 35, 23602)]  # fmt: skip
DRAWN = {"E": 44.21, "H": 15.10, "M": 20.36}


def test_rt_34_schools_raked_to_their_type_and_target_equal_r():
    people = pd.DataFrame([(kind, wide, total / n) for kind, wide, n, total in SCHOOLS for _ in range(n)],
                          columns=["stype", "wide", "api00"])  # fmt: skip
    targets = {"stype": {"E": 4421, "H": 755, "M": 1018}, "wide": {"No": 1072, "Yes": 5122}}
    w = rake(people[["stype", "wide"]], targets, weights=people["stype"].map(DRAWN))
    # R 4.2.2, survey 4.1: rake() to convergence gives 662.211 (balance 662.213).
    assert w @ people["api00"] / w.sum() == pytest.approx(662.2117, abs=2e-4)
    assert kish(w).design_effect == pytest.approx(1.18638, abs=5e-6)
    assert kish(w).n_effective == pytest.approx(168.58, abs=5e-3)
    by_cell = pd.Series(w).groupby([people["stype"], people["wide"]]).first()
    assert by_cell["E", "No"] == pytest.approx(44.541, abs=2e-3)
    assert by_cell["H", "Yes"] == pytest.approx(15.041, abs=2e-3)


# Simulated people of the package balance (version 0.23, `load_sim_data`): gender, age, how many of the sample and
# the sum of their happiness, how many of the target.
HAPPY = [("?", "18-24", 47, 2265.1810430938567, 190), ("?", "25-34", 27, 1275.0441893239413, 259),
         ("?", "35-44", 11, 546.6041799298855, 275), ("?", "45+", 3, 217.52200506739797, 174),
         ("F", "18-24", 123, 7767.300336230888, 876), ("F", "25-34", 86, 5065.243856848153, 1360),
         ("F", "35-44", 50, 3313.334553758648, 1370), ("F", "45+", 9, 625.5454939212159, 945),
         ("M", "18-24", 321, 12835.726037330485, 905), ("M", "25-34", 187, 7638.85807719453, 1355),
         ("M", "35-44", 95, 4533.9290610095495, 1347), ("M", "45+", 41, 2474.5255927446647, 944)]  # fmt: skip


def happy() -> tuple[pd.DataFrame, pd.DataFrame]:
    cells = pd.DataFrame(HAPPY, columns=["gender", "age", "n", "total", "target"])
    people = cells.loc[cells.index.repeat(cells["n"])].reset_index(drop=True)
    return people.assign(happiness=people["total"] / people["n"], cell=people["gender"] + people["age"]), cells


def test_rivals_4h_raking_equals_the_other_package():
    people, cells = happy()
    assert people["happiness"].mean() == pytest.approx(48.55881, abs=5e-6)
    targets = {name: cells.groupby(name)["target"].sum().to_dict() for name in ("gender", "age")}
    w = rake(people[["gender", "age"]], targets)
    # balance stops a little earlier: 55.48444 and 2.10268.
    assert w @ people["happiness"] / w.sum() == pytest.approx(55.48459, abs=5e-6)
    assert kish(w).design_effect == pytest.approx(2.10276, abs=5e-6)


def test_rivals_4h_one_crossed_margin_is_poststratification():
    people, cells = happy()
    target = dict(zip(cells["gender"] + cells["age"], cells["target"], strict=True))
    w = rake(people[["cell"]], {"cell": target})
    assert w @ people["happiness"] / w.sum() == pytest.approx(55.23568, abs=5e-6)
    assert kish(w).design_effect == pytest.approx(2.37932, abs=5e-6)
