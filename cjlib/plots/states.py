"""Customers by state, month by month: those not lapsed above the line, the lapsed below it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.sheet import Sheet, empty, sheet
from cjlib.plots.style import known

BODY = 2.9  # inches
APART = 12.0  # points between two names at the right
_ABOVE = (("n_active", "#1b4b50"), ("n_new", "#2f6fd0"), ("n_resurrected", "#ad5097"), ("n_at_risk", "#b4530a"))
_BELOW = ("n_lapsed", "#848f97")
MOST_TICKS = 8


def draw(table: pd.DataFrame, *, ax: Any = None) -> Any:
    """Draw the customers of each state at the end of each month as stacked bars, each state named at the last.

    Parameters
    ----------
    table : DataFrame
        month, n, n_new, n_active, n_at_risk, n_lapsed, n_resurrected, share_there; missing where hidden
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> counts = {"n_new": [40, 30], "n_active": [0, 20], "n_at_risk": [0, 15], "n_lapsed": [0, 5], "n": [40, 70]}
    >>> rows = pd.DataFrame({"month": ["2026-01", "2026-02"], **counts, "n_resurrected": 0})
    >>> draw(rows.assign(share_there=[1, 13 / 14])).get_title(loc="left")
    'At the end of 2026-02, 92.9% of the customers are not lapsed'
    """
    frame = table.reset_index(drop=True)
    names = [name for name, _ in _ABOVE] + [_BELOW[0]]
    counts = frame[names].to_numpy(dtype="float64", na_value=np.nan)
    if not np.nansum(counts):
        return empty(ax, t("No data to draw: too few customers to be shown."))
    with sheet(ax, body=BODY) as page:
        _bars(page, frame)
        _names(page, frame)
        page.header(_finding(frame), t("Customers by state at the end of each month; lapsed below the line"), gap=10)
        if np.isnan(counts).any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _bars(page: Sheet, frame: pd.DataFrame) -> None:
    ax, x = page.ax, np.arange(len(frame))
    floor = np.zeros(len(frame))
    for name, colour in _ABOVE:
        height = frame[name].to_numpy(dtype="float64", na_value=0.0)
        ax.bar(x, height, bottom=floor, width=0.8, color=colour, gid=name)
        floor += height
    lapsed = frame[_BELOW[0]].to_numpy(dtype="float64", na_value=0.0)
    ax.bar(x, -lapsed, width=0.8, color=_BELOW[1], gid=_BELOW[0])
    for place in np.flatnonzero(frame[_BELOW[0]].isna()):
        ax.annotate(HIDDEN, (place, 0), xytext=(0, -3), textcoords="offset points", ha="center", va="top",
                    color=style.MUTED)  # fmt: skip
    ax.axhline(0, color=style.INK, linewidth=0.8)
    ax.set_xlim(-0.6, len(frame) - 0.4)
    low, high = -float(lapsed.max()), float(floor.max())
    ax.set_ylim(low * 1.05, max(high * 1.05, 1.0))
    ticks, _ = style.number_ticks(low, max(high, 1.0))
    ax.set_yticks(ticks, [number(abs(tick)) for tick in ticks])
    ax.grid(axis="y")
    ax.set_ylabel(t("customers"))
    step = -(-len(frame) // MOST_TICKS)
    shown = np.arange(len(frame) - 1, -1, -step)[::-1]
    ax.set_xticks(shown, [str(month) for month in frame["month"].iloc[shown]])


def _names(page: Sheet, frame: pd.DataFrame) -> None:
    """State and count beside the last bar, pushed apart where they would overlap."""
    words = {"n_active": t("active"), "n_new": t("new"), "n_resurrected": t("resurrected"),
             "n_at_risk": t("at risk of lapsing"), "n_lapsed": t("lapsed")}  # fmt: skip
    last = frame.iloc[-1]
    low, high = page.ax.get_ylim()
    per_point = (high - low) / page.height
    labels = [("n_lapsed", _BELOW[1], -(float(last["n_lapsed"]) if known(last["n_lapsed"]) else 0.0) / 2)]
    floor = 0.0
    for name, colour in _ABOVE:
        height = float(last[name]) if known(last[name]) else 0.0
        labels.append((name, colour, floor + height / 2))
        floor += height
    place = -np.inf
    for name, colour, middle in labels:
        place = max(middle, place + APART * per_point)
        count = number(last[name]) if known(last[name]) else HIDDEN
        page.ax.annotate(
            t("{state}: {n}", state=words[name], n=count), (1, place), xycoords=("axes fraction", "data"),
            xytext=(6, 0), textcoords="offset points", ha="left", va="center", fontsize=style.SMALL,
            color=style.MUTED if name == "n_lapsed" else colour,
        )  # fmt: skip


def _finding(frame: pd.DataFrame) -> str:
    row = frame.iloc[-1]
    if known(row["share_there"]):
        return t("At the end of {month}, {share} of the customers are not lapsed", month=row["month"],
                 share=percent(row["share_there"]))  # fmt: skip
    return t("Customers by state, month by month")
