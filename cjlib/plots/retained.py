"""Share of customers kept by calendar month, with interval; the plain rate and the value beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from cjlib.core.result import HIDDEN
from cjlib.core.text import percent, t
from cjlib.plots import style
from cjlib.plots.sheet import empty, sheet

BODY = 2.4  # inches
PLAIN, VALUE = "#b4530a", "#5b2a86"
_DOT: dict[str, Any] = {"marker": "o", "markersize": 5}
_DASH: dict[str, Any] = {"marker": "_", "markersize": 8, "markeredgewidth": 2}
_DIAMOND: dict[str, Any] = {"marker": "D", "markersize": 4}
_APART = 0.17  # of the room of a month, between the marks of one month


def draw(table: pd.DataFrame, *, title: str = "", ax: Any = None) -> Any:
    """Draw retention per month as points with intervals.

    Parameters
    ----------
    table : DataFrame
        Columns `month, estimate, ci_low, ci_high, plain, value, value_low, value_high`; shares from 0 to 1,
        missing where unknown or hidden.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> shown = {"month": ["2026-01", "2026-02"], "estimate": [0.9, 0.8], "ci_low": [0.8, 0.7], "ci_high": 0.95}
    >>> unknown = dict.fromkeys(["value", "value_low", "value_high"], np.nan)
    >>> draw(pd.DataFrame({**shown, "plain": [0.9, 0.85], **unknown})).get_title(loc="left")
    'Between 80.0% and 90.0% of the customers stayed each month'
    """
    known = table[table["estimate"].notna()]
    if known.empty:
        return empty(ax, t("No data to draw: too few people, or followed too briefly."))
    with sheet(ax, body=BODY) as page:
        place = np.arange(len(table), dtype=float)
        kept = table[["estimate", "ci_low", "ci_high"]]
        keys = [_marks(page.ax, place - _APART, kept, {"color": style.EVERYBODY, **_DOT}, t("customers kept"))]
        plain = table["plain"].fillna(table["estimate"])
        if not np.allclose(plain, table["estimate"], equal_nan=True):
            said = t("plain rate (who came back counts)")
            keys.append(_marks(page.ax, place, table[["plain"]], {"color": PLAIN, **_DASH}, said))
        if table["value"].notna().any():
            worth = table[["value", "value_low", "value_high"]]
            keys.append(_marks(page.ax, place + _APART, worth, {"color": VALUE, **_DIAMOND}, t("value kept")))
        lows = table[["ci_low", "value_low", "plain"]].min().min()
        floor = max(float(np.floor(lows * 10) / 10), 0.0)
        ticks, texts = style.percent_ticks(floor, 1)
        page.ax.set_yticks(ticks, texts)
        page.ax.set(ylim=(floor, 1), xlim=(-0.6, len(table) - 0.4))
        step = max(1, int(np.ceil(len(table) / 12)))
        page.ax.set_xticks(place[::step], list(table["month"])[::step])
        page.ax.set_xlabel(t("calendar month"))
        page.ax.grid(visible=True, axis="y", color=style.GRID, linewidth=0.8)
        page.header(title or _finding(known), t("Share of those under contract when the month began"), keys=keys)
        if floor > 0:
            page.note(t("The scale begins at {share}.", share=percent(floor, 0)))
        if table["estimate"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _marks(ax: Any, x: Any, frame: pd.DataFrame, look: dict[str, Any], label: str) -> Any:
    """Points of the first column of `frame` with the interval of the next two; returns their key."""
    values = frame.to_numpy(dtype=float)
    if frame.shape[1] > 1:
        ax.vlines(x, values[:, 1], values[:, 2], color=look["color"], linewidth=1.6, gid="interval")
    ax.plot(x, values[:, 0], linestyle="none", gid=frame.columns[0], **look)
    return Line2D([], [], linestyle="none", label=label, **look)


def _finding(known: pd.DataFrame) -> str:
    low, high = known["estimate"].min(), known["estimate"].max()
    if len(known) == 1 or percent(low) == percent(high):
        return t("{share} of the customers stayed", share=percent(high))
    return t("Between {low} and {high} of the customers stayed each month", low=percent(low), high=percent(high))
