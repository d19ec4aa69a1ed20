"""What a notebook shows, made harmless: HTML and Markdown through an allow-list, paths taken out.

Three rules hold for everything that leaves this module: nothing runs, nothing is fetched, and nothing
tells where on the machine it was made.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import nh3

from cjlib.core.text import language, t

CAP = 2_000_000
"""Longest HTML, SVG or image of one output, in characters; what is longer is left out with a note."""
LOG_CAP = 20_000
"""Longest log or plain text of one output; what is longer is cut with a note."""

_TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "u",
        "ul",
        "var",
    ]
)
_DROPPED_WHOLE = frozenset(
    [
        "script",
        "style",
        "svg",
        "math",
        "iframe",
        "noscript",
        "template",
        "title",
        "textarea",
        "select",
        "option",
        "xmp",
        "noembed",
        "noframes",
        "object",
        "embed",
        "form",
        "button",
        "head",
        "link",
        "meta",
        "base",
        "frame",
        "frameset",
        "applet",
        "audio",
        "video",
        "canvas",
        "plaintext",
    ]
)
_ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
    "details": {"open"},
}
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
_LOCAL_LINK = re.compile(r"#[\w.:-]+|(?!/)(?!.*//)[\w./ -]+\.html(?:#[\w.:-]+)?")
# Three or more parts, or a home: a machine's path; "and/or", dates and page addresses are not.
_PATH = re.compile(
    r"(?<![\w/:.<&])(?:file://)?(?:/(?:home|root|tmp|Users|var|opt|usr|mnt|work|private|srv|etc|data)\b|~(?=[\\/])|[A-Za-z]:(?=\\))"
    r"(?:[\\/][^\s\\/:'\"<>,;()|]+)*[\\/]?"
)
_KERNEL_FILE = re.compile(r"(?:/\S*?)?ipykernel_\d+/\d+\.py(?::\d+)?:?\s*")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_NUMERIC = re.compile(r"[\s\d.,%+\-−–•€  ]*\d[\s\d.,%+\-−–•€  ]*|\s*[–•-]\s*|\s*")


def clean_html(source: str) -> str:
    """HTML of any origin with only what a report may hold; tables keep every row and cell.

    Remote images and links to other places lose their address. Tables get a scrolling region, header
    scopes and right-aligned numbers.

    Examples
    --------
    >>> clean_html('<p onclick="x()">See <a href="javascript:x()">this</a><script>x()</script></p>')
    '<p>See <a>this</a></p>'
    """
    return dress_tables(_nh3().clean(source))


@functools.cache
def _nh3() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_TAGS),
        clean_content_tags=set(_DROPPED_WHOLE),
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"data"},
        link_rel=None,
        strip_comments=True,
    )


def _attribute(_tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if _IMAGE.fullmatch(value) else None
    if name == "href":
        return value if _LOCAL_LINK.fullmatch(value) else None
    if name == "alt" and not value.strip():
        return None
    return value


def dress_tables(html: str) -> str:
    """Give each table of cleaned HTML a scrolling region, `scope`s and numbers on the right."""
    if "<table" not in html:
        return html
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for table in soup.find_all("table"):
        rows = [row.find_all(["td", "th"], recursive=False) for row in table.find_all("tr")]
        for head in table.find_all("th"):
            head["scope"] = "col" if head.find_parent("thead") else "row"
        right = _numeric_columns(rows)
        for cell in [cell for row in rows for place, cell in enumerate(row) if place in right]:
            cell["class"] = "r"
        table["class"] = "cj-table"
        caption = table.find("caption")
        region = soup.new_tag("div", attrs={"class": "cj-scroll", "role": "group", "tabindex": "0"})
        region["aria-label"] = caption.get_text(" ", strip=True) if caption else t("Table")
        table.wrap(region)
    return str(soup)


def _numeric_columns(rows: list[Any]) -> set[int]:
    """Positions whose data cells all hold numbers, in tables without merged cells."""
    if any(cell.get("colspan") or cell.get("rowspan") for row in rows for cell in row):
        return set()
    found: dict[int, bool] = {}
    for row in rows:
        for place, cell in enumerate(row):
            if cell.name == "td":
                number = bool(_NUMERIC.fullmatch(cell.get_text()))
                found[place] = found.get(place, True) and number
    return {place for place, number in found.items() if number}


def clean_markdown(source: str, attachments: Mapping[str, Any] | None = None) -> str:
    """Markdown rendered, then cleaned as HTML is; math stays as code, remote links show their address.

    Examples
    --------
    >>> clean_markdown("**n** [here](javascript:x)").strip()
    '<p><strong>n</strong> <a>here</a></p>'
    """
    from nbconvert.filters.markdown_mistune import MarkdownWithMath

    renderer = _renderer()(escape=False, exclude_anchor_links=True, attachments=dict(attachments or {}))
    return clean_html(MarkdownWithMath(renderer=renderer).render(source))


@functools.cache
def _renderer() -> type:
    from html import escape

    from nbconvert.filters.markdown_mistune import IPythonRenderer

    class Renderer(IPythonRenderer):
        """Plain code, no math engine, and addresses in print where a link would lead outside."""

        def block_code(self, code: str, info: str | None = None) -> str:  # noqa: ARG002 (the renderer's signature)
            return f"<pre><code>{escape(code.rstrip())}</code></pre>\n"

        def block_math(self, body: str) -> str:
            return f"<pre><code>{escape(body.strip())}</code></pre>"

        def inline_math(self, body: str) -> str:
            return f"<code>{escape(body.strip())}</code>"

        def latex_environment(self, name: str, body: str) -> str:  # noqa: ARG002
            return f"<pre><code>{escape(body.strip())}</code></pre>"

        def link(self, text: str, url: str, title: str | None = None) -> str:  # noqa: ARG002
            outside = re.fullmatch(r"https?://\S+", url)
            if outside and escape(url) not in text:
                return f"{text} (<code>{escape(url)}</code>)"
            return text if outside else f'<a href="{escape(url)}">{text}</a>'

        def _embed_image_or_attachment(self, src: str) -> str:
            known = src.removeprefix("attachment:") in self.attachments
            return str(super()._embed_image_or_attachment(src)) if known or "attachment:" not in src else ""

    return Renderer


def plain(text: str, *, cap: int = LOG_CAP) -> str:
    """Log or plain text without terminal colours, machine paths and memory addresses, cut at `cap`.

    Examples
    --------
    >>> plain("saved to /home/ana/x/table.csv")
    'saved to …/table.csv'
    """
    cut = text[:cap]
    short = without_paths(_ADDRESS.sub("", _ANSI.sub("", _KERNEL_FILE.sub("", cut))))
    if len(text) > cap:
        short += "\n" + t("[cut here: {n} more characters are in the executed notebook]", n=len(text) - cap)
    return short


def without_paths(text: str) -> str:
    """Replace absolute paths by their last part.

    Examples
    --------
    >>> without_paths("No file /work/main/data/nps.csv (12/03/2026, and/or later)")
    'No file …/nps.csv (12/03/2026, and/or later)'
    """

    def last(found: re.Match[str]) -> str:
        name = re.split(r"[\\/]", found[0].rstrip("\\/"))[-1]
        return f"…/{name}" if re.search(r"[\\/]", found[0].rstrip("\\/")[1:]) else "…"

    return _PATH.sub(last, text)


_TEXT_OR_TAG = re.compile(r"(<(script|style|pre|code|svg)\b.*?</\2>|<[^>]*>)", re.DOTALL | re.IGNORECASE)
_BEFORE = re.compile(r"(?<=\S) (?=[;?!](?:\s|$|[)»]))")
_WIDE = re.compile(r"(?<=\S) (?=[:»%€](?:\s|$|[),.;]))|(?<=«) ")


def french_spaces(html: str) -> str:
    r"""No-break spaces where French wants them (thin before ; ? !, full before : % € and inside « »).

    Only text is touched, and only where an ordinary space stands; other languages come back unchanged.

    Examples
    --------
    >>> from cjlib.core.text import using
    >>> with using("fr"):
    ...     french_spaces('<p title="a : b">Pourquoi ? « Cher » : 9 €</p>')
    '<p title="a : b">Pourquoi\u202f? «\xa0Cher\xa0»\xa0: 9\xa0€</p>'
    """
    if not language().startswith("fr"):
        return html
    pieces: list[str] = []
    end = 0
    for found in _TEXT_OR_TAG.finditer(html):
        pieces += [_spaced(html[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*pieces, _spaced(html[end:])])


def _spaced(text: str) -> str:
    return _WIDE.sub("\u00a0", _BEFORE.sub("\u202f", text)) if " " in text else text
