"""People who answer several times, and questions asked at several stages: no interval may take them for more people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.analyses.drivers import score_drivers
from cjlib.analyses.invitation_mix import invitation_mix
from cjlib.analyses.nonresponse import nonresponse
from cjlib.analyses.said_and_done import said_and_done, score_then_done
from cjlib.analyses.score_comparison import compare_scores
from cjlib.analyses.score_trend import score_trend
from cjlib.analyses.score_worth import score_worth
from cjlib.analyses.scores import scores
from cjlib.core.errors import ParameterError
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
BOUGHT = {"name": "Purchase", "event": "purchase"}


def shop(seed=1, *, copies=1, people=90, stages=("",), apart=0.0, silent=0.0):
    """People who visit, some buy before and after; each answer `copies` times at the same instant."""
    rng = np.random.default_rng(seed)
    who = [f"c{i}" for i in range(people)]
    events = pd.concat([
        pd.DataFrame({"customer": who, "at": 0, "event": "visit"}),
        pd.DataFrame({"customer": who, "at": rng.integers(1, 90, people) * DAY, "event": "purchase"})[
            rng.random(people) < 0.6],
    ])  # fmt: skip
    n = rng.integers(1, 4, people)
    tendency = np.repeat(rng.normal(size=people), n)
    stage = rng.integers(0, len(stages), n.sum())
    said = pd.DataFrame({
        "customer": np.repeat(who, n), "asked_at": 0, "answered_at": rng.integers(10, 70, n.sum()) * DAY,
        "instrument": "csat", "stage": np.array(stages)[stage], "team": rng.choice(["a", "b"], n.sum()),
        "score": np.clip(np.round(3.2 + tendency + 0.6 * rng.normal(size=n.sum()) + apart * stage), 1, 5),
    })  # fmt: skip
    said["stage"] = said["stage"].replace("", None)
    quiet = rng.random(len(said)) < silent
    said["score"], said["answered_at"] = said["score"].mask(quiet), said["answered_at"].astype("Int64").mask(quiet)
    said = pd.concat([said] * copies, ignore_index=True)
    return from_frames(events, responses=said, as_of="1970-05-01", scales={"csat": (1, 5)}, min_people=1)


COUNTED = {
    "scores": lambda log, said: scores(said, instrument="csat"),
    "scores by": lambda log, said: scores(said, instrument="csat", by="team"),
    "doors": lambda log, said: invitation_mix(said, instrument="csat", by="team"),
    "silent": lambda log, said: nonresponse(said, log, instrument="csat"),
}
ASKED = {
    "trend": lambda log, said: score_trend(said, instrument="csat"),
    "compared": lambda log, said: compare_scores(said, instrument="csat", by="team"),
    "before": lambda log, said: said_and_done(said, log, event="purchase"),
    "after": lambda log, said: score_then_done(said, log, outcome="purchase", within="20 days"),
    "drivers": lambda log, said: score_drivers(said, log, drivers=[BOUGHT], instrument="csat", draws=100),
    "worth": lambda log, said: score_worth(said, log, outcome="purchase", within="20 days", draws=100),
}
FIGURES = (
    "estimate", "score", "mean", "difference", "top_share", "ci_low", "ci_high", "top_low", "top_high", "p_value",
    "importance", "odds_ratio", "difference_low", "difference_high", "share", "share_low", "share_high", "rate",
    "rate_low", "rate_high",
)  # fmt: skip


def same_figures(once, often, *, but=()):
    pairs = [(once.table, often.table)]
    pairs += [(once.more(part), often.more(part)) for part in once.to_dict()["more"] if part not in but]
    for before, after in pairs:
        for column in set(before.columns) & set(FIGURES):
            found, expected = (np.asarray(part[column], dtype=float) for part in (after, before))
            assert found == pytest.approx(expected, nan_ok=True, rel=2e-3, abs=1e-4), column


@pytest.mark.parametrize("name", list(ASKED))
@settings(max_examples=4)
@given(seed=st.integers(0, 1000), k=st.integers(2, 4))
def test_every_person_answering_k_times_the_same_changes_no_figure_and_no_interval(name, seed, k):
    same_figures(*(ASKED[name](*shop(seed, copies=copies)) for copies in (1, k)), but=("test",))


@pytest.mark.parametrize("name", list(COUNTED))
@settings(max_examples=4)
@given(seed=st.integers(0, 1000), k=st.integers(2, 4))
def test_every_invitation_sent_k_times_changes_no_score_no_rate_and_no_bound(name, seed, k):
    same_figures(*(COUNTED[name](*shop(seed, copies=copies, silent=0.3)) for copies in (1, k)))


@pytest.mark.parametrize("name", list(COUNTED))
def test_answers_of_different_people_have_the_intervals_of_the_books(name):
    from cjlib.stats.mean import mean_interval
    from cjlib.stats.score import top_box

    rng = np.random.default_rng(4)
    said = pd.DataFrame({"customer": range(60), "asked_at": 0, "answered_at": DAY, "instrument": "csat",
                         "score": rng.integers(1, 6, 60).astype(float), "team": "a"})  # fmt: skip
    events = pd.DataFrame({"customer": range(60), "at": 0, "event": "visit"})
    log, responses = from_frames(events, responses=said, as_of="1970-05-01", scales={"csat": (1, 5)}, min_people=1)
    row = COUNTED[name](log, responses).table.iloc[0]
    mean, box = mean_interval(said["score"]).iloc[0], top_box(said["score"], (4, 5)).iloc[0]
    main = [row["score"], row["ci_low"], row["ci_high"]]
    if name == "doors":
        assert main == [box["estimate"], box["ci_low"], box["ci_high"]]
        return
    assert main == pytest.approx([mean["estimate"], mean["ci_low"], mean["ci_high"]])
    assert [row["top_share"], row["top_low"], row["top_high"]] == [box["estimate"], box["ci_low"], box["ci_high"]]


def test_an_interval_that_takes_answers_for_people_would_be_narrower():
    _, said = shop(3)
    row = score_trend(said, instrument="csat").table.iloc[0]
    from cjlib.stats.score import top_box

    frame = said.frame(["score", "answered_at"])
    first = frame[frame["answered_at"] < 31 * DAY]["score"]
    plain = top_box(first, (4, 5)).iloc[0]
    assert row["score"] == pytest.approx(plain["estimate"])
    assert row["ci_high"] - row["ci_low"] > plain["ci_high"] - plain["ci_low"]


@pytest.mark.parametrize("name", list(ASKED))
def test_answers_from_several_stages_are_said_to_be_put_together(name):
    def codes(stages):
        return [note.code for note in ASKED[name](*shop(5, stages=stages)).notes]

    assert "CJ-AN-033" in codes(("Choice", "Delivery"))
    assert "CJ-AN-033" not in codes(("Choice",))
    assert "CJ-AN-033" not in codes(("",))


def test_one_stage_can_be_asked_for_and_an_unknown_one_is_a_sentence():
    log, said = shop(5, stages=("Choice", "Delivery"))
    parts = [score_trend(said, instrument="csat", stage=one).table["n"].sum() for one in ("Choice", "Delivery")]
    assert sum(parts) == score_trend(said, instrument="csat").table["n"].sum()
    for asked in (lambda stage: compare_scores(said, instrument="csat", by="team", stage=stage),
                  lambda stage: said_and_done(said, log, event="purchase", stage=stage),
                  lambda stage: score_worth(said, log, outcome="purchase", within="20 days", stage=stage),
                  lambda stage: score_drivers(said, log, drivers=[BOUGHT], instrument="csat", stage=stage),
                  ):  # fmt: skip
        assert asked("Choice").params["stage"] == "Choice"
        with pytest.raises(ParameterError, match="Choice"):
            asked("Choise")


def test_a_driver_lived_at_one_stage_only_does_not_earn_what_the_stage_explains():
    rng = np.random.default_rng(2)
    who = [f"c{i}" for i in range(400)]
    late = rng.random(400) < 0.5
    lived = rng.random(400) < np.where(late, 0.8, 0.2)
    events = pd.concat([pd.DataFrame({"customer": who, "at": 0, "event": "visit"}),
                        pd.DataFrame({"customer": who, "at": DAY, "event": "purchase"})[lived]])  # fmt: skip
    answers = pd.DataFrame({"customer": who, "asked_at": 0, "answered_at": 5 * DAY, "instrument": "csat",
                            "stage": np.where(late, "Delivery", "Choice"),
                            "score": np.clip(np.round(2 + 2.0 * late + rng.normal(size=400)), 1, 5)})  # fmt: skip
    log, said = from_frames(events, responses=answers, as_of="1970-05-01", scales={"csat": (1, 5)}, min_people=1)
    found = score_drivers(said, log, drivers=[BOUGHT], instrument="csat", draws=100)
    assert found.table["importance"].iloc[0] < 0.02
    odds = found.more("odds").iloc[0]
    assert odds["ci_low"] < 1 < odds["ci_high"]
    without = answers.drop(columns="stage")
    log, said = from_frames(events, responses=without, as_of="1970-05-01", scales={"csat": (1, 5)}, min_people=1)
    assert score_drivers(said, log, drivers=[BOUGHT], instrument="csat", draws=100).table["importance"].iloc[0] > 0.08
