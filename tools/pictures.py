"""Pictures of the traps that the analyses avoid, for the pages in `docs/analyses`.

    python -m tools.pictures            draw all of them into docs/images/trap

Each picture sets the usual number beside the right one, both computed from the data that come with the
repository; nothing in them is typed in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import cjlib as cj
from cjlib.core.svg import to_svg
from cjlib.core.text import number, percent
from cjlib.plots import style
from cjlib.plots.marks import beside, head, point
from cjlib.plots.sheet import sheet
from cjlib.report.asked import stage_clocks

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images" / "trap"
NAIVE, ROW = "#b4530a", 26.0
Row = tuple[str, float, float, float, bool]  # label, value, limits (NaN: none), whether it is the trap
NONE = float("nan")


@cache
def demo() -> Any:
    """The simulated shop."""
    return cj.open_study(ROOT / "studies" / "demo.yml")


@cache
def subscription() -> Any:
    """The simulated subscription."""
    return cj.open_study(ROOT / "studies" / "subscription.yml")


def compare(rows: Sequence[Row], *, title: str, axis: str, form: Callable[[float], str] = percent) -> Any:
    """Draw values under one another: what the trap gives as a hollow mark, what is right with its interval."""
    with sheet(None, body=len(rows) * ROW / 72) as page:
        for place, (_, value, low, high, trap) in enumerate(rows):
            y = (place + 0.5) * ROW
            page.ax.axhline(y, color=style.GRID, linewidth=0.8, zorder=0.5)
            if trap:
                page.ax.plot([value], [y], "D", color=NAIVE, markerfacecolor=style.PAPER, markersize=7, zorder=4)
            else:
                point(page.ax, y, value, low, high, colour=style.EVERYBODY, size=7)
            text = form(value) if pd.isna(low) else f"{form(value)} ({form(low)} to {form(high)})"
            beside(page.ax, y, 10, text, "left", color=NAIVE if trap else style.INK)
        top = max(max(value, high if high == high else value) for _, value, _, high, _ in rows) * 1.1  # noqa: PLR0124
        page.ax.set(xlim=(0, top), ylim=(len(rows) * ROW, 0))
        ticks = style.nice_ticks(0, top)
        page.ax.set_xticks(ticks, [form(tick) for tick in ticks])
        page.ax.set_yticks([(place + 0.5) * ROW for place in range(len(rows))], [row[0] for row in rows])
        page.ax.set_xlabel(axis)
        head(page.ax, 10, "value (95 % interval)", "left")
        page.header(title, gap=20)
    return page.ax


def _churn() -> Any:
    log = demo().events
    row = cj.churn(log, kind="non-contractual", activity=["purchase"], silence="60 days").table
    at = row[(row["group"] == "(all)") & (row["horizon_days"] == 90)].iloc[0]
    rows: list[Row] = [("not gone today, of all", 1 - at["n_event"] / at["n"], NONE, NONE, True),
                       ("not gone after 90 days", at["estimate"], at["ci_low"], at["ci_high"], False)]  # fmt: skip
    return compare(rows, title="A share without time counts those who could not leave yet", axis="share of customers")


def _retention() -> Any:
    table = cj.retention(demo().events, activity=["purchase"]).table
    average = table[table["cohort"] == "(all)"].set_index("age")
    rows: list[Row] = []
    for age in (1, 3, 7):
        at = average.loc[age]
        rows += [(f"month {age}, of everybody ever", at["n_active"] / average.loc[0, "n_active"], NONE, NONE, True),
                 (f"month {age}, of those so far", at["share"], at["ci_low"], at["ci_high"], False)]  # fmt: skip
    return compare(rows, title="Months that have not happened are no months without a purchase",
                   axis="share active")  # fmt: skip


def _customer_retention() -> Any:
    from cjlib.stats.standard import standardised

    rows: list[Row] = []
    for name, n in {"before": (100, 900), "after": (500, 900)}.items():
        kept = [round(0.80 * n[0]), round(0.95 * n[1])]
        right = standardised(kept, n, weights=[600, 1800])
        rows += [(f"{name}: plain rate", sum(kept) / sum(n), NONE, NONE, True),
                 (f"{name}: at the same ages", *right, False)]  # fmt: skip
    return compare(rows, title="The plain rate falls because the base grows younger", axis="customers kept in a month")


def _still_customers() -> Any:
    table = cj.still_customers(demo().events, activity=["purchase"]).table.set_index("purchases")
    rows: list[Row] = []
    for name, words in (("1", "one purchase"), ("2", "two purchases"), ("(all)", "all")):
        at = table.loc[name]
        limits = [float(at[limit]) / float(at["n"]) for limit in ("ci_low", "ci_high")]
        rows += [(f"{words}: BG/NBD", float(at["naive_share"]), NONE, NONE, True),
                 (f"{words}: MBG/NBD", float(at["share"]), limits[0], limits[1], False)]  # fmt: skip
    return compare(rows, title="In BG/NBD nobody leaves after one purchase", axis="share still customers")


def _repeat_purchases() -> Any:
    table = cj.repeat_purchases(demo().events, activity=["purchase"]).table
    second = table[(table["group"] == "(all)") & (table["step"] == "second")]
    rows: list[Row] = []
    for at in second.to_dict("records"):
        day = number(at["horizon_days"])
        rows += [(f"by day {day}, of all so far", at["naive"], NONE, NONE, True),
                 (f"by day {day}, by follow-up", at["estimate"], at["ci_low"], at["ci_high"], False)]  # fmt: skip
    return compare(rows, title="The latest customers had no time for a second purchase",
                   axis="share with a second purchase")  # fmt: skip


def _stage_times() -> Any:
    (asked,) = stage_clocks(demo().spec) or ()
    table = cj.stage_times(demo().events, **asked).table
    rows: list[Row] = []
    for at in table[table["median_days"].between(1, 1e6)].to_dict("records"):
        label = f"{at['from_stage']} → {at['to_stage']}"
        rows += [(f"{label}, who went on", at["naive_median_days"], NONE, NONE, True),
                 (f"{label}, all", at["median_days"], at["median_low"], at["median_high"], False)]  # fmt: skip
    return compare(rows, title="Those who went on went on quickly", axis="median, days",
                   form=lambda value: number(value, 1))  # fmt: skip


def _churn_prediction() -> Any:
    from cjlib.stats.prediction import auc

    found = cj.churn_prediction(demo().events, demo().responses, kind="non-contractual", activity=["purchase"],
                                silence="60 days").kpi("auc")  # fmt: skip
    left = [0] * 10 + [1] * 10  # the reason for leaving is filled in for those who left
    rows: list[Row] = [("with a column written afterwards", auc(left, left), NONE, NONE, True),
                       ("with what was known before", found.estimate, found.ci_low, found.ci_high, False)]  # fmt: skip
    return compare(rows, title="A column that knows the outcome makes any model look brilliant",
                   axis="AUC on a later period", form=lambda value: number(value, 2))  # fmt: skip


def _repeat_events() -> Any:
    table = cj.repeat_events(demo().events, event="purchase").table
    at = table[(table["group"] == "(all)") & (table["horizon_days"] == 90)].iloc[0]
    rows: list[Row] = [("events so far, over customers", at["naive"], NONE, NONE, True),
                       ("by day 90, by follow-up", at["estimate"], at["ci_low"], at["ci_high"], False)]  # fmt: skip
    return compare(rows, title="Customers who came last week had no time to come back",
                   axis="further purchases per customer", form=lambda value: number(value, 2))  # fmt: skip


def _drawn(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: make().plot()


CLOCK = {"start": "visit", "outcome": "purchase", "competing": ["unsubscribe"]}
PICTURES: dict[str, Callable[[], Any]] = {
    "time_to_event": _drawn(lambda: cj.time_to_event(demo().events, **CLOCK, horizons=["30 days", "60 days"])),
    "churn": _churn,
    "retention": _retention,
    "rolling_retention": _drawn(lambda: cj.rolling_retention(demo().events, activity=["purchase"])),
    "renewals": _drawn(lambda: cj.renewals(subscription().events, start="subscribed", end="cancelled")),
    "customer_retention": _customer_retention,
    "silence_threshold": _drawn(lambda: cj.silence_threshold(demo().events, activity=["purchase"], silence="60 days")),
    "life_cycle": _drawn(lambda: cj.life_cycle(demo().events, activity=["purchase"], silence="60 days")),
    "still_customers": _still_customers,
    "repeat_purchases": _repeat_purchases,
    "repeat_events": _repeat_events,
    "churn_prediction": _churn_prediction,
    "stage_times": _stage_times,
    "conversion_drivers": _drawn(
        lambda: cj.conversion_drivers(
            demo().events, **CLOCK, drivers=["review_read", "newsletter_click", "store_visit"]
        )
    ),
    "score_hazard": _drawn(
        lambda: cj.score_hazard(demo().responses, demo().events, instrument="csat", outcome="fee_shown")
    ),
    "never_converters": _drawn(lambda: cj.never_converters(demo().events, **CLOCK)),
    "segment_scan": _drawn(lambda: cj.segment_scan(demo().events, **CLOCK, within="60 days")),
}


def main() -> int:
    """Draw the pictures named, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        (FOLDER / f"{name}.svg").write_text(to_svg(PICTURES[name]()) + "\n", encoding="utf-8")
        sys.stdout.write(f"docs/images/trap/{name}.svg\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
