"""Allow-list cleaner for SVG figures: what is not known to be harmless does not reach a page.

The figure is read as tags and text and written again from scratch, so that nothing of the source's
syntax survives: unknown elements are dropped with their content, unknown attributes alone, references
may only point inside the figure, and every id gets the figure's own prefix. Styles become presentation
attributes, so that a page may forbid inline styles.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

# Written as SVG spells them; HTML readers compare in lower case.
_ELEMENTS = (
    "svg g defs path rect circle ellipse line polyline polygon text tspan title desc use symbol marker "
    "clipPath mask pattern linearGradient radialGradient stop"
)
_ATTRIBUTES = (
    "id class d x y x1 x2 y1 y2 cx cy r rx ry dx dy width height points transform viewBox preserveAspectRatio "
    "fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-dashoffset "
    "stroke-linecap stroke-linejoin stroke-miterlimit opacity clip-path clip-rule clipPathUnits mask maskUnits "
    "font-family font-size font-style font-weight font-stretch text-anchor dominant-baseline alignment-baseline "
    "letter-spacing textLength lengthAdjust rotate offset stop-color stop-opacity gradientUnits "
    "gradientTransform spreadMethod fx fy patternUnits patternTransform patternContentUnits markerWidth "
    "markerHeight markerUnits refX refY orient marker-start marker-mid marker-end vector-effect "
    "href xlink:href xml:space display visibility shape-rendering paint-order"
)
_STYLES = frozenset(
    [
        "fill",
        "fill-opacity",
        "fill-rule",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "stroke-dasharray",
        "stroke-dashoffset",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-miterlimit",
        "opacity",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
        "font-stretch",
        "text-anchor",
        "dominant-baseline",
        "stop-color",
        "stop-opacity",
        "letter-spacing",
        "display",
        "visibility",
        "paint-order",
        "clip-path",
    ]
)
_SPELLED = {name.lower(): name for name in _ELEMENTS.split()}
_NAMED = {name.lower(): name for name in _ATTRIBUTES.split()}
_EMPTY = re.compile(r"[\s\x00-\x1f]+")
_INNER = re.compile(r"url\(\s*['\"]?#([\w.:-]+)['\"]?\s*\)")
_FONT_SIZE = re.compile(r"\d+(?:\.\d+)?(?:px|pt)")
_COLOUR_FUNCTION = re.compile(r"(?:rgba?|hsla?)\(")


def _declarations(style: str) -> list[tuple[str, str | None]]:
    """Allowed declarations of a style attribute; of the `font` shorthand only the size is kept."""
    found: list[tuple[str, str | None]] = []
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "font" and (size := _FONT_SIZE.search(value)):
            found.append(("font-size", size[0]))
        elif name in _STYLES:
            found.append((name, value))
    return found


class _Writer(HTMLParser):
    """Reads untrusted SVG and writes the allowed part of it."""

    def __init__(self, prefix: str, root: dict[str, str]) -> None:
        super().__init__(convert_charrefs=True)
        self.prefix = prefix
        self.root = root
        self.parts: list[str] = []
        self.stack: list[str] = []
        self.skipped: list[str] = []  # open elements inside something that is dropped
        self.done = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open(tag, attrs, closed=False)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open(tag, attrs, closed=True)

    def _open(self, tag: str, attrs: list[tuple[str, str | None]], *, closed: bool) -> None:
        if self.done or (not self.stack and tag != "svg"):
            return
        if self.skipped or tag not in _SPELLED or (tag == "svg" and self.stack):
            if not closed:
                self.skipped.append(tag)
            return
        kept = {} if self.stack else dict(self.root)
        styles = [pair for name, value in attrs if name == "style" for pair in _declarations(value or "")]
        for name, value in [*styles, *attrs]:
            if name in _NAMED and (safe := self._value(name, value or "")) is not None:
                kept.setdefault(_NAMED[name], safe)
        if not self.stack:
            kept.pop("width", None)
            kept.pop("height", None)
        written = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
        self.parts.append(f"<{_SPELLED[tag]}{written}{'/' if closed else ''}>")
        if not closed:
            self.stack.append(tag)

    def _value(self, name: str, value: str) -> str | None:
        if name == "id":
            return self.prefix + value if re.fullmatch(r"[\w.:-]+", value) else None
        if name == "class":
            return None  # the page's own classes are not a figure's to use
        if name in {"href", "xlink:href"}:
            target = _EMPTY.sub("", value)
            return f"#{self.prefix}{target[1:]}" if re.fullmatch(r"#[\w.:-]+", target) else None
        # Inner references get the prefix; a value that calls anything else is dropped.
        rest = _COLOUR_FUNCTION.sub("", _INNER.sub("", value)).lower()
        if "url" in rest or "\\" in rest or "script" in rest or "@" in rest:
            return None
        return _INNER.sub(lambda found: f"url(#{self.prefix}{found[1]})", value)

    def handle_endtag(self, tag: str) -> None:
        if self.skipped:
            if tag in self.skipped:
                while self.skipped.pop() != tag:
                    pass
            return
        if tag in self.stack:
            while (last := self.stack.pop()) != tag:
                self.parts.append(f"</{_SPELLED[last]}>")
            self.parts.append(f"</{_SPELLED[tag]}>")
            self.done = not self.stack

    def handle_data(self, data: str) -> None:
        if self.stack and not self.skipped and not self.done:
            inside_text = self.stack[-1] in {"text", "tspan", "title", "desc"}
            self.parts.append(escape(data, quote=False) if inside_text else "\n" if data.strip(" ") else "")

    def result(self) -> str:
        self.close()
        while self.stack:
            self.parts.append(f"</{_SPELLED[self.stack.pop()]}>")
        return "".join(self.parts)


def clean_svg(source: str, *, prefix: str, alt: str) -> str:
    """SVG that is safe to put into a page, described by `alt`; empty if there is no figure in `source`.

    Parameters
    ----------
    source : str
        SVG as text, from any hand.
    prefix : str
        Put before every id, so that figures on one page do not share names.
    alt : str
        Description for those who do not see the figure.

    Examples
    --------
    >>> clean_svg('<svg viewBox="0 0 2 1" onload="f()"><script>g()</script><text>A</text></svg>',
    ...           prefix="f1-", alt="An A")
    '<svg role="img" aria-label="An A" viewBox="0 0 2 1"><text>A</text></svg>'
    """
    writer = _Writer(prefix, {"role": "img", "aria-label": alt})
    writer.feed(source)
    return writer.result()
