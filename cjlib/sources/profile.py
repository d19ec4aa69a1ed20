"""A look at an export before any contract exists: what it seems to hold, with the evidence counted."""

from __future__ import annotations

import csv
import gzip
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import IO, cast

from cjlib.core.errors import ParameterError
from cjlib.sources import infer
from cjlib.sources.cast import NO_ID
from cjlib.sources.stream import detect_kind, suggest_encoding

SAMPLE_BYTES, SAMPLE_ROWS = 32 << 20, 50_000
MISSING_WORDS = frozenset({*NO_ID, "NR", "ND", "N.R.", "-", "--", "?", "n.d.", "inconnu", "unknown", "sans réponse"})
# Words of a header, without accents, by what the column means; the first match of the first role wins.
ROLES: dict[str, tuple[str, ...]] = {
    "asked_at": ("envoi", "date envoi", "envoye", "asked", "sent", "invitation", "creation date"),
    "answered_at": ("reponse", "date reponse", "repondu", "answered", "answer", "responded"),
    "customer": ("n client", "no client", "num client", "numero client", "id client", "client", "customer",
                 "user", "household", "case", "member", "adherent", "abonne", "contact", "compte", "account"),
    "score": ("note", "score", "rating", "nps", "csat", "ces", "satisfaction"),
    "comment": ("verbatim", "commentaire", "comment", "avis", "message", "review", "remarque"),
    "at": ("date", "horodatage", "timestamp", "datetime", "at", "time", "heure", "jour"),
    "event": ("event", "evenement", "action", "activity", "activite", "type", "concept", "name"),
    "channel": ("canal", "channel", "plateforme", "platform", "device"),
    "value": ("montant", "amount", "valeur", "value", "total", "prix", "price", "ca", "sales"),
    "stage": ("etape", "stage", "phase"),
    "code": ("codes", "code", "theme", "themes"),
    "note": ("notes", "note", "verbatim", "citation", "quote", "passage"),
    "coder": ("codeur", "codeuse", "coder", "code par", "coded by"),
    "interview": ("entretien", "interview"),
}  # fmt: skip


@dataclass
class Column:
    """What the sample says about one column."""

    name: str
    texts: list[str]
    n_rows: int
    missing: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    numbers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def kinds(self) -> int:
        """Distinct texts."""
        return len(set(self.texts))


@dataclass
class Profile:
    """What the sample says about one file."""

    path: Path
    kind: str
    encoding: str = "utf-8"
    separator: str = ","
    columns: list[Column] = field(default_factory=list)
    n_rows: int = 0
    whole: bool = True
    same_width: int = 0
    typed_dates: dict[str, bool] = field(default_factory=dict)  # Parquet: has the instant a zone?

    def role(self, role: str, *, among: Sequence[str] | None = None) -> str | None:
        """Column whose name fits the role best."""
        names = [column.name for column in self.columns if among is None or column.name in among]
        for word in ROLES[role]:
            for name in names:
                if re.search(rf"\b{word}\b", plain(name)):
                    return name
        return None

    def column(self, name: str) -> Column:
        """Column by its name."""
        return next(column for column in self.columns if column.name == name)


