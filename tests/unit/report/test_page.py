"""The calls of a report notebook, and what they show."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
from IPython.display import display

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import language, using
from cjlib.report import asked, blocks, page
from cjlib.report.context import MIME
from cjlib.sources.study import StudySpec

SMALLEST = {
    "study": "small", "title": "Small", "zone": "UTC", "as_of": "2026-01-01",
    "sources": {
        "events": [{"path": "a.csv", "format": {"date": "iso"}, "columns": {"customer": "c", "at": "t", "event": "e"}}]
    },
    "funnels": [{"name": "buy", "steps": ["a", "b"], "window": "30 days"}], "language": "fr",
}  # fmt: skip


def funnel(log, *, steps, window="30 days", by="(default)", confidence=0.95):
    if "never" in steps:
        raise NotEnoughDataError("Nobody came.")
    return (log, steps, window, by, confidence)


@pytest.fixture
def shown(monkeypatch):
    """Everything displayed, as bundles."""
    bundles = []

    def keep(something):
        own = getattr(something, "_ipython_display_", None)
        if own is not None:
            own()
        else:
            bundle = getattr(something, "_repr_mimebundle_", dict)()
            bundles.append(bundle or {"text/plain": repr(something)})

    monkeypatch.setattr("IPython.display.display", keep)
    assert display is not keep
    return bundles


@pytest.fixture
def study(monkeypatch, tmp_path):
    """A study without data; what `open_study` was asked is in `.asked`."""
    files = [{"path": "<b>web.csv", "sha256": "ab" * 32, "rows_in": 1241, "rows_used": 1240, "set_aside": {"x": 1}}]
    opened = SimpleNamespace(
        title="Boutique <1>",
        spec=StudySpec.model_validate(SMALLEST),
        provenance={"as_of": "2026-01-01", "zone": "Europe/Paris", "first": "2025", "last": "2026", "files": files},
        events="events", responses="responses", customers="customers", asked=[],
    )  # fmt: skip

    def open_study(path, *, data=None, where=None):
        opened.asked.append((path, data, where, language()))
        return opened

    module = ModuleType("cjlib.journey.study")
    module.open_study = open_study
    monkeypatch.setitem(sys.modules, "cjlib.journey.study", module)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "demo.yml").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    with using("en"):
        yield opened


def test_start_opens_the_study_and_shows_what_the_numbers_rest_on(study, shown):
    made = page.start(study="studies/demo.yml", run_id="r1", where="persona=Camille")
    (bundle,) = shown
    block = bundle[MIME]
    assert (block["block"], block["study"], block["title"], block["lang"]) == ("start", "Boutique <1>", "", "fr")
    assert block["provenance"]["files"][0]["rows_used"] == 1240
    assert block["provenance"]["software"]["pandas"]
    assert block["params"] == {
        "study": "studies/demo.yml", "data": "", "lang": "fr", "where": "persona=Camille",
    }  # fmt: skip
    assert study.asked[0][2] == "persona=Camille"
    assert (made.events, made.responses, made.customers) == ("events", "responses", "customers")
    assert [given["name"] for given in made.funnels()] == ["buy"]
    assert made.funnels("region")[0]["by"] == "region"
    assert (made.clocks(), made.churn) == ((), ())


def test_the_plain_page_escapes_what_comes_from_data(study, shown):
    page.start(study="studies/demo.yml", lang="en")
    (bundle,) = shown
    assert "<b>" not in bundle["text/html"]
    assert "&lt;b&gt;web.csv" in bundle["text/html"]
    assert "1,240 rows used, 1 set aside, SHA-256 abababababab" in bundle["text/plain"]


def test_the_language_given_wins_over_that_of_the_study(study, shown):
    page.start(study="studies/demo.yml", lang="en")
    assert language() == "en"
    assert study.asked[0][3] == "en"
    page.start(study="studies/demo.yml")
    assert language() == "fr"


def test_a_study_is_found_from_the_folders_below_it(study, shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "notebooks")
    page.start(study="studies/demo.yml")
    assert study.asked[0][0].samefile(tmp_path / "studies" / "demo.yml")
    with pytest.raises(ParameterError, match=r"study='studies/none\.yml' is not found") as caught:
        page.start(study="studies/none.yml")
    assert caught.value.code == "CJ-RP-006"
    with pytest.raises(ParameterError, match="data='nowhere' is not found"):
        page.start(study="studies/demo.yml", data="nowhere")


def test_an_answer_is_returned_and_counted_and_a_missing_one_is_said():
    made = page.Page(study=None, run_id="r1")
    assert made.ask(funnel, "log", steps=["a"], window="1 day") == ("log", ["a"], "1 day", "(default)", 0.95)
    missing = made.ask(funnel, "log", steps=["never"], window="1 day")
    bundle = missing._repr_mimebundle_()
    assert bundle[MIME] == {
        "block": "missing", "what": "This question cannot be answered from these data.",
        "why": "Nobody came.", "next": "", "asked": True,
    }  # fmt: skip
    assert "Nobody came." in bundle["text/html"]
    assert len(made.shown) == 1


def test_other_errors_of_an_analysis_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        page.Page(study=None).ask(lambda: 1 / 0)


def test_each_declaration_fills_the_arguments_that_the_analysis_takes(shown):
    class Log:
        def per(self, unit):
            return f"log per {unit}"

    log = Log()
    made = page.Page(study=None)
    specs = [
        {"name": "buy *now*", "steps": ["a", "b"], "by": "persona"},
        {"name": "session", "steps": ["c"], "unit": ["customer", "session"]},
        {"name": "none", "steps": ["never"], "by": None},
    ]
    answers = made.ask_each(funnel, log, specs, confidence=0.9)
    assert answers[0] == (log, ["a", "b"], "30 days", "persona", 0.9)
    assert answers[1] == ("log per ['customer', 'session']", ["c"], "30 days", "(default)", 0.9)
    assert isinstance(answers[2], page.Missing)
    answers._ipython_display_()
    assert [bundle.get("text/markdown") for bundle in shown] == [
        "### buy \\*now\\*", None, "### session", None, "### none", None,
    ]  # fmt: skip
    assert len(made.shown) == 2


def test_one_declaration_needs_no_heading_and_none_is_said(shown):
    made = page.Page(study=None)
    made.ask_each(funnel, "log", [{"name": "buy", "steps": ["a"]}])._ipython_display_()
    assert len(shown) == 1
    assert '"funnels"' in made.ask_each(funnel, "log", []).why


def test_words_that_python_reserves_become_the_arguments_they_stand_for():
    spec = StudySpec.model_validate(
        {**SMALLEST, "clocks": [{"name": {"en": "buy", "fr": "achat"}, "from": "visit", "to": "purchase"}]}
    )
    (given,) = asked.clocks(spec, by="persona")
    assert (given["start"], given["outcome"], given["by"], given["name"]) == (
        ("visit",),
        ("purchase",),
        "persona",
        "buy",
    )


def test_finish_shows_the_run_and_the_versions(shown):
    made = page.Page(study=None, run_id="r1")
    made.ask(funnel, "log", steps=["a"], window="1 day")
    assert made.finish() is None
    (bundle,) = shown
    assert {name: bundle[MIME][name] for name in ("block", "run_id", "n_results")} == {
        "block": "finish", "run_id": "r1", "n_results": 1,
    }  # fmt: skip
    assert "pandas" in bundle["text/html"]


@dataclass(frozen=True)
class Answered:
    """A result that made so many tests."""

    comparisons: int


def test_the_page_keeps_count_of_every_test_made_on_it(shown):
    made = page.Page(study=None, run_id="r1")
    for n in (3, 17):
        made.ask(lambda n=n: Answered(n))
    made.finish()
    (bundle,) = shown
    assert bundle[MIME]["comparisons"] == 20
    assert "20 tests were made for this page" in bundle["text/html"]
    assert "about 1 of them" in bundle["text/html"]


def test_a_question_that_makes_no_sense_in_the_study_shows_nothing(shown):
    made = page.Page(study=None, run_id="r1")
    for answer in (made.ask_each(funnel, "log", None), made.ask_if(False, funnel, "log")):
        assert len(answer) == 0
        blocks.display(answer)
    assert [bundle[MIME] for bundle in shown] == [{"block": "nothing"}] * 2
    assert made.shown == []


def test_the_last_quarter_is_one_that_was_over_at_the_cut_off():
    for as_of, first in (
        ("2026-07-01", "2026-04-01/2026-06-30"),
        ("2026-06-30T22:00:00+02:00", "2026-01-01/2026-03-31"),
    ):
        (found,) = asked.last_quarters(SimpleNamespace(as_of=as_of), ["nps"])
        assert found["periods"][1] == first
        assert found["periods"][0] < first


def test_only_instruments_whose_answers_came_in_several_ways_are_asked_for_their_doors():
    spec = SimpleNamespace(scores=SimpleNamespace(trigger="status", by=()))
    assert [one["instrument"] for one in asked.doors(spec, {"csat": 2, "nps": 1})] == ["csat"]
    assert asked.scores(spec, ["csat"]) == ({"name": "CSAT", "instrument": "csat", "trigger": "status"},)


LEFT_OUT = ("said_before", "said_after", "drivers", "coded", "doors", "scores_by", "comparisons", "words_by_stage")
NO_ANSWERS = "The study has no survey answers, so what customers say is unknown."
NO_EVENTS = "The study has no events, so behaviour cannot be described."
NO_DEEDS = "The study file does not say which deeds the answers are to be held against."
NO_WORDS = "No answer has a comment, so there are no words to read."


def opened(n_events, said, **declared):
    """A page on a study with so many events and these answers (rows of score, stage, comment)."""
    from cjlib.journey.frames import from_frames

    events = pd.DataFrame({"customer": ["a"] * n_events, "event": "visit", "at": range(n_events)})
    rows = [{"customer": "a", "asked_at": 1, "answered_at": 2, "instrument": "csat", **row} for row in said]
    log, responses = from_frames(events=events, responses=pd.DataFrame(rows) if rows else None, as_of="1970-02-01")
    spec = StudySpec.model_validate(SMALLEST | declared)
    return page.Page(study=SimpleNamespace(spec=spec, events=log, responses=responses))


@pytest.mark.parametrize(
    ("n_events", "said", "why"),
    [
        (1, [], {"scores": NO_ANSWERS, "say_do_ledger": NO_ANSWERS, "distinctive_words": NO_ANSWERS}),
        (0, [{"score": 4.0}], {"say_do_ledger": NO_EVENTS, "distinctive_words": NO_WORDS}),
        (1, [{"score": 4.0}], {"say_do_ledger": NO_DEEDS, "distinctive_words": NO_WORDS}),
        (1, [{"score": 4.0, "comment": "fine"}], {"say_do_ledger": NO_DEEDS}),
    ],
)
def test_what_a_study_lacks_is_said_once_per_page_and_the_rest_left_out(n_events, said, why):
    made = opened(n_events, said)
    specs = {"scores": made.scores, "say_do_ledger": made.ledger, "distinctive_words": made.words}
    assert {name: specs[name] for name in why} == dict.fromkeys(why, ())
    for name, sentence in why.items():
        asked_for = SimpleNamespace(__name__=name)
        missing = made.ask_each(asked_for, None, specs[name])
        assert (missing.why, missing.asked) == (sentence, False)
    assert [name for name in LEFT_OUT if getattr(made, name) is not None] == []
    if not said:
        assert (made.silent, made.trends, made.last_quarters, made.comments, made.words_after) == (None,) * 5


def test_a_study_that_declares_one_deed_is_not_told_what_else_it_could_declare():
    made = opened(1, [{"score": 4.0}], say_do=[{"name": "visit", "event": "visit"}])
    assert made.ledger is None
    assert [one["name"] for one in made.said_before] == ["visit"]
    assert made.said_after is None


def test_words_of_stages_are_asked_where_comments_are_about_several():
    one = [{"score": 4.0, "comment": "fine", "stage": "Order"}]
    assert opened(1, one).words_by_stage is None
    assert opened(1, [*one, {"score": 1.0, "comment": "late", "stage": "Delivery"}]).words_by_stage == ({},)
    assert opened(1, [*one, {"score": 1.0, "stage": "Delivery"}]).words_by_stage is None
