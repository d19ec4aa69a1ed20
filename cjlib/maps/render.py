"""The journey map as HTML: one column per stage, one lane per question, the emotion lane as a drawing.

Texts come from people and data and are escaped; what was not measured says so instead of staying blank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cjlib.core.pages import environment
from cjlib.core.text import UNKNOWN, days, interval, number, percent, points, t, tn

LOW_N = 50
"""Below this many answers a stage's emotion carries the flag "low"."""
TROUBLE = 0.375
"""Share of the scale (2.5 on 1 to 5) below which the pain points of a stage are framed."""
GRADES = {"measured": 3, "partial": 2, "hypothesis": 1}

# The emotion lane: a stage is 200 units wide (stretched with the page), heights are pixels.
_STAGE, _TOP, _SCALE, _HEIGHT = 200, 30, 108, 178


def render_map(model: Mapping[str, Any], *, level: int = 2, anchor: str = "", sheet: bool = True) -> str:
    """HTML fragment of a journey map.

    Parameters
    ----------
    model : mapping
        title, persona, goal, scope, n_responses, n_events, scale (lowest, highest score) and stages; a
        stage holds name, evidence ("measured", "partial", "hypothesis"), actions, touchpoints (name, kind,
        share 0-1), channels, emotion (mean, ci_low, ci_high, n, target) or None, pains (text, mentions,
        quote), opportunities (text, owner, effect), metrics (passage 0-1, passage_low, passage_high,
        median_days, score, score_kind). What is absent is shown as not measured.
    level : int
        Level of the map's heading.
    anchor : str
        Id of that heading.
    sheet : bool
        Put the style sheet before the map, as a notebook needs; a report has it in its head.

    Returns
    -------
    str
        An element of class `cj-map`, after a style element where `sheet` is true.

    Examples
    --------
    >>> html = render_map({"title": "Map", "stages": [{"name": "<Visit>"}]}, sheet=False)
    >>> "&lt;Visit&gt;" in html, html.count("not measured")
    (True, 8)
    """
    low, high = _scale(model.get("scale"))
    stages = [_stage(stage, place, low, high) for place, stage in enumerate(_mappings(model.get("stages")))]
    return (
        environment("cjlib.maps")
        .get_template("map.html.j2")
        .render(
            title=_text(model.get("title")) or t("Journey map"),
            persona=_text(model.get("persona")),
            goal=_text(model.get("goal")),
            scope=_text(model.get("scope")),
            n_responses=_number(model.get("n_responses")),
            n_events=_number(model.get("n_events")),
            scale=(_score(low), _score(high)),
            stages=stages,
            lane=_lane(stages),
            has_target=any(stage["emotion"] and stage["emotion"]["target_y"] is not None for stage in stages),
            level=level,
            anchor=anchor,
            sheet=sheet,
        )
    )


def _stage(stage: Mapping[str, Any], place: int, low: float, high: float) -> dict[str, Any]:
    evidence = _text(stage.get("evidence"))
    metrics = stage.get("metrics") if isinstance(stage.get("metrics"), Mapping) else {}
    emotion = _emotion(stage.get("emotion"), place, low, high)
    return {
        "name": _text(stage.get("name")) or UNKNOWN,
        "grade": GRADES.get(evidence, 0),
        "evidence": {"measured": t("measured"), "partial": t("partial"), "hypothesis": t("hypothesis")}.get(
            evidence, t("not graded")
        ),
        "actions": [_text(action) for action in _list(stage.get("actions"))],
        "touchpoints": [_touchpoint(point) for point in _mappings(stage.get("touchpoints"))],
        "channels": [_text(channel) for channel in _list(stage.get("channels"))],
        "emotion": emotion,
        "trouble": bool(emotion and emotion["part"] < TROUBLE),
        "pains": [
            {"text": _text(pain.get("text")), "mentions": _mentions(pain), "quote": _text(pain.get("quote"))}
            for pain in _told(stage.get("pains"))
        ],
        "opportunities": [_opportunity(one) for one in _told(stage.get("opportunities"))],
        "metrics": _metrics(metrics) if isinstance(metrics, Mapping) else [],
    }


def _opportunity(one: Mapping[str, Any]) -> dict[str, str]:
    effects = {"strong": t("strong effect"), "medium": t("medium effect"), "weak": t("weak effect")}
    effect = _text(one.get("effect"))
    by = [_text(one.get("owner")), effects.get(effect, effect)]
    return {"text": _text(one.get("text")), "by": ", ".join(filter(None, by))}


def _touchpoint(point: Mapping[str, Any]) -> dict[str, Any]:
    kind = _text(point.get("kind"))
    share = _number(point.get("share"))
    known = {"owned": (t("O"), t("owned")), "paid": (t("€"), t("paid")), "earned": (t("E"), t("earned"))}
    letter, word = known.get(kind, ("", ""))
    return {
        "name": _text(point.get("name")),
        "kind": kind if kind in known else "other",
        "letter": letter,
        "word": word,
        "share": percent(share, 0) if share is not None else "",
        "width": round(100 * min(max(share, 0.0), 1.0), 1) if share is not None else 0,
    }


def _mentions(pain: Mapping[str, Any]) -> str:
    count = _number(pain.get("mentions"))
    return tn("{n} mention", "{n} mentions", int(count)) if count is not None else ""


