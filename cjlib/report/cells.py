"""What an executed notebook says: blocks, errors, results, key figures, and whether it reached its end.

Cells are counted as an analyst counts them: code cells from 1, without the one that papermill injects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cjlib.core.text import t
from cjlib.report.context import MIME

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
SEVERITIES = ("info", "caution", "limit")


@dataclass(frozen=True)
class CellError:
    """The error output of a cell: its number, the exception's name and message."""

    cell: int
    name: str
    message: str


def code_cells(notebook: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Code cells with their numbers; the injected cell has the number of the cell before it."""
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and cell["source"].strip():
            number += "injected-parameters" not in cell["metadata"].get("tags", [])
            yield number, cell


def number_of(notebook: Mapping[str, Any], position: int) -> int:
    """Cell number of the cell at `position` (from 0) in `notebook["cells"]`; 0 before the first."""
    return max((number for number, _ in code_cells({"cells": notebook["cells"][: position + 1]})), default=0)


def blocks(notebook: Mapping[str, Any], kind: str, *, tag: str = "") -> list[dict[str, Any]]:
    """Our blocks of one kind, in order of appearance; with `tag`, only from cells that carry it.

    Examples
    --------
    >>> output = {"output_type": "display_data", "data": {MIME: {"block": "finish", "run_id": "r1"}}}
    >>> cell = {"cell_type": "code", "source": "page.finish()", "metadata": {}, "outputs": [output]}
    >>> blocks({"cells": [cell]}, "finish")[0]["run_id"]
    'r1'
    """
    return [
        block
        for _, cell in code_cells(notebook)
        if not tag or tag in cell["metadata"].get("tags", [])
        for block in _cell_blocks(cell)
        if block.get("block") == kind
    ]


def _cell_blocks(cell: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for output in cell.get("outputs", []):
        block = output.get("data", {}).get(MIME)
        if isinstance(block, dict):
            yield block


def start(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """The "start" block, or an empty dict if the notebook did not come that far."""
    return next(iter(blocks(notebook, "start")), {})


def error(notebook: Mapping[str, Any]) -> CellError | None:
    """The first error output, if there is one."""
    for number, cell in code_cells(notebook):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return CellError(number, output["ename"], _ANSI.sub("", output["evalue"]))
    return None


def finished(notebook: Mapping[str, Any], run_id: str) -> bool:
    """True if the last code cell shows the "finish" block of this very run."""
    last = [cell for _, cell in code_cells(notebook)][-1:]
    return any(
        block.get("block") == "finish" and block.get("run_id") == run_id
        for cell in last
        for block in _cell_blocks(cell)
    )


def results(notebook: Mapping[str, Any]) -> list[Any]:
    """`to_dict()` of every result shown, as strict JSON values (NaN and infinities are null)."""
    shown = [block for _, cell in code_cells(notebook) for block in _cell_blocks(cell)]
    return [strict(block.get("result")) for block in shown if block.get("block") in ("result", "map")]


def kpis(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Key figures of the results in cells tagged `kpi`, each with the name of the part it is `about`."""
    found: list[dict[str, Any]] = []
    for _, cell in code_cells(notebook):
        about = ""
        for output in cell.get("outputs", []) if "kpi" in cell["metadata"].get("tags", []) else []:
            data = output.get("data", {})
            if str(data.get("text/markdown", "")).startswith("### "):
                about = str(data.get("text/plain", ""))
            block = data.get(MIME)
            if isinstance(block, dict) and block.get("block") in ("result", "map"):
                found += [{**kpi, "about": about} for kpi in block.get("card", {}).get("kpis", [])]
    return found


def notes(notebook: Mapping[str, Any]) -> dict[str, int]:
    """How many notes of each severity the results carry."""
    given = [
        note.get("severity")
        for kind in ("result", "map")
        for block in blocks(notebook, kind)
        for note in block.get("card", {}).get("notes", [])
    ]
    return {severity: given.count(severity) for severity in SEVERITIES}


def is_partial(notebook: Mapping[str, Any]) -> bool:
    """True if something the study asks for could not be said, or a result is of limited use."""
    unsaid = any(block.get("asked", True) for block in blocks(notebook, "missing"))
    return unsaid or notes(notebook)["limit"] > 0


def title(notebook: Mapping[str, Any], otherwise: str = "") -> str:
    """Title given to `start`, else the first Markdown heading, translated, else `otherwise`."""
    if given := start(notebook).get("title"):
        return str(given)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for line in t(cell["source"].strip()).splitlines():  # a Markdown cell is translated as a whole
                if line.startswith("# "):
                    return str(line[2:].strip())
    return otherwise


def strict(value: Any) -> Any:
    """`value` with every number that strict JSON does not know replaced by None.

    Examples
    --------
    >>> strict({"a": [1.5, float("nan")]})
    {'a': [1.5, None]}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return value
