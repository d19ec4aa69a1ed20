"""Which experiences go with the score? Facts before the answer, their importance and their odds ratios.

Importance is the share of the spread of the score that a driver explains, averaged over all orders in
which the drivers can enter (Shapley value of R²). It is not an effect: who waits also differs otherwise.
A value that only some have (minutes of waiting) enters as "had it" plus its height among those who had
it; nobody is given an average wait that they never had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.said import answers_of, indicators, pooled
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import interval, percent, t
from cjlib.journey.experienced import Driver, experiences_before
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.stats.importance import MOST_DRIVERS, Importance, shapley_r2
from cjlib.stats.ordinal import limits, ordinal_logit, p_of, proportional_odds
from cjlib.stats.proportion import Floats

PER_COLUMN = 10  # answers (effective) that a column of the model needs
_SIDES = ("n_lived", "n_other")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DriversResult(Result):
    """Importance and performance of each driver, and the odds of a better score."""

    kind: ClassVar[str] = "score_drivers"
    columns: ClassVar[Columns] = Columns(
        (
            Column("driver", "string", "Driver"),
            Column("n_people", "Int64", "", "people", "distinct people who answered"),
            Column("n", "Int64", "Answers", "people", "answers for which it is known"),
            Column("n_lived", "Int64", "Lived it", "people", "had lived through it; for counts, more than the median"),
            Column("n_other", "Int64", "Had not lived it", "people"),
            Column("share", "float64", "Share who lived it", "proportion", "", _SIDES),
            Column("score_lived", "float64", "Mean score, lived", "score", "", ("n_lived",)),
            Column("score_other", "float64", "Mean score, others", "score", "", ("n_other",)),
            Column("importance", "float64", "Importance", "proportion", "share of R², over all orders", _SIDES),
            Column("ci_low", "float64", "95 % CI", "proportion", "bootstrap of people", _SIDES),
            Column("ci_high", "float64", "", "proportion", "", _SIDES),
            Column("first", "float64", "Ranked first", "proportion", "share of the bootstrap draws", _SIDES),
        ),
        sums=(("n", ("n_lived", "n_other")),),
        caption="Importance and performance",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "odds": Columns(
            (
                Column("term", "string", "Term", meaning="what changes by one"),
                Column("n", "Int64", "Answers", "people", "with some of it"),
                Column("odds_ratio", "float64", "Odds ratio", "score", "of a better score; below 1: worse", ("n",)),
                Column("ci_low", "float64", "95 % CI", "score", "", ("n",)),
                Column("ci_high", "float64", "", "score", "", ("n",)),
                Column("p_value", "float64", "p", "p", "Wald", ("n",)),
                Column("lowest", "float64", "Lowest over the steps", "score", "odds ratio of yes/no models", ("n",)),
                Column("highest", "float64", "Highest over the steps", "score", "odds ratio of yes/no models", ("n",)),
                Column("p_even", "float64", "p, same at all steps", "p", "check of proportional odds (Brant)", ("n",)),
            ),
            caption="Odds of a better score",
        )
    }  # fmt: skip

    def question(self) -> str:
        return t("{name}: which experiences go with the score?", name=self.params["instrument"].upper())

    def _ranked(self) -> pd.DataFrame:
        return self._table[self._table["importance"].notna()]

    def answer(self) -> str:
        rows = self._ranked()
        if rows.empty:
            return t("Too few people on both sides of every driver to say what goes with the score.")
        parts = [
            t("{driver} {share} (95 % CI {ci})", driver=row["driver"], share=percent(row["importance"]),
              ci=interval(row["ci_low"], row["ci_high"], percent)) for row in rows.head(3).to_dict("records")
        ]  # fmt: skip
        return t(
            "Of the spread of the scores, {r2} goes with these drivers; most important: {parts}. Importance, "
            "not proof of a cause.",
            r2=percent(self.params["r2"]), parts=t("; ").join(parts),
        )  # fmt: skip

    def definition(self) -> str:
        return t(
            "Only what had happened strictly before the answer. Importance: Shapley value of R² of the linear "
            "model, bootstrap over people. Odds ratios: ordinal logit with all drivers, errors by person; the "
            "check compares yes/no models at every step of the scale."
        )

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.importance import draw

        low, high = self.params["scale"]
        return draw(self._table, scale=(low, high), ax=ax)


def score_drivers(
    responses: SurveyResponses,
    log: EventLog,
    *,
    drivers: Sequence[Driver | Mapping[str, Any]],
    instrument: str,
    stage: str | None = None,
    seed: int = 1,
    draws: int = 400,
) -> DriversResult:
    """Estimate how much facts before the answer go with the score.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    drivers : 1 to 10 of {"name", "event", "measure", "deadline"}; see `cjlib.journey.experienced.Driver`
    instrument : "nps", "csat", "ces" or "other"; must occur in the study
    stage : only the answers about this stage; left out: all, compared within their stage
    seed : same seed, same intervals
    draws : resamples of the bootstrap

    Returns
    -------
    DriversResult
        One row per driver, most important first; `.more("odds")` per term of the ordinal logit, left out
        where no finite odds ratio exists.

    Raises
    ------
    ParameterError
        Unknown event, date or measure; CJ-AN-140: no driver, more than 10, or two of one name.
    NotEnoughDataError
        CJ-AN-141: too few answers for so many drivers; CJ-AN-142: everybody lived the same;
        CJ-ST-004: all scores equal.

    Notes
    -----
    Sources in `cjlib.stats.importance` and `cjlib.stats.ordinal`. Effective answers of an ordered score:
    n - sum(n_i³)/n² over its values (Harrell 2015, Regression Modeling Strategies, section 4.4).

    Examples
    --------
    >>> from cjlib.datasets.example import example_log, example_responses
    >>> bought = {"name": "Purchase", "event": "purchase"}
    >>> score_drivers(example_responses(), example_log(), drivers=[bought], instrument="nps")
    Traceback (most recent call last):
    cjlib.core.errors.NotEnoughDataError: Too few answers: drivers with 1 column need about 10 answers spread over \
