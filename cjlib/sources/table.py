"""A file as a relation of text columns: opened, scanned, its header checked, its physical faults told.

What the database then reads is either the file itself or a cleaned copy (UTF-8, line feeds, only the
records that can be trusted), and the number of records must be the one counted by the scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import duckdb

from cjlib.core.errors import Problem, did_you_mean
from cjlib.core.text import number
from cjlib.sources.cast import Cell, literal
from cjlib.sources.faults import physical_problems, separator_hint
from cjlib.sources.records import Scan
from cjlib.sources.scan import MAX_RECORD, Scanner
from cjlib.sources.source import Format
from cjlib.sources.stream import HashingReader, Unreadable, as_utf8, checked, inside, unpacked, without_escapes


@dataclass
class Table:
    """One opened file. `relation` is a SELECT with `record` and the columns of `cells`."""

    path: str
    form: Format
    sha256: str = ""
    n_bytes: int = 0
    n_rows: int = 0
    n_lines: int = 0
    relation: str = ""
    cells: dict[str, Cell] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)
    set_aside: dict[str, int] = field(default_factory=dict)
    faults: list[Problem] = field(default_factory=list)  # rows: the error budget applies
    fatal: list[Problem] = field(default_factory=list)  # the file as a whole
    warnings: list[Problem] = field(default_factory=list)
    header_lines: int = 0
    steps: Any = None

    @property
    def n_good(self) -> int:
        """Rows the database reads."""
        return self.n_rows - sum(self.set_aside.values())

    def refuse(self, what: str, *, code: str, **more: Any) -> None:
        """The file as a whole breaks the contract."""
        self.fatal.append(Problem(code=code, file=self.path, what=what, **more))


def is_parquet(path: str, form: Format) -> bool:
    """Parquet by declaration, else by the name of the file."""
    return form.kind == "parquet" or (form.kind is None and path.lower().endswith((".parquet", ".pq")))


def open_table(
    con: duckdb.DuckDBPyConnection, path: str, form: Format, *, folder: Path, wanted: Sequence[str], scratch: Path
) -> Table:
    """Open `folder/path` for the columns `wanted`; whatever is wrong is recorded in the table."""
    table = Table(path=path, form=form)
    try:
        real = inside(folder / path, folder)
        table.n_bytes = real.stat().st_size
        if table.n_bytes == 0:
            raise Unreadable("the file is empty (0 bytes)", "export it again", "CJ-IN-011")
        if is_parquet(path, form):
            _open_parquet(con, table, real)
        else:
            _open_csv(table, real, scratch)
    except Unreadable as error:
        table.refuse(error.what, code=error.code, next_step=error.next_step)
        return table
    except OSError as error:
        table.refuse(
            f"the file cannot be read ({error.strerror})", code="CJ-IN-010", next_step="check it and try again"
        )
        return table
    _check_columns(table, wanted)
    return table


def scan_csv(real: Path, form: Format, out: IO[bytes] | None = None) -> tuple[Scan, str, int]:
    """One pass over the file: what it holds physically, its SHA-256 and its size on disk."""
    with real.open("rb") as handle:
        reader = HashingReader(handle)
        chunks = checked(unpacked(reader, packed=real.name.lower().endswith(".gz")), form.encoding)
        lost: list[tuple[int, int]] = []
        if form.encoding not in ("utf-8", "utf-8-sig"):
            chunks = as_utf8(chunks, form.encoding, lost)
        if form.escape and form.quote and form.escape != form.quote:
            chunks = without_escapes(chunks, form.escape.encode(), form.quote.encode())
        scanner = Scanner(separator=form.separator, quote=form.quote, skip_lines=form.skip_lines, lost=lost, out=out)
        scan = scanner.run(chunks)
        return scan, reader.drain(), reader.n_bytes


def _transcoded(form: Format) -> bool:
    return form.encoding not in ("utf-8", "utf-8-sig") or bool(form.escape)


def _open_csv(table: Table, real: Path, scratch: Path) -> None:
    copy = scratch / f"{len(list(scratch.iterdir()))}.csv"
    scan = None
    if not _transcoded(table.form):
        scan, table.sha256, table.n_bytes = scan_csv(real, table.form)
    clean = scan is None or scan.must_be_rewritten
    if clean:
        with copy.open("wb") as out:
            scan, table.sha256, table.n_bytes = scan_csv(real, table.form, out)
    if scan is None or not scan.header:
        raise Unreadable("there is no header, only blank lines", "export it again with a header", "CJ-IN-011")
    table.header, table.n_rows, table.n_lines = scan.header, scan.n_records, scan.n_lines
    table.header_lines, table.steps = scan.header_lines, scan.steps
    physical_problems(table, scan)
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(scan.header)))
    options = [
        "auto_detect=false", "header=false", f"skip={0 if clean else 1}", f"columns={{{columns}}}",
        f"sep={literal(table.form.separator)}", f"quote={literal(table.form.quote)}",
        f"escape={literal(table.form.quote)}", "nullstr=''", "strict_mode=true", f"max_line_size={MAX_RECORD + 1000}",
    ]  # fmt: skip
    if clean or "crlf" not in scan.newlines:
        options.append(r"new_line='\n'")
    if real.name.lower().endswith(".gz") and not clean:
        options.append("compression='gzip'")
    source = copy if clean else real
    table.relation = f"SELECT row_number() OVER () AS record, * FROM read_csv({_file(source)}, {', '.join(options)})"
    for i, column in enumerate(scan.header):
        table.cells.setdefault(column, Cell(f"c{i}", table.form))


def _open_parquet(con: duckdb.DuckDBPyConnection, table: Table, real: Path) -> None:
    with real.open("rb") as handle:
        reader = HashingReader(handle)
        head = reader.read(4)
        table.sha256, table.n_bytes = reader.drain(), reader.n_bytes
        handle.seek(max(table.n_bytes - 4, 0))
        tail = handle.read(4)
    if head != b"PAR1" or tail != b"PAR1":
        what = "the Parquet file is truncated" if head == b"PAR1" else "this is not a Parquet file"
        raise Unreadable(f"{what} ({number(table.n_bytes)} bytes)", "copy or export it again")
    source = f"read_parquet({_file(real)}, file_row_number=true)"
    try:
        described = con.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {source}").fetchall()
        counted = con.execute(f"SELECT count(*) FROM {source}").fetchall()
    except duckdb.Error as error:
        raise Unreadable(f"the Parquet file is corrupt ({number(table.n_bytes)} bytes)", "export it again") from error
    table.n_rows = table.n_lines = int(counted[0][0])
    table.header = [str(row[0]) for row in described]
    parts = [f'"{column.replace(chr(34), chr(34) * 2)}" AS c{i}' for i, column in enumerate(table.header)]
    table.relation = f"SELECT file_row_number + 1 AS record, {', '.join(parts)} FROM {source}"
    for i, row in enumerate(described):
        kind = "" if row[1] == "VARCHAR" else str(row[1])
        table.cells.setdefault(str(row[0]), Cell(f"c{i}", table.form, kind))


def _file(path: Path) -> str:
    """Path constant in SQL; characters that would make a pattern of it stand for themselves."""
    return literal("".join(f"[{char}]" if char in "[*?" else char for char in str(path)))


def _check_columns(table: Table, wanted: Sequence[str]) -> None:
    """Each wanted column stands in the header once, and no other differs from it by case or space only."""
    header, lost = table.header, [column for column in dict.fromkeys(wanted) if column not in table.header]
    if lost and len(header) == 1 and (hint := separator_hint(header[0], table.form.separator)):
        table.refuse(f"1 column found; it looks like '{hint}' separates the columns", code="CJ-IN-016",
                     values=(header[0],), expected=f"separator '{table.form.separator}'",
                     next_step=f'declare format.separator: "{hint}"')  # fmt: skip
        return
    if lost and len(lost) == len(set(wanted)) and not any(did_you_mean(column, header) for column in lost):
        table.refuse(
            "none of the expected columns is in the first line: is the header missing",
            code="CJ-IN-020", lines=(1,), values=tuple(header[:5]), expected="columns " + ", ".join(lost),
            next_step="export it with a header line, or declare format.skip_lines if the header stands lower",
        )  # fmt: skip
        return
    for column in lost:
        near = did_you_mean(column, [other for other in header if other not in wanted])
        table.refuse(
            f"the column is missing. {near}".strip(), code="CJ-IN-020", column=column,
            expected="one of the columns found: " + ", ".join(f'"{other}"' for other in header),
            next_step="correct the name in the study (names are matched exactly), or the export",
        )  # fmt: skip
    for column in dict.fromkeys(wanted):
        _check_similar(table, column)


def _check_similar(table: Table, column: str) -> None:
    same = [i + 1 for i, other in enumerate(table.header) if other == column]
    alike = [i + 1 for i, other in enumerate(table.header) if _folded(other) == _folded(column)]
    if len(same) > 1:
        table.refuse(
            f"the column stands in the file {len(same)} times, at positions {_and(same)}",
            code="CJ-IN-021", column=column, next_step="give each column its own name in the export",
        )  # fmt: skip
    elif same and len(alike) > 1 and table.form.similar_columns == "refuse":
        names = ", ".join(f'"{table.header[i - 1]}"' for i in alike)
        table.refuse(
            f"columns differ by case or spaces only, at positions {_and(alike)}: {names}",
            code="CJ-IN-021", column=column,
            next_step="rename one of them, or declare format.similar_columns: accept",
        )  # fmt: skip


def _folded(column: str) -> str:
    return "".join(column.casefold().split())


def _and(positions: list[int]) -> str:
    return " and ".join(map(str, positions))
