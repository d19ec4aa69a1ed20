"""Time to event, churn and retention on logs: maturity, competing ends, silence, cohorts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.churn import churn, retention
from cjlib.analyses.time_to_event import time_to_event
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.datasets.simulate import simulate
from cjlib.journey.activity import lapse_counts
from cjlib.journey.frames import from_frames
from tests.unit.analyses.test_funnel import DAY, log_of


@pytest.mark.real
def test_ecom_first_event_to_first_purchase_as_rivals_4a(real_data):
    frame = pd.read_csv(real_data / "ecom_clickstream" / "ecom.csv.gz")
    events = pd.DataFrame({"customer": frame["user_id"], "event": frame["event"],
                           "at": pd.to_datetime(frame["timestamp"]).dt.tz_localize("UTC")})  # fmt: skip
    log, _ = from_frames(events, as_of="2024-06-29 22:02:40")
    result = time_to_event(log, start="any", outcome="purchase", horizons=["30 days", "90 days"])
    groups = result.more("groups").iloc[0]
    assert (groups["n"], groups["n_event"]) == (600, 328)
    assert 1 - result.table["estimate"].to_numpy() == pytest.approx([0.7580978, 0.5000911], abs=1e-7)
    assert groups["median_days"] == pytest.approx(90.0525, abs=1e-4)
    assert groups["naive_median_days"] == pytest.approx(35.87262, abs=1e-5)


def test_competing_ends_make_the_naive_curve_too_high():
    rows = [(f"c{i}", 0, "x") for i in range(100)]
    rows += [(f"c{i}", 1 + i / 10, "buy") for i in range(30)] + [(f"c{i}", 0.5, "leave") for i in range(30, 80)]
    result = time_to_event(log_of(rows), start="x", outcome="buy", competing=["leave"], horizons=["50 days"])
    main = result.table[result.table["outcome"] == "buy"].iloc[0]
    assert main["estimate"] == pytest.approx(0.30)  # nobody is censored before: the plain share is the truth
    assert main["naive"] > main["estimate"] + 0.1
    other = result.table[result.table["outcome"] == "leave"].iloc[0]
    assert other["estimate"] == pytest.approx(0.50)


def test_bad_45_no_event_is_said_and_never_infinite():
    result = time_to_event(log_of([(f"c{i}", 0, "x") for i in range(9)] + [("z", 0, "buy")]), start="x", outcome="buy")
    assert "No buy was observed" in result.answer()
    assert "CJ-AN-011" in {note.code for note in result.notes}
    assert "inf" not in result.answer()


def test_bad_46_one_group_only_omits_the_comparison_with_its_reason():
    rows = [(f"c{i}", 0, "x") for i in range(9)] + [(f"c{i}", 2, "buy") for i in range(4)]
    log = log_of(rows, device=["m"] * len(rows))
    notes = {note.code: note.message for note in time_to_event(log, start="x", outcome="buy", by="device").notes}
    assert "CJ-AN-013" in notes
    assert "nan" not in notes["CJ-AN-013"]


def test_horizons_beyond_the_time_observed_are_unknown_not_zero():
    rows = [(f"c{i}", 90, "x") for i in range(20)] + [(f"c{i}", 92, "buy") for i in range(6)]
    result = time_to_event(log_of(rows), start="x", outcome="buy", horizons=["5 days", "60 days"])
    assert result.table["estimate"].notna().tolist() == [True, False]
    assert "CJ-AN-012" in {note.code for note in result.notes}


def test_a_clock_that_never_starts_is_a_sentence():
    with pytest.raises(ParameterError, match="Did you mean 'visit'"):
        time_to_event(log_of([("a", 0, "visit"), ("a", 1, "buy")]), start="visits", outcome="buy")


def test_repeat_purchase_is_counted_from_the_first_to_the_second():
    rows = [("a", 0, "buy"), ("a", 4, "buy"), ("b", 0, "buy")]
    groups = time_to_event(log_of(rows), start="buy", outcome="buy").more("groups").iloc[0]
    assert (groups["n"], groups["n_event"], groups["naive_median_days"]) == (2, 1, 4.0)


@pytest.mark.slow
def test_the_simulated_truth_lies_inside_the_interval():
    made = simulate(n_customers=12_000, seed=5)
    log, _ = from_frames(made.events[["customer", "at", "event"]], as_of=pd.Timestamp(made.as_of, unit="us", tz="UTC")
                         if not isinstance(made.as_of, str) else made.as_of)  # fmt: skip
    result = time_to_event(log, start="visit", outcome="purchase", competing=["unsubscribe"], horizons=["30 days"])
    main = result.table[result.table["outcome"] == "purchase"].iloc[0]
    truth = float(np.atleast_1d(made.truth.converted(30))[0])
    assert main["ci_low"] - 0.01 < truth < main["ci_high"] + 0.01
    assert main["naive"] > truth + 0.01


def brute_lapse(times: list[int], silence: int, as_of: int) -> tuple[float, int]:
    for here, nxt in zip(times, [*times[1:], as_of], strict=True):
        if nxt - here >= silence:
            return here + silence - times[0], 1
    return as_of - times[0], 0


@settings(max_examples=20)
@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.integers(0, 60), min_size=1, max_size=8), min_size=1),
       st.integers(1, 40))  # fmt: skip
def test_lapse_is_the_first_moment_silence_reaches_the_threshold(people, silence):
    rows = [(name, day, "buy") for name, days in people.items() for day in days]
    counts = lapse_counts(log_of(rows, as_of_days=70), activity=["buy"], silence_us=silence * DAY)
    expected = sorted(brute_lapse(sorted(days), silence, 70) for days in people.values())
    found = sorted((row.duration_days, row.outcome) for row in counts.itertuples() for _ in range(row.n))
    assert found == expected


def test_the_stay_includes_the_silence_and_says_so():
    rows = [(f"c{i}", 0.0, "buy") for i in range(10)]
    result = churn(log_of(rows, as_of_days=40.0), kind="non-contractual", activity=["buy"], silence="10 days",
                   horizons=["5 days", "20 days"])  # fmt: skip
    assert result.table["estimate"].tolist() == [1.0, 0.0]
    assert "CJ-AN-044" in {note.code for note in result.notes}
    assert result.table["median_days"].tolist() == [10.0, 10.0]


def test_contractual_churn_is_the_time_from_start_to_end():
    rows = [(f"c{i}", 0, "join") for i in range(20)] + [(f"c{i}", 10 + i, "end") for i in range(10)]
    table = churn(log_of(rows), kind="contractual", start="join", end="end", horizons=["15 days", "50 days"]).table
    assert table["estimate"].tolist() == pytest.approx([0.7, 0.5])
    assert (table["n_event"].iloc[0], table["n_open"].iloc[0]) == (10, 10)


@pytest.mark.parametrize(
    "arguments", [{"kind": "contractual", "start": "join"}, {"kind": "non-contractual", "activity": ["join"]}]
)
def test_the_churn_switch_must_be_answered_fully(arguments):
    with pytest.raises(ParameterError, match="needs"):
        churn(log_of([("a", 0, "join")]), **arguments)


def test_immature_months_are_missing_and_a_silent_mature_month_is_zero():
    events = pd.DataFrame({
        "customer": ["a", "b", "a", "c"], "event": "buy",
        "at": pd.to_datetime(["2026-01-05", "2026-01-20", "2026-03-02", "2026-03-10"]).tz_localize("UTC"),
    })  # fmt: skip
    log, _ = from_frames(events, as_of="2026-03-20")
    table = retention(log, activity=["buy"]).table
    january = table[table["cohort"] == "2026-01"].set_index("age")
    assert january["n_at_risk"].to_dict() == {0: 2, 1: 2}
    assert january["n_active"].to_dict() == {0: 2, 1: 0}
    assert january.loc[1, "share"] == 0
    assert "2026-03" not in set(table["cohort"])  # March was not over at the cut-off


def test_months_are_those_of_the_business_zone():
    at = pd.to_datetime(["2026-01-31 23:30", "2026-02-28 12:00"]).tz_localize("UTC")  # 00:30 on 1 February in Paris
    events = pd.DataFrame({"customer": ["a", "b"], "at": at, "event": "buy"})
    cohorts = {}
    for zone in ("UTC", "Europe/Paris"):
        log, _ = from_frames(events, as_of="2026-04-01", zone=zone)
        cohorts[zone] = sorted(set(retention(log, activity=["buy"]).table["cohort"]) - {"(all)"})
    assert cohorts == {"UTC": ["2026-01", "2026-02"], "Europe/Paris": ["2026-02"]}


def test_nothing_complete_yet_is_a_sentence():
    with pytest.raises(NotEnoughDataError, match="No month was complete"):
        retention(log_of([("a", 0, "buy")], as_of_days=3), activity=["buy"])
