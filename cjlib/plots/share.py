"""Shares by group as points with intervals: what people did, by what they had said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cjlib.core.gate import ALL
from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import label, short

ROW, N_AT, SHARE_AT = 22.0, 46.0, 58.0  # points


def draw(
    table: pd.DataFrame,
    *,
    axis: str,
    people: str = "",
    colours: Mapping[str, str] | None = None,
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw one row per group: share with its interval, and how many people it rests on.

    Parameters
    ----------
    table : DataFrame
        Columns `group, n, estimate, ci_low, ci_high`; shares from 0 to 1, missing ones are hidden.
    axis : str
        What the share is a share of, for the axis label.
    people : str
        Head of the column of `n`; answers if left out.
    colours, title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> shares = {"group": ["promoters", "detractors"], "n": [120, 80], "estimate": [0.4, 0.1]}
    >>> ax = draw(pd.DataFrame({**shares, "ci_low": [0.3, 0.05], "ci_high": [0.5, 0.2]}), axis="who bought again")
    >>> ax.get_title(loc="left")
    'Highest after promoters (40.0%), lowest after detractors (10.0%)'
    """
    if not table["estimate"].notna().any():
        return empty(ax, t("No data to draw: too few people, or followed too briefly."))
    palette = dict(colours or style.group_colours(table["group"]))
    with sheet(ax, body=len(table) * ROW / 72) as page:
        for place, row in enumerate(rows(table)):
            y = (place + 0.5) * ROW
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            point(page.ax, y, row.estimate, row.ci_low, row.ci_high, colour=palette[str(row.group)], size=7)
            hidden = not style.known(row.estimate)
            beside(page.ax, y, N_AT, number(style.count(row.n)) if style.known(row.n) else HIDDEN, "right", gid="n")
            text = HIDDEN if hidden else style.rate(row.estimate, row.ci_low, row.ci_high)
            beside(page.ax, y, SHARE_AT, text, "left", color=style.INK, gid="label")
        high = min(float(table["ci_high"].max(skipna=True)) * 1.15, 1.0)
        ticks, texts = style.percent_ticks(0, high)
        page.ax.set_xticks(ticks, texts)
        page.ax.set(xlim=(0, high), ylim=(len(table) * ROW, 0))
        places = [(place + 0.5) * ROW for place in range(len(table))]
        page.ax.set_yticks(places, [style.wrap(label(group), 130, lines=2) for group in table["group"]])
        page.ax.set_xlabel(axis)
        head(page.ax, N_AT, people or t("answers"), "right")
        head(page.ax, SHARE_AT, t("share (95 % interval)"), "left")
        page.header(title or _finding(table), gap=20)
        if table["estimate"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _finding(table: pd.DataFrame) -> str:
    groups = table[(table["group"] != ALL) & table["estimate"].notna()]
    if len(groups) < 2:
        return t("Share after the answer")
    ordered = rows(groups.sort_values("estimate", kind="stable"))
    high, low = ordered[-1], ordered[0]
    return t(
        "Highest after {high} ({x}), lowest after {low} ({y})", high=short(high.group), x=percent(high.estimate),
        low=short(low.group), y=percent(low.estimate),
    )  # fmt: skip
