"""Bad answers, one row each: every analysis of scores gives numbers, or one clear sentence, never rubbish."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cjlib as cj
from cjlib.core.errors import NotEnoughDataError, SchemaError
from cjlib.core.result import Result

DAY = 86_400_000_000
SCALES = {"csat": (1, 5), "nps": (0, 10)}
WORDS = ["the fees are too high", "les frais sont trop élevés", "fast delivery, thank you", "livraison rapide, merci",
         "I waited for an hour", "une heure d'attente"]  # fmt: skip
N = 60


def answers(n: int = N, **changed: Any) -> pd.DataFrame:
    """Two thirds answer; half of them well, half badly; asked on day 20, answered on day 21."""
    place = np.arange(n)
    frame = pd.DataFrame({
        "customer": [f"c{i:03d}" for i in place], "asked_at": 20 * DAY,
        "answered_at": pd.array([21 * DAY if i % 3 else None for i in place], dtype="Int64"), "instrument": "csat",
        "score": [float(1 + i % 5) if i % 3 else np.nan for i in place], "stage": "Look",
        "comment": [WORDS[i % 6] if i % 3 else None for i in place], "trigger": ["mail", "site"] * (n // 2),
    })  # fmt: skip
    return frame.assign(**changed)


def visits(leavers: float = 0.5) -> pd.DataFrame:
    rows = [(f"c{i:03d}", day * DAY, "visit") for i in range(N) for day in range(1, 3 + i % 4)]
    rows += [(f"c{i:03d}", 25 * DAY, "leave") for i in range(N) if i < leavers * N]
    rows += [(f"c{i:03d}", 10 * DAY, "fee") for i in range(0, N, 2)]
    return pd.DataFrame(rows, columns=["customer", "at", "event"])


def study(said: pd.DataFrame, done: pd.DataFrame | None = None, **options: Any) -> tuple[Any, Any]:
    return cj.from_frames(visits() if done is None else done, responses=said, as_of="1970-04-01", scales=SCALES,
                          min_people=5, **options)[:2]  # fmt: skip


TYPES = [{"name": "leaves though happy", "said": "best", "after": ["leave"], "within": "20 days", "instrument": "csat"}]
FEE = [{"name": "fee", "event": "fee"}]
ASK: dict[str, Callable[[Any, Any], Any]] = {
    "scores": lambda log, said: cj.scores(said, instrument="csat"),
    "scores by": lambda log, said: cj.scores(said, instrument="csat", by="trigger"),
    "compare_scores": lambda log, said: cj.compare_scores(said, instrument="csat", by="trigger"),
    "periods": lambda log, said: cj.compare_scores(
        said, instrument="csat", periods=["1970-01-01/1970-01-15", "1970-01-16/1970-01-31"]
    ),
    "score_trend": lambda log, said: cj.score_trend(said, instrument="csat"),
    "invitation_mix": lambda log, said: cj.invitation_mix(said, instrument="csat"),
    "nonresponse": lambda log, said: cj.nonresponse(said, log, instrument="csat"),
    "said_and_done": lambda log, said: cj.said_and_done(said, log, event="fee", instrument="csat"),
    "score_then_done": lambda log, said: cj.score_then_done(
        said, log, outcome="leave", within="20 days", instrument="csat"
    ),
    "say_do_ledger": lambda log, said: cj.say_do_ledger(said, log, types=TYPES, permutations=999),
    "score_worth": lambda log, said: cj.score_worth(
        said, log, outcome="leave", within="20 days", instrument="csat", draws=50
    ),
    "score_drivers": lambda log, said: cj.score_drivers(said, log, drivers=FEE, instrument="csat", draws=100),
    "distinctive_words": lambda log, said: cj.distinctive_words(said, instrument="csat"),
    "themes": lambda log, said: cj.themes(said, instrument="csat", n_learned=3),
    "score_from_text": lambda log, said: cj.score_from_text(said, instrument="csat"),
    "who_to_interview": lambda log, said: cj.who_to_interview(log, said, outcome="leave", instrument="csat"),
}

NOT_A_NUMBER = re.compile(r"\b(nan|NaN|inf|NaT|Traceback)\b|<NA>|^None$")


def texts(result: Result) -> list[str]:
    card = result.card()
    found = [str(card[name]) for name in ("question", "answer", "definition")]
    found += [str(note["message"]) for note in card["notes"]]
    found += [str(value) for kpi in card["kpis"] for value in kpi.values()]
    found += [str(cell) for table in card["tables"] for row in table["rows"] for cell in row]
    return found + [figure["alt"] for figure in card["figures"]]


def outcome(question: str, log: Any, said: Any) -> str:
    """The answer of an analysis, or its one sentence why there is none."""
    try:
        result = ASK[question](log, said)
    except (NotEnoughDataError, SchemaError) as problem:
        text = str(problem)
        assert len(text) > 20
        assert text.rstrip().endswith("."), text
        assert not NOT_A_NUMBER.search(text), text
        return text
    found = texts(result)
    assert not [text for text in found if NOT_A_NUMBER.search(text)]
    json.dumps(result.to_dict(), allow_nan=False)
    assert max(map(len, found)) < 5000
    assert result.answer().endswith(".")
    return result.answer()


def _every(n: int, value: Any) -> list[Any]:
    return [value] * n


BAD: dict[str, Callable[[], tuple[Any, Any]]] = {
    "nothing wrong": lambda: study(answers()),
    "two instruments in one file": lambda: study(
        pd.concat([answers(), answers().assign(instrument="nps", score=lambda f: f["score"] * 2)], ignore_index=True)
    ),
    "duplicate answers": lambda: study(pd.concat([answers(), answers()], ignore_index=True)),
    "answers without an invitation": lambda: study(
        answers().dropna(subset=["score"]).assign(asked_at=pd.array(_every(40, None), dtype="Int64")),
        all_invitations_known=False,
    ),
    "invitations without a date": lambda: study(answers(asked_at=pd.array(_every(N, None), dtype="Int64"))),
    "answers before the first event": lambda: study(
        answers(asked_at=0, answered_at=lambda f: f["answered_at"].where(f["answered_at"].isna(), DAY // 2))
    ),
    "answers after the outcome": lambda: study(
        answers(asked_at=40 * DAY, answered_at=lambda f: f["answered_at"].where(f["answered_at"].isna(), 41 * DAY))
    ),
    "a comment of a million characters": lambda: study(
        answers(comment=lambda f: ["fees " * 200_000 if i == 1 else c for i, c in enumerate(f["comment"])])
    ),
    "two languages in one comment": lambda: study(
        answers(comment=lambda f: f["comment"].where(f["comment"].isna(), "the fees, les frais, too high, trop élevés"))
    ),
    "one respondent in a group": lambda: study(answers(trigger=["site", "mail", *_every(N - 2, "site")])),
    "nobody who answered in a group": lambda: study(
        answers(trigger=lambda f: ["silent" if missing else "heard" for missing in f["score"].isna()])
    ),
    "one respondent": lambda: study(answers(
        score=[np.nan, 4.0, *_every(N - 2, np.nan)],
        answered_at=pd.array([None, 21 * DAY, *_every(N - 2, None)], dtype="Int64"))),
    "nobody answered": lambda: study(answers(score=np.nan, answered_at=pd.array(_every(N, None), dtype="Int64"))),
    "all answers equal": lambda: study(answers(score=lambda f: f["score"].where(f["score"].isna(), 4.0))),
    "all respondents left": lambda: study(answers(), visits(leavers=1.0)),
    "nobody left": lambda: study(answers(), pd.concat([visits(leavers=0.0), pd.DataFrame(
        {"customer": ["z"], "at": [DAY], "event": ["leave"]})], ignore_index=True)),
    "no comment at all": lambda: study(answers(comment=None)),
    "everybody answered": lambda: study(answers().dropna(subset=["score"])),
}  # fmt: skip
SAID = {  # what one clear sentence must hold, where the case is about that question
    ("nobody answered", "scores"): "Nobody answered CSAT",
    ("nobody answered", "nonresponse"): "Nobody answered CSAT",
    ("one respondent", "scores"): "Too few people answered",
    ("answers without an invitation", "nonresponse"): "not the invitations",
    ("invitations without a date", "nonresponse"): "No invitation has a date",
    ("no comment at all", "themes"): "comment",
    ("nobody who answered in a group", "compare_scores"): "there is 1",
}


@pytest.fixture(scope="module", params=list(BAD))
def case(request: pytest.FixtureRequest) -> tuple[str, Any, Any]:
    log, said = BAD[request.param]()
    return request.param, log, said


@pytest.mark.parametrize("question", list(ASK))
def test_every_question_is_answered_in_numbers_or_in_one_sentence(case: tuple[str, Any, Any], question: str):
    name, log, said = case
    text = outcome(question, log, said)
    assert SAID.get((name, question), "") in text


FILE = """study: bad
title: Bad answers
zone: Europe/Paris
as_of: 2026-03-01
language: en
data: .
sources:
  responses:
    - path: said.csv
      format: {date: ["%Y-%m-%d"], zone: Europe/Paris}
      columns: {customer: who, asked_at: asked, answered_at: answered, score: score}
      instrument: csat
      scale: [1, 5]
      stage: Look
      invitations: complete
"""


@pytest.mark.parametrize("score", ["7", "0", "-1", "nan", "five"])
def test_a_score_out_of_its_scale_is_refused_with_its_line(tmp_path: Any, score: str):
    rows = [f"c{i},2026-01-01,2026-01-02,4" for i in range(20)] + [f"bad,2026-01-01,2026-01-02,{score}"]
    (tmp_path / "said.csv").write_text("who,asked,answered,score\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "study.yml").write_text(FILE, encoding="utf-8")
    with pytest.raises(SchemaError) as caught:
        cj.open_study(tmp_path / "study.yml", cache=tmp_path / "cache")
    assert "said.csv" in str(caught.value)
    assert "22" in str(caught.value)  # the line
    assert "score" in str(caught.value)
