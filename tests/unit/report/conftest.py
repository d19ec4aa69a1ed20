"""Tiny notebooks, a kernel server for all tests of a worker, and stand-ins for the pages."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

import cjlib.report
from cjlib.report.zygote import Zygote
from tests.unit.report.tiny import notebook

MODULES = ("IPython", "ipykernel.kernelapp", "ipykernel.debugger", "matplotlib.pyplot")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with `notebooks/` and a study file; `write(name, *cells)` adds a notebook."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "notebooks"
    folder.mkdir()
    study = tmp_path / "demo.yml"
    study.write_text("study: demo\n", encoding="utf-8")

    def write(name, *sources, **options):
        nbformat.write(notebook(*sources, **options), folder / f"{name}.ipynb")

    return SimpleNamespace(root=tmp_path, notebooks=folder, study=study, out=tmp_path / "out", write=write)


@pytest.fixture
def plain_pages(monkeypatch):
    """Pages of one line, so that a test of the runner does not depend on how pages look."""

    def render(notebook, context):
        return f"{context.status}|{context.title}|{context.lang}|{context.failed_cell}|{context.reason}"

    def index(manifest, folder):
        return "\n".join(f"{job['slug']} {job['status']}" for job in manifest["jobs"])

    for name, function in (("exporter", render), ("index", index)):
        module = SimpleNamespace(render=function, __name__=f"cjlib.report.{name}", __spec__=None)
        monkeypatch.setitem(sys.modules, f"cjlib.report.{name}", module)
        monkeypatch.setattr(cjlib.report, name, module, raising=False)


@pytest.fixture(scope="session")
def zygote():
    with Zygote(modules=MODULES) as server:
        yield server


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).parents[3]
