"""Notebooks of a few cells that need no study: they show the blocks by hand."""

from __future__ import annotations

import nbformat

from cjlib.report.context import MIME

PARAMETERS = 'study: str = ""\nrun_id: str = ""\n'
SHOW = f"from IPython.display import publish_display_data as show; MIME = {MIME!r}"
FINISH = 'show({MIME: {"block": "finish", "run_id": run_id, "n_results": 0}, "text/plain": "done"})'


def cell(source, *tags):
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)})


def notebook(*sources, parameters=PARAMETERS, title="# Does it run?", last=FINISH):
    cells = [nbformat.v4.new_markdown_cell(title), cell(parameters, "parameters"), cell(SHOW)]
    cells += [source if isinstance(source, dict) else cell(source) for source in (*sources, last)]
    return nbformat.v4.new_notebook(cells=cells)
