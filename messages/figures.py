"""How numbers, times and addresses read: core value in, short text out; unknown is said, never zero."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from core.time_zones import zone_of

UNKNOWN = "unknown"
PRICE_DIGITS = 6
EXPLORER_URL = "https://app.hyperliquid.xyz/explorer/address/"

_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


def usd(value: float | Decimal | None, signed: bool = False) -> str:
    """Return an amount as ``$8.12``, ``$1,000``, ``$25.3k``, ``-$1.25M``; ``signed`` adds the plus."""
    if value is None:
        return UNKNOWN
    amount = float(value)
    sign = "-" if amount < 0 else "+" if signed and amount > 0 else ""
    size = abs(amount)
    for bound, divisor, decimals, unit in (
        (9.995, 1, 2, ""),
        (9_999.5, 1, 0, ""),
        (99_950, 1e3, 1, "k"),
        (999_500, 1e3, 0, "k"),
        (999.5e6, 1e6, 2, "M"),
    ):
        if size < bound:
            text = f"{size / divisor:,.{decimals}f}"
            return f"{sign}${text}{unit}" if float(text.replace(",", "")) else f"${text}{unit}"
    return f"{sign}${size / 1e9:,.2f}B"


def number(value: float | Decimal | None, decimals: int = 1, signed: bool = False) -> str:
    """Return a plain number with so many decimals, never ``-0.0``."""
    if value is None:
        return UNKNOWN
    rounded = round(float(value), decimals) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''},.{decimals}f}"


def bps(value: float | None, signed: bool = True) -> str:
    """Return a result in basis points as ``+12.3 bps``."""
    return UNKNOWN if value is None else f"{number(value, 1, signed)} bps"


def percent(fraction: float | None, decimals: int = 0) -> str:
    """Return a fraction as ``34 %``."""
    return UNKNOWN if fraction is None else f"{number(fraction * 100, decimals)} %"


def pct(value: float | None) -> str:
    """Return what is in percent already as ``-12.3 %``."""
    return UNKNOWN if value is None else f"{number(value, 1)} %"


def price(value: Decimal | None) -> str:
    """Return a price to six significant digits, whole digits always kept: ``64,210.5``."""
    if value is None:
        return UNKNOWN
    decimals = max(0, PRICE_DIGITS - 1 - value.adjusted()) if value else 0
    text = f"{round(value, decimals):,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(ms: int | None) -> str:
    """Return a length of time in its two largest units: ``1.2 s``, ``3 min``, ``1 h 5 min``, ``2 d 3 h``."""
    if ms is None:
        return UNKNOWN
    if ms < 0:
        return f"-{duration(-ms)}"
    seconds = ms // 1000
    if seconds < 10:
        return f"{ms / 1000:.1f} s"
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes < 60:
        large, small = f"{minutes} min", f"{seconds % 60} s" if minutes < 10 and seconds % 60 else ""
    elif hours < 24:
        large, small = f"{hours} h", f"{minutes % 60} min" if minutes % 60 else ""
    else:
        large, small = f"{days} d", f"{hours % 24} h" if hours % 24 else ""
    return f"{large} {small}".rstrip()


def utc(ms: int | None) -> str:
    """Return a moment as ``2026-01-05 12:03:04 UTC``."""
    return UNKNOWN if ms is None else f"{_moment(ms):%Y-%m-%d %H:%M:%S} UTC"


def utc_minute(ms: int | None) -> str:
    """Return a moment without its seconds: ``2026-01-05 12:03 UTC``."""
    return UNKNOWN if ms is None else f"{_moment(ms):%Y-%m-%d %H:%M} UTC"


def utc_time(ms: int | None) -> str:
    """Return a moment's time of day: ``12:03:04 UTC``."""
    return UNKNOWN if ms is None else f"{_moment(ms):%H:%M:%S} UTC"


def local_minute(ms: int | None, zone: str) -> str:
    """Return a moment as the clock of a time zone shows it: ``2026-01-05 13:03``; the zone isn't named."""
    return UNKNOWN if ms is None else f"{_moment(ms).astimezone(zone_of(zone)):%Y-%m-%d %H:%M}"


def local_time(ms: int | None, zone: str) -> str:
    """Return a moment's time of day as the clock of a time zone shows it: ``13:03``."""
    return UNKNOWN if ms is None else f"{_moment(ms).astimezone(zone_of(zone)):%H:%M}"


def short_address(address: str) -> str:
    """Return ``0x12ab…34ef``; an archive's own label stays as it is."""
    return f"{address[:6]}…{address[-4:]}" if _ADDRESS.fullmatch(address) else address


def tiny_address(address: str) -> str:
    """Return ``12ab…34ef``, for a table on a phone; an archive's own label stays as it is."""
    return f"{address[2:6]}…{address[-4:]}" if _ADDRESS.fullmatch(address) else address


def explorer_url(address: str) -> str | None:
    """Return the exchange's page about an account, or None for what is no address."""
    return f"{EXPLORER_URL}{address}" if _ADDRESS.fullmatch(address) else None


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