def _emotion(given: Any, place: int, low: float, high: float) -> dict[str, Any] | None:
    """Emotion of a stage with its words and its place in the drawing; None where it was not measured."""
    if not isinstance(given, Mapping) or (mean := _number(given.get("mean"))) is None:
        return None
    first, last = _number(given.get("ci_low")), _number(given.get("ci_high"))
    target, n = _number(given.get("target")), _number(given.get("n"))
    part = min(max((mean - low) / (high - low), 0.0), 1.0)

    def height(value: float) -> float:
        return round(_TOP + _SCALE * (1 - min(max((value - low) / (high - low), 0.0), 1.0)), 1)

    facts: list[dict[str, Any]] = []
    if first is not None and last is not None:
        facts.append({"text": t("95 % CI {range}", range=interval(first, last, _score)), "flag": False})
    if n is not None:
        is_low = n < LOW_N
        facts.append({"text": t("n = {n} (low)" if is_low else "n = {n}", n=int(n)), "flag": is_low})
    if target is not None:
        facts.append({"text": t("target {x}", x=_score(target)), "flag": False})
    return {
        "x": place * _STAGE + _STAGE / 2,
        "y": height(mean),
        "band": None if first is None or last is None else (height(last), height(first)),
        "target_y": None if target is None else height(target),
        "part": part,
        "tone": "good" if part >= 0.6 else "bad" if part < TROUBLE else "mixed",
        "word": t("positive") if part >= 0.6 else t("negative") if part < TROUBLE else t("mixed"),
        "score": _score(mean),
        "facts": facts,
        # The mouth: a curve whose depth follows the score, from -4 (sad) to 4 (glad).
        "mouth": round(8 * part - 4, 1),
    }


def _lane(stages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The drawing of the emotion lane: straight segments, broken where a stage was not measured."""
    runs: list[list[Mapping[str, Any]]] = [[]]
    for stage in stages:
        if stage["emotion"]:
            runs[-1].append(stage["emotion"])
        elif runs[-1]:
            runs.append([])
    solid = [run for run in runs if run]
    return {
        "width": _STAGE * max(len(stages), 1),
        "height": _HEIGHT,
        "middle": _TOP + _SCALE / 2,
        "lines": [_points((e["x"], e["y"]) for e in run) for run in solid if len(run) > 1],
        "bands": [band for run in solid for band in _bands(run)],
        "targets": [_points((e["x"], e["target_y"]) for e in part) for run in solid for part in _targets(run)],
        "alt": _alt(stages),
    }


def _bands(run: Sequence[Mapping[str, Any]]) -> list[str]:
    """Outline of the interval band, over the stages that have an interval."""
    known = [e for e in run if e["band"]]
    if len(known) != len(run):
        return []
    if len(run) == 1:
        x, (top, bottom) = run[0]["x"], run[0]["band"]
        return [_points([(x - 14, top), (x + 14, top), (x + 14, bottom), (x - 14, bottom)])]
    upper = [(e["x"], e["band"][0]) for e in run]
    lower = [(e["x"], e["band"][1]) for e in reversed(run)]
    return [_points(upper + lower)]


def _targets(run: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    known = [e for e in run if e["target_y"] is not None]
    return [known] if len(known) > 1 else []


def _points(pairs: Any) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in pairs)


def _alt(stages: Sequence[Mapping[str, Any]]) -> str:
    """The emotion lane in words and numbers."""
    said = []
    for stage in stages:
        emotion = stage["emotion"]
        if emotion:
            facts = ", ".join([f"{emotion['score']} {emotion['word']}", *(fact["text"] for fact in emotion["facts"])])
            said.append(t("{stage}: {facts}", stage=stage["name"], facts=facts))
        else:
            said.append(t("{stage}: not measured", stage=stage["name"]))
    return tn("Emotion over {n} stage. ", "Emotion over {n} stages. ", len(stages)) + t("; ").join(said) + "."


def _metrics(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Passage, median time and score of a stage, each with what surrounds it."""
    passage, low, high = (_number(given.get(name)) for name in ("passage", "passage_low", "passage_high"))
    median, score = _number(given.get("median_days")), _number(given.get("score"))
    kind = _text(given.get("score_kind")) or t("Score")
    missing = t("not measured")
    return [
        {
            "label": t("Passage"),
            "value": missing if passage is None else percent(passage),
            "known": passage is not None,
            "range": interval(low, high, percent) if low is not None and high is not None else "",
            "width": round(100 * min(max(passage or 0.0, 0.0), 1.0), 1),
        },
        {
            "label": t("Median time"),
            "value": missing if median is None else days(median),
            "known": median is not None,
            "range": "",
        },
        {
            "label": kind,
            "value": missing if score is None else points(score) if kind == "NPS" else _score(score),
            "known": score is not None,
            "range": "",
        },
    ]


def _score(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 1)


def _scale(given: Any) -> tuple[float, float]:
    ends = [_number(end) for end in _list(given)]
    if len(ends) == 2 and ends[0] is not None and ends[1] is not None and ends[0] < ends[1]:
        return ends[0], ends[1]
    return 1.0, 5.0


def _number(value: Any) -> float | None:
    """A number, infinity included (a median that is not reached); None for anything else and for NaN."""
    if value == "inf":
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _told(value: Any) -> list[Mapping[str, Any]]:
    """What people wrote down, each as a mapping with a text; a plain text stands for itself."""
    return [one if isinstance(one, Mapping) else {"text": one} for one in _list(value)]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in _list(value) if isinstance(part, Mapping)]
