"""A figure as inline SVG: real text, no ids that clash, no clock, the same bytes for the same figure.

matplotlib writes a document; a page needs a fragment. What is changed on the way, and why:

- ids get a prefix made from the content (several figures share one page) and unused ids go;
- `style` attributes become presentation attributes and the `<style>` sheet, which would restyle every
  other SVG of the page, goes: the fragment also works where a policy forbids inline styles;
- the program version and links in the metadata go, so that an upgrade does not change every report;
- the font is named once; Verdana has the widths of DejaVu Sans, so nothing overflows without it;
- coordinates keep two decimals (1/100 point): a third of the size, no visible difference.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from typing import Any
from xml.etree import ElementTree as ET

FONTS = "'DejaVu Sans', Verdana, sans-serif"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"url\(#([^)]+)\)|^#(.+)$")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_NUMERIC = {"x", "y", "width", "height", "transform", "stroke-width", "stroke-dasharray", "stroke-dashoffset"}
_DEFAULTS = {
    ("stroke-linejoin", "round"), ("stroke-linecap", "butt"), ("text-anchor", "start"), ("font-weight", "400")
}  # fmt: skip


def to_svg(ax: Any) -> str:
    """Write the figure of `ax` as an SVG fragment for a page, and close the figure.

    Parameters
    ----------
    ax : matplotlib Axes
        Any Axes of the figure, child axes included.

    Returns
    -------
    str
        One `<svg>` element with a viewBox (72 units per inch) and no fixed size, so that the page's
        style scales it; text is `<text>`; ids start with 8 characters of the content's SHA-256.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> svg = to_svg(Figure(figsize=(2, 1)).add_subplot(title="12 customers"))
    >>> svg[:28], "12 customers</text>" in svg, 'id="figure' in svg
    ('<svg viewBox="0 0 144 72" xm', True, False)
    """
    root = ET.fromstring(_FORBIDDEN.sub("", _document(ax)))  # noqa: S314 (matplotlib's own output)
    tree = _clean(root)[0]
    box = root.get("viewBox", "")
    tree.attrib.clear()
    tree.attrib.update({"viewBox": _shorter(box), "xmlns": "http://www.w3.org/2000/svg", "font-family": FONTS})
    tree.attrib.update({"stroke-linejoin": "round", "stroke-linecap": "butt"})
    used = {name for node in tree.iter() for value in node.attrib.values() for name in _references(value)}
    for node in tree.iter():
        if node.get("id") not in used:
            node.attrib.pop("id", None)
    _unwrap(tree)
    prefix = "f" + hashlib.sha256(ET.tostring(tree)).hexdigest()[:8] + "-"
    _prefix(tree, prefix)
    return ET.tostring(tree, encoding="unicode")


def _document(ax: Any) -> str:
    """Return what matplotlib saves; the figure is closed even if that fails."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    figure = ax.get_figure(root=True)
    buffer = io.BytesIO()
    try:
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "cjlib"}), warnings.catch_warnings():
            # The reader's browser draws the text, with fonts of its own for other scripts and emoji.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(buffer, format="svg", metadata={"Date": None}, dpi=72)
    finally:
        plt.close(figure)
    return buffer.getvalue().decode("utf-8")


def _clean(node: ET.Element) -> list[ET.Element]:
    """Return the node without namespace, styles and metadata; an empty list where nothing remains."""
    tag = node.tag.rpartition("}")[2]
    if tag in ("metadata", "style"):
        return []
    made = ET.Element(tag)
    if tag == "text":
        made.text = node.text
    pairs = [(key.rpartition("}")[2], value) for key, value in node.attrib.items() if key != "style"]
    declared = [part.split(":", 1) for part in node.get("style", "").split(";") if ":" in part]
    for key, value in pairs + [(key.strip(), value.strip()) for key, value in declared]:
        if key == "font-family" or (key, value) in _DEFAULTS or value.startswith("rotate(-0 "):
            continue
        made.set(key, _path(value) if key == "d" else _shorter(value) if key in _NUMERIC else value)
    for child in node:
        made.extend(_clean(child))
    return [made] if len(made) or tag not in ("defs", "g") else []


def _unwrap(node: ET.Element) -> None:
    """Replace groups without attributes by what they hold."""
    for child in list(node):
        _unwrap(child)
    flat: list[ET.Element] = []
    for child in node:
        flat.extend(child if child.tag == "g" and not child.attrib else [child])
    node[:] = flat


def _shorter(text: str) -> str:
    return _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)


def _path(d: str) -> str:
    """Path data with two decimals, and one number for each horizontal or vertical step."""
    parts: list[str] = []
    x = y = ""
    for command, rest in re.findall(r"([MLCQz])([^MLCQz]*)", d):
        values = [_shorter(value) for value in rest.split()]
        if command == "L" and values == [x, y]:
            continue
        if command == "L" and values[1] == y:
            parts.append(f"H{values[0]}")
        elif command == "L" and values[0] == x:
            parts.append(f"V{values[1]}")
        else:
            parts.append(command + " ".join(values))
        if values:
            x, y = values[-2:]
        else:  # z goes back to the start, which nobody needs to know here
            x = y = ""
    return "".join(parts)


def _references(value: str) -> list[str]:
    return [first or second for first, second in _REFERENCE.findall(value)]


def _prefix(tree: ET.Element, prefix: str) -> None:
    for node in tree.iter():
        for key, value in node.attrib.items():
            if key == "id":
                node.set(key, prefix + value)
            elif "url(#" in value:
                node.set(key, value.replace("url(#", f"url(#{prefix}"))
            elif key == "href" and value.startswith("#"):
                node.set(key, f"#{prefix}{value[1:]}")
