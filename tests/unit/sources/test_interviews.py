"""Coded interviews are read like any other source: nothing guessed, nothing lost, nothing silent."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from cjlib.core.errors import NotEnoughDataError, ParameterError, SchemaError
from cjlib.journey.frames import from_frames
from cjlib.journey.study import open_study
from cjlib.journey.tables import Interviews
from cjlib.sources.quality import ALIKE, LATE_PASSAGES, TOLD_ONLY, summary

EVENTS = "id,at,event\na,2026-01-01,visit\nb,2026-01-02,visit\nc,2026-01-03,visit\n"
COLUMNS = {"customer": "who", "at": "day", "code": "code", "note": "note", "coder": "coder", "interview": "nr"}
SOURCE = {"path": "i.csv", "columns": COLUMNS, "format": {"zone": "UTC"}}
HEAD = "who,day,code,note,coder,nr\n"


def read(reader, content, **more):
    return reader.write(e=EVENTS, i=content).both(interviews=[{**SOURCE, **more}])


def test_a_passage_with_several_codes_becomes_one_row_per_code(reader):
    loaded = read(reader, HEAD + "a,2026-02-01, fees | wait |,x,one,7\na,2026-02-01,app,y,two,7\n", code_separator="|")
    assert reader.rows("SELECT customer, code, note, coder, interview FROM raw_interviews ORDER BY code") == [
        ("a", "app", "y", "two", "7"), ("a", "fees", "x", "one", "7"), ("a", "wait", "x", "one", "7")]  # fmt: skip
    report = next(file for file in loaded.files if file.kind == "interviews")
    assert (report.rows_in, report.rows_used, report.set_aside) == (2, 2, {})


def test_without_a_separator_a_cell_is_one_code(reader):
    read(reader, HEAD + "a,2026-02-01,fees | wait,x,one,7\n")
    assert reader.rows("SELECT code FROM raw_interviews") == [("fees | wait",)]


def test_codes_are_renamed_after_they_were_cut_and_counted_once(reader):
    read(reader, HEAD + "a,2026-02-01,Fees|fees,x,one,7\n", code_separator="|", rename={"Fees": "fees"})
    assert reader.rows("SELECT code FROM raw_interviews") == [("fees",)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2026-02-01,fees,x,one,7", "no customer id"),
        ("a,2026-02-01,,x,one,7", "no code"),
        ("a,2026-02-01,   ,x,one,7", "no code"),
        ("a,2026-02-01,| |,x,one,7", "no code"),
        ("a,2026-02-01,wait,x,one,7", "exact duplicate"),
    ],
)
def test_a_row_that_cannot_be_counted_is_set_aside_with_its_reason(reader, row, reason):
    loaded = read(reader, HEAD + "a,2026-02-01,wait,x,one,7\n" + row + "\n", code_separator="|")
    report = next(file for file in loaded.files if file.kind == "interviews")
    assert report.set_aside == {reason: 1}
    assert reader.rows("SELECT count(*) FROM raw_interviews") == [(1,)]


def test_every_fault_of_the_file_is_told_at_once(reader):
    with pytest.raises(SchemaError) as caught:
        read(reader, HEAD + "a,someday,fees,x,one,7\nb,,fees,x,one,7\nc,31/12/2026,wait,x,one,7\n")
    message = str(caught.value)
    assert "i.csv" in message
    assert "someday" in message
    assert 'column "day"' in message
    assert len(caught.value.problems) >= 2


def test_a_missing_column_is_named_with_the_nearest_one(reader):
    with pytest.raises(SchemaError, match="Did you mean 'koder'"):
        read(reader, "who,day,code,note,koder,nr\na,2026-02-01,fees,x,one,7\n")


def test_words_of_the_workbench_are_refused_as_attributes(reader):
    with pytest.raises(SchemaError, match="'coder' is a word of coded interviews"):
        read(reader, HEAD, attributes={"coder": "nr"})


def test_an_interview_file_alone_is_no_study(reader):
    with pytest.raises(SchemaError, match="at least one source under events or responses"):
        reader.spec(interviews=[SOURCE])


def test_quality_tells_late_passages_strangers_and_codes_that_look_alike(reader):
    content = HEAD + "a,2026-02-01,Délai,x,one,1\nz,2026-02-01,delai,x,one,2\nb,2031-02-01,fees,x,one,3\n"
    loaded = read(reader, content)
    spec = reader.spec(events=[{"path": "e.csv", "columns": {"customer": "id", "at": "at", "event": "event"},
                                "format": {"zone": "UTC"}}], interviews=[SOURCE])  # fmt: skip
    found = summary(reader.con, spec, loaded).set_index("check")
    assert found.loc[LATE_PASSAGES, ["n", "of"]].tolist() == [1, 3]
    assert found.loc[TOLD_ONLY, ["n", "of"]].tolist() == [1, 3]
    assert found.loc[ALIKE, ["n", "of", "detail"]].tolist() == [2, 3, "Délai = delai"]


# --- from the file to the table -----------------------------------------------------------------------
STUDY = """
study: talks
title: Talks
zone: Europe/Paris
as_of: 2026-04-01
data: .
sources:
  events:
    - {path: e.csv, columns: {customer: id, at: at, event: event}, format: {zone: UTC}}
  customers: {path: c.csv, columns: {customer: id}, attributes: {region: region}}
  interviews:
    path: i.csv
    columns: {customer: who, at: day, code: code, note: note, coder: coder}
    format: {zone: UTC}
    code_separator: "|"
    attributes: {place: place}
