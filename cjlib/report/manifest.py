"""`manifest.json`: what a batch is to do, then what it did, for people, scripts and the index page.

It is written before the first kernel starts, with every job planned, and again after each job, so that a
batch that dies at once still shows what is missing. Shape:

- `schema`, `status` ("running", "completed", "failed", "interrupted"), `study`, `title`
- `software`: versions; `code`: {"commit", "dirty"} of the repository that holds the notebooks
- `data`: one entry per input file as the notebooks read it (`path`, `sha256`, `rows_in`, `rows_used`, ...)
- `jobs`: a list of {"slug", "notebook", "notebook_sha256", "title", "lang", "parameters", "status",
  "reason", "failure", "failed_cell", "page", "previous", "kpis", "notes", "n_results", "current"}.
  `status` is "planned", "completed", "partial", "failed" or "interrupted"; `page` is the path of its page
  relative to the folder ("" if none) and `previous` that of an older good page that still stands;
  `current` is False for reports of earlier batches in the same folder, which keep their card.
- `volatile`: all that differs between two runs of the same thing: {"run_id", "started", "duration_s",
  "jobs": {slug: {"run_id", "started", "duration_s"}}}

Paths are relative and no user name enters.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SCHEMA = 1
NAME = "manifest.json"
PACKAGES = ("cjlib", "pandas", "numpy", "lifelines", "duckdb", "ibis-framework", "matplotlib", "papermill")


@functools.cache
def software() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on.

    Examples
    --------
    >>> sorted(software())[:3]
    ['cjlib', 'duckdb', 'ibis-framework']
    """
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def code_identity(folder: Path) -> dict[str, Any]:
    """Commit of the repository around `folder` and whether it has uncommitted changes; "" without git."""
    commit = _git(folder, "rev-parse", "HEAD")
    return {"commit": commit, "dirty": bool(commit and _git(folder, "status", "--porcelain", "-uno"))}


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def notebook_hash(notebook: Mapping[str, Any]) -> str:
    """SHA-256 of the sources and tags of a notebook; outputs and metadata do not count."""
    cells = [[cell["cell_type"], cell["source"], cell["metadata"].get("tags", [])] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def files_of(starts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Input files named by the "start" blocks of a batch, each once, ordered by path."""
    found: dict[str, dict[str, Any]] = {}
    for start in starts:
        for file in start.get("provenance", {}).get("files", []):
            found[json.dumps(file, sort_keys=True)] = dict(file)
    return sorted(found.values(), key=lambda file: (str(file.get("path", "")), str(file.get("sha256", ""))))


def earlier(out: Path, slugs: Iterable[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Jobs of the manifest that stands in `out` which are not of this batch and still have a page.

    Returns
    -------
    tuple
        The jobs, with `current` False, and their volatile part by slug. Both empty if there is no
        readable manifest.
    """
    content = load(out)
    mine = set(slugs)
    jobs = [
        {**job, "current": False}
        for job in content.get("jobs", [])
        if job.get("slug") not in mine and job.get("page") and (out / job["page"]).is_file()
    ]
    volatile = content.get("volatile", {}).get("jobs", {})
    return jobs, {job["slug"]: volatile.get(job["slug"], {}) for job in jobs}


def load(folder: Path) -> dict[str, Any]:
    """The manifest in `folder`, or an empty dict if there is none of this schema."""
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and content.get("schema") == SCHEMA else {}


def without_paths(text: str, *folders: Path, limit: int = 500) -> str:
    """`text` fit for a page: these folders and the home folder cut off, one line, shortened.

    Examples
    --------
    >>> without_paths("no file /srv/work/data/a.csv", Path("/srv/work"))
    'no file data/a.csv'
    """
    for folder in (*folders, Path.home()):
        if str(folder) != folder.anchor:
            text = text.replace(f"{folder}/", "").replace(str(folder), ".")
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
