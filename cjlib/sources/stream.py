"""Bytes of a source file: hashed, unpacked and turned into UTF-8 while they stream past.

Nothing is ever held whole: a file of any size costs one buffer. What cannot be read at all (wrong
kind of file, truncated gzip, wrong encoding) raises `Unreadable`; the caller makes a problem of it.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from cjlib.core.text import number

CHUNK = 8 << 20
# DEFLATE cannot shrink beyond 1:1032; tables shrink 5 to 60 times. Beyond this it is a bomb.
MAX_RATIO = 250
MAX_UNPACKED_FREE = 200 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KINDS = (
    (b"PK\x03\x04", "an Excel workbook or zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip archive"),
)


class Unreadable(Exception):  # noqa: N818 - it is caught at once and becomes a Problem
    """The file cannot be read as declared: `what` is wrong, `next_step` helps; `code` is stable."""

    def __init__(self, what: str, next_step: str, code: str = "CJ-IN-012") -> None:
        super().__init__(what)
        self.what, self.next_step, self.code = what, next_step, code


def inside(path: Path, folder: Path) -> Path:
    """`path` if it is a regular file that really lies inside `folder`, symbolic links followed."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Unreadable("the path leaves the data folder", "keep every source inside the data folder", "CJ-IN-010")
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise Unreadable(
            f"the file cannot be opened ({error.strerror})", "check its name and its permissions", "CJ-IN-010"
        ) from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
        raise Unreadable(f"this is {kind}, not a file", "name a file, or a pattern of files", "CJ-IN-010")
    return path


def detect_kind(head: bytes) -> str:
    """What the first bytes say the file is, if it is a well-known kind that is no CSV; else "".

    Examples
    --------
    >>> detect_kind(b"<!DOCTYPE html><html>"), detect_kind(b"id,at")
    ('a web page (HTML)', '')
    """
    for magic, kind in _KINDS:
        if head.startswith(magic):
            return kind
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:100].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page (HTML)"
    return "an XML document" if start.startswith(b"<?xml") else ""


class HashingReader:
    """File object that hashes and counts what is read through it."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle, self._digest, self.n_bytes = handle, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """Next bytes of the file as it lies on disk."""
        data = self._handle.read(size)
        self._digest.update(data)
        self.n_bytes += len(data)
        return data

    def drain(self) -> str:
        """Read what is left, then the SHA-256 of the whole file, in hexadecimal."""
        while self.read(CHUNK):
            pass
        return self._digest.hexdigest()


def unpacked(reader: HashingReader, *, packed: bool) -> Iterator[bytes]:
    """Chunks of the content; gzip is undone, and its faults are named."""
    if not packed:
        while data := reader.read(CHUNK):
            yield data
        return
    total = 0
    try:
        with gzip.GzipFile(fileobj=cast("IO[bytes]", reader), mode="rb") as archive:
            while data := archive.read(CHUNK):
                total += len(data)
                if total > MAX_UNPACKED_FREE and total > MAX_RATIO * max(reader.n_bytes, 1):
                    raise Unreadable(
                        f"the archive unpacks to more than {MAX_RATIO} times its size; this is not a table",
                        "unpack it by hand and look at it",
                    )
                yield data
    except EOFError as error:
        raise Unreadable(
            f"the gzip archive is truncated: it ends after {number(reader.n_bytes)} bytes,"
            f" {number(total)} bytes unpacked",
            "copy or download it again",
        ) from error
    except gzip.BadGzipFile as error:
        fake = "Not a gzipped file" in str(error)
        what = "the name ends in .gz but this is not a gzip archive" if fake else "the gzip archive is corrupt"
        raise Unreadable(f"{what} ({number(reader.n_bytes)} bytes read)", "export or copy it again") from error
    except zlib.error as error:
        raise Unreadable(
            f"the gzip archive is corrupt after {number(total)} unpacked bytes", "copy or download it again"
        ) from error


def checked(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The same chunks, once their first bytes were seen to be a text file in a plausible encoding."""
    first = next(chunks, b"")
    if kind := detect_kind(first):
        raise Unreadable(f"this is {kind}, not a CSV file", "export the table as CSV and use that file")
    wide = first.startswith(_UTF16) or (len(first) > 3 and first[:200].count(0) >= len(first[:200]) // 3)
    if wide and not encoding.replace("_", "-").startswith("utf-16"):
        raise Unreadable(f"the file is UTF-16, not {encoding}", "declare format.encoding: utf-16", code="CJ-IN-013")
    yield first
    yield from chunks


class _Locate:
    """Decoding errors: each undecodable byte becomes U+FFFD and is remembered."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int]] = []

    def __call__(self, error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        self.found.append((error.start, error.object[error.start]))
        return "\ufffd", error.end


def undecodable(data: bytes) -> list[int]:
    """Positions of the bytes that are not UTF-8.

    Examples
    --------
    >>> undecodable("été".encode("cp1252"))
    [0, 2]
    """
    locate = _Locate()
    codecs.register_error("cjlib-locate", locate)
    data.decode("utf-8", "cjlib-locate")
    return [position for position, _ in locate.found]


def as_utf8(chunks: Iterator[bytes], encoding: str, lost: list[tuple[int, int]]) -> Iterator[bytes]:
    """Chunks re-encoded as UTF-8. A byte the encoding does not know becomes U+FFFD and goes to `lost`.

    `lost` receives (byte offset inside its chunk, byte value); U+FFFD marks the row for the scan.
    """
    locate = _Locate()
    locate.found = lost
    codecs.register_error("cjlib-transcode", locate)
    decoder = codecs.getincrementaldecoder(encoding)(errors="cjlib-transcode")
    for data in chunks:
        yield decoder.decode(data).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def without_escapes(chunks: Iterator[bytes], escape: bytes, quote: bytes) -> Iterator[bytes]:
    """Chunks in which an escaped quote is a doubled quote, as RFC 4180 has it (`escape` is one byte)."""
    pair = re.compile(re.escape(escape) + b"(.)", re.DOTALL)

    def doubled(found: re.Match[bytes]) -> bytes:
        if found[1] == quote:
            return quote + quote
        return escape if found[1] == escape else found[0]

    held = b""
    for data in chunks:
        block = held + data
        # An odd run of escapes at the end waits for its partner in the next chunk.
        tail = len(block) - len(block.rstrip(escape))
        held = escape if tail % 2 else b""
        yield pair.sub(doubled, block[: len(block) - len(held)])
    if held:
        yield held


def suggest_encoding(sample: bytes) -> str:
    """The 8-bit encoding under which the non-ASCII bytes of `sample` are most often French letters.

    Examples
    --------
    >>> suggest_encoding("Réception à l’été".encode("cp1252")), suggest_encoding("Réception".encode("mac_roman"))
    ('cp1252', 'mac_roman')
    """
    letters = set("éèêëàâçôöûùüîïœæÉÈÀÇÊÔŒ’‘“”«»€–—…°ßñáíóúãõ\u00a0")
    high = bytes(byte for byte in sample if byte > 127)
    scores = {
        name: sum(char in letters for char in high.decode(name, "replace")) for name in ("cp1252", "mac_roman", "cp850")
    }
    return max(scores, key=lambda name: scores[name])
