"""Forecasts of leaving: skill where there is something to know, none where there is not, no hindsight."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import cjlib as cj
from cjlib.analyses.at_risk import NULL, RFM, Asked, snapshot
from cjlib.analyses.churn_prediction import churn_prediction
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import using
from cjlib.journey.as_of import names_before
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000
CUT = "1970-07-20"  # day 200
SILENT = {"kind": "non-contractual", "activity": ["buy"], "silence": "40 days"}
CONTRACT = {"kind": "contractual", "start": "open", "end": "end", "horizon": "40 days"}


@functools.cache
def silent_world(effect=0.0, n=700, seed=3):
    """Each period of 40 days a customer buys once with chance 0.65, or less after complaints just before."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(n):
        complains = False
        for period in range(5):
            chance = 1 / (1 + np.exp(-(0.6 - effect * (complains - 0.5))))
            if period == 0 or rng.random() < chance:
                rows.append((f"p{person:04d}", 40 * period + rng.uniform(0.1, 39.9), "buy"))
            complains = rng.random() < 0.5
            if complains:
                rows.append((f"p{person:04d}", 40 * period + rng.uniform(20, 39.9), "complaint"))
    return table(rows)


@functools.cache
def contract_world(effect=1.5, n=1800, seed=5):
    """Contracts end at a constant rate, higher for the one third with an early fault; some people move away."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(n):
        opened, faulty = rng.uniform(0, 60), rng.random() < 1 / 3
        ends = opened + rng.exponential(250 / np.exp(effect * faulty))
        moves = opened + rng.exponential(600)
        rows.append((f"p{person:04d}", opened, "open"))
        if faulty:
            rows.append((f"p{person:04d}", opened + 1, "fault"))
        rows.append((f"p{person:04d}", min(ends, moves), "end" if ends < moves else "moved"))
    return table([row for row in rows if row[1] < 200])


def table(rows):
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    return events.assign(at=(events["at"] * DAY).astype("int64"), value=1.0)


def log_of(events, **options):
    return from_frames(events, as_of=CUT, **options)[0]


@functools.cache
def result(effect):
    return churn_prediction(log_of(silent_world(effect)), **SILENT, draws=200)


def row(found, model=None):
    return found.table.set_index("model").loc[model or found.params["chosen"]]


# --- recovery ------------------------------------------------------------------------------------
def test_a_risk_that_depends_on_what_is_known_is_foretold_and_calibrated():
    found = result(3.0)
    best = row(found)
    assert best["skill_low"] > 0.1
    assert best["auc_low"] > 0.65
    assert best["slope_low"] < 1.15
    assert best["slope_high"] > 0.85
    assert best["slope"] == pytest.approx(1, abs=0.3)
    assert "can be foretold better" in found.answer()
    added = found.more("added").set_index(["model", "than"])
    assert added.loc[(found.params["chosen"], RFM), "skill_low"] > 0.05  # only the complaint tells
    assert "It beats recency" in found.answer()
    # Complaints are the only thing that tells, by their number or by the number of late events.
    rests = found.more("rests").set_index("feature")
    assert rests.index[0] in {"number of: complaint", "events in the last 30 days", "days since the last event"}
    assert rests["lost"].iloc[0] > 0.1
    assert rests.loc["number of: complaint", "direction"] == "leaving"


def test_a_world_without_anything_to_know_is_told_as_such():
    found = result(0.0)
    assert row(found)["skill_low"] <= 0.0
    assert row(found)["skill_high"] > -0.02
    assert "does not beat the base rate: do not use it" in found.answer()
    assert "CJ-AN-223" in {note.code for note in found.notes}


def test_a_forecast_that_may_reach_no_more_leavers_than_chance_says_so():
    found = result(3.0)
    assert "Chance alone" not in found.answer()
    campaign = found.more("campaign")
    weak = replace(found, _more=found._more | {"campaign": campaign.assign(lift_low=0.9)})
    assert "Chance alone may do that (95 % CI 0.90 to" in weak.answer()


def test_events_are_named_as_on_the_page():
    log = replace(log_of(silent_world(3.0)), labels={"buy": "Purchase made"})
    made = churn_prediction(log, **SILENT, draws=100)
    assert made.params["activity"] == ["Purchase made"]
    assert "no Purchase made within" in made.definition()


def test_the_base_rate_is_that_of_the_earlier_period_and_has_no_skill():
    found = result(3.0)
    null = row(found, NULL)
    assert (null["skill"], null["auc"]) == (0, 0.5)
    events = silent_world(3.0)
    bought = {k: set(events.loc[(events["event"] == "buy") & (events["at"] // (40 * DAY) == k), "customer"])
              for k in range(5)}  # fmt: skip
    assert null["n_test"] == len(bought[3])
    assert null["n_event"] == len(bought[3] - bought[4])


def test_contracts_are_foretold_though_some_people_moved_away():
    found = churn_prediction(log_of(contract_world()), **CONTRACT, lost=["moved"], draws=200)
    best = row(found)
    assert best["skill_low"] > 0 or best["auc_low"] > 0.55
    assert best["slope"] == pytest.approx(1, abs=0.5)
    assert best["n_event"] + best["n_without"] == best["n_test"]
    assert found.more("rests").iloc[0]["feature"] in {
        "number of: fault",
        "number of activities",
        "events in the last 30 days",
    }


# --- no hindsight --------------------------------------------------------------------------------
def test_what_came_after_the_forecast_changes_the_judgement_and_no_forecast():
    events = silent_world(3.0)
    test_at = 160 * DAY + 1
    noise = events[events["at"] < test_at].assign(at=lambda f: test_at + f["at"] % (39 * DAY), event="complaint")
    plain, leaked = log_of(events), log_of(pd.concat([events, noise]))
    made = []
    for log in (plain, leaked):
        asked = Asked(log=log, responses=None, kind="non-contractual", activity=("buy",), silence_us=40 * DAY,
                      start="", end="", lost=(), horizon_us=40 * DAY, attributes=(), extra=None)  # fmt: skip
        made.append(snapshot(asked, test_at, names_before(log, at_us=test_at)))
    assert list(made[0].columns) == list(made[1].columns)
    for key, values in made[0].columns.items():
        np.testing.assert_array_equal(values, made[1].columns[key])


def facts(events, values, *, known_day):
    names = sorted(events["customer"].unique())
    return pd.DataFrame({"pseudonym": [hashlib.sha256(name.encode()).hexdigest() for name in names],
                         "known_at": int(known_day * DAY), "note": values(names)})  # fmt: skip


def leavers(events, at_us):
    later = set(events.loc[(events["event"] == "buy") & (events["at"] >= at_us) & (events["at"] < at_us + 40 * DAY),
                           "customer"])  # fmt: skip
    return lambda names: [float(name not in later) for name in names]


def test_a_planted_leak_is_caught_and_named():
    events = silent_world(0.0)
    extra = facts(events, leavers(events, 120 * DAY + 1), known_day=1)  # says that it was known early: it was not
    with pytest.raises(NotEnoughDataError, match='"note" knows the outcome: by itself it separates') as caught:
        churn_prediction(log_of(events), **SILENT, extra=extra, draws=100)
    assert caught.value.code == "CJ-AN-221"


def test_a_column_filled_for_leavers_only_is_caught():
    events = silent_world(0.0)
    gone = leavers(events, 120 * DAY + 1)
    extra = facts(events, lambda names: ["closed" if left else None for left in gone(names)], known_day=1)
    with pytest.raises(NotEnoughDataError, match='"note" knows the outcome'):
        churn_prediction(log_of(events), **SILENT, extra=extra, draws=100)


def test_an_instant_after_the_forecast_is_caught():
    events = silent_world(0.0)
    extra = facts(events, lambda names: [pd.Timestamp("1970-07-15", tz="UTC")] * len(names), known_day=1)
    with pytest.raises(NotEnoughDataError, match='"note" knows the future'):
        churn_prediction(log_of(events), **SILENT, extra=extra, draws=100)


def test_values_known_too_late_are_refused_and_counted():
    events = silent_world(0.0)
    extra = facts(events, leavers(events, 160 * DAY + 1), known_day=190)
    found = churn_prediction(log_of(events), **SILENT, extra=extra, draws=100)
    note = next(note for note in found.notes if note.code == "CJ-AN-226")
    n = int(row(found, NULL)["n_test"])
    assert note.message.startswith(f"{n} values of the columns given")
    plain = churn_prediction(log_of(events), **SILENT, draws=100)
    assert found.table.equals(plain.table)


def test_an_honest_column_helps():
    events = silent_world(0.0)
    rng = np.random.default_rng(8)
    truth = leavers(events, 160 * DAY + 1), leavers(events, 120 * DAY + 1), leavers(events, 80 * DAY + 1)
    parts = [facts(events, lambda names, f=f: np.where(rng.random(len(names)) < 0.25, rng.integers(0, 2, len(names)),
                                                       f(names)), known_day=day)
             for f, day in zip(truth, (159, 119, 79), strict=True)]  # fmt: skip
    found = churn_prediction(log_of(events), **SILENT, extra=pd.concat(parts), draws=100)
    assert row(found)["skill_low"] > 0.2


# --- sentences -----------------------------------------------------------------------------------
CANNOT = [
    ("few customers", {}, lambda e: e[e["customer"] < "p0100"], "CJ-AN-220"),
    ("nobody leaves", {"silence": "90 days"}, lambda e: e, "CJ-AN-220"),
    ("no history", {"silence": "150 days"}, lambda e: e, "CJ-AN-220"),
]


@pytest.mark.parametrize(("changed", "part", "code"), [c[1:] for c in CANNOT], ids=[c[0] for c in CANNOT])
def test_what_cannot_be_said_is_one_sentence(changed, part, code):
    with pytest.raises(NotEnoughDataError) as caught:
        churn_prediction(log_of(part(silent_world())), **{**SILENT, **changed}, draws=100)
    assert caught.value.code == code
    assert not re.search(r"nan|inf\b", str(caught.value))


@pytest.mark.parametrize(
    "changed",
    [{"silence": None}, {"kind": "contractual"}, {"capacity": 0}, {"attributes": ["persona"]}, {"activity": ["bye"]},
     {"extra": pd.DataFrame({"pseudonym": ["x"], "note": [1]})}],
    ids=["no silence", "no contract", "no capacity", "unknown attribute", "unknown activity", "no known_at"],
)  # fmt: skip
def test_what_is_asked_wrongly_is_refused(changed):
    with pytest.raises(ParameterError):
        churn_prediction(log_of(silent_world()), **{**SILENT, **changed}, draws=100)


@pytest.mark.parametrize("effect", [0.0, 3.0])
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_cell_and_sentence_is_readable(effect, lang):
    with using(lang):
        card = result(effect).card()
    words = [cell for part in card["tables"] for line in part["rows"] for cell in line] + card["answer"].split()
    assert not {"nan", "inf", "<na>", "none"} & {word.lower() for word in words}


# --- the list ------------------------------------------------------------------------------------
def test_the_list_goes_to_a_protected_file_and_nowhere_else(tmp_path):
    path = tmp_path / "risk-protected.csv"
    found = churn_prediction(log_of(silent_world(3.0)), **SILENT, draws=100, list_to=path)
    listed = pd.read_csv(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert listed["risk"].is_monotonic_decreasing
    events = silent_world(3.0)
    active = events.loc[(events["event"] == "buy") & (events["at"] >= 160 * DAY + 1), "customer"].unique()
    assert set(listed["pseudonym"]) == {hashlib.sha256(name.encode()).hexdigest() for name in active}
    assert not any(name in found._repr_html_() for name in listed["pseudonym"].head(20))


def test_a_forecast_without_skill_writes_no_list(tmp_path):
    path = tmp_path / "risk-protected.csv"
    found = churn_prediction(log_of(silent_world()), **SILENT, draws=200, list_to=path)
    assert not path.exists()
    assert "No list was written" in {note.code: note.message for note in found.notes}["CJ-AN-229"]


@pytest.mark.real
def test_grocery_households_are_foretold_out_of_time(real_data, root, tmp_path):
    study = cj.open_study(root / "studies" / "grocery.yml", data=real_data / "grocery_loyalty_campaigns",
                          cache=tmp_path)  # fmt: skip
    found = churn_prediction(study.events, kind="non-contractual", activity=["basket"], silence="60 days", draws=200)
    best = row(found)
    assert (best["n_test"], best["n_event"]) == (2230, 118)
    assert best["skill"] == pytest.approx(0.087, abs=0.01)
    assert best["auc"] == pytest.approx(0.833, abs=0.01)
    assert 0.01 < best["skill_low"] < best["skill_high"] < 0.16
    added = found.more("added").set_index(["model", "than"])
    assert added.loc[(found.params["chosen"], RFM), "skill_low"] < 0  # recency, frequency and value say it all
    campaign = found.more("campaign").set_index("model").loc[found.params["chosen"]]
    assert campaign["lift"] == pytest.approx(4.3, abs=0.3)


def test_instants_of_own_columns_that_are_text_are_a_clear_sentence():
    extra = pd.DataFrame({"pseudonym": ["p"], "known_at": ["2026-01-01"], "grade": [1.0]})
    events = pd.DataFrame({"customer": ["a"], "at": [0], "event": ["buy"]})
    log, _ = from_frames(events, as_of="1970-06-01")
    with pytest.raises(ParameterError, match="to_datetime"):
        churn_prediction(log, kind="non-contractual", activity=["buy"], silence="10 days", extra=extra)
