"""Oracles written another way, and what must hold for every data set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.stats.curve import aalen_johansen, at, kaplan_meier, quantile

from .data import counts_of, freireich, lung, mgus2

VALUES = ["estimate", "std_error", "ci_low", "ci_high"]
people = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=40)


def two_outcomes(rows):
    return counts_of([row[0] for row in rows], [row[1] for row in rows])


def one_outcome(rows):
    return counts_of([row[0] for row in rows], [int(row[1] > 0) for row in rows])


def weighted_by_censoring(rows, outcome, t):
    """Incidence as a mean over people of 1(had it by t) / P(not yet lost just before)."""
    total = 0.0
    for time, kind in rows:
        if kind == outcome and time <= t:
            kept = 1.0
            for s in sorted({s for s, k in rows if k == 0 and s < time}):
                lost = sum(1 for u, k in rows if u == s and k == 0)
                # Events at s come before losses at s.
                at_risk = sum(1 for u, k in rows if u > s) + lost
                kept *= 1 - lost / at_risk
            total += 1 / kept
    return total / len(rows)


@given(people)
def test_aalen_johansen_equals_the_inverse_probability_oracle(rows):
    curve = aalen_johansen(two_outcomes(rows))
    for row in curve.itertuples():
        oracle = weighted_by_censoring(rows, row.outcome, row.time_days)
        assert row.estimate == pytest.approx(oracle, abs=1e-9)


@given(people)
def test_kaplan_meier_equals_lifelines(rows):
    from lifelines import KaplanMeierFitter

    counts = one_outcome(rows)
    fitter = KaplanMeierFitter().fit(counts["duration_days"], counts["outcome"])
    curve = kaplan_meier(counts)
    np.testing.assert_allclose(fitter.survival_function_at_times(curve["time_days"]), curve["estimate"], atol=1e-12)
    inner = curve[(curve["estimate"] > 0) & (curve["estimate"] < 1)]
    theirs = fitter.confidence_interval_.loc[inner["time_days"]]
    np.testing.assert_allclose(theirs.to_numpy(), inner[["ci_low", "ci_high"]], atol=1e-9)


def test_kaplan_meier_equals_greenwood_in_value_error_and_limits():
    import greenwood

    counts = lung()
    fitted = greenwood.KaplanMeier(conf_type="log-log").fit(
        greenwood.Surv(counts["duration_days"], event=counts["outcome"])
    )
    theirs = pd.DataFrame(
        {"estimate": fitted.survival_, "std_error": fitted.std_error_, "ci_low": fitted.conf_low_,
         "ci_high": fitted.conf_high_}
    )  # fmt: skip
    curve = at(kaplan_meier(counts), fitted.time_)
    inner = (curve["estimate"] > 0) & (curve["estimate"] < 1)
    np.testing.assert_allclose(curve.loc[inner, VALUES], theirs.loc[inner, VALUES], atol=1e-10)


def test_aalen_johansen_equals_greenwood_in_value_and_error():
    import greenwood

    counts = mgus2()
    status = pd.Categorical.from_codes(counts["outcome"], ["censor", "pcm", "death"])
    surv = greenwood.Surv(counts["duration_days"], event=status, type="mstate")
    theirs = greenwood.AalenJohansen().fit(surv).to_frame()
    theirs = theirs.to_pandas() if hasattr(theirs, "to_pandas") else theirs  # polars, where it is installed
    curve = aalen_johansen(counts)
    for outcome, name in ((1, "pcm"), (2, "death")):
        cause = theirs[theirs["cause"] == name]
        ours = at(curve[curve["outcome"] == outcome], cause["time"])
        np.testing.assert_allclose(ours["estimate"], cause["estimate"], atol=1e-10)
        np.testing.assert_allclose(ours["std_error"], cause["std_error"], atol=1e-9)


def test_the_error_of_an_incidence_equals_the_infinitesimal_jackknife():
    rng = np.random.default_rng(5)
    duration, outcome = rng.integers(1, 9, 40), rng.integers(0, 3, 40)
    weight = 1_000_000
    base = counts_of(duration, outcome).assign(n=weight)
    times = [2, 5, 8]
    value = at(aalen_johansen(base), times)
    squares = np.zeros(len(value))
    for person in range(40):
        moved = base.copy()
        moved.loc[person, "n"] += 1
        squares += ((at(aalen_johansen(moved), times)["estimate"] - value["estimate"]) * weight) ** 2
    error = at(aalen_johansen(counts_of(duration, outcome)), times)["std_error"]
    np.testing.assert_allclose(error, np.sqrt(squares), rtol=1e-4)


@given(people)
def test_incidences_and_the_share_free_of_any_outcome_sum_to_one(rows):
    counts = two_outcomes(rows)
    shares = aalen_johansen(counts).groupby("time_days")["estimate"].sum()
    free = kaplan_meier(counts, competing="event").set_index("time_days")["estimate"]
    np.testing.assert_allclose(shares + free, 1, atol=1e-12)


@given(people)
def test_aalen_johansen_with_one_outcome_is_one_minus_kaplan_meier(rows):
    counts = one_outcome(rows)
    survival, incidence = kaplan_meier(counts), aalen_johansen(counts)
    np.testing.assert_allclose(incidence["estimate"], 1 - survival["estimate"], atol=1e-12)
    np.testing.assert_allclose(incidence["std_error"], survival["std_error"], atol=1e-8)
    np.testing.assert_allclose(incidence["ci_low"], 1 - survival["ci_high"], atol=1e-6)
    np.testing.assert_allclose(incidence["ci_high"], 1 - survival["ci_low"], atol=1e-6)


@given(people)
def test_survival_starts_at_most_at_one_never_rises_and_its_interval_contains_it(rows):
    curve = kaplan_meier(one_outcome(rows))
    assert curve["estimate"].between(0, 1).all()
    assert (curve["estimate"].diff().dropna() <= 0).all()
    assert curve["time_days"].is_monotonic_increasing
    assert (curve["ci_low"] <= curve["estimate"]).all()
    assert (curve["ci_high"] >= curve["estimate"]).all()
    assert curve[VALUES].notna().all(axis=None)


@given(people)
def test_incidence_never_falls_and_its_interval_contains_it(rows):
    for _, block in aalen_johansen(two_outcomes(rows)).groupby("outcome"):
        assert (block["estimate"].diff().dropna() >= 0).all()
        assert (block["ci_low"] <= block["estimate"] + 1e-12).all()
        assert (block["ci_high"] >= block["estimate"] - 1e-12).all()
        assert block["ci_low"].min() >= 0
        assert block["ci_high"].max() <= 1


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_without_losses_it_is_one_minus_the_empirical_distribution(duration):
    curve = kaplan_meier(counts_of(duration, 1))
    share = [(np.array(duration) > t).mean() for t in curve["time_days"]]
    np.testing.assert_allclose(curve["estimate"], share, atol=1e-12)
    binomial = np.sqrt(curve["estimate"] * (1 - curve["estimate"]) / len(duration))
    np.testing.assert_allclose(curve["std_error"], binomial, atol=1e-9)


@given(people, st.randoms(use_true_random=False))
def test_row_order_and_splitting_of_counts_do_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    summed = two_outcomes(rows).groupby(["group", "duration_days", "outcome"], as_index=False)["n"].sum()
    expected = aalen_johansen(two_outcomes(rows))
    pd.testing.assert_frame_equal(aalen_johansen(two_outcomes(shuffled)), expected)
    pd.testing.assert_frame_equal(aalen_johansen(summed), expected)


@given(people)
def test_hours_and_days_give_the_same_curve(rows):
    counts = two_outcomes(rows)
    in_hours = counts.assign(duration_days=counts["duration_days"] * 24)
    left, right = aalen_johansen(counts), aalen_johansen(in_hours)
    np.testing.assert_array_equal(right["time_days"], left["time_days"] * 24)
    np.testing.assert_array_equal(right[VALUES], left[VALUES])


@given(people)
def test_groups_are_computed_as_if_alone(rows):
    both = pd.concat([two_outcomes(rows).assign(group="b"), freireich()])
    together = aalen_johansen(both)
    alone = aalen_johansen(freireich())
    wanted = together[together["group"].isin(["6-MP", "placebo"]) & (together["outcome"] == 1)]
    np.testing.assert_array_equal(wanted[VALUES], alone[VALUES])


@given(people)
def test_a_quantile_is_where_the_curve_crosses_and_its_limits_enclose_it(rows):
    curve = kaplan_meier(one_outcome(rows))
    found = quantile(curve, [0.25, 0.5, 0.75])
    assert (found["ci_low"] <= found["estimate"]).all()
    assert (found["ci_high"] >= found["estimate"]).all()
    for row in found.itertuples():
        if np.isfinite(row.estimate):
            reached = curve[curve["time_days"] <= row.estimate]["estimate"]
            assert reached.iloc[-1] <= 1 - row.quantile + 1e-9
            assert (reached.iloc[:-1] > 1 - row.quantile).all()
        else:
            assert curve["estimate"].iloc[-1] > 1 - row.quantile


@pytest.mark.slow
def test_intervals_cover_the_truth_at_about_their_level():
    rng = np.random.default_rng(20)
    truth, hits, runs = 1 - np.exp(-0.5), np.zeros(2), 600
    cause = truth * 0.6
    for _ in range(runs):
        time, lost = rng.exponential(1, 120), rng.uniform(0, 2, 120)
        kind = np.where(time <= lost, np.where(rng.random(120) < 0.6, 1, 2), 0)
        counts = counts_of(np.minimum(time, lost), kind)
        row = at(kaplan_meier(counts, competing="event"), 0.5).iloc[0]
        hits[0] += row["ci_low"] <= 1 - truth <= row["ci_high"]
        row = at(aalen_johansen(counts), 0.5).query("outcome == 1").iloc[0]
        hits[1] += row["ci_low"] <= cause <= row["ci_high"]
    assert (np.abs(hits / runs - 0.95) < 0.02).all()


@pytest.mark.slow
def test_rt_42_the_naive_rate_and_mean_are_biased_and_the_curve_is_not():
    rng = np.random.default_rng(42)
    entered = rng.uniform(0, 90, 4000)
    ever = rng.random(4000) < 0.45
    wait = np.where(ever, rng.exponential(22, 4000), np.inf)
    truth = 0.45 * (1 - np.exp(-30 / 22))
    open_for = 90 - entered
    counts = counts_of(np.minimum(wait, open_for), (wait <= open_for).astype(int))
    naive = ((wait <= 30) & (wait <= open_for)).mean()
    curve = 1 - at(kaplan_meier(counts), 30)["estimate"].item()
    assert naive < truth - 0.03
    assert abs(curve - truth) < 0.015
    assert wait[wait <= open_for].mean() < 22 - 3
