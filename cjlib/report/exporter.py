"""Executed notebook to one self-contained page: no request, no script but our own few lines, by hash.

The page is made from `flow.read` by one template with escaping on. What differs between two runs of the
same thing (start, duration, run id) stands in one place, the last section of the page.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from nbconvert.exporters.exporter import Exporter
from nbconvert.exporters.html import HTMLExporter
from nbformat import NotebookNode
from traitlets import Unicode

from cjlib.core.pages import environment, safe
from cjlib.core.parameters import parameter_name
from cjlib.core.text import LANGUAGES, number, t, using
from cjlib.maps.render import render_map
from cjlib.report import cells, flow
from cjlib.report.context import ReportContext, comparisons_made
from cjlib.report.sanitise import french_spaces, without_paths

_SHEETS = ("tokens.css", "card.css", "page.css", "report.css")


class ReportExporter(HTMLExporter):
    """nbconvert exporter: `jupyter nbconvert --to cjreport x.ipynb`, and JupyterLab's export menu.

    Only the first half of nbconvert's work is used (reading and preprocessors); its templates load
    scripts from elsewhere and do not escape by default.
    """

    export_from_notebook = "Customer journey report"
    index_href = Unicode("", help="Link to the page that lists all reports; none if empty.").tag(config=True)

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own template exporters do
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Page of a notebook and nbconvert's resources; facts of the run come from the notebook itself."""
        notebook, resources = Exporter.from_notebook_node(self, nb, resources, **kw)
        name = str(resources.get("metadata", {}).get("name", "") or "notebook")
        return render(notebook, replace(context_of(notebook, name=name), index_href=self.index_href)), resources


def render(notebook: NotebookNode | Mapping[str, Any], context: ReportContext) -> str:
    """Page of an executed notebook; the same notebook and context give the same bytes.

    Parameters
    ----------
    notebook : NotebookNode
        Executed notebook (nbformat 4); of a failed run, as far as it came.
    context : ReportContext
        Title, status, parameters, language and provenance.

    Returns
    -------
    str
        A complete HTML document.

    Examples
    --------
    >>> notebook = {"cells": [{"cell_type": "markdown", "source": "# Why?", "metadata": {}}], "metadata": {}}
    >>> render(notebook, ReportContext(title="Why?", slug="why")).splitlines()[0]
    '<!doctype html>'
    """
    with using(context.lang if context.lang.partition("_")[0] in LANGUAGES else "en"):
        failed = context.status == "failed"
        parts = flow.read(notebook, failed_cell=context.failed_cell if failed else None)
        if failed and not any(piece["kind"] in {"card", "map", "figure"} for piece in parts.pieces):
            parts.pieces, parts.toc, parts.has_code = [], [], False
        return document(
            environment("cjlib.report", "cjlib.maps"),
            "report.html.j2",
            sheets=(*_SHEETS, *(["map.css"] if parts.has_map else [])),
            script="report.js",
            flow=parts,
            context=context,
            title=without_paths(_title(parts, context)),
            reason=without_paths(context.reason),
            parameters=_parameters(context.parameters),
            facts=_facts(notebook, context),
            render_map=_map,
        )


def _title(parts: flow.Flow, context: ReportContext) -> str:
    """The given title; where it is the notebook's own heading, that heading as translated with its cell."""
    if context.title in {"", parts.written_title}:
        return parts.title or context.slug
    return t(context.title)


def _map(model: Mapping[str, Any], **options: Any) -> Markup:
    return safe(render_map(model, **options))


