"""Who to interview: strata by hand, counts in the result, persons in a protected file only."""

from __future__ import annotations

import stat

import pandas as pd
import pytest

from cjlib.analyses.interviews import BLAMED, NEVER, PRAISED, who_to_interview
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000


def study(*, min_people=1):
    """a bought before praising, b after; c blamed and bought, d blamed and did not; e never said anything."""
    rows = [(who, 0, "visit") for who in "abcde"] + [("a", 1, "buy"), ("b", 9, "buy"), ("c", 9, "buy")]
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    events["at"] *= DAY
    said = pd.DataFrame({"customer": list("abcd"), "asked_at": 4 * DAY, "answered_at": 5 * DAY, "instrument": "nps",
                         "score": [10.0, 9.0, 6.0, 0.0]})  # fmt: skip
    customers = pd.DataFrame({"customer": list("abcde"), "persona": ["A", "A", "B", "B", None]})
    return from_frames(events, responses=said, customers=customers, as_of="1970-02-01", scales={"nps": (0, 10)},
                       min_people=min_people)  # fmt: skip


def test_strata_are_those_counted_by_hand():
    table = who_to_interview(*study(), outcome="buy", instrument="nps").table
    assert table[["stratum", "n"]].to_numpy().tolist() == [[NEVER, 2], [PRAISED, 1], [BLAMED, 1]]


def test_groups_have_their_own_quota_and_sum_to_all():
    table = who_to_interview(*study(), outcome="buy", by="persona", each=1).table
    assert table[["group", "n", "quota"]].to_numpy().tolist() == [["(all)", 2, 2], ["(unknown)", 1, 1], ["B", 1, 1]]


def test_persons_go_to_the_protected_file_and_nowhere_else(tmp_path):
    log, responses = study()
    path = tmp_path / "next-protected.csv"
    result = who_to_interview(log, responses, outcome="buy", instrument="nps", list_to=path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    names = pd.read_csv(path)["pseudonym"].astype(str).tolist()
    assert len(names) == 4
    text = str(result.to_dict()) + result._repr_html_()
    assert not [name for name in names if name in text]


def test_the_same_seed_draws_the_same_people(tmp_path):
    files = [tmp_path / f"{i}-protected.csv" for i in range(2)]
    for path in files:
        who_to_interview(*study(), outcome="buy", each=1, seed=4, list_to=path)
    assert files[0].read_text() == files[1].read_text()


def test_small_strata_are_hidden():
    result = who_to_interview(*study(min_people=5), outcome="buy", instrument="nps")
    assert result.table[["n", "quota"]].isna().all(axis=None)
    assert result.answer() == "Too few people in every stratum to draw from."


def test_bad_requests_are_sentences(tmp_path):
    log, responses = study()
    with pytest.raises(ParameterError, match="at least 1"):
        who_to_interview(log, responses, outcome="buy", each=0)
    with pytest.raises(ParameterError, match="persona"):
        who_to_interview(log, responses, outcome="buy", by="person")
    with pytest.raises(ParameterError, match="protected"):
        who_to_interview(log, responses, outcome="buy", list_to=tmp_path / "list.csv")
    with pytest.raises(NotEnoughDataError, match="Nobody belongs"):
        who_to_interview(log, responses, outcome="visit")
