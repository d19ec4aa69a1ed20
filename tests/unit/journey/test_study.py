"""`open_study`: identity, null ids, cut-off, subsets, units, cache, pseudonyms."""

from __future__ import annotations

import stat

import pandas as pd
import pytest

from cjlib.analyses.funnel import funnel
from cjlib.analyses.said_and_done import said_and_done
from cjlib.core.errors import ParameterError
from cjlib.journey.study import open_study

STUDY = """
study: small
title: {en: A small one, fr: Une petite}
zone: Europe/Paris
as_of: 2026-02-01
language: en
sources:
  events:
    - path: web.csv
      format: {separator: ",", date: "%Y-%m-%d %H:%M", zone: Europe/Paris}
      columns: {customer: who, at: day, event: what}
      attributes: {session: session}
  responses:
    - path: said.csv
      format: {separator: ",", date: "%Y-%m-%d %H:%M", zone: Europe/Paris}
      columns: {customer: who, asked_at: asked, answered_at: answered, score: score}
      instrument: csat
      scale: [1, 5]
      invitations: complete
  customers:
    - {path: crm.csv, format: {separator: ","}, columns: {customer: who}, attributes: {persona: persona}}
  identity: {path: ids.csv, format: {separator: ","}, columns: {anonymous: cookie, customer: who}}
"""
WEB = """who,day,what,session
cookie-1,2026-01-01 10:00,visit,s1
00123,2026-01-02 10:00,purchase,s2
b,2026-01-05 09:00,visit,s1
,2026-01-06 09:00,visit,s9
,2026-01-07 09:00,purchase,s9
b,2026-02-01 00:00,purchase,s1
b,2026-02-01 00:01,visit,s3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CJ_KEY", "a key for the tests only")
    (tmp_path / "web.csv").write_text(WEB, encoding="utf-8")
    (tmp_path / "said.csv").write_text(
        "who,asked,answered,score\n00123,2026-01-01 12:00,2026-01-03 12:00,5\nb,2026-01-03 12:00,,\n"
        "nobody,2026-01-03 12:00,2026-01-04 12:00,1\n,2026-01-03 12:00,2026-01-04 12:00,1\n", encoding="utf-8"
    )  # fmt: skip
    (tmp_path / "crm.csv").write_text("who,persona\n00123,A\nb,B\n", encoding="utf-8")
    (tmp_path / "ids.csv").write_text("cookie,who\ncookie-1,00123\n", encoding="utf-8")
    (tmp_path / "small.yml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def opened(folder, **kwargs):
    return open_study(folder / "small.yml", cache=folder / "cache", **kwargs)


def table(study, name):
    return study.engine.fetch(study.engine.table(study.store, name))


def test_an_anonymous_id_becomes_the_known_customer(folder):
    study = opened(folder)
    events = table(study, "events")
    units = events[events["event"].isin(["visit", "purchase"])].groupby("unit")["event"].agg(list).tolist()
    assert ["visit", "purchase"] in units  # the cookie's visit and the customer's purchase are one journey
    assert funnel(study.events, steps=["visit", "purchase"], window="none").params["steps"] == ["visit", "purchase"]


def test_rows_without_an_id_are_counted_and_never_joined(folder):
    study = opened(folder)
    files = {file["path"]: file for file in study.provenance["files"]}
    assert files["web.csv"]["set_aside"] == {"no customer id": 2}
    assert files["said.csv"]["set_aside"] == {"no customer id": 1}
    assert study.events.n_events == 4
    assert study.responses.n_invitations == 3


def test_the_cut_off_keeps_its_own_instant_and_nothing_after(folder):
    study = opened(folder)
    assert study.provenance["events_after_as_of"] == 1
    assert table(study, "events")["at"].max() == study.events.as_of_us
    assert study.info.as_of == "2026-02-01T00:00:00+01:00"


def test_no_raw_id_enters_the_store_and_another_key_gives_other_pseudonyms(folder, monkeypatch):
    first = table(opened(folder), "customers")["pseudonym"].tolist()
    for path in (folder / "cache").rglob("*.parquet"):
        frame = pd.read_parquet(path)
        text = frame.astype(str).to_numpy().ravel().tolist()
        assert "00123" not in text
        assert "cookie-1" not in text
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("CJ_KEY", "quite another key")
    assert not set(first) & set(table(opened(folder), "customers")["pseudonym"])


def test_the_store_is_built_once_and_rebuilt_when_a_byte_changes(folder):
    first = opened(folder).store.folder
    before = (first / "events.parquet").stat().st_mtime_ns
    assert opened(folder).store.folder == first
    assert (first / "events.parquet").stat().st_mtime_ns == before
    (folder / "web.csv").write_text(WEB + "b,2026-01-09 09:00,visit,s1\n", encoding="utf-8")
    again = opened(folder)
    assert again.store.folder != first
    assert again.events.n_events == 5
    assert not [path for path in (folder / "cache" / "stores").iterdir() if path.name.startswith(".building")]


def test_where_keeps_the_customers_of_one_value(folder):
    study = opened(folder, where="persona=B")
    assert (study.info.where, study.events.n_events, study.info.n_customers) == ("persona=B", 2, 1)
    assert study.responses.n_invitations == 1
    with pytest.raises(ParameterError, match="Known: A, B"):
        opened(folder, where="persona=C")
    with pytest.raises(ParameterError, match="Allowed: persona"):
        opened(folder, where="perso=C")
    with pytest.raises(ParameterError, match="attribute=value"):
        opened(folder, where="persona")


def test_a_finer_unit_splits_customers_and_is_named(folder):
    sessions = opened(folder).events.per(["customer", "session"])
    assert sessions.n_customers == 3  # (00123, s1), (00123, s2), (b, s1)
    assert sessions.info.unit == "customer-session pair"
    with pytest.raises(ParameterError, match="not in the event attributes"):
        opened(folder).events.per("basket")


def test_answers_of_people_without_behaviour_stay_and_have_nothing_before(folder):
    study = opened(folder)
    result = said_and_done(study.responses, study.events, event="purchase")
    assert result.params["n_answers"] == 2
    assert result.table["n"].isna().all()  # two people are too few to be shown


def test_the_key_file_is_private_and_said_once(folder, monkeypatch):
    monkeypatch.delenv("CJ_KEY")
    assert opened(folder).key_created
    assert not opened(folder).key_created
    (key,) = folder.rglob(".cjlib-key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_views_say_what_they_hold(folder):
    study = opened(folder)
    assert repr(study.events) == "<EventLog: 4 events, 3 customers, cut-off 2026-02-01T00:00:00+01:00>"
    html = study._repr_html_()
    assert "persona" in html
    assert "00123" not in html
