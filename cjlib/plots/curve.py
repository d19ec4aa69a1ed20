"""Curves over time: share that has had the outcome (incidence), share still there (survival), mean number.

Steps with a band, each named at its end, and the number at risk below. No step is drawn where fewer
than `min_people` are at risk: the curve ends there, because what follows rests on almost nobody and
would point at single people. Long curves are thinned to what a screen can show (see `thinned`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from cjlib.core import checks
from cjlib.core.result import HIDDEN
from cjlib.core.text import UNKNOWN, days, number, percent, t, tn
from cjlib.plots import style
from cjlib.plots.sheet import Sheet, empty, sheet
from cjlib.plots.steps import Series, series_of, thinned, until, value_at
from cjlib.plots.style import known, rate, short

MOST_LABELLED, MOST_DRAWN = 4, 7
BODY = 2.75  # inches
BEYOND = 1.5  # times the last horizon: as far as the axis goes
LINE_BINS, BAND_BINS = 220, 110  # a page shows some 520 px of curve
_STEPS = (1 / 24, 0.125, 0.25, 0.5, 1, 2, 5, 7, 10, 14, 20, 30, 60, 90, 180, 365, 730, 1825, 3650)


def draw(
    table: pd.DataFrame,
    *,
    kind: Literal["incidence", "survival", "mean"] = "incidence",
    origin: str = "",
    horizons: Sequence[float] = (),
    naive: pd.DataFrame | None = None,
    censored: pd.DataFrame | None = None,
    scale: Literal["linear", "log"] = "linear",
    min_people: int = 5,
    colours: Mapping[str, str] | None = None,
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw cumulative incidence or survival as steps with bands and the number at risk below.

    Parameters
    ----------
    table : DataFrame
        Columns `group, time_days, n_at_risk, estimate, ci_low, ci_high` and, for incidence, `outcome`;
        shares from 0 to 1. With several groups only the first outcome is drawn.
    kind : {"incidence", "survival", "mean"}
        Whether the share starts at 0 and rises, or at 1 and falls; or a mean number that rises from 0.
    origin : str
        Event that starts the clock, for the axis label.
    horizons : sequence of float, days
        Vertical lines; the title speaks of the last one that the curves reach.
    naive : DataFrame, optional
        The wrong curve, for comparison, dashed: `time_days, estimate` (and `group`, `outcome`). With
        `horizon_days, naive` (the main table of time to event) only its values at the horizons are
        marked, since nothing is known between them.
    censored : DataFrame, optional
        `group, time_days`: ticks on the curve where people were last seen.
    scale : {"linear", "log"}
        Axis of time.
    min_people : int
        Smallest number at risk at which a step is drawn.
    colours, title, ax
        As in `cjlib.plots.funnel.draw`.

    Returns
    -------
    Axes
        With a child axes for the number at risk.

    Raises
    ------
    ParameterError
        CJ-E04 for an unknown `kind` or `scale`.

    Examples
    --------
    >>> steps = {"group": "(all)", "outcome": "purchase", "time_days": [0.0, 3.0, 30.0]}
    >>> curve = {"n_at_risk": [90, 90, 40], "estimate": [0.0, 0.2, 0.41], "ci_low": [0, 0.1, 0.3]}
    >>> ax = draw(pd.DataFrame({**steps, **curve, "ci_high": [0, 0.3, 0.5]}), horizons=[30])
    >>> ax.get_title(loc="left")
    'After 30 days: purchase 41.0% (30.0 to 50.0)'
    """
    checks.one_of("kind", kind, ("incidence", "survival", "mean"))
    checks.one_of("scale", scale, ("linear", "log"))
    drawn = series_of(table, kind, min_people, colours, most=MOST_DRAWN)
    if not drawn:
        return empty(ax, t("No data to draw: at no time are enough people at risk."))
    limit = BEYOND * max(horizons, default=np.inf)
    shown = [until(series, limit) for series in drawn[:MOST_DRAWN]]
    marks = _naive_values(naive, shown)
    outcome = str(table["outcome"].iloc[0]) if "outcome" in table else ""
    with sheet(ax, body=BODY) as page:
        top = max([0.0, *(float(part["estimate"].max()) for part in marks.values())])
        curve_axes(page, shown, kind=kind, scale=scale, origin=origin, horizons=horizons, least=top)
        for series in shown:
            step_curve(page.ax, series, bands=len(shown) <= MOST_LABELLED)
            if series.group in marks:
                _naive(
                    page.ax, marks.pop(series.group), series, dashed="time_days" in (naive if naive is not None else ())
                )
        if censored is not None:
            _marks(page.ax, censored, shown)
        keys = _keys(shown, kind, naive=top > 0, censored=censored is not None)
        if len(shown) <= MOST_LABELLED:
            _end_labels(page, shown, kind)
        people_at_risk(page, table, shown, min_people)
        at = max((h for h in horizons if h <= max(s.end[0] for s in shown)), default=None)
        page.header(title or _finding(shown, outcome, kind, at), _subtitle(kind, shown, outcome), keys=keys, gap=18)
        _notes(page, drawn, shown, min_people)
    return page.ax


