"""Who is still a customer? The expected number, from how often each bought and how long each is silent.

The same silence means leaving for a frequent customer and nothing for a rare one: a model of purchases
and unseen leaving weighs both. It is fitted as of an earlier day and must predict what came after.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core import checks
from cjlib.core.duration import MICROSECONDS_PER_DAY, in_days, microseconds
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.gate import ALL, Column, Columns
from cjlib.core.result import Kpi, Note, Result
from cjlib.core.text import day, days, interval, number, percent, t
from cjlib.journey.occasions import earlier_day, occasions, purchase_counts
from cjlib.journey.tables import EventLog
from cjlib.privacy.protected import write_rows
from cjlib.stats.mean import mean_interval
from cjlib.stats.purchase_process import (
    MODELS,
    PurchaseProcess,
    Purchases,
    expected_purchases,
    fit_purchase_process,
    p_alive,
    purchases,
)

SPLIT = 0.7  # share of the period on which the proof is fitted
UNLIKELY, LIKELY = 0.2, 0.8  # P(alive) below and from which a customer is called gone, or there
MOST_FITTED = 10_000  # customers that the parameters are estimated from
_CLASSES = ((1, "1"), (2, "2"), (3, "3–5"), (6, "6–10"), (11, "11–20"), (21, "21+"))
_MODEL, _SECOND, _TRAP = MODELS
_NAMES = {"mbg/nbd": "MBG/NBD", "pareto/nbd": "Pareto/NBD", "bg/nbd": "BG/NBD"}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StillCustomersResult(Result):
    """Expected number of customers still there, by number of purchases, and the proof on a later period."""

    kind: ClassVar[str] = "still_customers"
    columns: ClassVar[Columns] = Columns(
        (
            Column("purchases", "string", "Days with a purchase"),
            Column("n", "Int64", "Customers", "people"),
            Column("n_unlikely", "Int64", "Probably gone", "people", "P(still a customer) below 20 %"),
            Column("n_open", "Int64", "Cannot be told", "people", "20 to 80 %"),
            Column("n_likely", "Int64", "Probably there", "people", "from 80 %"),
            Column("expected", "float64", "Expected there", "number", "sum of the probabilities", ("n",)),
            Column("ci_low", "float64", "95 % CI", "number", "parameters and chance", ("n",)),
            Column("ci_high", "float64", "", "number", "", ("n",)),
            Column("share", "float64", "Share", "proportion", "expected there, of the customers", ("n",)),
            Column("naive_share", "float64", "BG/NBD says", "proportion", "nobody leaves after one purchase", ("n",)),
        ),
        sums=(("n", ("n_unlikely", "n_open", "n_likely")),),
        over="purchases",
        caption="Still customers, by number of purchases",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "holdout": Columns(
            (
                Column("purchases", "string", "Days with a purchase", "text", "known when the models were fitted"),
                Column("n", "Int64", "Customers", "people"),
                Column("observed", "float64", "Purchases observed", "score", "per customer, after the fit", ("n",)),
                Column("ci_low", "float64", "95 % CI", "score", "mean with its t interval", ("n",)),
                Column("ci_high", "float64", "", "score", "", ("n",)),
                Column("predicted", "float64", "MBG/NBD said", "score", "", ("n",)),
                Column("second", "float64", "Pareto/NBD said", "score", "", ("n",)),
                Column("wide_low", "float64", "95 % over all classes", "score", "holds in all classes at once", ("n",)),
                Column("wide_high", "float64", "", "score", "", ("n",)),
            ),
            over="purchases",
            caption="What the models predicted, and what happened",
        ),
        "models": Columns(
            (
                Column("model", "string", "Model"),
                Column("n", "Int64", "Customers", "people"),
                Column("expected", "float64", "Expected there", "number", "", ("n",)),
                Column("ci_low", "float64", "95 % CI", "number", "parameters and chance", ("n",)),
                Column("ci_high", "float64", "", "number", "", ("n",)),
                Column("log_likelihood", "float64", "Log likelihood", "score", "higher fits better", ("n",)),
            ),
            caption="The same by model",
        ),
    }  # fmt: skip

    def question(self) -> str:
        return t("How many are still customers?")

    def answer(self) -> str:
        kpi = self.kpi("still_customers")
        if math.isnan(kpi.estimate):
            return t("Too few customers to say how many are still there.")
        row = self._table[self._table["purchases"] == ALL].iloc[0]
        values = {"expected": number(kpi.estimate), "ci": interval(kpi.ci_low, kpi.ci_high), "n": number(kpi.n),
                  "share": percent(row["share"], 0), "naive": percent(row["naive_share"], 0)}  # fmt: skip
        text = t(
            "Of {n} customers, {expected} are expected to be customers still (95 % CI {ci}), that is {share}. BG/NBD, "
            "by which nobody can leave after one purchase, would say {naive}.", **values,
        )  # fmt: skip
        return " ".join([text, *self._doubts()])

    def _doubts(self) -> list[str]:
        """What speaks against the number: another model that differs, classes that were predicted wrongly."""
        said = []
        models = {row["model"]: row for row in self._more["models"].to_dict("records")}
        other = models[_NAMES[_SECOND]]
        if _apart(models[_NAMES[_MODEL]], other):
            said.append(t(
                "Pareto/NBD expects {n} (95 % CI {ci}): the data do not tell which is right.",
                n=number(other["expected"]), ci=interval(other["ci_low"], other["ci_high"])))  # fmt: skip
        if "holdout" in self._more:
            said += _wrong(self._more["holdout"])
        return said

    def definition(self) -> str:
        return t(
            "Each customer's days with {activity}, the time from the first to the last and the time since give the "
            "probability of being a customer still (MBG/NBD, maximum likelihood). A sum of probabilities: nobody is "
            "labelled. Purchases come at a steady rate until the customer leaves for good, which is never seen.",
            activity=" / ".join(self.params["activity"]),
        )  # fmt: skip

    def plot(self, *, ax: Any = None) -> Any:
        from cjlib.plots.holdout import draw

        if "holdout" not in self._more:
            return None
        return draw(self._more["holdout"], days_ahead=self.params["holdout_days"], ax=ax)


def still_customers(
    log: EventLog,
    *,
    activity: Sequence[str],
    ahead: str | timedelta = "90 days",
    split: float = SPLIT,
    list_to: Path | None = None,
    draws: int = 200,
    seed: int = 0,
    confidence: float = 0.95,
) -> StillCustomersResult:
    """Estimate how many are still customers, and prove the model on a later period.

    Parameters
    ----------
    log : EventLog
    activity : events that show a customer is there
    ahead : time for which purchases are predicted from the cut-off
    split : share of the period on which the proof is fitted; the rest judges it
    list_to : protected file ("...-protected.csv", mode 0600) for pseudonym, P(still a customer) and expected
        purchases, lowest probability first; nothing is written if left out
    draws, seed : of the parameters, for the interval
    confidence : level of the intervals

    Returns
    -------
    StillCustomersResult
        One row per class of purchases and "(all)"; `.more("holdout")`, `.more("models")`.

    Raises
    ------
    NotEnoughDataError
        Leaving is recorded, nobody was active, or too few came again (CJ-ST-063).

    Notes
    -----
    `cjlib.stats.purchase_process`. The interval holds the uncertainty of the parameters (sandwich) and the
    chance of who is there, not that the model may be wrong: see the proof and the second model.

    Examples
    --------
    >>> from cjlib.datasets.simulate import simulate
    >>> from cjlib.journey.frames import from_frames
    >>> log, _ = from_frames(simulate(n_customers=600, seed=1).events, as_of="2026-07-01", zone="Europe/Paris")
    >>> row = still_customers(log, activity=["purchase"], draws=50).table.iloc[0]
    >>> bool(row["share"] < row["naive_share"])
    True
    """
    if not activity:
        raise NotEnoughDataError(t("Leaving is recorded by an event here, so no silence has to be judged."),
                                 code="CJ-AN-200")  # fmt: skip
    checks.fraction("split", split)
    length = in_days(microseconds("ahead", ahead))
    rows = occasions(log, activity=activity)
    counts = purchase_counts(rows, as_of_us=log.as_of_us)
    fits = {model: _fit(counts, model, seed) for model in MODELS}
    each = _each(counts)
    found = {model: _expected(fit, counts, draws=draws, seed=seed, confidence=confidence)
             for model, fit in fits.items()}  # fmt: skip
    alive = p_alive(_MODEL, fits[_MODEL].point, each)
    coming = expected_purchases(_MODEL, fits[_MODEL].point, each, days=length)
    table = _table(found, alive, counts)
    holdout, verdicts, held = _proof(rows, log, split, seed, confidence)
    more = {"models": _models(found, fits)} | ({"holdout": holdout} if len(holdout) else {})
    notes = [*_limits(fits[_MODEL], counts), *verdicts]
    if list_to is not None:
        notes.append(_listed(log, counts, alive, coming, Path(list_to)))
    row = table.iloc[0]
    params = {"activity": [log.label(name) for name in activity], "ahead": str(ahead), "split": split,
              "holdout_days": held, "draws": draws, "seed": seed, "confidence": confidence}  # fmt: skip
    kpis = [
        Kpi(measure="still_customers", label=t("Still customers, expected"), estimate=row["expected"],
            ci_low=row["ci_low"], ci_high=row["ci_high"], n=len(counts), form="number",
            definition=t("sum of the probabilities, MBG/NBD")),
        Kpi(measure="coming", label=t("Purchases expected in the next {time}", time=days(length)),
            estimate=float(coming.sum()), n=len(counts), form="number", definition=t("from known customers only")),
    ]  # fmt: skip
    return StillCustomersResult.build(table, data=log.info, params=params, more=more, notes=notes, kpis=kpis)


def _fit(counts: pd.DataFrame, model: Any, seed: int) -> PurchaseProcess:
    part = counts if len(counts) <= MOST_FITTED else counts.sample(MOST_FITTED, random_state=seed)
    return fit_purchase_process(purchases(part["repeats"], part["recency_days"], part["watched_days"]), model=model)


def _each(counts: pd.DataFrame) -> Purchases:
    """One row per customer, in the order of `counts`."""
    x, recency, watched = (counts[c].to_numpy(dtype=float) for c in ("repeats", "recency_days", "watched_days"))
    return Purchases(x, recency, watched, np.ones(len(counts)))


def _class(counts: pd.DataFrame) -> npt.NDArray[np.int64]:
    starts = np.array([low for low, _ in _CLASSES])
    return np.searchsorted(starts, counts["repeats"].to_numpy() + 1, side="right") - 1


def _expected(fit: PurchaseProcess, counts: pd.DataFrame, *, draws: int, seed: int, confidence: float) -> pd.DataFrame:
    """Expected number there per class and over all, with the interval of the number itself."""
    same = counts.assign(place=_class(counts)).groupby(["place", "repeats", "recency_days", "watched_days"]).size()
    kinds = same.reset_index(name="n")
    data, n = _each(kinds)._replace(n=kinds["n"].to_numpy(dtype=float)), kinds["n"].to_numpy(dtype=float)
    place = kinds["place"].to_numpy()
    member = np.vstack([np.ones(len(kinds)), *(place == code for code in range(len(_CLASSES)))]) * n
    p = p_alive(fit.model, fit.point, data)
    rng = np.random.default_rng(seed)
    drawn = []
    for point in fit.draws(draws, seed=seed):
        q = p_alive(fit.model, point, data)
        drawn.append(member @ q + rng.standard_normal(len(member)) * np.sqrt(member @ (q * (1 - q))))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.array(drawn), [tail, 1 - tail], axis=0)
    total = member.sum(axis=1)
    expected = member @ p
    return pd.DataFrame({"purchases": [ALL, *(name for _, name in _CLASSES)], "n": total, "expected": expected,
                         "ci_low": np.clip(np.minimum(low, expected), 0, None),
                         "ci_high": np.minimum(np.maximum(high, expected), total)})  # fmt: skip


def _table(found: dict[Any, pd.DataFrame], alive: Floats, counts: pd.DataFrame) -> pd.DataFrame:
    table = found[_MODEL].copy()
    table["share"] = table["expected"] / table["n"]
    table["naive_share"] = found[_TRAP]["expected"] / table["n"]
    band = np.digitize(alive, [UNLIKELY, LIKELY])
    place = _class(counts)
    for code, name in enumerate(("n_unlikely", "n_open", "n_likely")):
        inside = np.bincount(place[band == code], minlength=len(_CLASSES))
        table[name] = [inside.sum(), *inside]
    return table[table["n"] > 0].reset_index(drop=True)


def _models(found: dict[Any, pd.DataFrame], fits: dict[Any, PurchaseProcess]) -> pd.DataFrame:
    rows = [{"model": _NAMES[model], "log_likelihood": fits[model].log_likelihood, **found[model].iloc[0]}
            for model in MODELS]  # fmt: skip
    return pd.DataFrame(rows)


def _limits(fit: PurchaseProcess, counts: pd.DataFrame) -> list[Note]:
    notes = [Note("CJ-AN-210", "info", t(
        "The interval holds the uncertainty of the parameters and chance, not that the model may be wrong: compare "
        "the two models, and what they predicted with what happened."))]  # fmt: skip
    if fit.on_bound:
        notes.append(Note("CJ-AN-211", "caution", t(
            "These data do not tell all parameters ({names} ran away): customers hardly differ, or hardly anybody "
            "leaves.", names=", ".join(fit.on_bound))))  # fmt: skip
    if len(counts) > MOST_FITTED:
        notes.append(Note("CJ-AN-212", "info", t(
            "The parameters are estimated from {n} customers drawn at random; the probabilities are of all.",
            n=MOST_FITTED)))  # fmt: skip
    return notes


def _proof(
    rows: pd.DataFrame, log: EventLog, split: float, seed: int, confidence: float
) -> tuple[pd.DataFrame, list[Note], float | None]:
    """Models fitted as of an earlier day, and the purchases that came after it, by class."""
    earlier, at_us = earlier_day(rows, as_of_us=log.as_of_us, zone=log.info.zone, share=split)
    before, after = rows[rows["day"] < earlier], rows[rows["day"] >= earlier]
    length = (log.as_of_us - at_us) / MICROSECONDS_PER_DAY
    try:
        counts = purchase_counts(before, as_of_us=at_us)
        fits = {model: _fit(counts, model, seed) for model in (_MODEL, _SECOND)}
    except NotEnoughDataError as problem:
        return pd.DataFrame(), [Note("CJ-AN-213", "caution", t(
            "The model could not be judged on a later period: {why}", why=str(problem)))], None  # fmt: skip
    came = after.groupby("unit").size().reindex(counts["unit"], fill_value=0).to_numpy(dtype=float)
    said = {model: expected_purchases(model, fit.point, _each(counts), days=length) for model, fit in fits.items()}
    table = _judged(came, said, _class(counts), confidence)
    when = day(pd.Timestamp(at_us, unit="us", tz="UTC").tz_convert(log.info.zone))
    return table, _verdicts(table, when, length, log.info.min_people), length


def _judged(
    came: npt.NDArray[Any], said: dict[Any, Floats], place: npt.NDArray[np.int64], confidence: float
) -> pd.DataFrame:
    """Observed and predicted purchases per customer, by class; the wide limits hold for all classes at once."""
    strict = 1 - (1 - confidence) / len(np.unique(place))
    found = []
    for code, name in ((-1, ALL), *((code, name) for code, (_, name) in enumerate(_CLASSES))):
        part = np.ones(len(came), dtype=bool) if code < 0 else place == code
        if not part.any():
            continue
        seen = mean_interval(came[part], confidence=confidence).iloc[0]
        wide = seen if code < 0 else mean_interval(came[part], confidence=strict).iloc[0]
        found.append({"purchases": name, "n": int(part.sum()), "observed": seen["estimate"],
                      "ci_low": max(seen["ci_low"], 0.0), "ci_high": seen["ci_high"],
                      "predicted": said[_MODEL][part].mean(), "second": said[_SECOND][part].mean(),
                      "wide_low": max(wide["ci_low"], 0.0), "wide_high": wide["ci_high"]})  # fmt: skip
    return pd.DataFrame(found)


def _apart(one: Any, other: Any) -> bool:
    """Neither model's interval holds the number of the other."""
    return bool((other["expected"] < one["ci_low"] or other["expected"] > one["ci_high"])
                and (one["expected"] < other["ci_low"] or one["expected"] > other["ci_high"]))  # fmt: skip


