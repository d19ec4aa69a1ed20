"""When in the wait the outcome comes: rates by band of waiting time; and how exactly times are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cjlib.core import gate
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, DataInfo, Note
from cjlib.core.text import interval, number, t
from cjlib.journey.durations import recorded_every
from cjlib.journey.tables import EventLog
from cjlib.stats.interval_censored import turnbull
from cjlib.stats.late_entry import thin_start
from cjlib.stats.rate import poisson_rate, rate_by_band

PER = 100  # people waiting, to have numbers that one can read
FEWEST_DAYS = 10  # distinct days of recording from which a regular grid is no chance
FEWEST_EARLY = 10  # people at risk below which an early outcome moves the curve too much
MOST_MARKS = 40  # per curve; more would hide the curve
_OF = ("n_event",)

BANDS = Columns(
    (
        Column("band", "string", "Days waited", meaning="after the start, the end of each band included"),
        Column("n_event", "Int64", "Outcome", "people", "had the outcome in that time"),
        Column("person_days", "float64", "Days waited by all", "number", "by everybody still waiting, together", _OF),
        Column("estimate", "float64", "Per 100 waiting and day", "score", "outcomes over days waited", _OF),
        Column("ci_low", "float64", "95 % CI", "score", "exact Poisson interval", _OF),
        Column("ci_high", "float64", "", "score", "", _OF),
    ),
    over="band",
    caption="When in the wait the outcome comes",
)  # fmt: skip

BETWEEN = Columns(
    (
        Column("horizon_days", "float64", "By day", "number"),
        Column("n", "Int64", "Started", "people", "customers whose clock started"),
        Column("at_least", "float64", "Share, from", "proportion",
               "Turnbull's estimate; between the two the data do not tell", ("n",)),
        Column("at_most", "float64", "Share, to", "proportion", "Turnbull's estimate, largest value", ("n",)),
        Column("recorded", "float64", "As recorded", "proportion",
               "the day of the record taken for that of the outcome", ("n",)),
    ),
    caption="Share by day, known between two records only",
)  # fmt: skip

MARKS = Columns((GROUP, Column("time_days", "float64", "Last seen", "days", "one mark stands for several people")))


def marks(counts: pd.DataFrame, k: int) -> pd.DataFrame:
    """Times at which people were last seen without outcome: one mark per `k` of them or more, never per person."""
    parts = []
    for group, part in counts[counts["outcome"] == 0].groupby("group", observed=True, sort=True):
        rows = part.sort_values("duration_days")
        seen = rows["n"].cumsum().to_numpy()
        each = max(k, 1, int(seen[-1]) // MOST_MARKS)
        full = np.diff(seen // each, prepend=0) > 0
        parts.append(pd.DataFrame({"group": str(group), "time_days": rows["duration_days"].to_numpy()[full]}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["group", "time_days"])


def without_totals(curve: pd.DataFrame, k: int) -> pd.DataFrame:
    """The curve without the people at risk of all together where curves of groups stand beside it.

    All less the groups printed would count, time by time, a group that is too small to be printed. Times of
    all together with fewer than `k` at risk are left out first, since nothing else marks them any more.
    """
    total = curve["group"] == ALL
    if total.all():
        return curve
    kept = curve[~total | (curve["n_at_risk"] >= k)].reset_index(drop=True)
    at_risk = kept["n_at_risk"].astype("float64").mask(kept["group"] == ALL)
    return kept.assign(n_at_risk=at_risk)


def bands(counts: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Rates of the outcome by band of waiting time over all groups; the last row sums them."""
    everybody = counts[counts["group"] == ALL].astype({"group": str})
    table = rate_by_band(everybody, confidence=confidence)
    table["band"] = [f"{low:g}-{high:.0f}" for low, high in zip(table["from_days"], table["to_days"], strict=True)]
    whole = table[["n_event", "person_days"]].sum()
    rate = poisson_rate([whole["n_event"]], [whole["person_days"]], confidence=confidence)
    last = rate.assign(band=ALL, n_event=whole["n_event"], person_days=whole["person_days"])
    names = list(BANDS.names)
    table = pd.concat([table[names], last[names]], ignore_index=True)
    table[["estimate", "ci_low", "ci_high"]] *= PER
    return table


