"""What was known at an instant: nothing at or after it enters."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.core.errors import ParameterError
from cjlib.journey.as_of import features_as_of, levels_of, names_before, still_active, under_contract
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
T0 = 20 * DAY
PEOPLE = [f"c{i:02d}" for i in range(12)]
BASE = [(name, 1 + place % 7, "visit", 0) for place, name in enumerate(PEOPLE)] + [
    (name, 12 + place / 4, "buy", 10 * place) for place, name in enumerate(PEOPLE[:8])
]


def study(rows, *, said=(), customers=None, **options):
    events = pd.DataFrame(rows, columns=["customer", "at", "event", "value"])
    events["at"] = (events["at"] * DAY).round().astype("int64")
    answers = pd.DataFrame(said, columns=["customer", "answered_at", "score"])
    answers["answered_at"] = (answers["answered_at"].astype("float64") * DAY).round().astype("int64")
    answers = answers.assign(asked_at=0, instrument="nps")
    return from_frames(events, responses=answers if len(answers) else None, customers=customers, as_of="1970-04-11",
                       scales={"nps": (0, 10)}, **options)  # fmt: skip


def units(log):
    """Unit of each name, in the order of PEOPLE."""
    frame = log.engine.fetch(log.engine.table(log.store, "customers").select("unit", "pseudonym"))
    known = frame.set_index("pseudonym")["unit"]
    return np.array([known[hashlib.sha256(name.encode()).hexdigest()] for name in PEOPLE])


def found(rows, *, said=()):
    log, responses = study(rows, said=said)
    return features_as_of(log, units(log), at_us=T0, names=names_before(log, at_us=T0), activity=["buy"],
                          responses=responses if said else None)  # fmt: skip


def test_every_number_is_the_one_counted_by_hand():
    rows = [*BASE, ("c00", 19.5, "buy", 30), ("c00", 20, "buy", 99), ("c01", 25, "visit", 99)]
    said = [("c00", 5, 3), ("c00", 15, 9), ("c01", 20, 7), ("c02", 19.9, 2)]
    made = {key: np.expm1(values[:3]).round(6).tolist() for key, values in found(rows, said=said).items()}
    assert made["event", "visit"] == [1, 1, 1]
    assert made["event", "buy"] == made["rfm", "frequency"] == [2, 1, 1]
    assert made["rfm", "monetary"] == [30, 10, 20]
    assert made["rfm", "recency"] == made["time", "last"] == [0.5, 7.75, 7.5]
    assert made["time", "first"] == [19, 18, 17]
    assert made["time", "recent"] == [3, 2, 2]
    scores = found(rows, said=said)
    assert scores["score", "nps"][:4].tolist() == [9, 0, 2, 0]  # the last one; that of the very instant is not known
    assert scores["answered", "nps"][:4].tolist() == [1, 0, 1, 0]


LATER = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.integers(20, 90), st.sampled_from(["visit", "buy", "quit", "new"]),
              st.integers(-5, 500)), max_size=40)  # fmt: skip
SAID_LATER = st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(20, 90), st.integers(0, 10)), max_size=10)
SAID = [("c00", 5, 3), ("c05", 15, 9)]


@settings(max_examples=20)
@given(LATER, SAID_LATER)
def test_nothing_at_or_after_the_instant_changes_any_feature(later, answers):
    plain, leaked = found(BASE, said=SAID), found([*BASE, *later], said=[*SAID, *answers])
    assert list(plain) == list(leaked)
    for key, values in plain.items():
        np.testing.assert_array_equal(values, leaked[key])


def test_later_events_have_no_say_in_which_names_are_counted():
    flood = [(name, 21 + hour / 100, f"new {hour % 3}", 0) for name in PEOPLE for hour in range(9)]
    log, _ = study([*BASE, *flood])
    assert names_before(log, at_us=T0) == ["visit", "buy"]
    assert names_before(log, at_us=T0, most=1) == ["visit"]
    assert len(names_before(log, at_us=40 * DAY)) == 5


def test_somebody_who_came_later_has_zeros_everywhere():
    made = found([row for row in BASE if row[0] != "c03"] + [("c03", 30, "visit", 0)])
    assert {float(values[3]) for values in made.values()} == {0.0}


def test_recency_needs_a_known_event():
    log, _ = study(BASE)
    with pytest.raises(ParameterError, match="purchse"):
        features_as_of(log, units(log), at_us=T0, names=[], activity=["purchse"])


def test_those_still_active_are_told_with_their_next_activity():
    rows = [("c00", 5, "buy", 0), ("c00", 20, "buy", 0), ("c01", 10, "buy", 0), ("c02", 10.01, "buy", 0),
            ("c02", 29, "buy", 0), ("c02", 40, "buy", 0), ("c03", 15, "visit", 0), ("c04", 21, "buy", 0)]  # fmt: skip
    log, _ = study([*rows, *[(name, 1, "visit", 0) for name in PEOPLE]])
    frame = still_active(log, at_us=T0, activity=["buy"], silence_us=10 * DAY).set_index("unit")
    who = dict(zip(PEOPLE, units(log), strict=True))
    # c00 was silent for 15 days, c01 for exactly the threshold (gone), c03 never bought, c04 came later.
    assert frame.index.tolist() == [who["c02"]]
    assert frame["next_at"].tolist() == [29 * DAY]
    longer = still_active(log, at_us=T0, activity=["buy"], silence_us=15 * DAY + 1).set_index("unit")
    assert longer.loc[who["c00"], "next_at"] == 20 * DAY  # the instant itself belongs to what came after
    assert np.isnan(longer.loc[who["c01"], "next_at"])


def test_contracts_open_at_the_instant_are_told_with_their_end():
    rows = [("c00", 1, "open", 0), ("c00", 30, "end", 0), ("c01", 1, "open", 0), ("c01", 19, "end", 0),
            ("c02", 1, "open", 0), ("c02", 5, "end", 0), ("c02", 9, "open", 0), ("c02", 20, "end", 0),
            ("c03", 20, "open", 0), ("c04", 2, "open", 0), ("c04", 33, "moved", 0), ("c04", 44, "end", 0),
            ("c05", 2, "open", 0), ("c05", 3, "moved", 0)]  # fmt: skip
    log, _ = study([*rows, *[(name, 0, "visit", 0) for name in PEOPLE]])
    frame = under_contract(log, at_us=T0, start="open", end="end", lost=["moved"]).set_index("unit")
    who = {unit: name for name, unit in zip(PEOPLE, units(log), strict=True)}
    ends = {who[unit]: (row["end_at"] / DAY, row["lost_at"] / DAY) for unit, row in frame.iterrows()}
    assert set(ends) == {"c00", "c02", "c04"}
    assert (ends["c00"][0], ends["c02"][0], ends["c04"]) == (30, 20, (44, 33))


def test_attributes_are_a_column_per_level_and_unknown_ones_are_refused():
    customers = pd.DataFrame({"customer": PEOPLE, "city": ["P"] * 6 + ["L"] * 4 + [None] * 2})
    log, _ = study(BASE, customers=customers)
    made = levels_of(log, units(log), ["city"], few=2)
    assert made["city", "L"].tolist() == [0] * 6 + [1] * 4 + [0] * 2
    assert made["city", "(unknown)"].sum() == 2
    with pytest.raises(ParameterError, match="city"):
        levels_of(log, units(log), ["citty"], few=2)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_and_duckdb_know_the_same(tmp_path):
    import shutil

    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17")
    from cjlib.journey.engine import SparkEngine

    rows = [*BASE, ("c00", 30, "buy", 3), ("c04", 25, "end", 0), ("c05", 2, "end", 0)]
    one = study(rows)[0]
    other = study(rows, engine=SparkEngine(), folder=tmp_path)[0]
    made = [features_as_of(log, units(log), at_us=T0, names=names_before(log, at_us=T0), activity=["buy"])
            for log in (one, other)]  # fmt: skip
    for key, values in made[0].items():
        np.testing.assert_allclose(values, made[1][key])
    active = [still_active(log, at_us=T0, activity=["buy"], silence_us=10 * DAY) for log in (one, other)]
    assert len(active[0]) == 8
    pd.testing.assert_frame_equal(*(frame.sort_values("unit", ignore_index=True) for frame in active))
    bound = [under_contract(log, at_us=T0, start="visit", end="end") for log in (one, other)]
    assert len(bound[0]) > 0
    pd.testing.assert_frame_equal(*(frame.sort_values("unit", ignore_index=True) for frame in bound))