# --- drawing ----------------------------------------------------------------------------------------
def step_curve(ax: Any, series: Series, *, bands: bool) -> None:
    """Draw one step function on `ax`, with the band of its interval where `bands`."""
    band = thinned(series.rows.dropna(subset=["ci_low", "ci_high"]), BAND_BINS)
    ax.fill_between(
        band["time_days"], band["ci_low"], band["ci_high"], step="post", color=series.colour,
        alpha=0.15 if bands else 0.09, linewidth=0, label="band",
    )  # fmt: skip
    line = thinned(series.rows, LINE_BINS)
    ax.plot(
        line["time_days"], line["estimate"], drawstyle="steps-post", color=series.colour, label=series.name,
        gid="curve",
    )  # fmt: skip


def _naive_values(naive: pd.DataFrame | None, shown: list[Series]) -> dict[str, pd.DataFrame]:
    """Naive `time_days, estimate` by group (of its first outcome), where they tell anything."""
    if naive is None:
        return {}
    time = "time_days" if "time_days" in naive else "horizon_days"
    value = "naive" if "naive" in naive else "estimate"
    found: dict[str, pd.DataFrame] = {}
    for series in {series.group: series for series in reversed(shown)}.values():
        part = naive[naive["group"].astype(str) == series.group] if "group" in naive else naive
        if "outcome" in part and len(part):
            part = part[part["outcome"] == part["outcome"].iloc[0]]
        part = part[[time, value]].astype("float64").dropna().sort_values(time)
        part = part.set_axis(["time_days", "estimate"], axis=1)
        part = part[part["time_days"] <= series.end[0]]
        here = [value_at(series.rows, float(at)) for at in part["time_days"]]
        # Half a point apart at most: nothing ended in another way, the naive curve is the curve.
        if len(part) and (part["estimate"] - here).abs().max() > 0.005:
            found[series.group] = part
    return found


def _naive(ax: Any, part: pd.DataFrame, series: Series, *, dashed: bool) -> None:
    """Dashed curve, or hollow marks where only values at horizons are known."""
    if dashed:
        line = thinned(part, LINE_BINS)
        ax.plot(
            line["time_days"], line["estimate"], drawstyle="steps-post", color=series.colour, linewidth=1.2,
            linestyle=(0, (4, 2.5)), gid="naive",
        )  # fmt: skip
        return
    ax.plot(
        part["time_days"], part["estimate"], linestyle="none", marker="D", markersize=5, markerfacecolor=style.PAPER,
        markeredgecolor=series.colour, markeredgewidth=1.2, gid="naive", zorder=4, clip_on=False,
    )  # fmt: skip


def _marks(ax: Any, censored: pd.DataFrame, shown: list[Series]) -> None:
    for series in shown:
        times = censored.loc[censored["group"].astype(str) == series.group, "time_days"].astype("float64")
        times = times[times <= series.end[0]]
        times = times.groupby((times / max(series.end[0], 1e-9) * LINE_BINS).round()).first()
        heights = [value_at(series.rows, time) for time in times]
        ax.plot(times, heights, "|", color=series.colour, markersize=6, markeredgewidth=0.9, gid="censored")


def curve_axes(
    page: Sheet, shown: list[Series], *, kind: str, scale: str, origin: str, horizons: Sequence[float], least: float
) -> None:
    """Set limits, ticks, grid and labels of the page for the curves `shown`, from `least` height up."""
    ax = page.ax
    longest = max([series.end[0] for series in shown] + [1e-3])
    wanted = [h for h in horizons if h <= longest * 1.02]
    longest = max([longest, *wanted])
    hours = longest < 2
    low, ticks = 0.0, _day_ticks(longest)
    texts = [_tick(tick, hours=hours) for tick in ticks]
    unit = t("hours") if hours else t("days")
    if scale == "log":
        low = max(min(_first_step(series) for series in shown), longest / 1000) / 2
        ax.set_xscale("log")
        ticks = [tick for tick in (1 / 24, 0.25, 1, 7, 30, 90, 365, 1095) if low <= tick <= longest]
        texts, unit = [_time(tick) for tick in ticks], t("time")
    ax.set_xlim(low, longest)
    ax.set_xticks(ticks, texts)
    ax.minorticks_off()
    what = t("{unit} since {event}", unit=unit, event=short(origin)) if origin else unit
    ax.set_xlabel(t("{what} (logarithmic axis)", what=what) if scale == "log" else what)
    top = 1.0
    if kind != "survival":
        highest = max([least, *(float(s.rows[["estimate", "ci_high"]].max().max()) for s in shown)])
        top = min(1.0 if kind == "incidence" else math.inf, max(highest * 1.12, 0.01))
    heights, texts = style.number_ticks(0, top) if kind == "mean" else style.percent_ticks(0, top)
    ax.set_ylim(0, top)
    ax.set_yticks(heights, texts)
    ax.tick_params(axis="y", labelsize=style.SMALL, labelcolor=style.MUTED)
    ax.grid(axis="y")
    _horizons(ax, wanted)


