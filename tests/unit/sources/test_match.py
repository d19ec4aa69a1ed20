"""BAD-58: surveys and behaviour that do not speak of the same people."""

from __future__ import annotations

import duckdb
import pytest

from cjlib.sources.match import match_rates


def con_with(said: list[str | None], did: list[str | None], identity: list[tuple[str, str]] = []):  # noqa: B006
    """Raw tables with these customers."""
    con = duckdb.connect()
    for table, ids in (("raw_responses", said), ("raw_events", did)):
        con.execute(f"CREATE TABLE {table} (customer VARCHAR)")
        for one in ids:
            con.execute(f"INSERT INTO {table} VALUES (?)", [one])
    con.execute("CREATE TABLE raw_identity (anonymous VARCHAR, customer VARCHAR)")
    for pair in identity:
        con.execute("INSERT INTO raw_identity VALUES (?, ?)", list(pair))
    return con


def test_bad_58_both_rates_count_distinct_customers():
    rates = match_rates(con_with(["a", "a", "b", "x"], ["a", "b", "c", "d", "d"]))
    assert rates[["side", "n", "of"]].values.tolist() == [["responses", 2, 3], ["events", 2, 4]]
    assert rates["share"].tolist() == [2 / 3, 0.5]


HINTS = [
    (["7", "8", "9"], ["007", "008", "009"], "leading zeros"),
    (["A@x.fr", "B@x.fr"], ["a@x.fr", "b@x.fr"], "upper and lower case"),
    (["FR 01", "FR 02"], ["FR01", "FR02"], "spaces"),
    (["FR\u00a001", "FR\u00a002"], ["FR01", "FR02"], "spaces"),
    (["1.0", "2.0"], ["1", "2"], "decimal"),
    (["a-1", "a-2"], ["a1", "a2"], "punctuation"),
    (["q", "r"], ["s", "t"], "check that both files"),
]


@pytest.mark.parametrize(("said", "did", "hint"), HINTS)
def test_bad_58_a_low_rate_says_which_way_of_writing_would_match(said, did, hint):
    rates = match_rates(con_with(said, did))
    assert rates["n"].tolist() == [0, 0]
    assert all(hint in text for text in rates["hint"])


def test_a_good_rate_has_no_hint():
    assert match_rates(con_with(["a", "b"], ["a", "b"]))["hint"].tolist() == ["", ""]


def test_anonymous_ids_match_through_the_identity_table():
    assert match_rates(con_with(["7"], ["cookie"], [("cookie", "7")]))["n"].tolist() == [1, 1]


def test_nobody_asked_is_unknown_not_zero():
    rates = match_rates(con_with([], ["a"]))
    assert rates["share"].isna().tolist() == [True, False]


def test_null_never_matches_null():
    assert match_rates(con_with([None, "a"], [None, "a"]))["n"].tolist() == [1, 1]
