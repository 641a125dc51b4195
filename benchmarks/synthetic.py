"""A made-up market as columns: accounts with whole round trips, many fills, exact decimals, one seed.

Per account the trips follow each other in time over 30 days, in coins of very unequal popularity; a
trip is one order in (1 to 3 fills of one time stamp) and one order out.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from core.model.market import DAY_MS, Bar, Coin

Column = npt.NDArray[Any]

AS_OF_MS = 1_790_000_000_000 // DAY_MS * DAY_MS
SPAN_MS = 30 * DAY_MS
BAR_MS = 900_000
COINS = 40
SIZE_UNIT = 0.01
FILLS_A_TRIP = 4.0


@dataclass(frozen=True, slots=True)
class MadeFills:
    """Fills by account and execution order; money with six decimals, sizes with two."""

    account: Column
    coin: Column
    time_ms: Column
    seq: Column
    is_buy: Column
    px: Column
    sz: Column
    start: Column
    closed_pnl: Column
    fee: Column
    crossed: Column
    oid: Column

    def __len__(self) -> int:
        return len(self.account)

    def columns(self) -> dict[str, Column]:
        """Return all columns by name, with the place as trade id."""
        return {
            "account": self.account,
            "coin": self.coin,
            "time_ms": self.time_ms,
            "seq": self.seq,
            "is_buy": self.is_buy,
            "px": self.px,
            "sz": self.sz,
            "start_position": self.start,
            "closed_pnl": self.closed_pnl,
            "fee": self.fee,
            "crossed": self.crossed,
            "oid": self.oid,
            "tid": np.arange(len(self), dtype=np.int64) + 1,
        }


def address(number: int) -> str:
    """Return the address of an account's number."""
    return f"0x{number:040x}"


def coin_name(number: int) -> Coin:
    """Return the name of a coin's number."""
    return Coin(f"C{number:02d}")


def made_fills(count: int, accounts: int, seed: int = 7) -> MadeFills:
    """Return about ``count`` fills of so many accounts."""
    rng = np.random.default_rng(seed)
    trips = max(accounts, int(count / FILLS_A_TRIP))
    activity = rng.lognormal(0.0, 1.0, accounts)
    account = np.sort(rng.choice(accounts, trips, p=activity / activity.sum()))
    popularity = 1.0 / np.arange(1, COINS + 1)
    coin = rng.choice(COINS, trips, p=popularity / popularity.sum())
    opened_ms, closed_ms = _times(account, rng)
    entry, leaving = rng.integers(1, 4, trips), rng.integers(1, 4, trips)
    total = 12.0 * rng.integers(1, 20, trips) * SIZE_UNIT  # divisible by 1, 2 and 3 fills
    direction = np.where(rng.random(trips) < 0.5, 1.0, -1.0)
    crossed = rng.random((trips, 2)) < 0.7

    of = np.repeat(np.arange(trips), entry + leaving)
    first = np.repeat(np.cumsum(entry + leaving) - (entry + leaving), entry + leaving)
    place = np.arange(len(of)) - first
    opens = place < entry[of]
    nth = np.where(opens, place, place - entry[of])
    sz = np.round(total[of] / np.where(opens, entry[of], leaving[of]), 2)
    held = np.where(opens, nth * sz, total[of] - nth * sz)
    time_ms = np.where(opens, opened_ms[of], closed_ms[of])
    paths = _paths()
    px = _rounded(paths[coin[of], _bar(time_ms)] * (1 + 5e-5 * nth))
    mean_entry = np.bincount(of[opens], weights=px[opens], minlength=trips) / entry
    pnl = np.where(opens, 0.0, direction[of] * (px - mean_entry[of]) * sz)
    takes = np.where(opens, crossed[of, 0], crossed[of, 1])
    return MadeFills(
        account=account[of].astype(np.int32),
        coin=coin[of].astype(np.int32),
        time_ms=time_ms,
        seq=nth.astype(np.int32),
        is_buy=np.where(opens, direction[of] > 0, direction[of] < 0),
        px=px,
        sz=sz,
        start=np.round(direction[of] * held, 2),
        closed_pnl=np.round(pnl, 6),
        fee=np.round(px * sz * np.where(takes, 4.5e-4, 1.5e-4), 6),
        crossed=takes,
        oid=2 * of + np.where(opens, 1, 2),
    )


def made_bars() -> list[tuple[str, Bar]]:
    """Return the quarter-hour candles of the market in which they traded."""
    paths = _paths()
    start_ms = AS_OF_MS - SPAN_MS
    return [
        ("15m", Bar(coin_name(coin), open_ms, open_ms + BAR_MS, px, px, px, px))
        for coin in range(COINS)
        for nth, px in enumerate(paths[coin].tolist())
        for open_ms in (start_ms + (nth - 1) * BAR_MS,)
    ]


def decimal(value: float, places: int) -> Decimal:
    """Return a column's value as the exact decimal it stands for."""
    return Decimal(f"{value:.{places}f}")


def _times(account: Column, rng: np.random.Generator) -> tuple[Column, Column]:
    """Give every trip a slot of its account's 30 days, and open and close inside it."""
    _, first, counts = np.unique(account, return_index=True, return_counts=True)
    nth = np.arange(len(account)) - np.repeat(first, counts)
    slot = SPAN_MS / np.repeat(counts, counts)
    opened = AS_OF_MS - SPAN_MS + (nth + 0.1 + 0.3 * rng.random(len(account))) * slot
    closed = opened + (0.05 + 0.5 * rng.random(len(account))) * slot
    return opened.astype(np.int64), closed.astype(np.int64)


def _paths() -> Column:
    """Return every coin's price at every quarter hour: a random walk from a base of its own."""
    own = np.random.default_rng(4)  # the same market, whoever trades in it
    steps = own.normal(0.0, 0.003, (COINS, SPAN_MS // BAR_MS + 2))
    base = 10.0 ** own.uniform(-0.5, 4.5, (COINS, 1))
    return _rounded(base * np.exp(np.cumsum(steps, axis=1)))


def _bar(time_ms: Column) -> Column:
    return (time_ms - (AS_OF_MS - SPAN_MS)) // BAR_MS


def _rounded(px: Column) -> Column:
    """Round to five significant digits, as the exchange does."""
    scale = 10.0 ** (4 - np.floor(np.log10(px)))
    rounded: Column = np.round(np.round(px * scale) / scale, 6)
    return rounded
