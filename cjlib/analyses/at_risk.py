"""Customers at three instants, the models made at one and judged at the next: what `churn_prediction` computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.analyses.known import Extra, known_before, told_apart
from cjlib.core.duration import in_days
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import t
from cjlib.journey.as_of import features_as_of, levels_of, names_before, still_active, under_contract
from cjlib.journey.features import Covariate, Floats
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.privacy.protected import write_rows
from cjlib.stats.evaluation import EVERYBODY, calibration, evaluate, known_at
from cjlib.stats.leakage import separating
from cjlib.stats.prediction import auc, forecast
from cjlib.stats.risk_model import boosted, cox

FEW_TRAIN, FEW_TEST = 50, 100  # customers with, and without, the outcome
NULL, RFM, LOGISTIC, BOOSTED, COX = "base rate", "recency, frequency, value", "logistic regression", "boosting", "Cox"
SETTINGS = {LOGISTIC: (0.02, 0.005, 0.1, 0.5), BOOSTED: (3, 6), COX: (0.1, 0.01, 1.0)}  # the first one unless tuned
SHUFFLES = 5
MOST_SHOWN = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What leaving means, how far ahead, and what may be known."""

    log: EventLog
    responses: SurveyResponses | None
    kind: str
    activity: tuple[str, ...]
    silence_us: int
    start: str
    end: str
    lost: tuple[str, ...]
    horizon_us: int
    attributes: tuple[str, ...]
    extra: Extra | None

    @property
    def end_us(self) -> int:
        """First microsecond after the cut-off, whose own events are seen."""
        return self.log.as_of_us + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """Customers at an instant: what was known before it, days to the outcome or last sight, which of the two."""

    at_us: int
    units: npt.NDArray[np.int64]
    columns: dict[Covariate, Floats]
    days: Floats
    event: npt.NDArray[np.bool_]
    n_refused: int = 0

    def counts(self, horizon_days: float) -> tuple[int, int]:
        """People seen with the outcome within the horizon, and seen without it at the horizon."""
        with_it = self.event & (self.days <= horizon_days)
        return int(with_it.sum()), int((~with_it & (self.days >= horizon_days)).sum())

    def matrix(self, keys: list[Covariate]) -> Floats:
        """Columns in the order of `keys`; what is not known here is 0."""
        nothing = np.zeros(len(self.units))
        return np.column_stack([np.empty((len(self.units), 0)), *(self.columns.get(key, nothing) for key in keys)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Models made on `train`, their forecasts for `test`, the one that did best on an earlier period."""

    asked: Asked
    train: Snapshot
    test: Snapshot
    keys: list[Covariate]
    settings: Mapping[str, float]
    chosen: str
    tuned: bool
    forecasts: dict[str, Floats]

    @property
    def model(self) -> tuple[str, float]:
        return self.chosen, self.settings[self.chosen]

    @property
    def horizon_days(self) -> float:
        return in_days(self.asked.horizon_us)


def make_and_judge(asked: Asked) -> Judged:
    """Make the models on the earlier period and forecast the later one.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-220: too few outcomes; CJ-AN-221: a column knows the outcome.
    """
    horizon = in_days(asked.horizon_us)
    later, earlier, first = (asked.end_us - place * asked.horizon_us for place in (1, 2, 3))
    names = names_before(asked.log, at_us=earlier)
    train, test = (snapshot(asked, at_us, names) for at_us in (earlier, later))
    for part, least in ((test, FEW_TEST), (train, FEW_TRAIN)):
        n_with, n_without = part.counts(horizon)
        if min(n_with, n_without) < least:
            people = asked.log.info.people
            raise NotEnoughDataError(
                t("Whether leaving can be foretold cannot be said: of {n} {units}, {left} left and {stayed} stayed in "
                  "a period of the length asked for; at least {least} of each are needed.",
                  n=people(len(part.units)), units=asked.log.info.units, left=people(n_with),
                  stayed=people(n_without), least=least), code="CJ-AN-220")  # fmt: skip
    _guard(asked, train, horizon)
    keys = _different(train.columns)
    families = (COX,) if asked.kind == "contractual" else (LOGISTIC, BOOSTED)
    tuning = snapshot(asked, first, names)
    tuned = min(tuning.counts(horizon)) >= FEW_TRAIN
    models = [(family, value) for family in families for value in SETTINGS[family]]
    settings = {family: SETTINGS[family][0] for family in families}
    chosen = families[0]
    if tuned:
        errors = {model: _errors(tuning, train, keys, model, horizon) for model in models}
        order = sorted(models, key=lambda model: float(errors[model].mean()))
        settings = dict(reversed(order))  # of each family, the setting with the smallest error is written last
        chosen = _simplest(families, {family: errors[family, settings[family]] for family in families})
    rfm = [key for key in keys if key[0] == "rfm"]
    plain = (families[0], SETTINGS[families[0]][0])
    made = {NULL: fitted(train, test.matrix([]), [], plain, horizon),
            RFM: fitted(train, test.matrix(rfm), rfm, plain, horizon)}  # fmt: skip
    for model in settings.items():
        made[model[0]] = fitted(train, test.matrix(keys), keys, model, horizon)
    made = {name: made[name] for name in (NULL, RFM, *families)}
    return Judged(asked=asked, train=train, test=test, keys=keys, settings=settings, chosen=chosen, tuned=tuned,
                  forecasts=made)  # fmt: skip


def snapshot(asked: Asked, at_us: int, names: list[str]) -> Snapshot:
    """Customers who could leave at an instant, what was known of them, and what came within the horizon."""
    log, horizon = asked.log, asked.horizon_us
    limit = in_days(horizon)
    if asked.kind == "contractual":
        people = under_contract(log, at_us=at_us, start=asked.start, end=asked.end, lost=asked.lost)
        end, gone = (people[name].to_numpy() for name in ("end_at", "lost_at"))
        last = np.fmin(np.fmin(end, gone), at_us + horizon)
        event = (end == last) & (end < at_us + horizon)
        days = np.where(last >= at_us + horizon, limit, (last - at_us + 1) / horizon * limit)
    else:
        people = still_active(log, at_us=at_us, activity=asked.activity, silence_us=asked.silence_us)
        event = ~(people["next_at"].to_numpy() < at_us + horizon)
        days = np.full(len(people), limit)
    units = people["unit"].to_numpy(dtype=np.int64)
    columns = features_as_of(log, units, at_us=at_us, names=names, activity=asked.activity, responses=asked.responses)
    every = np.arange(log.n_customers)  # levels are the same at every instant
    few = max(10, log.info.min_people)
    for key, values in levels_of(log, every, asked.attributes, few=few).items():
        columns[key] = values[units]
    own, n_refused = known_before(asked.extra, log, units, at_us)
    return Snapshot(at_us=at_us, units=units, columns=columns | own, days=days, event=event, n_refused=n_refused)


def fitted(train: Snapshot, x: Floats, keys: list[Covariate], model: tuple[str, float], horizon_days: float) -> Floats:
    """Forecast rows `x` of the columns `keys` by a model (family, setting) made on `train`."""
    family, setting = model
    known = train.matrix(keys)
    if family == COX:
        return cox(known, train.days, train.event, x, horizon_days=horizon_days, penalty=setting)
    if family == BOOSTED:
        return boosted(known, train.event, x, leaves=int(setting))
    return forecast(known, train.event, x, ridge=setting)


def judge(made: Judged, *, capacity: float, draws: int, seed: int) -> dict[str, pd.DataFrame]:
    """Tables of the result: models, added, calibration, campaign, benefit, rests."""
    test, horizon = made.test, made.horizon_days
    rate = float(made.forecasts[NULL][0])
    limits = np.unique(np.clip(np.round(rate * np.array([0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]), 3), 0.001, 0.95))
    judged = evaluate(test.days, test.event, made.forecasts, horizon_days=horizon, null=NULL, capacity=capacity,
                      thresholds=[float(limit) for limit in limits], draws=draws, seed=seed)  # fmt: skip
    n_with, n_without = test.counts(horizon)
    base = {"n_test": n_with + n_without, "n_event": n_with, "n_without": n_without}
    wide = {
        (model, than): _wide(part) for (model, than), part in judged[judged["at"].isna()].groupby(["model", "than"])
    }
    names = list(made.forecasts)
    pairs = [(made.chosen, NULL), (made.chosen, RFM), (RFM, NULL)]
    reached = {"n_reached": round(capacity * len(test.units))}
    groups = calibration(test.days, test.event, made.forecasts[made.chosen], horizon_days=horizon)
    groups = groups.rename(columns={"n": "n_test"}).assign(n_without=lambda f: f["n_test"] - f["n_event"])
    benefit = judged[judged["at"].notna() & (judged["than"] == "")]
    policy = [{"threshold": own["at"], "n_test": base["n_test"], **_named("benefit", own), "everybody": every}
              for own, every in zip(benefit[benefit["model"] == made.chosen].to_dict("records"),
                                    benefit.loc[benefit["model"] == EVERYBODY, "estimate"], strict=True)]  # fmt: skip
    return {
        "models": pd.DataFrame([{"model": name, **base, **wide[name, ""]} for name in names]),
        "added": pd.DataFrame([{"model": m, "than": than, **base, **wide[m, than]} for m, than in pairs]),
        "calibration": groups,
        "campaign": pd.DataFrame([{"model": name, **reached, **wide[name, ""]} for name in names if name != NULL]),
        "benefit": pd.DataFrame(policy),
        "rests": _rests(made, base["n_test"], seed),
    }


def write_list(made: Judged, path: Path) -> int:
    """Write who is at risk at the cut-off, by a model of the latest period whose outcomes are known."""
    asked, log = made.asked, made.asked.log
    now = snapshot(asked, asked.end_us, names_before(log, at_us=made.train.at_us))
    risk = fitted(made.test, now.matrix(made.keys), made.keys, made.model, made.horizon_days)
    names = log.engine.fetch(log.engine.table(log.store, "customers").select("unit", "pseudonym")).set_index("unit")
    order = np.argsort(-risk, kind="stable")
    rows = zip(names["pseudonym"].reindex(now.units[order]), risk[order], strict=True)
    write_rows(path, ["pseudonym", "risk"], [(str(name), f"{value:.4f}") for name, value in rows])
    return len(order)


def _guard(asked: Asked, train: Snapshot, horizon: float) -> None:
    """Refuse a column that only the future can have filled."""
    y = train.event & (train.days <= horizon)
    columns = {**train.columns, **told_apart(asked.extra, asked.log, train.units, train.at_us)}
    found = separating(dict(columns), y)
    for key in [key for key in columns if key in found][:1]:
        raise NotEnoughDataError(
            t('The column "{column}" knows the outcome: {why}. It must have been written after the fact; leave it '
              "out, or give the instant at which it was known.", column=feature_name(key, asked.log), why=found[key]),
            code="CJ-AN-221")  # fmt: skip


def feature_name(key: Covariate, log: EventLog) -> str:
    """Words for a column."""
    kind, name = key
    fixed = {
        ("rfm", "recency"): t("days since the last activity"), ("rfm", "frequency"): t("number of activities"),
        ("rfm", "monetary"): t("value of the activities"), ("time", "first"): t("days since the first event"),
        ("time", "last"): t("days since the last event"), ("time", "recent"): t("events in the last 30 days"),
    }  # fmt: skip
    if key in fixed:
        return fixed[key]
    if kind == "event":
        return t("number of: {event}", event=log.label(name))
    return t("last score: {instrument}", instrument=name.upper()) if kind in ("score", "answered") else kind


def _different(columns: Mapping[Covariate, Floats]) -> list[Covariate]:
    """Columns that vary, each content once: with a single activity, its count is the frequency."""
    found: dict[bytes, Covariate] = {}
    for key, values in columns.items():
        if len(values) and np.ptp(values) > 0:
            found.setdefault(values.tobytes(), key)
    return list(found.values())


def _errors(train: Snapshot, test: Snapshot, keys: list[Covariate], model: tuple[str, float], horizon: float) -> Floats:
    """Squared errors on `test`, person by person, of a model made on `train`; their mean is the Brier score."""
    p = fitted(train, test.matrix(keys), keys, model, horizon)
    y, weight = known_at(test.days, test.event, horizon_days=horizon)
    return np.asarray(weight * (y - p) ** 2)


def _simplest(families: tuple[str, ...], errors: Mapping[str, Floats]) -> str:
    """The first family, unless a later one errs less by more than the standard error of the difference."""
    chosen = families[0]
    for other in families[1:]:
        saved = errors[chosen] - errors[other]
        if saved.mean() > saved.std(ddof=1) / np.sqrt(len(saved)):
            chosen = other
    return chosen


def _rests(made: Judged, n: int, seed: int) -> pd.DataFrame:
    """AUC lost when what a column says is shuffled among the people of the test."""
    x, y = made.test.matrix(made.keys), made.test.event & (made.test.days <= made.horizon_days)
    labels = [feature_name(key, made.asked.log) for key in made.keys]
    names = list(dict.fromkeys(labels))
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(x)) for _ in range(SHUFFLES)]
    blocks = [x]
    for name in names:
        where = [place for place, label in enumerate(labels) if label == name]
        for order in orders:
            mixed = x.copy()
            mixed[:, where] = x[order][:, where]
            blocks.append(mixed)
    risk = fitted(made.train, np.concatenate(blocks), made.keys, made.model, made.horizon_days)
    risk = risk.reshape(len(blocks), len(x))
    _, weight = known_at(made.test.days, made.test.event, horizon_days=made.horizon_days)
    seen = weight > 0
    areas = [auc(y[seen], part[seen]) for part in risk]
    rows = []
    for place, name in enumerate(names):
        after = areas[1 + place * SHUFFLES : 1 + (place + 1) * SHUFFLES]
        own = [x[:, column] for column, label in enumerate(labels) if label == name]
        rows.append({"feature": name, "n_test": n, "lost": areas[0] - float(np.mean(after)),
                     "direction": _direction(own, risk[0])})  # fmt: skip
    table = pd.DataFrame(rows, columns=["feature", "n_test", "lost", "direction"])
    return table.sort_values(["lost", "feature"], ascending=[False, True]).head(MOST_SHOWN)


def _direction(own: list[Floats], risk: Floats) -> str:
    if len(own) != 1 or np.ptp(own[0]) == 0 or np.ptp(risk) == 0:
        return ""
    return "leaving" if np.corrcoef(own[0], risk)[0, 1] > 0 else "staying"


def _wide(part: pd.DataFrame) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in part.to_dict("records"):
        found |= _named(row["measure"], row)
    return found


def _named(name: str, row: Mapping[Any, Any]) -> dict[str, float]:
    return {name: row["estimate"], f"{name}_low": row["ci_low"], f"{name}_high": row["ci_high"]}
