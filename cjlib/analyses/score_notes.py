"""What stands beside a score: what it puts together, and how many answers a decision would need."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from cjlib.core.result import Note
from cjlib.core.text import number, percent, t
from cjlib.journey.tables import SurveyResponses
from cjlib.stats.instrument import Instrument
from cjlib.stats.planner import answers_needed, answers_needed_for_share, answers_per_group
from cjlib.stats.proportion import Floats

_NAMED = 4  # kinds listed by name; the others are summed up
HALF_WIDTH, DIFFERENCE = 5, 10  # points that plans are made for


def kind_columns(responses: SurveyResponses, trigger: str | None, by: str | None) -> list[str]:
    """Columns whose kinds of answers a score may pool: what set the survey off, and the stage asked about."""
    known = trigger or ("trigger" if "trigger" in responses.attributes else None)
    return [name for name in dict.fromkeys([known, "stage"]) if name is not None and name != by]


def pooled_kinds(answered: pd.DataFrame, column: str, responses: SurveyResponses) -> list[Note]:
    """A note where the answers are of several kinds: a score never pools them silently."""
    given = answered[column].astype(object)
    kinds = pd.Series([t("(unknown)") if pd.isna(name) else responses.label(str(name)) for name in given])
    units = pd.DataFrame({"kind": kinds, "unit": answered["unit"].to_numpy()}).groupby("kind")["unit"]
    sizes = units.agg(["size", "nunique"]).reset_index().sort_values(["size", "kind"], ascending=[False, True])
    if len(sizes) < 2:
        return []
    listed, rest = _shown(sizes, responses.info.min_people)
    shares = [f"{name} {percent(n / len(answered), 0)}" for name, n in listed]
    shares += [t("others {share}", share=percent(rest / len(answered), 0))] if rest else []
    words = {"k": len(sizes), "shares": t(", ").join(shares), "by": responses.label(column)}
    if not listed:
        text = t("This score puts {k} kinds of answers together ({by}), each of too few people to be told apart.",
                 **words)  # fmt: skip
    elif column == "stage":
        text = t("This score puts answers about {k} stages together: {shares}. It also moves when this mix moves.",
                 **words)  # fmt: skip
    else:
        text = t("This score puts {k} kinds of invitation together ({by}): {shares}. It also moves when this mix "
                 "moves.", **words)  # fmt: skip
    return [Note("CJ-AN-023", "caution", text)]


def _shown(sizes: pd.DataFrame, floor: int) -> tuple[list[tuple[str, int]], int]:
    """Kinds named with their answers, and the answers of all the others, who are enough people or nobody."""
    rows = list(sizes.itertuples(index=False, name=None))
    named = [row for row in rows[:_NAMED] if row[2] >= floor]
    others = [row for row in rows if row not in named]
    while others and named and sum(row[2] for row in others) < floor:
        others.append(named.pop())
    return [(str(name), int(n)) for name, n, _ in named], sum(int(n) for _, n, _ in others)


def plan(values: Floats, kind: Instrument, rate: float, confidence: float) -> list[Note]:
    """How many answers five points of precision, or a difference of ten points, would take; maybe nothing."""
    if kind.statistic == "net":
        up, down = float((values >= 9).mean()), float((values <= 6).mean())
        variance = up + down - (up - down) ** 2
        needed = answers_needed(HALF_WIDTH, min(up, 1 - down), down, confidence=confidence)
    elif kind.good_scores:
        share = float(np.isin(values, kind.good_scores).mean())
        variance = share * (1 - share)
        needed = answers_needed_for_share(HALF_WIDTH / 100, share, confidence=confidence)
    else:
        return []
    if not variance > 0:
        return []
    each = answers_per_group(DIFFERENCE / 100, variance, confidence=confidence)
    words = {
        "width": HALF_WIDTH,
        "n": _about(needed),
        "now": len(values),
        "difference": DIFFERENCE,
        "each": _about(each),
    }
    text = t("With answers spread like these, a score to ±{width} points takes about {n} answers; there are {now}.",
             **words)  # fmt: skip
    if needed > len(values) and 0 < rate < 1:
        text += " " + t("At this response rate these are about {n} invitations.", n=_about(needed / rate))
    text += " " + t("A difference of {difference} points between two groups is found four times in five with about "
                    "{each} answers in each.", **words)  # fmt: skip
    return [Note("CJ-AN-024", "info", text)]


def _about(n: float) -> str:
    """Rounded up to two digits that count: a plan is not more precise than that."""
    step = 10 ** max(math.floor(math.log10(max(n, 1))) - 1, 0)
    return number(math.ceil(n / step) * step)
