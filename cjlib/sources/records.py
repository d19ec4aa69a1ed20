"""What one pass over a CSV saw: records, lines, and every kind of physical trouble with its place."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

from cjlib.core.text import number
from cjlib.sources.stream import Unreadable

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
LF, CR, SPACE, BACKSLASH = 10, 13, 32, 92


@dataclass
class Found:
    """One kind of physical trouble: how many records, the first lines and what stood there."""

    n: int = 0
    lines: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def add(self, line: int, value: str = "") -> None:
        """Count one record; remember it if it is among the first five."""
        self.n += 1
        if len(self.lines) < 5 and line not in self.lines:
            self.lines.append(line)
            if value and value not in self.values:
                self.values.append(value)


@dataclass
class Scan:
    """What the pass over the bytes saw. `found` maps a kind of trouble to its place."""

    header: list[str] = field(default_factory=list)
    n_records: int = 0
    n_good: int = 0
    n_lines: int = 0
    header_lines: int = 0
    found: dict[str, Found] = field(default_factory=dict)
    field_counts: Counter[int] = field(default_factory=Counter)
    newlines: Counter[str] = field(default_factory=Counter)
    mojibake: Found = field(default_factory=Found)
    controls: Found = field(default_factory=Found)
    n_non_ascii: int = 0
    invalid_sample: bytes = b""
    no_final_newline: bool = False
    has_blank_lines: bool = False
    _steps: list[tuple[Ints, Ints]] = field(default_factory=list)
    _shift: int = -1

    def flag(self, kind: str, line: int, value: str = "") -> None:
        """Count one record with this kind of trouble."""
        self.found.setdefault(kind, Found()).add(line, value)

    @property
    def n_bad(self) -> int:
        """Records that are left out."""
        return self.n_records - self.n_good

    def start(self, header: list[str], n_lines: int) -> None:
        """Take the header, which ends at physical line `n_lines`."""
        self.header, self.header_lines, self._shift = header, int(n_lines), int(n_lines)

    def remember_lines(self, lines: Ints) -> None:
        """Keep where (line - ordinal of the good record) changes: nearly nothing for a plain file."""
        if not len(lines):
            return
        ordinals = np.arange(self.n_good + 1, self.n_good + 1 + len(lines), dtype=np.int64)
        shift = lines - ordinals
        changed = np.flatnonzero(np.diff(shift, prepend=self._shift) != 0)
        if len(changed):
            self._steps.append((ordinals[changed], shift[changed]))
        self._shift = int(shift[-1])
        self.n_good += len(lines)

    @property
    def steps(self) -> tuple[Ints, Ints]:
        """From good record `first[i]` on, physical line = ordinal + `shift[i]`."""
        if not self._steps:
            empty = np.empty(0, dtype=np.int64)
            return empty, empty
        return np.concatenate([s[0] for s in self._steps]), np.concatenate([s[1] for s in self._steps])

    @property
    def must_be_rewritten(self) -> bool:
        """Tell whether the database would see other records in the file than those counted here."""
        mixed = len(self.newlines) > 1
        return bool(self.n_bad or mixed or self.has_blank_lines or self.header_lines != 1)


@dataclass(frozen=True)
class Reading:
    """How the bytes are to be read, and what is made of them."""

    separator: int
    quote: int  # -1: quotes are plain characters
    skip_lines: int
    lost: list[tuple[int, int]] | None  # bytes that the declared encoding does not know
    out: IO[bytes] | None  # where the good records go
    scan: Scan


@dataclass(frozen=True)
class Quotes:
    """Bytes inside quotes (None: there are no quotes), misplaced quotes, and quotes that open a field."""

    inside: Mask | None = None
    malformed: tuple[int, ...] = ()
    opened: tuple[int, ...] = ()


def split_record(text: str, separator: str, quote: int) -> list[str]:
    """Fields of one record, quotes removed.

    Examples
    --------
    >>> split_record("id,'a, b',", ",", ord("'"))
    ['id', 'a, b', '']
    """
    if quote < 0 or chr(quote) not in text:
        return text.split(separator)
    mark = re.escape(chr(quote))
    pattern = re.compile(rf" *{mark}((?:[^{mark}]|{mark}{mark})*){mark} *(?={re.escape(separator)}|$)", re.DOTALL)
    fields, position = [], 0
    while True:
        found = pattern.match(text, position)
        if found:
            fields.append(found[1].replace(chr(quote) * 2, chr(quote)))
            end = found.end()
        else:
            end = text.find(separator, position)
            end = len(text) if end < 0 else end
            fields.append(text[position:end])
        if end >= len(text):
            return fields
        position = end + 1


def old_line_ends(n: int) -> Unreadable:
    """The whole file is one line to every modern reader."""
    return Unreadable(
        f"lines end with a bare carriage return, as on very old systems ({number(n)} of them)",
        "save it again with modern line ends (in a spreadsheet: CSV UTF-8)",
        "CJ-IN-017",
    )
