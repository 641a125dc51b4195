"""How people decide: plans of orders for an account's past; changes when behaviour changes."""

import numpy as np

from exchange.simulated.coins import DAY_MS, MICRO, PERP_HYPE, SPOT_HYPE, Coin
from exchange.simulated.execution import Order
from exchange.simulated.fills import Transfer, split
from exchange.simulated.market import MINUTE_MS
from exchange.simulated.panel import Panel
from exchange.simulated.people import Kind, Person

_SLICE_MS = 30_000
_LOOKBACK_MIN = 15
_SEARCH_MIN = 75
_HESITATION_MIN = 10
_LEVERAGE_USED = {
    Kind.LOSER: 1.3,
    Kind.NOISE: 0.7,
    Kind.WINNER: 0.45,
    Kind.VAULT: 0.08,
    Kind.QUIET: 0.5,
    Kind.MASTER: 0.3,
}


class Planner:
    """Plans one account's orders and the transfers they make necessary, from `start_ms` to the origin."""

    def __init__(self, person: Person, panel: Panel, start_ms: int, rng: np.random.Generator) -> None:
        self.person, self.panel, self.rng = person, panel, rng
        self._draws: list[float] = []
        self.origin = panel.origin_ms
        self.start = start_ms
        self.equity = person.equity_usd
        self.orders: list[Order] = []
        self.transfers: list[Transfer] = []
        self.free: dict[int, int] = {}  # coin → first free minute (since the panel's start)

    def u(self) -> float:
        """Return the next uniform number."""
        if not self._draws:
            self._draws = self.rng.random(1024).tolist()
        return self._draws.pop()

    def run(self) -> tuple[list[Order], list[Transfer]]:
        """Return the orders, ascending by time, and the transfers."""
        if self.person.kind is Kind.MAKER:
            self._plan_maker()
        elif self.person.kind is Kind.HEDGER:
            self._plan_hedge()
        else:
            self._plan_trips()
        self.orders.sort(key=lambda order: order.time)
        return self.orders, self.transfers

    # directional trading ---------------------------------------------------------------------------------

    def _plan_trips(self) -> None:
        person = self.person
        first = self.start // MINUTE_MS - self.panel.first_minute
        last = self.origin // MINUTE_MS - self.panel.first_minute
        span = last - first
        if person.kind is Kind.QUIET:
            span = int(span * 0.7)
        for at in sorted(first + int(self.u() * span) for _ in range(person.trips)):
            coin = person.coins[int(self.u() * self.u() * len(person.coins))]
            minute = max(at, self.free.get(coin.index, 0) + 1 + int(self.u() * 30))
            if minute < last - 2:
                self._trip(coin, minute, last)

    def _trip(self, coin: Coin, minute: int, last: int) -> None:
        person, prices = self.person, self.panel.arrays[coin.index]
        if person.kind in (Kind.LOSER, Kind.WINNER):  # they wait for something to move
            stop = min(minute + _SEARCH_MIN, last - 1)
            moves = np.abs(prices[minute:stop] / prices[minute - _LOOKBACK_MIN : stop - _LOOKBACK_MIN] - 1.0)
            if len(moves):
                minute += int(moves.argmax())
        move = float(prices[minute] / prices[minute - _LOOKBACK_MIN] - 1.0)
        side = 1 if (move > 0) == (self.u() < person.chase) else -1
        held = self._enter(coin, minute, side)
        while held:
            minute = self._exit_minute(coin, minute, side, last)
            if minute >= last:  # still open when the simulation starts
                self.free[coin.index] = last
                return
            if self.u() < 0.07:  # flips: one order closes and opens the other side
                opened = self._size(coin, minute)
                self._add(coin, minute, -side * (abs(held) + opened), self.u() < person.taker)
                side, held = -side, -side * opened
                continue
            self._leave(coin, minute, side, held)
            held = 0
        self.free[coin.index] = minute + 2

    def _size(self, coin: Coin, minute: int) -> int:
        usd = self.equity * _LEVERAGE_USED[self.person.kind] * float(np.exp(1.1 * (self.u() - 0.5)))
        if coin.dex:
            usd *= 0.2
        usd = max(usd, 15.0)
        price = float(self.panel.arrays[coin.index][minute]) / coin.px_scale
        return max(round(usd / price * coin.sz_scale), 2)

    def _enter(self, coin: Coin, minute: int, side: int) -> int:
        person = self.person
        size = self._size(coin, minute)
        if person.twap and self.u() < 0.25:
            slices = 6 + int(self.u() * 10)
            twap_id = 1_000_000 + len(self.orders)
            for i, part in enumerate(split(size, [1.0] * slices)):
                time = self._time(minute) + i * _SLICE_MS
                if time >= self.origin - 60_000:
                    break
                self.orders.append(Order(time, coin, side * part, True, twap_id))
            self.free[coin.index] = minute + slices
            return side * sum(abs(o.size) for o in self.orders if o.twap_id == twap_id)
        self._add(coin, minute, side * size, self.u() < person.taker)
        if person.kind is Kind.LOSER and self.u() < 0.3:  # doubles down a little later
            more = max(size // 2, 1)
            later = minute + 1 + int(self.u() * 20)
            if later < self.origin // MINUTE_MS - self.panel.first_minute - 1:
                self._add(coin, later, side * more, self.u() < person.taker)
                size += more
        return side * size

    def _exit_minute(self, coin: Coin, minute: int, side: int, last: int) -> int:
        person = self.person
        first = minute + 21 if person.kind is Kind.LOSER else minute + 16
        stop = min(first + 1 + int(person.patience_min * (0.3 + self.u())), last)
        path = self.panel.arrays[coin.index][first:stop]
        vol = self.panel.hourly_vol[coin.index]
        entry = float(self.panel.arrays[coin.index][minute])
        gain = (path / entry - 1.0) * (side / vol)
        hits = np.flatnonzero((gain >= person.target) | (gain <= -person.stop))
        if not len(hits):
            return stop
        # losers hesitate: what they chased has been given back when they get out
        late = _HESITATION_MIN + int(self.u() * 12) if person.kind is Kind.LOSER else 0
        return min(first + int(hits[0]) + late, last)

    def _leave(self, coin: Coin, minute: int, side: int, held: int) -> None:
        person = self.person
        price = float(self.panel.arrays[coin.index][minute])
        opened = next(o for o in reversed(self.orders) if o.coin is coin and (o.size > 0) == (held > 0))
        entry = self.panel.price(coin, opened.time)
        profit = held * (price - entry) / MICRO - abs(held) * price / MICRO * 0.0009
        liquidated = person.kind is Kind.LOSER and profit < 0 and self.u() < 0.05
        if not liquidated and self.u() < 0.25 and abs(held) > 4:  # takes part of it off first
            part = held // 2
            self._add(coin, minute, -part, self.u() < person.taker)
            self._add(coin, minute + 1, part - held, self.u() < person.taker)
        else:
            self._add(coin, minute, -held, liquidated or self.u() < person.taker, liquidated)
        self.equity += profit
        time = self._time(minute) + 600_000
        if self.equity < 0.4 * person.equity_usd and time < self.origin:
            amount = round(person.equity_usd * 0.7, 2)
            self.equity += amount
            usdc = round(amount * MICRO)
            self.transfers.append(Transfer(time, "deposit", usdc, usdc))
        elif self.equity > 1.8 * person.equity_usd and time < self.origin:
            amount = round(person.equity_usd * 0.5, 2)
            self.equity -= amount
            usdc = round(amount * MICRO)
            self.transfers.append(Transfer(time, "withdraw", usdc, -usdc - MICRO))

    def _time(self, minute: int) -> int:
        return (self.panel.first_minute + minute) * MINUTE_MS + int(self.u() * 55_000)

    def _add(self, coin: Coin, minute: int, size: int, taker: bool, liquidation: bool = False) -> None:
        time = self._time(minute)
        if time < self.origin - 5_000:
            self.orders.append(Order(time, coin, size, taker, 0, liquidation))

    # makers and hedgers ----------------------------------------------------------------------------------

    def _plan_maker(self) -> None:
        person = self.person
        held = dict.fromkeys((coin.index for coin in person.coins), 0)
        span = self.origin - self.start - 120_000
        for time in sorted(self.start + int(self.u() * span) for _ in range(person.trips)):
            coin = person.coins[int(self.u() * len(person.coins))]
            price = self.panel.price(coin, time) / coin.px_scale
            usd = person.equity_usd * 0.02 * float(np.exp(1.5 * (self.u() - 0.5)))
            size = max(round(usd / price * coin.sz_scale), 2)
            inventory = held[coin.index]
            side = -1 if (inventory > 0) == (self.u() < 0.7) else 1
            held[coin.index] += side * size
            self.orders.append(Order(time, coin, side * size, self.u() < person.taker))

    def _plan_hedge(self) -> None:
        person = self.person
        half = round(person.equity_usd * 0.5 * MICRO)
        opened = self.start + int(self.u() * 12 * DAY_MS) + DAY_MS
        self.transfers.append(Transfer(opened - 900_000, "accountClassTransfer", half, -half, half))
        price = self.panel.price(PERP_HYPE, opened) / PERP_HYPE.px_scale
        size = int(person.equity_usd * 0.49 / price * PERP_HYPE.sz_scale)
        parts = split(size, [0.5 + self.u() for _ in range(2 + person.trips)])
        for i, part in enumerate(parts):
            time = opened + i * 95_000 + int(self.u() * 9_000)
            self.orders.append(Order(time, SPOT_HYPE, part, True))
            self.orders.append(Order(time + 4_000, PERP_HYPE, -part, self.u() < person.taker))
