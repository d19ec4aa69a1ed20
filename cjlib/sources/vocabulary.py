"""Do the questions of a study use words that its data know? Asked before any report is rendered."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from cjlib.core.errors import Problem, did_you_mean
from cjlib.sources.study import CENSOR, StudySpec

ANY = "any"


def unknown_events(con: duckdb.DuckDBPyConnection, spec: StudySpec) -> list[Problem]:
    """Problems for every event name that a question uses and the data lack (CJ-IN-005).

    Stages may name events that have not happened yet; questions may not, because their answer would be
    about nothing.
    """
    known = sorted(name for (name,) in con.execute("SELECT DISTINCT event FROM raw_events").fetchall() if name)
    shown = (", ".join(known[:20]) or "none") + (" ..." if len(known) > 20 else "")
    return [
        Problem(
            code="CJ-IN-005",
            file="study file",
            column=key,
            what="no event of the data has this name",
            values=(name,),
            expected=f"one of {shown}",
            next_step=did_you_mean(name, known) or "correct the name, or rename the values of the source",
        )
        for key, name in _events(spec)
        if name not in known
    ]


def _events(spec: StudySpec) -> Iterator[tuple[str, str]]:
    for place, funnel in enumerate(spec.funnels):
        yield from ((f"funnels[{place}].steps", name) for name in funnel.steps)
    for place, clock in enumerate(spec.clocks):
        names = {"from": clock.from_, "to": clock.to, "competing": clock.competing, "drivers": clock.drivers}
        yield from (
            (f"clocks[{place}].{key}", n) for key, listed in names.items() for n in listed if n not in (ANY, CENSOR)
        )
    if spec.churn:
        named = [*spec.churn.activity, spec.churn.start, spec.churn.end]
        yield from (("churn", name) for name in named if name)
    yield from ((f"drivers[{i}].event", driver.event) for i, driver in enumerate(spec.drivers) if driver.event != ANY)
    for place, entry in enumerate(spec.say_do):
        yield from ((f"say_do[{place}]", name) for name in (entry.event, entry.outcome) if name)
    for place, rule in enumerate(spec.ledger):
        yield from ((f"ledger[{place}]", name) for name in (*rule.before, *rule.after, *rule.absent, *rule.end))
