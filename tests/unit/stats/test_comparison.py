from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.comparison import log_rank, pairwise_log_rank

from .data import counts_of, freireich, lung, reference

people = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1), st.sampled_from("abc")), min_size=4, max_size=60)


def of(rows):
    return counts_of(*(list(column) for column in zip(*rows, strict=True)))


def test_rt_05_log_rank_and_g_rho_equal_r():
    expected = reference("survival", "RT-05")
    plain, early = log_rank(freireich()), log_rank(freireich(), rho=1)
    assert (plain.chi2, plain.df) == (pytest.approx(expected["rho_0"][0], abs=5e-7), 1)
    assert plain.p == pytest.approx(expected["rho_0"][1], abs=5e-10)
    assert early.chi2 == pytest.approx(expected["rho_1"], abs=5e-7)


def test_lung_by_sex_equals_the_numbers_validated_against_r():
    plain, early = log_rank(lung(by="sex")), log_rank(lung(by="sex"), rho=1)
    assert (plain.chi2, plain.p) == (pytest.approx(10.3267, abs=5e-5), pytest.approx(0.001311, abs=5e-7))
    assert (early.chi2, early.p) == (pytest.approx(12.7142, abs=5e-5), pytest.approx(0.0003629, abs=5e-8))


def test_waltons_equals_the_pinned_lifelines_number():
    from lifelines.datasets import load_waltons

    data = load_waltons()
    result = log_rank(counts_of(data["T"], data["E"].astype(int), data["group"]))
    assert result.chi2 == pytest.approx(122.2491255730, abs=1e-9)
    assert result.p == pytest.approx(2.04e-28, rel=5e-3)


@given(people)
def test_three_groups_equal_lifelines(rows):
    from lifelines.statistics import multivariate_logrank_test

    counts = of(rows)
    assume(counts["group"].nunique() == 3)
    try:
        ours = log_rank(counts)
    except NotEnoughDataError:
        assume(False)
    assume(ours.df == 2)  # lifelines inverts the matrix and cannot drop a group
    theirs = multivariate_logrank_test(counts["duration_days"], counts["group"], counts["outcome"])
    assert ours.chi2 == pytest.approx(theirs.test_statistic, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("rho", "gamma"), [(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5)])
def test_weights_equal_greenwood(rho, gamma):
    import greenwood

    counts = freireich()
    surv = greenwood.Surv(counts["duration_days"], event=counts["outcome"])
    theirs = greenwood.logrank_test(surv, counts["group"], rho=rho, gamma=gamma)
    assert log_rank(counts, rho=rho, gamma=gamma).chi2 == pytest.approx(theirs.statistic, rel=1e-9)


def test_two_groups_equal_a_sum_over_two_by_two_tables():
    counts = freireich()
    person = counts[["group", "duration_days", "outcome"]].to_numpy()
    observed = expected = variance = 0.0
    for t in sorted({row[1] for row in person if row[2] == 1}):
        y = sum(row[1] >= t for row in person)
        y1 = sum(row[1] >= t and row[0] == "6-MP" for row in person)
        d = sum(row[1] == t and row[2] == 1 for row in person)
        observed += sum(row[1] == t and row[2] == 1 and row[0] == "6-MP" for row in person)
        expected += d * y1 / y
        variance += d * (y1 / y) * (1 - y1 / y) * (y - d) / (y - 1) if y > 1 else 0
    assert log_rank(counts).chi2 == pytest.approx((observed - expected) ** 2 / variance, rel=1e-12)


@given(people, st.randoms(use_true_random=False))
def test_order_names_and_units_do_not_matter(rows, random):
    counts = of(rows)
    try:
        expected = log_rank(counts)
    except NotEnoughDataError:
        assume(False)
    moved = of(random.sample(rows, len(rows)))
    moved["group"] = moved["group"].map({"a": "z", "b": "y", "c": "x"})
    moved["duration_days"] *= 24
    got = log_rank(moved)
    assert got.df == expected.df
    assert got.chi2 == pytest.approx(expected.chi2, rel=1e-6, abs=1e-9)
    assert 0 <= got.p <= 1


