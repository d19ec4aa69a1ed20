"""Who is still a customer: simulated truth, proof on a later period, the list only in its protected file."""

from __future__ import annotations

import csv
import math
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.still_customers import _verdicts, still_customers
from cjlib.core.errors import NotEnoughDataError
from cjlib.datasets.simulate import simulate
from cjlib.journey.frames import from_frames
from cjlib.journey.occasions import earlier_day, occasions
from cjlib.journey.study import open_study

DAY = 86_400_000_000
ROOT = Path(__file__).parents[3]
GROCERY = ROOT.parent / "shared" / "data" / "grocery_loyalty_campaigns"


def shop(n=900, *, seed=0, days=420, **options):
    """Customers who leave after a purchase by MBG/NBD; the log, and how many are there at the cut-off."""
    rng = np.random.default_rng(seed)
    rate, leaves, first = rng.gamma(1.2, 1 / 25, n), rng.beta(0.9, 2.5, n), rng.uniform(0, days - 40, n)
    rows, there = [], 0
    for i in range(n):
        when, gone = first[i], False
        while when < days and not gone:
            rows.append((f"c{i:05d}", int(when * DAY), "purchase"))
            gone = rng.random() < leaves[i]
            when += rng.exponential(1 / max(rate[i], 1e-9))
        there += not gone
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    return from_frames(events, as_of=pd.Timestamp(days * DAY, unit="us", tz="UTC").isoformat(), **options)[0], there


@pytest.fixture(scope="module")
def made():
    log, there = shop()
    return still_customers(log, activity=["purchase"], draws=200), log, there


def test_the_true_number_lies_in_the_interval(made):
    result, _, there = made
    kpi = result.kpi("still_customers")
    assert kpi.ci_low <= there <= kpi.ci_high
    assert abs(kpi.estimate - there) < 0.15 * there


def test_bg_nbd_beside_it_calls_every_one_time_buyer_a_customer(made):
    table = made[0].table.set_index("purchases")
    assert table.loc["1", "naive_share"] == 1.0
    assert table.loc["1", "share"] < 0.8
    assert "BG/NBD" in made[0].answer()


def test_what_was_predicted_before_is_what_came(made):
    result, log, _ = made
    proof = result.more("holdout").set_index("purchases")
    rows = occasions(log, activity=["purchase"])
    day, _ = earlier_day(rows, as_of_us=log.as_of_us, zone="UTC", share=0.7)
    known = rows.loc[rows["day"] < day, "unit"].unique()
    came = rows[(rows["day"] >= day) & rows["unit"].isin(known)]
    assert proof.loc["(all)", "n"] == len(known)
    assert proof.loc["(all)", "observed"] == pytest.approx(len(came) / len(known))
    assert proof.loc["(all)", "predicted"] == pytest.approx(proof.loc["(all)", "observed"], rel=0.15)
    assert any(note.code in {"CJ-AN-214", "CJ-AN-215"} for note in result.notes)


def test_bands_add_up_and_classes_add_up(made):
    table = made[0].table
    bands = table[["n_unlikely", "n_open", "n_likely"]].sum(axis=1)
    assert (bands == table["n"]).all()
    assert table["n"].iloc[1:].sum() == table["n"].iloc[0]
    assert table["expected"].iloc[1:].sum() == pytest.approx(table["expected"].iloc[0])


def test_the_list_goes_to_a_protected_file_and_nowhere_else(tmp_path):
    log, _ = shop(200)
    path = tmp_path / "silent-protected.csv"
    result = still_customers(log, activity=["purchase"], draws=20, list_to=path)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    chances = [float(row["p_still_customer"]) for row in rows]
    assert chances == sorted(chances)
    assert all(row["pseudonym"] not in str(result.to_dict()) for row in rows)


def test_without_a_list_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    still_customers(shop(200)[0], activity=["purchase"], draws=20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("options", "words"), [({"activity": []}, "Leaving is recorded")])
def test_what_cannot_be_said_is_said(options, words):
    with pytest.raises(NotEnoughDataError, match=words):
        still_customers(shop(200)[0], **options)