def _horizons(ax: Any, wanted: Sequence[float]) -> None:
    """Dotted lines, named above the plot; a name that would touch the next one is left out."""
    to_fraction = ax.transScale + ax.transLimits
    next_at = 9.0
    for horizon in sorted(wanted, reverse=True):
        ax.axvline(horizon, color="#aeb8be", linewidth=0.9, linestyle=(0, (1, 2)), zorder=1, gid="horizon")
        at = float(to_fraction.transform((horizon, 0))[0])
        if next_at - at < 0.14:
            continue
        next_at = at
        ax.annotate(
            _time(horizon), (horizon, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
            textcoords="offset points", ha="center", va="bottom", fontsize=style.SMALL, color=style.MUTED,
        )  # fmt: skip


def _first_step(series: Series) -> float:
    times = series.rows["time_days"]
    return float(times[times > 0].min()) if (times > 0).any() else 1.0


def _day_ticks(longest: float) -> list[float]:
    step = next((s for s in _STEPS if longest / s <= 8), longest / 5)
    return [round(k * step, 9) for k in range(int(longest / step + 1e-9) + 1)]


def _time(value: float) -> str:
    """Duration in words; whole days are written whole."""
    return t("{x} days", x=number(value)) if value >= 2 and value == round(value) else days(value)


def _tick(tick: float, *, hours: bool) -> str:
    value = tick * 24 if hours else tick
    return number(value, 0 if abs(value - round(value)) < 1e-6 else 1 if value >= 0.2 else 2)


def _end_labels(page: Sheet, shown: list[Series], kind: str) -> None:
    """Name and last value right of the plot, moved apart where they would touch, tied to their curve."""
    ax = page.ax
    top = ax.get_ylim()[1]
    texts = [_end_text(series, kind, single=len(shown) == 1) for series in shown]
    tall = 11.0 * max(text.count("\n") + 1 for text in texts) + 3
    beside = ax.transAxes + ScaledTranslation(14 / 72, 0, ax.figure.dpi_scale_trans)
    heights = [series.end[1] / top * page.height for series in shown]
    placed = style.spread(heights, tall, tall / 2, page.height - tall / 2)
    for series, text, place in zip(shown, texts, placed, strict=True):
        ax.annotate(
            text, series.end, xycoords="data", xytext=(1, place / page.height), textcoords=beside,
            gid="end", color=series.colour, fontsize=style.SMALL, ha="left", va="center",
            linespacing=1.15, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": style.lighter(series.colour, 0.45), "linewidth": 0.7,
                        "shrinkA": 1, "shrinkB": 1},
        )  # fmt: skip


def _end_text(series: Series, kind: str, *, single: bool) -> str:
    value = _value(kind, series.end[1])
    return value if single else style.wrap(series.name, 100, style.SMALL, lines=2) + "\n" + value


def people_at_risk(page: Sheet, table: pd.DataFrame, shown: list[Series], min_people: int) -> None:
    """Number at risk below the axis, under the ticks, as a child axes."""
    ax = page.ax
    groups = list({series.group: series for series in shown}.values())
    names = [""] if len(groups) == 1 else [series.name for series in groups]
    pitch, down = 12.5, 40.0
    tall = pitch * (len(groups) + (len(groups) > 1))
    panel = ax.inset_axes((0, -(down + tall) / page.height, 1, tall / page.height))
    panel.set_axis_off()
    panel.set(xlim=ax.get_xlim(), xscale=ax.get_xscale(), ylim=(tall, 0))
    panel.minorticks_off()
    settings = {"fontsize": style.SMALL, "va": "center"}
    panel.annotate(
        t("at risk"), (0, pitch / 2), xycoords=("axes fraction", "data"), xytext=(-22, 0), ha="right",
        textcoords="offset points", color=style.MUTED, **settings,
    )  # fmt: skip
    for place, (series, name) in enumerate(zip(groups, names, strict=True)):
        y = (place + 0.5 + (len(groups) > 1)) * pitch
        panel.annotate(
            style.wrap(name, 110, style.SMALL, lines=1), (0, y), xycoords=("axes fraction", "data"), ha="right",
            xytext=(-22, 0), textcoords="offset points", color=series.colour, **settings,
        )  # fmt: skip
        rows = table[table["group"].astype(str) == series.group]
        for tick in ax.get_xticks():
            text = _risk_text(rows, float(tick), min_people)
            ink = series.colour if len(groups) > 1 else style.INK
            panel.text(tick, y, text, ha="center", color=ink, gid="at risk", **settings)


