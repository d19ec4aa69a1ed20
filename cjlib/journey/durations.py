"""Count tables for curves, made on the engine: (group, duration_days, outcome, n).

Durations are elapsed days of 86,400 s. Who has no outcome by the cut-off is censored there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from cjlib.core.duration import MICROSECONDS_PER_DAY
from cjlib.core.errors import ParameterError
from cjlib.core.gate import ALL
from cjlib.journey.match import Block, Ints, Ties, chains, first_outcome, first_per_unit
from cjlib.journey.tables import EventLog

ANY = "any"  # as a start: whatever the customer did first
CENSOR = "censor"  # as competing events: declared ends are censored, which is the naive curve


def durations(
    log: EventLog,
    *,
    start: Sequence[str] | str,
    outcomes: Sequence[Sequence[str]],
    by: str | None = None,
    resolution_us: int = 1,
    watched: Ints | None = None,
) -> pd.DataFrame:
    """Time from the first `start` event to the first of several outcomes, per group and over all.

    Parameters
    ----------
    log : EventLog
    start : event name(s), or "any" for the customer's first event (which may itself be the outcome)
    outcomes : names of the events of outcome 1, 2, ...
    by : attribute to group by; groups come beside the rows of "(all)"
    resolution_us : durations are cut down to multiples of it; 1 keeps them exact
    watched : instant from which each unit was watched; a clock that started earlier enters there, and one that
        ended by then has no row

    Returns
    -------
    DataFrame
        group (text), duration_days (float), outcome (0 = open at the cut-off, 1, 2, ...), n; with `watched` also
        entry_days (0 where watched from the start)
    """
    codes = [log.codes(f"outcomes[{i}]", names) if names else [] for i, names in enumerate(outcomes)]
    entry = None if start == ANY else log.codes("start", start)
    grouping = log.grouping(by)
    as_of = log.as_of_us

    def kernel(block: Block) -> pd.DataFrame:
        kind = np.arange(len(block.unit)) if entry is None else block.positions(entry)
        entries = first_per_unit(block, kind)
        found, which = first_outcome(block, entries, codes, inclusive=entry is None)
        end = np.where(found >= 0, block.at[found] if len(block.at) else 0, as_of)
        begin = block.at[entries]
        length = (end - begin) // resolution_us * resolution_us
        rows = pd.DataFrame({"group": grouping.of(block, entries), "us": length, "outcome": which})
        if watched is None:
            return rows
        since = watched[block.unit[entries]]
        late = np.where(since > begin, since - np.minimum(begin, since), 0) // resolution_us * resolution_us
        rows["entry_us"] = late
        seen: pd.DataFrame = rows[(late == 0) | (late < length)]
        return seen

    rows = log.run(kernel, columns=grouping.columns)
    return count_table(rows, split=by is not None)


def declared_ends(log: EventLog, *, start: Sequence[str] | str, outcome: Sequence[str]) -> list[str]:
    """Events that the study declares as ends and that may end this clock: neither its start nor its outcome."""
    begin = () if start == ANY else (start,) if isinstance(start, str) else tuple(start)
    return [name for name in log.ends if name in log.event_names and name not in (*outcome, *begin)]


def without_competing(
    log: EventLog,
    *,
    start: Sequence[str] | str,
    outcome: Sequence[str],
    censor: bool = False,
    by: str | None = None,
    resolution_us: int = 1,
    watched: Ints | None = None,
) -> tuple[pd.DataFrame, bool]:
    """Count table of a clock for which no competing events are named, and whether ends were censored.

    Parameters
    ----------
    censor : take declared ends as censored where they occur, as one minus Kaplan-Meier does; asked by name

    Raises
    ------
    ParameterError
        CJ-AN-160: somebody ended by a declared end before the outcome, and `censor` was not asked for.
    """
    ends = declared_ends(log, start=start, outcome=outcome)
    outcomes = [list(outcome), ends] if ends else [list(outcome)]
    counts = durations(log, start=start, outcomes=outcomes, by=by, resolution_us=resolution_us, watched=watched)
    ended = counts["outcome"] > 1
    if not ended.any():
        return counts, False
    if not censor:
        named = ", ".join(ends)
        raise ParameterError(
            f"competing is empty, but the study declares that {named} ends the journey, and some clocks ended that "
            f"way before {', '.join(outcome)}: those customers are not waiting any more. Write competing: [{named}] "
            f"for the share that happens, or competing: {CENSOR} for one minus Kaplan-Meier, which overstates it.",
            code="CJ-AN-160",
        )
    return counts.assign(outcome=counts["outcome"].where(~ended, 0)), True


def recorded_every(log: EventLog, events: Sequence[str]) -> tuple[int, int]:
    """Largest number of days that divides every gap between the days on which the events are recorded.

    Returns
    -------
    step, n_days : int
        7 where all events carry the date of a weekly snapshot; 0 with fewer than two days. `n_days` is the
        number of distinct days.
    """
    table = log.table
    found = log.engine.fetch(table.filter(table["event"].isin(list(events))).select("day").distinct())
    distinct = np.sort(found["day"].dropna().to_numpy(dtype=np.int64))
    return int(np.gcd.reduce(np.diff(distinct))) if distinct.size > 1 else 0, int(distinct.size)


def count_table(rows: pd.DataFrame, *, split: bool) -> pd.DataFrame:
    """Rows (group, us, outcome[, entry_us]) counted; with `split`, the groups come after the rows of "(all)"."""
    parts = [rows.assign(group=ALL)]
    if split:
        parts.append(rows)
    counted = []
    for part in parts:
        keys = ["group", "us", "outcome", *(["entry_us"] if "entry_us" in rows else [])]
        grouped = part.groupby(keys, sort=True).size().rename("n").reset_index()
        counted.append(grouped)
    table = pd.concat(counted, ignore_index=True)
    table["duration_days"] = table.pop("us") / MICROSECONDS_PER_DAY
    order = [ALL, *[name for name in by_size(rows) if name != ALL]] if split else [ALL]
    table["group"] = pd.Categorical(table["group"], categories=order)
    late = ["entry_days"] if "entry_us" in table else []
    if late:
        table["entry_days"] = table.pop("entry_us") / MICROSECONDS_PER_DAY
    return table[["group", "duration_days", "outcome", "n", *late]]


def by_size(rows: pd.DataFrame) -> list[str]:
    """Group labels, largest first, ties by name: the same order in every figure of a report."""
    sizes = rows["group"].value_counts()
    return [str(name) for name in sorted(sizes.index, key=lambda name: (-sizes[name], name))]


def funnel_rows(
    log: EventLog,
    *,
    steps: Sequence[Sequence[str]],
    window_us: int | None,
    entry: Literal["first", "best"],
    ties: Ties,
    by: str | None,
) -> pd.DataFrame:
    """One row per customer who entered, for `stats` only.

    Columns: group, follow_us (cut-off minus entry), d1, d2, ... (microseconds from the entry to the match
    of each step, -1 where not reached).
    """
    codes = [log.codes(f"steps[{i}]", names) for i, names in enumerate(steps)]
    grouping = log.grouping(by)
    as_of = log.as_of_us

    def kernel(block: Block) -> pd.DataFrame:
        found = chains(block, codes, window=window_us, entry=entry, ties=ties)
        columns: dict[str, Ints | np.ndarray] = {
            "group": grouping.of(block, found.entry),
            "follow_us": as_of - block.at[found.last_entry],
        }
        for number, matched in enumerate(found.steps, start=1):
            length = block.at[matched] - block.at[found.entry] if len(matched) else matched
            columns[f"d{number}"] = np.where(matched >= 0, length, -1)
        return pd.DataFrame(columns)

    return log.run(kernel, columns=grouping.columns)
