"""All segments of one or two attributes, each tested once against those outside of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cjlib.core.gate import suppress
from cjlib.stats.exact import fisher

KEYS = ("attribute", "level", "other_attribute", "other_level")
_COUNTS = ["n", "n_event"]


def looks(
    cells: pd.DataFrame, attributes: Sequence[str], *, pairs: bool = True, least: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the segments large enough to be looked at, and test each.

    Parameters
    ----------
    cells : DataFrame
        One row per combination of the attributes: their columns, `n`, `n_event`.
    attributes : names of the columns
    pairs : also every pair of levels of two attributes
    least : int
        Fewest people inside and outside of a segment; for a pair also in the rest of each of its two levels.

    Returns
    -------
    segments : DataFrame
        `attribute, level, other_attribute, other_level` ("" for a single level), `n, n_event, p`.
    counted : DataFrame
        `attribute, other_attribute, n_looked, n_small`: how many were looked at, and how many were too small.

    Notes
    -----
    Fisher's exact test, two-sided. The p-value of a pair is the largest of three, against everybody else and
    against the rest of each of its levels (intersection-union, Berger 1982): a pair that is only as unusual
    as one of its levels is no finding. An attribute with two levels is one look, at the smaller of them. A
    pair that is the same people as one of its levels is none.

    Examples
    --------
    >>> cells = pd.DataFrame({"region": ["N", "N", "S", "S"], "plan": ["a", "b", "a", "b"], "n": 50,
    ...                       "n_event": [5, 5, 5, 25]})
    >>> found, counted = looks(cells, ["region", "plan"], least=20)
    >>> found[["level", "other_level"]].agg(" ".join, axis=1).tolist()
    ['N ', 'a ', 'N a', 'N b', 'S a', 'S b']
    >>> found["p"].round(5).tolist()[-2:]
    [1.0, 2e-05]
    """
    made = [_single(cells, name, least) for name in attributes]
    if pairs:
        made += [_pair(cells, *two, least) for two in combinations(attributes, 2)]
    found = pd.concat([part for part, _ in made], ignore_index=True)
    return found, pd.DataFrame([counted for _, counted in made])


def _single(cells: pd.DataFrame, name: str, least: int) -> tuple[pd.DataFrame, dict[str, object]]:
    levels = cells.groupby(name, sort=True)[_COUNTS].sum()
    n, k = int(cells["n"].sum()), int(cells["n_event"].sum())
    large = levels[(levels["n"] >= least) & (n - levels["n"] >= least)]
    small = len(levels) - len(large) if len(levels) > 1 else 0
    large = large.sort_values("n", kind="stable").head(1) if len(levels) == 2 else large
    found = large[_COUNTS].reset_index(drop=True)
    found = found.assign(attribute=name, level=large.index.astype(str), other_attribute="", other_level="")
    found["p"] = fisher(found["n_event"], found["n"], k - found["n_event"], n - found["n"])
    return found, {"attribute": name, "other_attribute": "", "n_looked": len(found), "n_small": small}


def _pair(cells: pd.DataFrame, one: str, two: str, least: int) -> tuple[pd.DataFrame, dict[str, object]]:
    both = cells.groupby([one, two], sort=True)[_COUNTS].sum()
    whole = cells[_COUNTS].sum().to_numpy(dtype=np.int64)
    inside = both.to_numpy(dtype=np.int64)
    parents = [cells.groupby(name)[_COUNTS].sum().reindex(both.index.get_level_values(name)).to_numpy(dtype=np.int64)
               for name in (one, two)]  # fmt: skip
    rests = [whole - inside, *(parent - inside for parent in parents)]
    outside = np.array([rest[:, 0] for rest in rests])
    same = (outside == 0).any(axis=0)
    large = (inside[:, 0] >= least) & (outside >= least).all(axis=0)
    chosen = inside[large]
    p = [fisher(chosen[:, 1], chosen[:, 0], rest[large, 1], rest[large, 0]) for rest in rests]
    index = both.index[large]
    found = pd.DataFrame({
        "attribute": one, "level": index.get_level_values(0).astype(str), "other_attribute": two,
        "other_level": index.get_level_values(1).astype(str), "n": chosen[:, 0], "n_event": chosen[:, 1],
        "p": np.max(p, axis=0),
    })  # fmt: skip
    return found, {"attribute": one, "other_attribute": two, "n_looked": len(found),
                   "n_small": int((~large & ~same).sum())}  # fmt: skip


def printable(segments: pd.DataFrame, *, n: int, n_event: int, k: int) -> NDArray[np.bool_]:
    """Which segments may be printed beside the whole without giving fewer than `k` people away.

    Parameters
    ----------
    segments : DataFrame
        Columns as made by `looks`, only those that would be printed.
    n, n_event : everybody
    k : smallest count that may be shown, with and without the outcome

    Returns
    -------
    bool array
        False where the segment itself, or what is left of the whole or of a printed level when segments
        are subtracted from it, would tell of 1 to k - 1 people.
    """
    rows = segments.reset_index(drop=True)
    cells = [[n_event, n - n_event], *([int(e), int(m - e)] for m, e in zip(rows["n"], rows["n_event"], strict=True))]
    relations: list[tuple[int, list[int]]] = []  # of segments: a whole and its parts, 0 is everybody
    for total, parts in _families(rows):
        rest = [cells[total][side] - sum(cells[part][side] for part in parts) for side in (0, 1)]
        cells.append(rest)
        relations.append((total, [*parts, len(cells) - 1]))
    values = np.array(cells, dtype=float).ravel()
    flat = [(2 * total + side, [2 * part + side for part in parts]) for total, parts in relations for side in (0, 1)]
    hidden = suppress(values, flat, k)
    either = hidden[0::2] | hidden[1::2]
    return ~either[1 : len(rows) + 1]


def _families(rows: pd.DataFrame) -> list[tuple[int, list[int]]]:
    """Sets of printed segments without people in common, and the printed segment (0: everybody) that holds them."""
    single: dict[tuple[str, str], int] = {}
    under: dict[tuple[str, str], dict[str, list[int]]] = {}  # (attribute, other): level: pairs within the level
    for place, (name, level, other, other_level) in enumerate(rows[list(KEYS)].astype(str).to_numpy(), start=1):
        if not other:
            single[name, level] = place
            continue
        for key, inside in (((name, other), level), ((other, name), other_level)):
            under.setdefault(key, {}).setdefault(inside, []).append(place)
    # Those of everybody come first: what is left there is not printed, so that hiding it costs nothing.
    whole = [(0, _alone(single, name)) for name in dict.fromkeys(name for name, _ in single)]
    parts = []
    for (name, _), levels in under.items():
        loose = [place for level, places in levels.items() if (name, level) not in single for place in places]
        whole += [(0, _alone(single, name) + loose)] if loose else []
        parts += [(single[name, level], places) for level, places in levels.items() if (name, level) in single]
    return whole + parts


def _alone(single: dict[tuple[str, str], int], name: str) -> list[int]:
    """Places of the printed levels of an attribute."""
    return [place for (attribute, _), place in single.items() if attribute == name]
