"""Drivers of a score: facts before the answer, recovered from a simulated shop, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.drivers import score_drivers
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.datasets.simulate import simulate
from cjlib.journey.experienced import Driver, experiences_before
from cjlib.journey.frames import from_frames
from cjlib.stats.importance import shapley_r2

DAY = 86_400_000_000
FEE = {"name": "Fee", "event": "fee"}
WAIT = {"name": "Wait", "event": "call", "measure": "highest"}
TOUCHES = {"name": "Touches", "event": "any", "measure": "count"}
LATE = {"name": "Delay", "event": "delivered", "measure": "late", "deadline": "promised"}


def study(events, scores, *, answered=10.0, promised=None, min_people=1, scale=(0, 10), repeat=1):
    """One answer per customer at day `answered`; events are (customer number, day, name, value)."""
    frame = pd.DataFrame(events, columns=["customer", "at", "event", "value"])
    frame["customer"] = [f"c{i}" for i in frame["customer"]]
    frame["at"] = (frame["at"].astype(float) * DAY).astype("int64")
    who = [f"c{i}" for i in range(len(scores))]
    said = pd.DataFrame({"customer": who, "asked_at": 0, "answered_at": int(answered * DAY), "instrument": "other",
                         "score": np.asarray(scores, dtype=float)})  # fmt: skip
    customers = pd.DataFrame({"customer": who})
    if promised is not None:
        days = pd.Series(promised, dtype=float) * DAY
        customers["promised"] = pd.to_datetime(days, unit="us", utc=True)
    if repeat > 1:
        copies = range(repeat)
        frame = pd.concat([frame.assign(customer=frame["customer"] + f"x{k}") for k in copies], ignore_index=True)
        said = pd.concat([said.assign(customer=said["customer"] + f"x{k}") for k in copies], ignore_index=True)
        customers = pd.concat([customers.assign(customer=customers["customer"] + f"x{k}") for k in copies])
    return from_frames(frame, responses=said, customers=customers, as_of="1970-04-01", scales={"other": scale},
                       min_people=min_people)[::-1]  # fmt: skip


def facts(events, driver, **options):
    responses, log = study(events, [5.0], **options)
    row = experiences_before(responses, log, drivers=[Driver(**driver)], instrument="other").iloc[0]
    return row["lived_0"], row["value_0"]


@pytest.mark.parametrize(
    ("case", "events", "driver", "promised", "expected"),
    [
        ("before", [(0, 9.0, "fee", 1.0)], FEE, None, (1, 1)),
        ("at the instant of the answer", [(0, 10.0, "fee", 1.0)], FEE, None, (0, 0)),
        ("after", [(0, 11.0, "fee", 1.0)], FEE, None, (0, 0)),
        ("highest of two, a later one not seen", [(0, 1, "call", 4.0), (0, 2, "call", 9.0), (0, 11, "call", 99.0)],
         WAIT, None, (1, 9)),
        ("no call has no wait", [(0, 1, "fee", 1.0)], {**WAIT, "event": ["fee"]}, None, (1, 1)),
        ("touches before only", [(0, 1, "a", 0), (0, 2, "b", 0), (0, 12, "c", 0)], TOUCHES, None, (1, 2)),
        ("on the promised day", [(0, 4.9, "delivered", 0)], LATE, [4.0], (0, 0)),
        ("two days after it", [(0, 6.1, "delivered", 0)], LATE, [4.0], (1, 2)),
        ("not come yet, six days over", [(0, 12, "delivered", 0)], LATE, [4.0], (1, 6)),
        ("no promised day", [(0, 6, "delivered", 0)], LATE, [np.nan], (np.nan, np.nan)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_only_what_lies_strictly_before_the_answer_is_a_fact(case, events, driver, promised, expected):
    assert facts(events, driver, promised=promised) == pytest.approx(expected, nan_ok=True)


def test_no_event_after_the_answer_changes_the_result():
    rng = np.random.default_rng(1)
    fees = [(i, 2, "fee", 1.0) for i in range(0, 200, 2)]
    later = [(i, 11 + i % 3, "fee", 1.0) for i in range(1, 200, 2)]
    scores = rng.integers(0, 11, 200)
    results = [score_drivers(*study(rows, scores), drivers=[FEE], instrument="other") for rows in (fees, fees + later)]
    assert results[0].table.equals(results[1].table)


@pytest.mark.slow
def test_the_ranking_of_the_simulated_causes_is_recovered():
    made = simulate(n_customers=9000, seed=11)
    as_of = pd.Timestamp(made.as_of, unit="us", tz="UTC")
    promised = pd.to_datetime(made.customers["promised"].astype("Float64"), unit="us", utc=True)
    customers = made.customers.assign(promised=promised)
    log, responses = from_frames(made.events[["customer", "at", "event", "value"]], responses=made.responses,
                                 customers=customers, as_of=as_of, zone="Europe/Paris",
                                 scales={"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)})  # fmt: skip
    drivers = [{"name": "fee", "event": "fee_shown"},
               {"name": "delay", "event": "delivered", "measure": "late", "deadline": "promised"},
               {"name": "wait", "event": "support_call", "measure": "highest"},
               {"name": "advertisement", "event": "ad_click"}]  # fmt: skip
    loyalty = score_drivers(responses, log, drivers=drivers, instrument="nps", draws=200)
    people = made.truth.customers.set_index("customer")
    asked = made.truth.invitations.query("survey == 'loyalty' and answered")
    lived = people.loc[asked["customer"]]
    wait = np.where(lived["contact"].astype(bool), np.nan_to_num(lived["wait_minutes"].to_numpy(dtype=float)), 0)
    causes = np.column_stack([lived["fee"], np.minimum(lived["delay_days"], 4), np.maximum(wait - 5, 0)]).astype(float)
    truth = shapley_r2(asked["true_score"], causes, [[0], [1], [2]], seed=1, draws=100)
    found = loyalty.table.set_index("driver")
    # Fee and delay are nearly as important as each other: their order is chance, their size is not.
    assert set(loyalty.table["driver"][:3]) == {"fee", "delay", "wait"}
    assert (loyalty.table["driver"].iloc[0], loyalty.table["driver"].iloc[-1]) == ("wait", "advertisement")
    for name, share in zip(["fee", "delay", "wait"], truth.share, strict=True):
        assert found.loc[name, "ci_low"] <= share <= found.loc[name, "ci_high"], name
    assert loyalty.table["importance"].iloc[-1] < 0.01
    odds = loyalty.more("odds").set_index("term")["odds_ratio"]
    assert odds["fee: yes"] < 0.5
    assert odds["delay: one more day late"] < 1
    effort = score_drivers(responses, log, drivers=drivers, instrument="ces", draws=100).table
    assert effort["driver"].iloc[0] == "wait"


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_reversing_the_scale_inverts_the_odds_and_doubling_people_narrows_the_interval_only(seed):
    rng = np.random.default_rng(seed)
    fee = rng.random(150) < 0.4
    scores = np.clip(np.round(6 - 2 * fee + rng.normal(size=150)), 0, 10)
    events = [(i, 1, "fee", 1.0) for i in np.flatnonzero(fee)] + [(0, 2, "x", 0.0)]
    there, back, twice = (
        score_drivers(*study(events, given, repeat=times), drivers=[FEE], instrument="other", draws=100)
        for given, times in ((scores, 1), (10 - scores, 1), (scores, 4))
    )
    for other in (back, twice):
        assert other.table["importance"].iloc[0] == pytest.approx(there.table["importance"].iloc[0], abs=1e-6)
    ratio = there.more("odds")["odds_ratio"].iloc[0]
    assert back.more("odds")["odds_ratio"].iloc[0] == pytest.approx(1 / ratio, rel=1e-2)
    assert twice.more("odds")["odds_ratio"].iloc[0] == pytest.approx(ratio, rel=1e-2)
    width = [(r.table["ci_high"] - r.table["ci_low"]).iloc[0] for r in (there, twice)]
    assert width[1] < width[0]


def test_a_wait_that_few_had_is_never_imputed():
    rng = np.random.default_rng(5)
    events = [(i, 1, "call", float(rng.integers(1, 40)) if i < 60 else np.nan) for i in range(70)]
    result = score_drivers(*study(events, rng.integers(0, 11, 300)), drivers=[WAIT], instrument="other")
    assert result.more("odds")["term"].tolist() == ["Wait: yes", "Wait: one more unit", "Wait: value unknown"]
    assert result.table[["n_lived", "n_other"]].iloc[0].tolist() == [70, 230]
    assert "CJ-AN-144" in {note.code for note in result.notes}  # one driver is no ranking


def test_a_driver_that_everybody_lived_is_left_out_by_name_and_alone_it_is_a_sentence():
    rng = np.random.default_rng(5)
    events = [(i, 1, "visit", 0.0) for i in range(200)] + [(i, 2, "fee", 0.0) for i in range(80)]
    visit = {"name": "Visit", "event": "visit"}
    responses, log = study(events, rng.integers(0, 11, 200))
    result = score_drivers(responses, log, drivers=[FEE, visit], instrument="other")
    assert result.table["driver"].tolist() == ["Fee"]
    assert any("Visit" in note.message for note in result.notes if note.code == "CJ-AN-145")
    with pytest.raises(NotEnoughDataError, match="Everybody lived the same"):
        score_drivers(responses, log, drivers=[visit], instrument="other")


def test_perfect_separation_keeps_the_importance_and_says_why_there_are_no_odds():
    events = [(i, 1, "fee", 0.0) for i in range(50)]
    result = score_drivers(*study(events, [2] * 50 + [9] * 50), drivers=[FEE], instrument="other")
    assert result.table["importance"].iloc[0] == pytest.approx(1)
    assert "odds" not in result.to_dict()["more"]
    assert "CJ-AN-146" in {note.code for note in result.notes}


def test_all_answers_equal_and_too_few_answers_are_sentences():
    events = [(i, 1, "fee", 0.0) for i in range(9)]
    with pytest.raises(NotEnoughDataError, match="All scores are equal"):
        score_drivers(*study(events, [5] * 100), drivers=[FEE], instrument="other")
    with pytest.raises(NotEnoughDataError, match="Too few answers"):
        score_drivers(*study(events, [5, 6] * 5), drivers=[FEE], instrument="other")


@pytest.mark.parametrize(
    ("drivers", "message"),
    [([], "0 given"), ([FEE, FEE], "different names"), ([{**FEE, "event": "fees"}], "Did you mean 'fee'"),
     ([{**FEE, "measure": "late"}], "deadline"), ([{**LATE, "event": "fee", "deadline": "due"}], "deadline"),
     ([{**FEE, "measure": "mean"}], "measure")],
)  # fmt: skip
def test_bad_requests_are_sentences(drivers, message):
    responses, log = study([(0, 1, "fee", 0.0)], [1, 2])
    with pytest.raises(ParameterError, match=message):
        score_drivers(responses, log, drivers=drivers, instrument="other")


def test_small_sides_are_hidden_and_nothing_prints_nan():
    rng = np.random.default_rng(5)
    events = [(i, 1, "fee", 0.0) for i in range(3)] + [(i, 1, "call", float(i)) for i in range(80)]
    for lang in ("en", "fr"):
        with using(lang):
            responses, log = study(events, rng.integers(0, 11, 200), min_people=5)
            result = score_drivers(responses, log, drivers=[FEE, WAIT], instrument="other")
            card = result.card()
        assert result.table.set_index("driver").loc["Fee", ["n_lived", "importance"]].isna().all()
        cells = [card["answer"], *[cell for table in card["tables"] for row in table["rows"] for cell in row]]
        assert not [text for text in cells if "nan" in text.lower()]
