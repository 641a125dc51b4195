"""Time zones by the names people write.

What the rules of a zone are is data that comes with the system or the package ``tzdata``, as the letters
of Unicode come with Python; the library reads it once.
"""

import difflib
import zoneinfo
from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import Unclear

MOST_NEAR = 5
_NO_PLACES = ("localtime", "Factory")


def zone_of(name: str) -> tzinfo:
    """Return a zone by its IANA name; UTC where this machine no longer knows it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def find_zone(text: str) -> str:
    """Return the IANA name that was meant, whatever its case: ``europe/berlin``, ``Berlin``, ``new york``.

    Raises Unclear with the nearest names.
    """
    wanted = "_".join(text.split()).casefold()
    names, towns = _names(), _towns()
    if wanted in names:
        return names[wanted]
    there = towns.get(wanted, ())
    if len(there) == 1:
        return there[0]
    near = there or _nearest(wanted)
    hint = f"did you mean {', '.join(near[:3])}?" if near else "expected an IANA name such as Europe/Berlin."
    raise Unclear(f"{text[:40]!r} is not a time zone: {hint}", " ".join(text.split()), near)


def _nearest(wanted: str) -> tuple[str, ...]:
    """Return the zones whose name or town is written much like it, the likest first."""
    names, towns = _names(), _towns()
    alike = difflib.get_close_matches(wanted, {**names, **towns}, n=MOST_NEAR)
    found = (name for key in alike for name in ((names[key],) if key in names else towns[key]))
    return tuple(dict.fromkeys(found))[:MOST_NEAR]


@cache
def _names() -> dict[str, str]:
    known = zoneinfo.available_timezones() | {"UTC"}
    return {name.casefold(): name for name in sorted(known) if name not in _NO_PLACES}


@cache
def _towns() -> dict[str, tuple[str, ...]]:
    places: dict[str, tuple[str, ...]] = {}
    for key, name in _names().items():
        region, _, town = key.rpartition("/")
        if region:
            places[town] = (*places.get(town, ()), name)
    return places
