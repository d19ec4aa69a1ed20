"""The draft of a study: recognised with evidence, marked where a person must choose, valid when answered."""

from __future__ import annotations

import gzip
import re

import duckdb
import pytest
import yaml

from cjlib.core.errors import ParameterError, SchemaError
from cjlib.sources.draft import draft_study
from cjlib.sources.load import load
from cjlib.sources.profile import plain
from cjlib.sources.study import parse_study

ORDERS = (
    "N° client;Date;Montant;Canal;Action;Étape\n"
    "00451;31/12/2025 10:00;1 320,93;Web;achat;Décision\n"
    "00452;01/12/2025 09:30;12,50;Boutique;achat;Décision\n"
    "00452;02/12/2025 09:30;;Web;visite;Découverte\n"
)
SURVEY = (
    "Client;Envoi;Réponse;Note;Verbatim;Étape\n"
    + "".join(f"{i:05d};05/12/2025;{(i % 28) + 1:02d}/12/2025;{i % 11};texte libre numéro {i} assez long;Achat\n"
              for i in range(1, 60))
    + "00099;05/12/2025;;NR;;Achat\n"
)  # fmt: skip


def answered(text: str, **answers: str) -> str:
    """The draft with its marks answered."""
    text = text.replace("zone: &zone CHOOSE", "zone: &zone Europe/Paris")
    for key, value in answers.items():
        text = re.sub(rf"{key}: CHOOSE", f"{key}: {value}", text)
    return text


@pytest.fixture
def french(tmp_path):
    """Two French exports."""
    (tmp_path / "commandes.csv").write_bytes(ORDERS.encode("cp1252"))
    (tmp_path / "enquete.csv").write_text(SURVEY, encoding="utf-8")
    return [tmp_path / "commandes.csv", tmp_path / "enquete.csv"]


def test_a_french_export_is_recognised_with_the_evidence_beside(french):
    text = draft_study(french)
    for part in (
        'separator: ";"   # 3 of 3 rows have 6 columns', "encoding: cp1252",
        'decimal: ","   # 2 of 2 values of "Montant"',
        'thousands: " "', 'date: "%d/%m/%Y %H:%M"   # "Date": 3 of 3 values parse; day > 12 seen 1 times',
        'customer: "N° client"', 'at: "Date"', 'value: "Montant"', 'channel: "Canal"', 'event: "Action"',
        'asked_at: "Envoi"', 'answered_at: "Réponse"', 'score: "Note"', 'comment: "Verbatim"', 'stage: "Étape"',
        "instrument: nps", "invitations: complete", 'missing: ["NR"]', "as_of: 2026-01-01   # CHOOSE",
    ):  # fmt: skip
        assert part in text, part


def test_the_draft_is_yaml_and_is_refused_until_the_marks_are_answered(french):
    text = draft_study(french)
    assert yaml.safe_load(text)["zone"] == "CHOOSE"
    with pytest.raises(SchemaError, match="'CHOOSE' is not a time zone"):
        parse_study(text, "draft.yml")


def test_the_answered_draft_reads_the_files(french):
    text = draft_study(french, beside=french[0].parent)
    spec = parse_study(answered(text), "draft.yml")
    con = duckdb.connect()
    loaded = load(spec, french[0].parent / spec.data, con)
    assert [file.rows_used for file in loaded.files] == [3, 60]
    assert con.execute("SELECT max(value) FROM raw_events").fetchall() == [(1320.93,)]
    assert con.execute("SELECT count(*), count(score) FROM raw_responses").fetchall() == [(60, 59)]


def test_coded_interviews_are_recognised_with_the_mark_between_their_codes(root):
    text = draft_study([root / "data/demo/web.csv", root / "data/demo/entretiens.csv"], beside=root)
    (talks,) = parse_study(answered(text), "draft.yml").sources.interviews
    columns = talks.columns
    assert (columns.customer, columns.at, columns.code) == (("Client",), "Date", "Codes")
    assert (columns.coder, columns.interview, columns.note) == ("Codeur", "Entretien", "Notes")
    assert talks.code_separator == "|"


def test_a_date_with_two_readings_is_left_to_a_person(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("user_id,date,event\n1,03/04/2026,visit\n2,05/06/2026,visit\n3,05/06/2026,buy\n")
    text = draft_study([path])
    assert 'date: CHOOSE   # CHOOSE "%d/%m/%Y" or "%m/%d/%Y": "03/04/2026" may be 3 April 2026 or 4 March 2026' in text
    with pytest.raises(SchemaError, match="CHOOSE"):
        parse_study(answered(text), "draft.yml")
    assert parse_study(answered(text, date='"%d/%m/%Y"'), "draft.yml").sources.events[0].format.date == ("%d/%m/%Y",)


def test_columns_without_a_telling_name_are_left_to_a_person(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("a,b,c\n1,2026-01-05,visit\n2,2026-01-06,buy\n")
    text = draft_study([path])
    assert 'customer: CHOOSE   # CHOOSE the column of the customer; columns: "a", "b", "c"' in text
    parse_study(answered(text, customer="a"), "draft.yml")


def test_several_dates_and_no_event_are_milestones(tmp_path):
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(b"customer,bought,sent\n1,2026-01-05,2026-01-06\n2,2026-01-05,\n"))
    spec = parse_study(answered(draft_study([path])), "draft.yml")
    assert spec.sources.events[0].milestones == {"bought": "bought", "sent": "sent"}


def test_a_file_without_dates_is_about_customers(tmp_path):
    (tmp_path / "crm.csv").write_text("client\tsegment\n1\ta\n2\tb\n3\ta\n")
    (tmp_path / "web.csv").write_text("client,date,action\n1,2026-01-05,visit\n2,2026-01-06,visit\n")
    spec = parse_study(answered(draft_study([tmp_path / "crm.csv", tmp_path / "web.csv"])), "draft.yml")
    assert spec.sources.customers[0].attributes == {"segment": "segment"}
    assert spec.sources.customers[0].format.separator == "\t"


def test_offsets_make_a_zone_needless(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("case,time,activity\n1,2026-01-05T10:00:00+01:00,a\n2,2026-07-05T10:00:00+02:00,b\n")
    assert parse_study(answered(draft_study([path])), "draft.yml").sources.events[0].format.zone is None


def test_typed_parquet_needs_no_date_format(tmp_path):
    path = tmp_path / "e.parquet"
    duckdb.execute(f"COPY (SELECT 7 AS user_id, TIMESTAMP '2026-01-05' AS ts, 'a' AS event) TO '{path}'")
    form = parse_study(answered(draft_study([path])), "draft.yml").sources.events[0].format
    assert (form.date, form.zone) == ((), "Europe/Paris")


REFUSED = [
    ("page.csv", b"<html><body>", "web page"),
    ("empty.csv", b"", "empty"),
    ("x.csv.gz", b"no", "cannot be read"),
]


@pytest.mark.parametrize(("name", "data", "part"), REFUSED)
def test_what_is_no_table_is_refused(tmp_path, name, data, part):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ParameterError, match=part):
        draft_study([tmp_path / name])


def test_no_file_is_told():
    with pytest.raises(ParameterError, match="at least one file"):
        draft_study([])


@pytest.mark.parametrize(
    ("name", "words"), [("N° client", "n client"), ("ID_Client", "id client"), ("Prénom", "prenom")]
)
def test_header_words_are_compared_without_accents_and_case(name, words):
    assert plain(name) == words
