"""Customers under contract, month by month: counted by hand, and against the truth of a simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.customer_retention import customer_retention
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import using
from cjlib.datasets.subscription import subscriptions
from cjlib.journey.frames import from_frames


def log_of(rows, *, as_of="2026-04-05", min_people=1):
    events = pd.DataFrame(rows, columns=["customer", "at", "event", "value"])
    events["at"] = pd.to_datetime(events["at"]).astype("datetime64[us]").astype("int64")
    return from_frames(events, as_of=as_of, min_people=min_people)[0]


def people(n, begin, end=None, *, value=10.0, name="c", back=None):
    rows = []
    for i in range(n):
        rows.append((f"{name}{i}", begin, "open", value))
        rows += [(f"{name}{i}", end, "close", np.nan)] if end else []
        rows += [(f"{name}{i}", back, "open", value)] if back else []
    return rows


ROWS = [
    *people(30, "2026-01-10", name="stay"),
    *people(10, "2026-01-10", "2026-02-12", name="gone", value=30.0),
    *people(6, "2026-01-10", "2026-02-03", name="back", back="2026-02-20"),
    *people(7, "2026-02-05", name="new"),
    *people(5, "2026-02-05", "2026-02-25", name="brief"),
]


def test_every_count_and_rate_by_hand():
    table = customer_retention(log_of(ROWS), start="open", end="close").table
    row = table.set_index("month").loc["2026-02"]
    counted = row[["n_start", "n_kept", "n_left", "n_back", "n_new", "n_inside"]].tolist()
    assert counted == [46, 30, 16, 6, 7, 5]
    assert row["estimate"] == pytest.approx(30 / 46)
    assert row["plain"] == pytest.approx((43 - 7) / 46), "43 at the end, 7 of them new, over 46"
    assert row["value"] == pytest.approx(300 / (300 + 300 + 60))
    assert row["value_low"] < row["value"] < row["value_high"]


def test_the_notes_name_the_pitfalls_that_occur():
    result = customer_retention(log_of(ROWS), start="open", end="close")
    said = " ".join(note.message for note in result.notes)
    assert "as if they had stayed" in said
    assert "joined and left inside one month" in said


def test_the_plain_rate_is_hidden_where_it_would_give_few_away():
    rows = [*ROWS, *people(20, "2026-01-10", "2026-03-03", name="x"), *people(2, "2026-01-10", "2026-03-04", name="y",
                                                                             back="2026-03-09")]  # fmt: skip
    row = (
        customer_retention(log_of(rows, min_people=5), start="open", end="close")
        .table.set_index("month")
        .loc["2026-03"]
    )
    assert pd.isna(row["n_back"])
    assert pd.isna(row["plain"])
    assert row["estimate"] > 0


def test_a_base_that_grows_younger_lowers_the_rate_but_not_the_one_at_the_same_ages():
    # Old customers stay (1 % leave), young ones leave (20 %); more and more are young.
    rng = np.random.default_rng(4)
    rows = []
    old = pd.date_range("2025-01-02", periods=1, freq="D")[0]
    for i in range(3000):
        gone = rng.geometric(0.01)
        rows.append((f"o{i}", old, "open", 1.0))
        end = pd.Timestamp("2026-01-15") + pd.DateOffset(months=int(gone) - 1)
        rows += [(f"o{i}", end, "close", np.nan)] if end < pd.Timestamp("2026-07-01") else []
    for month, n in enumerate([100, 200, 400, 800, 1600, 1600]):
        begin = pd.Timestamp("2025-12-20") + pd.DateOffset(months=month)
        for i in range(n):
            rows.append((f"y{month}-{i}", begin, "open", 1.0))
            end = begin + pd.DateOffset(months=int(rng.geometric(0.2)), days=-5)
            rows += [(f"y{month}-{i}", end, "close", np.nan)] if end < pd.Timestamp("2026-07-01") else []
    table = customer_retention(log_of(rows, as_of="2026-07-01"), start="open", end="close", months=5).table
    crude, standard = table["estimate"], table["standard"]
    assert crude.iloc[0] - crude.iloc[-1] > 0.04
    known = standard.dropna()
    assert len(known) >= 3
    assert known.max() - known.min() < 0.02


def test_the_simulated_chance_of_leaving_is_recovered():
    made = subscriptions(n_customers=4000, seed=11)
    events = made.events.assign(at=made.events["at"].astype("datetime64[us]").astype("int64"))
    table = customer_retention(from_frames(events, as_of="2026-07-01")[0], start="start", end="end").table
    # The month's expected loss, from the known chance of every customer there when it began.
    spells = made.events[made.events["event"] == "start"]
    ends = made.events[made.events["event"] == "end"].groupby("customer")["at"].first()
    once = spells.groupby("customer")["at"].agg(["first", "size"])
    inside = 0
    for row in table.itertuples():
        begin = pd.Timestamp(f"{row.month}-01")
        first = once[once["first"] < begin]
        there = first[ends.reindex(first.index).fillna(pd.Timestamp("2100-01-01")) >= begin].index
        expected = 1 - made.chance[there].mean()
        inside += row.ci_low - 0.01 <= expected <= row.ci_high + 0.01
    assert inside >= 11


def test_without_values_or_months_it_says_so():
    rows = [(c, at, event, np.nan) for c, at, event, _ in ROWS]
    result = customer_retention(log_of(rows), start="open", end="close")
    assert result.table["value"].isna().all()
    assert any("no value" in note.message for note in result.notes)
    with pytest.raises(NotEnoughDataError, match="No complete calendar month"):
        customer_retention(log_of(ROWS, as_of="2026-02-20"), start="open", end="close")
    with using("fr"):
        assert "nan" not in str(result.card())


def test_the_few_who_left_do_not_follow_from_the_start_of_the_next_month():
    rows = [*people(100, "2026-01-10", name="stay"), *people(3, "2026-01-10", "2026-02-12", name="gone"),
            *people(9, "2026-01-10", "2026-04-12", name="later")]  # fmt: skip
    table = customer_retention(log_of(rows, min_people=5), start="open", end="close").table.set_index("month")
    assert table.loc["2026-02", "n_start"] == 112
    assert pd.isna(table.loc["2026-02", "n_left"])
    assert pd.isna(table.loc["2026-03", "n_start"])
    assert pd.isna(table.loc["2026-03", "n_kept"])
