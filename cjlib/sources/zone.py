"""Wall clock to UTC by the zone's own rules, and the two hours a year that such a clock cannot tell.

The rules come from `zoneinfo`, so that the cut-off and the data are read by the same table, and are
handed to the database as a balanced tree of comparisons: exact, vectorised, independent of its settings.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cjlib.core.errors import ParameterError, did_you_mean

FIRST_YEAR, LAST_YEAR = 1900, 2100
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


@functools.cache
def check_zone(name: str) -> str:
    """`name` if it is a time zone of the IANA table, else an error with the nearest one.

    Examples
    --------
    >>> check_zone("Europe/Paris")
    'Europe/Paris'
    """
    if name not in available_timezones():
        hint = did_you_mean(name, sorted(available_timezones()))
        raise ParameterError(
            " ".join(f"{name!r} is not a time zone. {hint} Write for example Europe/Paris or UTC.".split()),
            code="CJ-IN-004",
        )
    return name


def microseconds(naive: datetime) -> int:
    """Microseconds from 1970-01-01 00:00 of the same wall clock."""
    return (naive - _EPOCH) // _MICROSECOND


@dataclass(frozen=True)
class Clock:
    """One zone between 1900 and 2100: from wall-clock microsecond `starts[i]` on, UTC = wall - `offsets[i]`.

    `skipped` and `repeated` are half-open wall-clock intervals that do not exist, or exist twice;
    `starts` reads a repeated hour as its first passage and a skipped one by the offset before the jump.
    """

    starts: tuple[int, ...]
    offsets: tuple[int, ...]
    skipped: tuple[tuple[int, int], ...]
    repeated: tuple[tuple[int, int], ...]

    def offset_sql(self, column: str, *, second: bool = False) -> str:
        """SQL for the offset at wall-clock microseconds `column`; `second` reads repeated hours as such."""
        bounds = list(self.starts[1:])
        if second:
            # the hour that repeats begins earlier under the later offset
            early = {end: start for start, end in self.repeated}
            bounds = [early.get(bound, bound) for bound in bounds]
        return _tree(column, bounds, [str(value) for value in self.offsets])

    def trouble_sql(self, column: str, *, skipped: int, repeated: int) -> str:
        """SQL: `skipped` where the wall-clock instant does not exist, `repeated` where it comes twice, else 0."""
        spans = [(s, e, skipped) for s, e in self.skipped if skipped]
        spans += [(s, e, repeated) for s, e in self.repeated if repeated]
        marks = sorted([(start, kind) for start, _, kind in spans] + [(end, 0) for _, end, _ in spans])
        return _tree(column, [bound for bound, _ in marks], ["0", *(str(kind) for _, kind in marks)])

    def utc(self, naive: datetime) -> int:
        """UTC microseconds of a wall-clock instant (first passage of a repeated hour)."""
        wall = microseconds(naive)
        return wall - self.offsets[bisect_right(self.starts, wall) - 1]


def _tree(column: str, bounds: list[int], values: list[str]) -> str:
    """Nested CASE that picks `values[i]` for bounds[i-1] <= column < bounds[i]."""
    if not bounds:
        return values[0]
    middle = len(bounds) // 2
    low = _tree(column, bounds[:middle], values[: middle + 1])
    high = _tree(column, bounds[middle + 1 :], values[middle + 1 :])
    return f"CASE WHEN {column} < {bounds[middle]} THEN {low} ELSE {high} END"


@functools.lru_cache(maxsize=32)
def clock(name: str) -> Clock:
    """Rules of the zone `name`.

    Examples
    --------
    >>> paris = clock("Europe/Paris")
    >>> datetime.fromtimestamp(paris.utc(datetime(2026, 7, 1, 12)) / 1e6, UTC).hour
    10
    """
    zone = ZoneInfo(check_zone(name))
    starts, offsets = [-(10**18)], [_offset(zone, datetime(FIRST_YEAR, 1, 1))]
    skipped, repeated = [], []
    for instant in _changes(zone):
        before, after = offsets[-1], _offset(zone, instant)
        wall = microseconds(instant)
        if after > before:
            skipped.append((wall + before, wall + after))
            starts.append(wall + after)
        else:
            repeated.append((wall + after, wall + before))
            starts.append(wall + before)
        offsets.append(after)
    return Clock(tuple(starts), tuple(offsets), tuple(skipped), tuple(repeated))


def _offset(zone: ZoneInfo, utc: datetime) -> int:
    offset = utc.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()
    return offset // _MICROSECOND


def _changes(zone: ZoneInfo) -> list[datetime]:
    """UTC instants (to the second) at which the offset changes; looked for week by week."""
    found = []
    # A week is finer than any real period of summer time and a seventh of the look-ups.
    step, instant, end = timedelta(days=7), datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR + 1, 1, 1)
    before = _offset(zone, instant)
    while instant < end:
        after = _offset(zone, instant + step)
        if after != before:
            low, high = instant, instant + step
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
            found.append(high)
        before, instant = after, instant + step
    return found


def first_instant(day: date, zone: str) -> int:
    """UTC microseconds at which the calendar day begins in the zone, even where midnight is skipped.

    Examples
    --------
    >>> first_instant(date(2018, 11, 4), "America/Sao_Paulo") // 3_600_000_000 % 24   # 00:00 was skipped
    3
    """
    rules = clock(zone)
    midnight = microseconds(datetime(day.year, day.month, day.day))
    for start, end in rules.skipped:
        if start <= midnight < end:
            return end - rules.offsets[bisect_right(rules.starts, end) - 1]
    return rules.utc(datetime(day.year, day.month, day.day))
