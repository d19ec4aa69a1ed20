"""The journey map, computed: what customers did and said at each stage, with n and interval.

People write actions, opportunities and targets (a YAML file of human lanes); every number comes from
the data. A stage is a set of events. Passage: of the customers at a stage, how many were seen at the
next one later, by the cut-off. Emotion: mean of the answers asked at the stage, on a scale of 1 to 5.
Evidence: *measured* = behaviour and at least 50 answers; *partial* = one of the two, or fewer answers;
*hypothesis* = only what people wrote.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from cjlib.analyses.funnel import passage
from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.core.gate import Column, Columns
from cjlib.core.result import MIME, Note, Result
from cjlib.core.text import interval, number, percent, t
from cjlib.journey.tables import EventLog, SurveyResponses
from cjlib.privacy.quotes import quotes
from cjlib.stats.instrument import instrument
from cjlib.stats.mean import mean_interval
from cjlib.stats.score import nps_from_scores

MEASURED_FROM = 50  # answers at a stage from which the emotion counts as measured
MAX_TOUCHPOINTS, MAX_CHANNELS = 4, 5

_STAGE = Column("stage", "string", "Stage")
_N = Column("n", "Int64", "Customers", "people", "customers with an event of the stage")


@dataclass(frozen=True)
class Stage:
    """A stage of the journey: label, the events that belong to it, the names answers use for it."""

    label: str
    events: tuple[str, ...]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class JourneyMap(Result):
    """Computed lanes per stage; `model()` merges them with the human lanes for rendering."""

    kind: ClassVar[str] = "journey_map"
    columns: ClassVar[Columns] = Columns(
        (
            _STAGE, _N,
            Column("n_next", "Int64", "Seen at the next stage", "people"),
            Column("passage", "float64", "Passage", "proportion", "seen later at the next stage, by the cut-off",
                   ("n", "n_next")),
            Column("passage_low", "float64", "95 % CI", "proportion", "Wilson interval", ("n", "n_next")),
            Column("passage_high", "float64", "", "proportion", "", ("n", "n_next")),
            Column("median_days", "float64", "Median time to the next stage", "days", "Kaplan-Meier", ("n", "n_next")),
            Column("n_answers", "Int64", "Answers", "people"),
            Column("emotion", "float64", "Emotion (1 to 5)", "score", "mean score rescaled to 1-5", ("n_answers",)),
            Column("emotion_low", "float64", "95 % CI", "score", "Student's t", ("n_answers",)),
            Column("emotion_high", "float64", "", "score", "", ("n_answers",)),
            Column("n_nps", "Int64", "", "people"),
            Column("nps", "float64", "NPS", "points", "", ("n_nps",)),
            Column("evidence", "string", "Evidence"),
        ),
        caption="The stages in numbers",
    )  # fmt: skip
    more_columns: ClassVar[dict[str, Columns]] = {
        "touchpoints": Columns((
            _STAGE, Column("name", "string", "Touchpoint"), Column("touchpoint_class", "string", "Class"), _N,
            Column("share", "float64", "Share of the stage's customers", "proportion", "", ("n",)),
        )),
        "channels": Columns((_STAGE, Column("name", "string", "Channel"), _N)),
        "pains": Columns((
            _STAGE, Column("text", "string", "Pain point"), Column("n", "Int64", "Mentions", "people"),
            Column("quote", "string", "Quote", of=("n",)),
        )),
    }  # fmt: skip
    human: Mapping[str, Any] = field(default_factory=dict)

    def question(self) -> str:
        return t("What is the whole journey, stage by stage?")

    def answer(self) -> str:
        known = self._table[self._table["passage"].notna()]
        if known.empty:
            return t("No passage between stages can be measured from these data.")
        low = known.iloc[known["passage"].argmin()]
        text = t(
            "Fewest {units} go on after {stage}: {share} (95 % CI {ci}).", units=self.data.units, stage=low["stage"],
            share=percent(low["passage"]), ci=interval(low["passage_low"], low["passage_high"], percent),
        )  # fmt: skip
        felt = self._table[self._table["emotion"].notna()]
        if len(felt):
            worst = felt.iloc[felt["emotion"].argmin()]
            text += " " + t(
                "The lowest emotion is at {stage}: {score} of 5 (95 % CI {ci}, n = {n}).",
                stage=worst["stage"], score=number(worst["emotion"], 1), n=int(worst["n_answers"]),
                ci=interval(worst["emotion_low"], worst["emotion_high"], lambda v: number(v, 1)),
            )  # fmt: skip
        return text

    def definition(self) -> str:
        return t(
            "A stage is a set of events; passage counts the customers of a stage who were seen at the next one "
            "later, by the cut-off; median times are Kaplan-Meier; emotion is the mean answer at the stage, "
            "rescaled to 1-5. Stages without data say so."
        )

    def shown(self) -> list[Any]:
        caption, frame, hidden, columns = super().shown()[0]
        grades = {"measured": t("measured"), "partial": t("partial"), "hypothesis": t("hypothesis")}
        return [(caption, frame.assign(evidence=frame["evidence"].map(grades)), hidden, columns)]

    def model(self) -> dict[str, Any]:
        """The map as plain JSON for `cjlib.maps.render.render_map`; only gated values."""
        return {
            "title": t("Journey map"), "persona": self.human.get("persona", ""), "goal": self.human.get("goal", ""),
            "scope": self.human.get("scope", ""), "n_responses": self.data.n_responses,
            "n_events": self.data.n_events, "scale": [1, 5],
            "stages": [self._stage(row) for row in self._table.to_dict("records")],
        }  # fmt: skip

    def _stage(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        name = row["stage"]
        human = self.human.get("stages", {}).get(name, {})
        emotion = None if math.isnan(row["emotion"]) else {
            "mean": row["emotion"], "ci_low": row["emotion_low"], "ci_high": row["emotion_high"],
            "n": int(row["n_answers"]), "target": human.get("target"),
        }  # fmt: skip
        points = self._of("touchpoints", name)
        score = row["nps"]
        return {
            "name": name, "evidence": row["evidence"], "actions": list(human.get("actions", [])),
            "touchpoints": [{"name": r["name"], "kind": r["touchpoint_class"], "share": r["share"]}
                            for r in points.to_dict("records") if not pd.isna(r["share"])],
            "channels": [str(value) for value in self._of("channels", name).dropna(subset=["n"])["name"]],
            "emotion": emotion,
            "pains": [{"text": r["text"], "mentions": int(r["n"]), "quote": "" if pd.isna(r["quote"]) else r["quote"]}
                      for r in self._of("pains", name).to_dict("records") if not pd.isna(r["n"])],
            "opportunities": list(human.get("opportunities", [])),
            "metrics": {
                "passage": _none(row["passage"]), "passage_low": _none(row["passage_low"]),
                "passage_high": _none(row["passage_high"]), "median_days": _none(row["median_days"]),
                "score": _none(score), "score_kind": "NPS",
            },
        }  # fmt: skip

    def _of(self, table: str, stage: str) -> pd.DataFrame:
        frame = self._more[table]
        return frame[frame["stage"] == stage]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from cjlib.maps.render import render_map

        bundle = super()._repr_mimebundle_(include, exclude)
        bundle["text/html"] = render_map(self.model())
        bundle[MIME] = {**bundle[MIME], "block": "map", "model": self.model()}
        return bundle


def journey_map(
    log: EventLog,
    responses: SurveyResponses,
    *,
    stages: Sequence[Stage],
    touchpoints: Mapping[str, Sequence[str]] | None = None,
    human: Mapping[str, Any] | None = None,
    min_people_verbatim: int = 10,
) -> JourneyMap:
    """Compute the lanes of the journey map.

    Parameters
    ----------
    log, responses : what customers did and said
    stages : the stages in order
    touchpoints : "owned", "paid", "earned" -> names of events or channels
    human : lanes written by people: persona, goal, scope, stages -> label -> actions, opportunities,
        target, pains (text and a `pattern` whose mentions are counted in the comments)
    min_people_verbatim : people a quoted group must have (10 at least)

    Returns
    -------
    JourneyMap
        `.table` one row per stage; `.model()` for rendering.

    Raises
    ------
    ParameterError
        Fewer than two stages, or an unknown class of touchpoints.
    NotEnoughDataError
        The study has neither events nor answers.
    """
    if len(stages) < 2:
        raise NotEnoughDataError(t("The study declares fewer than two stages, so there is no journey to map."),
                                 code="CJ-MP-001")  # fmt: skip
    classes = _classes(touchpoints or {})
    if not log.n_events and not responses.n_responses:
        raise NotEnoughDataError(t("The study has neither events nor answers."), code="CJ-MP-002")
    known = [Stage(s.label, tuple(e for e in s.events if e in log.event_names), s.aliases) for s in stages]
    said = _said(responses)
    rows = []
    for place, stage in enumerate(known):
        after = known[place + 1] if place + 1 < len(known) else None
        done = _done(log, stage, after)
        felt = _felt(said, stage, responses)
        rows.append({"stage": stage.label, **done, **felt, "evidence": _evidence(done["n"], felt["n_answers"])})
    more = {
        "touchpoints": _touchpoints(log, known, classes),
        "channels": _channels(log, known),
        "pains": _pains(said, known, human or {}, min_people_verbatim),
    }
    params = {"stages": [stage.label for stage in stages]}
    notes = [Note("CJ-MP-003", "info", t("Passage counts who was seen at the next stage by the cut-off; those who "
                                         "are still on their way are not lost."))]  # fmt: skip
    made = JourneyMap.build(pd.DataFrame(rows), data=log.info, params=params, more=more, notes=notes)
    object.__setattr__(made, "human", dict(human or {}))
    return made


def _done(log: EventLog, stage: Stage, after: Stage | None) -> dict[str, Any]:
    """Customers of a stage and their passage to the next one."""
    empty = {"n": 0, "n_next": math.nan, "passage": math.nan, "passage_low": math.nan, "passage_high": math.nan,
             "median_days": math.nan}  # fmt: skip
    if not stage.events:
        return empty
    if after is None or not after.events:
        events = log.table
        n = log.engine.fetch(
            events.filter(events.event.isin(stage.events)).select("unit").distinct().count().as_table()
        )
        return {**empty, "n": int(n.to_numpy().item())}
    return passage(log, stage.events, after.events)


def _said(responses: SurveyResponses) -> pd.DataFrame:
    """Answers with score, comment and stage; empty where there are none."""
    columns = ["unit", "instrument", "score", "comment", "stage"]
    if not responses.n_responses:
        return pd.DataFrame(columns=columns)
    frame = responses.frame(columns)
    return frame[frame["score"].notna()]


def _at_stage(said: pd.DataFrame, stage: Stage) -> pd.DataFrame:
    names = {name.casefold() for name in (stage.label, *stage.aliases)}
    return said[said["stage"].astype("string").str.casefold().isin(names)]


def _felt(said: pd.DataFrame, stage: Stage, responses: SurveyResponses) -> dict[str, Any]:
    """Emotion from CSAT and CES answers of the stage, NPS beside; scales never mixed unscaled."""
    part = _at_stage(said, stage)
    scaled = pd.Series(dtype=float)
    for name, answers in part[part["instrument"] != "nps"].groupby("instrument"):
        low, high = responses.scales.get(str(name), instrument(str(name)).scale)
        scaled = pd.concat([scaled, 1 + 4 * (answers["score"] - low) / (high - low)]) if len(scaled) else (
            1 + 4 * (answers["score"] - low) / (high - low))  # fmt: skip
    asked = part[part["instrument"] == "nps"]["score"]
    found = {"n_answers": len(scaled), "emotion": math.nan, "emotion_low": math.nan, "emotion_high": math.nan,
             "n_nps": len(asked), "nps": math.nan}  # fmt: skip
    if len(scaled):
        mean = mean_interval(scaled.to_numpy()).iloc[0]
        found |= {"emotion": mean["estimate"], "emotion_low": max(mean["ci_low"], 1.0),
                  "emotion_high": min(mean["ci_high"], 5.0)}  # fmt: skip
    if len(asked):
        found["nps"] = float(nps_from_scores(asked.to_numpy())["estimate"].iloc[0])
    return found


def _evidence(n: float, n_answers: int) -> str:
    if n and n_answers >= MEASURED_FROM:
        return "measured"
    return "partial" if n or n_answers else "hypothesis"


def _classes(touchpoints: Mapping[str, Sequence[str]]) -> dict[str, str]:
    wrong = set(touchpoints) - {"owned", "paid", "earned"}
    if wrong:
        raise ParameterError(f"touchpoints has {sorted(wrong)}; allowed: owned, paid, earned.", code="CJ-MP-004")
    return {name: kind for kind, names in touchpoints.items() for name in names}


def _touchpoints(log: EventLog, stages: Sequence[Stage], classes: Mapping[str, str]) -> pd.DataFrame:
    """Share of a stage's customers with each of its events."""
    rows = []
    for stage, part in _by_stage(log, stages, "event"):
        total = part.pop("everyone")
        top = sorted(part.items(), key=lambda item: (-item[1], item[0]))[:MAX_TOUCHPOINTS]
        rows += [{"stage": stage.label, "name": log.label(name), "touchpoint_class": classes.get(name, ""), "n": n,
                  "share": n / total} for name, n in top]  # fmt: skip
    return pd.DataFrame(rows, columns=["stage", "name", "touchpoint_class", "n", "share"])


