"""Fills, transfers and the arithmetic of a position in whole numbers; changes with the accounting."""

from dataclasses import dataclass
from typing import NamedTuple

from exchange.simulated.coins import Coin


class Fill(NamedTuple):
    """One execution of one account. Prices and sizes in the coin's units, money in micro-USD."""

    time: int
    coin: int  # index in UNIVERSE
    px: int
    size: int  # signed: bought is positive
    start: int  # position before, signed
    closed: int  # gross profit on the closed part
    fee: int  # for spot buys in 1e-8 of the bought coin
    taker: bool
    oid: int
    tid: int
    tx: int  # names the transaction both sides share; 0: the all-zero hash of TWAP slices
    twap_id: int = 0  # 0: not a TWAP slice
    liquidated: str = ""  # the liquidated account's address, on both sides
    mark: int = 0  # at a liquidation


class Transfer(NamedTuple):
    """One ledger row that isn't funding, and what it does to the account's three purses in micro-USD."""

    time: int
    kind: str
    usdc: int  # amount as shown, unsigned
    perp: int = 0
    spot: int = 0
    xyz: int = 0
    user: str = ""  # sender; the coin of a liquidation
    destination: str = ""
    note: int = 0  # the liquidated position in size units


@dataclass(slots=True)
class Position:
    """What an account holds in one coin: signed size and signed cost in micro-USD."""

    size: int = 0
    cost: int = 0
    opened_ms: int = 0
    changed_ms: int = 0

    def apply(self, time: int, px: int, size: int) -> int:
        """Execute a signed size at a price; return the gross profit on the closed part in micro-USD."""
        held = self.size
        self.changed_ms = time
        if held == 0 or (held > 0) == (size > 0):
            if held == 0:
                self.opened_ms = time
            self.size += size
            self.cost += size * px
            return 0
        closing = min(abs(size), abs(held))
        released = (
            self.cost if closing == abs(held) else (2 * self.cost * closing + abs(held)) // (2 * abs(held))
        )
        proceeds = closing * px if held > 0 else -closing * px
        self.cost -= released
        self.size += size
        if closing < abs(size):  # crossed zero: the rest opens the other side
            self.cost = self.size * px
            self.opened_ms = time
        return proceeds - released


def direction(coin: Coin, fill: Fill) -> str:
    """Name a fill as the exchange's `dir` does."""
    if coin.spot:
        return "Buy" if fill.size > 0 else "Sell"
    start, end = fill.start, fill.start + fill.size
    if start > 0 > end:
        return "Long > Short"
    if start < 0 < end:
        return "Short > Long"
    if fill.size > 0:
        return "Close Short" if start < 0 else "Open Long"
    return "Close Long" if start > 0 else "Open Short"


def split(size: int, shares: list[float]) -> list[int]:
    """Cut a positive size into whole parts in proportion to the shares; empty parts are left out."""
    total, left, parts = sum(shares), size, list[int]()
    for share in shares[:-1]:
        part = min(int(size * share / total), left)
        if part:
            parts.append(part)
            left -= part
    if left:
        parts.append(left)
    return parts
