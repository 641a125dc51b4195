"""How single values read in JSON: one function per unit; unknown is null, never zero."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

Json = dict[str, "JsonValue"]
JsonValue = None | bool | int | float | str | list["JsonValue"] | Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AVERAGE_DIGITS = 12
"""Significant digits of an average price: no coin's price has more, and a quotient has no end."""


def time(ms: int | None) -> str | None:
    """Return ISO 8601 in UTC with ``Z``, to the millisecond."""
    if ms is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(value: float | Decimal | None) -> float | None:
    """Return USD or bps as a number rounded to 6 decimals, never minus zero."""
    return None if value is None else round(float(value), 6) + 0.0


bps = money


def ratio(value: float | None) -> float | None:
    """Return a share, a percentage or a factor: 12 decimals, enough for any check of a formula."""
    return None if value is None else round(float(value), 12) + 0.0


def exact(value: Decimal | None) -> str | None:
    """Return a price or a size as a decimal string, without exponent or idle zeros."""
    if value is None:
        return None
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def average(value: Decimal | None) -> str | None:
    """Return an average price as a decimal string of at most 12 significant digits."""
    return None if value is None else exact(Decimal(f"{value:.{AVERAGE_DIGITS - 1}e}"))
