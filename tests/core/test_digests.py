"""A digest comes at the chat's hour by its own clock, once; what was held elsewise when it may come again."""

from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from core.digests import LATEST_MS, DigestChat, DueDigest, due_digest, last_moment_ms
from core.model.alerts import Channel, Target
from core.model.chats import ChatSettings, DigestPeriod, QuietHours
from core.model.market import DAY_MS, HOUR_MS

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = ChatSettings(time_zone="Europe/Berlin", digest=DigestPeriod.DAILY, digest_hour=8)
WEEKLY = replace(DAILY, digest=DigestPeriod.WEEKLY)
QUIET = ChatSettings(time_zone="Europe/Berlin", quiet=QuietHours(time(22), time(7)))


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def chat(settings: ChatSettings, digested_ms: int | None = None, **held: int) -> DigestChat:
    target = Target(Channel.TELEGRAM, "101")
    return DigestChat(target, settings, digested_ms, held.get("quiet"), held.get("capped"))


@pytest.mark.parametrize(
    ("settings", "now", "moment"),
    [
        (DAILY, "2026-01-05 07:00", "2026-01-05 07:00"),
        (DAILY, "2026-01-05 06:59:59", "2026-01-04 07:00"),
        (DAILY, "2026-07-05 06:00", "2026-07-05 06:00"),  # summer time
        (DAILY, "2026-01-04 23:30", "2026-01-04 07:00"),  # Monday in Berlin already
        (WEEKLY, "2026-01-05 07:00", "2026-01-05 07:00"),  # a Monday
        (WEEKLY, "2026-01-05 06:59", "2025-12-29 07:00"),
        (WEEKLY, "2026-01-11 23:30", "2026-01-05 07:00"),
        (replace(DAILY, digest_hour=2), "2026-03-29 12:00", "2026-03-29 01:00"),  # an hour that is skipped
    ],
)
def test_the_hour_is_the_chats_own(settings: ChatSettings, now: str, moment: str) -> None:
    assert last_moment_ms(settings, BERLIN, at(now)) == at(moment)


def test_a_regular_digest_is_due_once_and_covers_the_time_since_the_last() -> None:
    last, moment = at("2026-01-04 07:00"), at("2026-01-05 07:00")
    assert due_digest(chat(DAILY, last), BERLIN, moment - 1) is None
    assert due_digest(chat(DAILY, last), BERLIN, moment) == DueDigest(last, moment, True)
    assert due_digest(chat(DAILY, moment), BERLIN, moment + HOUR_MS) is None


def test_who_just_asked_for_one_waits_for_the_hour() -> None:
    assert due_digest(chat(DAILY, None), BERLIN, at("2026-01-05 09:00")) is None
    assert due_digest(chat(DAILY, at("2026-01-05 08:59")), BERLIN, at("2026-01-05 09:00")) is None


def test_one_that_was_missed_comes_up_to_twelve_hours_late_and_else_with_the_next() -> None:
    last, moment = at("2026-01-03 07:00"), at("2026-01-05 07:00")
    assert due_digest(chat(DAILY, last), BERLIN, moment + LATEST_MS) == DueDigest(last, moment, True)
    assert due_digest(chat(DAILY, last), BERLIN, moment + LATEST_MS + 1) is None
    assert due_digest(chat(DAILY, last), BERLIN, moment + DAY_MS) == DueDigest(last, moment + DAY_MS, True)


def test_without_a_digest_what_was_held_is_told_when_quiet_hours_end() -> None:
    held = at("2026-01-04 23:00")
    assert due_digest(chat(QUIET, quiet=held), BERLIN, at("2026-01-05 05:59")) is None
    now = at("2026-01-05 06:00")
    assert due_digest(chat(QUIET, quiet=held), BERLIN, now) == DueDigest(held - 1, now, False)


def test_without_a_digest_what_was_above_the_cap_is_told_at_the_next_full_hour() -> None:
    held, hour = at("2026-01-05 12:10"), at("2026-01-05 13:00")
    assert due_digest(chat(ChatSettings(), capped=held), UTC, hour - 1) is None
    assert due_digest(chat(ChatSettings(), capped=held), UTC, hour) == DueDigest(held - 1, hour, False)
    assert due_digest(chat(QUIET, capped=held), BERLIN, at("2026-01-05 22:00")) is None


def test_nothing_held_no_digest() -> None:
    assert due_digest(chat(ChatSettings()), UTC, at("2026-01-05 13:00")) is None
