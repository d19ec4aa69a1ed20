"""Segments that differ: shrunken share with its interval, the raw share as a hollow mark, everybody as a line."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from cjlib.core.text import number, percent, t, tn
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet

ROW, N_AT, SHARE_AT, MOST = 26.0, 46.0, 58.0, 15


def draw(
    table: pd.DataFrame, *, everybody: float, n_found: int, looked: int, axis: str, title: str = "", ax: Any = None
) -> Any:
    """Draw one row per segment, in the order of the table.

    Parameters
    ----------
    table : DataFrame
        Columns `segment, n, share, shrunken, shrunken_low, shrunken_high`; missing ones are hidden.
    everybody : share of all people counted
    n_found, looked : number of segments that differ, and that were looked at
    axis : what the share is, for the axis label
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> found = {"segment": ["plan = a"], "n": [90], "share": [0.5], "shrunken": [0.45]}
    >>> ax = draw(pd.DataFrame({**found, "shrunken_low": [0.36], "shrunken_high": [0.54]}), everybody=0.3, n_found=1,
    ...           looked=12, axis="who bought")
    >>> ax.get_title(loc="left")
    '1 of 12 segments differs from all others'
    """
    shown = table[table["shrunken"].notna()]
    if n_found and shown.empty:
        return empty(ax, t("No data to draw: too few people."))
    if shown.empty:
        return empty(ax, tn("{n} segment looked at; it does not differ from all others.",
                            "{n} segments looked at; none differs from all others.", looked))  # fmt: skip
    first = shown.head(MOST)
    with sheet(ax, body=len(first) * ROW / 72) as page:
        page.ax.axvline(everybody, color=style.EVERYBODY, linewidth=1.4, gid="everybody", zorder=1)
        for place, row in enumerate(rows(first)):
            y = (place + 0.5) * ROW
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            page.ax.plot([row.share], [y], "o", markersize=7.5, markerfacecolor="none", zorder=5, gid="raw",
                         markeredgecolor=style.PALETTE[1], markeredgewidth=1.4)  # fmt: skip
            point(page.ax, y, row.shrunken, row.shrunken_low, row.shrunken_high, colour=style.PALETTE[0], size=7)
            beside(page.ax, y, N_AT, number(style.count(row.n)), "right", gid="n")
            text = style.rate(row.shrunken, row.shrunken_low, row.shrunken_high)
            beside(page.ax, y, SHARE_AT, text, "left", color=style.INK, gid="label")
        low, high = _limits(first, everybody)
        page.ax.set_xticks(*style.percent_ticks(low, high))
        page.ax.set(xlim=(low, high), ylim=(len(first) * ROW, 0))
        places = [(place + 0.5) * ROW for place in range(len(first))]
        page.ax.set_yticks(places, [style.wrap(style.label(name), 150, lines=2) for name in first["segment"]])
        page.ax.set_xlabel(axis)
        head(page.ax, N_AT, t("people"), "right")
        head(page.ax, SHARE_AT, t("shrunken share (95 % interval)"), "left")
        page.header(title or _finding(n_found, looked), keys=_keys(everybody), gap=20)
        if len(shown) > MOST:
            page.note(t("{n} more segments are in the table.", n=len(shown) - MOST))
    return page.ax


def _limits(table: pd.DataFrame, everybody: float) -> tuple[float, float]:
    values = table[["share", "shrunken_low", "shrunken_high"]].to_numpy(dtype="float64")
    room = max(0.08 * (max(values.max(), everybody) - min(values.min(), everybody)), 0.01)
    return max(min(values.min(), everybody) - room, 0.0), min(max(values.max(), everybody) + room, 1.0)


def _keys(everybody: float) -> list[Any]:
    mark: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 7}
    return [
        Line2D([], [], label=t("shrunken share, with 95 % interval"), **mark, markerfacecolor=style.PALETTE[0],
               markeredgecolor=style.PALETTE[0]),
        Line2D([], [], label=t("raw share"), **mark, markerfacecolor="none", markeredgecolor=style.PALETTE[1]),
        Line2D([], [], label=t("everybody: {share}", share=percent(everybody)), color=style.EVERYBODY),
    ]  # fmt: skip


def _finding(n: int, looked: int) -> str:
    return tn("{n} of {looked} segments differs from all others", "{n} of {looked} segments differ from all others",
              n, looked=looked)  # fmt: skip
