"""The quality table counts what the contract allows and the analyst should still know."""

from __future__ import annotations

import pytest

from cjlib.sources import quality
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
    return summary(reader.con, spec, loaded)


EXPECTED = [
    (quality.ORDER, "buy → send (o.csv: 3)", 1, 3),
    (quality.ORDER, "send → get (o.csv)", 0, 2),
    (quality.FILLED, "buy → send (o.csv)", 1, 3),
    (quality.NEGATIVE, "", 1, 2),
    (quality.AT_ONCE, "", 0, 2),
    (quality.SILENT, "", 1, 3),
    (quality.TIES, "", 2, 9),
    (quality.LATE_EVENTS, "> 2030-01-01", 1, 9),
    (quality.LATE_ANSWERS, "> 2030-01-01", 0, 2),
    (quality.SAID_ONLY, "", 1, 3),
    (quality.DID_ONLY, "", 2, 4),
    (quality.NO_DATE, "get (o.csv)", 2, 4),
    (quality.NO_DATE, "customers.promised", 2, 4),
    (quality.NO_VALUE, "responses.comment", 2, 3),
    (quality.NO_VALUE, "events.value", 3, 9),
    (quality.REPEATED, "", 0, 5),
]


@pytest.mark.parametrize(("check", "detail", "n", "of"), EXPECTED)
def test_each_check_counts_what_it_concerns(table, check, detail, n, of):
    row = table[(table["check"] == check) & (table["detail"] == detail)]
    assert row[["n", "of"]].values.tolist() == [[n, of]]


def test_dates_that_mean_no_date_are_counted(reader):
    reader.write(r="id,seen,answer,back\n1,2026-01-01,none,2026-01-01\n2,2026-01-01,yes,2026-01-01\n")
    spec = reader.spec(events=[{
        "path": "r.csv", "format": {"zone": "UTC"}, "columns": {"customer": "id"},
        "milestones": {"review": "seen", "reply": "back"},
        "no_date": {"column": "answer", "value": "none", "dates": ["back"]}}])  # fmt: skip
    table = summary(reader.con, spec, load(spec, reader.folder, reader.con))
    row = table[table["check"] == quality.SILENCED]
    assert row[["n", "of", "detail"]].values.tolist() == [[1, 2, "back (r.csv)"]]
    assert table[table["check"] == quality.FILLED]["n"].tolist() == [1]


def test_columns_types_and_names_of_checks_are_fixed(table):
    assert list(table.columns) == ["check", "n", "of", "detail"]
    assert table.dtypes.astype(str).tolist()[1:3] == ["int64", "int64"]
    assert set(table["check"]) <= set(quality.CHECKS)
