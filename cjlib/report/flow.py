"""From an executed notebook to the pieces of a page, in reading order.

Our own blocks are recognised by their MIME type and rendered by templates; whatever else a cell shows
is cleaned. Numbers, ids and order follow from the notebook alone, so the same notebook gives the same page.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any

from markupsafe import Markup

from cjlib.core.card import conform
from cjlib.core.clean import clean_svg
from cjlib.core.pages import safe
from cjlib.core.text import t
from cjlib.report import cells
from cjlib.report.context import MIME
from cjlib.report.sanitise import CAP, clean_html, clean_markdown, plain

_HEADING = re.compile(r"<h([1-6])[^>]*>(.*?)</h\1>\s*", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_HIDDEN_TAGS = frozenset({"parameters", "injected-parameters", "remove-cell", "papermill-error-cell-tag"})
_PAPERMILL_BANNER = "papermill-error-cell"
_REPR = re.compile(r"\s*<[^<>]*>\s*|\s*(?:Text|\[?<)\(?.*", re.DOTALL)
_IMAGES = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8"}  # and how their data begin


@dataclass
class Flow:
    """Pieces of the page as they are met; every text in them is plain, every markup cleaned.

    `pieces` hold {"kind", ...}; `toc` the headings {"level", "id", "text"}; `lead` what stands under the
    title; `kpis` the key figures of cells tagged `kpi`; `logs` what cells printed {"kind", "cell", "text"},
    which a reader wants last.
    """

    title: str = ""
    written_title: str = ""  # before translation
    lead: Markup = field(default_factory=Markup)
    pieces: list[dict[str, Any]] = field(default_factory=list)
    toc: list[dict[str, Any]] = field(default_factory=list)
    kpis: list[dict[str, str]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    has_code: bool = False
    has_map: bool = False
    _level: int = 1  # of the last heading of any kind
    _section: int = 1  # of the last heading that an analyst wrote
    _figures: int = 0
    _ids: dict[str, int] = field(default_factory=dict)

    # --- cells ----------------------------------------------------------------------------------
    def markdown(self, cell: Mapping[str, Any]) -> None:
        """Add a Markdown cell, translated as a whole; the first H1 becomes the page's title."""
        html = clean_markdown(t(cell["source"].strip()), cell.get("attachments"))
        if not self.title and not self.pieces and (first := _HEADING.match(html)) and first[1] == "1":
            self.title = _words(first[2])
            self.written_title = cell["source"].strip().partition("\n")[0].lstrip("# ").strip()
            self.lead = safe(html[first.end() :])
            return
        html = _HEADING.sub(self._heading, html)
        self.pieces.append({"kind": "prose", "html": safe(html)})

    def code(self, cell: Mapping[str, Any], number: int) -> None:
        """Add a code cell: its source, folded away, and what it showed."""
        tags = cell["metadata"].get("tags", [])
        if cell["source"].strip():
            self.has_code = True
            self.pieces.append({"kind": "code", "html": _highlighted(cell["source"])})
        streams = {"stdout": "", "stderr": ""}
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream":
                name = "stderr" if output.get("name") == "stderr" else "stdout"
                streams[name] += str(output.get("text", ""))
            elif output["output_type"] in {"display_data", "execute_result"}:
                self._output(output, is_kpi="kpi" in tags)
        for name, text in streams.items():
            if text.strip():
                self.logs.append({"kind": name, "cell": number, "text": plain(text).strip()})

    # --- outputs --------------------------------------------------------------------------------
    def _output(self, output: Mapping[str, Any], *, is_kpi: bool) -> None:
        data = output.get("data", {})
        block = data.get(MIME)
        if isinstance(block, str):
            block = _json(block)
        if isinstance(block, Mapping):
            self._block(block, is_kpi=is_kpi)
            return
        sizes = {kind: len(str(content)) for kind, content in data.items()}
        kind = next((kind for kind in (*_RICH, *_IMAGES, "text/latex", "text/plain") if kind in sizes), "")
        if kind and kind != "text/plain" and sizes[kind] > CAP:
            self.pieces.append({"kind": "cut", "n": sizes[kind]})
        elif kind == "text/html":
            self.pieces.append({"kind": "prose", "html": safe(clean_html(str(data[kind])))})
        elif kind == "text/markdown":
            html = _HEADING.sub(self._heading, clean_markdown(str(data[kind])))
            self.pieces.append({"kind": "prose", "html": safe(html)})
        elif kind == "image/svg+xml" or kind in _IMAGES:
            self._image(kind, str(data[kind]), output.get("metadata", {}))
        elif kind == "text/latex" or (kind and not _REPR.fullmatch(str(data[kind]))):
            self.pieces.append({"kind": "text", "text": plain(str(data[kind]))})

    def _block(self, block: Mapping[str, Any], *, is_kpi: bool) -> None:
        kind = block.get("block")
        if kind == "result":
            self._figures += 1
            card = conform(block.get("card"), prefix=f"f{self._figures}-")
            level = min(self._section + 1, 4)
            anchor = self._enter(level, card["question"]) if card["question"] else ""
            self.pieces.append(
                {"kind": "card", "card": card, "level": level, "anchor": anchor, "with_kpis": not is_kpi}
            )
            self._tiles(card, is_kpi=is_kpi)
        elif kind == "missing":
            texts = {name: str(block.get(name) or "") for name in ("what", "why", "next")}
            self.pieces.append({"kind": "missing", **texts})
        elif kind == "map" and isinstance(block.get("model"), Mapping):
            self.has_map = True
            card = conform(block.get("card"), prefix=f"f{self._figures}-")
            level = min(self._section + 1, 4)
            anchor = self._enter(level, card["question"] or str(block["model"].get("title") or t("Journey map")))
            self.pieces.append({"kind": "map", "model": block["model"], "card": card, "level": level, "anchor": anchor})
            self._tiles(card, is_kpi=is_kpi)

    def _tiles(self, card: Mapping[str, Any], *, is_kpi: bool) -> None:
        """Key figures for the head of the page, with the name of the part they come from."""
        about = self.toc[-2]["text"] if len(self.toc) > 1 and self._section > 2 else ""
        self.kpis += [{**kpi, "about": about} for kpi in card["kpis"] if is_kpi]

    def _image(self, kind: str, content: str, metadata: Mapping[str, Any]) -> None:
        self._figures += 1
        own = metadata.get(kind, metadata)
        alt = str(own.get("alt", "")) if isinstance(own, Mapping) else ""
        if len(alt) < 40 or not re.search(r"\d", alt):
            said = f" {alt}" if alt else ""
            alt = t("Figure {n}, drawn by the notebook itself; it came without a description.", n=self._figures) + said
        if kind == "image/svg+xml":
            figure = clean_svg(content, prefix=f"f{self._figures}-1-", alt=alt)
        else:
            figure = _picture(kind, content, alt)
        if not figure:
            self.pieces.append({"kind": "broken"})
            return
        self.pieces.append({"kind": "figure", "part": {"svg": safe(figure), "caption": ""}})

    # --- headings -------------------------------------------------------------------------------
    def _heading(self, found: re.Match[str]) -> str:
        """Written heading with an id, at a level that does not jump."""
        level = min(max(int(found[1]), 2), self._level + 1, 5)
        self._section = level
        anchor = self._enter(level, _words(found[2]))
        return f'<h{level} id="{anchor}">{found[2]}</h{level}>\n'

    def _enter(self, level: int, text: str) -> str:
        self._level = level
        anchor = self.anchor(text)
        if level <= 4:
            self.toc.append({"level": min(level, 3), "id": anchor, "text": text})
        return anchor

    def anchor(self, text: str) -> str:
        """An id for `text` that no other heading of this page has."""
        plain_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        # The prefix keeps a heading from taking the name of a property of the document.
        name = "s-" + (re.sub(r"[^a-z0-9]+", "-", plain_text).strip("-")[:60] or "section")
        self._ids[name] = self._ids.get(name, 0) + 1
        return name if self._ids[name] == 1 else f"{name}-{self._ids[name]}"


