"""Questions of a study must use words that the data know."""

from __future__ import annotations

import duckdb
import pytest

from cjlib.core.errors import SchemaError
from cjlib.journey.study import open_study
from cjlib.sources.load import load
from cjlib.sources.study import read_study
from cjlib.sources.vocabulary import unknown_events

STUDY = """
study: small
title: Small
zone: UTC
as_of: 2026-02-01
sources:
  events:
    - path: web.csv
      format: {separator: ",", date: "%Y-%m-%d", zone: UTC}
      columns: {customer: who, at: day, event: what}
      attributes: {device: device}
funnels: [{name: buy, steps: [visit, purchas], window: 30 days}]
clocks: [{name: first, from: any, to: purchase, competing: [leave]}]
churn: {kind: non-contractual, activity: [purchase], silence: 30 days}
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "web.csv").write_text(
        "who,day,what,device\na,2026-01-01,visit,m\na,2026-01-02,purchase,m\nb,2026-01-03,visit,d\n", encoding="utf-8"
    )
    path = tmp_path / "small.yml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def test_every_unknown_word_is_named_with_its_place_and_the_nearest_one(study):
    con = duckdb.connect()
    spec = read_study(study)
    load(spec, study.parent, con)
    problems = [str(problem) for problem in unknown_events(con, spec)]
    assert len(problems) == 2
    assert "funnels[0].steps" in problems[0]
    assert "Did you mean 'purchase'" in problems[0]
    assert "clocks[0].competing" in problems[1]
    assert '"leave"' in problems[1]


def test_a_study_with_unknown_words_does_not_open(study, tmp_path):
    with pytest.raises(SchemaError, match="CJ-IN-005") as caught:
        open_study(study, cache=tmp_path / "cache")
    assert {problem.code for problem in caught.value.problems} == {"CJ-IN-005"}
    assert not list((tmp_path / "cache" / "stores").glob("*/meta.json"))


def test_words_that_the_data_know_are_no_problem(study, tmp_path):
    text = STUDY.replace("purchas]", "purchase]").replace("[leave]", "[visit]")
    study.write_text(text, encoding="utf-8")
    assert open_study(study, cache=tmp_path / "cache").events.n_events == 3
