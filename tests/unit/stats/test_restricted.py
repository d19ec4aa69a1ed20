from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.curve import aalen_johansen, kaplan_meier
from cjlib.stats.restricted import restricted_mean, restricted_mean_competing, restricted_mean_difference

from .data import counts_of, freireich, lung, mgus2, reference

people = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=1, max_size=40)


def test_rt_03_restricted_means_and_their_difference_equal_r():
    expected = reference("survival", "RT-03")
    means = restricted_mean(kaplan_meier(freireich()), 20)
    got = means.set_index("group")
    for group in ("6-MP", "placebo"):
        assert got.loc[group, ["estimate", "std_error"]].tolist() == pytest.approx(expected[group], abs=5e-7)
    row = restricted_mean_difference(means, baseline="placebo").iloc[0]
    values = row[["estimate", "std_error", "ci_low", "ci_high"]].tolist()
    assert values == pytest.approx(expected["difference"], abs=5e-5)


def test_rt_04_the_variance_of_lifelines_is_not_ours():
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    counts = freireich().query("group == '6-MP'")
    fitter = KaplanMeierFitter().fit(counts["duration_days"], counts["outcome"])
    with warnings.catch_warnings(action="ignore"):  # scipy complains about integrating steps
        mean, variance = restricted_mean_survival_time(fitter, t=20, return_variance=True)
    ours = restricted_mean(kaplan_meier(counts), 20).iloc[0]
    assert mean == pytest.approx(ours["estimate"])
    assert variance == pytest.approx(30.896, abs=5e-4)
    assert ours["std_error"] ** 2 == pytest.approx(1.5664, abs=5e-5)


def test_rt_07_restricted_means_of_lung_equal_r():
    expected = reference("survival", "RT-07")["restricted_mean_365"]
    got = restricted_mean(kaplan_meier(lung(by="sex")), 365).set_index("group")
    for sex, values in expected.items():
        assert got.loc[sex, ["estimate", "std_error"]].tolist() == pytest.approx(values, abs=5e-5)
    assert restricted_mean(kaplan_meier(lung()), 365)["estimate"].item() == pytest.approx(263.2218665, abs=5e-8)


def test_waltons_equals_the_pinned_lifelines_mean():
    from lifelines.datasets import load_waltons

    data = load_waltons()
    got = restricted_mean(kaplan_meier(counts_of(data["T"], data["E"].astype(int))), 60)
    # lifelines integrates the steps numerically: exact fractions give 48.277494816519.
    assert got["estimate"].item() == pytest.approx(48.2774947947, abs=1e-7)
    assert got["estimate"].item() == pytest.approx(48.277494816519, abs=1e-12)


def test_the_difference_equals_greenwood():
    import greenwood

    counts = lung(by="sex")
    surv = greenwood.Surv(counts["duration_days"], event=counts["outcome"])
    theirs = greenwood.rmst_test(surv, 365, group=counts["group"])
    ours = restricted_mean_difference(restricted_mean(kaplan_meier(counts), 365), baseline="1").iloc[0]
    assert ours["p_value"] == pytest.approx(theirs.p_value, rel=1e-9)
    assert abs(ours["estimate"]) == pytest.approx(abs(theirs.estimate), rel=1e-9)


@given(people, st.integers(1, 12))
def test_it_equals_the_integral_of_the_curve_by_small_steps(rows, tau):
    curve = kaplan_meier(counts_of([row[0] for row in rows], [row[1] for row in rows]))
    got = restricted_mean(curve, tau).iloc[0]
    if tau > curve["time_days"].iloc[-1] and curve["n_at_risk"].iloc[-1] > curve["n_event"].iloc[-1]:
        assert np.isnan(got["estimate"])
        return
    middles = np.arange(0.005, tau, 0.01)
    height = curve["estimate"].to_numpy()[np.searchsorted(curve["time_days"], middles, side="right") - 1]
    assert got["estimate"] == pytest.approx(height.sum() * 0.01, abs=1e-6)
    assert 0 <= got["ci_low"] <= got["estimate"] <= got["ci_high"] <= tau


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_without_losses_it_is_the_mean_of_the_capped_times_with_its_error(duration):
    capped = np.minimum(duration, 8)
    got = restricted_mean(kaplan_meier(counts_of(duration, 1)), 8).iloc[0]
    assert got["estimate"] == pytest.approx(capped.mean(), abs=1e-9)
    assert got["std_error"] == pytest.approx(capped.std() / np.sqrt(len(duration)), abs=1e-9)


def test_the_horizon_may_equal_the_follow_up_but_not_exceed_it():
    curve = kaplan_meier(counts_of([3, 5, 9], [0, 0, 1], ["a", "a", "b"]))
    assert restricted_mean(curve, 5)["estimate"].isna().tolist() == [False, False]
    assert restricted_mean(curve, np.nextafter(5, 6))["estimate"].isna().tolist() == [True, False]


