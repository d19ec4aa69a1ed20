from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multinomial

from cjlib.core.errors import ParameterError
from cjlib.stats.score import INSTRUMENTS, distribution, nps, nps_difference, nps_from_scores, top_box

triples = st.tuples(*[st.integers(0, 400)] * 3).filter(sum)
answers = st.lists(st.integers(0, 10), min_size=1, max_size=60)


def row(table):
    return table.iloc[0]


def test_rt_30_nps_of_50_30_20_equals_the_closed_form():
    adjusted, wald = row(nps(50, 30, 20)), row(nps(50, 30, 20, method="wald"))
    assert (adjusted["estimate"], wald["estimate"]) == (pytest.approx(30), pytest.approx(30))
    assert wald["std_error"] == pytest.approx(7.8102, abs=5e-5)
    assert (wald["ci_low"], wald["ci_high"]) == (
        pytest.approx(14.69, abs=5e-3),
        pytest.approx(45.31, abs=5e-3),
    )
    assert (adjusted["ci_low"], adjusted["ci_high"]) == (
        pytest.approx(14.05, abs=5e-3),
        pytest.approx(44.20, abs=5e-3),
    )


@pytest.mark.parametrize(
    ("counts", "method", "estimate", "low", "high"),
    [
        ((15, 10, 5), "adjusted", 33.33, 4.78, 55.83),
        ((250, 675, 75), "wald", 17.5, 14.14, 20.86),
        ((250, 675, 75), "adjusted", 17.5, 14.09, 20.81),
    ],
)
def test_rt_31_small_and_large_samples_equal_the_closed_form(counts, method, estimate, low, high):
    got = row(nps(*counts, method=method))[["estimate", "ci_low", "ci_high"]].tolist()
    assert got == pytest.approx([estimate, low, high], abs=5e-3)


def test_rt_31_all_promoters_have_no_wald_error_but_an_adjusted_one():
    wald, adjusted = row(nps(10, 0, 0, method="wald")), row(nps(10, 0, 0))
    assert (wald["std_error"], wald["ci_low"]) == (0, 100)
    assert adjusted["std_error"] == pytest.approx(15.0, abs=0.05)
    assert adjusted["ci_low"] == pytest.approx(76.923 - 1.959964 * adjusted["std_error"], abs=1e-2)
    assert (adjusted["estimate"], adjusted["ci_high"]) == (100, 100)


def test_rt_32_difference_of_two_groups_equals_r():
    got = row(nps_difference(nps(50, 30, 20), nps(40, 35, 25)))
    assert got["estimate"] == pytest.approx(15)
    assert got["std_error"] == pytest.approx(11.1243, abs=5e-5)
    assert got["z"] == pytest.approx(1.3484, abs=5e-5)
    assert got["p_value"] == pytest.approx(0.17753, abs=5e-6)


@pytest.mark.parametrize(
    ("p", "d", "n", "wald", "adjusted"),
    [(0.5, 0.2, 100, 0.945, 0.949), (0.5, 0.2, 20, 0.926, 0.948), (0.7, 0.05, 20, 0.917, 0.953),
     (0.8, 0.02, 30, 0.894, 0.949)],
)  # fmt: skip
def test_coverage_by_exact_enumeration_equals_the_table_of_the_note(p, d, n, wald, adjusted):
    up, down = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    up, down = up[up + down <= n], down[up + down <= n]
    middle = n - up - down
    chance = multinomial.pmf(np.stack([up, middle, down], axis=1), n, [p, 1 - p - d, d])
    for method, expected in (("wald", wald), ("adjusted", adjusted)):
        table = nps(up, middle, down, method=method)
        inside = (table["ci_low"] - 1e-9 <= 100 * (p - d)) & (100 * (p - d) <= table["ci_high"] + 1e-9)
        assert chance[inside].sum() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("score", "kind"),
    [
        (0, "detractor"),
        (6, "detractor"),
        (7, "passive"),
        (8, "passive"),
        (9, "promoter"),
        (10, "promoter"),
    ],
)
def test_the_cut_points_are_nine_and_six(score, kind):
    got = row(nps_from_scores([score]))
    assert got[f"n_{kind}"] == 1
    assert got[["n_promoter", "n_passive", "n_detractor"]].sum() == 1


@given(answers)
def test_the_error_equals_the_variance_of_scores_of_plus_100_0_and_minus_100(scores):
    value = np.select([np.array(scores) >= 9, np.array(scores) <= 6], [100.0, -100.0], 0.0)
    got = row(nps_from_scores(scores, method="wald"))
    assert got["estimate"] == pytest.approx(value.mean(), abs=1e-9)
    assert got["std_error"] == pytest.approx(value.std() / np.sqrt(len(scores)), abs=1e-6)