the scale, and there are the like of 5.
    """
    asked = [one if isinstance(one, Driver) else Driver(**one) for one in drivers]
    if not 1 <= len(asked) <= MOST_DRIVERS or len({one.name for one in asked}) < len(asked):
        raise ParameterError(
            f"drivers: {len(asked)} given; 1 to {MOST_DRIVERS} with different names are needed.", code="CJ-AN-140"
        )
    said, kind = answers_of(responses, instrument, stage=stage)
    rows = experiences_before(responses, log, drivers=asked, instrument=instrument)
    rows = rows.merge(said[["response", "stage"]], on="response").sort_values("response", ignore_index=True)
    stages, stage_notes = pooled(rows["stage"], adjusted=True)
    for place, driver in enumerate(asked):
        if driver.measure == "count":  # nearly everybody has some: those with many stand against the others
            value = rows[f"value_{place}"]
            rows[f"lived_{place}"] = (value > value.median()).astype(float)
    design = _design(rows, asked)
    notes = _dropped(design, asked)
    if not design.blocks:
        raise NotEnoughDataError(
            t("Everybody lived the same before answering, so no driver can be told apart."), code="CJ-AN-142"
        )
    adjusted = indicators(rows["stage"], stages)
    _enough(rows, design.x.shape[1] + adjusted.shape[1])
    width = design.x.shape[1]
    both = np.column_stack([design.x, adjusted])
    found = shapley_r2(rows["score"], both, design.blocks, always=range(width, both.shape[1]), seed=seed,
                       people=rows["unit"], draws=draws)  # fmt: skip
    table = _table(rows, design, found)
    more, odds_notes = _odds(rows, design, both)
    params = {"instrument": instrument, "stage": stage or "", "stages": stages, "scale": list(kind.scale),
              "seed": seed, "draws": draws, "r2": found.r2,
              "drivers": [f"{one.name}: {one.measure} {' / '.join(one.events)}" for one in asked]}  # fmt: skip
    notes += [*stage_notes, *odds_notes, Note("CJ-AN-143", "caution", t(
        "Importance is not an effect: people who lived through one thing differ in other ways, and a general "
        "mood colours every answer."))]  # fmt: skip
    if len(design.blocks) == 1:
        notes.append(Note("CJ-AN-144", "caution", t(
            "There is one driver only: its importance is all that the model explains, not a rank.")))  # fmt: skip
    return DriversResult.build(table, data=responses.info, params=params, more=more, notes=notes,
                               kpis=_kpis(table, found, len(rows)))  # fmt: skip


@dataclass(frozen=True)
class _Design:
    """Columns of the model, which belong to which driver, and what each says."""

    x: Floats
    blocks: list[list[int]]
    names: list[str]
    places: list[int]
    terms: list[str]


def _design(rows: pd.DataFrame, drivers: list[Driver]) -> _Design:
    """Indicator, value among those who have one, and "unknown", each only where it varies."""
    columns: list[Floats] = []
    blocks, names, places, terms = [], [], [], []
    for place, driver in enumerate(drivers):
        lived, value = rows[f"lived_{place}"], rows[f"value_{place}"]
        made: list[tuple[str, Floats]] = []
        if driver.measure in ("count", "late"):
            word = t("{driver}: one more", driver=driver.name) if driver.measure == "count" else t(
                "{driver}: one more day late", driver=driver.name)  # fmt: skip
            made.append((word, _centred(value)))
        else:
            made.append((t("{driver}: yes", driver=driver.name), lived.to_numpy(dtype=float)))
            if driver.measure == "highest":
                made.append((t("{driver}: one more unit", driver=driver.name), _centred(value)))
                no_value = np.asarray(value.isna() & (lived == 1), dtype=np.float64)
                made.append((t("{driver}: value unknown", driver=driver.name), no_value))
        if lived.isna().any():
            made.append((t("{driver}: unknown", driver=driver.name), np.asarray(lived.isna(), dtype=np.float64)))
        block = []
        for term, column in made:
            if np.ptp(column) > 0:
                block.append(len(columns))
                columns.append(column)
                terms.append(term)
        if block:
            blocks.append(block)
            names.append(driver.name)
            places.append(place)
    x = np.column_stack(columns) if columns else np.empty((len(rows), 0))
    return _Design(x, blocks, names, places, terms)


def _centred(value: pd.Series) -> Floats:
    """Distance from the mean of those who have a value, 0 for the others: their indicator speaks for them."""
    found: Floats = (value - value.mean()).fillna(0.0).to_numpy(dtype=float)
    return found


def _dropped(design: _Design, drivers: list[Driver]) -> list[Note]:
    gone = [driver.name for place, driver in enumerate(drivers) if place not in design.places]
    if not gone:
        return []
    message = t("Left out, because it was the same for everybody who answered: {drivers}.", drivers=", ".join(gone))
    return [Note("CJ-AN-145", "caution", message)]


def _enough(rows: pd.DataFrame, n_columns: int) -> None:
    # Several answers of one person are not several people
    sizes = np.asarray(rows["score"].value_counts(), dtype=np.float64)
    sizes = np.multiply(sizes, rows["unit"].nunique() / len(rows), dtype=np.float64)
    effective = sizes.sum() - (sizes**3).sum() / sizes.sum() ** 2
    if len(sizes) > 1 and effective < PER_COLUMN * n_columns:
        raise NotEnoughDataError(
            t("Too few answers: drivers with {k} column need about {needed} answers spread over the scale, and "
              "there are the like of {n}.", k=n_columns, needed=PER_COLUMN * n_columns, n=round(effective)),
            code="CJ-AN-141",
        )  # fmt: skip


def _table(rows: pd.DataFrame, design: _Design, found: Importance) -> pd.DataFrame:
    made = []
    for order, (place, name) in enumerate(zip(design.places, design.names, strict=True)):
        lived = rows[f"lived_{place}"]
        with_it, without = rows.loc[lived == 1, "score"], rows.loc[lived == 0, "score"]
        known = len(with_it) + len(without)
        # The fewer people on either side are the floor: their scores are what could tell on somebody.
        people = min(rows.loc[lived == side, "unit"].nunique() for side in (0, 1))
        made.append({
            "driver": name, "n_people": people, "n": known, "n_lived": len(with_it), "n_other": len(without),
            "share": len(with_it) / known if known else np.nan, "score_lived": with_it.mean(),
            "score_other": without.mean(), "importance": found.share[order], "ci_low": found.ci_low[order],
            "ci_high": found.ci_high[order], "first": found.first[order],
        })  # fmt: skip
    return pd.DataFrame(made).sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _odds(rows: pd.DataFrame, design: _Design, x: Floats) -> tuple[dict[str, pd.DataFrame], list[Note]]:
    """Odds ratios with their check, drivers first in `x`; a note instead where none can be given."""
    width = design.x.shape[1]
    try:
        fit = ordinal_logit(rows["score"], x, people=rows["unit"])
    except NotEnoughDataError as reason:
        if reason.code != "CJ-ST-023":
            raise
        return {}, [Note("CJ-AN-146", "limit", str(reason))]
    check = proportional_odds(rows["score"], x, people=rows["unit"]).iloc[:width]
    low, high = (limit[:width] for limit in limits(fit))
    some = [int((np.abs(column - _mode(column)) > 0).sum()) for column in design.x.T]
    table = pd.DataFrame({
        "term": design.terms, "n": some, "odds_ratio": np.exp(fit.coefficient[:width]), "ci_low": low, "ci_high": high,
        "p_value": p_of(fit.coefficient[:width], fit.std_error[:width]), "lowest": check["lowest"],
        "highest": check["highest"], "p_even": check["p_value"],
    })  # fmt: skip
    notes = []
    uneven = [term for term, even in zip(design.terms, check["even"], strict=True) if not even]
    if uneven:
        notes.append(Note("CJ-AN-147", "caution", t(
            "The odds ratio depends on the step of the scale for: {terms}. Read its lowest and highest value, "
            "not the one in the middle.", terms=", ".join(uneven))))  # fmt: skip
    return {"odds": table}, notes


def _mode(column: Floats) -> float:
    values, counts = np.unique(column, return_counts=True)
    return float(values[counts.argmax()])


def _kpis(table: pd.DataFrame, found: Importance, n: int) -> list[Kpi]:
    top = table.iloc[0]
    return [
        Kpi(measure="r2", label=t("Spread explained"), estimate=found.r2, n=n, form="percent",
            definition=t("R² of the linear model with all drivers")),
        Kpi(measure="first", label=t("Most important: {driver}", driver=top["driver"]), estimate=top["importance"],
            ci_low=top["ci_low"], ci_high=top["ci_high"], n=int(min(top["n_lived"], top["n_other"])), form="percent",
            definition=t("share of the spread; ranked first in {share} of the resamples", share=percent(top["first"]))),
    ]  # fmt: skip
