"""The card of a result: question, answer, key figures, figure, table, notes, definition.

The same card is shown in JupyterLab (with its own small style sheet, scoped by a class) and inside the
reports (whose page carries the sheet once).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cjlib.core.clean import clean_svg
from cjlib.core.pages import environment, safe

_SEVERITIES = ("info", "caution", "limit")


def render_card(card: Mapping[str, Any]) -> str:
    """HTML fragment of a card for JupyterLab, light and dark; every text in it is escaped.

    Parameters
    ----------
    card : mapping
        As made by `Result.card()`: kind, question, answer, kpis, figures, tables, notes, params,
        definition. What is missing is left out.

    Examples
    --------
    >>> "<b>" in render_card({"question": "Who <b>leaves</b>?"})
    False
    """
    return environment().get_template("lab.html.j2").render(content=conform(card))


def conform(card: Any, *, prefix: str = "") -> dict[str, Any]:
    """`card` in the exact shape that the template reads: texts are str, figures are cleaned.

    A card may come from a notebook file, so nothing about its shape is taken for granted. `prefix` goes
    before the ids of its figures; by default it follows from the figure's content.
    """
    given = card if isinstance(card, Mapping) else {}
    texts = {name: _text(given.get(name)) for name in ("kind", "question", "answer", "definition")}
    kpi_names = ("label", "value", "interval", "n", "definition")
    return {
        **texts,
        "kpis": [{name: _text(kpi.get(name)) for name in kpi_names} for kpi in _mappings(given.get("kpis"))],
        "figures": [_figure(part, prefix, place) for place, part in enumerate(_mappings(given.get("figures")))],
        "tables": [_table(part) for part in _mappings(given.get("tables"))],
        "notes": [_note(part) for part in _mappings(given.get("notes"))],
        "params": [[_text(pair[0]), _text(pair[1])] for pair in _rows(given.get("params")) if len(pair) == 2],
    }


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list | tuple) else []


def _rows(value: Any) -> list[list[Any]]:
    return [list(row) for row in value if isinstance(row, list | tuple)] if isinstance(value, list | tuple) else []


def _figure(part: Mapping[str, Any], prefix: str, place: int) -> dict[str, Any]:
    source, alt = _text(part.get("svg")), _text(part.get("alt"))
    own = f"{prefix}{place + 1}-" if prefix else f"cj{hashlib.sha256(source.encode()).hexdigest()[:8]}-"
    return {"svg": safe(clean_svg(source, prefix=own, alt=alt)), "caption": _text(part.get("caption"))}


def _table(part: Mapping[str, Any]) -> dict[str, Any]:
    columns = [
        {
            "label": _text(column.get("label")),
            "align": "right" if column.get("align") == "right" else "left",
            "help": _text(column.get("help")),
        }
        for column in _mappings(part.get("columns"))
    ]
    width = len(columns)
    rows = [([_text(cell) for cell in row] + [""] * width)[:width] for row in _rows(part.get("rows"))]
    return {"caption": _text(part.get("caption")), "columns": columns, "rows": rows}


def _note(part: Mapping[str, Any]) -> dict[str, str]:
    severity = _text(part.get("severity"))
    return {
        "code": _text(part.get("code")),
        "severity": severity if severity in _SEVERITIES else "info",
        "message": _text(part.get("message")),
    }
