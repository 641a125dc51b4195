"""Reads the fields of an info request as strictly as the exchange does; changes with its request shapes."""

import re
from collections.abc import Mapping
from typing import Any

from exchange.simulated.venue import BadRequest

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
FOREVER = 1 << 62


def address(request: Mapping[str, Any], name: str = "user") -> str:
    """Return an address in lower case."""
    value = request.get(name)
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise BadRequest(name)
    return value.lower()


def word(request: Mapping[str, Any], name: str) -> str:
    """Return a required string."""
    value = request.get(name)
    if not isinstance(value, str):
        raise BadRequest(name)
    return value


def dex(request: Mapping[str, Any]) -> str:
    """Return the dex, "" if absent or null."""
    value = request.get("dex")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRequest("dex")
    return value


def flag(request: Mapping[str, Any], name: str) -> bool:
    """Return a boolean, False if absent or null."""
    value = request.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise BadRequest(name)
    return value


def span(request: Mapping[str, Any], now: int, start: int | None = None) -> tuple[int, int]:
    """Return startTime (required unless there is a default) and endTime, which is at most now."""
    return moment(request, "startTime", start), min(moment(request, "endTime", FOREVER), now)


def moment(request: Mapping[str, Any], name: str, default: int | None) -> int:
    """Return a time in ms; without a default it must be there."""
    value = request.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadRequest(name)
    return value
