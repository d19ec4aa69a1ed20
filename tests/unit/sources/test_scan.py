"""The pass over the bytes: same records as a plain CSV reader, right physical lines, any chunk size."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.sources.records import split_record
from cjlib.sources.scan import Scanner
from cjlib.sources.stream import Unreadable, detect_kind, undecodable, without_escapes


def scan(data: bytes, *, size: int = 1 << 20, out: io.BytesIO | None = None, separator: str = ",", quote: str = '"'):
    """Scan in chunks of `size` bytes."""
    pieces = (data[i : i + size] for i in range(0, len(data), size))
    return Scanner(separator=separator, quote=quote, out=out).run(pieces)


def lines_of(result) -> list[int]:
    """Physical line of every good record."""
    first, shift = result.steps
    lines, at, delta = [], 0, result.header_lines
    for ordinal in range(1, result.n_good + 1):
        while at < len(first) and first[at] <= ordinal:
            delta, at = int(shift[at]), at + 1
        lines.append(ordinal + delta)
    return lines


CELLS = st.text(alphabet='ab1,;"\n\r é', max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8)


@given(rows=TABLES, size=st.integers(1, 40), end=st.sampled_from(["\n", "\r\n"]), last=st.booleans())
def test_records_and_lines_agree_with_a_csv_reader_whatever_the_chunks(rows, size, end, last):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["x", "y", "z"])
    starts = []
    for row in rows:
        starts.append(buffer.getvalue().count("\n") + 1)
        writer.writerow(row)
    text = buffer.getvalue()
    data = (text if last else text.removesuffix(end)).encode()
    result = scan(data, size=size)
    swallowed = result.found.get("swallowed")  # a text may look like rows; then it is reported, not lost
    assert result.header == ["x", "y", "z"]
    assert result.n_records == len(rows)
    assert set(result.found) <= {"swallowed"}
    if not swallowed:
        assert lines_of(result) == starts


@given(rows=TABLES, size=st.integers(1, 40))
def test_the_copy_holds_exactly_the_good_records(rows, size):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["x", "y", "z"])
    for i, row in enumerate(rows):
        writer.writerow(row if i % 2 == 0 else [*row, "one too many"])
    out = io.BytesIO()
    result = scan(buffer.getvalue().encode(), size=size, out=out)
    kept = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    good = [row for i, row in enumerate(rows) if i % 2 == 0]
    if "swallowed" not in result.found:
        assert kept == good
    assert result.n_good == len(kept)
    assert result.n_records == len(rows)


QUOTES = [
    ("plain", b"x,y\n1,2\n", [2], {}),
    ("quote inside a field that was not quoted is text", b'x,y\n1,5" pipe\n2,3\n', [2, 3], {}),
    ("spaces around a quoted field", b'x,y\n1, "a,b" \n2,3\n', [2, 3], {}),
    ("doubled quotes", b'x,y\n"a ""b"" c",2\n', [2], {}),
    ("empty quoted field", b'x,y\n"",""\n', [2], {}),
    ("text after the closing quote", b'x,y\n"a"b,2\n3,4\n', [3], {"quote": 2}),
    ("runs over lines", b'x,y\n1,"a\n2,b\n3,"c"\n4,d\n', [5], {"quote": 2}),
    ("backslash", b'x,y\n"a \\" b",2\n3,4\n', [3], {"backslash": 2}),
    ("blank lines", b"x,y\n\n1,2\n\n\n3,4\n", [3, 6], {}),
    ("short and long", b"x,y\n1\n1,2\n1,2,3\n", [3], {"short": 2, "long": 4}),
    ("bare carriage return outside quotes", b"x,y\n1,a\rb\n2,c\n", [3], {"carriage": 2}),
    ("bare carriage return inside quotes", b'x,y\n1,"a\rb"\n2,c\n', [2, 3], {}),
    ("header over two lines", b'x,"y\nz"\n1,2\n', [3], {}),
]


@pytest.mark.parametrize(("data", "lines", "found"), [case[1:] for case in QUOTES], ids=[case[0] for case in QUOTES])
@pytest.mark.parametrize("size", [3, 1000])
def test_quotes_line_ends_and_widths_by_the_book(data, lines, found, size):
    result = scan(data, size=size)
    assert lines_of(result) == lines
    assert {kind: seen.lines[0] for kind, seen in result.found.items()} == found


def test_a_long_file_with_one_fault_keeps_its_lines():
    body = "".join(f'{i},"t{i}\nmore"\n' if i % 3 == 0 else f"{i},t\n" for i in range(5000))
    result = scan(("x,y\n" + body).encode(), size=997)
    starts, line = [], 2
    for i in range(5000):
        starts.append(line)
        line += 2 if i % 3 == 0 else 1
    assert lines_of(result) == starts


def test_mixed_line_ends_ask_for_a_clean_copy():
    out = io.BytesIO()
    result = scan(b"x,y\r\n1,2\n3,4\r\n", out=out)
    assert result.must_be_rewritten
    assert out.getvalue() == b"1,2\n3,4\n"


def test_windows_line_ends_without_the_last_one_are_not_mixed():
    assert not scan(b"x,y\r\n1,2\r\n3,4").must_be_rewritten


def test_very_old_line_ends_are_refused():
    with pytest.raises(Unreadable, match="bare carriage return"):
        scan(b"x,y\r1,2\r3,4\r")


def test_declared_as_plain_characters_quotes_mean_nothing():
    result = scan(b'x,y\n1,"a\n2,b"\n', quote="")
    assert (result.n_records, result.found) == (2, {})


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_escapes_become_doubled_quotes_across_chunks(size):
    data = rb'a,"say \"hi\" \\ now","end\\"'
    pieces = (data[i : i + size] for i in range(0, len(data), size))
    assert b"".join(without_escapes(pieces, b"\\", b'"')) == rb'a,"say ""hi"" \ now","end\"'


def test_every_undecodable_byte_is_found_once():
    assert undecodable(b"ok \xe9 \xff ok") == [3, 5]
    assert undecodable("déjà".encode()) == []


def test_a_table_is_not_taken_for_another_kind_of_file():
    assert detect_kind(b"id;<html>\n") == ""


@given(st.lists(st.text(alphabet='ab,"; ', max_size=5), min_size=1, max_size=4))
def test_a_record_splits_as_it_was_written(fields):
    text = ",".join('"' + cell.replace('"', '""') + '"' for cell in fields)
    assert split_record(text, ",", ord('"')) == fields
