"""Executes live orders: two fills and one trade each, and the truth about them; changes with the matching.

Blocks are `block_ms` apart and give all their trades one timestamp.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from exchange.simulated.coins import MICRO, NEW, TRADED, Coin
from exchange.simulated.config import SimulationConfig
from exchange.simulated.execution import OID_EPOCH_MS, TID_MASK
from exchange.simulated.fills import Fill, Transfer
from exchange.simulated.market import Market
from exchange.simulated.noise import key_of
from exchange.simulated.people import Person
from exchange.simulated.registry import Registry

REPLAYED = 30
_ORDERS_REMEMBERED = 4096


class Trade(NamedTuple):
    """One match on the tape with the fills it gave both sides."""

    time: int
    coin: Coin
    px: int
    size: int
    buyer: str
    seller: str
    taker_buys: bool
    tid: int
    tx: int
    bought: Fill
    sold: Fill


@dataclass(slots=True)
class PositionEvent:
    """The truth about one order of a known account; sizes are signed, in the coin's size units."""

    address: str
    kind_of_account: str
    coin: Coin
    time: int
    tid: int
    oid: int
    before: int
    after: int
    notional_usd: float
    taker: bool
    source: str  # "order", "twap" or "liquidation"
    last_time: int

    @property
    def kind(self) -> str:
        """Name the change: open, increase, decrease, close, flip or liquidation."""
        if self.source == "liquidation":
            return "liquidation"
        if not self.before:
            return "open"
        if not self.after:
            return "close"
        if (self.before > 0) != (self.after > 0):
            return "flip"
        return "increase" if abs(self.after) > abs(self.before) else "decrease"


class LiveOrder(NamedTuple):
    """An order of anybody while it is being executed."""

    person: Person
    coin: Coin
    oid: int
    taker: bool
    twap_id: int = 0
    liquidation: bool = False


class Matcher:
    """The one place where a live execution happens."""

    def __init__(self, config: SimulationConfig, market: Market, registry: Registry) -> None:
        self.truth: list[PositionEvent] = []
        self.recent: dict[str, deque[Trade]] = {coin.coin: deque(maxlen=REPLAYED) for coin in (*TRADED, NEW)}
        self.out: list[Trade] = []
        self.count = 0
        self._market = market
        self._registry = registry
        self._block_ms = config.block_ms
        self._last_oid = 0
        self._tid_key = key_of(config.seed, "live tid")
        self._events: dict[int, PositionEvent] = {}

    def block(self, time: int) -> int:
        """Return the timestamp of the block that holds a moment: the same for all trades in it."""
        number = time // self._block_ms
        return number * self._block_ms + (number * 7919) % (self._block_ms // 2 + 1)

    def next_oid(self, time: int) -> int:
        """Return a new order id; they grow with time."""
        self._last_oid = max(self._last_oid + 1, (time - OID_EPOCH_MS) * 4)
        return self._last_oid

    def match(self, order: LiveOrder, time: int, px: int, size: int, against: Person) -> None:
        """Execute a signed size of an order against somebody and put the trade on the tape."""
        time = self.block(time)
        coin = order.coin
        owner, other = self._registry.touch(order.person), self._registry.touch(against)
        buys = size > 0
        self.count += 1
        tid = (self._tid_key + self.count * 0x9E3779B97F4A7C15) & TID_MASK or 1
        liquidated = order.person.address if order.liquidation else ""
        mark = self._market.mark(coin, time) if order.liquidation else 0
        other_oid = self.next_oid(time)
        tx = 0 if order.twap_id else order.oid if order.taker else other_oid
        fill = owner.execute(
            coin, time, px, size, order.taker, order.oid, tid, tx, order.twap_id, liquidated, mark
        )
        counter = other.execute(
            coin, time, px, -size, not order.taker, other_oid, tid, tx, 0, liquidated, mark
        )
        buyer, seller = (owner, other) if buys else (other, owner)
        bought, sold = (fill, counter) if buys else (counter, fill)
        trade = Trade(
            time, coin, px, abs(size), buyer.person.address, seller.person.address, buys == order.taker,
            tid, tx, bought, sold,
        )  # fmt: skip
        self.recent[coin.coin].append(trade)
        self.out.append(trade)
        if order.person.directional:
            self._record(order, fill, px * abs(size))

    def _record(self, order: LiveOrder, fill: Fill, notional: int) -> None:
        event = self._events.get(order.oid)
        after = fill.start + fill.size
        if event is not None:
            event.after, event.last_time = after, fill.time
            event.notional_usd += notional / MICRO
            return
        source = "liquidation" if order.liquidation else "twap" if order.twap_id else "order"
        event = PositionEvent(
            order.person.address, str(order.person.kind), order.coin, fill.time, fill.tid, order.oid,
            fill.start, after, notional / MICRO, order.taker, source, fill.time,
        )  # fmt: skip
        self._events[order.oid] = event
        self.truth.append(event)
        if order.liquidation:
            value = abs(fill.start) * fill.px
            self._registry.touch(order.person).transfers.append(
                Transfer(fill.time, "liquidation", value, user=order.coin.coin, note=fill.start)
            )
        if len(self._events) > _ORDERS_REMEMBERED:  # an order lasts seconds
            self._events = dict(list(self._events.items())[-_ORDERS_REMEMBERED // 8 :])