def test_a_tie_between_groups_is_at_risk_in_both():
    tied = log_rank(counts_of([2, 2, 3, 4], 1, ["a", "b", "a", "b"]))
    apart = log_rank(counts_of([2, 2 + 1e-9, 3, 4], 1, ["a", "b", "a", "b"]))
    assert tied.chi2 != pytest.approx(apart.chi2, abs=1e-3)


def test_same_groups_do_not_differ():
    twice = pd.concat([freireich().assign(group="a"), freireich().assign(group="b")])
    result = log_rank(twice)
    assert (result.chi2, result.p) == (pytest.approx(0, abs=1e-12), pytest.approx(1, abs=1e-6))


def test_groups_that_are_never_at_risk_together_lower_the_degrees_of_freedom():
    # c is lost before the first outcome: only a and b can be compared.
    with_lost = pd.concat([freireich(), counts_of([0.5] * 9, 0, "c")])
    result = log_rank(with_lost)
    assert result.df == 1
    assert result.chi2 == pytest.approx(log_rank(freireich()).chi2, rel=1e-9)


@pytest.mark.parametrize(
    ("case", "counts", "message"),
    [
        ("single group", counts_of([1, 2], 1, "Camille"), "only one group, Camille"),
        ("no outcome", counts_of([1, 2], 0, ["a", "b"]), "no outcome was observed"),
        ("never together", counts_of([1, 2, 3, 4], [1, 0, 0, 1], ["a", "a", "a", "a"]), "only one group"),
        ("apart", counts_of([1, 5], [0, 1], ["a", "b"]), "never at risk at the same time"),
        ("everybody at once", counts_of([3, 3, 3], 1, ["a", "b", "b"]), "never at risk at the same time"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_46_what_cannot_be_compared_is_a_sentence_and_never_nan(case, counts, message):
    with pytest.raises(NotEnoughDataError, match=message) as caught:
        log_rank(counts)
    assert caught.value.code == "CJ-ST-004"


def test_a_negative_weight_is_refused():
    with pytest.raises(ParameterError, match="0 or more"):
        log_rank(freireich(), rho=-1)


def test_pairs_are_corrected_by_holm_and_equal_greenwood():
    import greenwood

    data = greenwood.load_dataset("veteran")
    data = data.to_pandas() if hasattr(data, "to_pandas") else data  # polars, where it is installed
    counts = counts_of(data["time"], data["status"].astype(int), data["celltype"].astype(str))
    ours = pairwise_log_rank(counts)
    surv = greenwood.Surv(counts["duration_days"], event=counts["outcome"])
    theirs = greenwood.pairwise_logrank_test(surv, counts["group"])
    frame = theirs if hasattr(theirs, "columns") else theirs.to_frame()
    frame = frame.to_pandas() if hasattr(frame, "to_pandas") else frame  # polars, where it is installed
    adjusted = next(name for name in frame if "adj" in str(name))
    np.testing.assert_allclose(sorted(ours["p_adjusted"]), sorted(frame[adjusted]), rtol=1e-8)
    assert len(ours) == 6
    assert (ours["p_adjusted"] >= ours["p_value"]).all()


def test_a_pair_without_outcomes_is_nan_and_not_counted():
    counts = pd.concat([freireich(), counts_of([0.5], 0, "lost")])
    table = pairwise_log_rank(counts)
    assert table["p_value"].isna().sum() == 2
    assert table["p_adjusted"].dropna().item() == pytest.approx(log_rank(freireich()).p)
    with pytest.raises(NotEnoughDataError, match="only one group"):
        pairwise_log_rank(counts_of([1], 1))


@pytest.mark.slow
def test_without_a_difference_it_rejects_at_its_level():
    rng = np.random.default_rng(11)
    rejected = 0
    for _ in range(600):
        time, lost = rng.exponential(1, 120), rng.uniform(0, 3, 120)
        counts = counts_of(np.minimum(time, lost), (time <= lost).astype(int), rng.choice(["a", "b", "c"], 120))
        rejected += log_rank(counts).p < 0.05
    assert 0.03 < rejected / 600 < 0.075
