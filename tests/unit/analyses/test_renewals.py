"""Contracts renewal by renewal, on cases by hand and on a simulated subscription with known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln

from cjlib.analyses.renewals import renewals
from cjlib.core.errors import NotEnoughDataError
from cjlib.core.text import using
from cjlib.datasets.subscription import ALPHA, BETA, subscriptions
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000


def log_of(spells, *, as_of_day=100, min_people=1):
    """Contracts (begin, end or None) in days, one customer each."""
    rows = [(f"c{i}", begin, "open") for i, (begin, _) in enumerate(spells)]
    rows += [(f"c{i}", end, "close") for i, (_, end) in enumerate(spells) if end is not None]
    rows += [("nobody", 0, "close")]
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    as_of = (pd.Timestamp(0) + pd.Timedelta(days=as_of_day)).isoformat() + "+00:00"
    return from_frames(events.assign(at=(events["at"] * DAY).astype("int64")), as_of=as_of, min_people=min_people)[0]


def counts(log, **options):
    found = renewals(log, start="open", end="close", period="10 days", ahead=0, **options).table
    return found[["period", "n_at_risk", "n_ended"]].astype("Int64").to_numpy().tolist()


def subscription_log(made, *, as_of="2026-07-01"):
    events = made.events.assign(at=made.events["at"].astype("datetime64[us]").astype("int64"))
    return from_frames(events, as_of=as_of)[0]


def test_periods_of_leaving_by_hand():
    # 8 leave in the first period, 6 exactly at the end of the second, 10 are in their third at the cut-off.
    log = log_of([(0, 5)] * 8 + [(0, 20)] * 6 + [(75, None)] * 10, as_of_day=100)
    assert counts(log) == [[1, 24, 8], [2, 16, 6]]


def test_who_leaves_in_a_period_that_is_not_over_does_not_count_before_their_company():
    # All opened on day 95: the first period is over on day 105. Five have left already; nothing is known of it yet.
    log = log_of([(0, 5)] * 10 + [(0, None)] * 10 + [(95, 97)] * 5 + [(95, None)] * 50, as_of_day=100)
    assert counts(log)[0] == [1, 20, 10]


def test_few_who_left_and_what_would_give_them_away_are_not_printed():
    log = log_of([(0, 5)] * 8 + [(0, 15)] * 2 + [(0, None)] * 40, as_of_day=100, min_people=5)
    table = renewals(log, start="open", end="close", period="10 days").table
    assert table["n_ended"].isna().tolist()[:3] == [False, True, True]
    assert table["estimate"].isna().tolist()[:3] == [False, True, True]


def test_the_simulated_truth_is_recovered_and_a_constant_rate_understates_it():
    made = subscriptions(n_customers=6000, seed=5)
    table = renewals(subscription_log(made), start="start", end="end", ahead=6).table
    period = table["period"].to_numpy(dtype=float)
    truth = np.exp(betaln(ALPHA, BETA + period) - betaln(ALPHA, BETA))
    seen = table["estimate"].notna()
    assert (np.abs(table["estimate"] - truth)[seen] < 0.03).all()
    assert ((table["projected_low"] < truth) & (truth < table["projected_high"])).mean() > 0.8
    late = period >= 18
    assert (table["constant"][late] < truth[late] - 0.05).all()


def test_a_projection_from_the_first_year_holds_in_the_second():
    made = subscriptions(n_customers=6000, seed=7)
    early = renewals(subscription_log(made, as_of="2025-07-01"), start="start", end="end", ahead=14)
    full = renewals(subscription_log(made), start="start", end="end").table.set_index("period")
    said = early.table.set_index("period")
    later = [k for k in range(13, 19) if k in full.index and pd.notna(full.loc[k, "estimate"]) and k in said.index]
    assert len(later) >= 3
    for k in later:
        error = abs(said.loc[k, "projected"] - full.loc[k, "estimate"])
        assert error < 0.07
        assert error < 0.6 * abs(said.loc[k, "constant"] - full.loc[k, "estimate"])


def test_it_says_when_nothing_is_due_and_when_nobody_left():
    with pytest.raises(NotEnoughDataError, match="No renewal was due"):
        renewals(log_of([(95, None)] * 20), start="open", end="close", period="10 days")
    stays = renewals(log_of([(0, None)] * 20), start="open", end="close", period="10 days")
    assert stays.table["projected"].isna().all()
    assert "0.0% of 20 contracts" in stays.answer()
    assert any("No projection" in note.message for note in stays.notes)
    with using("fr"):
        assert "nan" not in str(stays.card())


def test_few_who_left_at_the_first_renewal_are_told_by_no_later_figure_headline_or_note():
    spells = [(0, 5)] * 3 + [(0, 15)] * 30 + [(0, 25)] * 20 + [(0, None)] * 147
    result = renewals(log_of(spells, as_of_day=40, min_people=5), start="open", end="close", period="10 days")
    assert result.table[["n_ended", "rate", "estimate"]].isna().all(axis=None)
    assert result.table["n_at_risk"].isna().tolist()[1:] == [True] * (len(result.table) - 1)
    assert np.isnan(result.kpi("rate_1").estimate)
    assert "first renewal (" not in result.answer()


def test_a_total_never_gives_away_the_few_that_no_row_shows():
    spells = [(0, 5)] * 8 + [(0, 15)] * 3 + [(0, None)] * 189
    result = renewals(log_of(spells, as_of_day=40, min_people=5), start="open", end="close", period="10 days")
    assert result.table[["constant", "projected"]].isna().all(axis=None)
    assert not [note for note in result.notes if "189" in note.message]
