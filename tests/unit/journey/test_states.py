"""States at the end of each month, against a loop over customers written from the definitions."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlib.core.errors import NotEnoughDataError
from cjlib.journey.frames import from_frames
from cjlib.journey.states import NOT_YET, STATES, monthly_states

DAY = 86_400_000_000
PARIS = ZoneInfo("Europe/Paris")


def log_of(times, as_of, **options):
    """A log from {customer: [instants in microseconds]}."""
    rows = [(name, at, "buy") for name, listed in times.items() for at in listed]
    events = pd.DataFrame(rows, columns=["customer", "at", "event"])
    return from_frames(events, as_of=pd.Timestamp(as_of, unit="us", tz="UTC").isoformat(), zone="Europe/Paris",
                       **options)[0]  # fmt: skip


def state_by_hand(instants, begin, end, silence):
    """From the sentences of the definition, one customer, one month [begin, end)."""
    past = sorted(at for at in instants if at < end)
    if not past:
        return None
    if past[0] >= begin:
        return "new"
    if end - past[-1] >= silence:
        return "lapsed"
    pairs = pairwise(past)
    if any(later >= begin and later - earlier >= silence for earlier, later in pairs):
        return "resurrected"
    if past[-1] < begin and end - past[-1] >= silence / 2:
        return "at risk"
    return "active"


def counts_by_hand(times, as_of, silence):
    first = min(at for listed in times.values() for at in listed)
    start = pd.Timestamp(first, unit="us", tz="UTC").tz_convert(PARIS).normalize().replace(day=1)
    found = Counter()
    earlier = dict.fromkeys(times)
    while True:
        stop = (start.tz_localize(None) + pd.DateOffset(months=1)).tz_localize(PARIS)
        begin, end = (round(moment.timestamp() * 1e6) for moment in (start, stop))
        if end > as_of:
            return dict(found)
        for name, listed in times.items():
            now = state_by_hand(listed, begin, end, silence)
            if now:
                found[f"{start:%Y-%m}", earlier[name], now] += 1
            earlier[name] = now
        start = stop


def counts_of(log, silence):
    months, counts = monthly_states(log, activity=["buy"], silence_us=silence)
    return {(months[row.month], None if row.before == NOT_YET else STATES[row.before], STATES[row.now]): row.n
            for row in counts.itertuples()}  # fmt: skip


@pytest.mark.parametrize("silence", [10, 20, 45, 90, 200])
def test_states_and_flows_are_those_of_a_loop_over_customers(silence):
    rng = np.random.default_rng(silence)
    times = {f"c{i:03d}": sorted(rng.integers(0, 400 * DAY, rng.integers(1, 12)).tolist()) for i in range(150)}
    as_of = 401 * DAY
    assert counts_of(log_of(times, as_of), silence * DAY) == counts_by_hand(times, as_of, silence * DAY)


@given(
    times=st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=6), min_size=1, max_size=4),
    silence=st.integers(5, 120), cut=st.integers(60, 300),
)  # fmt: skip
def test_what_comes_later_never_changes_a_state(times, silence, cut):
    named = {f"c{i}": [day * DAY for day in listed] for i, listed in enumerate(times)}
    whole = counts_by_hand(named, 301 * DAY, silence * DAY)
    assert counts_of(log_of(named, 301 * DAY), silence * DAY) == whole
    past = {name: [at for at in listed if at < cut * DAY] for name, listed in named.items()}
    past = {name: listed for name, listed in past.items() if listed}
    if not past:
        return
    try:
        known = counts_of(log_of(past, cut * DAY), silence * DAY)
    except NotEnoughDataError:
        return
    last = max(month for month, *_ in known)
    assert known == {key: n for key, n in whole.items() if key[0] <= last}


def test_each_customer_has_one_state_a_month_from_the_first_one_on():
    times = {"a": [0, 100 * DAY], "b": [40 * DAY]}
    found = counts_of(log_of(times, 200 * DAY), 60 * DAY)
    assert found["1970-01", None, "new"] == 1
    assert found["1970-04", "lapsed", "resurrected"] == 1
    per_month = Counter()
    for (month, *_), n in found.items():
        per_month[month] += n
    assert list(per_month.values()) == [1, 2, 2, 2, 2, 2]


def test_a_first_month_that_is_not_over_is_said():
    with pytest.raises(NotEnoughDataError, match="No month was complete"):
        monthly_states(log_of({"a": [DAY]}, 20 * DAY), activity=["buy"], silence_us=DAY)
