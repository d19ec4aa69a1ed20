"""Follow-up cut into rows: held against a slow walk through each customer, and against the future."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.journey.episodes import episodes, landmark
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
END = 40  # day of the cut-off
DRIVERS = [
    "fee",
    {"name": "calls", "event": "call", "measure": "count"},
    {"name": "wait", "event": "call", "measure": "highest"},
]
ASKED = {"outcome": "buy", "competing": ["leave"], "drivers": DRIVERS, "age_limit": "6 days", "ages": ["2 days"]}
COLUMNS = ["start_days", "stop_days", "outcome", "driver_0", "driver_1", "driver_2", "answer", "answer_age"]


def frames(events, said, *, shift=0):
    """Tables of (customer, day, event, value) and (customer, day asked, day answered, score)."""
    table = pd.DataFrame(events, columns=["customer", "at", "event", "value"])
    table = table.assign(at=(table["at"] * DAY).astype("int64") + shift)
    table["sequence"] = range(len(table))  # at one instant, the order is the one written
    answers = pd.DataFrame(said, columns=["customer", "asked_at", "answered_at", "score"]).assign(instrument="nps")
    for name in ("asked_at", "answered_at"):
        answers[name] = (answers[name].astype(float) * DAY + shift).round().astype("Int64")
    return table, answers


def opened(events, said, *, shift=0, as_of=END):
    table, answers = frames(events, said, shift=shift)
    who = pd.DataFrame({"customer": sorted({row[0] for row in (*events, *said)})})
    who["name"] = who["customer"]
    return from_frames(table, responses=answers if len(answers) else None, customers=who,
                       as_of=pd.Timestamp(as_of * DAY + shift, unit="us", tz="UTC"),
                       scales={"nps": (0, 10)})  # fmt: skip


def built(events, said, *, start="visit", shift=0, as_of=END, **changed):
    """Rows of the library, by the customer's own name."""
    log, responses = opened(events, said, shift=shift, as_of=as_of)
    extra = {"responses": responses, "instrument": "nps"} if said else {}
    return episodes(log, start=start, attributes=["name"], **{**ASKED, **extra, **changed})


def walked(events, said, *, start="visit", as_of=END):
    """The same, one customer at a time and one instant at a time."""
    made = []
    for who in sorted({row[0] for row in events}):
        own = sorted((at, i, name, value) for i, (w, at, name, value) in enumerate(events) if w == who)
        spoke = sorted((answered, i, score) for i, (w, _, answered, score) in enumerate(said)
                       if w == who and answered is not None and answered <= as_of)  # fmt: skip
        begin = [place for place, row in enumerate(own) if row[2] == start]
        if not begin:
            continue
        t0 = own[begin[0]][0]
        rest = [row for row in own[begin[0] + 1 :] if row[2] in ("buy", "leave")]
        t1, kind = (rest[0][0], 1 if rest[0][2] == "buy" else 2) if rest else (as_of, 0)
        if t1 == t0:
            continue
        moves = {t0} | {row[0] for row in own if row[2] in ("fee", "call")}
        moves |= {at + extra for at, _, _ in spoke for extra in (0, 2, 6)}
        instants = sorted(at for at in moves if t0 <= at < t1)
        found = []
        for at, until in zip(instants, [*instants[1:], t1], strict=True):
            past = [row for row in own if row[0] <= at]
            state = _state(past, [row for row in spoke if row[0] <= at], at)
            if found and found[-1][1:] == state:
                found[-1][0][1] = until - t0
            else:
                found.append([[at - t0, until - t0, 0], *state])
        if found:
            found[-1][0][2] = kind
        made += [(who, *times, *state) for times, *state in found]
    return made


def _state(past, spoke, at):
    calls = [value for _, _, name, value in past if name == "call"]
    valued = [value for value in calls if not math.isnan(value)]
    answer, age = "not answered", 0
    if spoke:
        when, _, score = spoke[-1]
        answer = "worst" if score <= 6 else "middle" if score <= 8 else "best"
        answer, age = ("long ago" if at - when >= 6 else answer), 1 + (at - when >= 2)
    return [float(any(row[2] == "fee" for row in past)), float(len(calls)), float(max(valued, default=0)), answer,
            float(age)]  # fmt: skip


def merged(rows):
    """Rows of one customer with the same covariates joined again."""
    made = []
    for row in rows.itertuples(index=False):
        now = (row.name, *(getattr(row, name) for name in COLUMNS))
        if made and made[-1][0] == now[0] and made[-1][4:] == now[4:]:
            made[-1] = (*made[-1][:2], now[2], now[3], *now[4:])
        else:
            made.append(now)
    return sorted(made)


