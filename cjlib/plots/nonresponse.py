"""Scores with and without those who did not answer, and how far those who answered are from everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from cjlib.core.result import HIDDEN
from cjlib.core.text import interval, number, t, tn
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import count, known, label

ROW, BETWEEN = 22.0, 74.0  # points
N_AT, VALUE_AT = 46.0, 58.0
MOST = 12  # covariates drawn; the others are nearer to everybody
UNBALANCED = 0.1
BEFORE, AFTER, RAKED = "#b4530a", style.EVERYBODY, "#6b4a8c"


def draw(
    table: pd.DataFrame,
    *,
    balance: pd.DataFrame | None = None,
    name: str,
    form: Callable[[float], str],
    ends: tuple[float, float],
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw one row per estimate with its interval and, below, the balance of what came before.

    Parameters
    ----------
    table : DataFrame
        Columns `basis` (words), `n`, `value`, `low`, `high`; missing cells are hidden ones.
    balance : DataFrame, optional
        Columns `covariate, before, after` and maybe `raked` (absolute standardised differences),
        farthest first.
    name : what is estimated
    form : how a value is written
    ends : ends of the scale
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes
        With two child axes (estimates, balance) where a balance is given.

    Examples
    --------
    >>> shown = pd.DataFrame({"basis": ["those who answered", "weighted"], "n": [90, 90], "value": [30.0, 20.0]})
    >>> ax = draw(shown.assign(low=10.0, high=40.0), name="NPS", form=number, ends=(-100, 100))
    >>> ax.get_title(loc="left")
    'NPS: 30 among those who answered, 20 weighted'
    """
    if not table["value"].notna().any():
        return empty(ax, t("No data to draw: nobody answered, or too few to be shown."))
    far = pd.DataFrame() if balance is None else balance.head(MOST)
    above = len(table) * ROW
    below = len(far) * ROW
    whole = above + (BETWEEN + below if below else 0)
    with sheet(ax, body=whole / 72) as page:
        panel = page.ax
        if below:
            page.ax.set_axis_off()
            panel = page.ax.inset_axes((0, 1 - above / whole, 1, above / whole))
            _balance(page.ax.inset_axes((0, 0, 1, below / whole)), far)
        _estimates(panel, table, name, form, ends)
        subtitle = t(
            "Lines are 95 % intervals. Worst and best: all who did not answer gave the lowest or highest score."
        )
        page.header(title or _finding(table, name, form), subtitle, gap=20)
        if table["value"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
        if balance is not None and len(balance) > MOST:
            more = len(balance) - MOST
            page.note(tn("{n} more covariate, nearer, is in the table.",
                         "{n} more covariates, nearer, are in the table.", more))  # fmt: skip
    return page.ax


def _estimates(panel: Any, table: pd.DataFrame, name: str, form: Callable[[float], str], ends: Any) -> None:
    for place, row in enumerate(rows(table)):
        y = (place + 0.5) * ROW
        panel.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
        colour = (BEFORE, AFTER, RAKED)[place] if place < len(table) - 2 else style.MUTED
        point(panel, y, row.value, row.low, row.high, colour=colour, size=7)
        beside(panel, y, N_AT, number(count(row.n)) if known(row.n) else HIDDEN, "right", gid="n")
        beside(panel, y, VALUE_AT, _write(row, form) if known(row.value) else HIDDEN, "left",
               color=style.INK, gid="label")  # fmt: skip
    if ends[0] < 0 < ends[1]:
        panel.axvline(0, color="#aeb8be", linewidth=0.9, zorder=0.6)
    ticks, _ = style.number_ticks(*ends)
    panel.set_xticks(ticks, [form(tick) for tick in ticks])
    panel.set(xlim=ends, ylim=(len(table) * ROW, 0))
    panel.set_yticks(
        [(place + 0.5) * ROW for place in range(len(table))],
        [style.wrap(label(basis), 130, lines=1) for basis in table["basis"]],
    )
    panel.set_xlabel(name)
    head(panel, N_AT, t("people"), "right")
    head(panel, VALUE_AT, t("score (95 % interval)"), "left")


def _balance(panel: Any, far: pd.DataFrame) -> None:
    """Dots per covariate: distance from everybody unweighted (hollow), weighted (full) and raked (diamond)."""
    weighted = bool(far["after"].notna().any())
    far = far if "raked" in far else far.assign(raked=float("nan"))
    for place, row in enumerate(rows(far)):
        y = (place + 0.5) * ROW
        panel.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
        if weighted and known(row.after):
            panel.plot([row.before, row.after], [y, y], color=style.GRID, linewidth=2.2, zorder=1)
            panel.plot([row.after], [y], "o", color=AFTER, markersize=6.5, gid="after", clip_on=False, zorder=4)
        if known(row.raked):
            panel.plot([row.raked], [y], "D", color=RAKED, markersize=4.5, gid="raked", clip_on=False, zorder=5)
        panel.plot(
            [row.before], [y], "o", markerfacecolor=style.PAPER, markeredgecolor=BEFORE, markeredgewidth=1.6,
            markersize=6.5, gid="before", clip_on=False, zorder=3,
        )  # fmt: skip
    high = max(float(far[["before", "after", "raked"]].max(skipna=True).max()) * 1.1, 1.5 * UNBALANCED)
    panel.axvline(UNBALANCED, color=style.MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0.8, gid="limit")
    ticks, texts = style.number_ticks(0, high)
    panel.set_xticks(ticks, texts)
    panel.set(xlim=(0, high), ylim=(len(far) * ROW, 0))
    places = [(place + 0.5) * ROW for place in range(len(far))]
    panel.set_yticks(places, [style.wrap(label(name), 170, lines=1) for name in far["covariate"]])
    panel.set_xlabel(t("distance from everybody asked, in standard deviations (dashed: 0.1)"))
    _keys(panel, weighted, raked=bool(far["raked"].notna().any()))


def _keys(panel: Any, weighted: bool, *, raked: bool) -> None:
    hollow: Any = {"markerfacecolor": style.PAPER, "markeredgecolor": BEFORE, "markeredgewidth": 1.6}
    keys = [Line2D([], [], marker="o", linestyle="", markersize=6.5, label=t("those who answered"), **hollow)]
    if weighted:
        keys.append(Line2D([], [], marker="o", linestyle="", markersize=6.5, color=AFTER, label=t("weighted")))
    if raked:
        keys.append(Line2D([], [], marker="D", linestyle="", markersize=4.5, color=RAKED, label=t("raked")))
    panel.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)


def _write(row: Any, form: Callable[[float], str]) -> str:
    if not (known(row.low) and known(row.high)):
        return form(row.value)
    return f"{form(row.value)} ({interval(row.low, row.high, form)})"


def _finding(table: pd.DataFrame, name: str, form: Callable[[float], str]) -> str:
    values = [row.value for row in rows(table)]
    weighted = len(values) in (2, 4, 5) and known(values[0]) and known(values[1])
    if not known(values[0]):
        return t("{name} with and without those who did not answer", name=name)
    if not weighted:
        return t("{name}: {x} among those who answered", name=name, x=form(values[0]))
    return t("{name}: {x} among those who answered, {y} weighted", name=name, x=form(values[0]), y=form(values[1]))
