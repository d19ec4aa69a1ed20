"""Beside a score: what it puts together, and how many answers a decision would need."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.scores import scores
from cjlib.journey.frames import from_frames
from cjlib.stats.planner import answers_needed, answers_per_group

SCALES = {"nps": (0, 10), "csat": (1, 5)}


def asked(score, *, instrument="nps", min_people=1, silent=0, **columns):
    n = len(score)
    said = pd.DataFrame({"customer": [f"c{i}" for i in range(n)], "asked_at": 0, "answered_at": 1,
                         "instrument": instrument, "score": score, **columns})  # fmt: skip
    said["answered_at"] = said["answered_at"].astype("Int64")
    if silent:
        rest = pd.DataFrame({"customer": [f"s{i}" for i in range(silent)], "asked_at": 0, "instrument": instrument})
        said = pd.concat([said, rest], ignore_index=True)
    return from_frames(responses=said, as_of="1970-02-01", scales=SCALES, min_people=min_people)[1]


def notes(responses, **options) -> dict[str, str]:
    found = scores(responses, instrument=responses.instruments[0], **options).notes
    return {note.code: note.message for note in found}


def test_kinds_of_invitation_are_named_with_their_shares():
    said = asked([9.0] * 76 + [3.0] * 24, trigger=["invited"] * 76 + ["spontaneous"] * 24)
    assert notes(said)["CJ-AN-023"] == (
        "This score puts 2 kinds of invitation together (trigger): invited 76%, spontaneous 24%. "
        "It also moves when this mix moves."
    )


def test_the_attribute_that_tells_the_kinds_can_be_declared_and_stages_are_always_told():
    said = asked([9.0] * 10, door=["a", "b"] * 5, stage=["Look"] * 7 + ["Buy"] * 3)
    assert "2 stages together: Look 70%, Buy 30%" in notes(said)["CJ-AN-023"]
    found = scores(said, instrument="nps", trigger="door").notes
    assert [note.message[:40] for note in found if note.code == "CJ-AN-023"] == [
        "This score puts 2 kinds of invitation to", "This score puts answers about 2 stages t",
    ]  # fmt: skip


def test_one_kind_or_a_breakdown_by_it_needs_no_note():
    assert "CJ-AN-023" not in notes(asked([9.0] * 10, trigger=["invited"] * 10))
    assert "CJ-AN-023" not in notes(asked([9.0] * 10, trigger=["a", "b"] * 5), by="trigger")


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ([50, 45, 3, 2], "a 50%, b 45%, others 5%"),  # both small ones together are five people
        ([50, 48, 2], "a 50%, others 50%"),  # two people would be told by subtraction
        ([3, 2], "each of too few people"),
        ([20, 20, 20, 20, 20], "a 20%, b 20%, c 20%, d 20%, others 20%"),
    ],
)
def test_a_small_kind_is_never_told_not_even_by_subtraction(sizes, shown):
    kinds = [name for name, n in zip("abcde", sizes, strict=False) for _ in range(n)]
    assert shown in notes(asked([9.0] * sum(sizes), trigger=kinds, min_people=5))["CJ-AN-023"]


def test_the_plan_follows_from_the_spread_of_the_answers():
    said = asked([10.0] * 50 + [7.0] * 30 + [0.0] * 20)
    assert answers_needed(5, 0.5, 0.2) == 938
    assert answers_per_group(10, 6100.0) == 958
    assert notes(said)["CJ-AN-024"] == (
        "With answers spread like these, a score to ±5 points takes about 940 answers; there are 100. A difference "
        "of 10 points between two groups is found four times in five with about 960 answers in each."
    )


def test_with_a_response_rate_the_plan_is_in_invitations_too():
    said = asked([10.0] * 50 + [7.0] * 30 + [0.0] * 20, silent=300)
    assert "At this response rate these are about 3,800 invitations." in notes(said)["CJ-AN-024"]
    enough = asked(np.resize([10.0, 10.0, 7.0, 0.0], 2000), silent=10)
    assert "there are 2,000. A difference" in notes(enough)["CJ-AN-024"]


@pytest.mark.parametrize(("options", "floor"), [({}, 1), ({"by": "stage"}, 1), ({}, 5)])
def test_no_plan_is_made_from_answers_all_alike_by_group_or_of_too_few_people(options, floor):
    score = [9.0] * 4 if not options and floor == 1 else [9.0, 1.0, 9.0, 1.0]
    assert "CJ-AN-024" not in notes(asked(score, stage="Look", min_people=floor), **options)
