"""Funnel: who reached each step, who may still reach it, who is out, and the rate with its interval.

Each bar is everybody who entered the funnel (100 %), split into reached, still inside the window, out.
The point is the rate that open windows do not bias (the curve where there is one, else the rate among
closed windows), so the distance between a bar's end and its point is what an unfinished window hides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cjlib.core.gate import ALL
from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t, tn
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point, rows
from cjlib.plots.sheet import Sheet, empty, sheet
from cjlib.plots.style import count, known, label, rate, short

MOST_GROUPED = 4
MOST_PANELS = 12
ROW, GROUPED_ROW, GAP = 30.0, 17.0, 9.0  # points
REACHED_AT, RATE_AT = 52.0, 62.0  # points right of the plot: columns of numbers


def draw(
    table: pd.DataFrame,
    *,
    unit: str = "customer",
    colours: Mapping[str, str] | None = None,
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw a funnel; up to four groups share the bars' axis, more get a panel each.

    Parameters
    ----------
    table : DataFrame
        Columns `group, step, step_order, n_start, n_reached, n_open, n_out, share_mature, ci_low,
        ci_high, share_curve, curve_low, curve_high`: people, and shares from 0 to 1. Missing counts
        are hidden cells: they are not drawn, and the figure says so.
    unit : str
        What travels, singular, for example "order".
    colours : mapping of group to colour, optional
        Where a report knows more groups than this table holds; see `style.group_colours`.
    title : str
        Replaces the finding.
    ax : Axes, optional
        Where to draw; a new figure without.

    Returns
    -------
    Axes
        With child axes, one per group, for more than four groups.

    Examples
    --------
    >>> shares = {"share_mature": [1.0, 0.4], "ci_low": [0.9, 0.3], "ci_high": [1.0, 0.5]}
    >>> counts = {"n_start": [100, 100], "n_reached": [100, 38], "n_open": [0, 5], "n_out": [0, 57]}
    >>> names = {"group": "(all)", "step": ["visit", "purchase"], "step_order": [0, 1]}
    >>> ax = draw(pd.DataFrame({**names, **counts, **shares}))
    >>> ax.get_title(loc="left").splitlines()
    ['The largest loss is between visit and purchase:', '60.0% of those at visit go no further']
    """
    drawn = _prepared(table)
    if drawn.empty:
        return empty(ax, t("No data to draw: nobody entered this funnel, or too few to be shown."))
    groups = list(dict.fromkeys(drawn["group"]))
    palette = dict(colours or style.group_colours(table["group"]))
    steps = list(dict.fromkeys(drawn["step"]))
    heading = title or _finding(drawn, groups)
    if len(groups) > MOST_GROUPED:
        return _panels(drawn, palette, heading, unit=unit, ax=ax)
    grouped = len(groups) > 1
    pitch = GROUPED_ROW if grouped else ROW
    height = len(steps) * (len(groups) * pitch + (GAP if grouped else 0))
    with sheet(ax, body=height / 72) as page:
        _bars(page.ax, drawn, groups, palette, pitch=pitch)
        _names(page.ax, steps, groups, pitch)
        _columns(page, drawn, groups, pitch)
        page.header(heading, _subtitle(drawn, unit), keys=_keys(drawn, grouped=grouped), gap=20)
        _notes(page, drawn)
    return page.ax


