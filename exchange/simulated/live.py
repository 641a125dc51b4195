"""The public tape from the start of the simulation on, and the truth about it; changes when live behaviour does.

`Tape.advance(until)` produces every trade up to a time. What it produces depends on the configuration and the
origin only, not on how often it is called, so that an hour can be made in one go without any server.
"""

import heapq
from bisect import bisect
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from math import exp, log
from random import Random
from typing import NamedTuple

from exchange.simulated.accounts import Account
from exchange.simulated.book import Books
from exchange.simulated.coins import MICRO, TRADED, Coin
from exchange.simulated.config import SimulationConfig
from exchange.simulated.fills import Fill, Transfer, split
from exchange.simulated.history import OID_EPOCH_MS, TID_MASK
from exchange.simulated.market import Market
from exchange.simulated.noise import hex_of, key_of
from exchange.simulated.people import Kind, Person
from exchange.simulated.registry import Registry

REPLAYED = 30
ZERO_HASH = "0x" + "0" * 64
_TWAP_SHARE = 0.14
_MAKERS_KNOWN = 12
_MAKERS_CROWD = 60
_KNOWN_MAKER_LIMIT = 20_000 * MICRO


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
    hash: str
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


class _Order(NamedTuple):
    person: Person
    coin: Coin
    oid: int
    taker: bool
    twap_id: int = 0
    liquidation: bool = False