_RICH = ("text/html", "text/markdown", "image/svg+xml")


def read(notebook: Mapping[str, Any], *, failed_cell: int | None = None) -> Flow:
    """Pieces of an executed notebook; what comes after the cell that failed is left out.

    Parameters
    ----------
    notebook : mapping
        nbformat 4, executed.
    failed_cell : int, optional
        Number of the code cell that failed, counted as in `cells.code_cells`.
    """
    flow = Flow()
    numbers = {id(cell): number for number, cell in cells.code_cells(notebook)}
    for cell in _raised(notebook["cells"]):
        tags = set(cell["metadata"].get("tags", []))
        if tags & _HIDDEN_TAGS or (cell["cell_type"] == "markdown" and _PAPERMILL_BANNER in cell["source"]):
            continue
        if cell["cell_type"] == "markdown":
            flow.markdown(cell)
        elif cell["cell_type"] == "code":
            number = numbers.get(id(cell), 0)
            flow.code(cell, number)
            if failed_cell is not None and number >= failed_cell:
                break
    return flow


def _raised(given: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Cells without the sections whose question the study does not raise: they show nothing but that."""
    sections: list[list[Mapping[str, Any]]] = []
    for cell in given:
        if cell["cell_type"] == "markdown" or not sections:
            sections.append([])
        sections[-1].append(cell)
    return [cell for section in sections if not _unasked(section) for cell in section]


def _unasked(section: Sequence[Mapping[str, Any]]) -> bool:
    outputs = [output for cell in section for output in cell.get("outputs", [])]
    blocks = [output.get("data", {}).get(MIME) for output in outputs]
    return bool(blocks) and all(isinstance(block, Mapping) and block.get("block") == "nothing" for block in blocks)


def _picture(kind: str, content: str, alt: str) -> str:
    """Image element with its data inside; empty if they are no picture of that kind."""
    try:
        data = base64.b64decode("".join(content.split()), validate=True)
    except ValueError:
        return ""
    if not data.startswith(_IMAGES[kind]):
        return ""
    return f'<img alt="{escape(alt)}" src="data:{kind};base64,{base64.b64encode(data).decode()}">'


def _words(html: str) -> str:
    """Text of a piece of cleaned HTML."""
    return unescape(_TAG.sub("", html)).strip()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _highlighted(source: str) -> Markup:
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

    # Safe: pygments escapes the source and adds span elements of its own.
    return safe(highlight(source.strip(), PythonLexer(), HtmlFormatter(nowrap=True)))
