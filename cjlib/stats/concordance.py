"""How often the one with the higher predicted risk has the event first (Harrell's C), in n log n.

Pairs are an event and somebody still at risk just after it; late entries and strata are respected:
only people who are at risk at that time, in the same stratum, are compared. Ties in the score count
one half; two events at one time are no pair (R's `concordance`).
"""

from __future__ import annotations

import numpy as np

from cjlib.stats.partial_likelihood import Ints, RiskSets
from cjlib.stats.risk_table import Floats


def concordance(sets: RiskSets, score: Floats) -> float:
    """Share of comparable pairs in the right order, 0.5 if there is no pair.

    Parameters
    ----------
    sets : RiskSets
        From `partial_likelihood.risk_sets`, with its weights.
    score : array of float, (n,)
        The higher, the earlier the event is expected.
    """
    _, rank = np.unique(score, return_inverse=True)
    rank = rank.astype(np.intp)
    at = sets.high[sets.event] - 1
    own = rank[sets.event]
    weight = sets.weight[sets.event]
    # At risk after the event at position p: run reaches beyond p, or ends there without an event.
    until = np.where(sets.event, sets.high - 1, sets.high)
    below, equal = _later(until, rank, sets.weight, at, own) - _later(sets.low, rank, sets.weight, at, own)
    total = _running(until, sets.weight, at) - _running(sets.low, sets.weight, at)
    pairs = float(weight @ total)
    return float(weight @ (below + equal / 2)) / pairs if pairs > 0 else 0.5


def _running(position: Ints, weight: Floats, at: Ints) -> Floats:
    """Weight of the rows with position > at."""
    order = np.argsort(position, kind="stable")
    total = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    result: Floats = total[np.searchsorted(position[order], at, side="right")]
    return result


def _later(position: Ints, rank: Ints, weight: Floats, at: Ints, own: Ints) -> Floats:
    """Weight of rows with position > at whose rank is below, and equal to, `own`: (2, queries).

    A wavelet matrix: rows in order of position are split by one bit of the rank after the other, and
    every query follows its own bits, all at once.
    """
    order = np.argsort(-position, kind="stable")
    values, weights = rank[order], weight[order]
    begin = np.zeros(at.size, dtype=np.intp)
    end = np.searchsorted(-position[order], -at, side="left")
    below = np.zeros(at.size)
    for bit in range(int(rank.max(initial=0)).bit_length() - 1, -1, -1):
        one = (values >> bit & 1).astype(bool)
        zeros = np.append(0, np.cumsum(~one))
        mass = np.append(0.0, np.cumsum(np.where(one, 0.0, weights)))
        up = (own >> bit & 1).astype(bool)
        below += np.where(up, mass[end] - mass[begin], 0.0)
        begin = np.where(up, zeros[-1] + begin - zeros[begin], zeros[begin])
        end = np.where(up, zeros[-1] + end - zeros[end], zeros[end])
        split = np.argsort(one, kind="stable")
        values, weights = values[split], weights[split]
    mass = np.append(0.0, np.cumsum(weights))
    return np.stack([below, mass[end] - mass[begin]])
