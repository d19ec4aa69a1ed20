"""Covariates of models of time: checked, standardised, and set aside with the reason when nothing can be said.

A covariate that does not vary, repeats another or separates the events perfectly has no estimate; a fit
would give a huge number with a huge error instead of saying so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t
from cjlib.stats import partial_likelihood as partial
from cjlib.stats.risk_table import Floats

# Share of the variance of a covariate that earlier ones must leave unexplained.
OWN_VARIANCE = 1e-9


class Design(NamedTuple):
    """Covariates that can be estimated, standardised: x (n, p), spread (p,), rows of `sets`, clusters."""

    names: list[str]
    x: Floats
    spread: Floats
    sets: partial.RiskSets
    dropped: tuple[tuple[str, str], ...]


def checked(rows: pd.DataFrame, columns: Sequence[str], weight: str | None) -> pd.DataFrame:
    """Return rows with `start_days`, or say which rule is broken (CJ-ST-050, CJ-ST-051)."""
    wanted = ["stop_days", "event", *columns, *([] if weight is None else [weight])]
    missing = [name for name in wanted if name not in rows.columns]
    if missing:
        raise ParameterError(f"The rows lack {', '.join(missing)}. They have: {', '.join(map(str, rows.columns))}.",
                             code="CJ-ST-050")  # fmt: skip
    if rows.empty:
        raise NotEnoughDataError(t("Nobody can be followed here: 0 customers."), code="CJ-ST-051")
    people = rows if "start_days" in rows.columns else rows.assign(start_days=0.0)
    start, stop = (people[name].to_numpy(dtype=float) for name in ("start_days", "stop_days"))
    wrong = ~((stop > start) & np.isfinite(stop) & np.isfinite(start))
    if wrong.any():
        raise ParameterError(
            f"{int(wrong.sum())} of {wrong.size} rows do not end after they start. A row is (start_days, stop_days]; "
            "set rows of no length aside.",
            code="CJ-ST-050",
        )
    if not people["event"].isin([0, 1]).all():
        raise ParameterError("event is 0 or 1 in each row; a competing outcome counts as 0 here.", code="CJ-ST-050")
    if weight is not None and not ((people[weight] > 0) & np.isfinite(people[weight])).all():
        raise ParameterError(f"The weights in {weight} must be positive numbers.", code="CJ-ST-050")
    if not people["event"].any():
        raise NotEnoughDataError(
            t("Nothing can be compared: none of {n} customers had the outcome.", n=len(people)), code="CJ-ST-051"
        )
    return people


def standardised(people: pd.DataFrame, covariates: Sequence[str], strata: Sequence[str], weight: str | None) -> Design:
    """Place rows at risk and standardise the covariates that can be estimated (CJ-ST-050, CJ-ST-051)."""
    start, stop = (people[name].to_numpy(dtype=float) for name in ("start_days", "stop_days"))
    event = people["event"].to_numpy(dtype=bool)
    stratum = np.zeros(len(people), dtype=np.intp)
    if strata:
        stratum = people.groupby(list(strata), dropna=False).ngroup().to_numpy().astype(np.intp)
    share = np.ones(len(people)) if weight is None else people[weight].to_numpy(dtype=float)
    sets = partial.risk_sets(start, stop, event, stratum, share)
    x = np.empty((sets.kept.size, len(covariates)))
    for j, name in enumerate(covariates):
        x[:, j] = _numbers(people, name)[sets.kept]
    # Which columns can be estimated depends on the distinct rows only.
    distinct = ~pd.DataFrame(x).assign(stratum=stratum[sets.kept], event=sets.event).duplicated().to_numpy()
    names, columns, dropped = _estimable(x[distinct], list(covariates), stratum[sets.kept][distinct],
                                         sets.event[distinct])  # fmt: skip
    x = x[:, columns]
    spread = x.std(axis=0)
    return Design(names, (x - x.mean(axis=0)) / spread, spread, sets, dropped)


def _numbers(people: pd.DataFrame, name: str) -> Floats:
    values: Floats = pd.to_numeric(people[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise ParameterError(
            f"{int(wrong.sum())} of {wrong.size} rows have no number in {name}. Give unknown its own column, "
            "or set these rows aside.",
            code="CJ-ST-050",
        )
    return values


def _estimable(
    x: Floats, names: list[str], stratum: npt.NDArray[np.intp], event: npt.NDArray[np.bool_]
) -> tuple[list[str], list[int], tuple[tuple[str, str], ...]]:
    """Say which columns can be estimated: those that vary within strata, are no repetition and do not separate."""
    kept: list[int] = []
    dropped: list[tuple[str, str]] = []
    basis = np.empty((x.shape[0], 0))
    for j, name in enumerate(names):
        column = x[:, j] - x[:, j].mean()
        own = column - (pd.Series(column).groupby(stratum).transform("mean").to_numpy() if stratum.any() else 0.0)
        size = float(own @ own)
        if size <= OWN_VARIANCE**2 * max(1.0, float(x[:, j] @ x[:, j])):
            dropped.append((name, t("does not vary")))
            continue
        own = own / np.sqrt(size)
        shares = basis.T @ own
        own = own - basis @ shares
        own = own - basis @ (basis.T @ own)  # twice is enough against rounding
        if float(own @ own) <= OWN_VARIANCE:
            dropped.append((name, _repeats(x, names, kept, j)))
        elif _separates(x[:, j], event):
            dropped.append((name, t("separates perfectly")))
        else:
            kept.append(j)
            basis = np.column_stack([basis, own / np.linalg.norm(own)])
    if not kept:
        raise NotEnoughDataError(
            t("No covariate can be compared: {why}.", why="; ".join(f"{name}: {why}" for name, why in dropped)),
            code="CJ-ST-051",
        )
    return [names[j] for j in kept], kept, tuple(dropped)


def _repeats(x: Floats, names: list[str], kept: list[int], j: int) -> str:
    for other in kept:
        if abs(np.corrcoef(x[:, other], x[:, j])[0, 1]) > 1 - OWN_VARIANCE:
            return t("same as {other}", other=names[other])
    return t("follows from {others}", others=", ".join(names[other] for other in kept))


def _separates(column: Floats, event: npt.NDArray[np.bool_]) -> bool:
    """Whether every event has the largest, or the smallest, value of all: the ratio then has no maximum."""
    own = column[event]
    return bool((own == column.max()).all() or (own == column.min()).all())
