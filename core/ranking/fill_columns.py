"""One account's perp fills as columns of numbers: what sums over a window are taken from."""

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from math import nan

import numpy as np
import numpy.typing as npt

from core.model.fills import Fill
from core.model.market import Coin, Side

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]

CLOSING, BUY, MAKER, TAKER = 1, 2, 4, 8
"""Flags of a fill: it made the position smaller, it bought, it rested, it took."""


@dataclass(frozen=True, slots=True)
class FillRows:
    """Fills in execution order; money and prices in USD, positions in coins; NaN is unknown."""

    time_ms: Ints
    coin: npt.NDArray[np.int32]
    closed_pnl: Floats
    fee: Floats
    px: Floats
    notional: Floats
    after: Floats
    """Signed position after the fill."""
    flags: Flags

    def __len__(self) -> int:
        return len(self.time_ms)


class FillColumns:
    """Grow the columns fill by fill (about 50 bytes each)."""

    def __init__(self) -> None:
        self.coins: dict[Coin, int] = {}
        self._time = array("q")
        self._coin = array("i")
        self._closed = array("d")
        self._fee = array("d")
        self._px = array("d")
        self._notional = array("d")
        self._after = array("d")
        self._flags = array("B")

    def __len__(self) -> int:
        return len(self._time)

    def add(self, fill: Fill, before: Decimal | None, after: Decimal | None) -> None:
        """Append one fill; ``before`` and ``after`` are None where the position is unknown."""
        coin = self.coins.get(fill.coin)
        if coin is None:
            coin = self.coins[fill.coin] = len(self.coins)
        closed = fill.closed_pnl
        fee = fill.fee
        px = float(fill.px)
        flags = BUY if fill.side is Side.BUY else 0
        if fill.crossed is not None:
            flags |= TAKER if fill.crossed else MAKER
        if _is_closing(fill, before):
            flags |= CLOSING
        self._time.append(fill.time_ms)
        self._coin.append(coin)
        self._closed.append(nan if closed is None else float(closed))
        self._fee.append(nan if fee is None else float(fee))
        self._px.append(px)
        self._notional.append(px * float(fill.sz))
        self._after.append(nan if after is None else float(after))
        self._flags.append(flags)

    def until(self, as_of_ms: int) -> int:
        """Return how many fills there are up to ``as_of_ms``, it included."""
        return bisect_right(self._time, as_of_ms)

    def time_at(self, index: int) -> int:
        """Return the time of one fill."""
        return self._time[index]

    def rows(self, start: int, end: int) -> FillRows:
        """Return a copy of the fills ``[start, end)``."""
        return FillRows(
            time_ms=np.array(self._time[start:end], dtype=np.int64),
            coin=np.array(self._coin[start:end], dtype=np.int32),
            closed_pnl=np.array(self._closed[start:end], dtype=np.float64),
            fee=np.array(self._fee[start:end], dtype=np.float64),
            px=np.array(self._px[start:end], dtype=np.float64),
            notional=np.array(self._notional[start:end], dtype=np.float64),
            after=np.array(self._after[start:end], dtype=np.float64),
            flags=np.array(self._flags[start:end], dtype=np.uint8),
        )


def _is_closing(fill: Fill, before: Decimal | None) -> bool:
    if before is not None:
        return before < 0 if fill.side is Side.BUY else before > 0
    if fill.dir is not None:
        return not fill.dir.startswith("Open")
    return bool(fill.closed_pnl)
