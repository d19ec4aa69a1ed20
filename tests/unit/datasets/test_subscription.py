"""The simulated subscription: the committed file is the one the code writes, and its truth is as declared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cjlib.datasets.subscription import ALPHA, BETA, main, subscriptions, write_subscription

COMMITTED = Path(__file__).parents[3] / "data" / "subscription" / "abonnements.csv"


def test_the_committed_file_is_written_again_byte_by_byte(tmp_path):
    assert write_subscription(tmp_path).read_bytes() == COMMITTED.read_bytes()
    main([str(tmp_path)])


def test_chances_of_leaving_have_the_declared_distribution():
    chance = subscriptions(n_customers=20_000).chance
    assert chance.mean() == pytest.approx(ALPHA / (ALPHA + BETA), abs=0.002)
    assert chance.var() == pytest.approx(ALPHA * BETA / ((ALPHA + BETA) ** 2 * (ALPHA + BETA + 1)), rel=0.05)


def test_contracts_end_on_their_anniversaries_and_never_before_they_began():
    events = subscriptions(n_customers=400).events
    for _, part in events.groupby("customer"):
        kinds = part["event"].tolist()
        assert kinds == (["start", "end"] * 2)[: len(kinds)]
    first = events[events["event"] == "start"].groupby("customer")["at"].first()
    ends = events[events["event"] == "end"].groupby("customer")["at"].first()
    assert (ends.dt.day == first.reindex(ends.index).dt.day).all()
    assert np.isfinite(events.loc[events["event"] == "start", "value"]).all()
