"""Groups of a clock compared, ends that must be named, rates along the wait, quantiles, snapshots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.churn import churn
from cjlib.analyses.time_to_event import time_to_event
from cjlib.analyses.time_waiting import BANDS, band_note, marks
from cjlib.core.errors import ParameterError
from cjlib.core.result import Result
from cjlib.datasets.simulate import simulate
from cjlib.journey.durations import recorded_every
from cjlib.journey.frames import from_frames
from cjlib.sources.study import StudySpec
from cjlib.stats.comparison import pairwise_log_rank
from tests.unit.analyses.test_funnel import log_of


def grouped(times, *, end=30.0, min_people=5, leave=0):
    """Log of people who start at day 0; `times` gives the days of their outcome by group, infinite for none."""
    rows, groups = [], []
    for group, days in times.items():
        for number, day in enumerate(days):
            person = f"{group}{number}"
            rows.append((person, 0.0, "x"))
            rows += [(person, float(day), "buy")] if day < end else [(person, 1.0, "leave")] * (number < leave)
        groups += [group] * (len(rows) - len(groups))
    return log_of(rows, as_of_days=end, min_people=min_people, device=groups)


def codes(result):
    return {note.code: note.message for note in result.notes}


RNG = np.random.default_rng(3)
FAST, SLOW = RNG.exponential(8, 300), RNG.exponential(16, 300)
EARLY = np.where(RNG.uniform(size=500) < 0.35, RNG.exponential(2, 500), np.inf)
LATE = np.where(RNG.uniform(size=500) < 0.60, RNG.normal(22, 3, 500), np.inf)


def test_the_faster_group_is_named_with_the_difference_and_its_interval():
    result = time_to_event(grouped({"fast": FAST, "slow": SLOW}), start="x", outcome="buy", by="device",
                           horizons=["7 days", "30 days"])  # fmt: skip
    row = result.more("comparison").iloc[1]
    mean = {name: np.minimum(days, 30).mean() for name, days in (("fast", FAST), ("slow", SLOW))}
    assert (row["group"], row["other"], row["curves"]) == ("fast", "slow", "do not cross")
    assert row["difference"] == pytest.approx(mean["fast"] - mean["slow"], abs=1e-4)
    assert row["difference_low"] < row["difference"] < row["difference_high"] < 0
    assert "fast spends" in result.answer()
    assert "less without the outcome than slow" in result.answer()
    assert np.isnan(row["early_p"])
    assert result.more("restricted")["estimate"].tolist() == pytest.approx([mean["fast"], mean["slow"]], abs=1e-4)
    assert Result.from_dict(result.to_dict()).equals(result)


def test_crossing_curves_are_said_and_the_log_rank_is_not_the_number_to_read():
    result = time_to_event(grouped({"early": EARLY, "late": LATE}), start="x", outcome="buy", by="device",
                           horizons=["28 days"])  # fmt: skip
    row = result.more("comparison").iloc[1]
    assert row["curves"] == "cross"
    assert result.more("comparison")["early_p"].notna().all()
    assert "cross, so a log-rank test misleads" in result.answer()
    assert "added after looking" in codes(result)["CJ-AN-165"]
    shown = {caption: [head["label"] for head in table["columns"]]
             for caption, table in ((t["caption"], t) for t in result.card()["tables"])}  # fmt: skip
    assert "p, early weights" in shown["Which groups differ in when the outcome comes"]


def test_the_early_test_asked_for_before_looking_is_printed_without_that_warning():
    arguments = {"start": "x", "outcome": "buy", "by": "device"}
    asked = time_to_event(grouped({"fast": FAST, "slow": SLOW}), test="early", **arguments)
    assert asked.more("comparison")["early_p"].notna().all()
    assert "CJ-AN-165" not in codes(asked)
    with pytest.raises(ParameterError, match="test"):
        time_to_event(grouped({"fast": FAST}), test="late", **arguments)


def test_equal_groups_are_not_called_different():
    half = RNG.permutation(FAST)
    result = time_to_event(grouped({"a": half[:150], "b": half[150:]}), start="x", outcome="buy", by="device")
    assert "No difference between groups is established" in result.answer()


def test_every_pair_is_counted_and_corrected():
    times = {name: RNG.exponential(10, 60) for name in "abc"}
    result = time_to_event(grouped(times), start="x", outcome="buy", by="device")
    table = result.more("comparison")
    assert len(table) == 4
    assert "3 pairs were compared" in codes(result)["CJ-AN-014"]
    days = pd.Series(times).explode().astype(float)
    counts = pd.DataFrame(
        {"group": days.index, "duration_days": days.clip(upper=30), "outcome": (days < 30) * 1, "n": 1}
    )
    expected = pairwise_log_rank(counts)
    assert sorted(table["p_adjusted"].dropna()) == pytest.approx(sorted(expected["p_adjusted"]), rel=1e-3)


def test_only_the_six_largest_groups_are_compared_pair_by_pair():
    times = {name: RNG.exponential(10, 20 + place) for place, name in enumerate("abcdefgh")}
    result = time_to_event(grouped(times), start="x", outcome="buy", by="device")
    assert len(result.more("comparison")) == 1 + 15
    assert "CJ-AN-166" in codes(result)


def test_a_small_group_enters_no_comparison_of_its_own():
    log = grouped({"big": FAST[:60], "other": SLOW[:60], "tiny": [1.0, 2.0, 3.0]})
    result = time_to_event(log, start="x", outcome="buy", by="device")
    for name in ("comparison", "restricted", "quantiles"):
        assert "tiny" not in result.more(name)["group"].tolist() if name in result.to_dict()["more"] else True
    assert "tiny" not in str(result.more("comparison").to_dict())


def test_with_competing_ends_the_caution_about_rates_and_shares_is_given():
    log = grouped({"fast": FAST, "slow": SLOW}, leave=40)
    result = time_to_event(log, start="x", outcome="buy", competing=["leave"], by="device")
    assert "CJ-AN-164" in codes(result)
    assert any("Gray's test of the shares" in note.message for note in result.notes)
    plain = time_to_event(grouped({"fast": FAST, "slow": SLOW}), start="x", outcome="buy", by="device")
    assert "CJ-AN-164" not in codes(plain)


# --- ends that the study declares ----------------------------------------------------------------------
def declared(rows, *ends):
    return replace(log_of(rows), ends=ends)


PEOPLE = [(f"c{i}", 0, "x") for i in range(20)] + [(f"c{i}", 3, "buy") for i in range(8)]


def test_one_minus_kaplan_meier_is_refused_where_declared_ends_ended_clocks():
    log = declared(PEOPLE + [(f"c{i}", 2, "leave") for i in range(12, 16)], "leave")
    with pytest.raises(ParameterError, match=r"leave ends the journey.*competing: \[leave\]") as caught:
        time_to_event(log, start="x", outcome="buy")
    assert caught.value.code == "CJ-AN-160"
    named = time_to_event(log, start="x", outcome="buy", competing=["leave"], horizons=["7 days"])
    forced = time_to_event(log, start="x", outcome="buy", competing=["censor"], horizons=["7 days"])
    assert "CJ-AN-161" in codes(forced)
    assert forced.table["estimate"].iloc[0] == pytest.approx(named.table["naive"].iloc[0])
    assert forced.table["estimate"].iloc[0] > named.table["estimate"].iloc[0]
    assert time_to_event(log, start="x", outcome="buy", competing="censor").equals(
        time_to_event(log, start="x", outcome="buy", competing=["censor"])
    )


@pytest.mark.parametrize(
    ("extra", "ends"),
    [
        pytest.param([("c1", 9, "leave")], ("leave",), id="the end came after the outcome"),
        pytest.param([("c12", 2, "leave")], (), id="no end is declared"),
        pytest.param([], ("leave",), id="the end never occurs"),
        pytest.param([("c12", 2, "y")], ("buy", "x"), id="the outcome and the start are no ends of their own clock"),
    ],
)
def test_a_clock_that_no_declared_end_ended_needs_no_competing_events(extra, ends):
    assert time_to_event(declared(PEOPLE + extra, *ends), start="x", outcome="buy").more("groups")["n"].iloc[0] == 20


def test_a_study_declares_ends_by_contract_by_another_clock_and_in_the_ledger():
    files = {"events": [{"path": "e.csv", "columns": {"customer": "c", "at": "t", "event": "e"}}]}
    clocks = [{"name": "a", "from": "x", "to": "buy", "competing": ["gone"]},
              {"name": "b", "from": "x", "to": "buy", "competing": "censor"}]  # fmt: skip
    rule = {"name": "r", "said": "best", "absent": ["buy"], "within": "9 days", "end": ["closed", "gone"]}
    churn = {"kind": "contractual", "start": "join", "end": "cancel"}
    spec = StudySpec(study="s", title="S", zone="UTC", as_of="2026-10-01", sources=files, clocks=clocks,
                     ledger=[rule], churn=churn)  # fmt: skip
    assert spec.ends == ("cancel", "gone", "closed")


# --- along the wait ----------------------------------------------------------------------------------
@settings(max_examples=15)
@given(st.lists(st.floats(0.01, 60), min_size=1, max_size=40))
def test_the_bands_hold_every_outcome_once_and_every_day_waited(days):
    log = grouped({"a": days}, end=40.0, min_people=1)
    result = time_to_event(log, start="x", outcome="buy")
    table = result.more("hazard")
    own, whole = table[table["band"] != "(all)"], table[table["band"] == "(all)"].iloc[0]
    assert own["n_event"].sum() == whole["n_event"] == result.more("groups")["n_event"].iloc[0]
    assert whole["person_days"] == pytest.approx(np.minimum(days, 40).sum(), abs=1e-3)


def test_the_band_with_the_most_frequent_outcome_is_told():
    log = grouped({"a": np.concatenate([RNG.uniform(0, 0.9, 80), RNG.uniform(5, 300, 200)])})
    message = codes(time_to_event(log, start="x", outcome="buy"))["CJ-AN-162"]
    assert "most frequent in days 0-1" in message


def test_small_bands_cannot_be_had_by_subtraction():
    log = grouped({"a": [0.5] * 40 + [2.0] * 3 + [5.0] * 20 + [np.inf] * 30})
    table = time_to_event(log, start="x", outcome="buy").more("hazard")
    assert table["n_event"].isna().sum() >= 2
    assert table.loc[table["n_event"].isna(), "estimate"].isna().all()


def test_quartiles_are_times_or_not_reached():
    log = grouped({"a": [1.0] * 30 + [4.0] * 30 + [np.inf] * 40})
    result = time_to_event(log, start="x", outcome="buy")
    assert result.more("quantiles")["estimate"].tolist() == [1.0, 4.0, np.inf]
    table = next(t for t in result.card()["tables"] if t["caption"] == "How long until a share of all has the outcome")
    assert [row[2] for row in table["rows"]] == ["24 h", "4.0 days", "not reached"]


def test_marks_of_the_censored_stand_for_several_people_each():
    log = grouped({"a": [np.inf] * 13 + [1.0] * 20, "b": [np.inf] * 4 + [2.0] * 20}, min_people=5)
    result = time_to_event(log, start="x", outcome="buy", by="device")
    assert result.more("censored")["group"].value_counts().to_dict() == {"(all)": 1, "a": 1}  # all at one instant
    spread = marks(pd.DataFrame({"group": "a", "duration_days": np.arange(13.0), "outcome": 0, "n": 1}), 5)
    assert spread["time_days"].tolist() == [4.0, 9.0]
    assert len(marks(pd.DataFrame({"group": "a", "duration_days": np.arange(9e3), "outcome": 0, "n": 1}), 5)) == 40


# --- snapshots ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("step", "said"), [(7, True), (1, False)])
def test_outcomes_of_weekly_snapshots_are_said_to_be_known_to_the_week_only(step, said):
    rows = [(f"c{i}", 0.0, "x") for i in range(120)]
    rows += [(f"c{i}", float(step * (1 + i % 12)), "buy") for i in range(60)]
    log = log_of(rows)
    assert recorded_every(log, ["buy"]) == (step, 12)
    assert ("CJ-AN-163" in codes(time_to_event(log, start="x", outcome="buy"))) == said


# --- the simulated shop --------------------------------------------------------------------------------
@pytest.mark.slow
def test_the_order_and_the_shares_of_the_simulated_personas_are_recovered():
    made = simulate(n_customers=9_000, seed=4)
    who = made.customers[["customer", "persona"]]
    end = made.as_of if isinstance(made.as_of, str) else pd.Timestamp(made.as_of, unit="us", tz="UTC")
    log, _ = from_frames(made.events[["customer", "at", "event"]], customers=who, as_of=end)
    result = time_to_event(log, start="visit", outcome="purchase", competing=["unsubscribe"], by="persona",
                           horizons=["30 days"])  # fmt: skip
    table = result.table[result.table["outcome"] == "purchase"].set_index("group")
    for persona in ("Camille", "Marc", "Agnès"):
        truth = float(np.atleast_1d(made.truth.converted(30, persona=persona))[0])
        assert table.loc[persona, "ci_low"] - 0.01 < truth < table.loc[persona, "ci_high"] + 0.01
        fine = np.arange(0.05, 30, 0.1)
        mean = 30 - made.truth.converted(fine, persona=persona).sum() * 0.1
        row = result.more("restricted").set_index("group").loc[persona]
        assert row["ci_low"] - 0.2 < mean < row["ci_high"] + 0.2
    fastest = result.more("restricted").sort_values("estimate")["group"].iloc[0]
    assert fastest == "Marc"


@pytest.mark.parametrize("made", [
    lambda log: time_to_event(log, start="x", outcome="buy", by="device"),
    lambda log: churn(log, kind="contractual", start="x", end="buy", by="device"),
])  # fmt: skip
def test_the_people_at_risk_of_all_do_not_give_a_hidden_group_away(made):
    log = grouped({"large": FAST[:60], "other": SLOW[:40], "rare": SLOW[40:43]})
    curve = made(log).more("curve")
    all_together = curve[curve["group"] == "(all)"]
    assert all_together["n_at_risk"].isna().all()
    assert all_together["estimate"].notna().any()
    printed = curve[curve["n_at_risk"].notna()].groupby("group")["n_at_risk"].min()
    assert printed.index.tolist() == ["large", "other"]
    assert printed.min() >= 5


def test_the_curve_of_all_keeps_its_people_where_it_stands_alone_and_ends_where_they_are_few():
    log = grouped({"large": FAST[:60], "other": SLOW[:40]})
    alone = time_to_event(log, start="x", outcome="buy").more("curve")
    assert alone["n_at_risk"].max() == 100
    beside = time_to_event(log, start="x", outcome="buy", by="device").more("curve")
    last = alone.loc[alone["n_at_risk"] >= 5, "time_days"].max()
    assert beside.loc[beside["group"] == "(all)", "time_days"].max() == last


def rates(*rows):
    table = pd.DataFrame(rows, columns=["band", "n_event", "person_days", "estimate", "ci_low", "ci_high"])
    total = {"band": "(all)", "n_event": table["n_event"].sum(), "person_days": table["person_days"].sum()}
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True)[list(BANDS.names)]


def test_a_band_without_any_outcome_is_the_least_frequent_one_if_outcomes_were_to_be_expected():
    table = rates(
        ("0-1", 50, 500.0, 10.0, 7.4, 13.2), ("1-9", 6, 600.0, 1.0, 0.4, 2.2), ("9-30", 0, 900.0, 0.0, 0.0, 0.4)
    )
    message = band_note(table, 5)[0].message
    assert "least frequent in days 9-30: 0.00 (0.00 to 0.40)" in message
    short = table.assign(person_days=table["person_days"].where(table["band"] != "9-30", 1.0))
    assert "least frequent in days 1-9" in band_note(short, 5)[0].message


def test_a_band_that_is_hidden_on_the_page_is_not_named():
    table = rates(("0-1", 50, 500.0, 10.0, 7.4, 13.2), ("1-9", 30, 900.0, 3.3, 2.2, 4.8),
                  ("9-30", 6, 900.0, 0.7, 0.2, 1.5), ("30-60", 2, 100.0, 2.0, 0.2, 7.2))  # fmt: skip
    message = band_note(table, 5)[0].message
    assert "most frequent in days 0-1" in message
    assert "least frequent in days 1-9" in message  # 9-30 is hidden with 30-60, or the sum would tell it


def test_a_clock_from_an_event_to_itself_asks_for_the_next_one():
    log = grouped({"one": FAST[:20]})
    assert time_to_event(log, start="x", outcome="x").question() == "How long from one x to the next?"


def test_the_share_between_two_records_holds_the_truth_and_the_recorded_one_comes_too_late():
    rng = np.random.default_rng(5)
    begin = np.floor(rng.random(3000) * 60)
    true = begin + rng.exponential(12.0, 3000)
    seen = np.ceil(true / 7) * 7  # a look every Monday
    rows = [(f"c{i}", at, "visit") for i, at in enumerate(begin)]
    rows += [(f"c{i}", at, "purchase") for i, at in enumerate(seen) if at <= 120]
    log = from_frames(to_us(rows), as_of="1970-05-02")[0]
    result = time_to_event(log, start="visit", outcome="purchase", horizons=["7 days", "14 days", "28 days"])
    table = result.more("between").set_index("horizon_days")
    for day in (7.0, 14.0, 28.0):
        truth = 1 - np.exp(-day / 12)
        assert table.loc[day, "at_least"] - 0.02 <= truth <= table.loc[day, "at_most"] + 0.02
        assert table.loc[day, "recorded"] < truth - 0.02
    exact = [(who, at - (event == "purchase") * (int(who[1:]) % 5), event) for who, at, event in rows]
    plain = time_to_event(from_frames(to_us(exact), as_of="1970-05-02")[0], start="visit", outcome="purchase")
    assert "between" not in plain.to_dict()["more"], "outcomes on any day: nothing is known to the week only"


def to_us(rows):
    frame = pd.DataFrame(rows, columns=["customer", "at", "event"])
    return frame.assign(at=(frame["at"] * 86_400_000_000).astype("int64"))


def test_the_drawn_curve_has_the_very_value_that_the_table_prints():
    rng = np.random.default_rng(2)
    rows = [(f"c{i}", 0.0, "visit") for i in range(2000)]
    rows += [(f"c{i}", float(at), "purchase") for i, at in enumerate(rng.exponential(40.0, 2000)) if at < 90]
    result = time_to_event(log_of(rows), start="visit", outcome="purchase", horizons=["17 days", "60 days"])
    curve = result.more("curve").set_index("time_days")["estimate"]
    for row in result.table.itertuples():
        if row.estimate == row.estimate:
            assert curve[row.horizon_days] == row.estimate
