"""The look shared by all figures: paper, colours, type, wrapped words, ticks in the report's language.

A figure is `WIDTH` inches wide; shown 720 px wide, 9 pt is 12 px and nothing is set below 8.2 pt (11 px).
Colours keep 4.5:1 on white, since they also carry text, and stay apart under the three forms of colour
blindness; both are tested. `RC` is only ever used inside a `with` block (see `sheet`).
"""

from __future__ import annotations

import functools
import math
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.colors import to_hex, to_rgb

from cjlib.core.gate import ALL
from cjlib.core.text import interval, number, percent, t

WIDTH = 7.4  # inches
EDGE = 7.0  # points kept free at each border
TITLE, BASE, SMALL = 11.5, 9.0, 8.3  # points

INK, MUTED, GRID, PAPER = "#1f2a30", "#55626b", "#e1e6e9", "#ffffff"
EVERYBODY = "#1b4b50"  # "(all)", in every figure
PALETTE = ("#2f6fd0", "#b4530a", "#5b2a86", "#ad5097", "#652b15", "#836c3f", "#2222a0")
OUT, OPEN_EDGE, ABSENT = "#e9edef", "#848f97", "#f3f5f6"
SEQUENCE = ("#eef6f4", "#bfe0da", "#7fbdb8", "#3f8f90", "#1b6468", "#123f44")

RC: Any = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": BASE,
    "text.color": INK, "text.parse_math": False, "text.usetex": False, "axes.unicode_minus": True,
    "figure.facecolor": PAPER, "figure.dpi": 100, "figure.autolayout": False,
    "figure.constrained_layout.use": False, "figure.max_open_warning": 0, "savefig.facecolor": PAPER,
    "savefig.bbox": None, "axes.facecolor": PAPER, "axes.edgecolor": "#aeb8be", "axes.linewidth": 0.8,
    "axes.labelcolor": MUTED, "axes.labelsize": BASE, "axes.titlesize": TITLE, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.titlecolor": INK, "axes.spines.top": False,
    "axes.spines.right": False, "axes.spines.left": False, "axes.spines.bottom": True,
    "axes.axisbelow": True, "axes.grid": False, "axes.xmargin": 0, "axes.ymargin": 0,
    "grid.color": GRID, "grid.linewidth": 0.8, "xtick.color": MUTED, "ytick.color": MUTED,
    "xtick.labelcolor": MUTED, "ytick.labelcolor": INK, "xtick.labelsize": SMALL, "ytick.labelsize": BASE,
    "xtick.major.size": 0, "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0,
    "xtick.major.pad": 5, "ytick.major.pad": 7, "hatch.linewidth": 0.9, "lines.solid_capstyle": "butt",
    "lines.linewidth": 1.9, "legend.frameon": False, "legend.fontsize": SMALL, "legend.labelcolor": MUTED,
    "legend.handlelength": 1.5, "legend.handleheight": 0.9, "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.5, "legend.borderpad": 0, "legend.borderaxespad": 0,
}  # fmt: skip


# --- words ------------------------------------------------------------------------------------------
def label(value: object) -> str:
    r"""Name of a group, step or category as it is printed: "(all)" in words, one line, no controls.

    Examples
    --------
    >>> label("(all)"), label("Web\n shop")
    ('all', 'Web shop')
    """
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", str(value))
    text = re.sub(r"[ \t\r\n]+", " ", text).strip()
    return {ALL: t("all"), "(unknown)": t("(unknown)")}.get(text, text) or t("(empty)")


def short(value: object, limit: int = 44) -> str:
    """`label(value)` for use inside a sentence: at most `limit` characters, cut with an ellipsis."""
    text = label(value)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


@functools.cache
def _font(weight: str) -> Any:
    found = font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight))
    return font_manager.get_font(found)


def text_width(text: str, size: float = BASE, *, bold: bool = False) -> float:
    """Width of one line of text in points, by the metrics of DejaVu Sans."""
    font = _font("bold" if bold else "normal")
    font.set_size(64.0, 72)  # large: small sizes are rounded to whole pixels
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        font.set_text(text, 0.0)
    return float(font.get_width_height()[0]) / 64 * size / 64.0


def wrap(text: str, width: float, size: float = BASE, *, bold: bool = False, lines: int = 0) -> str:
    r"""`text` broken at spaces into lines of at most `width` points.

    A single word that is too long is broken where it must be. With `lines`, what does not fit is cut
    with an ellipsis; titles are never given that limit. No-break spaces hold.

    Examples
    --------
    >>> wrap("shipping fees shown too late", 80)
    'shipping fees\nshown too late'
    """
    made: list[str] = []
    line = ""
    for word in text.split(" "):
        piece = word
        while text_width(piece, size, bold=bold) > width:
            fits = next(
                n for n in range(len(piece), 0, -1) if n == 1 or text_width(piece[:n], size, bold=bold) <= width
            )
            made += [line, piece[:fits]] if line else [piece[:fits]]
            line, piece = "", piece[fits:]
            if not piece:
                break
        longer = f"{line} {piece}" if line else piece
        if text_width(longer, size, bold=bold) <= width:
            line = longer
        else:
            made.append(line)
            line = piece
    made += [line] if line else []
    if lines and len(made) > lines:
        last = made[lines - 1]
        while last and text_width(last + "…", size, bold=bold) > width:
            last = last[:-1]
        made = [*made[: lines - 1], last.rstrip() + "…"]
    return "\n".join(made)