@given(triples)
def test_swapping_promoters_and_detractors_changes_the_sign(counts):
    up, middle, down = counts
    for method in ("adjusted", "wald"):
        one, other = row(nps(up, middle, down, method=method)), row(nps(down, middle, up, method=method))
        assert one["estimate"] == pytest.approx(-other["estimate"], abs=1e-9)
        assert one["ci_low"] == pytest.approx(-other["ci_high"], abs=1e-9)


@given(triples)
def test_the_interval_contains_the_score_and_stays_within_100_points(counts):
    got = row(nps(*counts))
    assert -100 <= got["ci_low"] <= got["estimate"] <= got["ci_high"] <= 100
    assert got["ci_high"] - got["ci_low"] > 0


@given(answers, st.randoms(use_true_random=False))
def test_order_counting_and_unanswered_rows_do_not_matter(scores, random):
    values, n = np.unique(scores, return_counts=True)
    moved = [*random.sample(scores, len(scores)), float("nan")]
    pd.testing.assert_frame_equal(nps_from_scores(values, n=n), nps_from_scores(moved))


def test_rows_are_computed_side_by_side():
    table = nps([50, 0], [30, 0], [20, 0])
    assert table["estimate"].tolist() == [pytest.approx(30), pytest.approx(np.nan, nan_ok=True)]
    assert table["n_responses"].tolist() == [100, 0]


def test_nobody_answered_is_nan_everywhere():
    for table in (nps_from_scores([]), nps_from_scores([np.nan]), top_box([], [5])):
        assert table[["estimate", "ci_low", "ci_high"]].isna().all(axis=None)
        assert table["n_responses"].item() == 0
    assert distribution([], scale=(1, 5))["share"].isna().all()


@pytest.mark.parametrize("score", [11, -1, 7.5])
def test_bad_43_a_score_off_the_scale_is_refused_with_its_value(score):
    with pytest.raises(ParameterError, match=f"1 of 3 scores are not whole steps .* 0 to 10: {score}") as caught:
        nps_from_scores([10, score, 3])
    assert caught.value.code == "CJ-ST-008"


def test_a_score_that_nobody_gave_is_no_answer():
    assert nps_from_scores([10, 11], n=[3, 0])["n_responses"].item() == 3


@pytest.mark.parametrize("counts", [(-1, 2, 3), (1.5, 2, 3), (np.nan, 2, 3)])
def test_counts_that_are_none_are_refused(counts):
    with pytest.raises(ParameterError, match="whole numbers from 0"):
        nps(*counts)


def test_the_difference_of_unanimous_groups_still_has_an_interval():
    got = row(nps_difference(nps(10, 0, 0), nps(0, 0, 10)))
    assert got["estimate"] == 200
    assert np.isnan(got["p_value"])
    assert got["ci_low"] < 190


@given(triples, triples)
def test_the_difference_changes_sign_with_the_order(one, other):
    there, back = row(nps_difference(nps(*one), nps(*other))), row(nps_difference(nps(*other), nps(*one)))
    assert there["estimate"] == pytest.approx(-back["estimate"], abs=1e-9)
    assert there["ci_low"] == pytest.approx(-back["ci_high"], abs=1e-9)
    assert -200 <= there["ci_low"] <= there["estimate"] <= there["ci_high"] <= 200


def test_top_box_counts_its_scores_and_uses_wilson():
    got = row(top_box([5, 4, 4, 3, 1, np.nan], INSTRUMENTS["csat"].good_scores))
    assert (got["n_event"], got["n_responses"], got["estimate"]) == (3, 5, 0.6)
    got = row(top_box([1, 0], [1], n=[81, 182]))
    assert (got["ci_low"], got["ci_high"]) == (
        pytest.approx(0.2553, abs=5e-5),
        pytest.approx(0.3662, abs=5e-5),
    )


def test_an_empty_box_is_refused():
    with pytest.raises(ParameterError, match="name the scores that count"):
        top_box([1, 2], INSTRUMENTS["nps"].good_scores)


@given(answers)
def test_the_distribution_keeps_every_answer_and_every_step(scores):
    table = distribution(scores, scale=(0, 10))
    assert table["score"].tolist() == list(range(11))
    assert table["n_responses"].tolist() == [scores.count(step) for step in range(11)]
    assert table["share"].sum() == pytest.approx(1)
    assert ((table["ci_low"] <= table["share"]) & (table["share"] <= table["ci_high"])).all()
