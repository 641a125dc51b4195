"""When a chat's digest is due, and over which time."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from core.model.alerts import Target
from core.model.chats import ChatSettings, DigestPeriod
from core.model.market import HOUR_MS
from core.quiet_hours import is_quiet

LATEST_MS = 12 * HOUR_MS
"""A digest that couldn't be sent for longer is left out; the next one covers its time."""

WEEKLY_ON = 0
"""Monday."""


@dataclass(frozen=True, slots=True)
class DigestChat:
    """What decides about one chat's digest."""

    target: Target
    settings: ChatSettings
    digested_ms: int | None
    """Up to when its regular digests tell; None: it has none."""
    quiet_since_ms: int | None
    """When the oldest alert was held by quiet hours that no digest has told yet."""
    capped_since_ms: int | None


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest that is due now, over ``(since_ms, until_ms]``."""

    since_ms: int
    until_ms: int
    is_regular: bool


def due_digest(chat: DigestChat, zone: tzinfo, now_ms: int) -> DueDigest | None:
    """Return the chat's digest that is due, or None.

    Who asked for a daily or weekly one gets it at that hour, held back or not, even if there is
    nothing to tell: it proves that somebody watches. Everybody else hears of what quiet hours held
    when they end, and of what was above the cap at the next full hour.
    """
    if chat.settings.digest is not DigestPeriod.OFF:
        if chat.digested_ms is None:
            return None
        moment_ms = last_moment_ms(chat.settings, zone, now_ms)
        if moment_ms <= chat.digested_ms or now_ms - moment_ms > LATEST_MS:
            return None
        return DueDigest(chat.digested_ms, moment_ms, is_regular=True)
    if is_quiet(chat.settings.quiet, zone, now_ms):
        return None
    capped_ms = chat.capped_since_ms
    if capped_ms is not None and now_ms // HOUR_MS == capped_ms // HOUR_MS:
        capped_ms = None
    since = [at for at in (chat.quiet_since_ms, capped_ms) if at is not None]
    return DueDigest(min(since) - 1, now_ms, is_regular=False) if since else None


def last_moment_ms(settings: ChatSettings, zone: tzinfo, now_ms: int) -> int:
    """Return the last moment of a regular digest up to now, by the chat's wall clock."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
    step = 7 if settings.digest is DigestPeriod.WEEKLY else 1
    day = today - timedelta(days=(today.weekday() - WEEKLY_ON) % 7 if step == 7 else 0)
    while True:
        moment_ms = round(datetime.combine(day, time(settings.digest_hour), zone).timestamp() * 1000)
        if moment_ms <= now_ms:
            return moment_ms
        day -= timedelta(days=step)