def test_too_few_who_came_again_is_said():
    with pytest.raises(NotEnoughDataError, match="came again"):
        still_customers(shop(15)[0], activity=["purchase"])


def test_small_groups_are_hidden():
    result = still_customers(shop(150, min_people=10)[0], activity=["purchase"], draws=20)
    for name in ("n", "n_unlikely", "n_open", "n_likely"):
        shown = result.table[name].dropna()
        assert ((shown == 0) | (shown >= 10)).all()


@pytest.mark.real
def test_grocery_purchases_after_september_are_predicted_as_pandas_counts_them():
    if not GROCERY.exists():
        pytest.skip("the grocery data are not here")
    study = open_study(ROOT / "studies" / "grocery.yml", data=str(GROCERY))
    proof = still_customers(study.events, activity=["basket"], draws=20).more("holdout").set_index("purchases")
    baskets = pd.read_csv(GROCERY / "baskets.csv.gz", usecols=["household_id", "transaction_timestamp"])
    days = pd.to_datetime(baskets["transaction_timestamp"]).dt.normalize()
    pairs = pd.DataFrame({"who": baskets["household_id"], "day": days}).drop_duplicates()
    cut = pd.Timestamp("2017-09-13")
    known = pairs.loc[pairs["day"] < cut, "who"].unique()
    observed = (pairs["who"].isin(known) & (pairs["day"] >= cut)).sum() / len(known)
    row = proof.loc["(all)"]
    assert row["n"] == len(known)
    assert row["observed"] == pytest.approx(observed)
    assert row["ci_low"] <= row["predicted"] <= row["ci_high"]
    assert not math.isnan(row["second"])


def judged(rows):
    names = ["purchases", "n", "observed", "ci_low", "ci_high", "predicted", "second", "wide_low", "wide_high"]
    return pd.DataFrame(rows, columns=names)


def test_a_total_that_is_right_by_errors_that_cancel_out_is_not_praised():
    table = judged([
        ("(all)", 300, 1.0, 0.9, 1.1, 1.05, 1.0, 0.9, 1.1),
        ("1", 200, 0.4, 0.3, 0.5, 0.9, 0.9, 0.25, 0.55),
        ("2", 100, 2.2, 2.0, 2.4, 1.35, 1.3, 1.9, 2.5),
    ])  # fmt: skip
    notes = _verdicts(table, "1 May 2026", 60.0, 5)
    assert [note.code for note in notes] == ["CJ-AN-214", "CJ-AN-217"]
    assert "too many purchases in these classes of earlier purchases: 1." in notes[1].message
    assert "too few purchases in these classes of earlier purchases: 2." in notes[1].message
    assert "cancelled out" in notes[1].message


def test_a_class_too_small_to_be_shown_is_not_judged_aloud():
    table = judged([("(all)", 203, 1, 0.9, 1.1, 1, 1, 0.9, 1.1), ("1", 200, 1, 0.9, 1.1, 1, 1, 0.9, 1.1),
                    ("2", 3, 9, 8, 10, 1, 1, 7, 11)])  # fmt: skip
    assert [note.code for note in _verdicts(table, "1 May 2026", 60.0, 5)] == ["CJ-AN-214"]


def test_the_demo_card_says_which_classes_were_predicted_wrongly_and_that_the_models_differ():
    shop_log = from_frames(simulate(n_customers=3000, seed=5).events, as_of="2026-07-01", zone="Europe/Paris")[0]
    result = still_customers(shop_log, activity=["purchase"], draws=50)
    proof, models = result.more("holdout").iloc[1:], result.more("models").set_index("model")
    wrong = proof[(proof["predicted"] > proof["wide_high"]) | (proof["predicted"] < proof["wide_low"])]
    assert all(name in result.answer() for name in wrong["purchases"])
    assert ("classes of earlier purchases" in result.answer()) == bool(len(wrong))
    one, two = models.loc["MBG/NBD"], models.loc["Pareto/NBD"]
    apart = not one["ci_low"] <= two["expected"] <= one["ci_high"] and not (
        two["ci_low"] <= one["expected"] <= two["ci_high"]
    )
    assert ("the data do not tell which is right" in result.answer()) == apart
