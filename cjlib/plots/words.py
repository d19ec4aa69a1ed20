"""Words that set groups apart: points with intervals, two groups on two sides, more below one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import known, label, short

ROW, HEAD, N_AT, SHARE_AT = 18.0, 24.0, 46.0, 58.0  # points
MOST = 8  # words per group and language


def draw(
    table: pd.DataFrame,
    *,
    groups: Sequence[str],
    colours: Mapping[str, str] | None = None,
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw one row per word: log odds with interval, and how many people used it.

    Parameters
    ----------
    table : DataFrame
        Columns `group, language, word, n, share, estimate, ci_low, ci_high`; estimates above 0, missing ones
        are hidden.
    groups : sequence of str
        All groups compared; the first of two is drawn to the left of zero.
    colours, title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> words = pd.DataFrame({"group": ["worst", "best"], "language": "French", "word": ["retard", "merci"],
    ...     "n": [40, 60], "share": [0.3, 0.4], "estimate": [1.2, 0.9], "ci_low": [0.8, 0.5], "ci_high": [1.6, 1.3]})
    >>> draw(words, groups=["worst", "best"]).get_title(loc="left")
    'worst say “retard”, best say “merci”'
    """
    shown = table[table["estimate"].notna()]
    shown = shown[shown.groupby(["group", "language"]).cumcount() < MOST]
    if shown.empty:
        return empty(ax, t("No word sets the groups apart beyond chance."))
    palette = dict(colours or style.group_colours(groups))
    sign = {group: -1.0 if len(groups) == 2 and group == groups[0] else 1.0 for group in groups}
    lines, tall = _lines(shown)
    with sheet(ax, body=tall / 72) as page:
        for y, row in lines:
            if isinstance(row, str):
                continue
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            side = sign[str(row.group)]
            ends = sorted((side * row.ci_low, side * row.ci_high))
            point(page.ax, y, side * row.estimate, ends[0], ends[1], colour=palette[str(row.group)])
            beside(page.ax, y, N_AT, number(style.count(row.n)) if known(row.n) else HIDDEN, "right", gid="n")
            beside(page.ax, y, SHARE_AT, percent(row.share) if known(row.share) else HIDDEN, "left", color=style.INK)
        page.ax.axvline(0, color="#aeb8be", linewidth=0.9, zorder=0.6)
        high = 1.08 * float(shown["ci_high"].max())
        low = -high if len(groups) == 2 else min(0.0, 1.08 * float(shown["ci_low"].min()))
        ticks, _ = style.number_ticks(low, high)
        page.ax.set_xticks(ticks, [number(abs(tick), 1) for tick in ticks])
        page.ax.set(xlim=(low, high), ylim=(tall, 0))
        page.ax.set_yticks([y for y, _ in lines], [_name(row) for _, row in lines])
        for text, (_, row) in zip(page.ax.get_yticklabels(), lines, strict=True):
            text.set_fontweight("bold" if isinstance(row, str) else "normal")
        page.ax.set_xlabel(_axis(groups))
        head(page.ax, N_AT, t("people"), "right")
        head(page.ax, SHARE_AT, t("of the group"), "left")
        page.header(title or _finding(shown, groups), gap=20)
    return page.ax


def _lines(shown: pd.DataFrame) -> tuple[list[tuple[float, Any]], float]:
    """Rows from the top: (middle of the row, heading or row of the table), and the whole height."""
    found: list[tuple[float, Any]] = []
    y = 0.0
    several = len(set(shown["language"])) > 1
    for (group, language), part in shown.groupby(["group", "language"], sort=False):
        found.append((y + HEAD / 2, f"{label(group)}, {language}" if several else label(group)))
        y += HEAD
        for row in rows(part):
            found.append((y + ROW / 2, row))
            y += ROW
    return found, y


def _name(row: Any) -> str:
    if isinstance(row, str):
        return style.wrap(row, 190, lines=1, bold=True)
    return style.wrap(label(row.word), 150, lines=1)


def _axis(groups: Sequence[str]) -> str:
    if len(groups) == 2:
        return t("log odds: to the left used more by {left}, to the right by {right}", left=short(groups[0], 24),
                 right=short(groups[1], 24))  # fmt: skip
    return t("log odds against the others")


def _finding(shown: pd.DataFrame, groups: Sequence[str]) -> str:
    parts = [
        t("{group} say “{word}”", group=short(group, 28), word=short(part.sort_values("estimate")["word"].iloc[-1], 28))
        for group in groups
        if len(part := shown[shown["group"] == group])
    ]
    return ", ".join(parts[:3])
