"""Words and deeds: `python -m benchmarks.say_do [--events 10] [--invitations 500]`.

The store of `benchmarks.nonresponse` (10 M events of 20 names, 500,000 invitations, of which about a third are
answered). In a fresh process: the four-column scan as the yardstick, the time-safe join, the ledger with two
contradictions, what a score is worth; seconds of each, how many scans that is, and the most memory held so far.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.nonresponse import CACHE, build
from cjlib.sources import store as stores

EVENT = "event 0"
TYPES = (
    {"name": "best, then silent", "said": "best", "absent": [EVENT], "within": "10 days"},
    {"name": "worst, yet comes", "said": "worst", "after": [EVENT], "within": "10 days"},
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.say_do", description=__doc__)
    parser.add_argument("--events", type=int, default=10, help="millions")
    parser.add_argument("--invitations", type=int, default=500, help="thousands")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    folder = CACHE / f"{given.events}m-{given.invitations}k"
    if not (folder / "meta.json").exists():
        build(folder, given.events * 1_000_000, given.invitations * 1000)
    context = multiprocessing.get_context("spawn")
    for _ in range(given.rounds):
        for task in ("said and done", "ledger", "score worth"):
            with context.Pool(1) as pool:
                print(pool.apply(measure, (folder, task)), flush=True)


def measure(folder: Path, task: str) -> str:
    """One task in this process, in words; each in a process of its own, because memory is told as its highest."""
    from cjlib.analyses.ledger import say_do_ledger
    from cjlib.analyses.said_and_done import said_and_done
    from cjlib.analyses.score_worth import score_worth
    from cjlib.core.result import DataInfo
    from cjlib.journey.engine import DuckEngine
    from cjlib.journey.tables import EventLog, SurveyResponses

    engine, info = DuckEngine(), DataInfo(study="benchmark")
    store = stores.Store(folder)
    log, said = EventLog(store, engine, info), SurveyResponses(store, engine, info)
    tasks: dict[str, Callable[[], Any]] = {
        "said and done": lambda: said_and_done(said, log, event=EVENT),
        "ledger": lambda: say_do_ledger(said, log, types=TYPES),
        "score worth": lambda: score_worth(said, log, outcome=EVENT, within="10 days", draws=200),
    }
    scan = seconds(lambda: engine.fetch(_scan(log)))
    took = seconds(tasks[task])
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return (
        f"{log.n_events:,} events, {said.n_invitations:,} invitations: {task} {took:.2f} s, {took / scan:.1f} times "
        f"the four-column scan ({scan:.2f} s), most memory {held:.2f} GB"
    )


def _scan(log: Any) -> Any:
    """Every event read once, four columns."""
    events = log.table
    return events.aggregate(unit=events.unit.max(), at=events.at.max(), day=events.day.max(), event=events.event.max())


def seconds(task: Callable[[], Any]) -> float:
    """Time of one call."""
    start = time.monotonic()
    task()
    return time.monotonic() - start


if __name__ == "__main__":
    main()
