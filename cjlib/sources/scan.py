"""One pass over the bytes of a CSV: what is physically wrong, and on which physical line each row starts.

A record is what stands between two line feeds outside quotes; a quote opens a field only at its start
(spaces aside) and closes it only before a separator or the end of the record, as RFC 4180 has it. Any
other quote inside quotes is read as a plain character and the record is reported. Records that cannot
be trusted are left out of the cleaned copy, so that what the database reads is exactly what was counted.

Everything is vectorised over blocks of whole records; Python loops only where something is wrong.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import IO

import numpy as np

from cjlib.core.text import number
from cjlib.sources.block import Block
from cjlib.sources.records import CR, LF, SPACE, Bytes, Ints, Quotes, Reading, Scan, old_line_ends
from cjlib.sources.stream import Unreadable, suggest_encoding

MAX_RECORD = 4_000_000  # bytes; a longer record is a quote that was never closed, or not a table
BOM = b"\xef\xbb\xbf"


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
        self.scan = Scan()
        mark = ord(quote) if quote else -1
        self.reading = Reading(ord(separator), mark, skip_lines, lost, out, self.scan)
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
        quotes = self._quoted(data, array)
        feeds = array == LF
        ends = np.flatnonzero(feeds if quotes.inside is None else feeds & ~quotes.inside)
        cut = int(ends[-1]) + 1 if len(ends) else 0
        self._rest = data[cut:]
        if len(self._rest) > MAX_RECORD or (final and self._rest):
            self._give_up(data, cut, quotes.opened)
        if cut:
            Block(self.reading, data[:cut], quotes, ends).take()

    def _give_up(self, data: bytes, cut: int, opened: tuple[int, ...]) -> None:
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
            raise old_line_ends(data.count(b"\r"))
        raise Unreadable(
            f"the record at line {line} is longer than {number(MAX_RECORD)} bytes (at least {number(len(data) - cut)})",
            "check the separator and the line ends of this file",
            "CJ-IN-017",
        )

    def _quoted(self, data: bytes, array: Bytes) -> Quotes:
        """Which bytes stand inside quotes, and which quotes are misplaced."""
        if self.reading.quote < 0:
            return Quotes()
        quotes = np.flatnonzero(array == self.reading.quote)
        if not len(quotes):
            return Quotes()
        malformed: list[int] = []
        if not self._regular(array, quotes):
            kept, malformed = _structural(data, quotes.tolist(), self.reading.separator, self.reading.quote)
            quotes = np.asarray(kept, dtype=np.int64)
        toggles = np.zeros(len(array), dtype=np.uint8)
        toggles[quotes] = 1
        mask = np.bitwise_xor.accumulate(toggles).view(np.bool_)
        odd = len(quotes) % 2
        opened = quotes[0::2].tolist() if malformed else quotes[-1:].tolist() if odd else []
        return Quotes(mask, tuple(malformed), tuple(opened))

    def _regular(self, array: Bytes, quotes: Ints) -> bool:
        """Tell whether all quotes stand where RFC 4180 allows them; doubled quotes close and open again."""
        openers, closers = quotes[0::2], quotes[1::2]
        before = array[np.maximum(openers - 1, 0)]
        doubled = np.zeros(len(openers), dtype=np.bool_)
        doubled[1:] = openers[1:] - 1 == closers[: len(openers) - 1]
        opens = (before == self.reading.separator) | (before == LF) | (openers == 0) | doubled
        after = array[np.minimum(closers + 1, len(array) - 1)]
        last = closers == len(array) - 1
        closes = (
            (after == self.reading.separator) | (after == LF) | (after == CR) | (after == self.reading.quote) | last
        )
        return bool(opens.all() and closes.all())


def _structural(data: bytes, quotes: list[int], separator: int, quote: int) -> tuple[list[int], list[int]]:
    """Opening and closing quotes by the rule of the module, and the misplaced ones inside quotes.

    A misplaced quote is a plain character if the field is properly closed on the same line; otherwise
    it closes the field, so that one bad row does not take the following ones with it.
    """
    kept: list[int] = []
    misplaced: list[int] = []
    within, skipped = False, -1
    for rank, position in enumerate(quotes):
        if position == skipped:
            continue
        if not within:
            within = _opens(data, position, separator)
            if within:
                kept.append(position)
        elif data[position + 1 : position + 2] == bytes([quote]):
            skipped = position + 1
        elif _closes(data, position, separator):
            kept.append(position)
            within = False
        else:
            misplaced.append(position)
            end = data.find(b"\n", position)
            later = (quotes[i] for i in range(rank + 1, bisect_left(quotes, end if end >= 0 else len(data))))
            if not any(_closes(data, other, separator) for other in later):
                kept.append(position)
                within = False
    return kept, misplaced


def _opens(data: bytes, position: int, separator: int) -> bool:
    near = position - 1
    while near >= 0 and data[near] == SPACE != separator:
        near -= 1
    return near < 0 or data[near] in (separator, LF)


def _closes(data: bytes, position: int, separator: int) -> bool:
    near = position + 1
    while near < len(data) and data[near] == SPACE != separator:
        near += 1
    return near >= len(data) or data[near] in (separator, LF, CR)


def suggested_encoding(scan: Scan) -> str:
    """Encoding in which the bytes that are not UTF-8 make the most sense."""
    return suggest_encoding(scan.invalid_sample)
