"""Interval-censored times: Turnbull against EM by brute force, a published example, properties, sentences."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError, ParameterError
from cjlib.stats.curve import kaplan_meier
from cjlib.stats.interval_censored import turnbull

# Finkelstein and Wolfe (1985), Biometrics 41, 933-945: months to cosmetic deterioration, radiotherapy alone.
RADIATION = [
    (45, None), (6, 10), (0, 7), (46, None), (46, None), (7, 16), (17, None), (7, 14), (37, 44), (0, 8), (4, 11),
    (15, None), (11, 15), (22, None), (46, None), (46, None), (25, 37), (46, None), (26, 40), (46, None), (27, 34),
    (36, 44), (46, None), (36, 48), (37, None), (40, None), (17, 25), (46, None), (11, 18), (38, None), (5, 12),
    (37, None), (0, 5), (18, None), (24, None), (36, None), (5, 11), (19, 35), (17, 25), (24, None), (32, None),
    (33, None), (19, 26), (37, None), (34, None), (36, None),
]  # fmt: skip


def frame(pairs):
    return pd.DataFrame(pairs, columns=["after_days", "by_days"], dtype=float)


def em(pairs):
    """Self-consistency over every elementary interval, ten lines: survival at each finite end."""
    ends = sorted({0.0, *(low for low, _ in pairs), *(high for _, high in pairs if high is not None)})
    cells = [*itertools.pairwise(ends), (ends[-1], np.inf)]
    may = np.array([[low <= a and b <= (np.inf if high is None else high) for a, b in cells] for low, high in pairs])
    p = np.full(len(cells), 1 / len(cells))
    for _ in range(20_000):
        p = (may * p / (may @ p)[:, None]).mean(axis=0)
    return {b: 1 - p[: i + 1].sum() for i, (_, b) in enumerate(cells) if np.isfinite(b)}


def test_the_cosmesis_data_have_the_curve_published_for_them():
    table = turnbull(frame(RADIATION))
    # Support and masses of the radiotherapy group as in Finkelstein and Wolfe, and R's interval package.
    assert table[["from_days", "to_days"]].to_numpy().tolist()[:4] == [[4, 5], [6, 7], [7, 8], [11, 12]]
    assert table["mass"].to_numpy()[:4] == pytest.approx([0.0463, 0.0334, 0.0887, 0.0708], abs=1e-4)
    assert table["mass"].iloc[-1] == pytest.approx(0.4656, abs=1e-4)


def test_it_equals_em_by_brute_force_where_the_curve_is_known():
    slow = em(RADIATION)
    for row in turnbull(frame(RADIATION)).itertuples():
        if np.isfinite(row.to_days):
            assert row.survival == pytest.approx(slow[row.to_days], abs=1e-5)


intervals = st.tuples(st.integers(0, 8), st.one_of(st.none(), st.integers(1, 6))).map(
    lambda pair: (pair[0], None if pair[1] is None else pair[0] + pair[1])
)


@given(st.lists(intervals, min_size=2, max_size=12).filter(lambda rows: any(high is not None for _, high in rows)))
def test_masses_are_positive_sum_to_one_and_the_likelihood_is_that_of_em(pairs):
    table = turnbull(frame(pairs))
    assert (table["mass"] >= 0).all()
    last = table["survival"].iloc[-1]
    assert table["mass"].sum() + last == pytest.approx(1, abs=1e-6)
    assert (np.diff([1.0, *table["survival"]]) <= 1e-9).all()

    slow = em(pairs)
    ours = {row.to_days: row.survival for row in table.itertuples()}
    for low, high in pairs:
        if high is None:
            continue
        got = _mass(ours, low, high)
        assert got == pytest.approx(_mass(slow, low, high), abs=2e-3)


def _mass(curve, low, high):
    """Probability of (low, high] where the curve only falls at its points."""
    below = [curve[e] for e in sorted(curve) if e <= low]
    upto = [curve[e] for e in sorted(curve) if e <= high]
    return (below[-1] if below else 1.0) - (upto[-1] if upto else 1.0)


def test_times_known_exactly_give_kaplan_meier():
    rng = np.random.default_rng(1)
    time, event = rng.integers(1, 20, 60).astype(float), rng.random(60) < 0.6
    table = turnbull(pd.DataFrame({"after_days": time, "by_days": np.where(event, time, np.nan)}))
    counts = pd.DataFrame({"group": "all", "duration_days": time, "outcome": event.astype(int), "n": 1})
    curve = kaplan_meier(counts).set_index("time_days")["estimate"]
    for row in table.itertuples():
        assert row.survival == pytest.approx(curve[row.to_days], abs=1e-7)


def test_weekly_snapshots_do_not_move_the_curve_while_their_dates_do():
    rng = np.random.default_rng(4)
    true = rng.exponential(20, 4000)
    seen = np.ceil(true / 7) * 7
    table = turnbull(pd.DataFrame({"after_days": seen - 7, "by_days": np.where(seen <= 70, seen, np.nan)}).assign(
        after_days=np.minimum(seen - 7, 70)))  # fmt: skip
    at_35 = table.loc[table["to_days"] == 35, "survival"].item()
    assert at_35 == pytest.approx(np.exp(-35 / 20), abs=0.02)
    assert seen.mean() > true.mean() + 3  # the date of the snapshot taken for that of the event


def test_rows_shared_by_several_people_count_as_often():
    pairs = frame([(0, 7), (0, 7), (7, 14), (7, None)])
    once = turnbull(pairs.drop_duplicates().assign(n=[2, 1, 1]), weight="n")
    assert once["mass"].to_numpy() == pytest.approx(turnbull(pairs)["mass"].to_numpy(), abs=1e-7)


@pytest.mark.parametrize(
    ("pairs", "error", "sentence"),
    [
        ([(5, 3)], ParameterError, "end before they begin"),
        ([(-1, 3)], ParameterError, "end before they begin"),
        ([], NotEnoughDataError, "Nobody"),
        ([(5, None), (3, None)], NotEnoughDataError, "none of 2"),
    ],
)
def test_what_cannot_be_estimated_is_one_sentence(pairs, error, sentence):
    with pytest.raises(error, match=sentence):
        turnbull(frame(pairs))
