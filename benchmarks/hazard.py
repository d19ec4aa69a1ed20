"""Proportional hazards with five covariates: `python -m benchmarks.hazard [--people 1000] [--lifelines]`.

Seeded customers, each case in a fresh process: whole days (ties), exact times, and three (start, stop] rows
per customer with clustered errors. Prints seconds, the most memory held, and the error against the truth.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time

import numpy as np
import pandas as pd

TRUTH = np.array([0.5, -0.3, 0.2, 0.0, 0.1])
NAMES = [f"x{j}" for j in range(TRUTH.size)]
CASES = ("whole days", "exact times", "three rows each, clustered")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hazard", description=__doc__)
    parser.add_argument("--people", type=int, default=1000, help="thousands")
    parser.add_argument("--lifelines", action="store_true", help="the same rows with lifelines beside")
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for case in CASES:
        for engine in ("cjlib", "lifelines") if given.lifelines else ("cjlib",):
            with context.Pool(1) as pool:
                print(pool.apply(measure, (case, engine, given.people * 1000)), flush=True)


def rows_of(case: str, n: int) -> pd.DataFrame:
    """One row per customer, or three: exponential hazard of 1/200 per day, followed for 30 to 365 days."""
    rng = np.random.default_rng(7)
    rows = pd.DataFrame(rng.normal(size=(n, TRUTH.size)), columns=NAMES)
    until, end = rng.exponential(200 * np.exp(-rows.to_numpy() @ TRUTH)), rng.uniform(30, 365, n)
    rows = rows.assign(stop_days=np.minimum(until, end), event=(until <= end).astype(int), start_days=0.0)
    if case == "whole days":
        return rows.assign(stop_days=np.floor(rows["stop_days"]) + 1)
    if case == "exact times":
        return rows
    rows = rows.assign(unit=np.arange(n))
    cuts = [rows["stop_days"] / 3, rows["stop_days"] * 2 / 3]
    first = rows.assign(stop_days=cuts[0], event=0)
    second = rows.assign(start_days=cuts[0], stop_days=cuts[1], event=0)
    return pd.concat([first, second, rows.assign(start_days=cuts[1])], ignore_index=True)


def measure(case: str, engine: str, n: int) -> str:
    """One fit in this process, in words."""
    rows = rows_of(case, n)
    cluster = "unit" if "unit" in rows else None
    start = time.monotonic()
    if engine == "cjlib":
        from cjlib.stats.hazard import proportional_hazards

        found = proportional_hazards(rows, covariates=NAMES, cluster=cluster).table["coefficient"].to_numpy()
    else:
        from lifelines import CoxPHFitter

        entry = "start_days" if cluster else None
        used = rows if cluster else rows.drop(columns="start_days")
        fitted = CoxPHFitter().fit(used, "stop_days", "event", entry_col=entry, cluster_col=cluster)
        found = fitted.params_[NAMES].to_numpy()
    seconds = time.monotonic() - start
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return (
        f"{engine}, {case}: {len(rows):,} rows, {rows['event'].sum():,} events: {seconds:.1f} s, "
        f"most memory {held:.2f} GB, largest error of a coefficient {np.abs(found - TRUTH).max():.4f}"
    )


if __name__ == "__main__":
    main()
