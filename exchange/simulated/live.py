"""The public tape from the start on, and the truth about it; changes when live behaviour does.

`Tape.advance(until)` produces every trade up to a time. What it produces depends on the configuration and the
origin only, not on how often it is called, so that an hour can be made in one go without any server.
"""

import heapq
from bisect import bisect
from collections.abc import Callable
from itertools import accumulate
from math import exp, log
from random import Random

from exchange.simulated.accounts import Account
from exchange.simulated.book import Books
from exchange.simulated.coins import MICRO, NEW, TRADED, Coin
from exchange.simulated.config import SimulationConfig
from exchange.simulated.fills import split
from exchange.simulated.market import Market
from exchange.simulated.matching import REPLAYED, LiveOrder, Matcher, Trade
from exchange.simulated.noise import key_of
from exchange.simulated.people import Kind, Person
from exchange.simulated.registry import Registry

_NEW_SHARE = 0.03  # of crowd orders, once there is a new coin
_TWAP_SHARE = 0.2  # of crowd orders: 14 % of trades, as recorded
_ONE_TRADE = 0.75  # share of crowd orders that are one trade
_MEDIAN_USD, _BUSIEST_USD = 420.0, 3.0e9  # of a crowd order in a coin with that daily volume
_PLAIN_MS = 36_000  # at first positions close in one plain order, so that a demonstration is easy to follow
_MAKERS_KNOWN = 30
_MAKERS_CROWD = 60
_KNOWN_MAKER_LIMIT = 20_000 * MICRO


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
        listing = config.listing_after_s
        self.listing_ms = None if listing is None else origin_ms + round(listing * 1000)
        self.matcher = Matcher(config, market, registry)
        self._random = Random(key_of(config.seed, "tape"))
        self._queue: list[tuple[int, int, Callable[[int], None]]] = []
        self._entries = 0
        self._busy: dict[tuple[str, int], int] = {}
        population = registry.population
        crowd = population.crowd
        self._takers = crowd[_MAKERS_CROWD:]
        self._crowd_makers = crowd[:_MAKERS_CROWD]
        self._known_makers: dict[int, list[Person]] = {}
        for person in population.of_kind(Kind.MAKER)[:_MAKERS_KNOWN]:
            for coin in person.coins:
                if not coin.dex:
                    self._known_makers.setdefault(coin.index, []).append(person)
        self._started = False  # before the origin only the crowd trades: known accounts have their history
        self._losers = population.of_kind(Kind.LOSER)
        self._others = [p for kind in (Kind.NOISE, Kind.WINNER) for p in population.of_kind(kind)]
        self._coin_weights = list(accumulate(coin.day_volume_usd**0.7 for coin in TRADED))
        self._fill_recent()
        self._started = True
        self._start()

    def advance(self, until_ms: int) -> list[Trade]:
        """Return the trades after the last call up to and including `until_ms`, in time order."""
        self.matcher.out = []
        queue = self._queue
        while queue and self.matcher.block(queue[0][0]) <= until_ms:
            time, _, action = heapq.heappop(queue)
            action(time)
        return self.matcher.out

    # time ------------------------------------------------------------------------------------------------

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
            self._repeat(self._loser_acts, 6.0 / pace, first_ms=900, evenly=True)
        if pace > 0 and self._others:
            self._repeat(self._other_acts, 8.0 / pace)

    def _repeat(
        self, action: Callable[[int], None], mean_s: float, first_ms: int | None = None, evenly: bool = False
    ) -> None:
        def again(time: int) -> None:
            action(time)
            even_ms = round(mean_s * self._random.uniform(600, 1400)) if evenly else 0
            self._at(time + (even_ms or self._wait(mean_s)), again)

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
        self.matcher.out = []

    def _crowd_order(self, time: int) -> None:
        pick = bisect(self._coin_weights, self._random.random() * self._coin_weights[-1])
        pieces = 1
        if self._random.random() > _ONE_TRADE:
            pieces = min(2 + int(self._random.expovariate(0.9)), 30)
        coin = TRADED[pick]
        if self.listing_ms is not None and time >= self.listing_ms and self._random.random() < _NEW_SHARE:
            coin = NEW
        self._cross(coin, time, pieces)

    def _cross(self, coin: Coin, time: int, pieces: int) -> None:
        rng = self._random
        median = _MEDIAN_USD * (coin.day_volume_usd / _BUSIEST_USD) ** 0.15
        usd = min(max(median * exp(2.3 * rng.gauss(0, 1)), 11.0), 250_000.0)
        size = self._units(coin, time, usd)
        buys = rng.random() < 0.5
        twap = rng.random() < _TWAP_SHARE
        taker = rng.choice(self._takers)
        order = LiveOrder(taker, coin, self.matcher.next_oid(time), True, twap_id=1 if twap else 0)
        bid, ask = self._books.touch(coin, time)
        px = ask if buys else bid
        for part in split(size, [0.2 + rng.random() for _ in range(1 if twap else pieces)]):
            self._match(order, time, px, part if buys else -part)
            if rng.random() < 0.3:
                px += coin.tick(px) if buys else -coin.tick(px)

    def _units(self, coin: Coin, time: int, usd: float) -> int:
        return max(round(usd * MICRO / self._market.mark(coin, self.matcher.block(time))), 1)

    def _maker_for(self, coin: Coin, notional: int, maker_buys: bool) -> Person:
        """Choose who rests on the other side: a known maker whom it brings nearer to flat, or the crowd."""
        rng = self._random
        known = self._known_makers.get(coin.index)
        if known and self._started and notional < _KNOWN_MAKER_LIMIT and rng.random() < 0.4:
            for person in rng.sample(known, min(3, len(known))):
                position = self._registry.touch(person).positions.get(coin.index)
                if position is None or position.size == 0 or (position.size < 0) == maker_buys:
                    return person
        return rng.choice(self._crowd_makers)

    def _match(self, order: LiveOrder, time: int, px: int, size: int) -> None:
        """Execute a signed size of an order against whoever is there."""
        if order.taker:
            against = self._maker_for(order.coin, px * abs(size), size < 0)
        else:
            against = self._random.choice(self._takers)
        self.matcher.match(order, time, px, size, against)

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
        order = LiveOrder(person, coin, self.matcher.next_oid(time), taker, twap_id, liquidation)
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
        hold = self._hold_ms(person, time)
        if person.twap and rng.random() < 0.3:
            self._twap(person, coin, time, side * size)
            hold += 250_000
        else:
            self._order(person, coin, time, side * size, rng.random() < person.taker)
        if person.kind is Kind.LOSER and rng.random() < 0.15 and hold > 20_000:
            more = side * max(round(size * (0.55 + 0.5 * rng.random())), 1)
            self._at(time + hold // 2, lambda at: self._add(person, coin, at, more))
        self._at(time + hold, lambda at: self._leave(person, coin, at))

    def _hold_ms(self, person: Person, time: int) -> int:
        if time < self.origin_ms + self._config.brief_s * 1000:
            return self._random.randrange(10_000, 14_000)
        draw, rng = self._random.random(), self._random
        if person.kind is not Kind.LOSER:
            return int(1000 * exp(rng.uniform(log(60), log(2_400))))
        if draw < 0.55:
            return rng.randrange(10_000, 60_000)
        return int(1000 * exp(rng.uniform(log(60), log(600 if draw < 0.85 else 3_600))))

    def _twap(self, person: Person, coin: Coin, time: int, size: int) -> None:
        twap_id = 2_000_000 + self.matcher.count
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
        draw = rng.random() if time > self.origin_ms + _PLAIN_MS else 1.0
        if draw < 0.15 and abs(held) >= 4:
            self._order(person, coin, time, -(held // 2), rng.random() < person.taker)
            self._at(time + rng.randrange(6_000, 40_000), lambda at: self._leave(person, coin, at))
        elif draw < 0.22:
            size = self._units(coin, time, max(person.equity_usd * 0.5, 5_400.0))
            self._order(
                person, coin, time, -held - size if held > 0 else -held + size, rng.random() < person.taker
            )
            self._at(time + self._hold_ms(person, time), lambda at: self._leave(person, coin, at))
        elif draw < 0.24 and person.kind is Kind.LOSER:
            self._order(person, coin, time, -held, True, liquidation=True)
        else:
            self._close(person, coin, time)

    def _close(self, person: Person, coin: Coin, time: int) -> None:
        held = self._size_of(self._registry.touch(person), coin)
        if held:
            self._order(person, coin, time, -held, self._random.random() < max(person.taker, 0.6))
