"""What a study declares becomes arguments: by contract, nothing is said after the end."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cjlib.report import asked
from cjlib.sources.study import StudySpec

DEMO = yaml.load(Path("studies/demo.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
CONTRACT = {"kind": "contractual", "start": "visit", "end": "unsubscribe"}


@pytest.mark.parametrize(("churn", "end"), [(CONTRACT, ["unsubscribe"]), (DEMO["churn"], []), (None, [])])
def test_the_end_of_the_contract_bounds_answers_unless_the_study_says_otherwise(churn, end):
    spec = StudySpec.model_validate({**DEMO, "churn": churn})
    (given,) = asked.ledger(spec)
    ends = {rule["name"]: list(rule["end"]) for rule in given["types"]}
    assert ends["promoter who leaves"] == end
    assert ends["praise, then leaving at the fees"] == ["unsubscribe"]  # declared
    assert [one["end"] for one in asked.said_after(spec)] == [end] * 2


def test_every_clock_with_horizons_is_scanned_for_segments_within_one_of_them():
    clocks = [*DEMO["clocks"], {"name": "plain", "from": "any", "to": "purchase"}]
    first, second = asked.segments(StudySpec.model_validate({**DEMO, "clocks": clocks}))
    assert (list(first["start"]), list(first["outcome"]), list(first["competing"])) == (
        ["visit"], ["purchase"], ["unsubscribe"])  # fmt: skip
    assert len(first["within"]) == 3
    assert len(second["within"]) == 2
