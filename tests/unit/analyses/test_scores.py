"""Scores: the floor is about people, not answers; instruments are not mixed."""

from __future__ import annotations

import pandas as pd
import pytest

from cjlib.analyses.invitation_mix import invitation_mix
from cjlib.analyses.score_trend import score_trend
from cjlib.analyses.scores import scores
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000


def answers(rows: list[tuple[str, float, str]], instrument: str = "csat"):
    said = pd.DataFrame(rows, columns=["customer", "score", "trigger"])
    said = said.assign(asked_at=0, answered_at=DAY, instrument=instrument)
    return from_frames(responses=said, as_of="1970-03-01", scales={"csat": (1, 5)}, min_people=5)[1]


MANY = [
    *[("one person", 1.0, "call")] * 8,
    *[(f"c{i}", 5.0, "visit") for i in range(8)],
    *[(f"m{i}", 5.0, "mail") for i in range(20)],
]


@pytest.mark.parametrize("ask", [
    lambda said: scores(said, instrument="csat", by="trigger"),
    lambda said: invitation_mix(said, instrument="csat", by="trigger"),
], ids=["scores", "invitation_mix"])  # fmt: skip
def test_one_person_with_many_answers_is_a_small_group(ask):
    table = ask(answers(MANY)).table.set_index("group")
    assert table.loc["mail", "score"] in (1.0, 5.0)  # top share or mean
    assert pd.isna(table.loc["visit", "n"])  # or all minus the others would tell
    assert table.loc["call", ["n", "score", "ci_low", "ci_high"]].isna().all()


def test_a_month_of_one_person_is_hidden_in_the_trend():
    table = score_trend(answers([("one person", 3.0, "x")] * 9), instrument="csat").table
    assert table["score"].isna().all()


def test_a_group_of_five_people_is_shown():
    table = scores(answers([(f"c{i}", 4.0, "x") for i in range(5)]), instrument="csat").table
    assert (table.loc[0, "n"], table.loc[0, "score"]) == (5, 4.0)


def test_an_instrument_that_was_not_asked_is_refused_and_silence_is_a_sentence():
    with pytest.raises(ParameterError, match="Allowed: csat"):
        scores(answers(MANY), instrument="nps")
    silent = answers([("a", float("nan"), "x"), ("b", float("nan"), "x")])
    with pytest.raises(NotEnoughDataError, match="Nobody answered CSAT"):
        scores(silent, instrument="csat")


def test_scores_by_touchpoint_know_what_was_done_last_before_the_invitation():
    events = pd.DataFrame([(f"c{i}", 1, "visit") for i in range(12)] + [(f"c{i}", 5, "call") for i in range(6)]
                          + [(f"c{i}", 9, "visit") for i in range(6)], columns=["customer", "at", "event"])  # fmt: skip
    said = pd.DataFrame({"customer": [f"c{i}" for i in range(12)] + ["new"], "asked_at": 7, "answered_at": 20,
                         "instrument": "csat", "score": [1.0] * 6 + [5.0] * 6 + [3.0]})  # fmt: skip
    log, responses = from_frames(events, responses=said, as_of="1970-01-02", scales={"csat": (1, 5)})
    table = scores(responses, instrument="csat", by="touchpoint", log=log).table.set_index("group")
    assert table["score"].to_dict() == {"(all)": 3.0, "call": 1.0, "visit": 5.0, "(nothing before)": 3.0}
    with pytest.raises(ParameterError, match="needs log="):
        scores(responses, instrument="csat", by="touchpoint")
