"""Said and done: score by what happened in the end, beside score by what had happened when people answered.

Two panels share their rows and their axis. The hollow mark in the second repeats the value of the first,
so the distance is the error that joining answers to later events would make.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from cjlib.core import checks
from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, points, t
from cjlib.plots import style
from cjlib.plots.marks import point, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import known, label, short

FINAL, ANSWERED = "final", "when answered"
ROW, HEAD = 34.0, 20.0  # points
WIDE, APART = 0.455, 0.545
COLUMNS = {"mean": ("mean", "ci_low", "ci_high"), "top": ("top_share", "top_low", "top_high")}


def draw(
    table: pd.DataFrame,
    *,
    measure: Literal["mean", "top"] = "mean",
    scale: tuple[float, float] | None = None,
    colours: Mapping[str, str] | None = None,
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw mean scores (or top shares) by category, final view beside the view when answered.

    Parameters
    ----------
    table : DataFrame
        Columns `question, view` ("final" or "when answered"), `category, n, mean, ci_low, ci_high,
        top_share, top_low, top_high`. Missing cells are hidden ones and are not drawn.
    measure : {"mean", "top"}
        Mean score, or share of the best answers (0 to 1).
    scale : (low, high), optional
        Ends of the answer scale, for the axis label; the axis itself shows the part in use.
    colours, title, ax
        As in `cjlib.plots.funnel.draw`; colours are by category.

    Returns
    -------
    Axes
        With two child axes, one per view.

    Raises
    ------
    ParameterError
        CJ-E04 for an unknown measure.

    Examples
    --------
    >>> names = {"question": "delivery", "view": ["final", "when answered"], "category": "late"}
    >>> values = {"n": [700, 300], "mean": [2.3, 3.9], "ci_low": [2.2, 3.7], "ci_high": [2.4, 4.1]}
    >>> ax = draw(pd.DataFrame({**names, **values}), scale=(1, 5))
    >>> ax.get_title(loc="left").splitlines()
    ['delivery, late: 2.30 by what happened in the end,', '3.90 by what had happened when people answered']
    """
    checks.one_of("measure", measure, ("mean", "top"))
    value, low, high = COLUMNS[measure]
    frame = pd.DataFrame(
        {
            "question": table["question"].astype(str), "view": table["view"].astype(str),
            "category": table["category"].astype(str), "n": table["n"],
            "value": table[value].astype("float64"), "low": table[low].astype("float64"),
            "high": table[high].astype("float64"),
        }
    )  # fmt: skip
    if not frame["value"].notna().any():
        return empty(ax, t("No data to draw: no answer could be joined to what happened, or too few."))
    lines = _lines(frame)
    tall = _tall(lines)
    palette = dict(colours or style.group_colours(frame["category"]))
    with sheet(ax, body=tall / 72) as page:
        page.ax.set_axis_off()
        limits = _range(frame, measure, scale)
        for place, view in enumerate((FINAL, ANSWERED)):
            panel = page.ax.inset_axes((place * APART, 0, WIDE, 1))
            _panel(panel, frame, lines, view, palette, measure=measure, limits=limits)
            panel.set(xlim=limits, ylim=(tall, 0))
            panel.set_xlabel(_axis(measure, scale))
        page.header(title or _finding(frame, measure), _subtitle(measure), gap=_above())
        if frame["value"].isna().any():
            page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    return page.ax


def _lines(frame: pd.DataFrame) -> list[tuple[str, str, float]]:
    """Rows from the top: (question, category, height of the row's middle); category "" is a heading."""
    questions = list(dict.fromkeys(frame["question"]))
    found: list[tuple[str, str, float]] = []
    y = 0.0
    for question in questions:
        if len(questions) > 1:
            found.append((question, "", y + HEAD / 2 + 2))
            y += HEAD
        for category in dict.fromkeys(frame.loc[frame["question"] == question, "category"]):
            found.append((question, category, y + ROW / 2))
            y += ROW
    return found


def _tall(lines: list[tuple[str, str, float]]) -> float:
    return lines[-1][2] + ROW / 2


def _find(frame: pd.DataFrame, question: str, category: str, view: str) -> Any:
    """The row of one category in one view, or None."""
    part = frame[(frame["question"] == question) & (frame["category"] == category) & (frame["view"] == view)]
    return rows(part)[0] if len(part) else None


