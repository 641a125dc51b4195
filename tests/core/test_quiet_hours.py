"""Quiet hours follow the wall clock of the chat's zone, on the days of the clock's change too."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.chats import QuietHours
from core.quiet_hours import MINUTE_MS, is_quiet, next_change_ms

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(22), time(7))

ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "Europe/Lisbon",
        "America/New_York",
        "America/St_Johns",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Asia/Kathmandu",
        "Asia/Tokyo",
        "Africa/Casablanca",
        "Pacific/Apia",
    )
]
FROM_MS = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1000
UNTIL_MS = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1000

times = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))
quiets = st.builds(QuietHours, times, times)
moments = st.integers(FROM_MS, UNTIL_MS)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * 1000


@pytest.mark.parametrize(
    ("local_utc", "quiet"),
    [
        ("2026-01-05T20:59:59", False),
        ("2026-01-05T21:00:00", True),
        ("2026-01-06T05:59:59", True),
        ("2026-01-06T06:00:00", False),
        # In summer the same wall clock is an hour earlier.
        ("2026-07-05T19:59:59", False),
        ("2026-07-05T20:00:00", True),
        ("2026-07-06T05:00:00", False),
    ],
)
def test_night_runs_over_midnight_by_the_wall_clock(local_utc: str, quiet: bool) -> None:
    assert is_quiet(NIGHT, BERLIN, utc(local_utc)) is quiet


def test_nobody_is_quiet_without_quiet_hours() -> None:
    assert not is_quiet(None, BERLIN, FROM_MS)
    assert next_change_ms(None, BERLIN, FROM_MS) is None


def test_same_begin_and_end_is_all_day() -> None:
    always = QuietHours(time(8), time(8))
    assert is_quiet(always, BERLIN, FROM_MS)
    assert next_change_ms(always, BERLIN, FROM_MS) is None


def test_night_of_the_change_in_spring_is_an_hour_shorter() -> None:
    begin = next_change_ms(NIGHT, BERLIN, utc("2026-03-28T12:00:00"))
    assert begin == utc("2026-03-28T21:00:00")
    assert next_change_ms(NIGHT, BERLIN, begin) == utc("2026-03-29T05:00:00")


def test_night_of_the_change_in_autumn_is_an_hour_longer() -> None:
    begin = next_change_ms(NIGHT, BERLIN, utc("2026-10-24T12:00:00"))
    assert begin == utc("2026-10-24T20:00:00")
    assert next_change_ms(NIGHT, BERLIN, begin) == utc("2026-10-25T06:00:00")


def test_a_begin_that_the_clock_skips_is_where_it_jumps() -> None:
    quiet = QuietHours(time(2, 30), time(6))
    assert next_change_ms(quiet, BERLIN, utc("2026-03-28T23:00:00")) == utc("2026-03-29T01:00:00")


def test_an_end_that_the_clock_skips_is_where_it_jumps() -> None:
    quiet = QuietHours(time(22), time(2, 30))
    assert next_change_ms(quiet, BERLIN, utc("2026-03-28T22:00:00")) == utc("2026-03-29T01:00:00")


def test_an_hour_that_the_clock_shows_twice_is_quiet_twice() -> None:
    quiet = QuietHours(time(2), time(2, 30))
    seen = [utc("2026-10-24T22:00:00")]
    for _ in range(4):
        seen.append(next_change_ms(quiet, BERLIN, seen[-1]) or 0)
    assert seen[1:] == [
        utc(f"2026-10-25T{moment}") for moment in ("00:00:00", "00:30:00", "01:00:00", "01:30:00")
    ]


@given(quiets, st.sampled_from(ZONES), moments)
@settings(max_examples=300, deadline=None)
def test_next_change_is_the_first_minute_at_which_it_differs(
    quiet: QuietHours, zone: ZoneInfo, now_ms: int
) -> None:
    change = next_change_ms(quiet, zone, now_ms)
    if quiet.begin == quiet.end:
        assert change is None
        return
    assert change is not None
    now = is_quiet(quiet, zone, now_ms)
    minute = now_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS
    while is_quiet(quiet, zone, minute) is now:
        minute += MINUTE_MS
    assert change == minute
