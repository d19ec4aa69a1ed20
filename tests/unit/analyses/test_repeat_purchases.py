"""Who comes back: simulated truth, pandas by hand, what is hidden, what cannot be said."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.repeat_purchases import repeat_purchases
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000


def shop(n=1500, *, seed=0, days=300, again=0.6, wait=40.0, group=None, **options):
    """After each purchase a customer comes back with probability `again`, after an exponential wait."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        when = rng.uniform(0, days)
        while when < days:
            rows.append((f"c{i:05d}", int(when * DAY), "purchase", 10.0 + 5 * (i % 3)))
            when += rng.exponential(wait) + 1 if rng.random() < again else math.inf
    events = pd.DataFrame(rows, columns=["customer", "at", "event", "value"])
    customers = None
    if group:
        customers = pd.DataFrame({"customer": [f"c{i:05d}" for i in range(n)], "kind": [group(i) for i in range(n)]})
    cut = pd.Timestamp(days * DAY, unit="us", tz="UTC").isoformat()
    return from_frames(events, customers=customers, as_of=cut, **options)[0]


@pytest.fixture(scope="module")
def log():
    return shop()


@pytest.fixture(scope="module")
def found(log):
    return repeat_purchases(log, activity=["purchase"])


@pytest.mark.parametrize("step", ["second", "third", "fourth"])
@pytest.mark.parametrize("horizon", [30.0, 90.0, 180.0])
def test_the_true_share_is_found_and_the_naive_one_is_too_low(found, step, horizon):
    row = found.table.set_index(["step", "horizon_days"]).loc[step, horizon]
    truth = 0.6 * -math.expm1(-(horizon - 1) / 40)
    assert row["estimate"] == pytest.approx(truth, abs=0.06)
    assert row["naive"] < row["estimate"]


def test_the_true_value_is_found_and_both_naive_means_stand_beside(found):
    row = found.more("value").set_index("horizon_days").loc[180.0]
    # Renewal equation of returns on a fine grid: M(t) = F(t) + (F * M)(t), F defective.
    grid = np.arange(0, 180, 0.1)
    density = np.where(grid > 1, 0.6 / 40 * np.exp(-(grid - 1) / 40), 0.0) * 0.1
    returns, term = 0.0, density
    for _ in range(40):
        returns += term.sum()
        term = np.convolve(term, density)[: len(grid)]
    truth = 15 * (1 + returns)
    assert row["ci_low"] <= truth <= row["ci_high"]
    assert row["naive"] < 0.9 * truth
    assert row["mature"] == pytest.approx(truth, rel=0.1)
    assert row["n_mature"] + row["n_young"] == row["n"]


def test_numbers_are_those_that_pandas_counts(found, log):
    rows = log.engine.fetch(log.table.select("unit", "at", "day", "value")).sort_values(["unit", "at"])
    firsts = rows.groupby(["unit", "day"]).agg(at=("at", "min"), value=("value", "sum")).reset_index()
    place = firsts.groupby("unit").cumcount()
    table = found.table.set_index(["step", "horizon_days"])
    for number, step in ((1, "second"), (2, "third"), (3, "fourth")):
        assert table.loc[(step, 30.0), "n"] == (place == number - 1).sum()
    begin = firsts.groupby("unit")["at"].transform("min")
    soon = firsts["at"] - begin <= 90 * DAY
    worth = found.more("value").set_index("horizon_days").loc[90.0]
    assert worth["naive"] == pytest.approx(firsts.loc[soon, "value"].sum() / firsts["unit"].nunique())
    old = log.as_of_us - begin >= 90 * DAY
    assert worth["mature"] == pytest.approx(firsts.loc[soon & old, "value"].sum() / firsts.loc[old, "unit"].nunique())


def test_the_figure_speaks_of_everybody_even_where_groups_are_compared():
    result = repeat_purchases(shop(400, group=lambda i: "ab"[i % 2]),
                              activity=["purchase"], by="kind")  # fmt: skip
    row = result.table[(result.table["group"] == ALL) & (result.table["step"] == "second")].iloc[-1]
    assert f"{row['estimate']:.1%}" in result.plot().get_title(loc="left")
    assert set(result.table["group"]) == {ALL, "a", "b"}
    assert result.more("value").groupby("horizon_days")["n"].sum().iloc[0] == 2 * 400


def test_a_median_that_nobody_reaches_is_infinite_and_said():
    result = repeat_purchases(shop(600, again=0.2), activity=["purchase"])
    assert math.isinf(result.table["median_days"].iloc[0])
    labels = [column["label"] for column in result.card()["tables"][0]["columns"]]
    assert result.card()["tables"][0]["rows"][0][labels.index("Half within")] == "not reached"


def test_who_did_not_go_on_cannot_be_found_by_subtraction():
    # Everybody but two comes back: the size of the next step would give the two away.
    rows = [(f"c{i:03d}", (i % 20 + 30 * k) * DAY, "buy") for i in range(100) for k in range(3 if i > 1 else 1)]
    log = from_frames(pd.DataFrame(rows, columns=["customer", "at", "event"]), as_of="1970-06-01", min_people=5)[0]
    table = repeat_purchases(log, activity=["buy"], horizons=["20 days", "40 days"]).table.set_index("step")
    assert (table.loc["second", "n"] == 100).all()
    assert table.loc["third", "n"].isna().all()
    assert table.loc["third", ["estimate", "naive", "median_days"]].isna().all().all()


def test_without_values_there_is_no_value():
    log = from_frames(pd.DataFrame({"customer": ["a", "b"] * 20, "at": [k * DAY for k in range(40)], "event": "buy"}),
                      as_of="1970-06-01")[0]  # fmt: skip
    assert "value" not in repeat_purchases(log, activity=["buy"])._more


def test_without_an_activity_it_is_said(log):
    with pytest.raises(NotEnoughDataError, match="names no activity"):
        repeat_purchases(log, activity=[])


def test_the_share_of_the_few_who_came_back_is_hidden_with_them():
    day = 86_400_000_000
    rows = [(f"c{i}", 0, "buy") for i in range(200)] + [(f"c{i}", 10 * day, "buy") for i in range(3)]
    rows += [(f"c{i}", 40 * day, "buy") for i in range(3, 60)]
    log, _ = from_frames(pd.DataFrame(rows, columns=["customer", "at", "event"]), as_of="1970-05-01", min_people=5)
    table = repeat_purchases(log, activity=["buy"], horizons=["30 days", "60 days"]).table
    second = table[table["step"] == "second"]
    assert second["n"].tolist() == [200, 200]
    assert second[["n_back", "estimate", "naive"]].isna().to_numpy().tolist() == [[True] * 3, [False] * 3]
