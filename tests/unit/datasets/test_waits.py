"""The two data sets of the notebook about average times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.datasets.accrual import EVER, MEAN_DAYS, TRUE_SHARE_30_DAYS, accrual
from cjlib.datasets.clickstream import clickstream
from cjlib.journey.durations import durations
from cjlib.journey.frames import from_frames
from cjlib.stats.curve import at, kaplan_meier, quantile


def waits(seed):
    day = 86_400_000_000
    rows = accrual(seed=seed).set_index("customer")
    visit, purchase = (rows.loc[rows["event"] == name, "at"] / day for name in ("visit", "purchase"))
    wait = purchase.reindex(visit.index) - visit
    counts = pd.DataFrame({"group": "(all)", "duration_days": wait.fillna(90 - visit),
                           "outcome": wait.notna().astype(int), "n": 1})  # fmt: skip
    return visit, wait, counts


def test_rt_42_the_published_case_naive_too_low_curve_right_mean_too_short():
    visit, wait, counts = waits(3701)
    share = 1 - at(kaplan_meier(counts), [30])["estimate"].iloc[0]
    assert round(100 * TRUE_SHARE_30_DAYS, 1) == 33.8
    assert round(100 * (wait <= 30).mean(), 1) == 29.8
    assert round(100 * (wait <= 30)[visit > 60].mean(), 1) == 20.5
    assert abs(share - TRUE_SHARE_30_DAYS) < 0.015
    assert wait.mean() < MEAN_DAYS - 3


def test_the_expected_naive_shares_told_in_the_docstring():
    recent = EVER * (1 - MEAN_DAYS / 30 * (1 - np.exp(-30 / MEAN_DAYS)))
    assert round(100 * recent, 1) == 21.4
    assert round(100 * (2 / 3 * TRUE_SHARE_30_DAYS + recent / 3), 1) == 29.7


@pytest.mark.slow
def test_rt_42_holds_whatever_the_seed():
    for seed in range(12):
        _, wait, counts = waits(seed)
        row = at(kaplan_meier(counts), [30]).iloc[0]
        assert (wait <= 30).mean() < TRUE_SHARE_30_DAYS - 0.015
        assert abs(1 - row["estimate"] - TRUE_SHARE_30_DAYS) < 0.025
        assert wait.mean() < MEAN_DAYS - 3


def test_the_counted_clickstream_gives_both_medians():
    counts = clickstream()
    hits = counts[counts["outcome"] == 1]
    assert round(float(quantile(kaplan_meier(counts), 0.5)["estimate"].iloc[0]), 1) == 90.1
    assert round(float(np.median(np.repeat(hits["duration_days"], hits["n"]))), 1) == 35.9


@pytest.mark.real
def test_the_counts_are_those_of_the_log(real_data):
    frame = pd.read_csv(real_data / "ecom_clickstream" / "ecom.csv.gz")
    events = pd.DataFrame({"customer": frame["user_id"], "event": frame["event"],
                           "at": pd.to_datetime(frame["timestamp"]).dt.tz_localize("UTC")})  # fmt: skip
    log, _ = from_frames(events, as_of="2024-06-29 22:02:40")
    made = durations(log, start="any", outcomes=[["purchase"]], resolution_us=60_000_000)
    columns = ["duration_days", "outcome", "n"]
    pd.testing.assert_frame_equal(made[columns], clickstream()[columns], check_dtype=False)
