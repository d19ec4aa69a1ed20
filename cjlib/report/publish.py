"""Files that readers see change all at once or not at all, and the folders they lie in.

A page is written beside its target, forced to the disk and then renamed over it: whoever reads during
publication gets the complete old file or the complete new one, and a full disk leaves the old one as it
was. Published files are 0640, folders 0750; the private folders of a run are 0700.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cjlib.core.errors import EnvironmentProblem

FILE_MODE = 0o640
FOLDER_MODE = 0o750
MIN_FREE_BYTES = 100 * 2**20
RUNS = ".runs"


def write(path: Path, text: str) -> None:
    """Replace `path` by `text` (UTF-8), atomically and durably; an error leaves the old file untouched.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "a.txt", "new")
    ...     os.listdir(folder)
    ['a.txt']
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.chmod(name, FILE_MODE)  # noqa: PTH101  the descriptor's own file
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_json(path: Path, content: Any) -> None:
    """Replace `path` by `content` as strict JSON (no NaN), readable and with a final newline."""
    write(path, json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def _sync_folder(folder: Path) -> None:
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def public_folder(path: Path) -> Path:
    """Make a folder that the group may read; what exists is left as it is."""
    if not path.is_dir():
        path.mkdir(parents=True)
        path.chmod(FOLDER_MODE)
    return path


def prepare(out: Path) -> None:
    """Make `out` and make sure that reports can be written there; takes milliseconds.

    Raises
    ------
    EnvironmentProblem
        CJ-RP-011 (not a folder, or not writable) or CJ-RP-012 (disk nearly full).
    """
    try:
        public_folder(out)
        (out / RUNS).mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=out) as probe:
            probe.write(b"0" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
        free = shutil.disk_usage(out).free
    except OSError as problem:
        raise EnvironmentProblem(
            f"Reports cannot be written to {out}: {problem.strerror}. Choose another folder with --out.",
            code="CJ-RP-011",
        ) from problem
    if free < MIN_FREE_BYTES:
        raise EnvironmentProblem(
            f"Only {free / 2**20:.0f} MB are free where {out} lies; "
            f"{MIN_FREE_BYTES / 2**20:.0f} MB are needed. Free some space or choose another --out.",
            code="CJ-RP-012",
        )


@contextlib.contextmanager
def lock(out: Path) -> Iterator[None]:
    """Hold `out` for one batch; the lock ends with the process, however that ends.

    Raises
    ------
    EnvironmentProblem
        CJ-RP-010, with the process that holds it.
    """
    path = out / RUNS / "lock"
    with path.open("a+", encoding="utf-8") as stream:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as problem:
                holder = path.read_text(encoding="utf-8").strip() or "unknown"
                raise EnvironmentProblem(
                    f"Another batch (process {holder}) is writing to {out}. "
                    "Wait for it, or choose another folder with --out.",
                    code="CJ-RP-010",
                ) from problem
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield


@contextlib.contextmanager
def run_folder(out: Path, run_id: str) -> Iterator[Path]:
    """Private folder of one batch; folders that earlier batches left behind are removed first.

    It stays when the caller leaves a file named `keep` in it. Call it while holding the lock.
    """
    for old in (out / RUNS).iterdir():
        if old.is_dir() and not (old / "keep").exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = out / RUNS / run_id
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        if not (folder / "keep").exists() and not (folder / "failed").exists():
            shutil.rmtree(folder, ignore_errors=True)
