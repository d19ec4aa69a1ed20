"""Who comes back a second, third or fourth time, by when, and what a customer is worth by then.

Whoever bought last week has not had a chance to buy again: their wait is open, not failed. Dividing those
who came back by all who bought understates; leaving recent customers out throws data away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.core.duration import MICROSECONDS_PER_DAY, in_days, microseconds
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, Kpi, Note, Result
from cjlib.core.text import days, interval, number, percent, t
from cjlib.journey.match import Block, first_per_unit
from cjlib.journey.occasions import occasions, silences
from cjlib.journey.tables import EventLog
from cjlib.stats.curve import at, kaplan_meier, quantile
from cjlib.stats.value import mean_cumulative_value

STEPS = {2: "second", 3: "third", 4: "fourth"}
_BACK = ("n", "n_back", "n_not")  # the share of a few is as telling as their number


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RepeatPurchasesResult(Result):
    """Share with a second, third, fourth activity after the one before; value per customer by day."""

    kind: ClassVar[str] = "repeat_purchases"
    columns: ClassVar[Columns] = Columns(
        (
            GROUP,
            Column("step", "string", "Activity", "text", "day with an activity, counted"),
            Column("horizon_days", "float64", "Within", "days", "after the one before"),
            Column("n", "Int64", "Had the one before", "people"),
            Column("n_back", "Int64", "", "people"),
            Column("n_not", "Int64", "", "people"),
            Column("estimate", "float64", "Came back", "proportion", "Kaplan-Meier: open ones are censored", _BACK),
            Column("ci_low", "float64", "95 % CI", "proportion", "log-log interval", _BACK),
            Column("ci_high", "float64", "", "proportion", "", _BACK),
            Column("naive", "float64", "Naive", "proportion", "of all, even those who bought yesterday", _BACK),
            Column("median_days", "float64", "Half within", "days", "of all who had the one before", ("n",)),
        ),
        sums=(("n", ("n_back", "n_not")),),
        over="group",
        within=("horizon_days",),
        caption="Who comes back, and by when",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "value": Columns(
            (
                GROUP,
                Column("horizon_days", "float64", "Within", "days", "after the first activity"),
                Column("n", "Int64", "Customers", "people"),
                Column("n_mature", "Int64", "Followed so long", "people"),
                Column("n_young", "Int64", "", "people", "not followed so long"),
                Column("estimate", "float64", "Value per customer", "score", "first activity included", ("n",)),
                Column("ci_low", "float64", "95 % CI", "score", "robust, by customer", ("n",)),
                Column("ci_high", "float64", "", "score", "", ("n",)),
                Column("naive", "float64", "Naive", "score", "of all, even those who bought yesterday", ("n",)),
                Column("mature", "float64", "Long known only", "score", "mean of those followed so long",
                       ("n", "n_mature", "n_young")),
            ),
            sums=(("n", ("n_mature", "n_young")),),
            over="group",
            within=("horizon_days",),
            caption="Value per customer",
        ),
        "curve": Columns((
            GROUP, Column("time_days", "float64", "Days", "number"), Column("n_at_risk", "Int64", "At risk", "people"),
            Column("estimate", "float64", "Came back", "proportion", "", ("n_at_risk",)),
            Column("ci_low", "float64", "95 % CI", "proportion", "", ("n_at_risk",)),
            Column("ci_high", "float64", "", "proportion", "", ("n_at_risk",)),
        )),
    }  # fmt: skip

    def question(self) -> str:
        return t("How many come back, how soon, and what are they worth?")

    def answer(self) -> str:
        rows = self._table[(self._table["group"] == ALL) & (self._table["step"] == STEPS[2])]
        rows = rows[rows["estimate"].notna()]
        if rows.empty:
            return t("How many come back cannot be said: too few, or followed too briefly.")
        row = rows.iloc[-1]
        text = t(
            "{share} of {n} customers come back within {time} of their first activity (95 % CI {ci}); counting the "
            "latest customers as if they had had that long would say {naive}.", share=percent(row["estimate"]),
            n=int(row["n"]), time=days(row["horizon_days"]), naive=percent(row["naive"]),
            ci=interval(row["ci_low"], row["ci_high"], percent),
        )  # fmt: skip
        if "value" in self._more:
            worth = self._more["value"]
            worth = worth[(worth["group"] == ALL) & worth["estimate"].notna()]
            if len(worth):
                last = worth.iloc[-1]
                text += " " + t(
                    "A customer is worth {value} within {time} (95 % CI {ci}).", value=number(last["estimate"], 2),
                    time=days(last["horizon_days"]),
                    ci=interval(last["ci_low"], last["ci_high"], lambda x: number(x, 2)),
                )  # fmt: skip
        return text

    def definition(self) -> str:
        return t(
            "Several {activity} on one calendar day are one. The clock of the second starts at the first, that of "
            "the third at the second. Whoever has not come back by the cut-off is censored, never a failure. Value: "
            "sum of the values by that day per customer, from the first activity on.",
            activity=" / ".join(self.params["activity"]),
        )  # fmt: skip

    def shown(self) -> list[Any]:
        words = {"second": t("second"), "third": t("third"), "fourth": t("fourth")}
        return [(caption, frame.assign(step=frame["step"].map(words)) if "step" in frame else frame, hidden, columns)
                for caption, frame, hidden, columns in super().shown()]  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.curve import draw
        from cjlib.plots.style import PALETTE

        words = {"second": t("a second time"), "third": t("a third time"), "fourth": t("a fourth time")}
        curve = self._more["curve"]
        rows = self._table[(self._table["group"] == ALL) & (self._table["step"] == STEPS[2])]
        rows = rows[rows["estimate"].notna()]
        title = t("Within {time}, {share} come back a second time", time=days(rows["horizon_days"].iloc[-1]),
                  share=percent(rows["estimate"].iloc[-1])) if len(rows) else ""  # fmt: skip
        return draw(
            curve.assign(group=curve["group"].map(words), outcome=t("coming back")), kind="incidence",
            origin=t("the activity before"), min_people=self.data.min_people, title=title,
            horizons=self.params["horizon_days"], ax=ax,
            colours=dict(zip(words.values(), PALETTE, strict=False)),
        )  # fmt: skip


def repeat_purchases(
    log: EventLog,
    *,
    activity: Sequence[str],
    horizons: Sequence[str | timedelta] = ("30 days", "90 days", "180 days"),
    by: str | None = None,
    confidence: float = 0.95,
) -> RepeatPurchasesResult:
    """Estimate the share that comes back a second, third and fourth time, and the value per customer.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there
    horizons : durations after the activity before (value: after the first one) at which to read
    by : attribute of the customer, or of the first activity, to compare groups by
    confidence : level of the intervals

    Returns
    -------
    RepeatPurchasesResult
        One row per group, activity and horizon; `.more("value")` if the events have values.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-235: the study names no activity. CJ-JN-030: nobody was ever active.

    Notes
    -----
    Kaplan and Meier (1958), `cjlib.stats.curve`; mean cumulative function with amounts, `cjlib.stats.value`.

    Examples
    --------
    >>> from cjlib.datasets.simulate import simulate
    >>> from cjlib.journey.frames import from_frames
    >>> log, _ = from_frames(simulate(n_customers=400, seed=1).events, as_of="2026-07-01", zone="Europe/Paris")
    >>> row = repeat_purchases(log, activity=["purchase"]).table.iloc[1]
    >>> row["step"], bool(row["naive"] < row["estimate"])
    ('second', True)
    """
    if not activity:
        raise NotEnoughDataError(t("The study names no activity, so nobody can come back."), code="CJ-AN-235")
    length = [in_days(microseconds("horizons", horizon)) for horizon in horizons]
    rows = occasions(log, activity=activity)
    label = _groups(log, activity, by)
    gaps = silences(rows, as_of_us=log.as_of_us)
    gaps = gaps.assign(group=label.reindex(gaps["unit"]).to_numpy())
    table = _hide_differences(_table(gaps, length, by, confidence), log.info.min_people)
    more = {"curve": _curve(gaps, confidence, length)}
    valued = rows["has_value"].sum() > 0
    if valued:
        more["value"] = _value(rows, label, length, as_of_us=log.as_of_us, by=by, confidence=confidence)
    params = {"activity": [log.label(name) for name in activity], "horizon_days": length, "by": by or "",
              "confidence": confidence}  # fmt: skip
    notes = [Note("CJ-AN-236", "info", t(
        "A third time is counted among those who came a second time: they are the more faithful ones, so a higher "
        "share does not mean that anybody became more faithful."))]  # fmt: skip
    missing = int((rows["has_value"] == 0).sum())
    if valued and missing:
        notes.append(Note("CJ-AN-237", "caution", t(
            "{n} of {all} days with an activity have no value and count as 0.", n=log.info.people(missing),
            all=number(len(rows)))))  # fmt: skip
    first = table[(table["group"] == ALL) & table["estimate"].notna() & (table["step"] == STEPS[2])].tail(1)
    kpis = [Kpi(measure="second", label=t("Come back within {time}", time=days(row["horizon_days"])),
                estimate=row["estimate"], ci_low=row["ci_low"], ci_high=row["ci_high"], n=int(row["n"]),
                form="percent") for row in first.to_dict("records")]  # fmt: skip
    return RepeatPurchasesResult.build(table, data=log.info, params=params, more=more, kpis=kpis, notes=notes)


def _groups(log: EventLog, activity: Sequence[str], by: str | None) -> pd.Series[Any]:
    """Group of each customer at the first activity."""
    codes = log.codes("activity", activity)
    grouping = log.grouping(by)

    def kernel(block: Block) -> pd.DataFrame:
        first = first_per_unit(block, block.positions(codes))
        return pd.DataFrame({"unit": block.unit[first], "group": grouping.of(block, first)})

    found = log.run(kernel, columns=grouping.columns)
    return found.set_index("unit")["group"].astype(str)


def _parts(groups: pd.Series[Any], by: str | None) -> list[tuple[str, Any]]:
    """Everybody, then each group."""
    whole = (ALL, np.ones(len(groups), dtype=bool))
    return [whole, *((name, (groups == name).to_numpy()) for name in sorted(groups.unique()) if by)]


def _survival(gaps: pd.DataFrame, confidence: float) -> pd.DataFrame:
    counts = pd.DataFrame({"group": "all", "duration_days": gaps["length_days"], "outcome": gaps["returned"]})
    return kaplan_meier(counts.value_counts().rename("n").reset_index(), confidence=confidence)


def _table(gaps: pd.DataFrame, length: list[float], by: str | None, confidence: float) -> pd.DataFrame:
    found = []
    for number_, step in STEPS.items():
        waits = gaps[gaps["number"] == number_ - 1]
        for group, inside in _parts(waits["group"], by):
            part = waits[inside]
            if part.empty:
                continue
            curve = _survival(part, confidence)
            read = at(curve, length)
            came = part.loc[part["returned"] == 1, "length_days"].to_numpy()
            found.append(pd.DataFrame({
                "group": group, "step": step, "horizon_days": length, "n": len(part), "estimate": 1 - read["estimate"],
                "ci_low": 1 - read["ci_high"], "ci_high": 1 - read["ci_low"],
                "n_back": [(came <= day).sum() for day in length],
                "median_days": quantile(curve, 0.5)["estimate"].iloc[0],
            }))  # fmt: skip
    table = pd.concat(found, ignore_index=True)
    return table.assign(n_not=table["n"] - table["n_back"], naive=table["n_back"] / table["n"])


def _hide_differences(table: pd.DataFrame, k: int) -> pd.DataFrame:
    """Later steps of a group where too few did not go on: their number would follow by subtraction.

    A count of 1 is hidden by the gate of the result, with all that is computed from it.
    """
    table = table.copy()
    for _, part in table.groupby("group"):
        sizes = part.drop_duplicates("step").set_index("step")["n"]
        lost = -sizes.diff()
        few = lost.index[(lost > 0) & (lost < k)]
        if len(few):
            from_here = list(sizes.index).index(few[0])
            table.loc[part.index[part["step"].isin(sizes.index[from_here:])], "n"] = 1
    return table


def _curve(gaps: pd.DataFrame, confidence: float, keep: Sequence[float]) -> pd.DataFrame:
    """Share that came back by day, after each activity, for everybody."""
    from cjlib.analyses.time_to_event import thinned

    parts = [_survival(gaps[gaps["number"] == place - 1], confidence).assign(group=step, outcome=1)
             for place, step in STEPS.items() if (gaps["number"] == place - 1).any()]  # fmt: skip
    curve = thinned(pd.concat(parts, ignore_index=True), ["came back"], keep)
    low, high = 1 - curve["ci_high"], 1 - curve["ci_low"]
    return curve.assign(estimate=1 - curve["estimate"], ci_low=low, ci_high=high)


def _value(
    rows: pd.DataFrame,
    label: pd.Series[Any],
    length: list[float],
    *,
    as_of_us: int,
    by: str | None,
    confidence: float,
) -> pd.DataFrame:
    """Value per customer by day, with the two naive means beside."""
    begin = rows.groupby("unit")["at"].min()
    follow = pd.DataFrame({"unit": begin.index, "duration_days": (as_of_us - begin.to_numpy()) / MICROSECONDS_PER_DAY})
    since = (rows["at"].to_numpy() - begin.loc[rows["unit"]].to_numpy()) / MICROSECONDS_PER_DAY
    amounts = pd.DataFrame({"unit": rows["unit"], "time_days": since, "value": rows["value"]})
    found = []
    for group, inside in _parts(label.reindex(begin.index), by):
        people = follow[inside]
        spent = amounts[amounts["unit"].isin(people["unit"])]
        read = mean_cumulative_value(people, spent, by_days=length, confidence=confidence)
        for row in read.to_dict("records"):
            day = row["time_days"]
            mature = people.loc[people["duration_days"] >= day, "unit"]
            so_far = spent[spent["time_days"] <= day]
            old = so_far.loc[so_far["unit"].isin(mature), "value"].sum()
            found.append({
                **row, "group": group, "horizon_days": day, "n": len(people), "n_mature": len(mature),
                "n_young": len(people) - len(mature), "naive": so_far["value"].sum() / len(people),
                "mature": old / len(mature) if len(mature) else math.nan,
            })  # fmt: skip
    return pd.DataFrame(found)
