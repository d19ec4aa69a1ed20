"""Errors of the library: what happened, where, what was received, what is allowed, what to do next.

Every error carries a stable code (listed in `docs/errors.md`). Each public class inherits from the
builtin that a caller would expect as well, so that `except ValueError` works.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class CjlibError(Exception):
    """Base of every error raised on purpose by cjlib; `code` is stable across versions."""

    def __init__(self, message: str, *, code: str = "CJ-E00") -> None:
        super().__init__(message)
        self.code = code


class ParameterError(CjlibError, ValueError):
    """An argument, option or notebook parameter is not one of what is allowed."""


class NotEnoughDataError(CjlibError):
    """The question cannot be answered from these data; the message is fit for a report page."""


class ReportError(CjlibError, RuntimeError):
    """A report or a batch could not be produced."""


class EnvironmentProblem(CjlibError, OSError):  # noqa: N818 - nothing is wrong with the call
    """The machine is in the way: disk, permission, lock, missing kernel."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One breach of a contract, located. All problems of a file are collected before raising.

    `n` of `of` rows are concerned; `lines` are physical line numbers (the header is line 1) of the
    first ones and `values` what stood there (at most five, cut to 40 characters).
    """

    code: str
    file: str
    what: str
    column: str = ""
    n: int = 0
    of: int = 0
    lines: tuple[int, ...] = ()
    values: tuple[str, ...] = ()
    expected: str = ""
    next_step: str = ""

    def __str__(self) -> str:
        parts = [f"{self.code} {self.file}:"]
        if self.column:
            parts.append(f'column "{self.column}":')
        if self.n and self.of:
            parts.append(f"{self.n} of {self.of} rows ({100 * self.n / self.of:.1f} %)")
        parts.append(self.what.rstrip(".") + ".")
        if self.lines:
            word = "line" if len(self.lines) == 1 else "lines"
            parts.append(f"First at {word} {', '.join(map(str, self.lines))}.")
        if self.values:
            shown = ", ".join(f'"{shorten(value)}"' for value in self.values)
            parts.append(f"Received {shown}.")
        if self.expected:
            parts.append(f"Expected: {self.expected.rstrip('.')}.")
        if self.next_step:
            parts.append(f"Next: {self.next_step.rstrip('.')}.")
        return " ".join(parts)


class SchemaError(CjlibError, ValueError):
    """Data or a study file break their contract; `.problems` holds every breach found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        message = "\n".join(str(problem) for problem in self.problems)
        super().__init__(message, code=self.problems[0].code if self.problems else "CJ-E00")


def shorten(value: str, limit: int = 40) -> str:
    """Cut a received value for a message; line breaks are shown, not printed."""
    flat = value.replace("\r", "\\r").replace("\n", "\\n")
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Sentence that offers the nearest allowed value, or an empty string.

    Examples
    --------
    >>> did_you_mean("purchas", ["visit", "purchase"])
    "Did you mean 'purchase'?"
    >>> did_you_mean("zzz", ["visit", "purchase"])
    ''
    """
    pool = list(allowed)
    folded = {value.casefold(): value for value in pool}
    near = difflib.get_close_matches(given.casefold(), list(folded), n=1, cutoff=0.6)
    return f"Did you mean {folded[near[0]]!r}?" if near else ""