def balance(text: str, width: float, size: float = BASE, *, bold: bool = False) -> str:
    """`text` wrapped to as few lines as `width` allows, of about equal length (no orphan word)."""
    made = wrap(text, width, size, bold=bold)
    lines = made.count("\n")
    for part in range(95, 45, -5) if lines else ():
        tried = wrap(text, width * part / 100, size, bold=bold)
        if tried.count("\n") > lines:
            break
        made = tried
    return made


# --- colours ----------------------------------------------------------------------------------------
def group_colours(groups: Iterable[object]) -> dict[str, str]:
    """Colour of each group: by its place in the alphabet, so that the order of a table does not matter.

    Tables list the groups of a report in different orders, hidden ones included; so the same group has
    the same colour in all its figures. "(all)" is always dark teal; other names in brackets, such as
    "(unknown)", are grey. More than seven groups share one hue: no eye tells eight apart.

    Examples
    --------
    >>> group_colours(["Camille", "(all)", "Bruno"])
    {'Camille': '#b4530a', '(all)': '#1b4b50', 'Bruno': '#2f6fd0'}
    """
    names = list(dict.fromkeys(map(str, groups)))
    plain = sorted((name for name in names if not name.startswith("(")), key=lambda name: (name.casefold(), name))
    hues = PALETTE if len(plain) <= len(PALETTE) else (PALETTE[0],) * len(plain)
    colours = dict(zip(plain, hues, strict=False))
    return {name: EVERYBODY if name == ALL else colours.get(name, MUTED) for name in names}


def lighter(colour: str, amount: float) -> str:
    """`colour` mixed with white; `amount` 0 leaves it, 1 is white."""
    red, green, blue = (channel + (1 - channel) * amount for channel in to_rgb(colour))
    return str(to_hex((red, green, blue)))


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours (WCAG 2), from 1 to 21.

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff"))
    21
    """

    def luminance(colour: str) -> float:
        channels = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def text_on(background: str) -> str:
    """White or black, whichever is easier to read; ink would fall below 4.5:1 on middle tones."""
    return max((PAPER, "#000000"), key=lambda colour: contrast(colour, background))


# --- numbers on axes --------------------------------------------------------------------------------
def nice_ticks(low: float, high: float, *, most: int = 6, steps: Sequence[float] = (1, 2, 2.5, 5, 10)) -> list[float]:
    """Round values from `low` to `high`, at most `most` of them."""
    span = max(high - low, 1e-9)
    for power in range(math.floor(math.log10(span)) - 2, math.floor(math.log10(span)) + 3):
        for step in (round(s * 10.0**power, 12) for s in steps[:-1]):
            first = math.ceil(low / step - 1e-9)
            last = math.floor(high / step + 1e-9)
            if last - first + 1 <= most:
                return [round(k * step, 10) for k in range(first, last + 1)]
    return [low, high]


def percent_ticks(low: float, high: float, *, most: int = 6) -> tuple[list[float], list[str]]:
    """Ticks of a share axis and their labels, with decimals only where the step needs them."""
    ticks = nice_ticks(low, high, most=most)
    fine = any(abs(100 * tick - round(100 * tick)) > 1e-6 for tick in ticks)
    return ticks, [percent(tick, 1 if fine else 0) for tick in ticks]


def number_ticks(low: float, high: float, *, most: int = 6) -> tuple[list[float], list[str]]:
    """Ticks of a plain axis and their labels in the language of the report."""
    ticks = nice_ticks(low, high, most=most)
    digits = next(d for d in range(6) if d == 5 or all(abs(x * 10**d - round(x * 10**d)) < 1e-6 for x in ticks))
    return ticks, [number(tick, digits) for tick in ticks]


def rate(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """Share with its limits, as short as a label must be: the sign is written once.

    Examples
    --------
    >>> rate(0.617, 0.6084, 0.6251), rate(0.617)
    ('61.7% (60.8 to 62.5)', '61.7%')
    """
    if not (known(low) and known(high)):
        return percent(value)
    limits = interval(100 * low, 100 * high, functools.partial(number, digits=1))
    return f"{percent(value)} ({limits})"


def known(value: object) -> bool:
    """Whether a cell holds a number: neither unknown nor hidden."""
    return not pd.isna(value) and not math.isinf(float(value))  # type: ignore[call-overload,arg-type]


def count(value: object) -> float:
    """A count as float; 0 where it is unknown or hidden (nothing is drawn for it)."""
    return float(value) if known(value) else 0.0  # type: ignore[arg-type]


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near as possible to `wanted`, at least `gap` apart, within [low, high] if they fit.

    Examples
    --------
    >>> spread([10.0, 11.0, 50.0], 8.0, 0.0, 60.0)
    [6.5, 14.5, 50.0]
    """
    order = np.argsort(np.asarray(wanted, dtype=float), kind="stable")
    blocks: list[list[float]] = []  # [sum of (wanted - offset), members]
    for rank in order:
        blocks.append([float(wanted[rank]), 1])
        while len(blocks) > 1 and _start(blocks[-2], gap) + blocks[-2][1] * gap > _start(blocks[-1], gap):
            total, members = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + members]
    flat: list[float] = []
    for block in blocks:
        flat += [_start(block, gap) + k * gap for k in range(int(block[1]))]
    flat = [max(value, low + k * gap) for k, value in enumerate(flat)]
    flat = [min(value, high - (len(flat) - 1 - k) * gap) for k, value in enumerate(flat)]
    placed = [0.0] * len(flat)
    for position, rank in enumerate(order):
        placed[rank] = flat[position]
    return placed


def _start(block: list[float], gap: float) -> float:
    total, members = block
    return total / members - gap * (members - 1) / 2
