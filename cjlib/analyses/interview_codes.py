"""What was said in interviews: codes by people, whether new interviews still bring new codes, agreement.

Interviews are few and chosen: most codes fall below the small-group floor and stay hidden. Notes are never
read here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import pandas as pd

from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, number, percent, t, tn
from cjlib.journey.tables import Interviews
from cjlib.stats.interview import Kappa, clustered_kappa, saturation
from cjlib.stats.proportion import wilson

LAST, NEW = 5, 0.05  # run length and share of new information of Guest, Namey and Chen (2020)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class InterviewCodesResult(Result):
    """People who spoke of each code, saturation, agreement of two coders."""

    kind: ClassVar[str] = "interview_codes"
    columns: ClassVar[Columns] = Columns(
        (
            Column("code", "string", "Code"),
            Column("group", "string", "Group", meaning="value of the grouping attribute"),
            Column("n", "Int64", "People interviewed", "people"),
            Column("n_with", "Int64", "Spoke of it", "people", "at least one passage with the code, by any coder"),
            Column("n_without", "Int64", "Did not speak of it", "people"),
            Column("share", "float64", "Share", "proportion", "of the people interviewed", ("n", "n_with")),
            Column("ci_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n", "n_with")),
            Column("ci_high", "float64", "", "proportion", "", ("n", "n_with")),
        ),
        sums=(("n", ("n_with", "n_without")),),
        over="group",
        caption="What was spoken of in interviews",
    )
    more_columns: ClassVar[dict[str, Columns]] = {
        "saturation": Columns(
            (
                Column("interviews", "float64", "Interviews", "number", "in the order in which they were held"),
                Column("n_codes", "float64", "Codes heard so far", "number"),
                Column("expected", "float64", "Expected in any order", "score", "mean over every order"),
            ),
            caption="Do new interviews still bring new codes?",
        ),
        "agreement": Columns(
            (
                Column("interviews", "float64", "Interviews coded twice", "number"),
                Column("observed", "float64", "Same judgement", "proportion", "of all codes in all these interviews"),
                Column("kappa", "float64", "Agreement beyond chance", "score", "Cohen's kappa, 1 = always"),
                Column("ci_low", "float64", "95 % CI", "score", "jackknife over interviews"),
                Column("ci_high", "float64", "", "score"),
            ),
            caption="Do two coders read the same?",
        ),
    }

    def question(self) -> str:
        return t("What was said in interviews, and would more of them bring anything new?")

    def answer(self) -> str:
        everyone = self._table[self._table["group"] == ALL]
        parts = [
            tn("{n} interview", "{n} interviews", int(self.params["n_interviews"]))
            + " "
            + t(
                "with {n} people, {codes} codes.",
                n=int(self.params["n_interviewed"]),
                codes=int(self.params["n_codes"]),
            )
        ]
        told = everyone[everyone["share"].notna()].sort_values("share", ascending=False, kind="stable")
        if len(told):
            listed = [
                t("{code} {share} (95 % CI {ci})", code=row["code"], share=percent(row["share"]),
                  ci=interval(row["ci_low"], row["ci_high"], percent)) for row in told.head(3).to_dict("records")
            ]  # fmt: skip
            parts.append(t("Most people spoke of: {parts}.", parts=t("; ").join(listed)))
        if hidden := int(everyone["share"].isna().sum()):
            parts.append(
                tn("{n} code is hidden: too few people.", "{n} codes are hidden: too few people each.", hidden)
            )
        return " ".join([*parts, self._newness(), self._agreed()])

    def _newness(self) -> str:
        last, new, expected = (self.params[key] for key in ("last", "n_new", "expected_new"))
        if expected is None:
            return t("There are too few interviews to say whether more would bring new codes.")
        verdict = t("still rising") if self.params["rising"] else t("flat")
        return t(
            "The last {k} interviews brought {m} new codes ({x} expected in any order): {verdict}.",
            k=int(last), m=int(new), x=number(expected, 1), verdict=verdict,
        )  # fmt: skip

    def _agreed(self) -> str:
        rows = self._more["agreement"]
        if rows.empty:
            return t("Whether two coders would read the same is unknown.")
        row = rows.iloc[0]
        return t(
            "Two coders agree beyond chance by {kappa} (95 % CI {ci}), on {n} interviews.",
            kappa=number(row["kappa"], 2), ci=interval(row["ci_low"], row["ci_high"], lambda x: number(x, 2)),
            n=int(row["interviews"]),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "A code counts once per person, whoever coded it. An interview in which nothing was coded is not in the "
            "data. Shares have Wilson intervals and are about the people interviewed, who were not drawn at random. "
            "Rising: in any order, the last {k} interviews would add more than {limit} to the codes heard before.",
            k=int(self.params["last"]), limit=percent(NEW, 0),
        )  # fmt: skip

    def alt(self) -> str:
        return t("Shares of the people interviewed by code, with intervals.") + " " + self.answer()

    def caption(self) -> str:
        people = self.data.people(int(self.params["n_interviewed"]))
        return t("{n} people interviewed. Bars are 95 % intervals.", n=people)

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.themes import draw

        table = self._table.rename(columns={"code": "theme", "share": "estimate"})
        told = table[(table["group"] == ALL) & table["estimate"].notna()]
        if told.empty:
            return None
        best = told.sort_values("estimate", ascending=False, kind="stable").iloc[0]
        title = t("{code}: {share} of the {n} people interviewed", code=best["theme"], share=percent(best["estimate"]),
                  n=int(best["n"]))  # fmt: skip
        return draw(table, title=title, ax=ax)

    def shown(self) -> list[Any]:
        return [part for part in super().shown() if len(part[1])]


def interview_codes(interviews: Interviews, *, by: str | None = None, confidence: float = 0.95) -> InterviewCodesResult:
    """Count the people who spoke of each code, and judge saturation and the agreement of coders.

    Parameters
    ----------
    interviews : Interviews
    by : attribute of the passages or the customers to compare by
    confidence : level of the intervals

    Returns
    -------
    InterviewCodesResult
        One row per code and group, "(all)" first; `.more("saturation")`, `.more("agreement")` (no row where
        it is unknown). Codes in words of the study.

    Raises
    ------
    ParameterError
        CJ-JN-003: unknown `by`.
    NotEnoughDataError
        CJ-JN-015: no coded interviews; CJ-AN-380: fewer people were interviewed than may be shown.

    Notes
    -----
    Saturation: codes expected in any order (Hurlbert 1971), judged with a run of five interviews and 5 %
    of new information (Guest, Namey and Chen 2020, PLoS ONE 15(5): e0232076). Agreement: Cohen's kappa of
    "coded or not" over all codes of the interviews that both read, jackknife over interviews.

    Examples
    --------
    >>> from cjlib.journey.frames import from_frames
    >>> said = {"a": "fees", "b": "fees", "c": "waiting", "d": "fees"}
    >>> rows = pd.DataFrame({"customer": said.keys(), "at": range(4), "code": said.values()})
    >>> _, _, talks = from_frames(interviews=rows, as_of="1970-02-01")
    >>> interview_codes(talks).table[["code", "n", "n_with", "share"]].values.tolist()
    [['fees', 4, 3, 0.75], ['waiting', 4, 1, 0.25]]
    """
    frame = interviews.frame(["interview", "at", "code", "coder", *([by] if by else [])])
    info = interviews.info
    if frame["unit"].nunique() < info.min_people:
        raise NotEnoughDataError(
            t("Too few people were interviewed to say anything without naming them; at least {k} are needed.",
              k=info.min_people), code="CJ-AN-380",
        )  # fmt: skip
    frame["code"] = [interviews.label(code) for code in frame["code"]]
    frame["group"] = frame[by].astype(object).where(frame[by].notna(), "(unknown)").astype(str) if by else ALL
    order = _order(frame, info.min_people)
    curve, news = _saturated(frame, max(LAST, info.min_people), max(1, info.min_people))
    agreed, why = _agreement(frame, max(LAST, info.min_people), confidence)
    held = int(frame["interview"].nunique())
    params = {
        "by": by or "", "n_interviews": held, "n_interviewed": int(frame["unit"].nunique()),
        "n_codes": len(order), **news, "confidence": confidence,
    }  # fmt: skip
    return InterviewCodesResult.build(
        _people(frame, order, confidence), data=info, params=params, kpis=_kpis(params, agreed),
        notes=_notes(why),
        more={"saturation": curve, "agreement": _one_row(agreed)},
    )  # fmt: skip


def _order(frame: pd.DataFrame, least: int) -> list[str]:
    """Codes by people, most first; those that stay hidden by name, so that their order tells nothing."""
    often = frame.groupby("code")["unit"].nunique()
    return sorted(often.index, key=lambda code: (-often[code] if often[code] >= least else 0, code))


def _people(frame: pd.DataFrame, order: Sequence[str], confidence: float) -> pd.DataFrame:
    """Counts and shares per code and group; a person belongs to the group of the first passage."""
    people = frame.drop_duplicates("unit").set_index("unit")["group"]
    said = frame.drop_duplicates(["unit", "code"]).assign(group=lambda rows: rows["unit"].map(people))
    names = sorted(people.unique())
    counted = said.groupby(["group", "code"]).size().to_dict()
    sizes = people.value_counts()
    groups = [] if names == [ALL] else names
    rows = []
    for code in order:
        total = sum(counted.get((name, code), 0) for name in names)
        rows.append({"code": code, "group": ALL, "n": len(people), "n_with": total})
        rows += [{"code": code, "group": g, "n": sizes[g], "n_with": counted.get((g, code), 0)} for g in groups]
    table = pd.DataFrame(rows)
    table["n_without"] = table["n"] - table["n_with"]
    table["share"] = table["n_with"] / table["n"]
    table["ci_low"], table["ci_high"] = wilson(table["n_with"], table["n"], confidence=confidence)
    return table


def _saturated(frame: pd.DataFrame, last: int, step: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The curve every `step` interviews (one interview is one person), and what the last ones brought."""
    held = frame.groupby("interview").agg(at=("at", "min"), codes=("code", set)).reset_index()
    held = held.sort_values(["at", "interview"], kind="stable")
    curve = saturation(list(held["codes"]))
    n = len(curve)
    points = sorted({n, *(k for k in range(step, n + 1, step) if k == n or n - k >= step)})
    shown = curve.iloc[[k - 1 for k in points]]
    table = pd.DataFrame({"interviews": shown["interview"], "n_codes": shown["n_codes"], "expected": shown["expected"]})
    if n < 2 * last:
        return table, {"last": last, "n_new": None, "expected_new": None, "rising": None}
    before = float(curve["expected"].iloc[n - last - 1])
    added = float(curve["expected"].iloc[-1]) - before
    return table, {
        "last": last, "n_new": int(curve["n_new"].iloc[n - last :].sum()), "expected_new": added,
        "rising": bool(added / before > NEW),
    }  # fmt: skip


