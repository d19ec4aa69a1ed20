"""Step functions ready to draw: which curves a table holds, where they end, what a screen can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cjlib.core.gate import ALL
from cjlib.plots import style
from cjlib.plots.style import label


@dataclass(frozen=True)
class Series:
    """One curve: name as printed, colour, rows in time order (cut where too few are at risk)."""

    group: str
    name: str
    colour: str
    rows: pd.DataFrame
    cut: bool

    @property
    def end(self) -> tuple[float, float]:
        """Time and height at which the curve ends."""
        return float(self.rows["time_days"].iloc[-1]), float(self.rows["estimate"].iloc[-1])


def series_of(
    table: pd.DataFrame, kind: str, min_people: int, colours: Mapping[str, str] | None, *, most: int
) -> list[Series]:
    """Curves to draw: one per group, or one per outcome where there is a single group."""
    groups = list(dict.fromkeys(table["group"].astype(str)))
    named = [group for group in groups if group != ALL] or groups
    palette = dict(colours or style.group_colours(groups if len(named) <= most else [*named[:most], ALL]))
    outcomes = list(dict.fromkeys(table["outcome"].astype(str))) if "outcome" in table else []
    pairs: list[tuple[str, str, str, str]] = []
    if len(named) == 1 and len(outcomes) > 1:
        hues = [palette[named[0]], *(hue for hue in style.PALETTE if hue != palette[named[0]])]
        pairs = [(named[0], o, label(o), hues[min(k, len(hues) - 1)]) for k, o in enumerate(outcomes)]
    else:
        pairs = [(g, outcomes[0] if outcomes else "", label(g), palette.get(g, style.MUTED)) for g in named]
    found: list[Series] = []
    for group, outcome, name, colour in pairs:
        rows = table[table["group"].astype(str) == group]
        rows = rows[rows["outcome"].astype(str) == outcome] if outcomes else rows
        made = cut(rows, 1.0 if kind == "survival" else 0.0, min_people)
        if made is not None:
            found.append(Series(group=group, name=name, colour=colour, rows=made[0], cut=made[1]))
    return found


def cut(rows: pd.DataFrame, start: float, min_people: int) -> tuple[pd.DataFrame, bool] | None:
    """Rows in time order with a first one at 0, up to the last time with enough people at risk."""
    names = ["time_days", "n_at_risk", "estimate", "ci_low", "ci_high"]
    frame = rows.sort_values("time_days", kind="stable")[names].astype("float64").reset_index(drop=True)
    enough = (frame["n_at_risk"] >= min_people) & frame["estimate"].notna()
    keep = enough.cummin()
    kept = frame[keep]
    if kept.empty:
        return None
    if kept["time_days"].iloc[0] > 0:
        first = pd.DataFrame([[0.0, kept["n_at_risk"].iloc[0], start, start, start]], columns=names)
        kept = pd.concat([first, kept], ignore_index=True)
    return kept, bool(len(kept) and not keep.all())


def until(series: Series, limit: float) -> Series:
    """The same curve up to `limit`, where its last value is repeated; the value there is exact."""
    if series.end[0] <= limit:
        return series
    kept = series.rows[series.rows["time_days"] <= limit]
    last = kept.tail(1).assign(time_days=limit)
    return replace(series, rows=pd.concat([kept, last], ignore_index=True), cut=False)


def thinned(rows: pd.DataFrame, bins: int) -> pd.DataFrame:
    """The last row of each of `bins` equal slices of time, with the first and last rows.

    Nothing moves by more than one slice; an estimate that is kept is kept exactly.
    """
    if len(rows) <= bins:
        return rows
    times = rows["time_days"].to_numpy()
    span = max(times[-1] - times[0], 1e-12)
    slot = np.floor((times - times[0]) / span * (bins - 1e-9))
    keep = np.append(slot[1:] != slot[:-1], [True])
    keep[0] = True
    return rows[keep]


def value_at(rows: pd.DataFrame, time: float, column: str = "estimate") -> float:
    """Height of the step function at `time`; NaN after its end."""
    times = rows["time_days"].to_numpy()
    if time > times[-1] + 1e-9:
        return float("nan")
    place = int(np.searchsorted(times, time + 1e-9, side="right")) - 1
    return float(rows[column].iloc[max(place, 0)])
