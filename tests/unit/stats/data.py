"""Data sets and oracles that several test modules share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

REFERENCE = Path(__file__).parents[2] / "reference"

# Freireich et al. (1963), Blood 21, 699-716: weeks of remission.
SIX_MP_EVENTS = (6, 6, 6, 7, 10, 13, 16, 22, 23)
SIX_MP_OPEN = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
PLACEBO_EVENTS = (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)


def reference(name: str, key: str) -> Any:
    """One entry of a reference file."""
    return json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))[key]


def counts_of(
    duration: Sequence[float], outcome: Sequence[int] | int, group: Sequence[str] | str = "all"
) -> pd.DataFrame:
    """Count table with one row per person."""
    frame = pd.DataFrame({"duration_days": np.asarray(duration, dtype=float)})
    return frame.assign(outcome=outcome, group=group, n=1)[["group", "duration_days", "outcome", "n"]]


def freireich() -> pd.DataFrame:
    """Both arms of the 6-MP trial."""
    return pd.concat(
        [
            counts_of(SIX_MP_EVENTS, 1, "6-MP"),
            counts_of(SIX_MP_OPEN, 0, "6-MP"),
            counts_of(PLACEBO_EVENTS, 1, "placebo"),
        ],
        ignore_index=True,
    )


def lung(by: str | None = None) -> pd.DataFrame:
    """NCCTG lung cancer data from lifelines (status 1 = died)."""
    from lifelines.datasets import load_lung

    data = load_lung()
    return counts_of(data["time"], data["status"].astype(int), "all" if by is None else data[by].astype(str))


def mgus2() -> pd.DataFrame:
    """Monoclonal gammopathy from greenwood: 1 = plasma cell malignancy first, 2 = death first, months."""
    import greenwood

    data = greenwood.load_dataset("mgus2")
    malignancy = data["pstat"] == 1
    outcome = np.where(malignancy, 1, np.where(data["death"] == 1, 2, 0))
    return counts_of(np.where(malignancy, data["ptime"], data["futime"]), outcome)


def mgus2_rows() -> pd.DataFrame:
    """The same people one by one, with `age` in years and `male` 0 or 1; months are called days here."""
    import greenwood

    raw = greenwood.load_dataset("mgus2")
    data = pd.DataFrame({name: np.asarray(raw[name]) for name in ("age", "sex", "ptime", "pstat", "futime", "death")})
    malignancy = data["pstat"] == 1
    return pd.DataFrame(
        {
            "stop_days": np.where(malignancy, data["ptime"], data["futime"]).astype(float),
            "outcome": np.where(malignancy, 1, np.where(data["death"] == 1, 2, 0)),
            "age": data["age"].astype(float),
            "male": (data["sex"] == "M").astype(int),
        }
    )
