"""Own one-minute bars, made of the prices that were heard."""

from core.model.market import Bar, Coin

MINUTE_MS = 60_000


class BarMaker:
    """Turn prices in time order into finished one-minute bars."""

    def __init__(self) -> None:
        self._open: dict[Coin, Bar] = {}

    def add(self, coin: Coin, px: float, time_ms: int) -> Bar | None:
        """Take one price in USD; return the coin's last bar when this price begins another minute."""
        open_ms = time_ms - time_ms % MINUTE_MS
        bar = self._open.get(coin)
        if bar is not None and bar.open_ms == open_ms:
            self._open[coin] = Bar(
                coin, open_ms, bar.close_ms, bar.open, max(bar.high, px), min(bar.low, px), px
            )
            return None
        self._open[coin] = Bar(coin, open_ms, open_ms + MINUTE_MS, px, px, px, px)
        return bar

    def finished(self, now_ms: int) -> list[Bar]:
        """Return and forget the bars whose minute is over."""
        over = [bar for bar in self._open.values() if bar.close_ms <= now_ms]
        for bar in over:
            del self._open[bar.coin]
        return sorted(over, key=lambda bar: bar.coin)
