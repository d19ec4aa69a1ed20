"""The threshold of silence: found again on simulated leavers, judged later, honest where none is long enough."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.silence_threshold import _uneven, silence_threshold
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import using
from cjlib.datasets.simulate import simulate
from cjlib.journey.frames import from_frames
from cjlib.journey.study import open_study

DAY = 86_400_000_000
ROOT = Path(__file__).parents[3]
GROCERY = ROOT.parent / "shared" / "data" / "grocery_loyalty_campaigns"


def leaving(n=1500, *, rate=1 / 15, leave=0.25, days=500, seed=0, **options):
    """A log of customers who buy at `rate` and leave for good after a purchase with probability `leave`."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit in range(n):
        when = rng.uniform(0, days - 60)
        while when < days:
            rows.append((f"c{unit:05d}", int(when * DAY), "purchase"))
            when += math.inf if rng.random() < leave else rng.exponential(1 / rate)
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    cut = pd.Timestamp(days * DAY, unit="us", tz="UTC").isoformat()
    return from_frames(events, as_of=cut, **options)[0]


def true_return(tau, within, *, rate=1 / 15, leave=0.25):
    alive = (1 - leave) * math.exp(-rate * tau)
    return alive * -math.expm1(-rate * within) / (alive + leave)


@pytest.fixture(scope="module")
def found():
    return silence_threshold(leaving(), activity=["purchase"], silence="30 days", within="60 days", draws=200)


def test_the_threshold_is_the_true_one_and_its_interval_holds_it(found):
    truth = next(tau for tau in range(1, 400) if true_return(tau, 60) <= 0.10)
    kpi = found.kpi("threshold")
    assert abs(kpi.estimate - truth) <= 6
    assert kpi.ci_low - 1 <= truth <= kpi.ci_high + 1


def test_the_declared_threshold_is_judged_in_one_sentence(found):
    row = found.table.set_index("tau_days").loc[30.0]
    assert row["ci_low"] <= true_return(30, 60) <= row["ci_high"]
    assert "Of the customers silent for the declared 30 days" in found.answer()


def test_the_choice_made_earlier_keeps_its_promise_later(found):
    later = found.more("later").set_index("threshold")
    chosen = later.loc["chosen before"]
    assert chosen["ci_low"] <= true_return(chosen["tau_days"], 60) <= chosen["ci_high"]
    assert any(note.code == "CJ-AN-202" and "Chosen as of" in note.message for note in found.notes)


def test_customers_silent_now_are_counted_as_pandas_counts_them(found):
    log = leaving()
    last = log.engine.fetch(log.table.group_by("unit").agg(last=log.table["at"].max()))["last"]
    silent = (log.as_of_us - last) / DAY
    for row in found.table.itertuples():
        assert row.n_silent == (silent >= row.tau_days).sum()
        assert row.n_customers == len(last)


def test_a_longer_threshold_counts_fewer_as_gone(found):
    assert (found.table.sort_values("tau_days")["n_silent"].diff().dropna() <= 0).all()


def test_where_everybody_returns_no_threshold_is_offered():
    rows = [(f"c{i}", (i % 40 + k * (20 + i % 30)) * DAY, "buy") for i in range(300) for k in range(12)]
    log = from_frames(pd.DataFrame(rows, columns=["customer", "at", "event"]), as_of="1970-10-01")[0]
    result = silence_threshold(log, activity=["buy"], silence="20 days", within="15 days", draws=50)
    assert math.isinf(result.kpi("threshold").estimate)
    assert "No silence up to" in result.answer()
    assert "not reached" in result.card()["kpis"][0]["value"]