def _prepared(table: pd.DataFrame) -> pd.DataFrame:
    """Rows to draw in step order; the total only where there are no groups; one rate per row."""
    frame = table.sort_values("step_order", kind="stable").reset_index(drop=True)
    entered = frame["n_start"].map(count) > 0
    frame = frame[frame["group"].isin(frame.loc[entered, "group"])]
    if (frame["group"] != ALL).any():
        frame = frame[frame["group"] != ALL]
    order = {group: place for place, group in enumerate(dict.fromkeys(table["group"]))}
    frame = frame.sort_values("group", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
    names = ["share_curve", "curve_low", "curve_high"]
    curve = "share_curve" in frame and frame["share_curve"].notna().any()
    source = names if curve else ["share_mature", "ci_low", "ci_high"]
    frame[["rate", "low", "high"]] = frame[source].astype("float64")
    frame["first"] = frame["step_order"] == frame["step_order"].min()
    frame.attrs["curve"] = curve
    return frame


def _finding(frame: pd.DataFrame, groups: list[str]) -> str:
    """Title: where most are lost, or which group gets furthest."""
    if len(groups) > 1:
        last = frame[frame["step_order"] == frame["step_order"].max()].dropna(subset=["rate"])
        if len(last) < 2:
            return t("Steps reached, by group")
        best, worst = last.loc[last["rate"].idxmax()], last.loc[last["rate"].idxmin()]
        return t(
            "Highest rate of {step}: {best} ({x}); lowest: {worst} ({y})",
            step=short(best["step"]), best=short(best["group"]), x=percent(best["rate"]),
            worst=short(worst["group"]), y=percent(worst["rate"]),
        )  # fmt: skip
    rates = frame["rate"].where(~frame["first"], 1.0)
    drops = rates.shift() - rates
    if drops.notna().sum() == 0 or not drops.max() > 0:
        return t("Steps reached")
    at = int(drops.fillna(-1).to_numpy().argmax())
    here, before = frame.iloc[at], frame.iloc[at - 1]
    names = {"a": short(before["step"]), "b": short(here["step"])}
    x = percent(1 - rates.iloc[at] / rates.iloc[at - 1])
    if _endless(frame):
        return t(
            "The largest gap is between {a} and {b}: {x} of those at {a} have gone no further so far", x=x, **names
        )
    return t("The largest loss is between {a} and {b}: {x} of those at {a} go no further", x=x, **names)


def _endless(frame: pd.DataFrame) -> bool:
    """Whether nobody can be out: without a window everybody who has not arrived is still on the way."""
    return bool(frame["n_open"].map(count).sum() > 0 and frame["n_out"].map(count).sum() == 0)


def _subtitle(frame: pd.DataFrame, unit: str) -> str:
    entered = int(frame.loc[frame["first"], "n_start"].map(count).sum())
    return t("{n} {unit} entered; each bar is all of them.", n=entered, unit=t(unit + "s"))


def _keys(frame: pd.DataFrame, *, grouped: bool) -> list[Any]:
    base = style.MUTED if grouped else style.EVERYBODY
    keys = [Patch(facecolor=base, label=t("reached"))]
    if _endless(frame):
        words = t("share so far, 95 % interval")
        keys.append(_open_patch(label=t("not reached so far")))
    else:
        words = t("rate among closed windows, 95 % interval")
        if frame["n_open"].map(count).sum() > 0:
            keys.append(_open_patch(label=t("still inside the window")))
        keys.append(Patch(facecolor=style.OUT, edgecolor="#c9d1d5", linewidth=0.6, label=t("out")))
    if frame.attrs["curve"]:
        words = t("rate at the end of the window, 95 % interval")
    point = Line2D([], [], color=style.INK, marker="o", markersize=4.5, linewidth=1.6, label=words)
    return [*keys, point]


def _open_patch(**options: Any) -> Patch:
    return Patch(facecolor="#ffffff", edgecolor=style.OPEN_EDGE, hatch="/////", linewidth=0, **options)


def _place(step: int, group: int, n_groups: int, pitch: float) -> float:
    """Height of a row's middle in points below the top of the plot."""
    gap = GAP if n_groups > 1 else 0.0
    return step * (n_groups * pitch + gap) + gap / 2 + (group + 0.5) * pitch


def _bars(ax: Any, frame: pd.DataFrame, groups: list[str], palette: Mapping[str, str], *, pitch: float) -> None:
    steps = list(dict.fromkeys(frame["step_order"]))
    height = pitch * (0.62 if len(groups) == 1 else 0.76)
    for row in rows(frame):
        y = _place(steps.index(row.step_order), groups.index(row.group), len(groups), pitch)
        if not known(row.n_reached) or not count(row.n_start):
            ax.text(0.01, y, HIDDEN, va="center", color=style.MUTED, gid="hidden")
            continue
        reached, still = count(row.n_reached) / count(row.n_start), count(row.n_open) / count(row.n_start)
        out = count(row.n_out) / count(row.n_start)
        ax.barh(y, reached, height=height, color=palette[row.group], label="reached")
        if still:
            ax.barh(
                y, still, left=reached, height=height, facecolor="#ffffff", edgecolor=style.OPEN_EDGE,
                hatch="/////", linewidth=0, label="open",
            )  # fmt: skip
        if out:
            ax.barh(y, out, left=reached + still, height=height, color=style.OUT, label="out")
        if not row.first:
            point(ax, y, row.rate, row.low, row.high)
    if len(groups) > 1:
        _group_names(ax, frame, groups, pitch)
    top = _place(len(steps) - 1, len(groups) - 1, len(groups), pitch) + pitch / 2
    ax.set(xlim=(0, 1), ylim=(top + (GAP / 2 if len(groups) > 1 else 0), 0))
    ticks, texts = style.percent_ticks(0, 1)
    ax.set_xticks(ticks, texts)
    ax.set_yticks([])
    ax.grid(axis="x")
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel(t("share of those who entered"))


def _group_names(ax: Any, frame: pd.DataFrame, groups: list[str], pitch: float) -> None:
    """Names inside the bars of the first step, which are full by definition."""
    for place, group in enumerate(groups):
        y = _place(0, place, len(groups), pitch)
        colour = "#ffffff" if count(frame.loc[frame["group"] == group, "n_reached"].iloc[0]) else style.MUTED
        text = style.wrap(label(group), 220, style.SMALL, bold=True, lines=1)
        ax.text(0.012, y, text, color=colour, fontsize=style.SMALL, fontweight="bold", va="center", gid="group")


def _names(ax: Any, steps: list[str], groups: list[str], pitch: float) -> None:
    places = [
        sum(_place(k, g, len(groups), pitch) for g in range(len(groups))) / len(groups) for k in range(len(steps))
    ]
    ax.set_yticks(places, [style.wrap(label(step), 120, lines=2) for step in steps])


def _columns(page: Sheet, frame: pd.DataFrame, groups: list[str], pitch: float) -> None:
    """Numbers right of the bars: people who reached the step, and the rate with its interval."""
    steps = list(dict.fromkeys(frame["step_order"]))
    for row in rows(frame):
        y = _place(steps.index(row.step_order), groups.index(row.group), len(groups), pitch)
        reached = number(count(row.n_reached)) if known(row.n_reached) else HIDDEN
        beside(page.ax, y, REACHED_AT, reached, "right", color=style.INK, gid="n")
        if not row.first and known(row.rate):
            beside(page.ax, y, RATE_AT, rate(row.rate, row.low, row.high), "left", gid="label")
    head(page.ax, REACHED_AT, t("reached"), "right")
    head(page.ax, RATE_AT, t("rate (95 % interval)"), "left")


def _notes(page: Sheet, frame: pd.DataFrame) -> None:
    if frame[["n_reached", "n_open", "n_out"]].isna().any(axis=None):
        page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))