def _panel(
    panel: Any, frame: pd.DataFrame, lines: list[tuple[str, str, float]], view: str,
    palette: Mapping[str, str], *, measure: str, limits: tuple[float, float],
) -> None:  # fmt: skip
    for question, category, y in lines:
        if not category:
            continue
        panel.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
        row = _find(frame, question, category, view)
        if row is None:
            panel.text(
                limits[0], y - 1, " " + t("does not apply"), fontsize=style.SMALL, color=style.MUTED, va="bottom"
            )
        elif not known(row.value):
            panel.text(limits[0], y - 1, " " + HIDDEN, color=style.MUTED, va="bottom", gid="hidden")
        else:
            if view == ANSWERED:
                _ghost(panel, _find(frame, question, category, FINAL), row, y)
            point(panel, y, row.value, row.low, row.high, colour=palette.get(category, style.MUTED), size=7.5)
            before = _find(frame, question, category, FINAL) if view == ANSWERED else None
            _labels(panel, row, y, before, measure=measure, limits=limits)
    panel.set_title(_view(view), loc="left", fontsize=style.BASE, pad=7, linespacing=1.2)
    ticks, texts = (style.percent_ticks if measure == "top" else style.number_ticks)(*limits, most=5)
    panel.set_xticks(ticks, texts)
    panel.grid(axis="x")
    named = [(y, category or question, not category) for question, category, y in lines]
    panel.set_yticks([y for y, _, _ in named], [""] * len(named))
    if view == FINAL:
        panel.set_yticklabels([style.wrap(label(name), 112, lines=2) for _, name, _ in named])
        for text, (_, _, heading) in zip(panel.get_yticklabels(), named, strict=True):
            text.set_fontweight("bold" if heading else "normal")


def _view(view: str) -> str:
    """Title of a panel, as wide as the panel is."""
    titles = {FINAL: t("What happened in the end"), ANSWERED: t("What had happened at the answer")}
    return style.wrap(titles[view], 190, style.BASE, bold=True)


def _above() -> float:
    """Points that the titles of the panels take."""
    return 18.0 + 11.5 * max(_view(view).count("\n") + 1 for view in (FINAL, ANSWERED))


def _ghost(panel: Any, before: Any, row: Any, y: float) -> None:
    """The value of the final view as a hollow mark, tied to the value here."""
    if before is None or not known(before.value):
        return
    panel.plot(
        [before.value, row.value], [y, y], color=style.OPEN_EDGE, linewidth=1.0, linestyle=(0, (1.5, 1.5)), zorder=1.5
    )
    panel.plot(
        [before.value], [y], "o", markersize=6.5, markerfacecolor=style.PAPER, markeredgecolor=style.MUTED,
        markeredgewidth=1.1, gid="ghost", zorder=1.9, clip_on=False,
    )  # fmt: skip


def _labels(panel: Any, row: Any, y: float, before: Any, *, measure: str, limits: tuple[float, float]) -> None:
    """Value above the point, n below it; the difference beside the value where there is one."""
    text = _write(row.value, measure)
    if before is not None and known(before.value):
        gap = row.value - before.value
        change = points(100 * gap, 1) if measure == "top" else points(gap, 2)
        text = f"{text} ({change})"
    share = (row.value - limits[0]) / max(limits[1] - limits[0], 1e-9)
    side = "left" if share < 0.2 else "right" if share > 0.8 else "center"
    n = t("n = {n}", n=int(row.n)) if known(row.n) else ""
    for words, move, edge, colour in (
        (text, 5, "bottom", style.INK), (n, -5, "top", style.MUTED)
    ):  # fmt: skip
        panel.annotate(
            words, (row.value, y), xytext=(0, move), textcoords="offset points", ha=side, va=edge,
            fontsize=style.SMALL, color=colour, gid="label" if move > 0 else "n",
        )  # fmt: skip


def _range(frame: pd.DataFrame, measure: str, scale: tuple[float, float] | None) -> tuple[float, float]:
    """Axis around all intervals, with room for labels, within the scale."""
    low = float(frame[["value", "low"]].min().min())
    high = float(frame[["value", "high"]].max().max())
    ends = (0.0, 1.0) if measure == "top" else scale
    pad = max(0.10 * (high - low), 0.05 * ((ends[1] - ends[0]) if ends else 1.0))
    low, high = low - pad, high + pad
    return (max(low, ends[0]), min(high, ends[1])) if ends else (low, high)


def _write(value: float, measure: str) -> str:
    return percent(value) if measure == "top" else number(value, 2)


def _axis(measure: str, scale: tuple[float, float] | None) -> str:
    if measure == "top":
        return t("share of the best answers")
    if scale is None:
        return t("mean score")
    return t("mean score, from {low} to {high}", low=number(scale[0]), high=number(scale[1]))


def _finding(frame: pd.DataFrame, measure: str) -> str:
    """Title: the category whose two values are furthest apart."""
    pairs = [
        (abs(row.value - before.value), row, before)
        for row in rows(frame[frame["view"] == ANSWERED])
        if known(row.value)
        and (before := _find(frame, row.question, row.category, FINAL)) is not None
        and known(before.value)
    ]
    if not pairs:
        return t("Scores by what happened")
    gap, row, before = max(pairs, key=lambda pair: pair[0])
    if gap < (0.0005 if measure == "top" else 0.005):
        return t("{question}: both views give the same scores", question=short(row.question))
    return t(
        "{question}, {category}: {x} by what happened in the end, {y} by what had happened when people answered",
        question=short(row.question), category=short(row.category), x=_write(before.value, measure),
        y=_write(row.value, measure),
    )  # fmt: skip


def _subtitle(measure: str) -> str:
    first = t("Share of the best answers") if measure == "top" else t("Mean score")
    return t(
        "{measure} with 95 % intervals. Hollow: the value of the left panel; in brackets: the difference.",
        measure=first,
    )