def test_the_choice_does_not_know_the_future():
    log = leaving(400)
    early = silence_threshold(log, activity=["purchase"], within="60 days", draws=20)
    rows = log.engine.fetch(log.table.select("unit", "at"))
    begin = int(rows["at"].min())
    cut = begin + 0.6 * (log.as_of_us - begin)
    kept = rows[rows["at"] < cut]
    events = pd.DataFrame({"customer": kept["unit"].astype(str), "at": kept["at"].astype("int64"), "event": "purchase"})
    midnight = pd.Timestamp(int(cut), unit="us", tz="UTC").normalize()
    alone = from_frames(events[events["at"] < midnight.value // 1000], as_of=midnight.isoformat())[0]
    then = silence_threshold(alone, activity=["purchase"], within="60 days", draws=20).kpi("threshold").estimate
    assert early.more("later").set_index("threshold").loc["chosen before", "tau_days"] == then


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activity": []}, "Leaving is recorded"),
        ({"activity": ["purchase"], "within": "400 days"}, "not followed long"),
    ],
)
def test_what_cannot_be_said_is_said(options, words):
    with pytest.raises(NotEnoughDataError, match=words):
        silence_threshold(leaving(100), **options)


def test_a_short_period_says_that_nothing_can_judge_the_choice():
    result = silence_threshold(leaving(60, days=150), activity=["purchase"], within="60 days", draws=20)
    assert {note.code for note in result.notes} & {"CJ-AN-203"}


def test_small_groups_are_hidden():
    result = silence_threshold(leaving(40, min_people=12), activity=["purchase"], within="40 days", draws=20)
    shown = pd.concat([result.table["n_people"], result.more("curve")["n_people"]]).dropna()
    assert ((shown >= 12) | (shown == 0)).all()


def test_it_speaks_french(found):
    english = json.dumps([found.card(), [caption for caption, *_ in found.shown()]])
    with using("fr"):
        assert found.question() == "Après quel silence un client est-il parti\u202f?"
        assert found.answer().startswith("Après ")
        card = found.card()
    said = [card["question"], card["answer"], card["definition"], *(table["caption"] for table in card["tables"]),
            *(column["label"] for table in card["tables"] for column in table["columns"])]  # fmt: skip
    assert not [text for text in said if text and json.dumps(text)[1:-1] in english]


def test_the_simulated_shop_declares_too_short_a_silence():
    shop = simulate(n_customers=3000, seed=5)
    log = from_frames(shop.events, as_of="2026-07-01", zone="Europe/Paris")[0]
    result = silence_threshold(log, activity=["purchase"], silence="60 days", draws=100)
    row = result.table.set_index("tau_days").loc[60.0]
    assert row["ci_low"] > 0.10
    # Out of time: what the earlier part says of 60 days is what happened later.
    later = result.more("later").set_index("threshold").loc["declared"]
    assert abs(later["estimate"] - row["estimate"]) < 0.08


@pytest.mark.real
def test_grocery_households_return_after_any_silence_as_plain_pandas_counts():
    if not GROCERY.exists():
        pytest.skip("the grocery data are not here")
    study = open_study(ROOT / "studies" / "grocery.yml", data=str(GROCERY))
    result = silence_threshold(study.events, activity=["basket"], silence="60 days", draws=100)
    assert math.isinf(result.kpi("threshold").estimate)
    baskets = pd.read_csv(GROCERY / "baskets.csv.gz", usecols=["household_id", "transaction_timestamp"])
    at = pd.to_datetime(baskets["transaction_timestamp"]).sort_values()
    who = baskets.loc[at.index, "household_id"]
    cut = pd.Timestamp("2018-01-01 04:01:20")
    following = at.groupby(who).shift(-1)
    mark = at + pd.Timedelta(days=60)
    mature = (following.fillna(cut) >= mark) & (mark + pd.Timedelta(days=91) <= cut)  # seen for the whole window
    returned = (following[mature] - mark[mature]) <= pd.Timedelta(days=91)
    row = result.table.set_index("tau_days").loc[60.0]
    assert row["estimate"] == pytest.approx(returned.mean(), abs=0.03)
    assert row["n_silent"] == (cut - at.groupby(who).max() >= pd.Timedelta(days=60)).sum()


def test_a_longer_silence_after_which_more_return_again_is_named():
    curve = pd.DataFrame({"tau_days": [50, 60, 70, 80, 90], "estimate": [0.2, 0.09, 0.12, 0.11, 0.08]})
    note = _uneven(curve, 60.0, 0.1)[0]
    assert note.message.startswith("After 70 days of silence 12.0% return, more than the 10% accepted")
    assert _uneven(curve, 90.0, 0.1) == []
    assert _uneven(curve, math.inf, 0.1) == []
