"""Marks that several figures share: point with interval, text beside a row."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cjlib.plots import style
from cjlib.plots.style import known


def rows(frame: pd.DataFrame) -> list[Any]:
    """Rows of a table as named tuples."""
    return list(frame.itertuples(index=False))


def point(
    ax: Any, y: float, value: float, low: float, high: float, *, colour: str = style.INK, size: float = 5.5
) -> None:
    """Point and interval on a white casing, so that both read on a bar as well as on paper.

    Nothing is drawn where the value is unknown; the interval is drawn wherever it is known.
    """
    if not known(value):
        return
    if known(low) and known(high):
        ax.plot([low, high], [y, y], color=style.PAPER, linewidth=4.2, solid_capstyle="round")
        ax.plot([low, high], [y, y], color=colour, linewidth=1.7, gid="interval")
    ax.plot(
        [value], [y], "o", color=colour, markersize=size, markeredgecolor=style.PAPER, markeredgewidth=1.1,
        gid="point", clip_on=False, zorder=4,
    )  # fmt: skip


def beside(ax: Any, y: float, x: float, text: str, side: str, **options: Any) -> None:
    """Text level with `y`, `x` points right of the plot; `side` is the edge of the text that stands there."""
    settings = {"color": style.MUTED, "fontsize": style.SMALL, **options}
    ax.annotate(
        text, (1, y), xycoords=("axes fraction", "data"), xytext=(x, 0), textcoords="offset points",
        ha=side, va="center", **settings,
    )  # fmt: skip


def head(ax: Any, x: float, text: str, side: str) -> None:
    """Heading of a column of texts made by `beside`."""
    ax.annotate(
        text, (1, 1), xycoords="axes fraction", xytext=(x, 6), textcoords="offset points", ha=side,
        va="bottom", color=style.MUTED, fontsize=style.SMALL,
    )  # fmt: skip
