"""Forecasts judged: what was forecast against what came, and whether acting on the forecasts pays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cjlib.core.result import HIDDEN
from cjlib.core.text import t
from cjlib.plots import style
from cjlib.plots.marks import rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import known

BODY = 2.9  # inches
WIDE, APART = 0.43, 0.57


def draw(groups: pd.DataFrame, benefit: pd.DataFrame, *, title: str = "", ax: Any = None) -> Any:
    """Draw calibration on the left and the decision curve on the right.

    Parameters
    ----------
    groups : DataFrame
        Columns `n_test, forecast, estimate, ci_low, ci_high`, shares; missing cells are hidden ones.
    benefit : DataFrame
        Columns `threshold, n_test, benefit, benefit_low, benefit_high, everybody`.
    title : str
        The finding; a plain heading if left out.
    ax : Axes, optional

    Returns
    -------
    Axes
        With two child axes.

    Examples
    --------
    >>> groups = pd.DataFrame({"n_test": [50, 50], "forecast": [0.1, 0.4], "estimate": [0.12, 0.38],
    ...                        "ci_low": [0.05, 0.26], "ci_high": [0.24, 0.52]})
    >>> limits = pd.DataFrame({"threshold": [0.1, 0.3], "n_test": 100, "benefit": [0.18, 0.05],
    ...                        "benefit_low": [0.1, 0.0], "benefit_high": [0.25, 0.1], "everybody": [0.17, -0.07]})
    >>> len(draw(groups, limits).child_axes)
    2
    """  # fmt: skip
    if not groups["estimate"].notna().any():
        return empty(ax, t("No data to draw: too few people in every group."))
    with sheet(ax, body=BODY) as page:
        page.ax.set_axis_off()
        _calibration(page.ax.inset_axes((0.0, 0.0, WIDE, 1.0)), groups)
        _decisions(page.ax.inset_axes((APART, 0.0, WIDE, 1.0)), benefit)
        total = groups["n_test"].sum(skipna=False) if groups["n_test"].notna().all() else benefit["n_test"].max()
        heading = title or t("What was forecast, what came, and whether acting on it pays")
        told = t("{n} people of a later period. Points: tenths by forecast; bars and band: 95 % intervals.",
                 n=int(total)) if known(total) else ""  # fmt: skip
        page.header(heading, told, gap=24)
        if groups["estimate"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _calibration(panel: Any, groups: pd.DataFrame) -> None:
    shown = groups[groups["estimate"].notna()]
    top = float(np.nanmax(shown[["forecast", "ci_high"]].to_numpy(dtype="float64"))) * 1.06
    panel.plot([0, top], [0, top], color=style.MUTED, linewidth=1, linestyle=(0, (3, 3)), gid="right")
    for row in rows(shown):
        if known(row.ci_low) and known(row.ci_high):
            panel.plot([row.forecast] * 2, [row.ci_low, row.ci_high], color=style.PALETTE[0], linewidth=1.7,
                       gid="interval", solid_capstyle="round")  # fmt: skip
        panel.plot([row.forecast], [row.estimate], "o", color=style.PALETTE[0], markersize=6.5, gid="point",
                   markeredgecolor=style.PAPER, markeredgewidth=1.1, clip_on=False, zorder=4)  # fmt: skip
    ticks, texts = style.percent_ticks(0, top, most=5)
    panel.set_xticks(ticks, texts)
    panel.set_yticks(ticks, texts)
    panel.grid(visible=True, linewidth=0.8, color=style.GRID)
    panel.set(xlim=(0, top), ylim=(0, top))
    panel.set_xlabel(t("forecast (dashed: as it should be)"))
    panel.set_title(t("share that left"), loc="left", fontsize=style.SMALL, color=style.MUTED, fontweight="normal")


def _decisions(panel: Any, benefit: pd.DataFrame) -> None:
    x = benefit["threshold"].to_numpy(dtype="float64")
    own, low, high, every = (100 * benefit[name].to_numpy(dtype="float64")
                             for name in ("benefit", "benefit_low", "benefit_high", "everybody"))  # fmt: skip
    panel.axhline(0, color=style.INK, linewidth=1, gid="nobody")
    panel.fill_between(x, low, high, color=style.lighter(style.PALETTE[0], 0.75), linewidth=0, gid="band")
    panel.plot(x, own, color=style.PALETTE[0], gid="model")
    panel.plot(x, every, color=style.PALETTE[1], linestyle=(0, (5, 2)), gid="everybody")
    top = float(np.nanmax([*high, *every, 0.01])) * 1.08
    bottom = min(float(np.nanmin([*low, 0.0])), -0.22 * top)
    ticks, texts = style.number_ticks(bottom, top, most=5)
    panel.set_yticks(ticks, texts)
    cuts, names = style.percent_ticks(float(x.min()), float(x.max()), most=5)
    panel.set_xticks(cuts, names)
    panel.grid(visible=True, axis="y", linewidth=0.8, color=style.GRID)
    panel.set(xlim=(x.min(), x.max()), ylim=(bottom, top))
    panel.set_xlabel(t("acting from a forecast of"))
    panel.set_title(t("leavers reached, net, per 100 people"), loc="left", fontsize=style.SMALL, color=style.MUTED,
                    fontweight="normal")  # fmt: skip
    settings = {"fontsize": style.SMALL, "textcoords": "offset points"}
    middle = len(x) // 2
    panel.annotate(t("the forecast"), (x[middle], high[middle]), xytext=(7, 4), ha="left", color=style.PALETTE[0],
                   **settings)  # fmt: skip
    panel.annotate(t("nobody"), (x[-1], 0), xytext=(-3, -12), ha="right", color=style.INK, **settings)
    inside = np.flatnonzero(every >= bottom)
    place = int(inside[-1]) if len(inside) else 0
    at = (x[place], max(every[place], bottom))
    panel.annotate(t("everybody"), at, xytext=(-6, -4), ha="right", color=style.PALETTE[1], **settings)
