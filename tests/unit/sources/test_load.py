"""From files to raw tables: nothing is lost uncounted, and every declaration does what it says."""

from __future__ import annotations

import gzip
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlib.sources.load import load

HEAD = "id,at,event\n"
CELL = st.sampled_from(["7", "8", "", " ", "NA", "2026-01-05", "2026-01-06 10:00:00", "2026-13-01", "x", "visit"])
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=30)


@settings(max_examples=25)
@given(rows=ROWS, parts=st.integers(1, 3), keep=st.booleans(), policy=st.sampled_from(["drop", "keep"]))
def test_rows_in_are_rows_used_plus_rows_set_aside(tmp_path_factory, reader_in, *, rows, parts, keep, policy):
    folder = tmp_path_factory.mktemp("data")
    reader = reader_in(folder)
    for part in range(parts):
        body = "".join(",".join(row) + "\n" for row in rows[part::parts])
        reader.write(**{f"e{part}": HEAD + body})
    more = {"keep": {"event": ["visit", "x", ""]}} if keep else {}
    loaded = reader.events(path="e*.csv", error_budget="100 %", min_rows=0, duplicates=policy, **more)
    for part, file in enumerate(loaded.files):
        assert file.rows_in == len(rows[part::parts])
        assert file.rows_in == file.rows_used + sum(file.set_aside.values())
        assert all(n > 0 for n in file.set_aside.values())
    assert reader.rows("SELECT count(*) FROM raw_events") == [(sum(file.rows_used for file in loaded.files),)]


def test_milestones_become_events_and_empty_cells_none(reader):
    content = "id,bought,sent,got\n1,2026-01-01,2026-01-02,2026-01-03\n2,2026-01-01,,\n3,,,\n"
    loaded = reader.events(
        content, columns={"customer": "id"}, milestones={"buy": "bought", "send": "sent", "get": "got"}
    )
    assert loaded.files[0].set_aside == {"no date": 1}
    assert reader.rows("SELECT customer, event, sequence, line FROM raw_events ORDER BY 1, 3") == [
        ("1", "buy", 0, 2), ("1", "send", 1, 2), ("1", "get", 2, 2), ("2", "buy", 0, 3),
    ]  # fmt: skip


def test_a_value_that_means_no_date_silences_its_companion(reader):
    content = "id,seen,answer,answered\n1,2026-01-01,No Reply,2026-01-01\n2,2026-01-01,Merci,2026-01-01\n"
    rule = {"column": "answer", "value": "No Reply", "dates": ["answered"]}
    reader.events(content, columns={"customer": "id"}, milestones={"review": "seen", "reply": "answered"}, no_date=rule)
    assert reader.rows("SELECT customer, event FROM raw_events ORDER BY 1, sequence") == [
        ("1", "review"), ("2", "review"), ("2", "reply"),
    ]  # fmt: skip


def test_the_filter_counts_what_it_leaves_out_and_judges_only_what_it_keeps(reader):
    content = "id,at,event,state\n1,2026-01-01,a,COMPLETE\n2,rubbish,a,START\n3,2026-01-01,a,\n"
    loaded = reader.events(content, keep={"state": ["COMPLETE"]})
    assert (loaded.files[0].rows_used, loaded.files[0].set_aside) == (1, {"filtered": 2})


def test_rename_constants_attributes_and_channel(reader):
    content = "id,when,Action,Appareil,n\n1,2026-01-01,Visite,mobile,3\n"
    reader.events(
        content, columns={"customer": "id", "at": "when", "event": "Action", "sequence": "n"},
        rename={"Visite": "visit"}, attributes={"device": "Appareil"}, constants={"channel": "web", "shop": "north"},
    )  # fmt: skip
    assert reader.rows("SELECT event, channel, device, shop, sequence FROM raw_events") == [
        ("visit", "web", "mobile", "north", 3)
    ]


def test_a_lookup_adds_its_columns_and_loses_no_row(reader):
    reader.write(look="k,name,start\n1,one,2026-02-01\n2,two,2026-02-02\n")
    content = "id,k\n7,1\n8,3\n9,2\n"
    loaded = reader.events(
        content, join={"path": "look.csv", "on": "k"}, columns={"customer": "id"},
        milestones={"exposed": "start"}, attributes={"kind": "name"},
    )  # fmt: skip
    assert [(file.kind, file.rows_used) for file in loaded.files] == [("events", 2), ("lookup", 2)]
    assert loaded.files[0].set_aside == {"no date": 1}
    assert reader.rows("SELECT customer, kind FROM raw_events ORDER BY 1") == [("7", "one"), ("9", "two")]


