"""Share still under contract after each renewal: observed with its band, projected, and at a constant rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.sheet import empty, sheet

BODY = 2.6  # inches
NAIVE = "#b4530a"


def draw(table: pd.DataFrame, *, title: str = "", ax: Any = None) -> Any:
    """Draw the share still there by renewal; beyond the data only the projections go on.

    Parameters
    ----------
    table : DataFrame
        Columns `period, n_at_risk, estimate, ci_low, ci_high, projected, projected_low, projected_high,
        constant`; shares from 0 to 1, missing where unknown or hidden.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> shares = {"period": [1, 2], "n_at_risk": [90, 60], "estimate": [0.8, 0.7], "ci_low": [0.7, 0.6]}
    >>> more = {"ci_high": [0.9, 0.8], "projected": [0.8, 0.7], "projected_low": np.nan, "projected_high": np.nan}
    >>> draw(pd.DataFrame({**shares, **more, "constant": [0.8, 0.64]})).get_title(loc="left")
    'After 2 renewals 70.0% are expected to be still there'
    """
    frame = table.astype({name: "float64" for name in table.columns if name != "cohort"})
    if not frame["estimate"].notna().any():
        return empty(ax, t("No data to draw: too few people, or followed too briefly."))
    start = pd.DataFrame([{**dict.fromkeys(frame.columns, 1.0), "period": 0.0}])
    frame = pd.concat([start, frame], ignore_index=True)
    seen = frame[frame["estimate"].notna()]
    with sheet(ax, body=BODY) as page:
        keys = [_steps(page.ax, seen)]
        if frame["projected"].notna().iloc[1:].any():
            keys += _projections(page.ax, frame)
        end = float(seen["period"].iloc[-1])
        if end < frame["period"].iloc[-1]:
            page.ax.axvline(end, color=style.GRID, linewidth=1)
        ticks = style.nice_ticks(0, float(frame["period"].iloc[-1]), steps=(1, 2, 3, 5, 6, 10))
        whole = [tick for tick in ticks if tick == int(tick)]
        page.ax.set_xticks(whole, [number(tick) for tick in whole])
        shares, texts = style.percent_ticks(0, 1)
        page.ax.set_yticks(shares, texts)
        page.ax.set(xlim=(0, float(frame["period"].iloc[-1])), ylim=(0, 1))
        page.ax.set_xlabel(t("renewals"))
        page.header(title or _finding(frame), t("Share of contracts still there"), keys=keys)
        if end < frame["period"].iloc[-1]:
            page.note(t("Beyond renewal {n} too little has been observed: projections only.", n=int(end)))
    return page.ax


def _steps(ax: Any, seen: pd.DataFrame) -> Any:
    inner = seen[seen["ci_low"].notna()]
    ax.fill_between(inner["period"], inner["ci_low"], inner["ci_high"], step="post", color=style.EVERYBODY, alpha=0.16,
                    linewidth=0)  # fmt: skip
    (line,) = ax.plot(seen["period"], seen["estimate"], drawstyle="steps-post", color=style.EVERYBODY, linewidth=2,
                      gid="observed", label=t("observed"))  # fmt: skip
    return line


def _projections(ax: Any, frame: pd.DataFrame) -> list[Any]:
    band = frame[frame["projected_low"].notna()]
    ax.fill_between(band["period"], band["projected_low"], band["projected_high"], color=style.PALETTE[0], alpha=0.14,
                    linewidth=0)  # fmt: skip
    model: dict[str, Any] = {
        "color": style.PALETTE[0],
        "linestyle": "--",
        "marker": "o",
        "markersize": 3.5,
        "linewidth": 1.4,
    }
    naive: dict[str, Any] = {"color": NAIVE, "linestyle": ":", "linewidth": 1.6}
    ax.plot(frame["period"], frame["projected"], gid="projected", **model)
    ax.plot(frame["period"], frame["constant"], gid="constant", **naive)
    return [Line2D([], [], label=t("projected (customers differ)"), **model),
            Line2D([], [], label=t("naive: one constant rate"), **naive)]  # fmt: skip


def _finding(frame: pd.DataFrame) -> str:
    last = frame.iloc[-1]
    if np.isnan(last["projected"]):
        row = frame[frame["estimate"].notna()].iloc[-1]
        return t("After {n} renewals {share} are still there", n=int(row["period"]), share=percent(row["estimate"]))
    return t("After {n} renewals {share} are expected to be still there", n=int(last["period"]),
             share=percent(last["projected"]))  # fmt: skip
