"""Cohort triangle: share of each cohort still active, by age; what time has not shown yet is blank.

A cell is "not yet observable" if no cohort as recent has been followed to that age; it is hatched, not
pale, because pale would read as a low share. A cell that is observable but hidden shows a dot. The
weighted average stands apart, with its interval, and never mixes in cells that nobody can have reached.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.patches import Patch

from cjlib.core.gate import ALL
from cjlib.core.result import HIDDEN
from cjlib.core.text import number, percent, t
from cjlib.plots import style
from cjlib.plots.sheet import Sheet, empty, sheet
from cjlib.plots.style import count, known, label

MOST_COHORTS, MOST_AGES, MOST_NUMBERED = 24, 24, 13
ROW, AVERAGE_ROW, GAP = 19.0, 28.0, 9.0  # points
ABSENT_HATCH = "#d5dce0"


def draw(table: pd.DataFrame, *, unit: str = "customer", title: str = "", ax: Any = None) -> Any:
    """Draw a cohort retention triangle with the number in each cell.

    Parameters
    ----------
    table : DataFrame
        Columns `cohort, age` (whole periods), `n_at_risk, share, ci_low, ci_high`; shares from 0 to 1.
        Rows of cohort "(all)" are the weighted average. Missing shares are cells that are hidden or not
        yet observable. The first column of the figure is the size of the cohort; age 0 is left out
        where it is 100 % by definition.
    unit : str
        What is counted, singular.
    title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> cells = {"cohort": ["2026-01"] * 3 + ["2026-02"] * 3, "age": [0, 1, 2] * 2}
    >>> people = {"n_at_risk": [40, 40, 40, 50, 50, None], "share": [1, 0.5, 0.25, 1, 0.4, None]}
    >>> ax = draw(pd.DataFrame({**cells, **people, "ci_low": None, "ci_high": None}))
    >>> [text.get_text() for text in ax.texts if text.get_gid() == "cell"]
    ['50%', '25%', '40%']
    """
    frame = table.assign(cohort=table["cohort"].astype(str))
    ages = sorted({int(age) for age in frame["age"].dropna()})
    cohorts = [cohort for cohort in dict.fromkeys(frame["cohort"]) if cohort != ALL][-MOST_COHORTS:]
    grid = _grid(frame, cohorts, ages, "share")
    if not cohorts or not np.isfinite(grid).any():
        return empty(ax, t("No data to draw: no cohort has been followed long enough, or all are too small."))
    sizes = _grid(frame, cohorts, ages, "n_at_risk")
    skip = 1 if len(ages) > 1 and np.nanmin(np.where(np.isfinite(grid[:, :1]), grid[:, :1], 1.0)) == 1.0 else 0
    shown = slice(skip, skip + MOST_AGES)
    average = frame[frame["cohort"] == ALL].set_index("age")
    below = GAP + AVERAGE_ROW if len(average) else 0.0
    with sheet(ax, body=(len(cohorts) * ROW + below) / 72) as page:
        painter = _Painter(page.ax, grid[:, shown], ages[shown])
        painter.cells(_observable(sizes)[:, shown])
        if len(average):
            painter.average(average, len(cohorts))
        _sides(page.ax, cohorts, ages[shown], sizes[:, 0], unit, average=len(average) > 0)
        page.header(
            title or _finding(average, cohorts, ages, grid),
            t("Share of each cohort still active, by age. The average weights each cohort by its size."),
            keys=painter.keys(), gap=18,
        )  # fmt: skip
        _notes(page, frame, cohorts, ages, hidden=painter.hidden)
    return page.ax


def _grid(frame: pd.DataFrame, cohorts: list[str], ages: list[int], column: str) -> Any:
    """Values as an array (cohorts, ages), NaN where missing."""
    values = np.full((len(cohorts), len(ages)), np.nan)
    rows, columns = {name: k for k, name in enumerate(cohorts)}, {age: k for k, age in enumerate(ages)}
    for cohort, age, value in zip(frame["cohort"], frame["age"], frame[column], strict=True):
        if cohort in rows and known(age) and known(value):
            values[rows[cohort], columns[int(age)]] = float(value)
    return values


def _observable(sizes: Any) -> Any:
    """Cells that some cohort at least as recent has been followed to: older ones must have been, too."""
    seen = np.isfinite(sizes)
    return np.logical_or.accumulate(np.logical_or.accumulate(seen[::-1, ::-1], axis=0), axis=1)[::-1, ::-1]


class _Painter:
    """Cells of one triangle; one unit of y is a point, one unit of x is a period."""

    def __init__(self, ax: Any, grid: Any, ages: list[int]) -> None:
        self.ax, self.grid, self.ages = ax, grid, ages
        self.hidden = False
        self.numbered = len(ages) <= MOST_NUMBERED
        finite = grid[np.isfinite(grid)]
        self.top = max(float(finite.max()) if finite.size else 1.0, 0.01)
        self.low = min(float(finite.min()) if finite.size else 0.0, self.top * 0.6)
        self.map = LinearSegmentedColormap.from_list("cjlib", style.SEQUENCE)

    def colour(self, share: float) -> str:
        return str(to_hex(self.map((share - self.low) / (self.top - self.low))))

    def box(self, column: int, y: float, tall: float, **options: Any) -> None:
        self.ax.bar(column, tall - 1.2, width=0.97, bottom=y + 0.6, **{"linewidth": 0, **options})

    def cells(self, observable: Any) -> None:
        for row, column in np.ndindex(*self.grid.shape):
            share, y = self.grid[row, column], row * ROW
            if np.isfinite(share):
                colour = self.colour(share)
                self.box(column, y, ROW, color=colour, label="cell")
                if self.numbered:
                    self.write(column, y + ROW / 2, percent(share, 0), style.text_on(colour), "cell")
            elif observable[row, column]:
                self.hidden = True
                self.write(column, y + ROW / 2, HIDDEN, style.MUTED, "hidden")
        for column in range(self.grid.shape[1]):  # one patch per column: immature cells are at its foot
            blank = np.flatnonzero(~observable[:, column] & ~np.isfinite(self.grid[:, column]))
            if blank.size:
                self.box(
                    column, blank[0] * ROW, blank.size * ROW, facecolor=style.ABSENT, edgecolor=ABSENT_HATCH,
                    hatch="////", label="absent",
                )  # fmt: skip

    def write(self, x: float, y: float, text: str, colour: str, gid: str, **options: Any) -> None:
        settings = {"fontsize": style.SMALL, "ha": "center", "va": "center", "color": colour, "gid": gid}
        self.ax.text(x, y, text, **{**settings, **options})

    def keys(self) -> list[Patch]:
        """Legend: the blank cells, and three steps of the scale where no numbers stand in the cells."""
        blank: dict[str, Any] = {
            "facecolor": style.ABSENT,
            "edgecolor": ABSENT_HATCH,
            "hatch": "////",
            "linewidth": 0,
        }
        found = [Patch(**blank, label=t("not yet observable"))]
        if not self.numbered:
            steps = (self.low, (self.low + self.top) / 2, self.top)
            found = [Patch(color=self.colour(step), label=percent(step, 0)) for step in steps] + found
        return found

    def average(self, average: pd.DataFrame, n_cohorts: int) -> None:
        """The weighted average, larger and apart, with the limits of its interval below the number."""
        y = n_cohorts * ROW + GAP
        for column, age in enumerate(self.ages):
            if age not in average.index or not known(average.loc[age, "share"]):
                continue
            share = count(average.loc[age, "share"])
            colour = self.colour(min(max(share, self.low), self.top))
            self.box(column, y, AVERAGE_ROW, color=colour, label="average")
            if not self.numbered:
                continue
            ink = style.text_on(colour)
            low, high = average.loc[age, "ci_low"], average.loc[age, "ci_high"]
            limits = known(low) and known(high)
            self.write(
                column,
                y + (9.0 if limits else AVERAGE_ROW / 2),
                percent(share, 0),
                ink,
                "average",
                weight="bold",
            )
            if limits:
                text = f"{number(100 * count(low))}–{number(100 * count(high))}"
                self.write(column, y + 20.0, text, ink, "interval")


def _sides(ax: Any, cohorts: list[str], ages: list[int], sizes: Any, unit: str, *, average: bool) -> None:
    places = [(row + 0.5) * ROW for row in range(len(cohorts))]
    names = [style.wrap(label(cohort), 110, lines=1) for cohort in cohorts]
    if average:
        places.append(len(cohorts) * ROW + GAP + AVERAGE_ROW / 2)
        names.append(t("weighted average"))
    for place, size in zip(places, sizes, strict=False):
        ax.annotate(
            number(size) if known(size) else HIDDEN, (0, place), xycoords=("axes fraction", "data"), ha="right",
            xytext=(-8, 0), textcoords="offset points", va="center", fontsize=style.SMALL, color=style.MUTED, gid="n",
        )  # fmt: skip
    ax.annotate(
        t(unit + "s"), (0, 1), xycoords="axes fraction", xytext=(-8, 5), textcoords="offset points", ha="right",
        va="bottom", fontsize=style.SMALL, color=style.MUTED,
    )  # fmt: skip
    ax.set_yticks(places, names)
    room = max([style.text_width(number(count(size)), style.SMALL) for size in sizes] + [30.0])
    ax.tick_params(axis="y", pad=16 + max(room, style.text_width(t(unit + "s"), style.SMALL)))
    ax.set_xticks(range(len(ages)), [number(age) for age in ages])
    bottom = len(cohorts) * ROW + (GAP + AVERAGE_ROW if average else 0)
    ax.set(xlim=(-0.5, len(ages) - 0.5), ylim=(bottom, 0))
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel(t("months since the first activity"))


def _finding(average: pd.DataFrame, cohorts: list[str], ages: list[int], grid: Any) -> str:
    """Title: the weighted average at the oldest age that at least three cohorts have reached."""
    solid = [age for place, age in enumerate(ages) if np.isfinite(grid[:, place]).sum() >= min(3, len(cohorts))]
    at = [age for age in solid if age > 0 and age in average.index and known(average.loc[age, "share"])]
    if not at:
        return t("Share of each cohort still active")
    row: Any = average.loc[at[-1]]
    return t(
        "After {n} months, {x} of a cohort are still active",
        n=at[-1],
        x=style.rate(row["share"], row["ci_low"], row["ci_high"]),
    )


def _notes(page: Sheet, frame: pd.DataFrame, cohorts: list[str], ages: list[int], *, hidden: bool) -> None:
    if hidden:
        page.note(t("{sign} Too few people to be shown.", sign=HIDDEN))
    more = frame["cohort"].nunique() - len(cohorts) - int((frame["cohort"] == ALL).any())
    if more or len(ages) > MOST_AGES + 1:
        page.note(t("Older cohorts and ages are in the table."))
