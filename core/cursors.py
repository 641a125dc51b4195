"""Where a listing goes on: the last row's place, packed so that nobody builds on its inside."""

import base64
import binascii
import json
from dataclasses import dataclass

from core.errors import UsageError

MAX_LIMIT = 1_000
MAX_CURSOR = 1_000
"""Characters; no place is longer, and a longer text isn't worth decoding."""


@dataclass(frozen=True, slots=True)
class Place:
    """The last row shown: a time in ms and the row's own name, which together are unique."""

    time_ms: int
    name: str


def encode_cursor(listing: str, place: Place) -> str:
    """Return the cursor of a place; ``listing`` names the listing and its sorting."""
    packed = json.dumps([listing, place.time_ms, place.name], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(listing: str, cursor: str | None) -> Place | None:
    """Return the place in a cursor, None for no cursor; UsageError for a damaged or foreign one."""
    if cursor is None:
        return None
    if len(cursor) > MAX_CURSOR:
        raise foreign_cursor(cursor)
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        parts = None
    match parts:
        case [str(of), int(time_ms), str(name)] if of == listing and not isinstance(time_ms, bool):
            return Place(time_ms, name)
        case _:
            raise foreign_cursor(cursor)


def foreign_cursor(cursor: str) -> UsageError:
    """Return the error for a cursor that this listing didn't give."""
    return UsageError(
        f"The cursor {cursor[:80]!r} is not one of this listing: expected the next_cursor of its "
        "previous page with the same filters and sorting; leave it out to start with the first."
    )


def check_limit(limit: int) -> None:
    """Raise UsageError when a page size isn't 1 to 1000."""
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"A page of {limit} rows is not possible: expected 1 to {MAX_LIMIT}.")
