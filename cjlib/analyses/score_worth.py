"""What a score is worth: how long it tells apart what people do next, and what asking adds to watching.

A score that predicts is no merit of the question if behaviour alone predicts as well. Models are made
from the earlier answers and judged on the later ones; nothing after the invitation is a predictor.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cjlib.analyses.said import at_stage, chosen_instrument, pooled
from cjlib.analyses.said_and_done import band_names, bands
from cjlib.analyses.score_apart import apart, apart_kpi
from cjlib.analyses.words import span
from cjlib.core.duration import MICROSECONDS_PER_DAY, in_days, microseconds
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import days, interval, number, percent, points, t
from cjlib.journey.around import around_answers
from cjlib.journey.features import before_invitation
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.stats.instrument import Instrument
from cjlib.stats.prediction import compare_forecasts, forecast

HORIZONS = ("30 days", "60 days", "90 days", "180 days")
TRAIN = 0.6  # share of the answers, the earlier ones, that the models are made from
FEW_TRAIN, FEW_TEST = 10, 5  # people with and without the outcome
NULL, BEHAVIOUR, SCORE, BOTH = "share alone", "behaviour", "score", "behaviour and score"
PAIRS = ((BOTH, BEHAVIOUR), (BEHAVIOUR, NULL), (SCORE, NULL))
_BOTH_SIDES = ("n_best", "n_worst")
_SIDES = (
    Column("n_best", "Int64", "Best answers", "people", "promoters, or answers inside the box"),
    Column("n_worst", "Int64", "Worst answers", "people", "detractors, or all other answers"),
    Column("best", "float64", "Share, best", "proportion", "Kaplan-Meier", ("n_best",)),
    Column("best_low", "float64", "95 % CI", "proportion", "log-log interval", ("n_best",)),
    Column("best_high", "float64", "", "proportion", "", ("n_best",)),
    Column("worst", "float64", "Share, worst", "proportion", "Kaplan-Meier", ("n_worst",)),
    Column("worst_low", "float64", "95 % CI", "proportion", "log-log interval", ("n_worst",)),
    Column("worst_high", "float64", "", "proportion", "", ("n_worst",)),
    Column("difference", "float64", "Difference", "points", "percentage points, best minus worst", _BOTH_SIDES),
    Column("difference_low", "float64", "95 % CI", "points", "from the two intervals", _BOTH_SIDES),
    Column("difference_high", "float64", "", "points", "", _BOTH_SIDES),
)  # fmt: skip
_TESTED = ("n_test", "n_event", "n_without")
_TEST = (
    Column("n_test", "Int64", "Tested on", "people", "later answers"),
    Column("n_event", "Int64", "With the outcome", "people"),
    Column("n_without", "Int64", "", "people"),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScoreWorthResult(Result):
    """Difference between best and worst answers by horizon, and what the score adds to behaviour."""

    kind: ClassVar[str] = "score_worth"
    columns: ClassVar[Columns] = Columns(
        (Column("horizon_days", "float64", "Within", "days", "of the answer"), *_SIDES),
        caption="How far best and worst answers lie apart",
    )
    more_columns: ClassVar[dict[str, Columns]] = {
        "periods": Columns(
            (
                Column("from_days", "float64", "From", "days", "after the answer, among those without the outcome yet"),
                Column("to_days", "float64", "To", "days"), *_SIDES,
            ),
            caption="How long the score still tells something new",
        ),
        "models": Columns(
            (
                Column("model", "string", "Made from"), *_TEST,
                Column("brier", "float64", "Brier (× 100)", "score", "lower is better", _TESTED),
                Column("brier_low", "float64", "95 % CI", "score", "bootstrap", _TESTED),
                Column("brier_high", "float64", "", "score", "", _TESTED),
                Column("auc", "float64", "AUC", "score", "0.5 is chance, 1 is perfect", _TESTED),
                Column("auc_low", "float64", "95 % CI", "score", "bootstrap", _TESTED),
                Column("auc_high", "float64", "", "score", "", _TESTED),
            ),
            sums=(("n_test", ("n_event", "n_without")),),
            caption="How well later outcomes are told",
        ),
        "added": Columns(
            (
                Column("model", "string", "Made from"), Column("than", "string", "Compared with"),
                *(Column(c.name, c.dtype, "", c.unit) for c in _TEST),
                Column("brier", "float64", "Brier improved by (× 100)", "score", "above 0 is better", _TESTED),
                Column("brier_low", "float64", "95 % CI", "score", "bootstrap", _TESTED),
                Column("brier_high", "float64", "", "score", "", _TESTED),
                Column("auc", "float64", "AUC improved by", "score", "above 0 is better", _TESTED),
                Column("auc_low", "float64", "95 % CI", "score", "bootstrap", _TESTED),
                Column("auc_high", "float64", "", "score", "", _TESTED),
            ),
            sums=(("n_test", ("n_event", "n_without")),),
            caption="What one adds to the other",
        ),
    }  # fmt: skip

    def question(self) -> str:
        return t("What is a score worth for telling who does {outcome}?", outcome=self.params["outcome"])

    def answer(self) -> str:
        known = self._table[self._table["difference"].notna()]
        if known.empty:
            return t("Too few people with the best and the worst answers to compare.")
        chosen = known[known["horizon_days"] == self.params["within_days"]]
        row = (chosen if len(chosen) else known.tail(1)).iloc[0]
        text = t(
            "Within {time}, {best} after the best answers and {worst} after the worst have {outcome}: a difference "
            "of {difference} points (95 % CI {ci}).",
            time=days(row["horizon_days"]), best=percent(row["best"]), worst=percent(row["worst"]),
            outcome=self.params["outcome"], difference=points(row["difference"], 1),
            ci=interval(row["difference_low"], row["difference_high"], lambda x: points(x, 1)),
        )  # fmt: skip
        return f"{self._verdict(row)} {text} {self._added()}".strip()

    def _verdict(self, row: pd.Series) -> str:
        """What the score foretells, in plain words."""
        names = {"outcome": self.params["outcome"]}
        if row["difference_low"] > 0:
            return t("The score foretells: {outcome} is more frequent after the best answers.", **names)
        if row["difference_high"] < 0:
            return t("The score foretells: {outcome} is more frequent after the worst answers.", **names)
        return t("It is not established that the score foretells {outcome}.", **names)

    def _added(self) -> str:
        if "added" not in self._more or math.isnan(self._more["added"].iloc[0]["auc"]):
            return ""
        row = self._more["added"].iloc[0]
        values = {"auc": number(row["auc"], 2), "ci": interval(row["auc_low"], row["auc_high"], lambda x: number(x, 2))}
        if row["auc_low"] > 0:
            return t("Asking adds to behaviour alone: AUC better by {auc} (95 % CI {ci}) on later answers.", **values)
        values = {"auc": points(row["auc"], 2), "ci": interval(row["auc_low"], row["auc_high"], lambda x: points(x, 2))}
        if row["auc_high"] < 0:
            return t("Asking makes the forecast worse than behaviour alone: AUC changed by {auc} (95 % CI {ci}) on "
                     "later answers.", **values)  # fmt: skip
        return t("It is not established that asking adds to behaviour alone: AUC changed by {auc} (95 % CI {ci}) on "
                 "later answers.", **values)  # fmt: skip

    def definition(self) -> str:
        return t(
            "Each person counts once, with the first answer. The clock starts at the answer and only events strictly "
            "after it count. Models are made from the earlier {share} of the answers and judged on the later ones; "
            "they know only what had happened before the invitation. Outcome of the models: {outcome} within {within}.",
            share=percent(TRAIN, 0), outcome=self.params["outcome"], within=span(self.params["within"]),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.difference import draw

        table = self._table
        frame = pd.DataFrame({
            "label": [t("within {time}", time=days(value)) for value in table["horizon_days"]],
            "n": table["n_best"], "n_other": table["n_worst"], "difference": table["difference"],
            "ci_low": table["difference_low"], "ci_high": table["difference_high"],
            "clear": (table["difference_low"] > 0) | (table["difference_high"] < 0),
        })  # fmt: skip
        axis = t("share with {outcome}, best minus worst answers (points)", outcome=self.params["outcome"])
        return draw(frame, axis=axis, ax=ax)

    def shown(self) -> list[Any]:
        words = {NULL: t("share alone"), BEHAVIOUR: t("behaviour"), SCORE: t("score"), BOTH: t("behaviour and score")}
        return [
            (
                caption,
                frame.assign(**{c: frame[c].map(words) for c in ("model", "than") if c in frame}),
                hidden,
                columns,
            )
            for caption, frame, hidden, columns in super().shown()
        ]


def score_worth(
    responses: SurveyResponses,
    log: EventLog,
    *,
    outcome: str | Sequence[str],
    within: str,
    instrument: str | None = None,
    horizons: Sequence[str] = HORIZONS,
    end: Sequence[str] = (),
    stage: str | None = None,
    seed: int = 0,
    draws: int = 1000,
) -> ScoreWorthResult:
    """Estimate how long a score stays informative, and what it adds to behaviour when forecasting.

    Parameters
    ----------
    responses : SurveyResponses
    log : EventLog
    outcome : event(s) that count, strictly after the answer
    within : horizon of the models, a duration with a unit
    instrument : which scores; may be left out where the study has one instrument
    horizons : further horizons at which best and worst answers are compared
    end : events after which an answer is refused: the customer had left
    stage : only the answers about this stage
    seed, draws : of the bootstrap

    Returns
    -------
    ScoreWorthResult
        One row per horizon; `.more("periods")`; `.more("models")` and `.more("added")` where there are
        enough outcomes to make models and to judge them.

    Raises
    ------
    NotEnoughDataError
        No events, or no answer that can be placed in time.

    Notes
    -----
    Kaplan-Meier per band; interval of a difference from the two intervals (method of Newcombe 1998,
    Zou and Donner 2008, Stat. Med. 27, 1693-1702); Brier (1950); AUC with ties half; percentile bootstrap
    of the people tested. The split is by date: no answer of the test is older than one of the training.

    Examples
    --------
    >>> from cjlib.datasets.example import example_log, example_responses
    >>> worth = score_worth(example_responses(), example_log(), outcome="purchase", within="10 days")
    >>> worth.table[["horizon_days", "n_best", "n_worst"]].iloc[0].tolist()
    [10.0, 2.0, 2.0]
    """
    kind = chosen_instrument(responses, instrument)
    wanted = [outcome] if isinstance(outcome, str) else list(outcome)
    limit = microseconds("within", within)
    grid = sorted({in_days(microseconds("horizons", one)) for one in (*horizons, within)})
    rows = at_stage(around_answers(responses, log, after=wanted, end=list(end), instrument=kind.name), stage)
    rows, notes = _answers(responses, rows, kind, log.as_of_us)
    names = band_names(kind)
    best, worst = (rows[rows["band"] == name] for name in (names[-1], names[0]))
    if kind.statistic != "net":
        best, worst = worst, best  # best answers come first there
    table = pd.DataFrame(apart(best, worst, 0.0, grid))
    table["horizon_days"] = table["to_days"]
    later = [apart(best, worst, start, [stop])[0] for start, stop in itertools.pairwise(grid)]
    periods = pd.concat([table.drop(columns="horizon_days").head(1), pd.DataFrame(later)], ignore_index=True)
    more = {"periods": periods}
    notes += _groups(best, worst, rows)
    unknown = table.loc[table["difference"].isna(), "horizon_days"]
    if min(len(best), len(worst)) >= 2 and len(unknown):
        notes.append(Note("CJ-AN-012", "caution", t(
            "After {times} at least one side is not followed any more; the difference is unknown there.",
            times=", ".join(days(float(value)) for value in unknown))))  # fmt: skip
    models, why = _models(responses, log, rows, kind, limit, seed=seed, draws=draws)
    more |= models
    notes += why
    notes.append(Note("CJ-AN-031", "info", t(
        "People who answered differ from those who did not; this is an association.")))  # fmt: skip
    params = {"outcome": log.label(wanted), "within": within, "within_days": in_days(limit), "instrument": kind.name,
              "stage": stage or "", "seed": seed, "draws": draws}  # fmt: skip
    return ScoreWorthResult.build(table, data=responses.info, params=params, more=more, notes=notes,
                                  kpis=[*apart_kpi(table, params, responses.info.min_people),
                                        *_kpis(more)])  # fmt: skip


def _answers(
    responses: SurveyResponses, rows: pd.DataFrame, kind: Instrument, as_of_us: int
) -> tuple[pd.DataFrame, list[Note]]:
    """The first answer of each person: band, days to the outcome or to the cut-off, whether it came."""
    unknown, late = rows["first_at"].isna(), rows["end_at"] <= rows["answered_at"]
    notes = pooled(rows["stage"])[1]
    if late.any():
        notes.append(Note("CJ-AN-120", "caution", t(
            "Answers given after the customer had left are refused: {n}.",
            n=responses.info.people(int(late.sum())))))  # fmt: skip
    if unknown.any():
        notes.append(Note("CJ-AN-121", "caution", t(
            "Answers of customers without any event, whose deeds are unknown: {n}.",
            n=responses.info.people(int(unknown.sum())))))  # fmt: skip
    rows = rows[~unknown & ~late].sort_values(["answered_at", "response"]).drop_duplicates("unit")
    if rows.empty:
        raise NotEnoughDataError(t("No answer on {name} can be placed among the events of its customer.",
                                   name=kind.name.upper()), code="CJ-AN-122")  # fmt: skip
    hit = rows["after_at"].notna()
    length = rows["after_at"].where(hit, as_of_us) - rows["answered_at"]
    return rows.assign(band=bands(rows["score"], kind), hit=hit, days=length / MICROSECONDS_PER_DAY), notes


def _groups(best: pd.DataFrame, worst: pd.DataFrame, rows: pd.DataFrame) -> list[Note]:
    """Sentences where there is nothing to compare."""
    notes = []
    if min(len(best), len(worst)) < 2:
        notes.append(Note("CJ-AN-123", "limit", t(
            "Fewer than two people gave the best or the worst answers, so they cannot be compared.")))  # fmt: skip
    if rows["hit"].all() or not rows["hit"].any():
        text = t("Everybody had the outcome after the answer.") if rows["hit"].all() else t(
            "Nobody had the outcome after the answer.")  # fmt: skip
        notes.append(Note("CJ-AN-124", "limit", text))
    if (rows["score"] == rows["score"].iloc[0]).all():
        notes.append(Note("CJ-AN-125", "limit", t("All answers are equal, so the score tells nobody apart.")))
    return notes


def _models(
    responses: SurveyResponses,
    log: EventLog,
    rows: pd.DataFrame,
    kind: Instrument,
    limit: int,
    *,
    seed: int,
    draws: int,
) -> tuple[dict[str, pd.DataFrame], list[Note]]:
    """Models made from the earlier answers, judged on the later ones; or the sentence why there are none."""
    ready = rows[log.as_of_us - rows["answered_at"] >= limit].reset_index(drop=True)
    y = (ready["hit"] & (ready["days"] <= in_days(limit))).to_numpy()
    try:
        design = predictors(responses, log, kind, ready)
    except NotEnoughDataError as problem:
        return {}, [Note("CJ-AN-126", "limit", str(problem))]
    known = np.isfinite(design[BOTH]).all(axis=1)
    ready, y = ready[known], y[known]
    if not len(ready):
        return {}, [Note("CJ-AN-126", "limit", t("No answer is old enough to know what followed."))]
    cut = ready["answered_at"].quantile(TRAIN, interpolation="lower")
    early = (ready["answered_at"] <= cut).to_numpy()
    for part, least in ((y[early], FEW_TRAIN), (y[~early], FEW_TEST)):
        if min(part.sum(), (~part).sum()) < least:
            return {}, [Note("CJ-AN-126", "limit", t(
                "Too few people with and without the outcome to make a forecast from earlier answers and to judge it "
                "on later ones."))]  # fmt: skip
    made = {name: forecast(x[known][early], y[early], x[known][~early]) for name, x in design.items()}
    judged = compare_forecasts(y[~early], made, draws=draws, seed=seed)
    base = {"n_test": int((~early).sum()), "n_event": int(y[~early].sum()), "n_without": int((~y[~early]).sum())}
    wide = {(model, than): _wide(part) for (model, than), part in judged.groupby(["model", "than"])}
    models = pd.DataFrame([{"model": name, **base, **wide[name, ""]} for name in design])
    added = pd.DataFrame([{"model": name, "than": than, **base, **wide[name, than]} for name, than in PAIRS])
    return {"models": models, "added": added}, []


def predictors(
    responses: SurveyResponses, log: EventLog, kind: Instrument, answers: pd.DataFrame
) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Columns of each model for the answers given (response, score, band); NaN rows are undated invitations.

    Only events strictly before the invitation enter, and no attribute of the customer: nobody knows when
    it was written.
    """
    behaviour = before_invitation(responses, log, instrument=kind.name, answered=True)
    chosen = [values for (group, name), values in behaviour.covariates.items()
              if group == "event" or (group == "time" and name != "cut-off")]  # fmt: skip
    place = pd.Index(behaviour.invitations["response"]).get_indexer(pd.Index(answers["response"]))
    x = np.column_stack([np.empty((len(behaviour.invitations), 0)), *chosen])[place]
    x[place < 0] = np.nan
    bounds = band_names(kind)
    said = np.column_stack([answers["score"], *((answers["band"] == name).astype(float) for name in bounds[:-1])])
    said = np.where((place < 0)[:, None], np.nan, said.astype(float))
    return {NULL: np.empty((len(answers), 0)), BEHAVIOUR: x, SCORE: said, BOTH: np.column_stack([x, said])}


def _wide(part: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in part.to_dict("records"):
        scale = 100 if row["measure"] == "brier" else 1
        found |= {row["measure"]: scale * row["estimate"], f"{row['measure']}_low": scale * row["ci_low"],
                  f"{row['measure']}_high": scale * row["ci_high"]}  # fmt: skip
    return found


def _kpis(more: dict[str, pd.DataFrame]) -> list[Kpi]:
    if "added" not in more:
        return []
    row = more["added"].iloc[0]
    return [Kpi(measure="auc_added", label=t("AUC that asking adds"), estimate=row["auc"], ci_low=row["auc_low"],
                ci_high=row["auc_high"], n=int(row["n_test"]), form="score",
                definition=t("behaviour and score against behaviour alone, on later answers"))]  # fmt: skip
