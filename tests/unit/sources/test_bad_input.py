"""The catalogue of bad input: each case is refused, counted and located, or read exactly as declared."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime

import pytest

HEAD = "id,at,event\n"
GOOD = "7,2026-01-05 10:00:00,visit\n"


def holds(message: str, *parts: str) -> None:
    """Every part stands in the message, and it is no traceback."""
    for part in parts:
        assert part in message, f"{part!r} not in {message!r}"
    assert "Traceback" not in message


def test_bad_01_a_file_of_no_bytes_is_named(reader):
    (reader.folder / "e.csv").write_bytes(b"")
    holds(reader.refused(), "e.csv", "empty (0 bytes)", "export it again", "CJ-IN-011")


def test_bad_02_blank_lines_only_have_no_header(reader):
    holds(reader.refused("\n\n  \n"), "e.csv", "no header")


def test_bad_03_a_header_alone_breaks_the_minimum_of_the_contract(reader):
    holds(reader.refused(HEAD), "0 rows", "1 or more")
    assert reader.events(HEAD, min_rows=0).files[0].rows_in == 0


def test_bad_04_one_row_is_enough(reader):
    loaded = reader.events(HEAD + GOOD)
    assert (loaded.files[0].rows_in, loaded.files[0].rows_used) == (1, 1)


def test_bad_05_a_missing_header_is_suspected_and_the_first_values_are_shown(reader):
    message = reader.refused(GOOD * 3)
    holds(message, "expected columns", "is the header missing", "id, at, event", "2026-01-05 10:00:00", "visit")


def test_bad_06_a_renamed_column_is_offered(reader):
    message = reader.refused("id,att,event,extra\n7,2026-01-05,visit,x\n")
    holds(message, 'column "at"', "missing", "Did you mean 'att'?", '"extra"')


def test_bad_06_an_extra_column_does_no_harm(reader):
    assert reader.events("id,at,event,extra\n7,2026-01-05,visit,x\n").files[0].rows_used == 1


@pytest.mark.parametrize(("header", "where"), [("id,at,event,at", "2 and 4"), ("id,at,event, At", "2 and 4")])
def test_bad_07_columns_twice_or_nearly_so_are_refused_with_their_positions(reader, header, where):
    message = reader.refused(f"{header}\n7,2026-01-05,visit,2026-01-06\n")
    holds(message, "CJ-IN-021", 'column "at"', f"positions {where}")


def test_bad_07_similar_columns_can_be_accepted(reader):
    content = "id,at,event,At\n7,2026-01-05,visit,2026-01-06\n"
    assert reader.events(content, form={"similar_columns": "accept"}).files[0].rows_used == 1


def test_bad_08_another_separator_is_recognised(reader):
    message = reader.refused("id;at;event\n7;2026-01-05;visit\n")
    holds(message, "1 column found", "looks like ';'", 'format.separator: ";"')


def test_bad_09_an_unquoted_decimal_comma_has_its_line_and_field_count(reader):
    content = "id,at,event,v\n1,2026-01-05,buy,3.5\n2,2026-01-05,buy,12,50\n"
    message = reader.refused(content)
    holds(message, "line 3", "5 fields found", "4 fields, as in the header", "decimal comma", "12,50", "1 of 2 rows")


def test_bad_10_a_separator_at_the_end_of_every_row_is_named(reader):
    message = reader.refused(HEAD + "7,2026-01-05,visit,\n8,2026-01-05,visit,\n")
    holds(message, "trailing separator", "4 fields found", "3 fields, as in the header", "2 of 2 rows")


def test_bad_11_short_rows_are_counted_and_located(reader):
    message = reader.refused(HEAD + GOOD + "8,2026-01-05\n" + GOOD + "9\n")
    holds(message, "2 of 4 rows", "lines 3, 5", "shorter", "1 or 2 fields found")


def test_bad_12_long_rows_are_counted_and_located(reader):
    holds(reader.refused(HEAD + GOOD + "8,2026-01-05,visit,a,b\n"), "1 of 2 rows", "line 3", "longer", "5 fields")


def test_bad_12_tolerated_rows_are_set_aside_and_the_lines_stay_right(reader):
    loaded = reader.events(HEAD + "1,2026-01-05,a,b\n2,2026-01-05,x\n\n3,2026-01-05,y\n", error_budget=1)
    assert loaded.files[0].set_aside == {"too many fields": 1}
    assert reader.rows("SELECT customer, line FROM raw_events ORDER BY 1") == [("2", 3), ("3", 5)]


def test_bad_13_a_quote_never_closed_is_located_where_it_opened(reader):
    message = reader.refused('id,at,event\n1,2026-01-05,a\n2,2026-01-05,"abc\n3,2026-01-05,d\n')
    holds(message, "quote opened at line 3", "never closed", "records", "physical lines")


def test_bad_13_a_quote_closed_by_accident_is_suspected(reader):
    message = reader.refused('id,text\n1,"abc\n2,d"\n3,e\n', columns={"customer": "id"}, milestones={"x": "text"})
    holds(message, "line 2", "swallow", "2 records on 4 physical lines")


def test_bad_13_text_after_a_closing_quote_is_located(reader):
    message = reader.refused('id,at,event\n1,2026-01-05,a\n2,2026-01-05,"il dit "oui" bien"\n3,2026-01-05,c\n')
    holds(message, "line 3", "quote", "1 of 3 rows", "doubled")


def test_bad_13_a_real_line_break_in_quotes_is_no_problem(reader):
    loaded = reader.events('id,at,event,c\n1,2026-01-05,a,"two\nlines, really"\n2,2026-01-05,b,x\n')
    assert loaded.files[0].rows_used == 2
    assert reader.rows("SELECT line FROM raw_events ORDER BY 1") == [(2,), (4,)]


def test_bad_14_backslash_escapes_are_located_and_can_be_declared(reader):
    content = 'id,at,event\n1,2026-01-05,"say \\"hi\\" now"\n'
    holds(reader.refused(content), "line 2", "backslash", "format.escape")
    reader.events(content, form={"escape": "\\"})
    assert reader.rows("SELECT event FROM raw_events") == [('say "hi" now',)]


def test_bad_15_a_byte_order_mark_is_no_part_of_the_first_name(reader):
    assert reader.events(b"\xef\xbb\xbf" + (HEAD + GOOD).encode()).files[0].rows_used == 1
    assert reader.events(b'\xef\xbb\xbf"id",at,event\n' + GOOD.encode()).files[0].rows_used == 1


def test_bad_16_latin_bytes_declared_utf8_have_line_byte_and_a_suggestion(reader):
    content = (HEAD + GOOD + "8,2026-01-05,réservé\n").encode("cp1252")
    message = reader.refused(content)
    holds(message, "line 3", "0xE9", "format.encoding: cp1252", "1 of 2 rows")
    reader.events(content, form={"encoding": "cp1252"})
    assert reader.rows("SELECT event FROM raw_events WHERE customer = '8'") == [("réservé",)]


def test_bad_16_a_byte_that_the_declared_encoding_lacks_is_located(reader):
    message = reader.refused(HEAD.encode() + b"8,2026-01-05,a\x81b\n", form={"encoding": "cp1252"})
    holds(message, "line 2", "0x81", "cp1252")


def test_bad_16_windows_text_declared_latin1_is_recognised(reader):
    content = HEAD.encode() + "8,2026-01-05,l’été\n".encode("cp1252")
    holds(reader.refused(content, form={"encoding": "latin-1"}), "control characters", "cp1252", "line 2")


def test_bad_17_utf8_declared_latin1_is_called_double_encoded(reader):
    content = (HEAD + "8,2026-01-05,déçu\n").encode()
    message = reader.refused(content, form={"encoding": "latin-1"})
    holds(message, "double-encoded?", "2 of 2", "dÃ©Ã§u", "format.encoding: utf-8", "line 2")


def test_bad_17_a_pasted_fragment_is_a_warning_only(reader):
    loaded = reader.events(HEAD + "8,2026-01-05,été à l'école\n9,2026-01-05,dÃ©jÃ\n")
    assert any("double-encoded?" in problem.what for problem in loaded.problems)


def test_bad_18_utf16_is_named_and_can_be_declared(reader):
    content = (HEAD + GOOD).encode("utf-16")
    holds(reader.refused(content), "UTF-16", "format.encoding: utf-16")
    assert reader.events(content, form={"encoding": "utf-16"}).files[0].rows_used == 1


def test_bad_19_a_nul_byte_has_line_and_column_and_the_field_is_not_cut(reader):
    content = HEAD.encode() + b"8,2026-01-05,vi\0sit\n" + GOOD.encode()
    holds(reader.refused(content), "NUL", "line 2", 'column "event"', "1 of 2 rows")
    loaded = reader.events(content, error_budget=1)
    assert loaded.files[0].set_aside == {"NUL byte": 1}
    assert reader.rows("SELECT event FROM raw_events") == [("visit",)]


def test_bad_20_a_field_of_a_million_characters_is_read_whole(reader):
    reader.events(HEAD + "8,2026-01-05," + "x" * 1_000_000 + "\n")
    assert reader.rows("SELECT length(event) FROM raw_events") == [(1_000_000,)]


def test_bad_20_a_longer_record_than_the_limit_has_its_line_and_length(reader):
    message = reader.refused(HEAD + GOOD + "8,2026-01-05," + "x" * 5_000_000)
    holds(message, "line 3", "4,000,000 bytes", "5,000,0")


NUMBERS = [
    ("12,50", {"separator": ";"}, 'decimal: ","'),
    ("1 234,56", {"separator": ";"}, 'thousands: " "'),
    ("1\u00a0234,56", {"separator": ";"}, 'thousands: " "'),
    ("1\u202f234,56", {"separator": ";"}, 'thousands: " "'),
    ("1.234,56", {"separator": ";"}, 'thousands: "."'),
]


@pytest.mark.parametrize(("text", "form", "hint"), NUMBERS)
def test_bad_21_an_undeclared_decimal_or_thousands_mark_is_counted_and_offered(reader, text, form, hint):
    content = f"id;at;event;v\n1;2026-01-05;buy;{text}\n2;2026-01-05;buy;3\n"
    columns = {"customer": "id", "at": "at", "event": "event", "value": "v"}
    message = reader.refused(content, form=form, columns=columns)
    holds(message, 'column "v"', "1 of 2 rows (50.0 %)", f'"{text}"', "line 2", hint)


def test_bad_21_any_kind_of_space_is_a_declared_space(reader):
    columns = {"customer": "id", "at": "at", "event": "event", "value": "v"}
    content = "id;at;event;v\n1;2026-01-05;a;1 234,56\n2;2026-01-05;a;1\u00a0234,56\n3;2026-01-05;a;1\u202f234,56\n"
    reader.events(content, form={"separator": ";", "decimal": ",", "thousands": " "}, columns=columns)
    assert reader.rows("SELECT DISTINCT value FROM raw_events") == [(1234.56,)]


@pytest.mark.parametrize(("text", "sign"), [("12 €", "€"), ("15 %", "%"), ("(120)", "parentheses")])
def test_bad_22_signs_of_unit_are_counted_and_named(reader, text, sign):
    columns = {"customer": "id", "at": "at", "event": "event", "value": "v"}
    message = reader.refused(f"id,at,event,v\n1,2026-01-05,buy,{text}\n", columns=columns)
    holds(message, "CJ-IN-030", "1 of 1 rows", f'"{text}"', sign, "plain numbers")


IDS = ["00123", "1E5", "9007199254740993", "+33612345678", " x ", "1_000", "٣", "0x10", "é", "12:30", "1.0", "-0"]


def test_bad_23_ids_come_back_byte_for_byte(reader):
    reader.events(HEAD + "".join(f"{one},2026-01-05,visit\n" for one in IDS))
    assert sorted(row[0] for row in reader.rows("SELECT customer FROM raw_events")) == sorted(IDS)


def test_bad_24_rows_without_an_id_are_counted_and_never_joined(reader):
    blank = ["", " ", "\u00a0", "NA", "null", "NULL", "None", "nan", "N/A"]
    loaded = reader.events(HEAD + GOOD + "".join(f"{one},2026-01-05,visit\n" for one in blank))
    assert loaded.files[0].set_aside == {"no customer id": len(blank)}
    assert reader.rows("SELECT customer FROM raw_events") == [("7",)]


def test_bad_24_a_composite_id_needs_all_its_parts(reader):
    loaded = reader.events(
        "a,b,at,event\n1,x,2026-01-05,v\n1,,2026-01-05,v\n",
        columns={"customer": ["a", "b"], "at": "at", "event": "event"},
    )
    assert loaded.files[0].set_aside == {"no customer id": 1}
    assert reader.rows("SELECT customer FROM raw_events") == [("1|x",)]


@pytest.mark.parametrize("word", ["Null", "NA", "NO", "None", "nan", "true", "0042"])
def test_bad_25_words_that_look_like_nothing_survive_as_text(reader, word):
    reader.events(f"id,at,event,country\n7,2026-01-05,visit,{word}\n", attributes={"country": "country"})
    assert reader.rows("SELECT country FROM raw_events") == [(word,)]


def test_bad_25_a_declared_marker_is_missing_and_so_is_the_empty_field(reader):
    content = 'id,at,event,country\n7,2026-01-05,visit,NA\n8,2026-01-05,visit,\n9,2026-01-05,visit,""\n'
    reader.events(content, attributes={"country": "country"}, form={"missing": ["NA"]})
    assert reader.rows("SELECT count(*), count(country) FROM raw_events") == [(3, 0)]


def test_bad_26_day_and_month_that_can_be_exchanged_are_refused_with_both_readings(reader):
    message = reader.refused(HEAD + "7,03/04/2026,visit\n8,05/04/2026,visit\n")
    holds(message, "CJ-IN-032", "3 April 2026", "4 March 2026", "both orders fit", '"%d/%m/%Y" or "%m/%d/%Y"')


def test_bad_26_the_evidence_is_told_but_not_acted_upon(reader):
    holds(reader.refused(HEAD + "7,03/04/2026,visit\n8,13/04/2026,visit\n"), "only %d/%m/%Y fits all", "CJ-IN-032")


def test_bad_27_one_impossible_day_among_ten_thousand_is_found(reader):
    rows = [f"{i},2026-01-05,visit\n" for i in range(10_000)]
    rows[4321] = "x,2026-13-45,visit\n"
    message = reader.refused(HEAD + "".join(rows), form={"date": ["%Y-%m-%d"]})
    holds(message, "1 of 10000 rows", "line 4323", '"2026-13-45"', "%Y-%m-%d")


def test_bad_28_mixed_formats_are_told_with_the_lines_of_each(reader):
    content = HEAD + "1,05/01/2026,a\n2,2026-01-05,a\n3,2026-01-06,a\n4,06.01.2026,a\n"
    message = reader.refused(content, form={"date": ["%d/%m/%Y"]})
    holds(message, "3 of 4 rows", '"9999-99-99" (2 rows, lines 3, 4)', '"99.99.9999" (1 rows, lines 5)')
    loaded = reader.events(content, form={"date": ["%d/%m/%Y", "iso", "%d.%m.%Y"]})
    assert loaded.files[0].rows_used == 4


def test_bad_28_declared_formats_that_disagree_are_refused(reader):
    message = reader.refused(HEAD + "1,05/04/2026,a\n2,05/05/2026,a\n", form={"date": ["%d/%m/%Y", "%m/%d/%Y"]})
    holds(message, "two of the declared formats", "line 2", "1 of 2 rows")


@pytest.mark.parametrize(
    ("text", "unit"), [("1767225600", "epoch_s"), ("1767225600000", "epoch_ms"), ("46023", "excel")]
)
def test_bad_29_numbers_where_dates_belong_ask_for_their_unit(reader, text, unit):
    message = reader.refused(HEAD + f"7,{text},visit\n")
    holds(message, "years 1970: unit?", unit, "2026-01-01", f"format.date: {unit}")
    reader.events(form={"date": unit})
    assert reader.rows("SELECT make_timestamp(r.at) FROM raw_events r") == [(datetime(2026, 1, 1),)]


def test_bad_30_wall_clock_stamps_need_a_zone(reader):
    message = reader.refused(HEAD + GOOD, form={"zone": None})
    holds(message, "CJ-IN-033", "no zone is declared", "1 of 1 rows", "format.zone")


def test_bad_30_stamps_with_an_offset_need_none(reader):
    assert reader.events(HEAD + "7,2026-01-05T10:00:00+01:00,visit\n", form={"zone": None}).files[0].rows_used == 1


def test_bad_31_an_hour_that_was_skipped_is_located_and_has_a_policy(reader):
    content = HEAD + GOOD + "8,2026-03-29 02:30:00,visit\n"
    message = reader.refused(content, form={"zone": "Europe/Paris"})
    holds(message, "CJ-IN-034", "do not exist in Europe/Paris", "1 of 2 rows", "line 3", "nonexistent: shift")
    reader.events(content, form={"zone": "Europe/Paris", "nonexistent": "shift"})
    assert reader.rows("SELECT make_timestamp(r.at) FROM raw_events r WHERE customer = '8'") == [
        (datetime(2026, 3, 29, 1, 30),)
    ]


@pytest.mark.parametrize(("policy", "hour"), [("first", 0), ("second", 1)])
def test_bad_32_an_hour_that_came_twice_is_located_and_has_a_policy(reader, policy, hour):
    content = HEAD + GOOD + "8,2026-10-25 02:30:00,visit\n"
    message = reader.refused(content, form={"zone": "Europe/Paris"})
    holds(message, "CJ-IN-034", "come twice in Europe/Paris", "1 of 2 rows", "line 3", "ambiguous: first or second")
    reader.events(content, form={"zone": "Europe/Paris", "ambiguous": policy})
    assert reader.rows("SELECT make_timestamp(r.at) FROM raw_events r WHERE customer = '8'") == [
        (datetime(2026, 10, 25, hour, 30),)
    ]


def test_bad_33_mixed_offsets_become_exact_utc(reader):
    stamps = [
        "2011-10-01T00:38:44.546+02:00",
        "2012-01-01T00:00:00.000001+01:00",
        "2012-01-01T00:00:00Z",
        "2012-01-01 05:30+0530",
        "2012-01-01 00:00:00-08",
    ]
    reader.events(HEAD + "".join(f"{i},{s},x\n" for i, s in enumerate(stamps)), form={"zone": None})
    expected = [round(datetime.fromisoformat(s).astimezone(UTC).timestamp() * 1e6) for s in stamps]
    assert [row[0] for row in reader.rows("SELECT r.at FROM raw_events r ORDER BY customer")] == expected


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "1753-01-01 00:00:00"])
def test_bad_35_placeholder_dates_are_named_and_follow_the_contract(reader, text):
    content = f"id,seen,never\n7,2026-01-05,{text}\n8,2026-01-05,2026-01-06\n"
    more = {"columns": {"customer": "id"}, "milestones": {"a": "seen", "b": "never"}}
    holds(reader.refused(content, **more), "CJ-IN-035", "placeholder", f'"{text}"', "format.missing")
    reader.events(content, form={"missing": [text]}, **more)
    assert reader.rows("SELECT count(*) FROM raw_events") == [(3,)]


def test_bad_36_years_of_two_digits_are_refused(reader):
    message = reader.refused(HEAD + "7,03/04/26,visit\n", form={"date": "%d/%m/%Y"})
    holds(message, "two digits", "century", '"03/04/26"', "line 2")
    holds(reader.refused(HEAD + "7,03/04/26,visit\n", form={"date": "%d/%m/%y"}), "century", "%Y", "study.yml")


def test_bad_37_exact_duplicates_are_dropped_and_counted_within_one_source(reader):
    reader.write(e1=HEAD + GOOD + GOOD, e2=HEAD + GOOD + "7,2026-01-05 10:00:00,cart\n")
    loaded = reader.events(path="e*.csv")
    assert [file.set_aside for file in loaded.files] == [{"exact duplicate": 1}, {"exact duplicate": 1}]
    assert [file.rows_used for file in loaded.files] == [1, 1]


def test_bad_37_repetitions_stay_where_file_order_means_something(reader):
    loaded = reader.events(HEAD + GOOD + GOOD, order="file")
    assert loaded.files[0].rows_used == 2
    assert reader.rows("SELECT sequence, line FROM raw_events ORDER BY 1") == [(2, 2), (3, 3)]


def test_bad_37_repetitions_can_be_refused(reader):
    message = reader.refused(HEAD + GOOD + "8,2026-01-05,x\n" + GOOD, duplicates="refuse")
    holds(message, "CJ-IN-050", "1 of 3 rows", "line 4")


def test_bad_38_a_customer_told_twice_differently_has_the_lines_of_both(reader):
    reader.write(e=HEAD + GOOD, c="id,segment\n1,a\n2,b\n1,c\n3,d\n3,d\n")
    crm = {"path": "c.csv", "columns": {"customer": "id"}, "attributes": {"persona": "segment"}}
    message = reader.refused(kind="both", customers=crm)
    holds(message, "CJ-IN-051", "c.csv", "1 customer", "lines 2, 4", "different content")


def test_bad_39_shuffled_rows_give_the_same_table(reader):
    rows = [f"{i % 7},2026-01-0{i % 9 + 1},visit{i % 4}\n" for i in range(200)]
    query = "SELECT customer, r.at, event, sequence, source FROM raw_events r ORDER BY ALL"
    reader.events(HEAD + "".join(rows))
    one = reader.rows(query)
    reader.events(HEAD + "".join(reversed(rows)))
    assert reader.rows(query) == one


def test_bad_42_a_flag_where_a_date_belongs_is_refused_and_can_be_mapped(reader):
    content = "id,at,churned\n1,2026-01-05,oui\n2,2026-01-05,2\n3,2026-01-05,TRUE\n"
    message = reader.refused(content, columns={"customer": "id"}, milestones={"churn": "churned"})
    holds(message, 'column "churned"', "3 of 3 rows", '"oui"', '"TRUE"')
    mapped = {
        "columns": {"customer": "id", "at": "at", "event": "churned"},
        "rename": {"oui": "churn", "TRUE": "churn"},
        "keep": {"churned": ["oui", "TRUE"]},
    }
    loaded = reader.events(content, **mapped)
    assert loaded.files[0].set_aside == {"filtered": 1}
    assert reader.rows("SELECT DISTINCT event FROM raw_events") == [("churn",)]


def test_bad_43_scores_that_no_nps_can_be_are_counted(reader):
    content = "id,at,score\n" + "".join(f"{i},2026-01-05,{s}\n" for i, s in enumerate([11, -1, 7.5, "dix", 0, 10]))
    message = reader.refused(content, kind="responses")
    holds(message, "CJ-IN-040", "CJ-IN-030", '"11"', '"-1"', '"7.5"', '"dix"', "2 of 6 rows", "from 0 to 10")


def test_bad_44_a_scale_that_is_too_short_shows_the_range_seen(reader):
    content = "id,at,score\n" + "".join(f"{i},2026-01-05,{s}\n" for i, s in enumerate([1, 5, 6, 7]))
    message = reader.refused(content, kind="responses", instrument="csat", scale=[1, 5])
    holds(message, "2 of 4 rows", "6 to 7", "from 1 to 5", "lines 4, 5")


def test_bad_48_a_truncated_archive_is_named_with_its_size(reader):
    data = gzip.compress((HEAD + GOOD * 5000).encode())
    (reader.folder / "e.csv.gz").write_bytes(data[: len(data) // 2])
    holds(reader.refused(path="e.csv.gz"), "e.csv.gz", "truncated", f"{len(data) // 2:,} bytes")


def test_bad_49_a_name_that_ends_in_gz_is_not_enough(reader):
    (reader.folder / "e.csv.gz").write_text(HEAD + GOOD)
    holds(reader.refused(path="e.csv.gz"), "e.csv.gz", "not a gzip archive")


def test_bad_50_a_corrupt_archive_is_named(reader):
    data = bytearray(gzip.compress((HEAD + GOOD * 5000).encode()))
    data[-6] ^= 0xFF
    (reader.folder / "e.csv.gz").write_bytes(bytes(data))
    holds(reader.refused(path="e.csv.gz"), "e.csv.gz", "corrupt")


@pytest.mark.parametrize(
    ("cut", "part"), [(lambda d: d[:-30], "truncated"), (lambda d: b"id,at\n1,2\n", "not a Parquet file"),
                      (lambda d: b"", "empty"), (lambda d: d[:40] + b"\xff" * (len(d) - 60) + d[-20:], "corrupt")],
    ids=["51-truncated", "52-not-parquet", "53-empty", "52-corrupt"],
)  # fmt: skip
def test_bad_51_52_53_broken_parquet_is_named(reader, cut, part):
    path = reader.folder / "e.parquet"
    reader.con.execute(f"COPY (SELECT '7' AS id, TIMESTAMP '2026-01-05' AS at, 'x' AS event) TO '{path}'")
    path.write_bytes(cut(path.read_bytes()))
    holds(reader.refused(path="e.parquet"), "e.parquet", part)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<!DOCTYPE html>\n<html><body>login</body></html>", "web page (HTML)"),
        (b"\n  <html lang='fr'>", "web page (HTML)"),
        (b"PK\x03\x04\x14\x00rest", "Excel workbook or zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (b"PAR1....", "Parquet"),
        (b"%PDF-1.7", "PDF"),
        (gzip.compress(b"id,at\n"), "gzip"),
    ],
)
def test_bad_54_another_kind_of_file_is_recognised(reader, data, kind):
    (reader.folder / "e.csv").write_bytes(data)
    holds(reader.refused(), "e.csv", kind, "export")


def test_bad_55_a_last_line_without_end_is_worth_a_warning(reader):
    loaded = reader.events(HEAD + GOOD.strip())
    assert [problem.code for problem in loaded.problems] == ["CJ-IN-017"]
    assert loaded.files[0].rows_used == 1


def test_bad_59_a_lookup_key_that_stands_twice_would_multiply_rows(reader):
    reader.write(e="id,at,event,k\n7,2026-01-05,visit,1\n", look="k,name\n1,a\n1,b\n")
    message = reader.refused(join={"path": "look.csv", "on": "k"}, attributes={"kind": "name"})
    holds(message, "CJ-IN-052", "look.csv", "more than once", '"1"')


def test_bad_61_a_pipe_a_folder_and_a_link_to_elsewhere_are_refused(reader, tmp_path):
    os.mkfifo(reader.folder / "pipe.csv")
    (reader.folder / "folder.csv").mkdir()
    (tmp_path / "outside.csv").write_text(HEAD + GOOD)
    (reader.folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    holds(reader.refused(path="pipe.csv"), "pipe or device")
    holds(reader.refused(path="folder.csv"), "a folder")
    holds(reader.refused(path="link.csv"), "leaves the data folder")


def test_bad_61_an_archive_that_unpacks_without_end_is_stopped(reader, monkeypatch):
    monkeypatch.setattr("cjlib.sources.stream.MAX_UNPACKED_FREE", 1 << 20)
    (reader.folder / "e.csv.gz").write_bytes(gzip.compress(HEAD.encode() + b"1,2026-01-05,visit\n" * 2_000_000))
    holds(reader.refused(path="e.csv.gz"), "250 times its size")


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/passwd", "sub/../../outside.csv"])
def test_bad_62_no_source_lies_outside_the_data_folder(reader, tmp_path, path):
    (tmp_path / "outside.csv").write_text(HEAD + GOOD)
    (reader.folder / "sub").mkdir()
    holds(reader.refused(path=path), "CJ-IN-010", "leaves the data folder")


def test_all_problems_of_all_files_are_told_at_once(reader):
    reader.write(e1="id,at,event\n7,31/12/2026,visit\n8,x\n", e2="id;at;event\n", e3=b"")
    message = reader.refused(path=["e1.csv", "e2.csv", "e3.csv", "e4.csv"])
    holds(message, 'e1.csv: column "at"', "shorter", "looks like ';'", "empty (0 bytes)", "e4.csv: the file cannot")