"""
TALKS = (
    "who,day,code,note,coder,place\n"
    "a,2026-02-01T09:00,fees|wait,my name is Zoe,one,shop\n"
    "a,2026-02-01T09:00,wait,,two,shop\n"  # same day: the same interview
    "a,2026-02-01T23:30,app,,one,phone\n"  # the next day in Paris: another interview
    "b,2026-02-02T09:00,fees,,one,shop\n"
    "b,2026-05-02T09:00,late,,one,shop\n"  # after the cut-off
)


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setenv("CJ_KEY", "a long key for these tests")
    for name, text in {"talks.yml": STUDY, "e.csv": EVENTS, "i.csv": TALKS,
                       "c.csv": "id,region\na,north\nb,south\nc,south\n"}.items():  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
    return open_study(tmp_path / "talks.yml", cache=tmp_path / "cache")


def test_an_interview_is_one_customer_and_one_day_of_the_zone_unless_the_file_says_otherwise(study):
    talks = study.interviews
    assert (talks.n_interviews, talks.n_interviewed) == (3, 2)
    frame = talks.frame(["interview", "code", "coder", "place", "region", "note"])
    assert frame.groupby("interview")["code"].agg(lambda codes: sorted(set(codes))).tolist() in (
        [["fees", "wait"], ["app"], ["fees"]],
        [["fees"], ["fees", "wait"], ["app"]],
    )
    assert "late" not in frame["code"].tolist()
    assert set(frame["region"]) == {"north", "south"}
    assert talks.attributes == ("place", "region")


def test_a_filter_on_customers_applies_to_their_interviews(study):
    south = study.where("region=south")
    assert (south.interviews.n_interviews, south.interviews.n_interviewed) == (1, 1)
    assert south.interviews.frame(["code"])["code"].tolist() == ["fees"]


def test_no_id_enters_the_store_and_the_counts_travel_with_it(study):
    meta = json.loads((study.store.folder / "meta.json").read_text(encoding="utf-8"))
    assert (meta["n_interviews"], meta["n_interviewed"], meta["interview_attributes"]) == (3, 2, ["place"])
    frame = study.engine.fetch(study.interviews.table)
    assert not {"a", "b"} & set(frame.astype(str).to_numpy().ravel())
    assert set(frame.columns) == {"passage", "unit", "at", "interview", "code", "note", "coder", "place"}
    assert frame["passage"].sort_values().tolist() == list(range(len(frame)))


def test_a_finer_unit_keeps_the_interviews_with_the_first_unit_of_their_customer():
    events = pd.DataFrame({"customer": list("aab"), "at": [0, 1, 2], "event": "visit", "session": ["1", "2", "3"]})
    talks = pd.DataFrame({"customer": ["a", "b"], "at": [5, 6], "code": ["fees", "app"]})
    log, _, told = from_frames(events, interviews=talks, as_of="1970-02-01")
    finer = log.per("session")
    assert (finer.store.meta["n_interviews"], finer.store.meta["n_interviewed"]) == (2, 2)
    assert len(finer.engine.fetch(finer.engine.table(finer.store, "interviews"))) == told.n_interviews == 2


def test_frames_without_a_code_column_are_refused():
    with pytest.raises(ParameterError, match="interviews lack the columns"):
        from_frames(interviews=pd.DataFrame({"customer": ["a"], "at": [0]}), as_of="1970-02-01")


def test_a_study_without_interviews_says_so():
    log, _ = from_frames(pd.DataFrame({"customer": ["a"], "at": [0], "event": "visit"}), as_of="1970-02-01")
    none = Interviews(log.store, log.engine, log.info)
    assert none.n_interviews == 0
    with pytest.raises(NotEnoughDataError, match="no coded interviews"):
        none.frame(["code"])
