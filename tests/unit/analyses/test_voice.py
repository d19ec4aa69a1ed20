"""Voice of the customer: planted words and themes are found, chance is not, bad comments are survived."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cjlib as cj
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.datasets.simulate import simulate

DAY = 86_400_000_000


def answers(comments, scores, **more):
    n = len(comments)
    frame = pd.DataFrame({"customer": [f"c{i}" for i in range(n)], "asked_at": 0, "answered_at": DAY,
                          "instrument": "nps", "score": scores, "comment": comments, **more})  # fmt: skip
    return cj.from_frames(responses=frame, as_of="1970-06-01", scales={"nps": (0, 10)}, min_people=5)[1]


@pytest.fixture(scope="module")
def shop():
    made = simulate(n_customers=5000, seed=3)
    return cj.from_frames(made.events[["customer", "at", "event"]], responses=made.responses, as_of="2026-07-01",
                          zone="Europe/Paris", scales={"csat": (1, 5), "ces": (1, 7), "nps": (0, 10)},
                          min_people=5)  # fmt: skip


def test_the_planted_reasons_set_the_worst_answers_apart_in_both_languages(shop):
    table = cj.distinctive_words(shop[1]).table
    worst = table[table["group"] == "worst answers"]
    assert "frais" in set(worst.loc[worst["language"] == "French", "word"])
    assert "delivery" in set(worst.loc[worst["language"] == "English", "word"])
    best = table[table["group"] == "best answers"]
    assert {"merci", "recommande"} <= set(best["word"])
    assert (table["ci_low"] < table["estimate"]).all()
    assert (table["p_adjusted"] <= 0.05).all()


def test_comments_shared_out_at_random_are_not_set_apart(shop):
    frame = shop[1].frame(["comment"])
    said = frame.loc[frame["comment"].fillna("") != "", "comment"].tolist()
    found = 0
    for seed in range(5):
        score = np.random.default_rng(seed).choice([2, 10], len(said))
        result = cj.distinctive_words(answers(said, score))
        found += len(result.table)
        assert result.params["n_comparisons"] > 100
    assert found <= 2


def test_one_long_rant_counts_once():
    said = ["Le colis est en retard."] * 30 + ["catastrophe " * 500] + ["Livraison rapide, merci."] * 30
    table = cj.distinctive_words(answers(said, [2] * 31 + [10] * 30)).table
    assert "catastrophe" not in set(table["word"])
    assert table.loc[table["word"] == "retard", "n"].item() == 30


def test_the_same_respondents_twice_change_nothing():
    said = ["Le colis est en retard."] * 30 + ["Livraison rapide, merci."] * 30
    scores = [2] * 30 + [10] * 30
    who = {"customer": [f"c{i}" for i in range(60)] * 2}
    once, twice = answers(said, scores), answers(said * 2, scores * 2, **who)
    pd.testing.assert_frame_equal(cj.distinctive_words(once).table, cj.distinctive_words(twice).table)


def test_themes_are_found_where_they_were_planted_and_go_with_what_followed(shop):
    log, said = shop
    result = cj.themes(said, log=log, outcome="purchase", within="60 days", n_learned=0)
    table = result.table.set_index(["theme", "group"])["estimate"]
    assert table["Fees", "worst answers"] > 0.3
    assert table["Fees", "best answers"] < 0.05
    after = result.more("outcome").set_index("theme").loc["Fees"]
    assert after["diff_high"] < 0  # an unexpected fee halves the possible buyers
    assert "Fees" in result.answer()


def test_quotations_are_redacted_and_from_ten_people_at_least(shop):
    quoted = cj.themes(shop[1]).more("quotes")
    assert quoted["theme"].value_counts().max() <= 3
    assert not quoted["quote"].str.contains(r"@|\(at\)|06 39|01 99", regex=True).any()
    few = ["Les frais de port sont trop élevés."] * 9 + ["Livraison rapide, merci beaucoup."] * 20
    assert "Fees" not in set(cj.themes(answers(few, [2] * 9 + [10] * 20)).more("quotes")["theme"])


def test_the_words_tell_the_score_or_nothing_is_shown(shop):
    assert cj.score_from_text(shop[1]).table["ci_low"].min() > 0.7
    frame = shop[1].frame(["comment"])
    said = frame.loc[frame["comment"].fillna("") != "", "comment"].tolist()
    result = cj.score_from_text(answers(said, np.random.default_rng(1).integers(0, 11, len(said))))
    assert result.table["estimate"].isna().all()
    assert "not tell the score well enough" in result.answer()
    assert "CJ-AN-101" in {note.code for note in result.notes}


GOOD = (["Le colis est en retard."] * 20 + ["Livraison rapide, merci."] * 20, [2] * 20 + [10] * 20)


@pytest.mark.parametrize("analysis", [cj.distinctive_words, cj.themes, cj.score_from_text])
@pytest.mark.parametrize(
    ("comments", "scores"),
    [
        ([""] * 20, [5] * 20),
        ([None] * 20, [5] * 20),
        (["Le colis est en retard."], [2]),
        (["!!! 10/10"] * 20, list(range(10)) * 2),
        (["Sehr gut und schnell, danke"] * 20, list(range(10)) * 2),
        (["a" * 1_000_000] * 2, [1, 10]),
    ],
    ids=["empty", "none", "one respondent", "no words", "a language that is not read", "a million characters"],
)
def test_comments_that_say_nothing_end_in_one_sentence(analysis, comments, scores):
    try:
        result = analysis(answers(comments, scores))
    except NotEnoughDataError as problem:
        said = str(problem)
    else:
        said = result.answer()
    assert said.endswith(".")
    assert "nan" not in said.split()


@pytest.mark.parametrize(
    "extra",
    ["x" * 1_000_000, "J'adore but the parcel was late and le colis est abîmé for me and my mother", "", "😡" * 50],
)
def test_one_odd_comment_among_good_ones_does_no_harm(extra):
    result = cj.distinctive_words(answers([*GOOD[0], extra], [*GOOD[1], 2]))
    assert "retard" in set(result.table["word"])
    assert cj.themes(answers([*GOOD[0], extra], [*GOOD[1], 2])).answer()


def test_equal_scores_cannot_be_told_apart():
    with pytest.raises(NotEnoughDataError, match="All scores beside the comments are equal"):
        cj.score_from_text(answers(GOOD[0], [5] * 40))
    with pytest.raises(NotEnoughDataError, match="each side needs 10 people"):
        cj.distinctive_words(answers(GOOD[0], [10] * 40))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"groups": "scores"}, "Did you mean 'score'"),
        ({"groups": "outcome"}, "log, outcome and within"),
        ({"min_people": 1}, "at least 2"),
        ({"instrument": "csat"}, "nps"),
    ],
)
def test_wrong_options_are_refused(options, match):
    with pytest.raises(ParameterError, match=match):
        cj.distinctive_words(answers(*GOOD), **options)


def test_an_own_codebook_is_read_from_a_file(tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text("late:\n  label: {en: Late parcels, fr: Colis en retard}\n  fr: ['en retard']\n", encoding="utf-8")
    with using("fr"):
        assert set(cj.themes(answers(*GOOD), codebook=path).table["theme"]) == {"Colis en retard"}
    with pytest.raises(ParameterError, match=r"'none.yml' cannot be read"):
        cj.themes(answers(*GOOD), codebook=tmp_path / "none.yml")


@pytest.mark.real
@pytest.mark.parametrize(
    ("study", "folder", "main", "share", "worst", "best"),
    [
        ("olist", "olist_orders_reviews", "Portuguese", 0.95, "não recebi", "antes do prazo"),
        ("fr_banks", "fr_bank_reviews", "French", 0.75, "service client", None),
    ],
)
def test_real_comments_are_read_in_their_language(study, folder, main, share, worst, best, root, real_data, tmp_path):
    opened = cj.open_study(root / "studies" / f"{study}.yml", data=real_data / folder, cache=tmp_path / "cache")
    with using("en"):
        result = cj.distinctive_words(opened.responses)
        languages = result.more("languages")
        assert languages["language"].iloc[0] == main
        assert languages["n"].iloc[0] / languages["n"].sum() > share
        words = result.table.groupby("group")["word"].agg(set)
        assert any(worst in word for word in words["worst answers"])
        assert best is None or best in words["best answers"]
        assert cj.score_from_text(opened.responses).table["estimate"].iloc[0] > 0.8