@pytest.mark.parametrize("tau", [0, -3, np.nan, np.inf])
def test_a_horizon_that_is_no_positive_number_is_refused(tau):
    with pytest.raises(ParameterError, match="positive number of days"):
        restricted_mean(kaplan_meier(freireich()), tau)


def test_an_incidence_curve_is_refused():
    with pytest.raises(ParameterError, match="kaplan_meier"):
        restricted_mean(aalen_johansen(freireich()), 5)


def test_a_comparison_without_any_event_or_second_group_is_a_sentence():
    nothing = restricted_mean(kaplan_meier(counts_of([5, 5], 0, ["a", "b"])), 5)
    for means in (nothing, nothing.head(1)):
        with pytest.raises(NotEnoughDataError, match="two groups in which outcomes occurred") as caught:
            restricted_mean_difference(means, baseline="a")
        assert caught.value.code == "CJ-ST-004"


def test_an_unknown_baseline_offers_the_nearest_group():
    means = restricted_mean(kaplan_meier(freireich()), 20)
    with pytest.raises(ParameterError, match="Did you mean 'placebo'"):
        restricted_mean_difference(means, baseline="placebos")


@pytest.mark.slow
def test_the_interval_covers_the_truth_at_about_its_level():
    rng = np.random.default_rng(3)
    truth, hits = 1 - np.exp(-1), 0
    for _ in range(400):
        time, lost = rng.exponential(1, 100), rng.uniform(0.5, 3, 100)
        counts = counts_of(np.minimum(time, lost), (time <= lost).astype(int))
        row = restricted_mean(kaplan_meier(counts), 1).iloc[0]
        hits += row["ci_low"] <= truth <= row["ci_high"]
    assert 0.92 < hits / 400 < 0.98


def test_groups_without_follow_up_compare_as_unknown():
    means = pd.DataFrame({"group": ["a", "b"], "tau_days": 5.0, "estimate": [3.0, np.nan], "std_error": [0.5, np.nan]})
    assert restricted_mean_difference(means, baseline="a")[["estimate", "p_value"]].isna().all(axis=None)


@given(people, st.integers(1, 12))
def test_without_other_ends_both_restricted_means_agree(rows, tau):
    counts = counts_of([row[0] for row in rows], [row[1] for row in rows])
    plain = restricted_mean(kaplan_meier(counts), tau).iloc[0]
    other = restricted_mean_competing(aalen_johansen(counts), tau).iloc[0]
    for name in ("estimate", "std_error"):
        assert other[name] == pytest.approx(plain[name], abs=1e-7, nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 2)), min_size=1, max_size=40))
def test_with_other_ends_and_no_losses_it_is_the_mean_of_the_capped_times(rows):
    # Whoever ended otherwise stays without the outcome until the horizon.
    capped = np.array([min(time, 8) if outcome == 1 else 8 for time, outcome in rows], dtype=float)
    curves = aalen_johansen(counts_of([row[0] for row in rows], [row[1] for row in rows]))
    got = restricted_mean_competing(curves, 8).iloc[0]
    assert got["estimate"] == pytest.approx(capped.mean(), abs=1e-9)
    assert got["std_error"] == pytest.approx(capped.std() / np.sqrt(len(rows)), abs=1e-7)


def test_the_area_under_the_incidence_of_mgus2_equals_a_fine_sum():
    curves = aalen_johansen(mgus2())
    main = curves[curves["outcome"] == 1]
    middles = np.arange(0.05, 240, 0.1)
    height = main["estimate"].to_numpy()[np.searchsorted(main["time_days"], middles, side="right") - 1]
    got = restricted_mean_competing(curves, 240).iloc[0]
    assert got["estimate"] == pytest.approx(240 - height.sum() * 0.1, abs=1e-6)


@pytest.mark.slow
def test_the_interval_covers_the_truth_under_competing_ends():
    rng = np.random.default_rng(8)
    fine = np.arange(0.0005, 2, 0.001)
    truth, hits = 2 - ((1 / 3) * (1 - np.exp(-1.5 * fine))).sum() * 0.001, 0
    for _ in range(400):
        ends = rng.exponential([2.0, 1.0], (120, 2))  # rates 0.5 and 1
        time, lost = ends.min(axis=1), rng.uniform(0.5, 4, 120)
        outcome = np.where(time <= lost, ends.argmin(axis=1) + 1, 0)
        curves = aalen_johansen(counts_of(np.minimum(time, lost), outcome))
        row = restricted_mean_competing(curves, 2).iloc[0]
        hits += row["ci_low"] <= truth <= row["ci_high"]
    assert 0.92 < hits / 400 < 0.98


def test_a_survival_curve_is_refused_where_incidences_are_needed():
    with pytest.raises(ParameterError, match="aalen_johansen"):
        restricted_mean_competing(kaplan_meier(freireich()), 5)
