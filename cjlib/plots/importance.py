"""Importance against performance: what matters, beside how customers who lived it score."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import short

ROW, SHARE_AT, LIVED_AT, OTHER_AT = 26.0, 52.0, 112.0, 172.0  # points


def draw(table: pd.DataFrame, *, scale: tuple[float, float], title: str = "", ax: Any = None) -> Any:
    """Draw one row per driver: importance with interval, and beside it how those who lived it score.

    Parameters
    ----------
    table : DataFrame
        Columns `driver, share, score_lived, score_other, importance, ci_low, ci_high`; missing cells are
        hidden ones.
    scale : (low, high)
        Ends of the answer scale, for the note.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> facts = {"driver": ["Fee"], "share": [0.4], "score_lived": [6.1], "score_other": [7.4]}
    >>> ax = draw(pd.DataFrame({**facts, "importance": [0.1], "ci_low": [0.06], "ci_high": [0.15]}), scale=(0, 10))
    >>> ax.get_title(loc="left")
    'Most important: Fee, 10.0% of the spread of the scores'
    """
    if not table["importance"].notna().any():
        return empty(ax, t("No data to draw: too few people on both sides."))
    with sheet(ax, body=len(table) * ROW / 72) as page:
        for place, row in enumerate(rows(table)):
            y = (place + 0.5) * ROW
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            point(page.ax, y, row.importance, row.ci_low, row.ci_high, colour=style.PALETTE[0], size=7)
            beside(page.ax, y, SHARE_AT, _shown(row.share, percent=True), "right", gid="share")
            beside(page.ax, y, LIVED_AT, _shown(row.score_lived), "right", color=style.INK, gid="lived")
            beside(page.ax, y, OTHER_AT, _shown(row.score_other), "right", gid="other")
        high = max(float(table["ci_high"].max(skipna=True)) * 1.1, 0.01)
        ticks, texts = style.percent_ticks(0, high)
        page.ax.set_xticks(ticks, texts)
        page.ax.set(xlim=(0, high), ylim=(len(table) * ROW, 0))
        places = [(place + 0.5) * ROW for place in range(len(table))]
        page.ax.set_yticks(places, [style.wrap(style.label(name), 140, lines=2) for name in table["driver"]])
        page.ax.set_xlabel(t("importance: share of the spread of the scores"))
        head(page.ax, SHARE_AT, t("lived it"), "right")
        head(page.ax, LIVED_AT, t("their score"), "right")
        head(page.ax, OTHER_AT, t("others"), "right")
        page.header(title or _finding(table), gap=20)
        page.note(t("Mean scores on the scale from {low} to {high}.", low=number(scale[0]), high=number(scale[1])))
        if table["importance"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _shown(value: Any, *, percent: bool = False) -> str:
    if not style.known(value):
        return HIDDEN
    return _percent(float(value)) if percent else number(float(value), 2)


def _percent(value: float) -> str:
    return percent(value, 0)


def _finding(table: pd.DataFrame) -> str:
    top = rows(table[table["importance"].notna()].sort_values("importance", ascending=False, kind="stable"))[0]
    return t(
        "Most important: {driver}, {share} of the spread of the scores", driver=short(top.driver),
        share=percent(top.importance),
    )  # fmt: skip
