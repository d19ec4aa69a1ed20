"""The ordered store: what decides the order of events, and the calendar of the business zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

import cjlib.sources.store as stores
from cjlib.journey.frames import from_frames

DAY = 86_400_000_000


def stored(events: pd.DataFrame, folder, **kwargs) -> pd.DataFrame:
    from_frames(events, as_of="2100-01-01", folder=folder, **kwargs)
    return pd.read_parquet(folder / "events.parquet")


@pytest.mark.parametrize("few", [stores.FEW, 2], ids=["texts by code", "texts as they are"])
@pytest.mark.parametrize("sequenced", [True, False])
def test_ties_follow_the_sequence_then_the_content_and_missing_comes_last(tmp_path, monkeypatch, few, sequenced):
    monkeypatch.setattr(stores, "FEW", few)
    rng = np.random.default_rng(11)
    n = 600
    frame = pd.DataFrame({
        "customer": rng.choice(["a", "b"], n), "at": rng.integers(0, 4, n) * DAY,
        "event": rng.choice(["view", "Cart", "été", "buy"], n), "channel": rng.choice(["web", "app", None], n),
        "value": rng.choice([1.5, -2.0, np.nan], n), "sequence": rng.integers(0, 3, n),
        "device": rng.choice(["tv", "pad", "phone", None], n),
    })  # fmt: skip
    frame = frame if sequenced else frame.drop(columns="sequence")
    found = stored(frame, tmp_path / f"{few}-{sequenced}")

    def key(row):
        content = [(row[c] is None or row[c] != row[c], row[c]) for c in ("event", "channel", "value", "device")]
        return row["customer"], row["at"], row.get("sequence", 0), content

    unit = {name: place for place, name in enumerate(sorted("ab", key=pseudonym))}
    plain = frame.astype(object).where(frame.notna(), None).to_dict("records")
    expected = sorted(plain, key=lambda row: (unit[row["customer"]], *map(nulls_last, key(row)[1:])))
    columns = ["at", "event", "channel", "value", "device"]
    got = found[columns].astype(object).where(found[columns].notna(), None).to_numpy().tolist()
    assert got == [[row[c] for c in columns] for row in expected]
    assert found["ordinal"].tolist() == list(range(n))


def pseudonym(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()


def nulls_last(part):
    return [(missing, "" if missing else value) for missing, value in part] if isinstance(part, list) else part


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_day_and_month_are_those_of_the_zone_on_both_sides_of_every_change(tmp_path, zone):
    rng = np.random.default_rng(5)
    first, last = datetime(1960, 1, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)
    seconds = [int(x) for x in rng.integers(first.timestamp(), last.timestamp(), 3000)]
    rules = ZoneInfo(zone)
    for day in range(int((last - first).days)):
        start, end = first + timedelta(days=day), first + timedelta(days=day + 1)
        if start.astimezone(rules).utcoffset() != end.astimezone(rules).utcoffset():
            seconds += [int(start.timestamp()) + quarter * 900 - tick for quarter in range(97) for tick in (0, 1)]
    frame = pd.DataFrame({"customer": "a", "at": np.array(seconds) * 1_000_000, "event": "visit"})
    found = stored(frame, tmp_path / "store", zone=zone)
    local = [datetime.fromtimestamp(at // 1_000_000, tz=UTC).astimezone(rules) for at in found["at"].tolist()]
    assert found["day"].tolist() == [(moment.date() - date(1970, 1, 1)).days for moment in local]
    assert found["month"].tolist() == [moment.year * 12 + moment.month - 1 for moment in local]


def test_a_text_column_of_many_values_is_read_like_one_of_few(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "FEW", 100)
    n = 30_000
    frame = pd.DataFrame({"customer": [f"c{i}" for i in range(n)], "at": 0, "event": "visit",
                          "session": [f"s{i:06d}" for i in range(n)]})  # fmt: skip
    log, _ = from_frames(frame, as_of="1970-02-01", folder=tmp_path)
    assert log.per("session").n_customers == n
    assert stores.dictionary_columns(tmp_path / "events.parquet", ["event", "session"]) == ["event"]
