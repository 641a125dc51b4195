"""The hot path: every trade of the market passes here, and all but a few are looked at and let go.

A frame is decoded lightly, without a Decimal; only a trade that names a watched account is decoded
again, exactly. Changes when what we want of a trade does.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import cast

from msgspec import Raw

from core.model.market import Address, Coin, Trade
from exchange.inbox import Inbox
from exchange.wire import frames
from exchange.wire.decode import WRONG

REMEMBERED_TRADES = 32_768
"""Watched trades whose second coming is noticed: a replay holds 30 a coin."""

_light = frames.light_trades.bare


class Tape:
    """Picks the watched accounts' trades out of the market's, each once."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._seen: dict[tuple[str, int, int], None] = {}
        self.watched: frozenset[Address] = frozenset()
        self._px: dict[str, float] = {}
        self.last_px = cast(dict[Coin, float], self._px)  # to make a Coin costs a call
        self.last_trade_ms = 0

    def take(self, raw: bytes, since_ms: Mapping[str, int], heard_ms: int) -> None:
        """Take one trades frame; ``since_ms``: by coin, before when a trade is history."""
        try:
            rows = _light(raw).data
        except WRONG as error:
            raise frames.light_trades.refusal(error, raw) from error
        if not rows:
            return
        watched = self.watched
        for row in rows:
            buyer, seller = row.users
            if buyer in watched or seller in watched:
                self._take_watched(raw, rows, since_ms, heard_ms)
                break
        last = rows[-1]
        if last.time > self.last_trade_ms:
            self.last_trade_ms = last.time
        try:
            px = float(last.px)
        except ValueError:
            return
        if 0.0 < px < inf:
            self._px[last.coin] = px

    def _take_watched(
        self, raw: bytes, rows: Sequence[frames.LightTrade], since_ms: Mapping[str, int], heard_ms: int
    ) -> None:
        live: list[Trade] = []
        history: list[Trade] = []
        for light, part in zip(rows, frames.raw_trades.decode(raw).data, strict=True):
            if self.watched.isdisjoint(light.users):
                continue
            row = _exactly(part, raw)
            key = (row.coin, row.tid, row.time)
            if key in self._seen:
                continue
            self._seen[key] = None
            (history if row.time < since_ms.get(row.coin, 0) else live).append(frames.trade_of(row))
        while len(self._seen) > REMEMBERED_TRADES:
            del self._seen[next(iter(self._seen))]
        if history:
            self._inbox.put_trades(tuple(history), heard_ms, True)
        if live:
            self._inbox.put_trades(tuple(live), heard_ms, False)


def _exactly(part: Raw, raw: bytes) -> frames.TradeRow:
    try:
        return frames.trade.bare(part)
    except WRONG:
        frames.trades.decode(raw)  # fails too, and says where in the whole frame
        raise
