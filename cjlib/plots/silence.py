"""Share that returns after a silence, by its length: the line, its band, and the thresholds on it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cjlib.core.result import HIDDEN
from cjlib.core.text import days, percent, t
from cjlib.plots import style
from cjlib.plots.sheet import Sheet, empty, sheet
from cjlib.plots.style import known

BODY = 2.6  # inches
CHOSEN, DECLARED = "#1b6468", "#b4530a"


def draw(
    table: pd.DataFrame,
    *,
    limit: float,
    within_days: int,
    declared: float | None = None,
    chosen: float = float("nan"),
    ax: Any = None,
) -> Any:
    """Draw the share that returns after a silence of tau days, with the accepted share and the thresholds.

    Parameters
    ----------
    table : DataFrame
        tau_days, estimate, ci_low, ci_high (shares); missing where hidden.
    limit : share of returns accepted
    within_days : window after tau in which a return counts
    declared, chosen : thresholds in days; missing or infinite ones are not marked
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> rows = pd.DataFrame({"tau_days": [0, 30, 60], "estimate": [0.9, 0.3, 0.08]})
    >>> ax = draw(rows.assign(ci_low=0.0, ci_high=1.0), limit=0.1, within_days=30, chosen=60.0)
    >>> ax.get_title(loc="left")
    'After 60 days of silence, at most 10% return'
    """
    rows = table.dropna(subset=["estimate"]).sort_values("tau_days")
    if len(rows) < 2:
        return empty(ax, t("No data to draw: at no time are enough people at risk."))
    with sheet(ax, body=BODY) as page:
        page.ax.fill_between(
            rows["tau_days"], rows["ci_low"], rows["ci_high"], color=style.EVERYBODY, alpha=0.15, linewidth=0,
            label="band",
        )  # fmt: skip
        page.ax.plot(rows["tau_days"], rows["estimate"], color=style.EVERYBODY, gid="curve")
        _axes(page, rows, limit)
        _thresholds(page, rows, declared, chosen)
        page.header(_finding(rows, limit, chosen), t(
            "Share that returns within {within} after a silence of that length", within=days(float(within_days))),
            gap=16)  # fmt: skip
        if table["estimate"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _axes(page: Sheet, rows: pd.DataFrame, limit: float) -> None:
    ax = page.ax
    last = float(rows["tau_days"].iloc[-1])
    ax.set_xlim(0, last)
    top = min(1.0, max(float(rows["ci_high"].max()), limit) * 1.04)
    ax.set_ylim(0, top)
    ax.set_yticks(*style.percent_ticks(0, top))
    ax.grid(axis="y")
    ticks, texts = style.number_ticks(0, last)
    ax.set_xticks(ticks, texts)
    ax.set_xlabel(t("days of silence"))
    ax.axhline(limit, color=style.MUTED, linewidth=1, linestyle=(0, (4, 2.5)), gid="limit")
    ax.annotate(
        t("{share} accepted", share=percent(limit, 0)), (0, limit), xycoords=("axes fraction", "data"), xytext=(3, 3),
        textcoords="offset points", ha="left", va="bottom", color=style.MUTED, fontsize=style.SMALL,
    )  # fmt: skip


def _thresholds(page: Sheet, rows: pd.DataFrame, declared: float | None, chosen: float) -> None:
    """Vertical lines, each named at the top; the two names stand on different heights."""
    last = float(rows["tau_days"].iloc[-1])
    marks = [(declared, DECLARED, t("declared: {time}", time=days(declared) if known(declared) else "")),
             (chosen, CHOSEN, t("suggested: {time}", time=days(chosen)))]  # fmt: skip
    for step, (at, colour, text) in enumerate(marks):
        if not known(at) or not 0 <= float(at) <= last:  # type: ignore[arg-type]
            continue
        late = float(at) > 0.7 * last  # type: ignore[arg-type]
        page.ax.axvline(at, color=colour, linewidth=1.2, gid="threshold")
        page.ax.annotate(
            text, (at, 1), xycoords=("data", "axes fraction"), xytext=(-4 if late else 4, -4 - 13 * step),
            textcoords="offset points", ha="right" if late else "left", va="top", color=colour, fontsize=style.SMALL,
            bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.85},
        )  # fmt: skip


def _finding(rows: pd.DataFrame, limit: float, chosen: float) -> str:
    if known(chosen):
        return t("After {tau} of silence, at most {limit} return", tau=days(chosen), limit=percent(limit, 0))
    return t("No silence up to {most} is long enough to mean leaving", most=days(float(rows["tau_days"].iloc[-1])))