def document(jinja: Environment, template: str, *, sheets: tuple[str, ...], script: str, **values: Any) -> str:
    """Fill `template`; its one style sheet and one script are allowed by their hashes, nothing else is."""
    style = "\n".join(jinja.globals["css"](sheet) for sheet in sheets)  # type: ignore[operator]
    code = files("cjlib.report").joinpath("templates", script).read_text(encoding="utf-8").strip()
    policy = (
        f"default-src 'none'; img-src data:; font-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(code)}'; base-uri 'none'; form-action 'none'"
    )
    page = jinja.get_template(template).render(policy=policy, style=safe(style), script=safe(code), **values)
    return french_spaces(page)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def context_of(notebook: Mapping[str, Any], *, name: str) -> ReportContext:
    """What the notebook itself knows of its run: parameters, papermill's record, the "start" block."""
    start = cells.start(notebook)
    given = _literals(notebook)
    record = notebook["metadata"].get("papermill", {})
    error = cells.error(notebook)
    status = "failed" if error else "partial" if cells.is_partial(notebook) else "completed"
    lang = str(start.get("lang") or given.get("lang") or "en")
    return ReportContext(
        title=cells.title(notebook, otherwise=name),
        slug=name,
        status=status,  # type: ignore[arg-type]
        reason=error.message if error else "",
        failed_cell=error.cell if error else None,
        parameters={key: value for key, value in given.items() if key != "run_id"},
        lang=lang if lang.partition("_")[0] in LANGUAGES else "en",
        index_href="",
        started=str(record.get("start_time", "")),
        duration_s=float(record.get("duration") or 0.0),
        run_id=str(given.get("run_id", "")),
    )


def _literals(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Literal assignments of the parameters cell, then of the injected one."""
    found: dict[str, Any] = {}
    for _, cell in cells.code_cells(notebook):
        if not {"parameters", "injected-parameters"} & set(cell["metadata"].get("tags", [])):
            continue
        try:
            body = ast.parse(cell["source"]).body
        except SyntaxError:
            continue
        for line in body:
            if not isinstance(line, ast.Assign | ast.AnnAssign) or line.value is None:
                continue
            target = line.target if isinstance(line, ast.AnnAssign) else line.targets[0]
            if isinstance(target, ast.Name):
                try:
                    found[target.id] = ast.literal_eval(line.value)
                except ValueError:
                    continue  # not a literal: nothing that a page could show
    return found


def _parameters(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Parameters as text; a path is shown by its last part."""
    return [(parameter_name(str(name)), _shown(value)) for name, value in given.items() if name != "run_id"]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return without_paths(text)


def _facts(notebook: Mapping[str, Any], context: ReportContext) -> dict[str, Any]:
    """Provenance as the template shows it."""
    known = {**_mapping(cells.start(notebook).get("provenance")), **context.provenance}
    given = known.get("files") or known.get("data") or []
    sources = [
        f"{cell['cell_type']}\n{cell['source']}"
        for cell in notebook["cells"]
        if "injected-parameters" not in cell["metadata"].get("tags", [])
    ]
    code = _mapping(known.get("code") or known.get("git"))
    software = _mapping(known.get("software") or known.get("versions"))
    return {
        "files": [_file(file) for file in given if isinstance(file, Mapping)],
        "software": [(str(name), str(version)) for name, version in software.items() if version],
        "commit": str(code.get("commit") or ""),
        "dirty": bool(code.get("dirty")),
        "notebook": hashlib.sha256("\n\n".join(sources).encode()).hexdigest(),
        "as_of": str(known.get("as_of") or ""),
        "zone": str(known.get("zone") or ""),
        "comparisons": [comparisons_made(int(end.get("comparisons", 0))) for end in cells.blocks(notebook, "finish")],
    }


def _file(file: Mapping[str, Any]) -> dict[str, Any]:
    aside = file.get("set_aside") or {}
    reasons = dict(aside) if isinstance(aside, Mapping) else {t("set aside"): aside}
    return {
        "path": without_paths(str(file.get("path", ""))),
        "sha256": str(file.get("sha256", "")),
        "rows_in": _count(file.get("rows_in")),
        "rows_used": _count(file.get("rows_used")),
        "set_aside": [(t(str(reason)), _count(n)) for reason, n in reasons.items() if n],
    }


def _count(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else "–"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