def _risk_text(rows: pd.DataFrame, time: float, min_people: int) -> str:
    """People at risk at `time`: those of the next row, since each row counts who was followed so far."""
    later = rows[rows["time_days"].astype("float64") >= time - 1e-9].sort_values("time_days", kind="stable")
    if later.empty:
        return UNKNOWN
    value = later["n_at_risk"].iloc[0]
    if not known(value) or 0 < float(value) < min_people:
        return HIDDEN
    return number(float(value))


# --- words ------------------------------------------------------------------------------------------
def _finding(shown: list[Series], outcome: str, kind: str, at: float | None) -> str:
    """Title: the value, or the extremes, at the last horizon (else where the shortest curve ends)."""
    time = min(series.end[0] for series in shown) if at is None else at
    found = [(short(series.name), value_at(series.rows, time)) for series in shown]
    values = [(name, value) for name, value in found if known(value)]
    what = short(outcome)
    when = _time(time)
    if len(shown) == 1:
        rows = shown[0].rows
        if kind == "mean":
            mean, lower, upper = (number(value_at(rows, time, name), 2) for name in ("estimate", "ci_low", "ci_high"))
            return t("After {time}: {x} per customer ({low} to {high})", time=when, x=mean, low=lower, high=upper)
        x = rate(*(value_at(rows, time, column) for column in ("estimate", "ci_low", "ci_high")))
        if kind == "survival":
            return t("After {time}: {x} still active", time=when, x=x)
        return t("After {time}: {outcome} {x}", time=when, outcome=what, x=x)
    if len({series.group for series in shown}) == 1:
        parts = ", ".join(f"{name} {percent(value)}" for name, value in values)
        return t("After {time}: {parts}", time=when, parts=parts)
    high, low = max(values, key=lambda pair: pair[1]), min(values, key=lambda pair: pair[1])
    ends = {"time": when, "high": high[0], "x": _value(kind, high[1]), "low": low[0], "y": _value(kind, low[1])}
    if kind == "survival":
        return t("After {time}, {x} ({high}) to {y} ({low}) still active", **ends)
    if kind == "mean":
        return t("After {time}: from {y} ({low}) to {x} ({high}) per customer", **ends)
    return t("After {time}: {outcome} from {y} ({low}) to {x} ({high})", outcome=what, **ends)


def _value(kind: str, value: float) -> str:
    return number(value, 2) if kind == "mean" else percent(value)


def _subtitle(kind: str, shown: list[Series], outcome: str) -> str:
    if kind == "mean":
        return t("Mean number of “{event}” per customer over time, with 95 % bands.", event=short(outcome))
    if kind == "survival":
        return t("Share still active over time, with 95 % bands.")
    if len({series.group for series in shown}) == 1 and len(shown) > 1:
        return t("Share that has had each outcome over time, with 95 % bands.")
    return t("Share that has had the outcome “{outcome}” over time, with 95 % bands.", outcome=short(outcome))


def _keys(shown: list[Series], kind: str, *, naive: bool, censored: bool) -> list[Any]:
    keys = []
    if len(shown) > MOST_LABELLED:
        keys = [Line2D([], [], color=series.colour, label=series.name) for series in shown]
    if naive:
        words = t("naive (ends of another kind taken as still open)")
        if kind == "mean":
            words = t("naive (events so far per customer, however short the follow-up)")
        keys.append(
            Line2D([], [], color=style.MUTED, linestyle=(0, (4, 2.5)), linewidth=1.2, marker="D", markersize=4,
                   markerfacecolor="#ffffff", label=words)
        )  # fmt: skip
    if censored:
        keys.append(Line2D([], [], color=style.MUTED, marker="|", linestyle="none", label=t("last seen, still open")))
    return keys


def _notes(page: Sheet, drawn: list[Series], shown: list[Series], min_people: int) -> None:
    last, longest = (max(series.end[0] for series in part) for part in (shown, drawn))
    if longest > last:
        page.note(t("Drawn up to {time}; the curves go on to {longest}.", time=_time(last), longest=days(longest)))
    if any(series.cut for series in shown):
        page.note(t("Curves end where fewer than {k} people are at risk ({sign}).", k=min_people, sign=HIDDEN))
    if len(drawn) > MOST_DRAWN:
        page.note(tn("{n} more group is in the table.", "{n} more groups are in the table.", len(drawn) - MOST_DRAWN))
