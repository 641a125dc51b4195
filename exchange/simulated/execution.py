"""Turns the planned orders of an account's past into fills; changes when matching in the past does."""

from math import log
from typing import NamedTuple

import numpy as np

from exchange.simulated.coins import Coin
from exchange.simulated.fills import Fill, Position, Transfer, split
from exchange.simulated.noise import key_of
from exchange.simulated.panel import Panel

TID_MASK = (1 << 50) - 1
OID_EPOCH_MS = 1_600_000_000_000
_APART_MS = 4_000  # orders of one account and coin are at least this far apart
# as recorded: 64 % of taker orders have one fill, the rest 4.7 on average; resting ones mostly have one
_ONE_FILL = {True: 0.64, False: 0.82}
_GOES_ON = log(1 - 0.27)
_MOST_PIECES = 40


class Order(NamedTuple):
    """One decision: a signed size executed at a time."""

    time: int
    coin: Coin
    size: int
    taker: bool
    twap_id: int = 0
    liquidation: bool = False


class Executed(NamedTuple):
    """What came of an account's orders."""

    fills: list[Fill]  # in execution order
    positions: dict[int, Position]
    liquidations: list[Transfer]


def execute(seed: int, address: str, orders: list[Order], panel: Panel, rng: np.random.Generator) -> Executed:
    """Execute orders (ascending by time) up to the panel's origin."""
    key = key_of(seed, "tid", address)
    done = Executed([], {}, [])
    last: dict[int, int] = {}
    for number, order in enumerate(orders):
        coin = order.coin
        time = max(order.time, last.get(coin.index, 0) + _APART_MS)
        if time >= panel.origin_ms:
            continue
        oid = (time - OID_EPOCH_MS) * 4 + (number & 3)
        position = done.positions.setdefault(coin.index, Position())
        mark = round(panel.price(coin, time)) if order.liquidation else 0
        if order.liquidation:
            value = abs(order.size) * mark
            done.liquidations.append(Transfer(time, "liquidation", value, user=coin.coin, note=position.size))
        for at, px, size in _pieces(order, time, panel, rng):
            start = position.size
            closed = position.apply(at, px, size)
            fee = coin.fee_micro(px * abs(size), order.taker)
            if coin.spot:  # a buyer pays in the coin
                fee = abs(size) * 10 ** (8 - coin.sz_decimals) * 70 // 100_000
            tid = (key + len(done.fills) * 0x9E3779B97F4A7C15) & TID_MASK or 1
            tx = 0 if order.twap_id else oid if order.taker else tid
            liquidated = address if order.liquidation else ""
            done.fills.append(
                Fill(
                    at,
                    coin.index,
                    px,
                    size,
                    start,
                    closed,
                    fee,
                    order.taker,
                    oid,
                    tid,
                    tx,
                    order.twap_id,
                    liquidated,
                    mark,
                )
            )
            last[coin.index] = at
    done.fills.sort(key=lambda fill: fill.time)
    return done


def _pieces(order: Order, time: int, panel: Panel, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Cut an order into fills: (time, price, signed size) each."""
    coin = order.coin
    several, more = rng.random(2).tolist()
    count = 1
    if several >= _ONE_FILL[order.taker] and not order.twap_id:
        count = min(2 + int(log(more) / _GOES_ON), _MOST_PIECES)
    draws = rng.random(2 * count).tolist()
    parts = split(abs(order.size), [0.1 + share for share in draws[:count]])
    mid = panel.price(coin, time)
    half = coin.spread_bps * 0.5e-4 * mid
    buying = order.size > 0
    px = coin.ceil_px(mid + half) if buying == order.taker else coin.floor_px(mid - half)
    step = coin.tick(px) * (1 if buying else -1)
    limit = panel.market.reach(coin, mid)
    pieces: list[tuple[int, int, int]] = []
    for part, draw in zip(parts, draws[count:], strict=False):
        if order.taker and draw < 0.3 and abs(px + step - mid) < limit:
            px += step
        if not order.taker and draw < 0.5 and pieces:
            time += 1 + int(draw * 240)
        pieces.append((time, px, part if buying else -part))
    return pieces
