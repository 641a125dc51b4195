"""Reads, checks and normalises WebSocket subscriptions; changes when a channel is added."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

Json = Any
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
# type → (needs coin, needs user, defaults the echo fills in)
_CHANNELS: dict[str, tuple[bool, bool, dict[str, Json]]] = {
    "trades": (True, False, {}),
    "l2Book": (True, False, {"nSigFigs": None, "mantissa": None, "fast": False}),
    "bbo": (True, False, {}),
    "allMids": (False, False, {}),
    "candle": (True, False, {}),
    "activeAssetCtx": (True, False, {}),
    "allDexsAssetCtxs": (False, False, {}),
    "fastAssetCtxs": (False, False, {}),
    "outcomeMetaUpdates": (False, False, {}),
    "userFills": (False, True, {"aggregateByTime": False}),
    "userEvents": (False, True, {}),
    "orderUpdates": (False, True, {}),
    "userFundings": (False, True, {}),
    "userNonFundingLedgerUpdates": (False, True, {}),
    "userTwapSliceFills": (False, True, {}),
    "userTwapHistory": (False, True, {}),
    "clearinghouseState": (False, True, {"dex": ""}),
    "spotState": (False, True, {}),
    "openOrders": (False, True, {"dex": ""}),
    "twapStates": (False, True, {"dex": ""}),
    "notification": (False, True, {}),
    "webData2": (False, True, {}),
    "webData3": (False, True, {}),
    "activeAssetData": (True, True, {}),
    "allDexsClearinghouseState": (False, True, {}),
}
INTERVALS = frozenset(("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M"))


class Unreadable(Exception):
    """The subscription has an unknown type or lacks a field."""


class UnknownCoin(Exception):
    """The subscription names a coin that doesn't exist; the real exchange drops the connection."""


class Invalid(Exception):
    """The subscription is readable but can't be served."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription as echoed; equal ones are the same."""

    type: str
    coin: str
    user: str
    text: str  # the normalised JSON

    @property
    def echo(self) -> dict[str, Json]:
        """Return what the acknowledgement echoes: every field sent, and the defaults."""
        value: dict[str, Json] = msgspec.json.decode(self.text)
        return value


def parse(value: Json, coins: frozenset[str]) -> Subscription:
    """Return a subscription; raise Unreadable, UnknownCoin or Invalid."""
    if not isinstance(value, dict) or value.get("type") not in _CHANNELS:
        raise Unreadable
    needs_coin, needs_user, defaults = _CHANNELS[value["type"]]
    echo = dict(value)
    coin = user = ""
    if needs_coin:
        coin = value.get("coin", "")
        if not isinstance(coin, str) or not coin:
            raise Unreadable
        if coin not in coins:
            raise UnknownCoin(coin)
    if needs_user:
        user = value.get("user", "")
        if not isinstance(user, str):
            raise Unreadable
        if not _ADDRESS.fullmatch(user):
            raise Invalid
        user = echo["user"] = user.lower()
    if value["type"] == "candle" and value.get("interval") not in INTERVALS:
        raise Invalid
    for name, default in defaults.items():
        echo.setdefault(name, default)
    return Subscription(value["type"], coin, user, msgspec.json.encode(echo).decode())