def _agreement(frame: pd.DataFrame, least: int, confidence: float) -> tuple[tuple[int, Kappa] | None, str]:
    """Agreement of the two coders who share most interviews, or why it is unknown."""
    coded = frame[frame["coder"].notna()]
    readers = {place: sorted(part.unique()) for place, part in coded.groupby("interview")["coder"]}
    pairs = Counter(pair for names in readers.values() for pair in combinations(names, 2))
    if not pairs:
        return None, t("No interview was coded by two people, so whether the codes depend on the coder is unknown.")
    pair = min(pairs, key=lambda one: (-pairs[one], one))
    if pairs[pair] < least:
        return None, t("Fewer than {k} interviews were coded by the same two people, too few to judge.", k=least)
    both = [place for place, names in readers.items() if set(pair) <= set(names)]
    part = coded[coded["interview"].isin(both) & coded["coder"].isin(pair)]
    codes = sorted(part["code"].unique())
    cells = pd.MultiIndex.from_product([both, codes])
    one, other = (
        cells.isin(list(zip(mine["interview"], mine["code"], strict=True)))
        for mine in (part[part["coder"] == name] for name in pair)
    )
    try:
        found = clustered_kappa(one, other, cells.get_level_values(0), confidence=confidence)
    except NotEnoughDataError as problem:
        return None, str(problem)
    more = t("More than two people coded; the two who share most interviews are compared.") if len(pairs) > 1 else ""
    return (len(both), found), more


