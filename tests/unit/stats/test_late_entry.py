"""Late entry in the curves: lifelines, brute force, entry 0 changes nothing, thin starts are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.comparison import log_rank
from cjlib.stats.curve import aalen_johansen, at, kaplan_meier, quantile
from cjlib.stats.late_entry import from_day, thin_start
from cjlib.stats.restricted import restricted_mean
from tests.unit.stats.data import lung


def late(seed: int, n: int = 40, *, outcomes: int = 1, grid: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, grid // 2, n).astype(float)
    return pd.DataFrame(
        {
            "group": rng.choice(["a", "b"], n),
            "duration_days": entry + rng.integers(1, grid, n),
            "outcome": rng.integers(0, outcomes + 1, n),
            "n": 1,
            "entry_days": entry,
        }
    )


@given(st.integers(0, 10_000))
def test_kaplan_meier_with_late_entry_equals_its_definition(seed: int) -> None:
    counts = late(seed)
    for label, curve in kaplan_meier(counts).groupby("group"):
        people = counts[counts["group"] == label]
        survival = 1.0
        for row in curve.itertuples():
            there = ((people["entry_days"] < row.time_days) | (people["entry_days"] == 0)) & (
                people["duration_days"] >= row.time_days
            )
            died = there & (people["duration_days"] == row.time_days) & (people["outcome"] == 1)
            assert (row.n_at_risk, row.n_event) == (there.sum(), died.sum())
            survival *= 1 - died.sum() / max(there.sum(), 1)
            assert row.estimate == pytest.approx(survival, abs=1e-12)
            assert 0 <= row.ci_low <= row.estimate + 1e-9
            assert row.estimate - 1e-9 <= row.ci_high <= 1


@pytest.mark.parametrize("seed", range(3))
def test_kaplan_meier_with_late_entry_equals_lifelines(seed: int) -> None:
    from lifelines import KaplanMeierFitter

    counts = late(seed, n=300).assign(group="all")
    counts = pd.concat([counts, counts.assign(entry_days=0.0)])  # nobody alone at the start
    theirs = KaplanMeierFitter().fit(counts["duration_days"], counts["outcome"], entry=counts["entry_days"])
    curve = kaplan_meier(counts)
    inner = curve[(curve["n_event"] > 0) & (curve["estimate"] > 0)]
    assert inner["estimate"].to_numpy() == pytest.approx(theirs.predict(inner["time_days"]).to_numpy(), abs=1e-10)
    limits = theirs.confidence_interval_.loc[inner["time_days"]].to_numpy()
    assert inner[["ci_low", "ci_high"]].to_numpy() == pytest.approx(limits, abs=1e-8)


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_entry_at_zero_is_no_late_entry(seed: int, outcomes: int) -> None:
    counts = late(seed, outcomes=outcomes).drop(columns="entry_days")
    for function in (aalen_johansen, *([kaplan_meier] if outcomes == 1 else [])):
        pd.testing.assert_frame_equal(function(counts), function(counts.assign(entry_days=0.0)))


@given(st.integers(0, 10_000))
def test_incidences_and_survival_sum_to_one_and_limits_hold(seed: int) -> None:
    counts = late(seed, outcomes=2)
    shares = aalen_johansen(counts)
    free = kaplan_meier(counts, competing="event")
    total = shares.groupby(["group", "time_days"])["estimate"].sum().to_numpy()
    assert total + free.sort_values(["group", "time_days"])["estimate"].to_numpy() == pytest.approx(1)
    assert np.isfinite(shares.select_dtypes("number").to_numpy()).all()
    assert ((shares["ci_low"] <= shares["estimate"] + 1e-9) & (shares["estimate"] <= shares["ci_high"] + 1e-9)).all()


def test_late_entry_recovers_the_truth_that_leaving_it_out_misses() -> None:
    """Only those still in when tracking begins are seen; to count them from 0 overstates survival."""
    rng = np.random.default_rng(2)
    life, opened = rng.exponential(100, 40_000), rng.uniform(0, 200, 40_000)
    seen = life > opened
    counts = pd.DataFrame(
        {"group": "all", "duration_days": life[seen], "outcome": 1, "n": 1, "entry_days": opened[seen]}
    )
    honest = at(kaplan_meier(counts), 100)["estimate"].item()
    naive = at(kaplan_meier(counts.drop(columns="entry_days")), 100)["estimate"].item()
    assert honest == pytest.approx(np.exp(-1), abs=0.02)
    assert naive > 0.5


def test_number_at_risk_counts_those_who_entered_between_two_outcomes() -> None:
    counts = pd.DataFrame(
        {"group": "all", "duration_days": [2.0, 9.0], "outcome": 1, "n": [10, 30], "entry_days": [0.0, 5.0]}
    )
    read = at(kaplan_meier(counts), [1, 4, 6])
    assert read["n_at_risk"].tolist() == [10, 0, 30]


def test_what_is_built_on_curves_accepts_late_entry() -> None:
    counts = late(5, n=400)
    counts = pd.concat([counts, counts.assign(entry_days=0.0)])
    curve = kaplan_meier(counts)
    assert np.isfinite(restricted_mean(curve, 8)["std_error"]).all()
    assert np.isfinite(quantile(curve, 0.5)["estimate"]).all()
    assert 0 < log_rank(counts).p <= 1


def test_the_log_rank_test_with_late_entry_equals_the_score_test_of_cox() -> None:
    from cjlib.stats import partial_likelihood as partial

    counts = late(6, n=200, grid=400)
    counts = counts.drop_duplicates("duration_days")  # without ties the two are the same test
    sets = partial.risk_sets(
        counts["entry_days"].to_numpy(),
        counts["duration_days"].to_numpy(),
        counts["outcome"].to_numpy(bool),
        np.zeros(len(counts), np.intp),
        np.ones(len(counts)),
    )
    x = (counts["group"] == "b").to_numpy(float)[sets.kept][:, None]
    _, gradient, information = partial.terms(sets, x, np.zeros(1))
    assert log_rank(counts).chi2 == pytest.approx((gradient**2 / information).item(), rel=1e-8)


def test_a_thin_start_is_found_and_the_curve_can_start_later() -> None:
    counts = pd.DataFrame(
        {
            "group": "all",
            "duration_days": [2.0, 9.0, 12.0],
            "outcome": [1, 1, 0],
            "n": [1, 30, 70],
            "entry_days": [0.0, 5.0, 5.0],
        }
    )
    assert kaplan_meier(counts)["estimate"].iloc[-1] == 0  # one person alone drives it to 0 for ever
    assert thin_start(counts).to_numpy().tolist() == [["all", 5.0, 1, 1]]
    later = from_day(counts, 5)
    assert thin_start(later).empty
    assert kaplan_meier(later)["estimate"].iloc[-1] == pytest.approx(0.7)
    assert thin_start(lung()).empty


@given(st.integers(0, 10_000), st.integers(0, 8))
def test_a_curve_from_a_day_is_the_curve_divided_by_its_value_then(seed: int, days: int) -> None:
    counts = late(seed, n=60)
    counts = pd.concat([counts, counts.assign(entry_days=0.0)]).assign(group="all")
    whole, later = kaplan_meier(counts), kaplan_meier(from_day(counts, days))
    times = np.arange(days, 12)
    base = at(whole, days)["estimate"].item()
    assert at(later, times)["estimate"].to_numpy() * base == pytest.approx(at(whole, times)["estimate"].to_numpy())


@pytest.mark.parametrize("entry", [-1.0, 3.0, np.nan, np.inf])
def test_an_impossible_entry_is_refused(entry: float) -> None:
    counts = pd.DataFrame({"group": "all", "duration_days": [3.0], "outcome": 1, "n": 2, "entry_days": entry})
    with pytest.raises(ParameterError, match="2 of 2 people enter"):
        kaplan_meier(counts)


def test_nobody_beyond_the_day_is_a_sentence() -> None:
    counts = pd.DataFrame({"group": "all", "duration_days": [3.0], "outcome": 1, "n": 2})
    with pytest.raises(NotEnoughDataError, match="0 customers"):
        from_day(counts, 3)
    with pytest.raises(ParameterError, match="from 0"):
        from_day(counts, -1)
