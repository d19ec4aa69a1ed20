"""Importance against performance: a picture of what matters, beside how those who lived through it score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.marks import rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import short

HEIGHT, GAP, LABEL_AT = 230.0, 30.0, 16.0  # points: plot area, between labels, right of the plot


def draw(table: pd.DataFrame, *, scale: tuple[float, float], title: str = "", ax: Any = None) -> Any:
    """Draw one point per driver: across, the mean score of those who lived it; up, importance with interval.

    Parameters
    ----------
    table : DataFrame
        Columns `driver, share, score_lived, score_other, importance, ci_low, ci_high`; missing cells are
        hidden ones.
    scale : (low, high)
        Ends of the answer scale, for the axis and the note.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes
        Two dashed lines make quadrants: the mean importance, and the mean score of everybody.

    Examples
    --------
    >>> facts = {"driver": ["Fee"], "share": [0.4], "score_lived": [6.1], "score_other": [7.4]}
    >>> ax = draw(pd.DataFrame({**facts, "importance": [0.1], "ci_low": [0.06], "ci_high": [0.15]}), scale=(0, 10))
    >>> ax.get_title(loc="left")
    'Most important: Fee, 10.0% of the spread of the scores'
    """
    known = table[table["importance"].notna() & table["score_lived"].notna()]
    known = known.sort_values("importance", ascending=False, kind="stable")
    if known.empty:
        return empty(ax, t("No data to draw: too few people on both sides."))
    with sheet(ax, body=max(HEIGHT, len(known) * GAP + 20) / 72) as page:
        high = max(float(known["ci_high"].max()) * 1.08, 0.01)
        left, right, middle = _across(known, scale)
        page.ax.axhline(known["importance"].mean(), color=style.MUTED, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0.5)
        page.ax.axvline(middle, color=style.MUTED, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0.5)
        for row, label in zip(rows(known), _apart(known["importance"] / high, page.height), strict=True):
            _point(page.ax, row, label * high)
        page.ax.set_yticks(*style.percent_ticks(0, high))
        page.ax.set(xlim=(left, right), ylim=(0, high))
        page.ax.set_xlabel(t("mean score of those who lived it (scale {low} to {high})", low=number(scale[0]),
                             high=number(scale[1])))  # fmt: skip
        page.ax.set_ylabel(t("importance: share of the spread"))
        page.header(title or _finding(table), gap=12)
        page.note(t("Top left: matters, and those who lived it score below everybody: look there first."))
        page.note(t("Top right: matters, and goes with good scores. Below the line: matters less than the others."))
        page.note(t("Importance is not an effect: it says what tells scores apart, not what a change would bring."))
        if len(known) < len(table):
            page.note(t("{sign} Too few people to be shown: {drivers}.", sign=HIDDEN,
                        drivers=", ".join(table.loc[~table.index.isin(known.index), "driver"])))  # fmt: skip
    return page.ax


def _across(known: pd.DataFrame, scale: tuple[float, float]) -> tuple[float, float, float]:
    """Ends of the score axis, and the mean score of everybody."""
    share = known["share"].fillna(1.0)
    everybody = known["score_lived"] * share + (known["score_other"] * (1 - share)).fillna(0.0)
    middle = float(everybody.mean())
    reach = [*known["score_lived"], middle]
    pad = max(0.25 * (max(reach) - min(reach)), 0.03 * (scale[1] - scale[0]))
    return max(min(reach) - pad, scale[0]), min(max(reach) + pad, scale[1]), middle


def _apart(places: pd.Series, height: float) -> list[float]:
    """Heights of the labels, as shares of the plot: as near to their points as their size allows, from top down."""
    gap = GAP / height
    found = np.asarray(places, dtype=float).copy()
    for place in range(1, found.size):
        found[place] = min(found[place], found[place - 1] - gap)
    lowest = gap / 2
    for place in range(found.size - 1, -1, -1):
        found[place] = max(found[place], lowest)
        lowest = found[place] + gap
    return [float(one) for one in found]


def _point(ax: Any, row: Any, label_y: float) -> None:
    colour = style.PALETTE[0]
    if style.known(row.ci_low) and style.known(row.ci_high):
        ax.plot([row.score_lived] * 2, [row.ci_low, row.ci_high], color=colour, linewidth=1.7, gid="interval")
    ax.plot([row.score_lived], [row.importance], "o", color=colour, markersize=7, markeredgecolor=style.PAPER,
            markeredgewidth=1.1, gid="point", clip_on=False, zorder=4)  # fmt: skip
    name = style.wrap(style.label(row.driver), 180, lines=1)
    facts = t("{share} lived it: {lived}; others: {other}", share=percent(row.share, 0),
              lived=number(row.score_lived, 2), other=_score(row.score_other))  # fmt: skip
    ax.annotate(
        f"{name}\n{facts}", (row.score_lived, row.importance), xycoords="data", xytext=(1.0 + LABEL_AT / 400, label_y),
        textcoords=("axes fraction", "data"), ha="left", va="center", fontsize=style.SMALL, color=style.INK,
        linespacing=1.2, gid="label", zorder=3, arrowprops={"arrowstyle": "-", "color": style.GRID, "linewidth": 0.8,
                                                            "shrinkA": 1, "shrinkB": 4},
    )  # fmt: skip


def _score(value: Any) -> str:
    return number(float(value), 2) if style.known(value) else HIDDEN


def _finding(table: pd.DataFrame) -> str:
    top = rows(table[table["importance"].notna()].sort_values("importance", ascending=False, kind="stable"))[0]
    return t(
        "Most important: {driver}, {share} of the spread of the scores", driver=short(top.driver),
        share=percent(top.importance),
    )  # fmt: skip
