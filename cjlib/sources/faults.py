"""What the scan saw, as problems: one per kind of trouble, with count, lines, values and a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cjlib.core.errors import Problem
from cjlib.core.text import number
from cjlib.sources.records import Found, Scan
from cjlib.sources.scan import suggested_encoding

if TYPE_CHECKING:
    from cjlib.sources.table import Table

REASONS = {
    "short": "too few fields",
    "long": "too many fields",
    "quote": "misplaced quote",
    "backslash": "misplaced quote",
    "swallowed": "rows swallowed by a quote",
    "carriage": "carriage return in a field",
    "nul": "NUL byte",
    "encoding": "not readable in the declared encoding",
}
SEVERAL = "rows that cannot be read"


def separator_hint(line: str, declared: str) -> str:
    """The separator that a header with one column seems to use, or "".

    Examples
    --------
    >>> separator_hint("id;date;amount", ",")
    ';'
    """
    counts = {mark: line.count(mark) for mark in (";", ",", "\t", "|") if mark != declared}
    best = max(counts, key=lambda mark: counts[mark])
    return best.replace("\t", "\\t") if counts[best] else ""


def physical_problems(table: Table, scan: Scan) -> None:
    """Sort what was seen into row faults, faults of the whole file, and warnings."""
    for kind, found in scan.found.items():
        what, expected, then = _words(kind, scan, table, found)
        table.faults.append(
            Problem(
                code=_CODES[kind], file=table.path, what=what, n=found.n, of=table.n_rows, lines=tuple(found.lines),
                values=tuple(found.values), expected=expected, next_step=then,
            )
        )  # fmt: skip
    if scan.n_bad:
        reasons = {REASONS[kind] for kind in scan.found}
        # a record with several faults is set aside once
        table.set_aside[reasons.pop() if len(reasons) == 1 else SEVERAL] = scan.n_bad
    _encoding_problems(table, scan)
    if scan.no_final_newline and scan.n_records:
        table.warnings.append(
            Problem(
                code="CJ-IN-017", file=table.path, lines=(scan.n_lines,),
                what="the last line has no line end: was the file cut",
                next_step="compare the last line with the source system",
            )
        )  # fmt: skip


_CODES = {
    "short": "CJ-IN-016", "long": "CJ-IN-016", "quote": "CJ-IN-015", "backslash": "CJ-IN-015",
    "swallowed": "CJ-IN-015", "carriage": "CJ-IN-017", "nul": "CJ-IN-014", "encoding": "CJ-IN-013",
}  # fmt: skip


def _words(kind: str, scan: Scan, table: Table, found: Found) -> tuple[str, str, str]:
    n_fields, expected = len(scan.header), f"{len(scan.header)} fields, as in the header"
    sizes = " or ".join(number(size) for size in sorted(scan.field_counts))
    records = f"{number(scan.n_records)} records on {number(scan.n_lines)} physical lines"
    if kind == "long":
        if found.n == scan.n_records and set(scan.field_counts) == {n_fields + 1}:
            what = f"have one field more than the header ({sizes} fields found): a trailing separator on every row"
            return what, expected, "export it without the separator at the end of the rows, or name the last column"
        decimal = " (a decimal comma in a comma-separated file)" if table.form.separator == "," else ""
        what = f"are longer than the header: {sizes} fields found"
        return what, expected, f"quote the fields that hold the separator{decimal}, or export with another separator"
    if kind == "short":
        what = f"are shorter than the header: {sizes} fields found"
        return what, expected, "look for line breaks inside fields, a cut file, or total lines at the end"
    if kind == "swallowed":
        what = f"open a quote that seems to swallow the rows after it ({records})"
        return what, "quotes closed in their own row", "double the quote inside the text, or close it"
    if kind == "backslash":
        what = "hold a quote inside quotes that is escaped by a backslash"
        return what, 'quotes doubled inside quotes ("")', "declare format.escape: '\\', or export with doubled quotes"
    if kind == "quote":
        what = f"open a quote that is followed by text after the next quote ({records})"
        then = "double the quotes inside quoted text, or declare format.quote: '' if quotes are plain characters"
        return what, 'quotes doubled inside quotes ("")', then
    if kind == "carriage":
        return "hold a bare carriage return in a field without quotes", "", "quote the field, or remove it"
    if kind == "nul":
        return "hold a NUL byte", "text", "export it again; the field is not cut, the row is refused"
    hint = suggested_encoding(scan) if table.form.encoding.startswith("utf-8") else "utf-8"
    what = f"hold bytes that are not {table.form.encoding}"
    return what, f"encoding {table.form.encoding}", f"declare format.encoding: {hint} if the text then reads well"


def _encoding_problems(table: Table, scan: Scan) -> None:
    """Text that reads, but wrongly: UTF-8 taken for Latin-1, cp1252 taken for Latin-1."""
    twice = scan.mojibake
    letters = max(scan.n_non_ascii - twice.n, twice.n)  # a doubled letter is two characters
    if twice.n:
        declared = table.form.encoding
        then = "declare format.encoding: utf-8" if declared != "utf-8" else "repair it where it was exported"
        problem = Problem(
            code="CJ-IN-013", file=table.path, lines=tuple(twice.lines), values=tuple(twice.values),
            what=f"double-encoded? {number(twice.n)} of {number(letters)} accented letters read like Ã© for é",
            expected=f"text in {declared}", next_step=then,
        )  # fmt: skip
        # a few may be what customers pasted; most of them mean that the declaration is wrong
        (table.fatal if 2 * twice.n >= letters else table.warnings).append(problem)
    if scan.controls.n and table.form.encoding.startswith(("iso8859", "latin")):
        table.fatal.append(
            Problem(
                code="CJ-IN-013", file=table.path, lines=tuple(scan.controls.lines),
                what=f"{number(scan.controls.n)} control characters (0x80 to 0x9F) where letters or signs should be",
                expected=f"text in {table.form.encoding}", next_step="declare format.encoding: cp1252",
            )
        )  # fmt: skip
