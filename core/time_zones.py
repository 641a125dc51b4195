"""Time zones by the names people write.

What the rules of a zone are is data that comes with the system or the package ``tzdata``, as the letters
of Unicode come with Python; the library reads it once.
"""

import difflib
import zoneinfo
from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import UsageError

_NO_PLACES = ("localtime", "Factory")


def zone_of(name: str) -> tzinfo:
    """Return a zone by its IANA name; UTC where this machine no longer knows it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def find_zone(text: str) -> str:
    """Return the IANA name that was meant, whatever its case: ``europe/berlin``, ``Berlin``, ``new york``.

    Raises UsageError with the nearest names.
    """
    wanted = "_".join(text.split()).casefold()
    names = _names()
    if wanted in names:
        return names[wanted]
    towns = [name for key, name in names.items() if key.rpartition("/")[2] == wanted]
    if len(towns) == 1:
        return towns[0]
    near = towns or [names[key] for key in difflib.get_close_matches(wanted, names, n=3)]
    hint = f"did you mean {', '.join(near[:3])}?" if near else "expected an IANA name such as Europe/Berlin."
    raise UsageError(f"{text[:40]!r} is not a time zone: {hint}")


@cache
def _names() -> dict[str, str]:
    known = zoneinfo.available_timezones() | {"UTC"}
    return {name.casefold(): name for name in sorted(known) if name not in _NO_PLACES}
