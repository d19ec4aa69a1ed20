"""What a study's declarations ask of the analyses: one set of arguments per question.

Notebooks hold no logic; the small decisions (which instrument, which breakdown, which view) are here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cjlib.core.pages import moment
from cjlib.core.text import language, t
from cjlib.maps.human import read_human
from cjlib.maps.model import Stage
from cjlib.sources.study import StudySpec, localized

Asked = tuple[Mapping[str, Any], ...]
COMMENTS = "sources: responses: columns: comment"
FORETOLD = "say_do: outcome"
ABOUT_ANSWERS = ("sources: responses", "ledger", COMMENTS)


def funnels(spec: StudySpec, by: str = "") -> Asked:
    """Arguments of `funnel` for every funnel declared; `by` replaces the breakdown."""
    return tuple(_named(funnel, by=by or funnel.by) for funnel in spec.funnels)


def clocks(spec: StudySpec, by: str = "") -> Asked:
    """Arguments of `time_to_event` for every clock declared."""
    return tuple(
        {**_named(clock, by=by or clock.by), "start": clock.from_, "outcome": clock.to} for clock in spec.clocks
    )


def stage_clocks(spec: StudySpec) -> Asked | None:
    """Arguments of `stage_times`; None where the study names fewer than two stages."""
    stages = [{"name": localized(stage.name, language()), "events": stage.events} for stage in spec.journey.stages]
    return ({"stages": stages},) if len(stages) > 1 else None


def conversion_drivers(spec: StudySpec) -> Asked:
    """Arguments of `conversion_drivers` for every clock with drivers, within the groups it is compared by."""
    customers = {name for source in spec.sources.customers for name in source.attributes}
    return tuple(
        {
            **_named(clock),
            "start": clock.from_,
            "outcome": clock.to,
            "adjust": [clock.by] if clock.by in customers else [],
        }
        for clock in spec.clocks
        if clock.drivers
    )


def segments(spec: StudySpec) -> Asked:
    """Arguments of `segment_scan` for every clock with horizons: the longest of them that is over for enough."""
    return tuple(
        {**_named(clock), "start": clock.from_, "outcome": clock.to, "within": clock.horizons}
        for clock in spec.clocks
        if clock.horizons
    )


def churn(spec: StudySpec) -> Asked:
    """Arguments of `churn` and `retention`, if the study says what leaving means."""
    return (_named(spec.churn),) if spec.churn else ()


def repeats(spec: StudySpec) -> Asked | None:
    """Arguments of `repeat_events`: clocks from an event to itself, then the activity; None if there are none."""
    found = [
        {**_named(clock), "event": clock.to, "start": clock.from_}
        for clock in spec.clocks
        if set(clock.from_) & set(clock.to)
    ]
    activity = spec.churn.activity if spec.churn else ()
    if activity and set(activity) not in [set(one["event"]) for one in found]:
        found.append({"event": activity})
    return tuple({name: value for name, value in one.items() if value != ()} for one in found) or None


def contract(spec: StudySpec) -> Asked | None:
    """Arguments of `renewals` and `customer_retention`; None where the study has no contracts."""
    kinds = [spec.churn] if spec.churn and spec.churn.kind == "contractual" else []
    return tuple(_named(kind) for kind in kinds) or None


def silent_leaving(spec: StudySpec) -> Asked | None:
    """Arguments of what infers leaving from silence; None where leaving is recorded by an event, or undeclared."""
    return None if spec.churn and spec.churn.kind == "contractual" else leaving(spec)


def leaving(spec: StudySpec) -> Asked | None:
    """The same as `churn`, for questions after the first: what is not declared is said once on a page."""
    return churn(spec) or None


def scores(spec: StudySpec, instruments: Sequence[str]) -> Asked:
    """Arguments of `scores` for every instrument, without a breakdown."""
    return tuple({"name": name.upper(), "instrument": name, "trigger": spec.scores.trigger} for name in instruments)


def scores_by(spec: StudySpec, instruments: Sequence[str]) -> Asked | None:
    """Arguments of `scores` for every instrument by every breakdown; `doors` shows the one of the trigger."""
    trigger = spec.scores.trigger
    found = tuple(
        {"name": f"{name.upper()} · {_word(spec, by)}", "instrument": name, "by": by, "trigger": trigger}
        for name in instruments
        for by in spec.scores.by
        if by != trigger
    )
    return found or None


def doors(spec: StudySpec, kinds: Mapping[str, int]) -> Asked | None:
    """Arguments of `invitation_mix` for every instrument whose answers came in several ways.

    Parameters
    ----------
    spec : StudySpec
    kinds : instrument to the number of values that the declared trigger takes among its answers
    """
    found = tuple(
        {"name": name.upper(), "instrument": name, "by": spec.scores.trigger} for name, k in kinds.items() if k > 1
    )
    return found or None


def last_quarters(spec: StudySpec, instruments: Sequence[str]) -> Asked | None:
    """Arguments of `compare_scores`: the last quarter that was over at the cut-off against the one before."""
    start = pd.Timestamp(spec.as_of[:10]).to_period("Q").start_time
    ends = [(start - pd.DateOffset(months=3 * back), start - pd.DateOffset(months=3 * back - 3, days=1))
            for back in (2, 1)]  # fmt: skip
    periods = [f"{first:%Y-%m-%d}/{last:%Y-%m-%d}" for first, last in ends]
    return tuple({"name": name.upper(), "instrument": name, "periods": periods} for name in instruments) or None


def silent(spec: StudySpec, instruments: Sequence[str]) -> Asked | None:
    """Arguments of `nonresponse` for every instrument; a promised day tells lateness before the invitation."""
    deadlines = {entry.event: entry.deadline for entry in spec.say_do if entry.event and entry.deadline}
    return tuple({"name": name.upper(), "instrument": name, "deadlines": deadlines} for name in instruments) or None


def trends(instruments: Sequence[str]) -> Asked | None:
    """Arguments of `score_trend` for every instrument."""
    return tuple({"name": name.upper(), "instrument": name} for name in instruments) or None


def ledger(spec: StudySpec) -> Asked | None:
    """Arguments of `say_do_ledger`; empty where no deed is declared at all, None where only other deeds are."""
    rules = tuple(_named(rule, end=list(rule.end) or _gone(spec)) for rule in spec.ledger)
    if rules:
        return ({"types": rules},)
    return None if spec.say_do or spec.drivers else ()


def comparisons(spec: StudySpec, instruments: Sequence[str]) -> Asked | None:
    """Arguments of `compare_scores`: every instrument by every breakdown declared."""
    found = tuple(
        {"name": f"{name.upper()} · {_word(spec, by)}", "instrument": name, "by": by}
        for name in instruments
        for by in spec.scores.by
        if by != "touchpoint"  # of many touchpoints few pairs would be comparable
    )
    return found or None


def drivers(spec: StudySpec, instruments: Sequence[str]) -> Asked | None:
    """Arguments of `score_drivers`: the experiences declared for each instrument."""
    found = []
    for name in instruments:
        given = [_named(entry) for entry in spec.drivers if entry.instrument in (None, name)]
        listed = [{k: v for k, v in one.items() if k != "instrument" and v is not None} for one in given]
        found += [{"name": name.upper(), "instrument": name, "drivers": listed}] if listed else []
    return tuple(found) or None


def coded(spec: StudySpec) -> Asked | None:
    """Arguments of `interview_codes`, if the study has coded interviews."""
    return ({},) if spec.sources.interviews else None


def words(stages: Sequence[str | None]) -> tuple[Asked, Asked | None]:
    """Arguments of the analyses of comments, and of words by stage, from the stage of every comment."""
    several = len(set(stages)) > 1
    return (({},), ({},) if several else None) if len(stages) else ((), None)


def said_before(spec: StudySpec) -> Asked | None:
    """Arguments of `said_and_done`: events that had happened, or not, before the answer."""
    return tuple(_named(entry) for entry in spec.say_do if entry.event) or None


def said_after(spec: StudySpec) -> Asked | None:
    """Arguments of `score_then_done`: outcomes looked for after the answer."""
    return tuple({**_named(entry), "end": _gone(spec)} for entry in spec.say_do if entry.outcome) or None


def _word(spec: StudySpec, by: str) -> str:
    """What a breakdown is called on the page."""
    own = {"stage": t("stage"), "touchpoint": t("touchpoint")}
    return localized(spec.labels[by], language()) if by in spec.labels else own.get(by, by)


def foretold(spec: StudySpec) -> Asked | None:
    """Arguments of `score_worth`: as `said_after`, but empty where only deeds before the answer are declared."""
    return said_after(spec) or (() if spec.say_do else None)


def nothing_asked(study: Any, section: str) -> tuple[str, str]:
    """Why a question was not asked, and what the study file would have to say.

    A study without answers, or without events, has one reason for everything that rests on them.
    """
    if section in ABOUT_ANSWERS and not study.responses.n_invitations:
        section, why = "sources: responses", t("The study has no survey answers, so what customers say is unknown.")
    elif section == "ledger" and not study.events.n_events:
        section, why = "sources: events", t("The study has no events, so behaviour cannot be described.")
    elif section == "ledger":
        why = t("The study file does not say which deeds the answers are to be held against.")
        names = '"ledger", "say_do", "drivers"'
        return why, t("Add one of {names} to the study file; docs/study.schema.json lists what it takes.", names=names)
    elif section == FORETOLD:
        why = t("The study file names no deed that follows an answer, so what a score predicts is unknown.")
    elif section == COMMENTS:
        why = t("No answer has a comment, so there are no words to read.")
    else:
        why = t('The study file has no "{section}", so there is nothing to compute.', section=section)
    advice = t('Add "{section}" to the study file; docs/study.schema.json lists what it takes.', section=section)
    return why, advice


def _gone(spec: StudySpec) -> list[str]:
    """Event that ends the contract, where the study has one: an answer after it is no forecast."""
    return [spec.churn.end] if spec.churn and spec.churn.end else []


def journey_map(spec: StudySpec, folder: Path, where: str) -> dict[str, Any]:
    """Arguments of `journey_map`: stages, touchpoint classes, human lanes in the active language."""
    names = [_names(stage.name) for stage in spec.journey.stages]
    stages = [
        Stage(label, tuple(stage.events), tuple(aliases))
        for stage, (label, *aliases) in zip(spec.journey.stages, names, strict=True)
    ]
    persona = where.partition("=")[2]
    human = read_human(folder / spec.map.file, names, persona=persona) if spec.map else {"persona": persona}
    human["scope"] = t("Data complete up to {day}", day=moment(str(spec.as_of)))
    return {
        "stages": stages,
        "touchpoints": spec.journey.touchpoints.model_dump(),
        "human": human,
        "min_people_verbatim": spec.privacy.min_people_verbatim,
    }


def _names(name: str | dict[str, str]) -> list[str]:
    """Label in the active language, then every other name of the stage."""
    label = localized(name, language())
    return [label, *([] if isinstance(name, str) else name.values())]


def _named(entry: Any, **changed: Any) -> dict[str, Any]:
    """Fields of a declaration as arguments; its name in the active language."""
    given = {name: getattr(entry, name) for name in type(entry).model_fields} | changed
    if "name" in given:
        given["name"] = localized(given["name"], language())
    return given
