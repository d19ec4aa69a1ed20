"""The observed curve, the law fitted to it, and the plateau where the follow-up shows one."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from cjlib.core.text import interval, percent, t
from cjlib.plots import style
from cjlib.plots.curve import BODY, curve_axes, people_at_risk, step_curve
from cjlib.plots.sheet import empty, sheet
from cjlib.plots.steps import series_of

_DASHED = (0, (5, 2.5))


def draw(
    table: pd.DataFrame,
    fitted: pd.DataFrame,
    *,
    family: str,
    plateau: tuple[float, float, float] | None = None,
    origin: str = "",
    min_people: int = 5,
    ax: Any = None,
) -> Any:
    """Draw the share with the outcome, the fitted law dashed over it, and a band where it ends.

    Parameters
    ----------
    table : DataFrame
        As in `cjlib.plots.curve.draw`, one group.
    fitted : DataFrame
        `time_days, estimate`.
    family : str
        Name of the fitted law as printed.
    plateau : (estimate, low, high), optional
        Share that will ever have the outcome, 0 to 1.
    origin, min_people, ax
        As in `cjlib.plots.curve.draw`.

    Returns
    -------
    Axes

    Examples
    --------
    >>> steps = {"group": "(all)", "outcome": "purchase", "time_days": [0.0, 3.0, 30.0]}
    >>> rows = {"n_at_risk": [90, 90, 40], "estimate": [0.0, 0.2, 0.41], "ci_low": [0, 0.1, 0.3]}
    >>> fitted = pd.DataFrame({"time_days": [0.0, 30.0], "estimate": [0.0, 0.4]})
    >>> ax = draw(pd.DataFrame({**steps, **rows, "ci_high": [0, 0.3, 0.5]}), fitted, family="Weibull",
    ...           plateau=(0.42, 0.35, 0.5))
    >>> ax.get_title(loc="left")
    '58.0% will never have purchase (50.0% to 65.0%)'
    """
    shown = series_of(table, "incidence", min_people, None, most=1)[:1]
    if not shown:
        return empty(ax, t("No data to draw: at no time are enough people at risk."))
    observed, outcome = shown[0], style.short(table["outcome"].iloc[0])
    known = fitted[fitted["estimate"].notna() & (fitted["time_days"] <= observed.end[0] * 1.001)]
    with sheet(ax, body=BODY) as page:
        curve_axes(
            page,
            shown,
            kind="incidence",
            scale="linear",
            origin=origin,
            horizons=(),
            least=plateau[2] if plateau else 0,
        )
        step_curve(page.ax, observed, bands=True)
        page.ax.plot(known["time_days"], known["estimate"], color=style.INK, linestyle=_DASHED, linewidth=1.4,
                     zorder=4, gid="fitted")  # fmt: skip
        keys = [Line2D([], [], color=observed.colour, label=t("observed, with 95 % band"))]
        if len(known):
            keys.append(Line2D([], [], color=style.INK, linestyle=_DASHED, label=t("fitted: {family}", family=family)))
        title = t("Had {outcome} so far: {share}", outcome=outcome, share=percent(observed.end[1]))
        if plateau is not None:
            never, low, high = (1 - value for value in (plateau[0], plateau[2], plateau[1]))
            title = t("{share} will never have {outcome} ({ci})", share=percent(never), outcome=outcome,
                      ci=interval(low, high, percent))  # fmt: skip
            keys.append(Line2D([], [], color=style.PALETTE[1], label=t("who ever will, with 95 % interval")))
            page.ax.axhspan(plateau[1], plateau[2], color=style.PALETTE[1], alpha=0.18, linewidth=0, zorder=0.6)
            page.ax.axhline(plateau[0], color=style.PALETTE[1], linewidth=1.4, zorder=2.5, gid="plateau")
        people_at_risk(page, table, shown, min_people)
        page.header(
            title, t("Share that has had the outcome “{outcome}” over time.", outcome=outcome), keys=keys, gap=18
        )
        if observed.cut:
            page.note(t("The curve ends where fewer than {k} people are at risk.", k=min_people))
    return page.ax
