"""Ratios with their intervals on a log axis; the naive ratio as a hollow mark beside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from cjlib.core.result import HIDDEN
from cjlib.core.text import interval, number, t, tn
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet

ROW, N_AT, TEXT_AT = 30.0, 84.0, 96.0  # points
WIDEST = 30.0  # an interval is cut where it leaves this ratio, or one over it
_TICKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_FINE = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)  # where the axis is short


def draw(table: pd.DataFrame, *, axis: str, title: str = "", ax: Any = None) -> Any:
    """Draw one row per ratio: point, interval, naive mark, people and numbers in words.

    Parameters
    ----------
    table : DataFrame
        Columns `label, n_exposed, n_other, ratio, ci_low, ci_high`, and `naive` where there is one;
        missing cells are hidden or unknown ones.
    axis : str
        What the ratio is.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> rows = {"label": ["Call"], "n_exposed": [40], "n_other": [60], "ratio": [0.5], "naive": [0.2]}
    >>> ax = draw(pd.DataFrame({**rows, "ci_low": [0.3], "ci_high": [0.8]}), axis="hazard ratio")
    >>> ax.get_title(loc="left")
    '1 of 1 ratios differs from 1'
    """
    if not table["ratio"].notna().any():
        return empty(ax, t("No data to draw: too few people on both sides."))
    shown = table.assign(naive=table.get("naive", np.nan))
    with sheet(ax, body=len(shown) * ROW / 72) as page:
        page.ax.set_xscale("log")
        low, high = _limits(shown)
        page.ax.axvline(1, color=style.MUTED, linewidth=1, gid="no difference")
        for place, row in enumerate(rows(shown)):
            y = (place + 0.5) * ROW
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            clear = style.known(row.ci_low) and (row.ci_low > 1 or row.ci_high < 1)
            if style.known(row.ratio):
                point(page.ax, y, row.ratio, max(row.ci_low, low), min(row.ci_high, high),
                      colour=style.PALETTE[0] if clear else style.MUTED, size=7)  # fmt: skip
            if style.known(row.naive) and low < row.naive < high:
                page.ax.plot([row.naive], [y], "o", markersize=7, markerfacecolor="none", zorder=3.5,
                             markeredgecolor=style.PALETTE[1], markeredgewidth=1.4, gid="naive")  # fmt: skip
            known = style.known(row.n_exposed) and style.known(row.n_other)
            both = f"{number(style.count(row.n_exposed))} / {number(style.count(row.n_other))}" if known else HIDDEN
            beside(page.ax, y, N_AT, both, "right", gid="n")
            beside(page.ax, y, TEXT_AT, _text(row), "left", color=style.INK, gid="label")
        ticks = [tick for tick in (_FINE if high / low < 8 else _TICKS) if low <= tick <= high]
        page.ax.set_xticks(ticks, [number(tick, 2 if tick < 0.1 else 1 if tick % 1 else 0) for tick in ticks])
        page.ax.minorticks_off()
        page.ax.set(xlim=(low, high), ylim=(len(shown) * ROW, 0))
        places = [(place + 0.5) * ROW for place in range(len(shown))]
        page.ax.set_yticks(places, [style.wrap(style.label(name), 150, lines=2) for name in shown["label"]])
        page.ax.set_xlabel(axis)
        head(page.ax, N_AT, t("with / without"), "right")
        head(page.ax, TEXT_AT, t("ratio (95 % interval)"), "left")
        page.header(title or _finding(shown), keys=_keys(shown), gap=20)
        if shown["ratio"].isna().any():
            page.note(t("{sign} No ratio: hidden, or not to be estimated.", sign=HIDDEN))
    return page.ax


def _keys(table: pd.DataFrame) -> list[Any]:
    if not table["naive"].notna().any():
        return []
    named = ((t("exposure from its instant on, with 95 % interval"), style.PALETTE[0], style.PALETTE[0]),
             (t("naive: ever against never exposed"), "none", style.PALETTE[1]))  # fmt: skip
    return [Line2D([], [], linestyle="", marker="o", markersize=7, markerfacecolor=inside, markeredgecolor=edge,
                   label=label) for label, inside, edge in named]  # fmt: skip


def _text(row: Any) -> str:
    if not style.known(row.ratio):
        return HIDDEN
    return f"{number(row.ratio, 2)} ({interval(row.ci_low, row.ci_high, lambda x: number(x, 2))})"


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    values = table[["ratio", "ci_low", "ci_high", "naive"]].to_numpy(dtype="float64")
    values = np.log(np.clip(np.append(values[np.isfinite(values)], (0.7, 1.5)), 1 / WIDEST, WIDEST))
    room = (values.max() - values.min()) * 0.06
    return float(np.exp(values.min() - room)), float(np.exp(values.max() + room))


def _finding(table: pd.DataFrame) -> str:
    known = table["ratio"].notna()
    clear = int((known & ((table["ci_low"] > 1) | (table["ci_high"] < 1))).sum())
    if not clear:
        return t("No ratio clearly differs from 1")
    return tn("{n} of {all} ratios differs from 1", "{n} of {all} ratios differ from 1", clear, all=int(known.sum()))
