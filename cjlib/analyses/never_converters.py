"""Who will never convert, and what the wait of the others looks like.

A curve that has become flat is the sign of people who never will; a curve that merely ends is not. So the
share is given only after a follow-up long enough to tell the two apart (`cjlib.stats.cure`); otherwise
the answer is the sentence that says why. Who ended otherwise will not have the outcome either and counts
among those who never do, which is what happens, not what would happen if nobody could leave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from cjlib.analyses.never_models import FITTED, families, family_words, fitted_curve, ratios_of_share, ratios_of_time
from cjlib.analyses.time_to_event import thinned
from cjlib.core.duration import MICROSECONDS_PER_DAY
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import GROUP, Kpi, Note, Result
from cjlib.core.text import days, interval, number, percent, t
from cjlib.journey.durations import ANY, CENSOR
from cjlib.journey.episodes import waits
from cjlib.journey.tables import EventLog
from cjlib.stats.competing import kept_at_risk
from cjlib.stats.cure import never_share
from cjlib.stats.curve import kaplan_meier

EXACT = 100_000  # customers above which times are cut to days
WHY = "CJ-AN-271"
_COUNTS = ("n", "n_event")
_OF_ALL = (
    Column("n", "Int64", "Started", "people", "customers whose clock started and ran"),
    Column("n_event", "Int64", "Outcome", "people", "had the outcome by the cut-off"),
    Column("n_competing", "Int64", "Competing end", "people", "ended otherwise: will not have it"),
    Column("n_open", "Int64", "Still open", "people", "neither by the cut-off: censored"),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NeverConvertersResult(Result):
    """Share that will never have the outcome, families of waiting times, ratios by group."""

    kind: ClassVar[str] = "never_converters"
    columns: ClassVar[Columns] = Columns(
        (
            GROUP, *_OF_ALL,
            Column("reached", "float64", "Had it so far", "proportion",
                   "cumulative incidence at the last outcome", _COUNTS),
            Column("reached_low", "float64", "95 % CI", "proportion", "log-log", _COUNTS),
            Column("reached_high", "float64", "", "proportion", "", _COUNTS),
            Column("flat_from_days", "float64", "Last outcome", "days", "after the start", _COUNTS),
            Column("never", "float64", "Will never have it", "proportion",
                   "mixture cure model of the best family; empty where the follow-up does not show it", _COUNTS),
            Column("never_low", "float64", "95 % CI", "proportion", "of the logit", _COUNTS),
            Column("never_high", "float64", "", "proportion", "", _COUNTS),
        ),
        sums=(("n", ("n_event", "n_competing", "n_open")),),
        over="group",
        caption="Who has had the outcome, and who never will",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "families": Columns(
            (
                Column("family", "string", "Family of waiting times"),
                Column("never", "string", "Some never", meaning="whether a share that never has it is part of it"),
                Column("n", "Int64", "Started", "people"),
                Column("parameters", "Int64", "Parameters", "number"),
                Column("aic", "float64", "AIC", "score", "smaller is better", ("n",)),
                Column("behind", "float64", "Behind the best", "score", "above 10: no support", ("n",)),
            ),
            caption="Which law the waiting times follow",
        ),
        "time_ratios": Columns(
            (
                GROUP,
                Column("other", "string", "Against", meaning="the largest group"),
                Column("n", "Int64", "Started", "people"),
                Column("n_event", "Int64", "Outcome", "people"),
                Column("time_ratio", "float64", "Time ratio", "score",
                       "the wait is that many times as long", _COUNTS),
                Column("ci_low", "float64", "95 % CI", "score", "given the family", _COUNTS),
                Column("ci_high", "float64", "", "score", "", _COUNTS),
                Column("p_value", "float64", "p", "p", "", _COUNTS),
            ),
            over="group",
            caption="How many times as long each group waits (accelerated failure time)",
        ),
        "share_ratios": Columns(
            (
                GROUP,
                Column("other", "string", "Against", meaning="the largest group"),
                Column("n", "Int64", "Started", "people"),
                Column("n_event", "Int64", "Outcome", "people"),
                Column("share_ratio", "float64", "Subdistribution ratio", "score",
                       "Fine-Gray: for forecasting the share, not for causes", _COUNTS),
                Column("share_low", "float64", "95 % CI", "score", "", _COUNTS),
                Column("share_high", "float64", "", "score", "", _COUNTS),
                Column("hazard_ratio", "float64", "Cause-specific ratio", "score",
                       "rate of the outcome among those still waiting", _COUNTS),
                Column("ci_low", "float64", "95 % CI", "score", "", _COUNTS),
                Column("ci_high", "float64", "", "score", "", _COUNTS),
            ),
            over="group",
            caption="Groups compared under competing ends",
        ),
        "curve": Columns((
            GROUP, Column("outcome", "string", "Outcome"), Column("time_days", "float64", "Days", "number"),
            Column("n_at_risk", "Int64", "Not had it", "people"),
            Column("estimate", "float64", "Share", "proportion", "cumulative incidence", ("n_at_risk",)),
            Column("ci_low", "float64", "95 % CI", "proportion", "log-log interval", ("n_at_risk",)),
            Column("ci_high", "float64", "", "proportion", "", ("n_at_risk",)),
        )),
        "fitted": FITTED,
    }  # fmt: skip

    def question(self) -> str:
        return t("Who will never have {outcome}?", outcome=self.params["outcome"])

    def answer(self) -> str:
        row = self._table.iloc[0]
        if pd.isna(row["reached"]):
            return t("Too few {units} had the outcome to say who never will.", units=self.data.units)
        given = {"outcome": self.params["outcome"], "units": self.data.units, "reached": percent(row["reached"]),
                 "last": days(row["flat_from_days"])}  # fmt: skip
        if pd.isna(row["never"]):
            why = next((note.message for note in self.notes if note.code == WHY), "")
            said = t("{reached} of the {units} have had {outcome} within {last}.", **given) + " " + why
        else:
            ci = interval(row["never_low"], row["never_high"], percent)
            said = t("{never} of the {units} will never have {outcome} (95 % CI {ci}): {reached} have had it within "
                     "{last}, and nobody since.", never=percent(row["never"]), ci=ci, **given)  # fmt: skip
        return " ".join(part for part in (said, self._groups(), self._waits()) if part)

    def _groups(self) -> str:
        """The groups whose share can be said."""
        known = self._table[(self._table["group"] != ALL) & self._table["never"].notna()]
        parts = [
            t("{group} {share} ({ci})", group=row["group"], share=percent(row["never"]),
              ci=interval(row["never_low"], row["never_high"], percent)) for row in known.head(3).to_dict("records")
        ]  # fmt: skip
        return t("Who never will, by group: {parts}.", parts=t("; ").join(parts)) if parts else ""

    def _waits(self) -> str:
        """The groups whose wait clearly differs from that of the largest."""
        if "time_ratios" not in self._more:
            return ""
        table = self._more["time_ratios"]
        clear = table[(table["ci_low"] > 1) | (table["ci_high"] < 1)]
        if clear.empty:
            return t("No group clearly waits longer or shorter than the largest one.")
        order = clear["time_ratio"].astype(float).map(math.log).abs().sort_values(ascending=False, kind="stable").index
        parts = [
            t("{group} × {ratio} ({ci})", group=row["group"], ratio=number(row["time_ratio"], 2),
              ci=interval(row["ci_low"], row["ci_high"], lambda x: number(x, 2)))
            for row in clear.loc[order].head(3).to_dict("records")
        ]  # fmt: skip
        given = {"other": table["other"].iloc[0], "parts": t("; ").join(parts)}
        if self.params["mixture"]:
            return t("Length of the wait of those who ever do, against {other}: {parts}.", **given)
        return t("Length of the wait against {other}: {parts}.", **given)

    def definition(self) -> str:
        return t(
            "Mixture cure model: a share never has {outcome}, the others after a Weibull, log-normal or log-logistic "
            "wait. It is given only if enough people were followed well beyond the last outcome (Maller and Zhou) and "
            "the three families agree. Who ended otherwise counts among those who never do.",
            outcome=self.params["outcome"],
        )

    def shown(self) -> list[Any]:
        hidden = (FITTED, self.more_columns["curve"])
        found = [(caption, frame, cells, columns) for caption, frame, cells, columns in super().shown()
                 if columns not in hidden]  # fmt: skip
        words, kinds = {"no": t("no"), "yes": t("yes")}, family_words()
        for place, (caption, frame, cells, columns) in enumerate(found):
            if "family" in frame:
                told = frame.assign(family=frame["family"].map(kinds), never=frame["never"].map(words))
                found[place] = (caption, told, cells, columns)
        return found

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.plateau import draw

        row = self._table.iloc[0]
        start = t("the first event") if self.params["start"] == ANY else self.params["start"]
        plateau = (1 - row["never"], 1 - row["never_high"], 1 - row["never_low"])
        return draw(
            self._more["curve"], self._more["fitted"], family=family_words().get(self.params["family"], ""),
            plateau=None if pd.isna(row["never"]) else plateau, origin=start, min_people=self.data.min_people, ax=ax,
        )  # fmt: skip


def never_converters(
    log: EventLog,
    *,
    start: str | Sequence[str],
    outcome: str | Sequence[str],
    competing: Sequence[str] = (),
    by: str | None = None,
    confidence: float = 0.95,
) -> NeverConvertersResult:
    """Estimate the share of customers who will never have the outcome, and describe the wait.

    Parameters
    ----------
    log : EventLog
    start : event that starts the clock, several, or "any" for the customer's first event
    outcome : event(s) that stop it
    competing : events that end the clock otherwise: who has one will not have the outcome
    by : attribute; each group has its own share, and is compared with the largest group
    confidence : level of the intervals

    Returns
    -------
    NeverConvertersResult
        One row for all and one per group; `.more("families")` compared by AIC; with `by` also
        `.more("time_ratios")` and, under competing ends, `.more("share_ratios")`.

    Raises
    ------
    ParameterError
        An event or attribute is unknown.
    NotEnoughDataError
        CJ-JN-007: nobody's clock starts; CJ-AN-270: nobody has the outcome.

    Notes
    -----
    Cure: Boag (1949), Farewell (1982); follow-up: Maller and Zhou (1994), JASA 89, 1499-1506. Accelerated
    failure time: Kalbfleisch and Prentice (2002). Subdistribution: Fine and Gray (1999), on censoring
    complete data; Gray (1988).

    Examples
    --------
    >>> from cjlib.datasets.example import example_log
    >>> found = never_converters(example_log(), start="visit", outcome="purchase")
    >>> found.table[["n", "n_event", "never"]].fillna("?").values.tolist()
    [[8, 5, '?']]
    """
    main = [outcome] if isinstance(outcome, str) else list(outcome)
    ends = [name for name in competing if name != CENSOR]
    step = MICROSECONDS_PER_DAY if log.n_customers > EXACT else 1
    counts = waits(log, start=start, outcome=main, competing=ends, by=by, step_us=step)
    instant = int(counts.loc[counts["stop_days"] <= 0, "n"].sum())
    counts = counts[counts["stop_days"] > 0]
    if not (counts["outcome"] == 1).any():
        raise NotEnoughDataError(t("Nobody has had the outcome during the follow-up, so nothing says who never will."),
                                 code="CJ-AN-270")  # fmt: skip
    table, reasons = _shares(counts, by, confidence)
    everybody = _summed(kept_at_risk(counts))
    fits = families(everybody)
    more = {
        "curve": _curve(everybody, log.label(main)),
        "families": fits.table,
        "fitted": fitted_curve(fits, everybody),
    }
    notes = _notes(log, table, reasons, instant)
    if step > 1:
        notes.append(Note("CJ-AN-274", "info", t(
            "There are more than {n} {units}: times were cut to whole days (middle of the day) and equal ones counted "
            "together.", n=EXACT, units=log.info.units)))  # fmt: skip
    close = fits.table[fits.table["behind"] < 2]
    if len(close) > 1:
        names = ", ".join(dict.fromkeys(family_words()[name] for name in close["family"]))
        notes.append(Note("CJ-AN-275", "info", t(
            "Several laws fit about as well (AIC within 2): {families}.", families=names)))  # fmt: skip
    if by:
        more_ratios, said = _compared(counts, table, competing=bool(ends), cure=fits.cure,
                                      least=log.info.min_people, confidence=confidence)  # fmt: skip
        more |= more_ratios
        notes += said
    params = {"start": ANY if start in (ANY, [ANY]) else log.label(start), "outcome": log.label(main),
              "competing": [log.label(name) for name in ends], "by": by or "",
              "family": fits.best, "mixture": fits.cure, "confidence": confidence}  # fmt: skip
    return NeverConvertersResult.build(table, data=log.info, params=params, more=more, notes=notes,
                                       kpis=_kpis(table, log.label(main)))  # fmt: skip


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby(["stop_days", "event"], sort=True)["n"].sum().reset_index()


def _shares(counts: pd.DataFrame, by: str | None, confidence: float) -> tuple[pd.DataFrame, dict[str, str]]:
    """One row for all and per group, largest first; and why a share cannot be said, by group."""
    sizes = counts.groupby("group")["n"].sum().sort_values(ascending=False, kind="stable")
    parts = {ALL: counts} | ({str(name): counts[counts["group"] == name] for name in sizes.index} if by else {})
    rows, reasons = [], {}
    for name, part in parts.items():
        kept = _summed(kept_at_risk(part))
        n = part.groupby(part["outcome"].clip(upper=2))["n"].sum()
        row = {"group": name, "n": int(part["n"].sum()), "n_event": int(n.get(1, 0)),
               "n_competing": int(n.get(2, 0)), "n_open": int(n.get(0, 0)), **_reached(kept, confidence)}  # fmt: skip
        try:
            model = never_share(kept, weight="n", confidence=confidence)
            row |= {"never": model.estimate, "never_low": model.ci_low, "never_high": model.ci_high}
        except NotEnoughDataError as problem:
            row |= dict.fromkeys(("never", "never_low", "never_high"), math.nan)
            reasons[name] = str(problem)
        rows.append(row)
    return pd.DataFrame(rows), reasons


def _observed(kept: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    table = kept.rename(columns={"stop_days": "duration_days", "event": "outcome"}).assign(group=ALL)
    curve = kaplan_meier(table, confidence=confidence)
    return curve.assign(estimate=1 - curve["estimate"], ci_low=1 - curve["ci_high"], ci_high=1 - curve["ci_low"])


def _reached(kept: pd.DataFrame, confidence: float) -> dict[str, float]:
    events = kept[kept["event"] == 1]
    if events.empty:
        return dict.fromkeys(("reached", "reached_low", "reached_high", "flat_from_days"), math.nan)
    last = float(events["stop_days"].max())
    curve = _observed(kept, confidence)
    row = curve[curve["time_days"] <= last].iloc[-1]
    return {"reached": row["estimate"], "reached_low": row["ci_low"], "reached_high": row["ci_high"],
            "flat_from_days": last}  # fmt: skip


def _curve(kept: pd.DataFrame, outcome: str) -> pd.DataFrame:
    return thinned(_observed(kept).assign(outcome=1), [outcome])


def _compared(
    counts: pd.DataFrame, table: pd.DataFrame, *, competing: bool, cure: bool, least: int, confidence: float
) -> tuple[dict[str, pd.DataFrame], list[Note]]:
    """Ratios of groups that are large enough against the largest one."""
    groups = table[(table["group"] != ALL) & (table["n_event"] >= least)]
    if len(groups) < 2:
        return {}, []
    used = counts[counts["group"].isin(groups["group"])]
    sizes = groups.set_index("group")[list(_COUNTS)]
    more, notes = ratios_of_time(used, sizes, confidence, cure=cure)
    if competing:
        found, said = ratios_of_share(used, sizes, confidence)
        more |= found
        notes += said
    return more, notes


def _kpis(table: pd.DataFrame, outcome: str) -> list[Kpi]:
    row = table.iloc[0]
    if pd.isna(row["never"]):
        return []
    return [Kpi(measure="never", label=t("Will never have {outcome}", outcome=outcome), estimate=row["never"],
                ci_low=row["never_low"], ci_high=row["never_high"], n=int(row["n"]), form="percent",
                definition=t("mixture cure model, long enough follow-up"))]  # fmt: skip


def _notes(log: EventLog, table: pd.DataFrame, reasons: dict[str, str], instant: int) -> list[Note]:
    notes = []
    if ALL in reasons:
        notes.append(Note(WHY, "info", reasons[ALL]))
    groups = [name for name in reasons if name != ALL]
    if groups and len(groups) < len(table) - 1:
        notes.append(Note("CJ-AN-272", "info", t(
            "The share that never will cannot be said for: {groups}.", groups=", ".join(groups))))  # fmt: skip
    if table["n_competing"].iloc[0]:
        notes.append(Note("CJ-AN-273", "info", t(
            "Who ended otherwise will not have the outcome either and counts among those who never do.")))  # fmt: skip
    if instant:
        notes.append(Note("CJ-AN-255", "info", t(
            "Left out, because never at risk: {n} {units} with an outcome at the instant their clock started.",
            n=log.info.people(instant), units=log.info.units)))  # fmt: skip
    return notes
