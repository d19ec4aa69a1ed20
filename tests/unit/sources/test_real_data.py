"""The real data sets: counts from their own documentation, and the traps it names."""

from __future__ import annotations

import duckdb
import pytest

from cjlib.sources import quality
from cjlib.sources.load import load
from cjlib.sources.quality import summary
from cjlib.sources.study import read_study

pytestmark = pytest.mark.real

FILES = [
    ("olist", "olist_orders_reviews", {"events": (4000, 4000), "responses": (3986, 3986), "customers": (4000, 4000)}),
    ("loans", "loan_application_journey", {"events": (262_200, 164_506), "customers": (262_200, 13_087)}),
    ("grocery", "grocery_loyalty_campaigns", {"events": (164_539, 164_539), "customers": (801, 801)}),
    ("fr_banks", "fr_bank_reviews", {"events": (2394, 2394), "responses": (2394, 2394), "customers": (2394, 2394)}),
    ("ecom", "ecom_clickstream", {"events": (31_106, 31_106), "customers": (31_106, 600)}),
]


@pytest.fixture
def loaded(real_data, root):
    """Load one study; (connection, spec, report)."""

    def run(name, folder):
        con = duckdb.connect()
        spec = read_study(root / "studies" / f"{name}.yml")
        return con, spec, load(spec, real_data / folder, con)

    return run


@pytest.mark.parametrize(("name", "folder", "counts"), FILES)
def test_every_row_is_used_or_accounted_for(loaded, name, folder, counts):
    _, _, report = loaded(name, folder)
    assert report.problems == ()
    for kind, (rows_in, used) in counts.items():
        files = [file for file in report.files if file.kind == kind]
        assert (sum(file.rows_in for file in files), sum(file.rows_used for file in files)) == (rows_in, used)
        assert all(file.rows_in == file.rows_used + sum(file.set_aside.values()) for file in files)


def test_olist_has_its_documented_traps(loaded):
    con, spec, report = loaded("olist", "olist_orders_reviews")
    checks = summary(con, spec, report)
    orders = checks[checks["check"] == quality.ORDER]["n"].tolist()
    assert orders == [0, 57, 1]  # approval before purchase, carrier before approval, delivery before carrier
    reviews = con.execute("SELECT count(DISTINCT customer), count(comment), max(line) FROM raw_responses").fetchall()
    assert reviews == [(3972, 1656, 4177)]  # 137 comments hold line breaks: lines run beyond the rows


def test_bank_reviews_without_a_reply_have_no_reply_date(loaded):
    con, spec, report = loaded("fr_banks", "fr_bank_reviews")
    assert report.no_dates == {"Date_reply (avis_clients.csv)": (945, 2394)}
    checks = summary(con, spec, report)
    assert checks[checks["check"] == quality.FILLED]["n"].tolist() == [386]  # true replies on the same day
    assert con.execute("SELECT event, count(*) FROM raw_events GROUP BY event ORDER BY event").fetchall() == [
        ("reply", 1449), ("review", 2394),
    ]  # fmt: skip
    broken = con.execute("SELECT count(*), min(line) FROM raw_responses WHERE comment LIKE '%' || chr(13) || '%'")
    assert broken.fetchall() == [(1, 694)]


def test_loan_events_keep_the_order_of_the_log(loaded):
    con, _, _ = loaded("loans", "loan_application_journey")
    first = con.execute("SELECT event FROM raw_events WHERE customer = '173688' ORDER BY sequence LIMIT 3").fetchall()
    assert first == [("A_SUBMITTED",), ("A_PARTLYSUBMITTED",), ("A_PREACCEPTED",)]
    assert con.execute('SELECT max("at") FROM raw_events').fetchall() == [(1331737494681000,)]


def test_redemptions_belong_to_exposed_households(loaded):
    con, _, _ = loaded("grocery", "grocery_loyalty_campaigns")
    pairs = con.execute(
        "SELECT count(DISTINCT (customer, campaign)) FROM raw_events WHERE event = 'redeemed' "
        "AND (customer, campaign) IN (SELECT (customer, campaign) FROM raw_events WHERE event = 'exposed')"
    ).fetchall()
    assert pairs == [(792,)]
