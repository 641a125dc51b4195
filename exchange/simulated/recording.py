"""Makes a replayable recording of fills in exchange form; changes with the forms that fills come in."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from exchange.simulated.venue import WireTrade

Json = Any
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_ZERO_HASH = "0x" + "0" * 64
_TID_MASK = (1 << 50) - 1


@dataclass(frozen=True, slots=True)
class RecordedFill:
    """One fill: what is sent, and its figures."""

    user: str
    row: dict[str, Json]
    time: int
    coin: str
    px: Decimal
    size: Decimal  # signed
    start: Decimal
    closed: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class Moment:
    """One trade of the recording and the fills that are known of it."""

    time: int
    trade: WireTrade
    fills: tuple[RecordedFill, ...]

    @property
    def public(self) -> bool:
        """Say whether it was on the tape; system rows such as dust conversions have tid 0 and were not."""
        return bool(self.trade.trade["tid"])


def address_of(user: str) -> str:
    """Return a user's address in lower case; a name that is no address gets one made from it."""
    if _ADDRESS.fullmatch(user):
        return user.lower()
    return "0x" + blake2b(user.encode(), digest_size=20).hexdigest()


def is_spot(coin: str) -> bool:
    """Say whether a coin is a spot pair."""
    return coin.startswith("@") or "/" in coin


def record(
    fills: Mapping[str, Iterable[Mapping[str, Json]]], retime: Callable[[int], int] = lambda time: time
) -> list[Moment]:
    """Turn fills (per user, in execution order) into moments in time order.

    Two users' fills with the same coin, time and tid become one trade. Where only one side is known the other
    gets an address nobody asks for. Missing tid, hash, crossed and fee token are filled in.
    """
    sides: dict[tuple[str, int, int, int], list[RecordedFill]] = {}
    number = 0
    for user, rows in fills.items():
        address = address_of(user)
        seen: dict[tuple[str, int, int], int] = {}
        for row in rows:
            number += 1
            fill = _read(address, row, number, retime)
            key = (fill.coin, fill.time, int(fill.row["tid"]))
            nth = seen[key] = seen.get(key, 0) + 1  # ids may repeat inside one account (dust rows have tid 0)
            sides.setdefault((*key, nth), []).append(fill)
    moments = [_moment(group) for group in sides.values()]
    moments.sort(key=lambda moment: moment.time)  # stable: keeps execution order inside a millisecond
    return moments


def _read(user: str, row: Mapping[str, Json], number: int, retime: Callable[[int], int]) -> RecordedFill:
    time = retime(int(row["time"]))
    made = int.from_bytes(blake2b(f"{user}:{number}".encode(), digest_size=8).digest()) & _TID_MASK
    wire: dict[str, Json] = {
        "coin": row["coin"],
        "px": _text(row["px"]),
        "sz": _text(row["sz"]),
        "side": row["side"],
        "time": time,
        "startPosition": _text(row["startPosition"]),
        "dir": row.get("dir") or "",
        "closedPnl": _text(row.get("closedPnl") or "0.0"),
        "hash": row.get("hash") or _ZERO_HASH,
        "oid": int(row.get("oid") or made),
        "crossed": bool(row.get("crossed", True)),
        "fee": _text(row.get("fee") or "0.0"),
        "tid": int(row["tid"]) if row.get("tid") is not None else made,
    }
    wire |= {k: row[k] for k in ("cloid", "builderFee", "liquidation") if row.get(k) is not None}
    wire |= {"feeToken": row.get("feeToken") or "USDC", "twapId": row.get("twapId")}
    size = Decimal(wire["sz"])
    return RecordedFill(
        user,
        wire,
        time,
        str(wire["coin"]),
        Decimal(wire["px"]),
        size if wire["side"] == "B" else -size,
        Decimal(wire["startPosition"]),
        Decimal(wire["closedPnl"]),
        Decimal(wire["fee"]),
    )


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    shown = format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")
    return shown if "." in shown else f"{shown}.0"


def _moment(group: list[RecordedFill]) -> Moment:
    first = group[0]
    buyer = next((f.user for f in group if f.size > 0), None)
    seller = next((f.user for f in group if f.size < 0), None)
    stranger = address_of(f"{first.coin}:{first.time}:{first.row['tid']}")
    taker_buys = (first.size > 0) == first.row["crossed"]
    trade = {
        "coin": first.coin,
        "side": "B" if taker_buys else "A",
        "px": first.row["px"],
        "sz": first.row["sz"],
        "time": first.time,
        "hash": first.row["hash"],
        "tid": first.row["tid"],
        "users": [buyer or stranger, seller or stranger],
    }
    fills = tuple((f.user, f.row, 0) for f in group)
    return Moment(first.time, WireTrade(first.coin, trade, fills), tuple(group))
