"""The quality table counts what the contract allows and the analyst should still know."""

from __future__ import annotations

import pytest

from cjlib.sources.load import load
from cjlib.sources.quality import summary

ORDERS = """\
id,bought,sent,got,amount
1,2026-01-01,2026-01-02,2026-01-03,5
2,2026-01-05,2026-01-04,2026-01-09,
3,2026-01-01,2026-01-01,,7
4,2031-01-01,,,1
,2026-01-01,,,1
"""
SURVEY = "id,sent,at,score,words\n1,2026-01-05,2026-01-06,5,good\n2,2026-01-09,2026-01-08,4,\n9,2026-01-09,,,\n"


@pytest.fixture
def table(reader):
    """Quality of a small study, by check."""
    reader.write(o=ORDERS, r=SURVEY)
    form = {"zone": "UTC"}
    spec = reader.spec(
        events=[{"path": "o.csv", "format": form, "columns": {"customer": "id", "value": "amount"},
                 "milestones": {"buy": "bought", "send": "sent", "get": "got"}}],
        responses=[{"path": "r.csv", "format": form, "instrument": "csat", "scale": [1, 5], "invitations": "complete",
                    "columns": {"customer": "id", "asked_at": "sent", "answered_at": "at", "score": "score",
                                "comment": "words"}}],
        customers=[{"path": "o.csv", "format": form, "columns": {"customer": "id"}, "dates": {"promised": "got"}}],
    )  # fmt: skip
    loaded = load(spec, reader.folder, reader.con)
    return summary(reader.con, spec, loaded).set_index("check")


EXPECTED = [
    ("impossible order: send before buy", 1, 3),
    ("impossible order: get before send", 0, 2),
    ("negative duration: answered before asked", 1, 2),
    ("invitations answered", 2, 3),
    ("ties: events of one customer at the same instant", 2, 9),
    ("events after the cut-off", 1, 9),
    ("answers after the cut-off", 0, 2),
    ("customers of the surveys found in the behaviour", 2, 3),
    ("customers of the behaviour found in the surveys", 2, 4),
    ("date filled: get", 2, 4),
    ("date filled: promised", 2, 4),
    ("missing: comment", 2, 3),
    ("missing: value", 3, 9),
    ("exact duplicates among events", 0, 5),
]


@pytest.mark.parametrize(("check", "n", "of"), EXPECTED)
def test_each_check_counts(table, check, n, of):
    row = table.loc[check]
    assert (row["n"], row["of"]) == (n, of)


def test_impossible_orders_have_their_lines(table):
    assert "lines 3" in table.loc["impossible order: send before buy", "detail"]


def test_rows_set_aside_are_listed_by_reason(table):
    row = table.loc["set aside: no customer id"]
    assert row["n"].tolist() == [1, 1]


def test_columns_and_types_are_fixed(table):
    assert list(table.columns) == ["n", "of", "detail"]
    assert table.dtypes.astype(str).tolist()[:2] == ["int64", "int64"]
