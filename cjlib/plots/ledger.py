"""Contradictions between words and deeds: the share seen, beside what chance would give."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet

ROW, N_AT, SHARE_AT = 30.0, 62.0, 74.0  # points


def draw(table: pd.DataFrame, *, title: str = "", ax: Any = None) -> Any:
    """Draw one row per contradiction: share with its interval, on a bar of what shuffled answers give.

    Parameters
    ----------
    table : DataFrame
        Columns `type, n_at_risk, n, share, ci_low, ci_high, expected, expected_low, expected_high`; shares
        from 0 to 1, missing ones are hidden or unknown.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> row = {"type": "praise, then leaving", "n_at_risk": 60, "n": 30, "share": 0.5, "ci_low": 0.38}
    >>> chance = {"ci_high": 0.62, "expected": 0.2, "expected_low": 0.1, "expected_high": 0.3}
    >>> draw(pd.DataFrame([row | chance])).get_title(loc="left")
    'Most beyond chance: praise, then leaving (50.0%, by chance 20.0%)'
    """
    if not table["share"].notna().any():
        return empty(ax, t("No data to draw: too few people, or followed too briefly."))
    keys = [
        Line2D([], [], color=style.EVERYBODY, marker="o", label=t("seen, with its 95 % interval")),
        Patch(facecolor=style.OUT, edgecolor=style.OPEN_EDGE, label=t("95 % of what chance would give")),
    ]
    with sheet(ax, body=len(table) * ROW / 72) as page:
        for place, row in enumerate(rows(table)):
            y = (place + 0.5) * ROW
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            if style.known(row.expected):
                width = row.expected_high - row.expected_low
                page.ax.barh(y, width, left=row.expected_low, height=0.55 * ROW, facecolor=style.OUT,
                             edgecolor=style.OPEN_EDGE, linewidth=0.8, gid="chance")  # fmt: skip
                page.ax.plot([row.expected] * 2, [y - 0.27 * ROW, y + 0.27 * ROW], color=style.OPEN_EDGE, linewidth=1.6)
            point(page.ax, y, row.share, row.ci_low, row.ci_high, colour=style.EVERYBODY, size=7)
            known = style.known(row.share)
            whole = style.known(row.n) and style.known(row.n_at_risk)
            people = t("{n} of {all}", n=int(row.n), all=int(row.n_at_risk)) if whole else HIDDEN
            beside(page.ax, y, N_AT, people, "right", gid="n")
            text = style.rate(row.share, row.ci_low, row.ci_high) if known else HIDDEN if not whole else number(None)
            beside(page.ax, y, SHARE_AT, text, "left", color=style.INK, gid="label")
        high = min(float(table[["ci_high", "expected_high"]].max(skipna=True).max()) * 1.1, 1.0)
        ticks, texts = style.percent_ticks(0, high)
        page.ax.set_xticks(ticks, texts)
        page.ax.set(xlim=(0, high), ylim=(len(table) * ROW, 0))
        places = [(place + 0.5) * ROW for place in range(len(table))]
        page.ax.set_yticks(places, [style.wrap(str(name), 150, lines=2) for name in table["type"]])
        page.ax.set_xlabel(t("share of those who could show the contradiction"))
        head(page.ax, N_AT, t("people"), "right")
        head(page.ax, SHARE_AT, t("share (95 % interval)"), "left")
        page.header(title or _finding(table), keys=keys, gap=20)
        if table["n"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _finding(table: pd.DataFrame) -> str:
    beyond = (table["share"] - table["expected_high"]).where(table["share"] > table["expected_high"])
    if not beyond.notna().any():
        return t("No contradiction is more frequent than chance would give")
    row = table.iloc[int(beyond.to_numpy(dtype="float64", na_value=-1).argmax())]
    return t("Most beyond chance: {name} ({share}, by chance {expected})", name=row["type"],
             share=percent(row["share"]), expected=percent(row["expected"]))  # fmt: skip
