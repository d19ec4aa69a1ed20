"""The one gate for small groups: no printed count between 1 and k-1, none recoverable by subtraction.

Every table, figure, JSON and page is made from a table that went through `apply`. A hidden cell hides
whatever is computed from it. When the sums that a table prints would give a hidden cell away, the next
smallest cell of that sum is hidden too (complementary suppression), until no hidden cell is determined
by the printed ones and the hidden part of every sum reaches k people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ALL = "(all)"  # label of the row that sums the groups

Unit = Literal["text", "people", "rows", "proportion", "days", "points", "score", "p", "date", "number"]


@dataclass(frozen=True)
class Column:
    """One column of a result: name, dtype, label on the page, unit, meaning.

    `people` marks a count of persons (gated); `of` names the counts a value is computed from, so that
    it is hidden with them.
    """

    name: str
    dtype: Literal["string", "Int64", "float64", "boolean"]
    label: str
    unit: Unit = "text"
    meaning: str = ""
    of: tuple[str, ...] = ()

    @property
    def people(self) -> bool:
        return self.unit == "people"


@dataclass(frozen=True)
class Columns:
    """Contract of a result table.

    The first column counting people is the base: where it is hidden, the whole row is. `sums` are
    equations within a row (total, parts); `over` names the column whose groups sum to the `ALL` row, for
    each value of the other text columns and of those named in `within` (a horizon, an age).
    """

    columns: tuple[Column, ...]
    sums: tuple[tuple[str, tuple[str, ...]], ...] = ()
    over: str = ""
    within: tuple[str, ...] = ()
    caption: str = ""
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    def __getitem__(self, name: str) -> Column:
        return self.columns[self.names.index(name)]

    def conform(self, table: pd.DataFrame) -> pd.DataFrame:
        """`table` with exactly these columns, in order, cast to their dtypes, on a fresh RangeIndex."""
        missing = [name for name in self.names if name not in table.columns]
        if missing:
            message = f"a result table lacks the columns {missing}"
            raise KeyError(message)
        frame = table.loc[:, list(self.names)].reset_index(drop=True)
        for column in self.columns:
            values = frame[column.name]
            if column.dtype == "Int64":
                values = values.astype("float64").round().astype("Int64")
            frame[column.name] = values.astype(column.dtype)
        return frame


def suppress(values: NDArray[np.float64], relations: Sequence[tuple[int, Sequence[int]]], k: int) -> NDArray[np.bool_]:
    """Cells to hide so that no value between 1 and k-1 is printed or follows from the printed ones.

    Parameters
    ----------
    values : float array, shape (n_cells,)
        Counts of people; NaN where there is no cell.
    relations : sequence of (total, parts)
        Indices of cells with `values[total] == values[parts].sum()`.
    k : int
        Smallest count that may be shown.

    Returns
    -------
    bool array, shape (n_cells,)
        True where the cell must be hidden.

    Examples
    --------
    >>> suppress(np.array([20.0, 3.0, 7.0, 10.0]), [(0, (1, 2, 3))], k=5).tolist()
    [False, True, True, False]
    """
    hidden = (values > 0) & (values < k)
    while True:
        weak = _weak_relation(values, hidden, relations, k)
        if weak is None:
            return hidden
        candidates = [cell for cell in weak if not hidden[cell] and not np.isnan(values[cell])]
        if not candidates:
            return hidden
        # The smallest cell costs the reader least; a zero hides nothing and is taken last.
        best = min(candidates, key=lambda cell: (values[cell] == 0, values[cell], cell))
        hidden[best] = True


def _weak_relation(
    values: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    relations: Sequence[tuple[int, Sequence[int]]],
    k: int,
) -> list[int] | None:
    """Cells of a sum that still gives a hidden cell away and can hide one more, or None."""
    if not hidden.any():
        return None
    where = np.flatnonzero(hidden)
    position = {int(cell): column for column, cell in enumerate(where)}
    matrix = np.zeros((len(relations), len(where)))
    members: list[list[int]] = []
    for row, (total, parts) in enumerate(relations):
        cells = [total, *parts]
        members.append(cells)
        for sign, cell in zip([-1.0] + [1.0] * len(parts), cells, strict=True):
            if cell in position:
                matrix[row, position[cell]] += sign
    open_ones = [
        row for row, cells in enumerate(members) if any(not hidden[c] and not np.isnan(values[c]) for c in cells)
    ]
    for row in open_ones:
        total, parts = relations[row]
        inside = [cell for cell in parts if hidden[cell]]
        if not hidden[total] and inside and 0 < values[inside].sum() < k:
            return members[row]
    determined = np.flatnonzero(np.isclose(np.diag(np.linalg.pinv(matrix) @ matrix), 1.0))
    for column in determined:
        for row in open_ones:
            if matrix[row, column]:
                return members[row]
    return None


def apply(table: pd.DataFrame, columns: Columns, k: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hide small cells of `table`; returns the gated table and a boolean frame of what was hidden."""
    frame = columns.conform(table)
    mask = pd.DataFrame(np.zeros(frame.shape, dtype=bool), columns=frame.columns)
    counted = [column.name for column in columns.columns if column.people]
    if counted and len(frame):
        values = frame[counted].to_numpy(dtype="float64", na_value=np.nan)
        cells = values.ravel()
        relations = _relations(frame, columns, counted)
        hidden = suppress(cells, relations, k).reshape(values.shape)
        hidden |= hidden[:, :1]
        mask[counted] = hidden
        for column in columns.columns:
            sources = [name for name in column.of if name in counted]
            if sources:
                mask[column.name] = mask[sources].any(axis=1)
    gated = frame.copy()
    for name in frame.columns[mask.any()]:
        gated.loc[mask[name].to_numpy(), name] = pd.NA if frame[name].dtype != "float64" else np.nan
    return gated, mask


def _relations(frame: pd.DataFrame, columns: Columns, counted: list[str]) -> list[tuple[int, list[int]]]:
    """Equations between cells: sums inside each row, and groups that add up to the ALL row."""
    width = len(counted)
    place = {name: column for column, name in enumerate(counted)}
    found = [
        (row * width + place[total], [row * width + place[part] for part in parts])
        for row in range(len(frame))
        for total, parts in columns.sums
    ]
    if columns.over and (frame[columns.over] == ALL).any():
        keys = [c.name for c in columns.columns if c.dtype == "string" and c.name != columns.over]
        keys += columns.within
        groups = frame.groupby(keys, sort=False, dropna=False).indices if keys else {0: np.arange(len(frame))}
        for rows in groups.values():
            total = [row for row in rows if frame[columns.over].iloc[row] == ALL]
            parts = [row for row in rows if frame[columns.over].iloc[row] != ALL]
            if len(total) == 1 and parts:
                found += [
                    (total[0] * width + place[name], [row * width + place[name] for row in parts]) for name in counted
                ]
    return found
