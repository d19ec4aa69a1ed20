"""What a batch writes about itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nbformat
import pytest

from cjlib.report import manifest
from tests.unit.report.tiny import cell, notebook


def test_versions_of_what_numbers_depend_on_are_known():
    versions = manifest.software()
    assert {"python", "cjlib", "pandas", "lifelines", "duckdb", "papermill"} <= set(versions)
    assert all(versions.values())


def test_commit_and_changes_of_the_repository_are_told(tmp_path):
    assert manifest.code_identity(tmp_path) == {"commit": "", "dirty": False}
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (tmp_path / "a.txt").write_text("1")
    for arguments in (["init", "-q"], ["add", "a.txt"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    clean = manifest.code_identity(tmp_path)
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "a.txt").write_text("2")
    assert manifest.code_identity(tmp_path) == {**clean, "dirty": True}


def test_the_hash_of_a_notebook_is_that_of_its_sources():
    first, second = notebook("1 + 1"), notebook("1 + 1")
    second.cells[-1].outputs = [nbformat.v4.new_output("stream", text="x")]
    assert manifest.notebook_hash(first) == manifest.notebook_hash(second)
    assert manifest.notebook_hash(first) != manifest.notebook_hash(notebook("1 + 2"))
    second.cells.append(cell("1", "kpi"))
    tagged = manifest.notebook_hash(second)
    second.cells[-1].metadata.tags = []
    assert manifest.notebook_hash(second) != tagged


def test_each_input_file_is_listed_once_in_a_fixed_order():
    a, b = {"path": "a.csv", "sha256": "1"}, {"path": "b.csv", "sha256": "2"}
    starts = [{"provenance": {"files": [b, a]}}, {"provenance": {"files": [a]}}, {}]
    assert manifest.files_of(starts) == [a, b]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 0}'])
def test_a_broken_manifest_counts_as_none(text, tmp_path):
    (tmp_path / "manifest.json").write_text(text)
    assert manifest.load(tmp_path) == {}
    assert manifest.earlier(tmp_path, []) == ([], {})


def test_only_jobs_whose_page_stands_are_taken_over(tmp_path):
    jobs = [{"slug": name, "page": f"{name}/report.html"} for name in ("a", "b", "c")] + [{"slug": "d", "page": ""}]
    content = {"schema": 1, "jobs": jobs, "volatile": {"jobs": {"b": {"run_id": "r"}}}}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.html").touch()
    taken, volatile = manifest.earlier(tmp_path, ["a"])
    assert taken == [{"slug": "b", "page": "b/report.html", "current": False}]
    assert volatile == {"b": {"run_id": "r"}}


def test_messages_lose_folders_line_breaks_and_length():
    text = f"no {Path.home()}/x.csv in\n/srv/work and /srv/work/data/a.csv"
    assert manifest.without_paths(text, Path("/srv/work")) == "no x.csv in . and data/a.csv"
    assert manifest.without_paths("/a/b", Path("/")) == "/a/b"
    assert len(manifest.without_paths("x" * 1000)) == 500
