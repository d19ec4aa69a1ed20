"""Differences with their intervals against the line of no difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cjlib.core.result import HIDDEN
from cjlib.core.text import interval, number, points, t, tn
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet

ROW, N_AT, TEXT_AT = 30.0, 78.0, 90.0  # points
MOST_ROWS = 20


def draw(table: pd.DataFrame, *, axis: str, digits: int = 1, title: str = "", ax: Any = None) -> Any:
    """Draw one row per comparison: difference and interval, answers on both sides.

    Parameters
    ----------
    table : DataFrame
        Columns `label, n, n_other, difference, ci_low, ci_high, clear` (whether the difference is
        established, after any correction); missing cells are hidden ones.
    axis : str
        What the difference is, with its unit.
    digits : int
        Decimals of the labels.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> rows = {"label": ["Marc − Camille"], "n": [120], "n_other": [80], "difference": [15.0]}
    >>> ax = draw(pd.DataFrame({**rows, "ci_low": [-6.8], "ci_high": [36.8], "clear": False}), axis="NPS points")
    >>> ax.get_title(loc="left")
    'No difference is established'
    """
    if not table["difference"].notna().any():
        return empty(ax, t("No data to draw: too few people on both sides."))
    shown = table.head(MOST_ROWS)
    with sheet(ax, body=len(shown) * ROW / 72) as page:
        page.ax.axvline(0, color=style.MUTED, linewidth=1, gid="no difference")
        for place, row in enumerate(rows(shown)):
            y = (place + 0.5) * ROW
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            point(
                page.ax,
                y,
                row.difference,
                row.ci_low,
                row.ci_high,
                colour=style.PALETTE[0] if row.clear else style.MUTED,
                size=7,
            )
            known = style.known(row.n) and style.known(row.n_other)
            both = f"{number(style.count(row.n))} / {number(style.count(row.n_other))}" if known else HIDDEN
            beside(page.ax, y, N_AT, both, "right", gid="n")
            beside(page.ax, y, TEXT_AT, _text(row, digits), "left", color=style.INK, gid="label")
        low, high = _limits(shown)
        ticks, texts = style.number_ticks(low, high)
        page.ax.set_xticks(ticks, texts)
        page.ax.set(xlim=(low, high), ylim=(len(shown) * ROW, 0))
        places = [(place + 0.5) * ROW for place in range(len(shown))]
        page.ax.set_yticks(places, [style.wrap(style.label(name), 150, lines=2) for name in shown["label"]])
        page.ax.set_xlabel(axis)
        head(page.ax, N_AT, t("answers"), "right")
        head(page.ax, TEXT_AT, t("difference (95 % interval)"), "left")
        page.header(title or _finding(shown), gap=20)
        if shown["difference"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
        rest = len(table) - len(shown)
        if rest:
            page.note(tn("{n} more comparison is in the table.", "{n} more comparisons are in the table.", rest))
    return page.ax


def _text(row: Any, digits: int) -> str:
    if not style.known(row.difference):
        return HIDDEN
    if not (style.known(row.ci_low) and style.known(row.ci_high)):
        return points(row.difference, digits)
    return f"{points(row.difference, digits)} ({interval(row.ci_low, row.ci_high, lambda x: points(x, digits))})"


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    values = np.append(table[["difference", "ci_low", "ci_high"]].to_numpy(dtype="float64"), 0.0)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = max((high - low) * 0.06, 1e-6)
    return low - room, high + room


def _finding(table: pd.DataFrame) -> str:
    clear = int(table["clear"].sum())
    if not clear:
        return t("No difference is established")
    return tn("{n} of {all} differences is established", "{n} of {all} differences are established", clear,
              all=len(table))  # fmt: skip