def _panels(frame: pd.DataFrame, palette: Mapping[str, str], heading: str, *, unit: str, ax: Any) -> Any:
    """One small funnel per group, three in a row, all on the same scale."""
    everyone = list(dict.fromkeys(frame["group"]))
    groups = everyone[:MOST_PANELS]
    across = 3
    down = -(-len(groups) // across)
    steps = list(dict.fromkeys(frame["step"]))
    tall = len(steps) * 18.0 + 46
    with sheet(ax, body=down * tall / 72) as page:
        page.ax.set_axis_off()
        for place, group in enumerate(groups):
            row, column = divmod(place, across)
            low = 1 - ((row + 1) * tall - 28) / (down * tall)
            box = (column * 0.375, low, 0.25, (tall - 46) / (down * tall))
            panel = page.ax.inset_axes(box)
            part = frame[frame["group"] == group]
            _bars(panel, part, [group], palette, pitch=18.0)
            panel.set_xlabel("")
            ticks, texts = style.percent_ticks(0, 1, most=3)
            panel.set_xticks(ticks, texts)
            if column == 0:
                _names(panel, steps, [group], 18.0)
            entered = number(count(part["n_start"].iloc[0]))
            name = style.wrap(label(group), 74, style.BASE, bold=True, lines=1)
            panel.set_title(t("{name}, n = {n}", name=name, n=entered), loc="left", fontsize=style.BASE, pad=5)
            _panel_labels(panel, part)
        page.header(heading, _subtitle(frame, unit), keys=_keys(frame, grouped=True), gap=16)
        _notes(page, frame)
        if len(everyone) > len(groups):
            page.note(
                tn("{n} more group is in the table.", "{n} more groups are in the table.", len(everyone) - len(groups))
            )
    return page.ax


def _panel_labels(panel: Any, part: pd.DataFrame) -> None:
    """Rate right of each bar; the interval is drawn, its limits are in the table."""
    for place, row in enumerate(rows(part)):
        if not row.first and known(row.rate):
            y = _place(place, 0, 1, 18.0)
            beside(panel, y, 34.0, percent(row.rate), "right", color=style.INK, gid="label")
