"""One figure in the making: header, plot area, foot, and room for every label.

The width is fixed; the height follows from what the figure holds: a module asks for the height of the
plot area, and `sheet` adds the margins that titles, labels and notes turn out to need, so nothing is
ever cut. On Axes that the caller brings, the layout is the caller's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.legend import Legend
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from cjlib.core.text import t
from cjlib.plots.style import BASE, EDGE, MUTED, RC, SMALL, TITLE, WIDTH, balance, text_width, wrap


@dataclass
class Sheet:
    """One figure in the making: the Axes, whether the figure is ours, its plot height in inches."""

    ax: Any
    own: bool
    body: float
    notes: list[str] = field(default_factory=list)

    @property
    def width(self) -> float:
        """Points available to a line of text."""
        if self.own:
            return 72 * WIDTH - 2 * EDGE
        return float(self.ax.get_window_extent().width) * 72 / float(self.ax.figure.dpi)

    @property
    def height(self) -> float:
        """Height of the plot area in points."""
        return 72 * self.body if self.own else float(self.ax.get_window_extent().height) * 72 / self.ax.figure.dpi

    def header(self, title: str, subtitle: str = "", *, keys: Sequence[Any] = (), gap: float = 8.0) -> None:
        """Title (the finding), subtitle (what is drawn) and a legend line, flush left above the plot.

        `keys` are matplotlib legend handles with labels; `gap` is the room in points kept between
        the plot area and the lowest of the three.
        """
        ax = self.ax
        x = (EDGE / (72 * WIDTH), "figure fraction") if self.own else (0.0, "axes fraction")
        across = blended_transform_factory(ax.figure.transFigure if self.own else ax.transAxes, ax.transAxes)
        up = gap
        for row in reversed(self._key_rows(keys)):
            move = ScaledTranslation(0, up / 72, ax.figure.dpi_scale_trans)
            made = Legend(
                ax, row, [key.get_label() for key in row], loc="lower left", ncols=len(row),
                bbox_to_anchor=(x[0], 1.0), bbox_transform=across + move,
            )  # fmt: skip
            ax.add_artist(made)
            up += 14
        up += 2 if keys else 0
        if subtitle:
            text = balance(subtitle, self.width, BASE)
            ax.annotate(
                text, (x[0], 1.0), xycoords=(x[1], "axes fraction"), xytext=(0, up), textcoords="offset points",
                color=MUTED, fontsize=BASE, ha="left", va="bottom", linespacing=1.25,
            )  # fmt: skip
            up += 12.5 * (text.count("\n") + 1) + 6
        made = ax.set_title(balance(title, self.width, TITLE, bold=True), loc="left", pad=0, linespacing=1.2)
        made.set_transform(across + ScaledTranslation(0, up / 72, ax.figure.dpi_scale_trans))
        made.set_x(x[0])

    def _key_rows(self, keys: Sequence[Any]) -> list[list[Any]]:
        rows: list[list[Any]] = []
        used = math.inf
        for key in keys:
            room = text_width(key.get_label(), SMALL) + 30
            if used + room > self.width:
                rows.append([])
                used = 0.0
            rows[-1].append(key)
            used += room
        return rows

    def note(self, text: str) -> None:
        """Add a line under the figure, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _foot(self) -> None:
        ax = self.ax
        points = 72 / ax.figure.dpi
        box, plot = _extent(ax), ax.get_window_extent()
        down = (plot.y0 - box.y0) * points + 9
        for note in self.notes:
            text = wrap(note, self.width, SMALL)
            x = EDGE / (72 * WIDTH) if self.own else 0.0
            ax.annotate(
                text, (x, 0.0), xycoords=("figure fraction" if self.own else "axes fraction", "axes fraction"),
                xytext=(0, -down), textcoords="offset points", color=MUTED, fontsize=SMALL, ha="left", va="top",
                linespacing=1.25,
            )  # fmt: skip
            down += 11.5 * (text.count("\n") + 1) + 2

    def finish(self) -> None:
        """Write the notes and give every label the room it needs (only in a figure of ours)."""
        if self.own:
            self._fit()
        self._foot()
        if self.own:  # again: narrower axes can make room, or need it
            self._fit()

    def _fit(self) -> None:
        ax, figure = self.ax, self.ax.figure
        box = _extent(ax)
        plot = ax.get_window_extent()
        margin = EDGE / 72
        left, below = (plot.x0 - box.x0) / figure.dpi + margin, (plot.y0 - box.y0) / figure.dpi + margin
        right, above = (box.x1 - plot.x1) / figure.dpi + margin, (box.y1 - plot.y1) / figure.dpi + margin
        height = below + self.body + above
        figure.set_size_inches(WIDTH, height)
        ax.set_position((left / WIDTH, below / height, (WIDTH - left - right) / WIDTH, self.body / height))


def _extent(ax: Any) -> Any:
    """Box around everything of `ax`, in pixels, including child axes and text outside of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        return ax.get_tightbbox(ax.figure.canvas.get_renderer())


@contextmanager
def sheet(ax: Any, *, body: float) -> Iterator[Sheet]:
    """Draw on `ax`, or on a new figure whose plot area is `body` inches high; laid out on leaving."""
    with mpl.rc_context(RC):
        made = None if ax is not None else plt.figure(figsize=(WIDTH, body + 1))
        try:
            if made is not None:
                edge = EDGE / 72
                ax = made.add_axes((edge / WIDTH, edge / (body + 1), 1 - 2 * edge / WIDTH, body / (body + 1)))
            drawn = Sheet(ax=ax, own=made is not None, body=body)
            yield drawn
            drawn.finish()
        except BaseException:
            if made is not None:
                plt.close(made)
            raise


def empty(ax: Any, reason: str = "") -> Any:
    """Axes that say that there is nothing to draw, and why."""
    with sheet(ax, body=0.7) as page:
        page.ax.set_axis_off()
        page.ax.text(
            0.5, 0.5, wrap(reason or t("No data to draw."), page.width), transform=page.ax.transAxes,
            ha="center", va="center", color=MUTED,
        )  # fmt: skip
    return page.ax
