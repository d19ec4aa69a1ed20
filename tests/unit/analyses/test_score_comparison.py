"""Scores compared, followed over time and split by their door."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.invitation_mix import invitation_mix
from cjlib.analyses.score_comparison import EVERYBODY, SAME, compare_scores
from cjlib.analyses.score_trend import score_trend
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
HALVES = ["1970-01-01/1970-01-31", "1970-02-01/1970-02-28"]


def said(scores, *, instrument="nps", scale=(0, 10), at=None, customers=None, min_people=1, zone="UTC",
         as_of="1970-04-15", **columns):  # fmt: skip
    n = len(scores)
    frame = pd.DataFrame({
        "customer": customers if customers is not None else [f"c{i}" for i in range(n)],
        "asked_at": 0, "answered_at": np.asarray(at if at is not None else [DAY] * n, dtype="int64"),
        "instrument": instrument, "score": np.asarray(scores, dtype=float), **columns,
    })  # fmt: skip
    return from_frames(responses=frame, as_of=as_of, scales={instrument: scale}, min_people=min_people, zone=zone)[1]


def test_rt_32_two_groups_have_the_difference_and_p_value_of_the_closed_form():
    scores = [10] * 50 + [7] * 30 + [0] * 20 + [10] * 40 + [7] * 35 + [0] * 25
    result = compare_scores(said(scores, team=["a"] * 100 + ["b"] * 100), instrument="nps", by="team")
    row = result.table.iloc[0]
    assert (row["group"], row["other"], row["n"], row["n_other"]) == ("a", "b", 100, 100)
    assert (row["score"], row["score_other"], row["difference"]) == pytest.approx((30, 15, 15))
    assert row["p_value"] == row["p_adjusted"] == pytest.approx(0.17753, abs=1e-5)
    assert "No difference is established" in result.answer()
    assert "Comparisons made: 1" in result.answer()


def test_rt_26_best_answers_of_two_groups_have_the_newcombe_interval():
    scores = [5] * 56 + [1] * 14 + [5] * 48 + [1] * 32
    groups = ["b"] * 70 + ["a"] * 80
    row = compare_scores(said(scores, instrument="csat", scale=(1, 5), team=groups), instrument="csat", by="team")
    row = row.table.iloc[0]
    assert (-row["ci_high"], -row["ci_low"]) == pytest.approx((0.0524, 0.3339), abs=6e-5)  # a, the larger, minus b


def test_every_pair_is_compared_and_the_number_is_corrected_for():
    groups = ["a"] * 60 + ["b"] * 50 + ["c"] * 40
    result = compare_scores(said([10, 0] * 75, team=groups), instrument="nps", by="team")
    assert result.table[["group", "other"]].to_numpy().tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert (result.table["p_adjusted"] >= result.table["p_value"]).all()
    assert "Comparisons made: 3" in result.answer()


def test_rt_29_people_asked_in_both_periods_are_compared_with_themselves():
    from scipy.stats import binomtest

    before = [5] * 94 + [1] * 65
    after = [5] * 79 + [1] * 15 + [5] * 8 + [1] * 57
    who = [f"c{i}" for i in range(159)]
    both = said(before + after, instrument="csat", scale=(1, 5), customers=who * 2,
                at=[10 * DAY] * 159 + [40 * DAY] * 159)  # fmt: skip
    table = compare_scores(both, instrument="csat", periods=HALVES).table
    assert table["who"].tolist() == [SAME]  # nobody is on one side only
    assert table["difference"].iloc[0] == pytest.approx((8 - 15) / 159)
    assert table["p_value"].iloc[0] == pytest.approx(binomtest(8, 23).pvalue)


def test_partly_the_same_people_give_both_rows_and_say_which_to_trust():
    responses = said([10, 9, 3, 2, 9, 9, 8, 1], customers=list("abcdabef"), at=[10 * DAY] * 4 + [40 * DAY] * 4)
    result = compare_scores(responses, instrument="nps", periods=HALVES)
    assert result.table["who"].tolist() == [EVERYBODY, SAME]
    assert "CJ-AN-057" in {note.code for note in result.notes}


def test_a_later_period_minus_an_earlier_one_however_they_are_given():
    responses = said([10] * 9 + [0] * 9, at=[10 * DAY] * 9 + [40 * DAY] * 9)
    for periods in (HALVES, HALVES[::-1]):
        assert compare_scores(responses, instrument="nps", periods=periods).table["difference"].iloc[0] == -200


def test_days_of_a_period_are_those_of_the_business_zone_and_both_ends_count():
    at = [31 * DAY - 1_800_000_000, 31 * DAY - 5_400_000_000]  # 23:30 and 22:30 UTC: 1 February and 31 January in Paris
    responses = said([10, 0] * 2, at=at * 2, zone="Europe/Paris")
    table = compare_scores(responses, instrument="nps", periods=HALVES).table
    assert (table["n"].iloc[0], table["score"].iloc[0], table["score_other"].iloc[0]) == (2, 100, -100)


def test_of_one_person_the_last_answer_in_a_group_counts():
    at = [DAY, 2 * DAY, DAY, DAY]
    responses = said([0, 10, 5, 5], customers=["a", "a", "b", "c"], at=at, team=["x", "x", "x", "y"])
    assert compare_scores(responses, instrument="nps", by="team").table["score"].iloc[0] == 0


def test_small_groups_are_hidden_in_table_key_figures_and_sentence():
    responses = said([10, 0] * 10 + [9, 9, 9], team=["a"] * 20 + ["b"] * 3, min_people=5)
    result = compare_scores(responses, instrument="nps", by="team")
    assert result.table["difference"].isna().all()
    assert result.kpis == ()
    assert result.answer() == "Too few answers on both sides to compare."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({}, "either by"), ({"by": "team", "periods": HALVES}, "either by"), ({"periods": ["1970-01/x", "a/b"]}, "not"),
     ({"periods": ["1970-01-01/1970-01-31", "1970-01-31/1970-02-28"]}, "overlap"),
     ({"periods": ["1970-02-01/1970-01-01", HALVES[1]]}, "not"), ({"by": "taem"}, "Did you mean 'team'")],
)  # fmt: skip
def test_bad_requests_are_sentences(arguments, message):
    with pytest.raises(ParameterError, match=message):
        compare_scores(said([1, 2], team=["a", "b"]), instrument="nps", **arguments)


@pytest.mark.parametrize("scores", [[5, 5, 5, 5], [10, 10, 0, 0], [7, 8, 7, 8]])
def test_all_answers_equal_or_opposite_never_print_nan(scores):
    for kind in ("nps", "other"):
        for lang in ("en", "fr"):
            with using(lang):
                responses = said(scores, instrument=kind, team=["a", "a", "b", "b"])
                card = compare_scores(responses, instrument=kind, by="team").card()
            texts = [card["answer"], *[cell for table in card["tables"] for row in table["rows"] for cell in row]]
            assert not [text for text in texts if "nan" in text.lower() or "inf" in text.lower().split()]


def test_one_group_only_is_a_sentence():
    with pytest.raises(NotEnoughDataError, match="there is 1"):
        compare_scores(said([1, 2], team=["a", "a"]), instrument="nps", by="team")


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 10), st.sampled_from("ab")), min_size=4, max_size=30))
def test_reversing_the_scale_changes_the_sign_and_doubling_people_only_the_interval(rows):
    scores, groups = zip(*rows, strict=True)
    if len(set(groups)) < 2:
        return
    there = compare_scores(said(scores, instrument="other", team=groups), instrument="other", by="team").table.iloc[0]
    back = said([10 - score for score in scores], instrument="other", team=groups)
    back = compare_scores(back, instrument="other", by="team").table.iloc[0]
    twice = compare_scores(said(scores * 2, instrument="other", team=groups * 2), instrument="other", by="team")
    assert back["difference"] == pytest.approx(-there["difference"])
    assert back["ci_low"] == pytest.approx(-there["ci_high"], nan_ok=True)
    assert twice.table["difference"].iloc[0] == pytest.approx(there["difference"])


# --- over time --------------------------------------------------------------------------------------
def test_only_whole_months_are_told_and_a_silent_one_is_a_gap():
    at = [d * DAY for d in (10, 11, 70, 71, 95)]  # January, March, and April, which is not over
    table = score_trend(said([10, 0, 9, 9, 0], at=at), instrument="nps").table
    assert table["group"].tolist() == ["1970-01", "1970-02", "1970-03"]
    assert table["n"].tolist() == [2, 0, 2]
    assert table["score"].tolist() == pytest.approx([0, np.nan, 100], nan_ok=True)


def test_months_are_those_of_the_business_zone():
    responses = said([10], at=[31 * DAY - 1_800_000_000], zone="Europe/Paris")
    assert score_trend(responses, instrument="nps").table["group"].iloc[0] == "1970-02"


def test_a_month_that_ends_at_the_cut_off_is_whole_and_one_microsecond_earlier_it_is_not():
    at = [10 * DAY, 40 * DAY]
    for as_of, expected in (("1970-03-01", ["1970-01", "1970-02"]), ("1970-02-28 23:59:59.999999", ["1970-01"])):
        responses = said([10, 9], at=at, as_of=as_of)
        assert score_trend(responses, instrument="nps").table["group"].tolist() == expected


def test_quarters_and_the_change_since_the_first():
    at = [10 * DAY] * 20 + [100 * DAY] * 20
    responses = said([10] * 10 + [0] * 10 + [10] * 20, at=at, as_of="1970-08-01")
    result = score_trend(responses, instrument="nps", freq="quarter")
    assert result.table["score"].tolist() == [0, 100]
    assert result.kpi("change").estimate == 100
    assert "1970 quarter 2" in result.answer()


def test_nothing_whole_yet_is_a_sentence():
    with pytest.raises(NotEnoughDataError, match="no trend yet"):
        score_trend(said([5], at=[10 * DAY], as_of="1970-01-20"), instrument="nps")


def test_small_months_are_hidden_and_the_sentence_skips_them():
    at = [10 * DAY] * 8 + [40 * DAY] * 3
    result = score_trend(said([10] * 11, at=at, min_people=5), instrument="nps")
    assert result.table["score"].notna().tolist() == [True, False, False]
    assert "1970-01" in result.answer()


# --- by door ----------------------------------------------------------------------------------------
def test_doors_are_put_side_by_side_and_their_mix_is_noted():
    responses = said([10] * 30 + [0] * 10, trigger=["after purchase"] * 30 + ["after complaint"] * 10)
    result = invitation_mix(responses, instrument="nps")
    assert result.table[["group", "share", "score"]].to_numpy().tolist() == [
        ["(all)", 1.0, 50.0], ["after purchase", 0.75, 100.0], ["after complaint", 0.25, -100.0],
    ]  # fmt: skip
    assert "CJ-AN-083" in {note.code for note in result.notes}


def test_one_door_only_has_no_warning():
    assert invitation_mix(said([10] * 9, trigger=["x"] * 9), instrument="nps").notes == ()


@pytest.mark.real
def test_three_in_four_reviews_of_the_banks_were_invited(real_data):
    frame = pd.read_csv(real_data / "fr_bank_reviews" / "avis_clients.csv")
    responses = said(frame["Rating"].astype(float), instrument="csat", scale=(1, 5), status=frame["Status"])
    row = invitation_mix(responses, instrument="csat", by="status").table.iloc[1]
    assert (row["group"], row["n"], round(row["share"], 3)) == ("Invited", 1816, 0.759)
