"""Codes of interviews: people are counted, small groups hidden, saturation and agreement judged or said unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.interview_codes import interview_codes
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.datasets.simulate import simulate
from cjlib.datasets.talks import HEARD, talks
from cjlib.journey.frames import from_frames
from cjlib.journey.study import open_study
from cjlib.stats.proportion import wilson

DAY = 86_400_000_000


def interviews(rows, *, min_people=1, customers=None):
    """Rows of (customer, day, code, coder)."""
    frame = pd.DataFrame(rows, columns=["customer", "at", "code", "coder"])
    frame["at"] *= DAY
    return from_frames(interviews=frame, customers=customers, as_of="1971-01-01", min_people=min_people)[2]


def spread(counts, n):
    """One interview per customer and day; code `c` heard by the first counts[c] customers."""
    return [(f"p{i:03d}", i, code, None) for code, often in counts.items() for i in range(often)] + [
        (f"p{i:03d}", i, "other", None) for i in range(n)
    ]


def test_people_are_counted_once_whatever_was_said_twice_or_by_two_coders():
    rows = [
        ("a", 1, "fees", "x"),
        ("a", 1, "fees", "y"),
        ("a", 9, "fees", "x"),
        ("b", 1, "wait", "x"),
        ("c", 2, "fees", "x"),
    ]
    table = interview_codes(interviews(rows)).table.set_index("code")
    assert table.loc["fees", ["n", "n_with", "n_without"]].tolist() == [3, 2, 1]
    assert table.loc["wait", ["n", "n_with", "n_without"]].tolist() == [3, 1, 2]
    low, high = wilson(2, 3)
    assert table.loc["fees", ["share", "ci_low", "ci_high"]].tolist() == pytest.approx([2 / 3, float(low), float(high)])


def test_groups_add_up_and_a_customer_attribute_groups_people():
    who = pd.DataFrame({"customer": [f"p{i:03d}" for i in range(12)], "persona": ["A", "B", None] * 4})
    table = interview_codes(interviews(spread({"fees": 7}, 12), customers=who), by="persona").table
    fees = table[table["code"] == "fees"].set_index("group")
    assert fees["n_with"].to_dict() == {"(all)": 7, "(unknown)": 2, "A": 3, "B": 2}
    assert fees["n"].to_dict() == {"(all)": 12, "(unknown)": 4, "A": 4, "B": 4}


def test_rare_codes_are_hidden_with_their_complement_and_the_sentence_counts_them():
    result = interview_codes(interviews(spread({"fees": 8, "wait": 3, "app": 18}, 20), min_people=5))
    table = result.table.set_index("code")
    assert table.loc["fees", "n_with"] == 8
    assert table.loc[["wait", "app"], ["n_with", "n_without", "share"]].isna().all(axis=None)  # 3 of 20; all but 2
    assert "2 codes are hidden" in result.answer()
    assert "wait" not in result.answer()


def test_hidden_codes_stand_in_the_order_of_their_names_which_tells_nothing():
    result = interview_codes(interviews(spread({"b": 4, "c": 1, "a": 3, "z": 6}, 12), min_people=5))
    assert result.table["code"].tolist() == ["other", "z", "a", "b", "c"]
    assert result.caption().startswith("12 people interviewed")


def test_fewer_people_than_may_be_shown_are_refused():
    with pytest.raises(NotEnoughDataError, match="at least 5 are needed"):
        interview_codes(interviews(spread({"fees": 2}, 4), min_people=5))


def test_an_unknown_attribute_is_refused_with_the_known_ones():
    with pytest.raises(ParameterError, match="not an attribute of the interviews"):
        interview_codes(interviews(spread({"fees": 3}, 6)), by="persona")


# --- saturation ---------------------------------------------------------------------------------------
def test_a_code_heard_by_everybody_leaves_nothing_new_and_the_curve_is_flat():
    result = interview_codes(interviews(spread({"fees": 12}, 12)))
    assert "The last 5 interviews brought 0 new codes (0.0 expected in any order): flat." in result.answer()


def test_a_new_code_in_every_interview_is_still_rising():
    result = interview_codes(interviews([(f"p{i}", i, f"code {i}", None) for i in range(12)]))
    assert "The last 5 interviews brought 5 new codes (5.0 expected in any order): still rising." in result.answer()
    assert result.more("saturation")["n_codes"].tolist() == list(range(1, 13))


def test_few_interviews_are_not_judged():
    assert "too few interviews to say" in interview_codes(interviews(spread({"fees": 3}, 9))).answer()


def test_the_order_of_the_interviews_moves_what_was_observed_but_not_the_verdict():
    rows = [(f"p{i}", i, f"code {min(i, 4)}", None) for i in range(15)]
    back = [(who, 20 - day, code, coder) for who, day, code, coder in rows]
    one, other = (interview_codes(interviews(each)) for each in (rows, back))
    assert one.params["expected_new"] == pytest.approx(other.params["expected_new"])
    assert one.params["rising"] == other.params["rising"]
    assert one.params["n_new"] != other.params["n_new"]


def test_no_point_of_the_curve_tells_one_interview_apart():
    result = interview_codes(interviews(spread({"fees": 12}, 23), min_people=5))
    steps = np.diff([0, *result.more("saturation")["interviews"]])
    assert steps.min() >= 5
    assert steps.sum() == 23


# --- agreement ----------------------------------------------------------------------------------------
def coded_twice(n, wrong=()):
    rows = []
    for i in range(n):
        code = ("fees", "wait")[i % 2]
        rows += [(f"p{i}", i, code, "x"), (f"p{i}", i, "app" if i in wrong else code, "y")]
    return rows


def test_two_coders_who_always_agree_have_kappa_one():
    result = interview_codes(interviews(coded_twice(10)))
    assert result.more("agreement").loc[0, ["interviews", "observed", "kappa"]].tolist() == [10, 1, 1]


def test_agreement_is_counted_over_all_codes_of_the_interviews_that_both_read():
    rows = [*coded_twice(10, wrong={0, 1}), ("q", 99, "other", "x")]  # read by one: does not count
    found = interview_codes(interviews(rows)).more("agreement").iloc[0]
    # by hand: 30 judgements (10 interviews, 3 codes); 2 interviews have two different ones each
    assert found["interviews"] == 10
    assert found["observed"] == pytest.approx(26 / 30)
    assert found["kappa"] == pytest.approx((26 / 30 - (100 + 400) / 900) / (1 - (100 + 400) / 900))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (spread({"fees": 5}, 8), "No interview was coded by two people"),
        (coded_twice(4), "Fewer than 5 interviews were coded by the same two people"),
        ([(f"p{i}", i, "fees", who) for i in range(8) for who in "xy"], "a single code was used"),
    ],
)
def test_agreement_that_cannot_be_known_is_said_to_be_unknown(rows, why):
    result = interview_codes(interviews(rows))
    assert result.more("agreement").empty
    assert "Whether two coders would read the same is unknown." in result.answer()
    assert any(why in note.message for note in result.notes)


def test_of_three_coders_the_two_with_most_interviews_in_common_are_compared_and_this_is_said():
    rows = [*coded_twice(8), *[(f"p{i}", i, "fees", "z") for i in range(5)]]
    result = interview_codes(interviews(rows))
    assert result.more("agreement").loc[0, "kappa"] == 1
    assert any("More than two people coded" in note.message for note in result.notes)


# --- as a whole ---------------------------------------------------------------------------------------
@settings(max_examples=15)  # each writes two stores
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abcd")), min_size=1, max_size=40))
def test_every_count_lies_between_nobody_and_everybody_and_repeating_rows_changes_nothing(heard):
    rows = [(f"p{who}", who, code, None) for who, code in heard]
    result = interview_codes(interviews(rows))
    table = result.table
    assert ((table["n_with"] >= 1) & (table["n_with"] <= table["n"])).all()
    assert (table["n_with"] + table["n_without"] == table["n"]).all()
    assert ((table["ci_low"] <= table["share"]) & (table["share"] <= table["ci_high"])).all()
    pd.testing.assert_frame_equal(interview_codes(interviews(rows * 2)).table, table)


def test_the_shares_of_the_simulated_interviews_are_recovered():
    shop = simulate(n_customers=1200, seed=5, entry_days=239)
    told = []
    for seed in range(30):  # many times forty people
        rows = talks(shop, seed=seed)
        rows = rows[(rows["Client"] != "") & (rows["Codes"] != "") & (rows["Codeur"] == "AM")]
        rows = rows.assign(Codes=rows["Codes"].str.split(" | ", regex=False)).explode("Codes")
        told.append(pd.DataFrame({"customer": f"{seed}-" + rows["Client"], "code": rows["Codes"], "at": 0}))
    frame = pd.concat(told)
    table = interview_codes(from_frames(interviews=frame, as_of="1970-02-01")[2]).table.set_index("code")
    _, often, seldom = HEARD["Prix"]
    assert often == seldom  # whatever was lived through: the truth is one share, plus those who said nothing else
    assert table.loc["Prix", "ci_low"] > often
    assert table.loc["Prix", "share"] == pytest.approx(often + 0.65 * 0.13, abs=0.06)
    assert table.loc["Accessibilité", "ci_low"] <= 0.03 * 42 / 40 <= table.loc["Accessibilité", "ci_high"]


def test_the_demo_says_codes_in_the_language_of_the_page_and_never_a_name(root, tmp_path):
    study = open_study(root / "studies" / "demo.yml", cache=tmp_path)
    with using("fr"):
        words = set(interview_codes(study.interviews).table["code"])
    assert {"Prix", "Frais", "Délai"} <= words
    result = interview_codes(study.interviews)
    assert "Price" in result.answer()
    page = str(result._repr_html_()) + str(result.to_dict())
    for secret in ("camille.martin", "06 39 98", "'AM'", ">AM<", "E01", "Rappeler"):
        assert secret not in page
