from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.core.errors import ParameterError
from cjlib.stats.curve import aalen_johansen, at, kaplan_meier, quantile

from .data import counts_of, freireich, lung, mgus2, reference

RT_14 = ([1, 2, 3, 4, 5, 6], [0, 1, 1, 2, 2, 0])
KM_COLUMNS = [
    "group", "time_days", "n_at_risk", "n_event", "n_censored", "estimate", "std_error", "ci_low", "ci_high",
]  # fmt: skip
AJ_COLUMNS = [
    "group", "outcome", "time_days", "n_at_risk", "n_event", "estimate", "std_error", "ci_low", "ci_high",
]  # fmt: skip


def test_rt_01_kaplan_meier_of_6_mp_equals_r():
    expected = reference("survival", "RT-01")
    curve = kaplan_meier(freireich())
    got = at(curve[curve["group"] == "6-MP"], expected["time_days"])
    for column in ("estimate", "ci_low", "ci_high"):
        np.testing.assert_allclose(got[column], expected[column], atol=5e-7)


def test_rt_02_medians_equal_r_and_not_reached_is_infinite():
    expected = reference("survival", "RT-02")
    got = quantile(kaplan_meier(freireich())).set_index("group")[["estimate", "ci_low", "ci_high"]]
    for group in ("6-MP", "placebo"):
        assert [x if np.isfinite(x) else "not reached" for x in got.loc[group]] == expected[group]


def test_rt_07_lung_survival_and_medians_equal_r():
    expected = reference("survival", "RT-07")
    curve = kaplan_meier(lung())
    np.testing.assert_allclose(at(curve, [180, 365])["estimate"], [0.72167065, 0.40924162], atol=5e-9)
    np.testing.assert_allclose(at(curve, [180, 365])["estimate"], [*expected["survival"].values()], atol=5e-5)
    assert quantile(curve)[["estimate", "ci_low", "ci_high"]].iloc[0].tolist() == expected["median"]
    by_sex = quantile(kaplan_meier(lung(by="sex"))).set_index("group")
    for sex, row in expected["median_by_sex"].items():
        assert by_sex.loc[sex, ["estimate", "ci_low", "ci_high"]].tolist() == row


def test_waltons_equals_the_pinned_lifelines_numbers():
    from lifelines.datasets import load_waltons

    data = load_waltons()
    curve = kaplan_meier(counts_of(data["T"], data["E"].astype(int)))
    assert quantile(curve)["estimate"].item() == 56
    assert at(curve, 50)["estimate"].item() == pytest.approx(0.6168168456, abs=1e-10)


def test_rt_10_aalen_johansen_of_mgus2_equals_r_with_its_errors():
    expected = reference("survival", "RT-10")
    got = at(aalen_johansen(mgus2()), expected["time_days"])
    malignancy, death = got[got["outcome"] == 1], got[got["outcome"] == 2]
    np.testing.assert_allclose(malignancy["estimate"], expected["pcm"], atol=5e-7)
    np.testing.assert_allclose(malignancy["std_error"], expected["pcm_std_error"], atol=5e-7)
    np.testing.assert_allclose(death["estimate"], expected["death"], atol=5e-7)


def test_rt_11_the_naive_curve_overstates_and_has_to_be_asked_for_by_name():
    expected = reference("survival", "RT-11")
    naive = at(kaplan_meier(mgus2(), competing="censor"), expected["time_days"])
    np.testing.assert_allclose(1 - naive["estimate"], expected["pcm"], atol=5e-7)
    right = at(aalen_johansen(mgus2()), expected["time_days"]).query("outcome == 1")
    assert (1 - naive["estimate"].to_numpy() > right["estimate"].to_numpy()).all()
    with pytest.raises(ParameterError, match="860 of 1384 people ended by a competing outcome") as caught:
        kaplan_meier(mgus2())
    assert caught.value.code == "CJ-ST-003"


@pytest.mark.parametrize("grid", [[6], [1, 6], np.linspace(0, 6, 61), [0.5, 5.999, 6]], ids=len)
def test_rt_14_aalen_johansen_is_exact_on_any_reporting_grid(grid):
    got = at(aalen_johansen(counts_of(*RT_14)), grid)
    last = got[got["time_days"] == 6].set_index("outcome")["estimate"]
    assert last.loc[2] == pytest.approx(0.4, abs=1e-12)
    assert last.loc[1] == pytest.approx(0.4, abs=1e-12)


def test_rt_14_lifelines_is_wrong_on_a_grid_which_is_why_it_is_not_used():
    from lifelines import AalenJohansenFitter

    duration, outcome = RT_14
    fitter = AalenJohansenFitter(calculate_variance=False)
    fitter.fit(pd.Series(duration), pd.Series(outcome), event_of_interest=2, timeline=np.array([3.0, 6.0]))
    assert fitter.cumulative_density_.iloc[-1, 0] != pytest.approx(0.4, abs=1e-6)


@pytest.mark.real
def test_ecom_first_purchase_equals_the_numbers_of_the_rivals_note(real_data):
    log = pd.read_csv(real_data / "ecom_clickstream" / "ecom.csv.gz", parse_dates=["timestamp"])
    first = log.groupby("user_id")["timestamp"].min()
    bought = log[log["event"] == "purchase"].groupby("user_id")["timestamp"].min().reindex(first.index)
    days = (bought.fillna(log["timestamp"].max()) - first) / pd.Timedelta(days=1)
    curve = kaplan_meier(counts_of(days, bought.notna().astype(int).to_numpy()))
    assert (bought.notna().sum(), len(first)) == (328, 600)
    np.testing.assert_allclose(at(curve, [30, 90])["estimate"], [0.7580978, 0.5000911], atol=5e-8)
    assert quantile(curve)["estimate"].item() == pytest.approx(90.0525, abs=5e-5)
    assert days[bought.notna()].median() == pytest.approx(35.87262, abs=5e-6)


