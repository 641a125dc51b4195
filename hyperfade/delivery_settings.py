"""How settings of delivery are written: several addresses in one value, and how many messages when."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from notifiers.pacing import Limit, Limits

LONGEST_WINDOW_S = 3600
_NAMES = tuple(one.name for one in fields(Limits))
_URL_BEGINS = re.compile(r"[\s,]+(?=[A-Za-z][\w+.-]*://)")
"""Where one address ends and the next begins; an address may hold commas of its own."""


def split_urls(text: str) -> tuple[str, ...]:
    """Return the addresses in a value, separated by commas or white space."""
    return tuple(_URL_BEGINS.split(text.strip()))


def read_pace(value: str | Mapping[str, Any]) -> dict[str, Limit]:
    """Return the limits in ``telegram_group=20/60,webhook=5/1``: messages, a slash, seconds.

    Raises ValueError: with the name or value that isn't known or possible.
    """
    if isinstance(value, str):
        pairs = (one.partition("=") for one in value.split(","))
        value = {name.strip(): limit for name, _, limit in pairs}
    return {
        name: limit if isinstance(limit, Limit) else _limit(name, str(limit)) for name, limit in value.items()
    }


def _limit(name: str, text: str) -> Limit:
    if name not in _NAMES:
        raise ValueError(f"{name!r} is none of {', '.join(_NAMES)}")
    messages, _, window_s = text.partition("/")
    try:
        limit = Limit(int(messages), float(window_s))
    except ValueError:
        raise ValueError(f"{name}={text}: expected messages/seconds, like 20/60") from None
    if limit.messages < 1 or not 0 < limit.window_s <= LONGEST_WINDOW_S:
        raise ValueError(f"{name}={text}: expected at least 1 message in up to {LONGEST_WINDOW_S} s")
    return limit