def _one_row(agreed: tuple[int, Kappa] | None) -> pd.DataFrame:
    if agreed is None:
        return pd.DataFrame(columns=list(InterviewCodesResult.more_columns["agreement"].names))
    n, kappa = agreed
    return pd.DataFrame([{"interviews": n, "observed": kappa.observed, "kappa": kappa.estimate,
                          "ci_low": kappa.ci_low, "ci_high": kappa.ci_high}])  # fmt: skip


def _notes(why: str) -> list[Note]:
    few = t("People are chosen for an interview, and few: shares describe them and do not estimate all customers.")
    return [Note("CJ-AN-381", "info", few), *([Note("CJ-AN-382", "caution", why)] if why else [])]


def _kpis(params: dict[str, Any], agreed: tuple[int, Kappa] | None) -> list[Kpi]:
    found = [
        Kpi(measure="n_interviews", label=t("Interviews"), estimate=params["n_interviews"]),
        Kpi(measure="n_codes", label=t("Codes heard"), estimate=params["n_codes"]),
    ]
    if params["expected_new"] is not None:
        found.append(Kpi(
            measure="expected_new", label=t("New codes in the last {k} interviews", k=int(params["last"])),
            estimate=params["n_new"], definition=t("{x} expected in any order", x=number(params["expected_new"], 1)),
        ))  # fmt: skip
    if agreed is not None:
        n, kappa = agreed
        found.append(Kpi(measure="kappa", label=t("Agreement of two coders"), estimate=kappa.estimate,
                         ci_low=kappa.ci_low, ci_high=kappa.ci_high, n=n, form="score",
                         definition=t("Cohen's kappa, 1 = always; n = interviews")))  # fmt: skip
    return found