def test_columns_and_types_are_fixed():
    survival, incidence = kaplan_meier(freireich()), aalen_johansen(freireich())
    assert list(survival) == KM_COLUMNS
    assert list(incidence) == AJ_COLUMNS
    assert (survival.dtypes[["n_at_risk", "n_event", "n_censored"]] == "int64").all()
    assert survival.index.equals(pd.RangeIndex(len(survival)))
    assert list(at(survival, 1)) == [c for c in KM_COLUMNS if c != "n_censored"]
    assert list(at(incidence, 1)) == AJ_COLUMNS


def test_an_event_counts_from_its_own_instant_on():
    got = at(kaplan_meier(counts_of([3, 5], 1)), [np.nextafter(3, 0), 3])
    assert got["estimate"].tolist() == [1.0, 0.5]
    assert got["n_at_risk"].tolist() == [2, 2]
    assert got["n_event"].tolist() == [0, 1]


def test_a_loss_at_the_instant_of_an_event_is_still_at_risk():
    assert at(kaplan_meier(counts_of([3, 3], [1, 0])), 3)["estimate"].item() == 0.5


def test_nothing_is_known_after_the_last_observed_time():
    curve = kaplan_meier(counts_of([3, 5], [1, 0]))
    got = at(curve, [5, np.nextafter(5, 6)])
    assert got["estimate"].tolist()[0] == 0.5
    assert got[["estimate", "std_error", "ci_low", "ci_high"]].iloc[1].isna().all()
    assert got["n_at_risk"].tolist() == [1, 0]


def test_a_curve_that_reached_its_end_stays_there():
    assert at(kaplan_meier(counts_of([3, 5], 1)), 1000)["estimate"].item() == 0
    got = at(aalen_johansen(counts_of([3, 5], [1, 2])), 1000)
    assert got["estimate"].tolist() == [0.5, 0.5]


def test_each_group_ends_where_its_own_follow_up_ends():
    curve = kaplan_meier(counts_of([3, 5, 9], [0, 0, 0], ["a", "a", "b"]))
    assert at(curve, 7)["estimate"].isna().tolist() == [True, False]


def test_bad_41_zero_durations_lower_the_curve_at_zero():
    got = at(kaplan_meier(counts_of([0, 0, 1, 2], [1, 0, 1, 1])), [0, 1])
    assert got["estimate"].tolist() == [0.75, 0.375]


def test_bad_45_no_event_stays_at_one_with_an_honest_lower_limit():
    curve = kaplan_meier(counts_of([5] * 20, 0))
    row = at(curve, 5).iloc[0]
    assert (row["estimate"], row["ci_high"]) == (1, 1)
    assert row["ci_low"] == pytest.approx(1 - 0.1611, abs=5e-5)  # Wilson 0 of 20
    assert np.isinf(quantile(curve)[["estimate", "ci_low", "ci_high"]].to_numpy()).all()


def test_an_outcome_that_never_came_has_incidence_zero_and_an_upper_limit():
    got = at(aalen_johansen(counts_of([5] * 10 + [9] * 10, [2] * 10 + [0] * 10)), 9)
    none = got[got["outcome"] == 1].iloc[0]
    assert (none["estimate"], none["ci_low"]) == (0, 0)
    assert none["ci_high"] == pytest.approx(0.1611, abs=5e-5)


def test_the_median_is_the_first_time_at_one_half_when_the_curve_is_flat_there():
    assert quantile(kaplan_meier(counts_of([1, 2, 3, 4], 1)))["estimate"].item() == 2
    assert quantile(kaplan_meier(counts_of([1, 2, 3, 4, 5], 1)))["estimate"].item() == 3


def test_one_half_is_recognised_in_spite_of_rounding():
    # 10 products of (k-1)/k end at 10/20 only up to rounding.
    assert quantile(kaplan_meier(counts_of(range(1, 21), 1)))["estimate"].item() == 10


def test_the_limits_of_a_median_are_times_of_events_even_for_two_people():
    row = quantile(kaplan_meier(counts_of([1, 2], 1))).iloc[0]
    assert (row["estimate"], row["ci_low"], row["ci_high"]) == (1, 1, np.inf)


def test_quantiles_of_an_incidence_wait_for_that_share():
    curve = aalen_johansen(counts_of([1, 2, 3, 4, 5], [1, 2, 1, 2, 0]))
    got = quantile(curve, [0.2, 0.4, 0.5]).query("outcome == 1")
    assert got["estimate"].tolist() == [1, 3, np.inf]
    assert (got["ci_low"] <= got["estimate"]).all()
    assert (got["ci_high"] >= got["estimate"]).all()


@pytest.mark.parametrize("times", [-1, [3, np.nan]])
def test_a_time_before_zero_or_unknown_is_refused(times):
    with pytest.raises(ParameterError, match="0 days or more"):
        at(kaplan_meier(freireich()), times)


@pytest.mark.parametrize("q", [0, 1, 50])
def test_a_quantile_outside_zero_and_one_is_refused(q):
    with pytest.raises(ParameterError, match="strictly between 0 and 1"):
        quantile(kaplan_meier(freireich()), q)


def test_any_outcome_counts_when_asked_for():
    counts = counts_of([1, 2, 3, 4], [1, 2, 0, 0])
    assert at(kaplan_meier(counts, competing="event"), 3)["estimate"].item() == 0.5
    with pytest.raises(ParameterError, match="Did you mean 'censor'"):
        kaplan_meier(counts, competing="censored")