def study_of(seed):
    """Events (half days, so that instants tie) and answers of some forty customers."""
    rng = np.random.default_rng(seed)
    who = [f"c{i}" for i in range(40)]
    n, m = 300, 60
    events = zip(rng.choice(who, n), rng.integers(0, 21, n) / 2, rng.choice(["visit", "fee", "call", "buy", "leave"], n,
                 p=[0.3, 0.25, 0.25, 0.12, 0.08]), rng.choice([0.0, 3.0, 7.0, math.nan], n), strict=True)  # fmt: skip
    said = zip(rng.choice(who, m), np.zeros(m), rng.integers(0, 31, m) / 2, rng.choice([0.0, 6, 7, 8, 9], m),
               strict=True)  # fmt: skip
    said = {(row[0], row[2]): tuple(row) for row in said}
    return ordered([tuple(row) for row in events]), list(said.values())


SEEDS = st.integers(0, 2**31)
QUICK = {"deadline": None, "phases": [Phase.explicit, Phase.generate]}  # a seed does not shrink


# Every event once, so that each study knows all names.
ALL = [("z", 0.0, name, 1.0) for name in ("visit", "fee", "call", "buy", "leave")]


def ordered(events):
    """Sorted as the store sorts them: by instant, then as written."""
    return sorted([*events, *ALL], key=lambda row: (row[0], row[1]))


@settings(max_examples=8, **QUICK)
@given(SEEDS)
def test_rows_are_those_of_a_walk_through_each_customer(seed):
    events, said = study_of(seed)
    assert merged(built(events, said)) == sorted(walked(events, said))


@settings(max_examples=5, **QUICK)
@given(SEEDS)
def test_rows_touch_cover_the_follow_up_and_end_with_the_one_outcome(seed):
    rows = built(*study_of(seed))
    for _, part in rows.groupby("unit"):
        assert part["start_days"].iloc[0] == 0
        assert (part["start_days"].iloc[1:].to_numpy() == part["stop_days"].iloc[:-1].to_numpy()).all()
        assert (part["stop_days"] > part["start_days"]).all()
        assert (part["outcome"].iloc[:-1] == 0).all()


@settings(max_examples=5, **QUICK)
@given(SEEDS, st.integers(0, 20).map(lambda half: half / 2))
def test_rows_before_an_instant_do_not_know_what_comes_after_it(seed, cut):
    events, said = study_of(seed)
    whole = built(events, said, start="visit")
    past = [row for row in events if row[1] <= cut or row[0] == "z"]
    heard = [row for row in said if row[2] <= cut] or [("z", 0.0, 0.0, 5.0)]
    short = built(past, heard, start="visit")
    first = {row[0]: row[1] for row in reversed(events) if row[2] == "visit"}

    def known(rows):
        origin = rows["name"].map(first)
        return rows[(rows["start_days"] + origin < cut)].set_index(["name", "start_days"])[COLUMNS[3:]]

    left, right = known(whole), known(short)
    left = left[left.index.get_level_values(0).isin(right.index.get_level_values(0))]
    # What is known at each row's start is the same, whatever was still to come.
    pd.testing.assert_frame_equal(left, right.loc[left.index])


@settings(max_examples=4, **QUICK)
@given(SEEDS)
def test_what_comes_after_the_outcome_changes_nothing(seed):
    events, said = study_of(seed)
    bought = {who: min(row[1] for row in events if row[0] == who and row[2] == "buy")
              for who in {row[0] for row in events if row[2] == "buy"}}  # fmt: skip
    later = [(who, at + 15, name, 9.0) for who, at in bought.items() for name in ("fee", "call", "leave")]
    whole, more = built(events, said), built([*events, *later], said)
    closed = whole.loc[whole["outcome"] == 1, "name"]
    pd.testing.assert_frame_equal(*(rows[rows["name"].isin(closed)].reset_index(drop=True) for rows in (whole, more)))


@settings(max_examples=3, **QUICK)
@given(SEEDS, st.integers(1, 10**9))
def test_moving_every_clock_by_the_same_time_changes_nothing(seed, seconds):
    events, said = study_of(seed)
    pd.testing.assert_frame_equal(built(events, said), built(events, said, shift=seconds * 1_000_000))


ONE = [("a", 0, "visit", 0), ("a", 3, "fee", 0), ("a", 3, "buy", 0), ("b", 0, "visit", 0), ("b", 2, "fee", 0),
       ("b", 3, "buy", 0), ("b", 4, "call", 0), ("b", 5, "leave", 0)]  # fmt: skip


