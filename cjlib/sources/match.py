"""Do surveys and behaviour speak of the same people? Match rates both ways, and why they may be low."""

from __future__ import annotations

import duckdb
import pandas as pd

from cjlib.core.text import t

# What exports do to ids, in the order in which they are tried.
_NORMAL = (
    ("leading zeros", "regexp_replace({x}, '^0+(.)', '\\1')"),
    ("upper and lower case", "lower({x})"),
    ("spaces", "regexp_replace({x}, '[\\s\\x{{00A0}}\\x{{202F}}]', '', 'g')"),
    ("a decimal ending such as .0", "regexp_replace({x}, '\\.0+$', '')"),
    ("punctuation", "regexp_replace({x}, '[^[:alnum:]]', '', 'g')"),
)
LOW = 0.5


def match_rates(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Customers of the answers found in the behaviour, and the other way round.

    Parameters
    ----------
    con : DuckDB connection
        After `load`: holds `raw_events`, `raw_responses` and `raw_identity`.

    Returns
    -------
    DataFrame
        `side` ("responses", "events"), `n` matched of `of` distinct customers, `share` (0-1, NaN where
        there is none), `hint`: a way to write ids under which many more would match, if `share` < 0.5.

    Examples
    --------
    >>> con = duckdb.connect()
    >>> for table, ids in (("raw_events", "('007'), ('8')"), ("raw_responses", "('7'), ('8'), ('9')")):
    ...     _ = con.execute(f"CREATE TABLE {table} AS SELECT * FROM (VALUES {ids}) v(customer)")
    >>> _ = con.execute("CREATE TABLE raw_identity (anonymous VARCHAR, customer VARCHAR)")
    >>> match_rates(con)[["side", "n", "of"]].values.tolist()
    [['responses', 1, 3], ['events', 1, 2]]
    """
    _distinct(con, "said", "raw_responses")
    _distinct(con, "did", "raw_events")
    said, did, both = _sizes(con, "x")
    hint = ""
    if said and did and both < LOW * min(said, did):
        hint = _hint(con, both)
    con.execute("DROP TABLE _cj_said")
    con.execute("DROP TABLE _cj_did")
    rows = [
        {"side": side, "n": both, "of": of, "share": both / of if of else float("nan"),
         "hint": hint if of and both < LOW * of else ""}
        for side, of in (("responses", said), ("events", did))
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["side", "n", "of", "share", "hint"])


def _distinct(con: duckdb.DuckDBPyConnection, name: str, table: str) -> None:
    """Distinct customers of a table, anonymous ids resolved."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE _cj_{name} AS SELECT DISTINCT coalesce(i.customer, r.customer) AS x
        FROM (SELECT DISTINCT customer FROM {table}) r
        LEFT JOIN (SELECT anonymous, min(customer) AS customer FROM raw_identity GROUP BY 1) i
        ON i.anonymous = r.customer WHERE r.customer IS NOT NULL"""
    )


def _sizes(con: duckdb.DuckDBPyConnection, form: str) -> tuple[int, int, int]:
    row = con.execute(
        f"""SELECT (SELECT count(DISTINCT {form}) FROM _cj_said), (SELECT count(DISTINCT {form}) FROM _cj_did),
        (SELECT count(*) FROM (SELECT {form} FROM _cj_said INTERSECT SELECT {form} FROM _cj_did))"""
    ).fetchall()[0]
    return int(row[0]), int(row[1]), int(row[2])


def _hint(con: duckdb.DuckDBPyConnection, both: int) -> str:
    """The mildest change of writing that at least doubles the matches."""
    every = "{x}"
    for what, form in _NORMAL:
        every = form.format(x=every).replace("{{", "{").replace("}}", "}") if every != "{x}" else form
        alone = _sizes(con, form.format(x="x"))[2]
        if alone >= max(2 * both, both + 1):
            return t("{n} would match if {what} were ignored: export ids the same way in both files",
                     n=alone, what=t(what))  # fmt: skip
    return t("no usual way of writing ids explains it: check that both files speak of the same people")
