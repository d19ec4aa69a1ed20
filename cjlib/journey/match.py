"""Step matching, vectorised: all of it rests on one primitive, the *next event of a kind*.

A `Block` holds whole customers, their events in order (instant, then tie rule). Order is therefore the
row position, and "the next cart event after this visit" is one binary search among cart positions.
Ties: by default the declared tie rule decides (`ties="order"`); `"free"` lets events of the same
instant count in either order (as ClickHouse's windowFunnel does), `"strict"` asks for a later instant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Ties = Literal["order", "free", "strict"]
NONE = np.int64(-1)  # "no such event"


@dataclass(frozen=True)
class Block:
    """Events of whole customers in order: integer unit keys, UTC microseconds, event codes.

    `text` holds further columns as (codes, categories).
    """

    unit: NDArray[np.int32]
    at: Ints
    event: NDArray[np.int32]
    text: Mapping[str, tuple[NDArray[np.int32], Sequence[str | None]]]

    @cached_property
    def instants(self) -> tuple[Ints, Ints]:
        """First row of every instant of every customer (and, last, the end), and each row's instant."""
        new = np.ones(len(self.at), dtype=bool)
        new[1:] = (self.at[1:] != self.at[:-1]) | (self.unit[1:] != self.unit[:-1])
        return np.append(np.flatnonzero(new), len(new)), np.cumsum(new) - 1

    def positions(self, codes: Sequence[int]) -> Ints:
        """Row positions of the events whose code is one of `codes`, ascending."""
        if len(codes) == 1:
            return np.flatnonzero(self.event == codes[0])
        return np.flatnonzero(np.isin(self.event, np.asarray(codes, dtype=np.int32)))


def next_of(block: Block, anchors: Ints, kind: Ints, *, ties: Ties = "order") -> Ints:
    """Position of the next event in `kind` after each anchor and within the same customer, else -1.

    Parameters
    ----------
    block : Block
    anchors : int64 array
        Row positions; -1 stays -1.
    kind : int64 array
        Ascending row positions of the wanted events.
    ties : "order", "free" or "strict"

    Examples
    --------
    >>> unit, at = np.array([1, 1, 1, 2]), np.array([0, 5, 5, 7])
    >>> block = Block(unit, at, np.array([0, 1, 0, 1], dtype=np.int32), {})
    >>> next_of(block, np.array([0, 1]), np.array([1, 3])).tolist()
    [1, -1]
    """
    found = np.full(len(anchors), NONE)
    if not len(kind) or not len(anchors):
        return found
    alive = np.flatnonzero(anchors >= 0)
    here = anchors[alive]
    index = np.searchsorted(kind, here, side="right") if ties == "order" else _tie_search(block, here, kind, ties)
    hit = np.flatnonzero(index < len(kind))
    target = kind[index[hit]]
    same = block.unit[target] == block.unit[here[hit]]
    found[alive[hit[same]]] = target[same]
    return found


def _tie_search(block: Block, here: Ints, kind: Ints, ties: Ties) -> Ints:
    """Index into `kind` where equal instants are taken together instead of in row order."""
    starts, instant = block.instants
    index: Ints = np.searchsorted(kind, starts[instant[here] + (ties == "strict")], side="left")
    if ties == "free":
        # An event never follows itself: where the search finds the anchor, take the one after it.
        index += (index < len(kind)) & (kind[np.minimum(index, len(kind) - 1)] == here)
    return index


def first_per_unit(block: Block, positions: Ints) -> Ints:
    """The first of `positions` of every customer."""
    if not len(positions):
        return positions
    units = block.unit[positions]
    first: Ints = positions[np.concatenate([[True], units[1:] != units[:-1]])]
    return first


@dataclass(frozen=True)
class Chains:
    """Matched chains, one row per customer who entered: entry position, matched position per step."""

    entry: Ints
    last_entry: Ints
    steps: tuple[Ints, ...]  # steps[0] is the entry itself; -1 where the step was not reached


def chains(
    block: Block,
    steps: Sequence[Sequence[int]],
    *,
    window: int | None,
    entry: Literal["first", "best"] = "first",
    ties: Ties = "order",
) -> Chains:
    """Match ordered steps for every customer of the block.

    Parameters
    ----------
    block : Block
    steps : event codes of each step, in order
    window : longest time in microseconds from the entry to any step (inclusive), or None
    entry : "first" starts one chain per customer at the first event of step 1; "best" starts one at
        every such event and keeps the longest (the earliest among equals).
    ties : see `next_of`

    Notes
    -----
    From a given entry the greedy choice (earliest next match) reaches every step that any choice
    reaches, because an earlier match leaves a superset of later events.
    """
    all_entries = block.positions(steps[0])
    entries = first_per_unit(block, all_entries) if entry == "first" else all_entries
    deadline = None if window is None else block.at[entries] + window
    matched = [entries]
    level = np.ones(len(entries), dtype=np.int64)
    alive, here = np.arange(len(entries)), entries  # chains that go on, and where they stand
    for codes in steps[1:]:
        found = next_of(block, here, block.positions(codes), ties=ties)
        kept = found >= 0
        if deadline is not None and len(found):
            kept &= block.at[found] <= deadline[alive]
        alive, here = alive[kept], found[kept]
        matched.append(np.full(len(entries), NONE))
        matched[-1][alive] = here
        level[alive] += 1
    if entry == "first" or not len(entries):
        return Chains(entries, entries, tuple(matched))
    starts = np.flatnonzero(np.concatenate([[True], np.diff(block.unit[entries]) != 0]))
    ends = np.concatenate([starts[1:], [len(entries)]]) - 1
    # Highest level wins, then the earliest entry: one integer orders both.
    rank = level * len(entries) + np.arange(len(entries))[::-1]
    best = len(entries) - 1 - np.maximum.reduceat(rank, starts) % len(entries)
    return Chains(entries[best], entries[ends], tuple(found[best] for found in matched))


def first_outcome(
    block: Block, entries: Ints, outcomes: Sequence[Sequence[int]], *, inclusive: bool = False
) -> tuple[Ints, NDArray[np.int64]]:
    """First of several outcomes after each entry: (position or -1, outcome number 1.. or 0).

    `inclusive` lets the entry event itself be the outcome (an entry that is "any first event").
    """
    best = np.full(len(entries), NONE)
    which = np.zeros(len(entries), dtype=np.int64)
    for number, codes in enumerate(outcomes, start=1):
        kind = block.positions(codes)
        found = _including(block, entries, kind) if inclusive else next_of(block, entries, kind)
        sooner = (found >= 0) & ((best < 0) | (found < best))
        best[sooner] = found[sooner]
        which[sooner] = number
    return best, which


def _including(block: Block, anchors: Ints, kind: Ints) -> Ints:
    """Like `next_of`, but an anchor that is itself of the kind matches."""
    found = np.full(len(anchors), NONE)
    if not len(kind):
        return found
    index = np.searchsorted(kind, anchors, side="left")
    hit = np.flatnonzero(index < len(kind))
    target = kind[index[hit]]
    same = block.unit[target] == block.unit[anchors[hit]]
    found[hit[same]] = target[same]
    return found