def plain(name: str) -> str:
    """Lower case, no accents, words apart: what header words are compared in.

    Examples
    --------
    >>> plain("N° Client"), plain("review_creationDate"), plain("Étape")
    ('n client', 'review creation date', 'etape')
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    flat = unicodedata.normalize("NFKD", apart.replace("°", " ").replace("º", " ").casefold())
    return " ".join(re.findall(r"[a-z0-9]+", "".join(char for char in flat if not unicodedata.combining(char))))


def profile(path: Path) -> Profile:
    """Look at the first rows of an export.

    Raises
    ------
    ParameterError
        The file is no table: a web page, a workbook, empty.
    """
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet(path)
    data, whole = _sample(path)
    if kind := detect_kind(data):
        raise ParameterError(f"{path.name} is {kind}, not a CSV file. Export the table as CSV.", code="CJ-IN-012")
    if not data.strip():
        raise ParameterError(f"{path.name} is empty. Export it again.", code="CJ-IN-011")
    encoding, text = _decoded(data)
    separator = _separator(text)
    rows = [row for row in csv.reader(StringIO(text, newline=""), delimiter=separator) if row][: SAMPLE_ROWS + 1]
    header, body = rows[0], rows[1:]
    result = Profile(path, "csv", encoding, separator, n_rows=len(body), whole=whole and len(body) < SAMPLE_ROWS)
    result.same_width = sum(len(row) == len(header) for row in body)
    body = [row for row in body if len(row) == len(header)]
    result.columns = [_column(name, [row[i] for row in body]) for i, name in enumerate(header)]
    return result


def _sample(path: Path) -> tuple[bytes, bool]:
    """First bytes of the content, cut at a line end, and whether that is all of it."""
    try:
        with path.open("rb") as file:
            handle: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if path.suffix.lower() == ".gz" else file
            data = handle.read(SAMPLE_BYTES)
            whole = not handle.read(1)
    except (OSError, EOFError) as error:
        raise ParameterError(f"{path.name} cannot be read: {error}. Check the file.", code="CJ-IN-010") from error
    return (data if whole else data[: data.rfind(b"\n") + 1]), whole


def _decoded(data: bytes) -> tuple[str, str]:
    for bom in (b"\xff\xfe", b"\xfe\xff"):
        if data.startswith(bom):
            return "utf-16", data.decode("utf-16", "replace")
    try:
        return "utf-8", data.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding = suggest_encoding(data)
        return encoding, data.decode(encoding, "replace")


def _separator(text: str) -> str:
    """The mark that cuts the first lines into the same number of columns, the more the better."""
    lines = [line for line in text.splitlines()[:200] if line.strip()]

    def fit(mark: str) -> tuple[float, int]:
        widths = Counter(len(next(csv.reader([line], delimiter=mark))) for line in lines)
        width = len(next(csv.reader(lines[:1], delimiter=mark)))
        return (widths[width] / len(lines) if width > 1 else 0.0), width

    return max((",", ";", "\t", "|"), key=fit)


def _column(name: str, cells: list[str]) -> Column:
    missing = [word for word in dict.fromkeys(cells) if word in MISSING_WORDS]
    texts = [cell for cell in cells if cell and cell not in MISSING_WORDS]
    column = Column(name, texts, len(cells), missing)
    distinct = list(dict.fromkeys(texts))
    column.dates = infer.fitting_dates(distinct) if distinct and _looks_like_date(distinct[0]) else []
    if not column.dates and distinct and _looks_like_date(distinct[0]):
        column.dates = _most(distinct)
    column.numbers = [] if column.dates else infer.fitting_numbers(distinct)
    return column


def _looks_like_date(text: str) -> bool:
    return bool(re.match(r"\s*\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\s*\d{1,2} \w+ \d{4}", text))


def _most(texts: Sequence[str]) -> list[str]:
    """Formats that read at least nine in ten, where none reads all."""
    found = []
    for form in ("iso", *infer.DATE_FORMATS):
        good = sum(infer.is_iso(text) if form == "iso" else infer.parse(text, form) is not None for text in texts)
        if good >= 0.9 * len(texts):
            found.append(form)
    return found


def _parquet(path: Path) -> Profile:
    import duckdb

    con = duckdb.connect()
    source = "read_parquet(" + "'" + str(path).replace("'", "''") + "')"
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        rows = con.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {source} LIMIT {SAMPLE_ROWS}").fetchall()
    except duckdb.Error as error:
        raise ParameterError(f"{path.name} is not a readable Parquet file.", code="CJ-IN-012") from error
    result = Profile(path, "parquet", n_rows=len(rows), same_width=len(rows), whole=len(rows) < SAMPLE_ROWS)
    for i, (name, kind, *_) in enumerate(described):
        column = _column(str(name), [row[i] or "" for row in rows])
        result.columns.append(column)
        if str(kind).startswith(("TIMESTAMP", "DATE")):
            column.dates, column.numbers = ["typed"], []
            result.typed_dates[str(name)] = "TIME ZONE" in str(kind)
    return result
