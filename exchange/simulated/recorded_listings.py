"""What a recording says about its markets, as JSON-ready values; changes with the shapes of the wire."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from exchange.simulated import requests as read
from exchange.simulated.coins import BY_NAME
from exchange.simulated.listings import INTERVALS_MIN, packed
from exchange.simulated.recorded_book import RecordedMarket, plain
from exchange.simulated.venue import BadRequest

Json = Any
Request = Mapping[str, Json]
_HALF_SPREAD = Decimal("0.00005")
_LEVEL_USD = Decimal(100_000)
_LEVERAGE = 10


class RecordedListings:
    """Writes market answers: last recorded prices and a made-up narrow book around them."""

    def __init__(
        self, market: RecordedMarket, now: Callable[[], int], recent: Callable[[str], list[Json]]
    ) -> None:
        self._market = market
        self._now = now
        self._recent = recent

    def table(self) -> dict[str, Callable[[Request], Json]]:
        """Return the answer to each request type."""
        return {
            "meta": lambda r: self._meta(read.dex(r)),
            "metaAndAssetCtxs": lambda r: [
                self._meta(read.dex(r)),
                [self.context(c) for c in self._market.perps(read.dex(r))],
            ],
            "perpDexs": lambda r: [None, *({"name": d, "fullName": d} for d in self._market.dexs()[1:])],
            "spotMeta": lambda r: self._spot_meta(),
            "spotMetaAndAssetCtxs": lambda r: [
                self._spot_meta(),
                [self.context(c) | {"coin": c} for c in self._market.spots()],
            ],
            "allMids": lambda r: self.mids(read.dex(r)),
            "l2Book": lambda r: self.book(c, 20) if (c := self._coin(r)) else None,
            "recentTrades": lambda r: self._recent(c)[::-1] if (c := self._coin(r)) else None,
            "candleSnapshot": self._snapshot,
            "fundingHistory": lambda r: [],
            "exchangeStatus": lambda r: {"time": self._now(), "specialStatuses": None},
        }

    def book(self, coin: str, levels: int) -> Json:
        """Return a made-up `l2Book`: 1 bps wide, 100,000 USD a level."""
        px = self._market.px(coin)
        size = plain(round(_LEVEL_USD / px, self._market.size_decimals[coin]))
        sides = [
            [
                {"px": plain(px * (1 + sign * _HALF_SPREAD * (2 * i + 1))), "sz": size, "n": 1}
                for i in range(min(levels, 5))
            ]
            for sign in (-1, 1)
        ]
        return {"coin": coin, "time": self._now(), "levels": sides}

    def best(self, coin: str) -> Json:
        """Return a `bbo`."""
        bids, asks = self.book(coin, 1)["levels"]
        return {"coin": coin, "time": self._now(), "bbo": [bids[0], asks[0]]}

    def contexts(self) -> list[Json]:
        """Return `[dex, contexts]` of every dex."""
        return [[d, [self.context(c) for c in self._market.perps(d)]] for d in self._market.dexs()]

    def mids(self, dex: str) -> Json:
        """Return the last prices."""
        coins = self._market.perps(dex) + ([] if dex else self._market.spots())
        return {coin: plain(self._market.px(coin)) for coin in coins}

    def fast_contexts(self, before: dict[str, Json]) -> tuple[dict[str, Json], str | None]:
        """Return marks and mids, and the packed difference to `before`."""
        current: dict[str, Json] = {}
        for dex in self._market.dexs():
            for coin in self._market.perps(dex):
                px = plain(self._market.px(coin))
                current[coin] = {"markPx": px, "midPx": px}
        changed = {coin: value for coin, value in current.items() if before.get(coin) != value}
        return current, packed(changed) if changed else None

    def candle(self, coin: str, interval: str) -> Json:
        """Return the unfinished candle."""
        step = INTERVALS_MIN[interval] * 60_000
        opened = self._now() // step * step
        rows = self._candles(coin, interval, opened, self._now())
        px = plain(self._market.px(coin))
        return rows[-1] if rows else {
            "t": opened, "T": opened + step - 1, "s": coin, "i": interval, "o": px, "c": px, "h": px, "l": px,
            "v": "0.0", "n": 0,
        }  # fmt: skip

    def _coin(self, request: Request) -> str | None:
        coin = read.word(request, "coin")
        return coin if coin in self._market.size_decimals else None

    def _meta(self, dex: str) -> Json:
        universe = []
        for coin in self._market.perps(dex):
            known = BY_NAME.get(coin)
            most = known.max_leverage if known is not None else _LEVERAGE
            universe.append(
                {
                    "szDecimals": self._market.size_decimals[coin],
                    "name": coin,
                    "maxLeverage": most,
                    "marginTableId": most,
                }
            )
        return {"universe": universe, "marginTables": [], "collateralToken": 0}

    def _spot_meta(self) -> Json:
        tokens: list[Json] = [_token("USDC", 8, 0)]
        universe: list[Json] = []
        for i, coin in enumerate(self._market.spots(), start=1):
            base = coin.split("/")[0] if "/" in coin else f"T{coin[1:]}"
            tokens.append(_token(base, self._market.size_decimals[coin], i))
            index = int(coin[1:]) if coin[1:].isdigit() else 0
            universe.append({"tokens": [i, 0], "name": coin, "index": index, "isCanonical": False})
        return {"universe": universe, "tokens": tokens}

    def context(self, coin: str) -> Json:
        """Write an asset context."""
        px = plain(self._market.px(coin))
        return {
            "funding": "0.0", "openInterest": "0.0", "prevDayPx": px, "dayNtlVlm": "0.0", "premium": "0.0",
            "oraclePx": px, "markPx": px, "midPx": px, "impactPxs": [px, px], "dayBaseVlm": "0.0",
        }  # fmt: skip

    def _snapshot(self, request: Request) -> Json:
        wanted = request.get("req")
        if not isinstance(wanted, Mapping) or read.word(wanted, "interval") not in INTERVALS_MIN:
            raise BadRequest("req")
        coin = self._coin(wanted)
        start, end = read.span(wanted, self._now())
        return self._candles(coin, wanted["interval"], start, end) if coin else []

    def _candles(self, coin: str, interval: str, start: int, end: int) -> list[Json]:
        """Make bars of the recorded prices; an interval without a fill has none."""
        step = INTERVALS_MIN[interval] * 60_000
        bars: dict[int, list[tuple[Decimal, Decimal]]] = {}
        for time, px, size in self._market.prices.get(coin, ()):
            if start <= time // step * step <= end:
                bars.setdefault(time // step * step, []).append((px, size))
        return [
            {
                "t": opened, "T": opened + step - 1, "s": coin, "i": interval,
                "o": plain(rows[0][0]), "c": plain(rows[-1][0]),
                "h": plain(max(px for px, _ in rows)), "l": plain(min(px for px, _ in rows)),
                "v": plain(sum((size for _, size in rows), Decimal(0))), "n": len(rows),
            }
            for opened, rows in bars.items()
        ][-5000:]  # fmt: skip


def _token(name: str, decimals: int, index: int) -> Json:
    return {
        "name": name, "szDecimals": decimals, "weiDecimals": 8, "index": index, "tokenId": f"0x{index:032x}",
        "isCanonical": False, "evmContract": None, "fullName": None, "deployerTradingFeeShare": "0.0",
    }  # fmt: skip
