"""One pass over the bytes of a CSV: what is physically wrong, and on which physical line each row starts.

A record is what stands between two line feeds outside quotes; a quote opens a field only at its start
(spaces aside) and closes it only before a separator or the end of the record, as RFC 4180 has it. Any
other quote inside quotes is read as a plain character and the record is reported. Records that cannot
be trusted are left out of the cleaned copy, so that what the database reads is exactly what was counted.

Everything is vectorised over blocks of whole records; Python loops only where something is wrong.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from cjlib.core.text import number
from cjlib.sources.stream import Unreadable, suggest_encoding, undecodable

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

MAX_RECORD = 4_000_000  # bytes; a longer record is a quote that was never closed, or not a table
BOM = b"\xef\xbb\xbf"
_LF, _CR, _SPACE, _BACKSLASH = 10, 13, 32, 92
_MOJIBAKE = re.compile(rb"\xc3[\x82\x83]\xc2[\x80-\xbf]|\xc3\xa2\xe2\x82\xac")  # Ã© Â° â€
_CONTROL = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")  # letters of cp1252 read as latin-1
_NON_ASCII = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


@dataclass
class Found:
    """One kind of physical trouble: how many records, the first lines and what stood there."""

    n: int = 0
    lines: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def add(self, line: int, value: str = "") -> None:
        """Count one record; remember it if it is among the first five."""
        self.n += 1
        if len(self.lines) < 5:
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
    first_record: list[str] = field(default_factory=list)
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
        """Would the database see other records in the file than those counted here?"""
        mixed = len(self.newlines) > 1
        return bool(self.n_bad or mixed or self.has_blank_lines or self.header_lines != 1)


class Scanner:
    """Feeds on chunks of UTF-8 bytes; writes the good records to `out` if one is given."""

    def __init__(
        self,
        *,
        separator: str,
        quote: str,
        skip_lines: int = 0,
        lost: list[tuple[int, int]] | None = None,
        out: IO[bytes] | None = None,
    ) -> None:
        self.separator, self.quote = ord(separator), ord(quote) if quote else -1
        self.scan = Scan()
        self.skip_lines, self.lost, self.out = skip_lines, lost, out
        self._rest = b""
        self._started = False

    def run(self, chunks: Iterator[bytes]) -> Scan:
        """Read everything; structural faults that spoil the rest of the file raise `Unreadable`."""
        for chunk in chunks:
            self._feed(self._rest + chunk, final=False)
        self._feed(self._rest, final=True)
        return self.scan

    def _feed(self, data: bytes, *, final: bool) -> None:
        if not self._started:
            if not final and len(data) < len(BOM):
                self._rest = data
                return
            data = data.removeprefix(BOM)
            self._started = True
        if final and data and not data.endswith(b"\n"):
            self.scan.no_final_newline = True
            data += b"\n"
        if not data:
            return
        array = np.frombuffer(data, dtype=np.uint8)
        inside, malformed, opened = self._quoted(data, array)
        feeds = array == _LF
        ends = np.flatnonzero(feeds if inside is None else feeds & ~inside)
        cut = int(ends[-1]) + 1 if len(ends) else 0
        self._rest = data[cut:]
        if len(self._rest) > MAX_RECORD or (final and self._rest):
            self._give_up(data, cut, opened)
        if cut:
            _Block(self, data[:cut], inside, ends, malformed, opened).take()

    def _give_up(self, data: bytes, cut: int, opened: list[int]) -> None:
        line = self.scan.n_lines + data.count(b"\n", 0, cut) + 1
        if opened and opened[-1] >= cut:
            line += data.count(b"\n", cut, opened[-1])
            records, lines = self.scan.n_records + data.count(b"\n", 0, cut), line + data.count(b"\n", opened[-1])
            raise Unreadable(
                f"a quote opened at line {line} is never closed and swallows the rest of the file:"
                f" about {number(records)} records on at least {number(lines)} physical lines",
                f"close or double the quote at line {line}, or declare format.quote: '' if quotes are plain text",
                "CJ-IN-015",
            )
        if data.count(b"\n") <= 1 and data.count(b"\r") > 1:
            raise _old_line_ends(data.count(b"\r"))
        raise Unreadable(
            f"the record at line {line} is longer than {number(MAX_RECORD)} bytes"
            f" (at least {number(len(data) - cut)})",
            "check the separator and the line ends of this file",
            "CJ-IN-017",
        )

    def _quoted(self, data: bytes, array: npt.NDArray[np.uint8]) -> tuple[Mask | None, list[int], list[int]]:
        """Mask of bytes inside quotes, positions of misplaced quotes, positions of opening quotes."""
        if self.quote < 0:
            return None, [], []
        quotes = np.flatnonzero(array == self.quote)
        if not len(quotes):
            return None, [], []
        malformed: list[int] = []
        if not self._regular(array, quotes):
            kept, malformed = _structural(data, quotes.tolist(), self.separator, self.quote)
            quotes = np.asarray(kept, dtype=np.int64)
        toggles = np.zeros(len(array), dtype=np.uint8)
        toggles[quotes] = 1
        mask = np.bitwise_xor.accumulate(toggles).view(np.bool_)
        odd = len(quotes) % 2
        opened = quotes[0::2].tolist() if malformed else quotes[-1:].tolist() if odd else []
        return mask, malformed, opened

    def _regular(self, array: npt.NDArray[np.uint8], quotes: Ints) -> bool:
        """Do all quotes stand where RFC 4180 allows them? (Doubled quotes close and open again.)"""
        openers, closers = quotes[0::2], quotes[1::2]
        before = array[np.maximum(openers - 1, 0)]
        doubled = np.zeros(len(openers), dtype=np.bool_)
        doubled[1:] = openers[1:] - 1 == closers[: len(openers) - 1]
        opens = (before == self.separator) | (before == _LF) | (openers == 0) | doubled
        after = array[np.minimum(closers + 1, len(array) - 1)]
        last = closers == len(array) - 1
        closes = (after == self.separator) | (after == _LF) | (after == _CR) | (after == self.quote) | last
        return bool(opens.all() and closes.all())


def _structural(data: bytes, quotes: list[int], separator: int, quote: int) -> tuple[list[int], list[int]]:
    """Opening and closing quotes by the rule of the module, and the misplaced ones inside quotes."""
    kept: list[int] = []
    misplaced: list[int] = []
    within, skipped, size = False, -1, len(data)
    for position in quotes:
        if position == skipped:
            continue
        if not within:
            near = position - 1
            while near >= 0 and data[near] == _SPACE != separator:
                near -= 1
            if near < 0 or data[near] in (separator, _LF):
                kept.append(position)
                within = True
            continue
        if position + 1 < size and data[position + 1] == quote:
            skipped = position + 1
            continue
        near = position + 1
        while near < size and data[near] == _SPACE != separator:
            near += 1
        if near >= size or data[near] in (separator, _LF, _CR):
            kept.append(position)
            within = False
        else:
            misplaced.append(position)
    return kept, misplaced


class _Block:
    """Whole records of one chunk: bounds, physical lines, and the checks made on them."""

    def __init__(
        self,
        scanner: Scanner,
        data: bytes,
        inside: Mask | None,
        ends: Ints,
        malformed: list[int],
        opened: list[int],
    ) -> None:
        self.scanner, self.scan, self.data = scanner, scanner.scan, data
        self.array = np.frombuffer(data, dtype=np.uint8)
        self.inside = None if inside is None else inside[: len(data)]
        self.ends = ends
        self.starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])
        self.malformed = [position for position in malformed if position < len(data)]
        self.opened = opened
        feeds = ends if inside is None else np.flatnonzero(self.array == _LF)
        self.lines = np.searchsorted(feeds, self.starts) + self.scan.n_lines + 1
        self.n_feeds = len(feeds)
        self.following = np.append(self.lines[1:], self.scan.n_lines + self.n_feeds + 1)
        self.multiline = len(feeds) != len(ends)
        carriage = b"\r" in data
        before = self.array[np.maximum(ends - 1, 0)]
        self.crlf: Mask = (before == _CR) & (ends > self.starts) if carriage else np.zeros(len(ends), np.bool_)
        self.carriage = carriage
        self.bad = np.zeros(len(ends), dtype=np.bool_)

    def take(self) -> None:
        """Run all checks, remember the lines of the good records, write them if asked to."""
        first = self._header()
        length = self.ends - self.starts - self.crlf
        blank = length == 0
        used = ~blank
        used[:first] = False
        self.scan.has_blank_lines |= bool(blank[first:].any())
        self.scan.n_records += int(used.sum())
        n_crlf = int(self.crlf.sum())
        n_lf = len(self.ends) - n_crlf - self.scan.no_final_newline  # the one we added does not count
        self.scan.newlines.update({name: n for name, n in (("crlf", n_crlf), ("lf", n_lf)) if n > 0})
        self._text(used)
        self._quotes()
        self._carriage_returns(used)
        self._field_counts(used & ~self.bad)
        if self.multiline:
            self._swallowed(used & ~self.bad)
        good = used & ~self.bad
        self.scan.remember_lines(self.lines[good])
        self._write(good)
        self.scan.n_lines += self.n_feeds

    def record(self, index: int) -> bytes:
        """Bytes of one record without its line end."""
        return self.data[int(self.starts[index]) : int(self.ends[index]) - int(self.crlf[index])]

    def _header(self) -> int:
        """Parse the header if it is still to come; number of records of this block before the data."""
        if self.scan.header:
            return 0
        for index in range(len(self.ends)):
            if self.lines[index] <= self.scanner.skip_lines:
                continue
            text = self.record(index).decode("utf-8", "replace")
            if text.strip():
                if self._bare_returns(index).any():
                    raise _old_line_ends(self.data.count(b"\r"))
                self.scan.start(
                    split_record(text, chr(self.scanner.separator), self.scanner.quote), self.following[index] - 1
                )
                return index + 1
        return len(self.ends)

    def _flag(self, indices: Any, kind: str, value: Any = None) -> None:
        for index in indices:
            self.bad[index] = True
            self.scan.flag(kind, int(self.lines[index]), value(index) if value else "")

    def _field_counts(self, used: Mask) -> None:
        separators = self.array == self.scanner.separator
        if self.inside is not None:
            separators &= ~self.inside
        counts = np.diff(np.searchsorted(np.flatnonzero(separators), self.ends), prepend=0) + 1
        expected = len(self.scan.header)
        wrong = np.flatnonzero((counts != expected) & used)
        if len(wrong):
            found, times = np.unique(counts[wrong], return_counts=True)
            self.scan.field_counts.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
            short = counts[wrong] < expected
            self._flag_many(wrong[short], "short")
            self._flag_many(wrong[~short], "long")
        if used.any() and not self.scan.first_record:
            text = self.record(int(np.flatnonzero(used)[0])).decode("utf-8", "replace")
            self.scan.first_record = split_record(text, chr(self.scanner.separator), self.scanner.quote)

    def _flag_many(self, indices: Ints, kind: str) -> None:
        """Flag records by the million without a loop over all of them."""
        if len(indices):
            self.bad[indices] = True
            self._flag(indices[:5], kind, lambda index: self.record(index).decode("utf-8", "replace"))
            self.scan.found[kind].n += max(len(indices) - 5, 0)

    def _at(self, position: int) -> int:
        return int(np.searchsorted(self.ends, position))

    def _text(self, used: Mask) -> None:
        """Encoding, NUL bytes and double-encoded text."""
        if b"\0" in self.data:
            self._flag(self._records(np.flatnonzero(self.array == 0), used), "nul", self._column_of_nul)
        if self.data.isascii():
            return
        wrong = undecodable(self.data)
        if wrong:
            if not self.scan.invalid_sample:
                self.scan.invalid_sample = self.data[max(wrong[0] - 30, 0) : wrong[0] + 200]
            byte = {self._at(position): f"byte 0x{self.data[position]:02X}" for position in reversed(wrong)}
            self._flag(self._records(np.asarray(wrong), used), "encoding", byte.__getitem__)
        if self.scanner.lost:
            spots = [found.start() for found in re.finditer(b"\xef\xbf\xbd", self.data)]
            byte_value = f"byte 0x{self.scanner.lost[0][1]:02X}"
            self._flag(self._records(np.asarray(spots, dtype=np.int64), used), "encoding", lambda _: byte_value)
        self.scan.n_non_ascii += len(_NON_ASCII.findall(self.data))
        for pattern, found in ((_MOJIBAKE, self.scan.mojibake), (_CONTROL, self.scan.controls)):
            for match in pattern.finditer(self.data):
                self._sample(found, match)

    def _sample(self, found: Found, match: re.Match[bytes]) -> None:
        if found.n >= 5:
            found.n += 1
            return
        text = self.data[max(match.start() - 12, 0) : match.end() + 12].decode("utf-8", "ignore")
        found.add(int(self.lines[self._at(match.start())]), text.strip())

    def _records(self, positions: npt.NDArray[Any], used: Mask) -> list[int]:
        """Records in which these bytes stand, each once, the header left out."""
        where = np.unique(np.searchsorted(self.ends, positions))
        return [index for index in where.tolist() if used[index]]

    def _column_of_nul(self, index: int) -> str:
        fields = self.record(index).split(bytes([self.scanner.separator]))
        column = next(i for i, cell in enumerate(fields) if b"\0" in cell)
        names = self.scan.header
        return f'column "{names[column]}"' if column < len(names) else f"column {column + 1}"

    def _quotes(self) -> None:
        """Records with a quote inside quotes that is neither doubled nor followed by a separator."""
        seen = set()
        for position in self.malformed:
            index = self._at(position)
            if index in seen:
                continue
            seen.add(index)
            self.bad[index] = True
            start = int(self.starts[index])
            opened = self.opened[bisect_left(self.opened, position) - 1]
            line = int(self.lines[index]) + self.data.count(b"\n", start, opened)
            excerpt = self.data[max(position - 15, 0) : position + 15].decode("utf-8", "ignore")
            escaped = self.data[position - 1] == _BACKSLASH
            self.scan.flag("backslash" if escaped else "quote", line, excerpt)

    def _bare_returns(self, index: int | None = None) -> npt.NDArray[np.int64]:
        """Positions of carriage returns outside quotes that end no line (of one record, or of all)."""
        low, high = (0, len(self.array)) if index is None else (self.starts[index], self.ends[index])
        returns = np.flatnonzero(self.array[low:high] == _CR) + low
        bare = self.array[np.minimum(returns + 1, len(self.array) - 1)] != _LF
        return returns[bare] if self.inside is None else returns[bare & ~self.inside[returns]]

    def _carriage_returns(self, used: Mask) -> None:
        if self.carriage:
            self._flag(self._records(self._bare_returns(), used), "carriage")

    def _swallowed(self, candidates: Mask) -> None:
        """A quoted text whose later lines look like whole rows: the quote was closed by accident."""
        separator, expected = bytes([self.scanner.separator]), len(self.scan.header)
        for index in np.flatnonzero(candidates & (self.following - self.lines > 1)).tolist():
            record = self.record(index)
            first, *others = record.split(b"\n")
            model = first.split(separator)[0]
            if expected > 1 and any(
                line.count(separator) == expected - 1 and _same_shape(model, line.split(separator)[0])
                for line in others
            ):
                self._flag([index], "swallowed", lambda _, text=record: text.decode("utf-8", "replace"))

    def _write(self, good: Mask) -> None:
        out = self.scanner.out
        if out is None:
            return
        if good.all() and not self.crlf.any():
            out.write(self.data)
            return
        keep = np.ones(len(self.array), dtype=np.bool_)
        for index in np.flatnonzero(~good).tolist():
            keep[self.starts[index] : self.ends[index] + 1] = False
        keep[self.ends[self.crlf] - 1] = False
        out.write(self.array[keep].tobytes())


def _same_shape(model: bytes, other: bytes) -> bool:
    if not model or not other:
        return False
    if model.isdigit():
        return other.isdigit() and abs(len(other) - len(model)) <= 1
    return len(model) == len(other) and any(map(_is_digit, other)) and any(map(_is_digit, model))


def _is_digit(byte: int) -> bool:
    return 48 <= byte <= 57


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


def _old_line_ends(n: int) -> Unreadable:
    return Unreadable(
        f"lines end with a bare carriage return, as on very old systems ({number(n)} of them)",
        "save it again with modern line ends (in a spreadsheet: CSV UTF-8)",
        "CJ-IN-017",
    )


def suggested_encoding(scan: Scan) -> str:
    """Encoding in which the bytes that are not UTF-8 make the most sense."""
    return suggest_encoding(scan.invalid_sample)