def _channels(log: EventLog, stages: Sequence[Stage]) -> pd.DataFrame:
    rows = []
    for stage, part in _by_stage(log, stages, "channel"):
        part.pop("everyone")
        top = sorted(part.items(), key=lambda item: (-item[1], item[0]))[:MAX_CHANNELS]
        rows += [{"stage": stage.label, "name": log.label(name), "n": n} for name, n in top]
    return pd.DataFrame(rows, columns=["stage", "name", "n"])


def _by_stage(log: EventLog, stages: Sequence[Stage], column: str) -> list[tuple[Stage, dict[str, int]]]:
    """Distinct customers per value of `column` within each stage; "everyone" counts them once."""
    found = []
    for stage in stages:
        if not stage.events:
            continue
        events = log.table.filter(log.table.event.isin(stage.events))
        pairs = events.filter(events[column].notnull()).select("unit", column).distinct()
        counts = log.engine.fetch(pairs.group_by(column).agg(n=pairs.unit.count()))
        everyone = log.engine.fetch(events.select("unit").distinct().count().as_table()).to_numpy().item()
        found.append((stage, {**dict(zip(counts[column], counts["n"], strict=True)), "everyone": int(everyone)}))
    return found


def _pains(said: pd.DataFrame, stages: Sequence[Stage], human: Mapping[str, Any], min_people: int) -> pd.DataFrame:
    """Mentions of the pain points people named, counted in the comments of the stage, with one quote."""
    rows = []
    for stage in stages:
        part = _at_stage(said, stage).dropna(subset=["comment"])
        for pain in human.get("stages", {}).get(stage.label, {}).get("pains", []):
            pattern = pain.get("pattern")
            if not pattern:
                continue
            hits = part[part["comment"].str.contains(pattern, flags=re.IGNORECASE, regex=True)]
            if hits.empty:
                continue
            chosen = quotes(pd.DataFrame({"group": stage.label, "customer": hits["unit"], "comment": hits["comment"]}),
                            min_people=max(min_people, 10), n=1)  # fmt: skip
            rows.append({"stage": stage.label, "text": pain["text"], "n": int(hits["unit"].nunique()),
                         "quote": chosen["quote"].iloc[0] if len(chosen) else None})  # fmt: skip
    frame = pd.DataFrame(rows, columns=["stage", "text", "n", "quote"])
    return frame.sort_values("n", ascending=False, kind="stable")


def _none(value: float) -> float | str | None:
    """A JSON value: null where unknown, "inf" for a time that was not reached."""
    if pd.isna(value):
        return None
    return "inf" if math.isinf(value) else float(value)
