"""How far the people who gave the best and the worst answers lie apart in what they do next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cjlib.core.result import Kpi
from cjlib.core.text import days, t
from cjlib.stats.curve import at, kaplan_meier


def apart(best: pd.DataFrame, worst: pd.DataFrame, start: float, stops: Sequence[float]) -> list[dict[str, Any]]:
    """Shares with the outcome between `start` and each stop, among those without it at `start`; differences."""
    there = {"best": best[best["days"] > start] if start else best, "worst": worst[worst["days"] > start]
             if start else worst}  # fmt: skip
    shares = {name: _shares(part, start, stops) for name, part in there.items()}
    rows = []
    for place, stop in enumerate(stops):
        row: dict[str, Any] = {"from_days": start, "to_days": stop}
        for name, part in there.items():
            value, low, high = shares[name][place]
            row |= {f"n_{name}": len(part), name: value, f"{name}_low": low, f"{name}_high": high}
        (p, p_low, p_high), (q, q_low, q_high) = shares["best"][place], shares["worst"][place]
        rows.append(row | {
            "difference": 100 * (p - q),
            "difference_low": 100 * (p - q - math.hypot(p - p_low, q_high - q)),
            "difference_high": 100 * (p - q + math.hypot(p_high - p, q - q_low)),
        })  # fmt: skip
    return rows


def _shares(part: pd.DataFrame, start: float, stops: Sequence[float]) -> list[tuple[float, float, float]]:
    if len(part) < 2:  # one person is no group
        return [(math.nan, math.nan, math.nan)] * len(stops)
    # What happens after the last stop moves nothing before it: there, people are only counted.
    days_ = part["days"].to_numpy()
    inside = days_ <= stops[-1]
    beyond = [] if inside.all() else [(float(days_.max()) - start, 0, int((~inside).sum()))]
    seen = pd.DataFrame({"duration_days": days_[inside] - start, "outcome": part["hit"].to_numpy()[inside].astype(int),
                         "n": 1})  # fmt: skip
    rest = pd.DataFrame(beyond, columns=["duration_days", "outcome", "n"]).astype(seen.dtypes.to_dict())
    counts = pd.concat([seen, rest], ignore_index=True)
    found = at(kaplan_meier(counts.assign(group="")), [stop - start for stop in stops])
    values = found[["estimate", "ci_high", "ci_low"]].to_numpy(dtype="float64")
    return [(1 - value, 1 - high, 1 - low) for value, high, low in values.tolist()]


def apart_kpi(table: pd.DataFrame, params: Mapping[str, Any], floor: int) -> list[Kpi]:
    """Difference between best and worst answers at the horizon asked for."""
    row = table[table["horizon_days"] == params["within_days"]].iloc[0]
    if math.isnan(row["difference"]) or min(row["n_best"], row["n_worst"]) < floor:
        return []
    return [Kpi(measure="difference", label=t("{outcome} within {time}, best minus worst answers (points)",
                                              outcome=params["outcome"], time=days(params["within_days"])),
                estimate=row["difference"], ci_low=row["difference_low"], ci_high=row["difference_high"],
                n=int(row["n_best"] + row["n_worst"]), form="points")]  # fmt: skip
