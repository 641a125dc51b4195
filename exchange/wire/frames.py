"""WebSocket frames: subscriptions out; acks, errors, trades, quotes, mids in.

Trades are decoded twice on purpose: first into a light row without a Decimal, to see whether a
watched account is named; only the few that name one are decoded exactly.
"""

import base64
import binascii
import zlib
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from core.errors import PayloadError
from core.model.market import Address, Coin, Level, Quote, Side, Trade
from exchange.wire.decode import Account, CoinName, Exact, Id, Millis, Payload, refuse
from exchange.wire.fills import SideMark
from exchange.wire.market import LevelRow, fast_contexts, fast_mids_of

ZERO_HASH = "0x" + 64 * "0"
TRADES_START = b'{"channel":"trades"'
"""How a trades frame begins on the wire; one that begins otherwise is decoded by way of ``Frame``."""

MAX_INFLATED_BYTES = 16 << 20
"""A full fastAssetCtxs message has some tens of kB; far more is a decompression bomb."""

PING = b'{"method":"ping"}'


class Subscription(NamedTuple):
    """One subscription; ``coin`` is empty for those that have none."""

    type: str
    coin: str = ""


class Frame(Struct, frozen=True):
    """The envelope of every frame but the greeting."""

    channel: str
    data: Raw = Raw(b"null")


class LightTrade(Struct, gc=False):
    """What must be seen of every trade; nothing is checked but types, which is all there's time for."""

    coin: str
    px: str
    time: int
    users: tuple[str, str]


class LightTrades(Struct, gc=False):
    """A trades frame, lightly."""

    data: list[LightTrade]


class TradeRow(Struct, frozen=True, gc=False):
    """A trade as it comes; ``users`` is buyer, seller whatever the side."""

    coin: CoinName
    side: SideMark
    px: Exact
    sz: Exact
    time: Millis
    hash: str
    tid: Id
    users: tuple[Account, Account]


class TradesFrame(Struct, frozen=True):
    """A trades frame, exactly."""

    channel: str
    data: list[TradeRow]


class RawTrades(Struct):
    """A trades frame, its trades not looked into."""

    data: list[Raw]


class QuoteRow(Struct, frozen=True):
    """The data of channel ``bbo``."""

    coin: CoinName
    time: Millis
    bbo: tuple[LevelRow | None, LevelRow | None]


class Ack(Struct, frozen=True):
    """The data of channel ``subscriptionResponse``; the echo is normalised, so only type and coin count."""

    method: str
    subscription: "AckedSubscription"


class AckedSubscription(Struct, frozen=True):
    """What of an echoed subscription tells which one it is."""

    type: str
    coin: str | None = None


frame = Payload[Frame]("frame", Frame)
light_trades = Payload[LightTrades]("trades", LightTrades)
trades = Payload[TradesFrame]("trades", TradesFrame)
raw_trades = Payload[RawTrades]("trades", RawTrades)
trade = Payload[TradeRow]("trades", TradeRow)
trade_rows = Payload[list[TradeRow]]("trades", list[TradeRow])
bbo = Payload[QuoteRow]("bbo", QuoteRow)
ack = Payload[Ack]("subscriptionResponse", Ack)
text = Payload[str]("error", str)
echoed = Payload[AckedSubscription]("error", AckedSubscription)


def request(method: str, subscription: Subscription) -> bytes:
    """Return the frame that asks for ``subscribe`` or ``unsubscribe``."""
    kind, coin = subscription
    body = {"type": kind, "coin": coin} if coin else {"type": kind}
    return msgspec.json.encode({"method": method, "subscription": body})


def subscription_of(row: AckedSubscription) -> Subscription:
    """Return the subscription that an echo speaks of."""
    return Subscription(row.type, row.coin or "")


def named_in(message: str) -> Subscription | None:
    """Return the subscription that an error's text repeats, if it does."""
    start = message.find("{")
    if start < 0:
        return None
    try:
        return subscription_of(echoed.decode(message[start:].encode()))
    except PayloadError:  # the text repeats something else
        return None


def trade_of(row: TradeRow) -> Trade:
    """Convert a trade; addresses in lower case, as all of ours."""
    buyer, seller = row.users
    return Trade(
        Coin(row.coin),
        Side(row.side),
        row.px,
        row.sz,
        row.time,
        row.tid,
        Address(buyer.lower()),
        Address(seller.lower()),
        row.hash == ZERO_HASH,
    )


def quote_of(row: QuoteRow) -> Quote:
    """Convert a best bid and ask."""
    bid, ask = row.bbo
    return Quote(Coin(row.coin), row.time, _level(bid), _level(ask))


def _level(row: LevelRow | None) -> Level | None:
    return None if row is None else Level(row.px, row.sz)


def mids_of(data: bytes) -> dict[Coin, Decimal]:
    """Return the changed mids of a ``fastAssetCtxs`` message: base64 of a raw DEFLATE stream of JSON."""
    packed = text.decode(data)
    try:
        inflater = zlib.decompressobj(-15)
        body = inflater.decompress(base64.b64decode(packed, validate=True), MAX_INFLATED_BYTES)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise refuse("fastAssetCtxs", f"not base64 of DEFLATE ({error})", data) from error
    if not inflater.eof:
        raise refuse("fastAssetCtxs", f"cut off, or more than {MAX_INFLATED_BYTES} bytes", data)
    return fast_mids_of(fast_contexts.decode(body))
