"""The same questions on both engines give the same answers."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from cjlib.analyses.churn import churn, retention
from cjlib.analyses.conversion_drivers import conversion_drivers
from cjlib.analyses.customer_retention import customer_retention
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
from cjlib.journey.engine import DuckEngine, Engine
from cjlib.journey.frames import from_frames
from cjlib.journey.tables import Interviews
from cjlib.maps.model import Stage, journey_map

DAY = 86_400_000_000
COMMENTS = (
    "The delivery came late and nobody answered my questions about it",
    "Very good service and a fast delivery, thank you so much",
    "The fees were hidden until the last page and that is not fair",
    "I found what I was looking for and the price was good",
    None,
)


def random_study(engine: Engine, folder, seed: int = 7):
    rng = np.random.default_rng(seed)
    n = 4000
    events = pd.DataFrame({
        "customer": [f"c{i:04d}" for i in rng.integers(0, 400, n)],
        "at": rng.integers(0, 200, n) * DAY // 2,  # half days: ties exist
        "event": rng.choice(["visit", "cart", "purchase", "unsubscribe"], n, p=[0.5, 0.3, 0.15, 0.05]),
        "channel": rng.choice(["web", "mail", None], n),
        "session": rng.choice([f"s{i}" for i in range(9)], n),
    })  # fmt: skip
    said = pd.DataFrame({
        "customer": [f"c{i:04d}" for i in range(0, 400, 2)], "asked_at": rng.integers(50, 60, 200) * DAY,
        "instrument": "csat", "score": rng.choice([1, 2, 3, 4, 5, np.nan], 200),
        "stage": rng.choice(["Look", "Buy"], 200),
    })  # fmt: skip
    place = said["score"].fillna(5).astype(int) + np.arange(200) // 2 % 2
    said["comment"] = [COMMENTS[int(one) % 5] for one in place]
    said["answered_at"] = np.where(said["score"].notna(), said["asked_at"] + DAY, np.nan)
    customers = pd.DataFrame({"customer": [f"c{i:04d}" for i in range(400)], "persona": rng.choice(["A", "B"], 400)})
    customers["promised"] = pd.Timestamp("1970-02-20", tz="UTC")
    talks = pd.DataFrame({
        "customer": [f"c{i:04d}" for i in rng.integers(0, 40, 150)], "at": rng.integers(60, 90, 150) * DAY,
        "code": rng.choice(["fees", "wait", "app"], 150), "coder": rng.choice(["one", "two"], 150),
    })  # fmt: skip
    return from_frames(events, responses=said, interviews=talks, customers=customers, as_of="1970-04-15",
                       zone="Europe/Paris", scales={"csat": (1, 5)}, folder=folder, engine=engine,
                       min_people=5)[:2]  # fmt: skip


def answers(log, said) -> dict[str, dict]:
    stages = [Stage("Look", ("visit",)), Stage("Choose", ("cart",)), Stage("Buy", ("purchase",))]
    steps = ["visit", "cart", "purchase"]
    drivers = [{"name": "Bought", "event": "purchase"}, {"name": "Touches", "event": "any", "measure": "count"},
               {"name": "Cart late", "event": "cart", "measure": "late", "deadline": "promised"}]  # fmt: skip
    results = {
        "funnel": funnel(log, steps=steps, window="20 days", by="persona"),
        "funnel by channel": funnel(log, steps=steps, window="20 days", entry="best", by="channel"),
        "funnel per session": funnel(log.per(["customer", "session"]), steps=steps, window="none"),
        "time": time_to_event(log, start="visit", outcome="purchase", competing=["unsubscribe"], by="persona"),
        "segments": segment_scan(
            log, start="visit", outcome="purchase", competing=["unsubscribe"], within=["10 days", "20 days"], min_n=20
        ),
        "churn": churn(log, kind="non-contractual", activity=["purchase"], silence="20 days"),
        "silence": silence_threshold(log, activity=["purchase"], within="30 days", draws=20),
        "still": still_customers(log, activity=["purchase"], draws=20),
        "states": life_cycle(log, activity=["purchase"], silence="30 days"),
        "again": repeat_purchases(log, activity=["purchase"], horizons=["10 days", "30 days"], by="persona"),
        "again by channel": repeat_purchases(log, activity=["visit"], horizons=["10 days"], by="channel"),
        "contract": churn(log, kind="contractual", start="visit", end="unsubscribe"),
        "rolling": rolling_retention(log, activity=["visit", "cart"], edges=["5 days", "10 days"]),
        "renewals": renewals(log, start="visit", end="unsubscribe", period="7 days"),
        "stages": stage_times(log, stages=[{"name": s.label, "events": s.events} for s in stages]),
        "repeats": repeat_events(log, event="purchase", by="persona"),
        "kept": customer_retention(log, start="visit", end="unsubscribe"),
        "retention": retention(log, activity=["visit", "cart"]),
        "scores": scores(said, instrument="csat", by="persona"),
        "compared": compare_scores(said, instrument="csat", by="persona"),
        "trend": score_trend(said, instrument="csat"),
        "doors": invitation_mix(said, instrument="csat", by="stage"),
        "drivers": score_drivers(said, log, drivers=drivers, instrument="csat", draws=100),
        "before": said_and_done(said, log, event="purchase", deadline="promised"),
        "silent": nonresponse(said, log, instrument="csat", deadlines={"purchase": "promised"}),
        "after": score_then_done(said, log, outcome="purchase", within="20 days"),
        "ledger": say_do_ledger(
            said,
            log,
            types=[
                {"name": "one", "said": "best", "after": ["cart"], "absent": ["purchase"], "within": "10 days"},
                {"name": "two", "said": "worst", "before": ["purchase"], "end": ["unsubscribe"]},
            ],
        ),
        "words by score": distinctive_words(said, groups="score"),
        "words by stage": distinctive_words(said, groups="stage"),
        "words before leaving": distinctive_words(
            said, groups="outcome", log=log, outcome="purchase", within="20 days"
        ),
        "themes": themes(said, log=log, outcome="purchase", within="20 days", n_learned=2),
        "score from text": score_from_text(said),
        "whom to interview": who_to_interview(log, said, outcome="purchase", instrument="csat", by="persona"),
        "worth": score_worth(said, log, outcome="purchase", within="10 days", draws=100),
        "interviews": interview_codes(Interviews(log.store, log.engine, log.info), by="persona"),
        "hazard of drivers": conversion_drivers(
            log,
            start="visit",
            outcome="purchase",
            competing=["unsubscribe"],
            drivers=["cart", *drivers[1:2]],
            adjust=["persona"],
        ),
        "never": never_converters(log, start="visit", outcome="purchase", competing=["unsubscribe"], by="persona"),
        "hazard of scores": score_hazard(said, log, outcome="purchase", end=["unsubscribe"], ages=["10 days"]),
        "map": journey_map(log, said, stages=stages),
    }
    return {name: {key: value for key, value in result.to_dict().items() if key != "data"}
            for name, result in results.items()}  # fmt: skip


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_and_duckdb_agree_on_every_analysis(tmp_path):
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17")
    from cjlib.journey.engine import SparkEngine

    expected = answers(*random_study(DuckEngine(), tmp_path / "duck"))
    found = answers(*random_study(SparkEngine(), tmp_path / "spark"))
    assert found.keys() == expected.keys()
    for name, part in expected.items():
        assert found[name] == part, name


def test_blocks_of_any_size_give_the_same_counts(tmp_path, monkeypatch):
    import cjlib.journey.engine as module

    log, _ = random_study(DuckEngine(), tmp_path / "one")
    whole = funnel(log, steps=["visit", "cart", "purchase"], window="20 days", entry="best").to_dict()
    plain = module.blocks
    for rows in (1, 7, 100):
        monkeypatch.setattr(module, "blocks", lambda store, columns=(), rows=rows: plain(store, columns, rows=rows))
        assert funnel(log, steps=["visit", "cart", "purchase"], window="20 days", entry="best").to_dict() == whole


def test_shuffled_input_gives_the_same_bytes(tmp_path):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({
        "customer": rng.choice(list("abcdef"), 300), "at": rng.integers(0, 30, 300) * DAY,
        "event": rng.choice(["x", "y", "z"], 300), "device": rng.choice(["m", "d"], 300),
    })  # fmt: skip
    for place, part in enumerate([frame, frame.sample(frac=1, random_state=1)]):
        folder = tmp_path / str(place)
        from_frames(part, as_of="1970-03-01", folder=folder)
    files = [(tmp_path / str(place) / "events.parquet").read_bytes() for place in (0, 1)]
    assert files[0] == files[1]
