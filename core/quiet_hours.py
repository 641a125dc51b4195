"""When a chat's quiet hours are: what its wall clock shows decides, on days with a change of the clock too.

The database asks the same of ``at time zone`` when it decides who is told how; both must agree.
"""

from datetime import UTC, datetime, timedelta, tzinfo

from core.model.chats import QuietHours

MINUTE_MS = 60_000
_LOOK_AHEAD_DAYS = 3
"""Quiet hours change at least once a day; a skipped time of day is made up for by the next."""


def is_quiet(quiet: QuietHours | None, zone: tzinfo, now_ms: int) -> bool:
    """Tell whether the wall clock of ``zone`` shows a time from the beginning up to before the end.

    Begin equal to end means all day. A time that the clock skips in spring begins or ends quiet
    hours when the clock jumps over it; one that it shows twice in autumn counts both times.
    """
    if quiet is None:
        return False
    shown = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).time()
    if quiet.begin < quiet.end:
        return quiet.begin <= shown < quiet.end
    return shown >= quiet.begin or shown < quiet.end


def next_change_ms(quiet: QuietHours | None, zone: tzinfo, now_ms: int) -> int | None:
    """Return the first whole minute after now at which quiet hours begin or end; None: never.

    Exact for times of day and changes of the clock on whole minutes, as all of this century's are.
    """
    if quiet is None or quiet.begin == quiet.end:
        return None
    is_now = is_quiet(quiet, zone, now_ms)
    for candidate in _candidates(quiet, zone, now_ms):
        if is_quiet(quiet, zone, candidate) is not is_now:
            return candidate
    return None


def _candidates(quiet: QuietHours, zone: tzinfo, now_ms: int) -> list[int]:
    """Return the moments at which it may change: both times of day, and every change of the clock."""
    first = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date() - timedelta(days=1)
    found = set(_clock_changes(zone, now_ms))
    for day in range(_LOOK_AHEAD_DAYS + 1):
        for moment in (quiet.begin, quiet.end):
            for fold in (0, 1):
                local = datetime.combine(first + timedelta(days=day), moment.replace(fold=fold), zone)
                found.add(int(local.timestamp()) * 1000)
    return sorted(one for one in found if one > now_ms)


def _clock_changes(zone: tzinfo, now_ms: int) -> list[int]:
    """Return the changes of the clock ahead, to the minute."""
    start = now_ms // MINUTE_MS
    step = 60
    changes = []
    for before in range(start, start + _LOOK_AHEAD_DAYS * 24 * 60, step):
        low, high = before, before + step
        if _offset(zone, low) == _offset(zone, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if _offset(zone, middle) == _offset(zone, low):
                low = middle
            else:
                high = middle
        changes.append(high * MINUTE_MS)
    return changes


def _offset(zone: tzinfo, minute: int) -> timedelta | None:
    return datetime.fromtimestamp(minute * 60, UTC).astimezone(zone).utcoffset()
