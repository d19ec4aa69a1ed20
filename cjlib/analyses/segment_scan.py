"""Which segments differ? All of them are looked at, and the answer knows how many that were.

Among many segments some stand out by chance alone, and the one that stands out most does so partly by
luck. So every look is counted, the list is kept to a stated share of false findings, and each share is
shown pulled towards the others by as much as it is uncertain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pandas as pd

from cjlib.analyses.words import span
from cjlib.core import checks
from cjlib.core.duration import in_days, microseconds
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import DataInfo, Kpi, Note, Result
from cjlib.core.text import days, interval, percent, t, tn
from cjlib.journey.durations import ANY, CENSOR
from cjlib.journey.segments import Cells, segment_cells
from cjlib.journey.tables import EventLog
from cjlib.stats.multiplicity import benjamini_hochberg
from cjlib.stats.proportion import newcombe, share, wilson
from cjlib.stats.scan import KEYS, looks, printable
from cjlib.stats.shrinkage import shrink

CHANNEL = "channel"
NAMED = 3  # segments named in the sentence
_BOTH = ("n", "n_event", "n_rest", "n_rest_event")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SegmentScanResult(Result):
    """Segments whose share differs from that of everybody else, and how many were looked at."""

    kind: ClassVar[str] = "segment_scan"
    columns: ClassVar[Columns] = Columns(
        (
            Column("segment", "string", "Segment"),
            Column("n", "Int64", "Customers", "people", "whose window is over"),
            Column("n_event", "Int64", "Outcome", "people", "within the window"),
            Column("n_without", "Int64", "", "people"),
            Column("n_rest", "Int64", "", "people"),
            Column("n_rest_event", "Int64", "", "people"),
            Column("share", "float64", "Raw share", "proportion", "as counted", ("n", "n_event")),
            Column("rest", "float64", "All others", "proportion", "share outside of the segment", _BOTH),
            Column("difference", "float64", "Difference", "points", "percentage points, segment minus all others",
                   _BOTH),
            Column("difference_low", "float64", "95 % CI", "points", "Newcombe", _BOTH),
            Column("difference_high", "float64", "", "points", "", _BOTH),
            Column("shrunken", "float64", "Shrunken share", "proportion",
                   "pulled towards the other segments by as much as it is uncertain", ("n", "n_event")),
            Column("shrunken_low", "float64", "95 % CI", "proportion", "posterior interval", ("n", "n_event")),
            Column("shrunken_high", "float64", "", "proportion", "", ("n", "n_event")),
            Column("p", "float64", "", "p", "", _BOTH),
            Column("p_adjusted", "float64", "Adjusted p", "p", "Benjamini-Hochberg over all segments looked at", _BOTH),
        ),
        sums=(("n", ("n_event", "n_without")),),
        caption="Segments that differ",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "everybody": Columns(
            (
                Column("n_started", "Int64", "Started", "people", "customers whose clock started"),
                Column("n", "Int64", "Counted", "people", "whose window is over at the cut-off"),
                Column("n_open", "Int64", "Window not over", "people", "left out"),
                Column("n_event", "Int64", "Outcome", "people", "within the window"),
                Column("n_without", "Int64", "", "people"),
                Column("share", "float64", "Share", "proportion", "of everybody counted", ("n", "n_event")),
                Column("ci_low", "float64", "95 % CI", "proportion", "Wilson", ("n", "n_event")),
                Column("ci_high", "float64", "", "proportion", "", ("n", "n_event")),
            ),
            sums=(("n_started", ("n", "n_open")), ("n", ("n_event", "n_without"))),
            caption="Everybody",
        ),
        "looked": Columns(
            (
                Column("attribute", "string", "Attribute"), Column("other_attribute", "string", "And"),
                Column("n_looked", "Int64", "Looked at", "rows", "segments tested"),
                Column("n_small", "Int64", "Too small", "rows", "segments not tested: too few people on one side"),
                Column("n_passed", "Int64", "Differ", "rows"),
            ),
            caption="How many segments were looked at",
        ),
    }  # fmt: skip

    def question(self) -> str:
        return t("Which segments differ in who has {outcome} within {within}?", outcome=self.params["outcome"],
                 within=span(self.params["within"]))  # fmt: skip

    def answer(self) -> str:
        looked, n = self.comparisons, int(self.kpi("n_segments").estimate)
        known = self._table[self._table["shrunken"].notna()]
        if not n:
            return tn(
                "The {n} segment looked at does not differ from all others more than chance would make it.",
                "None of the {n} segments looked at differs from all others more than chance would make it.",
                looked,
            )
        found = tn("{n} of {looked} segments looked at differs from all others",
                   "{n} of {looked} segments looked at differ from all others", n, looked=looked)  # fmt: skip
        if known.empty:
            return t("{found}, but none can be listed: the groups are too small.", found=found)
        overall = self._more["everybody"]["share"].iloc[0]
        named = t("; ").join(
            t("{segment} {share} (95 % CI {ci})", segment=row["segment"], share=percent(row["shrunken"]),
              ci=interval(row["shrunken_low"], row["shrunken_high"], percent))
            for row in known.head(NAMED).to_dict("records")
        )  # fmt: skip
        return t("{found}; {outcome} within {within} in {share} of everybody. Shrunken shares: {named}.", found=found,
                 outcome=self.params["outcome"], within=span(self.params["within"]), share=percent(overall),
                 named=named)  # fmt: skip

    def definition(self) -> str:
        return t(
            "Each segment (a value of an attribute, or of two) against everybody outside of it: Fisher's exact test, "
            "two-sided, for a pair also against the rest of each of its two values. Listed are those that pass at a "
            "false discovery rate of {fdr}, over all segments looked at (Benjamini-Hochberg). Customers count whose "
            "window of {within} is over at the cut-off.",
            fdr=percent(self.params["fdr"], 0), within=span(self.params["within"]),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.segments import draw

        everybody = self._more["everybody"]["share"].iloc[0]
        axis = t("share with {outcome} within {within}", outcome=self.params["outcome"],
                 within=span(self.params["within"]))  # fmt: skip
        found = int(self.kpi("n_segments").estimate)
        return draw(self._table, everybody=float(everybody), n_found=found, looked=self.comparisons, axis=axis, ax=ax)


def segment_scan(
    log: EventLog,
    *,
    start: str | Sequence[str],
    outcome: str | Sequence[str],
    within: str | timedelta | Sequence[str | timedelta],
    competing: Sequence[str] = (),
    attributes: Sequence[str] | None = None,
    pairs: bool = True,
    min_n: int = 30,
    fdr: float = 0.05,
    confidence: float = 0.95,
) -> SegmentScanResult:
    """Look at every segment, and list those that differ by more than the number of looks would give by chance.

    Parameters
    ----------
    log : EventLog
    start : event that starts the clock, several, or "any" for the customer's first event
    outcome : event(s) that count, after the start
    within : window, a duration with a unit; of several the longest that is over for half of those who started
    competing : events after which the outcome does not count any more
    attributes : whose values are segments; default all attributes of the customers, and the channel of entry
    pairs : also every pair of values of two attributes
    min_n : fewest customers inside and outside of a segment; never below the floor for small groups
    fdr : share of false findings among those listed that is accepted
    confidence : level of the intervals

    Returns
    -------
    SegmentScanResult
        One row per segment listed, the largest difference first; `.more("looked")`, `.more("everybody")`.

    Raises
    ------
    ParameterError
        CJ-AN-330: no attribute, or one twice; an unknown event or attribute, a duration without a unit.
    NotEnoughDataError
        CJ-AN-331: no window is over, or no segment is large enough.

    Notes
    -----
    Fisher's exact test; Benjamini and Hochberg (1995); Newcombe (1998); beta-binomial shrinkage over all segments
    looked at, see `cjlib.stats.shrinkage`.

    Examples
    --------
    >>> from cjlib.journey.frames import from_frames
    >>> visits = pd.DataFrame({"customer": range(80), "at": 0, "event": "visit"})
    >>> bought = pd.DataFrame({"customer": range(0, 60, 2), "at": 1, "event": "purchase"})
    >>> who = pd.DataFrame({"customer": range(80), "plan": ["a", "b"] * 40})
    >>> log, _ = from_frames(pd.concat([visits, bought]), customers=who, as_of="1970-03-01")
    >>> found = segment_scan(log, start="visit", outcome="purchase", within="5 days")
    >>> found.comparisons, found.table[["segment", "n", "n_event"]].values.tolist()
    (1, [['plan = a', 40, 30]])
    """
    names = _attributes(log, attributes)
    level = checks.fraction("fdr", fdr)
    main = [outcome] if isinstance(outcome, str) else list(outcome)
    first = ANY if start in (ANY, [ANY], (ANY,)) else [start] if isinstance(start, str) else list(start)
    ends = [] if list(competing) == [CENSOR] or competing == CENSOR else list(competing)
    given = [within] if isinstance(within, str | timedelta) else list(within)
    windows = {microseconds("within", one): str(one) for one in given}
    cells = segment_cells(log, start=first, outcome=main, competing=ends, windows_us=list(windows), attributes=names)
    least = max(min_n, log.info.min_people)
    found, counted = _looked(log, cells, names, pairs=pairs, least=least)
    total = cells.table[["n", "n_event"]].sum()
    everybody = _everybody(int(total["n"]), int(total["n_event"]), cells.n_open)
    found = _measured(found, int(total["n"]), int(total["n_event"]), confidence)
    passed = found[found["p_adjusted"] <= level].reset_index(drop=True)
    safe = printable(passed, n=int(total["n"]), n_event=int(total["n_event"]), k=log.info.min_people)
    passed_by = passed.groupby(["attribute", "other_attribute"]).size()
    keys = pd.MultiIndex.from_frame(counted[["attribute", "other_attribute"]])
    counted["n_passed"] = passed_by.reindex(keys, fill_value=0).to_numpy()
    counted = counted[(counted["n_looked"] > 0) | (counted["n_small"] > 0)]  # an attribute may have one value only
    counted = counted.assign(other_attribute=counted["other_attribute"].replace("", "–"))
    far = (passed["shrunken"] - float(everybody["share"].iloc[0])).abs()
    table = passed.loc[safe].loc[far[safe].sort_values(ascending=False, kind="stable").index]
    params = {"start": ANY if first == ANY else log.label(first), "outcome": log.label(main),
              "within": windows[cells.window_us], "competing": [log.label(name) for name in ends],
              "attributes": names, "pairs": pairs, "min_n": least, "fdr": fdr, "confidence": confidence,
              "n_comparisons": len(found)}  # fmt: skip
    notes = _separated(table) + _notes(cells, counted, len(passed), int((~safe).sum()), least=least, fdr=fdr,
                                       several=len(windows) > 1, info=log.info)  # fmt: skip
    kpis = [Kpi(measure="n_segments", label=t("Segments that differ"), estimate=len(passed),
                definition=t("of {n} looked at, false discovery rate {fdr}", n=len(found),
                             fdr=percent(fdr, 0)))]  # fmt: skip
    return SegmentScanResult.build(table, data=log.info, params=params, kpis=kpis, notes=notes,
                                   more={"everybody": everybody, "looked": counted})  # fmt: skip


def _attributes(log: EventLog, given: Sequence[str] | None) -> list[str]:
    """Attributes asked for; by default those of the customers and the channel of entry, as far as there are any."""
    names = [*log.store.meta["customer_attributes"], CHANNEL] if given is None else list(given)
    if not names or len(set(names)) < len(names):
        raise ParameterError(f"attributes={names!r}: at least one, each once, is needed.", code="CJ-AN-330")
    return list(dict.fromkeys(names))


def _looked(
    log: EventLog, cells: Cells, names: list[str], *, pairs: bool, least: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if cells.table.empty:
        raise NotEnoughDataError(t("Nobody's window of {within} is over at the cut-off.",
                                   within=days(in_days(cells.window_us))), code="CJ-AN-331")  # fmt: skip
    found, counted = looks(cells.table, names, pairs=pairs, least=least)
    if found.empty:
        raise NotEnoughDataError(
            t("No segment has {n} {units} inside and outside of it, so none can be compared.", n=least,
              units=log.info.units), code="CJ-AN-331",
        )  # fmt: skip
    return found, counted


def _everybody(n: int, n_event: int, n_open: int) -> pd.DataFrame:
    low, high = wilson(n_event, n)
    return pd.DataFrame([{
        "n_started": n + n_open, "n": n, "n_open": n_open, "n_event": n_event, "n_without": n - n_event,
        "share": float(share(n_event, n)), "ci_low": float(low), "ci_high": float(high),
    }])  # fmt: skip


def _measured(found: pd.DataFrame, n: int, n_event: int, confidence: float) -> pd.DataFrame:
    """Shares, differences, shrunken shares and adjusted p-values of all segments looked at."""
    inside, outside = (found["n_event"], found["n"]), (n_event - found["n_event"], n - found["n"])
    low, high = newcombe(*inside, *outside, confidence=confidence)
    shrunken = shrink(*inside, confidence=confidence)
    own, others = share(*inside), share(*outside)
    return found.assign(
        segment=[_name(*map(str, row)) for row in found[list(KEYS)].to_numpy()],
        n_without=found["n"] - found["n_event"], n_rest=outside[1], n_rest_event=outside[0], share=own, rest=others,
        difference=100 * (own - others), difference_low=100 * low, difference_high=100 * high,
        shrunken=shrunken.estimate, shrunken_low=shrunken.ci_low, shrunken_high=shrunken.ci_high,
        p_adjusted=benjamini_hochberg(found["p"]),
    )  # fmt: skip


def _name(attribute: str, level: str, other_attribute: str, other_level: str) -> str:
    one = f"{attribute} = {level}"
    return f"{one}, {other_attribute} = {other_level}" if other_attribute else one


def _separated(table: pd.DataFrame) -> list[Note]:
    """A caution where a segment has the outcome always or never: its name may have been given because of it."""
    sure = table.loc[table["share"].isin([0.0, 1.0]), "segment"]
    if sure.empty:
        return []
    return [Note("CJ-AN-338", "caution", t(
        "Everybody or nobody has the outcome in: {segments}. If such an attribute was written after the outcome, or is "
        "another name for it, leave it out.", segments=t("; ").join(sure)))]  # fmt: skip


def _notes(
    cells: Cells,
    counted: pd.DataFrame,
    n_passed: int,
    n_secret: int,
    *,
    least: int,
    fdr: float,
    several: bool,
    info: DataInfo,
) -> list[Note]:
    small = int(counted["n_small"].sum())
    notes = [Note("CJ-AN-332", "info", t(
        "{n} segments were looked at; {small} were not, because they have fewer than {least} {units} inside or "
        "outside.", n=int(counted["n_looked"].sum()), small=small, least=least, units=info.units))]  # fmt: skip
    if n_passed:
        notes.append(Note("CJ-AN-333", "caution", t(
            "The segments listed were chosen because they stand out, so their raw shares and differences are too "
            "extreme on average (winner's curse), and of all that such scans list, up to {fdr} differ by chance only. "
            "Decide by the shrunken share, and check it on later {units}.", units=info.units,
            fdr=percent(fdr, 0))))  # fmt: skip
        notes.append(Note("CJ-AN-334", "caution", t(
            "Segments overlap, and differ in more than their name: an association. Attributes are as the files have "
            "them at the cut-off; one that was written after the outcome would explain nothing.")))  # fmt: skip
    if n_secret:
        notes.append(Note("CJ-AN-335", "caution", tn(
            "{n} segment differs but is not listed, because it would tell of fewer than {k} people.",
            "{n} segments differ but are not listed, because they would tell of fewer than {k} people.",
            n_secret, k=info.min_people)))  # fmt: skip
    if cells.n_open:
        notes.append(Note("CJ-AN-336", "info", t(
            "{n} {units} started less than {within} before the cut-off and are left out: they may still have the "
            "outcome in time.", n=info.people(cells.n_open), units=info.units,
            within=days(in_days(cells.window_us)))))  # fmt: skip
    if several:
        notes.append(Note("CJ-AN-337", "info", t(
            "Of the horizons, the longest is taken that is over for at least half of those who started: {within}.",
            within=days(in_days(cells.window_us)))))  # fmt: skip
    return notes
