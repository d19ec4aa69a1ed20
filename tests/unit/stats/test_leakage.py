"""Columns that know the outcome are found; columns that merely predict are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cjlib.stats.leakage import after, as_us, separating

Y = np.array([1] * 50 + [0] * 150)
NOISE = np.random.default_rng(1).normal(size=200)
EMPTY = np.full(200, np.nan)
CASES = [
    ("the outcome itself", Y, "by itself"),
    ("the outcome turned round", 1 - Y, "by itself"),
    ("nearly the outcome", Y + 0.1 * NOISE, "by itself"),
    ("a strong predictor", Y + NOISE, None),
    ("noise", NOISE, None),
    ("constant", np.zeros(200), None),
    ("never filled", EMPTY, None),
    ("filled for those with the outcome", np.where(Y == 1, NOISE, np.nan), "only for those with the"),
    ("filled for some of those with it", np.where(np.arange(200) < 20, NOISE, np.nan), "only for those with the"),
    ("filled for those without it", np.where(Y == 0, NOISE, np.nan), "only for those without"),
    ("filled for three people", np.where(np.arange(200) < 3, NOISE, np.nan), None),
    ("filled for half of both, and leaking", np.where(np.arange(200) % 2, Y, np.nan), "by itself"),
]


@pytest.mark.parametrize(("values", "sentence"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_column_is_refused_exactly_where_it_gives_itself_away(values, sentence):
    found = separating({"x": values, "noise": NOISE}, Y)
    assert list(found) == (["x"] if sentence else [])
    if sentence:
        assert sentence in found["x"]


def test_a_value_of_few_people_is_no_proof_where_nearly_everybody_has_the_outcome():
    y = np.array([1] * 190 + [0] * 10)
    assert separating({"x": np.where(np.arange(200) < 12, 1.0, np.nan)}, y) == {}


def test_too_few_outcomes_accuse_nobody():
    y = np.array([1] * 9 + [0] * 100)
    assert separating({"x": y}, y) == {}


def test_noise_is_hardly_ever_accused():
    rng = np.random.default_rng(4)
    accused = [bool(separating({"x": rng.normal(size=24)}, [1] * 12 + [0] * 12)) for _ in range(2000)]
    assert sum(accused) == 0


def test_instants_are_compared_to_the_microsecond():
    moments = pd.Series(pd.to_datetime(["1970-01-01T00:00:01Z", "1970-01-01T00:00:02+00:00", None], utc=True))
    assert as_us(moments).tolist()[:2] == [1e6, 2e6]
    assert (after(moments, 2_000_000), after(moments, 2_000_001)) == (1, 0)
