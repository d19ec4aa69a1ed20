"""Life cycle: counts of a loop over customers, nothing recoverable, what cannot be said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.life_cycle import _hidden, life_cycle
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import using
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
SPEC = importlib.util.spec_from_file_location("states", Path(__file__).parents[1] / "journey" / "test_states.py")
STATES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STATES)
COLUMN = {"new": "n_new", "active": "n_active", "at risk": "n_at_risk", "lapsed": "n_lapsed",
          "resurrected": "n_resurrected"}  # fmt: skip


def bought(n, *, seed=0, days=400):
    rng = np.random.default_rng(seed)
    return {f"c{i:03d}": sorted(rng.integers(0, days * DAY, rng.integers(1, 14)).tolist()) for i in range(n)}


@pytest.fixture(scope="module")
def times():
    return bought(500)


@pytest.fixture(scope="module")
def found(times):
    return life_cycle(STATES.log_of(times, 401 * DAY, min_people=1), activity=["buy"], silence="60 days")


def test_counts_are_those_of_a_loop_over_customers(found, times):
    table = found.table.set_index("month")
    counts = dict.fromkeys(((month, name) for month in table.index for name in COLUMN.values()), 0)
    for (month, _, now), n in STATES.counts_by_hand(times, 401 * DAY, 60 * DAY).items():
        counts[month, COLUMN[now]] += n
    assert {(month, name): table.loc[month, name] for month, name in counts} == counts
    assert (table[list(COLUMN.values())].sum(axis=1) == table["n"]).all()


def test_moves_are_those_of_a_loop_over_customers(found, times):
    moves = found.more("flows").set_index(["state_before", "state"])["n_moves"]
    expected = {}
    for (_, before, now), n in STATES.counts_by_hand(times, 401 * DAY, 60 * DAY).items():
        if before:
            expected[before, now] = expected.get((before, now), 0) + n
    assert moves.to_dict() == expected
    shares = found.more("flows").groupby("state_before")["share"].sum()
    assert shares.to_numpy() == pytest.approx(1)


def test_what_was_said_of_a_month_is_said_again_later(times, found):
    past = {name: [at for at in listed if at < 200 * DAY] for name, listed in times.items()}
    log = STATES.log_of({name: listed for name, listed in past.items() if listed}, 200 * DAY, min_people=1)
    early = life_cycle(log, activity=["buy"], silence="60 days").table
    assert early.equals(found.table.head(len(early)))


@pytest.mark.parametrize("seed", range(5))
def test_hidden_moves_do_not_follow_from_the_totals_of_the_states(seed):
    rng = np.random.default_rng(seed)
    moves = rng.poisson(rng.choice([0, 2, 30, 200], (5, 5))).astype(float)
    moves[:, 0] = 0
    hide = _hidden(moves, moves, 5)
    assert hide[(moves > 0) & (moves < 5)].all()
    assert not (hide.sum(axis=1) == 1).any()
    assert not (hide[:, 1:].sum(axis=0) == 1).any()


def test_small_groups_are_hidden(times):
    result = life_cycle(STATES.log_of(bought(60), 401 * DAY, min_people=8), activity=["buy"], silence="60 days")
    for name in ["n", *COLUMN.values()]:
        shown = result.table[name].dropna()
        assert ((shown == 0) | (shown >= 8)).all()
    people = result.more("flows")["n_people"].dropna()
    assert ((people == 0) | (people >= 8)).all()


def test_it_speaks_french(found):
    english = json.dumps(found.card())
    with using("fr"):
        card = found.card()
    said = [card["question"], card["answer"], card["definition"], *(table["caption"] for table in card["tables"])]
    assert not [text for text in said if json.dumps(text)[1:-1] in english]


@pytest.mark.parametrize("options", [{"activity": [], "silence": "60 days"}, {"activity": ["buy"], "silence": None}])
def test_without_an_activity_or_a_silence_it_is_said(options):
    log = from_frames(pd.DataFrame({"customer": ["a"], "at": [0], "event": ["buy"]}), as_of="1970-04-01")[0]
    with pytest.raises(NotEnoughDataError, match="names no activity or no silence"):
        life_cycle(log, **options)