def test_an_event_at_the_instant_of_the_outcome_comes_too_late():
    rows = built(ONE, [])
    assert rows.groupby("name")["driver_0"].max().to_dict() == {"a": 0.0, "b": 1.0}


def test_an_event_before_the_clock_starts_is_known_from_the_start():
    rows = built([("a", 0, "fee", 0), ("a", 1, "visit", 0), *ONE[3:]], [])
    assert rows.loc[rows["name"] == "a", ["start_days", "driver_0"]].to_numpy().tolist() == [[0.0, 1.0]]


def test_an_answer_grows_old_and_a_newer_one_takes_its_place():
    log, said = opened([*ONE, ("c", 0, "visit", 0)], [("c", 0, 5, 3), ("c", 0, 20, 10)])
    rows = episodes(log, start="visit", outcome="buy", responses=said, instrument="nps", age_limit="6 days",
                    attributes=["name"])  # fmt: skip
    found = rows.loc[rows["name"] == "c", ["start_days", "stop_days", "answer"]].to_numpy().tolist()
    assert found == [[0, 5, "not answered"], [5, 11, "worst"], [11, 20, "long ago"], [20, 26, "best"],
                     [26, 40, "long ago"]]  # fmt: skip


def test_from_the_invitation_on_who_had_left_or_never_came_has_no_clock():
    events = [("in", 0, "visit", 0), ("in", 9, "buy", 0), ("gone", 1, "leave", 0), ("gone", 8, "buy", 0),
              ("past", 1, "buy", 0)]  # fmt: skip
    log, said = opened(events, [("in", 5, 6, 9), ("gone", 5, 6, 9), ("none", 5, 6, 9), ("past", 5, None, None)])
    rows = episodes(log, start=None, outcome="buy", competing=["leave"], responses=said, instrument="nps",
                    attributes=["name"])  # fmt: skip
    assert rows[["name", "start_days", "stop_days", "outcome", "answer"]].to_numpy().tolist() in (
        [["in", 0, 1, 0, "not answered"], ["in", 1, 4, 1, "best"], ["past", 0, 35, 0, "not answered"]],
        [["past", 0, 35, 0, "not answered"], ["in", 0, 1, 0, "not answered"], ["in", 1, 4, 1, "best"]],
    )


def test_a_landmark_knows_what_had_happened_by_then_and_follows_from_there():
    log, _ = opened([*ONE, ("c", 0, "visit", 0), ("c", 4, "fee", 0)], [])
    rows = landmark(log, at="2 days", start="visit", outcome="buy", drivers=["fee"], attributes=["name"])
    found = sorted(rows[["name", "start_days", "stop_days", "outcome", "driver_0"]].to_numpy().tolist())
    assert found == [["a", 0.0, 1.0, 1, 0.0], ["b", 0.0, 1.0, 1, 1.0], ["c", 0.0, 38.0, 0, 0.0]]
    assert landmark(log, at="50 days", start="visit", outcome="buy").empty


@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"drivers": ["fea"]}, ParameterError, "Did you mean 'fee'"),
        ({"drivers": [{"name": "x", "event": "fee", "measure": "late", "deadline": "d"}]}, ParameterError, "late"),
        ({"outcome": []}, ParameterError, "outcome is empty"),
        ({"outcome": "by"}, ParameterError, "Did you mean 'buy'"),
        ({"start": None}, ParameterError, "counts from the invitation"),
        ({"attributes": ["nam"]}, ParameterError, "Did you mean 'name'"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(changed, error, sentence):
    log, _ = opened(ONE, [])
    with pytest.raises(error, match=sentence):
        episodes(log, **{"start": "visit", "outcome": "buy", **changed})


def test_nobody_invited_is_said():
    log, said = opened(ONE, [("q", 5, 6, 9)])
    with pytest.raises(NotEnoughDataError, match="No invitation can be placed"):
        episodes(log, start=None, outcome="buy", responses=said, instrument="nps")


def test_classes_follow_the_instrument():
    from cjlib.journey.episodes import levels
    from cjlib.stats.instrument import INSTRUMENTS

    scores = pd.Series([0.0, 3, 4, 6, 7, 9])
    assert levels(scores, INSTRUMENTS["nps"]).tolist() == ["worst"] * 4 + ["middle", "best"]
    assert levels(scores, INSTRUMENTS["csat"]).tolist()[1:3] == ["worst", "best"]
    assert levels(scores, INSTRUMENTS["other"]).tolist() == ["worst"] * 3 + ["best"] * 3
    assert np.unique(levels(scores, INSTRUMENTS["other"].on_scale((0, 10), high_is_good=False)))[0] == "best"
