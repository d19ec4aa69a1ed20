"""Two verbs, nothing more: an Ibis expression to a small table, a kernel over ordered blocks to one.

`DuckEngine` runs on this machine over the ordered store; `SparkEngine` runs the same expressions and
the same kernels on Spark. Expressions keep to the portable subset (docs/adr/0004): explicit frames,
epoch integers, `floor` before casts; no `first`/`last`, no `hash`, no as-of join, no zone arithmetic.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from cjlib.journey.match import Block
from cjlib.sources.store import Store, batches

if TYPE_CHECKING:
    import ibis.expr.types as ir

Kernel = Callable[[Block], pd.DataFrame]
TABLES = ("events", "responses", "interviews", "customers")
WORKERS = min(os.cpu_count() or 2, 4)  # each holds one block of ordered events


class Engine(Protocol):
    """Where the data are read and counted."""

    name: str

    def table(self, store: Store, name: str) -> ir.Table:
        """The "events", "responses", "interviews" or "customers" of a store, as an Ibis table."""
        ...

    def fetch(self, expression: ir.Table) -> pd.DataFrame:
        """Run a relational expression; the result must be small."""
        ...

    def run(self, store: Store, kernel: Kernel, *, columns: Sequence[str] = ()) -> pd.DataFrame:
        """Run `kernel` on blocks of whole customers in order and stack what it returns."""
        ...


class DuckEngine:
    """Embedded default: DuckDB for expressions, pyarrow streaming plus numpy for kernels."""

    name = "duckdb"

    def __init__(self, *, memory: str = "2GB") -> None:
        import ibis

        self._connection = ibis.duckdb.connect(memory_limit=memory, threads=min(os.cpu_count() or 2, 8))
        self._tables: dict[tuple[Store, str], Any] = {}

    def table(self, store: Store, name: str) -> ir.Table:
        key = (store, name)
        if key not in self._tables:
            self._tables[key] = self._connection.read_parquet(
                str(store.path(name)), table_name=f"{name}_{len(self._tables)}"
            )
        return self._tables[key]

    def fetch(self, expression: ir.Table) -> pd.DataFrame:
        frame: pd.DataFrame = self._connection.execute(expression)
        return frame

    def run(self, store: Store, kernel: Kernel, *, columns: Sequence[str] = ()) -> pd.DataFrame:
        # Numpy and pyarrow let go of the interpreter: threads read and count at the same time, and the
        # results are taken in the order of the blocks.
        parts: list[pd.DataFrame] = []
        waiting: deque[Future[pd.DataFrame]] = deque()
        with ThreadPoolExecutor(WORKERS) as pool:
            for block in blocks(store, columns):
                waiting.append(pool.submit(kernel, block))
                if len(waiting) > WORKERS:
                    parts.append(waiting.popleft().result())
            parts += [future.result() for future in waiting]
        return _stack(parts)


def blocks(store: Store, columns: Sequence[str] = (), *, rows: int | None = None) -> Iterator[Block]:
    """Blocks of whole customers, in store order: of a row group each, or of about `rows` events.

    Read in file order on purpose: DuckDB's Arrow stream does not keep it with more than one thread.
    """
    import pyarrow as pa

    text = ["event", *columns]
    codes = {name: code for code, name in enumerate(store.meta["event_names"])}
    rest: Any = None
    for batch in batches(store.path("events"), ["unit", "at", *text], text=text, rows=rows):
        table = pa.Table.from_batches([batch])
        if rest is not None:
            table = pa.concat_tables([rest, table])
        unit = table.column("unit").to_numpy()
        cut = int(np.searchsorted(unit, unit[-1], side="left"))
        rest = table.slice(cut)
        if cut:
            yield _block(table.slice(0, cut), codes, columns)
    if rest is not None and rest.num_rows:
        yield _block(rest, codes, columns)


def _block(table: Any, codes: Mapping[str, int], columns: Sequence[str]) -> Block:
    """Numpy arrays of an Arrow table whose rows are in order."""
    event, labels = _encoded(table.column("event"))
    known = np.array([codes[str(label)] for label in labels] or [0], dtype=np.int32)
    text = {name: _encoded(table.column(name)) for name in columns}
    return Block(
        unit=table.column("unit").to_numpy(),
        at=table.column("at").to_numpy(),
        event=known[event],
        text=text,
    )


def _encoded(column: Any) -> tuple[np.ndarray[Any, np.dtype[np.int32]], list[str | None]]:
    """Codes and categories of a text column; a missing value gets a category of its own, None."""
    import pyarrow as pa

    whole = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    array = whole.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        if not array.num_chunks:
            return np.zeros(0, dtype=np.int32), []
        array = array.chunk(0)
    labels: list[str | None] = list(array.dictionary.to_pylist())
    indices = array.indices
    if indices.null_count:
        indices = indices.fill_null(len(labels))
        labels.append(None)
    return indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False), labels


def _stack(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Partial tables of the blocks under one another; equal keys are summed where there is an `n`."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return parts[0] if parts else pd.DataFrame()
    return pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]


class SparkEngine:
    """The same two verbs on Spark: expressions through Ibis, kernels by `mapInArrow`."""

    name = "spark"

    def __init__(self, *, master: str = "local[2]") -> None:
        import ibis

        # Spark's Python workers start the python3 on PATH unless told otherwise.
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        from pyspark.sql import SparkSession

        self.session = (
            SparkSession.builder.master(master)
            .appName("cjlib")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "4")
            .getOrCreate()
        )
        self._connection = ibis.pyspark.connect(self.session)
        self._tables: dict[tuple[Store, str], Any] = {}

    def table(self, store: Store, name: str) -> ir.Table:
        key = (store, name)
        if key not in self._tables:
            label = f"{name}_{len(self._tables)}"
            self.session.read.parquet(str(store.path(name))).createOrReplaceTempView(label)
            self._tables[key] = self._connection.table(label)
        return self._tables[key]

    def fetch(self, expression: ir.Table) -> pd.DataFrame:
        frame: pd.DataFrame = self._connection.execute(expression)
        return frame

    def run(self, store: Store, kernel: Kernel, *, columns: Sequence[str] = ()) -> pd.DataFrame:
        import pyarrow as pa

        codes = {name: code for code, name in enumerate(store.meta["event_names"])}
        names = ["unit", "at", "ordinal", "event", *columns]
        events = self.session.read.parquet(str(store.path("events"))).select(*names)
        ordered = events.repartition("unit").sortWithinPartitions("unit", "ordinal")
        empty = kernel(Block(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int32),
                             {name: (np.zeros(0, np.int32), []) for name in columns}))  # fmt: skip
        # An empty frame does not say what its object columns hold: here it is always text.
        schema = pa.schema([
            (name, pa.string() if kind == np.object_ else pa.from_numpy_dtype(kind))
            for name, kind in empty.dtypes.items()
        ])  # fmt: skip

        def partition(batches: Iterator[Any]) -> Iterator[Any]:
            # A partition holds whole customers in order: it is one block.
            rows = list(batches)
            if rows:
                block = _block(pa.Table.from_batches(rows), codes, columns)
                frame = kernel(block)
                yield from pa.Table.from_pandas(frame, schema=schema, preserve_index=False).to_batches()

        from pyspark.sql.pandas.types import from_arrow_schema

        frame: pd.DataFrame = ordered.mapInArrow(partition, from_arrow_schema(schema)).toPandas()
        return frame.astype(empty.dtypes.to_dict())


def open_engine(name: str) -> Engine:
    """The engine by the name used in the study file or on the command line."""
    from cjlib.core import checks

    checks.one_of("engine", name, ["duckdb", "spark"])
    return DuckEngine() if name == "duckdb" else SparkEngine()
