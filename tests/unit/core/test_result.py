"""Result: one contract for every analysis."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.churn import churn, retention
from cjlib.analyses.churn_prediction import churn_prediction
from cjlib.analyses.comments_by_meaning import comments_by_meaning
from cjlib.analyses.conversion_drivers import conversion_drivers
from cjlib.analyses.customer_retention import customer_retention
from cjlib.analyses.data_quality import data_quality
from cjlib.analyses.distinctive_words import distinctive_words
from cjlib.analyses.drivers import score_drivers
from cjlib.analyses.funnel import funnel
from cjlib.analyses.interview_codes import interview_codes
from cjlib.analyses.interviews import who_to_interview
from cjlib.analyses.invitation_mix import invitation_mix
from cjlib.analyses.ledger import say_do_ledger
from cjlib.analyses.life_cycle import life_cycle
from cjlib.analyses.never_converters import never_converters
from cjlib.analyses.nonresponse import nonresponse
from cjlib.analyses.renewals import renewals
from cjlib.analyses.repeat_events import repeat_events
from cjlib.analyses.repeat_purchases import repeat_purchases
from cjlib.analyses.rolling_retention import rolling_retention
from cjlib.analyses.said_and_done import said_and_done, score_then_done
from cjlib.analyses.score_comparison import compare_scores
from cjlib.analyses.score_from_text import score_from_text
from cjlib.analyses.score_hazard import score_hazard
from cjlib.analyses.score_trend import score_trend
from cjlib.analyses.score_worth import score_worth
from cjlib.analyses.scores import scores
from cjlib.analyses.segment_scan import segment_scan
from cjlib.analyses.silence_threshold import silence_threshold
from cjlib.analyses.stage_times import stage_times
from cjlib.analyses.still_customers import still_customers
from cjlib.analyses.themes import themes
from cjlib.analyses.time_to_event import time_to_event
from cjlib.core.result import MIME, Kpi, Result
from cjlib.core.text import using
from cjlib.datasets.example import example_log, example_responses
from cjlib.datasets.simulate import simulate
from cjlib.datasets.subscription import subscriptions
from cjlib.journey.frames import from_frames
from cjlib.maps.model import Stage, journey_map

LOG, SAID = example_log(), example_responses()
STAGES = [Stage("Look", ("visit",)), Stage("Choose", ("cart",)), Stage("Buy", ("purchase",))]
ANSWERS = pd.DataFrame({
    "customer": [f"c{i}" for i in range(24)], "asked_at": 0, "answered_at": [i * 4 * 86_400_000_000 for i in range(24)],
    "instrument": "csat", "score": [5, 4, 2] * 8, "trigger": ["invited"] * 16 + ["spontaneous"] * 8,
})  # fmt: skip
LIVED = from_frames(
    pd.DataFrame({"customer": [f"c{i}" for i in range(0, 120, 2)], "at": 0, "event": "fee", "value": [1.0, 2.0] * 30}),
    responses=pd.DataFrame({"customer": [f"c{i}" for i in range(120)], "asked_at": 1, "answered_at": 2,
                            "instrument": "csat", "score": [1, 5, 2, 4, 3, 3, 1, 4, 5, 2] * 12}),
    as_of="1970-04-01", scales={"csat": (1, 5)},
)[::-1]  # fmt: skip
FEE = {"name": "Fee", "event": "fee", "measure": "highest"}
DOORS = from_frames(responses=ANSWERS, as_of="1970-04-01", scales={"csat": (1, 5)})[1]
LEAVES = {"name": "leaves", "said": "best", "absent": ["purchase"], "within": "5 days"}
TALKS = from_frames(
    interviews=pd.DataFrame({"customer": [f"c{i % 12}" for i in range(36)], "at": range(36), "coder": list("xxy") * 12,
                             "code": ["fees", "wait", "app", "fees"] * 9}),
    as_of="1970-02-01",
)[2]  # fmt: skip
PLANS = from_frames(
    pd.DataFrame({"customer": [*range(80), *range(0, 60, 2)], "at": [0] * 80 + [1] * 30,
                  "event": ["visit"] * 80 + ["purchase"] * 30}),
    customers=pd.DataFrame({"customer": range(80), "plan": ["a", "b"] * 40}), as_of="1970-03-01",
)[0]  # fmt: skip
SHOP = simulate(n_customers=1500, seed=3)
WORDS = from_frames(responses=SHOP.responses, as_of="2026-07-01", zone="Europe/Paris",
                    scales={"csat": (1, 5), "ces": (1, 7), "nps": (0, 10)})[1]  # fmt: skip
BOUGHT = from_frames(SHOP.events, as_of="2026-07-01", zone="Europe/Paris")[0]
BOUGHT = from_frames(SHOP.events, as_of="2026-07-01", zone="Europe/Paris")[0]
PLAN = from_frames(subscriptions(n_customers=300, months=6).events.assign(
    at=lambda frame: frame["at"].astype("datetime64[us]").astype("int64")), as_of="2025-01-01")[0]  # fmt: skip
MAKE = {
    "funnel": lambda: funnel(LOG, steps=["visit", "cart", "purchase"], window="30 days"),
    "time_to_event": lambda: time_to_event(LOG, start="visit", outcome="purchase", competing=["support"]),
    "churn": lambda: churn(LOG, kind="non-contractual", activity=["purchase"], silence="20 days"),
    "churn_prediction": lambda: churn_prediction(
        BOUGHT, kind="non-contractual", activity=["purchase"], silence="60 days", draws=100
    ),
    "rolling_retention": lambda: rolling_retention(LOG, activity=["visit", "purchase"], edges=["10 days", "20 days"]),
    "renewals": lambda: renewals(PLAN, start="start", end="end", ahead=2),
    "stage_times": lambda: stage_times(LOG, stages=[{"name": s.label, "events": s.events} for s in STAGES]),
    "repeat_events": lambda: repeat_events(BOUGHT, event="purchase"),
    "customer_retention": lambda: customer_retention(PLAN, start="start", end="end"),
    "retention": lambda: retention(LOG, activity=["visit", "cart", "purchase"]),
    "still_customers": lambda: still_customers(BOUGHT, activity=["purchase"], draws=20),
    "life_cycle": lambda: life_cycle(BOUGHT, activity=["purchase"], silence="60 days"),
    "repeat_purchases": lambda: repeat_purchases(BOUGHT, activity=["purchase"]),
    "silence_threshold": lambda: silence_threshold(BOUGHT, activity=["purchase"], silence="60 days", draws=50),
    "scores": lambda: scores(SAID, instrument="nps"),
    "score_comparison": lambda: compare_scores(DOORS, instrument="csat", by="trigger"),
    "score_trend": lambda: score_trend(DOORS, instrument="csat"),
    "invitation_mix": lambda: invitation_mix(DOORS, instrument="csat"),
    "nonresponse": lambda: nonresponse(SAID, LOG, instrument="nps"),
    "score_drivers": lambda: score_drivers(*LIVED, drivers=[FEE], instrument="csat", draws=100),
    "who_to_interview": lambda: who_to_interview(LOG, SAID, outcome="purchase", instrument="nps"),
    "interview_codes": lambda: interview_codes(TALKS),
    "said_and_done": lambda: said_and_done(SAID, LOG, event="purchase"),
    "score_then_done": lambda: score_then_done(SAID, LOG, outcome="purchase", within="10 days"),
    "score_hazard": lambda: score_hazard(SAID, LOG, outcome="purchase"),
    "conversion_drivers": lambda: conversion_drivers(LOG, start="visit", outcome="purchase", drivers=["cart"]),
    "never_converters": lambda: never_converters(LOG, start="visit", outcome="purchase"),
    "segment_scan": lambda: segment_scan(PLANS, start="visit", outcome="purchase", within="5 days"),
    "score_worth": lambda: score_worth(SAID, LOG, outcome="purchase", within="10 days"),
    "say_do_ledger": lambda: say_do_ledger(SAID, LOG, types=[LEAVES]),
    "comments_by_meaning": lambda: comments_by_meaning(WORDS, most=60, most_groups=3),
    "distinctive_words": lambda: distinctive_words(WORDS),
    "themes": lambda: themes(WORDS, n_learned=3),
    "score_from_text": lambda: score_from_text(WORDS),
    "data_quality": lambda: data_quality(LOG),
    "journey_map": lambda: journey_map(LOG, SAID, stages=STAGES),
}


KINDS = list(MAKE)


@pytest.fixture(params=KINDS, scope="module")
def result(request: pytest.FixtureRequest) -> Result:
    return MAKE[request.param]()


def test_every_kind_is_covered_here():
    assert set(KINDS) == set(Result.kinds)


def test_the_table_is_a_copy(result: Result):
    result.table["n"] = -1
    assert list(result.table.columns) == list(result.columns.names)


def test_the_json_form_is_strict_and_comes_back(result: Result):
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert Result.from_dict(json.loads(text)).to_dict() == json.loads(text)


def test_the_same_question_gives_the_same_bytes(result: Result):
    again = MAKE[result.kind]()
    assert again._repr_html_() == result._repr_html_()
    assert again.equals(result)


def test_the_page_block_holds_question_answer_definition_and_described_figure(result: Result):
    block = result._repr_mimebundle_()[MIME]
    card = block["card"]
    assert card["question"].endswith("?")
    assert card["answer"].endswith(".")
    assert card["definition"]
    for figure in card["figures"]:
        assert figure["svg"].lstrip().startswith("<svg")
        assert len(figure["alt"]) >= 40
        assert any(sign.isdigit() for sign in figure["alt"])
    for table in card["tables"]:
        assert table["caption"]
        assert all(len(row) == len(table["columns"]) for row in table["rows"])


def test_no_nan_inf_or_none_is_shown(result: Result):
    for lang in ("en", "fr"):
        with using(lang):
            card = MAKE[result.kind]().card()
        texts = [card["answer"], *[cell for table in card["tables"] for row in table["rows"] for cell in row]]
        assert not [text for text in texts if text.strip().lower() in ("nan", "inf", "none", "<na>")]
        assert "nan" not in card["answer"].lower().split()


def test_columns_are_explained_in_their_contract(result: Result):
    assert all(column.label or column.unit for column in result.columns.columns)
    assert result.columns.caption


def test_a_result_counts_the_tests_behind_its_numbers():
    pairs = MAKE["score_comparison"]()
    assert pairs.comparisons == pairs.table["p_value"].notna().sum() > 0
    assert MAKE["funnel"]().comparisons == 0
    words = MAKE["distinctive_words"]()
    assert words.comparisons == words.params["n_comparisons"] > len(words.table)


def test_a_headline_does_not_tell_what_a_hidden_cell_of_its_table_holds():
    result = MAKE["rolling_retention"]()
    table = result.table.assign(n_at_risk=200, n_on=3, n_after=60, estimate=3 / 200, after=0.3)
    few = Kpi(measure="few", label="Few", estimate=3 / 200, n=200, form="percent")
    many = Kpi(measure="many", label="Many", estimate=0.3, n=200, form="percent")
    made = type(result).build(table, data=replace(result.data, min_people=5), params={}, kpis=[few, many])
    assert np.isnan(made.kpi("few").estimate)
    assert made.kpi("many").estimate == 0.3
