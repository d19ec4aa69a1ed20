"""Lists of persons: to one file that only its owner can read, and to nowhere else."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from cjlib.core.errors import EnvironmentProblem, ParameterError

SUFFIX = "-protected.csv"  # git ignores these files
_FORMULA = ("=", "+", "-", "@")


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    """Write rows of text to a protected file, readable and writable by its owner only (mode 0600).

    Parameters
    ----------
    path : Path
        Must end in "-protected.csv", which git ignores. An existing file is replaced at once.
    header : sequence of str
    rows : iterable of sequences of str
        A cell that a spreadsheet would run as a formula is written with an apostrophe before it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        CJ-PV-004 if the name does not end in "-protected.csv".
    EnvironmentProblem
        CJ-PV-005 if the file cannot be written.
    """
    path = Path(path)
    if not path.name.endswith(SUFFIX):
        raise ParameterError(f"path={path.name!r} must end in {SUFFIX!r}: git ignores such files.", code="CJ-PV-004")
    try:
        # A fresh temporary file has mode 0600 from its first byte; a link in the place is replaced, not followed.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=SUFFIX)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow([_safe(cell) for cell in header])
                writer.writerows([_safe(cell) for cell in row] for row in rows)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink()
            raise
    except OSError as error:
        raise EnvironmentProblem(f"{path.name} cannot be written: {error.strerror}.", code="CJ-PV-005") from error
    return path


def _safe(cell: str) -> str:
    line = " ".join(cell.split())  # a tab or a line break may start a formula too
    return "'" + line if line.startswith(_FORMULA) else line
