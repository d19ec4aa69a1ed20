"""Pseudonyms: stable under a key, meaningless without it, equal in Python and in DuckDB."""

from __future__ import annotations

import hashlib
import hmac
import multiprocessing
import stat
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import EnvironmentProblem, ParameterError
from cjlib.privacy.pseudonym import KEY_FILE, Key, hmac_sql, key, pseudonym

DEMO = Key(secret=b"a key of some length", source="environment")


def in_duckdb(ids: list[str | None], *, key: Key = DEMO, namespace: str = "customer") -> list[str | None]:
    sql, values = hmac_sql("id", key, namespace)
    con = duckdb.connect()
    con.execute("CREATE TABLE t (row INTEGER, id VARCHAR)")
    con.executemany("INSERT INTO t VALUES (?, ?)", list(enumerate(ids))) if ids else None
    return [row[0] for row in con.execute(f"SELECT {sql} FROM t ORDER BY row", values).fetchall()]


def test_it_is_the_hmac_of_the_standard() -> None:
    """RFC 4231, case 2: key "Jefe", here with the message split at the separator."""
    expected = hmac.new(b"Jefe", b"ns\x1fwhat do ya want for nothing?", hashlib.sha256).hexdigest()
    made = pseudonym(Key(secret=b"Jefe", source="file"), "ns", "what do ya want for nothing?")
    assert made == expected[:20]
    assert int(made, 16) >= 0


IDS = [
    "00123",
    "123",
    "",
    "é",
    "Zoé Lefèvre",
    "+33 6",
    "1E5",
    "x" * 300,
    "a'b\"c",
    "日本",
    "🙂",
    " 00123",
    "\x1f",
]


def test_duckdb_computes_the_very_same() -> None:
    assert in_duckdb(list(IDS)) == [pseudonym(DEMO, "customer", value) for value in IDS]


@pytest.mark.parametrize("length", [16, 63, 64, 65, 200])
def test_keys_of_every_length_agree_with_duckdb(length: int) -> None:
    long = Key(secret=bytes(range(1, 201))[:length], source="file")
    assert in_duckdb(["00123"], key=long) == [pseudonym(long, "customer", "00123")]


def test_ten_thousand_random_ids_agree_with_duckdb() -> None:
    rng = np.random.default_rng(7)
    letters = np.array(list("0123456789abcdefÉéß-_|. €"))
    ids = ["".join(letters[rng.integers(0, len(letters), size)]) for size in rng.integers(0, 40, 10_000)]
    con = duckdb.connect()
    sql, values = hmac_sql("id", DEMO, "client")
    con.execute("CREATE TABLE t AS SELECT unnest($ids) AS id", {"ids": ids})
    assert [row[0] for row in con.execute(f"SELECT {sql} FROM t", values).fetchall()] == [
        pseudonym(DEMO, "client", value) for value in ids
    ]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_agrees_with_duckdb(text: str) -> None:
    assert in_duckdb([text]) == [pseudonym(DEMO, "customer", text)]


def test_a_null_id_stays_null_and_never_joins() -> None:
    assert in_duckdb([None, "a", None]) == [None, pseudonym(DEMO, "customer", "a"), None]


def test_ids_namespaces_and_keys_are_told_apart() -> None:
    other = Key(secret=b"another key altogether", source="file")
    made = {
        pseudonym(DEMO, "customer", "00123"),
        pseudonym(DEMO, "customer", "123"),
        pseudonym(DEMO, "visitor", "00123"),
        pseudonym(other, "customer", "00123"),
        pseudonym(DEMO, "customer0", "0123"),
    }
    assert len(made) == 5


def test_the_statement_does_not_hold_the_key() -> None:
    sql, _ = hmac_sql("id", DEMO, "customer")
    assert "some length" not in sql
    assert DEMO.secret.hex() not in sql
    assert "some length" not in repr(DEMO)
    assert DEMO.fingerprint == Key(secret=DEMO.secret, source="file").fingerprint
    assert len(DEMO.fingerprint) == 8


def test_half_a_million_ids_take_about_a_second() -> None:
    con = duckdb.connect()
    con.execute("CREATE TABLE t AS SELECT printf('%08d', i) AS id FROM range(500000) r(i)")
    sql, values = hmac_sql("id", DEMO, "customer")
    start = time.perf_counter()
    con.execute(f"CREATE TABLE u AS SELECT {sql} AS p FROM t", values)
    took = time.perf_counter() - start
    assert con.execute("SELECT count(DISTINCT p) FROM u").fetchone() == (500_000,)
    assert took < 5, f"{took:.1f} s; about 0.4 s on two quiet cores"


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CJ_KEY", "a secret of the environment\n")
    found = key("CJ_KEY", tmp_path)
    assert (found.secret, found.source, found.created) == (
        b"a secret of the environment",
        "environment",
        False,
    )
    assert not (tmp_path / KEY_FILE).exists()


@pytest.mark.parametrize("value", ["", "   ", "short"])
def test_a_weak_key_is_refused_rather_than_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.setenv("CJ_KEY", value)
    with pytest.raises(ParameterError, match=r"CJ_KEY holds .* at least 16") as caught:
        key("CJ_KEY", tmp_path)
    assert caught.value.code == "CJ-PV-001"
    assert not (tmp_path / KEY_FILE).exists()


def test_a_local_key_is_made_once_and_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CJ_KEY", raising=False)
    first, second = key("CJ_KEY", tmp_path), key("CJ_KEY", tmp_path)
    assert (first.created, second.created) == (True, False)
    assert first.secret == second.secret
    assert len(first.secret) == 32
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert key("CJ_KEY", tmp_path.joinpath("..", tmp_path.name)).fingerprint == first.fingerprint


def test_a_key_file_that_others_can_read_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CJ_KEY", raising=False)
    key("CJ_KEY", tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    key("CJ_KEY", tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31])
def test_a_damaged_key_file_is_not_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    monkeypatch.delenv("CJ_KEY", raising=False)
    (tmp_path / KEY_FILE).write_text(content)
    with pytest.raises(EnvironmentProblem, match=r"damaged.*64 hexadecimal") as caught:
        key("CJ_KEY", tmp_path)
    assert caught.value.code == "CJ-PV-002"
    assert (tmp_path / KEY_FILE).read_text() == content


def test_a_missing_folder_is_said_without_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CJ_KEY", raising=False)
    with pytest.raises(EnvironmentProblem, match="cannot be used") as caught:
        key("CJ_KEY", tmp_path / "nowhere")
    assert str(tmp_path) not in str(caught.value)


def _make(folder: Path) -> tuple[str, bool]:
    made = key("CJ_KEY_THAT_NOBODY_SETS", folder)
    return made.fingerprint, made.created


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(_make, [tmp_path] * 8, chunksize=1)
    assert len({fingerprint for fingerprint, _ in made}) == 1
    assert sum(created for _, created in made) == 1
