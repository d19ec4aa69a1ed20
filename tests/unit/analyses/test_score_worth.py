"""What a score is worth: difference by horizon, and what asking adds to behaviour, judged out of time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.score_worth import BOTH, predictors, score_worth
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import using
from cjlib.journey.frames import from_frames
from cjlib.stats.instrument import instrument

DAY = 86_400_000_000
SCALES = {"nps": (0, 10)}


def world(n=900, *, seed=1, from_score=0.0, from_visits=1.0, scores=None):
    """Visits before the invitation (day 10 + i / 10), a score, then a purchase 5 days later or never."""
    rng = np.random.default_rng(seed)
    visits, score = rng.integers(1, 6, n), rng.integers(0, 11, n) if scores is None else np.asarray(scores)
    z = from_visits * (visits - 3) + from_score * (score - 5) / 2
    buys = rng.random(n) < 1 / (1 + np.exp(-z))
    asked = (10 * DAY + np.arange(n) * DAY // 10).astype(np.int64)
    who = np.array([f"p{i:05d}" for i in range(n)])
    order = np.repeat(np.arange(n), visits)
    events = [pd.DataFrame({"customer": who[order], "at": asked[order] - rng.integers(1, 9 * DAY, len(order)),
                            "event": "visit"}),
              pd.DataFrame({"customer": who[buys], "at": asked[buys] + 6 * DAY, "event": "purchase"})]  # fmt: skip
    said = pd.DataFrame({"customer": who, "asked_at": asked, "answered_at": asked + DAY, "instrument": "nps",
                         "score": score.astype(float)})  # fmt: skip
    return pd.concat(events, ignore_index=True), said, buys


def study(events, said, **options):
    log, responses = from_frames(events, responses=said, as_of="1970-07-01", scales=SCALES, **options)
    return responses, log


def worth(*tables, **options):
    return score_worth(*study(*tables), outcome="purchase", within="30 days", draws=200, **options)


def test_a_score_that_only_mirrors_behaviour_adds_nothing_to_it():
    events, said, _ = world()
    added = worth(events, said).more("added").set_index(["model", "than"])
    assert added.loc[(BOTH, "behaviour"), "auc_low"] <= 0
    assert added.loc[("behaviour", "share alone"), "auc_low"] > 0.1
    assert "It is not established that asking adds" in worth(events, said).answer()


def test_a_score_that_knows_what_behaviour_does_not_is_worth_asking_for():
    events, said, _ = world(from_score=1.0)
    result = worth(events, said)
    row = result.more("added").iloc[0]
    assert row["auc_low"] > 0.02
    assert row["brier_low"] > 0
    assert "Asking adds to behaviour alone" in result.answer()
    assert result.table["difference_low"].iloc[0] > 20


def test_shares_by_horizon_are_those_counted_by_hand():
    events, said, buys = world()
    row = worth(events, said).table.iloc[0]
    promoters, detractors = said["score"] >= 9, said["score"] <= 6
    assert "CJ-AN-012" in {note.code for note in worth(events, said).notes}  # nobody is followed for 180 days
    assert (row["n_best"], row["n_worst"]) == (promoters.sum(), detractors.sum())
    assert row["best"] == pytest.approx(buys[promoters].mean())
    assert row["difference"] == pytest.approx(100 * (buys[promoters].mean() - buys[detractors].mean()))
    assert row["difference_low"] < row["difference"] < row["difference_high"]


def test_later_periods_start_from_those_without_the_outcome_yet():
    events, said, buys = world()
    first, second = (worth(events, said).more("periods").iloc[place] for place in (0, 1))
    promoters = said["score"] >= 9
    assert (first["from_days"], first["to_days"], second["from_days"], second["to_days"]) == (0, 30, 30, 60)
    assert second["n_best"] <= (promoters & ~buys).sum()
    assert second["best"] == 0  # all purchases were five days after the answer


def test_reversing_the_scale_turns_the_difference_round():
    events, said, _ = world(from_score=0.7, scores=np.random.default_rng(3).choice([2, 9], 900))
    turned = said.assign(score=said["score"].map({2.0: 9.0, 9.0: 2.0}))
    one, other = worth(events, said).table, worth(events, turned).table
    assert other["difference"].to_numpy() == pytest.approx(-one["difference"].to_numpy(), nan_ok=True)
    assert other["difference_low"].to_numpy() == pytest.approx(-one["difference_high"].to_numpy(), nan_ok=True)


def test_models_are_judged_on_answers_later_than_those_they_are_made_from():
    events, said, _ = world()
    models = worth(events, said).more("models")
    assert models["n_test"].unique().tolist() == [360]  # 40 % of 900
    # Turning the outcome of the later answers round leaves the models, and turns their judgement round.
    later = set(said["customer"].iloc[540:])
    bought = set(events.loc[events["event"] == "purchase", "customer"])
    flipped = events[(events["event"] != "purchase") | ~events["customer"].isin(later)]
    new = said[said["customer"].isin(later - bought)]
    extra = pd.DataFrame({"customer": new["customer"], "at": new["asked_at"] + 6 * DAY, "event": "purchase"})
    turned = worth(pd.concat([flipped, extra]), said).more("models")
    assert turned["auc"].to_numpy() == pytest.approx(1 - models["auc"].to_numpy())


def test_nothing_after_the_invitation_changes_any_predictor():
    events, said, _ = world(200)
    log_said = study(events, said)
    rng = np.random.default_rng(9)
    noise = pd.DataFrame(
        {"customer": rng.choice(said["customer"], 3000), "event": rng.choice(["visit", "purchase"], 3000)}
    )
    asked = said.set_index("customer")["asked_at"]
    noise["at"] = noise["customer"].map(asked) + rng.integers(0, 60 * DAY, 3000)
    without = events[events["at"] < events["customer"].map(asked)]
    bare = pd.concat([without, pd.DataFrame({"customer": ["zz"], "at": [0], "event": ["purchase"]})])
    kind = instrument("nps")
    frames = []
    for tables in (log_said, study(pd.concat([events, noise]), said), study(bare, said)):
        answers = tables[0].frame(["score"]).assign(band="x")
        frames.append(predictors(*tables, kind, answers)[BOTH])
    for other in frames[1:]:
        np.testing.assert_array_equal(other, frames[0])


SENTENCES = [
    ("everybody", {"from_visits": 0, "scores": [9, 2] * 30}, "all", "CJ-AN-124"),
    ("nobody", {"from_visits": 0, "scores": [9, 2] * 30}, "none", "CJ-AN-124"),
    ("all answers equal", {"scores": [9] * 60}, "", "CJ-AN-125"),
    ("no detractor", {"scores": [9] * 30 + [8] * 30}, "", "CJ-AN-123"),
    ("one detractor", {"scores": [9] * 59 + [1]}, "", "CJ-AN-123"),
    ("few outcomes", {"scores": [9, 2] * 30}, "two", "CJ-AN-126"),
]


@pytest.mark.parametrize(("options", "who", "code"), [case[1:] for case in SENTENCES], ids=[c[0] for c in SENTENCES])
def test_what_cannot_be_said_is_a_sentence_never_a_nan(options, who, code):
    events, said, _ = world(60, **options)
    buyers = {"all": said, "two": said.head(2), "none": said.head(0)}.get(who)
    if buyers is not None:
        bought = pd.DataFrame({"customer": buyers["customer"], "at": buyers["asked_at"] + 6 * DAY, "event": "purchase"})
        old = pd.DataFrame({"customer": ["zz"], "at": [0], "event": ["purchase"]})
        events = pd.concat([events[events["event"] == "visit"], bought, old])
    result = worth(events, said)
    assert code in {note.code for note in result.notes}
    for lang in ("en", "fr"):
        with using(lang):
            card = result.card()
        cells = [cell for table in card["tables"] for row in table["rows"] for cell in row]
        assert not {"nan", "inf", "<na>"} & {text.lower() for text in [*cells, *card["answer"].split()]}


def test_answers_after_the_end_and_of_strangers_are_refused_and_counted():
    events, said, _ = world(60)
    gone = pd.DataFrame({"customer": said["customer"].head(9), "at": said["asked_at"].head(9), "event": "quit"})
    known = events[~events["customer"].isin(said["customer"].tail(7))]
    result = worth(pd.concat([known, gone]), said, end=["quit"])
    messages = {note.code: note.message for note in result.notes}
    assert messages["CJ-AN-120"] == "Answers given after the customer had left are refused: 9."
    assert messages["CJ-AN-121"] == "Answers of customers without any event, whose deeds are unknown: 7."


def test_answers_of_strangers_only_are_refused_in_a_sentence():
    events, said, _ = world(20)
    with pytest.raises(NotEnoughDataError, match="NPS"):
        worth(events.assign(customer="somebody else"), said)


def test_undated_invitations_leave_the_shares_and_say_why_there_is_no_forecast():
    events, said, _ = world(300)
    result = worth(events, said.assign(asked_at=None))
    assert result.table["best"].notna().any()
    assert "No invitation has a date" in {note.code: note.message for note in result.notes}["CJ-AN-126"]
