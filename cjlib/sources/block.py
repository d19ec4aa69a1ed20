"""The records of one block of bytes: bounds, physical lines, and the checks made on them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable

import numpy as np

from cjlib.sources.records import BACKSLASH, CR, LF, Found, Ints, Mask, Quotes, Reading, old_line_ends, split_record
from cjlib.sources.stream import undecodable

_MOJIBAKE = re.compile(rb"\xc3[\x82\x83]\xc2[\x80-\xbf]|\xc3\xa2\xe2\x82\xac")  # Ã© Â° â€
_CONTROL = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")  # letters of cp1252 read as latin-1
_NON_ASCII = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


class Block:
    """Whole records of one chunk: bounds, physical lines, and the checks made on them."""

    def __init__(self, reading: Reading, data: bytes, quotes: Quotes, ends: Ints) -> None:
        self.reading, self.scan, self.data = reading, reading.scan, data
        self.array = np.frombuffer(data, dtype=np.uint8)
        self.inside = None if quotes.inside is None else quotes.inside[: len(data)]
        self.ends = ends
        self.starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])
        self.malformed = [position for position in quotes.malformed if position < len(data)]
        self.opened = quotes.opened
        feeds = ends if quotes.inside is None else np.flatnonzero(self.array == LF)
        self.lines = np.searchsorted(feeds, self.starts) + self.scan.n_lines + 1
        self.n_feeds = len(feeds)
        self.following = np.append(self.lines[1:], self.scan.n_lines + self.n_feeds + 1)
        self.multiline = len(feeds) != len(ends)
        carriage = b"\r" in data
        before = self.array[np.maximum(ends - 1, 0)]
        self.crlf: Mask = (before == CR) & (ends > self.starts) if carriage else np.zeros(len(ends), np.bool_)
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
            if self.lines[index] <= self.reading.skip_lines:
                continue
            text = self.record(index).decode("utf-8", "replace")
            if text.strip():
                if self._bare_returns(index).any():
                    raise old_line_ends(self.data.count(b"\r"))
                self.scan.start(
                    split_record(text, chr(self.reading.separator), self.reading.quote), self.following[index] - 1
                )
                return index + 1
        return len(self.ends)

    def _flag(self, indices: Iterable[int], kind: str, value: Callable[[int], str] | None = None) -> None:
        for index in indices:
            self.bad[index] = True
            self.scan.flag(kind, int(self.lines[index]), value(index) if value else "")

    def _field_counts(self, used: Mask) -> None:
        separators = self.array == self.reading.separator
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
            self._flag(self._records(np.asarray(wrong, dtype=np.int64), used), "encoding", byte.__getitem__)
        if self.reading.lost:
            spots = [found.start() for found in re.finditer(b"\xef\xbf\xbd", self.data)]
            byte_value = f"byte 0x{self.reading.lost[0][1]:02X}"
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

    def _records(self, positions: Ints, used: Mask) -> list[int]:
        """Records in which these bytes stand, each once, the header left out."""
        where = np.unique(np.searchsorted(self.ends, positions))
        return [index for index in where.tolist() if used[index]]

    def _column_of_nul(self, index: int) -> str:
        fields = self.record(index).split(bytes([self.reading.separator]))
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
            escaped = self.data[position - 1] == BACKSLASH
            self.scan.flag("backslash" if escaped else "quote", line, excerpt)

    def _bare_returns(self, index: int | None = None) -> Ints:
        """Positions of carriage returns outside quotes that end no line (of one record, or of all)."""
        low, high = (0, len(self.array)) if index is None else (self.starts[index], self.ends[index])
        returns = np.flatnonzero(self.array[low:high] == CR) + low
        bare = self.array[np.minimum(returns + 1, len(self.array) - 1)] != LF
        found: Ints = returns[bare] if self.inside is None else returns[bare & ~self.inside[returns]]
        return found

    def _carriage_returns(self, used: Mask) -> None:
        if self.carriage:
            self._flag(self._records(self._bare_returns(), used), "carriage")

    def _swallowed(self, candidates: Mask) -> None:
        """A quoted text whose later lines look like whole rows: the quote was closed by accident."""
        separator, expected = bytes([self.reading.separator]), len(self.scan.header)
        for index in np.flatnonzero(candidates & (self.following - self.lines > 1)).tolist():
            record = self.record(index)
            first, *others = record.split(b"\n")
            model = first.split(separator)[0]
            if expected > 1 and any(
                line.count(separator) == expected - 1 and _same_shape(model, line.split(separator)[0])
                for line in others
            ):
                self._flag([index], "swallowed", lambda at: self.record(at).decode("utf-8", "replace"))

    def _write(self, good: Mask) -> None:
        out = self.reading.out
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
