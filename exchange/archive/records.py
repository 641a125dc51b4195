"""One row as files have it, made into a fill; changes when the fill's fields do."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated

import msgspec

from core.model.fills import Fill, Liquidation
from core.model.market import Address, Coin, Side, is_spot

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What a 64-bit column holds."""

Number = str | Whole | float
"""The exchange prints strings; what went through other tools may be bare numbers."""

EARLIEST_MS = 1_577_836_800_000  # 2020, years before the exchange
LATEST_MS = 4_102_444_800_000  # 2100
TEXT_LIMIT = 160
NUMBER_LIMIT = 64
"""Longer is no price; it also bounds what a hostile exponent could unfold to."""
WHOLE_DIGITS = 18
"""Digits before the point; sums of such numbers still round to six decimals within 28 digits."""
_SIDES = {"B": Side.BUY, "A": Side.SELL, "BUY": Side.BUY, "SELL": Side.SELL}


class BadRow(Exception):
    """A row is no fill; the text is a reason without the row's values, so that reasons count."""


class LiquidationRecord(msgspec.Struct, gc=False, rename="camel"):
    """The ``liquidation`` of a fill, as printed."""

    liquidated_user: str | None = None
    mark_px: Number | None = None
    method: str | None = None


class Record(msgspec.Struct, gc=False, rename="camel"):
    """A fill as printed: the exchange's fields, beside the account where the file names it."""

    coin: str
    px: Number
    sz: Number
    side: str
    time: Whole
    start_position: Number | None = None
    dir: str | None = None
    closed_pnl: Number | None = None
    fee: Number | None = None
    fee_token: str | None = None
    crossed: bool | None = None
    hash: str | None = None
    oid: Whole | None = None
    tid: Whole | None = None
    twap_id: Whole | None = None
    liquidation: LiquidationRecord | None = None
    user: str | None = None


def made_tid(file_hash: str, number: int) -> int:
    """Return the negative 62-bit id of a row that has no trade id of its own.

    Identical lines may be real fills, so only the place in the file tells them apart.
    """
    digest = blake2b(f"{file_hash}:{number}".encode(), digest_size=8).digest()
    return -1 - (int.from_bytes(digest, "big") >> 2)


def to_fill(record: Record, number: int, file_hash: str, account: Address | None, seq: int) -> Fill:
    """Return the record as a fill of its own account or else ``account``; raise BadRow."""
    user = address_of(record.user) if record.user else account
    if user is None:
        raise BadRow("no account")
    side = _SIDES.get(record.side) or _SIDES.get(record.side.upper())
    if side is None:
        raise BadRow("side: neither B nor A")
    coin = _text(record.coin, "coin")
    if not coin:
        raise BadRow("coin: empty")
    px = decimal_of(record.px, "px")
    if px <= 0 and not (px == 0 and is_spot(coin)):  # outcome tokens do settle at zero
        raise BadRow("px: not above zero")
    sz = decimal_of(record.sz, "sz")
    if sz <= 0:
        raise BadRow("sz: not above zero")
    tid = record.tid
    liquidation = record.liquidation
    return Fill(
        user,
        Coin(coin),
        px,
        sz,
        side,
        record.time,
        None if record.start_position is None else decimal_of(record.start_position, "startPosition"),
        None if record.dir is None else _text(record.dir, "dir"),
        None if record.closed_pnl is None else decimal_of(record.closed_pnl, "closedPnl"),
        None if record.fee is None else decimal_of(record.fee, "fee"),
        None if record.fee_token is None else _text(record.fee_token, "feeToken"),
        record.crossed,
        _hash(record.hash),
        record.oid,
        made_tid(file_hash, number) if tid is None else tid,
        record.twap_id,
        None if liquidation is None else _liquidation(liquidation),
        seq,
        is_twap_slice(record),
    )


def is_twap_slice(record: Record) -> bool:
    """Tell whether the account's own TWAP order traded here.

    An all-zero hash alone doesn't say so: it marks the match, so the maker on the other side has
    it too (in the recordings every zero hash of an ordinary fill is a maker's).
    """
    if record.twap_id is not None:
        return True
    return bool(record.crossed) and bool(record.hash) and not str(record.hash).strip("0x")


@lru_cache(maxsize=200_000)
def _decimal(text: str) -> Decimal | None:
    if len(text) > NUMBER_LIMIT or not text.isascii() or "_" in text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite():
        return None
    if not value:
        return value if -30 < value.adjusted() < 30 else Decimal(0)
    return value if -30 < value.adjusted() < WHOLE_DIGITS else None


def decimal_of(value: Number, name: str) -> Decimal:
    """Return the exact number as printed; raise BadRow for anything that isn't a finite one."""
    number = _decimal(value if isinstance(value, str) else repr(value))
    if number is None:
        raise BadRow(f"{name}: not a usable number")
    return number


@lru_cache(maxsize=100_000)
def address_of(text: str) -> Address:
    """Return an account's name in lower case: 0x + 40 hex, or an archive's own label."""
    lowered = text.strip().lower()
    if lowered.startswith("0x"):
        if len(lowered) != 42 or set(lowered[2:]) - set("0123456789abcdef"):
            raise BadRow("user: not 0x and 40 hex digits")
        return Address(lowered)
    if not lowered or len(lowered) > 64 or not lowered.isprintable():
        raise BadRow("user: not a usable label")
    return Address(lowered)


def time_ms_of(value: str) -> int:
    """Return UTC ms of a time printed as ms or ISO 8601 (without a zone: UTC); raise BadRow."""
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRow("time: neither ms nor ISO 8601") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


@lru_cache(maxsize=20_000)
def _text(text: str, name: str) -> str:
    if len(text) > TEXT_LIMIT or not text.isprintable():
        raise BadRow(f"{name}: not usable text")
    return text


def _hash(text: str | None) -> str | None:
    if text is not None and (len(text) > TEXT_LIMIT or not text.isascii() or not text.isprintable()):
        raise BadRow("hash: not usable text")
    return text


def _liquidation(record: LiquidationRecord) -> Liquidation:
    return Liquidation(
        None if not record.liquidated_user else address_of(record.liquidated_user),
        None if record.mark_px is None else decimal_of(record.mark_px, "liquidation.markPx"),
        None if record.method is None else _text(record.method, "liquidation.method"),
    )
