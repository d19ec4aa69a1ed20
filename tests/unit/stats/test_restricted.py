from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.curve import aalen_johansen, kaplan_meier
from cjlib.stats.restricted import restricted_mean, restricted_mean_difference

from .data import counts_of, freireich, lung, reference

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
