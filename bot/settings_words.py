"""Read ``/settings``: what is to be changed, and what a chat's settings are after it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import time

from core.errors import UsageError
from core.model.alerts import AlertKind
from core.model.chats import LOUDNESS, ChatSettings, DigestPeriod, Loudness, QuietHours
from core.time_zones import find_zone

MOST_CAP = 1000
OFF = "off"

KINDS: tuple[AlertKind, ...] = (*LOUDNESS, AlertKind.DIGEST)
PARTS = ("quiet", "zone", "cap")
WORDS = (*(kind.value for kind in KINDS), *PARTS)

_TIMES = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?")


def changed(settings: ChatSettings, words: Sequence[str]) -> ChatSettings:
    """Return the settings after ``quiet 22:00-07:00 Europe/Berlin`` and the like; raises UsageError."""
    part, *values = (word.strip() for word in words)
    part = part.lower()
    if not values:
        raise UsageError(f"What about {part[:40]!r}? /settings shows what there is.")
    match part:
        case "quiet":
            return _quiet(settings, values)
        case "zone":
            return replace(settings, time_zone=find_zone(" ".join(values)))
        case "cap":
            return replace(settings, hourly_cap=_cap(values))
        case "digest":
            return _digest(settings, [value.lower() for value in values])
        case _:
            return _loudness(settings, kind_of(part), values)


def kind_of(word: str) -> AlertKind:
    """Return the kind of alerts that a word names; raises UsageError."""
    for kind in KINDS:
        if word.lower().removesuffix("s") == kind.value:
            return kind
    if word.lower() == "entries":
        return AlertKind.ENTRY
    raise UsageError(f"There is no setting {word[:40]!r}: expected one of {', '.join(WORDS)}.")


def _loudness(settings: ChatSettings, kind: AlertKind, values: Sequence[str]) -> ChatSettings:
    if len(values) != 1 or values[0].lower() not in tuple(Loudness):
        found = " ".join(values)[:40]
        raise UsageError(f"{found!r} is not how alerts can come: expected on, silent or off.")
    return replace(settings, loudness=_with(settings.loudness, kind, Loudness(values[0].lower())))


def _with(
    loudness: Mapping[AlertKind, Loudness], kind: AlertKind, wanted: Loudness
) -> dict[AlertKind, Loudness]:
    """Keep only what differs from the program's own."""
    said = {**loudness, kind: wanted}
    return {one: how for one, how in said.items() if how is not LOUDNESS.get(one, Loudness.ON)}


def _quiet(settings: ChatSettings, values: Sequence[str]) -> ChatSettings:
    if [value.lower() for value in values] == [OFF]:
        return replace(settings, quiet=None)
    # A dash may stand alone: 22:00 - 07:00.
    words = " ".join(values)
    found = _TIMES.match(words)
    if found is None:
        raise UsageError(
            f"{words[:40]!r} are no quiet hours: expected such as 22:00-07:00 Europe/Berlin, or off."
        )
    quiet = QuietHours(_time(found[1], found[2]), _time(found[3], found[4]))
    if quiet.begin == quiet.end:
        raise UsageError("Quiet hours need two different times; /mute all keeps everything away for a while.")
    zone = words[found.end() :].strip()
    return replace(settings, quiet=quiet, time_zone=find_zone(zone) if zone else settings.time_zone)


def _time(hour: str, minute: str | None) -> time:
    try:
        return time(int(hour), int(minute or 0))
    except ValueError:
        raise UsageError(
            f"{hour}:{minute or '00'} is no time of day: expected 00:00 to 23:59, such as 22:00-07:00."
        ) from None


def _cap(values: Sequence[str]) -> int | None:
    word = values[0].lower()
    if len(values) == 1 and word == OFF:
        return None
    cap = int(word) if len(values) == 1 and re.fullmatch(r"\d{1,4}", word, re.ASCII) else 0
    if not 1 <= cap <= MOST_CAP:
        raise UsageError(
            f"{' '.join(values)[:40]!r} is no cap: expected 1 to {MOST_CAP} entries an hour, or off."
        )
    return cap


def _digest(settings: ChatSettings, values: Sequence[str]) -> ChatSettings:
    for value in values:
        hour = re.fullmatch(r"(\d{1,2})(?::00)?", value, re.ASCII)
        if value in tuple(DigestPeriod):
            settings = replace(settings, digest=DigestPeriod(value))
        elif value in (Loudness.ON, Loudness.SILENT):
            settings = _loudness(settings, AlertKind.DIGEST, [value])
        elif hour is not None and int(hour[1]) <= 23:
            settings = replace(settings, digest_hour=int(hour[1]))
        else:
            raise UsageError(
                f"{value[:40]!r} is nothing about the digest: expected daily, weekly or off, an hour such "
                "as 8, or silent."
            )
    return settings
