"""Weighting for non-response: `python -m benchmarks.nonresponse [--events 10] [--invitations 500]`.

10 M events of 20 names, 500,000 customers, one invitation each; who answers follows from how often they
came before. The store is made once; the question is timed in a fresh process: the relational part, the
whole analysis, and the most memory held.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import time
from pathlib import Path

from cjlib.sources import store as stores

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "bench" / "nonresponse"
DAY = 86_400_000_000
NAMES = 20
SPEC = stores.StoreSpec(
    as_of_us=120 * DAY, zone="Europe/Paris", event_attributes=(), response_attributes=(), customer_attributes=(),
    customer_dates=(), meta={"instruments": ["nps"], "scales": {"nps": [0, 10]}, "key_fingerprint": "", "files": [],
                             "all_invitations_known": True},
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nonresponse", description=__doc__)
    parser.add_argument("--events", type=int, default=10, help="millions")
    parser.add_argument("--invitations", type=int, default=500, help="thousands")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    folder = CACHE / f"{given.events}m-{given.invitations}k"
    if not (folder / "meta.json").exists():
        build(folder, given.events * 1_000_000, given.invitations * 1000)
    context = multiprocessing.get_context("spawn")
    for _ in range(given.rounds):
        with context.Pool(1) as pool:
            print(pool.apply(measure, (folder,)), flush=True)


def build(folder: Path, n_events: int, n_invitations: int) -> None:
    """Raw tables from a hash of the row number (the same on any number of threads), then the store."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    con = stores.connect(folder)
    unit = "(1 - sqrt(hash(i) / 18446744073709551616.0))"  # between 0 and 1, denser near 0: a few are busy
    con.execute(f"""CREATE VIEW raw_events AS SELECT 'c' || CAST(floor({unit} * {n_invitations}) AS BIGINT) AS customer,
        CAST(hash(i + 1000000000) % {100 * DAY} AS BIGINT) AS "at",
        'event ' || (hash(i + 2000000000) % {NAMES}) AS event, NULL::VARCHAR AS channel, NULL::DOUBLE AS "value",
        0::BIGINT AS "sequence", 0 AS source, 0::BIGINT AS line FROM range({n_events}) r(i)""")
    answers = f"hash(i + 4000000000) % 100 < 20 + 30 * (1 - i / {n_invitations}.0)"
    con.execute(f"""CREATE TABLE raw_responses AS SELECT 'c' || i AS customer, asked_at,
        CASE WHEN said THEN asked_at + {DAY} END AS answered_at, 'nps' AS instrument,
        CASE WHEN said THEN CAST(hash(i + 5000000000) % 11 AS DOUBLE) END AS score, NULL::VARCHAR AS comment,
        NULL::VARCHAR AS stage, 0 AS source, 0::BIGINT AS line FROM (SELECT i, {answers} AS said,
        CAST({40 * DAY} + hash(i + 3000000000) % {60 * DAY} AS BIGINT) AS asked_at FROM range({n_invitations}) r(i))""")
    con.execute("CREATE TABLE raw_customers (customer VARCHAR)")
    con.execute("CREATE TABLE raw_identity (anonymous VARCHAR, customer VARCHAR)")
    stores.write(con, SPEC, ("sha256(id)", {}), folder)
    con.close()


def measure(folder: Path) -> str:
    """One run in this process, in words."""
    from cjlib.analyses.nonresponse import nonresponse
    from cjlib.core.result import DataInfo
    from cjlib.journey.engine import DuckEngine
    from cjlib.journey.features import before_invitation
    from cjlib.journey.tables import EventLog, SurveyResponses

    store, engine, info = stores.Store(folder), DuckEngine(), DataInfo(study="benchmark")
    log, said = EventLog(store, engine, info), SurveyResponses(store, engine, info)
    start = time.monotonic()
    made = before_invitation(said, log, instrument="nps")
    joined = time.monotonic()
    result = nonresponse(said, log, instrument="nps")
    end = time.monotonic()
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return (
        f"{log.n_events:,} events, {len(made.invitations):,} invitations, {len(made.covariates)} covariates: "
        f"behaviour before the invitation {joined - start:.1f} s, whole analysis {end - joined:.1f} s, "
        f"most memory {held:.1f} GB. {result.answer()}"
    )


if __name__ == "__main__":
    main()
