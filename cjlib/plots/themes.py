"""Themes of comments: share of the people who speak of each, by group, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cjlib.core.gate import ALL
from cjlib.core.text import percent, t
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import known, label, short

ROW, GAP, N_AT = 13.0, 9.0, 12.0  # points
MOST_GROUPS = 5


def draw(table: pd.DataFrame, *, colours: Mapping[str, str] | None = None, title: str = "", ax: Any = None) -> Any:
    """Draw one block of rows per theme, most frequent first; one row per group.

    Parameters
    ----------
    table : DataFrame
        Columns `theme, group, estimate, ci_low, ci_high`; missing shares are hidden ones.
    colours, title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"theme": ["Fees", "Delay"], "group": "(all)", "estimate": [0.2, 0.1],
    ...     "ci_low": [0.15, 0.07], "ci_high": [0.26, 0.14]})
    >>> draw(table).get_title(loc="left")
    'Fees: 20.0% of those whose comments were read'
    """
    everyone = table[(table["group"] == ALL) & table["estimate"].notna()]
    if everyone.empty:
        return empty(ax, t("No data to draw: too few people speak of a theme."))
    order = list(everyone.sort_values("estimate", ascending=False, kind="stable")["theme"])
    groups = list(dict.fromkeys(table["group"]))
    groups = groups if len(groups) <= MOST_GROUPS else [ALL]
    palette = dict(colours or style.group_colours(groups))
    tall = len(order) * (len(groups) * ROW + GAP)
    with sheet(ax, body=tall / 72) as page:
        middles = []
        for place, theme in enumerate(order):
            top = place * (len(groups) * ROW + GAP)
            middles.append(top + len(groups) * ROW / 2)
            page.ax.axhline(top + len(groups) * ROW + GAP / 2, color=style.GRID, linewidth=0.8, zorder=0.5)
            part = table[table["theme"] == theme].set_index("group")
            for line, group in enumerate(groups):
                row = part.loc[group]
                y = top + (line + 0.5) * ROW
                point(page.ax, y, row["estimate"], row["ci_low"], row["ci_high"], colour=palette[group])
                if group == ALL and known(row["estimate"]):
                    text = style.rate(row["estimate"], row["ci_low"], row["ci_high"])
                    beside(page.ax, y, N_AT, text, "left", color=style.INK, gid="label")
        high = min(float(table["ci_high"].max(skipna=True)) * 1.08, 1.0)
        ticks, texts = style.percent_ticks(0, high)
        page.ax.set_xticks(ticks, texts)
        page.ax.grid(axis="x")
        page.ax.set(xlim=(0, high), ylim=(tall, 0))
        page.ax.set_yticks(middles, [style.wrap(label(theme), 140, lines=2) for theme in order])
        page.ax.set_xlabel(t("share of the people who speak of it"))
        head(page.ax, N_AT, t("all (95 % interval)"), "left")
        page.header(title or _finding(rows(everyone), order), keys=_keys(groups, palette), gap=20)
    return page.ax


def _keys(groups: list[str], palette: Mapping[str, str]) -> list[Any]:
    from matplotlib.lines import Line2D

    if len(groups) < 2:
        return []
    return [Line2D([], [], marker="o", color=palette[group], label=label(group)) for group in groups]


def _finding(everyone: list[Any], order: list[str]) -> str:
    top = next(row for row in everyone if row.theme == order[0])
    return t("{theme}: {share} of those whose comments were read", theme=short(top.theme), share=percent(top.estimate))
