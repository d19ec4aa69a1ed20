"""Drivers of conversion: truth recovered, a neutral touch is neutral, and the trap shows beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.conversion_drivers import _kpis, conversion_drivers
from cjlib.analyses.hazards import _set_aside
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.journey.episodes import episodes, landmark
from cjlib.journey.frames import from_frames
from cjlib.stats.hazard import proportional_hazards

DAY = 86_400_000_000


def world(n=1500, *, seed=1, ratio=1.0, cut=60, rate=0.03, touch_rate=0.04, min_people=1):
    """Everybody visits on day 0; a touch comes at a constant rate and multiplies the rate of buying."""
    rng = np.random.default_rng(seed)
    touch = rng.exponential(1 / touch_rate, n)
    before = rng.exponential(1 / rate, n)
    buys = np.where(before <= touch, before, touch + rng.exponential(1 / (rate * ratio), n))
    leaves = rng.exponential(1 / 0.005, n)
    end = np.minimum(np.minimum(buys, leaves), cut)
    who = np.array([f"p{i:05d}" for i in range(n)])
    parts = [("visit", np.ones(n, bool), np.zeros(n)), ("touch", touch < end, touch), ("buy", buys == end, buys),
             ("leave", leaves == end, leaves)]  # fmt: skip
    events = pd.concat([pd.DataFrame({"customer": who[kept], "at": (at[kept] * DAY).astype(np.int64), "event": name})
                        for name, kept, at in parts])  # fmt: skip
    people = pd.DataFrame({"customer": who, "half": np.where(np.arange(n) % 2, "odd", "even")})
    stamp = pd.Timestamp(cut * DAY, unit="us", tz="UTC")
    return from_frames(events, customers=people, as_of=stamp, min_people=min_people)[0]


def asked(log, **changed):
    usual = {"start": "visit", "outcome": "buy", "competing": ["leave"], "drivers": ["touch"], "landmarks": ["20 days"]}
    return conversion_drivers(log, **{**usual, **changed})


def test_a_neutral_touch_has_the_ratio_one_and_the_naive_ratio_is_far_from_it():
    row = asked(world(4000)).table.iloc[0]
    assert row["ci_low"] < 1 < row["ci_high"]
    assert row["ci_high"] / row["ci_low"] < 1.5
    assert row["naive"] < 0.6


@pytest.mark.parametrize("truth", [0.5, 2.0])
def test_a_true_ratio_is_recovered_also_within_groups(truth):
    result = asked(world(4000, seed=3, ratio=truth), adjust=["half"])
    row = result.table.iloc[0]
    assert row["ci_low"] < truth < row["ci_high"]
    assert row["p_value"] < 1e-6
    assert "An association, not an effect" in result.answer()
    seen = result.more("landmarks").iloc[0]
    assert (seen["hazard_ratio"] - 1) * (truth - 1) > 0


@pytest.mark.slow
def test_the_interval_of_a_neutral_touch_covers_one_as_often_as_it_says():
    rng = np.random.default_rng(11)
    covered, n_draws = 0, 150
    for _ in range(n_draws):
        n = 300
        touch, buys = rng.exponential(25, n), rng.exponential(33, n)
        end = np.minimum(buys, 60)
        split = touch < end
        late = pd.DataFrame({"unit": np.flatnonzero(split), "start_days": touch[split], "stop_days": end[split],
                             "event": (buys <= 60)[split].astype(int), "x": 1.0})  # fmt: skip
        early = pd.DataFrame({"unit": np.arange(n), "start_days": 0.0, "stop_days": np.minimum(touch, end),
                              "event": ((buys <= 60) & ~split).astype(int), "x": 0.0})  # fmt: skip
        row = proportional_hazards(pd.concat([early, late]), covariates=["x"], cluster="unit").table.iloc[0]
        covered += row["ci_low"] <= 1 <= row["ci_high"]
    assert 0.90 <= covered / n_draws <= 0.99


def stanford():
    """The Stanford heart transplants as an event log: accepted, transplant, then death or lost from sight."""
    from lifelines.datasets import load_stanford_heart_transplants

    rows = load_stanford_heart_transplants()
    last = rows.groupby("id").last()
    operated = rows[rows["transplant"] == 1].groupby("id")["start"].min()
    parts = [pd.DataFrame({"customer": last.index, "day": 0.0, "event": "accepted"}),
             pd.DataFrame({"customer": operated.index, "day": operated.to_numpy(), "event": "transplant"}),
             pd.DataFrame({"customer": last.index, "day": last["stop"].to_numpy(),
                           "event": np.where(last["event"] == 1, "death", "lost")})]  # fmt: skip
    events = pd.concat(parts)
    events = events.assign(at=(events["day"] * DAY).astype("int64"), customer=events["customer"].astype(str))
    people = pd.DataFrame({"customer": last.index.astype(str), "patient": last.index.astype(str)})
    log = from_frames(events[["customer", "at", "event"]], customers=people, as_of="1976-01-01")[0]
    return log, last


def test_rt_15_heart_transplants_give_the_time_varying_result_not_the_immortal_one():
    log, last = stanford()
    rows = episodes(log, start="accepted", outcome="death", competing=["lost"], drivers=["transplant"],
                    attributes=["patient"])  # fmt: skip
    who = rows["patient"].astype(int)
    rows = rows.assign(event=(rows["outcome"] == 1).astype(int), age=who.map(last["age"]),
                       surgery=who.map(last["surgery"]))  # fmt: skip
    terms = ["driver_0", "age", "surgery"]
    table = proportional_hazards(rows, covariates=terms).table
    assert table["coefficient"].to_numpy() == pytest.approx([0.016096, 0.030536, -0.773328], abs=2e-6)
    assert table["std_error"].to_numpy() == pytest.approx([0.308586, 0.013893, 0.359668], abs=2e-6)
    # RT-16: the trap, every patient taken as operated from the start
    fixed = rows.assign(start_days=0.0).drop_duplicates("unit", keep="last")
    assert proportional_hazards(fixed, covariates=terms).table["coefficient"][0] == pytest.approx(-1.717, abs=0.02)


def test_rt_15_through_the_analysis_the_transplant_alone_is_as_lifelines_says_and_the_trap_stands_beside():
    from lifelines import CoxTimeVaryingFitter
    from lifelines.datasets import load_stanford_heart_transplants

    rows = load_stanford_heart_transplants()[["id", "start", "stop", "event", "transplant"]]
    other = CoxTimeVaryingFitter().fit(rows, id_col="id", start_col="start", stop_col="stop", event_col="event")
    log, _ = stanford()
    row = conversion_drivers(log, start="accepted", outcome="death", competing=["lost"], drivers=["transplant"]).table
    assert np.log(row["hazard_ratio"][0]) == pytest.approx(other.params_["transplant"], abs=1e-4)
    assert row["naive"][0] < 0.3 < row["ci_low"][0]


def small(rows):
    table = pd.DataFrame(rows, columns=["customer", "at", "event"])
    return from_frames(table.assign(at=table["at"] * DAY), as_of="1970-03-01", min_people=1)[0]


UNSOLD = [("0", 0, "visit"), ("1", 0, "visit"), ("9", 0, "buy"), ("9", 1, "visit")]
EIGHT = [row for i in range(8) for row in ((f"{i}", 0, "visit"), (f"{i}", 5 + i, "buy"))]


@pytest.mark.parametrize(
    ("log", "changed", "error", "sentence"),
    [
        (EIGHT, {"drivers": []}, ParameterError, "at least one"),
        (EIGHT, {"drivers": ["touch"]}, ParameterError, "drivers.*'touch' is not in"),
        (EIGHT[:2], {"drivers": ["visit"]}, NotEnoughDataError, "Fewer than two customers"),
        (UNSOLD, {"drivers": ["visit"]}, NotEnoughDataError, "Nobody has had the outcome"),
        (EIGHT, {"start": "bui", "drivers": ["visit"]}, ParameterError, "Did you mean 'buy'"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(log, changed, error, sentence):
    with pytest.raises(error, match=sentence):
        asked(small(log), competing=[], **changed)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ([("other", 1, "touch")], "does not vary"),  # never happens to anybody who is followed
        ([(f"{i}", -1, "touch") for i in range(8)], "does not vary"),  # everybody, always
        ([(f"{i}", 5 + i - 0.5, "touch") for i in range(8)], "everybody or nobody has the outcome after it"),
    ],
)
def test_a_driver_without_a_ratio_is_named_with_the_reason_and_nothing_is_nan(more, reason):
    log = small([(who, at + 2, event) for who, at, event in [*EIGHT, *more]])
    result = asked(log, competing=[], landmarks=["2 days"])
    assert result.table["hazard_ratio"].isna().all()
    note = next(note.message for note in result.notes if note.code == "CJ-AN-258")
    assert "touch" in note
    assert reason in note
    assert "driver_0" not in note
    assert "nan" not in str(result.card()).lower()
    assert result.answer().startswith("Too few people on both sides")


def test_what_is_set_aside_beside_other_ratios_is_no_limit_and_said_without_jargon():
    names = {"driver_0": "Reminder", "driver_1": "Long ago", "driver_2": "Visits"}
    dropped = (("driver_0", "separates perfectly"), ("driver_1", "does not vary"), ("driver_2", "same as driver_0"))
    notes = _set_aside(dropped, names)
    assert [note.severity for note in notes] == ["caution", "info", "caution"]
    assert [note.message for note in notes] == [
        "Everybody or nobody has the outcome after it, so no ratio can be given for: Reminder.",
        "The same for everybody, so there is nothing to compare for: Long ago.",
        "No ratio can be given for: Visits (same as Reminder).",
    ]


def test_the_headline_ratio_counts_everybody_followed_unless_one_side_is_small():
    row = {"driver": "x", "n": 100, "n_exposed": 40, "n_other": 60, "n_event": 20, "n_rest": 20, "hazard_ratio": 2.0,
           "ci_low": 1.1, "ci_high": 3.0}  # fmt: skip
    assert _kpis(pd.DataFrame([row]), 5)[0].n == 100
    assert _kpis(pd.DataFrame([row | {"n_rest": 3}]), 5)[0].n == 3


def test_counts_and_few_outcomes_are_said():
    log = world(60, seed=2)
    result = asked(log, drivers=["touch", {"name": "touches", "event": "touch", "measure": "count"}, "visit"])
    codes = {note.code for note in result.notes}
    assert {"CJ-AN-256", "CJ-AN-258"} <= codes


def test_small_groups_are_hidden_with_their_ratio():
    log = world(400, touch_rate=0.0008, min_people=5, seed=5)
    row = asked(log).table.iloc[0]
    assert pd.isna(row["n_event"])
    assert np.isnan(row["hazard_ratio"])


def test_rt_17_the_landmark_at_day_30_through_the_event_log_is_that_of_r():
    log, last = stanford()  # R counts from the day before: 30 days are 31 here
    rows = landmark(log, at="31 days", start="accepted", outcome="death", competing=["lost"], drivers=["transplant"],
                    attributes=["patient"])  # fmt: skip
    assert len(rows) == 78
    who = rows["patient"].astype(int)
    rows = rows.assign(event=(rows["outcome"] == 1).astype(int), age=who.map(last["age"]),
                       surgery=who.map(last["surgery"]))  # fmt: skip
    table = proportional_hazards(rows, covariates=["driver_0", "age", "surgery"]).table
    assert table["coefficient"][0] == pytest.approx(-0.248090, abs=2e-6)
    assert table["std_error"][0] == pytest.approx(0.286017, abs=2e-6)
    seen = conversion_drivers(log, start="accepted", outcome="death", competing=["lost"], drivers=["transplant"],
                              landmarks=["31 days"]).more("landmarks")  # fmt: skip
    assert seen[["n", "n_exposed"]].to_numpy().tolist() == [[78, 35]]


def codes(result):
    return {note.code for note in result.notes}


def test_a_step_logged_minutes_before_the_outcome_is_called_a_part_of_it():
    rng = np.random.default_rng(2)
    rows = []
    for i in range(200):
        buys, early = rng.uniform(2, 40), rng.uniform(0, 1.5)
        rows += [(f"p{i}", 0.0, "visit"), (f"p{i}", early, "read")]
        rows += [(f"p{i}", buys - 5 / 1440, "till"), (f"p{i}", buys, "buy")] if rng.random() < 0.7 else []
    table = pd.DataFrame(rows, columns=["customer", "at", "event"])
    log = from_frames(table.assign(at=(table["at"] * DAY).astype("int64")), as_of="1970-03-01", min_people=1)[0]
    result = asked(log, competing=[], drivers=["till", "read"])
    said = [note.message for note in result.notes if note.code == "CJ-AN-259"]
    assert len(said) == 1
    assert "till" in said[0]
    assert "read" not in said[0]
    assert "CJ-AN-259" not in codes(asked(world(800)))


def test_a_count_that_does_not_act_along_a_line_is_said():
    rng = np.random.default_rng(6)
    rows = []
    for i in range(1500):
        touches = np.sort(rng.uniform(0, 5, rng.integers(0, 7)))
        rate = 0.02 * (4.0 if len(touches) in (2, 3) else 1.0)  # best in the middle
        buys = 5 + rng.exponential(1 / rate)
        rows += [(f"p{i}", 0.0, "visit"), *((f"p{i}", at, "touch") for at in touches)]
        rows += [(f"p{i}", buys, "buy")] if buys < 55 else []
    table = pd.DataFrame(rows, columns=["customer", "at", "event"])
    log = from_frames(table.assign(at=(table["at"] * DAY).astype("int64")), as_of="1970-02-25", min_people=1)[0]
    count = {"name": "touches", "event": "touch", "measure": "count"}
    assert "CJ-AN-279" in codes(asked(log, competing=[], drivers=[count]))
    assert "CJ-AN-279" not in codes(asked(log, competing=[], drivers=["touch"]))
