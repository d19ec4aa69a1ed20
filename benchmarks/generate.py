"""Synthetic event streams of a given size, and the ordered store made from them.

N events of N / 20 customers (gamma-skewed, so a few are very busy), 12 event types, 6 channels, whole
seconds (so that ties exist), N / 50 survey answers. The Parquet file has text ids and is in the order of
time, as logs are: not in the order of customers. Everything follows from the seed.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cjlib.privacy.pseudonym import Key, hmac_sql
from cjlib.sources import store as stores

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "bench"
EVENTS = ("visit", "view", "cart", "checkout", "purchase", "search", "login", "email_open", "email_click",
          "support", "fee_shown", "unsubscribe")  # fmt: skip
SHARES = (0.24, 0.22, 0.11, 0.06, 0.04, 0.10, 0.08, 0.06, 0.04, 0.02, 0.02, 0.01)
CHANNELS = ("web", "app", "mail", "search", "social", "store")
START, DAYS, SEED = 1_735_689_600, 90, 20_250_101  # from 2025-01-01
AS_OF_US = (START + DAYS * 86_400) * 1_000_000
TIED = 0.03  # share of events at the instant of another event of the same customer
CHUNK = 1_000_000  # events drawn at once: memory does not grow with the size
KEY = Key(secret=b"a key of the benchmark only", source="environment")
SPEC = stores.StoreSpec(
    as_of_us=AS_OF_US, zone="Europe/Paris", event_attributes=(), response_attributes=(), customer_attributes=(),
    customer_dates=(), meta={"instruments": ["nps"], "scales": {"nps": [0, 10]}, "key_fingerprint": "", "files": []},
)  # fmt: skip


def folder(millions: int) -> Path:
    """Where the data of this size lie."""
    return CACHE / f"{millions}m"


def generate(millions: int) -> Path:
    """Raw files and store of one size, made where they are missing."""
    home = folder(millions)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "responses.parquet").exists():
        _write(home / "events.parquet", _events(millions * 1_000_000))
        _write(home / "responses.parquet", _responses(millions * 1_000_000))
    store = home / "store"
    if not (store / "meta.json").exists() or stores.Store(store).meta["version"] != stores.VERSION:
        build_store(home, store)
    return home


def build_store(home: Path, target: Path) -> None:
    """The raw tables of a study, then the store, within DuckDB's limit of 2 GB."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    con = stores.connect(target)
    try:
        raw_tables(con, home)
        stores.write(con, SPEC, hmac_sql("id", KEY, "customer"), target)
    finally:
        con.close()


def raw_tables(con: duckdb.DuckDBPyConnection, home: Path) -> None:
    """What `cjlib.sources.load` leaves in the connection, here straight from the Parquet files."""
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"""CREATE VIEW raw_events AS SELECT customer, epoch_us("at") AS "at", event, channel,
        NULL::DOUBLE AS "value", 0::BIGINT AS "sequence", 0 AS source, 0::BIGINT AS line
        FROM read_parquet('{home}/events.parquet')""")
    con.execute(f"""CREATE TABLE raw_responses AS SELECT customer, epoch_us(asked_at) AS asked_at,
        epoch_us(answered_at) AS answered_at, 'nps' AS instrument, score, NULL::VARCHAR AS comment,
        NULL::VARCHAR AS stage, 0 AS source, 0::BIGINT AS line FROM read_parquet('{home}/responses.parquet')""")
    con.execute("CREATE TABLE raw_customers (customer VARCHAR)")
    con.execute("CREATE TABLE raw_identity (anonymous VARCHAR, customer VARCHAR)")


def _write(path: Path, tables: Iterator[pa.Table]) -> None:
    """Parquet without Arrow's own schema, so that every engine sees plain text columns."""
    first = next(tables)
    partial = path.with_suffix(".partial")
    with pq.ParquetWriter(partial, first.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    partial.rename(path)


def _events(n: int) -> Iterator[pa.Table]:
    ids, busy = _customers(n)
    shares = np.cumsum(SHARES)
    slices = math.ceil(n / CHUNK)
    for number in range(slices):
        size = min(CHUNK, n - number * CHUNK)
        rng = np.random.default_rng([SEED, number])
        seconds = np.sort(rng.integers(DAYS * 86_400 * number // slices, DAYS * 86_400 * (number + 1) // slices, size))
        customer = np.searchsorted(busy, rng.random(size))
        tied = 1 + np.flatnonzero(rng.random(size - 1) < TIED)
        seconds[tied], customer[tied] = seconds[tied - 1], customer[tied - 1]
        yield pa.table({
            "customer": _text(customer, ids),
            "at": _instants(seconds),
            "event": _text(np.searchsorted(shares, rng.random(size) * shares[-1]), EVENTS),
            "channel": _text(rng.integers(0, len(CHANNELS), size), CHANNELS),
        })  # fmt: skip


def _responses(n: int) -> Iterator[pa.Table]:
    ids, busy = _customers(n)
    rng = np.random.default_rng([SEED, n])
    asked = rng.integers(0, (DAYS - 8) * 86_400, n // 50)
    yield pa.table({
        "customer": _text(np.searchsorted(busy, rng.random(n // 50)), ids),
        "asked_at": _instants(asked),
        "answered_at": _instants(asked + rng.integers(60, 7 * 86_400, n // 50)),
        "score": rng.choice(11, n // 50, p=[0.03, 0.02, 0.03, 0.03, 0.04, 0.07, 0.08, 0.15, 0.2, 0.15, 0.2]) * 1.0,
    })  # fmt: skip


def _customers(n: int) -> tuple[pa.Array, np.ndarray]:
    """Ids of ten characters in no order, and the cumulated share of events of each."""
    rng = np.random.default_rng([SEED, 0, n])
    weight = np.cumsum(rng.gamma(0.8, 1.0, n // 20))
    numbers = rng.permutation(n // 20)
    return pa.array([f"c{number:09d}" for number in numbers]), weight / weight[-1]


def _text(codes: np.ndarray, labels: object) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(labels)).cast(pa.string())


def _instants(seconds: np.ndarray) -> pa.Array:
    return pa.array((seconds + START) * 1_000_000).cast(pa.timestamp("us", "UTC"))