def band_note(table: pd.DataFrame, k: int) -> list[Note]:
    """Where in the wait the outcome is most and least frequent; nothing where too few had it to say so.

    A band that is hidden on the page is not named either. A band without outcome counts as the least
    frequent only if at the average rate `k` outcomes would have been expected in it.
    """
    printed = gate.apply(table, BANDS, k)[0]
    own = printed[(printed["band"] != ALL) & printed["n_event"].notna()].sort_values(["estimate", "ci_high"])
    average = float(own["n_event"].sum()) / max(float(own["person_days"].sum()), 1e-9)
    told = own[(own["n_event"] >= k) | ((own["n_event"] == 0) & (own["person_days"] * average >= k))]
    if told.empty or not (told["n_event"] >= k).any():
        return []
    rows = told.to_dict("records")
    low, high = rows[0], rows[-1]
    if not high["ci_low"] > low["ci_high"]:
        return []
    ci, low_ci = (interval(row["ci_low"], row["ci_high"], lambda x: number(x, 2)) for row in (high, low))
    return [Note("CJ-AN-162", "info", t(
        "Among those still waiting the outcome is most frequent in days {band}: {rate} per 100 and day (95 % CI "
        "{ci}); it is least frequent in days {low_band}: {low_rate} ({low_ci}).",
        band=high["band"], rate=number(high["estimate"], 2), ci=ci, low_band=low["band"],
        low_rate=number(low["estimate"], 2), low_ci=low_ci))]  # fmt: skip


def snapshot_days(log: EventLog, events: Sequence[str]) -> int:
    """Days between two records where outcomes only ever stand on a regular grid, as in weekly snapshots; else 0."""
    step, n_days = recorded_every(log, events)
    return step if step >= 2 and n_days >= FEWEST_DAYS else 0


def between_records(counts: pd.DataFrame, recorded: pd.DataFrame, at_days: Sequence[float], step: int) -> pd.DataFrame:
    """Share by each horizon where the outcome lies anywhere since the record before (columns `BETWEEN`).

    Turnbull's estimate, times cut to whole days outward; without competing ends and late entry only. It is
    unique only outside the intervals in which its mass lies: hence two values.
    """
    everybody = counts[counts["group"] == ALL]
    length = everybody["duration_days"].to_numpy()
    had = everybody["outcome"].to_numpy() == 1
    looks = pd.DataFrame({
        "after_days": np.where(had, np.maximum(np.floor(length - step), 0), np.floor(length)),
        "by_days": np.where(had, np.ceil(length), np.nan), "n": everybody["n"].to_numpy(),
    })  # fmt: skip
    alike = looks.groupby(["after_days", "by_days"], dropna=False)["n"].sum().reset_index()
    masses = turnbull(alike, weight="n")
    followed = float(length.max())
    rows = [
        {"horizon_days": day, "n": int(everybody["n"].sum()),
         "at_least": float(masses.loc[masses["to_days"] <= day, "mass"].sum()),
         "at_most": float(masses.loc[masses["from_days"] < day, "mass"].sum())}
        for day in at_days if day <= followed
    ]  # fmt: skip
    main = recorded[(recorded["group"] == ALL)].drop_duplicates("horizon_days").set_index("horizon_days")["estimate"]
    table = pd.DataFrame(rows, columns=["horizon_days", "n", "at_least", "at_most"])
    return table.assign(recorded=main.reindex(table["horizon_days"]).to_numpy())


def snapshot_note(step: int) -> list[Note]:
    """Caution where outcomes are only ever recorded every so many days."""
    return [Note("CJ-AN-163", "caution", t(
        "The outcome is recorded every {n} days only, as in snapshots of a table: times are known to {n} days, not "
        "exactly, and come out too late by half of that on average. Shares that allow for that stand in a table, "
        "where nobody ends otherwise.", n=step))]  # fmt: skip


def late_notes(counts: pd.DataFrame, info: DataInfo) -> list[Note]:
    """How many entered late, and a caution where few were at risk early."""
    everybody = counts[counts["group"] == ALL]
    late = int(everybody.loc[everybody["entry_days"] > 0, "n"].sum())
    notes = [Note("CJ-AN-168", "info", t(
        "{n} of {all} {units} were watched only after their clock had started: they count from there on. Clocks that "
        "ended before are left out, because others like them were never seen.",
        n=info.people(late), all=info.people(int(everybody["n"].sum())), units=info.units))]  # fmt: skip
    thin = thin_start(counts, at_least=FEWEST_EARLY)
    if not thin.empty:
        notes.append(Note("CJ-AN-169", "caution", t(
            "Up to day {day} some outcome rests on fewer than {k} customers at risk, because others entered later: the "
            "early part of a curve moves with every one of them, and all that follows with it.",
            day=number(float(thin["until_days"].max()), 1), k=FEWEST_EARLY)))  # fmt: skip
    return notes
