"""Share active in brackets of days since the first time, with intervals; on the bracket, and on it or later."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet

ROW, N_AT, SHARE_AT = 24.0, 46.0, 58.0  # points
LATER = "#8a9aa0"


def draw(table: pd.DataFrame, *, title: str = "", ax: Any = None) -> Any:
    """Draw one row per bracket of days.

    Parameters
    ----------
    table : DataFrame
        Columns `from_day, to_day, n_at_risk, estimate, ci_low, ci_high, after`; shares from 0 to 1, missing ones
        are hidden.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> shares = {"from_day": [1.0, 7.0], "to_day": [7.0, 30.0], "n_at_risk": [90, 60], "estimate": [0.4, 0.2]}
    >>> draw(pd.DataFrame({**shares, "ci_low": 0.1, "ci_high": 0.5, "after": 0.6})).get_title(loc="left")
    'Active again between day 7 and day 30: 20.0%'
    """
    if not table["estimate"].notna().any():
        return empty(ax, t("No data to draw: too few people, or followed too briefly."))
    frame = table.astype({"n_at_risk": "float64"})
    with sheet(ax, body=len(frame) * ROW / 72) as page:
        for place, row in enumerate(rows(frame)):
            y = (place + 0.5) * ROW
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            if style.known(row.after):
                page.ax.plot([row.after], [y], "D", markersize=6, markerfacecolor=style.PAPER, color=LATER, gid="after")
            point(page.ax, y, row.estimate, row.ci_low, row.ci_high, colour=style.EVERYBODY, size=7)
            beside(page.ax, y, N_AT, number(row.n_at_risk) if style.known(row.n_at_risk) else HIDDEN, "right", gid="n")
            text = style.rate(row.estimate, row.ci_low, row.ci_high) if style.known(row.estimate) else HIDDEN
            beside(page.ax, y, SHARE_AT, text, "left", color=style.INK, gid="label")
        high = min(float(frame[["ci_high", "after"]].max().max()) * 1.1, 1.0)
        ticks, texts = style.percent_ticks(0, high)
        page.ax.set_xticks(ticks, texts)
        page.ax.set(xlim=(0, high), ylim=(len(frame) * ROW, 0))
        names = [t("day {one} to {other}", one=number(row.from_day), other=number(row.to_day)) for row in rows(frame)]
        page.ax.set_yticks([(place + 0.5) * ROW for place in range(len(frame))], names)
        page.ax.set_xlabel(t("share active again"))
        head(page.ax, N_AT, t("at risk"), "right")
        head(page.ax, SHARE_AT, t("share (95 % interval)"), "left")
        keys = [
            Line2D([], [], color=style.EVERYBODY, marker="o", linestyle="none", label=t("in these days")),
            Line2D([], [], color=LATER, marker="D", markerfacecolor=style.PAPER, linestyle="none",
                   label=t("in these days or later")),
        ]  # fmt: skip
        page.header(title or _finding(frame), keys=keys, gap=20)
        if frame["estimate"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _finding(frame: pd.DataFrame) -> str:
    row = frame[frame["estimate"].notna()].iloc[-1]
    return t("Active again between day {one} and day {other}: {share}", one=number(row["from_day"]),
             other=number(row["to_day"]), share=percent(row["estimate"]))  # fmt: skip
