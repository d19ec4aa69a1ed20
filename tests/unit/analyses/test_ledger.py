"""The say/do ledger: who counts, when, and against what chance."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.ledger import say_do_ledger, write_protected
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.datasets.simulate import simulate
from cjlib.datasets.truth import WAIT_BUT_FINE
from cjlib.journey.around import around_answers, deeds
from cjlib.journey.frames import from_frames
from cjlib.sources.ledger import LedgerTypeSpec

DAY = 86_400_000_000
SCALES = {"csat": (1, 5), "ces": (1, 7), "nps": (0, 10)}
PRAISE = {"name": "praise, then leaving", "instrument": "csat", "stage": "comparison", "said": [5],
          "after": ["fee_shown"], "absent": ["purchase"], "within": "30 days"}  # fmt: skip
WAIT = {"name": "fine after a wait", "instrument": "ces", "said": [6, 7], "before": ["long_wait"]}
PROMOTER = {"name": "promoter who leaves", "instrument": "nps", "said": "best", "absent": ["purchase"],
            "within": "60 days"}  # fmt: skip
DETRACTOR = {"name": "detractor who buys", "instrument": "nps", "said": "worst", "after": ["purchase"],
             "within": "90 days"}  # fmt: skip


def study(events, answers, *, as_of="1971-01-01", extra=None, min_people=1):
    """(who, day, event) and (who, day answered, score) on NPS."""
    said = pd.DataFrame([(w, max(d - 1, 0) * DAY, d * DAY, "nps", s) for w, d, s in answers],
                        columns=["customer", "asked_at", "answered_at", "instrument", "score"])  # fmt: skip
    said = said.assign(**(extra or {}))
    done = pd.DataFrame([(w, int(d * DAY), e) for w, d, e in events], columns=["customer", "at", "event"])
    log, responses = from_frames(done, responses=said, as_of=as_of, scales=SCALES, min_people=min_people)
    return responses, log


def counts(kind, events, answers, **options):
    spec = LedgerTypeSpec.model_validate({"name": "x", "said": "best", **kind})
    responses, log = study([("z", 0, "buy"), ("z", 0, "fee"), ("z", 0, "quit"), *events], answers, **options)
    found = deeds(responses, log, spec, instrument="nps", said=(9, 10))
    return found.rows[["said", "done"]].to_numpy().tolist(), found


LEAVES = {"absent": ["buy"], "within": "10 days"}
FEES = {"after": ["fee"], "absent": ["buy"], "within": "10 days"}
WAITED = {"before": ["fee"]}
CASES = [
    # what is asked, what a did around an answer on day 20, whether the deed counts
    ("silence", LEAVES, [(5, "buy")], True),
    ("a purchase within the window", LEAVES, [(30, "buy")], False),
    ("a purchase a moment after the window", LEAVES, [(30 + 1e-6, "buy")], True),
    ("a purchase at the instant of the answer is not after it", LEAVES, [(20, "buy")], True),
    ("fee, then nothing", FEES, [(1, "buy"), (25, "fee")], True),
    ("fee before the answer", FEES, [(19, "fee")], False),
    ("fee too late", FEES, [(30.1, "fee")], False),
    ("purchase between answer and fee", FEES, [(22, "buy"), (25, "fee")], False),
    ("purchase within the window after the fee", FEES, [(25, "fee"), (34.9, "buy")], False),
    ("purchase beyond the window after the fee", FEES, [(25, "fee"), (35.1, "buy")], True),
    ("before the answer", WAITED, [(19.9, "fee")], True),
    ("at the answer is not before it", WAITED, [(20, "fee")], False),
    ("after the answer is not before it", WAITED, [(21, "fee")], False),
    ("before, but longer ago than asked", WAITED | {"within": "5 days"}, [(14.9, "fee")], False),
    ("before, and within what is asked", WAITED | {"within": "5 days"}, [(1, "fee"), (15, "fee")], True),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "did", "done"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_before_is_strictly_before_and_after_is_strictly_after(kind, did, done):
    rows, _ = counts(kind, [("a", 0, "start"), *[("a", *one) for one in did]], [("a", 20, 9)])
    assert rows == [[True, done]]


@pytest.mark.parametrize(("as_of", "n"), [("1970-01-30T23:59:59.999999", 0), ("1970-01-31", 1)])
def test_a_window_that_is_not_over_is_not_compared_whatever_was_done(as_of, n):
    # A buyer is known early; taking her and leaving the silent out would be a selection by outcome.
    for did in ([], [("a", 25, "buy")]):
        rows, found = counts(LEAVES, [("a", 0, "start"), *did], [("a", 20, 9)], as_of=as_of)
        assert (len(rows), found.n_open) == (n, 1 - n)


def test_absence_after_a_fee_needs_both_windows():
    for as_of, n in (("1970-02-09", 0), ("1970-02-10", 1)):
        rows, found = counts(FEES, [("a", 0, "start")], [("a", 20, 9)], as_of=as_of)
        assert (len(rows), found.n_open) == (n, 1 - n)


def test_an_answer_after_the_customer_left_is_refused_and_counted():
    rows, found = counts(LEAVES | {"end": ["quit"]}, [("a", 0, "start"), ("a", 10, "quit")], [("a", 20, 9)])
    assert (rows, found.n_late) == ([], 1)
    rows, found = counts(LEAVES | {"end": ["quit"]}, [("a", 0, "start"), ("a", 20, "quit")], [("a", 20, 9)])
    assert (rows, found.n_late) == ([], 1)
    rows, found = counts(LEAVES | {"end": ["quit"]}, [("a", 0, "start"), ("a", 20.1, "quit")], [("a", 20, 9)])
    assert (rows, found.n_late) == ([[True, True]], 0)


def test_silence_of_somebody_without_any_event_proves_nothing():
    rows, found = counts(LEAVES, [], [("ghost", 20, 9)])
    assert (rows, found.n_unknown) == ([], 1)


def test_a_person_counts_once_with_the_answer_that_the_deed_goes_with():
    answers = [("a", 20, 9), ("a", 40, 3), ("a", 60, 10)]
    rows, _ = counts({"after": ["fee"], "within": "10 days"}, [("a", 0, "start"), ("a", 45, "fee")], answers)
    assert rows == [[False, True]]  # the answer of day 40: chosen by the deed, never by the score
    rows, _ = counts({"after": ["fee"], "within": "10 days"}, [("a", 0, "start")], answers)
    assert rows == [[True, False]]  # no deed: the first answer


def test_a_condition_before_narrows_who_is_compared():
    kind = {"before": ["fee"], "absent": ["buy"], "within": "10 days"}
    rows, _ = counts(kind, [("a", 1, "fee"), ("b", 30, "fee")], [("a", 20, 9), ("b", 20, 9)])
    assert rows == [[True, True]]


def test_an_intention_is_an_attribute_of_the_answer():
    kind = {"name": "said yes", "attribute": "intends", "said": ["yes"], "absent": ["buy"], "within": "10 days"}
    people = [f"p{i:02d}" for i in range(40)]
    events = [(who, 0, "start") for who in people] + [(who, 25, "buy") for who in people[:20]]
    answers = [(who, 20, np.nan) for who in people]  # no score is needed
    extra = {"intends": ["yes"] * 15 + ["no"] * 20 + ["yes"] * 5}
    row = say_do_ledger(*study(events, answers, extra=extra), types=[kind]).table.iloc[0]
    assert (row["n_compared"], row["n_at_risk"], row["n"]) == (40, 20, 5)
    assert row["expected"] == pytest.approx(0.5)


def test_the_counts_and_shares_are_those_counted_by_hand():
    people = [f"p{i:02d}" for i in range(50)]
    events = [(who, 0, "buy") for who in people] + [(who, 25, "buy") for who in people[:30]]
    answers = [(who, 20, 9 if place % 2 else 3) for place, who in enumerate(people)]
    kind = {"name": "leaves", "said": "best", **LEAVES}
    result = say_do_ledger(*study(events, answers), types=[kind])
    row, test = result.table.iloc[0], result.more("test").iloc[0]
    assert (row["n_compared"], row["n_at_risk"], row["n"], row["n_open"]) == (50, 25, 10, 0)
    assert (row["share"], row["expected"]) == pytest.approx((0.4, 0.4))
    assert row["ci_low"] == pytest.approx(0.2340, abs=1e-4)  # Wilson 10/25
    assert row["ci_high"] == pytest.approx(0.5926, abs=1e-4)
    assert test["difference"] == pytest.approx(0)
    assert test["p"] == 1


# --- sentences instead of numbers ----------------------------------------------------------------
def messages(result):
    return {note.code: note.message for note in result.notes}


def test_what_cannot_be_placed_in_time_is_said():
    said = pd.DataFrame({
        "customer": ["a", "b", "c", "d", "a", "ghost"], "asked_at": [DAY, None, None, 5 * DAY, 6 * DAY, DAY],
        "answered_at": [2 * DAY, 2 * DAY, None, None, 30 * DAY, 2 * DAY], "instrument": "nps",
        "score": [9, 2, np.nan, 8, 10, 9],
    })  # fmt: skip
    events = pd.DataFrame({"customer": ["a", "b", "a"], "at": [0, 5 * DAY, 20 * DAY], "event": ["buy", "buy", "quit"]})
    log, responses = from_frames(events, responses=said, as_of="1971-01-01", scales=SCALES, min_people=3)
    result = say_do_ledger(responses, log, types=[{"name": "x", "said": "best", "end": ["quit"], **LEAVES}])
    found = messages(result)
    assert "fewer than 3 answers were given after the customer had left" in found["CJ-AN-111"]
    assert "customers without any event" in found["CJ-AN-112"]
    assert "before the first event" in found["CJ-AN-113"]
    texts = [note.message for note in result.notes if note.code == "CJ-AN-114"]
    assert texts == ["fewer than 3 answers have no date and are left out.", "fewer than 3 invitations have no date."]
    assert "nan" not in " ".join([result.answer(), *found.values()]).lower().split()


SAME = [
    ("everybody says the same", [10] * 20, range(10)),
    ("everybody leaves", [10] * 10 + [2] * 10, []),
    ("nobody leaves", [10] * 10 + [2] * 10, range(20)),
    ("nobody says it", [2] * 20, range(10)),
]


@pytest.mark.parametrize(("scores", "buyers"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_where_nothing_varies_a_sentence_says_that_chance_cannot_be_judged(scores, buyers):
    events = [(f"p{i:02d}", 0, "buy") for i in range(20)] + [(f"p{i:02d}", 25, "buy") for i in buyers]
    answers = [(f"p{i:02d}", 20, score) for i, score in enumerate(scores)]
    result = say_do_ledger(*study(events, answers), types=[{"name": "x", "said": "best", **LEAVES}])
    assert result.answer() == "None of the contradictions could be tested against chance."
    assert "said the same or did the same" in messages(result)["CJ-AN-116"]
    assert np.isnan(result.more("test")["p"]).all()
    with using("fr"):
        texts = [cell for table in result.card()["tables"] for row in table["rows"] for cell in row]
    assert not {"nan", "inf", "<na>"} & {text.lower() for text in texts}


def test_nobody_to_compare_is_a_limit():
    result = say_do_ledger(*study([("a", 0, "buy")], [("a", 20, 9)], as_of="1970-01-25"),
                           types=[{"name": "x", "said": "best", **LEAVES}])  # fmt: skip
    assert messages(result)["CJ-AN-115"].startswith("x: nobody can be compared")
    assert result.table["n_open"].tolist() == [1]


def test_small_groups_are_hidden_with_everything_that_would_give_them_away():
    people = [f"p{i:02d}" for i in range(50)]
    events = [(who, 0, "buy") for who in people] + [(who, 25, "buy") for who in people[:22]]
    answers = [(who, 20, 9 if place < 25 else 3) for place, who in enumerate(people)]  # 3 promoters leave
    result = say_do_ledger(*study(events, answers, min_people=5), types=[{"name": "x", "said": "best", **LEAVES}])
    row, test = result.table.iloc[0], result.more("test").iloc[0]
    assert pd.isna(row["n"])
    assert row[["share", "expected", "expected_low"]].isna().all()
    assert test[["verdict", "difference", "p", "p_holm"]].isna().all()


def test_where_only_the_comparison_is_small_the_verdict_is_told_but_not_how_much():
    people = [f"p{i:02d}" for i in range(60)]
    left = [*range(20), 40, 41]  # 20 of 40 promoters, and 2 others
    events = [(who, 0, "buy") for who in people]
    events += [(who, 25, "buy") for place, who in enumerate(people) if place not in left]
    answers = [(who, 20, 9 if place < 40 else 3) for place, who in enumerate(people)]
    result = say_do_ledger(*study(events, answers, min_people=5), types=[{"name": "x", "said": "best", **LEAVES}])
    assert result.table.iloc[0][["expected", "expected_low", "expected_high"]].isna().all()
    assert result.more("test").iloc[0][["difference", "p", "p_holm", "p_bh"]].isna().all()
    assert result.answer() == "More often than chance: x: 20 of 40 people (50.0%)."


WRONG = [
    ({"said": "best"}, "needs a deed"),
    ({"said": "best", "absent": ["buy"]}, "need within"),
    ({"said": "better", "before": ["buy"]}, "best, worst, or a list"),
    ({"said": [], "before": ["buy"]}, "best, worst, or a list"),
    ({"said": ["high"], "before": ["buy"]}, "not a score"),
    ({"said": "best", "attribute": "intends", "before": ["buy"]}, "list the values"),
    ({"said": "best", "before": ["buy"], "withinn": "3 days"}, "withinn"),
    ({"said": "best", "absent": ["buy"], "within": "30"}, "with its unit"),
    ({"said": "best", "before": ["bye"]}, "buy"),
    ({"said": "best", "before": ["buy"], "instrument": "npss"}, "nps"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "words"), WRONG)
def test_a_type_that_breaks_its_contract_is_refused_in_words(kind, words):
    with pytest.raises(ParameterError, match=words):
        say_do_ledger(*study([("a", 0, "buy")], [("a", 20, 9)]), types=[{"name": "x", **kind}])


@pytest.mark.parametrize("types", [[], [{"name": "x", "said": "best", "before": ["buy"]}] * 2])
def test_no_type_and_two_of_one_name_are_refused(types):
    with pytest.raises(ParameterError) as caught:
        say_do_ledger(*study([("a", 0, "buy")], [("a", 20, 9)]), types=types)
    assert caught.value.code == "CJ-AN-118"


def test_scores_without_behaviour_and_behaviour_without_scores_are_told_in_one_sentence():
    kind = [{"name": "x", "said": "best", "before": ["buy"]}]
    said = pd.DataFrame({"customer": ["a"], "asked_at": [0], "answered_at": [DAY], "instrument": "nps", "score": [9]})
    log, responses = from_frames(None, responses=said, as_of="1971-01-01", scales=SCALES)
    with pytest.raises(NotEnoughDataError, match="no events"):
        say_do_ledger(responses, log, types=kind)
    log, responses = from_frames(pd.DataFrame({"customer": ["a"], "at": [0], "event": ["buy"]}), as_of="1971-01-01")
    with pytest.raises(NotEnoughDataError, match="no survey answers"):
        say_do_ledger(responses, log, types=kind)


# --- the simulated shop --------------------------------------------------------------------------
def shop_study(shop, responses=None):
    events = shop.events.drop(columns=["order", "session"])
    as_of = pd.Timestamp(shop.as_of, unit="us", tz="UTC")
    log, said = from_frames(events, responses=shop.responses if responses is None else responses, as_of=as_of,
                            zone="Europe/Paris", scales=SCALES, min_people=5)  # fmt: skip
    return said, log


@pytest.fixture(scope="module")
def shop():
    return simulate(n_customers=4000, seed=11)


@pytest.fixture(scope="module")
def found(shop):
    return say_do_ledger(*shop_study(shop), types=[PRAISE, WAIT, PROMOTER, DETRACTOR])


def test_the_planted_praise_then_abandonment_is_found_far_beyond_chance(shop, found):
    row, test = found.table.iloc[0], found.more("test").iloc[0]
    planted = shop.truth.customers["praise_then_leave"].sum()
    assert 0.6 * planted <= row["n"] <= 1.1 * planted  # windows still open are missing
    assert row["share"] > row["expected_high"]
    assert test["p_holm"] < 0.01
    assert "More often than chance: praise, then leaving" in found.answer()


def test_the_planted_persons_are_those_in_the_file(shop, tmp_path):
    said, log = shop_study(shop)
    path = write_protected(said, log, tmp_path / "who-protected.csv", types=[PRAISE, WAIT])
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    customers = log.engine.fetch(log.engine.table(log.store, "customers").select("unit", "pseudonym"))
    names = {sha256(one.encode()).hexdigest(): one for one in shop.truth.customers["customer"]}
    assert set(customers["pseudonym"]) <= set(names)
    truth = shop.truth.customers.set_index("customer")
    for kind, flag, least in ((PRAISE, "praise_then_leave", 0.9), (WAIT, "wait_but_fine", 0.5)):
        people = [names[row["pseudonym"]] for row in rows if row["type"] == kind["name"]]
        assert len(people) == len(set(people)) > 10
        assert truth.loc[people, flag].mean() >= least


def test_long_waits_are_forgiven_less_often_than_chance_and_yet_by_a_third(found):
    row, test = found.table.iloc[1], found.more("test").iloc[1]
    assert row["ci_high"] >= WAIT_BUT_FINE  # a third at least, by plan
    assert test["difference"] < 0
    assert "Less often than chance, so there words and deeds go together: fine after a wait" in found.answer()


def test_no_pseudonym_is_in_the_result(shop, found):
    _, log = shop_study(shop)
    names = log.engine.fetch(log.engine.table(log.store, "customers").select("pseudonym"))["pseudonym"]
    text = json.dumps(found.to_dict()) + found._repr_html_()
    assert not [one for one in names if one in text]


def test_the_order_of_the_types_changes_no_number(shop, found):
    turned = say_do_ledger(*shop_study(shop), types=[DETRACTOR, PROMOTER, WAIT, PRAISE])
    same = turned.table.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, found.table)


def test_events_after_the_answer_change_nothing_that_lies_before_it(shop):
    said, log = shop_study(shop)
    last = shop.responses.groupby("customer")["answered_at"].max().dropna().astype("int64")
    noise = pd.DataFrame({"customer": last.index, "at": last.to_numpy() + 1, "event": "long_wait", "channel": "web"})
    busy = replace(shop, events=pd.concat([shop.events, noise], ignore_index=True))
    plain = around_answers(said, log, before=["long_wait"], columns=["asked_at"])
    noisy = around_answers(*shop_study(busy), before=["long_wait"], columns=["asked_at"])
    pd.testing.assert_frame_equal(noisy, plain)


@pytest.mark.slow
def test_under_shuffled_scores_the_p_values_are_calibrated(shop):
    rng = np.random.default_rng(17)
    p, any_false = [], []
    for _ in range(30):
        said = shop.responses.copy()
        there = said["score"].notna()
        said.loc[there, "score"] = (
            said[there]
            .groupby(["instrument", "stage"])["score"]
            .transform(lambda scores: rng.permutation(scores.to_numpy()))
        )
        result = say_do_ledger(*shop_study(shop, said), types=[PRAISE, WAIT, PROMOTER, DETRACTOR], permutations=500)
        test = result.more("test")
        p += test["p"].dropna().tolist()
        any_false.append(bool((test["p_holm"] <= 0.05).any()))
    assert len(p) >= 100
    for level in (0.05, 0.1, 0.25):
        share, slack = np.mean(np.array(p) <= level), 3 * np.sqrt(level * (1 - level) / len(p))
        assert 0.3 * level <= share <= level + slack
    assert np.mean(any_false) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 30)


def test_the_ledger_writes_the_same_persons_as_the_file_made_by_hand(shop, tmp_path):
    said, log = shop_study(shop)
    path = tmp_path / "ledger-protected.csv"
    result = say_do_ledger(said, log, types=[PRAISE, WAIT], list_to=path)
    by_hand = write_protected(said, log, tmp_path / "who-protected.csv", types=[PRAISE, WAIT])
    assert path.read_bytes() == by_hand.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open(encoding="utf-8", newline="") as file:
        listed = [row["type"] for row in csv.DictReader(file)]
    assert [listed.count(name) for name in result.table["type"]] == result.table["n"].tolist()
    everything = json.dumps(result.to_dict(), default=str)
    with path.open(encoding="utf-8", newline="") as file:
        assert not [row for row in csv.DictReader(file) if row["pseudonym"] in everything]
    with pytest.raises(ParameterError, match="protected"):
        say_do_ledger(said, log, types=[WAIT], list_to=tmp_path / "open.csv")


def test_an_intention_that_no_deed_follows_is_counted_against_chance():
    """Would you buy again? 1 = no to 5 = yes; all who say yes do not, all who say no do."""
    who = [f"c{i}" for i in range(40)]
    bought = pd.DataFrame({"customer": who[20:], "at": 5 * DAY, "event": "purchase"})
    events = pd.concat([pd.DataFrame({"customer": who, "at": 0, "event": "visit"}), bought])
    answers = pd.DataFrame({"customer": who, "asked_at": 0, "answered_at": DAY, "instrument": "other",
                            "score": [5.0] * 20 + [1.0] * 20})  # fmt: skip
    log, said = from_frames(events, responses=answers, as_of="1970-03-01", scales={"other": (1, 5)}, min_people=1)
    would = {"name": "said they would, did not", "instrument": "other", "said": [4, 5], "absent": ["purchase"],
             "within": "30 days"}  # fmt: skip
    found = say_do_ledger(said, log, types=[would])
    row = found.table.iloc[0]
    assert (row["n_at_risk"], row["n"], row["expected"]) == (20, 20, pytest.approx(0.5))
    assert found.answer().startswith("More often than chance: said they would, did not")
    kpi = found.kpi("share_1")
    assert (kpi.label, kpi.estimate, kpi.n, kpi.definition) == (would["name"], 1.0, 20, "by chance 50.0%")


def test_a_hidden_contradiction_has_no_headline():
    who = [f"c{i}" for i in range(80)]
    bought = pd.DataFrame({"customer": who[3:], "at": 5 * DAY, "event": "purchase"})  # three do not: too few to tell
    events = pd.concat([pd.DataFrame({"customer": who, "at": 0, "event": "visit"}), bought])
    answers = pd.DataFrame({"customer": who, "asked_at": 0, "answered_at": DAY, "instrument": "other",
                            "score": [5.0] * 10 + [1.0] * 70})  # fmt: skip
    log, said = from_frames(events, responses=answers, as_of="1970-03-01", scales={"other": (1, 5)}, min_people=5)
    would = {"name": "did not", "instrument": "other", "said": [5], "absent": ["purchase"], "within": "30 days"}
    found = say_do_ledger(said, log, types=[would])
    assert found.table["share"].isna().all()
    assert [kpi.measure for kpi in found.kpis] == ["n_beyond_chance"]
