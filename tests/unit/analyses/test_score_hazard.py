"""Hazard after each score: truth recovered by level and by age, and no answer known before it is given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.score_hazard import score_hazard
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
NONE = {"not answered": 1.0, "worst": 1.0, "middle": 1.0, "best": 1.0}


def world(n=3000, *, seed=1, after=NONE, lasts=1e9, cut=150, rate=0.01, min_people=1):
    """Invited on day 10, answered after an exponential time; the answer multiplies the rate for `lasts` days."""
    rng = np.random.default_rng(seed)
    score = rng.choice([2.0, 7.0, 9.0], n)
    level = pd.Series(score).map({2.0: "worst", 7.0: "middle", 9.0: "best"})
    wait = rng.exponential(12, n)
    factor = level.map(after).to_numpy()
    need = rng.exponential(1 / rate, n)  # hazard to be used up, in days at the plain rate
    first = np.minimum(need, wait)
    second = np.minimum((need - first) / factor, lasts)
    third = need - first - second * factor
    leaves = first + second + np.where(need <= wait, 0, np.maximum(third, 0))
    who = np.array([f"p{i:05d}" for i in range(n)])
    left = leaves < cut
    events = pd.concat([pd.DataFrame({"customer": who, "at": 0, "event": "open"}),
                        pd.DataFrame({"customer": who[left], "at": ((10 + leaves[left]) * DAY).astype(np.int64),
                                      "event": "close"})])  # fmt: skip
    said = wait < np.minimum(leaves, cut)
    answers = pd.DataFrame({"customer": who, "asked_at": 10 * DAY, "instrument": "nps",
                            "score": np.where(said, score, np.nan)})  # fmt: skip
    answers["answered_at"] = pd.array(np.where(said, (10 + wait) * DAY, np.nan)).astype("Float64").round().astype(
        "Int64")  # fmt: skip
    stamp = pd.Timestamp((10 + cut) * DAY, unit="us", tz="UTC")
    log, responses = from_frames(events, responses=answers, as_of=stamp, scales={"nps": (0, 10)},
                                 min_people=min_people)  # fmt: skip
    return responses, log


def hazard(responses, log, **changed):
    return score_hazard(responses, log, outcome="close", **changed)


def test_answering_alone_changes_nothing_but_naively_it_looks_like_loyalty():
    rows = hazard(*world()).table.set_index("level")
    for level in ("worst", "middle", "best"):
        assert rows.loc[level, "ci_low"] < 1 < rows.loc[level, "ci_high"], level
        # "Customers who answered the survey churn less": immortal time
        assert rows.loc[level, "naive"] < 0.75, level


def test_true_ratios_of_the_classes_are_recovered():
    after = {"not answered": 1.0, "worst": 2.5, "middle": 1.0, "best": 0.4}
    rows = hazard(*world(after=after), age_limit=None).table.set_index("level")
    for level in ("worst", "middle", "best"):
        assert rows.loc[level, "ci_low"] < after[level] < rows.loc[level, "ci_high"], level
        assert rows.loc[level, "ci_high"] / rows.loc[level, "ci_low"] < 1.9


def test_a_score_that_tells_for_a_month_is_seen_to_stop_telling():
    after = {"not answered": 1.0, "worst": 3.0, "middle": 1.0, "best": 0.5}
    result = hazard(*world(6000, after=after, lasts=30.0, seed=4), ages=["30 days"])
    young, old = result.more("ages").to_dict("records")
    assert young["ci_low"] < 6 < young["ci_high"]
    assert old["ci_low"] < 1 < old["ci_high"]
    assert "0 to 30 days: × " in result.answer()
    assert result.kpi("worst_against_best").estimate == young["hazard_ratio"]


def test_old_answers_are_a_level_of_their_own_and_levels_at_a_landmark_share_out_everybody():
    result = hazard(*world(600), age_limit="20 days", landmarks=["30 days"])
    assert result.table["level"].tolist() == ["not answered", "worst", "middle", "best", "long ago"]
    seen = result.more("landmarks")
    assert seen["n_exposed"].sum() == seen["n"].iloc[0]
    assert np.isnan(result.table["hazard_ratio"].iloc[0])


def test_who_had_left_before_the_invitation_is_not_followed():
    responses, log = world(50)
    with pytest.raises(NotEnoughDataError, match="No invitation can be placed"):
        hazard(responses, log, end=["open"])


def test_small_groups_are_hidden_with_their_ratio():
    result = hazard(*world(40, min_people=5, cut=60))
    hidden = result.table["n_event"].isna()
    assert hidden.any()
    assert result.table.loc[hidden, "hazard_ratio"].isna().all()


@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"outcome": "clse"}, ParameterError, "Did you mean 'close'"),
        ({"instrument": "csat"}, ParameterError, "instrument"),
        ({"age_limit": "3"}, ParameterError, "not a duration with a unit"),
        ({"outcome": "open"}, NotEnoughDataError, "Nobody invited has had the outcome"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(changed, error, sentence):
    responses, log = world(50)
    with pytest.raises(error, match=sentence):
        score_hazard(responses, log, **{"outcome": "close", **changed})


def test_answers_without_a_date_are_counted_in_a_note():
    at = [0] * 40 + list(range(20 * DAY, 60 * DAY, DAY))
    events = pd.DataFrame(
        {"customer": [f"p{i}" for i in range(40)] * 2, "at": at, "event": ["open"] * 40 + ["close"] * 40}
    )
    answers = pd.DataFrame({"customer": [f"p{i}" for i in range(40)], "asked_at": DAY, "instrument": "nps",
                            "score": [2.0, 9.0] * 20})  # fmt: skip
    answers["answered_at"] = pd.array([2 * DAY] * 33 + [pd.NA] * 7, dtype="Int64")
    log, responses = from_frames(events, responses=answers, as_of="1970-03-15", scales={"nps": (0, 10)}, min_people=1)
    said = [note.message for note in hazard(responses, log).notes if note.code == "CJ-AN-263"]
    assert said == ["7 answers have no date and are left out: when they were given is unknown."]
