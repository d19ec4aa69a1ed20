"""Data quality: rows of each file that were used and set aside, or rows that a check concerns."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.patches import Patch

from cjlib.core.text import number, percent, t, tn
from cjlib.plots import style
from cjlib.plots.marks import beside, head, rows
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.style import count, known, label

ROW = 21.0  # points
ASIDE = "#b4530a"
MOST_ROWS = 24


def draw(table: pd.DataFrame, *, title: str = "", ax: Any = None) -> Any:
    """Draw one thin bar per file (or check): the share of its rows that is set aside (or concerned).

    Parameters
    ----------
    table : DataFrame
        Either `file, rows_in, rows_used` (one row per file), or `check, n, of` (rows that the check
        concerns, of how many). Rows whose total is unknown or 0 are listed without a bar.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> files = {"file": ["web.csv", "crm.csv"], "rows_in": [1000, 200], "rows_used": [990, 200]}
    >>> draw(pd.DataFrame(files)).get_title(loc="left")
    '1,190 of 1,200 rows used, 10 set aside'
    """
    by_file = "rows_in" in table
    total = table["rows_in" if by_file else "of"]
    aside = total - table["rows_used"] if by_file else table["n"]
    frame = pd.DataFrame({"name": table.iloc[:, 0] if not by_file else table["file"], "of": total, "n": aside})
    shown = frame.head(MOST_ROWS)
    if shown.empty:
        return empty(ax)
    with sheet(ax, body=len(shown) * ROW / 72) as page:
        for place, row in enumerate(rows(shown)):
            _row(page.ax, (place + 0.5) * ROW, row)
        places = [(place + 0.5) * ROW for place in range(len(shown))]
        page.ax.set_yticks(places, [style.wrap(label(name), 170, lines=1) for name in shown["name"]])
        page.ax.set(xlim=(0, 1), ylim=(len(shown) * ROW, 0))
        ticks, texts = style.percent_ticks(0, 1)
        page.ax.set_xticks(ticks, texts)
        page.ax.set_xlabel(t("share of the rows"))
        page.ax.spines["bottom"].set_visible(False)
        page.ax.grid(axis="x")
        head(page.ax, 58, t("rows"), "right")
        head(page.ax, 70, t("set aside") if by_file else t("concerned"), "left")
        words = (t("used"), t("set aside")) if by_file else (t("not concerned"), t("concerned"))
        keys = [
            Patch(color=style.EVERYBODY if by_file else style.OUT, label=words[0]),
            Patch(color=ASIDE, label=words[1]),
        ]
        page.header(title or _finding(frame, by_file=by_file), keys=keys, gap=20)
        if len(frame) > len(shown):
            page.note(tn("{n} more row is in the table.", "{n} more rows are in the table.", len(frame) - len(shown)))
    return page.ax


def _row(ax: Any, y: float, row: Any) -> None:
    """A bar of 100 %, what is set aside first seen from the right, and the counts in figures."""
    if not known(row.of) or not count(row.of):
        beside(ax, y, 58, number(count(row.of)) if known(row.of) else number(None), "right", gid="of")
        return
    part = count(row.n) / count(row.of)
    ax.barh(y, 1 - part, height=ROW * 0.55, color=style.EVERYBODY, label="used")
    if part:
        ax.barh(y, part, left=1 - part, height=ROW * 0.55, color=ASIDE, label="aside")
    beside(ax, y, 58, number(count(row.of)), "right", color=style.INK, gid="of")
    text = number(count(row.n)) if known(row.n) else number(None)
    if known(row.n) and row.n:
        text = f"{text} ({_share(part)})"
    beside(ax, y, 70, text, "left", color=ASIDE if part else style.MUTED, gid="n")


def _share(part: float) -> str:
    """Share with enough digits not to read 0 where it is not."""
    return t("< {x}", x=percent(0.0001, 2)) if part < 0.00005 else percent(part, 2 if part < 0.01 else 1)


def _finding(frame: pd.DataFrame, *, by_file: bool) -> str:
    aside, of = (int(sum(count(value) for value in frame[name])) for name in ("n", "of"))
    if by_file:
        if not aside:
            return t("All {n} rows used, none set aside", n=of)
        return t("{used} of {n} rows used, {aside} set aside", used=of - aside, n=of, aside=aside)
    concerned = sum(count(value) > 0 for value in frame["n"])
    return t("{n} of {of} checks concern some rows", n=int(concerned), of=len(frame))
