"""The study file: read as text, cast by its model, every breach told in the words of the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import yaml

from cjlib.core.errors import ParameterError, SchemaError
from cjlib.sources.stagemodels import STAGE_MODELS
from cjlib.sources.study import StudySpec, json_schema, localized, parse_study, read_study

BASE = """\
study: s
title: S
zone: Europe/Paris
as_of: 2026-10-01
sources:
  events:
    - path: web.csv
      columns: {customer: id, at: Date, event: Action}
      attributes: {session: Session}
"""


def breach(text: str) -> str:
    """Message of the breach of a study text."""
    with pytest.raises(SchemaError) as caught:
        parse_study(text, "my.yml")
    message = str(caught.value)
    for jargon in ("pydantic", "Input should", "value_error", "type=", "ValidationError", "model_type"):
        assert jargon not in message
    return message


def test_the_defaults_are_those_of_the_contract():
    spec = parse_study(BASE, "my.yml")
    assert (spec.language, spec.unit, spec.engine, spec.data) == ("en", "customer", "duckdb", ".")
    assert (spec.privacy.min_people, spec.privacy.min_people_verbatim, spec.privacy.key_env) == (5, 10, "CJ_KEY")
    assert spec.sources.events[0].path == ("web.csv",)
    assert spec.sources.events[0].format.date == ()


def test_a_study_is_frozen():
    spec = parse_study(BASE, "my.yml")
    with pytest.raises(ValueError, match="frozen"):
        spec.study = "other"


CUTS = [
    ("2026-10-01", "2026-09-30T22:00:00"),
    ("2026-10-01T08:00", "2026-10-01T06:00:00"),
    ("2026-10-01T08:00:00+00:00", "2026-10-01T08:00:00"),
    ("2026-10-01T08:00:00.000001Z", "2026-10-01T08:00:00.000001"),
]


@pytest.mark.parametrize(("written", "utc"), CUTS)
def test_the_cut_off_is_an_instant(written, utc):
    spec = parse_study(BASE.replace("2026-10-01", written), "my.yml")
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert spec.as_of_us == (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000


BREACHES = [
    ("study: s", "study: Été 2026", ["study: write a short name", "line 1"]),
    ("zone: Europe/Paris", "zone: Europe/Pari", ["zone:", "Did you mean 'Europe/Paris'?", "line 3"]),
    ("zone: Europe/Paris\n", "", ["zone: this key is missing", "CJ-IN-003"]),
    ("as_of: 2026-10-01", "as_of: 01/10/2026", ["as_of", "'01/10/2026'", "2026-10-01"]),
    ("title: S", "titel: S", ["titel: there is no such key", "did you mean 'title'?", "title: this key is missing"]),
    ("title: S", "title: {de: S}", ["title: write a text, or one per language (en, fr)"]),
    ("title: S", "title: S\nlanguage: de", ["language", 'Received "de"', "Expected: en, fr"]),
    ("title: S", "title: S\nengine: duckbd", ["engine", "did you mean 'duckdb'?", "Expected: duckdb, spark"]),
    ("title: S", "title: S\nprivacy: {min_people: 3}", ["privacy.min_people", "5 or more", 'Received "3"']),
    ("title: S", "title: S\ntitle: T", ["title: the key is written twice, at lines 2 and 3", "keep one"]),
    ("at: Date", "att: Date", ["sources.events[0].columns.att", "did you mean 'at'?", "line 8"]),
    ("at: Date, event: Action", "at: Date", ["sources.events[0]", "declare columns.at and columns.event"]),
    ("customer: id, ", "", ["sources.events[0].columns.customer: this key is missing"]),
    ("path: web.csv", "path: web.csv\n      format: {separator: ';;'}", ["format.separator", "one plain character"]),
    ("path: web.csv", "path: web.csv\n      format: {encoding: utf9}", ["format.encoding", "'utf9'", "cp1252"]),
    ("path: web.csv", "path: web.csv\n      format: {date: '%d/%m/%y'}", ["format.date", "two digits", "%Y"]),
    ("path: web.csv", "path: web.csv\n      format: {date: '%H:%M'}", ["format.date", "year, month and day"]),
    ("path: web.csv", "path: web.csv\n      format: {decimal: ',', thousands: ','}", ["the same character"]),
    ("path: web.csv", "path: web.csv\n      error_budget: few", ["error_budget", '"0.1 %"']),
    ("session: Session", "line: Session", ["attributes", "'line'", "word of the workbench"]),
    ("title: S", "title: S\nfunnels: [{name: f, steps: [a], window: 30}]",
     ["funnels[0].steps", "at least 2", "funnels[0].window", "with its unit"]),
    ("title: S", "title: S\nfunnels: [{name: f, steps: [a, b], window: none, unit: [customer, sesion]}]",
     ["'sesion' is declared by no source", "Did you mean 'session'?"]),
    ("title: S", "title: S\nclocks: [{name: c, from: any, to: b, by: persona}]", ["by: 'persona' is declared by no"]),
    ("title: S", "title: S\nchurn: {kind: contractual, start: a}", ["churn", "start and end"]),
    ("title: S", "title: S\nsay_do: [{name: x, event: a, deadline: promised}]", ["say_do.deadline", "'promised'"]),
    ("title: S", "title: S\nsay_do: [{name: x, outcome: a}]", ["say_do[0]", "within"]),
    ("title: S", "title: S\njourney: {stages: zendesk-3}", ["journey.stages", "{model: zendesk-3, events:"]),
    ("title: S", "title: S\njourney: {stages: {model: zendesk-3, events: {discover: [a]}}}",
     ["'discovery'", "reflection"]),
    ("title: S", "title: S\n\tx: 1", ["cannot be read as YAML", "line 3"]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "parts"), BREACHES)
def test_a_breach_names_the_key_what_was_given_and_what_is_allowed(old, new, parts):
    message = breach(BASE.replace(old, new))
    assert "my.yml" in message
    for part in parts:
        assert part in message


def test_all_breaches_are_told_at_once():
    message = breach(BASE.replace("zone: Europe/Paris", "zone: X").replace("at: Date", "att: Date") + "engine: x\n")
    assert all(part in message for part in ("zone:", "columns.att", "engine:"))


TRAPS = [
    ("keep: {country: [NO, SE]}", "keep.country[0]: NO without quotes is read by YAML as true or false", '"NO"'),
    (
        "keep: {postcode: [01000]}",
        "keep.postcode[0]: 01000 without quotes is read by YAML as another number",
        '"01000"',
    ),
    ("keep: {at: [12:30]}", "12:30 without quotes", '"12:30"'),
    ("keep: {n: [1_000]}", "1_000 without quotes", '"1_000"'),
    ("format: {missing: [null]}", "null without quotes means nothing", '"null"'),
    ("rename: {NO: no_answer}", "rename.NO: NO without quotes", '"NO"'),
]


@pytest.mark.parametrize(("line", "what", "then"), TRAPS)
def test_what_yaml_would_misread_is_told_in_a_sentence(line, what, then):
    message = breach(BASE + f"      {line}\n")
    assert what in message
    assert then in message


def test_quoted_texts_and_plain_words_are_taken_as_written():
    spec = parse_study(BASE + '      keep: {country: ["NO", SE], day: [2026-01-05], code: [007x, 7]}\n', "my.yml")
    assert spec.sources.events[0].keep == {"country": ("NO", "SE"), "day": ("2026-01-05",), "code": ("007x", "7")}


def test_anchors_and_merged_blocks_work():
    text = BASE.replace("path: web.csv", 'path: web.csv\n      format: &f {separator: ";", zone: UTC}')
    text += "    - path: b.csv\n      columns: {customer: id, at: Date, event: E}\n"
    text += '      format: {<<: *f, separator: "|"}\n'
    formats = [source.format for source in parse_study(text, "my.yml").sources.events]
    assert [(form.separator, form.zone) for form in formats] == [(";", "UTC"), ("|", "UTC")]


@pytest.mark.parametrize("model", sorted(STAGE_MODELS))
def test_a_built_in_model_needs_only_its_events(model):
    first = next(iter(STAGE_MODELS[model]))
    text = BASE + f"journey:\n  stages: {{model: {model}, events: {{{first}: [visit]}}}}\n"
    stages = parse_study(text, "my.yml").journey.stages
    assert len(stages) == int(model[-1])
    assert stages[0].events == ("visit",)
    assert [localized(stage.name, "fr") for stage in stages] == [label["fr"] for label in STAGE_MODELS[model].values()]


def test_a_clock_may_start_at_any_first_event():
    clock = parse_study(BASE + "clocks: [{name: c, from: any, to: buy, horizons: 7 days}]\n", "my.yml").clocks[0]
    assert (clock.from_, clock.to, clock.horizons, clock.resolution) == (("any",), ("buy",), ("7 days",), "exact")


def test_windows_are_microseconds_or_none():
    text = BASE + "funnels:\n  - {name: a, steps: [x, y], window: none}\n  - {name: b, steps: [x, y], window: 2 h}\n"
    assert [funnel.window_us for funnel in parse_study(text, "my.yml").funnels] == [None, 7_200_000_000]


def test_a_study_that_is_not_there_offers_its_neighbour(tmp_path):
    (tmp_path / "boutique.yml").write_text(BASE)
    with pytest.raises(ParameterError, match=r"Did you mean 'boutique\.yml'"):
        read_study(tmp_path / "boutik.yml")
    assert read_study(tmp_path / "boutique.yml").study == "s"


def test_the_published_schema_is_current(root):
    published = json.loads((root / "docs" / "study.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema(), "run: python -m cjlib.sources.study > docs/study.schema.json"


def test_every_key_of_the_schema_is_described():
    schema = json_schema()
    assert schema["description"]
    assert set(schema["properties"]) == set(StudySpec.model_fields)
    bare = [name for name, part in schema["$defs"].items() if not part.get("description")]
    assert bare == []


@pytest.mark.parametrize("name", ["olist", "loans", "grocery", "fr_banks", "ecom", "demo"])
def test_the_studies_of_the_project_keep_their_own_contract(root, name):
    path = root / "studies" / f"{name}.yml"
    assert read_study(path).study == name
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["zone"] == read_study(path).zone