def test_ids_that_differ_by_zeros_do_not_meet_in_a_lookup(reader):
    reader.write(look="k,name\n1,one\n")
    reader.events(
        "id,at,event,k\n7,2026-01-01,a,01\n", join={"path": "look.csv", "on": "k"}, attributes={"kind": "name"}
    )
    assert reader.rows("SELECT kind FROM raw_events") == [(None,)]


def test_file_order_runs_on_from_one_file_to_the_next(reader):
    reader.write(e1=HEAD + "1,2026-01-01,a\n1,2026-01-01,b\n", e2=HEAD + "1,2026-01-01,c\n")
    reader.events(path=["e1.csv", "e2.csv"], order="file")
    assert [row[0] for row in reader.rows("SELECT event FROM raw_events ORDER BY sequence")] == ["a", "b", "c"]


def test_packed_parquet_and_plain_files_read_alike(reader):
    text = HEAD + "007,2026-01-05 10:00:00,visit\n8,2026-07-05 10:00:00,cart\n"
    reader.write(e=text)
    (reader.folder / "p.csv.gz").write_bytes(gzip.compress(text.encode()))
    reader.con.execute(
        f'COPY (SELECT id, CAST("at" AS TIMESTAMP) AS "at", event FROM '
        f"read_csv('{reader.folder / 'e.csv'}', all_varchar=true)) "
        f"TO '{reader.folder / 'q.parquet'}'"
    )
    tables = []
    for path in ("e.csv", "p.csv.gz", "q.parquet"):
        reader.events(path=path, form={"zone": "Europe/Paris"})
        tables.append(reader.rows("SELECT customer, r.at, event FROM raw_events r ORDER BY 1"))
    assert tables[0] == tables[1] == tables[2]
    assert tables[0][0][0] == "007"


def test_parquet_ids_that_are_floating_point_are_refused(reader):
    path = reader.folder / "e.parquet"
    reader.con.execute(f"COPY (SELECT 7.0::DOUBLE AS id, TIMESTAMP '2026-01-05' AS at, 'x' AS event) TO '{path}'")
    assert "floating-point" in reader.refused(path="e.parquet")


def test_a_typed_instant_with_zone_needs_no_declared_one(reader):
    path = reader.folder / "e.parquet"
    query = "SELECT 7::BIGINT AS id, TIMESTAMPTZ '2026-01-05 10:00:00+02' AS at, 'x' AS event"
    reader.con.execute(f"COPY ({query}) TO '{path}'")
    reader.events(path="e.parquet", form={"zone": None})
    assert reader.rows("SELECT customer, make_timestamp(r.at) FROM raw_events r") == [("7", datetime(2026, 1, 5, 8))]


ANSWERS = "id,sent,at,score,words\n1,2026-01-01,2026-01-02,9,good\n2,2026-01-01,,,\n3,2026-01-01,,7,\n"


def test_invitations_without_an_answer_are_rows_where_all_are_known(reader):
    columns = {"customer": "id", "asked_at": "sent", "answered_at": "at", "score": "score", "comment": "words"}
    message = reader.refused(ANSWERS, kind="responses", columns=columns, invitations="complete")
    assert "CJ-IN-041" in message
    assert "line 4" in message
    loaded = reader.responses(ANSWERS, columns=columns, invitations="complete", error_budget=1)
    assert loaded.files[0].set_aside == {"answer without date": 1}
    assert reader.rows("SELECT customer, score, instrument FROM raw_responses ORDER BY 1") == [
        ("1", 9.0, "nps"), ("2", None, "nps"),
    ]  # fmt: skip
    loaded = reader.responses(columns=columns, content="", invitations="answers_only", error_budget=1)
    assert loaded.files[0].set_aside == {"answer without date": 1, "no answer": 1}


def test_customer_files_meet_by_id_and_contradictions_are_told(reader):
    reader.write(
        e=HEAD + "1,2026-01-01,a\n", c1="id,persona\n1,x\n2,y\n", c2="id,region,promised\n1,north,2026-02-01\n"
    )
    first = {"path": "c1.csv", "columns": {"customer": "id"}, "attributes": {"persona": "persona"}}
    second = {
        "path": "c2.csv",
        "columns": {"customer": "id"},
        "attributes": {"region": "region"},
        "dates": {"promised": "promised"},
        "format": {"zone": "UTC"},
    }
    loaded = reader.both(customers=[first, second])
    assert (loaded.customer_attributes, loaded.customer_dates) == (("persona", "region"), ("promised",))
    assert reader.rows("SELECT * FROM raw_customers") == [
        ("1", "x", "north", 1769904000000000), ("2", "y", None, None),
    ]  # fmt: skip