def _wrong(table: pd.DataFrame) -> list[str]:
    """Classes of purchases for which the prediction was too high, or too low, in words."""
    shown = table[(table["purchases"] != ALL) & table["observed"].notna()]
    high = ", ".join(shown.loc[shown["predicted"] > shown["wide_high"], "purchases"])
    low = ", ".join(shown.loc[shown["predicted"] < shown["wide_low"], "purchases"])
    said = []
    if high:
        said.append(t(
            "Judged later, MBG/NBD had expected too many purchases in these classes of earlier purchases: {classes}.",
            classes=high))  # fmt: skip
    if low:
        said.append(t(
            "Judged later, MBG/NBD had expected too few purchases in these classes of earlier purchases: {classes}.",
            classes=low))  # fmt: skip
    return said


def _verdicts(table: pd.DataFrame, when: str, length: float, least: int) -> list[Note]:
    """The total and the classes: a total that is right by errors that cancel out is no proof."""
    row = table.iloc[0]
    values = {"day": when, "time": days(length), "predicted": number(row["predicted"], 2),
              "observed": number(row["observed"], 2),
              "ci": interval(row["ci_low"], row["ci_high"], lambda x: number(x, 2))}  # fmt: skip
    wrong = _wrong(table[table["n"] >= least])
    right = row["ci_low"] <= row["predicted"] <= row["ci_high"]
    if not right:
        whole = Note("CJ-AN-215", "caution", t(
            "Fitted as of {day}, the model predicted {predicted} purchases per customer in the following {time}, but "
            "{observed} came (95 % CI {ci}): read its numbers with that error in mind.", **values))  # fmt: skip
    else:
        whole = Note("CJ-AN-214", "info", t(
            "Fitted as of {day}, the model predicted {predicted} purchases per customer in the following {time}; "
            "{observed} came (95 % CI {ci}).", **values))  # fmt: skip
    if not wrong:
        return [whole]
    if right:
        wrong.append(t("The total was right only because errors cancelled out."))
    return [whole, Note("CJ-AN-217", "caution", " ".join(wrong))]


def _listed(log: EventLog, counts: pd.DataFrame, alive: Floats, coming: Floats, path: Path) -> Note:
    """Pseudonyms with their probabilities, lowest first, to a file that only its owner reads."""
    customers = log.engine.table(log.store, "customers").select("unit", "pseudonym")
    names = log.engine.fetch(customers).set_index("unit")["pseudonym"].reindex(counts["unit"]).to_numpy()
    order = np.argsort(alive, kind="stable")
    write_rows(path, ["pseudonym", "p_still_customer", "expected_purchases"],
               [(str(names[i]), f"{alive[i]:.4f}", f"{coming[i]:.3f}") for i in order])  # fmt: skip
    return Note("CJ-AN-216", "info", t(
        "{n} customers were written to a protected file, the least likely to be there first.",
        n=log.info.people(len(counts))))  # fmt: skip
