"""Behaviour before the invitation: nothing at or after it enters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.journey.features import before_invitation
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
PEOPLE = [f"c{i:02d}" for i in range(40)]
ASKED = 20  # day


def study(rows, *, asked=ASKED, customers=None, **columns):
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    events["at"] = (events["at"] * DAY).astype("int64")
    said = pd.DataFrame({"customer": PEOPLE, "asked_at": asked, "instrument": "nps", "score": np.nan})
    said["asked_at"] = (said["asked_at"] * DAY).astype("Int64")
    said["answered_at"] = pd.array([None] * len(said), dtype="Int64")
    return from_frames(events, responses=said.assign(**columns), customers=customers, as_of="1970-04-11")


def found(log, said, **options):
    made = before_invitation(said, log, instrument="nps", **options)
    return made.covariates


BASE = [(name, day, event) for place, name in enumerate(PEOPLE) for day, event in
        [(1 + place % 7, "visit"), *([(5 + place % 3, "cart")] if place % 2 else [])]]  # fmt: skip


def test_counts_and_durations_are_those_before_the_invitation():
    covariates = found(*study([*BASE, ("c00", 19.5, "visit"), *[(name, 9, "visit") for name in PEOPLE[20:]]]))
    order = sorted(PEOPLE, key=_hash)  # invitations come in the order of the pseudonyms
    at = [order.index(name) for name in ("c00", "c01", "c02")]
    assert np.expm1(covariates["event", "visit"][at]).round(6).tolist() == [2, 1, 1]
    assert np.expm1(covariates["event", "cart"][at]).round(6).tolist() == [0, 1, 0]
    assert np.expm1(covariates["time", "first"][at]).round(6).tolist() == [19, 18, 17]
    assert np.expm1(covariates["time", "last"][at]).round(6).tolist() == [0.5, 14, 17]


def _hash(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(ASKED, 90),
                          st.sampled_from(["visit", "cart", "churn", "later"])), max_size=60))  # fmt: skip
def test_no_event_at_or_after_the_invitation_enters(later):
    plain, leaked = found(*study(BASE)), found(*study([*BASE, *later]))
    assert list(plain) == list(leaked)
    for key, values in plain.items():
        np.testing.assert_array_equal(values, leaked[key])


def test_later_events_have_no_say_in_which_names_are_counted():
    flood = [(name, ASKED + 1 + hour / 100, f"new {hour % 5}") for name in PEOPLE for hour in range(10)]
    plain, leaked = (found(*study(rows), most_events=2) for rows in (BASE, [*BASE, *flood]))
    assert list(plain) == list(leaked)
    assert ("event", "cart") in leaked


def test_the_most_frequent_names_are_kept():
    covariates = found(*study(BASE), most_events=1)
    assert [name for kind, name in covariates if kind == "event"] == []  # everybody has one visit: tells nobody apart
    covariates = found(*study([*BASE, *[(name, 3, "visit") for name in PEOPLE[:15]]]), most_events=1)
    assert [name for kind, name in covariates if kind == "event"] == ["visit"]


def test_lateness_is_judged_on_the_day_of_the_invitation():
    days = {"c00": 10, "c01": 11, "c02": 25, "c03": None}  # promised for day 10, asked on day 20
    rows = [(name, day, "delivered") for name, day in days.items() if day is not None]
    rows += [(name, 10, "delivered") for name in PEOPLE[4:22]] + [(name, 12, "delivered") for name in PEOPLE[22:]]
    customers = pd.DataFrame({"customer": PEOPLE, "promised": pd.Timestamp("1970-01-11", tz="UTC")})
    customers.loc[39, "promised"] = pd.NaT
    covariates = found(*study(rows, customers=customers), deadlines={"delivered": "promised"})
    late = dict(zip(sorted(PEOPLE, key=_hash), covariates["late", "delivered"], strict=True))
    assert [late[name] for name in ("c00", "c01", "c02", "c03", "c04", "c22", "c39")] == [0, 1, 1, 1, 0, 1, 0]


def test_levels_are_columns_and_rare_ones_are_merged():
    customers = pd.DataFrame({"customer": PEOPLE, "city": ["P"] * 16 + ["L"] * 12 + [f"x{i}" for i in range(12)]})
    covariates = found(*study(BASE, customers=customers))
    assert [name for kind, name in covariates if kind == "city"] == ["L", "(other)"]
    assert covariates["city", "(other)"].sum() == 12


def test_a_stage_that_only_answers_have_is_not_used():
    stages = np.where(np.arange(40) < 20, "Look", "Buy")
    assert ("stage", "Look") in found(*study(BASE, stage=stages)) or ("stage", "Buy") in found(
        *study(BASE, stage=stages)
    )
    some = pd.Series(stages).where(np.arange(40) > 3, None)
    assert not [key for key in found(*study(BASE, stage=some)) if key[0] == "stage"]


def test_invitations_without_a_date_are_counted_and_all_of_them_are_a_sentence():
    log, said = study(BASE, asked=pd.array([20] * 38 + [None] * 2, dtype="Int64"))
    made = before_invitation(said, log, instrument="nps")
    assert (len(made.invitations), made.n_undated) == (38, 2)
    with pytest.raises(NotEnoughDataError, match="No invitation has a date") as caught:
        before_invitation(*study(BASE, asked=pd.array([None] * 40, dtype="Int64"))[::-1], instrument="nps")
    assert caught.value.code == "CJ-JN-020"


def test_a_person_without_any_event_is_told_apart():
    covariates = found(*study(BASE[: len(BASE) // 2]))
    without = covariates["time", "any"] == 0
    assert 0 < without.sum() < 40
    assert (covariates["time", "first"][without] == 0).all()


@pytest.mark.parametrize("deadlines", [{"delivred": "promised"}, {"visit": "promise"}])
def test_unknown_events_and_dates_are_refused(deadlines):
    with pytest.raises(ParameterError):
        found(*study(BASE), deadlines=deadlines)
