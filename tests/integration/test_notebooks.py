"""Notebooks: golden ones compared output by output, report ones run the three promised ways."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

BIN = Path(sys.executable).parent


def test_golden_notebooks_give_their_stored_outputs(root):
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider",
               "--override-ini", "addopts=", "--override-ini", "filterwarnings=", "-q", "notebooks/golden"]  # fmt: skip
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_a_changed_output_of_a_golden_notebook_is_noticed(root, tmp_path):
    book = nbformat.read(root / "notebooks" / "golden" / "10_count_by_hand.ipynb", as_version=4)
    cell = next(cell for cell in book.cells if cell.cell_type == "code" and "funnel" in cell.source)
    cell.outputs[0]["data"]["text/html"] = cell.outputs[0]["data"]["text/html"].replace("8", "9")
    nbformat.write(book, tmp_path / "changed.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider",
               "-c", os.devnull, "--rootdir", str(tmp_path), "-q", str(tmp_path / "changed.ipynb")]  # fmt: skip
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).returncode == 1


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CJLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CJ_KEY", "a key for the tests only")


def answer_of(book) -> str:
    mime = "application/vnd.cjlib+json"
    blocks = [
        out["data"][mime] for cell in book.cells for out in cell.get("outputs", []) if mime in out.get("data", {})
    ]
    assert blocks[0]["block"] == "start"
    assert blocks[-1]["block"] == "finish"
    return next(block["card"]["answer"] for block in blocks if block["block"] == "result")


def test_a_report_notebook_runs_by_hand_by_papermill_and_by_cj_with_one_answer(root, tmp_path, cache):
    path = root / "notebooks" / "reports" / "20_funnel.ipynb"
    by_hand = nbformat.read(path, as_version=4)
    NotebookClient(by_hand, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    subprocess.run([BIN / "papermill", path, tmp_path / "out.ipynb", "-p", "study", "studies/demo.yml"],
                   cwd=root, check=True, capture_output=True)  # fmt: skip
    by_papermill = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    done = subprocess.run([BIN / "cj", "run", "studies/demo.yml", "--only", "20_funnel", "--out", tmp_path / "reports"],
                          cwd=root, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "reports" / "20-funnel" / "report.html").read_text(encoding="utf-8")
    assert answer_of(by_hand) == answer_of(by_papermill)
    assert answer_of(by_hand).split(" (")[0] in page
    results = json.loads((tmp_path / "reports" / "20-funnel" / "results.json").read_text(encoding="utf-8"))
    assert "funnel" in json.dumps(results)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "folder", "expected"),
    [
        ("olist", "olist_orders_reviews", {"60-say-do": ["3.77", "n = 75", "1.75", "n = 307"], "20-funnel": ["3,840"]}),
        ("loans", "loan_application_journey", {"30-time-to-conversion": ["17.9%", "75.5%"], "20-funnel": ["2,246"]}),
        ("grocery", "grocery_loyalty_campaigns", {"20-funnel": ["792"], "50-satisfaction": ["sources: responses"]}),
        ("fr_banks", "fr_bank_reviews", {"50-satisfaction": ["4,72"], "30-time-to-conversion": ["945"]}),
        ("ecom", "ecom_clickstream", {"20-funnel": ["285", "511"], "30-time-to-conversion": ["90 days", "36 days"]}),
    ],
)
def test_real_studies_render_with_the_right_numbers_on_the_page(
    name, folder, expected, root, real_data, tmp_path, cache
):
    command = [BIN / "cj", "run", f"studies/{name}.yml", "--data", real_data / folder, "--out", tmp_path / name]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / name / "manifest.json").read_text(encoding="utf-8"))
    assert {job["status"] for job in manifest["jobs"]} <= {"completed", "partial"}
    assert len(manifest["jobs"]) == len(list((root / "notebooks" / "reports").glob("*.ipynb")))
    for slug, texts in expected.items():
        page = (tmp_path / name / slug / "report.html").read_text(encoding="utf-8")
        for text in texts:
            assert text in page, (slug, text)


def test_the_demo_renders_in_both_languages_under_one_index(root, tmp_path, cache):
    done = subprocess.run([BIN / "cj", "demo", "--out", tmp_path / "demo"], cwd=root, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    assert "20-funnel-en/report.html" in index
    assert "20-funnel-fr/report.html" in index
    french = (tmp_path / "demo" / "20-funnel-fr" / "report.html").read_text(encoding="utf-8")
    assert '<html lang="fr"' in french
    assert "\u00a0%" in french
    assert str(tmp_path) not in french


def test_one_report_per_persona(root, tmp_path, cache):
    options = ["--only", "20_funnel", "--by", "persona", "--out", tmp_path / "by"]
    command = [BIN / "cj", "run", "studies/demo.yml", *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "by").iterdir() if p.is_dir() and not p.name.startswith(".")) == [
        "20-funnel-agnes", "20-funnel-camille", "20-funnel-marc",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["run", "studies/none.yml"], "none.yml"),
        (["run", "studies/demo.yml", "--only", "20_funel"], "20_funnel"),
        (["run", "studies/demo.yml", "--set", "bye=persona"], "Did you mean 'by'"),
        (["run", "studies/demo.yml", "--by", "person"], "persona"),
        (["check", "studies/none.yml"], "none.yml"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_sentence(arguments, match, root, tmp_path, cache):
    done = subprocess.run([BIN / "cj", *arguments, *(["--out", tmp_path] if arguments[0] == "run" else [])], cwd=root,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert match in done.stderr
    assert "Traceback" not in done.stderr
    shutil.rmtree(tmp_path, ignore_errors=True)
