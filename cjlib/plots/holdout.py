"""Predicted against observed: one row per class, the observed mean with its interval, predictions beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from cjlib.core.gate import ALL
from cjlib.core.result import HIDDEN
from cjlib.core.text import days, number, t
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import known, label

ROW, SIDE = 24.0, 52.0  # points
FIRST, SECOND = "#b4530a", "#5b2a86"


def draw(table: pd.DataFrame, *, days_ahead: float, ax: Any = None) -> Any:
    """Draw purchases per customer, observed with interval, and what two models predicted before.

    Parameters
    ----------
    table : DataFrame
        purchases (class), n, observed, ci_low, ci_high, predicted, second; missing where hidden
    days_ahead : length of the period judged, days
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> rows = {"purchases": ["(all)", "1"], "n": [90, 60], "observed": [0.5, 0.2], "ci_low": [0.4, 0.1]}
    >>> ax = draw(pd.DataFrame({**rows, "ci_high": [0.6, 0.3], "predicted": 0.5, "second": 0.4}), days_ahead=60.0)
    >>> ax.get_title(loc="left")
    'Predicted before: 0.50 purchases per customer; observed: 0.50'
    """
    frame = table.reset_index(drop=True)
    if not frame["observed"].notna().any():
        return empty(ax, t("No data to draw: too few customers to be shown."))
    values = frame[["observed", "ci_low", "ci_high", "predicted", "second"]].to_numpy(dtype="float64")
    top = float(np.nanmax(values)) * 1.06
    with sheet(ax, body=len(frame) * ROW / 72) as page:
        panel = page.ax
        panel.set_ylim(len(frame) - 0.5, -0.5)
        panel.set_xlim(0, max(top, 1e-6))
        panel.set_yticks(range(len(frame)), [label(name) for name in frame["purchases"]])
        panel.set_xticks(*style.number_ticks(0, max(top, 1e-6)))
        panel.grid(axis="x")
        panel.set_xlabel(t("purchases per customer in {time}", time=days(days_ahead)))
        for y, row in enumerate(rows(frame)):
            for value, colour, mark in ((row.predicted, FIRST, "D"), (row.second, SECOND, "s")):
                if known(value):
                    panel.plot([value], [y], mark, markersize=6.5, markerfacecolor=style.PAPER, markeredgecolor=colour,
                               markeredgewidth=1.4, gid="predicted", clip_on=False, zorder=3)  # fmt: skip
            point(panel, y, row.observed, row.ci_low, row.ci_high)
            beside(panel, y, SIDE, number(row.n) if known(row.n) else HIDDEN, "right")
        head(panel, SIDE, t("customers"), "right")
        page.header(
            _finding(frame),
            t("Models made before, judged on what came after; by days with a purchase before"),
            keys=_keys(),
            gap=20,
        )
        if frame["observed"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _keys() -> list[Line2D]:
    style_of = {"linestyle": "none", "markerfacecolor": style.PAPER, "markeredgewidth": 1.4, "markersize": 6}
    return [
        Line2D([], [], color=style.INK, marker="o", markersize=5, linewidth=1.7, label=t("observed, 95 % interval")),
        Line2D([], [], marker="D", markeredgecolor=FIRST, label=t("MBG/NBD predicted"), **style_of),  # type: ignore[arg-type]
        Line2D([], [], marker="s", markeredgecolor=SECOND, label=t("Pareto/NBD predicted"), **style_of),  # type: ignore[arg-type]
    ]


def _finding(frame: pd.DataFrame) -> str:
    whole = frame[frame["purchases"] == ALL]
    if whole.empty or not known(whole["observed"].iloc[0]):
        return t("Predicted and observed purchases, by class")
    row = whole.iloc[0]
    return t("Predicted before: {predicted} purchases per customer; observed: {observed}",
             predicted=number(row["predicted"], 2), observed=number(row["observed"], 2))  # fmt: skip
