"""The analyst's own columns, each fact with the instant at which it was known: used only after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cjlib.core.duration import MICROSECONDS_PER_DAY
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.text import t, tn
from cjlib.journey.features import FEW, Covariate, Floats, levels
from cjlib.journey.tables import EventLog
from cjlib.stats.leakage import after, as_us

WHO, WHEN = "pseudonym", "known_at"


@dataclass(frozen=True, eq=False)
class Extra:
    """Facts in the order in which they were known: `unit`, `at` (UTC microseconds), then the columns."""

    facts: pd.DataFrame
    names: tuple[str, ...]


def read_extra(extra: pd.DataFrame | None, log: EventLog) -> Extra | None:
    """Check the analyst's own columns and bring their customers to the units of the log.

    Raises
    ------
    ParameterError
        CJ-AN-222: no pseudonym or no `known_at`, one that is text, or no column beside them.
    """
    if extra is None:
        return None
    names = tuple(str(name) for name in extra.columns if name not in (WHO, WHEN))
    if not {WHO, WHEN} <= set(extra.columns) or not names:
        raise ParameterError(f"extra needs the columns {WHO} and {WHEN}, and at least one more.", code="CJ-AN-222")
    if not (pd.api.types.is_datetime64_any_dtype(extra[WHEN]) or pd.api.types.is_numeric_dtype(extra[WHEN])):
        raise ParameterError(f"{WHEN} of extra holds text: make instants of it with pd.to_datetime(..., utc=True).",
                             code="CJ-AN-222")  # fmt: skip
    customers = log.engine.fetch(log.engine.table(log.store, "customers").select("unit", WHO)).set_index(WHO)["unit"]
    facts = extra.assign(unit=extra[WHO].map(customers), at=as_us(extra[WHEN])).drop(columns=[WHO, WHEN])
    facts = facts[facts["unit"].notna()].astype({"unit": "int64"})
    return Extra(facts.sort_values("at", kind="stable", ignore_index=True), names)


def known_before(
    extra: Extra | None, log: EventLog, units: npt.NDArray[np.int64], at_us: int
) -> tuple[dict[Covariate, Floats], int]:
    """Columns from the last fact of each customer known strictly before an instant; facts refused there.

    Raises
    ------
    NotEnoughDataError
        CJ-AN-221: an instant in a column lies after the moment of the forecast.
    """
    if extra is None:
        return {}, 0
    last = _last(extra, at_us)
    found: dict[Covariate, Floats] = {}
    for name in extra.names:
        values = last[name].reindex(units)
        if pd.api.types.is_datetime64_any_dtype(extra.facts[name]):
            late = after(values, at_us)
            if late:
                raise NotEnoughDataError(
                    t('The column "{column}" knows the future: {n} of its instants lie after the forecast.',
                      column=name, n=log.info.people(late)), code="CJ-AN-221")  # fmt: skip
            values = (at_us - as_us(values)) / MICROSECONDS_PER_DAY
        if pd.api.types.is_numeric_dtype(values):
            filled = values.to_numpy(dtype="float64")
            found[name, "known"] = np.where(np.isnan(filled), 0.0, 1.0)
            found[name, "value"] = np.nan_to_num(filled)
        else:  # levels by all facts, so that they are the same at every instant
            every = pd.concat([values, extra.facts[name]])
            found |= {key: part[: len(units)] for key, part in levels(name, every, FEW).items()}
    refused = extra.facts["unit"].isin(set(units.tolist())) & ~(extra.facts["at"] < at_us)
    return found, int(refused.sum())


def told_apart(extra: Extra | None, log: EventLog, units: npt.NDArray[np.int64], at_us: int) -> dict[Covariate, Floats]:
    """The same columns with holes where nothing was known, for the guard: a hole can tell the outcome."""
    if extra is None:
        return {}
    columns, _ = known_before(extra, log, units, at_us)
    last = _last(extra, at_us)
    holes = {name: last[name].reindex(units).isna().to_numpy() for name in extra.names}
    return {key: np.where(holes[key[0]], np.nan, values) for key, values in columns.items()}


def refused(n: int) -> str:
    """Sentence that counts what was known too late."""
    return tn(
        "{n} value of the columns given was known at the forecast or later, or nobody knows when, and is refused.",
        "{n} values of the columns given were known at the forecast or later, or nobody knows when, and are refused.",
        n,
    )


def _last(extra: Extra, at_us: int) -> pd.DataFrame:
    facts = extra.facts[extra.facts["at"] < at_us]
    return facts.drop_duplicates("unit", keep="last").set_index("unit")