def test_an_anonymous_id_of_two_customers_is_refused(reader):
    reader.write(e=HEAD + "c1,2026-01-01,a\n", ids="cookie,client\nc1,7\nc1,8\nc2,9\nc2,9\n")
    identity = {"path": "ids.csv", "columns": {"anonymous": "cookie", "customer": "client"}}
    message = reader.refused(kind="both", identity=identity)
    assert "CJ-IN-051" in message
    assert "lines 2, 3" in message
    reader.write(ids="cookie,client\nc1,7\nc2,9\nc2,9\n")
    loaded = reader.both(identity=identity)
    assert loaded.files[1].set_aside == {"exact duplicate": 1}
    assert reader.rows("SELECT * FROM raw_identity ORDER BY 1") == [("c1", "7"), ("c2", "9")]


def test_absent_kinds_are_empty_tables_with_their_columns(reader):
    reader.events(HEAD + "1,2026-01-01,a\n")
    for table, columns in (("raw_responses", 9), ("raw_customers", 1), ("raw_identity", 2)):
        assert reader.rows(f"SELECT count(*) FROM {table}") == [(0,)]
        assert len(reader.rows(f"DESCRIBE {table}")) == columns


@pytest.mark.parametrize(
    ("budget", "passes"), [("0", False), ("1", False), ("2", True), ("49 %", False), ("50 %", True)]
)
def test_the_error_budget_is_a_number_or_a_share_of_the_rows(reader, budget, passes):
    content = HEAD + "1,2026-01-01,a\n2,x,a\n3,2026-01-01,a\n4,y,a\n"
    if not passes:
        assert "2 of 4 rows" in reader.refused(content, error_budget=budget)
        return
    loaded = reader.events(content, error_budget=budget)
    assert loaded.files[0].set_aside == {"not a date": 2}
    assert [problem.lines for problem in loaded.problems] == [(3, 5)]


def test_the_same_connection_can_load_twice(reader):
    reader.events(HEAD + "1,2026-01-01,a\n")
    reader.events(HEAD + "2,2026-01-01,a\n")
    assert reader.rows("SELECT customer FROM raw_events") == [("2",)]


def test_files_with_the_marks_of_a_pattern_in_their_name_are_read_as_named(reader):
    (reader.folder / "e[1].csv").write_text(HEAD + "1,2026-01-01,a\n")
    assert reader.events(path="e[1].csv").files[0].path == "e[1].csv"


def test_a_pattern_without_a_file_is_told(reader):
    assert "no file of the data folder" in reader.refused(path="*.csv")


def test_the_report_names_size_and_hash_of_the_file_as_it_lies_on_disk(reader):
    import hashlib

    data = (HEAD + "1,2026-01-01,é\n").encode("cp1252")
    report = reader.events(data, form={"encoding": "cp1252"}).files[0]
    assert (report.sha256, report.n_bytes) == (hashlib.sha256(data).hexdigest(), len(data))


def test_columns_that_have_no_name_are_called_by_the_empty_name(reader):
    reader.events(",at,event\n5,2026-01-01,a\n", columns={"customer": "", "at": "at", "event": "event"})
    assert reader.rows("SELECT customer FROM raw_events") == [("5",)]


def test_lines_before_the_header_can_be_skipped(reader):
    reader.events("Rapport du 5 mai\n\n" + HEAD + "5,2026-01-01,a\n", form={"skip_lines": 2})
    assert reader.rows("SELECT line FROM raw_events") == [(4,)]


def test_loading_leaves_no_temporary_files(reader, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    load(reader.write(e=(HEAD + "1,2026-01-01,é\n").encode("cp1252")).spec(
        events=[{"path": "e.csv", "columns": {"customer": "id", "at": "at", "event": "event"},
                 "format": {"zone": "UTC", "encoding": "cp1252"}}]), reader.folder, reader.con)  # fmt: skip
    assert list(scratch.iterdir()) == []


def test_tolerated_problems_repeat_nothing_that_a_customer_wrote(reader):
    loaded = reader.events(HEAD + "marie@example.org,2026-01-01\nx,marie@example.org,a\n", error_budget=2, min_rows=0)
    assert loaded.files[0].set_aside == {"too few fields": 1, "not a date": 1}
    assert len(loaded.problems) == 2
    assert "marie" not in " ".join(map(str, loaded.problems))


def test_rows_with_different_physical_faults_are_set_aside_under_one_reason(reader):
    loaded = reader.events(HEAD + "1,2026-01-01\n2,2026-01-01,a,b\n3,2026-01-01,a\n", error_budget=2)
    assert loaded.files[0].set_aside == {"rows that cannot be read": 2}