class Tape:
    """Produces the trades of crowd and known accounts in time order."""

    def __init__(
        self, config: SimulationConfig, market: Market, books: Books, registry: Registry, origin_ms: int
    ) -> None:
        self._config = config
        self._market = market
        self._books = books
        self._registry = registry
        self.origin_ms = origin_ms
        self.truth: list[PositionEvent] = []
        self.recent: dict[str, deque[Trade]] = {coin.coin: deque(maxlen=REPLAYED) for coin in TRADED}
        self._random = Random(key_of(config.seed, "tape"))
        self._queue: list[tuple[int, int, Callable[[int], None]]] = []
        self._entries = 0
        self._count = 0
        self._last_oid = 0
        self._tid_key = key_of(config.seed, "live tid")
        self._out: list[Trade] = []
        self._busy: dict[tuple[str, int], int] = {}
        self._events: dict[int, PositionEvent] = {}
        population = registry.population
        crowd = population.crowd
        self._takers = crowd[_MAKERS_CROWD:]
        self._crowd_makers = crowd[:_MAKERS_CROWD]
        self._known_makers = population.of_kind(Kind.MAKER)[:_MAKERS_KNOWN]
        self._losers = population.of_kind(Kind.LOSER)
        self._others = [p for kind in (Kind.NOISE, Kind.WINNER) for p in population.of_kind(kind)]
        self._coin_weights = list(accumulate(coin.day_volume_usd**0.7 for coin in TRADED))
        self._fill_recent()
        self._start()

    def advance(self, until_ms: int) -> list[Trade]:
        """Return the trades after the last call up to and including `until_ms`, in time order."""
        self._out = []
        queue = self._queue
        while queue and self._block(queue[0][0]) <= until_ms:
            time, _, action = heapq.heappop(queue)
            action(time)
        return self._out

    # time ------------------------------------------------------------------------------------------------

    def _block(self, time: int) -> int:
        """Return the timestamp of the block that holds a moment: the same for all trades in it."""
        number = time // self._config.block_ms
        return number * self._config.block_ms + (number * 7919) % (self._config.block_ms // 2 + 1)

    def _at(self, time: int, action: Callable[[int], None]) -> None:
        self._entries += 1
        heapq.heappush(self._queue, (time, self._entries, action))

    def _wait(self, mean_s: float) -> int:
        return max(round(self._random.expovariate(1.0 / mean_s) * 1000), 1)

    def _start(self) -> None:
        rate = self._config.trades_per_second / 1.45  # trades per crowd order
        pace = self._config.pace
        self._repeat(self._crowd_order, 1.0 / rate)
        if pace > 0 and self._losers:
            self._repeat(self._loser_acts, 6.0 / pace, first_ms=900)
        if pace > 0 and self._others:
            self._repeat(self._other_acts, 8.0 / pace)

    def _repeat(self, action: Callable[[int], None], mean_s: float, first_ms: int | None = None) -> None:
        def again(time: int) -> None:
            action(time)
            self._at(time + self._wait(mean_s), again)

        self._at(self.origin_ms + (self._wait(mean_s) if first_ms is None else first_ms), again)

    # the crowd -------------------------------------------------------------------------------------------

    def _fill_recent(self) -> None:
        """Give every coin the 30 trades that a new subscriber is shown, dated before the origin."""
        per_second = self._config.trades_per_second / self._coin_weights[-1]
        past: list[tuple[int, int]] = []
        for i, coin in enumerate(TRADED):
            gap = 1000 / (per_second * coin.day_volume_usd**0.7)
            time = float(self.origin_ms)
            for _ in range(REPLAYED):
                time -= gap * self._random.expovariate(1.0)
                past.append((int(time), i))
        for time, i in sorted(past):
            self._cross(TRADED[i], time, pieces=1)
        self._out = []

    def _crowd_order(self, time: int) -> None:
        pick = bisect(self._coin_weights, self._random.random() * self._coin_weights[-1])
        pieces = 1
        while self._random.random() < 0.31 and pieces < 20:
            pieces += 1
        self._cross(TRADED[pick], time, pieces)

    def _cross(self, coin: Coin, time: int, pieces: int) -> None:
        rng = self._random
        usd = min(max(250.0 * exp(2.0 * rng.gauss(0, 1)), 11.0), 250_000.0) * (0.3 if coin.spot else 1.0)
        size = self._units(coin, time, usd)
        buys = rng.random() < 0.5
        twap = rng.random() < _TWAP_SHARE
        taker = rng.choice(self._takers)
        order = _Order(taker, coin, self._next_oid(time), True, twap_id=1 if twap else 0)
        bid, ask = self._books.touch(coin, time)
        px = ask if buys else bid
        for part in split(size, [0.2 + rng.random() for _ in range(1 if twap else pieces)]):
            self._match(order, time, px, part if buys else -part)
            if rng.random() < 0.3:
                px += coin.tick(px) if buys else -coin.tick(px)

    def _units(self, coin: Coin, time: int, usd: float) -> int:
        return max(round(usd * MICRO / self._market.mark(coin, self._block(time))), 1)

    def _maker_for(self, coin: Coin, notional: int, maker_buys: bool) -> Person:
        """Choose who rests on the other side: a known maker whom it brings nearer to flat, or the crowd."""
        rng = self._random
        if self._known_makers and notional < _KNOWN_MAKER_LIMIT and not coin.spot and rng.random() < 0.4:
            for person in rng.sample(self._known_makers, min(3, len(self._known_makers))):
                position = self._registry.touch(person).positions.get(coin.index)
                if position is None or position.size == 0 or (position.size < 0) == maker_buys:
                    return person
        return rng.choice(self._crowd_makers)

    # matching --------------------------------------------------------------------------------------------

    def _next_oid(self, time: int) -> int:
        self._last_oid = max(self._last_oid + 1, (time - OID_EPOCH_MS) * 4)
        return self._last_oid

    def _match(self, order: _Order, time: int, px: int, size: int) -> None:
        """Execute a signed size of an order against somebody and put the trade on the tape."""
        time = self._block(time)
        coin = order.coin
        owner = self._registry.touch(order.person)
        buys = size > 0
        notional = px * abs(size)
        if order.taker:
            other_person = self._maker_for(coin, notional, not buys)
        else:
            other_person = self._random.choice(self._takers)
        other = self._registry.touch(other_person)
        self._count += 1
        tid = (self._tid_key + self._count * 0x9E3779B97F4A7C15) & TID_MASK or 1
        liquidated = order.person.address if order.liquidation else ""
        mark = self._market.mark(coin, time) if order.liquidation else 0
        fill = owner.execute(
            coin, time, px, size, order.taker, order.oid, tid, order.twap_id, liquidated, mark
        )
        other_oid = self._next_oid(time)
        counter = other.execute(coin, time, px, -size, not order.taker, other_oid, tid, 0, liquidated, mark)
        taker_oid = order.oid if order.taker else other_oid
        trade = Trade(
            time,
            coin,
            px,
            abs(size),
            (owner if buys else other).person.address,
            (other if buys else owner).person.address,
            buys == order.taker,
            tid,
            ZERO_HASH if order.twap_id else hex_of(self._config.seed, 64, "tx", taker_oid),
            fill if buys else counter,
            counter if buys else fill,
        )
        self.recent[coin.coin].append(trade)
        self._out.append(trade)
        if order.person.directional:
            self._record(order, fill, notional)

    def _record(self, order: _Order, fill: Fill, notional: int) -> None:
        event = self._events.get(order.oid)
        after = fill.start + fill.size
        if event is None:
            source = "liquidation" if order.liquidation else "twap" if order.twap_id else "order"
            event = PositionEvent(
                order.person.address, str(order.person.kind), order.coin, fill.time, fill.tid, order.oid,
                fill.start, after, notional / MICRO, order.taker, source, fill.time,
            )  # fmt: skip
            self._events[order.oid] = event
            if order.liquidation:
                self._registry.touch(order.person).transfers.append(
                    Transfer(fill.time, "liquidation", notional, user=order.coin.coin, note=fill.start)
                )
            self.truth.append(event)
            if len(self._events) > 4096:  # orders last seconds
                self._events = dict(list(self._events.items())[-512:])
            return
        event.after = after
        event.last_time = fill.time
        event.notional_usd += notional / MICRO

    # known accounts --------------------------------------------------------------------------------------

    def _free(self, person: Person, coin: Coin, time: int) -> bool:
        return self._busy.get((person.address, coin.index), 0) <= time

    def _occupy(self, person: Person, coin: Coin, time: int) -> None:
        """Keep this account's next decision in this coin so far away that nobody can take both for one."""
        key = (person.address, coin.index)
        self._busy[key] = max(self._busy.get(key, 0), time + 4_500)

    def _order(
        self, person: Person, coin: Coin, time: int, size: int, taker: bool,
        twap_id: int = 0, liquidation: bool = False,
    ) -> None:  # fmt: skip
        """Execute one order of a known account: at once as taker, within a second as maker."""
        self._occupy(person, coin, time)
        order = _Order(person, coin, self._next_oid(time), taker, twap_id, liquidation)
        sign = 1 if size > 0 else -1
        if taker:
            for px, part in self._books.sweep(coin, time, size):
                pieces = split(part, [0.2 + self._random.random() for _ in range(self._cuts())])
                for piece in pieces:
                    self._match(order, time, px, sign * piece)
            return
        bid, ask = self._books.touch(coin, time)
        px, offset = (bid if size > 0 else ask), 0
        for piece in split(abs(size), [0.2 + self._random.random() for _ in range(self._cuts())]):
            self._at(time + offset, lambda at, piece=piece: self._match(order, at, px, sign * piece))  # type: ignore[misc]
            offset = min(offset + self._random.randrange(0, 400), 1_400)

    def _cuts(self) -> int:
        cuts = 1
        while self._random.random() < 0.4 and cuts < 8:
            cuts += 1
        return cuts

    def _size_of(self, account: Account, coin: Coin) -> int:
        position = account.positions.get(coin.index)
        return position.size if position is not None else 0

    def _loser_acts(self, time: int) -> None:
        for _ in range(12):  # somebody whose favourite coin is free
            person = self._random.choice(self._losers)
            account = self._registry.touch(person)
            coins = [c for c in person.coins if self._free(person, c, time) and not self._size_of(account, c)]
            if coins:
                self._enter(person, account, self._random.choice(coins), time, least_usd=5_400.0)
                return
            self._close_something(person, account, time)

    def _other_acts(self, time: int) -> None:
        person = self._random.choice(self._others)
        account = self._registry.touch(person)
        coins = [c for c in person.coins if self._free(person, c, time)]
        if not coins:
            return
        coin = self._random.choice(coins)
        if self._size_of(account, coin):
            self._close(person, coin, time)
        else:
            self._enter(person, account, coin, time, least_usd=200.0)

    def _close_something(self, person: Person, account: Account, time: int) -> None:
        for coin in person.coins:
            if self._size_of(account, coin) and self._free(person, coin, time):
                self._close(person, coin, time)
                return

    def _enter(self, person: Person, account: Account, coin: Coin, time: int, least_usd: float) -> None:
        rng = self._random
        before = self._market.mark(coin, time - 600_000)
        rising = self._market.mark(coin, time) > before
        side = 1 if rising == (rng.random() < person.chase) else -1
        usd = min(max(person.equity_usd * 0.6 * exp(0.6 * rng.gauss(0, 1)), least_usd), 120_000.0)
        size = self._units(coin, time, usd)
        hold = self._hold_ms(person)
        if person.twap and rng.random() < 0.3:
            self._twap(person, coin, time, side * size)
            hold += 250_000
        else:
            self._order(person, coin, time, side * size, rng.random() < person.taker)
        if person.kind is Kind.LOSER and rng.random() < 0.15 and hold > 20_000:
            more = side * max(round(size * (0.55 + 0.5 * rng.random())), 1)
            self._at(time + hold // 2, lambda at: self._add(person, coin, at, more))
        self._at(time + hold, lambda at: self._leave(person, coin, at))

    def _hold_ms(self, person: Person) -> int:
        draw, rng = self._random.random(), self._random
        if person.kind is not Kind.LOSER:
            return int(1000 * exp(rng.uniform(log(60), log(2_400))))
        if draw < 0.5:
            return rng.randrange(10_000, 60_000)
        return int(1000 * exp(rng.uniform(log(60), log(600 if draw < 0.85 else 3_600))))

    def _twap(self, person: Person, coin: Coin, time: int, size: int) -> None:
        twap_id = 2_000_000 + self._count
        sign = 1 if size > 0 else -1
        for i, part in enumerate(split(abs(size), [1.0] * self._random.randrange(4, 9))):
            at = time + 30_000 * i
            self._at(at, lambda at, part=part: self._order(person, coin, at, sign * part, True, twap_id))  # type: ignore[misc]
            self._occupy(person, coin, at)

    def _add(self, person: Person, coin: Coin, time: int, size: int) -> None:
        held = self._size_of(self._registry.touch(person), coin)
        if self._free(person, coin, time) and held and (held > 0) == (size > 0):
            self._order(person, coin, time, size, self._random.random() < person.taker)

    def _leave(self, person: Person, coin: Coin, time: int) -> None:
        """End a position: close, reduce first, flip, or be liquidated."""
        rng = self._random
        held = self._size_of(self._registry.touch(person), coin)
        if not self._free(person, coin, time):
            self._at(time + 5_000, lambda at: self._leave(person, coin, at))
            return
        if not held:
            return
        draw = rng.random()
        if draw < 0.15 and abs(held) >= 4:
            self._order(person, coin, time, -(held // 2), rng.random() < person.taker)
            self._at(time + rng.randrange(6_000, 40_000), lambda at: self._leave(person, coin, at))
        elif draw < 0.22:
            size = self._units(coin, time, max(person.equity_usd * 0.5, 5_400.0))
            self._order(
                person, coin, time, -held - size if held > 0 else -held + size, rng.random() < person.taker
            )
            self._at(time + self._hold_ms(person), lambda at: self._leave(person, coin, at))
        elif draw < 0.24 and person.kind is Kind.LOSER:
            self._order(person, coin, time, -held, True, liquidation=True)
        else:
            self._close(person, coin, time)

    def _close(self, person: Person, coin: Coin, time: int) -> None:
        held = self._size_of(self._registry.touch(person), coin)
        if held:
            self._order(person, coin, time, -held, self._random.random() < max(person.taker, 0.6))
